//! Reaching a server: address, TLS, and who we are.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use roster_client::{Distrust, is_for_no_name};
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::log::Log;
use crate::read::ldap::bind;
use crate::read::ldap::error::{Failure, connection, connection_text, refused_connection, unconnected};
use crate::read::ldap::host::{Host, Scheme};
use crate::read::ldap::message::{self, EXTENDED_RESPONSE, Outcome};
use crate::read::ldap::security::Check;
use crate::read::ldap::settings::{Login, Settings};
use crate::read::ldap::wire::{Stream, Wire};

/// What to check when a server hangs up as soon as there is TLS.
pub(crate) const CLIENT_CERTIFICATE: &str = "hint: check that this is an LDAP server; it may want a certificate of its clients, or not take the one it was shown \
     (`client_cert`, `client_key`)";

const UNREACHABLE: &str = "hint: check `host`, and that no firewall is in between";

/// How long things may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    /// Reaching a server, TLS included.
    pub(crate) connect: Duration,
    /// Each answer. Longer than the two minutes after which Active Directory gives up by itself and says so.
    pub(crate) answer: Duration,
    /// What is waited before each new connection, after one broke.
    pub(crate) pauses: LdapPauses,
}

/// How long to wait before each of the new connections that a reading may make to a directory.
pub type LdapPauses = [Duration; 3];

/// The usual pauses.
pub const LDAP_PAUSES: LdapPauses = [
    Duration::from_secs(2),
    Duration::from_secs(5),
    Duration::from_secs(10),
];

impl Default for Patience {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(30),
            answer: Duration::from_secs(150),
            pauses: LDAP_PAUSES,
        }
    }
}

/// What connecting needs besides the settings.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Around<'a> {
    /// Further certificate authorities, PEM.
    pub(crate) trust: &'a [Vec<u8>],
    /// Set when the run should stop.
    pub(crate) stop: &'a Arc<AtomicBool>,
    pub(crate) patience: Patience,
}

/// A connection that may be asked.
pub(crate) struct Connected {
    pub(crate) wire: Wire<'static>,
    /// For messages.
    pub(crate) host: String,
    /// Whether nobody in between can listen: TLS, or a socket of this machine.
    pub(crate) private: bool,
}

/// What a bind has to know of the connection it is made over.
pub(crate) struct Peer<'p> {
    pub(crate) host: &'p Host,
    /// The server's certificate, DER, where there is TLS.
    pub(crate) certificate: Option<Vec<u8>>,
}

/// Connects to the first server that can be reached, and binds there.
pub(crate) async fn connect(
    settings: &Settings,
    around: &Around<'_>,
    log: &Log,
) -> Result<Connected, Failure> {
    warn_about_clear_text(settings, log);
    connect_again(settings, false, around, log).await
}

/// Connects as [`connect`] does, once what has to be said of the settings has been said. With `private`, nothing is said
/// in clear.
pub(crate) async fn connect_again(
    settings: &Settings,
    private: bool,
    around: &Around<'_>,
    log: &Log,
) -> Result<Connected, Failure> {
    let start_tls = private || settings.security.starts_tls();
    let mut last = None;
    for host in &settings.hosts {
        let failure = match reach(host, settings, start_tls, around).await {
            Ok((wire, peer)) => return enter(wire, &peer, settings, log).await,
            Err(failure) => failure,
        };
        if settings.hosts.len() == 1 {
            return Err(failure);
        }
        let Some(error) = failure.told() else {
            return Err(failure);
        };
        log.warning("ldap", "ldap-host-passed-over", &error);
        // Where one of them may be there in a moment, coming back is worth while.
        if last.is_none() || matches!(failure, Failure::Broken { .. }) {
            last = Some(failure);
        }
    }
    Err(last.unwrap_or_else(|| connection_text("", "no server is named in `host`")))
}

/// Connects to a server that another one has named, and binds there. With `private`, nothing is said in clear.
pub(crate) async fn connect_there(
    host: &Host,
    settings: &Settings,
    private: bool,
    around: &Around<'_>,
    log: &Log,
) -> Result<Connected, Failure> {
    let start_tls = private || settings.security.starts_tls();
    let (wire, peer) = reach(host, settings, start_tls, around).await?;
    enter(wire, &peer, settings, log).await
}

async fn enter(
    mut wire: Wire<'static>,
    peer: &Peer<'_>,
    settings: &Settings,
    log: &Log,
) -> Result<Connected, Failure> {
    bind::bind(&mut wire, settings, peer, log).await?;
    let host = peer.host.to_string();
    log.debug("ldap", format_args!("connected to {host}"));
    Ok(Connected {
        wire,
        host,
        private: peer.certificate.is_some() || peer.host.scheme == Scheme::Ldapi,
    })
}

fn warn_about_clear_text(settings: &Settings, log: &Log) {
    let sends_password = matches!(settings.login, Login::Simple { .. });
    let any = |scheme| settings.hosts.iter().any(|host| host.scheme == scheme);
    match settings.security.check {
        Check::Full => return,
        Check::Chain => {
            log.warning(
                "ldap",
                "certificate-name-not-checked",
                "The name in the certificate of the LDAP server is not checked, so whoever has a certificate of the same \
                 authorities could be in between; `tls_verify: full` has it checked",
            );
            return;
        }
        Check::Nothing => {}
    }
    if any(Scheme::Ldaps) {
        log.warning(
            "ldap",
            "certificate-not-checked",
            "The certificate of the LDAP server is not checked, so anybody in between could read the password; \
             `require_tls_cert: true` has it checked",
        );
    }
    if any(Scheme::Ldap) && sends_password {
        log.warning(
            "ldap",
            "ldap-clear-text",
            "The password is sent to the LDAP server in clear; use `ldaps://` in `host`, or `require_tls_cert: true` for \
             StartTLS",
        );
    }
}

async fn reach<'h>(
    host: &'h Host,
    settings: &Settings,
    start_tls: bool,
    around: &Around<'_>,
) -> Result<(Wire<'static>, Peer<'h>), Failure> {
    let shown = host.to_string();
    let all = async {
        if host.scheme == Scheme::Ldapi {
            let stream = socket(host).await?;
            return Ok::<_, Failure>((stream, None));
        }
        let target = (host.name.as_str(), host.port);
        let stream = TcpStream::connect(target).await.map_err(|error| {
            unconnected(
                &shown,
                &format!("nobody can be reached there: {error}"),
                UNREACHABLE,
            )
        })?;
        let _ = stream.set_nodelay(true);
        if host.scheme == Scheme::Ldap && !start_tls {
            return Ok((Box::new(stream) as Box<dyn Stream>, None));
        }
        let stream = if host.scheme == Scheme::Ldap {
            agree_on_tls(stream, &shown, around).await?
        } else {
            Box::new(stream)
        };
        let (stream, certificate) = encrypt(stream, host, settings, around).await?;
        Ok((stream, certificate))
    };
    let Ok(reached) = timeout(around.patience.connect, all).await else {
        let seconds = around.patience.connect.as_secs();
        let what = format!("no connection within {seconds} seconds");
        return Err(unconnected(&shown, &what, UNREACHABLE));
    };
    let (stream, certificate) = reached?;
    let wire = Wire::new(stream, around.patience.answer, Arc::clone(around.stop));
    Ok((wire, Peer { host, certificate }))
}

#[cfg(unix)]
async fn socket(host: &Host) -> Result<Box<dyn Stream>, Failure> {
    match tokio::net::UnixStream::connect(&host.name).await {
        Ok(stream) => Ok(Box::new(stream)),
        Err(error) => Err(unconnected(
            &host.to_string(),
            &format!("the socket cannot be opened: {error}"),
            "hint: check `host`",
        )),
    }
}

#[cfg(not(unix))]
#[expect(clippy::unused_async, reason = "the other system's is")]
async fn socket(host: &Host) -> Result<Box<dyn Stream>, Failure> {
    Err(connection_text(
        &host.to_string(),
        "this system has no such sockets; use `ldap://` in `host`",
    ))
}

/// Agrees on TLS over a connection in clear.
async fn agree_on_tls(
    mut stream: TcpStream,
    shown: &str,
    around: &Around<'_>,
) -> Result<Box<TcpStream>, Failure> {
    const TRIED: &str = "asking for TLS (StartTLS)";
    const ADVICE: &str =
        "hint: StartTLS needs a server that has been set up for it; `ldaps://` may be what it has";
    let outcome = {
        let mut wire = Wire::new(
            Box::new(&mut stream),
            around.patience.answer,
            Arc::clone(around.stop),
        );
        let id = wire.id();
        let asked = async {
            wire.send(&message::start_tls(id)).await?;
            loop {
                let answer = wire.next().await?;
                if answer.id == id && answer.tag == EXTENDED_RESPONSE {
                    return Ok(Outcome::parse(answer.body)?);
                }
            }
        };
        let outcome = asked
            .await
            .map_err(|error| connection(shown, TRIED, &error, ADVICE))?;
        // What came in clear behind the answer would otherwise count as encrypted.
        if !wire.is_drained() {
            return Err(connection_text(
                shown,
                "the server went on in clear after it had agreed on TLS; somebody may be in between",
            ));
        }
        outcome
    };
    if outcome.code != 0 {
        return Err(refused_connection(shown, TRIED, &outcome, false));
    }
    Ok(Box::new(stream))
}

async fn encrypt(
    stream: Box<TcpStream>,
    host: &Host,
    settings: &Settings,
    around: &Around<'_>,
) -> Result<(Box<dyn Stream>, Option<Vec<u8>>), Failure> {
    let shown = host.to_string();
    let config = settings
        .security
        .tls(around.trust)
        .map_err(|error| connection_text(&shown, &error.to_string()))?;
    let name = ServerName::try_from(host.name.clone()).map_err(|_| {
        connection_text(
            &shown,
            &format!("`{}` is no name that a certificate could be for", host.name),
        )
    })?;
    let encrypted = TlsConnector::from(Arc::new(config)).connect(name, *stream).await;
    let stream = encrypted.map_err(|error| {
        let cause = error.get_ref().and_then(|inner| inner.downcast_ref());
        let advice = match cause {
            Some(rustls::Error::InvalidCertificate(problem)) => {
                let Distrust { cause, way_out } = problem.into();
                let way_out = way_out.unwrap_or(
                    "for a server with an authority of its own, name the authority's file in `tls_ca_file` or SSL_CERT_FILE",
                );
                // Such as the one that Samba makes for itself.
                let without_name = if is_for_no_name(problem) {
                    "; or set `tls_verify: chain`, with which whoever has a certificate of the same authority could be in between"
                } else {
                    ""
                };
                return connection_text(
                    &shown,
                    &format!("no TLS connection: invalid peer certificate: {cause}; hint: {way_out}{without_name}"),
                );
            }
            Some(rustls::Error::AlertReceived(_)) => CLIENT_CERTIFICATE,
            _ => {
                let advice =
                    "hint: check that this port speaks TLS; `ldaps://` is usually port 636, StartTLS port 389";
                return unconnected(&shown, &format!("no TLS connection: {error}"), advice);
            }
        };
        connection_text(&shown, &format!("no TLS connection: {error}; {advice}"))
    })?;
    let certificate = stream
        .get_ref()
        .1
        .peer_certificates()
        .and_then(|chain| chain.first())
        .map(|certificate| certificate.to_vec());
    Ok((Box::new(stream), certificate))
}
