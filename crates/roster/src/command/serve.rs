//! `roster serve`, and the server inside of `roster demo`.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use roster_server::config::Config;
use roster_server::tls::TlsError;
use roster_server::{Ready, bind, serve};
use roster_store::Store;
use serde_json::json;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::data::{self, Mine};
use super::keys;
use crate::settings::{self, ServeSettings, Storage};
use crate::ui::{self, Exit, hinted};
use crate::{cli, command};

pub(crate) async fn run(args: &cli::Serve) -> anyhow::Result<Exit> {
    let ServeSettings {
        storage,
        config,
        ready_file,
    } = settings::serve(args)?;
    start_log();
    if config.master_key_file.is_none() && storage.data.is_none() {
        storage.master_key()?;
    }
    command::check_key(&storage)?;
    // Before anything is made: a server that cannot run leaves nothing behind.
    if let Some(file) = &ready_file {
        check_ready_file(file, storage.data.as_deref())?;
    }
    let bound = bind(&config).map_err(explain)?;
    let mut mine = data::lock(&storage)?;
    let store = match opened(&mut mine, &storage).await {
        Ok(store) => store,
        Err(error) => {
            if let Some(mine) = mine {
                mine.forget();
            }
            return Err(error);
        }
    };
    for warning in data::warnings(&storage, &store).await? {
        tracing::warn!("{warning}");
    }
    let rows = store.clone();
    let (say, said) = oneshot::channel::<Ready>();
    let everywhere = config.listen.ip().is_unspecified() && config.public_url.is_none();
    let (unheard, nobody_heard) = oneshot::channel::<()>();
    let announce = async move {
        if let Ok(ready) = said.await {
            if everywhere {
                tracing::warn!(
                    "the server listens on every address of this machine, but clients are told {}, which only this machine reaches: give \
                     --public-url the address that they use; a certificate that the server makes is for that one, too",
                    ready.url
                );
            }
            if let Err(error) = ready_now(&ready, ready_file.as_deref()) {
                // A server that nobody hears of must not go on.
                let _ = unheard.send(());
                return Err(error);
            }
        }
        Ok(())
    };
    let stop = async move {
        tokio::select! {
            () = stop_signal() => {}
            Ok(()) = nobody_heard => {}
        }
    };
    let serving = serve(config, bound, store, stop, move |ready| {
        drop(say.send(ready));
    });
    let (served, announced) = tokio::join!(serving, announce);
    announced?;
    served.map_err(explain)?;
    rows.checkpoint().await?;
    Ok(Exit::Done)
}

/// Opens the database, and refuses a master key that is not its own.
async fn opened(mine: &mut Option<Mine>, storage: &Storage) -> anyhow::Result<Store> {
    let store = command::open(storage).await?;
    command::say_migrated(&store);
    lock_database(mine, storage)?;
    let key = storage.master_key()?;
    // Where there is none it is made with the first signing key.
    if data::there(&key)? {
        keys::check(&store, &data::open_key(&key)?).await?;
    }
    data::check_writable(storage, &store).await?;
    Ok(store)
}

/// Locks a database that was made just now.
fn lock_database(mine: &mut Option<Mine>, storage: &Storage) -> anyhow::Result<()> {
    match (mine, &storage.data) {
        (Some(mine), Some(data)) => mine.lock_database(data),
        _ => Ok(()),
    }
}

fn explain(error: roster_server::ServeError) -> anyhow::Error {
    match error {
        roster_server::ServeError::Listen { address, source }
            if source.kind() == std::io::ErrorKind::PermissionDenied =>
        {
            hinted(
                format!("cannot listen on {address}: {source}"),
                "ports below 1024 are for the administrator: choose one from 1024 on with --listen, or give the program \
                 CAP_NET_BIND_SERVICE (systemd: AmbientCapabilities=CAP_NET_BIND_SERVICE)",
            )
        }
        roster_server::ServeError::Listen { address, source } => hinted(
            format!("cannot listen on {address}: {source}"),
            "stop what listens there, or choose another address with --listen (port 0 picks a free one)",
        ),
        roster_server::ServeError::Tls(error @ TlsError::Authority { .. }) => hinted(
            error.to_string(),
            "put it back from your copy of the folder tls/ (ca.pem is what clients were given, too); where there is none, remove the \
             whole folder: a new authority is made then, and every client has to be given its ca.pem. Nothing was changed",
        ),
        roster_server::ServeError::Tls(TlsError::File { path, what, source }) => hinted(
            format!("the TLS file {} cannot be {what}: {source}", path.display()),
            if source.kind() == std::io::ErrorKind::NotFound {
                "check --tls-cert and --tls-key"
            } else {
                "it has to belong to the user who runs this (chown), and the disk must not be full"
            },
        ),
        roster_server::ServeError::Start(error) => keys::explain(error),
        other => other.into(),
    }
}

/// The name that a ready file has until it is whole.
fn unfinished(file: &Path) -> PathBuf {
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    file.with_file_name(name)
}

fn no_ready_file(file: &Path, error: &std::io::Error) -> anyhow::Error {
    hinted(
        format!("the ready file {} cannot be written: {error}", file.display()),
        "check --ready-file: its folder has to be there, and this user has to be able to write there",
    )
}

/// Refuses a ready file that could not be written. The data folder may be made yet.
fn check_ready_file(file: &Path, data: Option<&Path>) -> anyhow::Result<()> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    let whole = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    if let (Some(folder), Some(data)) = (folder, data)
        && whole(data).starts_with(whole(folder))
        && !data::there(folder)?
    {
        return Ok(());
    }
    let tried = if file.is_dir() || file.file_name().is_none() {
        Err(std::io::ErrorKind::IsADirectory.into())
    } else {
        let temporary = unfinished(file);
        std::fs::write(&temporary, "").and_then(|()| std::fs::remove_file(&temporary))
    };
    tried.map_err(|error| no_ready_file(file, &error))
}

fn ready_now(ready: &Ready, file: Option<&Path>) -> anyhow::Result<()> {
    if let Some(file) = file {
        let ca_file = ready
            .ca_file
            .as_ref()
            .map(|path| std::fs::canonicalize(path).unwrap_or_else(|_| path.clone()));
        let text = json!({ "url": ready.url, "ca_file": ca_file, "pid": std::process::id() }).to_string();
        // Whoever waits for the file must never read half of it.
        let temporary = unfinished(file);
        std::fs::write(&temporary, text)
            .and_then(|()| std::fs::rename(&temporary, file))
            .map_err(|error| no_ready_file(file, &error))?;
    }
    ui::out(format_args!("READY {}", ready.url));
    Ok(())
}

/// SIGTERM or SIGINT (Ctrl-C).
pub(super) async fn stop_signal() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = tokio::signal::ctrl_c() => {}
            }
            return;
        }
    }
    // Without a handler the system ends the process by itself.
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}

fn start_log() {
    use tracing_subscriber::EnvFilter;
    let filter = EnvFilter::try_from_env("ROSTER_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        // Told where nothing can be written either, that would end whoever waits for an answer.
        .log_internal_errors(false)
        .with_target(false);
    // Somebody else's subscriber is fine, too.
    let _ = if std::env::var("ROSTER_LOG_FORMAT").is_ok_and(|format| format == "json") {
        log.json().try_init()
    } else {
        log.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
            .try_init()
    };
}

/// A server that runs inside of another command.
pub(crate) struct Running {
    pub(crate) url: String,
    pub(crate) ca_file: Option<PathBuf>,
    pub(crate) store: Store,
    stop: oneshot::Sender<()>,
    _mine: Option<Mine>,
    task: JoinHandle<Result<(), roster_server::ServeError>>,
}

/// Starts a server for the demonstration, with its data in the folder `data` of its own.
pub(crate) async fn start_demo(data: &Path, listen: &str) -> anyhow::Result<Running> {
    let storage = Storage {
        data: Some(data.to_owned()),
        database: None,
        master_key_file: None,
    };
    let listen = listen
        .parse()
        .with_context(|| format!("--listen is an address with a port, not `{listen}`"))?;
    let config = Config {
        listen,
        data_dir: Some(data.to_owned()),
        ..Config::default()
    };
    command::check_key(&storage)?;
    let bound = bind(&config).map_err(explain)?;
    let mut mine = data::lock_for(
        &storage,
        "stop that one first, or give this one a folder of its own with --folder",
    )?;
    let store = opened(&mut mine, &storage).await?;
    let (say, said) = oneshot::channel();
    let (stop, stopped) = oneshot::channel::<()>();
    let serving = store.clone();
    let mut task = tokio::spawn(async move {
        let shutdown = async move { drop(stopped.await) };
        serve(config, bound, serving, shutdown, move |ready| {
            drop(say.send(ready));
        })
        .await
    });
    let ready = tokio::select! {
        Ok(ready) = said => ready,
        // It drops the other end when it fails, so that branch is no answer then.
        ended = &mut task => {
            ended.context("the server did not start")?.map_err(explain)?;
            anyhow::bail!("the server ended before it was ready");
        }
    };
    let ca_file = ready
        .ca_file
        .map(|path| std::fs::canonicalize(&path).unwrap_or(path));
    Ok(Running {
        url: ready.url,
        ca_file,
        store,
        stop,
        _mine: mine,
        task,
    })
}

impl Running {
    /// Lets what is in flight finish, and stops.
    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        // A server that has ended by itself says why below.
        let _ = self.stop.send(());
        self.task
            .await
            .context("the server stopped badly")?
            .map_err(explain)?;
        self.store.checkpoint().await?;
        Ok(())
    }

    /// Serves until somebody stops it.
    pub(crate) async fn until_stopped(self) -> anyhow::Result<()> {
        stop_signal().await;
        ui::say("stopping");
        self.stop().await
    }
}
