//! Replaying the log: the changes of an organization's log, one after another, give its rows. This is done when sums do
//! not agree (`sums`), to name the rows, and for what sums cannot know.
//!
//! Rows are remembered by their key and a digest, not whole, so that a million of them fit into memory.

use std::collections::hash_map::DefaultHasher;
use std::collections::{HashMap, HashSet};
use std::hash::{Hash, Hasher as _};

use roster_core::change::{Change, Configured, OrgSettings};
use roster_core::org::{Account, Directory, Domain, Group, Person, Product};
use roster_core::value::{IdentityType, OrgNo, OrgState};

use super::{Finding, Limited};
use crate::audit::{self, Rows};
use crate::conn::Param;
use crate::error::StoreError;
use crate::reader::Reader;
use crate::row;

/// Replays the log of an organization, which has to be there from its first entry on, and compares.
pub(super) fn verify(
    reader: &mut Reader<'_>,
    org: OrgNo,
    findings: &mut Vec<Finding>,
) -> Result<(), StoreError> {
    if let Some(replayed) = replay(reader, org)? {
        replayed.compare(reader, findings)?;
    }
    Ok(())
}

/// What the log says; `None` when it cannot be read, which was found before.
fn replay(reader: &mut Reader<'_>, org: OrgNo) -> Result<Option<Replayed>, StoreError> {
    let mut replayed = Replayed {
        org,
        ..Replayed::default()
    };
    let mut sets = Vec::new();
    reader.log_sets(org, 1, &mut |number, rows, of, keys| {
        if let Some(rows @ (Rows::TakenOver | Rows::Listed)) = rows {
            sets.push((number, rows, of, keys.to_vec()));
        }
        Ok(())
    })?;
    let mut sets = sets.into_iter().peekable();
    let read = reader.log_changes(org, 1, audit::LAST, &mut |number, decoded| {
        for change in &decoded.changes {
            replayed.change(change, decoded.names_all);
        }
        while let Some((_, rows, group, keys)) = sets.next_if(|(entry, ..)| *entry <= number) {
            replayed.taken_over_named(rows, group, &keys);
        }
        Ok(())
    });
    match read {
        Ok(()) => Ok(Some(replayed)),
        Err(StoreError::Inconsistent { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

fn digest(parts: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    parts.hash(&mut hasher);
    hasher.finish()
}

fn person(person: &Person) -> u64 {
    digest((
        &person.username,
        &person.email,
        &person.domain,
        &person.firstname,
        &person.lastname,
    ))
}

fn account_fixed(account: &Account) -> u64 {
    digest((
        &account.public_id,
        account.directory,
        account.kind,
        account.country.as_str(),
    ))
}

fn group_fixed(group: &Group) -> u64 {
    let public_id = group.profile.as_ref().map(|profile| &profile.public_id);
    digest((group.kind, group.source, public_id, group.seq))
}

fn product(product: &Product) -> u64 {
    digest((
        &product.public_id,
        &product.code,
        &product.name,
        product.quota,
        product.seq,
    ))
}

fn domain(domain: &Domain) -> u64 {
    digest((domain.directory, domain.restrict_adobe_ids, domain.seq))
}

fn directory(directory: &Directory) -> u64 {
    digest((
        &directory.public_id,
        &directory.name,
        directory.kind,
        directory.login,
        directory.synced,
    ))
}

fn settings(name: &str, state: OrgState, types: &[IdentityType]) -> u64 {
    digest((name, state, types))
}

/// An organization's rows as the log gives them: digests by key.
#[derive(Debug, Default)]
struct Replayed {
    org: OrgNo,
    /// What never changes, person, status.
    accounts: HashMap<i64, (u64, u64, u64)>,
    members: HashMap<i64, i64>,
    /// What never changes, name and description, quota.
    groups: HashMap<i64, (u64, u64, Option<i64>)>,
    memberships: HashMap<i64, HashMap<i64, i64>>,
    links: HashMap<(i64, i64), i64>,
    products: HashMap<i64, u64>,
    domains: HashMap<String, u64>,
    directories: HashMap<i64, u64>,
    trusted: HashSet<(i64, i64)>,
    settings: Option<u64>,
    /// Groups that took over the members of another organization's, and the places these may have taken: that log
    /// says who they were.
    taken_over: Vec<TakenOver>,
    /// Those of them who have left since: (group, account), with 0 for the Users list.
    left: HashSet<(i64, i64)>,
}

#[derive(Debug)]
struct TakenOver {
    group: i64,
    after: i64,
    /// The next place that something else took.
    before: i64,
}

impl Replayed {
    fn change(&mut self, change: &Change, names_all: bool) {
        match change {
            Change::AccountCreated(account) => {
                let marks = (
                    account_fixed(account),
                    person(&account.person),
                    digest(account.status),
                );
                self.accounts.insert(account.id.0, marks);
                self.place(account.id.0 & ((1 << 40) - 1));
            }
            Change::AccountUpdated { account, after, .. } => {
                if let Some(known) = self.accounts.get_mut(&account.0) {
                    known.1 = person(after);
                }
            }
            Change::AccountStatusSet { account, after, .. } => {
                if let Some(known) = self.accounts.get_mut(&account.0) {
                    known.2 = digest(*after);
                }
            }
            Change::AccountDeleted(account) => {
                self.accounts.remove(&account.id.0);
            }
            Change::MemberJoined { account, seq, .. } => {
                self.place(seq.0);
                self.left.remove(&(0, account.0));
                self.members.insert(account.0, seq.0);
            }
            Change::MemberLeft { account, .. } => {
                if self.members.remove(&account.0).is_none() {
                    self.left.insert((0, account.0));
                }
            }
            Change::GroupCreated(group) => self.create_group(group, names_all),
            Change::GroupUpdated { group, after, .. } => {
                if let Some(known) = self.groups.get_mut(&group.0) {
                    known.1 = digest(after);
                }
            }
            Change::GroupDeleted(group) => {
                let id = group.id.0;
                self.groups.remove(&id);
                self.memberships.remove(&id);
                self.links
                    .retain(|(group, profile), _| *group != id && *profile != id);
            }
            Change::Joined {
                group, account, seq, ..
            } => {
                self.place(seq.0);
                self.left.remove(&(group.0, account.0));
                self.memberships
                    .entry(group.0)
                    .or_default()
                    .insert(account.0, seq.0);
            }
            Change::Left { group, account, .. } => {
                let known = self.memberships.get_mut(&group.0);
                if known.and_then(|members| members.remove(&account.0)).is_none() {
                    self.left.insert((group.0, account.0));
                }
            }
            Change::Linked {
                group, profile, seq, ..
            } => {
                self.place(seq.0);
                self.links.insert((group.0, profile.0), seq.0);
            }
            Change::Unlinked { group, profile, .. } => {
                self.links.remove(&(group.0, profile.0));
            }
            Change::Configured(configured) => self.configure(configured),
        }
    }

    fn create_group(&mut self, group: &Group, names_all: bool) {
        self.place(group.seq.0);
        let quota = group.profile.as_ref().and_then(|profile| profile.quota);
        let named = digest((&group.name, &group.description));
        self.groups.insert(group.id.0, (group_fixed(group), named, quota));
        if group.source.is_some() && !names_all {
            self.taken_over.push(TakenOver {
                group: group.id.0,
                after: group.seq.0,
                before: i64::MAX,
            });
        }
    }

    /// Accounts that a mirror took over, or that entered the Users list with it.
    fn taken_over_named(&mut self, rows: Rows, group: i64, keys: &[(i64, i64)]) {
        if rows == Rows::Listed {
            self.members.extend(keys.iter().copied());
        } else {
            self.memberships
                .entry(group)
                .or_default()
                .extend(keys.iter().copied());
        }
    }

    /// Something took a place: what was taken over before it stands before it.
    fn place(&mut self, seq: i64) {
        if let Some(last) = self.taken_over.last_mut()
            && last.before == i64::MAX
        {
            last.before = seq;
        }
    }

    fn configure(&mut self, configured: &Configured) {
        match configured {
            Configured::OrgCreated(org) => {
                self.settings = Some(settings(&org.name, org.state, &org.identity_types));
            }
            Configured::OrgUpdated { after, .. } => {
                let OrgSettings {
                    name,
                    state,
                    identity_types,
                } = after;
                self.settings = Some(settings(name, *state, identity_types));
            }
            Configured::DirectoryCreated(after) | Configured::DirectoryUpdated(_, after) => {
                self.directories.insert(after.id.0, directory(after));
            }
            Configured::DirectoryDeleted(before) => {
                self.directories.remove(&before.id.0);
                self.trusted.retain(|(directory, _)| *directory != before.id.0);
            }
            Configured::DomainClaimed(after) => {
                self.place(after.seq.0);
                self.domains.insert(after.name.as_str().to_owned(), domain(after));
            }
            Configured::DomainUpdated(_, after) => {
                self.domains.insert(after.name.as_str().to_owned(), domain(after));
            }
            Configured::DomainReleased(before) => {
                self.domains.remove(before.name.as_str());
            }
            Configured::Trusted {
                directory, trustee, ..
            } => {
                self.trusted.insert((directory.0, trustee.0));
            }
            Configured::TrustRevoked {
                directory, trustee, ..
            } => {
                self.trusted.remove(&(directory.0, trustee.0));
            }
            Configured::ProductCreated(after) => {
                self.place(after.seq.0);
                self.products.insert(after.id.0, product(after));
            }
            Configured::ProductUpdated(_, after) => {
                self.products.insert(after.id.0, product(after));
            }
            Configured::ProductDeleted(before) => {
                self.products.remove(&before.id.0);
            }
            Configured::ProfileQuotaSet { profile, after, .. } => {
                if let Some(known) = self.groups.get_mut(&profile.0) {
                    known.2 = *after;
                }
            }
        }
    }

    /// Whether a row that the log does not name was taken over from another organization's group.
    fn is_taken_over(&self, group: i64, account: i64, seq: i64) -> bool {
        let fits = |taken: &TakenOver| {
            (group == 0 || taken.group == group) && seq > taken.after && seq < taken.before
        };
        !self.left.contains(&(group, account)) && self.taken_over.iter().any(fits)
    }
}

/// Compares what the log gives with the rows of one table; what was compared is taken out.
struct Table<'f> {
    name: &'static str,
    found: Limited<'f>,
}

impl<'f> Table<'f> {
    fn new(name: &'static str, findings: &'f mut Vec<Finding>) -> Self {
        Self {
            name,
            found: Limited::new("replaying the log gives the rows", findings),
        }
    }

    fn row<T: PartialEq>(&mut self, key: impl std::fmt::Display, logged: Option<T>, row: &T) {
        match logged {
            Some(logged) if logged == *row => {}
            Some(_) => self.add(&key, "something else than the log"),
            None => self.add(&key, "a row that the log does not give"),
        }
    }

    /// What the log gives and no row was found for.
    fn missing(&mut self, keys: impl Iterator<Item = String>) {
        let mut keys: Vec<String> = keys.collect();
        keys.sort_unstable();
        for key in keys {
            self.add(&key, "no row");
        }
    }

    fn add(&mut self, key: &dyn std::fmt::Display, found: &str) {
        let expected = "as the log says".to_owned();
        self.found
            .add(format!("{} {key}", self.name), found.to_owned(), expected);
    }
}

impl Replayed {
    fn compare(mut self, reader: &mut Reader<'_>, findings: &mut Vec<Finding>) -> Result<(), StoreError> {
        self.compare_accounts(reader, findings)?;
        self.compare_members(reader, findings)?;
        self.compare_groups(reader, findings)?;
        self.compare_memberships(reader, findings)?;
        self.compare_links(reader, findings)?;
        self.compare_settings(reader, findings)
    }

    fn compare_accounts(
        &mut self,
        reader: &mut Reader<'_>,
        findings: &mut Vec<Finding>,
    ) -> Result<(), StoreError> {
        let mut table = Table::new("accounts", findings);
        let sql = format!(
            "SELECT {} FROM accounts WHERE account >= $1 AND account < $2",
            row::ACCOUNT
        );
        let range = [Param::Int(self.org.0 << 40), Param::Int((self.org.0 + 1) << 40)];
        reader.query(&sql, &range, &mut |row| {
            // What cannot be read was found before.
            if let Ok(account) = row::account(row) {
                let marks = (
                    account_fixed(&account),
                    person(&account.person),
                    digest(account.status),
                );
                table.row(account.id, self.accounts.remove(&account.id.0), &marks);
            } else {
                self.accounts.remove(&row.int(0)?);
            }
            Ok(())
        })?;
        table.missing(self.accounts.keys().map(ToString::to_string));
        Ok(())
    }

    fn compare_members(
        &mut self,
        reader: &mut Reader<'_>,
        findings: &mut Vec<Finding>,
    ) -> Result<(), StoreError> {
        let mut table = Table::new("members", findings);
        let sql = "SELECT account, seq FROM members WHERE org = $1";
        reader.query(sql, &[Param::Int(self.org.0)], &mut |row| {
            let (account, seq) = (row.int(0)?, row.int(1)?);
            let logged = self.members.remove(&account);
            if logged.is_some() || !self.is_taken_over(0, account, seq) {
                table.row(account, logged, &seq);
            }
            Ok(())
        })?;
        table.missing(self.members.keys().map(ToString::to_string));
        Ok(())
    }

    fn compare_groups(
        &mut self,
        reader: &mut Reader<'_>,
        findings: &mut Vec<Finding>,
    ) -> Result<(), StoreError> {
        let mut table = Table::new("groups", findings);
        let sql = format!("SELECT {} FROM groups WHERE org = $1", row::GROUP);
        reader.query(&sql, &[Param::Int(self.org.0)], &mut |row| {
            let id = row.int(0)?;
            let logged = self.groups.remove(&id);
            if let Ok(group) = row::group(row) {
                let quota = group.profile.as_ref().and_then(|profile| profile.quota);
                let named = digest((&group.name, &group.description));
                table.row(id, logged, &(group_fixed(&group), named, quota));
            }
            Ok(())
        })?;
        table.missing(self.groups.keys().map(ToString::to_string));
        Ok(())
    }

    fn compare_memberships(
        &mut self,
        reader: &mut Reader<'_>,
        findings: &mut Vec<Finding>,
    ) -> Result<(), StoreError> {
        let mut table = Table::new("memberships", findings);
        let sql = "SELECT account, grp, seq FROM memberships WHERE org = $1";
        reader.query(sql, &[Param::Int(self.org.0)], &mut |row| {
            let (account, group, seq) = (row.int(0)?, row.int(1)?, row.int(2)?);
            let logged = self
                .memberships
                .get_mut(&group)
                .and_then(|members| members.remove(&account));
            if logged.is_some() || !self.is_taken_over(group, account, seq) {
                table.row(format!("{account} of group {group}"), logged, &seq);
            }
            Ok(())
        })?;
        let left = self.memberships.iter().flat_map(|(group, members)| {
            members
                .keys()
                .map(move |account| format!("{account} of group {group}"))
        });
        table.missing(left);
        Ok(())
    }

    fn compare_links(
        &mut self,
        reader: &mut Reader<'_>,
        findings: &mut Vec<Finding>,
    ) -> Result<(), StoreError> {
        let mut table = Table::new("links", findings);
        let sql = "SELECT grp, profile, seq FROM links WHERE org = $1";
        reader.query(sql, &[Param::Int(self.org.0)], &mut |row| {
            let key = (row.int(0)?, row.int(1)?);
            table.row(
                format!("{} to {}", key.0, key.1),
                self.links.remove(&key),
                &row.int(2)?,
            );
            Ok(())
        })?;
        table.missing(
            self.links
                .keys()
                .map(|(group, profile)| format!("{group} to {profile}")),
        );
        Ok(())
    }

    fn compare_settings(
        &mut self,
        reader: &mut Reader<'_>,
        findings: &mut Vec<Finding>,
    ) -> Result<(), StoreError> {
        let org = [Param::Int(self.org.0)];
        let mut table = Table::new("products", findings);
        let sql = format!("SELECT {} FROM products WHERE org = $1", row::PRODUCT);
        reader.query(&sql, &org, &mut |row| {
            let found = row::product(row)?;
            table.row(found.id, self.products.remove(&found.id.0), &product(&found));
            Ok(())
        })?;
        table.missing(self.products.keys().map(ToString::to_string));

        table.name = "domains";
        let sql = format!("SELECT {} FROM domains WHERE org = $1", row::DOMAIN);
        reader.query(&sql, &org, &mut |row| {
            let found = row::domain(row)?;
            let logged = self.domains.remove(found.name.as_str());
            table.row(&found.name, logged, &domain(&found));
            Ok(())
        })?;
        table.missing(self.domains.keys().cloned());

        // The directory of all Adobe IDs, and their owner, are there from the beginning.
        table.name = "directories";
        let sql = format!(
            "SELECT {} FROM directories d WHERE d.org = $1 AND d.directory <> 0",
            row::DIRECTORY
        );
        reader.query(&sql, &org, &mut |row| {
            let found = row::directory(row)?;
            table.row(found.id, self.directories.remove(&found.id.0), &directory(&found));
            Ok(())
        })?;
        table.missing(self.directories.keys().map(ToString::to_string));

        table.name = "relations";
        let sql = "SELECT r.directory, r.org FROM relations r JOIN directories d ON d.directory = r.directory \
                   WHERE d.org = $1 AND r.relation = 'trusted'";
        reader.query(sql, &org, &mut |row| {
            let key = (row.int(0)?, row.int(1)?);
            let logged = self.trusted.remove(&key).then_some(());
            table.row(format!("{} {}", key.1, key.0), logged, &());
            Ok(())
        })?;
        table.missing(
            self.trusted
                .iter()
                .map(|(directory, org)| format!("{org} {directory}")),
        );

        table.name = "organizations";
        let sql = format!(
            "SELECT {} FROM organizations WHERE org = $1 AND org <> 0",
            row::ORGANIZATION
        );
        reader.query(&sql, &org, &mut |row| {
            if let Ok(found) = row::organization(row) {
                let now = settings(&found.name, found.state, &found.identity_types);
                table.row(found.no, self.settings, &now);
            }
            Ok(())
        })
    }
}
