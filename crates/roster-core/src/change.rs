//! What can happen to an organization's tables.
//!
//! A change names one row or one set of rows; each belongs to the log of exactly one organization
//! ([`Change::org`]), and replaying an organization's log gives its rows.

use crate::org::{Account, Directory, Domain, Group, Organization, Person, Product};
use crate::value::{AccountId, DirectoryId, GroupId, IdentityType, OrgNo, OrgState, ProductId, Seq, Status};

/// One thing that happened. What is derived from it (counters, seats, the domain column of the Users list)
/// the store keeps in step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// An account came to be.
    AccountCreated(Account),
    /// Names, e-mail or username of an account changed.
    AccountUpdated {
        /// Whose.
        account: AccountId,
        /// As it was.
        before: Person,
        /// As it is.
        after: Person,
    },
    /// The console barred or readmitted an account.
    AccountStatusSet {
        /// Whose.
        account: AccountId,
        /// As it was.
        before: Status,
        /// As it is.
        after: Status,
    },
    /// An account is no more; it has left every organization before.
    AccountDeleted(Account),

    /// An account entered an organization's Users list.
    MemberJoined {
        /// The organization.
        org: OrgNo,
        /// Who.
        account: AccountId,
        /// Place in the order of joining.
        seq: Seq,
    },
    /// An account left an organization's Users list; it has left its groups before.
    MemberLeft {
        /// The organization.
        org: OrgNo,
        /// Who.
        account: AccountId,
        /// The place it had.
        seq: Seq,
    },

    /// A group came to be. One that mirrors another takes over its members at once, each entering the
    /// Users list if need be, at places counted from the group's own.
    GroupCreated(Group),
    /// Name or description changed.
    GroupUpdated {
        /// Whose group.
        org: OrgNo,
        /// Which.
        group: GroupId,
        /// Name and description as they were.
        before: (String, Option<String>),
        /// Name and description as they are.
        after: (String, Option<String>),
    },
    /// A group is no more; with it end its memberships and links, and its admin and developer groups,
    /// which stand before it as changes of their own.
    GroupDeleted(Group),

    /// An account became a direct member of a group.
    Joined {
        /// Whose group.
        org: OrgNo,
        /// Which.
        group: GroupId,
        /// Who.
        account: AccountId,
        /// Place in the order of joining.
        seq: Seq,
        /// The profiles that the account did not belong to by any route before: this one if it is a
        /// profile, those linked if it is a user group.
        entered: Vec<GroupId>,
    },
    /// An account's direct membership ended.
    Left {
        /// Whose group.
        org: OrgNo,
        /// Which.
        group: GroupId,
        /// Who.
        account: AccountId,
        /// The place it had.
        seq: Seq,
        /// The profiles that the account belongs to by no route any more.
        left: Vec<GroupId>,
    },
    /// A user group's members became members of a profile (a set).
    Linked {
        /// Whose group and profile.
        org: OrgNo,
        /// The user group.
        group: GroupId,
        /// The profile.
        profile: GroupId,
        /// Place in the order of events.
        seq: Seq,
    },
    /// A user group's members stopped being members of a profile through it (a set).
    Unlinked {
        /// Whose group and profile.
        org: OrgNo,
        /// The user group.
        group: GroupId,
        /// The profile.
        profile: GroupId,
        /// The place the link had.
        seq: Seq,
    },

    /// The console changed what the API cannot.
    Configured(Configured),
}

/// Changes of the console surface (umapi.md 12): organizations, directories, domains, trust, products, profiles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Configured {
    /// An organization came to be, with its three org-wide admin groups as changes of their own.
    OrgCreated(Organization),
    /// Name, state or identity types changed.
    OrgUpdated {
        /// Which.
        org: OrgNo,
        /// As it was.
        before: OrgSettings,
        /// As it is.
        after: OrgSettings,
    },
    /// A directory came to be.
    DirectoryCreated(Directory),
    /// A directory's settings changed (`before`, `after`); its owner and type never do.
    DirectoryUpdated(Directory, Directory),
    /// An empty directory is no more.
    DirectoryDeleted(Directory),
    /// A domain was claimed.
    DomainClaimed(Domain),
    /// A domain moved to another directory of its owner, or its restriction changed (`before`, `after`).
    DomainUpdated(Domain, Domain),
    /// A domain was released.
    DomainReleased(Domain),
    /// A directory's owner trusts an organization.
    Trusted {
        /// The owner of the directory.
        org: OrgNo,
        /// The directory.
        directory: DirectoryId,
        /// Who may use it.
        trustee: OrgNo,
    },
    /// It does no longer; who is a member there stays one.
    TrustRevoked {
        /// The owner of the directory.
        org: OrgNo,
        /// The directory.
        directory: DirectoryId,
        /// Who might use it.
        trustee: OrgNo,
    },
    /// A product came to be.
    ProductCreated(Product),
    /// A product's code, name or quota changed (`before`, `after`).
    ProductUpdated(Product, Product),
    /// A product without profiles is no more.
    ProductDeleted(Product),
    /// A profile's quota changed.
    ProfileQuotaSet {
        /// Whose profile.
        org: OrgNo,
        /// Which.
        profile: GroupId,
        /// Its product.
        product: ProductId,
        /// As it was.
        before: Option<i64>,
        /// As it is.
        after: Option<i64>,
    },
}

/// The changeable part of an organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrgSettings {
    /// Its name.
    pub name: String,
    /// Whether the API serves it.
    pub state: OrgState,
    /// The identity types that create steps may use.
    pub identity_types: Vec<IdentityType>,
}

impl Change {
    /// The organization whose rows change and whose log keeps the entry.
    pub fn org(&self) -> OrgNo {
        match self {
            Self::AccountCreated(account) | Self::AccountDeleted(account) => account.id.owner(),
            Self::AccountUpdated { account, .. } | Self::AccountStatusSet { account, .. } => account.owner(),
            Self::GroupCreated(group) | Self::GroupDeleted(group) => group.org,
            Self::MemberJoined { org, .. }
            | Self::MemberLeft { org, .. }
            | Self::GroupUpdated { org, .. }
            | Self::Joined { org, .. }
            | Self::Left { org, .. }
            | Self::Linked { org, .. }
            | Self::Unlinked { org, .. } => *org,
            Self::Configured(configured) => configured.org(),
        }
    }
}

impl Configured {
    /// The organization whose configuration changes.
    pub fn org(&self) -> OrgNo {
        match self {
            Self::OrgCreated(org) => org.no,
            Self::DirectoryCreated(directory)
            | Self::DirectoryDeleted(directory)
            | Self::DirectoryUpdated(_, directory) => directory.org,
            Self::DomainClaimed(domain) | Self::DomainReleased(domain) | Self::DomainUpdated(_, domain) => {
                domain.org
            }
            Self::ProductCreated(product)
            | Self::ProductDeleted(product)
            | Self::ProductUpdated(_, product) => product.org,
            Self::OrgUpdated { org, .. }
            | Self::Trusted { org, .. }
            | Self::TrustRevoked { org, .. }
            | Self::ProfileQuotaSet { org, .. } => *org,
        }
    }
}
