//! Describing organizations: what the API cannot create, compared with what is there.
//!
//! [`compare()`] takes a description (what a file asks for) and the present [`Configuration`], and answers with
//! the changes that are missing, in words and as [`Change`]s, or with every reason why it cannot be. The same
//! description twice changes nothing. Removal is only thought of when it is asked for (`prune`), touches only
//! what an earlier description brought in, and never a person.

mod compare;
mod directories;
mod groups;
mod prune;

use std::collections::{BTreeMap, BTreeSet};

use crate::change::Change;
use crate::org::{Directory, Domain, Group, Organization, Product};
use crate::value::{GroupId, IdentityType, Key, Login, OrgNo, OrgState, Seed, Seq};

pub use compare::compare;
pub use directories::leaving;
pub use prune::can_remove;

/// What a file asks of one organization. Texts are trimmed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Description {
    /// Its id on the wire; without one it is found by its name, or made up.
    pub id: Option<String>,
    /// Its name.
    pub name: String,
    /// Whether the API serves it.
    pub state: OrgState,
    /// The identity types that create steps may use.
    pub identity_types: Vec<IdentityType>,
    /// Its directories.
    pub directories: Vec<DirectoryDescription>,
    /// Its products.
    pub products: Vec<ProductDescription>,
    /// Its user groups.
    pub user_groups: Vec<UserGroupDescription>,
    /// Names of its contract admin groups.
    pub contract_admins: Vec<String>,
}

/// A directory as described.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectoryDescription {
    /// Unique in the organization.
    pub name: String,
    /// Federated or enterprise; never changes.
    pub kind: IdentityType,
    /// What it takes as username.
    pub login: Login,
    /// Kept in step by somebody else.
    pub synced: bool,
    /// Claimed domains; the first is the default.
    pub domains: Vec<DomainDescription>,
    /// Ids of organizations that may use it.
    pub trustees: Vec<String>,
}

/// A claimed domain as described.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DomainDescription {
    /// Its name.
    pub name: Key,
    /// No Adobe IDs with an e-mail in it.
    pub restrict_adobe_ids: bool,
}

/// A product as described.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProductDescription {
    /// Unique in the organization.
    pub name: String,
    /// Short code.
    pub code: String,
    /// Licences; `None` is unlimited.
    pub quota: Option<i64>,
    /// Its profiles.
    pub profiles: Vec<ProfileDescription>,
}

/// A profile as described.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfileDescription {
    /// Unique among the organization's groups.
    pub name: String,
    /// Seats; `None` is unlimited.
    pub quota: Option<i64>,
}

/// A user group as described.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserGroupDescription {
    /// Unique among the organization's groups.
    pub name: String,
    /// `None` leaves what is there.
    pub description: Option<String>,
    /// Names of profiles it is linked to.
    pub profiles: Vec<String>,
    /// Ids of organizations where it appears, read-only.
    pub shared_with: Vec<String>,
}

/// What is there: the configuration of every organization that the descriptions name or refer to.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Configuration {
    /// Organizations.
    pub orgs: Vec<Organization>,
    /// Directories of these organizations.
    pub directories: Vec<Directory>,
    /// All claims of these organizations, and those of every domain described, whoever made them.
    pub domains: Vec<Domain>,
    /// (owner's directory, trustee) in force.
    pub trusts: BTreeSet<(crate::value::DirectoryId, OrgNo)>,
    /// Products.
    pub products: Vec<Product>,
    /// User groups, profiles and all admin groups, with their counters.
    pub groups: Vec<Group>,
    /// Links of user groups to profiles.
    pub links: BTreeMap<(GroupId, GroupId), Seq>,
    /// (kind, key) of each thing that an earlier description brought into an organization.
    pub described: BTreeSet<(OrgNo, Mark)>,
    /// The smallest numbers not yet given to an organization, a directory, a product.
    pub next_org: OrgNo,
    /// See `next_org`.
    pub next_directory: crate::value::DirectoryId,
    /// See `next_org`.
    pub next_product: crate::value::ProductId,
    /// How many accounts use a domain in the directory that claims it; those of [`leaving`] are enough.
    pub in_use: BTreeMap<Key, i64>,
    /// Directories that hold accounts.
    pub inhabited: BTreeSet<crate::value::DirectoryId>,
}

/// A thing that a description brought in: what removal may touch. `integration`, `secret` and `role_id` are for the
/// caller, who keeps those.
///
/// What only descriptions can make, change and remove is marked by its name: `directory`, `domain`, `trust`, `product`,
/// `profile`, `contract_admin`, `integration`. What the API can remove, rename and make anew is marked by its numbers,
/// so that a mark means the very thing, whatever it is called by now: `user_group_id` (group), `link_id` (group,
/// profile, place), `share_id` (the group in the other organization), `role_id` (account, group, place).
///
/// Version 0.1.0 marked those by name too, as `user_group`, `link`, `share` and `role`. Such a mark becomes one by
/// number when a description names the thing; nothing is ever removed because of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mark {
    /// See the type.
    pub kind: String,
    /// Folded names or numbers, joined by newlines where there are several.
    pub key: String,
}

impl Mark {
    /// A mark for the very thing that these numbers mean.
    pub fn of(kind: &str, numbers: &[i64]) -> Self {
        let key = numbers.iter().map(i64::to_string).collect::<Vec<_>>().join("\n");
        Self {
            kind: format!("{kind}_id"),
            key,
        }
    }

    /// The numbers of a mark that [`Mark::of`] made.
    pub fn numbers(&self) -> Vec<i64> {
        self.key
            .split('\n')
            .filter_map(|number| number.parse().ok())
            .collect()
    }

    /// A mark for a thing with one or two names.
    pub fn new(kind: &str, names: &[&str]) -> Self {
        let key = names
            .iter()
            .map(|name| Key::new(name).into_string())
            .collect::<Vec<_>>()
            .join("\n");
        Self {
            kind: kind.to_owned(),
            key,
        }
    }
}

/// What is missing.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Difference {
    /// The number of each description's organization, in the order given.
    pub orgs: Vec<OrgNo>,
    /// In order.
    pub changes: Vec<Change>,
    /// The same in words, one line each, each with the organization's name.
    pub lines: Vec<String>,
    /// What is brought in, to be remembered.
    pub marks: Vec<(OrgNo, Mark)>,
    /// What was removed or is marked anew, to be forgotten.
    pub unmarks: Vec<(OrgNo, Mark)>,
    /// What removal takes away, in order: the changes are among `changes`, the words among `lines`.
    pub removals: Vec<Removal>,
}

/// A thing that removal takes away because a description does not have it any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removal {
    /// The organization whose description is without it.
    pub org: OrgNo,
    /// The list of the description that would hold it, e.g. `["user_groups"]`; one inside that list where the description has
    /// what is around it, e.g. `["user_groups", 2, "profiles"]`.
    pub list: Vec<Place>,
    /// In words, without the organization's name.
    pub line: String,
}

/// Why a description cannot be. Each names its place as a path of keys, so that the caller can point at the line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contradiction {
    /// The description's index, then keys and indexes, e.g. `[0, "directories", 1, "domains", 0]`.
    pub place: Vec<Place>,
    /// What is wrong and what would help.
    pub message: String,
}

/// One step on the way to a value in a description.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// A key of a mapping.
    Key(&'static str),
    /// An element of a list.
    Index(usize),
}

/// Where new identifiers come from, and whether what is not described any more is removed.
#[derive(Debug, Clone, Copy)]
pub struct Ask {
    /// Drawn once by the caller.
    pub seed: Seed,
    /// Remove what earlier descriptions brought in and these do not.
    pub prune: bool,
}
