//! How many people a list has: counters where there are any, otherwise one count.

use super::source::{Plan, Source};
use super::sql::Sql;
use super::{DomainFilter, UserList, UsersQuery};
use crate::error::StoreError;
use crate::reader::Reader;

/// Under this name [`UsersQuery`]'s Adobe IDs are counted beside the domains.
pub(crate) const ADOBE_IDS: &str = "@AdobeID";

impl Reader<'_> {
    /// How many people a list has.
    pub fn count_users(&mut self, query: &UsersQuery) -> Result<u64, StoreError> {
        match (query.list, &query.domain) {
            (UserList::Org, None) => {
                let mut sql = Sql::new("SELECT listed FROM organizations WHERE org = ");
                sql.bind(query.org.0);
                sql.count(self)
            }
            (UserList::Org, Some(domain)) => {
                let name = match domain {
                    DomainFilter::Domain(name) => name.as_str(),
                    DomainFilter::AdobeIds => ADOBE_IDS,
                };
                let mut sql = Sql::new("SELECT people FROM domain_counts WHERE org = ");
                sql.bind(query.org.0).push(" AND domain = ").bind(name);
                sql.count(self)
            }
            (UserList::Group(group), None) => {
                let mut sql = Sql::new("SELECT direct FROM groups WHERE grp = ");
                sql.bind(group.0);
                sql.count(self)
            }
            (UserList::Profile { group, licence }, None) => {
                let mut counters = [0_i64; 4];
                let mut sql = Sql::new("SELECT queued, direct, members, active FROM groups WHERE grp = ");
                sql.bind(group.0);
                sql.rows(self, |row| {
                    for (index, counter) in counters.iter_mut().enumerate() {
                        *counter = row.int(index)?;
                    }
                    Ok(())
                })?;
                let [queued, direct, members, active] = counters;
                let count = match (licence, queued != 0, query.direct_only) {
                    (Some(_), true, true) => return counted(self, query),
                    (Some(true), true, false) => active,
                    (Some(false), true, false) => members - active,
                    (Some(false), false, _) => 0,
                    (_, _, true) => direct,
                    (_, _, false) => members,
                };
                Ok(u64::try_from(count).unwrap_or_default())
            }
            (UserList::Group(_) | UserList::Profile { .. }, Some(_)) => counted(self, query),
        }
    }
}

fn counted(reader: &mut Reader<'_>, query: &UsersQuery) -> Result<u64, StoreError> {
    let plan = Plan::of(reader, query)?;
    let domain = query.domain.as_ref();
    if plan.overlapping {
        let sql = distinct(reader, &plan, domain);
        return sql.count(reader);
    }
    let mut count = 0;
    for source in plan.sources {
        count += source.count(domain).count(reader)?;
    }
    Ok(count)
}

fn distinct<'q>(reader: &Reader<'_>, plan: &Plan, domain: Option<&'q DomainFilter>) -> Sql<'q> {
    let groups: Vec<i64> = plan
        .sources
        .iter()
        .filter_map(|source| match source {
            Source::Memberships { group, .. } => Some(group.0),
            Source::Members(_) | Source::Seats { .. } => None,
        })
        .collect();
    let mut sql = Sql::new(
        "SELECT COUNT(DISTINCT m.account) FROM memberships m JOIN accounts a ON a.account = m.account WHERE m.grp IN ",
    );
    sql.list(reader, &groups);
    match domain {
        None => {}
        Some(DomainFilter::Domain(name)) => {
            sql.push(" AND a.domain = ").bind(name.as_str());
        }
        Some(DomainFilter::AdobeIds) => {
            sql.push(" AND a.kind = ").bind("adobeID");
        }
    }
    sql
}
