//! One snapshot of the rows, for reading.

use std::sync::mpsc;

use crate::Store;
use crate::block::Block;
use crate::conn::{Conn, Param, RowRef};
use crate::error::StoreError;
use crate::held::Held;

/// Reads rows, all from one moment. The functions stand in the modules of what they read.
#[derive(Debug)]
pub struct Reader<'c> {
    pub(crate) conn: &'c mut Conn,
    statements: u64,
    /// Where others can be asked for help: only on a thread that may wait for them.
    store: Option<Store>,
    /// What the writer keeps from one load to the next.
    pub(crate) held: Option<&'c mut Held>,
}

/// What another reader finds meanwhile.
#[derive(Debug)]
pub struct Beside<T>(mpsc::Receiver<Result<T, StoreError>>);

impl<T> Beside<T> {
    /// Waits for it.
    pub fn wait(self) -> Result<T, StoreError> {
        let found = self.0.recv();
        found.unwrap_or_else(|_| Err(StoreError::Bug("a reader beside this one stopped".to_owned())))
    }
}

impl<'c> Reader<'c> {
    pub(crate) fn new(conn: &'c mut Conn) -> Self {
        Self {
            conn,
            statements: 0,
            store: None,
            held: None,
        }
    }

    /// Lets this one ask others for help, see [`Reader::beside`].
    pub(crate) fn helped_by(&mut self, store: Store) {
        self.store = Some(store);
    }

    /// Has another reader do something meanwhile, if one is there that nobody waits for; **it may see another, later
    /// moment**.
    ///
    /// Nobody helps on a processor that is alone, over PostgreSQL (which reads in processes of its own), or in a look-up.
    pub fn beside<T: Send + 'static>(
        &self,
        read: impl FnOnce(&mut Reader<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Option<Beside<T>> {
        let (reply, answer) = mpsc::channel();
        let started = self.store.as_ref()?.read_meanwhile(
            move |result| {
                // Who asked may have failed meanwhile.
                drop(reply.send(result));
            },
            read,
        );
        started.then_some(Beside(answer))
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
