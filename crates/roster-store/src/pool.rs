//! Connections that read an embedded database, kept for the next reader.

use std::sync::{Arc, Mutex};

use rusqlite::Connection;

use crate::error::StoreError;
use crate::place::Place;
use crate::sqlite;

/// The connections that nobody reads on at the moment.
#[derive(Debug)]
pub(crate) struct Pool {
    place: Arc<Place>,
    idle: Mutex<Vec<Lent>>,
}

/// A connection, and how often its place had been found wrong when it was opened: it may be trusted until that happens
/// again, because from then on nobody knows which file it reads.
#[derive(Debug)]
pub(crate) struct Lent {
    pub(crate) conn: Connection,
    pub(crate) losses: u64,
}

impl Pool {
    pub(crate) fn new(place: Arc<Place>) -> Self {
        Self {
            place,
            idle: Mutex::default(),
        }
    }

    pub(crate) fn place(&self) -> &Arc<Place> {
        &self.place
    }

    /// A connection to read on: one that is idle, or a new one.
    pub(crate) fn take(&self) -> Result<Lent, StoreError> {
        self.place.check_now_and_then()?;
        let losses = self.place.losses();
        let known = {
            let mut idle = self
                .idle
                .lock()
                .map_err(|_| StoreError::Bug("a reader panicked".to_owned()))?;
            idle.retain(|lent| lent.losses == losses);
            idle.pop()
        };
        if let Some(known) = known {
            return Ok(known);
        }
        let conn = self.place.open(sqlite::open_reader)?;
        Ok(Lent { conn, losses })
    }

    /// Takes back a connection without a transaction.
    pub(crate) fn give_back(&self, lent: Lent) {
        if lent.losses == self.place.losses()
            && let Ok(mut idle) = self.idle.lock()
        {
            idle.push(lent);
        }
    }
}
