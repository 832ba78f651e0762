//! The JWT that a service account exchanges: its claims, and the rules on them (ims.md 5.2, 5.4).
//!
//! The signature is checked before and elsewhere.

use std::collections::HashSet;

use crate::action::tree::{Node, read};

use super::TokenError;

/// The host that published tools write into their claims, whatever host they call.
const PUBLISHED_HOST: &str = "ims-na1.adobelogin.com";

/// How far into the future `nbf` may lie, in seconds: clocks differ.
const NOT_BEFORE_LEEWAY: i64 = 60;

/// The claims as they arrived; a claim of a wrong type is refused only when its turn comes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JwtClaims {
    exp: Option<i64>,
    not_before: NotBefore,
    audiences: Vec<String>,
    issuer: Option<String>,
    subject: Option<String>,
    /// Keys of the form `https://<host>/s/<metascope>`, and whether their value is `true`.
    metascopes: Vec<(String, String, bool)>,
    jti: Jti,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum NotBefore {
    Absent,
    At(i64),
    Malformed,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Jti {
    Absent,
    Given(String),
    Malformed,
}

/// What the claims of a credential have to be.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// The API key.
    pub client_id: &'a str,
    /// The organization's id.
    pub org: &'a str,
    /// The technical account's id.
    pub technical_account: &'a str,
    /// The hosts that `aud` and metascopes may name besides the published one: the configured ones, and that of
    /// the request with its port.
    pub hosts: &'a [&'a str],
    /// The metascopes bound to the credential.
    pub metascopes: &'a [String],
    /// Whether there has to be a `jti`.
    pub require_jti: bool,
    /// How far away `exp` may be, in seconds.
    pub max_lifetime: i64,
}

/// What claims in order say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// The metascopes that were asked for, each bound to the credential.
    pub metascopes: Vec<String>,
    /// The `jti`, if there is one: where it is required, it must not have been seen before.
    pub jti: Option<String>,
    /// When the JWT ends, in seconds since the epoch: so long a `jti` has to be remembered.
    pub exp: i64,
}

impl JwtClaims {
    /// Reads the payload of a JWT.
    ///
    /// A claim that stands twice is refused: readers differ on which of them counts, so whoever looked at the JWT before
    /// may have seen the other one.
    pub fn parse(payload: &[u8]) -> Result<Self, TokenError> {
        let node = read(payload).map_err(|_| TokenError::MalformedJwt)?;
        let fields = node.fields().ok_or(TokenError::MalformedJwt)?;
        let mut seen = HashSet::new();
        if !fields.iter().all(|(key, _)| seen.insert(key)) {
            return Err(TokenError::MalformedJwt);
        }
        let claim = |name: &str| {
            let found = fields.iter().find(|(key, _)| key == name);
            found.map(|(_, value)| value)
        };
        Ok(Self {
            exp: claim("exp").and_then(integer),
            not_before: match claim("nbf") {
                None => NotBefore::Absent,
                Some(value) => integer(value).map_or(NotBefore::Malformed, NotBefore::At),
            },
            audiences: claim("aud").map(texts).unwrap_or_default(),
            issuer: claim("iss").and_then(Node::text).map(str::to_owned),
            subject: claim("sub").and_then(Node::text).map(str::to_owned),
            metascopes: fields
                .iter()
                .filter_map(|(key, value)| {
                    let (host, scope) = host_and_last(key, "/s/")?;
                    Some((host.to_owned(), scope.to_owned(), *value == Node::Bool(true)))
                })
                .collect(),
            jti: match claim("jti") {
                None => Jti::Absent,
                Some(Node::Text(text)) if !text.is_empty() => Jti::Given(text.to_string()),
                Some(value) => integer(value).map_or(Jti::Malformed, |id| Jti::Given(id.to_string())),
            },
        })
    }

    /// Checks the claims at the time `now` (seconds since the epoch), in the documented order: `exp`, `nbf`,
    /// `aud`, `iss` and `sub`, metascopes, `jti`.
    pub fn check(&self, now: i64, expected: &Expected<'_>) -> Result<Accepted, TokenError> {
        let exp = self.exp.ok_or(TokenError::MalformedJwt)?;
        if exp <= now {
            return Err(TokenError::JwtExpired);
        }
        if exp.saturating_sub(now) > expected.max_lifetime {
            return Err(TokenError::JwtTooLong);
        }
        match self.not_before {
            NotBefore::Absent => {}
            NotBefore::At(start) if start <= now.saturating_add(NOT_BEFORE_LEEWAY) => {}
            NotBefore::At(_) | NotBefore::Malformed => return Err(TokenError::JwtNotYetValid),
        }
        self.check_audience(expected)?;
        let issuer = self.issuer.as_deref().unwrap_or_default();
        let same_org = roster_core::value::Key::new(issuer) == roster_core::value::Key::new(expected.org);
        if !same_org || self.subject.as_deref() != Some(expected.technical_account) {
            return Err(TokenError::InvalidIssuerOrSubject);
        }
        let metascopes = self.bound_metascopes(expected)?;
        let jti = match &self.jti {
            Jti::Given(jti) => Some(jti.clone()),
            Jti::Absent if !expected.require_jti => None,
            Jti::Absent | Jti::Malformed => return Err(TokenError::InvalidJti),
        };
        Ok(Accepted { metascopes, jti, exp })
    }

    fn check_audience(&self, expected: &Expected<'_>) -> Result<(), TokenError> {
        let clients = self
            .audiences
            .iter()
            .filter_map(|audience| host_and_last(audience, "/c/"))
            .filter(|(host, _)| expected.knows(host))
            .map(|(_, client)| client);
        let mut others = false;
        for client in clients {
            if client == expected.client_id {
                return Ok(());
            }
            others = true;
        }
        Err(if others {
            TokenError::InvalidClient
        } else {
            TokenError::InvalidAudience
        })
    }

    fn bound_metascopes(&self, expected: &Expected<'_>) -> Result<Vec<String>, TokenError> {
        let mut metascopes: Vec<String> = Vec::new();
        for (host, scope, asked) in &self.metascopes {
            if !asked || !expected.knows(host) || !expected.metascopes.contains(scope) {
                return Err(TokenError::MetascopeNotBound);
            }
            if !metascopes.contains(scope) {
                metascopes.push(scope.clone());
            }
        }
        if metascopes.is_empty() {
            return Err(TokenError::MetascopeNotBound);
        }
        Ok(metascopes)
    }
}

impl Expected<'_> {
    fn knows(&self, host: &str) -> bool {
        host.eq_ignore_ascii_case(PUBLISHED_HOST)
            || self.hosts.iter().any(|known| known.eq_ignore_ascii_case(host))
    }
}

/// Splits `https://<host><between><last>`.
fn host_and_last<'a>(url: &'a str, between: &str) -> Option<(&'a str, &'a str)> {
    let (host, last) = url.strip_prefix("https://")?.split_once(between)?;
    (!host.is_empty() && !host.contains('/') && !last.is_empty()).then_some((host, last))
}

fn integer(value: &Node<'_>) -> Option<i64> {
    match value {
        Node::Number(number) => number.as_i64(),
        _ => None,
    }
}

fn texts(value: &Node<'_>) -> Vec<String> {
    match value {
        Node::Text(text) => vec![text.to_string()],
        Node::List(entries) => entries.iter().filter_map(Node::text).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}
