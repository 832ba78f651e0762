//! Groups and direct memberships, one row at a time.

use roster_core::org::{Group, GroupKind};
use roster_core::value::{AccountId, GroupId, Key, OrgNo, ProductId, Seq};

use super::Applier;
use crate::conn::Param;
use crate::error::StoreError;
use crate::row::inconsistent;

impl Applier<'_> {
    pub(super) fn create_group(&mut self, group: &Group) -> Result<(), StoreError> {
        self.take(group.org, group.seq.0);
        let profile = group.profile.as_ref();
        let quota = profile.and_then(|profile| profile.quota);
        let queued = match group.kind {
            GroupKind::Profile(product) => {
                let queued = quota.is_some() || self.product_is_limited(product)?;
                self.profiles.insert(group.id, (product, queued));
                queued
            }
            _ => false,
        };
        let name_key = group.kind.has_own_name().then(|| group.key().into_string());
        let params = [
            Param::Int(group.id.0),
            Param::Int(group.org.0),
            Param::Text(group.kind.as_str()),
            Param::Text(&group.name),
            Param::from(name_key),
            Param::from(group.description.as_deref()),
            Param::from(group.source.map(|source| source.0)),
            Param::from(group.kind.base().map(|base| base.0)),
            Param::from(group.kind.product().map(|product| product.0)),
            Param::from(profile.map(|profile| profile.public_id.as_str())),
            Param::from(quota),
            Param::from(queued),
            Param::Int(group.seq.0),
        ];
        self.execute(
            "INSERT INTO groups (grp, org, kind, name, name_key, description, source, base, product, public_id, quota, queued, seq)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
            &params,
        )?;
        match group.source {
            Some(source) => self.fill_mirror(group, source),
            None => Ok(()),
        }
    }

    pub(super) fn product_is_limited(&mut self, product: ProductId) -> Result<bool, StoreError> {
        let limited = "SELECT CASE WHEN quota IS NULL THEN 0 ELSE 1 END FROM products WHERE product = $1";
        let limited = self.conn.number(limited, &[Param::Int(product.0)])?;
        Ok(limited.ok_or_else(|| inconsistent("groups", "product", product.0))? != 0)
    }

    pub(super) fn update_group(
        &mut self,
        group: GroupId,
        after: &(String, Option<String>),
    ) -> Result<(), StoreError> {
        let params = [
            Param::Text(&after.0),
            Param::Owned(Key::new(&after.0).into_string()),
            Param::from(after.1.as_deref()),
            Param::Int(group.0),
        ];
        self.execute(
            "UPDATE groups SET name = $1, name_key = $2, description = $3 WHERE grp = $4",
            &params,
        )?;
        Ok(())
    }

    /// A profile's product, and whether its members queue for seats.
    pub(super) fn profile(&mut self, profile: GroupId) -> Result<(ProductId, bool), StoreError> {
        if let Some(known) = self.profiles.get(&profile) {
            return Ok(*known);
        }
        let mut found = None;
        let params = [Param::Int(profile.0)];
        self.conn.query(
            "SELECT product, queued FROM groups WHERE grp = $1",
            &params,
            &mut |row| {
                found = row.opt_int(0)?.map(ProductId).zip(Some(row.bool(1)?));
                Ok(())
            },
        )?;
        let found = found.ok_or_else(|| inconsistent("groups", "product", profile.0))?;
        self.profiles.insert(profile, found);
        Ok(found)
    }

    pub(super) fn join(
        &mut self,
        org: OrgNo,
        group: GroupId,
        account: AccountId,
        seq: Seq,
        entered: &[GroupId],
    ) -> Result<(), StoreError> {
        self.take(org, seq.0);
        let params = [
            Param::Int(org.0),
            Param::Int(account.0),
            Param::Int(group.0),
            Param::Int(seq.0),
        ];
        self.execute(
            "INSERT INTO memberships (org, account, grp, seq) VALUES ($1, $2, $3, $4)",
            &params,
        )?;
        self.tally.direct(group, 1);
        for profile in entered {
            self.tally.members(*profile, 1);
            let (product, queued) = self.profile(*profile)?;
            if queued {
                let params = [
                    Param::Int(product.0),
                    Param::Int(account.0),
                    Param::Int(profile.0),
                    Param::Int(seq.0),
                ];
                self.execute(
                    "INSERT INTO seats (product, account, profile, place, tie, active) VALUES ($1, $2, $3, $4, 0, 0)",
                    &params,
                )?;
                self.unsettled.insert((org, product));
            }
        }
        Ok(())
    }

    pub(super) fn leave(
        &mut self,
        org: OrgNo,
        group: GroupId,
        account: AccountId,
        left: &[GroupId],
    ) -> Result<(), StoreError> {
        let params = [Param::Int(org.0), Param::Int(account.0), Param::Int(group.0)];
        self.execute(
            "DELETE FROM memberships WHERE org = $1 AND account = $2 AND grp = $3",
            &params,
        )?;
        self.tally.direct(group, -1);
        for profile in left {
            self.tally.members(*profile, -1);
            let (product, queued) = self.profile(*profile)?;
            if queued {
                self.give_up_seat(org, product, *profile, account)?;
            }
        }
        Ok(())
    }
}
