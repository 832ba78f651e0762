//! The server on a socket: TLS, time limits, and an orderly end.

use std::future::Future;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::Duration;

use axum_server::Handle;
use axum_server::accept::NoDelayAcceptor;
use axum_server::tls_rustls::{RustlsAcceptor, RustlsConfig};
use roster_store::Store;
use tokio::net::TcpSocket;

use crate::app::{App, StartError};
use crate::config::{Config, Tls};
use crate::http::router;
use crate::tls::{
    Files, TlsError, check_authority, fault_of_time, local_authority, renew_leaf, server_config,
};

/// How often certificates are looked after, and numbers kept small.
const HOUSEKEEPING: Duration = Duration::from_mins(1);
/// Certificates are looked after once in so many rounds of housekeeping.
const ROUNDS_PER_CERTIFICATE: u64 = 60;
/// Connections that may wait to be accepted.
const BACKLOG: u32 = 4096;
/// How long a connection may wait for its next request.
const IDLE: Duration = Duration::from_secs(75);
/// Bytes of a request's head: a token may stand in the query.
const HEAD: usize = 64 * 1024;
const HEAD_HTTP2: u32 = 64 * 1024;
/// How long a handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// What there is to say once requests are accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ready {
    /// The address for clients, without a slash at the end.
    pub url: String,
    /// The authority that clients have to trust, where it is our own.
    pub ca_file: Option<PathBuf>,
    /// Where it listens.
    pub address: SocketAddr,
}

/// Why a server did not run.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The address cannot be listened on.
    #[error("cannot listen on {address}; is another server running there?")]
    Listen {
        /// Which.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// A certificate of our own needs a place to be kept.
    #[error("self-signed TLS needs a data directory; give a certificate and its key, or turn TLS off")]
    NoTlsDirectory,
    /// There is no TLS.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The server cannot begin.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The listener failed while running.
    #[error("the server stopped by itself")]
    Stopped(#[source] std::io::Error),
}

/// An address that is taken; nobody can connect yet.
#[derive(Debug)]
pub struct Bound {
    socket: TcpSocket,
    address: SocketAddr,
}

/// Takes hold of the address, and makes sure that the certificates that are there can be used. Nothing is made on the disk, so that
/// a server that cannot run leaves nothing behind; and nobody can connect, so that clients do not hang while the database is
/// opened, which may take long. Of two servers that start at the same moment both may get this far, and one of them fails as soon as it
/// listens.
pub fn bind(config: &Config) -> Result<Bound, ServeError> {
    match &config.tls {
        Tls::Off => {}
        Tls::SelfSigned => check_authority(&own_tls(config)?, config.clock.now_ms())?,
        Tls::Given { cert, key } => {
            server_config(&given(cert, key))?;
        }
    }
    let address = config.listen;
    let failed = |source| ServeError::Listen { address, source };
    let socket = take(address).map_err(failed)?;
    let address = socket.local_addr().map_err(failed)?;
    Ok(Bound { socket, address })
}

/// Serves until `shutdown` comes: then new work is refused, and what is in flight has a while to finish.
///
/// `on_ready` is called once, when requests are accepted.
pub async fn serve(
    mut config: Config,
    bound: Bound,
    store: Store,
    shutdown: impl Future<Output = ()> + Send,
    on_ready: impl FnOnce(Ready),
) -> Result<(), ServeError> {
    let Bound { socket, address } = bound;
    let own_host = match config.public_url.as_deref().and_then(host_and_port) {
        Some(host) => host.to_owned(),
        None => own_host(address),
    };
    if !config.ims_hosts.contains(&own_host) {
        config.ims_hosts.push(own_host);
    }
    // A certificate of our own is only made for a server that has the right key.
    let app = App::new(config, store).await?;
    let files = certificate_files(&app.config, local_authority)?;
    let scheme = if files.is_some() { "https" } else { "http" };
    let ready = Ready {
        url: app.config.public_url.clone().map_or_else(
            || format!("{scheme}://{}", self::own_host(address)),
            |url| url.trim_end_matches('/').to_owned(),
        ),
        ca_file: files.as_ref().and_then(|files| files.ca.clone()),
        address,
    };
    let handle = Handle::new();
    let tls = files.map(|files| tls_config(&files)).transpose()?;
    // With room for many connections that arrive at once.
    let listener = socket
        .listen(BACKLOG)
        .and_then(tokio::net::TcpListener::into_std)
        .map_err(|source| ServeError::Listen { address, source })?;
    let keeping = tokio::spawn(keep_house(app.clone(), tls.clone()));
    let serving = tokio::spawn(listen(listener, app.clone(), tls, handle.clone()));
    let listening = handle.listening().await.is_some();
    if listening {
        on_ready(ready);
    }
    let result = wait(serving, shutdown, &app, &handle).await;
    keeping.abort();
    result
}

/// Binds an address that nobody listens on.
fn take(address: SocketAddr) -> std::io::Result<TcpSocket> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    // A server that is started again at once must not wait for old connections to be forgotten.
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

/// Waits for the order to stop, or for the listener to fail.
async fn wait(
    mut serving: tokio::task::JoinHandle<std::io::Result<()>>,
    shutdown: impl Future<Output = ()> + Send,
    app: &App,
    handle: &Handle<SocketAddr>,
) -> Result<(), ServeError> {
    let ended = tokio::select! {
        ended = &mut serving => ended,
        () = shutdown => {
            app.stop();
            handle.graceful_shutdown(Some(app.config.guard.stop_grace));
            serving.await
        }
    };
    match ended {
        Ok(result) => result.map_err(ServeError::Stopped),
        Err(join) => Err(ServeError::Stopped(std::io::Error::other(join))),
    }
}

async fn listen(
    listener: TcpListener,
    app: App,
    tls: Option<RustlsConfig>,
    handle: Handle<SocketAddr>,
) -> std::io::Result<()> {
    let header_timeout = app.config.guard.header_timeout;
    let service = router(app).into_make_service_with_connect_info::<SocketAddr>();
    let mut server = axum_server::from_tcp(listener)?
        .handle(handle)
        .first_request_timeout(header_timeout);
    // Idle connections of HTTP/1.1 are waiting for a header, too, so the limit must not be too short for them.
    let idle = header_timeout.max(IDLE);
    server
        .http_builder()
        .http1()
        .header_read_timeout(idle)
        .max_buf_size(HEAD);
    server
        .http_builder()
        .http2()
        .max_concurrent_streams(128)
        .max_header_list_size(HEAD_HTTP2)
        .keep_alive_interval(Duration::from_secs(30))
        .keep_alive_timeout(Duration::from_secs(20));
    // An answer goes out at once. By itself the system would keep its last bytes back until the client has confirmed the
    // ones before, session tickets of TLS for example, and clients confirm up to 40 ms later.
    match tls {
        Some(tls) => {
            let acceptor = RustlsAcceptor::new(tls)
                .handshake_timeout(HANDSHAKE)
                .acceptor(NoDelayAcceptor::new());
            server.acceptor(acceptor).serve(service).await
        }
        None => server.acceptor(NoDelayAcceptor::new()).serve(service).await,
    }
}

/// Where a server keeps the certificates that it makes for itself.
fn own_tls(config: &Config) -> Result<PathBuf, ServeError> {
    let dir = config.data_dir.as_ref().ok_or(ServeError::NoTlsDirectory)?;
    Ok(dir.join("tls"))
}

fn given(cert: &Path, key: &Path) -> Files {
    Files {
        cert: cert.to_owned(),
        key: key.to_owned(),
        ca: None,
    }
}

/// The certificate to serve with, made or renewed by `own` where it is our own; `None` for plain http.
fn certificate_files(
    config: &Config,
    own: fn(&Path, &[String], i64) -> Result<Files, TlsError>,
) -> Result<Option<Files>, ServeError> {
    match &config.tls {
        Tls::Off => Ok(None),
        Tls::Given { cert, key } => {
            if let Some(why) = fault_of_time(cert, config.clock.now_ms()) {
                tracing::warn!("the certificate {} {why}", cert.display());
            }
            Ok(Some(given(cert, key)))
        }
        Tls::SelfSigned => {
            let mut hosts: Vec<String> = Vec::new();
            hosts.extend(config.public_url.as_deref().and_then(host_of).map(str::to_owned));
            if !config.listen.ip().is_unspecified() {
                hosts.push(config.listen.ip().to_string());
            }
            let now = config.clock.now_ms();
            let mut files = own(&own_tls(config)?, &hosts, now)?;
            // Clients are told the path, wherever they run.
            files.ca = files.ca.map(|ca| std::path::absolute(&ca).unwrap_or(ca));
            Ok(Some(files))
        }
    }
}

fn tls_config(files: &Files) -> Result<RustlsConfig, ServeError> {
    Ok(RustlsConfig::from_config(server_config(files)?))
}

/// Work that is due from time to time: certificates are renewed (or read again) while the server runs.
async fn keep_house(app: App, tls: Option<RustlsConfig>) {
    let mut ticks = tokio::time::interval(HOUSEKEEPING);
    ticks.tick().await;
    for round in 1_u64.. {
        ticks.tick().await;
        app.numbers.upkeep();
        app.credentials.tidy().await;
        let Some(tls) = tls
            .as_ref()
            .filter(|_| round.is_multiple_of(ROUNDS_PER_CERTIFICATE))
        else {
            continue;
        };
        let config = app.config.clone();
        let renewed = tokio::task::spawn_blocking(move || {
            let files = certificate_files(&config, renew_leaf)?;
            files.map(|files| Ok(server_config(&files)?)).transpose()
        });
        match renewed.await {
            Ok(Ok(Some(config))) => tls.reload_from_config(config),
            Ok(Ok(None)) | Err(_) => {}
            Ok::<Result<_, ServeError>, _>(Err(error)) => {
                let hint = match error {
                    ServeError::Tls(TlsError::Authority { .. }) => {
                        "; put it back from your copy of the folder; where there is none, remove the folder and start the server \
                         anew, and give clients the new ca.pem. Until then the certificate in use stays"
                    }
                    _ => "",
                };
                tracing::error!(error = %error, "the TLS certificate could not be renewed: {error}{hint}");
            }
        }
    }
}

/// How clients on this machine reach an address.
fn own_host(address: SocketAddr) -> String {
    if address.ip().is_unspecified() {
        format!("localhost:{}", address.port())
    } else {
        address.to_string()
    }
}

/// Host and port of a URL.
fn host_and_port(url: &str) -> Option<&str> {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split(['/', '?', '#']).next().filter(|host| !host.is_empty())
}

/// The host of a URL, without port and brackets.
fn host_of(url: &str) -> Option<&str> {
    let authority = host_and_port(url)?;
    if let Some(rest) = authority.strip_prefix('[') {
        return rest.split(']').next();
    }
    authority.split(':').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_of_urls() {
        assert_eq!(
            host_and_port("https://umapi.example.com:8443/x"),
            Some("umapi.example.com:8443")
        );
        assert_eq!(
            host_of("https://umapi.example.com:8443/x"),
            Some("umapi.example.com")
        );
        assert_eq!(host_of("https://[::1]:8443"), Some("::1"));
        assert_eq!(host_of("umapi.example.com"), Some("umapi.example.com"));
        assert_eq!(host_and_port("https://"), None);
    }

    #[test]
    fn an_address_for_everybody_is_reached_as_localhost() {
        assert_eq!(own_host(SocketAddr::from(([0, 0, 0, 0], 80))), "localhost:80");
        assert_eq!(
            own_host(SocketAddr::from(([127, 0, 0, 1], 8443))),
            "127.0.0.1:8443"
        );
    }
}
