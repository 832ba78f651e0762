//! How far a run is, for whoever watches it, and how long the rest will take.

use std::fmt;
use std::time::Duration;

/// What a run is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Reads people from the directory.
    Directory,
    /// Reads accounts of an organization.
    Organization,
    /// Sends what differs.
    Sending,
}

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress {
    /// What the run is doing.
    pub phase: Phase,
    /// People or accounts read, or actions answered.
    pub done: u64,
    /// Of how many, where that is known.
    pub total: Option<u64>,
    /// Actions a minute, lately; waits included.
    pub per_minute: Option<f64>,
    /// How long the rest will take.
    pub left: Option<Duration>,
}

impl Progress {
    /// So much is read.
    pub(crate) fn read(phase: Phase, done: u64, total: Option<u64>) -> Self {
        Self {
            phase,
            done,
            total,
            per_minute: None,
            left: None,
        }
    }
}

impl Progress {
    /// How long the rest will take, in words.
    fn time_left(&self) -> Option<String> {
        let seconds = self.left?.as_secs();
        let minutes = seconds.div_ceil(60);
        Some(if seconds < 60 {
            "less than a minute left".to_owned()
        } else {
            format!("about {}:{:02} h left", minutes / 60, minutes % 60)
        })
    }

    /// The same as its text, with what matters most first: for a line that may be cut off.
    pub fn brief(&self) -> String {
        let Some(left) = self.time_left() else {
            return self.to_string();
        };
        let total = self.total.unwrap_or(self.done);
        let rate = self.per_minute.map(|rate| format!(", {rate:.0} a minute"));
        format!(
            "{left}, {} of {total} actions{}",
            self.done,
            rate.unwrap_or_default()
        )
    }
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let done = self.done;
        match (self.phase, self.total) {
            (Phase::Directory, _) => return write!(f, "{done} people read from the directory"),
            (Phase::Organization, None) => return write!(f, "{done} accounts read"),
            (Phase::Organization, Some(total)) => return write!(f, "{done} of {total} accounts read"),
            (Phase::Sending, total) => write!(f, "{done} of {} actions answered", total.unwrap_or(done))?,
        }
        if let Some(rate) = self.per_minute {
            write!(f, ", {rate:.0} a minute")?;
        }
        self.time_left().map_or(Ok(()), |left| write!(f, ", {left}"))
    }
}

/// Whoever wants to see how far a run is. Called often, so it should be quick.
pub trait Watch: Send + Sync {
    /// Takes note.
    fn see(&self, progress: &Progress);

    /// A server has asked the run to wait for so long.
    fn waits(&self, pause: Duration);
}

/// Nobody watches.
pub struct Nobody;

impl Watch for Nobody {
    fn see(&self, _: &Progress) {}

    fn waits(&self, _: Duration) {}
}

/// What happened longer ago than this counts less and less.
const MEMORY_SECONDS: f64 = 600.0;

/// A silence longer than this is a wait.
const WAIT_SECONDS: f64 = 6.0;

/// Limits of servers are for a minute; so long a burst may go on.
const WINDOW_SECONDS: f64 = 60.0;

/// In its first seconds a run meets no limit yet, and how fast it is then says nothing of the rest.
const FIRST_SECONDS: f64 = 10.0;

/// Foretells how long work will take, from how much was done so far and how long that took. Recent minutes count more, so
/// that a server which becomes slower is noticed; a wait that the server has asked for counts as soon as it is known.
///
/// Times are distances from the beginning of the work.
#[derive(Debug, Clone, Default)]
pub struct Estimate {
    at: f64,
    done: f64,
    seconds: f64,
    /// What was known when the last wait ended: a burst after it says nothing of how long things take.
    waited: Option<(f64, f64)>,
}

impl Estimate {
    /// More was done by `now`.
    pub fn note(&mut self, now: Duration, more: u64) {
        let gap = now.as_secs_f64() - self.at;
        self.advance(now.as_secs_f64());
        if gap > WAIT_SECONDS && self.done > 0.0 {
            self.waited = Some((self.at, self.done / self.seconds * 60.0));
        }
        #[expect(clippy::cast_precision_loss, reason = "nobody counts actions beyond 2^52")]
        let more = more as f64;
        self.done += more;
    }

    /// How much is done in a minute, if nothing happens until `now`; nothing in the first seconds.
    pub fn per_minute(&self, now: Duration) -> Option<f64> {
        if let Some(rate) = self.after_wait(now) {
            return Some(rate);
        }
        if now.as_secs_f64() < FIRST_SECONDS {
            return None;
        }
        let mut then = self.clone();
        then.advance(now.as_secs_f64());
        let rate = then.done / then.seconds * 60.0;
        (then.done > 0.0 && rate.is_finite()).then_some(rate)
    }

    fn after_wait(&self, now: Duration) -> Option<f64> {
        let (at, rate) = self.waited?;
        (now.as_secs_f64() - at <= WINDOW_SECONDS).then_some(rate)
    }

    /// How long `rest` will take from `now` on, if nothing happens for `wait`.
    pub fn left(&self, now: Duration, wait: Duration, rest: u64) -> Option<Duration> {
        let window = Duration::from_secs_f64(WINDOW_SECONDS);
        // The rate from the end of a wait has waits in it; only one that is longer than usual comes on top.
        let (rate, more) = match self.after_wait(now) {
            Some(rate) => (rate, wait.saturating_sub(window)),
            None => (self.per_minute(now.saturating_add(wait))?, wait),
        };
        #[expect(clippy::cast_precision_loss, reason = "nobody counts actions beyond 2^52")]
        let rest = Duration::try_from_secs_f64(rest as f64 / rate * 60.0).ok()?;
        Some(more.checked_add(rest)?.max(wait))
    }

    fn advance(&mut self, now: f64) {
        let passed = (now - self.at).max(0.0);
        let fade = (-passed / MEMORY_SECONDS).exp();
        self.done *= fade;
        self.seconds = self.seconds * fade + MEMORY_SECONDS * (1.0 - fade);
        self.at = self.at.max(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use roster_core::throttle::{Window, retry_after_seconds};

    /// A run of a thousand requests, one after another, towards a server that admits `limit(number)` a minute and names
    /// the wait when there were more; each takes `latency` milliseconds. Returns, by share of the run in percent, how
    /// long it was foretold to take and how long it took, in seconds.
    fn run(limit: impl Fn(u64) -> u32, latency: u64) -> Vec<(u64, f64, f64)> {
        const REQUESTS: u64 = 1_000;
        let (mut now, mut window, mut estimate) = (0, Window::default(), Estimate::default());
        let mut foretold = Vec::new();
        for number in 0..REQUESTS {
            while let Some(asked) = window.wait_ms(now, limit(number)) {
                let wait = retry_after_seconds(asked) * 1_000;
                // What people see while the run waits.
                let left = estimate.left(
                    Duration::from_millis(now),
                    Duration::from_millis(wait),
                    REQUESTS - number,
                );
                if number % 100 == 0
                    && let Some(left) = left
                {
                    foretold.push((number, now, left));
                }
                now += wait;
            }
            window.admit(now);
            now += latency;
            estimate.note(Duration::from_millis(now), 1);
            if (number + 1) % 100 == 0 && number + 1 < REQUESTS {
                let left = estimate.left(Duration::from_millis(now), Duration::ZERO, REQUESTS - number - 1);
                foretold.push((number + 1, now, left.unwrap()));
            }
        }
        foretold
            .into_iter()
            .map(|(number, at, left)| {
                let (left, took) = (left.as_secs_f64(), Duration::from_millis(now - at).as_secs_f64());
                (number / 10, left, took)
            })
            .collect()
    }

    #[test]
    fn after_a_tenth_of_a_throttled_run_the_time_left_is_foretold_within_a_fifth() {
        // A limit that was not met yet nobody can know of, so each is met within the first tenth.
        for (limit, latency) in [(10, 200), (10, 5_000), (50, 300), (4, 50), (25, 20), (0, 700)] {
            let foretold = run(|_| limit, latency);
            assert!(foretold.len() >= 9, "limit {limit}");
            for (percent, left, took) in foretold {
                // Near the end the last burst, without a wait behind it, may make up more than a fifth.
                let off = (left - took).abs();
                assert!(
                    off <= 0.2 * took || (percent > 50 && off <= WINDOW_SECONDS),
                    "limit {limit}, {latency} ms, after {percent} %: {left:.0} s foretold, {took:.0} s taken"
                );
            }
        }
    }

    #[test]
    fn a_server_that_becomes_slower_is_noticed() {
        let foretold = run(|number| if number < 300 { 10 } else { 5 }, 200);
        for (percent, left, took) in foretold.into_iter().filter(|&(percent, ..)| percent >= 50) {
            assert!(
                (left - took).abs() <= 0.2 * took,
                "after {percent} %: {left:.0} s foretold, {took:.0} s taken"
            );
        }
    }

    #[test]
    fn without_anything_done_nothing_is_foretold() {
        let mut estimate = Estimate::default();
        assert_eq!(estimate.left(Duration::ZERO, Duration::ZERO, 5), None);
        estimate.note(Duration::from_secs(30), 0);
        assert_eq!(estimate.left(Duration::from_secs(30), Duration::ZERO, 5), None);
        estimate.note(Duration::from_mins(1), 10);
        let rate = estimate.per_minute(Duration::from_mins(1)).unwrap();
        assert!((rate - 10.0).abs() < 0.6, "{rate}");
    }

    #[test]
    fn a_first_burst_foretells_nothing_until_the_server_asks_for_a_wait() {
        let mut estimate = Estimate::default();
        let now = Duration::from_millis(500);
        estimate.note(now, 300);
        assert_eq!(estimate.per_minute(now), None);
        assert_eq!(estimate.left(now, Duration::ZERO, 300), None);
        let left = estimate.left(now, Duration::from_mins(1), 300).unwrap();
        assert!((left.as_secs_f64() - 121.0).abs() < 5.0, "{left:?}");
    }
}
