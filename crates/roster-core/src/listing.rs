//! Rows of lists, borrowed: what the store hands out and the wire renders. No rule lives here.

use crate::org::GroupKind;
use crate::value::{AdminRole, GroupId, IdentityType, Status};

/// A person in a list.
#[derive(Debug, Clone, Copy)]
pub struct UserRow<'a> {
    /// The account's id on the wire.
    pub id: &'a str,
    /// E-mail as stored.
    pub email: &'a str,
    /// Active, disabled, locked.
    pub status: Status,
    /// Username as stored.
    pub username: &'a str,
    /// Lower case.
    pub domain: &'a str,
    /// Absent when never set.
    pub firstname: Option<&'a str>,
    /// Absent when never set.
    pub lastname: Option<&'a str>,
    /// Two letters.
    pub country: &'a str,
    /// Identity type.
    pub kind: IdentityType,
    /// The groups to show: user groups, profiles, admin groups, each in the order of joining. Empty when
    /// none were asked for.
    pub groups: &'a [GroupLabel<'a>],
}

/// A group as it is shown in a person's list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GroupLabel<'a> {
    /// What it is.
    pub kind: GroupKind,
    /// Its own name, or that of the group or product it administers; empty for the org-wide admin groups.
    pub name: &'a str,
}

impl GroupLabel<'_> {
    /// The part of the full name that comes before `name`; the whole name of an org-wide admin group.
    pub fn prefix(&self) -> &'static str {
        self.kind.prefix()
    }

    /// The full name as the API shows it.
    pub fn full_name(&self) -> String {
        format!("{}{}", self.prefix(), self.name)
    }
}

impl GroupKind {
    /// What stands before the base name in the group's full name; the whole name of an org-wide group.
    pub fn prefix(self) -> &'static str {
        match self {
            Self::UserGroup | Self::Profile(_) | Self::ContractAdmin => "",
            Self::SystemAdmin => "_org_admin",
            Self::SupportAdmin => "_support_admin",
            Self::DeploymentAdmin => "_deployment_admin",
            Self::ProductAdmin(_) => AdminRole::ProductAdmin.prefix(),
            Self::ProfileAdmin(_) | Self::UserGroupAdmin(_) => AdminRole::Admin.prefix(),
            Self::Developer(_) => AdminRole::Developer.prefix(),
        }
    }
}

/// A group in a list.
#[derive(Debug, Clone, Copy)]
pub struct GroupRow<'a> {
    /// `groupId`.
    pub id: GroupId,
    /// What it is, and its own or base name.
    pub label: GroupLabel<'a>,
    /// User groups only.
    pub description: Option<&'a str>,
    /// Distinct members by any route.
    pub members: i64,
    /// Mirrors a group of another organization.
    pub read_only: bool,
    /// Its admin group and how many administrators are in it; `None` when there never was one.
    pub admins: Option<(GroupId, i64)>,
    /// The product's name, for profiles.
    pub product: Option<&'a str>,
    /// The profile's own id and quota (`None` unlimited), for profiles.
    pub profile: Option<ProfileColumns<'a>>,
}

/// What only profiles have in a list.
#[derive(Debug, Clone, Copy)]
pub struct ProfileColumns<'a> {
    /// Its id in the deprecated endpoints.
    pub public_id: &'a str,
    /// Its product's id in the deprecated endpoints.
    pub product_id: &'a str,
    /// Seats; `None` is unlimited.
    pub quota: Option<i64>,
    /// Seats in use (members holding a licence).
    pub active: i64,
}

/// A product in a list.
#[derive(Debug, Clone, Copy)]
pub struct ProductRow<'a> {
    /// Its id in the deprecated endpoints.
    pub id: &'a str,
    /// Short code.
    pub code: &'a str,
    /// Name.
    pub name: &'a str,
    /// Distinct members of its profiles.
    pub members: i64,
    /// How many profiles it has.
    pub profiles: i64,
    /// Licences; `None` is unlimited.
    pub quota: Option<i64>,
    /// Distinct members holding a licence.
    pub active: i64,
}
