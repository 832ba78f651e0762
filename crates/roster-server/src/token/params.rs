//! Where the parameters of a token request come from: an urlencoded or multipart body, the query, Basic
//! authentication (ims.md 3 and 4).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::HeaderMap;
use http::header::{AUTHORIZATION, CONTENT_TYPE};

use roster_umapi::form;
use roster_umapi::token::{Parameters, TokenError};

use crate::request::header;

/// Longer bodies are refused.
pub(crate) const MAX_BODY: usize = 64 * 1024;

/// Reads all parameters: those of the body win over those of the query, those over Basic authentication.
pub(crate) async fn read(
    headers: &HeaderMap,
    query: Option<&str>,
    body: Bytes,
) -> Result<Parameters, TokenError> {
    let content_type = header(headers, CONTENT_TYPE.as_str()).unwrap_or_default();
    let fields = match multer::parse_boundary(content_type) {
        Ok(boundary) => multipart(body, boundary).await?,
        Err(_)
            if content_type
                .to_ascii_lowercase()
                .starts_with("multipart/form-data") =>
        {
            return Err(TokenError::BadRequest);
        }
        Err(_) => form::parse(&body),
    };
    let query = form::parse(query.unwrap_or_default().as_bytes());
    let parameters = Parameters::new(fields, query);
    Ok(match basic(headers) {
        Some((id, secret)) => parameters.with_basic(&id, &secret),
        None => parameters,
    })
}

async fn multipart(body: Bytes, boundary: String) -> Result<Vec<(String, String)>, TokenError> {
    let stream = futures_util::stream::once(async move { Ok::<Bytes, std::io::Error>(body) });
    let mut parts = multer::Multipart::new(stream, boundary);
    let mut fields = Vec::new();
    while let Some(field) = parts.next_field().await.map_err(|_| TokenError::BadRequest)? {
        let name = field.name().unwrap_or_default().to_owned();
        let value = field.bytes().await.map_err(|_| TokenError::BadRequest)?;
        fields.push((name, String::from_utf8_lossy(&value).into_owned()));
    }
    Ok(fields)
}

fn basic(headers: &HeaderMap) -> Option<(String, String)> {
    let (scheme, encoded) = header(headers, AUTHORIZATION.as_str())?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (id, secret) = decoded.split_once(':')?;
    Some((id.to_owned(), secret.to_owned()))
}

/// The bearer token of a request: the scheme in any letter case, then exactly one space (umapi.md 2.4).
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = header(headers, AUTHORIZATION.as_str())?.split_once(' ')?;
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn headers(content_type: &'static str, authorization: &'static str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        if !content_type.is_empty() {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        }
        if !authorization.is_empty() {
            headers.insert(AUTHORIZATION, HeaderValue::from_static(authorization));
        }
        headers
    }

    async fn read_one(headers: HeaderMap, query: &str, body: &'static str) -> Result<Parameters, TokenError> {
        read(&headers, Some(query), Bytes::from_static(body.as_bytes())).await
    }

    #[tokio::test]
    async fn r302_all_three_sources_work() {
        let multipart = "--b\r\nContent-Disposition: form-data; name=\"client_id\"\r\n\r\nx+y\r\n--b--\r\n";
        for (content_type, query, body) in [
            ("application/x-www-form-urlencoded", "", "client_id=x%2By"),
            (
                "application/x-www-form-urlencoded; charset=utf-8",
                "",
                "client_id=x%2By",
            ),
            ("", "", "client_id=x%2By"),
            ("application/json", "", "client_id=x%2By"),
            ("multipart/form-data; boundary=b", "", multipart),
            ("", "client_id=x%2By", ""),
        ] {
            let form = read_one(headers(content_type, ""), query, body).await.unwrap();
            assert_eq!(form.get("client_id"), Some("x+y"), "{content_type} {query}");
        }
    }

    #[tokio::test]
    async fn r303_the_body_wins_over_the_query_and_that_over_basic() {
        let basic = headers("", "bAsIc YmFzaWM6cDhlLWJhc2lj");
        let form = read_one(basic.clone(), "client_id=query", "client_id=body&client_id=again")
            .await
            .unwrap();
        assert_eq!(form.get("client_id"), Some("body"));
        assert_eq!(form.get("client_secret"), Some("p8e-basic"));
        let form = read_one(basic, "", "").await.unwrap();
        assert_eq!(form.get("client_id"), Some("basic"));
    }

    #[tokio::test]
    async fn broken_multipart_is_refused() {
        for (content_type, body) in [
            ("multipart/form-data", "x"),
            (
                "multipart/form-data; boundary=b",
                "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nx",
            ),
            ("multipart/form-data; boundary=b", "nothing of the kind"),
        ] {
            let refused = read_one(headers(content_type, ""), "", body).await;
            assert_eq!(refused.unwrap_err(), TokenError::BadRequest, "{body}");
        }
    }

    #[test]
    fn a_bearer_token_stands_behind_exactly_one_space() {
        assert_eq!(bearer(&headers("", "bEARER abc")), Some("abc"));
        assert_eq!(
            bearer(&headers("", "Bearer  abc")),
            Some(" abc"),
            "and is no token then"
        );
        for none in ["Bearer", "Bearer ", "Basic abc", "abc"] {
            assert_eq!(bearer(&headers("", none)), None, "{none}");
        }
    }
}
