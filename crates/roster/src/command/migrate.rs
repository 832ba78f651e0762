//! `roster migrate`.

use roster_store::Location;

use super::data;
use crate::cli;
use crate::ui::{self, Exit};
use crate::{command, settings};

pub(crate) async fn run(args: &cli::Migrate) -> anyhow::Result<Exit> {
    let storage = settings::storage(&args.place)?;
    // PostgreSQL has a lock of its own for this, and whoever comes second waits for it.
    let _mine = match storage.location() {
        Location::Sqlite(file) if command::there(&file)? => {
            data::check_database(&file)?;
            if roster_store::is_current(&file) {
                None
            } else {
                data::lock_for(
                    &storage,
                    "stop it first, because it does not know the new schema; if it is another `roster migrate`, wait until that \
                     has ended",
                )?
            }
        }
        _ => None,
    };
    let store = command::open(&storage).await?;
    let migrated = store.migrated();
    if migrated.from == migrated.to {
        ui::out(format_args!("schema version {}: nothing to do", migrated.to));
    } else {
        ui::out(format_args!(
            "schema version {} -> {}",
            migrated.from, migrated.to
        ));
    }
    Ok(Exit::Done)
}
