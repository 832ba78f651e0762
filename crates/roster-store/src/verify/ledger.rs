//! Whether the log adds up to the rows: sums of tables on one side, a checkpoint and what the log adds and takes away
//! on the other, each read once and in pieces that do not depend on one another.

use std::collections::{BTreeMap, BTreeSet};

use roster_core::value::{GroupId, OrgNo};

use super::stretch::Stretch;
use super::sums::{self, Facet, Name, Sums};
use super::{Finding, Limited, log};
use crate::audit::{self, Checkpoint};
use crate::error::StoreError;
use crate::reader::Reader;
use crate::row;

/// Sums by organization.
pub(crate) type ByOrg = BTreeMap<i64, Sums>;

/// Entries counted in one piece.
const STRETCH: i64 = 100_000;

/// Something to be counted by itself.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Piece {
    /// The rows of a table, of all organizations.
    Accounts,
    Members,
    Memberships,
    Others,
    /// Entries of a log, from one number to another.
    Entries(OrgNo, i64, i64),
    /// The sets beside the entries of a log, from a number on.
    Sets(OrgNo, i64),
}

/// What counting gave.
#[derive(Debug)]
pub(crate) enum Counted {
    Rows(ByOrg),
    Log(OrgNo, Box<Read>),
}

/// A stretch of a log that was read.
#[derive(Debug, Default)]
pub(crate) struct Read {
    stretch: Stretch,
    /// Where it begins, and the number that would come next.
    first: i64,
    next: i64,
    /// What is wrong with its entries.
    findings: Vec<Finding>,
    /// Something in it cannot be read, so it does not count.
    unreadable: bool,
}

/// The pieces that have to be counted, the longest first.
pub(super) fn pieces(reader: &mut Reader<'_>) -> Result<Vec<Piece>, StoreError> {
    let mut pieces = vec![Piece::Accounts, Piece::Memberships, Piece::Members, Piece::Others];
    for org in reader.logs()? {
        let mut from = reader.checkpoint(org)?.map_or(0, |checkpoint| checkpoint.entry) + 1;
        pieces.push(Piece::Sets(org, from));
        let newest = reader.newest_entry(org)?;
        while newest - from >= STRETCH {
            pieces.push(Piece::Entries(org, from, from + STRETCH - 1));
            from += STRETCH;
        }
        pieces.push(Piece::Entries(org, from, audit::LAST));
    }
    Ok(pieces)
}

pub(crate) fn count(reader: &mut Reader<'_>, piece: Piece) -> Result<Counted, StoreError> {
    Ok(match piece {
        Piece::Accounts => Counted::Rows(accounts(reader)?),
        Piece::Members => Counted::Rows(members(reader)?),
        Piece::Memberships => Counted::Rows(memberships(reader)?),
        Piece::Others => Counted::Rows(others(reader)?),
        Piece::Entries(org, first, last) => Counted::Log(org, Box::new(entries(reader, org, first, last)?)),
        Piece::Sets(org, first) => Counted::Log(org, Box::new(sets(reader, org, first)?)),
    })
}

/// Compares what was counted, in the order of [`pieces`]. Where the log is whole and does not add up, it is replayed,
/// which says of what row.
pub(super) fn conclude(
    reader: &mut Reader<'_>,
    counted: Vec<Counted>,
    findings: &mut Vec<Finding>,
) -> Result<(), StoreError> {
    let mut rows = ByOrg::new();
    let mut logs: BTreeMap<OrgNo, Read> = BTreeMap::new();
    for counted in counted {
        match counted {
            Counted::Rows(sums) => {
                for (org, sums) in sums {
                    rows.entry(org).or_default().plus(&sums);
                }
            }
            Counted::Log(org, read) => logs.entry(org).or_default().take(org, *read),
        }
    }
    let orgs: BTreeSet<OrgNo> = logs
        .keys()
        .copied()
        .chain(rows.keys().map(|org| OrgNo(*org)))
        .collect();
    for org in orgs {
        let mut read = logs.remove(&org).unwrap_or_default();
        findings.append(&mut read.findings);
        if read.unreadable {
            continue;
        }
        let checkpoint = reader.checkpoint(org)?;
        let mut logged = read.stretch;
        logged.settle();
        if let Some(before) = &checkpoint {
            let Some(sums) = Sums::decode(&before.sums) else {
                Limited::new("the log is whole", findings).add(
                    format!("audit_checkpoints {org}"),
                    "something else".to_owned(),
                    "the sums of the rows".to_owned(),
                );
                continue;
            };
            logged.sums.plus(&sums);
        }
        let tables = logged.sums.differing(&rows.remove(&org.0).unwrap_or_default());
        if tables.is_empty() {
            continue;
        }
        if let Some(checkpoint) = checkpoint {
            pruned(org, &checkpoint, &tables, findings);
            continue;
        }
        let known = findings.len();
        log::verify(reader, org, findings)?;
        // What a mirror took over is not named in entries of the first form, and only the replay allows for it.
        if findings.len() == known && !logged.took_over_unnamed {
            let mut found = Limited::new("the log agrees with itself", findings);
            for table in tables {
                found.add(
                    format!("audit {org}"),
                    format!("to take rows of {table} away that it never gave"),
                    "adding up to the rows".to_owned(),
                );
            }
        }
    }
    Ok(())
}

/// The rows cannot be named when their beginnings are gone.
fn pruned(org: OrgNo, checkpoint: &Checkpoint, tables: &[&str], findings: &mut Vec<Finding>) {
    let mut found = Limited::new("the log since its checkpoint gives the rows", findings);
    for table in tables {
        found.add(
            format!("{table} of organization {org}"),
            "something else".to_owned(),
            format!(
                "as the log says from entry {} on (the entries before were taken out, so the row cannot be named: \
                 compare with a backup that verifies clean)",
                checkpoint.entry + 1
            ),
        );
    }
}

impl Read {
    /// Adds what comes after.
    fn take(&mut self, org: OrgNo, next: Self) {
        self.stretch.sums.plus(&next.stretch.sums);
        self.stretch.events.extend(next.stretch.events);
        self.stretch.took_over_unnamed |= next.stretch.took_over_unnamed;
        self.findings.extend(next.findings);
        self.unreadable |= next.unreadable;
        // Sets have no numbers of their own.
        if next.first == 0 {
            return;
        }
        if self.next != 0 && self.next != next.first {
            Limited::new("the log is whole", &mut self.findings).add(
                format!("audit {org} {}", self.next),
                "no entry".to_owned(),
                "one".to_owned(),
            );
        }
        self.next = next.next;
    }
}

fn entries(reader: &mut Reader<'_>, org: OrgNo, first: i64, last: i64) -> Result<Read, StoreError> {
    let mut read = Read {
        first,
        next: first,
        ..Read::default()
    };
    let mut found = Limited::new("the log is whole", &mut read.findings);
    let (next, stretch) = (&mut read.next, &mut read.stretch);
    let ended = reader.log_changes(org, first, last, &mut |number, decoded| {
        if number != *next {
            found.add(
                format!("audit {org} {number}"),
                "this entry".to_owned(),
                next.to_string(),
            );
        }
        *next = number + 1;
        for change in &decoded.changes {
            stretch.change(change, decoded.names_all, &decoded.erased);
        }
        Ok(())
    });
    read.unreadable = unreadable(org, ended, &mut read.findings)?;
    Ok(read)
}

fn sets(reader: &mut Reader<'_>, org: OrgNo, first: i64) -> Result<Read, StoreError> {
    let mut read = Read::default();
    let stretch = &mut read.stretch;
    let ended = reader.log_sets(org, first, &mut |_, rows, of, keys| {
        stretch.set(rows, of, keys);
        Ok(())
    });
    read.unreadable = unreadable(org, ended, &mut read.findings)?;
    Ok(read)
}

/// Whether reading came upon something that is no entry.
fn unreadable(
    org: OrgNo,
    ended: Result<(), StoreError>,
    findings: &mut Vec<Finding>,
) -> Result<bool, StoreError> {
    match ended {
        Ok(()) => Ok(false),
        Err(StoreError::Inconsistent { table, row, .. }) => {
            Limited::new("the log is whole", findings).add(
                format!("{table} {org} {row}"),
                "something else".to_owned(),
                "a list of changes".to_owned(),
            );
            Ok(true)
        }
        Err(error) => Err(error),
    }
}

/// The pieces that give what the rows came to before some entry of each log: all rows, and what came after.
pub(crate) fn pieces_before(logs: &[(OrgNo, i64)]) -> Vec<Piece> {
    let mut pieces = vec![Piece::Accounts, Piece::Memberships, Piece::Members, Piece::Others];
    for (org, from) in logs {
        pieces.push(Piece::Entries(*org, *from, audit::LAST));
        pieces.push(Piece::Sets(*org, *from));
    }
    pieces
}

/// What the rows came to: those of now, without what the log has added since. So the log adds up from there on by
/// definition; that it did so before has to be checked first.
pub(crate) fn before(counted: Vec<Counted>) -> Result<BTreeMap<OrgNo, Sums>, StoreError> {
    let (mut rows, mut logs) = (ByOrg::new(), BTreeMap::<OrgNo, Read>::new());
    for counted in counted {
        match counted {
            Counted::Rows(sums) => {
                for (org, sums) in sums {
                    rows.entry(org).or_default().plus(&sums);
                }
            }
            Counted::Log(org, read) => logs.entry(org).or_default().take(org, *read),
        }
    }
    let mut sums = BTreeMap::new();
    for (org, mut read) in logs {
        if read.unreadable {
            return Err(StoreError::inconsistent("audit", "changes", read.first));
        }
        read.stretch.settle();
        let mut before = rows.remove(&org.0).unwrap_or_default();
        before.minus(&read.stretch.sums);
        sums.insert(org, before);
    }
    Ok(sums)
}

fn accounts(reader: &mut Reader<'_>) -> Result<ByOrg, StoreError> {
    let mut rows = ByOrg::new();
    let sql = format!("SELECT {} FROM accounts", row::ACCOUNT);
    reader.query(&sql, &[], &mut |row| {
        let id = row.int(0)?;
        let sums = rows.entry(id >> 40).or_default();
        let name = Name {
            username: row.text(4)?,
            email: row.text(5)?,
            domain: row.text(6)?,
            firstname: row.opt_text(7)?,
            lastname: row.opt_text(8)?,
        };
        sums.add(
            Facet::Accounts,
            sums::account(id, row.text(1)?, row.int(2)?, row.text(3)?),
        );
        sums.add(Facet::Persons, sums::person(id, &name));
        sums.add(Facet::Persons, sums::country(id, row.text(9)?));
        sums.add(Facet::Statuses, sums::status(id, row.text(10)?));
        Ok(())
    })?;
    Ok(rows)
}

fn members(reader: &mut Reader<'_>) -> Result<ByOrg, StoreError> {
    let mut rows = ByOrg::new();
    reader.query("SELECT org, account, seq FROM members", &[], &mut |row| {
        let sums = rows.entry(row.int(0)?).or_default();
        sums.add(Facet::Members, sums::member(row.int(1)?, row.int(2)?));
        Ok(())
    })?;
    Ok(rows)
}

fn memberships(reader: &mut Reader<'_>) -> Result<ByOrg, StoreError> {
    let mut rows = ByOrg::new();
    reader.query(
        "SELECT org, account, grp, seq FROM memberships",
        &[],
        &mut |row| {
            let sums = rows.entry(row.int(0)?).or_default();
            sums.add(
                Facet::Memberships,
                sums::membership(row.int(1)?, row.int(2)?, row.int(3)?),
            );
            Ok(())
        },
    )?;
    Ok(rows)
}

/// The tables that stay small. What cannot be read does not count, and is found by other rules.
fn others(reader: &mut Reader<'_>) -> Result<ByOrg, StoreError> {
    let mut rows = ByOrg::new();
    reader.query(&format!("SELECT {} FROM groups", row::GROUP), &[], &mut |row| {
        if let Ok(group) = row::group(row) {
            let quota = group.profile.as_ref().and_then(|profile| profile.quota);
            let named = sums::group_name(group.id, &group.name, group.description.as_deref());
            let sums = rows.entry(group.org.0).or_default();
            sums.add(Facet::Groups, sums::group(&group));
            sums.add(Facet::GroupNames, named);
            sums.add(Facet::Quotas, sums::quota(GroupId(group.id.0), quota));
        }
        Ok(())
    })?;
    reader.query("SELECT org, grp, profile, seq FROM links", &[], &mut |row| {
        let sums = rows.entry(row.int(0)?).or_default();
        sums.add(Facet::Links, sums::link(row.int(1)?, row.int(2)?, row.int(3)?));
        Ok(())
    })?;
    reader.query(
        &format!("SELECT {} FROM products", row::PRODUCT),
        &[],
        &mut |row| {
            let product = row::product(row)?;
            let sums = rows.entry(product.org.0).or_default();
            sums.add(Facet::Products, sums::product(&product));
            Ok(())
        },
    )?;
    reader.query(&format!("SELECT {} FROM domains", row::DOMAIN), &[], &mut |row| {
        let domain = row::domain(row)?;
        let sums = rows.entry(domain.org.0).or_default();
        sums.add(Facet::Domains, sums::domain(&domain));
        Ok(())
    })?;
    // The directory of all Adobe IDs, and their owner, are there from the beginning.
    let sql = format!(
        "SELECT {} FROM directories d WHERE d.directory <> 0",
        row::DIRECTORY
    );
    reader.query(&sql, &[], &mut |row| {
        if let Ok(directory) = row::directory(row) {
            let sums = rows.entry(directory.org.0).or_default();
            sums.add(Facet::Directories, sums::directory(&directory));
        }
        Ok(())
    })?;
    let sql = "SELECT d.org, r.directory, r.org FROM relations r JOIN directories d ON d.directory = r.directory \
               WHERE r.relation = 'trusted'";
    reader.query(sql, &[], &mut |row| {
        let sums = rows.entry(row.int(0)?).or_default();
        sums.add(Facet::Relations, sums::trusted(row.int(1)?, row.int(2)?));
        Ok(())
    })?;
    let sql = format!("SELECT {} FROM organizations WHERE org <> 0", row::ORGANIZATION);
    reader.query(&sql, &[], &mut |row| {
        if let Ok(org) = row::organization(row) {
            let sums = rows.entry(org.no.0).or_default();
            let digest = sums::settings(&org.name, org.state, &org.identity_types);
            sums.add(Facet::Settings, digest);
        }
        Ok(())
    })?;
    Ok(rows)
}
