//! `roster verify`.

use roster_store::{Location, StoreError};

use crate::settings::{self, Storage};
use crate::ui::{self, Exit, counted, hinted};
use crate::{cli, command};

pub(crate) async fn run(args: &cli::Verify) -> anyhow::Result<Exit> {
    let storage = settings::storage(&args.place)?;
    let store = command::open_existing(&storage).await?;
    let findings = store
        .verify()
        .await
        .map_err(|error| unreadable(&storage, error))?;
    for finding in &findings {
        ui::out(finding);
    }
    if findings.is_empty() {
        ui::out("everything agrees: tables, counters and log");
        return Ok(Exit::Done);
    }
    ui::say(counted(findings.len(), "finding", "findings"));
    let kept = match storage.location() {
        Location::Sqlite(file) => file.display().to_string(),
        Location::Postgres(_) => "the database".to_owned(),
    };
    ui::say(format_args!(
        "hint: keep a copy of {kept} as it is, then restore the last backup that verifies clean"
    ));
    Ok(Exit::Incomplete)
}

/// A file that cannot be read whole: a server starts on one that is damaged where it has not looked yet.
fn unreadable(storage: &Storage, error: StoreError) -> anyhow::Error {
    match (storage.location(), error) {
        (Location::Sqlite(file), error @ StoreError::Unavailable(_)) => hinted(
            format!("{} cannot be read whole: {error}", file.display()),
            "stop the server, keep the folder as it is, and restore the last backup into another one with `roster restore`",
        ),
        (_, error) => error.into(),
    }
}
