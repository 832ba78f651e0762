//! The log: one row per command and organization, its changes inside, written in the transaction of the change
//! and never updated.
//!
//! What is stored has a form of its own, by version (`stored`), so that `Change` is free to be renamed. Each
//! organization's log holds the changes of its own rows: replaying it gives them.

mod erase;
mod prune;
mod scrub;
mod search;
mod stored;
mod traces;

use std::collections::BTreeMap;

use roster_core::change::Change;
use roster_core::value::{AccountId, GroupId, OrgNo};

use crate::conn::{Conn, Param, RowRef};
use crate::error::StoreError;
use crate::reader::Reader;

pub use erase::{EraseError, Erased, Person, ranges};
pub use prune::{Kept, Older, Pruned, Retention};
pub use scrub::ERASED;
pub use search::{Names, Page, Search, SetOf, Sought};
pub(crate) use stored::decode_set;
pub use stored::{Decoded, decode, encode};

/// A command that was carried out, to be recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The organization that asked: its log keeps the command even when nothing changed. `None` for what only
    /// matters where it changes something.
    pub org: Option<OrgNo>,
    /// When, in milliseconds since 1970.
    pub at: i64,
    /// Who: a technical account, or the console or program that acted.
    pub actor: String,
    /// The integration, if one was used.
    pub client: Option<String>,
    /// The request's id.
    pub request_id: String,
    /// The command as it was sent, opaque here.
    pub command: String,
    /// What it changed.
    pub changes: Vec<Change>,
}

/// What followed from changes: consequences that the store worked out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Happened {
    /// A waiting member got a seat.
    SeatGranted {
        /// Of which profile.
        profile: GroupId,
        /// Who.
        account: AccountId,
    },
    /// A holder lost a seat to a lowered quota.
    SeatLost {
        /// Of which profile.
        profile: GroupId,
        /// Who.
        account: AccountId,
    },
    /// Who was in a group that went, and at which place.
    MembersRemoved {
        /// The group.
        group: GroupId,
        /// (account, place), in order.
        members: Vec<(i64, i64)>,
    },
    /// Rows that came or went with a change that does not name them.
    Rows {
        /// Which rows.
        rows: Rows,
        /// What they belong to: a group, a directory, or 0 for the Users list.
        of: i64,
        /// (what, place), in order.
        keys: Vec<(i64, i64)>,
    },
}

/// Rows that come or go as a set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rows {
    /// Accounts that became members of a group because it mirrors another one.
    TakenOver,
    /// Accounts that entered the Users list for that reason.
    Listed,
    /// Profiles that a user group was linked to when it was deleted.
    UnlinkedProfiles,
    /// User groups that were linked to a profile when it was deleted.
    UnlinkedGroups,
    /// Organizations that a directory was shared with when it was deleted.
    Untrusted,
}

/// An entry as it is read back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// Its number in the organization's log, from 1, without gaps.
    pub number: i64,
    /// See [`Entry::at`].
    pub at: i64,
    /// See [`Entry::actor`].
    pub actor: String,
    /// See [`Entry::client`].
    pub client: Option<String>,
    /// See [`Entry::request_id`].
    pub request_id: String,
    /// See [`Entry::command`].
    pub command: String,
    /// The changes of this organization's rows.
    pub changes: Vec<Change>,
    /// Seats granted and lost.
    pub seats: Vec<Happened>,
    /// Whether every row that came or went is named, in the changes or in sets beside them: before the second
    /// version of the stored form, those that a mirror took over and links that ended with a group were not.
    pub names_all: bool,
    /// Accounts whose personal values were taken out of the changes.
    pub erased: Vec<AccountId>,
}

/// What is done with a set: its entry, which rows, of what, their keys.
type EachSet<'e> = dyn FnMut(i64, Option<Rows>, i64, &[(i64, i64)]) -> Result<(), StoreError> + 'e;

/// Keys in one row of `audit_sets`.
const CHUNK: usize = 1000;

/// Writes an entry: a row for each organization whose rows changed. `numbers` has the newest number of each log
/// that was written to before in the same job.
pub(crate) fn record(
    conn: &mut Conn,
    entry: &Entry,
    mut followed: BTreeMap<OrgNo, Vec<Happened>>,
    numbers: &mut BTreeMap<OrgNo, i64>,
) -> Result<(), StoreError> {
    let mut by_org: BTreeMap<OrgNo, Vec<&Change>> = BTreeMap::new();
    if let Some(org) = entry.org {
        by_org.entry(org).or_default();
    }
    for change in &entry.changes {
        by_org.entry(change.org()).or_default().push(change);
    }
    for org in followed.keys() {
        by_org.entry(*org).or_default();
    }
    for (org, changes) in by_org {
        let happened = followed.remove(&org).unwrap_or_default();
        let (removed, seats): (Vec<_>, Vec<_>) = happened
            .into_iter()
            .partition(|h| matches!(h, Happened::MembersRemoved { .. } | Happened::Rows { .. }));
        let before = match numbers.get(&org) {
            Some(number) => *number,
            None => newest(conn, org)?,
        };
        let number = before + 1;
        numbers.insert(org, number);
        let params = [
            Param::Int(place(org, number)),
            Param::Int(entry.at),
            Param::Text(&entry.actor),
            Param::from(entry.client.as_deref()),
            Param::Text(&entry.request_id),
            Param::Text(&entry.command),
            Param::Owned(stored::encode(&changes, &seats)),
        ];
        conn.execute(
            "INSERT INTO audit (number, at, actor, client, request_id, command, changes)
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
            &params,
        )?;
        record_sets(conn, org, number, &removed)?;
    }
    Ok(())
}

fn record_sets(conn: &mut Conn, org: OrgNo, number: i64, sets: &[Happened]) -> Result<(), StoreError> {
    let mut chunk = 0;
    for set in sets {
        let (rows, of, keys) = match set {
            Happened::MembersRemoved { group, members } => (None, group.0, members),
            Happened::Rows { rows, of, keys } => (Some(*rows), *of, keys),
            Happened::SeatGranted { .. } | Happened::SeatLost { .. } => continue,
        };
        for keys in keys.chunks(CHUNK) {
            let params = [
                Param::Int(org.0),
                Param::Int(number),
                Param::Int(chunk),
                Param::Owned(stored::encode_set(rows, of, keys)),
            ];
            conn.execute(
                "INSERT INTO audit_sets (org, entry, chunk, keys) VALUES ($1, $2, $3, $4)",
                &params,
            )?;
            chunk += 1;
        }
    }
    Ok(())
}

/// Where an entry lies: the logs of all organizations are one table, one after another.
fn place(org: OrgNo, number: i64) -> i64 {
    (org.0 << BITS) + number.clamp(0, LAST)
}

/// Of a place, how many bits are the number within the organization's log.
const BITS: u32 = 40;
/// The last number that a log has room for.
pub(crate) const LAST: i64 = (1 << BITS) - 1;

/// The number of an organization's newest entry; 0 without any.
fn newest(conn: &mut Conn, org: OrgNo) -> Result<i64, StoreError> {
    let sql = "SELECT MAX(number) FROM audit WHERE number >= $1 AND number <= $2";
    let range = [Param::Int(place(org, 0)), Param::Int(place(org, LAST))];
    Ok(conn.number(sql, &range)?.map_or(0, |place| place & LAST))
}

/// What [`recorded`] reads.
const COLUMNS: &str = "number, at, actor, client, request_id, command, changes";

fn recorded(row: &RowRef<'_>) -> Result<Recorded, StoreError> {
    let number = row.int(0)? & LAST;
    let decoded = decode(row.text(6)?).ok_or_else(|| StoreError::inconsistent("audit", "changes", number))?;
    Ok(Recorded {
        number,
        at: row.int(1)?,
        actor: row.text(2)?.to_owned(),
        client: row.opt_text(3)?.map(str::to_owned),
        request_id: row.text(4)?.to_owned(),
        command: row.text(5)?.to_owned(),
        changes: decoded.changes,
        seats: decoded.seats,
        names_all: decoded.names_all,
        erased: decoded.erased,
    })
}

/// Where an organization's log begins, when entries were taken out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The last entry that was taken out.
    pub entry: i64,
    /// When that was done, in milliseconds since 1970.
    pub at: i64,
    /// What the rows came to after that entry, as text.
    pub(crate) sums: String,
}

impl Reader<'_> {
    /// Where an organization's log begins; `None` when that is with its first entry.
    pub fn checkpoint(&mut self, org: OrgNo) -> Result<Option<Checkpoint>, StoreError> {
        let mut found = None;
        let sql = "SELECT entry, at, sums FROM audit_checkpoints WHERE org = $1";
        self.query(sql, &[Param::Int(org.0)], &mut |row| {
            found = Some(Checkpoint {
                entry: row.int(0)?,
                at: row.int(1)?,
                sums: row.text(2)?.to_owned(),
            });
            Ok(())
        })?;
        Ok(found)
    }

    /// The organizations that have a log: all, and the one that Adobe IDs belong to.
    pub(crate) fn logs(&mut self) -> Result<Vec<OrgNo>, StoreError> {
        let mut orgs = vec![OrgNo::ADOBE_ID];
        orgs.extend(self.organizations()?.into_iter().map(|org| org.no));
        Ok(orgs)
    }

    /// Hands out what changed, from an entry to another, in order.
    pub(crate) fn log_changes(
        &mut self,
        org: OrgNo,
        from: i64,
        to: i64,
        each: &mut dyn FnMut(i64, Decoded) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        self.query(
            "SELECT number, changes FROM audit WHERE number >= $1 AND number <= $2 ORDER BY number",
            &[Param::Int(place(org, from)), Param::Int(place(org, to))],
            &mut |row| {
                let number = row.int(0)? & LAST;
                let decoded = decode(row.text(1)?)
                    .ok_or_else(|| StoreError::inconsistent("audit", "changes", number))?;
                each(number, decoded)
            },
        )
    }

    /// Hands out the sets beside entries, from an entry on, in order: entry, which rows (`None`: members removed with
    /// their group), of what, keys.
    pub(crate) fn log_sets(
        &mut self,
        org: OrgNo,
        from: i64,
        each: &mut EachSet<'_>,
    ) -> Result<(), StoreError> {
        self.query(
            "SELECT entry, keys FROM audit_sets WHERE org = $1 AND entry >= $2 ORDER BY entry, chunk",
            &[Param::Int(org.0), Param::Int(from)],
            &mut |row| {
                let entry = row.int(0)?;
                let (rows, of, keys) = decode_set(row.text(1)?)
                    .ok_or_else(|| StoreError::inconsistent("audit_sets", "keys", entry))?;
                each(entry, rows, of, &keys)
            },
        )
    }

    /// Hands out an organization's log, from an entry on, in order.
    pub fn log(
        &mut self,
        org: OrgNo,
        from: i64,
        each: &mut dyn FnMut(Recorded) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        self.query(
            &format!("SELECT {COLUMNS} FROM audit WHERE number >= $1 AND number <= $2 ORDER BY number"),
            &[Param::Int(place(org, from)), Param::Int(place(org, LAST))],
            &mut |row| each(recorded(row)?),
        )
    }
}
