//! Statements put together from pieces; parameters are numbered as they occur.

use std::fmt::Write as _;

use crate::block::{Block, PACK};
use crate::conn::{Param, RowRef, ints};
use crate::error::StoreError;
use crate::reader::Reader;

/// A statement under construction.
#[derive(Debug, Default)]
pub(super) struct Sql<'p> {
    text: String,
    params: Vec<Param<'p>>,
}

impl<'p> Sql<'p> {
    pub(super) fn new(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            params: Vec::new(),
        }
    }

    /// Begins a statement that [`Sql::block`] runs: it selects these columns, numbers first.
    pub(super) fn of_block(packs: bool, columns: &str) -> Self {
        Self::new(&if packs {
            format!("SELECT {PACK}({columns})")
        } else {
            format!("SELECT {columns}")
        })
    }

    /// Adds text.
    pub(super) fn push(&mut self, text: &str) -> &mut Self {
        self.text.push_str(text);
        self
    }

    /// Adds a parameter.
    pub(super) fn bind(&mut self, value: impl Into<Param<'p>>) -> &mut Self {
        self.params.push(value.into());
        // Writing to a string cannot fail.
        let _ = write!(self.text, "${}", self.params.len());
        self
    }

    /// Adds a list of numbers as one parameter, for `IN`.
    pub(super) fn list(&mut self, reader: &Reader<'_>, values: &[i64]) -> &mut Self {
        self.params.push(ints(values.iter().copied()));
        self.text.push_str(&reader.int_list(self.params.len()));
        self
    }

    /// How SQLite would go about it, on tables it knows nothing about.
    #[cfg(test)]
    pub(super) fn plan(&self) -> Vec<String> {
        let db = rusqlite::Connection::open_in_memory().unwrap();
        let schema = include_str!("../../migrations/sqlite/0001_start.sql");
        db.execute_batch(schema).unwrap();
        crate::block::teach(&db).unwrap();
        let mut statement = db.prepare(&format!("EXPLAIN QUERY PLAN {}", self.text)).unwrap();
        let params = rusqlite::params_from_iter(&self.params);
        let steps = statement.query_map(params, |row| row.get(3)).unwrap();
        steps.map(Result::unwrap).collect()
    }

    /// Runs it and hands its rows out.
    pub(super) fn rows(
        &self,
        reader: &mut Reader<'_>,
        mut each: impl FnMut(&RowRef<'_>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        reader.query(&self.text, &self.params, &mut each)
    }

    /// Runs it and gives all its rows; see [`Sql::of_block`].
    pub(super) fn block<const N: usize, const T: usize>(
        &self,
        reader: &mut Reader<'_>,
    ) -> Result<Block<N, T>, StoreError> {
        reader.block(&self.text, &self.params)
    }

    /// The number it gives; 0 without a row.
    pub(super) fn count(&self, reader: &mut Reader<'_>) -> Result<u64, StoreError> {
        let count = reader.number(&self.text, &self.params)?.unwrap_or(0);
        Ok(u64::try_from(count).unwrap_or_default())
    }

    /// The number in the first column of its row, if there is one.
    pub(super) fn number(&self, reader: &mut Reader<'_>) -> Result<Option<i64>, StoreError> {
        reader.number(&self.text, &self.params)
    }

    /// Whether it gives a row.
    pub(super) fn any(&self, reader: &mut Reader<'_>) -> Result<bool, StoreError> {
        let mut any = false;
        self.rows(reader, |_| {
            any = true;
            Ok(())
        })?;
        Ok(any)
    }
}
