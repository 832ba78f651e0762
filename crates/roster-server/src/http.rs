//! The life of a request: found, admitted, answered, logged. What it is about is the handlers' affair.

use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::time::Instant;

use axum::body::Body;
use axum::extract::{ConnectInfo, State};
use axum::response::Response;
use futures_util::FutureExt as _;
use http::header::{CONNECTION, CONTENT_LENGTH, HeaderName, HeaderValue, PRAGMA, USER_AGENT};
use http::request::Parts;
use http::{Method, Request};
use roster_umapi::query::parameters::Parameters;
use roster_umapi::request::RequestError;

use crate::app::App;
use crate::error::ApiError;
use crate::observe::{self, Trace};
use crate::reply::Reply;
use crate::request::{Payload, for_log, header, request_id};
use crate::route::{self, Params, Route, Row};
use crate::{health, openapi, token, umapi};

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Everything a handler may look at, body apart.
#[derive(Clone, Copy)]
pub(crate) struct Call<'a> {
    pub(crate) app: &'a App,
    pub(crate) row: &'static Row,
    pub(crate) params: &'a Params<'a>,
    pub(crate) query: &'a Parameters,
    pub(crate) parts: &'a Parts,
    pub(crate) request_id: &'a str,
}

impl Call<'_> {
    /// The method, HEAD taken as GET.
    pub(crate) fn method(&self) -> &Method {
        match self.parts.method {
            Method::HEAD => &Method::GET,
            ref method => method,
        }
    }

    /// A parameter of the path, decoded; empty when the path came without it.
    pub(crate) fn param(&self, name: &str) -> Result<String, ApiError> {
        let raw = self.params.raw(name).unwrap_or_default();
        route::decode(raw).ok_or_else(|| {
            let segment = raw.to_owned();
            RequestError::MalformedPath { segment }.into()
        })
    }

    /// Where the request came from, when it came over a socket.
    pub(crate) fn peer(&self) -> Option<SocketAddr> {
        self.parts
            .extensions
            .get::<ConnectInfo<SocketAddr>>()
            .map(|info| info.0)
    }
}

/// A router that answers everything by the route table.
pub fn router(app: App) -> axum::Router {
    axum::Router::new().fallback(handle).with_state(app)
}

async fn handle(State(app): State<App>, request: Request<Body>) -> Response {
    let started = Instant::now();
    let (parts, body) = request.into_parts();
    let id = request_id(&parts.headers).unwrap_or_else(|| {
        HeaderValue::from_str(&app.config.chance.hex(32)).unwrap_or(HeaderValue::from_static("-"))
    });
    let id_text = String::from_utf8_lossy(id.as_bytes()).into_owned();
    let mut trace = Trace::default();
    app.numbers.in_flight(1.0);
    let mut payload = Payload::new(body);
    let answered = AssertUnwindSafe(answer(&app, &parts, &mut payload, &id_text, &mut trace))
        .catch_unwind()
        .await;
    payload.drain().await;
    app.numbers.in_flight(-1.0);
    let (mut reply, cause) = match answered {
        Ok(Ok(reply)) => (reply, None),
        Ok(Err(error)) => {
            app.numbers.refused("request", error.code());
            (refusal(&app, &trace, &error), error.cause().map(str::to_owned))
        }
        Err(_) => {
            let error = ApiError::internal(&id_text, "a handler panicked");
            app.numbers.refused("request", error.code());
            (
                refusal(&app, &trace, &error),
                Some("a handler panicked".to_owned()),
            )
        }
    };
    reply.headers.insert(X_REQUEST_ID, id);
    if payload.abandoned {
        reply
            .headers
            .insert(CONNECTION, HeaderValue::from_static("close"));
    }
    if let Some(canonical) = trace.row.and_then(|row| row.canonical) {
        reply.set(HeaderName::from_static("canonical-resource"), canonical);
    }
    let reply = reply.compressed_for(&parts.headers).await;
    observe::finish(
        &app.numbers,
        &trace,
        &parts.method,
        &id_text,
        reply.status,
        started.elapsed(),
        cause.as_deref(),
    );
    into_response(reply, parts.method == Method::HEAD)
}

/// Finds the route, checks the method and lets the handler answer.
async fn answer(
    app: &App,
    parts: &Parts,
    body: &mut Payload,
    request_id: &str,
    trace: &mut Trace,
) -> Result<Reply, ApiError> {
    let query = Parameters::parse(parts.uri.query());
    trace.query = for_log(parts.uri.query().unwrap_or_default());
    trace.user_agent = clipped(&parts.headers, &USER_AGENT).unwrap_or_default();
    trace.pragma = clipped(&parts.headers, &PRAGMA);
    let (row, params) = route::find(parts.uri.path()).ok_or(RequestError::NoSuchResource)?;
    trace.row = Some(row);
    if parts.method == Method::OPTIONS {
        return Ok(Reply::options(&row.allow()));
    }
    if !row.allows(&parts.method) {
        return Err(ApiError::MethodNotAllowed { allow: row.allow() });
    }
    if app.is_stopping() && row.route != Route::Livez {
        return Err(ApiError::Unavailable {
            cause: "the server is stopping".to_owned(),
        });
    }
    let call = Call {
        app,
        row,
        params: &params,
        query: &query,
        parts,
        request_id,
    };
    match row.route {
        Route::Status => Ok(health::status(call)),
        Route::Livez => Ok(health::livez()),
        Route::Readyz => health::readyz(call).await,
        Route::Metrics => health::metrics(call),
        Route::OpenApi => Ok(openapi::reply(call)),
        Route::TokenV2
        | Route::TokenV3
        | Route::ExchangeJwt
        | Route::ValidateToken
        | Route::Keys
        | Route::Discovery
        | Route::Revoke => token::answer(call, body, trace).await,
        Route::Secrets | Route::Secret => token::secrets::answer(call, trace).await,
        _ => umapi::answer(call, body, trace).await,
    }
}

fn refusal(app: &App, trace: &Trace, error: &ApiError) -> Reply {
    if trace.row.is_some_and(|row| row.path.starts_with("/ims/")) {
        error.token_reply().with("x-debug-id", &app.config.chance.uuid())
    } else {
        error.reply()
    }
}

fn clipped(headers: &http::HeaderMap, name: &HeaderName) -> Option<String> {
    header(headers, name.as_str()).map(|text| text.chars().take(200).collect())
}

fn into_response(reply: Reply, head: bool) -> Response {
    let Reply {
        status,
        headers,
        body,
    } = reply;
    let length = body.len();
    let body = if head { Body::empty() } else { Body::from(body) };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    if head {
        response
            .headers_mut()
            .insert(CONTENT_LENGTH, HeaderValue::from(length));
    }
    response
}
