//! Answers before they become HTTP: status, headers, body; and what all of them have in common.

use std::io::Write as _;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::header::{ACCEPT_ENCODING, ALLOW, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, HeaderName, VARY};
use http::{HeaderMap, HeaderValue, StatusCode};

/// The content type of every JSON answer.
pub(crate) const JSON: &str = "application/json;charset=UTF-8";

/// Answers shorter than this are not worth compressing.
const COMPRESS_FROM: usize = 1024;
/// Answers longer than this are compressed off the async workers.
const COMPRESS_APART: usize = 64 * 1024;

/// An answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Reply {
    /// A JSON answer with any status.
    pub(crate) fn json(status: StatusCode, body: impl Into<Bytes>) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(JSON));
        Self {
            status,
            headers,
            body: body.into(),
        }
    }

    /// 200 with JSON.
    pub(crate) fn ok(body: impl Into<Bytes>) -> Self {
        Self::json(StatusCode::OK, body)
    }

    /// 200 with a JSON value.
    pub(crate) fn value(value: &serde_json::Value) -> Self {
        Self::ok(value.to_string().into_bytes())
    }

    /// 201 with JSON.
    pub(crate) fn created(body: Vec<u8>) -> Self {
        Self::json(StatusCode::CREATED, body)
    }

    /// 204.
    pub(crate) fn no_content() -> Self {
        Self {
            status: StatusCode::NO_CONTENT,
            headers: HeaderMap::new(),
            body: Bytes::new(),
        }
    }

    /// 200 with text of another type.
    pub(crate) fn text(content_type: &'static str, body: String) -> Self {
        let mut reply = Self::ok(body.into_bytes());
        reply
            .headers
            .insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        reply
    }

    /// 204 that says which methods a path takes.
    pub(crate) fn options(allow: &str) -> Self {
        let mut reply = Self::no_content();
        reply.set(ALLOW, allow);
        reply
    }

    /// Sets a header; a value that no header can hold is left out.
    pub(crate) fn set(&mut self, name: HeaderName, value: &str) {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(name, value);
        }
    }

    /// Sets a header by its lower-case name.
    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.set(HeaderName::from_static(name), value);
        self
    }

    /// Forbids caches to keep the answer.
    pub(crate) fn no_store(mut self) -> Self {
        self.headers
            .insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        self
    }

    /// Compresses the body where the caller allows it and it is worth it.
    pub(crate) async fn compressed_for(mut self, request: &HeaderMap) -> Self {
        if self.body.len() < COMPRESS_FROM || !accepts_gzip(request) {
            return self;
        }
        let body = self.body.clone();
        let compressed = if body.len() < COMPRESS_APART {
            gzip(&body)
        } else {
            tokio::task::spawn_blocking(move || gzip(&body))
                .await
                .ok()
                .flatten()
        };
        if let Some(compressed) = compressed {
            self.body = Bytes::from(compressed);
            self.headers
                .insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            self.headers
                .insert(VARY, HeaderValue::from_static("Accept-Encoding"));
        }
        self
    }
}

fn gzip(body: &[u8]) -> Option<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 4), Compression::fast());
    encoder.write_all(body).ok()?;
    encoder.finish().ok()
}

/// Whether `Accept-Encoding` names gzip (or anything) with a weight above 0.
fn accepts_gzip(headers: &HeaderMap) -> bool {
    let mut anything = false;
    let values = headers
        .get_all(ACCEPT_ENCODING)
        .iter()
        .filter_map(|v| v.to_str().ok());
    for coding in values.flat_map(|v| v.split(',')) {
        let mut parts = coding.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default();
        let refused = parts
            .filter_map(|p| p.strip_prefix("q=").or_else(|| p.strip_prefix("Q=")))
            .any(|q| q.trim().parse::<f32>().is_ok_and(|q| q <= 0.0));
        if name.eq_ignore_ascii_case("gzip") || name.eq_ignore_ascii_case("x-gzip") {
            return !refused;
        }
        anything |= name == "*" && !refused;
    }
    anything
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accept(value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::from_static(value))])
    }

    #[test]
    fn gzip_only_for_those_who_ask() {
        for yes in ["gzip", "deflate, GZIP;q=0.5", "*", "br, *;q=0.1"] {
            assert!(accepts_gzip(&accept(yes)), "{yes}");
        }
        for no in ["", "identity", "gzip;q=0", "*;q=0", "br", "*, gzip;q=0.0"] {
            assert!(!accepts_gzip(&accept(no)), "{no}");
        }
        assert!(!accepts_gzip(&HeaderMap::new()));
    }

    #[tokio::test]
    async fn what_is_compressed_is_the_same_when_unpacked() {
        let text = "abc".repeat(40_000);
        let reply = Reply::ok(text.clone().into_bytes())
            .compressed_for(&accept("gzip"))
            .await;
        assert!(reply.body.len() < 2_000);
        let mut back = String::new();
        std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(&reply.body[..]), &mut back).unwrap();
        assert_eq!(back, text);
        let small = Reply::ok(b"{}".to_vec()).compressed_for(&accept("gzip")).await;
        assert!(!small.headers.contains_key(CONTENT_ENCODING));
    }
}
