//! How long to wait before the next try.
//!
//! The upper bounds rise from a start by a factor to a cap; what is waited lies between half of the bound and
//! the bound, so that many who lost the same peer do not come back in step. The random number is an argument.

use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822;

/// A rising series of waits.
#[derive(Clone, Debug)]
pub struct Backoff {
    start: Duration,
    factor: u32,
    cap: Duration,
    bound: Duration,
}

impl Backoff {
    /// Returns the series `start`, `start * factor`, `start * factor²` … that stays at `cap` once there.
    pub const fn new(start: Duration, factor: u32, cap: Duration) -> Backoff {
        Backoff { start, factor, cap, bound: start }
    }

    /// Returns the next wait and steps on. `random` is any number, evenly drawn: the largest gives the bound
    /// itself, 0 half of it.
    pub fn next(&mut self, random: u64) -> Duration {
        let bound = self.bound.min(self.cap);
        self.bound = bound.saturating_mul(self.factor).min(self.cap);
        bound / 2 + fraction(bound - bound / 2, random)
    }

    /// Like [`next`](Self::next), but not shorter than `floor`, which a peer asked for (`Retry-After`). Where the
    /// floor decides, up to one `start` is added: everybody was told the same.
    pub fn next_at_least(&mut self, floor: Duration, random: u64) -> Duration {
        let wait = self.next(random);
        if wait >= floor {
            return wait;
        }
        floor.saturating_add(fraction(self.start.min(self.cap), random))
    }

    /// Begins the series again.
    pub fn reset(&mut self) {
        self.bound = self.start;
    }
}

/// Reads the value of a `Retry-After` header: seconds, or a date of which `now` is taken off. A date that
/// has passed is no wait at all; anything else is `None`.
pub fn retry_after(value: &str, now: Timestamp) -> Option<Duration> {
    let value = value.trim();
    if value.bytes().all(|byte| byte.is_ascii_digit()) && !value.is_empty() {
        // More seconds than fit: as long as can be.
        return Some(Duration::from_secs(value.parse().unwrap_or(u64::MAX)));
    }
    let date = rfc2822::DateTimeParser::new().parse_timestamp(value).ok()?;
    Some(date.duration_since(now).try_into().unwrap_or(Duration::ZERO))
}

/// Returns the share of `whole` that `random` is of the largest number.
pub(crate) fn fraction(whole: Duration, random: u64) -> Duration {
    // The widest product is below 2^64 * 10^9 * 2^64 and would not fit; 32 bits of randomness are plenty.
    let share = u128::from(random >> 32);
    let nanos = (whole.as_nanos() * share).div_ceil(u128::from(u32::MAX));
    let (seconds, nanos) = (nanos / 1_000_000_000, nanos % 1_000_000_000);
    Duration::new(u64::try_from(seconds).unwrap_or(u64::MAX), nanos as u32).min(whole)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn hosts() -> Backoff {
        Backoff::new(seconds(2), 2, seconds(60))
    }

    #[test]
    fn the_bounds_double_up_to_the_cap_and_stay_there() {
        let mut backoff = hosts();
        let waits: Vec<u64> = (0..8).map(|_| backoff.next(u64::MAX).as_secs()).collect();
        assert_eq!(waits, [2, 4, 8, 16, 32, 60, 60, 60]);
    }

    #[test]
    fn the_unluckiest_number_still_waits_half_of_the_bound() {
        let mut backoff = hosts();
        let waits: Vec<u64> = (0..7).map(|_| backoff.next(0).as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 30, 30]);
    }

    #[test]
    fn a_reset_begins_again() {
        let mut backoff = hosts();
        backoff.next(0);
        backoff.next(0);
        backoff.reset();
        assert_eq!(backoff.next(u64::MAX), seconds(2));
    }

    #[test]
    fn what_the_peer_asked_for_is_the_least_and_is_spread() {
        let mut backoff = hosts();
        assert_eq!(backoff.next_at_least(seconds(30), 0), seconds(30));
        assert_eq!(backoff.next_at_least(seconds(30), u64::MAX), seconds(32));
        assert_eq!(backoff.next_at_least(seconds(1), u64::MAX), seconds(8), "the series went on");
    }

    #[test]
    fn retry_after_is_read_in_both_of_its_forms() {
        let now = "1994-11-06T08:49:00Z".parse().unwrap();
        let read = |value| retry_after(value, now);
        assert_eq!(read(" 120 "), Some(seconds(120)));
        assert_eq!(read("Sun, 06 Nov 1994 08:49:37 GMT"), Some(seconds(37)));
        assert_eq!(read("Sun, 06 Nov 1994 08:48:37 GMT"), Some(Duration::ZERO));
        assert_eq!(read("99999999999999999999999"), Some(seconds(u64::MAX)));
        assert_eq!((read(""), read("-3"), read("soon")), (None, None, None));
    }

    proptest! {
        #[test]
        fn no_numbers_overflow_or_leave_the_bounds(
            start in any::<Duration>(), factor: u32, cap in any::<Duration>(),
            floor in any::<Duration>(), random in prop::collection::vec(any::<u64>(), 1..70),
        ) {
            let mut backoff = Backoff::new(start, factor, cap);
            for random in random {
                prop_assert!(backoff.next(random) <= cap);
                prop_assert!(backoff.next_at_least(floor, random) >= floor);
            }
        }
    }
}
