//! What the time is for that a host has once it is told to stop.

use std::time::{Duration, Instant};

/// A host that is told to stop has ended after so long, whatever its visitors and the service do.
pub const STOP_WITHIN: Duration = Duration::from_millis(4_250);

/// Kept for the endpoint's removal, which may need a connection of its own.
const UNREGISTER: Duration = Duration::from_millis(1_000);

/// Kept for the goodbye to leave.
const FAREWELL: Duration = Duration::from_millis(250);

/// Until when each step may take. What one leaves over is the next one's.
#[derive(Clone, Copy, Debug)]
pub(super) struct Leave {
    /// What is in flight.
    pub(super) drained: Instant,
    /// The sessions, with their goodbyes.
    pub(super) gone: Instant,
    /// The endpoint, and all else.
    pub(super) over: Instant,
}

impl Leave {
    /// The steps of a host that begins to leave `now`.
    pub(super) fn new(now: Instant) -> Self {
        let over = now + STOP_WITHIN;
        let gone = over - UNREGISTER;
        Self { drained: gone - FAREWELL, gone, over }
    }
}
