//! From changes to statements, with everything that is derived from them: counters, the domain and listed
//! columns of the Users list, licence queues, and the audit entry beside each.

mod accounts;
mod configured;
mod groups;
mod seats;
mod sets;
mod tally;

use std::collections::{BTreeMap, BTreeSet};

use roster_core::change::Change;
use roster_core::value::{AccountId, GroupId, OrgNo, ProductId};

use crate::audit::{self, Entry, Happened};
use crate::conn::{Conn, Param};
use crate::error::StoreError;
use crate::held::Held;
use tally::Tally;

/// What has to be known of an account to count it.
#[derive(Debug, Clone)]
struct Counted {
    domain: String,
    kind: &'static str,
    listed: bool,
}

/// Applies entries of one job. What several of them change (counters, the next place, the next number of a log) is
/// kept in memory and written once, by [`Applier::finish`]: until then nobody may read it from the rows.
pub(crate) struct Applier<'c> {
    conn: &'c mut Conn,
    /// The organizations locked; `None` where the database has one writer at a time.
    locked: Option<&'c BTreeSet<i64>>,
    /// What the writer keeps of the rows it loads.
    held: Option<&'c mut Held>,
    tally: Tally,
    accounts: BTreeMap<AccountId, Counted>,
    /// (product, queued) of profiles met.
    profiles: BTreeMap<GroupId, (ProductId, bool)>,
    /// Products whose seats have to be brought in order, with their organization.
    unsettled: BTreeSet<(OrgNo, ProductId)>,
    /// Products whose holders have to be counted anew after a change of a set.
    recount: BTreeSet<ProductId>,
    /// Rows removed or given by changes of sets, and seats granted and lost, by organization.
    followed: BTreeMap<OrgNo, Vec<Happened>>,
    /// The first place after all that were taken, by organization.
    next: BTreeMap<OrgNo, i64>,
    /// The newest number of each log written to.
    numbers: BTreeMap<OrgNo, i64>,
    generation: bool,
}

fn created_org(change: &Change) -> Option<i64> {
    match change {
        Change::Configured(roster_core::change::Configured::OrgCreated(org)) => Some(org.no.0),
        _ => None,
    }
}

impl<'c> Applier<'c> {
    pub(crate) fn new(
        conn: &'c mut Conn,
        locked: Option<&'c BTreeSet<i64>>,
        held: Option<&'c mut Held>,
    ) -> Self {
        Self {
            conn,
            locked,
            held,
            tally: Tally::default(),
            accounts: BTreeMap::new(),
            profiles: BTreeMap::new(),
            unsettled: BTreeSet::new(),
            recount: BTreeSet::new(),
            followed: BTreeMap::new(),
            next: BTreeMap::new(),
            numbers: BTreeMap::new(),
            generation: false,
        }
    }

    /// Applies an entry: every change, what follows from it, and the record of both.
    pub(crate) fn entry(&mut self, entry: &Entry) -> Result<(), StoreError> {
        self.check_locks(entry)?;
        for change in &entry.changes {
            self.change(change)?;
        }
        for product in std::mem::take(&mut self.recount) {
            self.recount_product(product)?;
        }
        for (org, product) in std::mem::take(&mut self.unsettled) {
            self.settle(org, product)?;
        }
        let followed = std::mem::take(&mut self.followed);
        audit::record(self.conn, entry, followed, &mut self.numbers)
    }

    /// Writes what the entries have in common.
    pub(crate) fn finish(self) -> Result<(), StoreError> {
        self.tally.write(self.conn, self.next, self.held)?;
        if self.generation {
            raise_generation(self.conn)?;
        }
        Ok(())
    }

    fn check_locks(&self, entry: &Entry) -> Result<(), StoreError> {
        let Some(locked) = self.locked else {
            return Ok(());
        };
        let missing: BTreeSet<i64> = entry
            .changes
            .iter()
            .map(|change| change.org().0)
            .chain(entry.org.map(|org| org.0))
            .filter(|org| !locked.contains(org))
            .collect();
        // An organization that is being created has no row to lock.
        let created: BTreeSet<i64> = entry.changes.iter().filter_map(created_org).collect();
        let missing: Vec<i64> = missing.difference(&created).copied().collect();
        if missing.is_empty() {
            Ok(())
        } else {
            Err(StoreError::NeedsLock(missing))
        }
    }

    fn change(&mut self, change: &Change) -> Result<(), StoreError> {
        match change {
            Change::AccountCreated(account) => self.create_account(account),
            Change::AccountUpdated {
                account,
                before,
                after,
            } => self.update_account(*account, before, after),
            Change::AccountStatusSet { account, after, .. } => self.set_status(*account, *after),
            Change::AccountDeleted(account) => self.delete_account(account),
            Change::MemberJoined { org, account, seq } => self.join_org(*org, *account, *seq),
            Change::MemberLeft { org, account, seq } => self.leave_org(*org, *account, *seq),
            Change::GroupCreated(group) => self.create_group(group),
            Change::GroupUpdated { group, after, .. } => self.update_group(*group, after),
            Change::GroupDeleted(group) => self.delete_group(group),
            Change::Joined {
                org,
                group,
                account,
                seq,
                entered,
            } => self.join(*org, *group, *account, *seq, entered),
            Change::Left {
                org,
                group,
                account,
                left,
                ..
            } => self.leave(*org, *group, *account, left),
            Change::Linked {
                org,
                group,
                profile,
                seq,
            } => self.link(*org, *group, *profile, *seq),
            Change::Unlinked {
                org, group, profile, ..
            } => self.unlink(*org, *group, *profile),
            Change::Configured(configured) => self.configure(configured),
        }
    }

    fn execute(&mut self, sql: &str, params: &[Param<'_>]) -> Result<u64, StoreError> {
        let rows = self.conn.execute(sql, params)?;
        if let Some(held) = &mut self.held {
            held.wrote(sql, rows);
        }
        Ok(rows)
    }

    fn take(&mut self, org: OrgNo, place: i64) {
        let next = self.next.entry(org).or_default();
        *next = (*next).max(place + 1);
    }
}

/// Tells every process that what it holds in memory is old.
pub(crate) fn raise_generation(conn: &mut Conn) -> Result<(), StoreError> {
    conn.execute("UPDATE generation SET value = value + 1", &[])
        .map(drop)
}
