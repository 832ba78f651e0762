//! Time and chance as inputs: the only places that look at a clock or draw random bits.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use roster_core::value::Seed;

/// Where the server gets the time from.
#[derive(Debug, Clone)]
pub struct Clock(Source);

#[derive(Debug, Clone)]
enum Source {
    System(Instant),
    Manual(Arc<AtomicI64>),
}

impl Default for Clock {
    fn default() -> Self {
        Self::system()
    }
}

impl Clock {
    /// The system's clock.
    pub fn system() -> Self {
        Self(Source::System(Instant::now()))
    }

    /// A clock that stands at `now_ms` (milliseconds since 1970) until it is moved: for tests and rehearsals.
    pub fn manual(now_ms: i64) -> Self {
        Self(Source::Manual(Arc::new(AtomicI64::new(now_ms))))
    }

    /// Moves a manual clock forward; the system's clock does not obey.
    pub fn advance_ms(&self, by: i64) {
        if let Source::Manual(now) = &self.0 {
            now.fetch_add(by, Ordering::SeqCst);
        }
    }

    /// Milliseconds since 1970.
    pub fn now_ms(&self) -> i64 {
        match &self.0 {
            Source::System(_) => SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .ok()
                .and_then(|d| i64::try_from(d.as_millis()).ok())
                .unwrap_or(0),
            Source::Manual(now) => now.load(Ordering::SeqCst),
        }
    }

    /// Milliseconds of a clock that never runs backwards, for windows and time limits.
    pub fn monotonic_ms(&self) -> u64 {
        match &self.0 {
            Source::System(start) => u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX),
            Source::Manual(now) => u64::try_from(now.load(Ordering::SeqCst)).unwrap_or(0),
        }
    }
}

/// Where new identifiers come from.
#[derive(Debug, Clone, Default)]
pub struct Chance(Option<Arc<AtomicU64>>);

impl Chance {
    /// The system's random numbers.
    pub fn system() -> Self {
        Self(None)
    }

    /// The same numbers in the same order on every run: for tests and rehearsals. Secrets and keys never come
    /// from here.
    pub fn fixed(start: u64) -> Self {
        Self(Some(Arc::new(AtomicU64::new(start))))
    }

    /// A new seed for one request.
    pub fn seed(&self) -> Seed {
        let bits = match &self.0 {
            Some(counter) => u128::from(counter.fetch_add(1, Ordering::SeqCst)),
            None => u128::from_le_bytes(random()),
        };
        Seed::new(bits)
    }

    /// `digits` hexadecimal digits, lower case.
    pub fn hex(&self, digits: usize) -> String {
        let mut seed = self.seed();
        seed.hex(digits).to_ascii_lowercase()
    }

    /// A version 4 UUID.
    pub fn uuid(&self) -> String {
        let hex = self.hex(32);
        let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
        format!(
            "{}-{}-4{}-a{}-{}",
            part(0, 8),
            part(8, 12),
            part(13, 16),
            part(17, 20),
            part(20, 32)
        )
    }
}

/// Random bytes fit for secrets.
pub(crate) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    #[expect(
        clippy::expect_used,
        reason = "without the system's random numbers there is nothing safe to go on with"
    )]
    aws_lc_rs::rand::fill(&mut bytes).expect("the system has random numbers");
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manual_clock_moves_only_when_told() {
        let clock = Clock::manual(1_000);
        assert_eq!(clock.now_ms(), 1_000);
        clock.clone().advance_ms(500);
        assert_eq!((clock.now_ms(), clock.monotonic_ms()), (1_500, 1_500));
    }

    #[test]
    fn fixed_chance_repeats_itself_and_uuids_look_like_uuids() {
        assert_eq!(Chance::fixed(7).hex(32), Chance::fixed(7).hex(32));
        assert_ne!(Chance::system().hex(32), Chance::system().hex(32));
        let uuid = Chance::system().uuid();
        let lengths: Vec<usize> = uuid.split('-').map(str::len).collect();
        assert_eq!(lengths, [8, 4, 4, 4, 12]);
    }
}
