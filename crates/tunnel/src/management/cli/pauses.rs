//! When a port that could not be made again may be tried the next time.
//!
//! Whoever follows a tunnel looks at it every few seconds, and each look would try. Kept in memory
//! only: another process may try at once.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use adit_proto::backoff::Backoff;
use adit_proto::host::RETRY_AFTER_MAX;

use super::journal::{Id, Remake};
use crate::management::Error;

/// The longest of the pauses, and each where it was refused for good: only somebody who changes
/// something helps then.
const LONGEST: Duration = Duration::from_secs(15 * 60);

const SERIES: Backoff = Backoff::new(Duration::from_secs(2), 2, LONGEST);

/// The pauses of all that is to be made again.
#[derive(Debug, Default)]
pub(super) struct Pauses {
    of: Mutex<HashMap<Id, Pause>>,
}

#[derive(Debug)]
struct Pause {
    until: Instant,
    backoff: Backoff,
    for_good: bool,
}

impl Pauses {
    /// Whether it may be tried.
    pub(super) fn is_due(&self, remake: &Remake, now: Instant) -> bool {
        let of = self.of.lock().unwrap_or_else(PoisonError::into_inner);
        of.get(&remake.id()).is_none_or(|pause| pause.until <= now)
    }

    /// It was tried in vain. Returns whether that is news: a refusal for good is only once.
    pub(super) fn failed(&self, remake: &Remake, error: &Error, now: Instant, random: u64) -> bool {
        let mut of = self.of.lock().unwrap_or_else(PoisonError::into_inner);
        let pause = of.entry(remake.id()).or_insert_with(|| Pause {
            until: now,
            backoff: SERIES,
            for_good: false,
        });
        let floor = error.retry_after().unwrap_or_default().min(RETRY_AFTER_MAX);
        let for_good = !error.is_transient() && !error.requires_sign_in();
        let floor = if for_good { floor.max(LONGEST) } else { floor };
        pause.until = now + pause.backoff.next_at_least(floor, random);
        !std::mem::replace(&mut pause.for_good, for_good) || !for_good
    }

    /// All may be tried: somebody has changed something.
    pub(super) fn end(&self) {
        self.of.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Nothing is left to be done.
    pub(super) fn over(&self, remake: &Remake) {
        self.of.lock().unwrap_or_else(PoisonError::into_inner).remove(&remake.id());
    }
}

#[cfg(test)]
mod tests {
    use adit_wire::clock;
    use jiff::Timestamp;

    use super::super::fixtures;
    use super::*;
    use crate::management::Said;

    fn remake() -> Remake {
        fixtures::remake("shop.euw", Timestamp::UNIX_EPOCH)
    }

    /// When it is due again after `error`, and whether that was news.
    fn after(pauses: &Pauses, error: &Error, now: &mut Instant) -> (Duration, bool) {
        let remake = remake();
        let (begun, news) = (*now, pauses.failed(&remake, error, *now, u64::MAX));
        while !pauses.is_due(&remake, *now) {
            *now += Duration::from_secs(1);
        }
        (*now - begun, news)
    }

    #[test]
    fn the_pauses_rise_and_are_as_long_as_the_service_asks() {
        let (pauses, mut now) = (Pauses::default(), clock::now());
        assert!(pauses.is_due(&remake(), now));
        let waits: Vec<_> =
            (0..11).map(|_| after(&pauses, &Error::busy(None), &mut now).0.as_secs()).collect();
        assert_eq!(waits, [2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]);
        let hour = Some(Duration::from_secs(3600));
        assert!(after(&pauses, &Error::busy(hour), &mut now).0 >= RETRY_AFTER_MAX);
        let unmade = Error::Unmade {
            port: 3000,
            by_hand: "".into(),
            kept: true,
            source: Box::new(Error::busy(Some(Duration::MAX))),
        };
        assert!(after(&pauses, &unmade, &mut now).0 >= RETRY_AFTER_MAX);
        pauses.failed(&remake(), &Error::busy(None), now, u64::MAX);
        pauses.over(&remake());
        assert!(pauses.is_due(&remake(), now));
    }

    #[test]
    fn a_refusal_for_good_is_tried_seldom_and_told_once() {
        let (pauses, mut now) = (Pauses::default(), clock::now());
        let refused = Error::Invalid(Said::default());
        let tried = [(); 2].map(|()| after(&pauses, &refused, &mut now));
        assert!(tried.iter().all(|(wait, _)| *wait >= LONGEST), "{tried:?}");
        assert_eq!(tried.map(|(_, news)| news), [true, false]);
        assert!(after(&pauses, &Error::busy(None), &mut now).1, "it is another trouble");
        assert!(after(&pauses, &refused, &mut now).1);
    }
}
