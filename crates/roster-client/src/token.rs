//! Access tokens: how they are asked for, and how long what they bring is good for.

use std::collections::BTreeMap;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::config::{Config, Grant};
use crate::error::{ClientError, excerpt};

/// A token and the moment from which it should not be used any more.
#[derive(Clone)]
pub(crate) struct Token {
    pub(crate) text: String,
    pub(crate) renew_at: Instant,
}

/// How long before its end a token is replaced, so that no request arrives with one that has just expired.
const MARGIN: Duration = Duration::from_mins(5);

/// A JWT for the exchange lives this long; the exchange takes no more than a day.
const JWT_LIFETIME: u64 = 24 * 60 * 60;

/// The fields of the token request.
pub(crate) fn form(config: &Config) -> Result<Vec<(&'static str, String)>, ClientError> {
    let mut form = vec![
        ("client_id", config.client_id.clone()),
        ("client_secret", config.client_secret.reveal().to_owned()),
    ];
    match &config.grant {
        Grant::ClientCredentials { scope } => {
            form.push(("grant_type", "client_credentials".to_owned()));
            form.push(("scope", scope.clone()));
        }
        Grant::Jwt {
            technical_account,
            private_key,
        } => {
            form.push((
                "jwt_token",
                signed(config, technical_account, private_key.reveal())?,
            ));
        }
    }
    Ok(form)
}

fn signed(config: &Config, technical_account: &str, private_key: &str) -> Result<String, ClientError> {
    let key = EncodingKey::from_rsa_pem(private_key.as_bytes()).map_err(|e| {
        ClientError::PrivateKey(format!("it is not an unencrypted RSA key in PEM form ({e})"))
    })?;
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs();
    let host = config.auth_host.name();
    let claims = BTreeMap::from([
        ("exp".to_owned(), json!(now + JWT_LIFETIME)),
        ("iss".to_owned(), json!(config.organization)),
        ("sub".to_owned(), json!(technical_account)),
        (
            "aud".to_owned(),
            json!(format!("https://{host}/c/{}", config.client_id)),
        ),
        (format!("https://{host}/s/ent_user_sdk"), Value::Bool(true)),
    ]);
    jsonwebtoken::encode(&Header::new(Algorithm::RS256), &claims, &key)
        .map_err(|e| ClientError::PrivateKey(e.to_string()))
}

/// Reads the answer of the token endpoint.
///
/// `form` is what was asked with: an answer that repeats a secret of it is not shown.
pub(crate) fn read(
    config: &Config,
    form: &[(&str, String)],
    status: u16,
    body: &[u8],
    now: Instant,
) -> Result<Token, ClientError> {
    let url = config.token_url();
    let shown = |text: String| {
        if repeats_a_secret(&text, form) {
            "(hidden: it repeats a secret)".to_owned()
        } else {
            text
        }
    };
    if status != 200 {
        let error: Refusal = serde_json::from_slice(body).unwrap_or_default();
        return Err(ClientError::Token {
            url,
            status,
            code: error.error.map(shown),
            message: error.error_description.map(shown),
        });
    }
    let answer: Answer = serde_json::from_slice(body).map_err(|e| ClientError::NotUnderstood {
        request: format!("POST {url}"),
        status,
        problem: shown(e.to_string()),
        excerpt: if body.trim_ascii_start().starts_with(b"{")
            || repeats_a_secret(&String::from_utf8_lossy(body), form)
            || String::from_utf8_lossy(body).contains("access_token")
        {
            "(hidden)".to_owned()
        } else {
            excerpt(body)
        },
    })?;
    let lifetime = match config.grant {
        // The exchange counts in milliseconds, the other endpoint in seconds.
        Grant::Jwt { .. } => Duration::from_millis(answer.expires_in),
        Grant::ClientCredentials { .. } => Duration::from_secs(answer.expires_in),
    };
    let usable = lifetime.saturating_sub(MARGIN.min(lifetime / 2));
    Ok(Token {
        text: answer.access_token,
        renew_at: now + usable,
    })
}

/// Whether a text has a secret in it, plain or as it is written in a form, in JSON or on a page.
fn repeats_a_secret(text: &str, form: &[(&str, String)]) -> bool {
    /// So many letters and digits of a secret in a row are no chance.
    const TELLING: usize = 8;
    let page = [
        "&lt;<", "&gt;>", "&quot;\"", "&#34;\"", "&#39;'", "&#x27;'", "&apos;'", "&amp;&",
    ]
    .into_iter()
    .filter_map(|pair| pair.split_at_checked(pair.len() - 1))
    .fold(text.to_owned(), |text, (entity, sign)| text.replace(entity, sign));
    let folded = text.to_ascii_lowercase();
    let secrets = form
        .iter()
        .filter(|(name, value)| matches!(*name, "client_secret" | "jwt_token") && !value.is_empty());
    secrets.into_iter().any(|(_, secret)| {
        let encoded = utf8_percent_encode(secret, NON_ALPHANUMERIC).to_string();
        let json = Value::from(secret.as_str()).to_string();
        let spelled = text.replace('+', " ");
        let decoded = percent_decode_str(&spelled).decode_utf8_lossy();
        text.contains(secret.as_str())
            || text.contains(&encoded)
            || text.contains(json.trim_matches('"'))
            || decoded.contains(secret.as_str())
            || page.contains(secret.as_str())
            // However signs are written, letters and digits are the same everywhere.
            || secret
                .split(|c: char| !c.is_ascii_alphanumeric())
                .any(|run| run.len() >= TELLING && folded.contains(&run.to_ascii_lowercase()))
    })
}

#[derive(Deserialize)]
struct Answer {
    access_token: String,
    expires_in: u64,
}

#[derive(Deserialize, Default)]
struct Refusal {
    error: Option<String>,
    error_description: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_and_milliseconds_are_told_apart_by_the_grant() {
        let now = Instant::now();
        let oauth = Config::oauth("o", "i", "s");
        let token = read(
            &oauth,
            &[],
            200,
            br#"{"access_token":"t","expires_in":86399}"#,
            now,
        )
        .unwrap();
        assert_eq!((token.renew_at - now).as_secs(), 86399 - 300);
        let jwt = Config::jwt("o", "i", "s", "t", "k");
        let token = read(
            &jwt,
            &[],
            200,
            br#"{"access_token":"t","expires_in":86399000}"#,
            now,
        )
        .unwrap();
        assert_eq!((token.renew_at - now).as_secs(), 86399 - 300);
        let token = read(&oauth, &[], 200, br#"{"access_token":"t","expires_in":60}"#, now).unwrap();
        assert_eq!(
            (token.renew_at - now).as_secs(),
            30,
            "a short one is not renewed before every request"
        );
    }

    #[test]
    fn a_refusal_keeps_what_the_endpoint_said_and_no_secret() {
        let config = Config::oauth("o", "i", "s3cret");
        let body = br#"{"error":"invalid_client","error_description":"no such client"}"#;
        let error = read(&config, &[], 400, body, Instant::now())
            .err()
            .unwrap()
            .to_string();
        assert!(error.contains("400, invalid_client: no such client"), "{error}");
        assert!(!error.contains("s3cret"));
    }

    #[test]
    fn an_answer_that_repeats_a_secret_is_not_shown() {
        let config = Config::oauth("o", "i", "s3/cr+et é");
        let form = form(&config).unwrap();
        let read = |status, body: &str| {
            read(&config, &form, status, body.as_bytes(), Instant::now())
                .err()
                .unwrap()
                .to_string()
        };
        for (status, body) in [
            (
                400,
                r#"{"error":"bad","error_description":"you sent client_secret=s3/cr+et é"}"#,
            ),
            (400, r#"{"error":"bad s3/cr+et \u00e9"}"#),
            (
                400,
                r#"{"error":"bad","error_description":"client_secret=s3%2Fcr%2Bet%20%C3%A9&x=y"}"#,
            ),
            (
                400,
                r#"{"error":"bad","error_description":"client_secret=s3%2fcr%2bet+%c3%a9&x=y"}"#,
            ),
            (200, "you sent client_secret=s3%2Fcr%2Bet%20%C3%A9"),
            (200, "<html>s3/cr+et é</html>"),
            (200, r#" {"access_token":"s3/cr+et é"}"#),
        ] {
            let said = read(status, body);
            assert!(said.contains("hidden") && !said.contains("s3"), "{said}");
        }
        for (secret, body) in [
            ("a&b<c", "<p>a&amp;b&lt;c"),
            (
                "a&b<c-0123456789abcdef",
                "<p>client_secret a&#38;b&#60;c-0123456789ABCDEF",
            ),
            ("a&b-0123456789abcdef", r"a\u0026b-0123456789abcdef"),
        ] {
            let config = Config::oauth("o", "i", secret);
            let form = super::form(&config).unwrap();
            let error = super::read(&config, &form, 200, body.as_bytes(), Instant::now()).err();
            let said = error.unwrap().to_string();
            assert!(said.contains("hidden") && !said.contains("a&"), "{said}");
        }
        assert!(read(400, r#"{"error":"bad","error_description":"try later"}"#).contains("bad: try later"));
        assert!(read(200, "<html>").contains("<html>"));
    }

    #[test]
    fn a_key_that_cannot_sign_is_named_so() {
        let config = Config::jwt("o", "i", "s", "t", "nonsense");
        assert!(matches!(form(&config), Err(ClientError::PrivateKey(_))));
    }
}
