//! Counters on the way: summed up in memory, written once for each row touched.

use std::collections::BTreeMap;

use roster_core::value::{GroupId, OrgNo, ProductId};

use crate::conn::{Conn, Param};
use crate::error::StoreError;
use crate::held::Held;

/// Under this name `domain_counts` counts Adobe IDs.
pub(crate) const ADOBE_IDS: &str = "@AdobeID";

/// Differences to add.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// members, listed.
    orgs: BTreeMap<OrgNo, [i64; 2]>,
    domains: BTreeMap<(OrgNo, String), i64>,
    /// direct, members, active.
    groups: BTreeMap<GroupId, [i64; 3]>,
    products: BTreeMap<ProductId, i64>,
}

impl Tally {
    pub(crate) fn member(&mut self, org: OrgNo, by: i64) {
        self.orgs.entry(org).or_default()[0] += by;
    }

    pub(crate) fn listed(&mut self, org: OrgNo, domain: &str, adobe_id: bool, by: i64) {
        self.orgs.entry(org).or_default()[1] += by;
        self.domain(org, domain, by);
        if adobe_id {
            self.domain(org, ADOBE_IDS, by);
        }
    }

    pub(crate) fn domain(&mut self, org: OrgNo, domain: &str, by: i64) {
        *self.domains.entry((org, domain.to_owned())).or_default() += by;
    }

    pub(crate) fn direct(&mut self, group: GroupId, by: i64) {
        self.groups.entry(group).or_default()[0] += by;
    }

    pub(crate) fn members(&mut self, profile: GroupId, by: i64) {
        self.groups.entry(profile).or_default()[1] += by;
    }

    pub(crate) fn active(&mut self, profile: GroupId, by: i64) {
        self.groups.entry(profile).or_default()[2] += by;
    }

    pub(crate) fn licences(&mut self, product: ProductId, by: i64) {
        *self.products.entry(product).or_default() += by;
    }

    /// What has been counted of a profile's holders and is not in its row yet.
    pub(crate) fn pending_active(&self, profile: GroupId) -> i64 {
        self.groups.get(&profile).map_or(0, |[_, _, active]| *active)
    }

    /// What has been counted of a profile's members and is not in its row yet.
    pub(crate) fn pending_members(&self, profile: GroupId) -> i64 {
        self.groups.get(&profile).map_or(0, |[_, members, _]| *members)
    }

    /// What has been counted of a product's holders and is not in its row yet.
    pub(crate) fn pending_licences(&self, product: ProductId) -> i64 {
        self.products.get(&product).copied().unwrap_or_default()
    }

    /// Forgets a group that is no more.
    pub(crate) fn forget(&mut self, group: GroupId) {
        self.groups.remove(&group);
    }

    /// Adds the differences to the rows; `next` are the first places free, by organization.
    pub(crate) fn write(
        mut self,
        conn: &mut Conn,
        next: BTreeMap<OrgNo, i64>,
        held: Option<&mut Held>,
    ) -> Result<(), StoreError> {
        if let Some(held) = held {
            let direct = self
                .groups
                .iter()
                .map(|(group, [direct, _, _])| (*group, *direct));
            held.counted(direct, &next);
        }
        for (org, next) in next {
            let [members, listed] = self.orgs.remove(&org).unwrap_or_default();
            let params = [
                Param::Int(members),
                Param::Int(listed),
                Param::Int(next),
                Param::Int(org.0),
            ];
            conn.execute(
                "UPDATE organizations SET members = members + $1, listed = listed + $2,
                    next_seq = CASE WHEN next_seq < $3 THEN $3 ELSE next_seq END
                 WHERE org = $4",
                &params,
            )?;
        }
        for (org, [members, listed]) in self.orgs {
            if members != 0 || listed != 0 {
                let params = [Param::Int(members), Param::Int(listed), Param::Int(org.0)];
                conn.execute(
                    "UPDATE organizations SET members = members + $1, listed = listed + $2 WHERE org = $3",
                    &params,
                )?;
            }
        }
        for ((org, domain), by) in self.domains {
            if by != 0 {
                let params = [Param::Int(org.0), Param::Owned(domain), Param::Int(by)];
                conn.execute(
                    "INSERT INTO domain_counts (org, domain, people) VALUES ($1, $2, $3)
                     ON CONFLICT (org, domain) DO UPDATE SET people = domain_counts.people + excluded.people",
                    &params,
                )?;
            }
        }
        for (group, [direct, members, active]) in self.groups {
            if direct != 0 || members != 0 || active != 0 {
                let params = [
                    Param::Int(direct),
                    Param::Int(members),
                    Param::Int(active),
                    Param::Int(group.0),
                ];
                conn.execute(
                    "UPDATE groups SET direct = direct + $1, members = members + $2, active = active + $3 WHERE grp = $4",
                    &params,
                )?;
            }
        }
        for (product, by) in self.products {
            if by != 0 {
                let params = [Param::Int(by), Param::Int(product.0)];
                conn.execute(
                    "UPDATE products SET active = active + $1 WHERE product = $2",
                    &params,
                )?;
            }
        }
        Ok(())
    }
}
