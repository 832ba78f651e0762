//! Access tokens: their claims, and the answer to whether one is valid (ims.md 6, 7.1).

use serde::{Deserialize, Serialize};

use super::{ALWAYS_GRANTED, USER_MANAGEMENT, split_scopes};

/// The claims of an access token; names and types are those of the published tokens.
///
/// There is no `exp`: a token ends at `created_at` + `expires_in`, both milliseconds written as texts.
///
/// ```
/// use roster_umapi::token::Claims;
///
/// let claims = Claims {
///     id: "1720000000000_x_1".into(), kind: "access_token".into(), client_id: "0b5d".into(),
///     user_id: "1A@techacct.adobe.com".into(), org: "1A2B@AdobeOrg".into(), authority: "ims-na1".into(),
///     scope: "openid,AdobeID,user_management_sdk".into(), created_at: "1720000000000".into(), expires_in: "86400000".into(),
/// };
/// assert_eq!(claims.expires_at(), Some(1_720_086_400_000));
/// assert!(claims.may_manage_users());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// Unique.
    pub id: String,
    /// `access_token`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The API key.
    pub client_id: String,
    /// The technical account.
    pub user_id: String,
    /// The organization.
    pub org: String,
    /// `ims-na1`, for those who look for it.
    #[serde(rename = "as")]
    pub authority: String,
    /// Separated by commas.
    pub scope: String,
    /// Milliseconds since the epoch.
    pub created_at: String,
    /// Milliseconds.
    pub expires_in: String,
}

impl Claims {
    /// The claims of a new token; times in milliseconds.
    pub fn new(
        id: String,
        client_id: String,
        technical_account: String,
        org: String,
        scopes: &[String],
        created_at: i64,
        lifetime: i64,
    ) -> Self {
        Self {
            id,
            kind: "access_token".to_owned(),
            client_id,
            user_id: technical_account,
            org,
            authority: "ims-na1".to_owned(),
            scope: scopes.join(","),
            created_at: created_at.to_string(),
            expires_in: lifetime.to_string(),
        }
    }

    /// When the token ends, in milliseconds since the epoch; `None` when the claims do not say.
    pub fn expires_at(&self) -> Option<i64> {
        let created: i64 = self.created_at.parse().ok()?;
        created.checked_add(self.expires_in.parse().ok()?)
    }

    /// Whether the token is accepted by the API at all.
    pub fn may_manage_users(&self) -> bool {
        self.has_scope(USER_MANAGEMENT)
    }

    /// Whether the token carries a scope.
    pub fn has_scope(&self, scope: &str) -> bool {
        split_scopes(&self.scope).iter().any(|known| known == scope)
    }
}

/// The scopes of a token that a JWT was exchanged for: what every client has, and what its metascopes stand for.
pub fn scopes_of_metascopes(metascopes: &[String]) -> Vec<String> {
    let mut scopes: Vec<String> = ALWAYS_GRANTED.map(str::to_owned).to_vec();
    for metascope in metascopes {
        let scope = match metascope.as_str() {
            super::USER_MANAGEMENT_METASCOPE => USER_MANAGEMENT,
            other => other,
        };
        if !scopes.iter().any(|known| known == scope) {
            scopes.push(scope.to_owned());
        }
    }
    scopes
}

/// Why a token is not valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Invalid {
    /// Its time is over.
    Expired,
    /// Nobody here signed it.
    BadSignature,
    /// It was revoked, or its integration or organization is gone or disabled.
    Revoked,
    /// It is no token.
    Malformed,
    /// It is somebody else's.
    ClientMismatch,
}

impl Invalid {
    /// The `reason`.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::BadSignature => "bad_signature",
            Self::Revoked => "revoked",
            Self::Malformed => "malformed",
            Self::ClientMismatch => "client_mismatch",
        }
    }
}

/// The answer of the token check.
pub fn validation_answer(verdict: Result<&Claims, Invalid>) -> Vec<u8> {
    let mut out = Vec::new();
    let mut body = crate::json::Object::begin(&mut out);
    match verdict {
        Ok(claims) => {
            body.boolean("valid", true);
            body.number("expires_at", claims.expires_at().unwrap_or_default());
            claims.write(body.key("token"));
        }
        Err(invalid) => {
            body.boolean("valid", false);
            body.text("reason", invalid.reason());
        }
    }
    body.end();
    out
}

impl Claims {
    fn write(&self, out: &mut Vec<u8>) {
        let mut object = crate::json::Object::begin(out);
        object.text("id", &self.id);
        object.text("type", &self.kind);
        object.text("client_id", &self.client_id);
        object.text("user_id", &self.user_id);
        object.text("org", &self.org);
        object.text("as", &self.authority);
        object.text("scope", &self.scope);
        object.text("created_at", &self.created_at);
        object.text("expires_in", &self.expires_in);
        object.end();
    }
}
