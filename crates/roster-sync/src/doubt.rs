//! When a source does not show the people whom it showed before: what is withheld then, and what people are told.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use roster_core::plan::World;
use roster_core::plan::people::TargetId;
use roster_core::plan::settings::{AdobeOnly, Limit};

use crate::log::Log;
use crate::memory::{Accepted, Fewer, Memory, Missing, Seen, is_below};
use crate::options::Users;
use crate::run::Surroundings;
use crate::select::position;
use crate::start::Started;

const LOGGER: &str = "processor";

/// What a run may not take away.
#[derive(Debug, Default)]
pub(crate) struct Doubt {
    memory: Option<Memory>,
    now: Seen,
    accepted: Accepted,
    /// Groups that nobody is taken out of.
    pub(crate) keep: Keep,
    /// Whether Adobe-only accounts are left alone.
    pub(crate) hold: bool,
}

/// Groups that nobody is taken out of.
#[derive(Debug)]
pub(crate) enum Keep {
    /// All there are.
    All,
    /// Those that doubtful directory groups lead to.
    These(BTreeSet<TargetId>),
}

impl Default for Keep {
    fn default() -> Self {
        Self::These(BTreeSet::new())
    }
}

/// Why a run sends nothing at all, which was said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// What earlier runs saw cannot be read.
    Unreadable,
    /// There are fewer people than `min_directory_users` asks for.
    TooFew,
}

/// Compares what was read with what earlier runs saw of the directory for an `organization`. Where nothing was recorded
/// because nothing can be, whatever is empty may have had people, and counts as lost. Nothing is recorded here.
pub(crate) fn look(
    started: &Started,
    surroundings: &Surroundings,
    organization: &str,
    now: Seen,
    world: &World,
    log: &Log,
) -> Result<Doubt, Refused> {
    warn_about_emptiness(started, &now, log);
    let folder = surroundings.state_folder.as_deref();
    let memory = folder.map(|folder| open(folder, started, organization, log));
    let memory = memory.transpose()?;
    let mut missing = memory
        .as_ref()
        .map(|memory| memory.missing(&now))
        .unwrap_or_default();
    let blind = memory.as_ref().is_none_or(|memory| !memory.works());
    let empty = empty_groups(started, &now);
    if blind {
        // What was recorded before that stopped may be old: a group may have got its people since.
        missing.source |= !now.people;
        missing.groups.extend(empty.iter().cloned());
    }
    refuse_too_few(started, &now, &missing, log)?;
    let nobody = nobody_is_selected(started, &now, memory.as_ref(), &missing);
    let absent = absent_groups(started, &now, memory.as_ref());
    leave_out(&mut missing, started, &now, memory.as_ref());
    // One that nobody is in leads nowhere, unless something else leads to the same.
    missing.additional.retain(|name, fewer| {
        let alone = BTreeMap::from([(name.clone(), *fewer)]);
        fewer.now > 0 || !targets_of(&BTreeSet::new(), &alone, started, world).is_empty()
    });
    let mut doubt = Doubt {
        memory,
        now,
        accepted: started.accepted,
        ..Doubt::default()
    };
    let broken_rows = doubt.now.broken_rows;
    if missing == Missing::default() && !nobody && absent.is_empty() && broken_rows == 0 {
        return Ok(doubt);
    }
    // Who is still in the directory is Adobe-only because of a group where groups select people; and what is done to accounts
    // altogether takes them out of their groups as well.
    let altogether = !matches!(
        started.options.adobe_only,
        AdobeOnly::Preserve | AdobeOnly::Exclude
    );
    let by_group = (started.options.users != Users::All || altogether)
        && started.options.takes_from_the_left_over()
        && !(missing.shrunk.is_empty() && missing.mute.is_empty());
    let disappeared = missing.source || !missing.groups.is_empty() || !missing.renamed.is_empty();
    let fewer = missing.fewer.is_some() || missing.unlisted.is_some();
    let lacks_some = fewer || !missing.parts.is_empty() || broken_rows > 0;
    let everywhere = nobody || !absent.is_empty() || lacks_some;
    doubt.hold = disappeared || everywhere || by_group;
    doubt.keep = if everywhere || started.extension.is_some() {
        // Nobody knows in which groups those are who were not read, nor what a hook makes of a group that is missing.
        Keep::All
    } else {
        let mut lost: BTreeSet<String> = missing.groups.union(&missing.heirs).cloned().collect();
        lost.extend(missing.shrunk.keys().chain(missing.mute.keys()).cloned());
        if disappeared {
            // Where the name of one was changed, by mistake or not, the new name may have nobody: it keeps its people, too.
            lost.extend(empty);
        }
        Keep::These(targets_of(&lost, &missing.additional, started, world))
    };
    if nobody {
        say_nobody(started, log);
    } else if !absent.is_empty() {
        say_absent(&absent, log);
    }
    if let Some(fewer) = missing.fewer {
        say_fewer(fewer, log);
        // Which is why groups have, too.
        missing.shrunk.clear();
        missing.additional.clear();
    }
    if broken_rows > 0 {
        say_broken(broken_rows, log);
    }
    if let Some(unlisted) = missing.unlisted {
        say_unlisted(unlisted, log);
    }
    say_parts(&missing.parts, log);
    if disappeared {
        say_disappeared(&missing, blind, log);
    }
    let left = if doubt.hold {
        ", and Adobe-only users are left alone"
    } else {
        ""
    };
    say_groups(&missing, left, log);
    Ok(doubt)
}

fn open(folder: &Path, started: &Started, organization: &str, log: &Log) -> Result<Memory, Refused> {
    let kind = started.options.connector.name();
    let least = match started.file.own.min_directory_users {
        Some(Limit::Percent(percent)) => Some(percent),
        _ => None,
    };
    Memory::open(folder, &started.path, kind, organization, least).map_err(|error| {
        log.critical(
            "main",
            "state-unreadable",
            format_args!(
                "What earlier runs saw cannot be read: {error}; repair or remove the file in `{}`",
                folder.display()
            ),
        );
        Refused::Unreadable
    })
}

/// Refuses the whole run where there are fewer people than `min_directory_users` asks for.
fn refuse_too_few(started: &Started, now: &Seen, missing: &Missing, log: &Log) -> Result<(), Refused> {
    let people = now.selection.people;
    let Accepted { empty, fewer } = started.accepted;
    let accepted = fewer || (empty && people == 0);
    let (shown, wanted, way_out) = match (started.file.own.min_directory_users, missing.fewer) {
        (Some(Limit::Number(number)), _) if i64::try_from(people).is_ok_and(|people| people < number) => (
            people,
            number.to_string(),
            "If so few are meant, change `min_directory_users`",
        ),
        (Some(Limit::Percent(percent)), Some(fewer))
            if !accepted && is_below(fewer.before, fewer.now, percent) =>
        {
            (
                fewer.now,
                format!("{percent}% of the {} of an earlier run", fewer.before),
                "If so many have left, run once with --accept-fewer",
            )
        }
        _ => return Ok(()),
    };
    log.critical(
        LOGGER,
        "too-few-people",
        format_args!(
            "The directory shows {shown} people, which is less than `min_directory_users` asks for: {wanted}; nothing was sent. \
             {way_out}"
        ),
    );
    Err(Refused::TooFew)
}

/// Whether it is rather a mistake that nobody is selected: the options or the mapping select people by name, which may be
/// mistyped, or they found somebody in an earlier run. Of a source without anybody this is said in other words.
fn nobody_is_selected(started: &Started, now: &Seen, memory: Option<&Memory>, missing: &Missing) -> bool {
    let options = &started.options;
    if now.selection.people > 0 || missing.source || !options.takes_from_the_left_over() {
        return false;
    }
    let known = memory.and_then(|memory| memory.selected(&now.selection));
    let by_name = options.user_filter.is_some()
        || match options.users {
            Users::All => false,
            // Of a mapping without groups it is said in other words.
            Users::Mapped => !started.file.mapping.is_empty(),
            Users::Groups(_) => true,
        };
    let expected = match known {
        Some(people) => people > 0,
        None => by_name,
    };
    expected && !started.accepted.empty
}

/// Groups of `--users group` that nobody is in while others have people: a name may be mistyped. It is no matter where nobody
/// loses anything by not being selected, and none where somebody has said so of the same groups.
fn absent_groups(started: &Started, now: &Seen, memory: Option<&Memory>) -> BTreeSet<String> {
    let selection = &now.selection;
    if selection.people == 0 || started.accepted.empty || !started.options.takes_from_the_left_over() {
        return BTreeSet::new();
    }
    let meant = memory.and_then(|memory| memory.accepted_as_empty(selection));
    match meant {
        Some(meant) => selection.empty.difference(meant).cloned().collect(),
        None => selection.empty.clone(),
    }
}

/// Leaves out what somebody has accepted, and what takes nothing from anybody.
fn leave_out(missing: &mut Missing, started: &Started, now: &Seen, memory: Option<&Memory>) {
    let options = &started.options;
    let Accepted { empty, fewer } = started.accepted;
    // Where people who are not listed lose nothing, a list of less than half of them is one of several, or of those who have
    // changed: that nobody in a group is among them means nothing, unless many of so many people would be.
    let is_half = |fewer: Fewer| fewer.now < fewer.before / 2;
    let is_part = missing.fewer.is_some_and(is_half) && !options.takes_from_the_left_over();
    if is_part && let Some(memory) = memory {
        missing.groups.retain(|name| memory.lacks_even_in_part(name, now));
        missing
            .renamed
            .retain(|name| memory.lacks_even_in_part(name, now));
        missing
            .shrunk
            .retain(|name, _| memory.lacks_even_in_part(name, now));
    }
    if empty {
        missing.groups.clear();
        missing.renamed.clear();
        missing.source = false;
        missing.parts.clear();
    }
    if missing.renamed.is_empty() {
        missing.heirs.clear();
    }
    if fewer || !options.process_groups {
        missing.additional.clear();
    }
    if fewer {
        missing.shrunk.clear();
        missing.mute.clear();
    }
    if fewer || now.selection.people == 0 || !options.takes_from_the_left_over() {
        missing.fewer = None;
    }
    if fewer || !options.takes_from_the_left_over() {
        missing.unlisted = None;
    }
    let by_group = options.users != Users::All && options.takes_from_the_left_over();
    let matters = |name: &String| {
        let leads_somewhere = now.mapped.get(name).is_some_and(|targets| !targets.is_empty());
        by_group || (options.process_groups && leads_somewhere)
    };
    missing.shrunk.retain(|name, _| matters(name));
    missing.mute.retain(|name, _| matters(name));
    // A group that is only named by the options matters where it selects people.
    let is_mapped = |name: &String| started.file.mapping.iter().any(|(mapped, _)| mapped == name);
    missing.groups.retain(|name| by_group || is_mapped(name));
}

impl Doubt {
    /// Whether something is withheld.
    pub(crate) fn any(&self) -> bool {
        let kept = match &self.keep {
            Keep::All => true,
            Keep::These(targets) => !targets.is_empty(),
        };
        self.hold || kept
    }

    /// Remembers what was seen as far as it is more than ever before. A rehearsal is not remembered.
    pub(crate) fn record_more(&mut self, test_mode: bool, log: &Log) {
        let memory = self.memory.as_mut().filter(|_| !test_mode);
        if let Some(Err(error)) = memory.map(|memory| memory.record_more(&self.now)) {
            say_unwritten(&error, log);
        }
    }

    /// Remembers what was seen. A rehearsal is not remembered.
    pub(crate) fn record(&self, test_mode: bool, log: &Log) {
        let Some(memory) = self.memory.as_ref().filter(|_| !test_mode) else {
            return;
        };
        if let Err(error) = memory.record(&self.now, self.accepted) {
            say_unwritten(&error, log);
        }
    }

    /// Says so where what this run saw could not be remembered, without trying it.
    pub(crate) fn say_barred(&self, log: &Log) {
        if let Some(why) = self.memory.as_ref().and_then(Memory::barred) {
            say_unwritten(&why, log);
        }
    }
}

fn say_unwritten(why: &dyn std::fmt::Display, log: &Log) {
    log.warning(
        "main",
        "state-not-written",
        format_args!(
            "What this run saw cannot be remembered: {why}; until it can, an empty directory or mapped group takes nothing \
             away; set ROSTER_STATE_DIR to a folder that can be written"
        ),
    );
}

fn listed<'n>(names: impl IntoIterator<Item = &'n String>) -> String {
    let names: Vec<String> = names.into_iter().map(|name| format!("'{name}'")).collect();
    names.join(", ")
}

fn say_nobody(started: &Started, log: &Log) {
    let options = &started.options;
    let what = match (&options.user_filter, &options.users) {
        (Some(filter), _) => format!("Nobody fits `--user-filter {}`", filter.as_str()),
        (None, Users::Groups(names)) => {
            format!("Nobody is in the group(s) of `--users group {}`", names.join(","))
        }
        (None, Users::Mapped) if !started.file.mapping.is_empty() => {
            "Nobody is in any mapped directory group (`--users mapped`)".to_owned()
        }
        _ => "Nobody of the directory is selected, and somebody was in an earlier run".to_owned(),
    };
    log.error(
        LOGGER,
        "selection-empty",
        format_args!(
            "{what}, so that everybody at Adobe would be Adobe-only. Nobody is taken out of any group, and Adobe-only users are \
             left alone. If it is meant, run once with --accept-empty"
        ),
    );
}

fn say_absent(groups: &BTreeSet<String>, log: &Log) {
    log.error(
        LOGGER,
        "selection-empty",
        format_args!(
            "Nobody is in these groups of `--users group`: {}; if a name is mistyped, people of the right group would be \
             Adobe-only. Nobody is taken out of any group, and Adobe-only users are left alone. If it is meant, run once with \
             --accept-empty",
            listed(groups)
        ),
    );
}

fn say_fewer(fewer: Fewer, log: &Log) {
    let Fewer { before, now } = fewer;
    log.error(
        LOGGER,
        "source-shrunk",
        format_args!(
            "The directory shows {now} people and showed {before} in an earlier run, {} fewer; it may not be whole. Nobody is taken \
             out of any group, and Adobe-only users are left alone; people are added and updated. If so many have left, run \
             once with --accept-fewer",
            before.saturating_sub(now)
        ),
    );
}

fn say_broken(rows: usize, log: &Log) {
    log.error(
        LOGGER,
        "rows-too-long",
        format_args!(
            "{rows} row(s) have more cells than the header and were left out, so that nobody knows who is missing. Nobody is taken \
             out of any group, and Adobe-only users are left alone; people of the other rows are added and updated. Put cells \
             with delimiters in them into quotes, or name every column in the header"
        ),
    );
}

fn say_unlisted(unlisted: Fewer, log: &Log) {
    let Fewer { before, now } = unlisted;
    log.error(
        LOGGER,
        "source-unlisted",
        format_args!(
            "The organization that people are read from counts {before} people and shows {now}; it may not be whole. Nobody is \
             taken out of any group, and Adobe-only users are left alone; people are added and updated. If the others are \
             technical accounts, which Adobe counts and does not show, run once with --accept-fewer"
        ),
    );
}

fn say_parts(parts: &BTreeSet<String>, log: &Log) {
    if parts.is_empty() {
        return;
    }
    log.error(
        LOGGER,
        "source-elsewhere",
        format_args!(
            "The server says that others hold part(s) of the directory of which earlier runs did not hear that: {}. Those who \
             are there were not read, so nobody is taken out of any group, and Adobe-only users are left alone. If it is \
             meant, run once with --accept-empty",
            listed(parts)
        ),
    );
}

fn say_disappeared(missing: &Missing, blind: bool, log: &Log) {
    let Missing {
        source,
        groups,
        renamed,
        ..
    } = missing;
    if blind {
        let what = if *source {
            "The directory is empty".to_owned()
        } else {
            format!("Nobody is in directory group(s) {}", listed(groups))
        };
        log.error(
            LOGGER,
            "source-unremembered",
            format_args!(
                "{what}, and whether that was so in earlier runs is not known, because nothing can be remembered between runs. \
                 Nobody is taken out of what is mapped from there, and Adobe-only users are left alone. Set ROSTER_STATE_DIR to \
                 a folder that can be written; if it is meant, run with --accept-empty"
            ),
        );
        return;
    }
    let what = if *source {
        "The directory had people in an earlier run and is empty now".to_owned()
    } else if groups.is_empty() {
        format!(
            "Directory group(s) that had members in an earlier run are not in the mapping any more, and what is new in it and \
             leads to the same has nobody, or far fewer: {}",
            listed(renamed)
        )
    } else {
        format!(
            "Directory group(s) had members in an earlier run and have none now: {}",
            listed(groups.union(renamed))
        )
    };
    log.error(
        LOGGER,
        "source-disappeared",
        format_args!(
            "{what}. Nobody is taken out of what is mapped from there, and Adobe-only users are left alone. {}If it is meant, run \
             once with --accept-empty",
            if *source { "" } else { "If a group has another name now, put that into the mapping. " }
        ),
    );
}

fn say_groups(missing: &Missing, left: &str, log: &Log) {
    let said = |names: &BTreeMap<String, Fewer>| {
        let names = names.iter().map(|(name, fewer)| {
            let Fewer { before, now } = fewer;
            format!("'{name}' ({now}, before {before})")
        });
        names.collect::<Vec<_>>().join(", ")
    };
    if !missing.shrunk.is_empty() {
        log.error(
            LOGGER,
            "group-shrunk",
            format_args!(
                "Directory group(s) have far fewer members than in an earlier run: {}. Nobody is taken out of what is mapped from \
                 there{left}. If it is meant, run once with --accept-fewer",
                said(&missing.shrunk)
            ),
        );
    }
    if !missing.additional.is_empty() {
        log.error(
            LOGGER,
            "group-shrunk",
            format_args!(
                "Group(s) of `additional_groups` have far fewer members than in an earlier run: {}. Nobody is taken out of what they \
                 lead to. If it is meant, run once with --accept-fewer",
                said(&missing.additional)
            ),
        );
    }
    for (name, groups) in &missing.mute {
        log.error(
            LOGGER,
            "nested-group-mute",
            format_args!(
                "Group(s) in '{name}' showed members in an earlier run and show none now, or are not shown themselves: {}. Nobody is \
                 taken out of what is mapped from '{name}'{left}. If it is meant, run once with --accept-fewer; hint: let \
                 `username` read them",
                listed(groups)
            ),
        );
    }
}

fn targets_of(
    groups: &BTreeSet<String>,
    additional: &BTreeMap<String, Fewer>,
    started: &Started,
    world: &World,
) -> BTreeSet<TargetId> {
    let mapped = started
        .file
        .mapping
        .iter()
        .filter(|(name, _)| groups.contains(name));
    let rules = &started.file.additional;
    let more = additional
        .keys()
        .flat_map(|name| rules.iter().filter_map(|rule| rule.leads_to(name)));
    let adobe = mapped.flat_map(|(_, groups)| groups).cloned().chain(more);
    let all: BTreeSet<(u16, String)> = adobe
        .map(|group| {
            let organization = position(&started.secondaries, group.organization.as_deref());
            (
                organization,
                roster_core::value::Key::new(&group.name).into_string(),
            )
        })
        .collect();
    let targets = world
        .targets
        .iter()
        .filter(|(_, target)| all.contains(&(target.organization, world.texts.get(target.key).to_owned())));
    targets.map(|(id, _)| id).collect()
}

/// The mapped groups that were asked for and have nobody, where groups matter.
fn empty_groups(started: &Started, now: &Seen) -> BTreeSet<String> {
    if !started.options.process_groups && started.options.users != Users::Mapped {
        return BTreeSet::new();
    }
    let names = started.file.mapping.iter().map(|(name, _)| name);
    names
        .filter(|name| now.members.get(*name) == Some(&0))
        .cloned()
        .collect()
}

/// Without anything remembered an empty source is taken at its word, as ever; it is worth a line.
fn warn_about_emptiness(started: &Started, now: &Seen, log: &Log) {
    if !now.people {
        log.warning(
            LOGGER,
            "directory-empty",
            "The directory has no users: everybody at Adobe is Adobe-only",
        );
        return;
    }
    let empty = empty_groups(started, now);
    if !empty.is_empty() {
        let names: Vec<String> = empty.into_iter().collect();
        log.warning(
            LOGGER,
            "directory-group-empty",
            format_args!("Nobody is in these mapped directory groups: {}", names.join(", ")),
        );
    }
}
