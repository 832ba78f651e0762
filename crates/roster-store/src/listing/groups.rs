//! Pages of groups, and single groups.

use roster_core::listing::{GroupLabel, GroupRow, ProfileColumns};
use roster_core::org::GroupKind;
use roster_core::value::{GroupId, Key, OrgNo, ProductId};

use super::sql::Sql;
use super::{Position, Rows};
use crate::conn::RowRef;
use crate::error::StoreError;
use crate::reader::Reader;
use crate::row::group_kind;

/// Takes the rows of a page, one by one.
pub type GroupSink<'s> = &'s mut dyn FnMut(&GroupRow<'_>);

/// A list of groups, in the order of creation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GroupList {
    /// Every group that exists: user groups, profiles, the org-wide admin groups and contract admin groups, and of the
    /// other admin and developer groups those with a member (umapi.md 9.1).
    All,
    /// User groups.
    UserGroups,
    /// The profiles of a product.
    ProfilesOf(ProductId),
}

/// What [`group_row`] reads.
const COLUMNS: &str = "SELECT g.seq, g.grp, g.kind, g.base, g.product, COALESCE(b.name, p.name, g.name), g.name, \
                       g.description, g.members, g.source, r.grp, r.direct, p.name, p.public_id, g.public_id, \
                       g.quota, g.active, g.queued, g.direct";

/// With the base of an admin group, the product, and the admin group of a user group or profile.
const TABLES: &str = " FROM groups g \
                      LEFT JOIN groups b ON b.grp = g.base \
                      LEFT JOIN products p ON p.product = g.product \
                      LEFT JOIN groups r ON r.base = g.grp AND r.kind IN ('USER_ADMIN_GROUP', 'PROFILE_ADMIN_GROUP')";

impl GroupList {
    fn push_where(self, sql: &mut Sql<'_>, org: OrgNo) {
        sql.push(" WHERE g.org = ").bind(org.0);
        match self {
            // An own name, or org-wide (neither base nor product), or somebody in it.
            Self::All => {
                sql.push(
                    " AND (g.name_key IS NOT NULL OR (g.base IS NULL AND g.product IS NULL) OR g.direct > 0)",
                );
            }
            Self::UserGroups => {
                sql.push(" AND g.kind = 'USER_GROUP'");
            }
            Self::ProfilesOf(product) => {
                sql.push(" AND g.product = ")
                    .bind(product.0)
                    .push(" AND g.kind = 'PRODUCT_PROFILE'");
            }
        }
    }
}

impl Reader<'_> {
    /// How many groups a list has.
    pub fn count_groups(&mut self, org: OrgNo, list: GroupList) -> Result<u64, StoreError> {
        let mut sql = Sql::new("SELECT COUNT(*) FROM groups g");
        list.push_where(&mut sql, org);
        sql.count(self)
    }

    /// Where each page of `size` groups begins; empty for an empty list.
    pub fn group_page_starts(
        &mut self,
        org: OrgNo,
        list: GroupList,
        size: u64,
    ) -> Result<Vec<Position>, StoreError> {
        let mut sql = Sql::new("SELECT g.seq FROM groups g");
        list.push_where(&mut sql, org);
        sql.push(" ORDER BY g.seq");
        let (mut starts, mut count) = (Vec::new(), 0_u64);
        sql.rows(self, |row| {
            if count.is_multiple_of(size.max(1)) {
                starts.push(Position::at(row.int(0)?));
            }
            count += 1;
            Ok(())
        })?;
        Ok(starts)
    }

    /// Hands out the groups of a list from one position up to another, in the order of creation. As with
    /// [`Reader::users`], `limit` bounds a page that is open at its end.
    pub fn groups(
        &mut self,
        org: OrgNo,
        list: GroupList,
        from: Position,
        until: Option<Position>,
        limit: u64,
        sink: GroupSink<'_>,
    ) -> Result<Rows, StoreError> {
        let limit = until.is_none().then_some(limit);
        let mut sql = Sql::new(COLUMNS);
        sql.push(TABLES);
        list.push_where(&mut sql, org);
        sql.push(" AND g.seq >= ").bind(from.place);
        if let Some(until) = until {
            sql.push(" AND g.seq < ").bind(until.place);
        }
        sql.push(" ORDER BY g.seq");
        if let Some(limit) = limit {
            sql.push(" LIMIT ")
                .bind(i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1));
        }
        let mut rows = Rows::default();
        sql.rows(self, |row| {
            if Some(rows.count) == limit {
                rows.next = Some(Position::at(row.int(0)?));
                return Ok(());
            }
            rows.count += 1;
            sink(&group_row(row)?);
            Ok(())
        })?;
        Ok(rows)
    }

    /// Whether a list has a group at a position or behind it.
    pub fn has_groups(&mut self, org: OrgNo, list: GroupList, from: Position) -> Result<bool, StoreError> {
        let mut sql = Sql::new("SELECT 1 FROM groups g");
        list.push_where(&mut sql, org);
        sql.push(" AND g.seq >= ").bind(from.place).push(" LIMIT 1");
        sql.any(self)
    }

    /// Hands out the group with an id, of whatever kind, if the organization has it.
    pub fn group_by_id(&mut self, org: OrgNo, id: GroupId, sink: GroupSink<'_>) -> Result<bool, StoreError> {
        let mut sql = Sql::new(COLUMNS);
        sql.push(TABLES).push(" WHERE g.grp = ").bind(id.0);
        sql.push(" AND g.org = ").bind(org.0);
        single(self, &sql, sink)
    }

    /// Hands out the user group with a name, whatever the letter case.
    pub fn user_group_by_name(
        &mut self,
        org: OrgNo,
        name: &str,
        sink: GroupSink<'_>,
    ) -> Result<bool, StoreError> {
        let key = Key::new(name);
        let mut sql = Sql::new(COLUMNS);
        sql.push(TABLES).push(" WHERE g.org = ").bind(org.0);
        sql.push(" AND g.name_key = ").bind(key.as_str());
        sql.push(" AND g.kind = 'USER_GROUP'");
        single(self, &sql, sink)
    }

    /// Hands out the profile with an id of the deprecated endpoints, if it belongs to the product.
    pub fn profile_by_public_id(
        &mut self,
        org: OrgNo,
        product: ProductId,
        id: &str,
        sink: GroupSink<'_>,
    ) -> Result<bool, StoreError> {
        let mut sql = Sql::new(COLUMNS);
        sql.push(TABLES).push(" WHERE g.org = ").bind(org.0);
        sql.push(" AND g.product = ").bind(product.0);
        sql.push(" AND g.kind = 'PRODUCT_PROFILE' AND g.public_id = ")
            .bind(id);
        single(self, &sql, sink)
    }
}

fn single(reader: &mut Reader<'_>, sql: &Sql<'_>, sink: GroupSink<'_>) -> Result<bool, StoreError> {
    let mut found = false;
    sql.rows(reader, |row| {
        found = true;
        sink(&group_row(row)?);
        Ok(())
    })?;
    Ok(found)
}

/// Reads [`COLUMNS`].
fn group_row<'r>(row: &'r RowRef<'_>) -> Result<GroupRow<'r>, StoreError> {
    let id = row.int(1)?;
    let kind = group_kind(id, row.text(2)?, row.opt_int(3)?, row.opt_int(4)?)?;
    // A profile has a product and a name of its own; a product's admin group has the product's.
    let own_name = kind.has_own_name();
    let name = if own_name { row.text(6)? } else { row.text(5)? };
    // Only profiles have members by any other route, and a counter of them.
    let is_profile = matches!(kind, GroupKind::Profile(_));
    let members = row.int(if is_profile { 8 } else { 18 })?;
    let admins = match row.opt_int(10)? {
        Some(admins) => Some((GroupId(admins), row.int(11)?)),
        None => None,
    };
    let profile = if is_profile {
        Some(ProfileColumns {
            public_id: row.text(14)?,
            product_id: row.text(13)?,
            quota: row.opt_int(15)?,
            // Without a queue everybody holds a licence.
            active: if row.int(17)? == 0 { members } else { row.int(16)? },
        })
    } else {
        None
    };
    Ok(GroupRow {
        id: GroupId(id),
        label: GroupLabel { kind, name },
        description: row.opt_text(7)?,
        members,
        read_only: row.opt_int(9)?.is_some(),
        admins,
        product: if is_profile { row.opt_text(12)? } else { None },
        profile,
    })
}
