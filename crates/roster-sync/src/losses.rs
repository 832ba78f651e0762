//! The last look before anything is sent: what a run would take away, beside what earlier ones have left.
//!
//! [`memory`](crate::memory) looks at what a directory shows. A mapping, a selection or a hook that has changed can take just as
//! much away while the directory shows everybody, so the plan itself is looked at. After every run that came to its end the two
//! sides agree: whoever would lose something in the next has something to do with what has changed since. For each main file and
//! organization there is one small file with two kinds of numbers, which names groups and nobody: how many accounts had somebody
//! in the directory and how many nobody, and how many members that nobody stands for each group has kept.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{fs, io};

use roster_core::plan::output::{GroupStanding, Note, Work};
use roster_core::plan::people::TargetId;
use roster_core::plan::settings::AdobeOnly;
use roster_core::plan::{Plan, Settings, World, assignable};
use serde::{Deserialize, Serialize};

use crate::config::umapi::Connection;
use crate::log::Log;
use crate::options::AdobeUsers;
use crate::run::{End, Surroundings};
use crate::send::Unfinished;
use crate::start::Started;
use crate::whole::{read_if_there, write_whole};

const LOGGER: &str = "processor";

/// The form of the file.
const FORMAT: u64 = 1;

/// So many values of `--adobe-users` are remembered.
const SELECTIONS: usize = 100;

/// What earlier runs have left.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Left {
    format: u64,
    /// Of what it is, for people who look.
    of: String,
    /// By the accounts that runs look at (`--adobe-users`).
    by_accounts: BTreeMap<String, Agreed>,
}

/// Where the two sides agreed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Agreed {
    accounts: Option<Accounts>,
    /// Groups that were managed.
    groups: BTreeMap<String, Kept>,
}

/// How a group was left.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Kept {
    /// Members who belong there.
    belong: usize,
    /// Those who should have left it and could not.
    refused: usize,
    /// Those that nobody stands for, where runs take something from them.
    left_over: Option<usize>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Accounts {
    matched: usize,
    /// `None` before a run that takes something from these.
    left_over: Option<usize>,
}

/// A number of those who would lose something, and of how many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Loss {
    gone: usize,
    of: usize,
}

impl Loss {
    /// How many of those who `would` lose something are new: more of them than there `were` after the last run, or as many as
    /// `belong` no more of those who did then. Who was there before and is gone since does not stand for somebody else.
    fn since((were, belonged): (usize, usize), (would, belong): (usize, usize)) -> Self {
        let more = would.saturating_sub(were).max(belonged.saturating_sub(belong));
        let gone = more.min(would);
        Self {
            gone,
            of: belong + gone,
        }
    }
}

/// What a run would take from so many that it is rather a mistake.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Unusual {
    /// Accounts that nobody stands for any more.
    accounts: Option<Loss>,
    /// Groups that members would leave.
    groups: BTreeMap<TargetId, Loss>,
    /// Whether that is by something that is done to accounts altogether.
    by_left_over: bool,
}

/// Whether so many lose a group that it is rather an accident: more than a third, and more than three.
fn is_many(Loss { gone, of }: Loss) -> bool {
    gone > 3 && gone > of / 3
}

/// The same of accounts, of which fewer come and go: more than a tenth, and more than ten, is enough.
fn is_far_too_many(Loss { gone, of }: Loss) -> bool {
    is_many(Loss { gone, of }) || (gone > 10 && gone > of / 10)
}

/// What earlier runs have left, and where that is kept.
#[derive(Debug)]
pub(crate) struct Losses {
    /// `None` where nothing can be remembered.
    path: Option<PathBuf>,
    left: Left,
    /// Which accounts this run looks at.
    looked_at: String,
    /// The organizations as the file knows them.
    organizations: Vec<String>,
}

impl Losses {
    /// Reads what earlier runs with this main file have left in the organizations of `connections`.
    pub(crate) fn open(
        started: &Started,
        surroundings: &Surroundings,
        connections: &[Connection],
        log: &Log,
    ) -> Result<Self, End> {
        let organizations: Vec<String> = connections
            .iter()
            .map(|connection| connection.config.organization.trim().to_lowercase())
            .collect();
        let primary = organizations.first().map_or("", String::as_str);
        let main = fs::canonicalize(&started.path).unwrap_or_else(|_| started.path.clone());
        let of = format!("{}\n{primary}", main.display());
        let name = format!("sync-{:016x}.left", crate::lock::digest(of.as_bytes()));
        let path = surroundings.state_folder.as_ref().map(|folder| folder.join(name));
        let found = path.as_deref().map(|path| read(path, &of)).transpose();
        let found = found.map_err(|error| {
            log.critical(
                "main",
                "state-unreadable",
                format_args!(
                    "What earlier runs have left cannot be read: {error}; repair or remove the file"
                ),
            );
            End::Failed
        })?;
        Ok(Self {
            path,
            left: found.flatten().unwrap_or_else(|| Left {
                format: FORMAT,
                of,
                ..Left::default()
            }),
            looked_at: looked_at(&started.options.adobe_users),
            organizations,
        })
    }

    /// What a plan would take from unusually many. Nothing, where somebody has said of this run that something is meant.
    pub(crate) fn judge(
        &self,
        plan: &Plan,
        settings: &Settings,
        started: &Started,
        world: &World,
    ) -> Unusual {
        let mut unusual = Unusual::default();
        if started.accepted.empty || started.accepted.fewer {
            return unusual;
        }
        let over_limit = plan
            .notes
            .iter()
            .any(|note| matches!(note, Note::OverLimit { .. }));
        // Over the limit a list is written all the same.
        let acts = !over_limit || settings.adobe_only == AdobeOnly::WriteFile;
        let takes = started.options.takes_from_the_left_over() && !settings.hold_adobe_only && acts;
        let agreed = self.left.by_accounts.get(&self.looked_at);
        let all = self.left.by_accounts.values();
        // Of other accounts that runs have looked at it is known how many belong, not who is left over among these.
        let elsewhere = all
            .clone()
            .filter_map(|agreed| agreed.accounts)
            .map(|accounts| accounts.matched)
            .max();
        let elsewhere = elsewhere.map(|matched| Accounts {
            matched,
            left_over: None,
        });
        let before = agreed
            .and_then(|agreed| agreed.accounts)
            .or(elsewhere)
            .filter(|_| takes);
        let left = before.map(|before| since_then(before, plan));
        let (many, usual) = match left {
            Some(loss) if is_far_too_many(loss) => (Some(loss), None),
            left => (None, left),
        };
        // Whoever is only taken out of mapped groups loses nothing without being in one.
        unusual.accounts = many.filter(|_| settings.adobe_only != AdobeOnly::Preserve);
        let with_left_over = takes && unusual.accounts.is_none();
        let any_before = all.clone().any(|agreed| !agreed.groups.is_empty());
        for (id, standing) in standings(plan, world).filter(|_| any_before) {
            let name = self.name(id, world);
            let elsewhere = all
                .clone()
                .filter_map(|agreed| agreed.groups.get(&name))
                .map(|kept| kept.belong)
                .max();
            let before = match (agreed.and_then(|agreed| agreed.groups.get(&name)), elsewhere) {
                (Some(before), _) => *before,
                (None, Some(belong)) => Kept {
                    belong,
                    ..Kept::default()
                },
                // Nobody belongs yet to one that is managed for the first time.
                (None, None) => Kept {
                    left_over: Some(0),
                    ..Kept::default()
                },
            };
            let (more, were) = if with_left_over {
                let more = standing.left_over;
                (more, before.left_over.unwrap_or(more))
            } else {
                (0, 0)
            };
            let belong = standing.matched - standing.leaving.min(standing.matched);
            let mut loss = Loss::since(
                (before.refused + were, before.belong),
                (standing.leaving + more, belong),
            );
            // Who has left altogether is judged for itself.
            let share = usual.map_or(0, |Loss { gone, of }| {
                let share = loss.gone.saturating_mul(gone).div_ceil(of.max(1));
                share.min(more).min(loss.gone)
            });
            loss.gone -= share;
            if is_many(loss) {
                unusual.by_left_over |= more > 0 && settings.adobe_only != AdobeOnly::Preserve;
                unusual.groups.insert(id, loss);
            }
        }
        unusual
    }

    /// Remembers how a run has left the organizations that came to its end. Of one that has `withheld` something only what is
    /// more: whoever has joined belongs.
    ///
    /// `refused` says what organizations did not carry out.
    pub(crate) fn record(
        &self,
        (plan, settings, world): (&Plan, &Settings, &World),
        (refused, withheld): (&Unfinished, bool),
        started: &Started,
        log: &Log,
    ) {
        let Some(path) = &self.path else { return };
        let mut next = self.left.clone();
        let agreed = next.by_accounts.entry(self.looked_at.clone()).or_default();
        let over_limit = plan
            .notes
            .iter()
            .any(|note| matches!(note, Note::OverLimit { .. }));
        let takes = started.options.takes_from_the_left_over();
        let accepted = started.accepted.empty || started.accepted.fewer;
        // Over the limit they are as much in question as before, unless somebody has said that it is meant.
        let only_more = over_limit || withheld;
        let is_settled = takes && (!over_limit || accepted) && !withheld;
        let left = agreed.accounts.map(|before| since_then(before, plan));
        // What would be withheld from the next run is not agreed on by one that does nothing to these accounts.
        let is_new = left.is_some_and(is_far_too_many) && !accepted;
        // Of some of the accounts nobody knows whether those that are made were there before.
        let made = match started.options.adobe_users {
            AdobeUsers::All => plan.counts.adobe_users_created.saturating_sub(refused.creations),
            _ => 0,
        };
        let matched = plan.standing.matched + made;
        if is_settled && !is_new {
            let away = match settings.adobe_only {
                AdobeOnly::Remove | AdobeOnly::Delete => plan.counts.adobe_only_processed,
                _ => 0,
            };
            let away = away.saturating_sub(refused.left_over);
            agreed.accounts = Some(Accounts {
                matched,
                left_over: Some(plan.standing.left_over.saturating_sub(away)),
            });
        } else if !is_settled {
            let accounts = agreed.accounts.get_or_insert_default();
            // Beside a number of those who are left over it may only become more: they have to be of one night.
            let only_more = only_more || accounts.left_over.is_some();
            accounts.matched = as_far_as_known(accounts.matched, matched, only_more);
        }
        if settings.process_groups {
            let standings: BTreeMap<TargetId, GroupStanding> = standings(plan, world).collect();
            let joined = joined(plan);
            for (id, target) in world.targets.iter() {
                let name = self.name(id, world);
                let standing = standings.get(&id).copied().unwrap_or_default();
                let organization = usize::from(target.organization);
                let not_left = refused.leaves.get(&(organization, target.key)).copied();
                let stay = if plan.counts.adobe_only_processed > 0 {
                    refused.left_over.min(standing.left_over)
                } else {
                    standing.left_over
                };
                let left_over = if is_settled {
                    Some(stay)
                } else {
                    agreed.groups.get(&name).and_then(|before| before.left_over)
                };
                let known = agreed.groups.get(&name).copied();
                if withheld && known.is_none() {
                    // It would not be new any more.
                    continue;
                }
                let known = known.unwrap_or_default();
                let joined = joined.get(&id).copied().unwrap_or(0);
                let joined = joined.saturating_sub(refused.joins.get(&id).copied().unwrap_or(0));
                let belong = standing.matched.saturating_sub(standing.leaving) + joined;
                let not_left = not_left.unwrap_or(0);
                let kept = if is_settled || (accepted && !withheld) {
                    Kept {
                        belong,
                        refused: not_left,
                        left_over,
                    }
                } else {
                    let sees_them = is_most_of(belong, known.belong) && !withheld;
                    Kept {
                        belong: as_far_as_known(known.belong, belong, only_more),
                        refused: if sees_them {
                            not_left
                        } else {
                            not_left.max(known.refused)
                        },
                        left_over,
                    }
                };
                agreed.groups.insert(name, kept);
            }
        }
        while next.by_accounts.len() > SELECTIONS {
            // Those with the fewest accounts give way.
            let others = next
                .by_accounts
                .iter()
                .filter(|(word, _)| **word != self.looked_at);
            let least =
                others.min_by_key(|(_, agreed)| agreed.accounts.map_or(0, |accounts| accounts.matched));
            let Some(fewest) = least.map(|(word, _)| word.clone()) else {
                break;
            };
            next.by_accounts.remove(&fewest);
        }
        if next == self.left {
            return;
        }
        let written = serde_json::to_vec(&next)
            .map_err(io::Error::other)
            .and_then(|text| {
                path.parent().map_or(Ok(()), fs::create_dir_all)?;
                write_whole(path, &text, false)
            });
        if let Err(error) = written {
            log.warning(
                "main",
                "state-not-written",
                format_args!(
                    "How this run has left the organization cannot be remembered: {error}; set ROSTER_STATE_DIR to a folder \
                     that can be written"
                ),
            );
        }
    }

    /// The name of a group in the file.
    fn name(&self, id: TargetId, world: &World) -> String {
        let target = world.targets.get(id);
        let (at, name) = target.map_or((0, ""), |target| {
            (target.organization, world.texts.get(target.key))
        });
        let organization = self.organizations.get(usize::from(at)).map_or("", String::as_str);
        format!("{organization}::{name}")
    }
}

/// The accounts that have nobody any more.
fn since_then(before: Accounts, plan: &Plan) -> Loss {
    let now = &plan.standing;
    let were = before.left_over.unwrap_or(now.left_over);
    Loss::since((were, before.matched), (now.left_over, now.matched))
}

/// Whether a run that may be about some of the people is about most of those that were known.
fn is_most_of(now: usize, before: usize) -> bool {
    now >= before / 2
}

/// What a run that takes nothing from those who are left over, or is over the limit, says of how many belong: nothing of
/// people who are not in its list, nor of those whom it is over the limit about (`only_more`).
fn as_far_as_known(before: usize, now: usize, only_more: bool) -> usize {
    if only_more || !is_most_of(now, before) {
        before.max(now)
    } else {
        now
    }
}

/// How many people of the directory get into each group.
fn joined(plan: &Plan) -> BTreeMap<TargetId, usize> {
    let mut joined = BTreeMap::new();
    for work in plan.organizations.iter().flat_map(|orders| &orders.work) {
        let (Work::Create { add, .. } | Work::Update { add, .. }) = work;
        for &group in add {
            *joined.entry(group).or_default() += 1;
        }
    }
    joined
}

/// The groups of a plan that members may leave, by their place in the mapping.
fn standings<'p>(plan: &'p Plan, world: &'p World) -> impl Iterator<Item = (TargetId, GroupStanding)> + 'p {
    let targets = world.targets.iter();
    let targets = targets.filter(|(_, target)| assignable(world.texts.get(target.key)));
    targets.filter_map(|(id, target)| {
        let of = plan
            .standing
            .groups
            .get(&(usize::from(target.organization), target.key))?;
        Some((id, *of))
    })
}

/// The accounts that a run looks at, in words that are the same in every run with the same options.
fn looked_at(adobe_users: &AdobeUsers) -> String {
    match adobe_users {
        AdobeUsers::All => "all".to_owned(),
        AdobeUsers::Mapped => "mapped".to_owned(),
        AdobeUsers::Groups(groups) => {
            let mut names: Vec<String> = groups
                .iter()
                .map(|group| group.qualified().to_lowercase())
                .collect();
            names.sort();
            format!("group {}", names.join(","))
        }
    }
}

fn read(path: &Path, of: &str) -> io::Result<Option<Left>> {
    let shown = path.display();
    let wrong = |what: String| io::Error::new(io::ErrorKind::InvalidData, what);
    let Some(text) = read_if_there(path)? else {
        return Ok(None);
    };
    let left: Option<Left> = serde_json::from_str(&text).ok();
    let left = left
        .filter(|left| left.format == FORMAT)
        .ok_or_else(|| wrong(format!("`{shown}` is damaged, or of another version")))?;
    if left.of != of {
        let other = left.of.replace('\n', ", ");
        return Err(wrong(format!(
            "`{shown}` is that of another configuration or organization: {other}"
        )));
    }
    Ok(Some(left))
}

impl Unusual {
    /// Whether there is any.
    pub(crate) fn any(&self) -> bool {
        *self != Self::default()
    }

    /// Withholds it.
    pub(crate) fn withhold(&self, settings: &mut Settings) {
        settings.hold_adobe_only |= self.accounts.is_some() || self.by_left_over;
        settings.keep.extend(self.groups.keys());
    }

    /// Says what is withheld.
    pub(crate) fn say(&self, started: &Started, world: &World, log: &Log) {
        if let Some(Loss { gone, of }) = self.accounts {
            log.error(
                LOGGER,
                "adobe-only-unusual",
                format_args!(
                    "{gone} of {of} account(s) at Adobe that have or had somebody in the directory seem to have nobody now among those \
                     whom this run selects: something may be missing, or be selected otherwise. Adobe-only users are left alone. \
                     If it is meant, run once with --accept-fewer"
                ),
            );
        }
        if !self.groups.is_empty() {
            let named = self.groups.iter().map(|(&id, Loss { gone, of })| {
                let target = world.targets.get(id);
                let name = target.map_or("", |target| world.texts.get(target.name));
                let at = target.and_then(|target| usize::from(target.organization).checked_sub(1));
                let organization = at.and_then(|at| started.secondaries.get(at));
                let organization = organization.map(|name| format!("{name}::")).unwrap_or_default();
                format!("'{organization}{name}' ({gone} of {of})")
            });
            let named: Vec<String> = named.collect();
            log.error(
                LOGGER,
                "group-removals-unusual",
                format_args!(
                    "Unusually many people would leave these Adobe groups, compared with how earlier runs left them: {}. Nobody is \
                     taken out of them{}. If it is meant, run once with --accept-fewer",
                    named.join(", "),
                    if self.by_left_over { ", and Adobe-only users are left alone" } else { "" }
                ),
            );
        }
    }
}
