//! `roster verify`.

use crate::cli;
use crate::ui::{self, Exit};
use crate::{command, settings};

pub(crate) async fn run(args: &cli::Verify) -> anyhow::Result<Exit> {
    let storage = settings::storage(&args.place)?;
    let store = command::open_existing(&storage).await?;
    let findings = store.verify().await?;
    for finding in &findings {
        ui::out(finding);
    }
    if findings.is_empty() {
        ui::out("everything agrees: tables, counters and log");
        return Ok(Exit::Done);
    }
    ui::say(format_args!("{} findings", findings.len()));
    ui::say("hint: keep a copy of the database as it is, then restore the last backup that verifies clean");
    Ok(Exit::Incomplete)
}
