//! From records of a directory to the people a plan is made for: selection, mapping, additional groups.

use std::collections::{BTreeMap, BTreeSet};

use roster_core::plan::World;
use roster_core::plan::people::{Person, TargetId, UserKey};
use roster_core::plan::text::{SetId, TextId};
use roster_core::value::IdentityType;

use crate::config::main_file::{AdditionalRule, AdobeGroup};
use crate::log::Log;
use crate::pattern::Pattern;
use crate::read::{People, Record};

/// What is selected and where it is mapped to.
pub(crate) struct Selection<'r> {
    /// Only members of these directory groups; `None` for everybody.
    pub groups: Option<BTreeSet<String>>,
    /// Only usernames that fit.
    pub filter: Option<&'r Pattern>,
    /// Directory groups and the targets they lead to.
    pub mapping: &'r [(String, Vec<AdobeGroup>)],
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

/// Selects and maps people into the directory of `world`.
pub(crate) fn select(
    people: People,
    selection: &Selection<'_>,
    world: &mut World,
    log: &Log,
) -> Result<(), SelectError> {
    let mut by_group: BTreeMap<u32, Vec<TargetId>> = BTreeMap::new();
    for (group, targets) in selection.mapping {
        let id = world.texts.intern(group).number();
        let slot = by_group.entry(id).or_default();
        for target in targets {
            let organization = position(selection.organizations, target.organization.as_deref());
            slot.push(world.targets.add(&mut world.texts, organization, &target.name));
        }
    }
    let wanted: Option<BTreeSet<u32>> = selection.groups.as_ref().map(|names| {
        names
            .iter()
            .map(|name| world.texts.intern(name).number())
            .collect()
    });
    let mut selector = Selector {
        selection,
        world,
        log,
        by_group,
        wanted,
        targets: BTreeMap::new(),
        selected: BTreeMap::new(),
        additional: BTreeMap::new(),
        sources: BTreeMap::new(),
    };
    for record in people.records {
        selector.record(&record)?;
    }
    selector.finish()
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
    /// The groups that led to a target of a rule, by target.
    sources: BTreeMap<TargetId, BTreeSet<u32>>,
}

impl Selector<'_, '_> {
    fn record(&mut self, record: &Record) -> Result<(), SelectError> {
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
            return Ok(());
        };
        self.world.directory.read += 1;
        if !self.is_selected(record.groups) || !self.fits(key)? {
            return Ok(());
        }
        let mut targets = self.targets_of(record.groups);
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
        for rule in self.selection.additional {
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

    /// Two groups that become one Adobe group would each undo what the other says.
    fn finish(self) -> Result<(), SelectError> {
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
