//! When the life of a hosted tunnel is renewed.
//!
//! A service removes a tunnel that nobody has used for a time of the tunnel's own. Where its owner wants
//! it kept, half of that time is let pass, and then the whole of it is given again: never more, never
//! less than the tunnel had. A [`Renewal`] says when to look and what to do; its driver does it and
//! reports back.
//!
//! Entries of the access list are not renewed. One without an end lasts as long as its tunnel, and an
//! end is somebody's choice.

use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::backoff::Backoff;
use crate::contracts::Tunnel;

/// The life of a tunnel for which nobody chose another.
pub const UNSET: Duration = Duration::from_secs(30 * 86_400);

/// The longest time between two looks: use moves a tunnel's end, and so may its owner.
const LOOK_AFTER: Duration = Duration::from_secs(86_400);

/// The shortest one, for lives of an hour.
const LOOK_BEFORE: Duration = Duration::from_secs(5 * 60);

/// The first wait after a failure, and the longest.
const RETRY: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(6 * 3600));

/// How long a tunnel lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Life {
    /// How long it lives after its last use.
    pub own: Duration,
    /// When it ends as things are, if the service tells.
    pub ends: Option<Timestamp>,
}

/// What to do about a tunnel's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing, for so long.
    Wait(Duration),
    /// Give it its whole life again.
    Renew(Duration),
}

impl Life {
    /// Of a tunnel as the service's API tells it, where an absent life is the usual one.
    pub fn of(tunnel: &Tunnel) -> Self {
        let own = tunnel.custom_expiration.map(|seconds| Duration::from_secs(seconds.into()));
        Self { own: own.filter(|own| !own.is_zero()).unwrap_or(UNSET), ends: tunnel.expiration }
    }

    /// What is to be done at `wall`.
    pub fn step(self, wall: Timestamp) -> Step {
        let left =
            self.ends.map(|ends| Duration::try_from(ends.duration_since(wall)).unwrap_or_default());
        match left {
            Some(left) if left > self.own / 2 => Step::Wait(bounded(left - self.own / 2)),
            _ => Step::Renew(self.own),
        }
    }
}

/// Keeps one tunnel from running out while it is hosted.
#[derive(Debug)]
pub struct Renewal {
    next: Option<Instant>,
    backoff: Backoff,
}

impl Default for Renewal {
    fn default() -> Self {
        Self::new()
    }
}

impl Renewal {
    /// One that looks at nothing until it is told to begin.
    pub fn new() -> Self {
        Self { next: None, backoff: Backoff::new(RETRY.0, 2, RETRY.1) }
    }

    /// The tunnel is hosted: its life is looked at soon.
    pub fn begin(&mut self, now: Instant) {
        self.next.get_or_insert(now);
    }

    /// When the tunnel's life is to be looked at next.
    pub fn due(&self) -> Option<Instant> {
        self.next
    }

    /// The look has begun; its end is reported by one of the next two.
    pub fn started(&mut self) {
        self.next = None;
    }

    /// The tunnel was looked at, and renewed if [`Life::step`] said so.
    pub fn done(&mut self, step: Step, now: Instant) {
        self.backoff.reset();
        let wait = match step {
            Step::Wait(wait) => wait,
            Step::Renew(own) => bounded(own / 2),
        };
        self.next = Some(now + wait);
    }

    /// It failed; returns how long it will be until the next try. `random` is any number, evenly drawn.
    pub fn failed(&mut self, now: Instant, random: u64) -> Duration {
        let wait = self.backoff.next(random);
        self.next = Some(now + wait);
        wait
    }
}

fn bounded(wait: Duration) -> Duration {
    wait.clamp(LOOK_BEFORE, LOOK_AFTER)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn life(own: Duration, left: Option<Duration>) -> Step {
        let wall: Timestamp = "2026-01-01T12:00:00Z".parse().unwrap();
        let ends = left.map(|left| wall.checked_add(left).unwrap());
        Life { own, ends }.step(wall)
    }

    #[test]
    fn half_of_a_life_is_let_pass() {
        let own = 10 * 24 * HOUR;
        assert_eq!(life(own, Some(own)), Step::Wait(24 * HOUR), "looked at each day");
        assert_eq!(life(own, Some(own / 2 + HOUR)), Step::Wait(HOUR));
        assert_eq!(life(own, Some(own / 2)), Step::Renew(own));
        assert_eq!(life(own, Some(Duration::ZERO)), Step::Renew(own));
        assert_eq!(life(HOUR, Some(HOUR / 2 + Duration::from_secs(1))), Step::Wait(LOOK_BEFORE));
    }

    #[test]
    fn a_tunnel_keeps_its_own_life() {
        let mut tunnel = Tunnel { custom_expiration: Some(4 * 3600), ..Tunnel::default() };
        assert_eq!(Life::of(&tunnel), Life { own: 4 * HOUR, ends: None });
        assert_eq!(
            life(4 * HOUR, None),
            Step::Renew(4 * HOUR),
            "an end that nobody tells may be near"
        );
        tunnel.custom_expiration = None;
        assert_eq!(Life::of(&tunnel).own, UNSET);
    }

    #[test]
    fn a_failure_is_tried_again_ever_more_rarely() {
        let now = Instant::now();
        let mut renewal = Renewal::new();
        assert_eq!(renewal.due(), None);
        renewal.begin(now);
        renewal.begin(now + HOUR);
        assert_eq!(renewal.due(), Some(now));
        renewal.started();
        assert_eq!(renewal.due(), None);
        let waits: Vec<_> = (0..12).map(|_| renewal.failed(now, u64::MAX)).collect();
        assert!(waits.is_sorted() && waits[0] <= RETRY.0 && waits[11] <= RETRY.1, "{waits:?}");
        assert_eq!(renewal.due(), Some(now + waits[11]));
        renewal.done(Step::Renew(HOUR), now);
        assert_eq!(renewal.due(), Some(now + HOUR / 2));
        assert!(renewal.failed(now, u64::MAX) <= RETRY.0, "a success is a new beginning");
    }
}
