//! Every error and warning code of the API: the only place that spells them.
//!
//! [`code`] and [`message`] turn core's refusals into what the wire says; [`syntax_code`] and
//! [`syntax_message`] do it for problems of form. [`ALL`] is the published table (umapi.md 8), including the codes
//! that are documented and never raised. Codes of requests that fail as a whole are in [`crate::request`].
//!
//! ```
//! use roster_core::refusal::Refusal;
//! use roster_umapi::code;
//!
//! let refusal = Refusal::GroupNotFound { name: "Nope".into() };
//! assert_eq!(code::code(&refusal), "error.group.not_found");
//! assert_eq!(code::message(&refusal), "Group Nope was not found");
//! assert!(code::documented("error.group.not_found").is_some());
//! ```

mod syntax;
mod table;

use roster_core::command::Deprecated;
use roster_core::refusal::Refusal;

pub use syntax::{syntax_code, syntax_message};
pub use table::{ALL, Documented, Level, documented};

/// The code of a refusal.
pub fn code(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::DomainMissing { .. } => "error.command.domain.missing",
        Refusal::DomainWithEmail { .. } => "error.command.domain.must_be_used_with_nonemail_username",
        Refusal::UserNotFound { .. } => "error.user.nonexistent",
        Refusal::NotInOrg { .. } => "error.user.not_in_org",
        Refusal::ConflictingParameters { .. } => "error.user.nonexistent_or_has_conflicting_parameters",
        Refusal::AlreadyInOrg { .. } => "error.user.already_in_org",
        Refusal::MustMatchEmail { .. } => "error.user.must_match_email",
        Refusal::NameContainsEmail { .. } => "error.user.name.contains.email",
        Refusal::InvalidUserName { .. } => "error.user.name.invalid",
        Refusal::InvalidEmail { .. } => "error.user.email.invalid",
        Refusal::FirstNameMissing => "error.user.firstname_missing",
        Refusal::LastNameMissing => "error.user.lastname_missing",
        Refusal::InvalidCountry { .. } => "error.country.invalid",
        Refusal::TypeMismatch { .. } => "error.user.type_mismatch",
        Refusal::TypeNotAvailable { .. } => "error.user.type_not_available",
        Refusal::MustNotBeAdobeId { .. } => "error.user.type_must_not_be_adobeid",
        Refusal::BelongsToAnotherOrg => "error.user.belongs_to_another_org",
        Refusal::DomainNotClaimed | Refusal::EmailDomainNotClaimed => "error.domain.trust.nonexistent",
        Refusal::DomainRestricted { .. } => "error.user.domain_enforcement",
        Refusal::NotParentOrg => "error.api.user.not.parent.org",
        Refusal::CreateFailed { .. } => "error.internal.create_failed",
        Refusal::UpdateFailed => "error.internal.update_failed",
        Refusal::UpdateOfAdobeId { .. } => "error.update.adobeid.no",
        Refusal::CountryNotUpdatable => "error.update.country.no_update",
        Refusal::UserNameNotUpdatable { .. } => "error.update.username.no",
        Refusal::EmailInUse { .. } => "error.user.email.name_in_use",
        Refusal::UserNameInUse { .. } => "error.user.name_in_use",
        Refusal::EmailCannotMove { .. } => "error.user.change_domain_update.no",
        Refusal::DomainMismatch { .. } => "error.update.domain.mismatch",
        Refusal::NotEnterprise { .. } => "error.resetpw.user_must_be_enterprise_type",
        Refusal::GroupNotFound { .. } => "error.group.not_found",
        Refusal::GroupCannotBeUsed { .. } | Refusal::InvalidGroupName { .. } => "error.group.invalid_name",
        Refusal::ProductNotFound { .. } => "error.user.productadmin.group.not_found",
        Refusal::UserGroupNotFound => "error.usergroup.not_found",
        Refusal::UserGroupExists { .. } => "error.usergroup.already_exists",
        Refusal::TooManyMembers { .. } => "error.usergroup.exceeds_maximum_member_count",
        Refusal::NoListedUserFound => "error.user.not_found",
        Refusal::ReadOnlyUpdate { .. } => "error.usergroup.readonly.update_not_allowed",
        Refusal::ReadOnlyAddUser { .. } => "error.usergroup.readonly.add_user_not_allowed",
        Refusal::ReadOnlyRemoveUser { .. } => "error.usergroup.readonly.remove_user_not_allowed",
        Refusal::ReadOnlyRemove { .. } => "error.usergroup.readonly.remove_not_allowed",
        Refusal::StepUnknown { .. } => "error.command.step.unknown",
        Refusal::OutsideScope { .. } => "error.internal.exceptionflys",
    }
}

/// The message of a refusal.
pub fn message(refusal: &Refusal) -> String {
    match refusal {
        Refusal::DomainMissing { user } => format!("Domain is required for user: {user}"),
        Refusal::DomainWithEmail { user } => {
            format!("Domain must only be used with a non-email user name: {user}")
        }
        Refusal::UserNotFound { user } => format!("User Id does not exist: {user}"),
        Refusal::NotInOrg { user } => format!("User is not in organization: {user}"),
        Refusal::ConflictingParameters { user } => {
            format!("User does not exist or has conflicting parameters: {user}")
        }
        Refusal::AlreadyInOrg { user } => format!("User is already in organization: {user}"),
        Refusal::MustMatchEmail { user } => format!("User name must match email: {user}"),
        Refusal::NameContainsEmail { user } => format!("User name must not be an email address: {user}"),
        Refusal::InvalidUserName { user } => format!("Invalid user name: {user}"),
        Refusal::InvalidEmail { email } => format!("Invalid email: {email}"),
        Refusal::FirstNameMissing => "First name is missing".to_owned(),
        Refusal::LastNameMissing => "Last name is missing".to_owned(),
        Refusal::InvalidCountry { country } => format!("Invalid country: {country}"),
        Refusal::TypeMismatch { domain } => {
            format!("User type does not match the directory of domain: {domain}")
        }
        Refusal::TypeNotAvailable { kind } => format!("User type is not available: {}", kind.as_str()),
        Refusal::MustNotBeAdobeId { user } => format!("Operation not allowed for an Adobe ID: {user}"),
        Refusal::BelongsToAnotherOrg => {
            "Illegal to invite user from another organization's owned auth src".to_owned()
        }
        Refusal::DomainNotClaimed => "Changes to users are only allowed in claimed domains.".to_owned(),
        Refusal::EmailDomainNotClaimed => "Domain for email is not claimed".to_owned(),
        Refusal::DomainRestricted { domain } => format!("Domain is restricted: {domain}"),
        Refusal::NotParentOrg => "Operation requires the organization that owns the directory".to_owned(),
        Refusal::CreateFailed { step } => format!("Could not create person of type {step}"),
        Refusal::UpdateFailed => "Failed to update user".to_owned(),
        Refusal::UpdateOfAdobeId { user } => format!("Update is not allowed for an Adobe ID: {user}"),
        Refusal::CountryNotUpdatable => "Country cannot be updated".to_owned(),
        Refusal::UserNameNotUpdatable { user } => format!("User name cannot be updated: {user}"),
        Refusal::EmailInUse { email } => format!("Email is already in use: {email}"),
        Refusal::UserNameInUse { username } => format!("User name is already in use: {username}"),
        Refusal::EmailCannotMove { domain } => format!("Email cannot be moved to domain: {domain}"),
        Refusal::DomainMismatch { domain } => {
            format!("Domain does not match the domain of the user: {domain}")
        }
        Refusal::NotEnterprise { user } => format!("User must be an Enterprise ID: {user}"),
        Refusal::GroupNotFound { name } => format!("Group {name} was not found"),
        Refusal::GroupCannotBeUsed { name } => format!("Group {name} cannot be used"),
        Refusal::InvalidGroupName { name } => format!("Invalid group name: {name}"),
        Refusal::ProductNotFound { name } => format!("Product {name} was not found"),
        Refusal::UserGroupNotFound => "UserGroup not found".to_owned(),
        Refusal::UserGroupExists { name } => format!("UserGroup already exists: {name}"),
        Refusal::TooManyMembers { name } => format!("UserGroup exceeds the maximum member count: {name}"),
        Refusal::NoListedUserFound => "No valid users were found in the request".to_owned(),
        Refusal::ReadOnlyUpdate { name } => {
            format!("Usergroup is owned by another org and readonly: {name}")
        }
        Refusal::ReadOnlyAddUser { name } => {
            format!("User cannot be added to group as owned by another org and readonly: {name}")
        }
        Refusal::ReadOnlyRemoveUser { name } => {
            format!("User cannot be removed from group as owned by another org and readonly: {name}")
        }
        Refusal::ReadOnlyRemove { name } => {
            format!("User group owned by another organization. Remove not allowed: {name}")
        }
        Refusal::StepUnknown { step } => format!("Unknown step: {step}"),
        Refusal::OutsideScope { what } => format!("Severe exception: {what}"),
    }
}

/// The code of a warning.
pub fn warning_code(warning: Deprecated) -> &'static str {
    match warning {
        Deprecated::Product | Deprecated::Users | Deprecated::AddRoles | Deprecated::RemoveRoles => {
            "warning.command.deprecated"
        }
    }
}

/// The message of a warning.
pub fn warning_message(warning: Deprecated) -> &'static str {
    match warning {
        Deprecated::Product => "'product' command is deprecated. Please use productConfiguration.",
        Deprecated::Users => "'users' command is deprecated. Please use user.",
        Deprecated::AddRoles => "'addRoles' command is deprecated. Please use group.",
        Deprecated::RemoveRoles => "'removeRoles' command is deprecated. Please use group.",
    }
}
