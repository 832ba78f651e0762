//! A second look at a plan before it is sent, written apart from the planner: it knows what must never happen, not how
//! plans are made.

use std::collections::BTreeSet;

use crate::plan::output::{AdobeOnlyAction, Plan, Work};
use crate::plan::people::{Account, Person, TargetId, UserKey, World};
use crate::plan::settings::{AdobeOnly, Limit, Settings, Strategy};
use crate::plan::text::TextId;

/// Something in a plan that must not be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The position of the organization.
    pub organization: usize,
    /// What is wrong, with whom.
    pub problem: String,
}

/// Looks for what must never be sent. An empty answer means that the plan is fit to send.
pub fn check(plan: &Plan, world: &World, settings: &Settings) -> Vec<Finding> {
    let primary = world
        .organizations
        .first()
        .filter(|_| world.organizations.len() > 1);
    let mut checker = Checker {
        world,
        settings,
        findings: Vec::new(),
        organization: 0,
        primary: primary
            .map(|o| o.accounts.iter().map(|account| account.key).collect())
            .unwrap_or_default(),
    };
    for (at, _) in plan.organizations.iter().enumerate() {
        checker.organization = at;
        checker.organization(plan);
    }
    if settings.hold_adobe_only && plan.list.is_some() {
        checker.organization = 0;
        checker.say("Adobe-only accounts are listed although the source is in doubt".to_owned());
    }
    checker.findings
}

struct Checker<'w> {
    world: &'w World,
    settings: &'w Settings,
    findings: Vec<Finding>,
    organization: usize,
    /// The keys of the primary's accounts; only with secondaries.
    primary: BTreeSet<UserKey>,
}

impl Checker<'_> {
    fn say(&mut self, problem: String) {
        self.findings.push(Finding {
            organization: self.organization,
            problem,
        });
    }

    fn organization(&mut self, plan: &Plan) {
        let Some(orders) = plan.organizations.get(self.organization) else {
            return;
        };
        let mut changed = BTreeSet::new();
        for work in &orders.work {
            match work {
                Work::Create {
                    person, add, remove, ..
                } => {
                    self.creation(*person, add, remove);
                }
                Work::Update {
                    person,
                    account,
                    add,
                    remove,
                    ..
                } => {
                    changed.insert(*account);
                    self.change(*person, *account, add, remove);
                }
            }
        }
        let mut seen = BTreeSet::new();
        for work in &orders.adobe_only {
            if changed.contains(&work.account) || !seen.insert(work.account) {
                self.say(format!("{} is changed twice", self.show(work.account)));
            }
            self.leftover(work.account, &work.action);
        }
        if self.organization == 0 {
            self.bound(orders.adobe_only.len());
        }
    }

    fn person(&self, at: u32) -> Option<Person> {
        self.world.directory.person(at).copied()
    }

    fn account(&self, at: u32) -> Option<Account> {
        self.world
            .organizations
            .get(self.organization)?
            .accounts
            .get(at as usize)
            .copied()
    }

    fn show(&self, at: u32) -> String {
        self.account(at).map_or_else(
            || format!("account {at}"),
            |account| account.key.show(&self.world.texts),
        )
    }

    /// The folded names of the targets that a person may be put into here.
    fn wanted(&self, person: &Person) -> BTreeSet<TextId> {
        let targets = self
            .world
            .sets
            .get(person.targets)
            .iter()
            .filter_map(|&id| self.world.targets.get(id));
        targets
            .filter(|t| usize::from(t.organization) == self.organization)
            .map(|t| t.key)
            .collect()
    }

    fn key_of(&self, id: TargetId) -> Option<TextId> {
        let target = self.world.targets.get(id)?;
        (usize::from(target.organization) == self.organization).then_some(target.key)
    }

    fn creation(&mut self, at: u32, add: &[TargetId], remove: &[TargetId]) {
        let Some(person) = self.person(at) else {
            return self.say(format!("person {at} does not exist"));
        };
        let wanted = self.wanted(&person);
        let name = person.key.show(&self.world.texts);
        for id in add {
            if self.key_of(*id).is_none_or(|key| !wanted.contains(&key)) {
                self.say(format!("{name} joins a group that nothing maps to"));
            }
        }
        for id in remove {
            if self.settings.strategy != Strategy::Push
                || self.key_of(*id).is_none_or(|key| wanted.contains(&key))
            {
                self.say(format!("{name} leaves a group without reason"));
            }
        }
        self.groups_are_processed(&name, !add.is_empty() || !remove.is_empty());
    }

    fn change(&mut self, person: u32, at: u32, add: &[TargetId], remove: &[TextId]) {
        let name = self.show(at);
        let (Some(person), Some(account)) = (self.person(person), self.account(at)) else {
            return self.say(format!("{name} does not exist"));
        };
        if self.organization == 0 && self.is_excluded(&account) {
            self.say(format!("{name} is excluded and must not change"));
        }
        let same_email = person.key.email == account.key.email;
        if !same_email && person.key.username != account.key.username {
            self.say(format!("{name} is not the person it is matched with"));
        }
        let wanted = self.wanted(&person);
        let current: BTreeSet<u32> = self.world.sets.get(account.groups).iter().copied().collect();
        for id in add {
            match self.key_of(*id) {
                Some(key) if wanted.contains(&key) && !current.contains(&key.number()) => {}
                _ => self.say(format!("{name} joins a group that is not wanted, or twice")),
            }
        }
        for key in remove {
            if wanted.contains(key) || !current.contains(&key.number()) || !self.is_mapped(*key) {
                self.say(format!(
                    "{name} leaves a group that is wanted, not mapped, or not had"
                ));
            }
        }
        self.groups_are_processed(&name, !add.is_empty() || !remove.is_empty());
    }

    fn groups_are_processed(&mut self, name: &str, groups: bool) {
        if groups && !self.settings.process_groups {
            self.say(format!(
                "groups of {name} change although groups are not processed"
            ));
        }
    }

    fn leftover(&mut self, at: u32, action: &AdobeOnlyAction) {
        let name = self.show(at);
        let Some(account) = self.account(at) else {
            return self.say(format!("{name} does not exist"));
        };
        if self.settings.hold_adobe_only {
            self.say(format!("{name} is acted on although the source is in doubt"));
        }
        let known = self
            .world
            .directory
            .find(account.key.email, account.key.username)
            .is_some();
        if known && !self.settings.listed {
            self.say(format!("{name} is in the directory and treated as Adobe-only"));
        }
        if self.organization == 0 && !self.settings.listed && self.is_excluded(&account) {
            self.say(format!("{name} is excluded and must not be acted on"));
        }
        if self.organization > 0 && !self.is_left_in_primary(&account.key) {
            self.say(format!("{name} is not Adobe-only in the primary organization"));
        }
        let allowed = match (self.settings.adobe_only, action) {
            (AdobeOnly::Preserve | AdobeOnly::WriteFile, AdobeOnlyAction::LeaveGroups(groups)) => {
                self.settings.process_groups && groups.iter().all(|group| self.is_mapped(*group))
            }
            (AdobeOnly::RemoveAdobeGroups, AdobeOnlyAction::LeaveAllGroups) => true,
            (AdobeOnly::Remove, AdobeOnlyAction::Remove { delete_account }) => !delete_account,
            (AdobeOnly::Delete, AdobeOnlyAction::Remove { delete_account }) => {
                *delete_account == (self.organization == 0)
            }
            _ => false,
        };
        if !allowed {
            self.say(format!("{name} suffers more than the settings ask for"));
        }
    }

    fn bound(&mut self, count: usize) {
        let accounts = self.world.organizations.first().map_or(0, |o| o.accounts.len());
        let bound = match self.settings.limit {
            Limit::Number(number) => usize::try_from(number).unwrap_or(0),
            // A share of those read cannot be more than the same share of all, rounded up.
            #[expect(
                clippy::cast_precision_loss,
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a share of a number of people"
            )]
            Limit::Percent(percent) => (accounts as f64 * percent / 100.0).ceil() as usize,
        };
        if count > bound {
            self.say(format!(
                "{count} Adobe-only accounts are acted on, where {bound} may be"
            ));
        }
    }

    fn is_mapped(&self, key: TextId) -> bool {
        let organization = u16::try_from(self.organization).unwrap_or(u16::MAX);
        let target = self.world.targets.find(organization, key);
        target.is_some_and(|target| !self.settings.keep.contains(&target))
    }

    fn is_left_in_primary(&self, key: &UserKey) -> bool {
        self.primary.contains(key)
            && (self.settings.listed || self.world.directory.find(key.email, key.username).is_none())
    }

    fn is_excluded(&self, account: &Account) -> bool {
        let groups = self.world.sets.get(account.groups);
        self.settings.exclude_types.contains(&account.key.kind)
            || account.excluded_by > 0
            || self
                .settings
                .exclude_groups
                .iter()
                .any(|group| groups.contains(&group.number()))
    }
}
