//! Bringing a database to the schema of this program, or refusing it.

use crate::conn::{Conn, Param};
use crate::error::StoreError;

/// A step from one schema to the next; the number is the version it leads to.
struct Migration {
    version: i64,
    name: &'static str,
    sqlite: &'static str,
    postgres: &'static str,
}

const MIGRATIONS: &[Migration] = &[
    Migration {
        version: 1,
        name: "start",
        sqlite: include_str!("../migrations/sqlite/0001_start.sql"),
        postgres: include_str!("../migrations/postgres/0001_start.sql"),
    },
    Migration {
        version: 2,
        name: "log_by_number",
        sqlite: include_str!("../migrations/sqlite/0002_log_by_number.sql"),
        postgres: include_str!("../migrations/postgres/0002_log_by_number.sql"),
    },
];

/// What a migration did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Migrated {
    /// The version found; 0 for an empty database.
    pub from: i64,
    /// The version now.
    pub to: i64,
}

/// Brings the database up to date, under a lock that other programs respect.
pub(crate) fn migrate(conn: &mut Conn) -> Result<Migrated, StoreError> {
    if conn.is_postgres() {
        // The number is this program's own; it only has to be the same in all of its processes.
        conn.batch("BEGIN; SELECT pg_advisory_xact_lock(7226533042)")?;
    } else {
        conn.batch("BEGIN IMMEDIATE")?;
    }
    match steps(conn) {
        Ok(done) => conn.batch("COMMIT").map(|()| done),
        Err(error) => {
            // The first error is the one to tell.
            let _ = conn.batch("ROLLBACK");
            Err(error)
        }
    }
}

/// What a database says it is, before anything is changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Found {
    /// No tables at all.
    Nothing,
    /// Tables of another program.
    Foreign,
    /// Roster's, with the versions applied and the checksum of each.
    Roster(Vec<(i64, String)>),
}

/// The newest version that this program knows.
pub(crate) fn known() -> i64 {
    MIGRATIONS.last().map_or(0, |last| last.version)
}

/// Looks at what a database is.
pub(crate) fn find(conn: &mut Conn) -> Result<Found, StoreError> {
    if !has_version_table(conn)? {
        return Ok(if has_tables(conn)? {
            Found::Foreign
        } else {
            Found::Nothing
        });
    }
    let mut applied: Vec<(i64, String)> = Vec::new();
    conn.query(
        "SELECT version, checksum FROM schema_version ORDER BY version",
        &[],
        &mut |row| {
            applied.push((row.int(0)?, row.text(1)?.to_owned()));
            Ok(())
        },
    )?;
    Ok(Found::Roster(applied))
}

fn steps(conn: &mut Conn) -> Result<Migrated, StoreError> {
    let number = if conn.is_postgres() { "BIGINT" } else { "INTEGER" };
    let applied = match find(conn)? {
        Found::Roster(applied) => applied,
        Found::Foreign => {
            return Err(StoreError::UnknownSchema(
                "the database holds tables, but not Roster's: give the address or folder of another one"
                    .to_owned(),
            ));
        }
        Found::Nothing => {
            conn.batch(&format!(
                "CREATE TABLE schema_version (version {number} PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL)"
            ))?;
            Vec::new()
        }
    };
    let known = known();
    let from = applied.last().map_or(0, |last| last.0);
    if from > known {
        return Err(StoreError::UnknownSchema(format!(
            "the database has schema version {from}, this program knows versions up to {known}: run a newer Roster on it"
        )));
    }
    for migration in MIGRATIONS {
        let text = if conn.is_postgres() {
            migration.postgres
        } else {
            migration.sqlite
        };
        let sum = checksum(text);
        match applied.iter().find(|(version, _)| *version == migration.version) {
            Some((_, known)) if *known == sum => {}
            Some(_) => {
                return Err(StoreError::UnknownSchema(format!(
                    "schema version {} of the database is not the one this program released as `{}`: run the Roster that made it, or restore a backup",
                    migration.version, migration.name
                )));
            }
            None => {
                conn.batch(text)?;
                let row = [
                    Param::Int(migration.version),
                    Param::Text(migration.name),
                    Param::Owned(sum),
                ];
                conn.execute(
                    "INSERT INTO schema_version (version, name, checksum) VALUES ($1, $2, $3)",
                    &row,
                )?;
            }
        }
    }
    Ok(Migrated { from, to: known })
}

/// Other programs have a table of this name, too; its columns tell ours.
fn has_version_table(conn: &mut Conn) -> Result<bool, StoreError> {
    let sql = if conn.is_postgres() {
        "SELECT COUNT(*) FROM information_schema.columns WHERE table_schema = current_schema() AND table_name = 'schema_version' AND column_name IN ('version', 'name', 'checksum')"
    } else {
        "SELECT COUNT(*) FROM pragma_table_info('schema_version') WHERE name IN ('version', 'name', 'checksum')"
    };
    Ok(conn.number(sql, &[])? == Some(3))
}

fn has_tables(conn: &mut Conn) -> Result<bool, StoreError> {
    let sql = if conn.is_postgres() {
        "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = current_schema()"
    } else {
        "SELECT COUNT(*) FROM sqlite_schema WHERE type = 'table'"
    };
    Ok(conn.number(sql, &[])? != Some(0))
}

/// FNV-1a over the text: enough to tell an edited file.
fn checksum(text: &str) -> String {
    let sum = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| {
        (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{sum:016x}")
}
