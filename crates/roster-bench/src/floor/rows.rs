//! User and membership rows with their indexes in SQLite: the same columns and indexes as in the server's tables of
//! these two, with the same settings of the database.

use std::path::Path;

use anyhow::Context as _;
use rusqlite::{Connection, params};

use crate::people::Person;

const TABLES: &str = "
    CREATE TABLE users (
        account INTEGER PRIMARY KEY, public_id TEXT NOT NULL, directory INTEGER NOT NULL, kind TEXT NOT NULL,
        username TEXT NOT NULL, username_key TEXT NOT NULL, email TEXT NOT NULL, email_key TEXT NOT NULL,
        domain TEXT NOT NULL, firstname TEXT, lastname TEXT, country TEXT NOT NULL, status TEXT NOT NULL
    ) STRICT;
    CREATE UNIQUE INDEX users_email ON users (directory, email_key);
    CREATE UNIQUE INDEX users_username ON users (directory, username_key);
    CREATE TABLE memberships (
        org INTEGER NOT NULL, account INTEGER NOT NULL, grp INTEGER NOT NULL, seq INTEGER NOT NULL,
        PRIMARY KEY (org, account, grp)
    ) STRICT, WITHOUT ROWID;
    CREATE UNIQUE INDEX memberships_group ON memberships (grp, seq, account);
";
const SETTINGS: &str =
    "PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 4000; PRAGMA cache_size = -65536;";

const ORG: i64 = 2;
/// People in one transaction while a database is made.
const BATCH: u64 = 10_000;

/// A database with rows.
pub(crate) struct Rows {
    conn: Connection,
    next: i64,
}

/// Makes a database that holds so many people already.
pub(crate) fn make(path: &Path, people: u64) -> anyhow::Result<()> {
    let conn = Connection::open(path)?;
    // Nobody waits for what is lost here when the machine stops: it is made again.
    conn.execute_batch(&format!("{SETTINGS} PRAGMA synchronous = OFF; {TABLES}"))?;
    let mut rows = Rows { conn, next: 1 };
    let mut number = 0;
    while number < people {
        let count = BATCH.min(people - number);
        rows.add(number, count, |person| person.groups().to_vec())?;
        number += count;
    }
    rows.conn.execute_batch("PRAGMA wal_checkpoint(TRUNCATE);")?;
    Ok(())
}

impl Rows {
    pub(super) fn open(path: &Path) -> anyhow::Result<Self> {
        let conn = Connection::open(path)?;
        conn.execute_batch(&format!("{SETTINGS} PRAGMA synchronous = FULL;"))?;
        conn.set_prepared_statement_cache_capacity(256);
        let next = conn
            .query_row("SELECT coalesce(max(account), 0) + 1 FROM users", [], |row| {
                row.get(0)
            })
            .with_context(|| format!("{} is no database of the floor", path.display()))?;
        Ok(Self { conn, next })
    }

    /// People with two memberships each, in one transaction.
    pub(super) fn newcomers(&mut self, first: u64, count: u64) -> anyhow::Result<()> {
        self.add(first, count, |person| person.new_groups().to_vec())
    }

    fn add(&mut self, first: u64, count: u64, groups: impl Fn(&Person) -> Vec<String>) -> anyhow::Result<()> {
        let transaction = self.conn.transaction()?;
        {
            let mut user = transaction.prepare_cached(
                "INSERT INTO users VALUES (?1, ?2, 7, 'federatedID', ?3, ?3, ?3, ?3, 'example.com', ?4, ?5, ?6, 'active')",
            )?;
            let mut membership =
                transaction.prepare_cached("INSERT INTO memberships VALUES (?1, ?2, ?3, ?4)")?;
            for number in first..first + count {
                let person = Person::new(number);
                let account = self.next;
                self.next += 1;
                let public = format!("{account:024X}@benchmark.e");
                user.execute(params![
                    account,
                    public,
                    person.email,
                    person.first,
                    person.last,
                    person.country
                ])?;
                for (seq, group) in (account * 8..).zip(groups(&person)) {
                    membership.execute(params![ORG, account, group_number(&group), seq])?;
                }
            }
        }
        transaction.commit()?;
        Ok(())
    }
}

/// Numbers as wide as the server's, which are 53 random bits.
fn group_number(name: &str) -> i64 {
    let mut number: u64 = 0xCBF2_9CE4_8422_2325;
    for byte in name.bytes() {
        number = (number ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3);
    }
    (number >> 11).cast_signed()
}
