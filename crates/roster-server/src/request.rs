//! What arrives: query parameters, bodies within bounds, and the few headers that matter.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::body::{Body, BodyDataStream, HttpBody as _};
use bytes::Bytes;
use futures_util::StreamExt as _;
use http::{HeaderMap, HeaderValue};
use roster_umapi::form;

use crate::error::ApiError;

/// The parameters of a query for the log: values only of those that are known to be harmless, names only of those
/// that are known.
pub(crate) fn for_log(query: &str) -> String {
    const HARMLESS: [&str; 7] = [
        "page",
        "directOnly",
        "excludeGroups",
        "status",
        "testOnly",
        "type",
        "grant_type",
    ];
    const HIDDEN: [&str; 6] = [
        "domain",
        "client_id",
        "client_secret",
        "jwt_token",
        "token",
        "scope",
    ];
    let shown = |(name, value): (String, String)| {
        if HARMLESS.contains(&name.as_str()) {
            let value: String = value.chars().filter(|c| !c.is_control()).take(40).collect();
            format!("{name}={value}")
        } else if HIDDEN.contains(&name.as_str()) {
            format!("{name}=…")
        } else {
            "…".to_owned()
        }
    };
    let fields: Vec<String> = form::parse(query.as_bytes())
        .into_iter()
        .take(20)
        .map(shown)
        .collect();
    fields.join("&")
}

/// The value of a header as text, if it is there once and readable.
pub(crate) fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// The request id to echo: as sent, at most 512 bytes.
pub(crate) fn request_id(headers: &HeaderMap) -> Option<HeaderValue> {
    let value = headers.get("x-request-id").filter(|value| !value.is_empty())?;
    match value.as_bytes().get(..512) {
        Some(start) => HeaderValue::from_bytes(start).ok(),
        None => Some(value.clone()),
    }
}

/// How much of request bodies may be held at once, over all requests.
#[derive(Debug, Clone)]
pub(crate) struct BodyBudget {
    held: Arc<AtomicUsize>,
    limit: usize,
}

/// Bytes counted against the budget while this lives.
#[derive(Debug)]
struct Share {
    held: Arc<AtomicUsize>,
    bytes: usize,
}

impl Drop for Share {
    fn drop(&mut self) {
        self.held.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// A body, read whole; counts against the budget while it lives.
#[derive(Debug)]
pub(crate) struct WholeBody {
    pub(crate) bytes: Bytes,
    _share: Share,
}

/// The body of a request on its way through the handlers.
#[derive(Debug)]
pub(crate) struct Payload {
    unread: Option<BodyDataStream>,
    /// Something of it is still to come that nobody will read.
    pub(crate) abandoned: bool,
}

/// How much of a body that nobody wants is read all the same, so that the connection can be used again.
const DRAIN_BYTES: usize = 32 << 20;
/// And for how long.
const DRAIN_TIME: Duration = Duration::from_secs(5);

impl Payload {
    pub(crate) fn new(body: Body) -> Self {
        let unread = Some(body).filter(|body| !body.is_end_stream());
        Self {
            unread: unread.map(Body::into_data_stream),
            abandoned: false,
        }
    }

    /// Reads what is left when the answer is known already: many clients look for an answer only when they have sent
    /// everything, and send their next request on the same connection.
    pub(crate) async fn drain(&mut self) {
        let Some(mut stream) = self.unread.take() else {
            return;
        };
        let reading = async {
            let mut read = 0;
            while let Some(chunk) = stream.next().await {
                read += chunk.map_or(DRAIN_BYTES, |chunk| chunk.len());
                if read >= DRAIN_BYTES {
                    return false;
                }
            }
            true
        };
        self.abandoned = !tokio::time::timeout(DRAIN_TIME, reading).await.unwrap_or(false);
    }
}

impl BodyBudget {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            held: Arc::default(),
            limit,
        }
    }

    /// Reads a body of at most `max` bytes: `None` when it is longer (the rest is left). Slow senders and those
    /// beyond the budget are refused.
    pub(crate) async fn read(
        &self,
        payload: &mut Payload,
        max: usize,
        timeout: Duration,
    ) -> Result<Option<WholeBody>, ApiError> {
        let Some(mut stream) = payload.unread.take() else {
            return self.collect(&mut Body::empty().into_data_stream(), max).await;
        };
        match tokio::time::timeout(timeout, self.collect(&mut stream, max)).await {
            Ok(Ok(Some(whole))) => Ok(Some(whole)),
            Ok(Err(ApiError::BodyBroken)) => {
                payload.abandoned = true;
                Err(ApiError::BodyBroken)
            }
            Ok(refused) => {
                payload.unread = Some(stream);
                refused
            }
            Err(_) => {
                payload.abandoned = true;
                Err(ApiError::BodyTimeout)
            }
        }
    }

    async fn collect(&self, stream: &mut BodyDataStream, max: usize) -> Result<Option<WholeBody>, ApiError> {
        let mut share = Share {
            held: Arc::clone(&self.held),
            bytes: 0,
        };
        let mut whole: Vec<u8> = Vec::new();
        while let Some(chunk) = stream.next().await {
            let chunk = chunk.map_err(|_| ApiError::BodyBroken)?;
            if whole.len() + chunk.len() > max {
                return Ok(None);
            }
            let held = self.held.fetch_add(chunk.len(), Ordering::Relaxed) + chunk.len();
            share.bytes += chunk.len();
            if held > self.limit {
                return Err(ApiError::Unavailable {
                    cause: "too many request bodies at once".to_owned(),
                });
            }
            whole.extend_from_slice(&chunk);
        }
        Ok(Some(WholeBody {
            bytes: Bytes::from(whole),
            _share: share,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_do_not_reach_the_log() {
        let log = for_log("client_secret=canary&testOnly=true&canary2=x&domain=canary.example");
        assert_eq!(log, "client_secret=…&testOnly=true&…&domain=…");
    }

    #[tokio::test]
    async fn bodies_have_bounds() {
        let budget = BodyBudget::new(100);
        let wait = Duration::from_secs(1);
        let body = budget
            .read(&mut Payload::new(Body::from("x".repeat(60))), 60, wait)
            .await
            .unwrap();
        assert_eq!(body.as_ref().unwrap().bytes.len(), 60);
        assert!(
            budget
                .read(&mut Payload::new(Body::from("x".repeat(61))), 60, wait)
                .await
                .unwrap()
                .is_none()
        );
        let refused = budget
            .read(&mut Payload::new(Body::from("x".repeat(50))), 60, wait)
            .await;
        assert!(matches!(refused, Err(ApiError::Unavailable { .. })));
        drop(body);
        assert!(
            budget
                .read(&mut Payload::new(Body::from("x".repeat(50))), 60, wait)
                .await
                .unwrap()
                .is_some()
        );
        let silent = Body::from_stream(futures_util::stream::pending::<Result<Bytes, std::io::Error>>());
        let slow = budget
            .read(&mut Payload::new(silent), 60, Duration::from_millis(20))
            .await;
        assert!(matches!(slow, Err(ApiError::BodyTimeout)));
        assert_eq!(budget.held.load(Ordering::Relaxed), 0);
    }
}
