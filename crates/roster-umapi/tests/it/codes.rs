//! The table of codes against what is raised.

use std::collections::BTreeSet;

use roster_core::command::Deprecated;
use roster_core::refusal::Refusal;
use roster_core::value::IdentityType;
use roster_umapi::action::{Malformed, Syntax};
use roster_umapi::code::{self, ALL, Level, documented};
use roster_umapi::request::{DeprecatedError, RequestError};

/// Every variant in turn, each telling the next, so that a new one does not compile until it is in the chain.
macro_rules! chain {
    ($name:ident: $type:ty, $first:expr, to ($last:pat); $($pattern:pat => $next:expr,)+) => {
        fn $name() -> Vec<$type> {
            fn next(value: &$type) -> Option<$type> {
                match value {
                    $($pattern => Some($next),)+
                    $last => None,
                }
            }
            std::iter::successors(Some($first), next).collect()
        }
    };
}

fn x() -> String {
    "x".to_owned()
}

chain!(refusals: Refusal, Refusal::DomainMissing { user: x() }, to (Refusal::OutsideScope { .. });
    Refusal::DomainMissing { .. } => Refusal::DomainWithEmail { user: x() },
    Refusal::DomainWithEmail { .. } => Refusal::UserNotFound { user: x() },
    Refusal::UserNotFound { .. } => Refusal::NotInOrg { user: x() },
    Refusal::NotInOrg { .. } => Refusal::ConflictingParameters { user: x() },
    Refusal::ConflictingParameters { .. } => Refusal::AlreadyInOrg { user: x() },
    Refusal::AlreadyInOrg { .. } => Refusal::MustMatchEmail { user: x() },
    Refusal::MustMatchEmail { .. } => Refusal::NameContainsEmail { user: x() },
    Refusal::NameContainsEmail { .. } => Refusal::InvalidUserName { user: x() },
    Refusal::InvalidUserName { .. } => Refusal::InvalidEmail { email: x() },
    Refusal::InvalidEmail { .. } => Refusal::FirstNameMissing,
    Refusal::FirstNameMissing => Refusal::LastNameMissing,
    Refusal::LastNameMissing => Refusal::InvalidCountry { country: x() },
    Refusal::InvalidCountry { .. } => Refusal::TypeMismatch { domain: x() },
    Refusal::TypeMismatch { .. } => Refusal::TypeNotAvailable { kind: IdentityType::AdobeId },
    Refusal::TypeNotAvailable { .. } => Refusal::MustNotBeAdobeId { user: x() },
    Refusal::MustNotBeAdobeId { .. } => Refusal::BelongsToAnotherOrg,
    Refusal::BelongsToAnotherOrg => Refusal::DomainNotClaimed,
    Refusal::DomainNotClaimed => Refusal::EmailDomainNotClaimed,
    Refusal::EmailDomainNotClaimed => Refusal::DomainRestricted { domain: x() },
    Refusal::DomainRestricted { .. } => Refusal::NotParentOrg,
    Refusal::NotParentOrg => Refusal::CreateFailed { step: "createFederatedID" },
    Refusal::CreateFailed { .. } => Refusal::UpdateFailed,
    Refusal::UpdateFailed => Refusal::UpdateOfAdobeId { user: x() },
    Refusal::UpdateOfAdobeId { .. } => Refusal::CountryNotUpdatable,
    Refusal::CountryNotUpdatable => Refusal::UserNameNotUpdatable { user: x() },
    Refusal::UserNameNotUpdatable { .. } => Refusal::EmailInUse { email: x() },
    Refusal::EmailInUse { .. } => Refusal::UserNameInUse { username: x() },
    Refusal::UserNameInUse { .. } => Refusal::EmailCannotMove { domain: x() },
    Refusal::EmailCannotMove { .. } => Refusal::DomainMismatch { domain: x() },
    Refusal::DomainMismatch { .. } => Refusal::NotEnterprise { user: x() },
    Refusal::NotEnterprise { .. } => Refusal::GroupNotFound { name: x() },
    Refusal::GroupNotFound { .. } => Refusal::GroupCannotBeUsed { name: x() },
    Refusal::GroupCannotBeUsed { .. } => Refusal::InvalidGroupName { name: x() },
    Refusal::InvalidGroupName { .. } => Refusal::ProductNotFound { name: x() },
    Refusal::ProductNotFound { .. } => Refusal::UserGroupNotFound,
    Refusal::UserGroupNotFound => Refusal::UserGroupExists { name: x() },
    Refusal::UserGroupExists { .. } => Refusal::TooManyMembers { name: x() },
    Refusal::TooManyMembers { .. } => Refusal::NoListedUserFound,
    Refusal::NoListedUserFound => Refusal::ReadOnlyUpdate { name: x() },
    Refusal::ReadOnlyUpdate { .. } => Refusal::ReadOnlyAddUser { name: x() },
    Refusal::ReadOnlyAddUser { .. } => Refusal::ReadOnlyRemoveUser { name: x() },
    Refusal::ReadOnlyRemoveUser { .. } => Refusal::ReadOnlyRemove { name: x() },
    Refusal::ReadOnlyRemove { .. } => Refusal::StepUnknown { step: "x" },
    Refusal::StepUnknown { .. } => Refusal::OutsideScope { what: x() },
);

chain!(syntax: Syntax, Syntax::IllegalEntry { what: x() }, to (Syntax::ObjectNotEmpty { .. });
    Syntax::IllegalEntry { .. } => Syntax::RootMissing,
    Syntax::RootMissing => Syntax::UserMissing,
    Syntax::UserMissing => Syntax::StringExpected { field: "x" },
    Syntax::StringExpected { .. } => Syntax::TooLong { field: "x", max: 1 },
    Syntax::TooLong { .. } => Syntax::BooleanExpected { field: "x" },
    Syntax::BooleanExpected { .. } => Syntax::DomainStringExpected,
    Syntax::DomainStringExpected => Syntax::StepsMalformed,
    Syntax::StepsMalformed => Syntax::TooManySteps { max: 1 },
    Syntax::TooManySteps { .. } => Syntax::StepUnknown { name: x() },
    Syntax::StepUnknown { .. } => Syntax::CreateObjectExpected { step: "x" },
    Syntax::CreateObjectExpected { .. } => Syntax::CreateStringExpected { field: "x" },
    Syntax::CreateStringExpected { .. } => Syntax::CreateKeyUnknown { step: "x", key: x() },
    Syntax::CreateKeyUnknown { .. } => Syntax::CreateMoreThanOne,
    Syntax::CreateMoreThanOne => Syntax::CreateNotFirst,
    Syntax::CreateNotFirst => Syntax::IllegalOption { value: x() },
    Syntax::IllegalOption { .. } => Syntax::OptionInUpdate,
    Syntax::OptionInUpdate => Syntax::ListsExpected { step: "x" },
    Syntax::ListsExpected { .. } => Syntax::ListMissing { step: "x" },
    Syntax::ListMissing { .. } => Syntax::ListKeyUnknown { step: "x", key: x() },
    Syntax::ListKeyUnknown { .. } => Syntax::ListNotArray { key: "x" },
    Syntax::ListNotArray { .. } => Syntax::ListTooLong { max: 1 },
    Syntax::ListTooLong { .. } => Syntax::NameTooLong,
    Syntax::NameTooLong => Syntax::DuplicateGroupList { key: "x" },
    Syntax::DuplicateGroupList { .. } => Syntax::DuplicateProductList { key: "x" },
    Syntax::DuplicateProductList { .. } => Syntax::DuplicateUser { entry: x() },
    Syntax::DuplicateUser { .. } => Syntax::DuplicateProductAdmin { entry: x() },
    Syntax::DuplicateProductAdmin { .. } => Syntax::InvalidListEntry { key: "x" },
    Syntax::InvalidListEntry { .. } => Syntax::InvalidUserListEntry,
    Syntax::InvalidUserListEntry => Syntax::InvalidUserInList { entry: x() },
    Syntax::InvalidUserInList { .. } => Syntax::GroupListMissing,
    Syntax::GroupListMissing => Syntax::NotLast { step: "x" },
    Syntax::NotLast { .. } => Syntax::ObjectNotEmpty { step: "x" },
);

chain!(requests: RequestError, RequestError::NoSuchResource, to (RequestError::Unavailable);
    RequestError::NoSuchResource => RequestError::KeyMissing,
    RequestError::KeyMissing => RequestError::KeyInvalid,
    RequestError::KeyInvalid => RequestError::TokenMissing,
    RequestError::TokenMissing => RequestError::TokenInvalid,
    RequestError::TokenInvalid => RequestError::InvalidOrganization,
    RequestError::InvalidOrganization => RequestError::ForeignOrganization,
    RequestError::ForeignOrganization => RequestError::Migrating,
    RequestError::Migrating => RequestError::Throttled,
    RequestError::Throttled => RequestError::InvalidNumber { value: "abc".to_owned() },
    RequestError::InvalidNumber { .. } => RequestError::InvalidValue { name: "testOnly", value: "yes".to_owned() },
    RequestError::InvalidValue { .. } => RequestError::MalformedPath { segment: "%zz".to_owned() },
    RequestError::MalformedPath { .. } => RequestError::Malformed(Malformed::TooManyCommands { max: 10 }),
    RequestError::Malformed(_) => RequestError::GroupNotFound { name: "R&D / \"EU\"".to_owned() },
    RequestError::GroupNotFound { .. } => RequestError::InvalidGroupName,
    RequestError::InvalidGroupName => RequestError::UserNotFound { user: "ana.lima@example.com".to_owned() },
    RequestError::UserNotFound { .. } => RequestError::DomainNotFound { domain: "nowhere.example".to_owned() },
    RequestError::DomainNotFound { .. } => RequestError::Internal { reference: "r-1".to_owned() },
    RequestError::Internal { .. } => RequestError::Unavailable,
);

chain!(deprecated: DeprecatedError, DeprecatedError::GroupNotFound, to (DeprecatedError::Refused(_));
    DeprecatedError::GroupNotFound => DeprecatedError::ProductNotFound,
    DeprecatedError::ProductNotFound => DeprecatedError::ProfileNotFound,
    DeprecatedError::ProfileNotFound => DeprecatedError::DuplicateGroupName,
    DeprecatedError::DuplicateGroupName => DeprecatedError::InvalidGroupName,
    DeprecatedError::InvalidGroupName => DeprecatedError::ReadOnlyUpdate,
    DeprecatedError::ReadOnlyUpdate => DeprecatedError::ReadOnlyRemove,
    DeprecatedError::ReadOnlyRemove => DeprecatedError::UserNotFound,
    DeprecatedError::UserNotFound => DeprecatedError::InvalidUserGroups,
    DeprecatedError::InvalidUserGroups => DeprecatedError::DuplicateUser,
    DeprecatedError::DuplicateUser => DeprecatedError::DuplicateUserGroup,
    DeprecatedError::DuplicateUserGroup => DeprecatedError::DuplicateProductAdmin,
    DeprecatedError::DuplicateProductAdmin => DeprecatedError::NothingGiven,
    DeprecatedError::NothingGiven => DeprecatedError::ListTooLong,
    DeprecatedError::ListTooLong => DeprecatedError::AddFailed,
    DeprecatedError::AddFailed => DeprecatedError::RemoveFailed,
    DeprecatedError::RemoveFailed => DeprecatedError::Malformed,
    DeprecatedError::Malformed => DeprecatedError::TooLong,
    DeprecatedError::TooLong => DeprecatedError::NoPendingInvite,
    DeprecatedError::NoPendingInvite => DeprecatedError::Refused("error.country.invalid"),
);

fn raised() -> BTreeSet<(&'static str, u8)> {
    let mut raised = BTreeSet::new();
    for refusal in refusals() {
        raised.insert((code::code(&refusal), Level::Command as u8));
    }
    for syntax in syntax() {
        raised.insert((code::syntax_code(&syntax), Level::Command as u8));
    }
    for request in requests() {
        raised.insert((request.code(), Level::Request as u8));
    }
    // The second of the two codes in one body.
    raised.insert(("403003", Level::Request as u8));
    for error in deprecated()
        .into_iter()
        .filter(|error| !matches!(error, DeprecatedError::Refused(_)))
    {
        raised.insert((error.code(), Level::Deprecated as u8));
    }
    for warning in [
        Deprecated::Product,
        Deprecated::Users,
        Deprecated::AddRoles,
        Deprecated::RemoveRoles,
    ] {
        raised.insert((code::warning_code(warning), Level::Warning as u8));
    }
    raised
}

#[test]
fn every_code_raised_is_documented_at_its_level() {
    for (code, level) in raised() {
        let row = documented(code).unwrap_or_else(|| panic!("`{code}` is not in the table"));
        assert!(
            row.levels.iter().any(|known| *known as u8 == level),
            "`{code}` is raised at level {level}, the table says {:?}",
            row.levels
        );
    }
}

#[test]
fn every_documented_code_is_raised_or_reserved() {
    // A failure of storage fails the whole request, and deprecated endpoints answer with the upper-case names.
    let never = [
        "error.internal.removefromorg",
        "error.internal.add",
        "plc.not_found",
        "error.command.product.not_found",
    ];
    let raised = raised();
    for row in ALL {
        for level in row.levels {
            let expected = *level != Level::Reserved && !never.contains(&row.code);
            let found = raised.contains(&(row.code, *level as u8));
            assert_eq!(found, expected, "`{}` at {level:?}", row.code);
        }
    }
}

#[test]
fn the_table_has_every_code_once() {
    let codes: BTreeSet<&str> = ALL.iter().map(|row| row.code).collect();
    assert_eq!(codes.len(), ALL.len());
    assert_eq!(ALL.len(), 136);
}

#[test]
fn messages_end_in_what_was_sent_and_hold_no_braces() {
    for message in refusals()
        .iter()
        .map(code::message)
        .chain(syntax().iter().map(code::syntax_message))
    {
        assert!(!message.is_empty() && !message.contains(['{', '}']), "{message}");
    }
}

#[test]
fn bodies_of_failed_requests() {
    let bodies: Vec<String> = requests()
        .iter()
        .map(|error| String::from_utf8(error.body()).unwrap())
        .chain(
            deprecated()
                .iter()
                .map(|error| String::from_utf8(error.body()).unwrap()),
        )
        .collect();
    for body in &bodies {
        serde_json::from_str::<serde_json::Value>(body).unwrap();
    }
    expect_test::expect![[r#"
        {"result":"error.api.not_available","message":"No such resource"}
        {"error_code":"403000","message":"Api Key is required"}
        {"error_code":"403003","message":"Api Key is invalid","result":"error.apikey.invalid"}
        {"error_code":"401010","message":"Oauth token is missing"}
        {"error_code":"401013","message":"Oauth token is not valid"}
        {"result":"error.organization.invalid_id","message":"Bad organization Id"}
        {"lastPage":false,"result":"error.unauthorized","message":"Failed to authenticate provided token"}
        {"result":"error.organization.migrating","message":"Organization is migrating"}
        {"error_code":"429050","message":"Too many requests"}
        {"errorCode":"INVALID_PARAMETER","errorMessage":"For input string: \"abc\""}
        {"errorCode":"INVALID_PARAMETER","errorMessage":"Invalid value for testOnly: yes"}
        {"errorCode":"INVALID_PARAMETER","errorMessage":"Malformed escape in path: %zz"}
        {"result":"error.command.malformed","message":"Too many commands in request: max is 10"}
        {"lastPage":false,"result":"error.group.not_found","message":"Not found: Group R&D / \"EU\""}
        {"result":"error.group.invalid_name","message":"Invalid group name"}
        {"result":"error.user.not_found","message":"User not found ana.lima@example.com"}
        {"lastPage":false,"result":"error.domain.trust.nonexistent","message":"Not found: Domain nowhere.example"}
        {"result":"error.internal.exceptionflys","message":"Severe exception: r-1"}
        {"error_code":"503000","message":"Service unavailable"}
        {"errorMessage":"GROUP_NOT_FOUND","errorCode":"GROUP_NOT_FOUND"}
        {"errorMessage":"PRODUCT_NOT_FOUND","errorCode":"PRODUCT_NOT_FOUND"}
        {"errorMessage":"PLC_NOT_FOUND","errorCode":"PLC_NOT_FOUND"}
        {"errorMessage":"DUPLICATE_GROUP_NAME","errorCode":"DUPLICATE_GROUP_NAME"}
        {"errorMessage":"error.group.invalid_name","errorCode":"error.group.invalid_name"}
        {"errorMessage":"error.usergroup.readonly.update_not_allowed","errorCode":"error.usergroup.readonly.update_not_allowed"}
        {"errorMessage":"error.usergroup.readonly.remove_not_allowed","errorCode":"error.usergroup.readonly.remove_not_allowed"}
        {"errorMessage":"error.user.not_found","errorCode":"error.user.not_found"}
        {"errorMessage":"error.command.add_remove.invalid.usergroup_list","errorCode":"error.command.add_remove.invalid.usergroup_list"}
        {"errorMessage":"error.command.add_remove.duplicate.user_list","errorCode":"error.command.add_remove.duplicate.user_list"}
        {"errorMessage":"error.command.add_remove.duplicate.usergroup_list","errorCode":"error.command.add_remove.duplicate.usergroup_list"}
        {"errorMessage":"error.command.add_remove.duplicate.productadmin_list","errorCode":"error.command.add_remove.duplicate.productadmin_list"}
        {"errorMessage":"error.command.add_remove.user_usergroup.missing","errorCode":"error.command.add_remove.user_usergroup.missing"}
        {"errorMessage":"error.command.add_remove.list_too_long","errorCode":"error.command.add_remove.list_too_long"}
        {"errorMessage":"FAILED_TO_ADD_TO_PLC","errorCode":"FAILED_TO_ADD_TO_PLC"}
        {"errorMessage":"FAILED_TO_REMOVE_FROM_PLC","errorCode":"FAILED_TO_REMOVE_FROM_PLC"}
        {"errorMessage":"error.command.malformed","errorCode":"error.command.malformed"}
        {"errorMessage":"error.command.string.too_long","errorCode":"error.command.string.too_long"}
        {"errorMessage":"No pending invite","errorCode":"invites.pending.not_found"}
        {"errorMessage":"error.country.invalid","errorCode":"error.country.invalid"}"#]].assert_eq(&bodies.join("\n"));
}
