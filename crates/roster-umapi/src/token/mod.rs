//! The token endpoints (ims.md): parameters in, answers and errors out.
//!
//! What is absent: checking secrets and signatures, the clock, and status codes; they are the server's. The rules
//! on the claims of a JWT are in [`jwt`], as functions of the claims and the time.

pub mod claims;
mod error;
pub mod jwt;
pub mod secrets;

use std::collections::BTreeSet;
use std::time::Duration;

use crate::json::{self, List, Object};

pub use claims::{Claims, Invalid};
pub use error::TokenError;

/// The scope without which a token is no use at the API.
pub const USER_MANAGEMENT: &str = "user_management_sdk";
/// The metascope of a JWT that stands for [`USER_MANAGEMENT`].
pub const USER_MANAGEMENT_METASCOPE: &str = "ent_user_sdk";
/// The scopes that every client has.
pub const ALWAYS_GRANTED: [&str; 2] = ["openid", "AdobeID"];

/// The parameters of a request, from all the places where they may stand.
///
/// The body wins over the query string, both over HTTP Basic; the first of several counts. An empty value counts
/// as none.
///
/// ```
/// use roster_umapi::{form, token::Parameters};
///
/// let parameters = Parameters::new(form::parse(b"client_id=a&client_id=b"), form::parse(b"client_id=c&scope=openid"));
/// assert_eq!(parameters.get("client_id"), Some("a"));
/// assert_eq!(parameters.get("scope"), Some("openid"));
/// ```
#[derive(Clone, Default)]
pub struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// Puts the parameters of the body before those of the query string.
    pub fn new(body: Vec<(String, String)>, query: Vec<(String, String)>) -> Self {
        let mut all = body;
        all.extend(query);
        Self(all)
    }

    /// Adds what HTTP Basic said, behind everything else.
    #[must_use]
    pub fn with_basic(mut self, client_id: &str, client_secret: &str) -> Self {
        self.0.push(("client_id".to_owned(), client_id.to_owned()));
        self.0
            .push(("client_secret".to_owned(), client_secret.to_owned()));
        self
    }

    /// Adds a value that came in a header, behind everything else.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        self.0.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The first value of that name, unless it is empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
            .filter(|value| !value.is_empty())
    }
}

/// Secrets may be among the values, so only the names are shown.
impl std::fmt::Debug for Parameters {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list()
            .entries(self.0.iter().map(|(name, _)| name))
            .finish()
    }
}

/// A request for a token by client credentials (ims.md 4).
#[derive(Clone, Copy)]
pub struct ClientCredentials<'a> {
    /// The API key.
    pub client_id: Option<&'a str>,
    /// Any of the credential's secrets.
    pub client_secret: Option<&'a str>,
    grant_type: Option<&'a str>,
    scope: Option<&'a str>,
}

impl<'a> ClientCredentials<'a> {
    /// Takes what the request needs.
    pub fn of(parameters: &'a Parameters) -> Self {
        Self {
            client_id: parameters.get("client_id"),
            client_secret: parameters.get("client_secret"),
            grant_type: parameters.get("grant_type"),
            scope: parameters.get("scope"),
        }
    }

    /// Whether it asks for the grant there is. To be checked after the secret.
    pub fn check_grant_type(&self) -> Result<(), TokenError> {
        match self.grant_type {
            Some("client_credentials") => Ok(()),
            _ => Err(TokenError::UnsupportedGrantType),
        }
    }

    /// The scopes of the token: those asked for, all of which must be granted; or, when none is asked for, all
    /// that are granted. The order is that of the request, resp. of the grant; what is always granted comes first.
    pub fn scopes(&self, granted: &[String]) -> Result<Vec<String>, TokenError> {
        let asked = split_scopes(self.scope.unwrap_or_default());
        let may = |scope: &String| ALWAYS_GRANTED.contains(&scope.as_str()) || granted.contains(scope);
        if !asked.iter().all(may) {
            return Err(TokenError::ScopeNotGranted);
        }
        if !asked.is_empty() {
            return Ok(asked);
        }
        let mut scopes: Vec<String> = ALWAYS_GRANTED.map(str::to_owned).to_vec();
        for scope in granted {
            if !scopes.contains(scope) {
                scopes.push(scope.clone());
            }
        }
        Ok(scopes)
    }
}

/// Splits a list of scopes at commas and blanks; each comes once. Multipart values are not decoded on the way,
/// so escapes that are left are decoded here.
pub fn split_scopes(text: &str) -> Vec<String> {
    let text = percent_encoding::percent_decode_str(text).decode_utf8_lossy();
    let mut seen = BTreeSet::new();
    text.split(|c: char| c == ',' || c.is_whitespace())
        .filter(|scope| !scope.is_empty() && seen.insert(*scope))
        .map(str::to_owned)
        .collect()
}

/// A request to exchange a JWT (ims.md 5).
#[derive(Clone, Copy)]
pub struct Exchange<'a> {
    /// The API key.
    pub client_id: Option<&'a str>,
    /// The credential's secret.
    pub client_secret: Option<&'a str>,
    /// The compact JWS.
    pub jwt_token: Option<&'a str>,
}

impl<'a> Exchange<'a> {
    /// Takes what the request needs.
    pub fn of(parameters: &'a Parameters) -> Self {
        Self {
            client_id: parameters.get("client_id"),
            client_secret: parameters.get("client_secret"),
            jwt_token: parameters.get("jwt_token"),
        }
    }
}

/// A request to look at a token (ims.md 7.1).
#[derive(Clone, Copy)]
pub struct Validation<'a> {
    /// The API key; also in the header `X-IMS-ClientId`.
    pub client_id: &'a str,
    /// The access token; also as bearer token.
    pub token: &'a str,
}

impl<'a> Validation<'a> {
    /// Takes what the request needs; something missing, or a `type` that is not `access_token`, is a bad request.
    pub fn of(parameters: &'a Parameters) -> Result<Self, TokenError> {
        let get = |name| parameters.get(name).ok_or(TokenError::BadRequest);
        if get("type")? != "access_token" {
            return Err(TokenError::BadRequest);
        }
        Ok(Self {
            client_id: get("client_id")?,
            token: get("token")?,
        })
    }
}

/// A request to revoke a token (ims.md 7.4).
#[derive(Clone, Copy)]
pub struct Revocation<'a> {
    /// The API key.
    pub client_id: Option<&'a str>,
    /// Any of the credential's secrets.
    pub client_secret: Option<&'a str>,
    /// The access token.
    pub token: Option<&'a str>,
}

impl<'a> Revocation<'a> {
    /// Takes what the request needs.
    pub fn of(parameters: &'a Parameters) -> Self {
        Self {
            client_id: parameters.get("client_id"),
            client_secret: parameters.get("client_secret"),
            token: parameters.get("token"),
        }
    }
}

/// The answer to client credentials: the lifetime in whole **seconds**.
pub fn client_credentials_answer(access_token: &str, lifetime: Duration) -> Vec<u8> {
    let mut out = Vec::with_capacity(access_token.len() + 80);
    let mut body = Object::begin(&mut out);
    body.text("access_token", access_token);
    body.text("token_type", "bearer");
    body.number("expires_in", lifetime.as_secs());
    body.end();
    out
}

/// The answer to an exchanged JWT: the lifetime in **milliseconds**.
pub fn exchange_answer(access_token: &str, lifetime: Duration) -> Vec<u8> {
    let mut out = Vec::with_capacity(access_token.len() + 80);
    let mut body = Object::begin(&mut out);
    body.text("token_type", "bearer");
    body.text("access_token", access_token);
    body.number("expires_in", lifetime.as_millis());
    body.end();
    out
}

/// A public key of access tokens, in base64url without padding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    /// Its id.
    pub kid: String,
    /// The modulus.
    pub n: String,
    /// The exponent.
    pub e: String,
}

/// The answer of `/ims/keys`.
pub fn keys_answer(keys: &[PublicKey]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut body = Object::begin(&mut out);
    let mut list = List::begin(body.key("keys"));
    for key in keys {
        let mut object = Object::begin(list.item());
        object.text("kty", "RSA");
        object.text("use", "sig");
        object.text("alg", "RS256");
        object.text("kid", &key.kid);
        object.text("n", &key.n);
        object.text("e", &key.e);
        object.end();
    }
    list.end();
    body.end();
    out
}

/// The answer of `/ims/.well-known/openid-configuration`; `host` is the canonical host, with its port if it needs
/// one.
pub fn discovery_answer(host: &str) -> Vec<u8> {
    let url = |path: &str| format!("https://{host}{path}");
    let mut out = Vec::new();
    let mut body = Object::begin(&mut out);
    body.text("issuer", &url("/ims"));
    body.text("token_endpoint", &url("/ims/token/v3"));
    body.text("jwks_uri", &url("/ims/keys"));
    body.text("revocation_endpoint", &url("/ims/revoke"));
    json::strings(body.key("grant_types_supported"), ["client_credentials"]);
    json::strings(
        body.key("token_endpoint_auth_methods_supported"),
        ["client_secret_post", "client_secret_basic"],
    );
    body.end();
    out
}
