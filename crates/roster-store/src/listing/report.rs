//! Who has access to what: seats of every profile, and every person's profiles with the way that leads to them.

use std::collections::{BTreeMap, BTreeSet};

use roster_core::org::GroupKind;
use roster_core::value::{OrgNo, Status};

use super::labels::{Labels, Membership, memberships};
use super::source::{Columns, Source};
use super::sql::Sql;
use super::{Position, Rows};
use crate::error::StoreError;
use crate::reader::Reader;
use crate::row::inconsistent;

/// The seats of one profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProfileSeatsRow<'a> {
    /// The product's name.
    pub product: &'a str,
    /// Its licences; `None` is unlimited.
    pub product_quota: Option<i64>,
    /// Its licences in use, where it or one of its profiles is limited.
    pub product_held: i64,
    /// The profile's name.
    pub profile: &'a str,
    /// Its seats; `None` is unlimited.
    pub quota: Option<i64>,
    /// Distinct members by any route.
    pub members: i64,
    /// Members holding a licence.
    pub held: i64,
    /// Members without one.
    pub waiting: i64,
}

/// A person and what they have access to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccessRow<'a> {
    /// E-mail as stored.
    pub email: &'a str,
    /// Username as stored.
    pub username: &'a str,
    /// `None` when never set.
    pub firstname: Option<&'a str>,
    /// `None` when never set.
    pub lastname: Option<&'a str>,
    /// Active, for everybody listed.
    pub status: Status,
    /// The profiles they belong to, by name.
    pub access: &'a [Access<'a>],
}

/// One profile of a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access<'a> {
    /// The product's name.
    pub product: &'a str,
    /// The profile's name.
    pub profile: &'a str,
    /// Whether they hold a licence; if not, they wait for one.
    pub licensed: bool,
    /// Whether they were assigned personally.
    pub direct: bool,
    /// The user groups through which they belong to it, by name.
    pub through: Vec<&'a str>,
}

impl Reader<'_> {
    /// Hands out the seats of every profile, product by product in the order of creation.
    pub fn profile_seats(
        &mut self,
        org: OrgNo,
        sink: &mut dyn FnMut(&ProfileSeatsRow<'_>),
    ) -> Result<(), StoreError> {
        let mut sql = Sql::new(
            "SELECT p.name, p.quota, p.active, g.name, g.quota, g.members, g.queued, g.active \
             FROM products p JOIN groups g ON g.product = p.product AND g.kind = 'PRODUCT_PROFILE' WHERE p.org = ",
        );
        sql.bind(org.0).push(" ORDER BY p.seq, g.seq");
        sql.rows(self, |row| {
            let members = row.int(5)?;
            let held = if row.bool(6)? { row.int(7)? } else { members };
            sink(&ProfileSeatsRow {
                product: row.text(0)?,
                product_quota: row.opt_int(1)?,
                product_held: row.int(2)?,
                profile: row.text(3)?,
                quota: row.opt_int(4)?,
                members,
                held,
                waiting: members - held,
            });
            Ok(())
        })
    }

    /// Hands out the active members of an organization from a position on, each with what they have access to.
    pub fn access(
        &mut self,
        org: OrgNo,
        from: Position,
        limit: u64,
        sink: &mut dyn FnMut(&AccessRow<'_>),
    ) -> Result<Rows, StoreError> {
        let source = Source::Members(org);
        let limited = i64::try_from(limit).unwrap_or(i64::MAX);
        let mut accounts = Vec::new();
        let mut sql = source.select(Columns::Keys, None, from, None);
        sql.push(" LIMIT ").bind(limited);
        sql.rows(self, |row| {
            accounts.push(row.int(2)?);
            Ok(())
        })?;
        let routes = Routes::load(self, org, &accounts)?;
        let mut rows = Rows::default();
        let mut sql = source.select(Columns::Accounts, None, from, None);
        sql.push(" LIMIT ").bind(limited.saturating_add(1));
        sql.rows(self, |row| {
            if rows.count == limit {
                rows.next = Some(source.position(row.int(0)?, row.int(1)?, row.int(2)?));
                return Ok(());
            }
            rows.count += 1;
            let user = super::users::user_row(row)?;
            let access = routes.of(row.int(2)?)?;
            sink(&AccessRow {
                email: user.email,
                username: user.username,
                firstname: user.firstname,
                lastname: user.lastname,
                status: user.status,
                access: &access,
            });
            Ok(())
        })?;
        Ok(rows)
    }
}

/// How the people of a page come to their profiles.
struct Routes {
    memberships: Vec<Membership>,
    labels: Labels,
    /// Names of products.
    products: BTreeMap<i64, String>,
    /// Profiles whose seats are limited.
    queued: BTreeSet<i64>,
    /// (account, profile) of seats held.
    held: BTreeSet<(i64, i64)>,
}

impl Routes {
    fn load(reader: &mut Reader<'_>, org: OrgNo, accounts: &[i64]) -> Result<Self, StoreError> {
        let memberships = memberships(reader, org, accounts.to_vec())?;
        let mut routes = Self {
            labels: Labels::new(reader, org, memberships.clone(), true)?,
            memberships,
            products: BTreeMap::new(),
            queued: BTreeSet::new(),
            held: BTreeSet::new(),
        };
        let mut sql = Sql::new("SELECT product, name FROM products WHERE org = ");
        sql.bind(org.0);
        sql.rows(reader, |row| {
            routes.products.insert(row.int(0)?, row.text(1)?.to_owned());
            Ok(())
        })?;
        let mut limited = BTreeSet::new();
        let mut sql = Sql::new("SELECT grp, product FROM groups WHERE org = ");
        sql.bind(org.0).push(" AND queued = 1");
        sql.rows(reader, |row| {
            routes.queued.insert(row.int(0)?);
            limited.extend(row.opt_int(1)?);
            Ok(())
        })?;
        if !limited.is_empty() && !accounts.is_empty() {
            let products: Vec<i64> = limited.into_iter().collect();
            let mut sql = Sql::new("SELECT account, profile FROM seats WHERE active = 1 AND product IN ");
            sql.list(reader, &products)
                .push(" AND account IN ")
                .list(reader, accounts);
            sql.rows(reader, |row| {
                routes.held.insert((row.int(0)?, row.int(1)?));
                Ok(())
            })?;
        }
        Ok(routes)
    }

    /// The profiles of one person, by name.
    fn of(&self, account: i64) -> Result<Vec<Access<'_>>, StoreError> {
        let mut found: BTreeMap<i64, Access<'_>> = BTreeMap::new();
        let start = self.memberships.partition_point(|m| m.account < account);
        let rows = self.memberships.get(start..).unwrap_or_default();
        for membership in rows.iter().take_while(|m| m.account == account) {
            let (kind, name) = self.labels.named(membership.group)?;
            match kind {
                GroupKind::Profile(_) => {
                    self.entry(&mut found, account, membership.group)?.direct = true;
                }
                GroupKind::UserGroup => {
                    for profile in self.labels.profiles_of(membership.group) {
                        self.entry(&mut found, account, profile)?.through.push(name);
                    }
                }
                _ => {}
            }
        }
        let mut access: Vec<Access<'_>> = found.into_values().collect();
        for one in &mut access {
            one.through.sort_unstable();
        }
        access.sort_unstable_by(|a, b| (a.product, a.profile).cmp(&(b.product, b.profile)));
        Ok(access)
    }

    fn entry<'s, 'f>(
        &'s self,
        found: &'f mut BTreeMap<i64, Access<'s>>,
        account: i64,
        profile: i64,
    ) -> Result<&'f mut Access<'s>, StoreError> {
        let (kind, name) = self.labels.named(profile)?;
        let product = kind.product().and_then(|product| self.products.get(&product.0));
        let product = product.ok_or_else(|| inconsistent("groups", "product", profile))?;
        Ok(found.entry(profile).or_insert_with(|| Access {
            product,
            profile: name,
            licensed: !self.queued.contains(&profile) || self.held.contains(&(account, profile)),
            direct: false,
            through: Vec::new(),
        }))
    }
}
