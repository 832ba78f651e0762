//! Several ordered ranges read as one.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use super::source::{Columns, Plan, Source};
use super::{DomainFilter, Position};
use crate::error::StoreError;
use crate::reader::Reader;

/// The smallest and the largest number of rows fetched of one range at a time.
const CHUNK: (i64, i64) = (32, 8192);

/// Walks the ranges of a plan in the order of positions. Somebody who stands in several of them comes several times.
pub(super) struct Merged<'q> {
    domain: Option<&'q DomainFilter>,
    until: Option<Position>,
    streams: Vec<Stream>,
    fronts: BinaryHeap<Reverse<(Position, usize)>>,
    filled: bool,
}

struct Stream {
    source: Source,
    rows: VecDeque<Position>,
    /// Where the rows not fetched yet begin; `None` when there are none.
    rest: Option<Position>,
    chunk: i64,
}

impl<'q> Merged<'q> {
    /// Starts at `from`; about `expected` rows will be asked for.
    pub(super) fn new(
        plan: &Plan,
        domain: Option<&'q DomainFilter>,
        from: Position,
        until: Option<Position>,
        expected: u64,
    ) -> Self {
        let share = (expected / (plan.sources.len() as u64).max(1)).saturating_add(1);
        let chunk = i64::try_from(share).unwrap_or(CHUNK.1).clamp(CHUNK.0, CHUNK.1);
        let streams = plan
            .sources
            .iter()
            .map(|source| Stream {
                source: *source,
                rows: VecDeque::new(),
                rest: Some(from),
                chunk,
            })
            .collect();
        Self {
            domain,
            until,
            streams,
            fronts: BinaryHeap::new(),
            filled: false,
        }
    }

    /// The next row.
    pub(super) fn next(&mut self, reader: &mut Reader<'_>) -> Result<Option<Position>, StoreError> {
        if !self.filled {
            self.filled = true;
            for index in 0..self.streams.len() {
                self.advance(index, reader)?;
            }
        }
        let Some(Reverse((position, index))) = self.fronts.pop() else {
            return Ok(None);
        };
        self.advance(index, reader)?;
        Ok(Some(position))
    }

    /// Puts the next row of one stream to the fronts.
    fn advance(&mut self, index: usize, reader: &mut Reader<'_>) -> Result<(), StoreError> {
        let Some(stream) = self.streams.get_mut(index) else {
            return Ok(());
        };
        if stream.rows.is_empty() {
            stream.fetch(reader, self.domain, self.until)?;
        }
        if let Some(position) = stream.rows.pop_front() {
            self.fronts.push(Reverse((position, index)));
        }
        Ok(())
    }
}

impl Stream {
    fn fetch(
        &mut self,
        reader: &mut Reader<'_>,
        domain: Option<&DomainFilter>,
        until: Option<Position>,
    ) -> Result<(), StoreError> {
        let Some(from) = self.rest.take() else {
            return Ok(());
        };
        let source = self.source;
        let mut sql = source.select(Columns::Keys, domain, from, until);
        sql.push(" LIMIT ").bind(self.chunk);
        let rows = &mut self.rows;
        sql.rows(reader, |row| {
            rows.push_back(source.position(row.int(0)?, row.int(1)?, row.int(2)?));
            Ok(())
        })?;
        if self.rows.len() as u64 == self.chunk.unsigned_abs() {
            self.rest = self.rows.back().map(|last| last.after());
        }
        self.chunk = (self.chunk * 2).min(CHUNK.1);
        Ok(())
    }
}
