//! One channel's credit, both ways (RFC 4254 section 5.2), as arithmetic without a wire.

use std::{
    fmt,
    time::{Duration, Instant},
};

use bytes::Bytes;

use super::{Error, Pieces};

/// Our number of a channel. Numbers are never used twice in a session, because peers free a
/// channel at either side's CLOSE and a late one must not hit its successor.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChannelId(pub(super) u32);

impl fmt::Debug for ChannelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

/// How much a session takes in before its owner has used it.
///
/// All channels together have [`Limits::session_window`], or the session's share of its
/// [`Budget`](super::Budget) if that is less. What full means: new channels start with less, used
/// windows are not given back whole, and each channel keeps a minimum with which it goes on. So a
/// session has [`Limits::session_window`] and [`Limits::min_window`] for each of
/// [`Limits::channels`] at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Credit of a new channel while half of the session's is not given out, in bytes.
    pub initial_window: u32,
    /// What a channel's credit may grow to where demand was measured, in bytes.
    pub max_window: u32,
    /// Credit of all channels together before used credit is kept back, in bytes.
    pub session_window: usize,
    /// Credit of a new channel while more than half of the session's is given out, and what is
    /// left to others of a session that is at its limit, in bytes.
    pub low_window: u32,
    /// Credit of a new channel while the session is at its limit, and what is left to others while
    /// the whole budget is used up, in bytes.
    pub min_window: u32,
    /// Channels at once, both sides' together; beyond it an open is refused with
    /// `resourceShortage`.
    pub channels: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            initial_window: 256 * 1024,
            max_window: 8 * 1024 * 1024,
            session_window: 16 * 1024 * 1024,
            low_window: 32 * 1024,
            min_window: 4 * 1024,
            channels: 4096,
        }
    }
}

/// What we granted the peer and what became of it.
#[derive(Debug)]
pub(super) struct Inbound {
    /// Bytes that the peer may still send.
    granted: u32,
    /// Bytes received that our owner has not used yet.
    buffered: u32,
    /// Bytes used whose credit was not returned yet.
    owed: u32,
    /// granted + buffered + owed: the window's present size.
    size: u32,
    returned_at: Option<Instant>,
}

/// What the session as a whole allows a channel at this moment.
pub(super) struct Demand {
    pub(super) now: Instant,
    /// Shortest round trip seen, where one was measured.
    pub(super) round_trip: Option<Duration>,
    /// Bytes by which this window may grow; negative when the session is over its limit.
    pub(super) room: i64,
    pub(super) max_window: u32,
    /// What a window keeps of its size however far the session is over its limit.
    pub(super) floor: u32,
}

impl Inbound {
    pub(super) fn new(window: u32) -> Self {
        Self { granted: window, buffered: 0, owed: 0, size: window, returned_at: None }
    }

    pub(super) fn size(&self) -> u32 {
        self.size
    }

    /// Bytes received that our owner has not used yet.
    pub(super) fn buffered(&self) -> usize {
        self.buffered as usize
    }

    /// Our owner will not use what it has; it is owed like used bytes.
    pub(super) fn discard(&mut self) {
        self.owed += std::mem::take(&mut self.buffered);
    }

    pub(super) fn received(&mut self, n: usize) -> Result<(), Error> {
        let n = u32::try_from(n).map_err(|_| Error::Packet("it is longer than 1 MiB"))?;
        self.granted = self
            .granted
            .checked_sub(n)
            .ok_or(Error::Protocol("a channel sent more than it had credit for"))?;
        self.buffered += n;
        Ok(())
    }

    /// Takes note that the owner used `n` bytes; returns the WINDOW_ADJUST that is due, or 0.
    ///
    /// Credit goes back in halves of the window. A window used up within two round trips by an
    /// owner that keeps up is doubled: then it is the window that holds the peer back. Windows of a
    /// session over its limit shrink by keeping what they owe, until it is not.
    pub(super) fn consumed(&mut self, n: usize, demand: &Demand) -> u32 {
        let n = u32::try_from(n).unwrap_or(u32::MAX).min(self.buffered);
        self.buffered -= n;
        self.owed += n;
        if demand.room < 0 && self.size > demand.floor {
            let excess = u32::try_from(-demand.room).unwrap_or(u32::MAX);
            let kept = self.owed.min(self.size - demand.floor).min(excess);
            self.owed -= kept;
            self.size -= kept;
        }
        if self.owed < self.size / 2 {
            return 0;
        }
        let mut adjust = self.owed;
        if self.is_starving(demand) {
            let growth = i64::from(self.size).min(i64::from(demand.max_window - self.size));
            let growth = growth.min(demand.room).max(0) as u32;
            adjust += growth;
            self.size += growth;
        }
        self.owed = 0;
        self.granted += adjust;
        self.returned_at = Some(demand.now);
        adjust
    }

    fn is_starving(&self, demand: &Demand) -> bool {
        let (Some(round_trip), Some(before)) = (demand.round_trip, self.returned_at) else {
            return false;
        };
        self.size < demand.max_window
            && self.buffered <= self.size / 4
            && demand.now.saturating_duration_since(before) < 2 * round_trip
    }
}

/// What is sent once the queue is empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Finish {
    No,
    Eof,
    /// Both directions have ended: the peer is told so in two words, since CLOSE alone could
    /// mean that this side gave up.
    EofAndClose,
    Close,
}

/// What waits to be sent, and the peer's credit for it.
#[derive(Debug)]
pub(super) struct Outbound {
    window: u64,
    max_packet: usize,
    queue: Pieces,
    pub(super) finish: Finish,
    pub(super) eof_sent: bool,
}

/// The next thing a channel has to say.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    Data(Bytes),
    Eof,
    Close,
    Nothing,
}

impl Outbound {
    /// Before the peer confirmed: no credit.
    pub(super) fn closed() -> Self {
        Self {
            window: 0,
            max_packet: 0,
            queue: Pieces::default(),
            finish: Finish::No,
            eof_sent: false,
        }
    }

    /// The peer said how much it takes; a packet of less than one byte would never move.
    pub(super) fn open(&mut self, window: u32, max_packet: u32, ours: usize) {
        self.window = u64::from(window);
        self.max_packet = (max_packet.max(1) as usize).min(ours);
    }

    pub(super) fn push(&mut self, data: Bytes) {
        if self.finish == Finish::No {
            self.queue.push_sent(data);
        }
    }

    pub(super) fn adjust(&mut self, n: u32) -> Result<(), Error> {
        self.window += u64::from(n);
        if self.window > u64::from(u32::MAX) {
            return Err(Error::Protocol("a window grew beyond 2^32 - 1 bytes"));
        }
        Ok(())
    }

    /// Throws away what the peer does not take.
    pub(super) fn abandon(&mut self) {
        self.queue.clear();
    }

    pub(super) fn queued(&self) -> usize {
        self.queue.len()
    }

    /// Whether [`Outbound::next`] has something to say.
    pub(super) fn is_ready(&self) -> bool {
        match self.queue.is_empty() {
            false => self.window > 0 && self.max_packet > 0,
            true => match self.finish {
                Finish::No => false,
                Finish::Eof => !self.eof_sent && self.max_packet > 0,
                Finish::EofAndClose | Finish::Close => true,
            },
        }
    }

    pub(super) fn next(&mut self) -> Next {
        if !self.is_ready() {
            return Next::Nothing;
        }
        let room = self.max_packet.min(usize::try_from(self.window).unwrap_or(usize::MAX));
        let Some(data) = self.queue.take(room) else {
            return match self.finish {
                Finish::Close => Next::Close,
                Finish::EofAndClose if self.eof_sent => Next::Close,
                _ => {
                    self.eof_sent = true;
                    Next::Eof
                }
            };
        };
        self.window -= data.len() as u64;
        Next::Data(data)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ssh::test_clock;

    fn demand(now: Instant, room: i64) -> Demand {
        let round_trip = Some(Duration::from_millis(50));
        Demand { now, round_trip, room, max_window: 1 << 20, floor: 1000 }
    }

    #[test]
    fn credit_goes_back_in_halves() {
        let now = test_clock::start();
        let mut inbound = Inbound::new(1000);
        inbound.received(900).unwrap();
        assert_eq!(inbound.consumed(400, &demand(now, 0)), 0);
        assert_eq!(inbound.consumed(100, &demand(now, 0)), 500);
        assert!(inbound.received(601).is_err(), "100 were left and 500 came back");
    }

    #[test]
    fn a_window_used_up_within_a_round_trip_grows_and_a_slow_one_does_not() {
        let now = test_clock::start();
        let mut fast = Inbound::new(1000);
        let mut slow = Inbound::new(1000);
        for step in 0..4 {
            for (inbound, pace) in [(&mut fast, 20), (&mut slow, 200)] {
                let half = inbound.size() as usize / 2;
                inbound.received(half).unwrap();
                let at = now + Duration::from_millis(step * pace);
                assert!(inbound.consumed(half, &demand(at, 1 << 20)) >= half as u32);
            }
        }
        assert_eq!((fast.size(), slow.size()), (8000, 1000));
    }

    #[test]
    fn a_window_shrinks_while_the_session_is_over_its_limit_but_keeps_its_floor() {
        let now = test_clock::start();
        let mut inbound = Inbound::new(1000);
        for _ in 0..2 {
            let half = inbound.size() as usize / 2;
            inbound.received(half).unwrap();
            inbound.consumed(half, &demand(now, 3000));
        }
        assert_eq!(inbound.size(), 2000);
        inbound.received(1500).unwrap();
        assert_eq!(inbound.consumed(1500, &demand(now, -300)), 1200, "only what is too much");
        assert_eq!(inbound.size(), 1700);
        inbound.received(1500).unwrap();
        assert_eq!(inbound.consumed(1500, &demand(now, i64::MIN + 1)), 800);
        assert_eq!(inbound.size(), 1000);
        inbound.received(1000).unwrap();
        assert_eq!(inbound.consumed(1000, &demand(now, i64::MIN + 1)), 1000, "it goes on");
    }

    #[test]
    fn data_waits_for_credit_and_close_waits_for_data() {
        let mut outbound = Outbound::closed();
        outbound.push(Bytes::from(vec![1; 70]));
        outbound.finish = Finish::Close;
        assert_eq!(outbound.next(), Next::Nothing);
        outbound.open(50, 40, 1000);
        assert_eq!(outbound.next(), Next::Data(Bytes::from(vec![1; 40])));
        assert_eq!(outbound.next(), Next::Data(Bytes::from(vec![1; 10])));
        assert_eq!(outbound.next(), Next::Nothing);
        outbound.adjust(100).unwrap();
        assert_eq!(outbound.next(), Next::Data(Bytes::from(vec![1; 20])));
        assert_eq!(outbound.next(), Next::Close);
    }
}
