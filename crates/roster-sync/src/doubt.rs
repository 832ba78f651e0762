//! When a source has lost what it had before: what is withheld then, and what people are told.

use std::collections::BTreeSet;

use roster_core::plan::World;
use roster_core::plan::people::TargetId;

use crate::log::Log;
use crate::memory::{Memory, Missing, Seen};
use crate::options::{Connector, Users};
use crate::run::{End, Surroundings};
use crate::select::position;
use crate::start::Started;

/// What a run may not take away.
#[derive(Debug, Default)]
pub(crate) struct Doubt {
    memory: Option<Memory>,
    now: Seen,
    accepted: bool,
    /// Groups that nobody is taken out of.
    pub(crate) keep: BTreeSet<TargetId>,
    /// Whether Adobe-only accounts are left alone.
    pub(crate) hold: bool,
}

/// Compares what was read with what earlier runs saw. Where nothing was recorded because nothing can be, whatever is empty
/// may have had people, and counts as lost.
pub(crate) fn look(
    started: &Started,
    surroundings: &Surroundings,
    now: Seen,
    world: &World,
    log: &Log,
) -> Result<Doubt, End> {
    warn_about_emptiness(started, &now, log);
    let memory = match &surroundings.state_folder {
        None => None,
        Some(folder) => {
            let memory = Memory::open(folder, &started.path, &source(started)).map_err(|error| {
                log.critical(
                    "main",
                    "state-unreadable",
                    format_args!(
                        "What earlier runs saw cannot be read: {error}; repair or remove the file in `{}`",
                        folder.display()
                    ),
                );
                End::Failed
            })?;
            Some(memory)
        }
    };
    let blind = memory.as_ref().is_none_or(|memory| !memory.works);
    let empty = empty_groups(started, &now);
    let known = memory.as_ref().map(|memory| memory.missing(&now));
    let mut missing = known.unwrap_or_default();
    if blind {
        // What was recorded before that stopped may be old: a group may have got its people since.
        missing.source |= !now.people;
        missing.groups.extend(empty.iter().cloned());
    }
    let accepted = started.accept_empty;
    let mut doubt = Doubt {
        memory,
        now,
        accepted,
        ..Doubt::default()
    };
    if missing == Missing::default() || accepted {
        return Ok(doubt);
    }
    let Missing {
        source,
        groups,
        parts,
    } = missing;
    doubt.hold = true;
    doubt.keep = if started.extension.is_some() || !parts.is_empty() {
        // What a hook makes of a group that is missing nobody knows, nor which groups those are in who were not read.
        world.targets.iter().map(|(id, _)| id).collect()
    } else {
        // Where the name of one was changed, by mistake or not, the new name may have nobody: it keeps its people, too.
        let lost = groups.union(&empty).cloned().collect();
        targets_of(&lost, started, world)
    };
    let listed = |names: &BTreeSet<String>| {
        let names: Vec<String> = names.iter().map(|name| format!("'{name}'")).collect();
        names.join(", ")
    };
    if !parts.is_empty() {
        log.error(
            "processor",
            "source-elsewhere",
            format_args!(
                "The server says that others hold part(s) of the directory of which earlier runs did not hear that: {}. Those who \
                 are there were not read, so nobody is taken out of any group, and Adobe-only users are left alone. If it is \
                 meant, run once with --accept-empty",
                listed(&parts)
            ),
        );
    }
    if !source && groups.is_empty() {
        return Ok(doubt);
    }
    if blind {
        let what = if source {
            "The directory is empty".to_owned()
        } else {
            format!("Nobody is in directory group(s) {}", listed(&groups))
        };
        log.error(
            "processor",
            "source-unremembered",
            format_args!(
                "{what}, and whether that was so in earlier runs is not known, because nothing can be remembered between runs. \
                 Nobody is taken out of what is mapped from there, and Adobe-only users are left alone. Set ROSTER_STATE_DIR to \
                 a folder that can be written; if it is meant, run with --accept-empty"
            ),
        );
        return Ok(doubt);
    }
    let what = if source {
        "The directory had people in an earlier run and is empty now".to_owned()
    } else {
        format!(
            "Directory group(s) had members in an earlier run and have none now: {}",
            listed(&groups)
        )
    };
    log.error(
        "processor",
        "source-disappeared",
        format_args!(
            "{what}. Nobody is taken out of what is mapped from there, and Adobe-only users are left alone. If it is meant, \
             run once with --accept-empty"
        ),
    );
    Ok(doubt)
}

impl Doubt {
    /// Whether something is withheld.
    pub(crate) fn any(&self) -> bool {
        self.hold || !self.keep.is_empty()
    }

    /// Remembers what was seen. A rehearsal is not remembered.
    pub(crate) fn record(&self, test_mode: bool, log: &Log) {
        let Some(memory) = self.memory.as_ref().filter(|_| !test_mode) else {
            return;
        };
        if let Err(error) = memory.record(&self.now, self.accepted) {
            log.warning(
                "main",
                "state-not-written",
                format_args!(
                    "What this run saw cannot be remembered: {error}; until it can, an empty directory or mapped group takes nothing \
                     away; set ROSTER_STATE_DIR to a folder that can be written"
                ),
            );
        }
    }
}

/// Tells sources of one main file apart.
fn source(started: &Started) -> String {
    match &started.options.connector {
        Connector::Csv(file) => {
            let file = std::path::absolute(file).unwrap_or_else(|_| file.clone());
            format!("csv {}", file.display())
        }
        other => other.name().to_owned(),
    }
}

fn targets_of(groups: &BTreeSet<String>, started: &Started, world: &World) -> BTreeSet<TargetId> {
    let mapped = started
        .file
        .mapping
        .iter()
        .filter(|(name, _)| groups.contains(name));
    let adobe = mapped.flat_map(|(_, groups)| groups);
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
        .filter(|name| !now.groups.contains(*name) && !now.not_asked.contains(*name))
        .cloned()
        .collect()
}

/// Without anything remembered an empty source is taken at its word, as ever; it is worth a line.
fn warn_about_emptiness(started: &Started, now: &Seen, log: &Log) {
    if !now.people {
        log.warning(
            "processor",
            "directory-empty",
            "The directory has no users: everybody at Adobe is Adobe-only",
        );
        return;
    }
    let empty = empty_groups(started, now);
    if !empty.is_empty() {
        let names: Vec<String> = empty.into_iter().collect();
        log.warning(
            "processor",
            "directory-group-empty",
            format_args!("Nobody is in these mapped directory groups: {}", names.join(", ")),
        );
    }
}
