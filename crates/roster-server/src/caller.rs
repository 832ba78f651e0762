//! Who is asking, and may they: checks 2 to 10 of umapi.md 2.6, in that order.

use std::sync::Arc;

use roster_core::value::{OrgNo, OrgState, parse_org_id};
use roster_umapi::request::RequestError;

use crate::credentials::Integration;
use crate::error::ApiError;
use crate::http::Call;
use crate::observe::Trace;
use crate::request::header;
use crate::route::{API_SCOPE, Access};
use crate::throttle::Wait;
use crate::token::params::bearer;

/// An integration that was let in.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    integration: Arc<Integration>,
}

impl Caller {
    /// The API key.
    pub(crate) fn client_id(&self) -> &str {
        &self.integration.client_id
    }

    /// The organization it works in.
    pub(crate) fn org(&self) -> OrgNo {
        self.integration.org
    }

    /// That organization's id, as stored.
    pub(crate) fn org_id(&self) -> &str {
        &self.integration.org_id
    }

    /// Its technical account: whom the audit log names.
    pub(crate) fn actor(&self) -> &str {
        &self.integration.technical_account
    }
}

/// Lets the caller in, or says why not.
pub(crate) async fn admit(call: Call<'_>, trace: &mut Trace) -> Result<Caller, ApiError> {
    let headers = &call.parts.headers;
    let key = header(headers, "x-api-key")
        .map(str::trim)
        .filter(|key| !key.is_empty())
        .ok_or(RequestError::KeyMissing)?;
    let credentials = &call.app.credentials;
    let integration = credentials
        .integration(key)
        .await?
        .filter(|integration| integration.enabled)
        .ok_or(RequestError::KeyInvalid)?;
    trace.client = Some(integration.client_id.clone());
    let token = bearer(headers).ok_or(RequestError::TokenMissing)?;
    let verified = credentials
        .verify(token)
        .await?
        .map_err(|_| RequestError::TokenInvalid)?;
    let claims = &verified.claims;
    let of_client = claims.client_id == integration.client_id;
    if of_client && !integration.stands_behind(&verified) {
        return Err(RequestError::TokenInvalid.into());
    }
    let scope = match call.row.access {
        Access::Token(scope) => scope,
        Access::Open | Access::Local | Access::Credentials => API_SCOPE,
    };
    // A scope that was taken from the integration is taken from the tokens that it has, too.
    let granted = claims.has_scope(scope) && integration.scopes.iter().any(|own| own == scope);
    if !of_client || !granted {
        return Err(RequestError::KeyInvalid.into());
    }
    let org = call.params.text("orgId").as_deref().and_then(parse_org_id);
    let org = org.ok_or(RequestError::InvalidOrganization)?;
    if org != integration.org_key {
        return Err(RequestError::ForeignOrganization.into());
    }
    if integration.org_state == OrgState::Migrating {
        return Err(RequestError::Migrating.into());
    }
    throttle(call, &integration.client_id)?;
    Ok(Caller { integration })
}

fn throttle(call: Call<'_>, client: &str) -> Result<(), ApiError> {
    let Some(class) = call.row.class_for(call.method()) else {
        return Ok(());
    };
    let now = call.app.config.clock.monotonic_ms();
    let begins_sync = header(&call.parts.headers, "pragma").is_some_and(|p| p.contains("umapi-sync-start"));
    let admitted = call.app.counters.admit(class, client, now);
    let admitted = admitted.and_then(|()| {
        if begins_sync {
            call.app.counters.admit_sync(client, now)
        } else {
            Ok(())
        }
    });
    admitted.map_err(|Wait(seconds)| {
        call.app.numbers.throttled(class);
        ApiError::Throttled { seconds }
    })
}
