//! Now, as everything that decides is told it.

use std::time::{Duration, Instant};

use adit_wire::clock;
use jiff::Timestamp;

/// One moment on both clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// On the clock that never jumps: what deadlines are counted on.
    pub at: Instant,
    /// On the calendar: what is written down and shown. It may jump either way.
    pub wall: Timestamp,
}

impl Moment {
    /// This moment, for those who act.
    pub fn now() -> Self {
        Self { at: clock::now(), wall: clock::wall() }
    }

    /// This moment and `span` more, on both clocks.
    #[must_use]
    pub fn after(self, span: Duration) -> Self {
        let wall = self.wall.checked_add(span).unwrap_or(Timestamp::MAX);
        Self { at: self.at + span, wall }
    }
}
