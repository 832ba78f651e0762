//! Sliding-window throttling (umapi.md 2.8): how many requests in the last sixty seconds.
//!
//! Only admitted requests are recorded; a refused one costs nothing. The moments are inputs, in milliseconds
//! of any clock that does not run backwards.

use std::collections::VecDeque;

/// The window, in milliseconds.
pub const WINDOW_MS: u64 = 60_000;

/// The admissions of one counter within the window.
#[derive(Debug, Clone, Default)]
pub struct Window {
    admitted: VecDeque<u64>,
}

impl Window {
    /// How long until a request at `now` would be admitted under `limit`: `None` is at once. 0 is no limit.
    pub fn wait_ms(&mut self, now: u64, limit: u32) -> Option<u64> {
        if limit == 0 {
            return None;
        }
        while self.admitted.front().is_some_and(|&at| at + WINDOW_MS <= now) {
            self.admitted.pop_front();
        }
        let limit = limit as usize;
        // The request that has to leave the window first is the `limit`-th from the end.
        let blocking = self
            .admitted
            .len()
            .checked_sub(limit)
            .and_then(|n| self.admitted.get(n))?;
        Some((blocking + WINDOW_MS).saturating_sub(now).max(1))
    }

    /// Records an admission.
    pub fn admit(&mut self, now: u64) {
        self.admitted.push_back(now);
    }

    /// Whether nothing of the last window is left, so that the counter may be dropped.
    pub fn is_idle(&self, now: u64) -> bool {
        self.admitted.back().is_none_or(|&at| at + WINDOW_MS <= now)
    }
}

/// `Retry-After` for a wait: whole seconds, rounded up, at least 1.
pub fn retry_after_seconds(wait_ms: u64) -> u64 {
    wait_ms.div_ceil(1000).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_eleventh_waits_until_the_first_has_left() {
        let mut window = Window::default();
        for n in 0..10 {
            assert_eq!(window.wait_ms(n * 100, 10), None);
            window.admit(n * 100);
        }
        let wait = window.wait_ms(1_000, 10).unwrap();
        assert_eq!(wait, 59_000);
        let seconds = retry_after_seconds(wait);
        assert_eq!(
            window.wait_ms(1_000 + seconds * 1_000, 10),
            None,
            "after exactly that long it is admitted"
        );
        assert_eq!(window.wait_ms(1_000, 0), None, "0 is no limit");
    }

    #[test]
    fn refusals_cost_nothing() {
        let mut window = Window::default();
        window.admit(0);
        for now in 1..500 {
            assert!(window.wait_ms(now, 1).is_some());
        }
        assert_eq!(window.wait_ms(60_000, 1), None);
        assert!(window.is_idle(60_000));
    }
}
