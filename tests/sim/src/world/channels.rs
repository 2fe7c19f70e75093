//! What channels carry: a visitor's bytes at one end, the local server's at the other, the relay's bridges between.

use std::collections::VecDeque;

use adit_proto::relay::Role;
use adit_proto::ssh::ChannelId;
use bytes::Bytes;

use super::World;
use super::visits::{State, Visit};
use crate::brain::Flaw;
use crate::check::Invariant;
use crate::ends::{EndId, Machine};

/// Bytes that a visitor or a local server lets wait on its channel.
pub(super) const QUEUE: usize = 32 * 1024;
/// The most that is handed over at once.
pub(super) const PIECE: usize = 8 * 1024;

/// What an end of a channel is joined to.
#[derive(Debug)]
pub(super) enum Conduit {
    Visitor {
        visit: usize,
        ended: bool,
    },
    Server {
        visit: usize,
        pending: VecDeque<Bytes>,
        eof: bool,
        ended: bool,
    },
    /// The relay's other channel, and how much of what it was handed it has not sent yet.
    Bridge {
        other: (EndId, ChannelId),
        unsent: usize,
        /// This side sends no more.
        ended: bool,
    },
}

impl World {
    /// Notes what a channel is joined to.
    pub(super) fn carry(&mut self, id: EndId, channel: ChannelId, conduit: Conduit) {
        self.channels.entry(id).or_default().insert(channel, conduit);
    }

    /// A visitor's channel was confirmed, or one that bridges to it.
    pub(super) fn opened(&mut self, id: EndId, channel: ChannelId) {
        match self.conduit(id, channel) {
            Some(Conduit::Visitor { visit, .. }) => {
                let visit = *visit;
                self.visits[visit].state = State::Open;
            }
            Some(Conduit::Bridge { other, .. }) => {
                let (end, near) = *other;
                if let Some(end) = self.ends.get_mut(&end)
                    && let Machine::ClientPeer(peer) = &mut end.machine
                {
                    peer.accept(near, false);
                }
                self.dirty.insert(end);
            }
            Some(Conduit::Server { .. }) | None => {}
        }
    }

    pub(super) fn open_failed(&mut self, id: EndId, channel: ChannelId, why: &str) {
        match self.take_conduit(id, channel) {
            Some(Conduit::Visitor { visit, .. }) => self.fail_visit(visit, why),
            Some(Conduit::Bridge { other, .. }) => {
                self.take_conduit(other.0, other.1);
                self.refuse(other.0, other.1, why);
            }
            Some(Conduit::Server { .. }) | None => {}
        }
    }

    /// Bytes of a channel came.
    pub(super) fn data(&mut self, id: EndId, channel: ChannelId, data: Bytes) {
        let flaw = self.flaw;
        match self.conduit(id, channel) {
            Some(Conduit::Visitor { visit, .. }) => {
                let visit = *visit;
                let offset = self.visits[visit].received;
                self.compare(visit, offset, &data, "the visitor");
                self.visits[visit].received += data.len();
                self.summary.bytes += data.len() as u64;
                self.consumed(id, channel, data.len());
            }
            Some(Conduit::Server { visit, pending, .. }) => {
                let visit = *visit;
                pending.push_back(data.clone());
                let offset = self.visits[visit].seen;
                self.compare(visit, offset, &data, "the local server");
                self.visits[visit].seen += data.len();
            }
            Some(Conduit::Bridge { other, .. }) => {
                let other = *other;
                let data = match flaw {
                    Some(Flaw::LosesBytes) if data.len() > 3_000 => data.slice(1..),
                    _ => data,
                };
                if flaw == Some(Flaw::RepeatsBytes) && data.len() > 3_000 {
                    self.bridge(other, data.slice(..7));
                }
                if flaw == Some(Flaw::IgnoresCredit) {
                    // It lies about what the other side took.
                    self.consumed(id, channel, data.len());
                }
                self.bridge(other, data);
            }
            None => self.consumed(id, channel, data.len()),
        }
    }

    fn bridge(&mut self, to: (EndId, ChannelId), data: Bytes) {
        if let Some(Conduit::Bridge { unsent, .. }) = self.conduit(to.0, to.1) {
            *unsent += data.len();
        }
        self.push(to.0, to.1, data);
    }

    /// Compares what came with what was sent.
    fn compare(&mut self, visit: usize, offset: usize, data: &[u8], who: &str) {
        let whole = offset + data.len() <= self.visits[visit].plan.size;
        if !whole || *data != pattern(visit, offset, data.len()) {
            let text = format!("{who} of visit {visit} got something else at byte {offset}");
            self.violates(Invariant::BytesArrive, text);
        }
    }

    pub(super) fn eof(&mut self, id: EndId, channel: ChannelId) {
        match self.conduit(id, channel) {
            Some(Conduit::Visitor { visit, .. }) => {
                let visit = *visit;
                let Visit { received, plan, .. } = &self.visits[visit];
                if *received == plan.size {
                    self.served(visit);
                } else {
                    let text = format!("visit {visit} ended in good order after {received} bytes");
                    self.violates(Invariant::BytesArrive, text);
                }
            }
            Some(Conduit::Server { eof, .. }) => {
                *eof = true;
                self.dirty.insert(id);
            }
            Some(Conduit::Bridge { other, ended, .. }) => {
                *ended = true;
                let (end, channel) = *other;
                let now = self.schedule.instant();
                if let Some(end) = self.ends.get_mut(&end) {
                    end.machine.session().eof(channel, now);
                }
                self.dirty.insert(end);
            }
            None => {}
        }
    }

    pub(super) fn channel_closed(&mut self, id: EndId, channel: ChannelId) {
        let conduit = self.take_conduit(id, channel);
        self.parted(conduit, "the channel was closed");
    }

    /// Every channel of an end is gone with it.
    pub(super) fn channels_gone(&mut self, id: EndId) {
        for channel in self.conduits(id) {
            let conduit = self.take_conduit(id, channel);
            self.parted(conduit, "its session ended");
        }
    }

    fn parted(&mut self, conduit: Option<Conduit>, why: &str) {
        match conduit {
            Some(Conduit::Visitor { visit, .. }) => self.fail_visit(visit, why),
            Some(Conduit::Bridge { other, ended, .. }) => {
                let both = matches!(
                    self.conduit(other.0, other.1),
                    Some(Conduit::Bridge { ended: true, .. })
                );
                // Where both have ended in good order the other side closes by itself, and says so.
                if !(ended && both) {
                    self.close_channel(other.0, other.1);
                }
            }
            Some(Conduit::Server { .. }) | None => {}
        }
    }

    /// Lets the channels of an end go on. Returns whether there is more to send.
    pub(super) fn feed(&mut self, id: EndId) -> bool {
        let mut fed = false;
        for channel in self.conduits(id) {
            let Some(end) = self.ends.get_mut(&id) else { return false };
            let queued = end.machine.session().queued(channel);
            match self.conduit(id, channel) {
                Some(Conduit::Bridge { other, unsent, .. }) => {
                    let sent = unsent.saturating_sub(queued);
                    *unsent -= sent;
                    let other = *other;
                    if sent > 0 && self.flaw != Some(Flaw::IgnoresCredit) {
                        self.consumed(other.0, other.1, sent);
                    }
                }
                Some(Conduit::Visitor { .. }) if queued < QUEUE => fed |= self.ask(id, channel),
                Some(Conduit::Server { .. }) if queued < QUEUE => fed |= self.answer(id, channel),
                _ => {}
            }
        }
        fed
    }

    /// A visitor says more.
    fn ask(&mut self, id: EndId, channel: ChannelId) -> bool {
        let Some(Conduit::Visitor { visit, ended }) = self.conduit(id, channel) else {
            return false;
        };
        let at = *visit;
        let has_ended = *ended;
        let visit = &mut self.visits[at];
        let n = (visit.plan.size - visit.sent).min(PIECE);
        if has_ended || visit.state != State::Open {
            return false;
        }
        let from = visit.sent;
        visit.sent += n;
        if n > 0 {
            self.push(id, channel, Bytes::from(pattern(at, from, n)));
            return true;
        }
        if let Some(Conduit::Visitor { ended, .. }) = self.conduit(id, channel) {
            *ended = true;
        }
        self.end_direction(id, channel);
        true
    }

    /// The local server sends back what it got.
    fn answer(&mut self, id: EndId, channel: ChannelId) -> bool {
        let Some(Conduit::Server { pending, eof, ended, .. }) = self.conduit(id, channel) else {
            return false;
        };
        if let Some(data) = pending.pop_front() {
            let n = data.len();
            self.push(id, channel, data);
            self.consumed(id, channel, n);
            return true;
        }
        if *eof && !std::mem::replace(ended, true) {
            self.end_direction(id, channel);
            return true;
        }
        false
    }

    fn end_direction(&mut self, id: EndId, channel: ChannelId) {
        let now = self.schedule.instant();
        if let Some(end) = self.ends.get_mut(&id) {
            end.machine.session().eof(channel, now);
            self.dirty.insert(id);
        }
    }
}

/// The bytes of a visit. No two visits have the same ones, and no piece repeats soon.
fn pattern(visit: usize, offset: usize, len: usize) -> Vec<u8> {
    let byte = |at: usize| {
        let word = (at / 8 + 1).wrapping_mul(0x9e37_79b9) ^ visit.wrapping_mul(0x85eb_ca6b);
        (word >> (8 * (at % 4))) as u8 ^ (at % 8) as u8
    };
    (offset..offset + len).map(byte).collect()
}
