//! The published table of codes (umapi.md 8): every code there is, and where it appears.

use Level::{Command, Deprecated, Request, Reserved, Warning};

/// A code of the published table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Documented {
    /// The code as it stands on the wire.
    pub code: &'static str,
    /// Where it appears.
    pub levels: &'static [Level],
}

/// Where a code appears.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// In the errors of an answered batch.
    Command,
    /// As the answer to a whole request.
    Request,
    /// In the answers of the deprecated endpoints.
    Deprecated,
    /// In the warnings of an answered batch.
    Warning,
    /// Documented, and never raised here. Kept so that nobody gives it another meaning.
    Reserved,
}

/// Looks a code up.
pub fn documented(code: &str) -> Option<&'static Documented> {
    ALL.iter().find(|row| row.code == code)
}

const fn row(code: &'static str, levels: &'static [Level]) -> Documented {
    Documented { code, levels }
}

/// Every documented code, in the order of the published table.
pub const ALL: &[Documented] = &[
    row("error.organization.invalid_id", &[Request]),
    row("error.organization.invalid", &[Reserved]),
    row("error.organization.invalid_name", &[Reserved]),
    row("error.organization.migrating", &[Request]),
    row("error.apikey.invalid", &[Request]),
    row("error.unauthorized", &[Request]),
    row("error.command.malformed", &[Request, Deprecated]),
    row("error.group.not_found", &[Request, Command]),
    row("error.group.invalid_name", &[Request, Command, Deprecated]),
    row("error.user.not_found", &[Request, Command, Deprecated]),
    row("error.domain.trust.nonexistent", &[Request, Command]),
    row("error.user.email.invalid", &[Command]),
    row("error.api.user.not.parent.org", &[Command]),
    row("error.api.not_available", &[Request]),
    row("error.internal.exceptionflys", &[Request, Command]),
    row("error.throttled_by_external_service", &[Reserved]),
    row("401010", &[Request]),
    row("401013", &[Request]),
    row("403000", &[Request]),
    row("403003", &[Request]),
    row("429050", &[Request]),
    row("503000", &[Request]),
    row("INVALID_PARAMETER", &[Request]),
    row("error.command.user_usergroup.missing", &[Command]),
    row("error.command.user.missing", &[Command]),
    row("error.command.string_expected", &[Command]),
    row("error.command.string.too_long", &[Command, Deprecated]),
    row("error.command.boolean_expected", &[Command]),
    row("error.command.domain.string_expected", &[Command]),
    row("error.command.domain.missing", &[Command]),
    row(
        "error.command.domain.must_be_used_with_nonemail_username",
        &[Command],
    ),
    row("error.command.steps.malformed", &[Command]),
    row("error.command.step.unknown", &[Command]),
    row("error.command.illegal_entry", &[Command]),
    row("error.command.create.object_expected", &[Command]),
    row("error.command.create.string_expected", &[Command]),
    row("error.command.create.key.unknown", &[Command]),
    row("error.command.create.more_than_one", &[Command]),
    row("error.command.create.not_first", &[Command]),
    row("error.option.illegal", &[Command]),
    row("error.command.update.option.no", &[Command]),
    row("error.command.add_remove.list", &[Command]),
    row("error.command.add_remove.missing_list", &[Command]),
    row("error.command.add_remove.key.unknown", &[Command]),
    row("error.command.add_remove.list_not_array", &[Command]),
    row("error.command.add_remove.list_too_long", &[Command, Deprecated]),
    row(
        "error.command.add_remove.group_or_product_name_too_long",
        &[Command],
    ),
    row("error.command.add_remove.duplicate.group_list", &[Command]),
    row("error.command.add_remove.duplicate.product_list", &[Command]),
    row("error.command.add_remove.duplicate.usergroup_list", &[Deprecated]),
    row(
        "error.command.add_remove.duplicate.user_list",
        &[Command, Deprecated],
    ),
    row(
        "error.command.add_remove.duplicate.productadmin_list",
        &[Command, Deprecated],
    ),
    row("error.command.add_remove.user_usergroup.missing", &[Deprecated]),
    row("error.command.add_remove.invalid.usergroup_list", &[Deprecated]),
    row("error.command.removefromorg.not_last", &[Command]),
    row("error.command.object_not_empty", &[Command]),
    row("error.command.product.not_found", &[Deprecated]),
    row("error.user.nonexistent", &[Command]),
    row("error.user.not_in_org", &[Command]),
    row("error.user.nonexistent_or_has_conflicting_parameters", &[Command]),
    row("error.user.already_in_org", &[Command]),
    row("error.user.already_invited", &[Reserved]),
    row("error.user.already_exists", &[Reserved]),
    row("error.user.must_match_email", &[Command]),
    row("error.user.name.contains.email", &[Command]),
    row("error.user.name.invalid", &[Command]),
    row("error.user.user_list.invalid", &[Command]),
    row("error.user.firstname_missing", &[Command]),
    row("error.user.lastname_missing", &[Command]),
    row("error.user.type_mismatch", &[Command]),
    row("error.user.type_not_available", &[Command]),
    row("error.user.type_must_not_be_adobeid", &[Command]),
    row("error.user.belongs_to_another_org", &[Command]),
    row("error.user.domain_enforcement", &[Command]),
    row("error.user.change_domain_update.no", &[Command]),
    row("error.user.name_in_use", &[Command]),
    row("error.user.email.name_in_use", &[Command]),
    row("error.user.update_failed", &[Reserved]),
    row("error.user.id_missing", &[Reserved]),
    row("error.user.type_unknown", &[Reserved]),
    row("error.user.type.missing", &[Reserved]),
    row("error.user.not_found_or_ambiguous", &[Reserved]),
    row("error.user.command.missing.arguments", &[Reserved]),
    row("error.user.productadmin.group.not_found", &[Command]),
    row("error.user.productadmin.add.user.failed", &[Reserved]),
    row("error.user.productadmin.remove.admin.failed", &[Reserved]),
    row("error.update.adobeid.no", &[Command]),
    row("error.update.username.no", &[Command]),
    row("error.update.country.no_update", &[Command]),
    row("error.update.domain.mismatch", &[Command]),
    row("error.update.no", &[Reserved]),
    row("error.country.invalid", &[Command]),
    row("error.resetpw.user_must_be_enterprise_type", &[Command]),
    row("error.group.invalid_list", &[Command]),
    row("error.group.remove_failed", &[Reserved]),
    row("error.internal.group.remove", &[Reserved]),
    row("error.usergroup.not_found", &[Command]),
    row("error.usergroup.already_exists", &[Command]),
    row("error.usergroup.user_list.invalid", &[Command]),
    row("error.usergroup.command.missing.arguments", &[Command]),
    row("error.usergroup.exceeds_maximum_member_count", &[Command]),
    row(
        "error.usergroup.readonly.update_not_allowed",
        &[Command, Deprecated],
    ),
    row("error.usergroup.readonly.add_user_not_allowed", &[Command]),
    row("error.usergroup.readonly.remove_user_not_allowed", &[Command]),
    row(
        "error.usergroup.readonly.remove_not_allowed",
        &[Command, Deprecated],
    ),
    row("error.usergroup.update.failed", &[Reserved]),
    row("plc.not_found", &[Deprecated]),
    row("plc.admin.group.not_found", &[Reserved]),
    row("plc.admin.already_added", &[Reserved]),
    row("plc.add.admin.error", &[Reserved]),
    row("plc.remove.admin.error", &[Reserved]),
    row("error.productadmin.add.user.failed", &[Reserved]),
    row("error.productadmin.remove.admin.failed", &[Reserved]),
    row("error.developer.add_user.failed", &[Reserved]),
    row("error.developer.remove_user.failed", &[Reserved]),
    row("GROUP_NOT_FOUND", &[Deprecated]),
    row("PLC_NOT_FOUND", &[Deprecated]),
    row("PRODUCT_NOT_FOUND", &[Deprecated]),
    row("DUPLICATE_GROUP_NAME", &[Deprecated]),
    row("FAILED_TO_ADD_TO_PLC", &[Deprecated]),
    row("FAILED_TO_REMOVE_FROM_PLC", &[Deprecated]),
    row("invites.pending.not_found", &[Deprecated]),
    row("invites.pending.resend.error", &[Reserved]),
    row("invites.pending.revoke.error", &[Reserved]),
    row("error.internal.create_failed", &[Command]),
    row("error.internal.update_failed", &[Command]),
    row("error.internal.removefromorg", &[Command]),
    row("error.internal.add", &[Command]),
    row("error.internal.everybody_group.not_found", &[Reserved]),
    row("error.internal.no_email_for_user", &[Reserved]),
    row("error.internal.reset_password_email", &[Reserved]),
    row("error.internal.invite.email_template_misconfigured", &[Reserved]),
    row("error.internal.notification.failed", &[Reserved]),
    row("error.internal.notification.failed.dma", &[Reserved]),
    row("error.internal.notification.failed.jem", &[Reserved]),
    row("warning.command.deprecated", &[Warning]),
];
