//! Access tokens: how they are asked for, and how long what they bring is good for.

use std::collections::BTreeMap;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use jsonwebtoken::{Algorithm, EncodingKey, Header};
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
pub(crate) fn read(config: &Config, status: u16, body: &[u8], now: Instant) -> Result<Token, ClientError> {
    let url = config.token_url();
    if status != 200 {
        let error: Refusal = serde_json::from_slice(body).unwrap_or_default();
        return Err(ClientError::Token {
            url,
            status,
            code: error.error,
            message: error.error_description,
        });
    }
    let answer: Answer = serde_json::from_slice(body).map_err(|e| ClientError::NotUnderstood {
        request: format!("POST {url}"),
        status,
        problem: e.to_string(),
        excerpt: if body.starts_with(b"{") {
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
        let token = read(&oauth, 200, br#"{"access_token":"t","expires_in":86399}"#, now).unwrap();
        assert_eq!((token.renew_at - now).as_secs(), 86399 - 300);
        let jwt = Config::jwt("o", "i", "s", "t", "k");
        let token = read(&jwt, 200, br#"{"access_token":"t","expires_in":86399000}"#, now).unwrap();
        assert_eq!((token.renew_at - now).as_secs(), 86399 - 300);
        let token = read(&oauth, 200, br#"{"access_token":"t","expires_in":60}"#, now).unwrap();
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
        let error = read(&config, 400, body, Instant::now())
            .err()
            .unwrap()
            .to_string();
        assert!(error.contains("400, invalid_client: no such client"), "{error}");
        assert!(!error.contains("s3cret"));
    }

    #[test]
    fn a_key_that_cannot_sign_is_named_so() {
        let config = Config::jwt("o", "i", "s", "t", "nonsense");
        assert!(matches!(form(&config), Err(ClientError::PrivateKey(_))));
    }
}
