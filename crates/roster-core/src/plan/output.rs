//! What a plan is: what to send, what to say, what to count. Made by [`plan`](super::plan), sent by the caller.

use std::collections::{BTreeMap, BTreeSet};

use crate::plan::people::{Merged, TargetId, UserKey};
use crate::plan::text::TextId;
use crate::value::IdentityType;

/// What a synchronization would do.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// One entry for each organization, in their order.
    pub organizations: Vec<Orders>,
    /// What people should hear about, in the order in which it was found.
    pub notes: Vec<Note>,
    /// The numbers of the summary.
    pub counts: Counts,
    /// Adobe-only accounts to be listed, by organization; `None` unless a list was asked for.
    pub list: Option<Vec<(usize, UserKey)>>,
    /// What there is to lose.
    pub standing: Standing,
}

/// How the accounts that were looked at stand to the directory before anything is sent, those that are excluded or passed over
/// apart. Empty where organizations are not compared.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standing {
    /// Accounts of the primary organization that somebody in the directory stands for.
    pub matched: usize,
    /// Those that nobody stands for.
    pub left_over: usize,
    /// By organization and folded name, the mapped groups that have members and may be left; only where groups are processed.
    pub groups: BTreeMap<(usize, TextId), GroupStanding>,
}

/// The same of one group.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct GroupStanding {
    /// Members that somebody in the directory stands for.
    pub matched: usize,
    /// How many of these are to leave it.
    pub leaving: usize,
    /// Members that nobody stands for.
    pub left_over: usize,
}

/// What is sent to one organization. Within each list the order is the order of sending.
#[derive(Debug, Clone, Default)]
pub struct Orders {
    /// Groups to create before anything else.
    pub create_groups: Vec<TargetId>,
    /// Changes of people of the directory.
    pub work: Vec<Work>,
    /// What is done to Adobe-only accounts, after everything else.
    pub adobe_only: Vec<AdobeOnlyWork>,
}

/// A change of one person of the directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Work {
    /// The account is created if it is not there, and joins its groups.
    Create {
        /// The position in the directory.
        person: u32,
        /// The kind of account; the country is settled.
        country: TextOr,
        /// Groups to join.
        add: Vec<TargetId>,
        /// Groups to leave first (push only).
        remove: Vec<TargetId>,
    },
    /// An existing account changes.
    Update {
        /// The position in the directory.
        person: u32,
        /// The position among the organization's accounts.
        account: u32,
        /// Which attributes follow the directory.
        change: Change,
        /// Groups to join.
        add: Vec<TargetId>,
        /// Groups to leave, by folded name.
        remove: Vec<TextId>,
    },
}

/// A country: the person's own, the configured one, or the word for "unknown".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextOr {
    /// As the directory says.
    Own(TextId),
    /// The setting `default_country_code`.
    Default,
    /// `UD`, which only enterprise accounts may have.
    Undefined,
}

/// Which attributes of an account follow the directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Change {
    pub firstname: bool,
    pub lastname: bool,
    pub email: bool,
    pub username: bool,
}

impl Change {
    /// Whether nothing changes.
    pub fn is_empty(self) -> bool {
        self == Self::default()
    }
}

/// What is done to an Adobe-only account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdobeOnlyWork {
    /// The position among the organization's accounts.
    pub account: u32,
    /// What is done.
    pub action: AdobeOnlyAction,
}

/// The things that can be done to an Adobe-only account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AdobeOnlyAction {
    /// It leaves mapped groups, by folded name.
    LeaveGroups(Vec<TextId>),
    /// It leaves all groups.
    LeaveAllGroups,
    /// It leaves the organization.
    Remove {
        /// Whether the account is deleted as well.
        delete_account: bool,
    },
}

/// The numbers of the summary that a plan settles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "the names are those of the summary")]
pub struct Counts {
    pub directory_users_read: usize,
    pub directory_users_selected: usize,
    pub adobe_users_read: usize,
    pub adobe_users_excluded: usize,
    pub adobe_users_unchanged: usize,
    pub adobe_users_created: usize,
    pub adobe_users_updated: usize,
    pub users_added_to_secondaries: usize,
    pub adobe_only_processed: usize,
}

/// Something a person should hear about, or an answer to "why was nothing done here".
#[derive(Debug, Clone, PartialEq)]
pub enum Note {
    /// Two records of the directory are one person; this is the later one.
    SamePerson(Merged),
    /// An account is skipped because its e-mail or username was seen before.
    SeenBefore {
        /// The position of the organization.
        organization: usize,
        /// The account.
        account: u32,
    },
    /// An excluded account is left alone.
    Excluded {
        /// The account in the primary organization.
        account: u32,
        /// Why.
        reason: Exclusion,
    },
    /// Directory and organization disagree about the kind of an account; it counts as the same person.
    KindsDiffer {
        /// The position of the organization.
        organization: usize,
        /// The account.
        account: u32,
        /// The person.
        person: u32,
        /// The kind in the organization.
        stored: IdentityType,
    },
    /// An attribute differs, and the settings do not let it be updated.
    NotConfigured {
        /// The account in the primary organization.
        account: u32,
        /// `firstname`, `lastname`, `email` or `username`.
        attribute: &'static str,
    },
    /// One person of the directory stands for two accounts; both are changed.
    TwoAccounts {
        /// The position of the organization.
        organization: usize,
        /// The person.
        person: u32,
    },
    /// Nobody can be created without a country.
    CountryMissing {
        /// The person.
        person: u32,
    },
    /// Nobody is created because an Adobe ID has the e-mail.
    AdobeIdExists {
        /// The person.
        person: u32,
    },
    /// Somebody without a target group is not created, as the settings ask.
    Unmapped {
        /// The person.
        person: u32,
    },
    /// Accounts of a secondary organization are left alone because the primary has no account with the same key.
    NotInPrimary {
        /// The position of the organization.
        organization: usize,
        /// The first of them.
        example: u32,
        /// How many.
        count: usize,
    },
    /// Accounts of a secondary organization are left alone because the primary's with the same key are excluded.
    ExcludedInPrimary {
        /// The position of the organization.
        organization: usize,
        /// The first of them.
        example: u32,
        /// How many.
        count: usize,
    },
    /// A group cannot be created under this name.
    GroupNotCreatable {
        /// The group.
        target: TargetId,
    },
    /// Groups that the API does not let anybody join or leave are left out.
    GroupNotAssignable {
        /// The group.
        target: TargetId,
    },
    /// Too many Adobe-only accounts: none is acted on.
    OverLimit {
        /// How many there are.
        count: usize,
        /// How many there may be.
        limit: f64,
    },
    /// Adobe-only accounts are not acted on because something of the source has disappeared.
    Withheld {
        /// How many there are.
        count: usize,
    },
    /// A percentage of a list is a percentage of nobody.
    PercentOfList,
    /// `group_removals_only` without groups leaves nobody to act on.
    GroupRemovalsOnlyWithoutGroups,
    /// A list without groups to remove leaves nothing to do.
    ListWithoutGroups,
    /// Accounts listed for a secondary organization and not for the primary one are left alone.
    ListedInSecondaryOnly {
        /// The position of the organization.
        organization: usize,
        /// The account.
        account: u32,
    },
}

/// Why an account is excluded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exclusion {
    /// By `exclude_identity_types`.
    Kind,
    /// By `exclude_adobe_groups`.
    Group,
    /// By the pattern of `exclude_users` at this position.
    Pattern(u16),
}

impl Plan {
    /// Whether nothing would be sent.
    pub fn is_empty(&self) -> bool {
        self.organizations.iter().all(|orders| {
            orders.create_groups.is_empty() && orders.work.is_empty() && orders.adobe_only.is_empty()
        })
    }
}

/// Groups whose creation failed: nobody is sent into them.
pub type FailedGroups = BTreeSet<TargetId>;
