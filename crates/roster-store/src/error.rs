//! What can go wrong with rows.

/// A failure of the store. What to answer a caller is the server's affair.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Too much is waiting, or somebody else holds the database; try again in a moment.
    #[error("the database is busy: {0}")]
    Busy(String),
    /// The database cannot be reached, read or written; nothing of the request was done.
    #[error("the database is not available: {0}")]
    Unavailable(String),
    /// A key is taken; the same question with other identifiers may succeed.
    #[error("the database refuses a row: {0}")]
    Conflict(String),
    /// A row that cannot be true.
    #[error("the database is inconsistent: table {table}, {column}, row {row}; run `roster verify`")]
    Inconsistent {
        /// The table.
        table: String,
        /// The column.
        column: String,
        /// The row's key.
        row: i64,
    },
    /// A schema that this program does not know.
    #[error("{0}")]
    UnknownSchema(String),
    /// The caller's own reason for undoing everything.
    #[error("given up: {0}")]
    GivenUp(String),
    /// A broken promise of this program.
    #[error("a bug: {0}")]
    Bug(String),
    /// More organizations have to be locked before this can be decided.
    #[error("more organizations have to be locked")]
    NeedsLock(Vec<i64>),
}

impl StoreError {
    /// A row that cannot be true.
    pub fn inconsistent(table: &str, column: &str, row: i64) -> Self {
        Self::Inconsistent {
            table: table.to_owned(),
            column: column.to_owned(),
            row,
        }
    }
}
