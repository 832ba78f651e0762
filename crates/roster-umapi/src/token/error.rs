//! The error table of the token endpoints (ims.md 8).

use crate::json::Object;

/// Why no token is given. Its text is the `error_description`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// `client_id` is missing, unknown, disabled or not of the kind asked for, or `aud` names another client.
    #[error("invalid client_id parameter")]
    InvalidClient,
    /// `client_secret` is missing or wrong.
    #[error("invalid client_secret parameter")]
    InvalidSecret,
    /// The client has no JWT kind.
    #[error("client is not allowed to exchange JWT")]
    ExchangeNotAllowed,
    /// `grant_type` is missing or another.
    #[error("unsupported grant_type")]
    UnsupportedGrantType,
    /// A scope asked for is not granted.
    #[error("scope is not allowed for this client")]
    ScopeNotGranted,
    /// A metascope is missing, not `true`, or not bound.
    #[error("The metascopes in the JWT are not a subset of the metascopes in the binding.")]
    MetascopeNotBound,
    /// The JWT cannot be read, or lacks `exp`.
    #[error("JWT token is incorrectly formatted, and can not be decoded.")]
    MalformedJwt,
    /// No certificate verifies the signature.
    #[error("Could not match JWT signature to any of the bindings")]
    SignatureUnknown,
    /// The certificate that verifies the signature has expired.
    #[error("Certificate has expired")]
    CertificateExpired,
    /// The certificate that verifies the signature is not valid yet.
    #[error("Certificate is not yet valid")]
    CertificateNotYetValid,
    /// `exp` is in the past.
    #[error("JWT token has expired")]
    JwtExpired,
    /// `nbf` is in the future, or no number.
    #[error("JWT token is not yet valid")]
    JwtNotYetValid,
    /// `exp` is further away than the settings allow.
    #[error("JWT expiry is too far in the future")]
    JwtTooLong,
    /// `aud` has not the required form.
    #[error("Invalid JWT audience")]
    InvalidAudience,
    /// `iss` or `sub` is not of the credential.
    #[error("Invalid JWT issuer or subject")]
    InvalidIssuerOrSubject,
    /// `jti` is malformed, missing where it is required, or was seen before.
    #[error("Invalid jti")]
    InvalidJti,
    /// The request cannot be read.
    #[error("Bad request")]
    BadRequest,
    /// More token requests within a minute than the client may send.
    #[error("Too many requests")]
    TooManyRequests,
    /// Storage is unavailable.
    #[error("Service unavailable")]
    Unavailable,
    /// A third secret (ims.md 9).
    #[error("the credential already has the maximum number of secrets; delete one first")]
    MaxSecrets,
    /// Deletion of the only secret (ims.md 9).
    #[error("the last secret of a credential cannot be deleted; add another one first")]
    LastSecret,
    /// Something of ours went wrong; the log says what.
    #[error("Severe exception")]
    Internal,
}

impl TokenError {
    /// The code reserved for a signature that fails; [`TokenError::SignatureUnknown`] is what is said instead.
    pub const RESERVED: &'static str = "invalid_signature";

    /// The `error`.
    pub fn code(self) -> &'static str {
        match self {
            Self::InvalidClient | Self::InvalidSecret | Self::ExchangeNotAllowed => "invalid_client",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::ScopeNotGranted | Self::MetascopeNotBound => "invalid_scope",
            Self::MalformedJwt
            | Self::SignatureUnknown
            | Self::CertificateExpired
            | Self::CertificateNotYetValid
            | Self::JwtExpired
            | Self::JwtNotYetValid
            | Self::JwtTooLong
            | Self::InvalidAudience
            | Self::InvalidIssuerOrSubject => "invalid_token",
            Self::InvalidJti => "invalid_jti",
            Self::BadRequest => "bad_request",
            Self::TooManyRequests => "too_many_requests",
            Self::Unavailable => "service_unavailable",
            Self::MaxSecrets => "max_secrets",
            Self::LastSecret => "last_secret",
            Self::Internal => "server_error",
        }
    }

    /// The body.
    pub fn body(self) -> Vec<u8> {
        let mut out = Vec::with_capacity(96);
        let mut body = Object::begin(&mut out);
        body.text("error", self.code());
        body.text("error_description", &self.to_string());
        body.end();
        out
    }
}
