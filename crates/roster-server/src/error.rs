//! What goes wrong at the level of a request, and the only place that knows which status code that is.
//!
//! Every variant says what the caller may see; causes that are nobody's business but ours are kept beside it and go
//! to the log. Statuses are given without a catch-all: a new variant does not compile until somebody has thought about it.

use http::header::{ALLOW, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use roster_store::StoreError;
use roster_umapi::request::{DeprecatedError, RequestError};
use roster_umapi::token::TokenError;
use serde_json::json;

use crate::reply::Reply;

/// Why a request was not carried out.
#[derive(Debug)]
pub(crate) enum ApiError {
    /// What the API documents.
    Request(RequestError),
    /// The deprecated endpoints have a form of their own.
    Deprecated(DeprecatedError),
    /// The token endpoints have a form of their own.
    Token(TokenError),
    /// Too many requests for tokens.
    TokenThrottled { seconds: u64 },
    /// The endpoints that manage secrets: no such credential in this organization.
    NoSuchCredential,
    /// The endpoints that manage secrets: no such secret.
    NoSuchSecret,
    /// The path is known, the method has no meaning there.
    MethodNotAllowed { allow: String },
    /// Too many requests.
    Throttled { seconds: u64 },
    /// The body did not arrive in time.
    BodyTimeout,
    /// The connection broke while the body was read.
    BodyBroken,
    /// Without the token from the settings, or, where none is set, not from here.
    MetricsForbidden,
    /// Too much at once, stopping, or no storage.
    Unavailable { cause: String },
    /// A bug, or rows that cannot be.
    Internal { reference: String, cause: String },
}

/// Seconds after which a refused caller may try again when nothing better is known.
const TRY_AGAIN_SECONDS: u64 = 2;

impl ApiError {
    /// An unexpected failure: the caller sees the reference, the log the cause.
    pub(crate) fn internal(reference: impl Into<String>, cause: impl std::fmt::Display) -> Self {
        Self::Internal {
            reference: reference.into(),
            cause: cause.to_string(),
        }
    }

    /// The code under which refusals are counted: one of a fixed number, never anything that was sent.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::Request(error) => error.code(),
            Self::Deprecated(error) => error.code(),
            Self::Token(error) => error.code(),
            Self::TokenThrottled { .. } => TokenError::TooManyRequests.code(),
            Self::NoSuchCredential
            | Self::NoSuchSecret
            | Self::MethodNotAllowed { .. }
            | Self::MetricsForbidden => RequestError::NoSuchResource.code(),
            Self::Throttled { .. } => RequestError::Throttled.code(),
            Self::BodyTimeout | Self::BodyBroken => "error.command.malformed",
            Self::Unavailable { .. } => RequestError::Unavailable.code(),
            Self::Internal { .. } => "error.internal.exceptionflys",
        }
    }

    /// The cause that only the log may see.
    pub(crate) fn cause(&self) -> Option<&str> {
        match self {
            Self::Unavailable { cause } | Self::Internal { cause, .. } => Some(cause),
            _ => None,
        }
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::Request(error) => request_status(error),
            Self::Deprecated(error) => deprecated_status(*error),
            Self::Token(error) => token_status(*error),
            Self::NoSuchCredential | Self::NoSuchSecret => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed { .. } => StatusCode::METHOD_NOT_ALLOWED,
            Self::Throttled { .. } | Self::TokenThrottled { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::BodyTimeout => StatusCode::REQUEST_TIMEOUT,
            Self::BodyBroken => StatusCode::BAD_REQUEST,
            Self::MetricsForbidden => StatusCode::FORBIDDEN,
            Self::Unavailable { .. } => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal { .. } => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn body(&self) -> Vec<u8> {
        let result = |code: &str, message: &str| {
            json!({"result": code, "message": message})
                .to_string()
                .into_bytes()
        };
        match self {
            Self::Request(error) => error.body(),
            Self::Deprecated(error) => error.body(),
            Self::Token(error) => error.body(),
            Self::TokenThrottled { .. } => TokenError::TooManyRequests.body(),
            Self::NoSuchCredential => result(
                "error.api.not_available",
                "No such credential in this organization",
            ),
            Self::NoSuchSecret => result("error.api.not_available", "No such secret"),
            Self::MethodNotAllowed { .. } => result("error.api.not_available", "Method not allowed"),
            Self::Throttled { .. } => RequestError::Throttled.body(),
            Self::BodyTimeout => result("error.command.malformed", "Request body did not arrive in time"),
            Self::BodyBroken => result("error.command.malformed", "Request body could not be read"),
            Self::MetricsForbidden => result(
                "error.api.not_available",
                "Metrics are for this machine, or for those with the token when one is set",
            ),
            Self::Unavailable { .. } => RequestError::Unavailable.body(),
            Self::Internal { reference, .. } => RequestError::Internal {
                reference: reference.clone(),
            }
            .body(),
        }
    }

    fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let mut set = |name: HeaderName, value: &str| {
            if let Ok(value) = HeaderValue::from_str(value) {
                headers.insert(name, value);
            }
        };
        match self {
            Self::Request(
                RequestError::TokenMissing | RequestError::TokenInvalid | RequestError::ForeignOrganization,
            ) => set(
                WWW_AUTHENTICATE,
                "Bearer realm=\"JIL\", error=\"invalid_token\", error_description=\"The access token is invalid\"",
            ),
            Self::MethodNotAllowed { allow } => set(ALLOW, allow),
            Self::Throttled { seconds } | Self::TokenThrottled { seconds } => {
                set(RETRY_AFTER, &seconds.max(&1).to_string());
            }
            Self::Unavailable { .. } | Self::Token(TokenError::Unavailable) => {
                set(RETRY_AFTER, &TRY_AGAIN_SECONDS.to_string());
            }
            _ => {}
        }
        headers
    }

    /// The whole answer.
    pub(crate) fn reply(&self) -> Reply {
        let mut reply = Reply::json(self.status(), self.body());
        reply.headers.extend(self.headers());
        reply
    }

    /// The whole answer in the form of the token endpoints, which say everything in their own way (ims.md 3).
    pub(crate) fn token_reply(&self) -> Reply {
        let error = match self {
            Self::Unavailable { .. } => TokenError::Unavailable,
            Self::Internal { .. } => TokenError::Internal,
            Self::MethodNotAllowed { .. } | Self::BodyTimeout | Self::BodyBroken => TokenError::BadRequest,
            _ => return self.reply().no_store(),
        };
        let mut reply = Reply::json(self.status(), error.body());
        reply.headers.extend(self.headers());
        reply.no_store()
    }
}

fn request_status(error: &RequestError) -> StatusCode {
    match error {
        RequestError::NoSuchResource
        | RequestError::GroupNotFound { .. }
        | RequestError::UserNotFound { .. }
        | RequestError::DomainNotFound { .. } => StatusCode::NOT_FOUND,
        RequestError::KeyMissing | RequestError::KeyInvalid | RequestError::Migrating => {
            StatusCode::FORBIDDEN
        }
        RequestError::TokenMissing | RequestError::TokenInvalid | RequestError::ForeignOrganization => {
            StatusCode::UNAUTHORIZED
        }
        RequestError::InvalidOrganization
        | RequestError::InvalidNumber { .. }
        | RequestError::InvalidValue { .. }
        | RequestError::MalformedPath { .. }
        | RequestError::Malformed(_)
        | RequestError::InvalidGroupName => StatusCode::BAD_REQUEST,
        RequestError::Throttled => StatusCode::TOO_MANY_REQUESTS,
        RequestError::Internal { .. } => StatusCode::INTERNAL_SERVER_ERROR,
        RequestError::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
    }
}

fn deprecated_status(error: DeprecatedError) -> StatusCode {
    match error {
        DeprecatedError::GroupNotFound
        | DeprecatedError::ProductNotFound
        | DeprecatedError::ProfileNotFound
        | DeprecatedError::UserNotFound
        | DeprecatedError::NoPendingInvite => StatusCode::NOT_FOUND,
        DeprecatedError::DuplicateGroupName
        | DeprecatedError::InvalidGroupName
        | DeprecatedError::ReadOnlyUpdate
        | DeprecatedError::ReadOnlyRemove
        | DeprecatedError::InvalidUserGroups
        | DeprecatedError::DuplicateUser
        | DeprecatedError::DuplicateUserGroup
        | DeprecatedError::DuplicateProductAdmin
        | DeprecatedError::NothingGiven
        | DeprecatedError::ListTooLong
        | DeprecatedError::AddFailed
        | DeprecatedError::RemoveFailed
        | DeprecatedError::Malformed
        | DeprecatedError::TooLong
        | DeprecatedError::Refused(_) => StatusCode::BAD_REQUEST,
    }
}

fn token_status(error: TokenError) -> StatusCode {
    match error {
        TokenError::InvalidSecret | TokenError::ExchangeNotAllowed => StatusCode::UNAUTHORIZED,
        TokenError::InvalidClient
        | TokenError::UnsupportedGrantType
        | TokenError::ScopeNotGranted
        | TokenError::MetascopeNotBound
        | TokenError::MalformedJwt
        | TokenError::SignatureUnknown
        | TokenError::CertificateExpired
        | TokenError::CertificateNotYetValid
        | TokenError::JwtExpired
        | TokenError::JwtNotYetValid
        | TokenError::JwtTooLong
        | TokenError::InvalidAudience
        | TokenError::InvalidIssuerOrSubject
        | TokenError::InvalidJti
        | TokenError::BadRequest
        | TokenError::MaxSecrets
        | TokenError::LastSecret => StatusCode::BAD_REQUEST,
        TokenError::TooManyRequests => StatusCode::TOO_MANY_REQUESTS,
        TokenError::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        TokenError::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

impl From<RequestError> for ApiError {
    fn from(error: RequestError) -> Self {
        Self::Request(error)
    }
}

impl From<DeprecatedError> for ApiError {
    fn from(error: DeprecatedError) -> Self {
        Self::Deprecated(error)
    }
}

/// Busy and unavailable pass; the rest is a bug or a broken database, which nobody should retry.
impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        let cause = error.to_string();
        match error {
            StoreError::Busy(_) | StoreError::Unavailable(_) | StoreError::Conflict(_) => {
                Self::Unavailable { cause }
            }
            StoreError::Inconsistent { .. } => Self::internal("inconsistent data", cause),
            StoreError::UnknownSchema(_)
            | StoreError::GivenUp(_)
            | StoreError::Bug(_)
            | StoreError::NeedsLock(_) => Self::internal("storage", cause),
        }
    }
}

impl From<TokenError> for ApiError {
    fn from(error: TokenError) -> Self {
        Self::Token(error)
    }
}
