//! Whether a look-up may be done where it is asked, on a thread that should never wait.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// A look-up that takes this long has waited for something, the disk most likely.
const SLOW: Duration = Duration::from_millis(5);
/// So many look-ups after a slow one go to a thread of their own.
const APART: u32 = 100;

/// Rows that are in memory are read in microseconds, rows that are not in milliseconds. Which it will be nobody knows
/// beforehand, but it seldom changes from one look-up to the next.
#[derive(Debug, Default)]
pub(crate) struct Haste {
    apart: AtomicU32,
}

impl Haste {
    /// Whether the next look-up may stay.
    pub(crate) fn may_stay(&self) -> bool {
        let apart = self.apart.load(Ordering::Relaxed);
        if apart > 0 {
            // Two that see the same number count as one, which does not matter.
            self.apart.store(apart - 1, Ordering::Relaxed);
        }
        apart == 0
    }

    /// Says how long one that stayed took.
    pub(crate) fn took(&self, time: Duration) {
        if time >= SLOW {
            self.apart.store(APART, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_a_slow_one_a_hundred_go_elsewhere() {
        let haste = Haste::default();
        haste.took(Duration::from_micros(20));
        assert!(haste.may_stay());
        haste.took(Duration::from_millis(6));
        assert!((0..APART).all(|_| !haste.may_stay()));
        assert!(haste.may_stay());
    }
}
