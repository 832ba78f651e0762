//! One file a command: plain values in, an exit status out.

mod backup;
mod demo;
mod keys;
mod migrate;
mod org;
mod serve;
pub(crate) mod sync;
mod verify;

use std::time::{SystemTime, UNIX_EPOCH};

use roster_server::crypto::master::MasterKey;
use roster_store::{Options, Store};

use crate::cli::{Command, Keys, Org};
use crate::settings::{DATABASE, Storage};
use crate::ui::{self, Exit, hinted};

/// Runs a command to its end.
pub(crate) fn run(command: Command) -> anyhow::Result<Exit> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        match command {
            Command::Serve(args) => serve::run(&args).await,
            Command::Org(Org::Apply {
                file,
                place,
                credentials,
                prune,
            }) => org::apply(&file, &place, credentials.as_deref(), prune).await,
            Command::Org(Org::Export { org, place }) => org::export(&org, &place).await,
            Command::Keys(Keys::Rotate { place }) => keys::rotate(&place).await,
            Command::Demo(args) => demo::run(&args).await,
            Command::Verify(args) => verify::run(&args).await,
            Command::Migrate(args) => migrate::run(&args).await,
            Command::Backup(args) => backup::backup(&args).await,
            Command::Restore(args) => backup::restore(&args).await,
            // `main` has taken this word before clap saw it; here it only stands in the help.
            Command::Sync(passed) => {
                let args = passed.args;
                let code = tokio::task::spawn_blocking(move || sync::run("roster sync", args)).await?;
                Ok(if code == std::process::ExitCode::SUCCESS {
                    Exit::Done
                } else {
                    Exit::Failed
                })
            }
        }
    })
}

/// Refuses an embedded database whose key is gone: a new key would open nothing of what is there.
pub(crate) fn check_key(storage: &Storage) -> anyhow::Result<()> {
    let (Some(data), None) = (&storage.data, &storage.master_key_file) else {
        return Ok(());
    };
    let key = data.join("master.key");
    if data.join(DATABASE).exists() && !key.exists() {
        return Err(hinted(
            format!(
                "{} is missing, and without it the secrets and keys in the database cannot be used",
                key.display()
            ),
            "copy it there from where you keep it; backups of the database do not hold it",
        ));
    }
    Ok(())
}

/// Opens the store that settings name. A new embedded database gets its key first, so that there is never one
/// without the other.
pub(crate) async fn open(storage: &Storage) -> anyhow::Result<Store> {
    if let (Some(data), None) = (&storage.data, &storage.master_key_file)
        && !data.join(DATABASE).exists()
    {
        ui::say(format_args!("a new database is made in {}", data.display()));
        MasterKey::open_or_create(&data.join("master.key")).map_err(|error| {
            hinted(
                format!("no key can be made in {}: {error}", data.display()),
                "check --data",
            )
        })?;
    }
    Store::open(storage.location(), Options::default())
        .await
        .map_err(|error| match storage.location() {
            roster_store::Location::Sqlite(file) => hinted(
                format!("the database {} cannot be opened: {error}", file.display()),
                "check --data, and that the folder belongs to the user who runs this",
            ),
            // The address may hold a password, so it is not shown.
            roster_store::Location::Postgres(_) => hinted(
                format!("the PostgreSQL database cannot be opened: {error}"),
                "check --database: host, port, name, user and password, and that the server runs",
            ),
        })
}

/// Opens the store of an installation that must be there already.
pub(crate) async fn open_existing(storage: &Storage) -> anyhow::Result<Store> {
    if let roster_store::Location::Sqlite(file) = storage.location()
        && !file.exists()
    {
        return Err(hinted(
            format!("there is no database at {}", file.display()),
            "name the folder that `roster serve` uses with --data",
        ));
    }
    open(storage).await
}

/// Milliseconds since 1970.
pub(crate) fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
