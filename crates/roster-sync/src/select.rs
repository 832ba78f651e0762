//! From records of a directory to the people a plan is made for: selection, mapping, additional groups.

use std::collections::{BTreeMap, BTreeSet};

use roster_core::plan::World;
use roster_core::plan::people::{Person, TargetId, UserKey};
use roster_core::plan::text::{SetId, TextId};
use roster_core::value::IdentityType;

use crate::config::main_file::{AdditionalRule, AdobeGroup, identity_type};
use crate::hook::{self, Given, Hook, Outcome};
use crate::log::Log;
use crate::pattern::Pattern;
use crate::read::attributes::Attributes;
use crate::read::{People, Record};

/// What is selected and where it is mapped to.
pub(crate) struct Selection<'r> {
    /// Only members of these directory groups; `None` for everybody.
    pub groups: Option<BTreeSet<String>>,
    /// Only usernames that fit.
    pub filter: Option<&'r Pattern>,
    /// Directory groups and the targets they lead to.
    pub mapping: &'r [(String, Vec<AdobeGroup>)],
    /// `extended_adobe_groups`: targets that only the hook names.
    pub extended: &'r [AdobeGroup],
    /// `additional_groups`.
    pub additional: &'r [AdditionalRule],
    /// The type of people whose source names none.
    pub default_type: IdentityType,
    /// The names of the secondary organizations, in order.
    pub organizations: &'r [String],
}

/// Why a run cannot go on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message} [{key}]")]
pub(crate) struct SelectError {
    /// The stable name.
    pub key: &'static str,
    /// What is wrong.
    pub message: String,
}

/// The position of an organization by name.
pub(crate) fn position(organizations: &[String], name: Option<&str>) -> u16 {
    let Some(name) = name else { return 0 };
    let at = organizations
        .iter()
        .position(|known| known == name)
        .map_or(0, |at| at + 1);
    u16::try_from(at).unwrap_or(u16::MAX)
}

/// Why people could not be selected.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Asked to stop.
    Stopped,
    /// Anything else.
    Told(SelectError),
}

impl From<SelectError> for Failure {
    fn from(error: SelectError) -> Self {
        Self::Told(error)
    }
}

/// How many people the hook is given at a time.
const BATCH: usize = 500;

/// Selects and maps people into the directory of `world`, and has the hook change them, where there is one.
pub(crate) async fn select(
    people: People,
    selection: &Selection<'_>,
    mut hook: Option<&mut Hook>,
    world: &mut World,
    log: &Log,
) -> Result<(), Failure> {
    let mut selector = Selector::new(selection, world, log);
    let mut waiting = Vec::new();
    for record in people.records {
        let Some(mapped) = selector.record(&record)? else {
            continue;
        };
        let Some(hook) = hook.as_deref_mut() else {
            selector.add(&record, mapped)?;
            continue;
        };
        waiting.push((record, mapped));
        if waiting.len() == BATCH {
            selector.ask(hook, &people.attributes, &mut waiting).await?;
        }
    }
    if let Some(hook) = hook {
        selector.ask(hook, &people.attributes, &mut waiting).await?;
    }
    Ok(selector.finish()?)
}

/// The stable name of a rule of `additional_groups` that fits nothing.
pub(crate) const UNFIT_RULE: &str = "additional-group-unfit";

/// Attributes of somebody, by name.
pub(crate) type Words = Vec<(&'static str, String)>;

/// Somebody before and after the hook.
pub(crate) struct Tried {
    /// Where the source has them, counted from 1.
    pub(crate) place: u32,
    pub(crate) before: Words,
    /// `None` when the hook leaves nobody.
    pub(crate) after: Option<Words>,
    /// Whether it named groups that are not known.
    pub(crate) strange: bool,
}

/// Has the hook change the first `most` selected people, one after another, and gives each to `show`. Nothing else is made of
/// them.
pub(crate) async fn try_hook(
    people: People,
    selection: &Selection<'_>,
    hook: &mut Hook,
    (world, log): (&mut World, &Log),
    most: usize,
    mut show: impl FnMut(Tried),
) -> Result<(), Failure> {
    let mut selector = Selector::new(selection, world, log);
    let mut tried = 0;
    for record in people.records {
        if tried == most {
            break;
        }
        let Some(mapped) = selector.record(&record)? else {
            continue;
        };
        tried += 1;
        let before = selector.words(&record, mapped);
        let one = [(record, mapped)];
        let outcomes = selector.outcomes(hook, &people.attributes, &one).await?;
        for ((record, mapped), outcome) in one.into_iter().zip(outcomes) {
            let place = record.place;
            let strange = outcome
                .groups
                .iter()
                .any(|name| !selector.known.contains_key(name));
            let after = selector.changed(record, mapped, &outcome, hook)?;
            show(Tried {
                place,
                before: before.clone(),
                after: after.map(|(record, mapped)| selector.words(&record, mapped)),
                strange,
            });
        }
    }
    Ok(())
}

/// Who somebody is and where the mapping leads.
#[derive(Debug, Clone, Copy)]
struct Mapped {
    key: UserKey,
    targets: SetId,
}

struct Selector<'s, 'r> {
    selection: &'s Selection<'r>,
    world: &'s mut World,
    log: &'s Log,
    by_group: BTreeMap<u32, Vec<TargetId>>,
    wanted: Option<BTreeSet<u32>>,
    /// The targets of each set of directory groups met so far.
    targets: BTreeMap<SetId, SetId>,
    /// Whether a set of directory groups is selected.
    selected: BTreeMap<SetId, bool>,
    /// The targets that rules make of a group.
    additional: BTreeMap<u32, Vec<TargetId>>,
    /// The rules that fit a group, by position.
    fitted: BTreeSet<usize>,
    /// The groups that led to a target of a rule, by target.
    sources: BTreeMap<TargetId, BTreeSet<u32>>,
    /// The names of targets as hooks see them, by number.
    qualified: Vec<String>,
    /// The targets that a hook may name, in exactly this spelling.
    known: BTreeMap<String, TargetId>,
}

impl<'s, 'r> Selector<'s, 'r> {
    fn new(selection: &'s Selection<'r>, world: &'s mut World, log: &'s Log) -> Self {
        let mut by_group: BTreeMap<u32, Vec<TargetId>> = BTreeMap::new();
        for (group, targets) in selection.mapping {
            let id = world.texts.intern(group).number();
            let slot = by_group.entry(id).or_default();
            for target in targets {
                let organization = position(selection.organizations, target.organization.as_deref());
                slot.push(world.targets.add(&mut world.texts, organization, &target.name));
            }
        }
        let mut known = BTreeMap::new();
        let mapped = selection.mapping.iter().flat_map(|(_, targets)| targets);
        for target in mapped.chain(selection.extended) {
            let organization = position(selection.organizations, target.organization.as_deref());
            let id = world.targets.add(&mut world.texts, organization, &target.name);
            known.insert(target.qualified(), id);
        }
        let wanted: Option<BTreeSet<u32>> = selection.groups.as_ref().map(|names| {
            names
                .iter()
                .map(|name| world.texts.intern(name).number())
                .collect()
        });
        let mut selector = Self {
            selection,
            world,
            log,
            by_group,
            wanted,
            targets: BTreeMap::new(),
            selected: BTreeMap::new(),
            additional: BTreeMap::new(),
            fitted: BTreeSet::new(),
            sources: BTreeMap::new(),
            qualified: Vec::new(),
            known,
        };
        selector.name_targets();
        selector
    }
}

impl Selector<'_, '_> {
    /// Whether a record is selected, and where it is mapped to.
    fn record(&mut self, record: &Record) -> Result<Option<Mapped>, SelectError> {
        let texts = &mut self.world.texts;
        let kind = record.kind.unwrap_or(self.selection.default_type);
        let text = |texts: &roster_core::plan::text::Texts, id: TextId| texts.get(id).to_owned();
        let (username, domain, email) = (
            text(texts, record.username),
            text(texts, record.domain),
            text(texts, record.email),
        );
        let Some(key) = UserKey::new(texts, kind, &username, &domain, &email) else {
            self.log.warning(
                "processor",
                "directory-user-without-key",
                format_args!(
                    "Ignoring directory user with empty user key: `{username}`, `{email}` (record {})",
                    record.place
                ),
            );
            return Ok(None);
        };
        self.world.directory.read += 1;
        if !self.is_selected(record.groups) || !self.fits(key)? {
            return Ok(None);
        }
        let targets = self.targets_of(record.groups);
        Ok(Some(Mapped { key, targets }))
    }

    /// Takes in a person, with the targets of `additional_groups`.
    fn add(&mut self, record: &Record, mapped: Mapped) -> Result<(), SelectError> {
        let Mapped { key, mut targets } = mapped;
        if !self.selection.additional.is_empty() {
            let more = self.additional_targets(record.member_groups)?;
            targets = self.world.sets.union(targets, more);
        }
        let person = Person {
            key,
            email: record.email,
            username: record.username,
            domain: record.domain,
            firstname: record.firstname,
            lastname: record.lastname,
            country: record.country,
            targets,
            place: record.place,
        };
        self.world.directory.add(&mut self.world.sets, person);
        Ok(())
    }

    /// Has the hook change people, and takes them in.
    async fn ask(
        &mut self,
        hook: &mut Hook,
        attributes: &Attributes,
        waiting: &mut Vec<(Record, Mapped)>,
    ) -> Result<(), Failure> {
        let outcomes = self.outcomes(hook, attributes, waiting).await?;
        for ((record, mapped), outcome) in waiting.drain(..).zip(outcomes) {
            if let Some((record, mapped)) = self.changed(record, mapped, &outcome, hook)? {
                self.add(&record, mapped)?;
            }
        }
        Ok(())
    }

    /// What the hook makes of people.
    async fn outcomes(
        &self,
        hook: &mut Hook,
        attributes: &Attributes,
        waiting: &[(Record, Mapped)],
    ) -> Result<Vec<Outcome>, Failure> {
        let world = &*self.world;
        let qualified = &self.qualified;
        let given: Vec<Given<'_>> = waiting
            .iter()
            .map(|(record, mapped)| Given {
                texts: &world.texts,
                attributes: (attributes, record.attributes),
                groups: world
                    .sets
                    .get(record.groups)
                    .iter()
                    .map(|&id| world.texts.get(world.texts.id(id)))
                    .collect(),
                values: [
                    record.email,
                    record.username,
                    record.domain,
                    record.firstname,
                    record.lastname,
                    record.country,
                ],
                targets: world
                    .sets
                    .get(mapped.targets)
                    .iter()
                    .filter_map(|&id| qualified.get(id as usize).map(String::as_str))
                    .collect(),
            })
            .collect();
        hook.run(&given, self.log).await.map_err(|failure| {
            if failure == hook::Failure::Stopped {
                return Failure::Stopped;
            }
            let who = |at: usize| {
                let person = waiting.get(at).map(|(_, mapped)| mapped.key.show(&world.texts));
                person.unwrap_or_else(|| "nobody".to_owned())
            };
            let (key, message) = hook.explain(&failure, who);
            Failure::Told(SelectError { key, message })
        })
    }

    /// Somebody in words: the names of attributes and their values.
    fn words(&self, record: &Record, mapped: Mapped) -> Words {
        let world = &*self.world;
        let text = |id: TextId| world.texts.get(id).to_owned();
        let targets = world.sets.get(mapped.targets).iter();
        let mut groups: Vec<&str> = targets
            .filter_map(|&id| self.qualified.get(id as usize).map(String::as_str))
            .collect();
        groups.sort_unstable();
        vec![
            (
                "identity_type",
                record
                    .kind
                    .unwrap_or(self.selection.default_type)
                    .as_str()
                    .to_owned(),
            ),
            ("email", text(record.email)),
            ("username", text(record.username)),
            ("domain", text(record.domain)),
            ("firstname", text(record.firstname)),
            ("lastname", text(record.lastname)),
            ("country", text(record.country)),
            ("groups", groups.join(", ")),
        ]
    }

    /// A person as the hook leaves them; `None`, with a warning, when nobody can be addressed by it.
    fn changed(
        &mut self,
        mut record: Record,
        mut mapped: Mapped,
        outcome: &Outcome,
        hook: &Hook,
    ) -> Result<Option<(Record, Mapped)>, SelectError> {
        let before = mapped.key;
        if let Some(word) = &outcome.kind {
            let Some(kind) = identity_type(word) else {
                let who = before.show(&self.world.texts);
                let failure = hook::Failure::wrong(format!(
                    "target_attributes['identity_type'] is `{word}`; there are adobeID, enterpriseID and federatedID"
                ));
                let (key, message) = hook.explain(&failure, |_| who.clone());
                return Err(SelectError { key, message });
            };
            record.kind = Some(kind);
        }
        let trimmed = |text: &Option<String>| text.as_deref().unwrap_or_default().trim().to_owned();
        let (email, mut username, domain) = (
            trimmed(&outcome.email),
            trimmed(&outcome.username),
            trimmed(&outcome.domain),
        );
        if username.is_empty() {
            username.clone_from(&email);
        }
        let kind = record.kind.unwrap_or(self.selection.default_type);
        let texts = &mut self.world.texts;
        let key = UserKey::new(texts, kind, &username, &domain, &email).filter(|_| !email.is_empty());
        let Some(key) = key else {
            let why = if email.is_empty() {
                "no e-mail"
            } else {
                "a plain username and no domain"
            };
            self.world.directory.selected += 1;
            self.log.warning(
                "processor",
                "hook-left-nobody",
                format_args!(
                    "Skipping {}: the hook leaves {why} (record {})",
                    before.show(&self.world.texts),
                    record.place
                ),
            );
            return Ok(None);
        };
        mapped.key = key;
        let mut keep = |text: &str| texts.intern(text);
        record.email = keep(&email);
        record.username = keep(&username);
        record.domain = keep(&domain);
        record.firstname = keep(outcome.firstname.as_deref().unwrap_or_default());
        record.lastname = keep(outcome.lastname.as_deref().unwrap_or_default());
        record.country = keep(outcome.country.as_deref().unwrap_or_default());
        let mut targets = Vec::with_capacity(outcome.groups.len());
        for name in &outcome.groups {
            match self.known.get(name) {
                Some(&id) => targets.push(id),
                None => self.log.error(
                    "processor",
                    "unknown-target-group",
                    format_args!("Target adobe group {name} is not known; ignored"),
                ),
            }
        }
        mapped.targets = self.world.sets.intern(&mut targets);
        Ok(Some((record, mapped)))
    }

    /// Names the targets of the mapping as hooks see them.
    fn name_targets(&mut self) {
        let world = &self.world;
        let named = world.targets.iter().map(|(_, target)| {
            let organization = usize::from(target.organization).checked_sub(1);
            AdobeGroup {
                organization: organization.and_then(|at| self.selection.organizations.get(at).cloned()),
                name: world.texts.get(target.name).to_owned(),
            }
            .qualified()
        });
        self.qualified = named.collect();
    }

    fn is_selected(&mut self, groups: SetId) -> bool {
        let Some(wanted) = &self.wanted else { return true };
        let sets = &self.world.sets;
        *self
            .selected
            .entry(groups)
            .or_insert_with(|| sets.get(groups).iter().any(|id| wanted.contains(id)))
    }

    fn fits(&self, key: UserKey) -> Result<bool, SelectError> {
        let Some(filter) = self.selection.filter else {
            return Ok(true);
        };
        let username = self.world.texts.get(key.username);
        filter.fits(username).map_err(|why| SelectError {
            key: "bad-user-filter",
            message: format!("the user filter takes too long on `{username}`: {why}; simplify it"),
        })
    }

    fn targets_of(&mut self, groups: SetId) -> SetId {
        if let Some(&known) = self.targets.get(&groups) {
            return known;
        }
        let lists = self
            .world
            .sets
            .get(groups)
            .iter()
            .filter_map(|id| self.by_group.get(id));
        let mut all: Vec<TargetId> = lists.flatten().copied().collect();
        let set = self.world.sets.intern(&mut all);
        self.targets.insert(groups, set);
        set
    }

    fn additional_targets(&mut self, groups: SetId) -> Result<SetId, SelectError> {
        let names = self.world.sets.get(groups).to_vec();
        let mut all = Vec::new();
        for name in names {
            if !self.additional.contains_key(&name) {
                let found = self.apply_rules(name)?;
                self.additional.insert(name, found);
            }
            all.extend(self.additional.get(&name).into_iter().flatten());
        }
        Ok(self.world.sets.intern(&mut all))
    }

    fn apply_rules(&mut self, group: u32) -> Result<Vec<TargetId>, SelectError> {
        let id = self.world.texts.id(group);
        let name = self.world.texts.get(id).to_owned();
        let mut found = Vec::new();
        for (at, rule) in self.selection.additional.iter().enumerate() {
            let rewritten = rule
                .source
                .rewrite(&name, &rule.target)
                .map_err(|why| SelectError {
                    key: "additional-group-resolution",
                    message: format!(
                        "Additional group resolution error: `{}` to `{}` on `{name}`: {why}",
                        rule.source.as_str(),
                        rule.target
                    ),
                })?;
            if let Some(target) = rewritten {
                self.fitted.insert(at);
                let organization = position(self.selection.organizations, rule.organization.as_deref());
                let id = self
                    .world
                    .targets
                    .add(&mut self.world.texts, organization, &target);
                self.sources.entry(id).or_default().insert(group);
                found.push(id);
            }
        }
        Ok(found)
    }

    /// Says which rules fit no group of anybody, as with a mistyped name.
    fn tell_of_idle_rules(&self) {
        if self.world.directory.selected == 0 {
            return;
        }
        for (at, rule) in self.selection.additional.iter().enumerate() {
            if self.fitted.contains(&at) {
                continue;
            }
            let why = if self.additional.is_empty() {
                "nobody who is selected has any group that rules look at (LDAP: the attribute of \
                 `dynamic_group_member_attribute`)"
            } else {
                "no group of anybody who is selected fits it"
            };
            self.log.warning(
                "processor",
                UNFIT_RULE,
                format_args!(
                    "The rule `{}` of `additional_groups` puts nobody into `{}`: {why}",
                    rule.source.as_str(),
                    rule.target
                ),
            );
        }
    }

    /// Two groups that become one Adobe group would each undo what the other says.
    fn finish(self) -> Result<(), SelectError> {
        self.tell_of_idle_rules();
        for (target, sources) in &self.sources {
            let Some(target) = self.world.targets.get(*target) else {
                continue;
            };
            let name = self.world.texts.get(target.name);
            let organization = usize::from(target.organization).checked_sub(1);
            let organization = organization.and_then(|at| self.selection.organizations.get(at));
            let organization = organization.map_or("primary org", String::as_str);
            let mut names = sources
                .iter()
                .map(|&id| self.world.texts.get(self.world.texts.id(id)));
            if sources.len() > 1 {
                let names: Vec<&str> = names.collect();
                return Err(SelectError {
                    key: "additional-group-conflict",
                    message: format!(
                        "Additional group resolution conflict: {} all lead to `{name}` on '{organization}'",
                        names.join(", ")
                    ),
                });
            }
            let source = names.next().unwrap_or_default();
            self.log.info(
                "processor",
                format_args!("Mapped additional group '{source}' to '{name}' on '{organization}'"),
            );
        }
        Ok(())
    }
}
