//! All rows of a statement as one block of bytes.
//!
//! Stepping to a row and asking for each of its columns takes SQLite longer than finding it: a page of people is 2,000 rows
//! of twelve columns and 10,000 of three. So [`Packer`] takes the columns from inside the statement, and the statement has
//! a single row, how many there were. Over PostgreSQL the rows are put down one by one, to the same effect.
//!
//! Each thread uses the same memory for its blocks again: given back and asked for with each page, it would have to be
//! cleared by the system each time.

use std::cell::RefCell;
use std::marker::PhantomData;

use rusqlite::functions::{Aggregate, Context, FunctionFlags};
use rusqlite::types::ValueRef;

use crate::conn::RowRef;
use crate::error::StoreError;

thread_local! {
    /// What [`PACK`] has put down for the statement that this thread runs.
    static PACKED: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    /// Memory of blocks that are gone.
    static SPARE: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

/// A page needs two blocks at once.
const SPARES: usize = 2;
/// Memory of larger blocks is given back.
const SPARE_BYTES: usize = 1 << 20;

/// The name of the function in SQL: `pack(number, …, text, …)`, numbers first.
pub(crate) const PACK: &str = "pack";

/// The length of a text that is NULL.
const NULL: u32 = u32::MAX;

/// Lets a connection [`PACK`] rows.
pub(crate) fn teach(conn: &rusqlite::Connection) -> rusqlite::Result<()> {
    // Only statements of ours have a use for it, nothing that a schema could hold.
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DIRECTONLY;
    conn.create_aggregate_function(PACK, -1, flags, Packer)
}

/// The function behind [`PACK`].
struct Packer;

impl Aggregate<i64, i64> for Packer {
    fn init(&self, _: &mut Context<'_>) -> rusqlite::Result<i64> {
        Ok(0)
    }

    fn step(&self, row: &mut Context<'_>, rows: &mut i64) -> rusqlite::Result<()> {
        *rows += 1;
        PACKED.with_borrow_mut(|block| {
            for column in 0..row.len() {
                match row.get_raw(column) {
                    ValueRef::Integer(number) => block.extend_from_slice(&number.to_le_bytes()),
                    ValueRef::Text(text) => push(block, Some(text)),
                    ValueRef::Null => push(block, None),
                    value @ (ValueRef::Real(_) | ValueRef::Blob(_)) => {
                        return Err(rusqlite::Error::InvalidParameterType(column, value.data_type()));
                    }
                }
            }
            Ok(())
        })
    }

    fn finalize(&self, _: &mut Context<'_>, rows: Option<i64>) -> rusqlite::Result<i64> {
        Ok(rows.unwrap_or_default())
    }
}

fn push(block: &mut Vec<u8>, text: Option<&[u8]>) {
    // SQLite keeps no text of 2^31 bytes.
    let length = text.map_or(NULL, |text| u32::try_from(text.len()).unwrap_or(NULL));
    block.extend_from_slice(&length.to_le_bytes());
    block.extend_from_slice(text.unwrap_or_default());
}

/// Rows of `N` numbers and `T` texts, each of which may be NULL.
#[derive(Debug)]
pub(crate) struct Block<const N: usize, const T: usize> {
    bytes: Vec<u8>,
    row: PhantomData<([i64; N], [u8; T])>,
}

/// A row of a [`Block`].
pub(crate) type Packed<'b, const N: usize, const T: usize> = ([i64; N], [Option<&'b str>; T]);

impl<const N: usize, const T: usize> Drop for Block<N, T> {
    fn drop(&mut self) {
        if self.bytes.capacity() > SPARE_BYTES {
            return;
        }
        let bytes = std::mem::take(&mut self.bytes);
        // A thread that ends has nothing to use it for.
        let _ = SPARE.try_with(|spare| {
            if let Ok(mut spare) = spare.try_borrow_mut()
                && spare.len() < SPARES
            {
                spare.push(bytes);
            }
        });
    }
}

impl<const N: usize, const T: usize> Block<N, T> {
    /// No rows yet.
    pub(crate) fn empty() -> Self {
        let mut bytes = SPARE.with_borrow_mut(Vec::pop).unwrap_or_default();
        bytes.clear();
        Self {
            bytes,
            row: PhantomData,
        }
    }

    /// Runs a statement of this thread that packs its rows.
    pub(crate) fn packed(run: impl FnOnce() -> Result<(), StoreError>) -> Result<Self, StoreError> {
        let mut block = Self::empty();
        PACKED.set(std::mem::take(&mut block.bytes));
        let ran = run();
        block.bytes = PACKED.take();
        ran.map(|()| block)
    }

    /// How many bytes the rows take.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Puts down a row: its first columns are the numbers.
    pub(crate) fn push(&mut self, row: &RowRef<'_>) -> Result<(), StoreError> {
        for column in 0..N {
            self.bytes.extend_from_slice(&row.int(column)?.to_le_bytes());
        }
        for column in N..N + T {
            push(&mut self.bytes, row.opt_text(column)?.map(str::as_bytes));
        }
        Ok(())
    }

    /// The row at a place, and the place of the next one; `None` behind the last. The first is at 0.
    pub(crate) fn row(&self, at: usize) -> Result<Option<(Packed<'_, N, T>, usize)>, StoreError> {
        let mut rest = match self.bytes.get(at..) {
            None | Some([]) => return Ok(None),
            Some(rest) => rest,
        };
        let (mut numbers, mut texts) = ([0; N], [None; T]);
        for number in &mut numbers {
            *number = i64::from_le_bytes(*take(&mut rest)?);
        }
        for (column, found) in (N..).zip(&mut texts) {
            *found = text(&mut rest)?
                .map(str::from_utf8)
                .transpose()
                .map_err(|_| StoreError::inconsistent("result", &format!("column {column}"), 0))?;
        }
        Ok(Some(((numbers, texts), self.bytes.len() - rest.len())))
    }

    /// Hands out the numbers of all rows, each with the row's place.
    pub(crate) fn numbers(&self, mut each: impl FnMut(usize, [i64; N])) -> Result<(), StoreError> {
        let mut rest = self.bytes.as_slice();
        while !rest.is_empty() {
            let at = self.bytes.len() - rest.len();
            let mut numbers = [0; N];
            for number in &mut numbers {
                *number = i64::from_le_bytes(*take(&mut rest)?);
            }
            for _ in 0..T {
                text(&mut rest)?;
            }
            each(at, numbers);
        }
        Ok(())
    }
}

/// The bytes of a text, `None` for NULL.
fn text<'b>(rest: &mut &'b [u8]) -> Result<Option<&'b [u8]>, StoreError> {
    let length = u32::from_le_bytes(*take(rest)?);
    if length == NULL {
        return Ok(None);
    }
    let length = usize::try_from(length).map_err(|_| cut_off())?;
    let (bytes, behind) = rest.split_at_checked(length).ok_or_else(cut_off)?;
    *rest = behind;
    Ok(Some(bytes))
}

fn take<'b, const L: usize>(rest: &mut &'b [u8]) -> Result<&'b [u8; L], StoreError> {
    let (taken, behind) = rest.split_first_chunk().ok_or_else(cut_off)?;
    *rest = behind;
    Ok(taken)
}

fn cut_off() -> StoreError {
    StoreError::Bug("a block of rows is cut off".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packed<const N: usize, const T: usize>(sql: &str) -> Result<Block<N, T>, StoreError> {
        let conn = rusqlite::Connection::open_in_memory().unwrap();
        teach(&conn).unwrap();
        Block::packed(|| {
            let rows = conn.query_row(sql, [], |row| row.get::<_, i64>(0));
            rows.map(drop).map_err(|error| crate::sqlite::error(&error))
        })
    }

    #[test]
    fn rows_come_back_as_they_were() {
        let rows = "(VALUES (-7, 'é', NULL), (9223372036854775807, '', 'x'))";
        let sql = format!("SELECT pack(column1, column2, column3) FROM {rows}");
        let wanted = [([-7], [Some("é"), None]), ([i64::MAX], [Some(""), Some("x")])];
        // More often than memory is kept for.
        for _ in 0..4 {
            let block = packed::<1, 2>(&sql).unwrap();
            let mut numbers = Vec::new();
            block.numbers(|at, number| numbers.push((at, number))).unwrap();
            let found: Vec<_> = numbers
                .iter()
                .map(|(at, _)| block.row(*at).unwrap().unwrap().0)
                .collect();
            assert_eq!(found, wanted);
            assert!(numbers.iter().map(|(_, n)| *n).eq([[-7], [i64::MAX]]));
            assert_eq!(block.row(block.len()).unwrap(), None);
        }
        assert_eq!(
            packed::<1, 0>("SELECT pack(1) FROM (SELECT 1) WHERE 0")
                .unwrap()
                .len(),
            0
        );
    }

    #[test]
    fn what_is_no_row_is_an_error() {
        let whole = packed::<1, 1>("SELECT pack(1, 'abc')").unwrap();
        for cut in 1..whole.len() {
            let mut block = Block::<1, 1>::empty();
            block.bytes.extend_from_slice(&whole.bytes[..cut]);
            assert!(block.row(0).is_err(), "{cut} bytes");
            assert!(block.numbers(|_, _| ()).is_err(), "{cut} bytes");
        }
        let mut whole = whole;
        *whole.bytes.last_mut().unwrap() = 0xff;
        let error = whole.row(0).unwrap_err();
        assert!(error.to_string().contains("column 1"), "{error}");
        for sql in ["SELECT pack(1.5)", "SELECT pack(x'00')"] {
            packed::<1, 0>(sql).unwrap_err();
        }
        assert_eq!(
            packed::<1, 0>("SELECT pack(1)").unwrap().len(),
            8,
            "nothing is left of those"
        );
    }
}
