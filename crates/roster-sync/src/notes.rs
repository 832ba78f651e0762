//! A plan's notes in words.

use roster_core::plan::output::{Exclusion, Note};
use roster_core::plan::people::{Account, Merged};
use roster_core::plan::settings::{AdobeOnly, Limit};
use roster_core::plan::{Plan, Settings, World};

use crate::log::Log;

/// Names for messages.
pub(crate) struct Names<'r> {
    /// The world of the plan.
    pub world: &'r World,
    /// Its settings.
    pub settings: &'r Settings,
    /// The secondary organizations, in order.
    pub secondaries: &'r [String],
}

impl Names<'_> {
    /// The key of a person of the directory.
    pub(crate) fn person(&self, at: u32) -> String {
        self.world
            .directory
            .person(at)
            .map_or_else(String::new, |person| person.key.show(&self.world.texts))
    }

    /// An account.
    pub(crate) fn account(&self, organization: usize, at: u32) -> Option<&Account> {
        self.world
            .organizations
            .get(organization)?
            .accounts
            .get(at as usize)
    }

    /// The key of an account.
    pub(crate) fn account_key(&self, organization: usize, at: u32) -> String {
        self.account(organization, at)
            .map_or_else(String::new, |account| account.key.show(&self.world.texts))
    }

    /// The name of an organization.
    pub(crate) fn organization(&self, at: usize) -> &str {
        at.checked_sub(1)
            .and_then(|at| self.secondaries.get(at))
            .map_or("primary", String::as_str)
    }

    /// The name of a target group.
    pub(crate) fn target(&self, id: u32) -> &str {
        self.world
            .targets
            .get(id)
            .map_or("", |target| self.world.texts.get(target.name))
    }
}

const LOGGER: &str = "processor";

/// Writes all notes of a plan.
pub(crate) fn say(plan: &Plan, names: &Names<'_>, log: &Log) {
    for note in &plan.notes {
        one(note, names, log);
    }
}

/// Says that a group cannot be created because of its name.
pub(crate) fn say_uncreatable(group: &str, log: &Log) {
    log.error(
        LOGGER,
        "group-not-creatable",
        format_args!(
            "'{group}' cannot be created: names of user groups have at most 255 characters and do not begin with `_`"
        ),
    );
}

fn one(note: &Note, names: &Names<'_>, log: &Log) {
    match note {
        Note::SamePerson(Merged { place, email, username, person }) => log.warning(
            LOGGER,
            "directory-user-twice",
            format_args!(
                "Record {place} of the directory (e-mail `{}`, username `{}`) has the e-mail or username of an earlier one: {} gets \
                 the groups of both",
                names.world.texts.get(*email),
                names.world.texts.get(*username),
                names.person(*person)
            ),
        ),
        Note::SeenBefore { organization, account } => log.debug(
            LOGGER,
            format_args!("Ignoring a second account of one person: {}", names.account_key(*organization, *account)),
        ),
        Note::Excluded { account, reason } => {
            let why = match reason {
                Exclusion::Kind => "exclude_identity_types".to_owned(),
                Exclusion::Group => "exclude_adobe_groups".to_owned(),
                Exclusion::Pattern(at) => format!("exclude_users[{at}]"),
            };
            log.debug(LOGGER, format_args!("Excluding adobe user ({why}): {}", names.account_key(0, *account)));
        }
        Note::KindsDiffer { organization, account, person, stored } => log.warning(
            LOGGER,
            "identity-types-differ",
            format_args!(
                "{} in the directory is {} at Adobe; no other account is created, because a {} with that e-mail exists",
                names.person(*person),
                names.account_key(*organization, *account),
                stored.as_str()
            ),
        ),
        Note::NotConfigured { account, attribute } => log.warning(
            LOGGER,
            "attribute-not-configured",
            format_args!(
                "'{attribute}' has changed for user '{}', but that attribute isn't configured for updating",
                names.account_key(0, *account)
            ),
        ),
        Note::TwoAccounts { organization, person } => log.warning(
            LOGGER,
            "two-accounts",
            format_args!(
                "{} stands for two accounts of {}, one by e-mail and one by username; both are changed. If an address has passed \
                 from one person to another, give the account that had it its new address by hand first",
                names.person(*person),
                names.organization(*organization)
            ),
        ),
        Note::CountryMissing { person } => log.error(
            LOGGER,
            "country-missing",
            format_args!("User cannot be added without a specified country code: {}", names.person(*person)),
        ),
        Note::AdobeIdExists { person } => log.warning(
            LOGGER,
            "adobeid-conflict",
            format_args!("Skipping user creation: an AdobeID already exists with the e-mail of {}", names.person(*person)),
        ),
        Note::Unmapped { person } => {
            log.debug(LOGGER, format_args!("Not creating a user without mapped groups: {}", names.person(*person)));
        }
        Note::NotInPrimary { organization, example, count } => log.warning(
            LOGGER,
            "not-in-primary",
            format_args!(
                "{count} account(s) of {} are left alone because the primary organization has none with the same type, \
                 username, domain and e-mail, for example {}",
                names.organization(*organization),
                names.account_key(*organization, *example)
            ),
        ),
        Note::ExcludedInPrimary { organization, example, count } => log.info(
            LOGGER,
            format_args!(
                "{count} account(s) of {} are left alone because those of the same people in the primary organization are \
                 excluded, for example {}",
                names.organization(*organization),
                names.account_key(*organization, *example)
            ),
        ),
        Note::GroupNotCreatable { target } => say_uncreatable(names.target(*target), log),
        Note::GroupNotAssignable { target } => log.warning(
            LOGGER,
            "group-not-assignable",
            format_args!("Nobody can be put into '{}' through the API; it is left out", names.target(*target)),
        ),
        Note::OverLimit { .. } | Note::Withheld { .. } | Note::PercentOfList | Note::GroupRemovalsOnlyWithoutGroups | Note::ListWithoutGroups => {
            limits(note, names, log);
        }
        Note::ListedInSecondaryOnly { organization, account } => log.warning(
            LOGGER,
            "listed-in-secondary-only",
            format_args!(
                "{} is listed for {} and not for the primary organization, so nothing is done",
                names.account_key(*organization, *account),
                names.organization(*organization)
            ),
        ),
    }
}

fn limits(note: &Note, names: &Names<'_>, log: &Log) {
    match note {
        Note::OverLimit { count, limit } => {
            let setting = match names.settings.limit {
                Limit::Number(number) => number.to_string(),
                Limit::Percent(percent) => format!("{percent}%, which is {limit}"),
            };
            log.critical(
                LOGGER,
                "over-limit",
                format_args!(
                    "Unable to process Adobe-only users, as their count ({count}) is larger than the max_adobe_only_users \
                     setting ({setting})"
                ),
            );
        }
        Note::Withheld { count } => log.warning(
            LOGGER,
            "withheld",
            format_args!("{count} Adobe-only user(s) are left alone because the directory is in doubt"),
        ),
        Note::PercentOfList => log.warning(
            LOGGER,
            "percent-of-list",
            "With a list of Adobe-only users no organization is read, so a percentage is one of nobody; set max_adobe_only_users to a number",
        ),
        Note::GroupRemovalsOnlyWithoutGroups => log.warning(
            LOGGER,
            "group-removals-only",
            "group_removals_only counts groups, and groups are not processed: no Adobe-only user is acted on",
        ),
        Note::ListWithoutGroups => log.warning(
            LOGGER,
            "list-without-groups",
            "A list of Adobe-only users names no groups, so with `preserve` there is nothing to do; use remove-adobe-groups, remove or delete",
        ),
        _ => {}
    }
}

/// What the summary calls the Adobe-only users that were acted on.
pub(crate) fn adobe_only_line(action: AdobeOnly) -> &'static str {
    match action {
        AdobeOnly::Delete => "Number of Adobe-only users deleted",
        AdobeOnly::Remove => "Number of Adobe-only users removed",
        AdobeOnly::RemoveAdobeGroups => "Number of Adobe-only users removed from all groups",
        AdobeOnly::Preserve | AdobeOnly::WriteFile | AdobeOnly::Exclude => {
            "Number of Adobe-only users with groups processed"
        }
    }
}
