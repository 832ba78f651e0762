//! What an organization is made of, as values.

use crate::value::{
    AccountId, Country, DirectoryId, GroupId, IdentityType, Key, Login, OrgNo, OrgState, ProductId, Seq,
    Status,
};

/// An organization: the unit of ownership, locking and access.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Organization {
    /// Its number in this installation.
    pub no: OrgNo,
    /// Its id on the wire, `HEX@AdobeOrg`, in stored spelling.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Whether the API serves it.
    pub state: OrgState,
    /// The identity types that create steps may use.
    pub identity_types: Vec<IdentityType>,
    /// The place the next event takes; grows by one with each join, creation and link.
    pub next: Seq,
}

/// How a directory concerns the organization that asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    /// It owns the directory.
    Owned,
    /// The owner trusts it.
    Trusted,
    /// It was trusted once: members stay, nobody new comes (umapi.md 10).
    Former,
    /// None at all.
    Foreign,
}

/// An auth source: the home of accounts of one identity type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directory {
    /// Its number.
    pub id: DirectoryId,
    /// 24 lower-case hex digits; part of its accounts' ids.
    pub public_id: String,
    /// The owner.
    pub org: OrgNo,
    /// Its name.
    pub name: String,
    /// The type of all its accounts.
    pub kind: IdentityType,
    /// What it takes as username.
    pub login: Login,
    /// Kept in step by somebody else: no creation, update or deletion through the API.
    pub synced: bool,
}

/// A claimed domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Domain {
    /// Lower case.
    pub name: Key,
    /// The organization that claimed it.
    pub org: OrgNo,
    /// The directory it is placed in.
    pub directory: DirectoryId,
    /// No Adobe IDs with an e-mail in this domain may be added.
    pub restrict_adobe_ids: bool,
    /// Place in the order of claims: the first of a directory is its default.
    pub seq: Seq,
}

/// A person's account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Its key.
    pub id: AccountId,
    /// Its id on the wire, stable for life.
    pub public_id: String,
    /// Its auth source.
    pub directory: DirectoryId,
    /// Its identity type.
    pub kind: IdentityType,
    /// The parts that an update may change.
    pub person: Person,
    /// `UD` when unknown; never changes.
    pub country: Country,
    /// Set by the console only.
    pub status: Status,
}

/// The changeable part of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// As first supplied.
    pub username: String,
    /// As first supplied.
    pub email: String,
    /// Lower case: the domain of an e-mail-form username, else the one given at creation.
    pub domain: String,
    /// `None` when never set.
    pub firstname: Option<String>,
    /// `None` when never set.
    pub lastname: Option<String>,
}

/// A product that profiles belong to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Product {
    /// Its key.
    pub id: ProductId,
    /// Its id in the deprecated endpoints: 20 upper-case hex digits.
    pub public_id: String,
    /// The owner.
    pub org: OrgNo,
    /// Short code.
    pub code: String,
    /// Name, unique in the organization whatever the letter case.
    pub name: String,
    /// Licences; `None` is unlimited.
    pub quota: Option<i64>,
    /// Place in the order of creation.
    pub seq: Seq,
}

/// A user group, a profile, or an admin or developer group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Its key, and `groupId` on the wire.
    pub id: GroupId,
    /// The organization it belongs to.
    pub org: OrgNo,
    /// What it is.
    pub kind: GroupKind,
    /// Own name of user groups, profiles and contract admin groups; empty for the groups whose name
    /// follows from their base.
    pub name: String,
    /// User groups only.
    pub description: Option<String>,
    /// The group of another organization that this one mirrors; it is read-only then.
    pub source: Option<GroupId>,
    /// Profiles only.
    pub profile: Option<ProfileData>,
    /// Place in the order of creation.
    pub seq: Seq,
    /// How many direct members it has (a counter kept by the store).
    pub direct: i64,
}

/// What only profiles have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfileData {
    /// Its id in the deprecated endpoints: 20 upper-case hex digits.
    pub public_id: String,
    /// Seats; `None` is unlimited.
    pub quota: Option<i64>,
}

/// The group types of umapi.md 9.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GroupKind {
    /// `USER_GROUP`.
    UserGroup,
    /// `PRODUCT_PROFILE` of a product.
    Profile(ProductId),
    /// `SYSADMIN_GROUP`, `_org_admin`.
    SystemAdmin,
    /// `SUPPORT_ADMIN_GROUP`, `_support_admin`.
    SupportAdmin,
    /// `DEPLOYMENT_ADMIN_GROUP`, `_deployment_admin`.
    DeploymentAdmin,
    /// `PRODUCT_ADMIN_GROUP`, `_product_admin_<product>`.
    ProductAdmin(ProductId),
    /// `PROFILE_ADMIN_GROUP`, `_admin_<profile>`.
    ProfileAdmin(GroupId),
    /// `USER_ADMIN_GROUP`, `_admin_<user group>`.
    UserGroupAdmin(GroupId),
    /// `DEVELOPER_GROUP`, `_developer_<profile>`.
    Developer(GroupId),
    /// `CONTRACT_ADMIN_GROUP`.
    ContractAdmin,
}

impl GroupKind {
    /// The type word of the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::UserGroup => "USER_GROUP",
            Self::Profile(_) => "PRODUCT_PROFILE",
            Self::SystemAdmin => "SYSADMIN_GROUP",
            Self::SupportAdmin => "SUPPORT_ADMIN_GROUP",
            Self::DeploymentAdmin => "DEPLOYMENT_ADMIN_GROUP",
            Self::ProductAdmin(_) => "PRODUCT_ADMIN_GROUP",
            Self::ProfileAdmin(_) => "PROFILE_ADMIN_GROUP",
            Self::UserGroupAdmin(_) => "USER_ADMIN_GROUP",
            Self::Developer(_) => "DEVELOPER_GROUP",
            Self::ContractAdmin => "CONTRACT_ADMIN_GROUP",
        }
    }

    /// The user group or profile that a per-object admin or developer group belongs to.
    pub fn base(self) -> Option<GroupId> {
        match self {
            Self::ProfileAdmin(base) | Self::UserGroupAdmin(base) | Self::Developer(base) => Some(base),
            _ => None,
        }
    }

    /// The product of a profile or product admin group.
    pub fn product(self) -> Option<ProductId> {
        match self {
            Self::Profile(product) | Self::ProductAdmin(product) => Some(product),
            _ => None,
        }
    }

    /// Admin groups that no step may name and that `remove: "all"` skips.
    pub fn is_out_of_reach(self) -> bool {
        matches!(self, Self::SystemAdmin | Self::ContractAdmin)
    }

    /// Whether it has a name of its own in the organization's one name space of groups.
    pub fn has_own_name(self) -> bool {
        matches!(self, Self::UserGroup | Self::Profile(_) | Self::ContractAdmin)
    }
}

impl Group {
    /// Whether people cannot be added or removed because another organization owns it.
    pub fn is_read_only(&self) -> bool {
        self.source.is_some()
    }

    /// The name under which it is looked up.
    pub fn key(&self) -> Key {
        Key::new(&self.name)
    }
}
