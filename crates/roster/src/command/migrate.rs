//! `roster migrate`.

use super::data;
use crate::cli;
use crate::ui::{self, Exit};
use crate::{command, settings};

pub(crate) async fn run(args: &cli::Migrate) -> anyhow::Result<Exit> {
    let storage = settings::storage(&args.place)?;
    command::check_there(&storage)?;
    // PostgreSQL has a lock of its own for this, and whoever comes second waits for it.
    let _mine = data::lock_to_migrate(&storage)?;
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
