//! Memory that pages are written into, used again.
//!
//! A page takes most of a megabyte, is written by one thread and given back by another, once it has been sent. `malloc` keeps such
//! pieces for the thread that asked for them, and every thread would come to have some of its own.

use std::sync::{Mutex, PoisonError};

/// Pieces that nobody needs at the moment.
static SPARE: Mutex<Vec<Vec<u8>>> = Mutex::new(Vec::new());

/// So many are kept: as many as are written at once on a small machine, and one that is being sent.
const SPARES: usize = 4;
/// Smaller ones are not worth keeping, larger ones would be kept for a page that hardly ever comes.
const KEPT: std::ops::RangeInclusive<usize> = 64 * 1024..=1024 * 1024;

/// Bytes being written; their memory is used again afterwards.
#[derive(Debug)]
pub(super) struct Sheet(pub(super) Vec<u8>);

impl Sheet {
    /// Without bytes, and with room for so many.
    pub(super) fn with_capacity(capacity: usize) -> Self {
        let spare = || {
            let mut spare = SPARE.lock().unwrap_or_else(PoisonError::into_inner);
            let fitting = spare.iter().position(|bytes| bytes.capacity() >= capacity)?;
            Some(spare.swap_remove(fitting))
        };
        let known = if KEPT.contains(&capacity) { spare() } else { None };
        Self(known.unwrap_or_else(|| Vec::with_capacity(capacity)))
    }
}

impl AsRef<[u8]> for Sheet {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Sheet {
    fn drop(&mut self) {
        if !KEPT.contains(&self.0.capacity()) {
            return;
        }
        let mut bytes = std::mem::take(&mut self.0);
        // The next one to write here must not find somebody's page.
        bytes.clear();
        let mut spare = SPARE.lock().unwrap_or_else(PoisonError::into_inner);
        if spare.len() < SPARES {
            spare.push(bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_used_again_and_comes_empty() {
        // No other test writes pieces of this size.
        let capacity = 1_000_000;
        let mut sheet = Sheet::with_capacity(capacity);
        sheet.0.extend_from_slice(b"somebody");
        let place = sheet.0.as_ptr();
        drop(sheet);
        let again = Sheet::with_capacity(capacity);
        assert_eq!(again.0.as_ptr(), place);
        assert_eq!(again.as_ref(), b"");
        for odd in [*KEPT.start() - 1, *KEPT.end() + 1] {
            drop(Sheet::with_capacity(odd));
            let spare = SPARE.lock().unwrap();
            assert!(spare.iter().all(|bytes| bytes.capacity() != odd), "{odd}");
        }
    }
}
