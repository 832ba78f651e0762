//! What is asked and answered besides actions: parameters in, lists out.
//!
//! [`parameters`] reads the query string. [`users`], [`groups`] and
//! [`products`] write rows of core's listings as they come, a page at a time; [`bodies`] reads what the deprecated
//! endpoints are sent.

pub mod bodies;
pub mod groups;
pub mod parameters;
pub mod products;
pub mod users;

use crate::json::List;

/// A bare array on its way, as the deprecated list endpoints answer.
pub struct Rows<'o> {
    list: List<'o>,
    count: usize,
}

impl<'o> Rows<'o> {
    /// Begins the array at the end of `out`.
    pub fn begin(out: &'o mut Vec<u8>) -> Self {
        Self {
            list: List::begin(out),
            count: 0,
        }
    }

    /// Adds one entry: `write` appends its JSON.
    pub fn row(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        self.count += 1;
        write(self.list.item());
    }

    /// How many entries there are so far: `X-Page-Size` in the end.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Ends the array.
    pub fn end(self) {
        self.list.end();
    }
}
