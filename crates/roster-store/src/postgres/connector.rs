//! How a connection is made, and a word about one that is not encrypted.

use std::convert::Infallible;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use deadpool_postgres::Connect;
use tokio::task::JoinHandle;
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::tls::{MakeTlsConnect, TlsConnect};
use tokio_postgres::{Client, Config, Error, Socket};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::address::{Mode, Wanted};
use super::tls;
use crate::error::StoreError;

type Rustls = <MakeRustlsConnect as MakeTlsConnect<Socket>>::TlsConnect;

/// Makes connections of one kind.
pub(super) struct Connector {
    tls: MakeRustlsConnect,
    /// Whether somebody has to be told that nothing is encrypted; once is enough.
    tell: AtomicBool,
}

impl Connector {
    /// Sets in `config` what the driver itself has to know.
    pub(super) fn new(config: &mut Config, wanted: &Wanted) -> Result<Self, StoreError> {
        let mode = match wanted.mode {
            // As with libpq: a socket in the file system has no TLS, and needs none.
            _ if is_socket(config) => SslMode::Disable,
            Mode::Disable => SslMode::Disable,
            Mode::Prefer => SslMode::Prefer,
            Mode::Require | Mode::VerifyCa | Mode::VerifyFull => SslMode::Require,
        };
        config.ssl_mode(mode);
        Ok(Self {
            tls: MakeRustlsConnect::new(tls::config(wanted)?),
            tell: AtomicBool::new(mode == SslMode::Prefer && !is_local(config)),
        })
    }

    async fn establish(&self, config: Config) -> Result<(Client, JoinHandle<()>), Error> {
        let encrypted = Arc::new(AtomicBool::new(false));
        let watched = Watched {
            tls: self.tls.clone(),
            encrypted: Arc::clone(&encrypted),
        };
        let (client, connection) = config.connect(watched).await?;
        if !encrypted.load(Ordering::Relaxed) && self.tell.swap(false, Ordering::Relaxed) {
            tracing::warn!(
                "the connection to PostgreSQL at {} is not encrypted: the server has no TLS; sslmode=require or \
                 verify-full in the database address insists on it, sslmode=disable accepts this without a word",
                hosts(&config)
            );
        }
        let driven = tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::warn!("a connection to PostgreSQL ended: {error}");
            }
        });
        Ok((client, driven))
    }
}

impl Connect for Connector {
    fn connect(
        &self,
        config: &Config,
    ) -> Pin<Box<dyn Future<Output = Result<(Client, JoinHandle<()>), Error>> + Send + '_>> {
        Box::pin(self.establish(config.clone()))
    }
}

/// Notes whether a handshake was made: with `prefer` the driver does not say.
struct Watched<T> {
    tls: T,
    encrypted: Arc<AtomicBool>,
}

impl MakeTlsConnect<Socket> for Watched<MakeRustlsConnect> {
    type Stream = <MakeRustlsConnect as MakeTlsConnect<Socket>>::Stream;
    type TlsConnect = Watched<Rustls>;
    type Error = Infallible;

    fn make_tls_connect(&mut self, host: &str) -> Result<Self::TlsConnect, Infallible> {
        Ok(Watched {
            tls: MakeTlsConnect::<Socket>::make_tls_connect(&mut self.tls, host)?,
            encrypted: Arc::clone(&self.encrypted),
        })
    }
}

impl TlsConnect<Socket> for Watched<Rustls> {
    type Stream = <Rustls as TlsConnect<Socket>>::Stream;
    type Error = <Rustls as TlsConnect<Socket>>::Error;
    type Future = <Rustls as TlsConnect<Socket>>::Future;

    fn connect(self, socket: Socket) -> Self::Future {
        self.encrypted.store(true, Ordering::Relaxed);
        self.tls.connect(socket)
    }
}

/// The hosts, for messages.
pub(super) fn hosts(config: &Config) -> String {
    let names = config.get_hosts().iter().map(|host| match host {
        Host::Tcp(name) => name.clone(),
        Host::Unix(path) => path.display().to_string(),
    });
    names.collect::<Vec<_>>().join(", ")
}

/// Whether every host is a socket in the file system.
fn is_socket(config: &Config) -> bool {
    config.get_hostaddrs().is_empty()
        && config
            .get_hosts()
            .iter()
            .all(|host| matches!(host, Host::Unix(_)))
}

/// Whether what is sent stays on this machine.
fn is_local(config: &Config) -> bool {
    if !config.get_hostaddrs().is_empty() {
        return config.get_hostaddrs().iter().all(IpAddr::is_loopback);
    }
    config.get_hosts().iter().all(|host| match host {
        Host::Unix(_) => true,
        Host::Tcp(name) => {
            name.eq_ignore_ascii_case("localhost")
                || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
        }
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests may be blunt")]
mod tests {
    use super::super::address;
    use super::*;

    fn made(url: &str) -> (SslMode, bool) {
        let parsed = address::parse(url).unwrap();
        let mut config: Config = parsed.url.parse().unwrap();
        let connector = Connector::new(&mut config, &parsed.tls).unwrap();
        (config.get_ssl_mode(), connector.tell.into_inner())
    }

    #[test]
    fn plain_text_to_another_machine_is_told_unless_it_was_asked_for() {
        for (url, told) in [
            ("postgres://u@db.example.com/d", true),
            ("postgres://u@db.example.com/d?sslmode=prefer", true),
            ("postgres://u@localhost,db.example.com/d", true),
            ("postgres://u@localhost/d?hostaddr=192.0.2.1", true),
            ("postgres://u@db.example.com/d?sslmode=disable", false),
            ("postgres://u@db.example.com/d?sslmode=require", false),
            ("postgres://u@localhost/d", false),
            ("postgres://u@127.0.0.1,[::1]/d", false),
            ("postgres://u@db.example.com/d?hostaddr=127.0.0.1", false),
        ] {
            assert_eq!(made(url).1, told, "{url}");
        }
    }

    #[test]
    fn a_socket_in_the_file_system_has_no_tls_whatever_is_asked() {
        let url = "postgres://u@%2Fvar%2Frun%2Fpostgresql/d?sslmode=require";
        assert_eq!(made(url), (SslMode::Disable, false));
        let mixed = "postgres://u@%2Fvar%2Frun%2Fpostgresql,db.example.com/d?sslmode=require";
        assert_eq!(made(mixed).0, SslMode::Require);
    }

    #[tokio::test]
    async fn only_a_connection_without_tls_is_told_and_only_once() {
        let Ok(url) = std::env::var("ROSTER_TEST_POSTGRES") else {
            assert!(
                std::env::var_os("ROSTER_TEST_ALL").is_none(),
                "ROSTER_TEST_POSTGRES names no server"
            );
            return;
        };
        let parsed = address::parse(&url).unwrap();
        let mut config: Config = parsed.url.parse().unwrap();
        let connector = Connector::new(&mut config, &parsed.tls).unwrap();
        connector.tell.store(true, Ordering::Relaxed);
        config.ssl_mode(SslMode::Require);
        connector.connect(&config).await.unwrap();
        assert!(connector.tell.load(Ordering::Relaxed), "nothing to tell");
        config.ssl_mode(SslMode::Disable);
        connector.connect(&config).await.unwrap();
        assert!(!connector.tell.load(Ordering::Relaxed), "told");
    }
}
