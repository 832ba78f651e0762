//! Saying who we are.

use crate::log::Log;
use crate::read::ldap::connect::{CLIENT_CERTIFICATE, Peer};
use crate::read::ldap::error::{
    Failure, SASL_BIND_IN_PROGRESS, connection, connection_text, refused_connection,
};
use crate::read::ldap::message::{self, BIND_RESPONSE, Outcome};
use crate::read::ldap::ntlm;
use crate::read::ldap::settings::{Login, Settings};
use crate::read::ldap::wire::{Wire, WireError};

/// Binds as the settings say.
pub(crate) async fn bind(
    wire: &mut Wire<'_>,
    settings: &Settings,
    peer: &Peer<'_>,
    log: &Log,
) -> Result<(), Failure> {
    match &settings.login {
        Login::Anonymous { instead } => {
            if *instead {
                log.info(
                    "ldap",
                    "Username not specified, overriding authentication method to 'anonymous' [ldap-anonymous]",
                );
            }
            simple(wire, "", "", peer, "binding anonymously").await
        }
        Login::Simple { username, password } => {
            let tried = format!("binding as `{username}`");
            simple(wire, username, password.reveal(), peer, &tried).await
        }
        Login::Ntlm { username, password } => {
            let tried = format!("binding as `{username}` with NTLM");
            let login = ntlm::Login {
                username,
                password: password.reveal(),
                target: &format!("ldap/{}", peer.host.name),
                certificate: settings.security.bound_to(peer.certificate.as_deref()),
            };
            ntlm(wire, &login, peer, &tried).await
        }
        #[cfg(feature = "gssapi")]
        Login::Kerberos(ticket) => {
            let bound_to = settings.security.bound_to(peer.certificate.as_deref());
            crate::read::ldap::kerberos::bind(wire, ticket, bound_to, peer, log).await
        }
    }
}

async fn simple(
    wire: &mut Wire<'_>,
    username: &str,
    password: &str,
    peer: &Peer<'_>,
    tried: &str,
) -> Result<(), Failure> {
    let id = wire.id();
    let request = message::simple_bind(id, username, password);
    let outcome = exchange(wire, id, &request, peer, tried).await?;
    done(&outcome, peer, tried)
}

/// NTLM in its three messages, as GSS-SPNEGO takes it.
async fn ntlm(
    wire: &mut Wire<'_>,
    login: &ntlm::Login<'_>,
    peer: &Peer<'_>,
    tried: &str,
) -> Result<(), Failure> {
    const MECHANISM: &str = "GSS-SPNEGO";
    let host = peer.host.to_string();
    let id = wire.id();
    let request = message::sasl_bind(id, MECHANISM, Some(&ntlm::negotiate()));
    let outcome = exchange(wire, id, &request, peer, tried).await?;
    if outcome.code != SASL_BIND_IN_PROGRESS {
        return Err(refused_connection(
            &host,
            tried,
            &outcome,
            peer.certificate.is_some(),
        ));
    }
    let challenge = outcome.token.unwrap_or_default();
    let answer = login
        .answer(&challenge)
        .map_err(|problem| connection_text(&host, &format!("{tried}: {problem}")))?;
    let id = wire.id();
    let request = message::sasl_bind(id, MECHANISM, Some(&answer));
    let outcome = exchange(wire, id, &request, peer, tried).await?;
    done(&outcome, peer, tried)
}

/// A request of a bind and its answer.
pub(super) async fn exchange(
    wire: &mut Wire<'_>,
    id: i32,
    request: &[u8],
    peer: &Peer<'_>,
    tried: &str,
) -> Result<Outcome, Failure> {
    let all = async {
        wire.send(request).await?;
        loop {
            let answer = wire.next().await?;
            if answer.id == id && answer.tag == BIND_RESPONSE {
                return Ok::<_, WireError>(Outcome::parse(answer.body)?);
            }
        }
    };
    let advice = if peer.certificate.is_some() {
        CLIENT_CERTIFICATE
    } else {
        "hint: check that this is an LDAP server, and that `ldap://` or `ldaps://` is right for its port"
    };
    all.await
        .map_err(|error| connection(&peer.host.to_string(), tried, &error, advice))
}

pub(super) fn done(outcome: &Outcome, peer: &Peer<'_>, tried: &str) -> Result<(), Failure> {
    if outcome.code == 0 {
        return Ok(());
    }
    let over_tls = peer.certificate.is_some();
    Err(refused_connection(
        &peer.host.to_string(),
        tried,
        outcome,
        over_tls,
    ))
}
