//! SQLite: opening, and what its errors mean.

use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ErrorCode, OpenFlags, ToSql, ffi};

use crate::block;
use crate::conn::{Param, RowRef};
use crate::error::StoreError;

impl ToSql for Param<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Int(value) => ValueRef::Integer(*value),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Owned(text) => ValueRef::Text(text.as_bytes()),
            Self::Blob(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

/// How long to wait for another process that writes.
const BUSY: Duration = Duration::from_secs(10);

/// Opens the database for writing. One that is gone is not made anew: an empty one in its place would look as if nobody had
/// ever been in it.
pub(crate) fn open_writer(path: &Path) -> Result<Connection, StoreError> {
    if !path.exists() {
        return Err(StoreError::Unavailable(format!(
            "{} is not there: if it was moved or removed while it was in use, put it back, and the files beside it too",
            path.display()
        )));
    }
    let conn = open(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    // What a savepoint needs to be undone is of no use after a crash, so it need not go through a temporary file.
    conn.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA cache_size = -65536; PRAGMA temp_store = MEMORY;")
        .map_err(|error| open_error(path, &error))?;
    Ok(conn)
}

/// Opens the database for reading.
pub(crate) fn open_reader(path: &Path) -> Result<Connection, StoreError> {
    let conn = open(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    // The system caches the file once for all readers. Mapped into memory, each of them would show the whole database as
    // its own; a cache of its own need only hold the upper levels of the indexes.
    conn.execute_batch("PRAGMA query_only = ON; PRAGMA cache_size = -2000; PRAGMA mmap_size = 0;")
        .map_err(|error| open_error(path, &error))?;
    Ok(conn)
}

/// Opens a database to copy it: nothing in it is changed, not even what a program that was killed left in its log.
pub(crate) fn open_source(path: &Path) -> Result<Connection, StoreError> {
    let conn = open(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    conn.execute_batch("PRAGMA cache_size = -65536;")
        .map_err(|error| open_error(path, &error))?;
    Ok(conn)
}

/// Opens a copy that is thrown away when something fails, and closes to a single file. Where it comes from is not
/// known, so nothing in its schema is run.
pub(crate) fn open_copy(path: &Path) -> Result<Connection, StoreError> {
    let conn = open(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    conn.execute_batch("PRAGMA trusted_schema = OFF; PRAGMA journal_mode = DELETE; PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF; PRAGMA foreign_keys = ON; PRAGMA cache_size = -65536;")
        .map_err(|error| open_error(path, &error))?;
    Ok(conn)
}

fn open(path: &Path, mode: OpenFlags) -> Result<Connection, StoreError> {
    let flags = mode | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(path, flags).map_err(|error| open_error(path, &error))?;
    conn.busy_timeout(BUSY)
        .map_err(|error| open_error(path, &error))?;
    conn.set_prepared_statement_cache_capacity(256);
    // Otherwise SQLite looks at the values bound, and plans a statement that depends on them anew each time it is run.
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)
        .and_then(|_| block::teach(&conn))
        .map_err(|error| open_error(path, &error))?;
    Ok(conn)
}

fn open_error(path: &Path, source: &rusqlite::Error) -> StoreError {
    StoreError::Unavailable(format!("{}: {}", path.display(), explain(source)))
}

/// Makes the file when it is not there, and its folder too, for the owner's eyes only.
pub(crate) fn create(path: &Path) -> Result<(), StoreError> {
    let fail = |error: std::io::Error| StoreError::Unavailable(format!("{}: {error}", path.display()));
    if path.exists() {
        return Ok(());
    }
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        private_folder(folder).map_err(fail)?;
    }
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop).map_err(fail)
}

/// Makes a folder, and those above it, for the owner's eyes only; one that is there stays as it is.
pub(crate) fn private_folder(folder: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

pub(crate) fn query(
    conn: &Connection,
    sql: &str,
    params: &[Param<'_>],
    each: &mut dyn FnMut(&RowRef<'_>) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let mut statement = conn.prepare_cached(sql).map_err(|source| error(&source))?;
    let mut rows = statement
        .query(rusqlite::params_from_iter(params))
        .map_err(|source| error(&source))?;
    while let Some(row) = rows.next().map_err(|source| error(&source))? {
        each(&RowRef::Sqlite(row))?;
    }
    Ok(())
}

pub(crate) fn execute(conn: &Connection, sql: &str, params: &[Param<'_>]) -> Result<u64, StoreError> {
    let mut statement = conn.prepare_cached(sql).map_err(|source| error(&source))?;
    let changed = statement
        .execute(rusqlite::params_from_iter(params))
        .map_err(|source| error(&source))?;
    Ok(u64::try_from(changed).unwrap_or(u64::MAX))
}

/// Why a database was not copied.
pub(crate) enum CopyError {
    /// The copy cannot be written.
    Target(std::io::Error),
    /// The database cannot be read.
    Source(StoreError),
}

/// Writes a copy of a database that is open for reading only: whatever cannot be written is the copy.
pub(crate) fn copy_into(conn: &Connection, name: &str) -> Result<(), CopyError> {
    let copied = conn.execute("VACUUM INTO $1", [name]);
    copied.map(drop).map_err(|source| match source.sqlite_error() {
        Some(failure) if failure.code == ErrorCode::DiskFull => {
            CopyError::Target(std::io::ErrorKind::StorageFull.into())
        }
        Some(failure)
            if [
                ffi::SQLITE_IOERR_WRITE,
                ffi::SQLITE_IOERR_FSYNC,
                ffi::SQLITE_IOERR_TRUNCATE,
            ]
            .contains(&failure.extended_code) =>
        {
            CopyError::Target(std::io::Error::other(source.to_string()))
        }
        _ => CopyError::Source(error(&source)),
    })
}

/// What an error of SQLite means for the caller.
pub(crate) fn error(source: &rusqlite::Error) -> StoreError {
    let rusqlite::Error::SqliteFailure(failure, _) = source else {
        return StoreError::Bug(source.to_string());
    };
    match failure.code {
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => StoreError::Busy(explain(source)),
        ErrorCode::ConstraintViolation => StoreError::Conflict(source.to_string()),
        ErrorCode::Unknown
        | ErrorCode::ApiMisuse
        | ErrorCode::ParameterOutOfRange
        | ErrorCode::TypeMismatch => StoreError::Bug(source.to_string()),
        _ => StoreError::Unavailable(explain(source)),
    }
}

fn explain(source: &rusqlite::Error) -> String {
    let hint = match source.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => "; free some space on its disk",
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen) => {
            "; check that the file and its folder can be written"
        }
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => "; restore a backup",
        _ => "",
    };
    format!("{source}{hint}")
}

#[cfg(test)]
mod tests {
    use rusqlite::{OptionalExtension as _, StatementStatus};

    use super::*;

    /// Where a statement is kept, so is its plan: planning takes longer than looking somebody up.
    #[test]
    fn other_values_do_not_plan_a_statement_anew() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("roster.db");
        create(&path).unwrap();
        let conn = open_writer(&path).unwrap();
        conn.execute_batch(include_str!("../migrations/sqlite/0001_start.sql"))
            .unwrap();
        let mut statement = conn
            .prepare(
                "SELECT a.account FROM relations r CROSS JOIN accounts a CROSS JOIN members m \
                 WHERE r.org = $1 AND a.directory = r.directory AND a.email_key = $2 \
                 AND m.account = a.account AND m.org = $1 AND m.listed = 1 ORDER BY a.account LIMIT 1",
            )
            .unwrap();
        for email in ["ada@example.com", "ben@example.com", "cai@example.com"] {
            let found: Option<i64> = statement
                .query_row((1, email), |row| row.get(0))
                .optional()
                .unwrap();
            assert_eq!(found, None);
        }
        assert_eq!(statement.get_status(StatementStatus::RePrepare), 0);
    }
}
