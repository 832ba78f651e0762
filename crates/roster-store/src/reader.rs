//! One snapshot of the rows, for reading.

use crate::block::Block;
use crate::conn::{Conn, Param, RowRef};
use crate::error::StoreError;

/// Reads rows, all from one moment. The functions stand in the modules of what they read.
#[derive(Debug)]
pub struct Reader<'c> {
    pub(crate) conn: &'c mut Conn,
    statements: u64,
}

impl<'c> Reader<'c> {
    pub(crate) fn new(conn: &'c mut Conn) -> Self {
        Self { conn, statements: 0 }
    }

    /// See [`Conn::query`].
    pub fn query(
        &mut self,
        sql: &str,
        params: &[Param<'_>],
        each: &mut dyn FnMut(&RowRef<'_>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        self.statements += 1;
        self.conn.query(sql, params, each)
    }

    /// See [`Conn::number`].
    pub fn number(&mut self, sql: &str, params: &[Param<'_>]) -> Result<Option<i64>, StoreError> {
        self.statements += 1;
        self.conn.number(sql, params)
    }

    /// Whether statements may [`pack`](crate::block::PACK) their rows.
    pub(crate) fn packs(&self) -> bool {
        !self.conn.is_postgres()
    }

    /// All rows of a statement; where this reader packs rows, it has to do so.
    pub(crate) fn block<const N: usize, const T: usize>(
        &mut self,
        sql: &str,
        params: &[Param<'_>],
    ) -> Result<Block<N, T>, StoreError> {
        if self.packs() {
            return Block::packed(|| self.query(sql, params, &mut |_| Ok(())));
        }
        let mut block = Block::empty();
        self.query(sql, params, &mut |row| block.push(row))?;
        Ok(block)
    }

    /// How many statements were run: what a look-up costs, whatever the machine.
    pub fn statements(&self) -> u64 {
        self.statements
    }

    /// See [`Conn::text_list`].
    pub fn text_list(&self, n: usize) -> String {
        self.conn.text_list(n)
    }

    /// See [`Conn::int_list`].
    pub fn int_list(&self, n: usize) -> String {
        self.conn.int_list(n)
    }
}
