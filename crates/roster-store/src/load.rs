//! From a scope to a working set, in a fixed number of statements whatever the scope holds.

use std::collections::BTreeSet;

use roster_core::org::{Account, Group, GroupKind, Relation};
use roster_core::scope::Scope;
use roster_core::set::{WorkingSet, adobe_id_directory};
use roster_core::value::{AccountId, DirectoryId, GroupId, Key, OrgNo, Seq};

use crate::conn::{Param, ints, texts};
use crate::error::StoreError;
use crate::held::Held;
use crate::reader::Reader;
use crate::row;

/// How often groups may lead to mirrors and mirrors to groups: a mirror has no mirrors of its own, so what the
/// second round finds is final.
const ROUNDS: usize = 3;

impl Reader<'_> {
    /// Loads what `scope` names.
    pub fn load(&mut self, scope: &Scope) -> Result<WorkingSet, StoreError> {
        let Some(held) = self.held.take() else {
            return load(self, scope, &mut Held::default());
        };
        let loaded = load(self, scope, held);
        self.held = Some(held);
        loaded
    }

    /// Whether what is held gave the same as the rows themselves: in builds for tests, after every load of the writer.
    #[cfg(debug_assertions)]
    pub(crate) fn check_held(&mut self, scope: &Scope, loaded: &WorkingSet) -> Result<(), StoreError> {
        if self.held.is_some() && load(self, scope, &mut Held::default())? != *loaded {
            return Err(StoreError::Bug(
                "what the writer holds is not what the rows say".to_owned(),
            ));
        }
        Ok(())
    }

    /// The organizations whose rows deciding on `set` may look at, so that they are locked before.
    pub(crate) fn orgs_in_play(set: &WorkingSet) -> Vec<OrgNo> {
        set.orgs()
            .map(|org| org.no)
            .filter(|no| *no != OrgNo::ADOBE_ID)
            .collect()
    }
}

fn load(reader: &mut Reader<'_>, scope: &Scope, held: &mut Held) -> Result<WorkingSet, StoreError> {
    let mut loading = Loading {
        held,
        set: WorkingSet::new(scope.clone()),
        orgs: BTreeSet::from([scope.org.0]),
        groups: Vec::new(),
        known: BTreeSet::new(),
        accounts: Vec::new(),
        products: BTreeSet::new(),
    };
    loading.directories(reader, scope)?;
    loading.groups_by_name(reader, scope)?;
    loading.products_by_name(reader, scope)?;
    loading.closures(reader, scope)?;
    loading.finish(reader, scope)
}

struct Loading<'h> {
    held: &'h mut Held,
    set: WorkingSet,
    orgs: BTreeSet<i64>,
    groups: Vec<Group>,
    known: BTreeSet<i64>,
    accounts: Vec<Account>,
    products: BTreeSet<i64>,
}

impl Loading<'_> {
    /// Directories in reach, the claims of the domains named, and the accounts that these hold.
    fn directories(&mut self, reader: &mut Reader<'_>, scope: &Scope) -> Result<(), StoreError> {
        self.set.add_directory(adobe_id_directory(), Relation::Foreign);
        let mut reachable = vec![DirectoryId::ADOBE_ID.0];
        let mut former = BTreeSet::new();
        for (directory, relation) in self.held.directories(reader, scope.org)? {
            reachable.push(directory.id.0);
            if *relation == Relation::Former {
                former.insert(directory.id);
            }
            self.set.add_directory(directory.clone(), *relation);
        }
        for domain in self.held.domains(reader, &scope.domains)? {
            self.set.add_domain(domain);
        }
        if !scope.identifiers.is_empty() {
            self.accounts_by_identifier(reader, scope, &reachable, &former)?;
        }
        Ok(())
    }

    fn accounts_by_identifier(
        &mut self,
        reader: &mut Reader<'_>,
        scope: &Scope,
        reachable: &[i64],
        former: &BTreeSet<DirectoryId>,
    ) -> Result<(), StoreError> {
        let mut accounts: Vec<Account> = Vec::new();
        for column in ["email_key", "username_key"] {
            let sql = format!(
                "SELECT {} FROM accounts WHERE directory IN {} AND {column} IN {}",
                row::ACCOUNT,
                reader.int_list(1),
                reader.text_list(2)
            );
            let params = [
                ints(reachable.iter().copied()),
                texts(scope.identifiers.iter().map(Key::as_str)),
            ];
            reader.query(&sql, &params, &mut |row| {
                accounts.push(row::account(row)?);
                Ok(())
            })?;
        }
        accounts.sort_by_key(|account| account.id);
        accounts.dedup_by_key(|account| account.id);
        // Where trust has ended, only those who stayed are still in reach.
        let mut members = BTreeSet::new();
        if accounts.iter().any(|account| former.contains(&account.directory)) {
            let sql = format!(
                "SELECT account FROM members WHERE account IN {} AND org = $2",
                reader.int_list(1)
            );
            let params = [
                ints(accounts.iter().map(|account| account.id.0)),
                Param::Int(scope.org.0),
            ];
            reader.query(&sql, &params, &mut |row| {
                members.insert(row.int(0)?);
                Ok(())
            })?;
        }
        accounts.retain(|account| !former.contains(&account.directory) || members.contains(&account.id.0));
        self.accounts = accounts;
        Ok(())
    }

    fn groups_by_name(&mut self, reader: &mut Reader<'_>, scope: &Scope) -> Result<(), StoreError> {
        if scope.all_groups {
            let sql = format!(
                "SELECT {} FROM groups WHERE org = $1 AND name_key IS NOT NULL",
                row::GROUP
            );
            return self.read_groups(reader, &sql, &[Param::Int(scope.org.0)]);
        }
        let named = self.held.named(reader, scope.org, &scope.names)?;
        self.take(named);
        Ok(())
    }

    fn products_by_name(&mut self, reader: &mut Reader<'_>, scope: &Scope) -> Result<(), StoreError> {
        if scope.products.is_empty() {
            return Ok(());
        }
        let sql = format!(
            "SELECT {} FROM products WHERE org = $1 AND name_key IN {}",
            row::PRODUCT,
            reader.text_list(2)
        );
        let params = [
            Param::Int(scope.org.0),
            texts(scope.products.iter().map(Key::as_str)),
        ];
        reader.query(&sql, &params, &mut |row| {
            let product = row::product(row)?;
            self.products.insert(product.id.0);
            self.set.add_product(product);
            Ok(())
        })
    }

    /// Memberships lead to groups, groups to mirrors, mirrors to organizations, and these to memberships.
    fn closures(&mut self, reader: &mut Reader<'_>, scope: &Scope) -> Result<(), StoreError> {
        if scope.everywhere && !self.accounts.is_empty() {
            let sql = format!(
                "SELECT DISTINCT org FROM members WHERE account IN {}",
                reader.int_list(1)
            );
            let params = [ints(self.accounts.iter().map(|account| account.id.0))];
            reader.query(&sql, &params, &mut |row| {
                self.orgs.insert(row.int(0)?);
                Ok(())
            })?;
        }
        let mut read_orgs = BTreeSet::new();
        for _ in 0..ROUNDS {
            let fresh: Vec<i64> = self.orgs.difference(&read_orgs).copied().collect();
            if fresh.is_empty() {
                break;
            }
            self.memberships(reader, &fresh)?;
            read_orgs.extend(fresh);
            self.mirrors(reader)?;
        }
        Ok(())
    }

    fn memberships(&mut self, reader: &mut Reader<'_>, orgs: &[i64]) -> Result<(), StoreError> {
        if self.accounts.is_empty() {
            return Ok(());
        }
        let accounts = || ints(self.accounts.iter().map(|account| account.id.0));
        let sql = format!(
            "SELECT org, account, seq FROM members WHERE account IN {} AND org IN {}",
            reader.int_list(1),
            reader.int_list(2)
        );
        let mut rows = Vec::new();
        reader.query(&sql, &[accounts(), ints(orgs.iter().copied())], &mut |row| {
            rows.push((row.int(0)?, row.int(1)?, row.int(2)?));
            Ok(())
        })?;
        for (org, account, seq) in rows {
            self.set.add_member(OrgNo(org), AccountId(account), Seq(seq));
        }
        let sql = format!(
            "SELECT grp, account, seq FROM memberships WHERE org IN {} AND account IN {}",
            reader.int_list(1),
            reader.int_list(2)
        );
        let mut rows = Vec::new();
        reader.query(&sql, &[ints(orgs.iter().copied()), accounts()], &mut |row| {
            rows.push((row.int(0)?, row.int(1)?, row.int(2)?));
            Ok(())
        })?;
        let mut groups = BTreeSet::new();
        for (group, account, seq) in rows {
            groups.insert(group);
            self.set
                .add_membership(GroupId(group), AccountId(account), Seq(seq));
        }
        self.groups_by_id(reader, groups)
    }

    fn mirrors(&mut self, reader: &mut Reader<'_>) -> Result<(), StoreError> {
        let sources = self
            .groups
            .iter()
            .filter(|group| group.kind == GroupKind::UserGroup && group.source.is_none());
        let sources: Vec<i64> = sources.map(|group| group.id.0).collect();
        let mirrors = self.held.mirrors(reader, &sources)?;
        let before = self.groups.len();
        self.take(mirrors);
        self.orgs
            .extend(self.groups.iter().skip(before).map(|group| group.org.0));
        Ok(())
    }

    fn groups_by_id(&mut self, reader: &mut Reader<'_>, ids: BTreeSet<i64>) -> Result<(), StoreError> {
        self.held.groups(reader, ids.iter().copied())?;
        self.take(ids);
        Ok(())
    }

    /// Puts groups that are held into the set.
    fn take(&mut self, ids: impl IntoIterator<Item = i64>) {
        for id in ids {
            if let Some(group) = self.held.group(id)
                && self.known.insert(id)
            {
                self.groups.push(group.clone());
            }
        }
    }

    fn read_groups(
        &mut self,
        reader: &mut Reader<'_>,
        sql: &str,
        params: &[Param<'_>],
    ) -> Result<(), StoreError> {
        reader.query(sql, params, &mut |row| {
            let group = row::group(row)?;
            if self.known.insert(group.id.0) {
                self.groups.push(group);
            }
            Ok(())
        })
    }

    /// Links and the profiles at their ends, admin and developer groups, and the organizations themselves.
    fn finish(mut self, reader: &mut Reader<'_>, scope: &Scope) -> Result<WorkingSet, StoreError> {
        // A name has to be free wherever a group is mirrored; nothing follows from the groups that bear it.
        let others: Vec<i64> = self
            .orgs
            .iter()
            .copied()
            .filter(|org| *org != scope.org.0)
            .collect();
        if !others.is_empty() && !scope.names.is_empty() {
            let sql = format!(
                "SELECT {} FROM groups WHERE org IN {} AND name_key IN {}",
                row::GROUP,
                reader.int_list(1),
                reader.text_list(2)
            );
            let params = [ints(others), texts(scope.names.iter().map(Key::as_str))];
            self.read_groups(reader, &sql, &params)?;
        }
        let bases: Vec<i64> = self.groups.iter().map(|group| group.id.0).collect();
        let sources: Vec<i64> = self
            .groups
            .iter()
            .filter(|group| group.kind == GroupKind::UserGroup)
            .map(|group| group.id.0)
            .collect();
        let links = self.held.links(reader, &self.orgs, &sources)?;
        let mut profiles = BTreeSet::new();
        for (group, profile, seq) in links {
            profiles.insert(profile);
            self.set.add_link(GroupId(group), GroupId(profile), seq);
        }
        self.groups_by_id(reader, profiles)?;
        let administrators = self.held.based(reader, &bases)?;
        self.take(administrators);
        let org_wide = self.held.org_wide(reader, scope.org)?;
        self.take(org_wide);
        if !self.products.is_empty() {
            let sql = format!(
                "SELECT {} FROM groups WHERE product IN {} AND kind = 'PRODUCT_ADMIN_GROUP'",
                row::GROUP,
                reader.int_list(1)
            );
            self.read_groups(reader, &sql, &[ints(self.products.iter().copied())])?;
        }
        self.orgs.insert(OrgNo::ADOBE_ID.0);
        for org in self.held.orgs(reader, &self.orgs)? {
            self.set.add_org(org);
        }
        for group in self.groups {
            self.set.add_group(group);
        }
        for account in self.accounts {
            self.set.add_account(account);
        }
        Ok(self.set)
    }
}
