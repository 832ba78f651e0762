//! What the console changes: organizations, directories, domains, trust, products, quotas.

use roster_core::change::{Configured, OrgSettings};
use roster_core::org::{Directory, Domain, Organization, Product};
use roster_core::value::{GroupId, Key, OrgNo, ProductId};

use super::Applier;
use crate::audit::Rows;
use crate::conn::Param;
use crate::error::StoreError;
use crate::row::identity_types;

impl Applier<'_> {
    pub(super) fn configure(&mut self, configured: &Configured) -> Result<(), StoreError> {
        self.generation = true;
        match configured {
            Configured::OrgCreated(org) => self.create_org(org),
            Configured::OrgUpdated { org, after, .. } => self.update_org(*org, after),
            Configured::DirectoryCreated(directory) => self.create_directory(directory),
            Configured::DirectoryUpdated(_, after) => self.update_directory(after),
            Configured::DirectoryDeleted(directory) => self.delete_directory(directory),
            Configured::DomainClaimed(domain) => self.claim_domain(domain),
            Configured::DomainUpdated(_, after) => self.update_domain(after),
            Configured::DomainReleased(domain) => self
                .execute(
                    "DELETE FROM domains WHERE name = $1",
                    &[Param::Text(domain.name.as_str())],
                )
                .map(drop),
            Configured::Trusted {
                directory, trustee, ..
            } => self.relate(*trustee, directory.0, "trusted"),
            Configured::TrustRevoked {
                directory, trustee, ..
            } => self.relate(*trustee, directory.0, "former"),
            Configured::ProductCreated(product) => self.create_product(product),
            Configured::ProductUpdated(before, after) => self.update_product(before, after),
            Configured::ProductDeleted(product) => {
                self.recount.remove(&product.id);
                self.execute(
                    "DELETE FROM products WHERE product = $1",
                    &[Param::Int(product.id.0)],
                )
                .map(drop)
            }
            Configured::ProfileQuotaSet {
                org,
                profile,
                product,
                after,
                ..
            } => self.set_quota(*org, *profile, *product, *after),
        }
    }

    fn create_org(&mut self, org: &Organization) -> Result<(), StoreError> {
        let params = [
            Param::Int(org.no.0),
            Param::Text(&org.id),
            Param::Owned(Key::new(&org.id).into_string()),
            Param::Text(&org.name),
            Param::Text(org.state.as_str()),
            Param::Owned(identity_types(&org.identity_types)),
            Param::Int(org.next.0),
        ];
        self.execute(
            "INSERT INTO organizations (org, id, id_key, name, state, identity_types, next_seq)
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
            &params,
        )?;
        Ok(())
    }

    fn update_org(&mut self, org: OrgNo, after: &OrgSettings) -> Result<(), StoreError> {
        let params = [
            Param::Text(&after.name),
            Param::Text(after.state.as_str()),
            Param::Owned(identity_types(&after.identity_types)),
            Param::Int(org.0),
        ];
        self.execute(
            "UPDATE organizations SET name = $1, state = $2, identity_types = $3 WHERE org = $4",
            &params,
        )?;
        Ok(())
    }

    fn create_directory(&mut self, directory: &Directory) -> Result<(), StoreError> {
        let params = [
            Param::Int(directory.id.0),
            Param::Int(directory.org.0),
            Param::Text(&directory.public_id),
            Param::Text(&directory.name),
            Param::Text(directory.kind.as_str()),
            Param::Text(directory.login.as_str()),
            Param::from(directory.synced),
        ];
        self.execute(
            "INSERT INTO directories (directory, org, public_id, name, kind, login, synced)
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
            &params,
        )?;
        self.relate(directory.org, directory.id.0, "owned")
    }

    fn relate(&mut self, org: OrgNo, directory: i64, relation: &str) -> Result<(), StoreError> {
        let params = [Param::Int(org.0), Param::Int(directory), Param::Text(relation)];
        self.execute(
            "INSERT INTO relations (org, directory, relation) VALUES ($1, $2, $3)
             ON CONFLICT (org, directory) DO UPDATE SET relation = excluded.relation",
            &params,
        )?;
        Ok(())
    }

    fn update_directory(&mut self, after: &Directory) -> Result<(), StoreError> {
        let params = [
            Param::Text(&after.name),
            Param::Text(after.login.as_str()),
            Param::from(after.synced),
            Param::Int(after.id.0),
        ];
        self.execute(
            "UPDATE directories SET name = $1, login = $2, synced = $3 WHERE directory = $4",
            &params,
        )?;
        Ok(())
    }

    fn delete_directory(&mut self, directory: &Directory) -> Result<(), StoreError> {
        let params = [Param::Int(directory.id.0)];
        // The log keeps whom it was shared with.
        let mut trusted = Vec::new();
        let sql = "SELECT org FROM relations WHERE directory = $1 AND relation = 'trusted' ORDER BY org";
        self.conn.query(sql, &params, &mut |row| {
            trusted.push((row.int(0)?, 0));
            Ok(())
        })?;
        self.keep_rows(directory.org, Rows::Untrusted, directory.id.0, trusted);
        self.execute("DELETE FROM relations WHERE directory = $1", &params)?;
        self.execute("DELETE FROM directories WHERE directory = $1", &params)?;
        Ok(())
    }

    fn claim_domain(&mut self, domain: &Domain) -> Result<(), StoreError> {
        self.take(domain.org, domain.seq.0);
        let params = [
            Param::Text(domain.name.as_str()),
            Param::Int(domain.org.0),
            Param::Int(domain.directory.0),
            Param::from(domain.restrict_adobe_ids),
            Param::Int(domain.seq.0),
        ];
        self.execute(
            "INSERT INTO domains (name, org, directory, restrict_adobe_ids, seq) VALUES ($1, $2, $3, $4, $5)",
            &params,
        )?;
        Ok(())
    }

    fn update_domain(&mut self, after: &Domain) -> Result<(), StoreError> {
        let params = [
            Param::Int(after.directory.0),
            Param::from(after.restrict_adobe_ids),
            Param::Text(after.name.as_str()),
        ];
        self.execute(
            "UPDATE domains SET directory = $1, restrict_adobe_ids = $2 WHERE name = $3",
            &params,
        )?;
        Ok(())
    }

    fn create_product(&mut self, product: &Product) -> Result<(), StoreError> {
        self.take(product.org, product.seq.0);
        let params = [
            Param::Int(product.id.0),
            Param::Int(product.org.0),
            Param::Text(&product.public_id),
            Param::Text(&product.code),
            Param::Text(&product.name),
            Param::Owned(Key::new(&product.name).into_string()),
            Param::from(product.quota),
            Param::Int(product.seq.0),
        ];
        self.execute(
            "INSERT INTO products (product, org, public_id, code, name, name_key, quota, seq)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
            &params,
        )?;
        Ok(())
    }

    fn update_product(&mut self, before: &Product, after: &Product) -> Result<(), StoreError> {
        let params = [
            Param::Text(&after.code),
            Param::Text(&after.name),
            Param::Owned(Key::new(&after.name).into_string()),
            Param::from(after.quota),
            Param::Int(after.id.0),
        ];
        self.execute(
            "UPDATE products SET code = $1, name = $2, name_key = $3, quota = $4 WHERE product = $5",
            &params,
        )?;
        if before.quota != after.quota {
            let mut profiles = Vec::new();
            let params = [Param::Int(after.id.0)];
            let sql =
                "SELECT grp, quota FROM groups WHERE product = $1 AND kind = 'PRODUCT_PROFILE' ORDER BY seq";
            self.conn.query(sql, &params, &mut |row| {
                profiles.push((GroupId(row.int(0)?), row.opt_int(1)?));
                Ok(())
            })?;
            for (profile, quota) in profiles {
                self.requeue(
                    after.org,
                    after.id,
                    profile,
                    quota.is_some() || after.quota.is_some(),
                )?;
            }
            self.unsettled.insert((after.org, after.id));
        }
        Ok(())
    }

    fn set_quota(
        &mut self,
        org: OrgNo,
        profile: GroupId,
        product: ProductId,
        quota: Option<i64>,
    ) -> Result<(), StoreError> {
        self.execute(
            "UPDATE groups SET quota = $1 WHERE grp = $2",
            &[Param::from(quota), Param::Int(profile.0)],
        )?;
        let limited = quota.is_some() || self.product_is_limited(product)?;
        self.requeue(org, product, profile, limited)?;
        self.unsettled.insert((org, product));
        Ok(())
    }

    /// Whether a profile's members queue follows from its own quota and its product's.
    fn requeue(
        &mut self,
        org: OrgNo,
        product: ProductId,
        profile: GroupId,
        limited: bool,
    ) -> Result<(), StoreError> {
        let (_, queued) = self.profile(profile)?;
        match (queued, limited) {
            (false, true) => self.build_queue(org, product, profile),
            (true, false) => self.drop_queue(org, product, profile),
            _ => Ok(()),
        }
    }
}
