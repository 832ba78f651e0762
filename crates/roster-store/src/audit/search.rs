//! Looking for entries: a page of the log at a time, so that neither memory nor a database's moment is held for as long
//! as somebody reads, and the names of what the entries speak of.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use roster_core::change::{Change, Configured};
use roster_core::org::Person;
use roster_core::value::{AccountId, GroupId, Key, OrgNo};
use serde_json::Value;

use super::{COLUMNS, Happened, LAST, Recorded, Rows, decode, decode_set, newest, place, recorded};
use crate::conn::Param;
use crate::error::StoreError;
use crate::listing::group_names;
use crate::reader::Reader;

/// What entries to hand out; everything that is given has to fit.
#[derive(Debug, Clone, Default)]
pub struct Search {
    /// Who acted, as it was recorded.
    pub actor: Option<String>,
    /// With `actor`: these integrations acted, too; they are shown in its place.
    pub actor_clients: Vec<String>,
    /// Any of these integrations was used; none given: whichever.
    pub clients: Vec<String>,
    /// The request's id.
    pub request_id: Option<String>,
    /// At this moment or later (milliseconds since 1970).
    pub since: Option<i64>,
    /// Before this moment.
    pub until: Option<i64>,
    /// Only what was refused, or left undone because something else was.
    pub refused: bool,
    /// Somebody that the entry changes or names.
    pub user: Option<Sought>,
    /// A group or profile that the entry changes or names.
    pub group: Option<Sought>,
}

/// An account or group, with what it takes to recognise it in an entry.
#[derive(Debug, Clone)]
pub struct Sought {
    key: Key,
    pub(super) ids: BTreeSet<i64>,
    /// Entries that took it into or out of something as one of many: (organization, entry).
    pub(super) sets: BTreeSet<(i64, i64)>,
}

impl Sought {
    /// Whether anything of this name is or was there.
    pub fn is_known(&self) -> bool {
        !self.ids.is_empty()
    }
}

/// A part of the log.
#[derive(Debug, Clone, Default)]
pub struct Page {
    /// What fits, in the order asked for.
    pub entries: Vec<Recorded>,
    /// Where to go on; `None` at the end.
    pub next: Option<i64>,
}

/// Names, by number, of what entries speak of. What is gone has the name that the same entries give it, or none.
#[derive(Debug, Clone, Default)]
pub struct Names {
    /// E-mail addresses of accounts.
    pub accounts: BTreeMap<i64, String>,
    /// Full names of groups.
    pub groups: BTreeMap<i64, String>,
    /// Names of products.
    pub products: BTreeMap<i64, String>,
    /// Names of directories.
    pub directories: BTreeMap<i64, String>,
    /// Names of integrations, by client id.
    pub clients: BTreeMap<String, String>,
    /// For an entry, the groups that lost all their members with it, and how many those were.
    pub removed: BTreeMap<i64, Vec<(GroupId, usize)>>,
    /// For an entry, what else came or went as a set.
    pub sets: BTreeMap<i64, Vec<SetOf>>,
}

/// A set in short.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetOf {
    /// Which rows.
    pub rows: Rows,
    /// What they belong to.
    pub of: i64,
    /// How many they are.
    pub count: usize,
    /// The groups or profiles that they are, where they are some.
    pub groups: Vec<GroupId>,
}

impl Reader<'_> {
    /// Entries of an organization's log that fit, from an entry on in either direction. At most `limit` entries are
    /// looked at beyond what the database sorts out by itself.
    pub fn log_page(
        &mut self,
        org: OrgNo,
        from: i64,
        newest_first: bool,
        search: &Search,
        limit: usize,
    ) -> Result<Page, StoreError> {
        // What stands before a checkpoint is about to be deleted.
        let begin = self.checkpoint(org)?.map_or(0, |before| before.entry) + 1;
        let (first, last, order) = if newest_first {
            (begin, from, "DESC")
        } else {
            (from.max(begin), LAST, "ASC")
        };
        // Writing to a string cannot fail, here and below.
        let mut sql = format!("SELECT {COLUMNS} FROM audit WHERE number >= $1 AND number <= $2");
        let mut params = vec![Param::Int(place(org, first)), Param::Int(place(org, last))];
        if let Some(actor) = &search.actor {
            params.push(Param::Text(actor));
            let _ = write!(sql, " AND (actor = ${}", params.len());
            if !search.actor_clients.is_empty() {
                params.push(crate::conn::texts(
                    search.actor_clients.iter().map(String::as_str),
                ));
                let _ = write!(sql, " OR client IN {}", self.text_list(params.len()));
            }
            sql.push(')');
        }
        if let Some(request_id) = &search.request_id {
            params.push(Param::Text(request_id));
            let _ = write!(sql, " AND request_id = ${}", params.len());
        }
        if !search.clients.is_empty() {
            params.push(crate::conn::texts(search.clients.iter().map(String::as_str)));
            let _ = write!(sql, " AND client IN {}", self.text_list(params.len()));
        }
        for (compare, moment) in [(">=", search.since), ("<", search.until)] {
            if let Some(moment) = moment {
                params.push(Param::Int(moment));
                let _ = write!(sql, " AND at {compare} ${}", params.len());
            }
        }
        if search.refused {
            sql.push_str(" AND (command LIKE '%\"refused\":[%' OR command LIKE '%\"undone\":true%')");
        }
        params.push(Param::Int(i64::try_from(limit).unwrap_or(i64::MAX)));
        let _ = write!(sql, " ORDER BY number {order} LIMIT ${}", params.len());
        let (mut page, mut seen, mut last) = (Page::default(), 0, from);
        self.query(&sql, &params, &mut |row| {
            let entry = recorded(row)?;
            (seen, last) = (seen + 1, entry.number);
            if fits(org, &entry, search) {
                page.entries.push(entry);
            }
            Ok(())
        })?;
        page.next = (seen == limit).then(|| if newest_first { last - 1 } else { last + 1 });
        Ok(page)
    }

    /// The number of an organization's newest entry; 0 without any.
    pub fn newest_entry(&mut self, org: OrgNo) -> Result<i64, StoreError> {
        newest(self.conn, org)
    }

    /// The accounts that have, or ever had, this e-mail address or username.
    pub fn sought_user(&mut self, name: &str) -> Result<Sought, StoreError> {
        let key = Key::new(name);
        let mut ids = self.numbers(
            "SELECT account FROM accounts WHERE email_key = $1 OR username_key = $2",
            &[Param::Text(key.as_str()), Param::Text(key.as_str())],
        )?;
        let fits = |person: &Person| Key::new(&person.email) == key || Key::new(&person.username) == key;
        self.named_in_log("account", &key, &mut |change| match change {
            Change::AccountCreated(account) | Change::AccountDeleted(account) if fits(&account.person) => {
                ids.insert(account.id.0);
            }
            Change::AccountUpdated {
                account,
                before,
                after,
            } if fits(before) || fits(after) => {
                ids.insert(account.0);
            }
            _ => {}
        })?;
        let sets = self.in_sets(&ids, false)?;
        Ok(Sought { key, ids, sets })
    }

    /// The entries with a set that names one of these accounts or groups: (organization, entry).
    pub(super) fn in_sets(
        &mut self,
        ids: &BTreeSet<i64>,
        groups: bool,
    ) -> Result<BTreeSet<(i64, i64)>, StoreError> {
        let mut found = BTreeSet::new();
        for id in ids {
            // A chunk is [group,[[account,place],[account,place],…]], perhaps with a word in front.
            let patterns = [
                Param::Owned(format!("%[[{id},%")),
                Param::Owned(format!("%,[{id},%")),
            ];
            let sql = "SELECT org, entry, keys FROM audit_sets WHERE keys LIKE $1 OR keys LIKE $2";
            self.query(sql, &patterns, &mut |row| {
                let entry = row.int(1)?;
                let (rows, _, _) = decode_set(row.text(2)?)
                    .ok_or_else(|| StoreError::inconsistent("audit_sets", "keys", entry))?;
                if groups == matches!(rows, Some(Rows::UnlinkedProfiles | Rows::UnlinkedGroups)) {
                    found.insert((row.int(0)?, entry));
                }
                Ok(())
            })?;
        }
        Ok(found)
    }

    /// The groups and profiles of these organizations that have, or ever had, this name.
    pub fn sought_group(&mut self, orgs: &[OrgNo], name: &str) -> Result<Sought, StoreError> {
        let key = Key::new(name);
        let mut ids = BTreeSet::new();
        for org in orgs {
            ids.extend(
                self.find_group(*org, name)?
                    .and_then(|group| group.id)
                    .map(|id| id.0),
            );
        }
        self.named_in_log("group", &key, &mut |change| match change {
            Change::GroupCreated(group) | Change::GroupDeleted(group)
                if group.kind.has_own_name() && group.key() == key =>
            {
                ids.insert(group.id.0);
            }
            Change::GroupUpdated {
                group, before, after, ..
            } if Key::new(&before.0) == key || Key::new(&after.0) == key => {
                ids.insert(group.0);
            }
            _ => {}
        })?;
        let sets = self.in_sets(&ids, true)?;
        Ok(Sought { key, ids, sets })
    }

    /// Hands out the changes of a family (`account`, `group`) that may give something this name.
    fn named_in_log(
        &mut self,
        family: &str,
        key: &Key,
        each: &mut dyn FnMut(&Change),
    ) -> Result<(), StoreError> {
        let mut sql =
            format!("SELECT number, changes FROM audit WHERE changes LIKE '%\"t\":\"{family}!_%' ESCAPE '!'");
        let mut params = Vec::new();
        // Databases agree on the letter case of ASCII only; of anything else, every entry is looked at.
        if key.as_str().is_ascii() {
            let quoted = Value::from(key.as_str()).to_string();
            let text = quoted.replace('!', "!!").replace('%', "!%").replace('_', "!_");
            params.push(Param::Owned(format!("%{text}%")));
            sql.push_str(" AND lower(changes) LIKE $1 ESCAPE '!'");
        }
        self.query(&sql, &params, &mut |row| {
            let Some(decoded) = decode(row.text(1)?) else {
                return Err(StoreError::inconsistent("audit", "changes", row.int(0)? & LAST));
            };
            decoded.changes.iter().for_each(&mut *each);
            Ok(())
        })
    }

    fn numbers(&mut self, sql: &str, params: &[Param<'_>]) -> Result<BTreeSet<i64>, StoreError> {
        let mut found = BTreeSet::new();
        self.query(sql, params, &mut |row| {
            found.insert(row.int(0)?);
            Ok(())
        })?;
        Ok(found)
    }

    /// The names of what these entries of an organization speak of.
    pub fn names_in(&mut self, org: OrgNo, entries: &[Recorded]) -> Result<Names, StoreError> {
        let mut names = Names::default();
        let numbers = || entries.iter().map(|entry| entry.number);
        if let (Some(first), Some(last)) = (numbers().min(), numbers().max()) {
            let sql = "SELECT entry, keys FROM audit_sets WHERE org = $1 AND entry >= $2 AND entry <= $3 ORDER BY entry, chunk";
            let range = [Param::Int(org.0), Param::Int(first), Param::Int(last)];
            let wanted: BTreeSet<i64> = numbers().collect();
            self.query(sql, &range, &mut |row| {
                let number = row.int(0)?;
                if !wanted.contains(&number) {
                    return Ok(());
                }
                let (rows, of, keys) = decode_set(row.text(1)?)
                    .ok_or_else(|| StoreError::inconsistent("audit_sets", "keys", number))?;
                match rows {
                    None => names.members_removed(number, GroupId(of), keys.len()),
                    Some(rows) => names.set(number, rows, of, &keys),
                }
                Ok(())
            })?;
        }
        let mut met = Met::default();
        for entry in entries {
            entry
                .changes
                .iter()
                .for_each(|change| met.change(change, &mut names));
            met.clients.extend(entry.client.as_deref());
            for seat in &entry.seats {
                if let Happened::SeatGranted { profile, account } | Happened::SeatLost { profile, account } =
                    seat
                {
                    met.groups.insert(profile.0);
                    met.accounts.insert(account.0);
                }
            }
        }
        met.groups
            .extend(names.removed.values().flatten().map(|(group, _)| group.0));
        for set in names.sets.values().flatten() {
            match set.rows {
                Rows::Listed => {}
                Rows::Untrusted => {
                    met.directories.insert(set.of);
                }
                Rows::TakenOver | Rows::UnlinkedProfiles | Rows::UnlinkedGroups => {
                    met.groups.insert(set.of);
                }
            }
            met.groups.extend(set.groups.iter().map(|group| group.0));
        }
        names
            .groups
            .extend(group_names(self, &Vec::from_iter(met.groups))?);
        for (names, table, key, name, numbers) in [
            (&mut names.accounts, "accounts", "account", "email", met.accounts),
            (&mut names.products, "products", "product", "name", met.products),
            (
                &mut names.directories,
                "directories",
                "directory",
                "name",
                met.directories,
            ),
        ] {
            let sql = format!(
                "SELECT {key}, {name} FROM {table} WHERE {key} IN {}",
                self.int_list(1)
            );
            self.query(&sql, &[crate::conn::ints(numbers)], &mut |row| {
                names.insert(row.int(0)?, row.text(1)?.to_owned());
                Ok(())
            })?;
        }
        let sql = format!(
            "SELECT client_id, name FROM integrations WHERE client_id IN {}",
            self.text_list(1)
        );
        self.query(&sql, &[crate::conn::texts(met.clients)], &mut |row| {
            names
                .clients
                .insert(row.text(0)?.to_owned(), row.text(1)?.to_owned());
            Ok(())
        })?;
        Ok(names)
    }
}

impl Names {
    fn members_removed(&mut self, entry: i64, group: GroupId, members: usize) {
        let groups = self.removed.entry(entry).or_default();
        match groups.iter_mut().find(|(known, _)| *known == group) {
            Some((_, count)) => *count += members,
            None => groups.push((group, members)),
        }
    }

    fn set(&mut self, entry: i64, rows: Rows, of: i64, keys: &[(i64, i64)]) {
        let sets = self.sets.entry(entry).or_default();
        let known = sets.iter_mut().find(|set| set.rows == rows && set.of == of);
        let groups = match rows {
            Rows::UnlinkedProfiles | Rows::UnlinkedGroups => keys.iter().map(|key| GroupId(key.0)).collect(),
            Rows::TakenOver | Rows::Listed | Rows::Untrusted => Vec::new(),
        };
        if let Some(set) = known {
            set.count += keys.len();
            set.groups.extend(groups);
        } else {
            sets.push(SetOf {
                rows,
                of,
                count: keys.len(),
                groups,
            });
        }
    }
}

/// The numbers that entries speak of.
#[derive(Default)]
struct Met<'e> {
    accounts: BTreeSet<i64>,
    groups: BTreeSet<i64>,
    products: BTreeSet<i64>,
    directories: BTreeSet<i64>,
    clients: BTreeSet<&'e str>,
}

impl Met<'_> {
    fn change(&mut self, change: &Change, names: &mut Names) {
        self.accounts.extend(account_of(change).map(|account| account.0));
        self.groups
            .extend(groups_of(change).into_iter().map(|group| group.0));
        match change {
            Change::AccountCreated(account) | Change::AccountDeleted(account) => {
                names.accounts.insert(account.id.0, account.person.email.clone());
                self.directories.insert(account.directory.0);
            }
            Change::GroupCreated(group) | Change::GroupDeleted(group) => {
                if group.kind.has_own_name() {
                    names.groups.insert(group.id.0, group.name.clone());
                } else if let Some(base) = group.kind.base().and_then(|base| names.groups.get(&base.0)) {
                    names
                        .groups
                        .insert(group.id.0, format!("{}{base}", group.kind.prefix()));
                }
                self.products
                    .extend(group.kind.product().map(|product| product.0));
                self.groups.extend(group.kind.base().map(|base| base.0));
            }
            Change::Configured(
                Configured::DirectoryCreated(directory) | Configured::DirectoryDeleted(directory),
            ) => {
                names.directories.insert(directory.id.0, directory.name.clone());
            }
            Change::Configured(Configured::ProductCreated(product) | Configured::ProductDeleted(product)) => {
                names.products.insert(product.id.0, product.name.clone());
            }
            Change::Configured(
                Configured::DomainClaimed(domain)
                | Configured::DomainUpdated(_, domain)
                | Configured::DomainReleased(domain),
            ) => {
                self.directories.insert(domain.directory.0);
            }
            Change::Configured(
                Configured::Trusted { directory, .. } | Configured::TrustRevoked { directory, .. },
            ) => {
                self.directories.insert(directory.0);
            }
            Change::Configured(Configured::ProfileQuotaSet { product, .. }) => {
                self.products.insert(product.0);
            }
            _ => {}
        }
    }
}

/// What the database could not sort out.
fn fits(org: OrgNo, entry: &Recorded, search: &Search) -> bool {
    let wanted = |sought: &Option<Sought>, groups: bool| {
        sought
            .as_ref()
            .is_none_or(|sought| touches(org, entry, sought, groups))
    };
    (!search.refused || refused(&entry.command)) && wanted(&search.user, false) && wanted(&search.group, true)
}

/// Whether a command was refused in part or as a whole, or left undone because something else was.
fn refused(command: &str) -> bool {
    let sent: Option<Value> = serde_json::from_str(command).ok();
    sent.is_some_and(|sent| {
        sent.get("refused").is_some_and(Value::is_array) || sent.get("undone") == Some(&true.into())
    })
}

fn touches(org: OrgNo, entry: &Recorded, sought: &Sought, groups: bool) -> bool {
    let known = |id: i64| sought.ids.contains(&id);
    let changed = entry.changes.iter().any(|change| {
        if groups {
            groups_of(change).iter().any(|group| known(group.0))
        } else {
            account_of(change).is_some_and(|account| known(account.0))
        }
    });
    let seated = entry.seats.iter().any(|seat| match seat {
        Happened::SeatGranted { profile, account } | Happened::SeatLost { profile, account } => {
            known(if groups { profile.0 } else { account.0 })
        }
        Happened::MembersRemoved { .. } | Happened::Rows { .. } => false,
    });
    changed
        || seated
        || sought.sets.contains(&(org.0, entry.number))
        || serde_json::from_str(&entry.command).is_ok_and(|sent| mentions(&sent, &sought.key))
}

/// Whether a name stands somewhere in what was sent.
fn mentions(sent: &Value, name: &Key) -> bool {
    match sent {
        Value::String(text) => Key::new(text) == *name,
        Value::Array(values) => values.iter().any(|value| mentions(value, name)),
        Value::Object(fields) => fields.values().any(|value| mentions(value, name)),
        _ => false,
    }
}

pub(super) fn account_of(change: &Change) -> Option<AccountId> {
    match change {
        Change::AccountCreated(account) | Change::AccountDeleted(account) => Some(account.id),
        Change::AccountUpdated { account, .. }
        | Change::AccountStatusSet { account, .. }
        | Change::MemberJoined { account, .. }
        | Change::MemberLeft { account, .. }
        | Change::Joined { account, .. }
        | Change::Left { account, .. } => Some(*account),
        Change::GroupCreated(_)
        | Change::GroupUpdated { .. }
        | Change::GroupDeleted(_)
        | Change::Linked { .. }
        | Change::Unlinked { .. }
        | Change::Configured(_) => None,
    }
}

fn groups_of(change: &Change) -> Vec<GroupId> {
    match change {
        Change::GroupCreated(group) | Change::GroupDeleted(group) => vec![group.id],
        Change::GroupUpdated { group, .. } => vec![*group],
        Change::Joined {
            group,
            entered: profiles,
            ..
        }
        | Change::Left {
            group,
            left: profiles,
            ..
        } => std::iter::once(*group).chain(profiles.iter().copied()).collect(),
        Change::Linked { group, profile, .. } | Change::Unlinked { group, profile, .. } => {
            vec![*group, *profile]
        }
        Change::Configured(Configured::ProfileQuotaSet { profile, .. }) => vec![*profile],
        Change::AccountCreated(_)
        | Change::AccountUpdated { .. }
        | Change::AccountStatusSet { .. }
        | Change::AccountDeleted(_)
        | Change::MemberJoined { .. }
        | Change::MemberLeft { .. }
        | Change::Configured(_) => Vec::new(),
    }
}
