//! How the server is: for clients, for supervisors, for Prometheus.

use http::header::AUTHORIZATION;
use serde_json::json;

use crate::config::Secret;
use crate::error::ApiError;
use crate::http::Call;
use crate::reply::Reply;
use crate::request::header;

/// `/status`: what clients ask for, without authentication (umapi.md 2.9).
pub(crate) fn status(call: Call<'_>) -> Reply {
    Reply::value(&json!({
        "build": call.app.config.build,
        "version": "2.0",
        "state": "LIVE",
        "environment": call.app.config.environment,
    }))
}

/// `/livez`: the process answers.
pub(crate) fn livez() -> Reply {
    Reply::value(&json!({"live": true}))
}

/// `/readyz`: requests would be carried out, and a small change saved. A disk may be too full for a larger one: reading goes on then,
/// and each refusal is in the log and in the numbers.
pub(crate) async fn readyz(call: Call<'_>) -> Result<Reply, ApiError> {
    call.app.store.ping_write().await?;
    Ok(Reply::value(&json!({"ready": true})))
}

/// `/metrics`: for those with the token from the settings; without one, for callers on this machine. A proxy makes
/// everybody a caller on this machine, so a token that is set is always asked for.
pub(crate) fn metrics(call: Call<'_>) -> Result<Reply, ApiError> {
    let allowed = match &call.app.config.metrics_token {
        Some(wanted) => has_token(call, wanted),
        None => call
            .peer()
            .is_some_and(|peer| peer.ip().to_canonical().is_loopback()),
    };
    if !allowed {
        return Err(ApiError::MetricsForbidden);
    }
    Ok(Reply::text(
        "text/plain; version=0.0.4; charset=utf-8",
        call.app.numbers.render(&call.app.store),
    ))
}

fn has_token(call: Call<'_>, wanted: &Secret) -> bool {
    let sent = header(&call.parts.headers, AUTHORIZATION.as_str())
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    sent.is_some_and(|(_, token)| {
        aws_lc_rs::constant_time::verify_slices_are_equal(token.as_bytes(), wanted.reveal().as_bytes())
            .is_ok()
    })
}
