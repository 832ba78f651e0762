//! The comparison: who is new, who differs, who is left over.

use std::collections::{BTreeSet, HashMap};

use crate::plan::leftover;
use crate::plan::output::{Change, Counts, Exclusion, Note, Orders, Plan, TextOr, Work};
use crate::plan::people::{Account, Index, Person, TargetId, UserKey, World};
use crate::plan::settings::{AdobeOnly, Settings, Strategy};
use crate::plan::text::{SetId, TextId};
use crate::value::{GroupName, IdentityType, ReservedName, valid_group_name};

/// A plan in the making.
pub(crate) struct Comparison<'w> {
    pub(crate) world: &'w World,
    pub(crate) settings: &'w Settings,
    pub(crate) plan: Plan,
    /// For each organization, the folded names of its mapped groups that can be left.
    pub(crate) mapped: Vec<BTreeSet<TextId>>,
    /// Targets that nobody can be put into through the API.
    barred: BTreeSet<TargetId>,
    /// E-mails that an Adobe ID has in an organization looked at so far.
    adobe_ids: BTreeSet<TextId>,
    /// The keys of the primary's accounts that are not excluded, in order; only with secondaries.
    included: Vec<UserKey>,
    /// The keys of those that are; only with secondaries.
    excluded: BTreeSet<UserKey>,
    /// Keys of people updated in any organization, and of those created in the primary.
    updated: BTreeSet<UserKey>,
    created: BTreeSet<u32>,
    added_elsewhere: BTreeSet<u32>,
    /// For each organization its Adobe-only accounts, with the mapped groups they are in.
    pub(crate) strays: Vec<Vec<Stray>>,
    /// How many accounts of an organization have a set of groups: those that somebody stands for, and those that nobody does.
    sets: HashMap<(usize, SetId), [usize; 2]>,
}

/// An account nobody in the directory stands for.
pub(crate) struct Stray {
    pub(crate) account: u32,
    pub(crate) key: UserKey,
    /// `None` when groups are not looked at.
    pub(crate) groups: Option<Vec<TextId>>,
}

/// Decides what a run sends. Pure: the same world and settings give the same plan.
pub fn plan(world: &World, settings: &Settings) -> Plan {
    let mut comparison = Comparison::new(world, settings);
    for organization in 0..world.organizations.len() {
        if settings.listed {
            comparison.take_list(organization);
        } else if organization == 0 || has_targets(world, organization) {
            if settings.strategy == Strategy::Sync {
                comparison.create_groups(organization);
                comparison.compare(organization);
            } else {
                comparison.create(organization, &[]);
            }
        }
    }
    comparison.sum_up();
    leftover::settle(&mut comparison);
    comparison.count();
    comparison.plan
}

impl<'w> Comparison<'w> {
    fn new(world: &'w World, settings: &'w Settings) -> Self {
        let count = world.organizations.len();
        let mut comparison = Self {
            world,
            settings,
            plan: Plan {
                organizations: vec![Orders::default(); count],
                ..Plan::default()
            },
            mapped: vec![BTreeSet::new(); count],
            barred: BTreeSet::new(),
            adobe_ids: BTreeSet::new(),
            included: Vec::new(),
            excluded: BTreeSet::new(),
            updated: BTreeSet::new(),
            created: BTreeSet::new(),
            added_elsewhere: BTreeSet::new(),
            strays: (0..count).map(|_| Vec::new()).collect(),
            sets: HashMap::new(),
        };
        for &record in &world.directory.merged {
            comparison.note(Note::SamePerson(record));
        }
        for (id, target) in world.targets.iter() {
            if !assignable(world.texts.get(target.key)) {
                comparison.barred.insert(id);
                comparison.note(Note::GroupNotAssignable { target: id });
            } else if settings.keep.contains(&id) {
                // Nobody leaves it in this run.
            } else if let Some(mapped) = comparison.mapped.get_mut(usize::from(target.organization)) {
                mapped.insert(target.key);
            }
        }
        comparison
    }

    pub(crate) fn note(&mut self, note: Note) {
        self.plan.notes.push(note);
    }

    /// Mapped groups that are not there, with names a user group may have.
    fn create_groups(&mut self, organization: usize) {
        let (world, settings) = (self.world, self.settings);
        if !(settings.create_groups && settings.process_groups) {
            return;
        }
        let Some(existing) = world
            .organizations
            .get(organization)
            .and_then(|o| o.groups.as_ref())
        else {
            return;
        };
        for (id, target) in world.targets.iter() {
            let ours = usize::from(target.organization) == organization;
            if !ours || existing.contains(&target.key) || self.barred.contains(&id) {
                continue;
            }
            if valid_group_name(world.texts.get(target.name)) {
                if let Some(orders) = self.plan.organizations.get_mut(organization) {
                    orders.create_groups.push(id);
                }
            } else {
                self.note(Note::GroupNotCreatable { target: id });
            }
        }
    }

    fn compare(&mut self, organization: usize) {
        let world = self.world;
        let Some(org) = world.organizations.get(organization) else {
            return;
        };
        let skip = self.seen_before(organization, &org.accounts);
        let mut present = vec![0_u8; world.directory.people.len()];
        for (at, account) in (0..).zip(&org.accounts) {
            if account.key.kind == IdentityType::AdobeId {
                self.adobe_ids.insert(account.key.email);
            }
            if skip.contains(&at) {
                continue;
            }
            let found = world.directory.find(account.key.email, account.key.username);
            let met = found.and_then(|person| present.get_mut(person as usize));
            let times = met.map_or(0, |met| {
                *met = met.saturating_add(1);
                *met
            });
            if organization == 0 {
                self.plan.counts.adobe_users_read += 1;
            }
            if self.excluded(organization, at, account) {
                continue;
            }
            let found = found.and_then(|person| Some((person, world.directory.person(person)?)));
            self.stand(organization, account, found.is_some());
            match found {
                None => self.left_over(organization, at, account),
                Some((person, record)) => {
                    if times == 2 {
                        self.note(Note::TwoAccounts { organization, person });
                    }
                    self.update(organization, at, account, person, record);
                }
            }
        }
        if organization == 0 {
            self.included.sort_unstable();
        } else {
            self.say_who_is_not_in_primary(organization);
        }
        self.create(organization, &present);
    }

    /// Counts an account.
    fn stand(&mut self, organization: usize, account: &Account, is_matched: bool) {
        if organization == 0 {
            let standing = &mut self.plan.standing;
            let count = if is_matched {
                &mut standing.matched
            } else {
                &mut standing.left_over
            };
            *count += 1;
        }
        if self.settings.process_groups && account.groups != SetId::EMPTY {
            let [matched, left_over] = self.sets.entry((organization, account.groups)).or_default();
            *(if is_matched { matched } else { left_over }) += 1;
        }
    }

    /// Sums up by group what was counted by sets of them.
    fn sum_up(&mut self) {
        for ((organization, set), [matched, left_over]) in std::mem::take(&mut self.sets) {
            for &number in self.world.sets.get(set) {
                let group = self.world.texts.id(number);
                if self
                    .mapped
                    .get(organization)
                    .is_some_and(|mapped| mapped.contains(&group))
                {
                    let standing = self
                        .plan
                        .standing
                        .groups
                        .entry((organization, group))
                        .or_default();
                    standing.matched += matched;
                    standing.left_over += left_over;
                }
            }
        }
    }

    /// Accounts to pass over: of two with one e-mail the Adobe ID, else the later; of two with one username the later.
    fn seen_before(&mut self, organization: usize, accounts: &[Account]) -> BTreeSet<u32> {
        let mut index = Index::default();
        let mut skip = BTreeSet::new();
        for (at, account) in (0_u32..).zip(accounts) {
            let key = account.key;
            let by_email = index.by_email(key.email);
            let other = by_email.or_else(|| index.by_username(key.username));
            let Some(other) = other else {
                index.insert(key.email, key.username, at);
                continue;
            };
            let other_kind = accounts.get(other as usize).map(|a| a.key.kind);
            let better = by_email.is_some()
                && other_kind == Some(IdentityType::AdobeId)
                && key.kind != IdentityType::AdobeId;
            let passed_over = if better { other } else { at };
            if better {
                index.insert(key.email, key.username, at);
            }
            skip.insert(passed_over);
            self.note(Note::SeenBefore {
                organization,
                account: passed_over,
            });
        }
        skip
    }

    fn excluded(&mut self, organization: usize, at: u32, account: &Account) -> bool {
        if organization > 0 {
            return self.included.binary_search(&account.key).is_err();
        }
        let settings = self.settings;
        let reason = if settings.exclude_types.contains(&account.key.kind) {
            Exclusion::Kind
        } else if !settings.exclude_groups.is_empty()
            && self
                .groups_of(account)
                .any(|group| settings.exclude_groups.contains(&group))
        {
            Exclusion::Group
        } else if let Some(pattern) = account.excluded_by.checked_sub(1) {
            Exclusion::Pattern(pattern)
        } else {
            if self.world.organizations.len() > 1 {
                self.included.push(account.key);
            }
            return false;
        };
        self.plan.counts.adobe_users_excluded += 1;
        if self.world.organizations.len() > 1 {
            self.excluded.insert(account.key);
        }
        self.note(Note::Excluded { account: at, reason });
        true
    }

    /// The folded names of the groups an account is in.
    pub(crate) fn groups_of(&self, account: &Account) -> impl Iterator<Item = TextId> + use<'w> {
        let world = self.world;
        world.sets.get(account.groups).iter().map(|&n| world.texts.id(n))
    }

    /// The mapped groups that an account is in.
    pub(crate) fn mapped_groups_of(&self, organization: usize, account: &Account) -> Vec<TextId> {
        let mapped = self.mapped.get(organization);
        self.groups_of(account)
            .filter(|group| mapped.is_some_and(|m| m.contains(group)))
            .collect()
    }

    fn left_over(&mut self, organization: usize, at: u32, account: &Account) {
        if self.settings.adobe_only == AdobeOnly::Exclude {
            self.plan.counts.adobe_users_excluded += 1;
        } else if self.settings.wants_adobe_only() {
            let groups = self
                .settings
                .process_groups
                .then(|| self.mapped_groups_of(organization, account));
            if let Some(strays) = self.strays.get_mut(organization) {
                strays.push(Stray {
                    account: at,
                    key: account.key,
                    groups,
                });
            }
        }
    }

    /// The person's targets in an organization.
    fn targets_of(&self, person: &Person, organization: usize) -> Vec<(TargetId, TextId)> {
        let targets = self.world.sets.get(person.targets).iter();
        targets
            .filter_map(|&id| {
                let target = self.world.targets.get(id)?;
                let ours = usize::from(target.organization) == organization && !self.barred.contains(&id);
                ours.then_some((id, target.key))
            })
            .collect()
    }

    fn update(&mut self, organization: usize, at: u32, account: &Account, person: u32, record: &Person) {
        let kinds_differ = account.key.kind == IdentityType::AdobeId && record.key.kind != account.key.kind;
        if kinds_differ {
            let stored = account.key.kind;
            self.note(Note::KindsDiffer {
                organization,
                account: at,
                person,
                stored,
            });
        }
        let mut change = Change::default();
        if self.settings.update_user_info && organization == 0 {
            change = self.attributes(at, account, record);
        }
        let (mut add, mut remove) = (Vec::new(), Vec::new());
        if self.settings.process_groups {
            let wanted = self.targets_of(record, organization);
            let current = self.world.sets.get(account.groups);
            let is_in = |key: TextId| current.binary_search(&key.number()).is_ok();
            add = wanted
                .iter()
                .filter(|(_, key)| !is_in(*key))
                .map(|(id, _)| *id)
                .collect();
            if !current.is_empty() {
                remove = self.mapped_groups_of(organization, account);
                remove.retain(|group| wanted.iter().all(|(_, key)| key != group));
                for &group in &remove {
                    self.plan
                        .standing
                        .groups
                        .entry((organization, group))
                        .or_default()
                        .leaving += 1;
                }
            }
        }
        if change.is_empty() && add.is_empty() && remove.is_empty() {
            return;
        }
        self.updated.insert(record.key);
        if let Some(orders) = self.plan.organizations.get_mut(organization) {
            orders.work.push(Work::Update {
                person,
                account: at,
                change,
                add,
                remove,
            });
        }
    }

    /// What differs and may be updated. A value the directory does not have is no difference.
    fn attributes(&mut self, at: u32, account: &Account, person: &Person) -> Change {
        if account.key.kind == IdentityType::AdobeId {
            return Change::default();
        }
        let may = self.settings.update;
        let differs = |wanted: TextId, stored: TextId| !wanted.is_empty() && wanted != stored;
        let checks = [
            (
                "firstname",
                differs(person.firstname, account.firstname),
                may.firstname,
            ),
            (
                "lastname",
                differs(person.lastname, account.lastname),
                may.lastname,
            ),
            ("email", differs(person.key.email, account.key.email), may.email),
            (
                "username",
                differs(person.key.username, account.key.username),
                may.username,
            ),
        ];
        for (attribute, _, _) in checks.iter().filter(|(_, differs, may)| *differs && !may) {
            self.note(Note::NotConfigured {
                account: at,
                attribute,
            });
        }
        let [firstname, lastname, email, username] = checks.map(|(_, differs, may)| differs && may);
        Change {
            firstname,
            lastname,
            email,
            username,
        }
    }

    /// Creates whoever is not `present`; an empty table means that nobody was looked for.
    fn create(&mut self, organization: usize, present: &[u8]) {
        let world = self.world;
        for (at, person) in (0_u32..).zip(&world.directory.people) {
            if present.get(at as usize).is_some_and(|&times| times > 0) {
                continue;
            }
            let wanted = self.targets_of(person, organization);
            if wanted.is_empty() && organization > 0 {
                continue;
            }
            if wanted.is_empty() && self.settings.exclude_unmapped_users {
                self.note(Note::Unmapped { person: at });
                continue;
            }
            self.create_one(organization, at, person, &wanted);
        }
    }

    fn create_one(&mut self, organization: usize, at: u32, person: &Person, wanted: &[(TargetId, TextId)]) {
        if organization > 0 {
            self.added_elsewhere.insert(at);
            if !self.created.contains(&at) {
                self.updated.insert(person.key);
            }
        }
        if person.key.kind != IdentityType::AdobeId && self.adobe_ids.contains(&person.key.email) {
            return self.note(Note::AdobeIdExists { person: at });
        }
        let country = if !person.country.is_empty() {
            TextOr::Own(person.country)
        } else if self.settings.default_country.is_some() {
            TextOr::Default
        } else if person.key.kind == IdentityType::Enterprise {
            TextOr::Undefined
        } else {
            return self.note(Note::CountryMissing { person: at });
        };
        if organization == 0 {
            self.created.insert(at);
        }
        let (mut add, mut remove) = (Vec::new(), Vec::new());
        if self.settings.process_groups {
            add.extend(wanted.iter().map(|(id, _)| *id));
            if self.settings.strategy == Strategy::Push {
                let ours = self.world.targets.iter().filter(|(id, target)| {
                    let ours = usize::from(target.organization) == organization;
                    ours && !self.barred.contains(id) && !self.settings.keep.contains(id)
                });
                remove.extend(ours.map(|(id, _)| id).filter(|id| !add.contains(id)));
            }
        }
        if let Some(orders) = self.plan.organizations.get_mut(organization) {
            orders.work.push(Work::Create {
                person: at,
                country,
                add,
                remove,
            });
        }
    }

    fn say_who_is_not_in_primary(&mut self, organization: usize) {
        let world = self.world;
        let Some(org) = world.organizations.get(organization) else {
            return;
        };
        let left = (0_u32..).zip(&org.accounts).filter(|(_, account)| {
            self.included.binary_search(&account.key).is_err()
                && world
                    .directory
                    .find(account.key.email, account.key.username)
                    .is_some()
        });
        let (mut absent, mut excluded) = ((None, 0), (None, 0));
        for (at, account) in left {
            let (example, count) = if self.excluded.contains(&account.key) {
                &mut excluded
            } else {
                &mut absent
            };
            example.get_or_insert(at);
            *count += 1;
        }
        if let (Some(example), count) = absent {
            self.note(Note::NotInPrimary {
                organization,
                example,
                count,
            });
        }
        if let (Some(example), count) = excluded {
            self.note(Note::ExcludedInPrimary {
                organization,
                example,
                count,
            });
        }
    }

    /// Accounts named in a list are Adobe-only because the list says so.
    fn take_list(&mut self, organization: usize) {
        let accounts = self
            .world
            .organizations
            .get(organization)
            .map_or(&[][..], |o| &o.accounts);
        let mut seen = BTreeSet::new();
        let strays = (0..)
            .zip(accounts)
            .filter(|(_, account)| seen.insert(account.key));
        let strays = strays
            .map(|(account, a)| Stray {
                account,
                key: a.key,
                groups: None,
            })
            .collect();
        if let Some(slot) = self.strays.get_mut(organization) {
            *slot = strays;
        }
    }

    fn count(&mut self) {
        let counts: &mut Counts = &mut self.plan.counts;
        counts.directory_users_read = self.world.directory.read;
        counts.directory_users_selected = self.world.directory.selected;
        counts.adobe_users_created = self.created.len();
        counts.adobe_users_updated = self.updated.len();
        counts.users_added_to_secondaries = self.added_elsewhere.len();
        let busy = counts.adobe_users_excluded + counts.adobe_users_updated + counts.adobe_only_processed;
        counts.adobe_users_unchanged = counts.adobe_users_read.saturating_sub(busy);
    }
}

fn has_targets(world: &World, organization: usize) -> bool {
    world
        .targets
        .iter()
        .any(|(_, target)| usize::from(target.organization) == organization)
}

/// Whether anybody can be put into the group or taken out of it through the API. The name is folded.
pub fn assignable(folded: &str) -> bool {
    !matches!(
        GroupName::parse(folded),
        GroupName::Reserved(ReservedName::SystemAdmin | ReservedName::Compartment)
    )
}
