//! When to try again, and how long to wait before: arithmetic without a clock.

use std::time::Duration;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

/// Statuses that mean "come back later".
pub(crate) fn is_temporary(status: u16) -> bool {
    matches!(status, 429 | 502 | 503 | 504)
}

/// Waits that the server asked for and that are longer than this do not count as attempts.
pub(crate) const FREE_WAIT: Duration = Duration::from_mins(1);

/// Reads `Retry-After`: seconds or a date. A value that is not in the future counts as absent.
pub(crate) fn retry_after(value: &str, now: OffsetDateTime) -> Option<Duration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse::<f64>() {
        return (seconds.is_finite() && seconds > 0.0).then(|| Duration::from_secs_f64(seconds.min(1e9)));
    }
    // HTTP dates end in `GMT`, which RFC 2822 calls obsolete and `time` reads.
    let at = OffsetDateTime::parse(value, &Rfc2822).ok()?;
    let seconds = (at - now).whole_seconds();
    u64::try_from(seconds)
        .ok()
        .filter(|&s| s > 0)
        .map(Duration::from_secs)
}

/// The pause after failed attempt `attempt` (from 1) where the server named none: doubling, with up to a third of the
/// first pause added. `chance` is uniform in 0..=u64::MAX.
pub(crate) fn pause(first: Duration, attempt: u32, chance: u64) -> Duration {
    let doubled = first.saturating_mul(1_u32.checked_shl(attempt.saturating_sub(1)).unwrap_or(u32::MAX));
    let third = u64::try_from(first.as_millis() / 3).unwrap_or(u64::MAX);
    doubled.saturating_add(Duration::from_millis(if third == 0 {
        0
    } else {
        chance % (third + 1)
    }))
}

/// A number nobody can foresee, from the seed of the standard library's hash maps: enough for jitter and request ids.
pub(crate) fn chance() -> u64 {
    use std::hash::{BuildHasher, Hasher};
    std::hash::RandomState::new().build_hasher().finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = datetime!(2026-01-02 03:04:05 UTC);
        assert_eq!(retry_after("7", now), Some(Duration::from_secs(7)));
        assert_eq!(retry_after(" 0 ", now), None);
        assert_eq!(retry_after("-3", now), None);
        assert_eq!(
            retry_after("Fri, 02 Jan 2026 03:04:35 GMT", now),
            Some(Duration::from_secs(30))
        );
        assert_eq!(retry_after("Fri, 02 Jan 2026 03:00:00 GMT", now), None);
        assert_eq!(retry_after("soon", now), None);
    }

    #[test]
    fn pauses_double_and_vary_a_little() {
        let first = Duration::from_secs(15);
        assert_eq!(pause(first, 1, 0), Duration::from_secs(15));
        assert_eq!(pause(first, 3, 0), Duration::from_mins(1));
        for chance in [1, 77, u64::MAX] {
            let p = pause(first, 2, chance);
            assert!(
                (Duration::from_secs(30)..=Duration::from_secs(35)).contains(&p),
                "{p:?}"
            );
        }
        assert_eq!(pause(Duration::ZERO, 2, 9), Duration::ZERO);
    }
}
