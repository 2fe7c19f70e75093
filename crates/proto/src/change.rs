//! Whether the computer is still where and when it was: a sleep, a clock that was set, another network.
//!
//! None of them can be waited for everywhere, but all of them show when now and then is compared. A
//! [`Detector`] is given a [`Sample`] every few seconds and says what has changed since the one before.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use jiff::Timestamp;

/// The time between two samples.
pub const EVERY: Duration = Duration::from_secs(3);
/// Clocks drift and are nudged; what is less than this is no jump.
const NUDGE: Duration = Duration::from_secs(2);
/// A sample that comes later than this was not merely late.
const LATE: Duration = Duration::from_secs(5);
/// After a jump so long, what was known of the life of tokens is worth nothing.
const AGE: Duration = Duration::from_secs(600);

/// How long a connection may take to show that it is still there, once that is in doubt.
pub const PROVE_WITHIN: Duration = Duration::from_secs(5);

/// What can be seen of time and place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// The monotonic now.
    pub now: Instant,
    /// The calendar now.
    pub wall: Timestamp,
    /// The addresses that this computer has towards others, over IPv4 and IPv6; none where no way leads out.
    pub routes: [Option<IpAddr>; 2],
}

impl Sample {
    /// Whether a way leads to others.
    pub fn has_network(&self) -> bool {
        self.routes.iter().any(Option::is_some)
    }
}

/// What has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Time went by that was not lived through, or the calendar was set: by this much, either way.
    Time(Duration),
    /// The way to others leads over another network, or there is one again.
    Network,
}

impl Change {
    /// Whether tokens should be replaced though no timer says so.
    pub fn ages_tokens(self) -> bool {
        matches!(self, Self::Time(jump) if jump >= AGE)
    }
}

/// Compares each sample with the one before.
#[derive(Debug, Default)]
pub struct Detector {
    last: Option<Sample>,
}

impl Detector {
    /// Returns one that has seen nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes in a sample; returns what it shows. Samples are [`EVERY`] so long.
    pub fn see(&mut self, sample: Sample) -> Option<Change> {
        let last = self.last.replace(sample)?;
        let lived = sample.now.saturating_duration_since(last.now);
        let told = sample.wall.duration_since(last.wall);
        let apart = told.checked_sub(lived.try_into().ok()?)?.unsigned_abs();
        // The process alone was stopped, or the computer slept and its monotonic clock went on.
        let late = lived.saturating_sub(EVERY);
        if apart >= NUDGE || late >= LATE {
            return Some(Change::Time(apart.max(late)));
        }
        let new =
            |(now, before): (&Option<IpAddr>, &Option<IpAddr>)| now.is_some() && now != before;
        sample.routes.iter().zip(&last.routes).any(new).then_some(Change::Network)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct World {
        detector: Detector,
        sample: Sample,
    }

    impl World {
        fn new() -> Self {
            let wall = Timestamp::from_second(1_000_000_000).unwrap();
            let routes = [Some("192.168.1.7".parse().unwrap()), None];
            let sample = Sample { now: Instant::now(), wall, routes };
            let mut world = Self { detector: Detector::new(), sample };
            assert_eq!(world.see(), None);
            world
        }

        fn see(&mut self) -> Option<Change> {
            self.detector.see(self.sample)
        }

        /// The next sample, after so many seconds by each clock.
        fn after(&mut self, lived: u64, told: i64) -> Option<Change> {
            self.sample.now += Duration::from_secs(lived);
            self.sample.wall += jiff::SignedDuration::from_secs(told);
            self.see()
        }
    }

    fn time(seconds: u64) -> Option<Change> {
        Some(Change::Time(Duration::from_secs(seconds)))
    }

    #[test]
    fn clocks_that_go_together_are_no_news() {
        let mut world = World::new();
        for told in [3, 4, 2, 3] {
            assert_eq!(world.after(3, told), None);
        }
        assert_eq!(world.after(6, 6), None, "a busy computer");
    }

    #[test]
    fn a_sleep_and_a_clock_that_was_set_are_told_once() {
        let mut world = World::new();
        assert_eq!(world.after(3, 3603), time(3600), "asleep, the monotonic clock stood");
        assert_eq!(world.after(3, 3), None);
        assert_eq!(world.after(63, 63), time(60), "stopped, both went on");
        assert_eq!(world.after(3, -597), time(600), "set back");
        assert_eq!(world.after(3, 3), None);
    }

    #[test]
    fn another_address_is_another_network_and_no_address_is_none() {
        let mut world = World::new();
        let home = world.sample.routes;
        world.sample.routes = [None, None];
        assert_eq!(world.after(3, 3), None, "nothing can be done without a network");
        world.sample.routes = home;
        assert_eq!(world.after(3, 3), Some(Change::Network));
        assert_eq!(world.after(3, 3), None);
        world.sample.routes[1] = Some("2001:db8::7".parse().unwrap());
        assert_eq!(world.after(3, 3), Some(Change::Network));
    }

    #[test]
    fn only_a_long_jump_ages_tokens() {
        assert!(!Change::Network.ages_tokens());
        assert!(!Change::Time(Duration::from_secs(599)).ages_tokens());
        assert!(Change::Time(Duration::from_secs(600)).ages_tokens());
    }
}
