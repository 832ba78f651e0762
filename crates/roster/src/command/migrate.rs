//! `roster migrate`.

use crate::cli;
use crate::ui::{self, Exit};
use crate::{command, settings};

pub(crate) async fn run(args: &cli::Migrate) -> anyhow::Result<Exit> {
    let storage = settings::storage(&args.place)?;
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
