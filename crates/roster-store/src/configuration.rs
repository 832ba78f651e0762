//! What organizations are made of, whole: for describing them (`roster_core::describe`) and for writing them back.

use std::collections::BTreeSet;

use roster_core::describe::{Configuration, Mark};
use roster_core::value::{AccountId, DirectoryId, GroupId, Key, OrgNo, ProductId, Seq};

use crate::conn::{Param, ints, texts};
use crate::error::StoreError;
use crate::reader::Reader;
use crate::row;

impl Reader<'_> {
    /// The configuration of `orgs`, and the claims of `domains`, whoever made them.
    pub fn configuration(
        &mut self,
        orgs: &BTreeSet<OrgNo>,
        domains: &BTreeSet<Key>,
    ) -> Result<Configuration, StoreError> {
        let list = || ints(orgs.iter().map(|org| org.0));
        let mut found = Configuration {
            orgs: self.organizations()?,
            ..Configuration::default()
        };
        let directories = format!(
            "SELECT {} FROM directories d WHERE d.org IN {} ORDER BY d.directory",
            row::DIRECTORY,
            self.int_list(1)
        );
        self.query(&directories, &[list()], &mut |row| {
            found.directories.push(row::directory(row)?);
            Ok(())
        })?;
        let claims = format!(
            "SELECT {} FROM domains WHERE org IN {} OR name IN {} ORDER BY org, seq",
            row::DOMAIN,
            self.int_list(1),
            self.text_list(2)
        );
        self.query(
            &claims,
            &[list(), texts(domains.iter().map(Key::as_str))],
            &mut |row| {
                found.domains.push(row::domain(row)?);
                Ok(())
            },
        )?;
        let owned: Vec<i64> = found.directories.iter().map(|directory| directory.id.0).collect();
        let trusts = format!(
            "SELECT directory, org FROM relations WHERE directory IN {} AND relation = 'trusted'",
            self.int_list(1)
        );
        self.query(&trusts, &[ints(owned.iter().copied())], &mut |row| {
            found
                .trusts
                .insert((DirectoryId(row.int(0)?), OrgNo(row.int(1)?)));
            Ok(())
        })?;
        for directory in owned {
            let sql = "SELECT account FROM accounts WHERE directory = $1 LIMIT 1";
            if self.number(sql, &[Param::Int(directory)])?.is_some() {
                found.inhabited.insert(DirectoryId(directory));
            }
        }
        self.products_and_groups(orgs, &mut found)?;
        let marks = format!(
            "SELECT org, kind, key FROM described WHERE org IN {}",
            self.int_list(1)
        );
        self.query(&marks, &[list()], &mut |row| {
            let mark = Mark {
                kind: row.text(1)?.to_owned(),
                key: row.text(2)?.to_owned(),
            };
            found.described.insert((OrgNo(row.int(0)?), mark));
            Ok(())
        })?;
        let mut next = |sql: &str| self.number(sql, &[]).map(|n| n.unwrap_or(1));
        found.next_org = OrgNo(next("SELECT COALESCE(MAX(org), 0) + 1 FROM organizations")?);
        found.next_directory = DirectoryId(next("SELECT COALESCE(MAX(directory), 0) + 1 FROM directories")?);
        found.next_product = ProductId(next("SELECT COALESCE(MAX(product), 0) + 1 FROM products")?);
        Ok(found)
    }

    /// How many accounts of a directory are of a domain, by their username or their e-mail.
    pub fn accounts_of_domain(&mut self, directory: DirectoryId, domain: &Key) -> Result<i64, StoreError> {
        let sql = "SELECT COUNT(*) FROM accounts WHERE directory = $1 AND (domain = $2 OR email_key LIKE $3)";
        let params = [
            directory.0.into(),
            domain.as_str().into(),
            Param::Owned(format!("%@{}", domain.as_str())),
        ];
        Ok(self.number(sql, &params)?.unwrap_or(0))
    }

    fn products_and_groups(
        &mut self,
        orgs: &BTreeSet<OrgNo>,
        found: &mut Configuration,
    ) -> Result<(), StoreError> {
        let list = || ints(orgs.iter().map(|org| org.0));
        let products = format!(
            "SELECT {} FROM products WHERE org IN {} ORDER BY org, seq",
            row::PRODUCT,
            self.int_list(1)
        );
        self.query(&products, &[list()], &mut |row| {
            found.products.push(row::product(row)?);
            Ok(())
        })?;
        // Groups that mirror one of these stand in other organizations.
        let groups = format!(
            "SELECT {} FROM groups WHERE org IN {} OR source IN (SELECT grp FROM groups WHERE org IN {}) ORDER BY org, seq",
            row::GROUP,
            self.int_list(1),
            self.int_list(1)
        );
        self.query(&groups, &[list()], &mut |row| {
            found.groups.push(row::group(row)?);
            Ok(())
        })?;
        let links = format!(
            "SELECT grp, profile, seq FROM links WHERE org IN {}",
            self.int_list(1)
        );
        self.query(&links, &[list()], &mut |row| {
            found
                .links
                .insert((GroupId(row.int(0)?), GroupId(row.int(1)?)), Seq(row.int(2)?));
            Ok(())
        })
    }
}

/// Somebody with a role in an organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Administrator {
    /// The account.
    pub account: AccountId,
    /// Its e-mail address.
    pub email: String,
    /// `active`, `disabled` or `locked`.
    pub status: String,
    /// Roles as organization files name them: the org-wide ones by a word, the others by their group's name.
    pub roles: Vec<String>,
    /// The groups that these roles are, in the same order, with the place of joining.
    pub held: Vec<(GroupId, Seq)>,
    /// When the password was set, in milliseconds since 1970; `None` without one.
    pub password_set_at: Option<i64>,
}

impl Reader<'_> {
    /// Everybody with a role in an organization, in the order of joining its Users list.
    pub fn administrators(&mut self, org: OrgNo) -> Result<Vec<Administrator>, StoreError> {
        let mut found: Vec<Administrator> = Vec::new();
        let sql = "SELECT a.account, a.email, a.status, w.set_at, g.kind, COALESCE(b.name, p.name, g.name), g.grp, m.seq
             FROM groups g JOIN memberships m ON m.grp = g.grp JOIN accounts a ON a.account = m.account
             JOIN members u ON u.org = g.org AND u.account = m.account
             LEFT JOIN groups b ON b.grp = g.base
             LEFT JOIN products p ON p.product = g.product AND g.base IS NULL
             LEFT JOIN passwords w ON w.account = a.account
             WHERE g.org = $1 AND g.kind NOT IN ('USER_GROUP', 'PRODUCT_PROFILE', 'CONTRACT_ADMIN_GROUP')
             ORDER BY u.seq, m.seq";
        self.query(sql, &[Param::Int(org.0)], &mut |row| {
            let (account, base) = (AccountId(row.int(0)?), row.text(5)?);
            let role = match row.text(4)? {
                "SYSADMIN_GROUP" => "system".to_owned(),
                "SUPPORT_ADMIN_GROUP" => "support".to_owned(),
                "DEPLOYMENT_ADMIN_GROUP" => "deployment".to_owned(),
                "PRODUCT_ADMIN_GROUP" => format!("_product_admin_{base}"),
                "DEVELOPER_GROUP" => format!("_developer_{base}"),
                _ => format!("_admin_{base}"),
            };
            let held = (GroupId(row.int(6)?), Seq(row.int(7)?));
            match found.last_mut() {
                Some(last) if last.account == account => {
                    last.roles.push(role);
                    last.held.push(held);
                }
                _ => found.push(Administrator {
                    account,
                    email: row.text(1)?.to_owned(),
                    status: row.text(2)?.to_owned(),
                    roles: vec![role],
                    held: vec![held],
                    password_set_at: row.opt_int(3)?,
                }),
            }
            Ok(())
        })?;
        Ok(found)
    }

    /// Members whose account is disabled or locked, by e-mail, with the status.
    pub fn barred(&mut self, org: OrgNo) -> Result<Vec<(String, String)>, StoreError> {
        let mut found = Vec::new();
        let sql = "SELECT a.email, a.status FROM members m JOIN accounts a ON a.account = m.account
             WHERE m.org = $1 AND m.listed = 0 ORDER BY m.seq";
        self.query(sql, &[Param::Int(org.0)], &mut |row| {
            found.push((row.text(0)?.to_owned(), row.text(1)?.to_owned()));
            Ok(())
        })?;
        Ok(found)
    }
}
