//! Virtual time, and what happens in it: one queue for the whole world.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// What is due when. Of two things due at the same moment, the one entered first comes first.
#[derive(Debug)]
pub struct Schedule<E> {
    /// The moment that stands for zero. Nothing in a world depends on which it is.
    start: Instant,
    now: Duration,
    entered: u64,
    due: BTreeMap<(Duration, u64), E>,
}

impl<E> Default for Schedule<E> {
    fn default() -> Self {
        Self::new()
    }
}

impl<E> Schedule<E> {
    /// An empty one, at the beginning.
    pub fn new() -> Self {
        Self { start: some_instant(), now: Duration::ZERO, entered: 0, due: BTreeMap::new() }
    }

    /// The time since the beginning.
    pub fn now(&self) -> Duration {
        self.now
    }

    /// The same for machines that count in instants.
    pub fn instant(&self) -> Instant {
        self.start + self.now
    }

    /// What a machine calls an instant, as a time since the beginning.
    pub fn time_of(&self, instant: Instant) -> Duration {
        instant.saturating_duration_since(self.start)
    }

    /// Has something happen then, or now if that is over.
    pub fn at(&mut self, when: Duration, event: E) {
        self.due.insert((when.max(self.now), self.entered), event);
        self.entered += 1;
    }

    /// Has something happen after a while.
    pub fn after(&mut self, delay: Duration, event: E) {
        self.at(self.now + delay, event);
    }

    /// Moves on to what is due next.
    pub fn pop(&mut self) -> Option<E> {
        let ((when, _), event) = self.due.pop_first()?;
        self.now = when;
        Some(event)
    }
}

/// A point to count from: the machines want an [`Instant`], which cannot be made up.
#[allow(clippy::disallowed_methods, reason = "worlds count from it and never read it again")]
fn some_instant() -> Instant {
    Instant::now()
}
