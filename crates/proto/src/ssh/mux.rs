//! The channels of a session: their table, their turns and the messages 90 to 100
//! (RFC 4254 section 5).

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;

use super::{
    Account, Budget, ChannelId, Error, Limits, Pieces,
    channel::{Demand, Finish, Inbound, Next, Outbound},
    codec::{Reader, Writer},
    open_failure,
    packet::Packet,
    pieces,
    session::Event,
};

pub(super) const CHANNEL_OPEN: u8 = 90;
const OPEN_CONFIRMATION: u8 = 91;
const OPEN_FAILURE: u8 = 92;
const WINDOW_ADJUST: u8 = 93;
pub(super) const CHANNEL_DATA: u8 = 94;
const EXTENDED_DATA: u8 = 95;
const CHANNEL_EOF: u8 = 96;
const CHANNEL_CLOSE: u8 = 97;
const CHANNEL_REQUEST: u8 = 98;
const CHANNEL_SUCCESS: u8 = 99;
const CHANNEL_FAILURE: u8 = 100;

/// Data per packet towards peers that advertise 32 KiB and mean it.
const FOREIGN_PACKET: usize = 32 * 1024;
/// Data per packet between Adit's own peers: fewer, larger packets cost less.
const OWN_PACKET: usize = 128 * 1024;
/// A peer without half-close gets CLOSE when nothing moved on a half-closed channel for this long;
/// one that takes nothing of what was sent before a CLOSE gets the CLOSE without it.
const ENDING_IDLE: Duration = Duration::from_secs(30);
/// A channel that was given up before the peer answered keeps its place for this long, so that
/// those who ask and give up cannot have the peer work on more than a session's channels at once.
const UNANSWERED: Duration = Duration::from_secs(30);
/// What follows the standard fields of an open, in bytes: two addresses and a token.
const MAX_EXTRA: usize = 16 * 1024;
/// Places that an empty queue keeps.
const KEEP: usize = 64;

/// Why the peer, or this side, refused a channel (RFC 4254 section 5.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenFailure {
    /// One of [`open_failure`], or a code this list does not know.
    pub reason: u32,
    /// The peer's words.
    pub description: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// We asked.
    Opening,
    /// The peer asked.
    Asked,
    Open,
}

#[derive(Debug)]
struct Channel {
    phase: Phase,
    remote: u32,
    peer_window: (u32, u32),
    inbound: Inbound,
    outbound: Outbound,
    /// In the ready list.
    queued: bool,
    /// There is data in the events.
    untold: bool,
    /// When CLOSE replaces the EOF that this peer would not understand, or what it does not take;
    /// when a channel that was given up is not waited for any more.
    ending_until: Option<Instant>,
    eof_received: bool,
}

#[derive(Debug)]
pub(super) struct Mux {
    limits: Limits,
    /// The peer understands EOF and large packets.
    own_peer: bool,
    channels: BTreeMap<u32, Channel>,
    next: u32,
    ready: VecDeque<u32>,
    /// Credit of all channels together.
    account: Account,
    /// Bytes that our owner has not used yet, of channels that are gone.
    leftover: BTreeMap<u32, usize>,
    ending: usize,
    pub(super) round_trip: Option<Duration>,
    pub(super) events: VecDeque<Event>,
    /// Data behind the data of the same channel in `events`.
    behind: BTreeMap<u32, Pieces>,
    pub(super) control: VecDeque<Packet>,
}

impl Mux {
    pub(super) fn new(limits: Limits, budget: Arc<Budget>) -> Self {
        Self {
            limits,
            own_peer: false,
            channels: BTreeMap::new(),
            // Number 0 is left out, as Microsoft's peers do.
            next: 1,
            ready: VecDeque::new(),
            account: Account::new(budget),
            leftover: BTreeMap::new(),
            ending: 0,
            round_trip: None,
            events: VecDeque::new(),
            behind: BTreeMap::new(),
            control: VecDeque::new(),
        }
    }

    pub(super) fn set_own_peer(&mut self, own_peer: bool) {
        self.own_peer = own_peer;
    }

    pub(super) fn len(&self) -> usize {
        self.channels.len()
    }

    pub(super) fn budget(&self) -> &Arc<Budget> {
        self.account.budget()
    }

    /// Whether there is no place for another channel. One that is gone keeps its place until its
    /// bytes were used.
    fn is_full(&self) -> bool {
        self.channels.len() + self.leftover.len() >= self.limits.channels
    }

    /// The next event. A channel's data comes in its turn, all of it.
    pub(super) fn poll_event(&mut self) -> Option<Event> {
        let event = self.events.pop_front();
        if let Some(Event::Data { channel, .. }) = &event {
            let more = self.behind.get_mut(&channel.0).and_then(|pieces| pieces.take(usize::MAX));
            if let Some(data) = more {
                self.events.push_front(Event::Data { channel: *channel, data });
            } else {
                self.behind.remove(&channel.0);
                if let Some(channel) = self.channels.get_mut(&channel.0) {
                    channel.untold = false;
                }
            }
        }
        if self.events.is_empty() && self.events.capacity() > KEEP {
            self.events = VecDeque::new();
        }
        event
    }

    fn max_packet(&self) -> usize {
        if self.own_peer { OWN_PACKET } else { FOREIGN_PACKET }
    }

    /// The credit of a new channel: the less, the more the others have.
    fn window(&self) -> u32 {
        let Limits { initial_window, low_window, min_window, session_window, .. } = self.limits;
        let room = self.account.room(session_window);
        let given = self.account.promised() as i64;
        let low = low_window.min(initial_window);
        if given + i64::from(initial_window) <= (given + room) / 2 {
            initial_window
        } else if i64::from(low) <= room {
            low
        } else {
            min_window.min(low)
        }
    }

    /// What a window keeps of its size however much others have.
    fn floor(&self) -> u32 {
        let Limits { low_window, min_window, .. } = self.limits;
        if self.budget().is_full() { min_window.min(low_window) } else { low_window }
    }

    fn insert(&mut self, phase: Phase, remote: u32, peer_window: (u32, u32)) -> (u32, u32) {
        let id = self.next;
        self.next = self.next.wrapping_add(1).max(1);
        let window = self.window();
        self.account.promise(window as usize);
        let channel = Channel {
            phase,
            remote,
            peer_window,
            inbound: Inbound::new(window),
            outbound: Outbound::closed(),
            queued: false,
            untold: false,
            ending_until: None,
            eof_received: false,
        };
        self.channels.insert(id, channel);
        (id, window)
    }

    fn remove(&mut self, id: u32) {
        let Some(channel) = self.channels.remove(&id) else { return };
        self.ending -= usize::from(channel.ending_until.is_some());
        let unused = channel.inbound.buffered();
        self.account.release(channel.inbound.size() as usize - unused);
        if unused > 0 {
            self.leftover.insert(id, unused);
        }
    }

    fn send(&mut self, message: Writer) {
        self.control.push_back(Packet::payload(message.finish()));
    }

    /// Asks the peer for a channel; `extra` follows the four standard fields.
    pub(super) fn open(&mut self, kind: &[u8], extra: &[u8]) -> Option<ChannelId> {
        if self.is_full() {
            return None;
        }
        let (id, window) = self.insert(Phase::Opening, 0, (0, 0));
        let max_packet = self.max_packet() as u32;
        self.send(
            Writer::message(CHANNEL_OPEN)
                .string(kind)
                .u32(id)
                .u32(window)
                .u32(max_packet)
                .raw(extra),
        );
        Some(ChannelId(id))
    }

    pub(super) fn accept(&mut self, id: ChannelId, extra: &[u8]) {
        let ours = self.max_packet();
        let Some(channel) = self.channels.get_mut(&id.0) else { return };
        if channel.phase != Phase::Asked {
            return;
        }
        channel.phase = Phase::Open;
        let (window, max_packet) = channel.peer_window;
        channel.outbound.open(window, max_packet, ours);
        let confirmation = Writer::message(OPEN_CONFIRMATION)
            .u32(channel.remote)
            .u32(id.0)
            .u32(channel.inbound.size())
            .u32(ours as u32)
            .raw(extra);
        self.send(confirmation);
        self.schedule(id.0);
    }

    pub(super) fn reject(&mut self, id: ChannelId, failure: &OpenFailure) {
        let Some(channel) = self.channels.get(&id.0) else { return };
        if channel.phase != Phase::Asked {
            return;
        }
        let remote = channel.remote;
        self.remove(id.0);
        self.refuse(remote, failure);
    }

    fn refuse(&mut self, remote: u32, failure: &OpenFailure) {
        self.send(
            Writer::message(OPEN_FAILURE)
                .u32(remote)
                .u32(failure.reason)
                .string(failure.description.as_bytes())
                .string(b""),
        );
    }

    pub(super) fn push(&mut self, id: ChannelId, data: Bytes, now: Instant) {
        let Some(channel) = self.channels.get_mut(&id.0) else { return };
        channel.outbound.push(data);
        channel.touch(now);
        self.schedule(id.0);
    }

    /// Ends our direction. A peer without half-close is told nothing until the other direction
    /// ends or has been idle: its reader would take EOF for the end of both, or for nothing.
    pub(super) fn eof(&mut self, id: ChannelId, now: Instant) {
        let own_peer = self.own_peer;
        let Some(channel) = self.channels.get_mut(&id.0) else { return };
        if channel.outbound.finish != Finish::No || channel.ending_until.is_some() {
            return;
        }
        if channel.eof_received && own_peer {
            channel.outbound.finish = Finish::EofAndClose;
        } else if channel.eof_received {
            channel.outbound.finish = Finish::Close;
        } else if own_peer {
            channel.outbound.finish = Finish::Eof;
        } else {
            channel.ending_until = Some(now + ENDING_IDLE);
            self.ending += 1;
            // The queue still drains; what follows it is decided later.
            return self.schedule(id.0);
        }
        self.schedule(id.0);
    }

    /// Our owner is done with a channel: it uses nothing more of it.
    pub(super) fn close(&mut self, id: ChannelId, now: Instant) {
        if let Some(unused) = self.leftover.remove(&id.0) {
            self.account.let_go(unused);
            self.account.release(unused);
        }
        if let Some(channel) = self.channels.get_mut(&id.0) {
            self.account.let_go(channel.inbound.buffered());
            channel.inbound.discard();
        }
        self.end(id, now);
    }

    /// Ends both directions, once what is queued was sent or the peer takes no more of it.
    fn end(&mut self, id: ChannelId, now: Instant) {
        let Some(channel) = self.channels.get_mut(&id.0) else { return };
        channel.outbound.finish = Finish::Close;
        match channel.phase {
            Phase::Open => {
                if channel.outbound.queued() > 0 {
                    self.ending += usize::from(channel.ending_until.is_none());
                    channel.ending_until = Some(now + ENDING_IDLE);
                }
                self.schedule(id.0);
            }
            Phase::Asked => {
                let description = "the channel was given up".to_owned();
                self.reject(id, &OpenFailure { reason: open_failure::CONNECT_FAILED, description });
            }
            // The confirmation is still to come; it is answered with CLOSE.
            Phase::Opening => {
                self.ending += usize::from(channel.ending_until.is_none());
                channel.ending_until = Some(now + UNANSWERED);
            }
        }
    }

    pub(super) fn consumed(&mut self, id: ChannelId, n: usize, now: Instant) {
        let demand = Demand {
            now,
            round_trip: self.round_trip,
            room: self.account.room(self.limits.session_window),
            max_window: self.limits.max_window,
            floor: self.floor(),
        };
        let Some(channel) = self.channels.get_mut(&id.0) else { return self.used_up(id.0, n) };
        let before = channel.inbound.size() as usize;
        self.account.let_go(n.min(channel.inbound.buffered()));
        let adjust = channel.inbound.consumed(n, &demand);
        let after = channel.inbound.size() as usize;
        self.account.promise(after.saturating_sub(before));
        self.account.release(before.saturating_sub(after));
        let remote = channel.remote;
        let gone = channel.eof_received;
        if adjust > 0 && !gone {
            self.send(Writer::message(WINDOW_ADJUST).u32(remote).u32(adjust));
        }
    }

    /// Takes note that bytes of a channel that is gone were used.
    fn used_up(&mut self, id: u32, n: usize) {
        let Some(unused) = self.leftover.get_mut(&id) else { return };
        let n = n.min(*unused);
        *unused -= n;
        if *unused == 0 {
            self.leftover.remove(&id);
        }
        self.account.let_go(n);
        self.account.release(n);
    }

    /// Bytes waiting on a channel for the peer's credit or the socket.
    pub(super) fn queued(&self, id: ChannelId) -> usize {
        self.channels.get(&id.0).map_or(0, |channel| channel.outbound.queued())
    }

    /// Whether any channel has something to say that the peer has not been told yet.
    pub(super) fn has_unsent(&self) -> bool {
        self.channels
            .values()
            .any(|channel| channel.outbound.queued() > 0 || channel.outbound.is_ready())
    }

    fn schedule(&mut self, id: u32) {
        if let Some(channel) = self.channels.get_mut(&id)
            && !channel.queued
            && channel.phase == Phase::Open
            && channel.outbound.is_ready()
        {
            channel.queued = true;
            self.ready.push_back(id);
        }
    }

    /// The next packet of the channels: one each in turn, so that none starves another.
    pub(super) fn poll_transmit(&mut self) -> Option<Packet> {
        while let Some(id) = self.ready.pop_front() {
            let Some(channel) = self.channels.get_mut(&id) else { continue };
            channel.queued = false;
            let remote = channel.remote;
            let packet = match channel.outbound.next() {
                Next::Nothing => continue,
                Next::Data(data) => Packet::data(id, remote, data),
                Next::Eof => Packet::payload(Writer::message(CHANNEL_EOF).u32(remote).finish()),
                Next::Close => {
                    self.remove(id);
                    return Some(Packet::payload(
                        Writer::message(CHANNEL_CLOSE).u32(remote).finish(),
                    ));
                }
            };
            self.schedule(id);
            return Some(packet);
        }
        None
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        if self.ending == 0 {
            return None;
        }
        self.channels.values().filter_map(|channel| channel.ending_until).min()
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) {
        if self.ending == 0 {
            return;
        }
        let due: Vec<u32> = self
            .channels
            .iter()
            .filter(|(_, channel)| channel.ending_until.is_some_and(|until| until <= now))
            .map(|(&id, _)| id)
            .collect();
        for id in due {
            self.clear_ending(id);
            let Some(channel) = self.channels.get_mut(&id) else { continue };
            if channel.outbound.finish != Finish::Close {
                self.end(ChannelId(id), now);
                self.events.push_back(Event::Closed { channel: ChannelId(id) });
            } else if channel.phase == Phase::Opening {
                self.remove(id);
            } else {
                channel.outbound.abandon();
                self.schedule(id);
            }
        }
    }

    fn clear_ending(&mut self, id: u32) {
        if let Some(channel) = self.channels.get_mut(&id)
            && channel.ending_until.take().is_some()
        {
            self.ending -= 1;
        }
    }

    /// Handles messages 90 to 100; `Ok(false)` for numbers that are none of them.
    pub(super) fn receive(&mut self, payload: Bytes, now: Instant) -> Result<bool, Error> {
        let mut reader = Reader::new(payload);
        match reader.u8()? {
            CHANNEL_OPEN => self.on_open(reader)?,
            OPEN_CONFIRMATION => self.on_confirmation(reader)?,
            OPEN_FAILURE => self.on_failure(reader)?,
            WINDOW_ADJUST => {
                let id = reader.u32()?;
                let n = reader.u32()?;
                if let Some(channel) = self.known(id)? {
                    channel.outbound.adjust(n)?;
                    channel.touch(now);
                    self.schedule(id);
                }
            }
            CHANNEL_DATA => {
                let id = reader.u32()?;
                let data = reader.string()?;
                if !reader.is_empty() {
                    return Err(Error::Message("there is something behind a channel's data"));
                }
                self.on_data(id, data, now)?;
            }
            // No tunnel uses a second stream; its bytes count against the window all the same.
            EXTENDED_DATA => {
                let id = reader.u32()?;
                reader.u32()?;
                let n = reader.string()?.len();
                if let Some(channel) = self.known(id)? {
                    channel.inbound.received(n)?;
                    self.account.hold(n);
                    self.consumed(ChannelId(id), n, now);
                }
            }
            CHANNEL_EOF => {
                let id = reader.u32()?;
                self.on_eof(id)?;
            }
            CHANNEL_CLOSE => {
                let id = reader.u32()?;
                self.on_close(id)?;
            }
            CHANNEL_REQUEST => {
                let id = reader.u32()?;
                reader.string()?;
                let want_reply = reader.bool()?;
                // exit-signal before CLOSE is the only one that peers send; it needs no answer.
                if let Some(channel) = self.known(id)?
                    && want_reply
                {
                    let failure = Writer::message(CHANNEL_FAILURE).u32(channel.remote);
                    self.send(failure);
                }
            }
            CHANNEL_SUCCESS | CHANNEL_FAILURE => {}
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// The channel, `None` if it was freed already, an error if it never was.
    fn known(&mut self, id: u32) -> Result<Option<&mut Channel>, Error> {
        if id == 0 || id >= self.next {
            return Err(Error::Protocol("a message for a channel that never was"));
        }
        Ok(self.channels.get_mut(&id))
    }

    fn on_open(&mut self, mut reader: Reader) -> Result<(), Error> {
        let kind = reader.string()?;
        let remote = reader.u32()?;
        let peer_window = (reader.u32()?, reader.u32()?);
        let payload = reader.rest();
        if kind.len() + payload.len() > MAX_EXTRA {
            return Err(Error::Message("a channel's open is longer than 16 KiB"));
        }
        if self.is_full() {
            let failure = OpenFailure {
                reason: open_failure::RESOURCE_SHORTAGE,
                description: "too many connections at once on this session".into(),
            };
            self.refuse(remote, &failure);
            return Ok(());
        }
        let (id, _) = self.insert(Phase::Asked, remote, peer_window);
        // What is kept for as long as the channel opens must not keep more than itself.
        let (kind, payload) = (pieces::alone(kind), pieces::alone(payload));
        self.events.push_back(Event::Open { channel: ChannelId(id), kind, payload });
        Ok(())
    }

    fn on_confirmation(&mut self, mut reader: Reader) -> Result<(), Error> {
        let id = reader.u32()?;
        let remote = reader.u32()?;
        let (window, max_packet) = (reader.u32()?, reader.u32()?);
        let ours = self.max_packet();
        let Some(channel) = self.known(id)? else {
            // It was given up and is not waited for any more.
            self.send(Writer::message(CHANNEL_CLOSE).u32(remote));
            return Ok(());
        };
        if channel.phase != Phase::Opening {
            return Err(Error::Protocol("a second confirmation of a channel"));
        }
        channel.phase = Phase::Open;
        channel.remote = remote;
        channel.outbound.open(window, max_packet, ours);
        if channel.outbound.finish == Finish::Close {
            // Our side gave up while it was opening.
            self.schedule(id);
            return Ok(());
        }
        self.schedule(id);
        let payload = reader.rest();
        self.events.push_back(Event::Opened { channel: ChannelId(id), payload });
        Ok(())
    }

    fn on_failure(&mut self, mut reader: Reader) -> Result<(), Error> {
        let id = reader.u32()?;
        let reason = reader.u32()?;
        // Some peers end the message here.
        let description = reader.text().unwrap_or_default();
        let Some(channel) = self.known(id)? else { return Ok(()) };
        if channel.phase != Phase::Opening {
            return Err(Error::Protocol("an open failure for a channel that is open"));
        }
        let given_up = channel.outbound.finish == Finish::Close;
        self.remove(id);
        if !given_up {
            let failure = OpenFailure { reason, description };
            self.events.push_back(Event::OpenFailed { channel: ChannelId(id), failure });
        }
        Ok(())
    }

    fn on_data(&mut self, id: u32, data: Bytes, now: Instant) -> Result<(), Error> {
        let Some(channel) = self.known(id)? else { return Ok(()) };
        if channel.phase != Phase::Open {
            return Err(Error::Protocol("data on a channel that is not open"));
        }
        if channel.eof_received {
            return Err(Error::Protocol("data after EOF"));
        }
        channel.inbound.received(data.len())?;
        channel.touch(now);
        let untold = channel.untold;
        let discarded = channel.outbound.finish == Finish::Close;
        if !discarded && !data.is_empty() {
            channel.untold = true;
        }
        self.account.hold(data.len());
        if discarded {
            // We are closing; nobody reads this any more.
            self.consumed(ChannelId(id), data.len(), now);
        } else if untold {
            self.behind.entry(id).or_default().push(data);
        } else if !data.is_empty() {
            let data = pieces::alone(data);
            self.events.push_back(Event::Data { channel: ChannelId(id), data });
        }
        Ok(())
    }

    fn on_eof(&mut self, id: u32) -> Result<(), Error> {
        let own_peer = self.own_peer;
        let Some(channel) = self.known(id)? else { return Ok(()) };
        if channel.eof_received {
            return Ok(());
        }
        channel.eof_received = true;
        if channel.outbound.finish == Finish::Close {
            return Ok(());
        }
        if channel.outbound.finish == Finish::Eof || channel.ending_until.is_some() {
            channel.outbound.finish = if own_peer { Finish::EofAndClose } else { Finish::Close };
            self.clear_ending(id);
            self.schedule(id);
        }
        self.events.push_back(Event::Eof { channel: ChannelId(id) });
        Ok(())
    }

    /// CLOSE ends the channel at once on both sides: Microsoft's peers neither answer it nor
    /// read what comes after, so nothing of ours that still waits could be delivered.
    fn on_close(&mut self, id: u32) -> Result<(), Error> {
        let Some(channel) = self.known(id)? else { return Ok(()) };
        let (phase, remote) = (channel.phase, channel.remote);
        if phase == Phase::Opening {
            return Err(Error::Protocol("CLOSE before a channel was confirmed"));
        }
        self.remove(id);
        if phase == Phase::Open {
            self.send(Writer::message(CHANNEL_CLOSE).u32(remote));
        }
        self.events.push_back(Event::Closed { channel: ChannelId(id) });
        Ok(())
    }
}

impl Channel {
    /// Bytes moved: an ending channel is not idle.
    fn touch(&mut self, now: Instant) {
        if let Some(until) = &mut self.ending_until {
            *until = now + ENDING_IDLE;
        }
    }
}
