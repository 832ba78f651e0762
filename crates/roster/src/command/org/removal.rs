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
    /// The list that would hold it.
    pub(super) list: &'static str,
    /// In words, without the organization's name.
    pub(super) line: String,
}

/// What `describe` took away.
pub(super) fn of_rows(orgs: &[OrgNo], removals: Vec<describe::Removal>) -> Vec<Removed> {
    let place = |removal: describe::Removal| {
        let n = orgs.iter().position(|org| *org == removal.org)?;
        Some(Removed {
            n,
            list: removal.list,
            line: removal.line,
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
/// wanted has to be said.
pub(super) fn undeclared(file: &OrgFile, n: usize, removed: &[Removed]) -> Vec<Problem> {
    let of_org = || removed.iter().filter(|removed| removed.n == n);
    let lists: BTreeSet<&str> = of_org()
        .map(|removed| removed.list)
        .filter(|list| !file.has_list(n, list))
        .collect();
    let wrong = |list: &str| {
        let gone: Vec<&Removed> = of_org().filter(|removed| removed.list == list).collect();
        file.locate(&Contradiction {
            place: vec![Place::Index(n)],
            message: format!(
                "--prune would remove all that earlier applies made of `{list}`, because this organization has no such list: {}; \
                 write `{list}: []` if none are to be left",
                first(&gone)
            ),
        })
    };
    lists.into_iter().map(wrong).collect()
}

/// Why an organization loses more than it may.
pub(super) struct Refusal {
    message: String,
    hint: String,
}

impl Refusal {
    pub(super) fn into_error(self) -> anyhow::Error {
        hinted(format!("{}; nothing was applied", self.message), self.hint)
    }
}

/// Compares what an organization lost with what it may lose, once all of it is done but for the commit.
pub(super) fn check(
    allowed: &Allowed,
    held: &Held,
    writer: &mut Writer<'_>,
    (n, org): (usize, OrgNo),
    file: &OrgFile,
    removed: &[Removed],
) -> Result<Option<Refusal>, StoreError> {
    let gone: Vec<&Removed> = removed.iter().filter(|removed| removed.n == n).collect();
    let of_list = |list| gone.iter().any(|removed| removed.list == list);
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
    if let Some(limit) = limit {
        return Ok(Some(Refusal {
            message: format!(
                "--prune would remove {many} of {} that earlier applies made in {name} ({limit}): {}",
                counted(all, "thing", "things"),
                first(&gone)
            ),
            hint: format!(
                "look whether the file is whole, and at all of it with --dry-run; if it is meant, allow it with \
                 --max-removals {many}"
            ),
        }));
    }
    if allowed.last {
        return Ok(None);
    }
    let last =
        if of_list("integrations") && !held.integrations.is_empty() && writer.integrations(org)?.is_empty() {
            "last integration, and no program could use the API for it"
        } else if of_list("administrators") {
            let left = system_administrators(writer, org)?;
            if held.administrators.is_subset(&left) {
                return Ok(None);
            }
            // A file that ends too early between two of them looks like one that is meant.
            if left.is_empty() {
                "last system administrator"
            } else {
                "system administrator"
            }
        } else {
            return Ok(None);
        };
    Ok(Some(Refusal {
        message: format!("--prune would take {name}'s {last}: {}", first(&gone)),
        hint: "look whether the file is whole, and at all of it with --dry-run; if it is meant, allow it with --remove-last"
            .to_owned(),
    }))
}

/// The first few, in words.
fn first(gone: &[&Removed]) -> String {
    let named: Vec<&str> = gone
        .iter()
        .take(NAMED)
        .map(|removed| removed.line.as_str())
        .collect();
    let more = match gone.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(", and {more} more"),
    };
    format!("{}{more}", named.join(", "))
}
