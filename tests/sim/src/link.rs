//! A connection between two machines: bytes in order, each direction with a delay and a limited buffer.
//!
//! It behaves as TCP does towards its users: bytes are never lost, doubled or reordered while it stands. What can
//! go wrong is that they come late, not any more, or that one end is not told that the other is gone.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;

/// One end of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// The host's or the client's.
    Near,
    /// The relay's.
    Far,
}

impl Side {
    pub(crate) fn other(self) -> Side {
        match self {
            Side::Near => Side::Far,
            Side::Far => Side::Near,
        }
    }
}

/// Names a link. Never used twice in a world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct LinkId(pub(crate) u64);

/// What arrives at an end.
#[derive(Debug)]
pub(crate) enum Item {
    Bytes(Bytes),
    /// The other end closed, after everything it sent.
    End,
    /// The connection broke; what was on its way is lost.
    Reset,
}

#[derive(Debug, Default)]
struct Pipe {
    items: VecDeque<(Duration, Item)>,
    bytes: usize,
    last: Duration,
}

/// A connection.
#[derive(Debug)]
pub(crate) struct Link {
    to_far: Pipe,
    to_near: Pipe,
    /// Bytes on their way in one direction before the sender has to wait.
    room: usize,
    /// How many reasons there are for nothing to arrive, of which nobody is told. Bytes wait for the end of it.
    pub(crate) silent: u32,
    /// Since when nothing arrives, for whatever reason.
    pub(crate) silent_since: Option<Duration>,
    /// Nothing will ever arrive any more, and nobody is told.
    pub(crate) dead: bool,
}

impl Link {
    pub(crate) fn new(room: usize) -> Link {
        Link {
            to_far: Pipe::default(),
            to_near: Pipe::default(),
            room,
            silent: 0,
            silent_since: None,
            dead: false,
        }
    }

    fn pipe(&mut self, to: Side) -> &mut Pipe {
        match to {
            Side::Near => &mut self.to_near,
            Side::Far => &mut self.to_far,
        }
    }

    /// How many bytes `from` may send before it has to wait.
    pub(crate) fn room(&mut self, from: Side) -> usize {
        let room = self.room;
        room.saturating_sub(self.pipe(from.other()).bytes)
    }

    /// Sends something to `to`; returns when it arrives, never before what was sent earlier.
    pub(crate) fn send(&mut self, to: Side, item: Item, arrives: Duration) -> Duration {
        let pipe = self.pipe(to);
        let arrives = arrives.max(pipe.last);
        pipe.last = arrives;
        if let Item::Bytes(bytes) = &item {
            pipe.bytes += bytes.len();
        }
        pipe.items.push_back((arrives, item));
        arrives
    }

    /// Breaks the connection for `to`: what was on its way is lost.
    pub(crate) fn reset(&mut self, to: Side, arrives: Duration) -> Duration {
        let pipe = self.pipe(to);
        pipe.items.clear();
        pipe.bytes = 0;
        pipe.last = Duration::ZERO;
        self.send(to, Item::Reset, arrives)
    }

    /// Takes what has arrived at `to`.
    pub(crate) fn receive(&mut self, to: Side, now: Duration) -> Option<Item> {
        if self.silent > 0 || self.dead {
            return None;
        }
        let pipe = self.pipe(to);
        if pipe.items.front()?.0 > now {
            return None;
        }
        let (_, item) = pipe.items.pop_front()?;
        if let Item::Bytes(bytes) = &item {
            pipe.bytes -= bytes.len();
        }
        Some(item)
    }
}
