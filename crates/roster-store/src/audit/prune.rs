//! Letting a log begin later: a checkpoint says what the rows came to after the last entry that goes, and the entries
//! before it are deleted in small transactions.
//!
//! The checkpoint comes first, so a run that is killed leaves entries that do not count any more, and the next one
//! removes them. Numbers go on; the log says that it was done.

use roster_core::value::OrgNo;

use super::erase::overwrite;
use super::{Checkpoint, Entry, LAST, place};
use crate::Store;
use crate::conn::Param;
use crate::error::StoreError;
use crate::reader::Reader;
use crate::verify::ledger;
use crate::verify::sums::Sums;

/// Entries deleted in one transaction.
const DELETED: i64 = 500;

/// What is to be taken out of logs.
#[derive(Debug, Clone)]
pub struct Retention {
    /// The last entry of each log that goes.
    pub logs: Vec<(OrgNo, i64)>,
    /// Who asks, for the log.
    pub actor: String,
    /// When, in milliseconds since 1970.
    pub at: i64,
    /// Whether the entries were written to a file before.
    pub exported: bool,
}

/// What was taken out of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pruned {
    /// Whose log.
    pub org: OrgNo,
    /// The first entry that went.
    pub first: i64,
    /// The last one.
    pub last: i64,
}

impl Store {
    /// Takes the oldest entries out of logs, beside programs that read and write them. The log has to agree with the rows
    /// (see [`Store::verify`]), because what comes before a checkpoint cannot be checked any more.
    pub async fn prune(&self, retention: Retention) -> Result<Vec<Pruned>, StoreError> {
        let logs: Vec<(OrgNo, i64)> = retention
            .logs
            .iter()
            .map(|(org, last)| (*org, last + 1))
            .collect();
        let orgs: Vec<OrgNo> = logs.iter().map(|(org, _)| *org).collect();
        let states = self
            .read_beside(
                move |_| Ok(ledger::pieces_before(&logs)),
                |reader, piece| ledger::count(reader, *piece),
                move |reader: &mut Reader<'_>, counted| {
                    let mut sums = ledger::before(counted)?;
                    let state = |org: OrgNo| {
                        Ok(State {
                            org,
                            sums: sums.remove(&org).unwrap_or_default(),
                            newest: reader.newest_entry(org)?,
                            checkpoint: reader.checkpoint(org)?,
                        })
                    };
                    orgs.into_iter()
                        .map(state)
                        .collect::<Result<Vec<_>, StoreError>>()
                },
            )
            .await?;
        let mut pruned = Vec::new();
        for (state, (org, last)) in states.into_iter().zip(retention.logs.clone()) {
            let first = state.checkpoint.as_ref().map_or(0, |before| before.entry) + 1;
            self.set_checkpoint(state, last, &retention).await?;
            self.finish_pruning(org).await?;
            pruned.push(Pruned { org, first, last });
        }
        Ok(pruned)
    }

    /// From here on the log begins after `last`, in one transaction with the entry that says so.
    async fn set_checkpoint(&self, state: State, last: i64, retention: &Retention) -> Result<(), StoreError> {
        let retention = retention.clone();
        self.write(vec![state.org], move |writer| {
            let org = state.org;
            let first = state.checkpoint.as_ref().map_or(0, |before| before.entry) + 1;
            // Erasing changes what earlier entries come to, and another run would have counted from elsewhere.
            let since = [
                Param::Int(place(org, state.newest + 1)),
                Param::Int(place(org, LAST)),
            ];
            let sql = "SELECT COUNT(*) FROM audit WHERE number >= $1 AND number <= $2 AND command LIKE '{\"audit%'";
            if writer.checkpoint(org)? != state.checkpoint || writer.number(sql, &since)? != Some(0) {
                return Err(StoreError::GivenUp(
                    "somebody else erased from the log or pruned it meanwhile".to_owned(),
                ));
            }
            let row = [
                Param::Int(org.0),
                Param::Int(last),
                Param::Int(retention.at),
                Param::Owned(state.sums.encode()),
            ];
            writer.execute(
                "INSERT INTO audit_checkpoints (org, entry, at, sums) VALUES ($1, $2, $3, $4)
                 ON CONFLICT (org) DO UPDATE SET entry = excluded.entry, at = excluded.at, sums = excluded.sums",
                &row,
            )?;
            let command = serde_json::json!({ "auditPrune": {
                "entries": format!("{first}-{last}"), "count": last + 1 - first, "exported": retention.exported
            }});
            writer.apply(&Entry {
                org: Some(org),
                at: retention.at,
                actor: retention.actor.clone(),
                client: None,
                request_id: String::new(),
                command: command.to_string(),
                changes: Vec::new(),
            })
        })
        .await
    }

    /// Deletes the entries that stand before an organization's checkpoint; how many numbers that were.
    pub async fn finish_pruning(&self, org: OrgNo) -> Result<i64, StoreError> {
        let left = self
            .read(move |reader| {
                let Some(last) = reader.checkpoint(org)?.map(|before| before.entry) else {
                    return Ok(None);
                };
                let sql = "SELECT MIN(number) FROM audit WHERE number >= $1 AND number <= $2";
                let range = [Param::Int(place(org, 0)), Param::Int(place(org, last))];
                let first = reader
                    .number(sql, &range)?
                    .map_or(last + 1, |number| number & LAST);
                Ok(Some((first, last)))
            })
            .await?;
        let Some((first, last)) = left else {
            return Ok(0);
        };
        let mut next = first;
        // Sets may be left when the entries are gone.
        while next <= last || next == first {
            let until = last.min(next + DELETED - 1);
            self.write(vec![org], move |writer| {
                overwrite(writer)?;
                let sets = [Param::Int(org.0), Param::Int(until)];
                writer.execute("DELETE FROM audit_sets WHERE org = $1 AND entry <= $2", &sets)?;
                let range = [Param::Int(place(org, 0)), Param::Int(place(org, until))];
                writer.execute("DELETE FROM audit WHERE number >= $1 AND number <= $2", &range)
            })
            .await?;
            next = until.max(next) + 1;
        }
        Ok(last + 1 - first)
    }
}

/// A log before it is pruned.
#[derive(Debug)]
struct State {
    org: OrgNo,
    /// What the rows came to after the last entry that goes.
    sums: Sums,
    newest: i64,
    checkpoint: Option<Checkpoint>,
}

/// What of a log is older than a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Older {
    /// The first and the last entry that can go: from where the log begins.
    pub gone: Option<(i64, i64)>,
    /// Those that have to stay.
    pub kept: Option<Kept>,
}

/// So many entries are looked at: hardly ever is there any, and a log is long.
const LOOKED_AT: i64 = 100_000;

/// Entries that are older than a moment, and stand behind one that is not: the clock went backwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kept {
    /// The entry that they stand behind.
    pub behind: i64,
    /// When that one says that it was recorded, in milliseconds since 1970.
    pub at: i64,
    /// How many they are, among the next 100,000.
    pub count: i64,
}

impl Reader<'_> {
    /// The entries of a log that are older than `moment`: from where it begins up to before the first one that is not. An entry of
    /// a time that is yet to come, by `now`, was recorded by a clock that was ahead, and counts as what comes after it does.
    pub fn older(&mut self, org: OrgNo, moment: i64, now: i64) -> Result<Older, StoreError> {
        let first = self.checkpoint(org)?.map_or(0, |before| before.entry) + 1;
        let from = |entry: i64| [Param::Int(place(org, entry)), Param::Int(place(org, LAST))];
        let sql = "SELECT number FROM audit WHERE number >= $1 AND number <= $2 AND at >= $3 AND at <= $4 ORDER BY number LIMIT 1";
        let range = [&from(first)[..], &[Param::Int(moment), Param::Int(now)]].concat();
        let behind = self.number(sql, &range)?.map(|number| number & LAST);
        // What is ahead with nothing after it that is older counts as recorded now.
        let sql = "SELECT MAX(number) FROM audit WHERE number >= $1 AND number <= $2 AND at < $3";
        let until = behind.map_or(LAST, |behind| behind - 1);
        let range = [
            Param::Int(place(org, first)),
            Param::Int(place(org, until)),
            Param::Int(moment),
        ];
        let gone = self.number(sql, &range)?.map(|number| (first, number & LAST));
        let Some(behind) = behind else {
            return Ok(Older { gone, kept: None });
        };
        let sql = "SELECT COUNT(*) FROM audit WHERE number >= $1 AND number <= $2 AND at < $3";
        let range = [
            Param::Int(place(org, behind)),
            Param::Int(place(org, LAST.min(behind + LOOKED_AT))),
            Param::Int(moment),
        ];
        let count = self.number(sql, &range)?.unwrap_or_default();
        let sql = "SELECT at FROM audit WHERE number = $1";
        let at = self.number(sql, &[Param::Int(place(org, behind))])?;
        let kept = at.filter(|_| count > 0).map(|at| Kept { behind, at, count });
        Ok(Older { gone, kept })
    }
}
