//! Pages of products, and single products.

use roster_core::listing::ProductRow;
use roster_core::value::{OrgNo, ProductId};

use super::sql::Sql;
use super::{Position, Rows};
use crate::error::StoreError;
use crate::reader::Reader;

/// Takes the rows of a page, one by one.
pub type ProductSink<'s> = &'s mut dyn FnMut(&ProductRow<'_>);

const COLUMNS: &str =
    "SELECT p.seq, p.product, p.public_id, p.code, p.name, p.quota, p.active FROM products p";

impl Reader<'_> {
    /// How many products an organization has.
    pub fn count_products(&mut self, org: OrgNo) -> Result<u64, StoreError> {
        let mut sql = Sql::new("SELECT COUNT(*) FROM products WHERE org = ");
        sql.bind(org.0);
        sql.count(self)
    }

    /// Where each page of `size` products begins; empty when there are none.
    pub fn product_page_starts(&mut self, org: OrgNo, size: u64) -> Result<Vec<Position>, StoreError> {
        let mut sql = Sql::new("SELECT seq FROM products WHERE org = ");
        sql.bind(org.0).push(" ORDER BY seq");
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

    /// Hands out products from one position up to another, in the order of creation. As with [`Reader::users`],
    /// `limit` bounds a page that is open at its end.
    pub fn products(
        &mut self,
        org: OrgNo,
        from: Position,
        until: Option<Position>,
        limit: u64,
        sink: ProductSink<'_>,
    ) -> Result<Rows, StoreError> {
        let limit = until.is_none().then_some(limit);
        let mut sql = Sql::new(COLUMNS);
        sql.push(" WHERE p.org = ").bind(org.0);
        sql.push(" AND p.seq >= ").bind(from.place);
        if let Some(until) = until {
            sql.push(" AND p.seq < ").bind(until.place);
        }
        sql.push(" ORDER BY p.seq");
        if let Some(limit) = limit {
            sql.push(" LIMIT ")
                .bind(i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1));
        }
        let mut found = read(self, &sql)?;
        let mut rows = Rows::default();
        if let Some(limit) = limit.and_then(|limit| usize::try_from(limit).ok()) {
            rows.next = found.get(limit).map(|product| Position::at(product.seq));
            found.truncate(limit);
        }
        rows.count = found.len() as u64;
        for product in &found {
            hand_out(self, product, sink)?;
        }
        Ok(rows)
    }

    /// Whether there is a product at a position or behind it.
    pub fn has_products(&mut self, org: OrgNo, from: Position) -> Result<bool, StoreError> {
        let mut sql = Sql::new("SELECT 1 FROM products WHERE org = ");
        sql.bind(org.0)
            .push(" AND seq >= ")
            .bind(from.place)
            .push(" LIMIT 1");
        sql.any(self)
    }

    /// Hands out the product with an id of the deprecated endpoints.
    pub fn product_by_public_id(
        &mut self,
        org: OrgNo,
        id: &str,
        sink: ProductSink<'_>,
    ) -> Result<Option<ProductId>, StoreError> {
        let mut sql = Sql::new(COLUMNS);
        sql.push(" WHERE p.org = ").bind(org.0);
        sql.push(" AND p.public_id = ").bind(id);
        let found = read(self, &sql)?;
        for product in &found {
            hand_out(self, product, sink)?;
        }
        Ok(found.first().map(|product| product.id))
    }
}

/// A product without what has to be counted.
struct Product {
    seq: i64,
    id: ProductId,
    public_id: String,
    code: String,
    name: String,
    quota: Option<i64>,
    /// Members that hold a seat in one of its queues.
    active: i64,
}

fn read(reader: &mut Reader<'_>, sql: &Sql<'_>) -> Result<Vec<Product>, StoreError> {
    let mut found = Vec::new();
    sql.rows(reader, |row| {
        found.push(Product {
            seq: row.int(0)?,
            id: ProductId(row.int(1)?),
            public_id: row.text(2)?.to_owned(),
            code: row.text(3)?.to_owned(),
            name: row.text(4)?.to_owned(),
            quota: row.opt_int(5)?,
            active: row.int(6)?,
        });
        Ok(())
    })?;
    Ok(found)
}

fn hand_out(reader: &mut Reader<'_>, product: &Product, sink: ProductSink<'_>) -> Result<(), StoreError> {
    let profiles = profiles(reader, product.id)?;
    let members = members(reader, product.id, &profiles)?;
    let active = if profiles.iter().all(|profile| profile.queued) {
        product.active
    } else {
        licensed(reader, product.id, &profiles, members)?
    };
    sink(&ProductRow {
        id: &product.public_id,
        code: &product.code,
        name: &product.name,
        members,
        profiles: i64::try_from(profiles.len()).unwrap_or(i64::MAX),
        quota: product.quota,
        active,
    });
    Ok(())
}

struct Profile {
    id: i64,
    queued: bool,
    members: i64,
}

fn profiles(reader: &mut Reader<'_>, product: ProductId) -> Result<Vec<Profile>, StoreError> {
    let mut found = Vec::new();
    let mut sql = Sql::new("SELECT grp, queued, members FROM groups WHERE product = ");
    sql.bind(product.0).push(" AND kind = 'PRODUCT_PROFILE'");
    sql.rows(reader, |row| {
        found.push(Profile {
            id: row.int(0)?,
            queued: row.bool(1)?,
            members: row.int(2)?,
        });
        Ok(())
    })?;
    Ok(found)
}

/// Distinct members of all profiles. Only where several have members is anybody counted.
fn members(reader: &mut Reader<'_>, product: ProductId, profiles: &[Profile]) -> Result<i64, StoreError> {
    let peopled: Vec<&Profile> = profiles.iter().filter(|profile| profile.members > 0).collect();
    if let [] | [_] = peopled.as_slice() {
        return Ok(peopled.first().map_or(0, |profile| profile.members));
    }
    if profiles.iter().all(|profile| profile.queued) {
        let mut sql = Sql::new("SELECT COUNT(DISTINCT account) FROM seats WHERE product = ");
        sql.bind(product.0);
        return Ok(sql.number(reader)?.unwrap_or(0));
    }
    let ids: Vec<i64> = peopled.iter().map(|profile| profile.id).collect();
    let mut sql = Sql::new("SELECT COUNT(*) FROM (SELECT account FROM memberships WHERE grp IN ");
    sql.list(reader, &ids)
        .push(" UNION SELECT m.account FROM memberships m JOIN links l ON l.grp = m.grp WHERE l.profile IN ")
        .list(reader, &ids)
        .push(") everybody");
    Ok(sql.number(reader)?.unwrap_or(0))
}

/// Distinct members that hold a licence: of profiles without a queue everybody.
fn licensed(
    reader: &mut Reader<'_>,
    product: ProductId,
    profiles: &[Profile],
    members: i64,
) -> Result<i64, StoreError> {
    if !profiles
        .iter()
        .any(|profile| profile.queued && profile.members > 0)
    {
        return Ok(members);
    }
    let unlimited = profiles.iter().filter(|profile| !profile.queued);
    let ids: Vec<i64> = unlimited.map(|profile| profile.id).collect();
    let mut sql = Sql::new("SELECT COUNT(*) FROM (SELECT account FROM memberships WHERE grp IN ");
    sql.list(reader, &ids)
        .push(" UNION SELECT m.account FROM memberships m JOIN links l ON l.grp = m.grp WHERE l.profile IN ")
        .list(reader, &ids)
        .push(" UNION SELECT account FROM seats WHERE active = 1 AND product = ")
        .bind(product.0)
        .push(") licensed");
    Ok(sql.number(reader)?.unwrap_or(0))
}
