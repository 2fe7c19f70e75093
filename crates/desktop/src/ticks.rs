//! How long the thread of the interface was kept from its events, for benchmarks and for who looks for what blocks it.
//!
//! A timer beats on that thread; how late a beat comes is how long something else took: drawing, or what should have
//! been done elsewhere. It wakes the computer each time, so it runs only where it was asked for.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use adit_wire::clock;
use slint::{Timer, TimerMode};

/// A timer of Slint counts milliseconds; this is short beside a frame, and long beside what a beat costs.
const BEAT: Duration = Duration::from_millis(4);

/// What was counted is told this often.
const TELL: Duration = Duration::from_secs(1);

/// Beats while it is kept.
pub struct Ticks {
    timer: Timer,
}

/// What was counted since it was told last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// How often it beat.
    pub beats: u32,
    /// How late the latest beat came.
    pub longest: Duration,
}

/// The count between two tellings.
#[derive(Debug)]
struct Count {
    since: Instant,
    last: Instant,
    told: Told,
}

impl Ticks {
    /// Begins to beat on this thread, and tells each second what it counted.
    pub fn start(tell: impl Fn(Told) + 'static) -> Self {
        let count = Rc::new(RefCell::new(Count::new(clock::now())));
        let timer = Timer::default();
        timer.start(TimerMode::Repeated, BEAT, move || {
            let told = count.borrow_mut().beat(clock::now());
            if let Some(told) = told {
                tell(told);
            }
        });
        Self { timer }
    }

    /// Whether it beats.
    pub fn is_running(&self) -> bool {
        self.timer.running()
    }
}

impl std::fmt::Debug for Ticks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ticks").field("is_running", &self.is_running()).finish()
    }
}

impl std::fmt::Display for Told {
    /// As a line of JSON.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let longest = self.longest.as_secs_f64() * 1e3;
        write!(f, r#"{{"beats":{},"longest_ms":{longest:.1}}}"#, self.beats)
    }
}

impl Count {
    fn new(now: Instant) -> Self {
        Self { since: now, last: now, told: Told::default() }
    }

    /// Counts a beat; what was counted, when it is time to tell.
    fn beat(&mut self, now: Instant) -> Option<Told> {
        let late = now.saturating_duration_since(self.last).saturating_sub(BEAT);
        self.told.beats += 1;
        self.told.longest = self.told.longest.max(late);
        self.last = now;
        if now.saturating_duration_since(self.since) < TELL {
            return None;
        }
        self.since = now;
        Some(std::mem::take(&mut self.told))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_beat_of_each_second_is_told() {
        let start = clock::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut count = Count::new(start);
        assert_eq!(count.beat(at(4)), None);
        assert_eq!(count.beat(at(300)), None);
        let told = count.beat(at(1_000)).unwrap();
        assert_eq!(told, Told { beats: 3, longest: Duration::from_millis(696) });
        assert_eq!(told.to_string(), r#"{"beats":3,"longest_ms":696.0}"#);
        // The next second begins from nothing.
        assert_eq!(count.beat(at(1_008)), None);
        assert_eq!(count.beat(at(2_004)).unwrap().longest, Duration::from_millis(992));
    }
}
