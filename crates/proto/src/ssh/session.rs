//! One side of one session: handshake, global requests, life signs, and the channels of
//! [`super::mux`].

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;

use super::{
    Budget, ChannelId, Error, KeepAlive, Limits, OpenFailure, Packet, SOFTWARE,
    codec::{Reader, Writer},
    keepalive::{Due, Monitor},
    kex,
    mux::{CHANNEL_OPEN, Mux},
    packet::{Decoder, Frame},
};

const DISCONNECT: u8 = 1;
const IGNORE: u8 = 2;
const UNIMPLEMENTED: u8 = 3;
const DEBUG: u8 = 4;
const GLOBAL_REQUEST: u8 = 80;
const REQUEST_SUCCESS: u8 = 81;
const REQUEST_FAILURE: u8 = 82;

const KEEPALIVE: &[u8] = b"keepalive@openssh.com";
/// Control packets waiting for the socket beyond which nothing more is read from the peer: it
/// asks faster than it listens.
const CONGESTED: usize = 1024;
/// Questions of the peer that may wait for our owner's answer at once.
const MAX_PENDING_REPLIES: usize = 1024;
/// Bytes after which a session moves data in bulk and its round trip matters.
const BULK: usize = 64 * 1024;
/// A round trip is measured again after this long, and only while data moves.
const ROUND_TRIP_AGE: Duration = Duration::from_secs(10);

/// How a session behaves.
#[derive(Debug, Clone)]
pub struct Config {
    /// What follows `SSH-2.0-` in our identification, e.g. `adit_0.1.0`.
    pub software: String,
    /// Random bytes for KEXINIT.
    pub cookie: [u8; 16],
    /// How much is taken in.
    pub limits: Limits,
    /// What this session shares with the others of its process.
    pub budget: Arc<Budget>,
    /// Ask a silent peer, or never.
    pub keep_alive: Option<KeepAlive>,
    /// Time for the peer's identification and KEXINIT.
    pub handshake_timeout: Duration,
}

impl Config {
    /// Our software name, the given random bytes, default limits, a budget without a limit, 15 s
    /// for the handshake and no keep-alive.
    pub fn new(cookie: [u8; 16]) -> Self {
        Self {
            software: format!("{SOFTWARE}_{}", env!("CARGO_PKG_VERSION")),
            cookie,
            limits: Limits::default(),
            budget: Arc::default(),
            keep_alive: None,
            handshake_timeout: Duration::from_secs(15),
        }
    }
}

/// Names one question of the peer that waits for our answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReplyToken(u64);

/// Names one question of ours that waits for the peer's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct RequestId(u64);

/// What happened in a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Both identifications and KEXINITs were exchanged.
    Ready {
        /// The peer's identification line.
        version: String,
    },
    /// SSH_MSG_GLOBAL_REQUEST; keep-alives are answered here and not shown.
    Request {
        /// The request's name.
        name: Bytes,
        /// What follows `want_reply`.
        payload: Bytes,
        /// To be answered with [`Session::reply`], in any order; absent: no answer is wanted.
        reply: Option<ReplyToken>,
    },
    /// The answer to our global request.
    Reply {
        /// Which question.
        request: RequestId,
        /// The payload of REQUEST_SUCCESS, or `Err` for REQUEST_FAILURE.
        result: Result<Bytes, ()>,
    },
    /// The peer asks for a channel: answer with accept or reject.
    Open {
        /// Our number for it.
        channel: ChannelId,
        /// The channel type.
        kind: Bytes,
        /// What follows the four standard fields.
        payload: Bytes,
    },
    /// Our channel was confirmed.
    Opened {
        /// Which channel.
        channel: ChannelId,
        /// What follows the four standard fields.
        payload: Bytes,
    },
    /// Our channel was refused and is gone.
    OpenFailed {
        /// Which channel.
        channel: ChannelId,
        /// Why.
        failure: OpenFailure,
    },
    /// Bytes; report them with [`Session::consumed`] once used.
    Data {
        /// Which channel.
        channel: ChannelId,
        /// At most what we granted.
        data: Bytes,
    },
    /// The peer sends no more on this channel.
    Eof {
        /// Which channel.
        channel: ChannelId,
    },
    /// The channel is gone, both ways.
    Closed {
        /// Which channel.
        channel: ChannelId,
    },
    /// The peer ended the session (SSH_MSG_DISCONNECT).
    Disconnected {
        /// One of [`super::disconnect`], or another code.
        reason: u32,
        /// The peer's words.
        description: String,
    },
}

/// What waits in a session, in pieces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backlog {
    /// Control packets that wait for the socket.
    pub control: usize,
    /// Events that wait for the owner.
    pub events: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Version,
    KeyExchange,
    Open,
    Closed,
}

#[derive(Debug)]
enum Asked {
    KeepAlive { at: Instant },
    Owner(RequestId),
}

/// One side of a session, driven by its owner: bytes in through [`Session::receive`], time
/// through [`Session::handle_timeout`], everything else out through the `poll_` functions.
#[derive(Debug)]
pub struct Session {
    state: State,
    decoder: Decoder,
    cookie: [u8; 16],
    version: Option<String>,
    handshake_deadline: Instant,
    monitor: Monitor,
    mux: Mux,
    /// Answers we owe, in the order of the questions; `None` until our owner has decided.
    replies: VecDeque<Option<Bytes>>,
    replied: u64,
    /// Questions we asked; RFC 4254 section 4 has them answered in order.
    asked: VecDeque<Asked>,
    requests: u64,
    round_trip_at: Option<Instant>,
    /// Bytes used since the round trip was measured.
    consumed: usize,
    received_packets: u32,
}

impl Session {
    /// A session whose identification and KEXINIT are ready to be sent.
    pub fn new(config: Config, now: Instant) -> Self {
        let mut session = Self {
            state: State::Version,
            decoder: Decoder::default(),
            cookie: config.cookie,
            version: None,
            handshake_deadline: now + config.handshake_timeout,
            monitor: Monitor::new(config.keep_alive, now),
            mux: Mux::new(config.limits, config.budget),
            replies: VecDeque::new(),
            replied: 0,
            asked: VecDeque::new(),
            requests: 0,
            round_trip_at: None,
            consumed: 0,
            received_packets: 0,
        };
        let line = format!("SSH-2.0-{}\r\n", config.software);
        session.mux.control.push_back(Packet::raw(Bytes::from(line)));
        session.send(kex::kexinit(config.cookie));
        session
    }

    /// Takes bytes from the peer. After an error the session is over: what
    /// [`Session::poll_transmit`] still gives is the DISCONNECT to be sent before closing.
    pub fn receive(&mut self, mut bytes: Bytes, now: Instant) -> Result<(), Error> {
        self.monitor.heard(now);
        while self.state != State::Closed {
            let frame = match self.decoder.decode(&mut bytes) {
                Ok(Some(frame)) => frame,
                Ok(None) => return Ok(()),
                Err(error) => return Err(self.fail(error)),
            };
            let handled = match frame {
                Frame::Version(line) => self.on_version(line),
                Frame::Payload(payload) => self.on_payload(payload, now),
            };
            if let Err(error) = handled {
                return Err(self.fail(error));
            }
        }
        Ok(())
    }

    /// Acts on the deadlines that have passed; to be called when [`Session::poll_timeout`] is due.
    pub fn handle_timeout(&mut self, now: Instant) -> Result<(), Error> {
        match self.state {
            State::Closed => return Ok(()),
            State::Open => {}
            State::Version | State::KeyExchange => {
                if now >= self.handshake_deadline {
                    return Err(self.fail(Error::Handshake));
                }
                return Ok(());
            }
        }
        match self.monitor.check(now) {
            Due::Nothing => {}
            Due::Ask => self.ask_for_life(now),
            Due::Lost => return Err(self.fail(Error::Silent)),
        }
        self.mux.handle_timeout(now);
        Ok(())
    }

    /// When [`Session::handle_timeout`] wants to be called.
    pub fn poll_timeout(&self) -> Option<Instant> {
        match self.state {
            State::Closed => None,
            State::Version | State::KeyExchange => Some(self.handshake_deadline),
            State::Open => {
                [self.monitor.deadline(), self.mux.deadline()].into_iter().flatten().min()
            }
        }
    }

    /// The next thing that happened.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.mux.poll_event()
    }

    /// The next packet to send: control first, then the channels in turn.
    pub fn poll_transmit(&mut self) -> Option<Packet> {
        if let Some(packet) = self.mux.control.pop_front() {
            return Some(packet);
        }
        if self.mux.control.capacity() > CONGESTED {
            self.mux.control = VecDeque::new();
        }
        match self.state {
            State::Open => self.mux.poll_transmit(),
            _ => None,
        }
    }

    /// Whether the peer makes us say more than it reads: then nothing should be read from it
    /// until [`Session::poll_transmit`] has caught up.
    pub fn is_congested(&self) -> bool {
        self.mux.control.len() >= CONGESTED
    }

    /// What waits in this session, for those who watch that it stays bounded. Bytes of channels are told
    /// by [`Session::queued`].
    pub fn backlog(&self) -> Backlog {
        Backlog { control: self.mux.control.len(), events: self.mux.events.len() }
    }

    /// Whether the session has ended, by either side.
    pub fn is_closed(&self) -> bool {
        self.state == State::Closed
    }

    /// Whether the peer is of Adit's own making and so knows EOF and the `@adit` requests.
    pub fn is_own_peer(&self) -> bool {
        let own = self.version.as_deref().and_then(|line| line.strip_prefix("SSH-2.0-"));
        own.is_some_and(|software| software.split('_').next() == Some(SOFTWARE))
    }

    /// Channels at this moment, opening ones included.
    pub fn channels(&self) -> usize {
        self.mux.len()
    }

    /// What this session shares with the others of its process.
    pub fn budget(&self) -> &Arc<Budget> {
        self.mux.budget()
    }

    /// Bytes waiting on a channel for credit or for the socket.
    pub fn queued(&self, channel: ChannelId) -> usize {
        self.mux.queued(channel)
    }

    /// Whether any channel has bytes, EOF or CLOSE waiting for credit or for the socket.
    pub fn has_unsent(&self) -> bool {
        self.mux.has_unsent()
    }

    /// Asks the peer for a channel of type `kind`, with `extra` behind the standard fields.
    /// `None`: this session has as many channels as it may. One that is closed before the peer
    /// answered counts until it does, for 30 s at most; a later confirmation is closed.
    pub fn open(&mut self, kind: &[u8], extra: &[u8]) -> Option<ChannelId> {
        self.mux.open(kind, extra)
    }

    /// Confirms a channel the peer asked for, with `extra` behind the standard fields.
    pub fn accept(&mut self, channel: ChannelId, extra: &[u8]) {
        self.mux.accept(channel, extra);
    }

    /// Refuses a channel the peer asked for.
    pub fn reject(&mut self, channel: ChannelId, reason: u32, description: &str) {
        self.mux.reject(channel, &OpenFailure { reason, description: description.to_owned() });
    }

    /// Queues bytes for a channel; they leave as the peer's credit allows. The owner bounds the
    /// queue by [`Session::queued`].
    pub fn push(&mut self, channel: ChannelId, data: Bytes, now: Instant) {
        self.mux.push(channel, data, now);
    }

    /// Ends our direction of a channel, once its queue is sent.
    pub fn eof(&mut self, channel: ChannelId, now: Instant) {
        self.mux.eof(channel, now);
    }

    /// Ends a channel, once its queue is sent, or after 30 s in which the peer took nothing of it.
    /// What was received and not used is not counted any more: also to be called for a channel
    /// that the peer closed, unless [`Session::consumed`] was told of all its bytes.
    pub fn close(&mut self, channel: ChannelId, now: Instant) {
        self.mux.close(channel, now);
    }

    /// Tells that `n` bytes of a channel were used, so that the peer may send as many more; also
    /// of one that has closed since, whose bytes count until then.
    pub fn consumed(&mut self, channel: ChannelId, n: usize, now: Instant) {
        self.consumed += n;
        if self.consumed >= BULK {
            self.measure_round_trip(now);
        }
        self.mux.consumed(channel, n, now);
    }

    /// Sends a global request; with `want_reply` its answer comes as [`Event::Reply`].
    pub fn request(&mut self, name: &[u8], payload: &[u8], want_reply: bool) -> RequestId {
        let id = RequestId(self.requests);
        self.requests += 1;
        if want_reply {
            self.asked.push_back(Asked::Owner(id));
        }
        self.send(
            Writer::message(GLOBAL_REQUEST).string(name).bool(want_reply).raw(payload).finish(),
        );
        id
    }

    /// Answers a question of the peer. Answers leave in the order of the questions.
    pub fn reply(&mut self, token: ReplyToken, result: Result<&[u8], ()>) {
        let Some(at) = token.0.checked_sub(self.replied) else { return };
        let Some(slot) = self.replies.get_mut(at as usize) else { return };
        *slot = Some(match result {
            Ok(payload) => Writer::message(REQUEST_SUCCESS).raw(payload).finish(),
            Err(()) => Writer::message(REQUEST_FAILURE).finish(),
        });
        while matches!(self.replies.front(), Some(Some(_))) {
            if let Some(Some(answer)) = self.replies.pop_front() {
                self.send(answer);
            }
            self.replied += 1;
        }
    }

    /// Ends the session with SSH_MSG_DISCONNECT; nothing else is sent after it.
    pub fn disconnect(&mut self, reason: u32, description: &str) {
        if self.state == State::Closed {
            return;
        }
        self.state = State::Closed;
        self.send(
            Writer::message(DISCONNECT)
                .u32(reason)
                .string(description.as_bytes())
                .string(b"")
                .finish(),
        );
    }

    fn send(&mut self, payload: Bytes) {
        self.mux.control.push_back(Packet::payload(payload));
    }

    fn fail(&mut self, error: Error) -> Error {
        self.disconnect(error.disconnect_reason(), &error.to_string());
        error
    }

    fn ask_for_life(&mut self, now: Instant) {
        self.asked.push_back(Asked::KeepAlive { at: now });
        self.send(Writer::message(GLOBAL_REQUEST).string(KEEPALIVE).bool(true).finish());
    }

    /// Window growth needs the round trip; only a session that moves data is asked for it.
    fn measure_round_trip(&mut self, now: Instant) {
        let fresh =
            self.round_trip_at.is_some_and(|at| now.saturating_duration_since(at) < ROUND_TRIP_AGE);
        if !fresh && self.state == State::Open {
            self.round_trip_at = Some(now);
            self.consumed = 0;
            self.ask_for_life(now);
        }
    }

    fn on_version(&mut self, line: String) -> Result<(), Error> {
        self.version = Some(line);
        self.state = State::KeyExchange;
        self.mux.set_own_peer(self.is_own_peer());
        Ok(())
    }

    fn on_payload(&mut self, payload: Bytes, now: Instant) -> Result<(), Error> {
        let sequence = self.received_packets;
        self.received_packets = sequence.wrapping_add(1);
        // russh 0.37 sends an empty packet after KEXINIT; it says nothing.
        let Some(&number) = payload.first() else { return Ok(()) };
        match number {
            DISCONNECT => self.on_disconnect(payload),
            IGNORE | UNIMPLEMENTED | DEBUG => Ok(()),
            kex::KEXINIT => self.on_kexinit(payload),
            _ if self.state == State::KeyExchange => {
                Err(Error::Protocol("a message before KEXINIT"))
            }
            GLOBAL_REQUEST => self.on_request(payload),
            REQUEST_SUCCESS | REQUEST_FAILURE => self.on_reply(payload, now),
            CHANNEL_OPEN.. if self.mux.receive(payload, now)? => Ok(()),
            _ => {
                self.send(Writer::message(UNIMPLEMENTED).u32(sequence).finish());
                Ok(())
            }
        }
    }

    /// The first KEXINIT completes the handshake. Each further one is a peer whose byte count
    /// asks for new keys: it holds everything back until it sees a KEXINIT of ours.
    fn on_kexinit(&mut self, payload: Bytes) -> Result<(), Error> {
        kex::check(payload)?;
        if self.state == State::Open {
            self.send(kex::kexinit(self.cookie));
            return Ok(());
        }
        self.state = State::Open;
        let version = self.version.clone().unwrap_or_default();
        self.mux.events.push_back(Event::Ready { version });
        Ok(())
    }

    fn on_disconnect(&mut self, payload: Bytes) -> Result<(), Error> {
        let mut reader = Reader::new(payload);
        reader.skip(1)?;
        let reason = reader.u32()?;
        let description = reader.text().unwrap_or_default();
        self.state = State::Closed;
        self.mux.control.clear();
        self.mux.events.push_back(Event::Disconnected { reason, description });
        Ok(())
    }

    fn on_request(&mut self, payload: Bytes) -> Result<(), Error> {
        let mut reader = Reader::new(payload);
        reader.skip(1)?;
        let name = reader.string()?;
        let want_reply = reader.bool()?;
        let mut reply = None;
        if want_reply {
            if self.replies.len() >= MAX_PENDING_REPLIES {
                return Err(Error::Protocol("too many unanswered requests"));
            }
            reply = Some(ReplyToken(self.replied + self.replies.len() as u64));
            self.replies.push_back(None);
        }
        if name == KEEPALIVE {
            if let Some(token) = reply {
                self.reply(token, Ok(b""));
            }
            return Ok(());
        }
        self.mux.events.push_back(Event::Request { name, payload: reader.rest(), reply });
        Ok(())
    }

    fn on_reply(&mut self, mut payload: Bytes, now: Instant) -> Result<(), Error> {
        let success = payload.split_to(1)[0] == REQUEST_SUCCESS;
        match self.asked.pop_front() {
            // Some peers answer what asked for no answer.
            None => {}
            Some(Asked::KeepAlive { at }) => {
                let round_trip = now.saturating_duration_since(at);
                let best = self.mux.round_trip.map_or(round_trip, |old| old.min(round_trip));
                self.mux.round_trip = Some(best);
            }
            Some(Asked::Owner(request)) => {
                let result = if success { Ok(payload) } else { Err(()) };
                self.mux.events.push_back(Event::Reply { request, result });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
