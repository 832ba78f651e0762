//! Taking a person's values out of the log: the entries stay, with their numbers, times, actors, kinds of change, account
//! numbers and groups.
//!
//! What names the person in commands goes first, in small transactions; what its accounts were called goes last, all of
//! an account at once: until then everything can be found again, and the log adds up to the rows at every moment. Each
//! transaction has an entry of its own that says which it changed.

use std::collections::{BTreeMap, BTreeSet};

use roster_core::change::Change;
use roster_core::value::{AccountId, Key, OrgNo};

use super::scrub::Scrubber;
use super::search::account_of;
use super::{Entry, Happened, LAST, decode, place, stored};
use crate::Store;
use crate::conn::{Param, ints};
use crate::error::StoreError;
use crate::reader::Reader;
use crate::verify::sums::Sums;
use crate::writer::Writer;

/// Entries looked at in one go.
const LOOKED_AT: i64 = 2000;
/// Entries changed in one transaction.
const CHANGED: usize = 100;

/// Why nothing was erased.
#[derive(Debug, thiserror::Error)]
pub enum EraseError {
    /// An account has the name now: the log has to give it.
    #[error("an account called {name} still exists (number {})", .account.0)]
    StillThere {
        /// The name that was asked for.
        name: String,
        /// The account.
        account: AccountId,
    },
    /// Every account that had the name is there under another one.
    #[error("who was called {name} still exists as {now} (account number {})", .account.0)]
    Renamed {
        /// The name that was asked for.
        name: String,
        /// What it is called now.
        now: String,
        /// The account.
        account: AccountId,
    },
    /// What an account's entries give and take away is not nothing together.
    #[error("the log does not add up for account {}", .0.0)]
    Inconsistent(AccountId),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Whom to erase.
#[derive(Debug, Clone)]
pub struct Person {
    /// E-mail address or username, of today or earlier.
    pub name: String,
    /// Only accounts of this organization, and of entries without an account only those of its log.
    pub org: Option<OrgNo>,
    /// Who asks, for the log.
    pub actor: String,
    /// When, in milliseconds since 1970.
    pub at: i64,
}

/// What was erased.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Erased {
    /// The accounts that had the name and are gone.
    pub accounts: BTreeSet<AccountId>,
    /// Accounts that had the name and exist under another one: number, what it is called now. They keep their values.
    pub kept: Vec<(AccountId, String)>,
    /// Changed entries by organization.
    pub entries: BTreeMap<OrgNo, BTreeSet<i64>>,
    /// Names that were taken out, as many as there were.
    pub names: BTreeSet<Key>,
    /// Those of the names that somebody else has, or had, too.
    pub shared: BTreeSet<Key>,
}

/// What to look for in every entry.
#[derive(Debug, Clone)]
struct Wanted {
    accounts: BTreeSet<AccountId>,
    /// Every name, for entries of ours and of nobody.
    all: Scrubber,
    /// Names that nobody else ever had, for all other entries.
    alone: Scrubber,
    /// Entries with a set that names one of the accounts: (organization, entry).
    sets: BTreeSet<(i64, i64)>,
    org: Option<OrgNo>,
}

impl Store {
    /// Takes a person's values out of the log, beside programs that read and write it. Killed at any moment, it can be
    /// run again and goes on.
    pub async fn erase(&self, person: Person) -> Result<Erased, EraseError> {
        let asked = person.clone();
        let (wanted, mut erased) = self.read(move |reader| Ok(reader.wanted(&asked))).await??;
        let asked = person.clone();
        let orgs = self.read(|reader| reader.logs()).await?;
        let mut named = Vec::new();
        for org in orgs {
            let (mut from, newest) = (0, self.read(move |reader| reader.newest_entry(org)).await?);
            while from <= newest {
                let look = wanted.clone();
                let page = self
                    .read(move |reader| reader.concerned(org, from, from + LOOKED_AT - 1, &look))
                    .await?;
                let (with_values, commands): (Vec<_>, Vec<_>) = page.into_iter().partition(|found| found.1);
                named.extend(with_values.into_iter().map(|(number, _)| (org, number)));
                let commands: Vec<i64> = commands.into_iter().map(|(number, _)| number).collect();
                for numbers in commands.chunks(CHANGED) {
                    let changed = self.scrub(org, numbers.to_vec(), &wanted, &asked).await?;
                    erased.entries.entry(org).or_default().extend(changed);
                }
                from += LOOKED_AT;
            }
        }
        for account in wanted.accounts.clone() {
            let org = account.owner();
            let numbers = named
                .iter()
                .filter(|(of, _)| *of == org)
                .map(|(_, number)| *number);
            let changed = self
                .erase_account(account, numbers.collect(), &wanted, &asked)
                .await?;
            erased.entries.entry(org).or_default().extend(changed);
        }
        erased.entries.retain(|_, numbers| !numbers.is_empty());
        Ok(erased)
    }

    /// Takes the names out of the commands of entries.
    async fn scrub(
        &self,
        org: OrgNo,
        numbers: Vec<i64>,
        wanted: &Wanted,
        asked: &Person,
    ) -> Result<Vec<i64>, StoreError> {
        let (wanted, asked) = (wanted.clone(), asked.clone());
        self.write(vec![org], move |writer| {
            overwrite(writer)?;
            let mut changed = Vec::new();
            for number in &numbers {
                let Some(found) = writer.stored(org, *number)? else {
                    continue;
                };
                let scrubber = wanted.scrubber(org, *number, &found)?;
                if writer.replace(org, *number, &found, scrubber, None)? {
                    changed.push(*number);
                }
            }
            note(writer, org, &asked, &wanted.accounts, &changed)?;
            Ok(changed)
        })
        .await
    }

    /// Takes out what an account was called, in all of its entries at once: what they gave to the rows and took away
    /// again is not counted any more, and a checkpoint that has a part of it gives that back.
    async fn erase_account(
        &self,
        account: AccountId,
        numbers: Vec<i64>,
        wanted: &Wanted,
        asked: &Person,
    ) -> Result<Vec<i64>, EraseError> {
        let (org, wanted, asked) = (account.owner(), wanted.clone(), asked.clone());
        let one = BTreeSet::from([account]);
        let done = self
            .write(vec![org], move |writer| {
                overwrite(writer)?;
                let sql = "SELECT COUNT(*) FROM accounts WHERE account = $1";
                if writer.number(sql, &[Param::Int(account.0)])? != Some(0) {
                    return Err(StoreError::Conflict(format!("account {account} exists again")));
                }
                let checkpoint = writer.checkpoint(org)?;
                let (mut gone, mut done) = (Sums::default(), Vec::new());
                for number in &numbers {
                    let Some(found) = writer.stored(org, *number)? else {
                        continue;
                    };
                    let Some(changes) = stored::erase(&found.changes, &one) else {
                        continue;
                    };
                    if checkpoint.as_ref().is_none_or(|before| *number > before.entry) {
                        gone.plus(&counted(&found.changes, *number)?);
                        gone.minus(&counted(&changes, *number)?);
                    }
                    let scrubber = wanted.scrubber(org, *number, &found)?;
                    writer.replace(org, *number, &found, scrubber, Some(&changes))?;
                    done.push(*number);
                }
                if !gone.is_zero() {
                    let Some(before) = &checkpoint else {
                        return Ok(None);
                    };
                    let mut sums = Sums::decode(&before.sums)
                        .ok_or_else(|| StoreError::inconsistent("audit_checkpoints", "sums", org.0))?;
                    sums.plus(&gone);
                    writer.execute(
                        "UPDATE audit_checkpoints SET sums = $1 WHERE org = $2",
                        &[Param::Owned(sums.encode()), Param::Int(org.0)],
                    )?;
                }
                note(writer, org, &asked, &BTreeSet::from([account]), &done)?;
                Ok(Some(done))
            })
            .await?;
        done.ok_or(EraseError::Inconsistent(account))
    }
}

/// What an entry adds to the rows.
fn counted(changes: &str, number: i64) -> Result<Sums, StoreError> {
    let decoded = decode(changes).ok_or_else(|| StoreError::inconsistent("audit", "changes", number))?;
    let mut stretch = crate::verify::Stretch::default();
    for change in &decoded.changes {
        stretch.change(change, true, &decoded.erased);
    }
    Ok(stretch.sums)
}

/// From here on, SQLite overwrites what a transaction frees.
pub(super) fn overwrite(writer: &mut Writer<'_>) -> Result<(), StoreError> {
    if writer.conn.is_postgres() {
        return Ok(());
    }
    writer.query("PRAGMA secure_delete = ON", &[], &mut |_| Ok(()))
}

/// The entry that says what was erased, without the name.
fn note(
    writer: &mut Writer<'_>,
    org: OrgNo,
    asked: &Person,
    accounts: &BTreeSet<AccountId>,
    changed: &[i64],
) -> Result<(), StoreError> {
    if changed.is_empty() {
        return Ok(());
    }
    let accounts: Vec<i64> = accounts.iter().map(|account| account.0).collect();
    let command = serde_json::json!({
        "auditErase": { "accounts": accounts, "count": changed.len(), "entries": ranges(changed.iter().copied()) }
    });
    writer.apply(&Entry {
        org: Some(org),
        at: asked.at,
        actor: asked.actor.clone(),
        client: None,
        request_id: String::new(),
        command: command.to_string(),
        changes: Vec::new(),
    })
}

/// Numbers in words: `3-5, 9`.
pub fn ranges(numbers: impl IntoIterator<Item = i64>) -> String {
    let mut ranges: Vec<(i64, i64)> = Vec::new();
    for number in numbers {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == number => *last = number,
            _ => ranges.push((number, number)),
        }
    }
    let words = ranges.into_iter().map(|(first, last)| {
        if first == last {
            first.to_string()
        } else {
            format!("{first}-{last}")
        }
    });
    words.collect::<Vec<_>>().join(", ")
}

/// The texts of an entry.
#[derive(Debug)]
struct Texts {
    command: String,
    changes: String,
    request_id: String,
}

impl Wanted {
    /// What to take out of an entry's command: entries of other people keep a name that they had, too.
    fn scrubber(&self, org: OrgNo, number: i64, found: &Texts) -> Result<&Scrubber, StoreError> {
        let decoded =
            decode(&found.changes).ok_or_else(|| StoreError::inconsistent("audit", "changes", number))?;
        let seats = decoded.seats.iter().filter_map(|seat| match seat {
            Happened::SeatGranted { account, .. } | Happened::SeatLost { account, .. } => Some(*account),
            Happened::MembersRemoved { .. } | Happened::Rows { .. } => None,
        });
        let accounts: BTreeSet<AccountId> = decoded
            .changes
            .iter()
            .filter_map(account_of)
            .chain(seats)
            .collect();
        let ours =
            self.sets.contains(&(org.0, number)) || accounts.iter().any(|id| self.accounts.contains(id));
        let nobodys = accounts.is_empty() && self.org.is_none_or(|only| only == org);
        Ok(if ours || nobodys { &self.all } else { &self.alone })
    }
}

impl Reader<'_> {
    /// Whom and what to look for.
    fn wanted(&mut self, asked: &Person) -> Result<(Wanted, Erased), EraseError> {
        let name = Key::new(&asked.name);
        let mut ids = self.sought_user(&asked.name)?.ids;
        if let Some(org) = asked.org {
            ids.retain(|id| AccountId(*id).owner() == org);
        }
        let mut erased = Erased::default();
        let sql = format!(
            "SELECT account, email, email_key, username_key FROM accounts WHERE account IN {}",
            self.int_list(1)
        );
        let mut still = None;
        self.query(&sql, &[ints(ids.iter().copied())], &mut |row| {
            let account = AccountId(row.int(0)?);
            if row.text(2)? == name.as_str() || row.text(3)? == name.as_str() {
                still = Some(account);
            }
            erased.kept.push((account, row.text(1)?.to_owned()));
            Ok(())
        })?;
        if let Some(account) = still {
            return Err(EraseError::StillThere {
                name: asked.name.clone(),
                account,
            });
        }
        for (account, _) in &erased.kept {
            ids.remove(&account.0);
        }
        if let (true, Some((account, now))) = (ids.is_empty(), erased.kept.first()) {
            return Err(EraseError::Renamed {
                name: asked.name.clone(),
                now: now.clone(),
                account: *account,
            });
        }
        erased.accounts = ids.iter().copied().map(AccountId).collect();
        erased.names = self.names_of(&erased.accounts)?;
        erased.names.insert(name);
        for name in &erased.names {
            // Also somebody of another organization is somebody else.
            if !self.sought_user(name.as_str())?.ids.is_subset(&ids) {
                erased.shared.insert(name.clone());
            }
        }
        let wanted = Wanted {
            accounts: erased.accounts.clone(),
            all: Scrubber::new(erased.names.iter().cloned()),
            alone: Scrubber::new(erased.names.difference(&erased.shared).cloned()),
            sets: self.in_sets(&ids, false)?,
            org: asked.org,
        };
        Ok((wanted, erased))
    }

    /// Every name that these accounts ever had, as the log has it.
    fn names_of(&mut self, accounts: &BTreeSet<AccountId>) -> Result<BTreeSet<Key>, StoreError> {
        let mut names = BTreeSet::new();
        for account in accounts {
            let org = account.owner();
            let params = [
                Param::Int(place(org, 0)),
                Param::Int(place(org, LAST)),
                Param::Owned(format!("%\"account\":{},%", account.0)),
            ];
            let sql =
                "SELECT number, changes FROM audit WHERE number >= $1 AND number <= $2 AND changes LIKE $3";
            self.query(sql, &params, &mut |row| {
                let number = row.int(0)? & LAST;
                let decoded = decode(row.text(1)?)
                    .ok_or_else(|| StoreError::inconsistent("audit", "changes", number))?;
                if decoded.erased.contains(account) {
                    return Ok(());
                }
                for change in &decoded.changes {
                    let persons = match change {
                        Change::AccountCreated(of) | Change::AccountDeleted(of) if of.id == *account => {
                            vec![&of.person]
                        }
                        Change::AccountUpdated {
                            account: of,
                            before,
                            after,
                        } if of == account => vec![before, after],
                        _ => continue,
                    };
                    let found = persons
                        .iter()
                        .flat_map(|person| [&person.email, &person.username]);
                    names.extend(found.map(|name| Key::new(name)));
                }
                Ok(())
            })?;
        }
        Ok(names)
    }

    /// The entries of a stretch that something has to be taken out of, and whether that is what an account was called.
    fn concerned(
        &mut self,
        org: OrgNo,
        from: i64,
        to: i64,
        wanted: &Wanted,
    ) -> Result<Vec<(i64, bool)>, StoreError> {
        let ids: Vec<String> = wanted
            .accounts
            .iter()
            .map(|account| format!("\"account\":{},", account.0))
            .collect();
        let mut found = Vec::new();
        let sql = "SELECT number, command, changes, request_id FROM audit WHERE number >= $1 AND number <= $2 ORDER BY number";
        self.query(
            sql,
            &[Param::Int(place(org, from)), Param::Int(place(org, to))],
            &mut |row| {
                let number = row.int(0)? & LAST;
                let (command, changes, request_id) = (row.text(1)?, row.text(2)?, row.text(3)?);
                let values = ids.iter().any(|id| changes.contains(id))
                    && stored::erase(changes, &wanted.accounts).is_some();
                if values {
                    found.push((number, true));
                } else if wanted.all.may_hold(command) || wanted.all.is_in(request_id) {
                    let texts = Texts {
                        command: command.to_owned(),
                        changes: changes.to_owned(),
                        request_id: request_id.to_owned(),
                    };
                    let scrubber = wanted.scrubber(org, number, &texts)?;
                    if scrubber.scrub(command).is_some() || scrubber.is_in(request_id) {
                        found.push((number, false));
                    }
                }
                Ok(())
            },
        )?;
        Ok(found)
    }

    fn stored(&mut self, org: OrgNo, number: i64) -> Result<Option<Texts>, StoreError> {
        let mut found = None;
        let sql = "SELECT command, changes, request_id FROM audit WHERE number = $1";
        self.query(sql, &[Param::Int(place(org, number))], &mut |row| {
            found = Some(Texts {
                command: row.text(0)?.to_owned(),
                changes: row.text(1)?.to_owned(),
                request_id: row.text(2)?.to_owned(),
            });
            Ok(())
        })?;
        Ok(found)
    }
}

impl Writer<'_> {
    /// Writes an entry's texts without the names; whether anything is different.
    fn replace(
        &mut self,
        org: OrgNo,
        number: i64,
        found: &Texts,
        scrubber: &Scrubber,
        changes: Option<&str>,
    ) -> Result<bool, StoreError> {
        let command = scrubber.scrub(&found.command);
        let request_id = scrubber.is_in(&found.request_id).then_some(super::ERASED);
        if command.is_none() && request_id.is_none() && changes.is_none() {
            return Ok(false);
        }
        let params = [
            Param::Text(command.as_deref().unwrap_or(&found.command)),
            Param::Text(changes.unwrap_or(&found.changes)),
            Param::Text(request_id.unwrap_or(&found.request_id)),
            Param::Int(place(org, number)),
        ];
        let sql = "UPDATE audit SET command = $1, changes = $2, request_id = $3 WHERE number = $4";
        self.execute(sql, &params).map(|changed| changed > 0)
    }
}
