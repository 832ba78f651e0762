//! The secrets of an integration: listed, added, deleted (ims.md 9).

use http::Method;
use roster_store::{CredentialRefusal, Entry, Secret, SecretKind};
use roster_umapi::token::{TokenError, secrets as shown};
use serde_json::json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::caller::{Caller, admit};
use crate::credentials::Integration;
use crate::crypto::master::generate_secret;
use crate::error::ApiError;
use crate::http::Call;
use crate::observe::Trace;
use crate::reply::Reply;
use crate::route::Route;

/// Secrets of an OAuth credential; a service account has one.
const MAX_OAUTH: usize = 2;
const MAX_JWT: usize = 1;

/// Answers a request of the endpoints below `/console/…/secrets`.
pub(crate) async fn answer(call: Call<'_>, trace: &mut Trace) -> Result<Reply, ApiError> {
    let caller = admit(call, trace).await?;
    let _turn = call.app.turn_for(call.method() != Method::GET)?;
    let credential = credential(call, &caller).await?;
    let reply = match (call.row.route, call.method()) {
        (Route::Secret, _) => delete(call, &caller, &credential).await?,
        (_, &Method::POST) => create(call, &caller, &credential).await?,
        _ => list(&credential),
    };
    Ok(reply.no_store())
}

/// What is managed: the secrets of the OAuth kind, of a service account where there is no other.
struct Credential {
    client_id: String,
    kind: SecretKind,
    max: usize,
    secrets: Vec<Secret>,
}

async fn credential(call: Call<'_>, caller: &Caller) -> Result<Credential, ApiError> {
    let id = call.param("credentialId")?;
    let integration = call
        .app
        .credentials
        .fresh_integration(&id)
        .await?
        .filter(|integration| integration.org == caller.org())
        .ok_or(ApiError::NoSuchCredential)?;
    let (kind, max) = if integration.oauth {
        (SecretKind::OAuth, MAX_OAUTH)
    } else {
        (SecretKind::Jwt, MAX_JWT)
    };
    let Integration { secrets, .. } = integration.as_ref().clone();
    Ok(Credential {
        client_id: id,
        kind,
        max,
        secrets: secrets.into_iter().filter(|secret| secret.kind == kind).collect(),
    })
}

fn list(credential: &Credential) -> Reply {
    let secrets: Vec<shown::Secret> = credential.secrets.iter().map(describe).collect();
    Reply::ok(shown::list_answer(&credential.client_id, &secrets))
}

async fn create(call: Call<'_>, caller: &Caller, credential: &Credential) -> Result<Reply, ApiError> {
    let plain = generate_secret();
    let secret = Secret {
        uuid: call.app.config.chance.uuid(),
        kind: credential.kind,
        hash: call
            .app
            .credentials
            .master
            .hash_secret(&credential.client_id, &plain),
        created_at: call.app.config.clock.now_ms(),
        last_used_at: None,
    };
    let answer = shown::created_answer(&credential.client_id, &describe(&secret), &plain);
    let (id, max) = (credential.client_id.clone(), credential.max);
    let about = json!({ "client_id": id, "uuid": secret.uuid, "kind": secret.kind.as_str() });
    let entry = entry(call, caller, &json!({ "secretAdded": about }));
    let added = call
        .app
        .store
        .write(vec![caller.org()], move |writer| {
            let added = writer.add_secret(&id, &secret, max)?;
            if added {
                writer.apply(&entry)?;
            }
            Ok(added)
        })
        .await?;
    if !added {
        return Err(TokenError::MaxSecrets.into());
    }
    call.app.credentials.forget();
    Ok(Reply::created(answer))
}

async fn delete(call: Call<'_>, caller: &Caller, credential: &Credential) -> Result<Reply, ApiError> {
    let uuid = call.param("uuid")?;
    let id = credential.client_id.clone();
    let about = json!({ "client_id": id, "uuid": uuid, "kind": credential.kind.as_str() });
    let entry = entry(call, caller, &json!({ "secretDeleted": about }));
    let deleted = call
        .app
        .store
        .write(vec![caller.org()], move |writer| {
            let deleted = writer.delete_secret(&id, &uuid)?;
            if deleted.is_ok() {
                writer.apply(&entry)?;
            }
            Ok(deleted)
        })
        .await?;
    match deleted {
        Ok(()) => {}
        Err(CredentialRefusal::LastSecret) => return Err(TokenError::LastSecret.into()),
        Err(_) => return Err(ApiError::NoSuchSecret),
    }
    call.app.credentials.forget();
    Ok(Reply::no_content())
}

/// Secrets are in no row that the log is replayed into, so it keeps the command alone: which secret, never what it is.
fn entry(call: Call<'_>, caller: &Caller, command: &serde_json::Value) -> Entry {
    Entry {
        org: Some(caller.org()),
        at: call.app.config.clock.now_ms(),
        actor: caller.actor().to_owned(),
        client: Some(caller.client_id().to_owned()),
        request_id: call.request_id.to_owned(),
        command: command.to_string(),
        changes: Vec::new(),
    }
}

fn describe(secret: &Secret) -> shown::Secret {
    let grant_type = match secret.kind {
        SecretKind::OAuth => "client_credentials",
        SecretKind::Jwt => "jwt_bearer",
    };
    let usages = secret.last_used_at.map(|last_used_at| shown::Usage {
        last_used_at,
        grant_type,
    });
    shown::Secret {
        uuid: secret.uuid.clone(),
        created_at: shown::Moment {
            millis: secret.created_at,
            text: rfc3339(secret.created_at),
        },
        usages: usages.into_iter().collect(),
    }
}

fn rfc3339(ms: i64) -> String {
    let moment =
        OffsetDateTime::from_unix_timestamp(ms.div_euclid(1000)).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    moment.format(&Rfc3339).unwrap_or_default()
}
