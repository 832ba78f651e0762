//! What `--prune` may take away: a file that was cut off, or the wrong file, must not empty an organization.

use std::collections::BTreeSet;

use roster_core::describe::{self, Contradiction, Mark, Place};
use roster_core::value::{AccountId, OrgNo};
use roster_store::{Integration, StoreError, Writer};

use crate::org_file::OrgFile;
use crate::org_file::yaml::Problem;
use crate::ui::{counted, hinted};

/// So many things may always go.
const FEW: usize = 10;
/// More than those may go as long as they are no more than one in so many.
const ONE_IN: usize = 5;
/// So many are named in a message.
const NAMED: usize = 5;

/// What was asked for beside `--prune`.
#[derive(Debug)]
pub(super) struct Allowed {
    /// The most removals from one organization; `None` is what is sensible for most.
    pub(super) removals: Option<usize>,
    /// Also the last integration, and any system administrator.
    pub(super) last: bool,
}

/// A thing that was taken away.
#[derive(Debug)]
pub(super) struct Removed {
    /// The organization, by its place in the file.
    pub(super) n: usize,
    /// The list that would hold it, from the organization on.
    pub(super) list: Vec<Place>,
    /// In words, without the organization's name.
    pub(super) line: String,
    /// Whether it is the role of a system administrator.
    pub(super) system: bool,
}

/// What `describe` took away.
pub(super) fn of_rows(orgs: &[OrgNo], removals: Vec<describe::Removal>) -> Vec<Removed> {
    let place = |removal: describe::Removal| {
        let n = orgs.iter().position(|org| *org == removal.org)?;
        Some(Removed {
            n,
            list: removal.list,
            line: removal.line,
            system: false,
        })
    };
    removals.into_iter().filter_map(place).collect()
}

/// An organization before anything of its integrations and administrators is changed.
pub(super) struct Held {
    pub(super) integrations: Vec<Integration>,
    /// Who administers the system.
    administrators: BTreeSet<AccountId>,
    /// How many things `--prune` could remove if the file had none of them.
    removable: usize,
}

impl Held {
    pub(super) fn look(
        writer: &mut Writer<'_>,
        org: OrgNo,
        marks: &BTreeSet<Mark>,
    ) -> Result<Self, StoreError> {
        let integrations = writer.integrations(org)?;
        let certificates: usize = integrations.iter().map(|known| known.certificates.len()).sum();
        let marked = marks
            .iter()
            .filter(|mark| describe::can_remove(&mark.kind))
            .count();
        Ok(Self {
            administrators: system_administrators(writer, org)?,
            removable: marked + certificates,
            integrations,
        })
    }
}

fn system_administrators(writer: &mut Writer<'_>, org: OrgNo) -> Result<BTreeSet<AccountId>, StoreError> {
    let known = writer.administrators(org)?;
    let system = |role: &String| role == "system";
    let those = known.iter().filter(|one| one.roles.iter().any(system));
    Ok(those.map(|one| one.account).collect())
}

/// Lists that the file does not have, and whose things would go: that is how a file ends that was cut off, so that none are
/// wanted has to be said. A dry run names them all.
pub(super) fn undeclared(file: &OrgFile, n: usize, removed: &[Removed], dry_run: bool) -> Vec<Problem> {
    let of_org: Vec<&Removed> = removed.iter().filter(|removed| removed.n == n).collect();
    let mut lists: Vec<&[Place]> = Vec::new();
    for removed in &of_org {
        if !file.has_list(n, &removed.list) && !lists.contains(&removed.list.as_slice()) {
            lists.push(&removed.list);
        }
    }
    let wrong = |list: &[Place]| {
        let gone: Vec<&Removed> = of_org
            .iter()
            .filter(|removed| removed.list == list)
            .copied()
            .collect();
        let (name, around) = match list {
            [around @ .., Place::Key(name)] => (*name, around),
            _ => ("", list),
        };
        let whose = if around.is_empty() {
            "this organization has"
        } else {
            "there is"
        };
        let place = std::iter::once(Place::Index(n)).chain(around.iter().copied());
        file.locate(&Contradiction {
            place: place.collect(),
            message: format!(
                "--prune would remove all that earlier applies made of `{name}`, because {whose} no such list: {}; \
                 write `{name}: []` if none are to be left",
                some(&gone, if dry_run { gone.len() } else { NAMED })
            ),
        })
    };
    lists.into_iter().map(wrong).collect()
}

/// Why an organization loses more than it may.
pub(super) struct Refusal {
    message: String,
    /// What `--max-removals` would have to say.
    removals: Option<usize>,
}

/// Everything that was refused, in all organizations, and the words that allow it.
pub(super) fn into_error(refusals: &[Refusal]) -> anyhow::Error {
    let messages: Vec<&str> = refusals.iter().map(|refusal| refusal.message.as_str()).collect();
    let mut words = Vec::new();
    if let Some(most) = refusals.iter().filter_map(|refusal| refusal.removals).max() {
        words.push(format!("--max-removals {most}"));
    }
    if refusals.iter().any(|refusal| refusal.removals.is_none()) {
        words.push("--remove-last".to_owned());
    }
    hinted(
        format!("{}; nothing was applied", messages.join("\n")),
        format!(
            "look whether the file is whole, and at all of it with --dry-run; if it is meant, allow it with {}",
            words.join(" ")
        ),
    )
}

/// Compares what an organization lost with what it may lose, once all of it is done but for the commit.
pub(super) fn check(
    allowed: &Allowed,
    held: &Held,
    writer: &mut Writer<'_>,
    (n, org): (usize, OrgNo),
    file: &OrgFile,
    removed: &[Removed],
) -> Result<Vec<Refusal>, StoreError> {
    let gone: Vec<&Removed> = removed.iter().filter(|removed| removed.n == n).collect();
    let name = file
        .organizations
        .get(n)
        .map_or("", |entry| entry.description.name.as_str());
    let (many, all) = (gone.len(), held.removable.max(gone.len()));
    let limit = match allowed.removals {
        Some(most) if many > most => Some(format!("more than --max-removals {most}")),
        None if many > FEW && many * ONE_IN > all => Some(format!("more than {FEW}, and more than a fifth")),
        _ => None,
    };
    let mut refusals = Vec::new();
    if let Some(limit) = limit {
        refusals.push(Refusal {
            message: format!(
                "--prune would remove {many} of {} that earlier applies made in {name} ({limit}): {}",
                counted(all, "thing", "things"),
                first(&gone)
            ),
            removals: Some(many),
        });
    }
    if allowed.last {
        return Ok(refusals);
    }
    let of_list = |list| -> Vec<&Removed> {
        let of_list = gone
            .iter()
            .filter(|removed| removed.list.first() == Some(&Place::Key(list)));
        of_list.copied().collect()
    };
    let mut last = |what: &str, gone: &[&Removed]| {
        refusals.push(Refusal {
            message: format!("--prune would take {name}'s {what}: {}", first(gone)),
            removals: None,
        });
    };
    let integrations = of_list("integrations");
    if !integrations.is_empty() {
        // One that is made in this run has an id and a secret of its own: no program knows them yet.
        let left = writer.integrations(org)?;
        let works = |known: &&Integration| known.settings.enabled;
        let stays = |known: &Integration| {
            left.iter()
                .filter(works)
                .any(|one| one.client_id == known.client_id)
        };
        let mut working = held.integrations.iter().filter(works).peekable();
        if working.peek().is_some() && !working.any(stays) {
            last(
                "last integration, and no program that uses the API for it now could go on",
                &integrations,
            );
        }
    }
    let mut administrators = of_list("administrators");
    administrators.retain(|removed| removed.system);
    if !administrators.is_empty() {
        let left = system_administrators(writer, org)?;
        // A file that ends too early between two of them looks like one that is meant.
        if held.administrators.is_disjoint(&left) && !held.administrators.is_empty() {
            last("last system administrator", &administrators);
        } else if !held.administrators.is_subset(&left) {
            last("system administrator", &administrators);
        }
    }
    Ok(refusals)
}

/// The first few, in words.
fn first(gone: &[&Removed]) -> String {
    some(gone, NAMED)
}

/// So many of them, in words.
fn some(gone: &[&Removed], many: usize) -> String {
    let named: Vec<&str> = gone
        .iter()
        .take(many)
        .map(|removed| removed.line.as_str())
        .collect();
    let more = match gone.len().saturating_sub(many) {
        0 => String::new(),
        more => format!(", and {more} more"),
    };
    format!("{}{more}", named.join(", "))
}
