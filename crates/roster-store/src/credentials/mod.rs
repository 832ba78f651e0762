//! What people and programs sign in with: integrations with their secrets and certificates (`integrations`), the
//! keys that sign access tokens and what was revoked (`tokens`), passwords and the marks of organization files
//! (`console`). Only hashes, public keys and sealed private keys are kept; making and checking them is the server's.

mod console;
mod integrations;
mod tokens;

use roster_core::value::{OrgNo, OrgState};

pub use console::Password;
pub use tokens::SigningKey;

/// A program that may use the API of one organization (ims.md 2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Integration {
    /// Client id and API key.
    pub client_id: String,
    /// The organization.
    pub org: OrgNo,
    /// Its id on the wire.
    pub org_id: String,
    /// Whether the API serves it.
    pub org_state: OrgState,
    /// What may be changed.
    pub settings: IntegrationSettings,
    /// `<HEX>@techacct.adobe.com`.
    pub technical_account: String,
    /// Tokens issued before this moment are revoked; milliseconds since 1970.
    pub not_before: i64,
    /// Milliseconds since 1970.
    pub created_at: i64,
    /// In the order of creation.
    pub secrets: Vec<Secret>,
    /// In the order of upload.
    pub certificates: Vec<Certificate>,
}

/// The changeable part of an integration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IntegrationSettings {
    /// Unique in its organization.
    pub name: String,
    /// Whether it gets tokens, and its tokens are accepted.
    pub enabled: bool,
    /// It has an OAuth server-to-server credential.
    pub oauth: bool,
    /// It has a service account (JWT) credential.
    pub jwt: bool,
    /// Granted beside those that everybody has.
    pub scopes: Vec<String>,
    /// Its JWTs have to carry a `jti` that was not used before.
    pub require_jti: bool,
}

/// An integration to be made; secrets and certificates are added afterwards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewIntegration {
    /// 32 lower-case hex digits.
    pub client_id: String,
    /// The organization.
    pub org: OrgNo,
    /// `<HEX>@techacct.adobe.com`.
    pub technical_account: String,
    /// What may be changed later.
    pub settings: IntegrationSettings,
    /// Milliseconds since 1970.
    pub created_at: i64,
}

/// What a secret opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SecretKind {
    /// The client-credentials grant.
    OAuth,
    /// The exchange of a JWT.
    Jwt,
}

impl SecretKind {
    /// As the log and the tables name it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OAuth => "oauth",
            Self::Jwt => "jwt",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::OAuth, Self::Jwt]
            .into_iter()
            .find(|kind| kind.as_str() == text)
    }
}

/// A secret of an integration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Secret {
    /// Names it.
    pub uuid: String,
    /// What it opens.
    pub kind: SecretKind,
    /// As the server made it.
    pub hash: Vec<u8>,
    /// Milliseconds since 1970.
    pub created_at: i64,
    /// Milliseconds since 1970; `None` before the first use.
    pub last_used_at: Option<i64>,
}

/// A certificate of a service account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// Of its public key: two certificates of one key have the same.
    pub fingerprint: String,
    /// The certificate itself.
    pub der: Vec<u8>,
    /// Milliseconds since 1970.
    pub created_at: i64,
}

/// Certificates of one integration (ims.md 10).
pub const MAX_CERTIFICATES: usize = 10;

/// Why credentials stay as they are.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CredentialRefusal {
    /// No such integration.
    #[error("there is no integration with client id {0}")]
    NoSuchIntegration(String),
    /// The client id is taken.
    #[error("client id {0} is taken by another integration")]
    ClientIdTaken(String),
    /// The technical account is taken.
    #[error("technical account {0} is taken by another integration")]
    TechnicalAccountTaken(String),
    /// The name is taken in its organization.
    #[error("the organization has an integration named `{0}` already")]
    NameTaken(String),
    /// No such secret.
    #[error("the integration has no secret {0}")]
    NoSuchSecret(String),
    /// The last secret of its kind stays.
    #[error("the last secret cannot be deleted; add another one first")]
    LastSecret,
    /// No more certificates.
    #[error("the integration has {MAX_CERTIFICATES} certificates already; remove one first")]
    TooManyCertificates,
    /// The same public key is there.
    #[error("the integration has a certificate with this public key already")]
    SameKey,
}
