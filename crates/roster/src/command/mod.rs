//! One file a command: plain values in, an exit status out.

mod admin;
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

use roster_core::org::Organization;
use roster_core::value::Key;
use roster_server::crypto::master::MasterKey;
use roster_store::{Location, Options, Store};

use crate::cli::{Admin, Command, Keys, Org};
pub(crate) use data::{check_key, there};

use crate::settings::{DATABASE, Storage};
use crate::ui::{self, Exit, hinted};

/// Runs a command to its end.
pub(crate) fn run(command: Command) -> anyhow::Result<Exit> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        match command {
            Command::Serve(args) => serve::run(&args).await,
            Command::Org(Org::Apply(args)) => org::apply(&args).await,
            Command::Org(Org::Export { org, place }) => org::export(&org, &place).await,
            Command::Keys(Keys::Rotate { place }) => keys::rotate(&place).await,
            Command::Admin(Admin::List { place, org, json }) => {
                admin::list(&place, org.as_deref(), json).await
            }
            Command::Admin(Admin::Reset {
                email,
                place,
                org,
                appoint,
                credentials,
            }) => admin::reset(&email, &place, org.as_deref(), appoint, credentials.as_deref()).await,
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
        let key = data.join("master.key");
        ui::say(format_args!("a new database is made in {}", data.display()));
        if there(&key)? {
            ui::say(format_args!(
                "{} was there already: if its database was moved away, stop this, remove the new one, and put it back",
                key.display()
            ));
        }
        MasterKey::open_or_create(&key).map_err(|error| {
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
    check_there(storage)?;
    open_beside(storage).await
}

/// Refuses an embedded database that is not there.
pub(crate) fn check_there(storage: &Storage) -> anyhow::Result<()> {
    match storage.location() {
        Location::Sqlite(file) if !there(&file)? => {
            if data::appears(storage, &file)? {
                return Ok(());
            }
            Err(hinted(
                format!("there is no database at {}", file.display()),
                "name the folder that `roster serve` uses with --data",
            ))
        }
        _ => Ok(()),
    }
}

/// Opens the store beside a server that may run. A database with an older schema is changed to this program's, which is said;
/// not while anybody else uses it.
pub(crate) async fn open_beside(storage: &Storage) -> anyhow::Result<Store> {
    let _mine = data::lock_to_migrate(storage)?;
    let store = open(storage).await?;
    say_migrated(&store);
    Ok(store)
}

/// Says what opening did to the schema of a database that was there.
fn say_migrated(store: &Store) {
    let migrated = store.migrated();
    if migrated.from != 0 && migrated.from != migrated.to {
        ui::say(format_args!(
            "the database was changed: schema version {} -> {}",
            migrated.from, migrated.to
        ));
    }
}

/// All organizations.
pub(crate) async fn organizations(store: &Store) -> anyhow::Result<Vec<Organization>> {
    // A path to the method would be tied to one lifetime.
    #[allow(clippy::redundant_closure_for_method_calls, reason = "see above")]
    let all = store.read(|reader| reader.organizations()).await?;
    Ok(all)
}

/// The organization of this id or name; without one, the only one there is.
pub(crate) async fn find_org(store: &Store, wanted: Option<&str>) -> anyhow::Result<Organization> {
    let all = organizations(store).await?;
    let found = match wanted {
        Some(wanted) => {
            let wanted = Key::new(wanted);
            let by_id = all.iter().find(|org| Key::new(&org.id) == wanted);
            by_id.or_else(|| all.iter().find(|org| Key::new(&org.name) == wanted))
        }
        None => all.first().filter(|_| all.len() == 1),
    };
    found.cloned().ok_or_else(|| {
        let known: Vec<String> = all
            .iter()
            .map(|org| format!("{} ({})", org.id, org.name))
            .collect();
        match (wanted, known.as_slice()) {
            (_, []) => hinted(
                "there are no organizations yet",
                "describe one in a file, and bring it in with `roster org apply`",
            ),
            (Some(wanted), _) => hinted(
                format!("there is no organization `{wanted}`"),
                format!("there are: {}", known.join(", ")),
            ),
            (None, _) => hinted(
                "there are several organizations",
                format!("name one of them with --org: {}", known.join(", ")),
            ),
        }
    })
}

/// Milliseconds since 1970.
pub(crate) fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
