//! One synchronous facade over the two databases: the same statement, the same parameters, rows borrowed.
//!
//! Statements number their parameters `$1`, `$2`, … in the order of their first occurrence, which both engines
//! understand. PostgreSQL is driven from threads of its own or from blocking threads, never from an async worker.

use tokio::runtime::Handle;

use crate::error::StoreError;
use crate::{postgres, sqlite};

/// A value bound to a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Param<'a> {
    /// NULL.
    Null,
    /// A number.
    Int(i64),
    /// A text.
    Text(&'a str),
    /// A text made for this statement.
    Owned(String),
    /// Bytes.
    Blob(&'a [u8]),
}

impl From<i64> for Param<'_> {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<bool> for Param<'_> {
    fn from(value: bool) -> Self {
        Self::Int(i64::from(value))
    }
}

impl<'a> From<&'a str> for Param<'a> {
    fn from(value: &'a str) -> Self {
        Self::Text(value)
    }
}

impl<'a> From<&'a String> for Param<'a> {
    fn from(value: &'a String) -> Self {
        Self::Text(value)
    }
}

impl From<String> for Param<'_> {
    fn from(value: String) -> Self {
        Self::Owned(value)
    }
}

impl<'a> From<&'a [u8]> for Param<'a> {
    fn from(value: &'a [u8]) -> Self {
        Self::Blob(value)
    }
}

impl<'a, T: Into<Param<'a>>> From<Option<T>> for Param<'a> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// A row while the statement stands on it.
#[derive(Debug, Clone, Copy)]
pub enum RowRef<'r> {
    /// Of SQLite.
    Sqlite(&'r rusqlite::Row<'r>),
    /// Of PostgreSQL.
    Postgres(&'r tokio_postgres::Row),
}

impl<'r> RowRef<'r> {
    /// A number.
    pub fn int(&self, column: usize) -> Result<i64, StoreError> {
        match self {
            Self::Sqlite(row) => row.get(column).map_err(|error| sqlite::error(&error)),
            Self::Postgres(_) => {
                let value = self.opt_int(column)?;
                value.ok_or_else(|| StoreError::inconsistent("result", &format!("column {column}"), 0))
            }
        }
    }

    /// A number or NULL.
    pub fn opt_int(&self, column: usize) -> Result<Option<i64>, StoreError> {
        match self {
            Self::Sqlite(row) => row.get(column).map_err(|error| sqlite::error(&error)),
            Self::Postgres(row) => postgres::opt_int(row, column),
        }
    }

    /// A number that is a truth.
    pub fn bool(&self, column: usize) -> Result<bool, StoreError> {
        self.int(column).map(|value| value != 0)
    }

    /// A text.
    pub fn text(&self, column: usize) -> Result<&'r str, StoreError> {
        self.opt_text(column)?
            .ok_or_else(|| StoreError::inconsistent("result", &format!("column {column}"), 0))
    }

    /// A text or NULL.
    pub fn opt_text(&self, column: usize) -> Result<Option<&'r str>, StoreError> {
        match self {
            Self::Sqlite(row) => {
                let value = row.get_ref(column).map_err(|error| sqlite::error(&error))?;
                value
                    .as_str_or_null()
                    .map_err(|_| StoreError::inconsistent("result", &format!("column {column}"), 0))
            }
            Self::Postgres(row) => row.try_get(column).map_err(|error| postgres::error(&error)),
        }
    }

    /// Bytes.
    pub fn blob(&self, column: usize) -> Result<&'r [u8], StoreError> {
        match self {
            Self::Sqlite(row) => {
                let value = row.get_ref(column).map_err(|error| sqlite::error(&error))?;
                value
                    .as_blob()
                    .map_err(|_| StoreError::inconsistent("result", &format!("column {column}"), 0))
            }
            Self::Postgres(row) => row.try_get(column).map_err(|error| postgres::error(&error)),
        }
    }
}

/// A connection to either database.
#[derive(Debug)]
pub enum Conn {
    /// SQLite.
    Sqlite(rusqlite::Connection),
    /// PostgreSQL, and the runtime that drives it.
    Postgres(deadpool_postgres::Object, Handle),
}

impl Conn {
    /// Runs a statement and hands its rows out.
    pub fn query(
        &mut self,
        sql: &str,
        params: &[Param<'_>],
        each: &mut dyn FnMut(&RowRef<'_>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(conn) => sqlite::query(conn, sql, params, each),
            Self::Postgres(client, handle) => handle
                .clone()
                .block_on(postgres::query(client, sql, params, each)),
        }
    }

    /// Runs a statement; how many rows it changed.
    pub fn execute(&mut self, sql: &str, params: &[Param<'_>]) -> Result<u64, StoreError> {
        match self {
            Self::Sqlite(conn) => sqlite::execute(conn, sql, params),
            Self::Postgres(client, handle) => handle.clone().block_on(postgres::execute(client, sql, params)),
        }
    }

    /// Begins a transaction that reads, all from one moment.
    pub(crate) fn begin_reading(&mut self) -> Result<(), StoreError> {
        match self {
            // Kept like any other statement: parsing it takes longer than running it.
            Self::Sqlite(conn) => sqlite::execute(conn, "BEGIN", &[]).map(drop),
            Self::Postgres(..) => self.batch(postgres::READING),
        }
    }

    /// Ends it.
    pub(crate) fn end_reading(&mut self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(conn) => sqlite::execute(conn, "COMMIT", &[]).map(drop),
            Self::Postgres(..) => self.batch("COMMIT"),
        }
    }

    /// Runs statements without parameters.
    pub fn batch(&mut self, sql: &str) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(conn) => conn.execute_batch(sql).map_err(|error| sqlite::error(&error)),
            Self::Postgres(client, handle) => handle
                .clone()
                .block_on(client.batch_execute(sql))
                .map_err(|error| postgres::error(&error)),
        }
    }

    /// The first column of the only row, a number; `None` without rows.
    pub fn number(&mut self, sql: &str, params: &[Param<'_>]) -> Result<Option<i64>, StoreError> {
        let mut found = None;
        self.query(sql, params, &mut |row| {
            found = row.opt_int(0)?;
            Ok(())
        })?;
        Ok(found)
    }

    /// Whether this is PostgreSQL, where row locks are needed.
    pub fn is_postgres(&self) -> bool {
        matches!(self, Self::Postgres(..))
    }

    /// Closes the connection: one that failed does not go back to the pool, where a transaction left open would
    /// become the next one's.
    pub(crate) fn discard(self) {
        match self {
            Self::Sqlite(conn) => drop(conn),
            Self::Postgres(client, _) => drop(deadpool_postgres::Object::take(client)),
        }
    }

    /// A list of texts bound as parameter `n` (see [`texts`]), for `IN`.
    pub fn text_list(&self, n: usize) -> String {
        match self {
            Self::Sqlite(_) => format!("(SELECT value FROM json_each(${n}))"),
            Self::Postgres(..) => format!("(SELECT jsonb_array_elements_text((${n}::text)::jsonb))"),
        }
    }

    /// A list of numbers bound as parameter `n` (see [`ints`]), for `IN`.
    pub fn int_list(&self, n: usize) -> String {
        match self {
            Self::Sqlite(_) => format!("(SELECT value FROM json_each(${n}))"),
            Self::Postgres(..) => format!("(SELECT jsonb_array_elements_text((${n}::text)::jsonb)::bigint)"),
        }
    }
}

/// Texts as one parameter.
pub fn texts<'a, 'p>(values: impl IntoIterator<Item = &'a str>) -> Param<'p> {
    let list: Vec<&str> = values.into_iter().collect();
    Param::Owned(serde_json::to_string(&list).unwrap_or_else(|_| "[]".to_owned()))
}

/// Numbers as one parameter.
pub fn ints<'p>(values: impl IntoIterator<Item = i64>) -> Param<'p> {
    let mut text = String::from("[");
    for (n, value) in values.into_iter().enumerate() {
        if n > 0 {
            text.push(',');
        }
        text.push_str(&value.to_string());
    }
    text.push(']');
    Param::Owned(text)
}
