//! What a plan is told: the options and limits of a run, as plain values.

use std::collections::BTreeSet;

use crate::plan::people::TargetId;
use crate::plan::text::TextId;
use crate::value::IdentityType;

/// Everything that is not people.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Whether the organization is compared or only added to.
    pub strategy: Strategy,
    /// Whether group memberships are managed.
    pub process_groups: bool,
    /// Whether names, e-mails and usernames of existing accounts follow the directory.
    pub update_user_info: bool,
    /// Which of them.
    pub update: Attributes,
    /// Leaves people without a target group in the primary organization uncreated.
    pub exclude_unmapped_users: bool,
    /// What happens to accounts nobody in the directory stands for.
    pub adobe_only: AdobeOnly,
    /// Whether the accounts come from a list of Adobe-only people and not from the organization.
    pub listed: bool,
    /// Creates mapped user groups that are not there.
    pub create_groups: bool,
    /// The country of people who have none.
    pub default_country: Option<String>,
    /// Accounts of these kinds are left alone.
    pub exclude_types: BTreeSet<IdentityType>,
    /// Members of these groups (folded names) are left alone.
    pub exclude_groups: BTreeSet<TextId>,
    /// How many Adobe-only accounts may be acted on.
    pub limit: Limit,
    /// Nobody is taken out of these groups: what they are mapped from is in doubt.
    pub keep: BTreeSet<TargetId>,
    /// Adobe-only accounts are not acted on, nor listed: the directory is in doubt.
    pub hold_adobe_only: bool,
    /// Counts and acts on only those Adobe-only accounts that have a mapped group.
    pub group_removals_only: bool,
}

/// How the two sides are brought together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Strategy {
    /// Read the organization and send the differences.
    #[default]
    Sync,
    /// Send everybody, without reading.
    Push,
}

/// What happens to Adobe-only accounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AdobeOnly {
    /// They stay; mapped groups are taken away when groups are processed.
    #[default]
    Preserve,
    /// They stay and are counted as excluded.
    Exclude,
    /// As preserve, and they are listed.
    WriteFile,
    /// They stay and lose all groups.
    RemoveAdobeGroups,
    /// They leave the organization.
    Remove,
    /// They leave the organization and the account is deleted where the organization owns it.
    Delete,
}

impl AdobeOnly {
    /// Whether anything is done to Adobe-only accounts beyond listing them.
    pub fn acts(self, process_groups: bool) -> bool {
        match self {
            Self::Exclude => false,
            Self::Preserve | Self::WriteFile => process_groups,
            Self::RemoveAdobeGroups | Self::Remove | Self::Delete => true,
        }
    }
}

/// A set of attributes that may be updated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Attributes {
    pub firstname: bool,
    pub lastname: bool,
    pub email: bool,
    pub username: bool,
}

impl Default for Attributes {
    fn default() -> Self {
        Self {
            firstname: true,
            lastname: true,
            email: true,
            username: false,
        }
    }
}

/// `max_adobe_only_users`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Limit {
    /// So many; a negative number refuses even nobody.
    Number(i64),
    /// So many in a hundred of the primary's accounts that are not excluded.
    Percent(f64),
}

impl Settings {
    /// Whether Adobe-only accounts need to be found at all.
    pub fn wants_adobe_only(&self) -> bool {
        self.strategy == Strategy::Sync
            && match self.adobe_only {
                AdobeOnly::Exclude => false,
                AdobeOnly::Preserve => self.process_groups,
                _ => true,
            }
    }

    /// Whether Adobe-only accounts are acted on, beyond being listed.
    pub fn acts_on_adobe_only(&self) -> bool {
        self.adobe_only.acts(self.process_groups)
    }
}
