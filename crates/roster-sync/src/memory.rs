//! What earlier runs saw, so that people who cannot be seen any more are not mistaken for people who left.
//!
//! For each main file, kind of directory and organization there is one small file. It says how many people each selection
//! had, how many members the mapped directory groups had, which groups were in them, and which parts of the directory
//! other servers hold. It names nobody. What has got lost stays in it until somebody says that it is meant.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::read::Within;

/// The form of the file.
const FORMAT: u64 = 2;

/// So many selections are remembered, the latest ones: a filter may be another one in every run.
const SELECTIONS: usize = 100;

/// What a run saw.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seen {
    /// Whether the directory had any people, selected or not.
    pub(crate) people: bool,
    /// The groups of the mapping, and where they lead to.
    pub(crate) mapped: BTreeMap<String, BTreeSet<String>>,
    /// How many members they had: those of them that were asked for.
    pub(crate) members: BTreeMap<String, usize>,
    /// What was met in them, where groups are in groups.
    pub(crate) within: BTreeMap<String, Within>,
    /// The parts of the directory that other servers hold, by name.
    pub(crate) elsewhere: BTreeSet<String>,
    /// Whether this run asked for everybody: one that asks for less may not meet all of these parts.
    pub(crate) everybody: bool,
    /// Who was selected.
    pub(crate) selection: Selected,
}

/// How many people were selected.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Selected {
    /// The options that say who.
    pub(crate) options: String,
    /// The groups that are selected by being in the mapping.
    pub(crate) groups: BTreeSet<String>,
    /// How many there were.
    pub(crate) people: usize,
}

/// What is kept.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Earlier {
    format: u64,
    /// Of what it is, for people who look.
    of: String,
    pub(crate) people: bool,
    groups: BTreeMap<String, Group>,
    /// `None` before the first run.
    elsewhere: Option<BTreeSet<String>>,
    /// The latest is the last one.
    selections: Vec<Selected>,
}

/// A mapped directory group.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Group {
    members: usize,
    leads_to: BTreeSet<String>,
    /// Groups in it.
    within: BTreeSet<String>,
}

/// A number of people, before and now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fewer {
    pub(crate) before: usize,
    pub(crate) now: usize,
}

/// What has got lost.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Missing {
    /// The whole source.
    pub(crate) source: bool,
    /// Mapped groups without members.
    pub(crate) groups: BTreeSet<String>,
    /// Groups that had members and are not mapped any more, while a new one that leads to the same has none: a name was
    /// mistyped.
    pub(crate) renamed: BTreeSet<String>,
    /// Parts of the directory that other servers hold now, and did not before.
    pub(crate) parts: BTreeSet<String>,
    /// Groups in mapped groups that do not show their members any more.
    pub(crate) mute: BTreeMap<String, BTreeSet<String>>,
    /// Mapped groups with far fewer members.
    pub(crate) shrunk: BTreeMap<String, Fewer>,
    /// Far fewer people are selected.
    pub(crate) fewer: Option<Fewer>,
}

/// What somebody has said to be meant.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Accepted {
    /// That nobody is there (`--accept-empty`).
    pub(crate) empty: bool,
    /// That far fewer are (`--accept-fewer`).
    pub(crate) fewer: bool,
}

/// Whether a group has lost so many members that it is rather an accident: more than a third of them, and more than three.
pub(crate) fn is_shrunk(before: usize, now: usize) -> bool {
    let gone = before.saturating_sub(now);
    gone > 3 && gone > before / 3
}

/// The same of a whole directory, which changes less: more than a tenth, and more than ten, is enough. Where somebody has set
/// how many there have to be at `least`, as a share of those before, that is what counts.
#[expect(clippy::cast_precision_loss, reason = "numbers of people are far below 2^52")]
pub(crate) fn is_far_fewer(before: usize, now: usize, least: Option<f64>) -> bool {
    if let Some(percent) = least {
        return (now as f64) * 100.0 < before as f64 * percent;
    }
    let gone = before.saturating_sub(now);
    is_shrunk(before, now) || (gone > 10 && gone > before / 10)
}

/// The file of one main file, kind of directory and organization.
#[derive(Debug)]
pub(crate) struct Memory {
    path: PathBuf,
    /// What earlier runs saw.
    pub(crate) earlier: Earlier,
    /// Whether it is known what earlier runs saw: one of them was recorded, or this one can be.
    pub(crate) works: bool,
    /// The share of the people before that has to be there.
    least: Option<f64>,
}

impl Memory {
    /// Reads what earlier runs with the main file `configuration` saw of a `kind` of directory for an `organization`. Where
    /// a CSV file lies and what it is called does not matter: exports have a date in their names. `least` is the share of the
    /// people before, in percent, that has to be there, if it is set.
    ///
    /// # Errors
    ///
    /// A file that is there and cannot be read: to go on as if nothing had been recorded would undo its purpose.
    pub(crate) fn open(
        folder: &Path,
        configuration: &Path,
        kind: &str,
        organization: &str,
        least: Option<f64>,
    ) -> io::Result<Self> {
        let main = fs::canonicalize(configuration).unwrap_or_else(|_| configuration.to_owned());
        let of = format!("{}\n{kind}\n{organization}", main.display());
        let path = folder.join(format!("sync-{:016x}.seen", crate::lock::digest(of.as_bytes())));
        let earlier = match fs::read_to_string(&path) {
            Ok(text) => serde_json::from_str(&text)
                .ok()
                .filter(|earlier: &Earlier| earlier.format == FORMAT)
                .ok_or_else(|| {
                    io::Error::new(
                        io::ErrorKind::InvalidData,
                        format!("`{}` is damaged, or of another version", path.display()),
                    )
                })?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Earlier {
                format: FORMAT,
                of,
                ..Earlier::default()
            },
            Err(error) => return Err(error),
        };
        let mut memory = Self {
            path,
            works: false,
            earlier,
            least,
        };
        memory.works = memory.can_be_written();
        Ok(memory)
    }

    /// Whether this run can be recorded.
    fn can_be_written(&self) -> bool {
        let beside = self.path.with_extension("new");
        let folder = self.path.parent().map_or(Ok(()), fs::create_dir_all);
        folder
            .and_then(|()| fs::File::create(&beside)?.write_all(b"{}"))
            .and_then(|()| fs::remove_file(&beside))
            .is_ok()
    }

    /// What has got lost since earlier runs.
    pub(crate) fn missing(&self, now: &Seen) -> Missing {
        let earlier = &self.earlier;
        let mut missing = Missing {
            source: earlier.people && !now.people,
            renamed: earlier.renamed(now),
            fewer: earlier.fewer(&now.selection, self.least),
            ..Missing::default()
        };
        if let Some(known) = &earlier.elsewhere {
            missing.parts = now.elsewhere.difference(known).cloned().collect();
        }
        for (name, group) in &earlier.groups {
            let Some(&members) = now.members.get(name) else {
                continue;
            };
            if members == 0 && group.members > 0 {
                missing.groups.insert(name.clone());
                continue;
            }
            let before = group.members;
            if is_shrunk(before, members + earlier.have_left(now)) {
                missing
                    .shrunk
                    .insert(name.clone(), Fewer { before, now: members });
            }
            let mute = group.mute(now.within.get(name));
            if !mute.is_empty() {
                missing.mute.insert(name.clone(), mute);
            }
        }
        missing
    }

    /// How many people the same selection had in an earlier run.
    pub(crate) fn selected(&self, selection: &Selected) -> Option<usize> {
        self.earlier.selection(selection).map(|earlier| earlier.people)
    }

    /// Records a run. What has got lost stays recorded unless that was `accepted`.
    pub(crate) fn record(&self, now: &Seen, accepted: Accepted) -> io::Result<()> {
        let next = self.earlier.after(now, accepted, self.least);
        if next == self.earlier {
            return Ok(());
        }
        if let Some(folder) = self.path.parent() {
            fs::create_dir_all(folder)?;
        }
        let beside = self.path.with_extension("new");
        let mut file = fs::File::create(&beside)?;
        file.write_all(&serde_json::to_vec(&next)?)?;
        file.sync_all()?;
        fs::rename(&beside, &self.path)
    }
}

impl Earlier {
    /// Groups that were lost by a mistyped name.
    fn renamed(&self, now: &Seen) -> BTreeSet<String> {
        let new = now
            .mapped
            .iter()
            .filter(|(name, _)| !self.groups.contains_key(*name) && now.members.get(*name) == Some(&0));
        let new: BTreeSet<&String> = new.flat_map(|(_, leads_to)| leads_to).collect();
        let lost = self.groups.iter().filter(|(name, group)| {
            let same = group.leads_to.iter().any(|target| new.contains(target));
            group.members > 0 && !now.mapped.contains_key(*name) && same
        });
        lost.map(|(name, _)| name.clone()).collect()
    }

    /// The same selection in an earlier run; `None` where there is none, or one of its groups is not mapped any more.
    fn selection(&self, now: &Selected) -> Option<&Selected> {
        let same = |earlier: &&Selected| earlier.options == now.options;
        let found = self.selections.iter().find(same);
        found.filter(|earlier| earlier.groups.is_subset(&now.groups))
    }

    fn fewer(&self, now: &Selected, least: Option<f64>) -> Option<Fewer> {
        let before = self.selection(now)?.people;
        is_far_fewer(before, now.people, least).then_some(Fewer {
            before,
            now: now.people,
        })
    }

    /// How many people may be missing of a group because they have left altogether, which is judged for itself; nobody where
    /// being in a group is what selects people.
    fn have_left(&self, now: &Seen) -> usize {
        let before = self.selection(&now.selection).filter(|_| now.everybody);
        before.map_or(0, |before| before.people.saturating_sub(now.selection.people))
    }

    /// What is to be remembered after a run.
    fn after(&self, now: &Seen, accepted: Accepted, least: Option<f64>) -> Self {
        let mut next = Self {
            people: now.people || (self.people && !accepted.empty),
            elsewhere: Some(self.elsewhere_after(now, accepted)),
            ..self.clone()
        };
        let renamed = self.renamed(now);
        next.groups = BTreeMap::new();
        let kept =
            |name: &&String| now.mapped.contains_key(*name) || (renamed.contains(*name) && !accepted.empty);
        for (name, group) in self.groups.iter().filter(|(name, _)| kept(name)) {
            next.groups.insert(name.clone(), group.clone());
        }
        for (name, &members) in &now.members {
            let leads_to = now.mapped.get(name).cloned().unwrap_or_default();
            let earlier = self.groups.get(name);
            if earlier.is_none() && members == 0 && !renamed.is_empty() && !accepted.empty {
                // It would not be new any more.
                continue;
            }
            let earlier = earlier.cloned().unwrap_or_default();
            let mut within = now
                .within
                .get(name)
                .map_or_else(|| earlier.within.clone(), |within| within.groups.clone());
            if !accepted.fewer {
                within.extend(earlier.mute(now.within.get(name)));
            }
            let before = earlier.members;
            let lost = if members == 0 {
                before > 0 && !accepted.empty
            } else {
                is_shrunk(before, members + self.have_left(now)) && !accepted.fewer
            };
            let group = Group {
                members: if lost { before } else { members },
                leads_to,
                within: if members == 0 && lost {
                    earlier.within
                } else {
                    within
                },
            };
            next.groups.insert(name.clone(), group);
        }
        next.selections = self.selections_after(&now.selection, accepted, least);
        next
    }

    fn elsewhere_after(&self, now: &Seen, accepted: Accepted) -> BTreeSet<String> {
        let Some(earlier) = &self.elsewhere else {
            return now.elsewhere.clone();
        };
        // A part that has come back may get lost again.
        let still = earlier
            .iter()
            .filter(|part| !now.everybody || now.elsewhere.contains(*part));
        let new = now.elsewhere.iter().filter(|_| accepted.empty);
        still.chain(new).cloned().collect()
    }

    fn selections_after(&self, now: &Selected, accepted: Accepted, least: Option<f64>) -> Vec<Selected> {
        let known = self.selection(now);
        let others = self
            .selections
            .iter()
            .filter(|other| other.options != now.options);
        let mut all: Vec<Selected> = others.cloned().collect();
        all.drain(..(all.len() + 1).saturating_sub(SELECTIONS));
        let lost = match known {
            _ if now.people == 0 && accepted.empty => false,
            None => now.people == 0,
            Some(known) if now.people == 0 => known.people > 0,
            Some(known) => is_far_fewer(known.people, now.people, least) && !accepted.fewer,
        };
        all.extend(if lost { known.cloned() } else { Some(now.clone()) });
        all
    }
}

impl Group {
    /// The groups in it that have become mute.
    fn mute(&self, within: Option<&Within>) -> BTreeSet<String> {
        let mute = within.map(|within| self.within.intersection(&within.mute).cloned());
        mute.into_iter().flatten().collect()
    }
}

#[cfg(test)]
mod tests;
