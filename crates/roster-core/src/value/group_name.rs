//! Names of groups: which are allowed, and which reserved names stand for admin and developer groups.

use crate::value::Key;

/// The longest name, in characters; a reserved prefix is not counted.
pub const NAME_MAX: usize = 255;

/// Whether `name` may be given to a user group or profile (umapi.md 6.2): 1–255 characters, no leading `_`,
/// no control characters.
pub fn valid_group_name(name: &str) -> bool {
    let count = name.chars().count();
    (1..=NAME_MAX).contains(&count) && !name.starts_with('_') && !name.chars().any(char::is_control)
}

/// What a name in a list or a path means before anything is looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GroupName {
    /// The plain name of a user group or profile (or of nothing).
    Plain(Key),
    /// A name with a meaning of its own.
    Reserved(ReservedName),
}

/// The reserved names (umapi.md 1.4, 9.1); prefixes are matched in any letter case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReservedName {
    /// `_org_admin`.
    SystemAdmin,
    /// `_support_admin`.
    SupportAdmin,
    /// `_deployment_admin`.
    DeploymentAdmin,
    /// `_compartment_admin` or `_compartment_viewer`.
    Compartment,
    /// `_admin_X`, `_developer_X`: a role on the user group or profile X; `_product_admin_P`: on product P.
    Role(AdminRole, Key),
}

/// The roles that a prefix names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum AdminRole {
    /// `_admin_`: administrator of a user group or profile.
    Admin,
    /// `_product_admin_`: administrator of a product.
    ProductAdmin,
    /// `_developer_`: developer of a profile.
    Developer,
}

impl AdminRole {
    /// The prefix in stored spelling.
    pub fn prefix(self) -> &'static str {
        match self {
            Self::Admin => "_admin_",
            Self::ProductAdmin => "_product_admin_",
            Self::Developer => "_developer_",
        }
    }
}

impl GroupName {
    /// Reads a name as sent.
    pub fn parse(name: &str) -> Self {
        let key = Key::new(name);
        let fixed = match key.as_str() {
            "_org_admin" => Some(ReservedName::SystemAdmin),
            "_support_admin" => Some(ReservedName::SupportAdmin),
            "_deployment_admin" => Some(ReservedName::DeploymentAdmin),
            "_compartment_admin" | "_compartment_viewer" => Some(ReservedName::Compartment),
            _ => None,
        };
        if let Some(reserved) = fixed {
            return Self::Reserved(reserved);
        }
        for role in [AdminRole::ProductAdmin, AdminRole::Developer, AdminRole::Admin] {
            if let Some(base) = key.as_str().strip_prefix(role.prefix()) {
                return Self::Reserved(ReservedName::Role(role, Key::new(base)));
            }
        }
        Self::Plain(key)
    }

    /// The length that the limit of 255 applies to: a reserved prefix is not counted (umapi.md 1.3).
    pub fn counted_length(name: &str) -> usize {
        let name = name.trim();
        let folded = name.to_lowercase();
        for role in [AdminRole::ProductAdmin, AdminRole::Developer, AdminRole::Admin] {
            if folded.starts_with(role.prefix()) {
                return name.chars().count() - role.prefix().len();
            }
        }
        name.chars().count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reserved_names_are_recognised_in_any_case() {
        assert_eq!(
            GroupName::parse("_ORG_admin"),
            GroupName::Reserved(ReservedName::SystemAdmin)
        );
        assert_eq!(
            GroupName::parse("_Product_Admin_Photo Suite"),
            GroupName::Reserved(ReservedName::Role(
                AdminRole::ProductAdmin,
                Key::new("photo suite")
            ))
        );
        assert_eq!(GroupName::parse(" Design "), GroupName::Plain(Key::new("design")));
    }

    #[test]
    fn a_prefix_is_not_counted() {
        let long = format!("_admin_{}", "x".repeat(255));
        assert_eq!(GroupName::counted_length(&long), 255);
        assert!(!valid_group_name("_x") && !valid_group_name("") && !valid_group_name("a\u{1}"));
        assert!(valid_group_name("R&D / EU @home"));
    }
}
