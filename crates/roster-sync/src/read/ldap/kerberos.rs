//! Kerberos: a SASL bind with a ticket (RFC 4752).

use cross_krb5::{ClientCtx, InitiateFlags, K5Ctx as _, PendingClientCtx, Step};
use tokio::task::spawn_blocking;

use crate::log::Log;
use crate::read::ldap::bind::{done, exchange};
use crate::read::ldap::connect::Peer;
use crate::read::ldap::error::{Failure, SASL_BIND_IN_PROGRESS, connection_text, refused_connection};
use crate::read::ldap::message::{self, Outcome};
use crate::read::ldap::ntlm::end_point;
use crate::read::ldap::session::root_values;
use crate::read::ldap::ticket::Ticket;
use crate::read::ldap::wire::{Layer, Wire};

const MECHANISM: &str = "GSSAPI";
/// What may be agreed on: no protection, or everything encrypted.
const NOTHING: u8 = 1;
const ENCRYPTION: u8 = 4;
/// The longest message we take at once, wrapped.
const LONGEST: u32 = 0x00ff_ffff;

/// Binds with a ticket, tied to the certificate of the TLS connection where `bound_to` has one.
pub(super) async fn bind(
    wire: &mut Wire<'_>,
    ticket: &Ticket,
    bound_to: Option<&[u8]>,
    peer: &Peer<'_>,
    log: &Log,
) -> Result<(), Failure> {
    let host = peer.host.to_string();
    // A domain has several controllers behind one name; the ticket has to be for the one that answers.
    let names = root_values(wire, &host, "dnsHostName").await?;
    let name = names.into_iter().next().unwrap_or_else(|| peer.host.name.clone());
    let realm = ticket.realm.as_ref().map(|realm| format!("@{realm}"));
    let service = format!("ldap/{name}{}", realm.unwrap_or_default());
    let principal = ticket.principal.clone();
    let who = principal
        .as_ref()
        .map(|name| format!(" as `{name}`"))
        .unwrap_or_default();
    let tried = format!("binding with Kerberos{who} to `{service}`");
    log.debug("ldap", &tried);
    let advice = advice(ticket);
    let failed =
        |error: &dyn std::fmt::Display| connection_text(&host, &format!("{tried}: {error}; {advice}"));
    let binding = bound_to.map(end_point);
    // It may have to ask the realm, and does not do so in the background by itself.
    let begun = spawn_blocking(move || begin(&service, principal.as_deref(), binding.as_deref())).await;
    let (mut pending, mut token) = begun
        .map_err(|error| failed(&error))?
        .map_err(|error| failed(&error))?;
    let (mut context, last) = loop {
        let answer = step(wire, Some(&token), peer, &tried).await?;
        match pending
            .step(&answer)
            .map_err(|error| failed(&format!("{error:#}")))?
        {
            Step::Finished((context, None)) => break (context, None),
            Step::Finished((context, Some(last))) => break (context, Some(last.to_vec())),
            Step::Continue((next, more)) => {
                token = more.to_vec();
                pending = next;
            }
        }
    };
    let offer = step(wire, last.as_deref(), peer, &tried).await?;
    let offer = context
        .unwrap(&offer)
        .map_err(|error| failed(&format!("{error:#}")))?
        .to_vec();
    let wanted = if peer.certificate.is_some() {
        NOTHING
    } else {
        ENCRYPTION
    };
    if offer.first().is_none_or(|offered| offered & wanted == 0) {
        let what = if wanted == NOTHING {
            "to do without encryption of its own over TLS"
        } else {
            "encryption"
        };
        return Err(failed(&format!("the server does not offer {what}")));
    }
    let [_, a, b, c] = LONGEST.to_be_bytes();
    let length = if wanted == NOTHING { [0; 3] } else { [a, b, c] };
    let choice = [&[wanted][..], &length].concat();
    let choice = context
        .wrap(false, &choice)
        .map_err(|error| failed(&format!("{error:#}")))?
        .to_vec();
    let id = wire.id();
    let request = message::sasl_bind(id, MECHANISM, Some(&choice));
    let outcome = exchange(wire, id, &request, peer, &tried).await?;
    done(&outcome, peer, &tried)?;
    if wanted == ENCRYPTION {
        wire.set_layer(Box::new(Sealed(context)));
    }
    Ok(())
}

/// What to check, by where the ticket should have come from.
fn advice(ticket: &Ticket) -> String {
    let mut said = match (&ticket.files.keytab, &ticket.files.ccache) {
        (Some(keytab), _) => format!(
            "hint: `klist -k {keytab}` shows whose keys are in `kerberos_keytab`; a key that was changed since has to be \
             exported anew"
        ),
        (None, Some(ccache)) => {
            format!(
                "hint: `klist {ccache}` shows whose tickets are in `kerberos_ccache`, `kinit -c {ccache}` gets one"
            )
        }
        (None, None) => "hint: `klist` shows whether there is a ticket, `kinit` gets one".to_owned(),
    };
    if ticket.principal.is_some() {
        said.push_str("; check `kerberos_principal`");
    }
    said.push_str("; the clocks of both sides have to agree");
    said
}

fn begin(
    service: &str,
    principal: Option<&str>,
    binding: Option<&[u8]>,
) -> Result<(PendingClientCtx, Vec<u8>), String> {
    let (pending, token) = ClientCtx::new(InitiateFlags::empty(), principal, service, binding)
        .map_err(|error| format!("{error:#}"))?;
    Ok((pending, token.to_vec()))
}

/// A step in the middle: the server's token.
async fn step(
    wire: &mut Wire<'_>,
    token: Option<&[u8]>,
    peer: &Peer<'_>,
    tried: &str,
) -> Result<Vec<u8>, Failure> {
    let id = wire.id();
    let request = message::sasl_bind(id, MECHANISM, token);
    let outcome: Outcome = exchange(wire, id, &request, peer, tried).await?;
    match outcome.token {
        Some(token) if outcome.code == SASL_BIND_IN_PROGRESS => Ok(token),
        _ => Err(refused_connection(
            &peer.host.to_string(),
            tried,
            &outcome,
            peer.certificate.is_some(),
        )),
    }
}

/// The encryption of the session.
struct Sealed(ClientCtx);

impl Layer for Sealed {
    fn wrap(&mut self, message: &[u8]) -> Result<Vec<u8>, String> {
        let wrapped = self.0.wrap(true, message).map_err(|error| format!("{error:#}"))?;
        Ok(wrapped.to_vec())
    }

    fn unwrap(&mut self, sealed: &[u8]) -> Result<Vec<u8>, String> {
        let open = self.0.unwrap(sealed).map_err(|error| format!("{error:#}"))?;
        Ok(open.to_vec())
    }
}
