//! The bodies of requests that fail as a whole (umapi.md 2.7, 8.1), and of the deprecated endpoints' failures
//! (umapi.md 11). Which status goes with each is the server's affair.

use roster_core::refusal::Refusal;

use crate::action::Malformed;
use crate::code;
use crate::json::Object;

/// Why a request of the API was not carried out at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the fields are named after what they hold")]
pub enum RequestError {
    /// There is no such path.
    #[error("No such resource")]
    NoSuchResource,
    /// `X-Api-Key` is missing or empty.
    #[error("Api Key is required")]
    KeyMissing,
    /// The key is unknown, disabled, not the token's, or may not manage users.
    #[error("Api Key is invalid")]
    KeyInvalid,
    /// No bearer token.
    #[error("Oauth token is missing")]
    TokenMissing,
    /// The token is not ours, has expired or was revoked.
    #[error("Oauth token is not valid")]
    TokenInvalid,
    /// The organization id of the path has not the form of one.
    #[error("Bad organization Id")]
    InvalidOrganization,
    /// The token is for another organization than the path.
    #[error("Failed to authenticate provided token")]
    ForeignOrganization,
    /// The organization is being moved.
    #[error("Organization is migrating")]
    Migrating,
    /// Too many requests within a minute.
    #[error("Too many requests")]
    Throttled,
    /// A number in the path or query is none, or negative.
    #[error("For input string: \"{value}\"")]
    InvalidNumber { value: String },
    /// A parameter has a value it cannot have.
    #[error("Invalid value for {name}: {value}")]
    InvalidValue { name: &'static str, value: String },
    /// Escapes of the path that are no UTF-8 text.
    #[error("Malformed escape in path: {segment}")]
    MalformedPath { segment: String },
    /// The body is no batch of commands.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// Users by group: no such group.
    #[error("Not found: Group {name}")]
    GroupNotFound { name: String },
    /// Users by group: no group can have this name.
    #[error("Invalid group name")]
    InvalidGroupName,
    /// Single user: nobody of that name.
    #[error("User not found {user}")]
    UserNotFound { user: String },
    /// Users: nobody related to the organization claimed the domain.
    #[error("Not found: Domain {domain}")]
    DomainNotFound { domain: String },
    /// Something of ours went wrong; the reference is in the log.
    #[error("Severe exception: {reference}")]
    Internal { reference: String },
    /// Shutting down, overloaded, or without storage.
    #[error("Service unavailable")]
    Unavailable,
}

impl RequestError {
    /// The code under which the error is published: that of `result`, or else of `error_code` or `errorCode`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoSuchResource => "error.api.not_available",
            Self::KeyMissing => "403000",
            Self::KeyInvalid => "error.apikey.invalid",
            Self::TokenMissing => "401010",
            Self::TokenInvalid => "401013",
            Self::InvalidOrganization => "error.organization.invalid_id",
            Self::ForeignOrganization => "error.unauthorized",
            Self::Migrating => "error.organization.migrating",
            Self::Throttled => "429050",
            Self::InvalidNumber { .. } | Self::InvalidValue { .. } | Self::MalformedPath { .. } => {
                "INVALID_PARAMETER"
            }
            Self::Malformed(_) => "error.command.malformed",
            Self::GroupNotFound { .. } => "error.group.not_found",
            Self::InvalidGroupName => "error.group.invalid_name",
            Self::UserNotFound { .. } => "error.user.not_found",
            Self::DomainNotFound { .. } => "error.domain.trust.nonexistent",
            Self::Internal { .. } => "error.internal.exceptionflys",
            Self::Unavailable => "503000",
        }
    }

    /// The body, which has one of three forms: that of the gateway, that of the reads, that of parameters.
    pub fn body(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(96);
        let mut body = Object::begin(&mut out);
        let (code, message) = (self.code(), self.to_string());
        match self {
            Self::KeyMissing
            | Self::TokenMissing
            | Self::TokenInvalid
            | Self::Throttled
            | Self::Unavailable => {
                body.text("error_code", code);
                body.text("message", &message);
            }
            Self::KeyInvalid => {
                body.text("error_code", "403003");
                body.text("message", &message);
                body.text("result", code);
            }
            Self::InvalidNumber { .. } | Self::InvalidValue { .. } | Self::MalformedPath { .. } => {
                body.text("errorCode", code);
                body.text("errorMessage", &message);
            }
            Self::ForeignOrganization | Self::GroupNotFound { .. } | Self::DomainNotFound { .. } => {
                body.boolean("lastPage", false);
                body.text("result", code);
                body.text("message", &message);
            }
            Self::NoSuchResource
            | Self::InvalidOrganization
            | Self::Migrating
            | Self::Malformed(_)
            | Self::InvalidGroupName
            | Self::UserNotFound { .. }
            | Self::Internal { .. } => {
                body.text("result", code);
                body.text("message", &message);
            }
        }
        body.end();
        out
    }
}

/// Why a request of a deprecated endpoint was not carried out. Both fields of its body carry the code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeprecatedError {
    /// No such user group.
    GroupNotFound,
    /// No such product.
    ProductNotFound,
    /// No such profile in the product.
    ProfileNotFound,
    /// The name is taken.
    DuplicateGroupName,
    /// The name cannot be one of a user group.
    InvalidGroupName,
    /// Another organization owns the group: no change.
    ReadOnlyUpdate,
    /// Another organization owns the group: no deletion.
    ReadOnlyRemove,
    /// Profile update: somebody listed is not there.
    UserNotFound,
    /// Profile update: a user group listed is not there.
    InvalidUserGroups,
    /// Profile update: somebody stands twice in a list.
    DuplicateUser,
    /// Profile update: a user group stands twice in a list.
    DuplicateUserGroup,
    /// Product administrators: somebody stands twice in a list.
    DuplicateProductAdmin,
    /// Profile update or product administrators: no known list at all.
    NothingGiven,
    /// A list has too many entries.
    ListTooLong,
    /// Profile update: what is listed cannot be added.
    AddFailed,
    /// Profile update: what is listed cannot be removed.
    RemoveFailed,
    /// The body is not what the endpoint takes.
    Malformed,
    /// A description is too long.
    TooLong,
    /// There are never any invites.
    NoPendingInvite,
    /// A rule says no, and these endpoints have no code of their own for it: that of the action endpoint.
    Refused(&'static str),
}

impl From<&Refusal> for DeprecatedError {
    /// What these endpoints say when a command they stand for is refused.
    fn from(refusal: &Refusal) -> Self {
        match refusal {
            Refusal::UserGroupNotFound => Self::GroupNotFound,
            Refusal::UserGroupExists { .. } => Self::DuplicateGroupName,
            Refusal::InvalidGroupName { .. } => Self::InvalidGroupName,
            Refusal::ReadOnlyUpdate { .. } => Self::ReadOnlyUpdate,
            Refusal::ReadOnlyRemove { .. } => Self::ReadOnlyRemove,
            Refusal::UserNotFound { .. } | Refusal::NoListedUserFound => Self::UserNotFound,
            other => Self::Refused(code::code(other)),
        }
    }
}

impl DeprecatedError {
    /// The code.
    pub fn code(self) -> &'static str {
        match self {
            Self::GroupNotFound => "GROUP_NOT_FOUND",
            Self::ProductNotFound => "PRODUCT_NOT_FOUND",
            Self::ProfileNotFound => "PLC_NOT_FOUND",
            Self::DuplicateGroupName => "DUPLICATE_GROUP_NAME",
            Self::InvalidGroupName => "error.group.invalid_name",
            Self::ReadOnlyUpdate => "error.usergroup.readonly.update_not_allowed",
            Self::ReadOnlyRemove => "error.usergroup.readonly.remove_not_allowed",
            Self::UserNotFound => "error.user.not_found",
            Self::InvalidUserGroups => "error.command.add_remove.invalid.usergroup_list",
            Self::DuplicateUser => "error.command.add_remove.duplicate.user_list",
            Self::DuplicateUserGroup => "error.command.add_remove.duplicate.usergroup_list",
            Self::DuplicateProductAdmin => "error.command.add_remove.duplicate.productadmin_list",
            Self::NothingGiven => "error.command.add_remove.user_usergroup.missing",
            Self::ListTooLong => "error.command.add_remove.list_too_long",
            Self::AddFailed => "FAILED_TO_ADD_TO_PLC",
            Self::RemoveFailed => "FAILED_TO_REMOVE_FROM_PLC",
            Self::Malformed => "error.command.malformed",
            Self::TooLong => "error.command.string.too_long",
            Self::NoPendingInvite => "invites.pending.not_found",
            Self::Refused(code) => code,
        }
    }

    /// The body.
    pub fn body(self) -> Vec<u8> {
        let message = if self == Self::NoPendingInvite {
            "No pending invite"
        } else {
            self.code()
        };
        let mut out = Vec::with_capacity(96);
        let mut body = Object::begin(&mut out);
        body.text("errorMessage", message);
        body.text("errorCode", self.code());
        body.end();
        out
    }
}
