//! One file a command: plain values in, an exit status out.

mod audit;
mod backup;
mod data;
mod demo;
mod keys;
mod migrate;
mod org;
mod serve;
pub(crate) mod sync;
mod verify;

use std::time::{SystemTime, UNIX_EPOCH};

use roster_server::crypto::master::MasterKey;
use roster_store::{Location, Options, Store};

use crate::cli::{Command, Keys, Org};
pub(crate) use data::{check_key, there};

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
            Command::Audit(args) => audit::run(&args).await,
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

/// Opens the store that settings name. A new embedded database gets its key first, so that there is never one
/// without the other.
pub(crate) async fn open(storage: &Storage) -> anyhow::Result<Store> {
    if let (Some(data), None) = (&storage.data, &storage.master_key_file)
        && !there(&data.join(DATABASE))?
    {
        ui::say(format_args!("a new database is made in {}", data.display()));
        MasterKey::open_or_create(&data.join("master.key")).map_err(|error| {
            hinted(
                format!("no key can be made in {}: {error}", data.display()),
                "check --data",
            )
        })?;
    }
    let location = storage.location();
    if let Location::Sqlite(file) = &location
        && there(file)?
    {
        data::check_database(file)?;
    }
    Store::open(location.clone(), Options::default())
        .await
        .map_err(|error| data::explain(&location, &error))
}

/// Opens the store of an installation that must be there already.
pub(crate) async fn open_existing(storage: &Storage) -> anyhow::Result<Store> {
    if let Location::Sqlite(file) = storage.location()
        && !there(&file)?
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
