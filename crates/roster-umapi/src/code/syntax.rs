//! Codes and messages of problems of form (umapi.md 8.2 and parts of 8.3, 8.4).

use crate::action::Syntax;

/// The code of a problem of form.
pub fn syntax_code(syntax: &Syntax) -> &'static str {
    match syntax {
        Syntax::IllegalEntry { .. } => "error.command.illegal_entry",
        Syntax::RootMissing => "error.command.user_usergroup.missing",
        Syntax::UserMissing => "error.command.user.missing",
        Syntax::StringExpected { .. } => "error.command.string_expected",
        Syntax::TooLong { .. } => "error.command.string.too_long",
        Syntax::BooleanExpected { .. } => "error.command.boolean_expected",
        Syntax::DomainStringExpected => "error.command.domain.string_expected",
        Syntax::StepsMalformed => "error.command.steps.malformed",
        Syntax::StepUnknown { .. } => "error.command.step.unknown",
        Syntax::CreateObjectExpected { .. } => "error.command.create.object_expected",
        Syntax::CreateStringExpected { .. } => "error.command.create.string_expected",
        Syntax::CreateKeyUnknown { .. } => "error.command.create.key.unknown",
        Syntax::CreateMoreThanOne => "error.command.create.more_than_one",
        Syntax::CreateNotFirst => "error.command.create.not_first",
        Syntax::IllegalOption { .. } => "error.option.illegal",
        Syntax::OptionInUpdate => "error.command.update.option.no",
        Syntax::ListsExpected { .. } => "error.command.add_remove.list",
        Syntax::ListMissing { .. } => "error.command.add_remove.missing_list",
        Syntax::ListKeyUnknown { .. } => "error.command.add_remove.key.unknown",
        Syntax::ListNotArray { .. } => "error.command.add_remove.list_not_array",
        Syntax::TooManySteps { .. } | Syntax::ListTooLong { .. } => "error.command.add_remove.list_too_long",
        Syntax::NameTooLong => "error.command.add_remove.group_or_product_name_too_long",
        Syntax::DuplicateGroupList { .. } => "error.command.add_remove.duplicate.group_list",
        Syntax::DuplicateProductList { .. } => "error.command.add_remove.duplicate.product_list",
        Syntax::DuplicateUser { .. } => "error.command.add_remove.duplicate.user_list",
        Syntax::DuplicateProductAdmin { .. } => "error.command.add_remove.duplicate.productadmin_list",
        Syntax::InvalidListEntry { .. } => "error.group.invalid_list",
        Syntax::InvalidUserListEntry => "error.usergroup.user_list.invalid",
        Syntax::InvalidUserInList { .. } => "error.user.user_list.invalid",
        Syntax::GroupListMissing => "error.usergroup.command.missing.arguments",
        Syntax::NotLast { .. } => "error.command.removefromorg.not_last",
        Syntax::ObjectNotEmpty { .. } => "error.command.object_not_empty",
    }
}

/// The message of a problem of form.
pub fn syntax_message(syntax: &Syntax) -> String {
    match syntax {
        Syntax::IllegalEntry { what } => format!("Illegal entry: {what}"),
        Syntax::RootMissing => "Command must contain user or usergroup".to_owned(),
        Syntax::UserMissing => "User is missing".to_owned(),
        Syntax::StringExpected { field } | Syntax::CreateStringExpected { field } => {
            format!("String expected for field: {field}")
        }
        Syntax::TooLong { field, max } => {
            format!("String too long in command for field: {field}, max length {max}")
        }
        Syntax::BooleanExpected { field } => format!("Boolean expected for field: {field}"),
        Syntax::DomainStringExpected => "String expected for field: domain".to_owned(),
        Syntax::StepsMalformed => "Steps must be a JSON array".to_owned(),
        Syntax::TooManySteps { max } => format!("Too many steps in command: max is {max}"),
        Syntax::StepUnknown { name } => format!("Unknown step: {name}"),
        Syntax::CreateObjectExpected { step } => format!("Object expected for step: {step}"),
        Syntax::CreateKeyUnknown { step, key } | Syntax::ListKeyUnknown { step, key } => {
            format!("Unknown key in {step}: {key}")
        }
        Syntax::CreateMoreThanOne => "Only one create step is allowed".to_owned(),
        Syntax::CreateNotFirst => "Create must be the first step".to_owned(),
        Syntax::IllegalOption { value } => format!("Illegal option: {value}"),
        Syntax::OptionInUpdate => "Option is not allowed in update".to_owned(),
        Syntax::ListsExpected { step } => format!("Object or \"all\" expected for step: {step}"),
        Syntax::ListMissing { step } => format!("No list given for step: {step}"),
        Syntax::ListNotArray { key } => format!("Array expected for: {key}"),
        Syntax::ListTooLong { max } => {
            format!("Too many products, users or groups in Add or Remove: max is {max}")
        }
        Syntax::NameTooLong => "Group or product name too long: max length 255".to_owned(),
        Syntax::DuplicateGroupList { key } | Syntax::DuplicateProductList { key } => {
            format!("Duplicate list: {key}")
        }
        Syntax::DuplicateUser { entry } | Syntax::DuplicateProductAdmin { entry } => {
            format!("Duplicate entry: {entry}")
        }
        Syntax::InvalidListEntry { key } => format!("Invalid entry in list: {key}"),
        Syntax::InvalidUserListEntry => "Invalid entry in list: user".to_owned(),
        Syntax::InvalidUserInList { entry } => format!("Invalid user in list: {entry}"),
        Syntax::GroupListMissing => "No users or product profiles given".to_owned(),
        Syntax::NotLast { step } => format!("{step} must be the last step"),
        Syntax::ObjectNotEmpty { step } => format!("Object must be empty for step: {step}"),
    }
}
