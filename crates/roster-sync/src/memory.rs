//! What earlier runs saw, so that people who cannot be seen any more are not mistaken for people who left.
//!
//! For each main file, kind of directory and organization there is one small file. It says how many people each selection
//! had, how many members the mapped directory groups had, which groups were in them, and which parts of the directory
//! other servers hold. It names nobody. What has got lost stays in it until somebody says that it is meant.

mod additional;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use additional::Additional;

use crate::read::{Entries, Within, ldap};
use crate::whole::{read_if_there, write_whole};

/// The form of the file.
const FORMAT: u64 = 2;

/// So many selections are remembered: a filter may be another one in every run. Those with the fewest people give way.
const SELECTIONS: usize = 500;

/// What a run saw.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seen {
    /// Whether the directory had any people, selected or not.
    pub(crate) people: bool,
    /// The groups of the mapping, and where they lead to.
    pub(crate) mapped: BTreeMap<String, BTreeSet<String>>,
    /// How many members they had: those of them that were asked for.
    pub(crate) members: BTreeMap<String, usize>,
    /// How many members the groups had that select people by name.
    pub(crate) named: BTreeMap<String, usize>,
    /// What was met in them, where groups are in groups.
    pub(crate) within: BTreeMap<String, Within>,
    /// How many entries the source counts and shows.
    pub(crate) entries: Entries,
    /// How many rows of a file were left out because they cannot be understood.
    pub(crate) broken_rows: usize,
    /// The parts of the directory that other servers hold, by name.
    pub(crate) elsewhere: BTreeSet<String>,
    /// Whether this run asked for everybody: one that asks for less may not meet all of these parts.
    pub(crate) everybody: bool,
    /// Who was selected.
    pub(crate) selection: Selected,
    /// How many of those who were read are in each group that `additional_groups` leads somewhere.
    pub(crate) additional: BTreeMap<String, usize>,
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
    /// The options without the filter.
    #[serde(default)]
    pub(crate) asked_for: String,
    /// How many people the filter chose from.
    #[serde(default)]
    pub(crate) read: usize,
    /// Groups that the options name and nobody is in: now, or because somebody has said that it is meant.
    #[serde(default)]
    pub(crate) empty: BTreeSet<String>,
    /// Where this was kept before `Earlier` had it.
    #[serde(default, skip_serializing)]
    pub(crate) additional: BTreeMap<String, usize>,
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
    /// How many entries the source counts and does not show, of which nobody needs to be told any more.
    #[serde(default)]
    unlisted: usize,
    /// The latest is the last one.
    selections: Vec<Selected>,
    /// By the options without the filter: whatever that chooses, the same people are read.
    #[serde(default)]
    additional: BTreeMap<String, Additional>,
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
    /// Groups that had members and are not mapped any more, while a new one that leads to the same has none, or far fewer: a
    /// name was mistyped.
    pub(crate) renamed: BTreeSet<String>,
    /// What is mapped in the place of those.
    pub(crate) heirs: BTreeSet<String>,
    /// Parts of the directory that other servers hold now, and did not before.
    pub(crate) parts: BTreeSet<String>,
    /// Groups in mapped groups that do not show their members any more.
    pub(crate) mute: BTreeMap<String, BTreeSet<String>>,
    /// Mapped groups with far fewer members.
    pub(crate) shrunk: BTreeMap<String, Fewer>,
    /// Groups of `additional_groups` that far fewer people are in, or nobody.
    pub(crate) additional: BTreeMap<String, Fewer>,
    /// Far fewer people are selected.
    pub(crate) fewer: Option<Fewer>,
    /// Far fewer entries are shown than the source counts.
    pub(crate) unlisted: Option<Fewer>,
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
/// how many there have to be at `least`, as a share of those before in percent, fewer are too few as well.
pub(crate) fn is_far_fewer(before: usize, now: usize, least: Option<f64>) -> bool {
    let gone = before.saturating_sub(now);
    is_shrunk(before, now)
        || (gone > 10 && gone > before / 10)
        || least.is_some_and(|percent| is_below(before, now, percent))
}

/// How many of so many people may be missing because people have left altogether: as large a part of them as of all.
fn share(of: usize, before: usize, now: usize) -> usize {
    let gone = before.saturating_sub(now);
    if gone == 0 {
        return 0;
    }
    of.saturating_mul(gone).div_ceil(before).min(gone)
}

/// Whether there are fewer than so many percent of those before.
#[expect(clippy::cast_precision_loss, reason = "numbers of people are far below 2^52")]
pub(crate) fn is_below(before: usize, now: usize, percent: f64) -> bool {
    (now as f64) * 100.0 < before as f64 * percent
}

/// The file of one main file, kind of directory and organization.
#[derive(Debug)]
pub(crate) struct Memory {
    path: PathBuf,
    /// What earlier runs saw.
    pub(crate) earlier: Earlier,
    /// Why this run cannot be recorded; what earlier runs saw is old then, if it is known at all.
    barred: Option<String>,
    /// The share of the people before that has to be there.
    least: Option<f64>,
    /// What is in the file meanwhile.
    written: Option<Earlier>,
}

impl Memory {
    /// Reads what earlier runs with the main file `configuration` saw of a `kind` of directory for an `organization`. Where
    /// a CSV file lies and what it is called does not matter: exports have a date in their names. `least` is the share of the
    /// people before, in percent, that has to be there, if it is set.
    ///
    /// # Errors
    ///
    /// A file that is there and cannot be read, is a link to nowhere, or is that of another configuration: to go on as if
    /// nothing had been recorded would undo its purpose.
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
        let earlier = match read_if_there(&path)? {
            Some(text) => serde_json::from_str(&text)
                .ok()
                .filter(|earlier: &Earlier| earlier.format == FORMAT)
                .map(Earlier::gathered)
                .ok_or_else(|| {
                    io::Error::new(
                        io::ErrorKind::InvalidData,
                        format!("`{}` is damaged, or of another version", path.display()),
                    )
                })?,
            None => Earlier {
                format: FORMAT,
                of: of.clone(),
                ..Earlier::default()
            },
        };
        if earlier.of != of {
            let path = path.display();
            let other = earlier.of.replace('\n', ", ");
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!(
                    "`{path}` is that of another configuration, kind of directory or organization: {other}"
                ),
            ));
        }
        let mut memory = Self {
            path,
            barred: None,
            earlier,
            least,
            written: None,
        };
        memory.barred = memory.try_place().err().map(|error| error.to_string());
        Ok(memory)
    }

    /// Whether this run can be recorded; if not, nothing is known for sure of earlier ones.
    pub(crate) fn works(&self) -> bool {
        self.barred.is_none()
    }

    /// Why this run cannot be recorded, if that is so.
    pub(crate) fn barred(&self) -> Option<&str> {
        self.barred.as_deref()
    }

    /// Tries whether a file can be written and put into its place here. Nothing is left of it, folders neither.
    fn try_place(&self) -> io::Result<()> {
        let beside = self.path.with_extension("new");
        let folders = self.path.ancestors().skip(1);
        let made: Vec<&Path> = folders.take_while(|folder| !folder.exists()).collect();
        self.path.parent().map_or(Ok(()), fs::create_dir_all)?;
        let tried = write_whole(&beside, b"{}", false).and_then(|()| match fs::remove_file(&beside) {
            // Another one that tried at the same time has done so.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other,
        });
        for folder in made {
            // One that something has come into meanwhile stays.
            let _ = fs::remove_dir(folder);
        }
        tried
    }

    /// What has got lost since earlier runs.
    pub(crate) fn missing(&self, now: &Seen) -> Missing {
        let earlier = &self.earlier;
        let (renamed, heirs) = earlier.renamed(now);
        let mut missing = Missing {
            source: earlier.people && !now.people,
            renamed,
            heirs,
            fewer: earlier.fewer(&now.selection, self.least),
            ..Missing::default()
        };
        missing.parts = earlier.new_parts(now);
        missing.additional = earlier.fewer_additional(now);
        missing.unlisted = earlier.unlisted(now);
        for (name, group) in &earlier.groups {
            let Some(&members) = now.members.get(name) else {
                continue;
            };
            if members == 0 && group.members > 0 {
                missing.groups.insert(name.clone());
                continue;
            }
            let before = group.members;
            if earlier.has_shrunk(now, before, members) {
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

    /// Groups of the same selection of which somebody has said that nobody is in them.
    pub(crate) fn accepted_as_empty(&self, selection: &Selected) -> Option<&BTreeSet<String>> {
        self.earlier.selection(selection).map(|earlier| &earlier.empty)
    }

    /// Whether a group has far fewer members than in an earlier run even if this one sees but a part of the people: fewer than
    /// so large a part of them would have.
    pub(crate) fn lacks_even_in_part(&self, group: &str, now: &Seen) -> bool {
        let Some(before) = self.earlier.groups.get(group) else {
            return false;
        };
        let left = self.earlier.share_of_leavers(&now.selection, before.members);
        let members = now.members.get(group).copied().unwrap_or(0);
        is_shrunk(before.members.saturating_sub(left), members)
    }

    /// Records a run. What has got lost stays recorded unless that was `accepted`.
    pub(crate) fn record(&self, now: &Seen, accepted: Accepted) -> io::Result<()> {
        if let Some(why) = &self.barred {
            return Err(io::Error::other(why.clone()));
        }
        let next = self.earlier.after(now, accepted, self.least);
        if next == *self.written.as_ref().unwrap_or(&self.earlier) {
            return Ok(());
        }
        self.write(&next)
    }

    /// Records, before a run does anything, what it has seen and no run before: it may be killed. What is less waits for its end.
    pub(crate) fn record_more(&mut self, now: &Seen) -> io::Result<()> {
        let next = self.earlier.with_more(now);
        if self.barred.is_none() && next != self.earlier {
            self.write(&next)?;
            self.written = Some(next);
        }
        Ok(())
    }

    fn write(&self, earlier: &Earlier) -> io::Result<()> {
        self.path.parent().map_or(Ok(()), fs::create_dir_all)?;
        write_whole(&self.path, &serde_json::to_vec(earlier)?, false)
    }
}

impl Earlier {
    /// Groups that were lost by a mistyped name, and what is mapped in the place of them.
    fn renamed(&self, now: &Seen) -> (BTreeSet<String>, BTreeSet<String>) {
        let (mut renamed, mut heirs) = (BTreeSet::new(), BTreeSet::new());
        for (name, group) in &self.groups {
            if group.members == 0 || now.mapped.contains_key(name) {
                continue;
            }
            let new = now.mapped.iter().filter(|(name, leads_to)| {
                !self.groups.contains_key(*name) && !leads_to.is_disjoint(&group.leads_to)
            });
            let new: Vec<(&String, usize)> = new
                .filter_map(|(name, _)| Some((name, *now.members.get(name)?)))
                .collect();
            let members = new.iter().map(|(_, members)| members).sum();
            if !new.is_empty() && (members == 0 || self.has_shrunk(now, group.members, members)) {
                renamed.insert(name.clone());
                heirs.extend(new.into_iter().map(|(name, _)| name.clone()));
            }
        }
        (renamed, heirs)
    }

    /// How many entries the source counts and shows, where these are far fewer and it is not known why. Technical accounts are
    /// counted and not shown; there are a few of them, and what was few, or meant, in an earlier run is known.
    fn unlisted(&self, now: &Seen) -> Option<Fewer> {
        let Entries { shown, unlisted } = now.entries;
        let unexplained = unlisted.saturating_sub(self.unlisted);
        is_far_fewer(shown.saturating_add(unexplained), shown, None).then_some(Fewer {
            before: shown.saturating_add(unlisted),
            now: shown,
        })
    }

    /// Parts of the directory that other servers hold now and did not in an earlier run.
    fn new_parts(&self, now: &Seen) -> BTreeSet<String> {
        let known = self.elsewhere.as_ref();
        let new = known.map(|known| now.elsewhere.difference(known).cloned());
        new.into_iter().flatten().collect()
    }

    /// The same selection in an earlier run; `None` where there is none, or one of its groups is not mapped any more.
    fn selection(&self, now: &Selected) -> Option<&Selected> {
        let same = |earlier: &&Selected| earlier.options == now.options;
        let found = self.selections.iter().find(same);
        found.filter(|earlier| earlier.groups.is_subset(&now.groups))
    }

    fn fewer(&self, now: &Selected, least: Option<f64>) -> Option<Fewer> {
        let (before, now) = match self.selection(now) {
            Some(known) => (known.people, now.people),
            // How many a new filter should choose nobody knows, but from how many.
            None => (self.read(now)?, now.read),
        };
        is_far_fewer(before, now, least).then_some(Fewer { before, now })
    }

    /// How many people the latest run read that asked for the same ones, whatever it chose from them.
    fn read(&self, now: &Selected) -> Option<usize> {
        let same =
            |earlier: &&Selected| earlier.asked_for == now.asked_for && earlier.groups.is_subset(&now.groups);
        self.selections
            .iter()
            .rev()
            .find(same)
            .map(|earlier| earlier.read)
    }

    /// Whether a group has lost many more than have left altogether, which is judged for itself. Where being in a group is what
    /// selects people, these are the same.
    fn has_shrunk(&self, now: &Seen, before: usize, members: usize) -> bool {
        let left = if now.everybody {
            self.share_of_leavers(&now.selection, before)
        } else {
            0
        };
        is_shrunk(before.saturating_sub(left), members)
    }

    /// How many of so many people may be missing because people have left altogether.
    fn share_of_leavers(&self, now: &Selected, of: usize) -> usize {
        let before = self.selection(now).map_or(0, |before| before.people);
        share(of, before, now.people)
    }

    /// Whether people are missing, and nobody has said that it is meant: then nothing of what was seen is small for sure.
    fn is_in_doubt(&self, now: &Seen, accepted: Accepted, least: Option<f64>) -> bool {
        if now.broken_rows > 0 {
            return true;
        }
        let empty = (self.people && !now.people) || !self.new_parts(now).is_empty();
        let fewer = self.fewer(&now.selection, least).is_some() || self.unlisted(now).is_some();
        let fewer_is_meant = accepted.fewer || (accepted.empty && now.selection.people == 0);
        (empty && !accepted.empty) || (fewer && !fewer_is_meant)
    }

    /// What is remembered, and whatever of a run is more.
    fn with_more(&self, now: &Seen) -> Self {
        let mut next = self.clone();
        next.people |= now.people;
        // A name that is mistyped would be a known one.
        let (_, heirs) = self.renamed(now);
        let new = |(name, members): &(&String, &usize)| **members > 0 && !heirs.contains(*name);
        for (name, &members) in now.members.iter().filter(new) {
            let group = next.groups.entry(name.clone()).or_default();
            if group.leads_to.is_empty() {
                group.leads_to = now.mapped.get(name).cloned().unwrap_or_default();
            }
            group.members = group.members.max(members);
            let within = now.within.get(name).into_iter().flat_map(|within| &within.groups);
            group.within.extend(within.cloned());
        }
        let same = |known: &&mut Selected| known.options == now.selection.options;
        match next.selections.iter_mut().find(same) {
            Some(known) => {
                known.people = known.people.max(now.selection.people);
                known.read = known.read.max(now.selection.read);
            }
            // That nobody is in it counts when it was said to be meant, and the run has come to its end.
            None if now.selection.people == 0 => {}
            None => next.selections.push(Selected {
                empty: BTreeSet::new(),
                ..now.selection.clone()
            }),
        }
        next
    }

    /// What is to be remembered after a run.
    fn after(&self, now: &Seen, accepted: Accepted, least: Option<f64>) -> Self {
        let mut next = Self {
            people: now.people || (self.people && !accepted.empty),
            elsewhere: Some(self.elsewhere_after(now, accepted)),
            unlisted: if accepted.fewer || self.unlisted(now).is_none() {
                now.entries.unlisted
            } else {
                self.unlisted
            },
            ..self.clone()
        };
        let (renamed, heirs) = self.renamed(now);
        let in_doubt = self.is_in_doubt(now, accepted, least);
        next.groups = BTreeMap::new();
        let kept =
            |name: &&String| now.mapped.contains_key(*name) || (renamed.contains(*name) && !accepted.empty);
        for (name, group) in self.groups.iter().filter(|(name, _)| kept(name)) {
            next.groups.insert(name.clone(), group.clone());
        }
        for (name, &members) in &now.members {
            let leads_to = now.mapped.get(name).cloned().unwrap_or_default();
            let earlier = self.groups.get(name);
            if heirs.contains(name) && !accepted.empty {
                // It would not be new any more.
                continue;
            }
            let earlier = earlier.cloned().unwrap_or_default();
            let mut within = now
                .within
                .get(name)
                .map_or_else(|| earlier.within.clone(), |within| within.groups.clone());
            let mute = earlier.mute(now.within.get(name));
            let is_mute = !mute.is_empty() && !accepted.fewer;
            if is_mute {
                within.extend(mute);
            }
            let before = earlier.members;
            let lost = if in_doubt || is_mute {
                members < before
            } else if members == 0 {
                before > 0 && !accepted.empty
            } else {
                self.has_shrunk(now, before, members) && !accepted.fewer
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
        next.selections = self.selections_after(now, accepted, least);
        next.additional = self.additional_after(now, accepted, least);
        // Not for longer than anything is known of who was read.
        next.additional
            .retain(|asked_for, _| next.selections.iter().any(|known| known.asked_for == *asked_for));
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

    fn selections_after(&self, seen: &Seen, accepted: Accepted, least: Option<f64>) -> Vec<Selected> {
        let mut now = seen.selection.clone();
        let known = self.selection(&now);
        let others = self
            .selections
            .iter()
            .filter(|other| other.options != now.options);
        let mut all: Vec<Selected> = others.cloned().collect();
        while all.len() >= SELECTIONS {
            let narrowest = all.iter().enumerate().min_by_key(|(_, other)| other.people);
            let Some((at, _)) = narrowest else { break };
            all.remove(at);
        }
        let in_doubt = self.is_in_doubt(seen, accepted, least);
        let lost = match known {
            _ if now.people == 0 && accepted.empty => false,
            None => now.people == 0 || in_doubt,
            Some(known) if now.people == 0 => known.people > 0,
            Some(known) => now.people < known.people && in_doubt,
        };
        if !accepted.empty {
            let meant = known.map(|known| &known.empty);
            now.empty
                .retain(|name| meant.is_some_and(|meant| meant.contains(name)));
        }
        // A narrow filter may find all whom it wants in a directory that is not whole: it is no measure for others.
        if self.reads_far_fewer(&now, accepted, least) {
            now.read = self.read(&now).unwrap_or(now.read);
        }
        // Also where one of its groups is not mapped any more, which may be a mistake.
        let same = |earlier: &&Selected| earlier.options == now.options;
        all.extend(if lost {
            self.selections.iter().find(same).cloned()
        } else {
            Some(now)
        });
        all
    }
}

impl Group {
    /// The groups in it that have become mute, however their names are spelled.
    fn mute(&self, within: Option<&Within>) -> BTreeSet<String> {
        let mute = within.into_iter().flat_map(|within| &within.mute);
        let mute: BTreeSet<String> = mute.map(|name| ldap::name_key(name)).collect();
        let known = self.within.iter();
        known
            .filter(|name| mute.contains(&ldap::name_key(name)))
            .cloned()
            .collect()
    }
}

#[cfg(test)]
mod tests;
