//! Reading lists: people, groups, products, always by key and in a fixed order, never by offset.
//!
//! A page of people costs a fixed number of statements wherever it stands: its rows, as a block out of which they go
//! borrowed to the caller, the memberships of these people, and the names of the groups met. No rule lives here; what a
//! row looks like on the wire is the caller's business.

mod count;
mod find;
mod groups;
mod labels;
mod merge;
mod products;
mod report;
mod shown;
mod source;
mod sql;
mod users;

use roster_core::value::{GroupId, Key, OrgNo};

pub use find::FoundGroup;
pub use groups::GroupList;
pub use groups::GroupSink;
pub(crate) use labels::group_names;
pub use products::ProductSink;
pub use report::{Access, AccessRow, ProfileSeatsRow};
pub use shown::{ListOrder, Shown};
pub use users::UserSink;

/// Which people to list, and what to show of each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsersQuery {
    /// The organization that asks; only its groups are shown.
    pub org: OrgNo,
    /// Who is listed.
    pub list: UserList,
    /// Only people of one domain, or only Adobe IDs.
    pub domain: Option<DomainFilter>,
    /// Leave out what comes through linked user groups, in the list and in what each person shows.
    pub direct_only: bool,
    /// Show each person's groups.
    pub groups: bool,
}

/// A list of people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserList {
    /// The active members of the organization.
    Org,
    /// The members of a user group, admin or developer group, whatever their status.
    Group(GroupId),
    /// The members of a profile, whatever their status.
    Profile {
        /// Which.
        group: GroupId,
        /// Only those with a licence (`true`) or without one (`false`).
        licence: Option<bool>,
    },
}

/// Narrows a list of people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DomainFilter {
    /// The `domain` field is this.
    Domain(Key),
    /// Adobe IDs.
    AdobeIds,
}

/// A place in an ordered list: where a page begins. Places keep their meaning while others come and go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    place: i64,
    tie: i64,
    account: i64,
}

impl Position {
    /// Before everything.
    pub const START: Self = Self::new(i64::MIN, i64::MIN, i64::MIN);

    const fn new(place: i64, tie: i64, account: i64) -> Self {
        Self { place, tie, account }
    }

    /// A place in a list whose order is a single number.
    const fn at(place: i64) -> Self {
        Self::new(place, i64::MIN, i64::MIN)
    }

    /// The place in the middle between two positions, if there is one between them.
    fn halfway(from: Self, until: Self) -> Option<Self> {
        let half = until.place.checked_sub(from.place)? / 2;
        (half > 0).then(|| Self::at(from.place + half))
    }

    /// The smallest position behind this one.
    const fn after(self) -> Self {
        Self::new(self.place, self.tie, self.account.saturating_add(1))
    }

    /// Three numbers that [`Position::from_parts`] takes back, for walks that are kept in a database.
    pub fn parts(self) -> [i64; 3] {
        [self.place, self.tie, self.account]
    }

    /// See [`Position::parts`].
    pub fn from_parts([place, tie, account]: [i64; 3]) -> Self {
        Self::new(place, tie, account)
    }
}

/// What a page read gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rows {
    /// Rows handed out.
    pub count: u64,
    /// The first row behind them, if the limit cut it off.
    pub next: Option<Position>,
}
