//! The groups that people of a page show.

use std::collections::BTreeMap;

use roster_core::listing::GroupLabel;
use roster_core::org::GroupKind;
use roster_core::value::OrgNo;

use super::sql::Sql;
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
const DENSE: usize = 2;
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
    let mut sql = Sql::new("SELECT account, grp, seq FROM memberships WHERE org = ");
    sql.bind(org.0).push(" AND account ");
    let dense = is_dense(reader, org, &accounts)?;
    if dense {
        sql.push(">= ").bind(first).push(" AND account <= ").bind(last);
        sql.push(" ORDER BY account");
    } else {
        sql.push("IN ").list(reader, &accounts);
    }
    let mut found = Vec::with_capacity(accounts.len() * 4);
    let mut wanted = accounts.iter().copied().peekable();
    sql.rows(reader, |row| {
        let membership = Membership {
            account: row.int(0)?,
            group: row.int(1)?,
            seq: row.int(2)?,
        };
        if dense {
            while wanted.next_if(|next| *next < membership.account).is_some() {}
            if wanted.peek() != Some(&membership.account) {
                return Ok(());
            }
        }
        found.push(membership);
        Ok(())
    })?;
    if !dense {
        found.sort_unstable();
    }
    Ok(found)
}

/// Whether nearly all accounts between the first and the last are among those wanted: then one range is read, which
/// is several times faster than looking each of them up.
fn is_dense(reader: &mut Reader<'_>, org: OrgNo, sorted: &[i64]) -> Result<bool, StoreError> {
    let (Some(&first), Some(&last)) = (sorted.first(), sorted.last()) else {
        return Ok(false);
    };
    let count = i64::try_from(sorted.len()).unwrap_or(i64::MAX);
    if count < 16 || last - first > count.saturating_mul(SPAN) {
        return Ok(count == 1);
    }
    let count = people_between(org, first, last).count(reader)?;
    Ok(count <= (sorted.len() * DENSE) as u64)
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
        let mut met: Vec<i64> = memberships.iter().map(|membership| membership.group).collect();
        met.sort_unstable();
        met.dedup();
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
        scratch.0.clear();
        let start = self.memberships.partition_point(|m| m.account < account);
        let rows = self.memberships.get(start..).unwrap_or_default();
        for membership in rows.iter().take_while(|m| m.account == account) {
            self.add(membership.group, membership.seq, scratch)?;
            for (profile, place) in self.links.get(&membership.group).into_iter().flatten() {
                self.add(*profile, (*place).max(membership.seq), scratch)?;
            }
        }
        scratch.0.sort_unstable();
        for (index, (_, _, named)) in scratch.0.iter().enumerate() {
            // Who is in a profile by several routes shows it once, where the first of them stands.
            let again = |seen: &[(Class, i64, usize)]| seen.iter().any(|(_, _, other)| other == named);
            if !self.links.is_empty() && again(scratch.0.get(..index).unwrap_or_default()) {
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

    fn index(&self, group: i64) -> Result<usize, StoreError> {
        self.names
            .binary_search_by_key(&group, |named| named.id)
            .map_err(|_| inconsistent("memberships", "grp", group))
    }

    fn add(&self, group: i64, place: i64, scratch: &mut Scratch) -> Result<(), StoreError> {
        let index = self.index(group)?;
        let class = self.names.get(index).map_or(Class::Admin, |named| named.class);
        scratch.0.push((class, place, index));
        Ok(())
    }
}

/// Room for the labels of one person while they are put in order.
#[derive(Debug, Default)]
pub(super) struct Scratch(Vec<(Class, i64, usize)>);

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

fn names(reader: &mut Reader<'_>, groups: &[i64]) -> Result<Vec<Named>, StoreError> {
    let mut names = Vec::with_capacity(groups.len());
    let mut sql = Sql::new(
        "SELECT g.grp, g.kind, g.base, g.product, COALESCE(b.name, p.name, g.name) FROM groups g \
         LEFT JOIN groups b ON b.grp = g.base \
         LEFT JOIN products p ON p.product = g.product AND g.kind = 'PRODUCT_ADMIN_GROUP' \
         WHERE g.grp IN ",
    );
    sql.list(reader, groups);
    sql.rows(reader, |row| {
        let id = row.int(0)?;
        let kind = group_kind(id, row.text(1)?, row.opt_int(2)?, row.opt_int(3)?)?;
        names.push(Named {
            id,
            kind,
            class: match kind {
                GroupKind::UserGroup => Class::UserGroup,
                GroupKind::Profile(_) => Class::Profile,
                _ => Class::Admin,
            },
            name: row.text(4)?.to_owned(),
        });
        Ok(())
    })?;
    names.sort_unstable_by_key(|named| named.id);
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_of_a_page_are_counted_in_their_range_alone() {
        let plan = people_between(OrgNo(1), 5, 9).plan();
        let expected = "SEARCH members USING COVERING INDEX members_account (account>? AND account<?)";
        assert_eq!(plan, [expected]);
    }
}
