//! The groups that people of a page show.

use std::collections::BTreeMap;

use roster_core::listing::GroupLabel;
use roster_core::org::GroupKind;
use roster_core::value::OrgNo;

use super::sql::Sql;
use crate::conn::RowRef;
use crate::error::StoreError;
use crate::reader::Reader;
use crate::row::{group_kind, inconsistent};

/// A direct membership.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Membership {
    pub(super) account: i64,
    pub(super) group: i64,
    pub(super) seq: i64,
}

/// A range of accounts is read as a whole if it holds at most this many times the people wanted.
const DENSE: i64 = 2;
/// And if their numbers span at most this many times their count, so that finding out stays cheap.
const SPAN: i64 = 64;

/// The direct memberships of people in one organization, by account.
pub(super) fn memberships(
    reader: &mut Reader<'_>,
    org: OrgNo,
    mut accounts: Vec<i64>,
) -> Result<Vec<Membership>, StoreError> {
    accounts.sort_unstable();
    let (Some(&first), Some(&last)) = (accounts.first(), accounts.last()) else {
        return Ok(Vec::new());
    };
    let mut sql = Sql::of_block(reader.packs(), "account, grp, seq");
    sql.push(" FROM memberships WHERE org = ").bind(org.0);
    sql.push(" AND account ");
    let dense = is_dense(reader, org, &accounts)?;
    if dense {
        sql.push(">= ").bind(first).push(" AND account <= ").bind(last);
    } else {
        sql.push("IN ").list(reader, &accounts);
    }
    let block = sql.block::<3, 0>(reader)?;
    let mut found = Vec::with_capacity(block.len() / size_of::<Membership>());
    block.numbers(|_, [account, group, seq]| found.push(Membership { account, group, seq }))?;
    // They come along an index, so they mostly are in order.
    if !found.is_sorted() {
        found.sort_unstable();
    }
    if dense && last - first >= count(&accounts) {
        let mut wanted = accounts.iter().copied().peekable();
        found.retain(|membership| {
            while wanted.next_if(|next| *next < membership.account).is_some() {}
            wanted.peek() == Some(&membership.account)
        });
    }
    Ok(found)
}

fn count(accounts: &[i64]) -> i64 {
    i64::try_from(accounts.len()).unwrap_or(i64::MAX)
}

/// Whether nearly all accounts between the first and the last are among those wanted: then one range is read, which
/// is several times faster than looking each of them up.
fn is_dense(reader: &mut Reader<'_>, org: OrgNo, sorted: &[i64]) -> Result<bool, StoreError> {
    let (Some(&first), Some(&last)) = (sorted.first(), sorted.last()) else {
        return Ok(false);
    };
    let (count, span) = (count(sorted), last.saturating_sub(first));
    if span < count.saturating_mul(DENSE) {
        return Ok(true);
    }
    if count < 16 || span > count.saturating_mul(SPAN) {
        return Ok(false);
    }
    let people = people_between(org, first, last).count(reader)?;
    Ok(people <= count.saturating_mul(DENSE).unsigned_abs())
}

/// How many members have a number in a range. Without the plus SQLite would walk through the whole organization.
fn people_between(org: OrgNo, first: i64, last: i64) -> Sql<'static> {
    let mut sql = Sql::new("SELECT COUNT(*) FROM members WHERE account >= ");
    sql.bind(first).push(" AND account <= ").bind(last);
    sql.push(" AND +org = ").bind(org.0);
    sql
}

/// What is shown first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Class {
    UserGroup,
    Profile,
    Admin,
}

#[derive(Debug)]
struct Named {
    id: i64,
    kind: GroupKind,
    class: Class,
    name: String,
}

/// Memberships of some people, and the names of their groups.
#[derive(Debug, Default)]
pub(super) struct Labels {
    memberships: Vec<Membership>,
    /// By id.
    names: Vec<Named>,
    places: Places,
    /// The profiles that a user group is linked to, each with the link's place; only where they are to be shown.
    links: BTreeMap<i64, Vec<(i64, i64)>>,
}

impl Labels {
    /// Names the groups of `memberships` (which are sorted by account), and with `inherited` also the profiles
    /// linked to them.
    pub(super) fn new(
        reader: &mut Reader<'_>,
        org: OrgNo,
        memberships: Vec<Membership>,
        inherited: bool,
    ) -> Result<Self, StoreError> {
        let mut met = distinct(memberships.iter().map(|membership| membership.group));
        let mut labels = Self {
            memberships,
            ..Self::default()
        };
        if met.is_empty() {
            return Ok(labels);
        }
        if inherited {
            let links = &mut labels.links;
            let mut sql = Sql::new("SELECT grp, profile, seq FROM links WHERE org = ");
            sql.bind(org.0).push(" AND grp IN ").list(reader, &met);
            sql.rows(reader, |row| {
                let profile = row.int(1)?;
                links.entry(row.int(0)?).or_default().push((profile, row.int(2)?));
                met.push(profile);
                Ok(())
            })?;
            met.sort_unstable();
            met.dedup();
        }
        labels.names = names(reader, &met)?;
        labels.places = Places::of(&labels.names);
        Ok(labels)
    }

    /// What one person is a direct member of, in a single statement: people are looked up more often than listed.
    pub(super) fn direct(reader: &mut Reader<'_>, org: OrgNo, account: i64) -> Result<Self, StoreError> {
        let sql = groups_of(org, account);
        let mut labels = Self::default();
        sql.rows(reader, |row| {
            let group = row.int(5)?;
            if row.opt_int(0)?.is_none() {
                return Err(inconsistent("memberships", "grp", group));
            }
            labels.names.push(named(row)?);
            let seq = row.int(6)?;
            labels.memberships.push(Membership { account, group, seq });
            Ok(())
        })?;
        labels.memberships.sort_unstable();
        labels.names.sort_unstable_by_key(|named| named.id);
        Ok(labels)
    }

    /// The labels of one person, in order; `scratch` saves allocations.
    pub(super) fn of<'s>(
        &'s self,
        account: i64,
        scratch: &mut Scratch,
        out: &mut Vec<GroupLabel<'s>>,
    ) -> Result<(), StoreError> {
        out.clear();
        scratch.found.clear();
        let start = self.start(account, scratch.next);
        let rows = self.memberships.get(start..).unwrap_or_default();
        let mut count = 0;
        for membership in rows.iter().take_while(|m| m.account == account) {
            count += 1;
            self.add(membership.group, membership.seq, scratch)?;
            if self.links.is_empty() {
                continue;
            }
            for (profile, place) in self.links.get(&membership.group).into_iter().flatten() {
                self.add(*profile, (*place).max(membership.seq), scratch)?;
            }
        }
        scratch.next = start + count;
        scratch.found.sort_unstable();
        for (index, (_, _, named)) in scratch.found.iter().enumerate() {
            // Who is in a profile by several routes shows it once, where the first of them stands.
            let again = |seen: &[(Class, i64, usize)]| seen.iter().any(|(_, _, other)| other == named);
            if !self.links.is_empty() && again(scratch.found.get(..index).unwrap_or_default()) {
                continue;
            }
            if let Some(named) = self.names.get(*named) {
                out.push(GroupLabel {
                    kind: named.kind,
                    name: &named.name,
                });
            }
        }
        Ok(())
    }

    /// What a group met is, and its name.
    pub(super) fn named(&self, group: i64) -> Result<(GroupKind, &str), StoreError> {
        let named = self.names.get(self.index(group)?);
        named
            .map(|named| (named.kind, named.name.as_str()))
            .ok_or_else(|| inconsistent("memberships", "grp", group))
    }

    /// The profiles that a group met is linked to.
    pub(super) fn profiles_of(&self, group: i64) -> impl Iterator<Item = i64> + '_ {
        self.links
            .get(&group)
            .into_iter()
            .flatten()
            .map(|(profile, _)| *profile)
    }

    /// Where somebody's memberships begin. People mostly come in the order of accounts, so `guess` is where those of the
    /// one before ended.
    fn start(&self, account: i64, guess: usize) -> usize {
        let of = |at: usize| self.memberships.get(at).map(|membership| membership.account);
        let is_behind = guess == 0 || of(guess - 1).is_some_and(|before| before < account);
        if is_behind && of(guess).is_none_or(|next| next >= account) {
            return guess;
        }
        self.memberships.partition_point(|m| m.account < account)
    }

    fn index(&self, group: i64) -> Result<usize, StoreError> {
        let index = match self.places.get(group) {
            Some(index) => Some(index),
            None => self.names.binary_search_by_key(&group, |named| named.id).ok(),
        };
        index.ok_or_else(|| inconsistent("memberships", "grp", group))
    }

    fn add(&self, group: i64, place: i64, scratch: &mut Scratch) -> Result<(), StoreError> {
        let index = self.index(group)?;
        let class = self.names.get(index).map_or(Class::Admin, |named| named.class);
        scratch.found.push((class, place, index));
        Ok(())
    }
}

/// Room for the labels of one person while they are put in order.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    found: Vec<(Class, i64, usize)>,
    /// Where the memberships of the next account begin.
    next: usize,
}

/// Numbers of groups that span at most this much are told apart by a table.
const TABLE: usize = 1 << 16;

/// The numbers that occur, in order.
fn distinct(groups: impl Iterator<Item = i64> + Clone) -> Vec<i64> {
    let (low, high) = groups.clone().fold((i64::MAX, i64::MIN), |(low, high), group| {
        (low.min(group), high.max(group))
    });
    let Some(size) = table_size(low, high) else {
        let mut met: Vec<i64> = groups.collect();
        met.sort_unstable();
        met.dedup();
        return met;
    };
    let mut met = vec![false; size];
    for group in groups {
        if let Some(one) = place(low, group).and_then(|at| met.get_mut(at)) {
            *one = true;
        }
    }
    let numbers = (low..=high).zip(met);
    numbers.filter(|(_, met)| *met).map(|(group, _)| group).collect()
}

fn table_size(low: i64, high: i64) -> Option<usize> {
    let span = place(low, high).filter(|span| *span < TABLE)?;
    Some(span + 1)
}

fn place(low: i64, group: i64) -> Option<usize> {
    usize::try_from(group.checked_sub(low)?).ok()
}

/// Where groups stand in a list, by their numbers, if these lie close together.
#[derive(Debug, Default)]
struct Places {
    low: i64,
    table: Vec<Option<u16>>,
}

impl Places {
    fn of(names: &[Named]) -> Self {
        let (Some(first), Some(last)) = (names.first(), names.last()) else {
            return Self::default();
        };
        let (low, size) = (first.id, table_size(first.id, last.id).unwrap_or_default());
        let mut table = vec![None; size];
        for (index, named) in names.iter().enumerate() {
            if let Some(slot) = place(low, named.id).and_then(|at| table.get_mut(at)) {
                *slot = u16::try_from(index).ok();
            }
        }
        Self { low, table }
    }

    fn get(&self, group: i64) -> Option<usize> {
        let slot = place(self.low, group).and_then(|at| self.table.get(at).copied());
        slot.flatten().map(usize::from)
    }
}

/// The full names of groups, by number; those that are gone have none.
pub(crate) fn group_names(
    reader: &mut Reader<'_>,
    groups: &[i64],
) -> Result<BTreeMap<i64, String>, StoreError> {
    let named = names(reader, groups)?.into_iter();
    Ok(named
        .map(|named| {
            let label = GroupLabel {
                kind: named.kind,
                name: &named.name,
            };
            (named.id, label.full_name())
        })
        .collect())
}

/// What [`named`] reads.
const NAMED: &str = "g.grp, g.kind, g.base, g.product, COALESCE(b.name, p.name, g.name)";

fn named(row: &RowRef<'_>) -> Result<Named, StoreError> {
    let id = row.int(0)?;
    let kind = group_kind(id, row.text(1)?, row.opt_int(2)?, row.opt_int(3)?)?;
    Ok(Named {
        id,
        kind,
        class: match kind {
            GroupKind::UserGroup => Class::UserGroup,
            GroupKind::Profile(_) => Class::Profile,
            _ => Class::Admin,
        },
        name: row.text(4)?.to_owned(),
    })
}

/// The groups that one person is a direct member of: [`NAMED`], then group and place of the membership.
fn groups_of(org: OrgNo, account: i64) -> Sql<'static> {
    let mut sql = Sql::new("SELECT ");
    sql.push(NAMED).push(
        ", m.grp, m.seq FROM memberships m LEFT JOIN groups g ON g.grp = m.grp \
         LEFT JOIN groups b ON b.grp = g.base \
         LEFT JOIN products p ON p.product = g.product AND g.kind = 'PRODUCT_ADMIN_GROUP' WHERE m.org = ",
    );
    sql.bind(org.0).push(" AND m.account = ").bind(account);
    sql
}

fn names(reader: &mut Reader<'_>, groups: &[i64]) -> Result<Vec<Named>, StoreError> {
    let mut names = Vec::with_capacity(groups.len());
    let mut sql = Sql::new("SELECT ");
    sql.push(NAMED).push(
        " FROM groups g LEFT JOIN groups b ON b.grp = g.base \
         LEFT JOIN products p ON p.product = g.product AND g.kind = 'PRODUCT_ADMIN_GROUP' WHERE g.grp IN ",
    );
    sql.list(reader, groups);
    sql.rows(reader, |row| {
        names.push(named(row)?);
        Ok(())
    })?;
    names.sort_unstable_by_key(|named| named.id);
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_of_a_person_are_found_by_their_keys() {
        let plan = groups_of(OrgNo(1), 5).plan();
        assert!(plan.iter().all(|step| step.starts_with("SEARCH ")), "{plan:?}");
        let wanted = "SEARCH m USING PRIMARY KEY (org=? AND account=?)";
        assert_eq!(plan.first().unwrap(), wanted);
    }

    #[test]
    fn numbers_near_and_far_are_told_apart() {
        let far = 1 << 40;
        for numbers in [
            vec![],
            vec![7],
            vec![9, 7, 9, 8, 7],
            vec![far, 3, far, 3],
            vec![i64::MAX, i64::MIN],
        ] {
            let mut wanted = numbers.clone();
            wanted.sort_unstable();
            wanted.dedup();
            assert_eq!(distinct(numbers.iter().copied()), wanted);
            let named = |id: &i64| Named {
                id: *id,
                kind: GroupKind::UserGroup,
                class: Class::UserGroup,
                name: String::new(),
            };
            let labels = Labels {
                places: Places::of(&wanted.iter().map(named).collect::<Vec<_>>()),
                names: wanted.iter().map(named).collect(),
                ..Labels::default()
            };
            for (index, id) in wanted.iter().enumerate() {
                assert_eq!(labels.index(*id), Ok(index));
            }
            assert!(labels.index(5).is_err());
        }
    }

    #[test]
    fn people_of_a_page_are_counted_in_their_range_alone() {
        let plan = people_between(OrgNo(1), 5, 9).plan();
        let expected = "SEARCH members USING COVERING INDEX members_account (account>? AND account<?)";
        assert_eq!(plan, [expected]);
    }
}
