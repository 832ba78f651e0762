//! The token endpoints of ims.md: tokens for secrets and for signed JWTs, their validation and revocation, keys.

pub(crate) mod exchange;
pub(crate) mod params;
pub(crate) mod secrets;

use std::sync::Arc;
use std::time::Duration;

use http::header::HOST;
use roster_store::Entry;
use roster_umapi::token::claims::{Invalid, scopes_of_metascopes, validation_answer};
use roster_umapi::token::jwt::{Accepted, Expected};
use roster_umapi::token::{
    ClientCredentials, Exchange, Parameters, Revocation, TokenError, USER_MANAGEMENT,
    USER_MANAGEMENT_METASCOPE, Validation, client_credentials_answer, exchange_answer, keys_answer,
};
use serde_json::{Value, json};

use crate::credentials::{GRACE_MS, Integration};
use crate::error::ApiError;
use crate::http::Call;
use crate::observe::Trace;
use crate::reply::Reply;
use crate::request::{Payload, header};
use crate::route::Route;
use crate::throttle::{Class, Wait};

/// Announced lifetimes are this much shorter than real ones, which makes them the figures clients know: 86,399
/// seconds, 86,399,998 milliseconds.
const ANNOUNCED_LESS_MS: u64 = 2;

/// Which secrets of an integration a request may bring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    OAuth,
    Jwt,
    Any,
}

/// Answers a request of the token endpoints.
pub(crate) async fn answer(call: Call<'_>, body: &mut Payload, trace: &mut Trace) -> Result<Reply, ApiError> {
    let reply = match call.row.route {
        Route::Keys => Reply::ok(keys_answer(&call.app.credentials.published().await?)),
        Route::Discovery => Reply::value(&discovery(call)),
        route => {
            let body = call
                .app
                .read_body(body, params::MAX_BODY)
                .await?
                .ok_or(TokenError::BadRequest)?;
            let (headers, query) = (&call.parts.headers, call.parts.uri.query());
            let parameters = params::read(headers, query, body.bytes.clone()).await?;
            // Who asks for a token may be written down, too: when a secret was used, and which JWT.
            let _turn = call.app.turn_for(route != Route::ValidateToken)?;
            match route {
                Route::ExchangeJwt => exchange_jwt(call, &parameters, trace).await?,
                Route::ValidateToken => validate(call, parameters).await?,
                Route::Revoke => revoke(call, &parameters, trace).await?,
                _ => client_credentials(call, &parameters, trace).await?,
            }
        }
    };
    Ok(reply.no_store())
}

/// `/ims/token/v2` and `/v3` (ims.md 4).
async fn client_credentials(
    call: Call<'_>,
    parameters: &Parameters,
    trace: &mut Trace,
) -> Result<Reply, ApiError> {
    let asked = ClientCredentials::of(parameters);
    let integration = client(call, asked.client_id, trace).await?;
    if !integration.oauth {
        return Err(TokenError::InvalidClient.into());
    }
    let secret = check_secret(call, asked.client_secret, &integration, Kind::OAuth)?;
    asked.check_grant_type()?;
    let scopes = asked.scopes(&integration.scopes)?;
    let token = call.app.credentials.issue(&integration, &scopes).await?;
    used(call, &integration, secret, "client_credentials").await;
    Ok(Reply::ok(client_credentials_answer(&token, announced(call))))
}

/// `/ims/exchange/jwt` (ims.md 5).
async fn exchange_jwt(call: Call<'_>, parameters: &Parameters, trace: &mut Trace) -> Result<Reply, ApiError> {
    let asked = Exchange::of(parameters);
    let integration = client(call, asked.client_id, trace).await?;
    if !integration.jwt {
        return Err(TokenError::ExchangeNotAllowed.into());
    }
    let secret = check_secret(call, asked.client_secret, &integration, Kind::Jwt)?;
    let token = asked.jwt_token.ok_or(TokenError::MalformedJwt)?.to_owned();
    let accepted = check_jwt(call, &integration, token).await?;
    if let Some(jti) = accepted.jti.filter(|_| integration.require_jti) {
        let (id, until) = (integration.client_id.clone(), accepted.exp.saturating_mul(1000));
        let now = call.app.config.clock.now_ms();
        let fresh = call
            .app
            .store
            .write(Vec::new(), move |writer| writer.use_jti(&id, &jti, until, now))
            .await?;
        if !fresh {
            return Err(TokenError::InvalidJti.into());
        }
    }
    let scopes = scopes_of_metascopes(&accepted.metascopes);
    let token = call.app.credentials.issue(&integration, &scopes).await?;
    used(call, &integration, secret, "jwt_exchange").await;
    Ok(Reply::ok(exchange_answer(&token, announced(call))))
}

/// The lifetime that answers announce.
fn announced(call: Call<'_>) -> Duration {
    let less = Duration::from_millis(ANNOUNCED_LESS_MS);
    call.app.config.token_ttl.saturating_sub(less)
}

/// Checks signature and claims of a JWT off the async workers: trying certificates takes its time.
async fn check_jwt(
    call: Call<'_>,
    integration: &Arc<Integration>,
    token: String,
) -> Result<Accepted, ApiError> {
    let mut hosts = call.app.config.ims_hosts.clone();
    hosts.extend(request_host(call).map(str::to_owned));
    let now = call.app.config.clock.now_ms().div_euclid(1000);
    let max_lifetime = i64::try_from(call.app.config.jwt_max_lifetime.as_secs()).unwrap_or(i64::MAX);
    let integration = Arc::clone(integration);
    let checked = tokio::task::spawn_blocking(move || {
        let hosts: Vec<&str> = hosts.iter().map(String::as_str).collect();
        let expected = Expected {
            client_id: &integration.client_id,
            org: &integration.org_id,
            technical_account: &integration.technical_account,
            hosts: &hosts,
            metascopes: &metascopes(&integration.scopes),
            require_jti: integration.require_jti,
            max_lifetime,
        };
        exchange::check(&token, &integration.certificates, &expected, now)
    });
    let checked = checked
        .await
        .map_err(|error| ApiError::internal("exchange", error))?;
    Ok(checked?)
}

/// The metascopes that stand for scopes.
fn metascopes(scopes: &[String]) -> Vec<String> {
    let names = scopes.iter().map(|scope| match scope.as_str() {
        USER_MANAGEMENT => USER_MANAGEMENT_METASCOPE,
        other => other,
    });
    names.map(str::to_owned).collect()
}

/// `/ims/validate_token/v1` (ims.md 7.1).
async fn validate(call: Call<'_>, mut parameters: Parameters) -> Result<Reply, ApiError> {
    let headers = &call.parts.headers;
    if let Some(client) = header(headers, "x-ims-clientid") {
        parameters = parameters.with_header("client_id", client);
    }
    if let Some(token) = params::bearer(headers) {
        parameters = parameters.with_header("token", token);
    }
    let asked = Validation::of(&parameters)?;
    let verdict = verdict(call, asked).await?;
    let answer = validation_answer(verdict.as_ref().map(|verified| &verified.claims).map_err(|e| *e));
    Ok(Reply::ok(answer))
}

async fn verdict(
    call: Call<'_>,
    asked: Validation<'_>,
) -> Result<Result<Arc<crate::credentials::Verified>, Invalid>, ApiError> {
    let credentials = &call.app.credentials;
    let verified = match credentials.verify(asked.token).await? {
        Ok(verified) => verified,
        Err(invalid) => return Ok(Err(invalid)),
    };
    if verified.claims.client_id != asked.client_id {
        return Ok(Err(Invalid::ClientMismatch));
    }
    let integration = credentials.integration(asked.client_id).await?;
    let stands = integration.is_some_and(|i| i.enabled && i.stands_behind(&verified));
    Ok(if stands {
        Ok(verified)
    } else {
        Err(Invalid::Revoked)
    })
}

/// `/ims/revoke` (ims.md 7.4): unknown tokens, and those of others, are passed over in silence.
async fn revoke(call: Call<'_>, parameters: &Parameters, trace: &mut Trace) -> Result<Reply, ApiError> {
    let asked = Revocation::of(parameters);
    let integration = client(call, asked.client_id, trace).await?;
    check_secret(call, asked.client_secret, &integration, Kind::Any)?;
    let token = asked.token.ok_or(TokenError::BadRequest)?;
    if let Ok(verified) = call.app.credentials.verify(token).await?
        && verified.claims.client_id == integration.client_id
    {
        let (id, until) = (verified.claims.id.clone(), verified.expires_at + GRACE_MS);
        let about = json!({ "client_id": integration.client_id, "token_id": id });
        let entry = Entry {
            org: Some(integration.org),
            at: call.app.config.clock.now_ms(),
            actor: integration.technical_account.clone(),
            client: Some(integration.client_id.clone()),
            request_id: call.request_id.to_owned(),
            command: json!({ "tokenRevoked": about }).to_string(),
            changes: Vec::new(),
        };
        call.app
            .store
            .write(vec![integration.org], move |writer| {
                writer.revoke_token(&id, until)?;
                writer.apply(&entry)
            })
            .await?;
        call.app.credentials.forget();
    }
    Ok(Reply::value(&json!({})))
}

/// `/ims/.well-known/openid-configuration` (ims.md 7.3).
fn discovery(call: Call<'_>) -> Value {
    let config = &call.app.config;
    let scheme = match config.tls {
        crate::config::Tls::Off => "http",
        _ => "https",
    };
    let issuer = match (&config.public_url, config.ims_hosts.first()) {
        (Some(url), _) => url.trim_end_matches('/').to_owned(),
        (None, Some(host)) => format!("{scheme}://{host}"),
        (None, None) => format!("{scheme}://{}", request_host(call).unwrap_or("localhost")),
    };
    json!({
        "issuer": issuer,
        "token_endpoint": format!("{issuer}/ims/token/v3"),
        "jwks_uri": format!("{issuer}/ims/keys"),
        "revocation_endpoint": format!("{issuer}/ims/revoke"),
        "grant_types_supported": ["client_credentials"],
        "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
    })
}

/// The host that the request names, with its port: in the target for HTTP/2, in `Host` otherwise.
fn request_host(call: Call<'_>) -> Option<&str> {
    let authority = call.parts.uri.authority().map(http::uri::Authority::as_str);
    authority.or_else(|| header(&call.parts.headers, HOST.as_str()))
}

/// The integration that asks: known and enabled.
async fn client(call: Call<'_>, id: Option<&str>, trace: &mut Trace) -> Result<Arc<Integration>, ApiError> {
    let id = id.ok_or(TokenError::InvalidClient)?;
    let integration = call
        .app
        .credentials
        .fresh_integration(id)
        .await?
        .filter(|integration| integration.enabled)
        .ok_or(TokenError::InvalidClient)?;
    trace.client = Some(integration.client_id.clone());
    Ok(integration)
}

/// Lets whoever knows the secret in, unless that was too often. Wrong secrets are counted apart: the client id is no secret,
/// and others who try it must not use up what the client itself may ask.
fn check_secret(
    call: Call<'_>,
    sent: Option<&str>,
    integration: &Integration,
    kind: Kind,
) -> Result<String, ApiError> {
    let matched = matching_secret(call, sent, integration, kind);
    let (client, now) = (&integration.client_id, call.app.config.clock.monotonic_ms());
    let admitted = match matched {
        Ok(_) => call.app.counters.admit(Class::Token, client, now),
        Err(_) => call.app.counters.admit_failure(client, now),
    };
    if let Err(Wait(seconds)) = admitted {
        call.app.numbers.throttled(Class::Token);
        return Err(ApiError::TokenThrottled { seconds });
    }
    Ok(matched?)
}

/// The secret of the request, by its uuid. Every one is compared, so that time does not tell which of them it is.
fn matching_secret(
    call: Call<'_>,
    sent: Option<&str>,
    integration: &Integration,
    kind: Kind,
) -> Result<String, TokenError> {
    let sent = sent.ok_or(TokenError::InvalidSecret)?;
    let master = &call.app.credentials.master;
    let mut matched = Err(TokenError::InvalidSecret);
    for secret in integration.secrets_of(kind) {
        if master.verify_secret(&integration.client_id, sent, &secret.hash) {
            matched = Ok(secret.uuid.clone());
        }
    }
    matched
}

impl Integration {
    /// The secrets that open one kind of credential; an integration whose kinds share their secret has it under
    /// either.
    fn secrets_of(&self, kind: Kind) -> Vec<&roster_store::Secret> {
        let wanted = match kind {
            Kind::OAuth => roster_store::SecretKind::OAuth,
            Kind::Jwt => roster_store::SecretKind::Jwt,
            Kind::Any => return self.secrets.iter().collect(),
        };
        let own: Vec<_> = self
            .secrets
            .iter()
            .filter(|secret| secret.kind == wanted)
            .collect();
        if own.is_empty() {
            return self.secrets.iter().collect();
        }
        own
    }
}

/// Notes when a secret was last used. It is for people who rotate secrets: a token is not refused over it.
async fn used(call: Call<'_>, integration: &Integration, uuid: String, grant: &'static str) {
    call.app.numbers.token_issued(grant);
    let (id, now) = (integration.client_id.clone(), call.app.config.clock.now_ms());
    let noted = call
        .app
        .store
        .write(Vec::new(), move |writer| writer.touch_secret(&id, &uuid, now))
        .await;
    if let Err(error) = noted {
        tracing::warn!(
            target: "roster::request",
            error = %error,
            client.id = integration.client_id,
            "the last use of a secret could not be noted: {error}"
        );
    }
}
