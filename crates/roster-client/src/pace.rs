//! How many requests are on the wire at once, and when the next may leave: what a server says to one request holds for all.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

/// How long a request waits before it looks again whether it should give up.
const GLANCE: Duration = Duration::from_millis(100);

/// The pace of one client, shared by everything it has under way.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    state: Mutex<State>,
    freed: Notify,
}

/// A place on the wire, until it is dropped.
pub(crate) struct Place<'p> {
    pace: &'p Pace,
    left: Instant,
}

#[derive(Debug, Default)]
struct State {
    on_the_wire: usize,
    /// How many may be; `None` as long as the server has not complained.
    most: Option<usize>,
    /// Answers without a complaint since `most` changed.
    good: usize,
    /// When `most` was last lowered: what left before says nothing new.
    lowered: Option<Instant>,
    /// Nothing leaves before.
    until: Option<Instant>,
}

impl State {
    fn may_leave(&self, now: Instant) -> bool {
        self.until.is_none_or(|until| until <= now) && self.most.is_none_or(|most| self.on_the_wire < most)
    }

    /// The server had too much when a request left at `left`.
    fn lower(&mut self, left: Instant, now: Instant) {
        if self.lowered.is_some_and(|at| left < at) {
            return;
        }
        let most = self.most.unwrap_or(usize::MAX).min(self.on_the_wire.max(1));
        self.most = Some((most / 2).max(1));
        self.good = 0;
        self.lowered = Some(now);
    }

    fn raise(&mut self) {
        let Some(most) = &mut self.most else { return };
        self.good += 1;
        if self.good >= *most {
            *most = most.saturating_add(1);
            self.good = 0;
        }
    }
}

impl Pace {
    /// Waits for a place; `None` when it is `stopped` before there is one.
    pub(crate) async fn place(&self, stopped: impl Fn() -> bool) -> Option<Place<'_>> {
        loop {
            if stopped() {
                return None;
            }
            let now = Instant::now();
            let wait = {
                let mut state = self.state();
                if state.may_leave(now) {
                    state.on_the_wire += 1;
                    return Some(Place {
                        pace: self,
                        left: now,
                    });
                }
                let until = state.until.filter(|&until| until > now);
                until.map_or(GLANCE, |until| until.duration_since(now).min(GLANCE))
            };
            // Whether it was woken or has waited long enough, it looks again.
            let _ = tokio::time::timeout(wait, self.freed.notified()).await;
        }
    }

    /// How many requests are worth having under way; `None` is any number.
    pub(crate) fn most(&self) -> Option<usize> {
        self.state().most
    }

    /// Lets nothing leave for so long.
    pub(crate) fn hold(&self, pause: Duration) {
        let until = Instant::now() + pause;
        let mut state = self.state();
        state.until = Some(state.until.map_or(until, |known| known.max(until)));
    }

    /// How long nothing leaves from now on.
    pub(crate) fn waits(&self) -> Duration {
        let until = self.state().until;
        until.map_or(Duration::ZERO, |until| {
            until.saturating_duration_since(Instant::now())
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place<'_> {
    /// The server had too much: half as many from now on.
    pub(crate) fn too_much(&self) {
        self.pace.state().lower(self.left, Instant::now());
    }

    /// The server had time: after as many such answers as may be on the wire, one more may be.
    pub(crate) fn fine(&self) {
        self.pace.state().raise();
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut state = self.pace.state();
        state.on_the_wire = state.on_the_wire.saturating_sub(1);
        drop(state);
        self.pace.freed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Instant {
        Instant::now()
    }

    #[test]
    fn a_complaint_halves_what_is_on_the_wire_once_and_good_answers_bring_it_back_one_by_one() {
        let start = now();
        let later = start + Duration::from_secs(1);
        let mut state = State {
            on_the_wire: 8,
            ..State::default()
        };
        assert!(state.may_leave(start));
        state.lower(start, later);
        assert_eq!(state.most, Some(4));
        state.lower(start, later + Duration::from_secs(1));
        assert_eq!(state.most, Some(4), "it had left before the first complaint came");
        state.on_the_wire = 4;
        assert!(!state.may_leave(later));
        state.lower(later, later + Duration::from_secs(2));
        assert_eq!(state.most, Some(2));
        for (answers, most) in [(1, 2), (1, 3), (3, 4), (3, 4), (1, 5)] {
            (0..answers).for_each(|_| state.raise());
            assert_eq!(state.most, Some(most));
        }
        state.on_the_wire = 1;
        for second in 10..20 {
            let at = later + Duration::from_secs(second);
            state.lower(at, at);
        }
        assert_eq!(state.most, Some(1), "one is always worth a try");
        state.on_the_wire = 0;
        state.until = Some(later);
        assert!(!state.may_leave(start));
        assert!(state.may_leave(later));
    }

    #[tokio::test]
    async fn a_wait_holds_for_those_who_come_later_and_is_never_shortened() {
        let pace = Pace::default();
        pace.hold(Duration::from_mins(5));
        pace.hold(Duration::from_millis(1));
        let waited = tokio::time::timeout(Duration::from_millis(50), pace.place(|| false)).await;
        assert!(waited.is_err());
        assert!(
            pace.place(|| true).await.is_none(),
            "who is stopped need not wait"
        );
    }
}
