//! Sessions: any bytes at any of the four ends, and two ends that move real bytes in any order.

use std::{
    collections::{BTreeSet, VecDeque},
    sync::Arc,
    time::{Duration, Instant},
};

use adit_proto::{
    relay::{
        Client, ClientCommand, ClientPeer, ClientPeerCommand, Host, HostCommand, HostPeer,
        HostPeerCommand, HostPeerEvent, Output, Role, message::Connect,
    },
    ssh::{Budget, ChannelId, Config, Event, Limits, Packet, Session},
};
use bytes::Bytes;

use crate::{byte, start, take};

/// Any bytes after a proper greeting, at the end that the first byte picks.
pub fn session(mut data: &[u8]) {
    let Some(end) = byte(&mut data) else { return };
    let now = start();
    let config = Config::new([0; 16]);
    let budget = config.budget.clone();
    let token = Bytes::from_static(b"token");
    match end % 4 {
        0 => {
            let mut host = Host::new(config, now);
            host.command(HostCommand::Announce { port: 80, token });
            drive(host, data, now, |_, _| {});
        }
        1 => {
            let mut peer = HostPeer::new(config, now);
            let asked = peer.command(HostPeerCommand::Connect(Connect::to_port(80)));
            give_up(&mut peer, asked.filter(|_| end & 4 != 0), now);
            drive(peer, data, now, |peer, event| {
                if let HostPeerEvent::Announce { port, .. } = event {
                    peer.command(HostPeerCommand::Answer { port, serve: port % 2 == 0 });
                    peer.command(HostPeerCommand::Connect(Connect::to_port(port)));
                }
            });
        }
        2 => {
            let mut client = Client::new(config, now);
            let asked = client.command(ClientCommand::Connect(Connect::to_port(80)));
            give_up(&mut client, asked.filter(|_| end & 4 != 0), now);
            client.command(ClientCommand::RefreshPorts);
            drive(client, data, now, |_, _| {});
        }
        _ => {
            let mut peer = ClientPeer::new(config, now);
            peer.command(ClientPeerCommand::SetPorts(BTreeSet::from([80, 443])));
            drive(peer, data, now, |_, _| {});
        }
    }
    assert_eq!((budget.promised(), budget.waiting()), (0, 0), "a session takes its own with it");
}

fn give_up<R: Role>(role: &mut R, asked: Option<ChannelId>, now: Instant) {
    if let Some(channel) = asked {
        role.session().close(channel, now);
    }
}

/// Feeds a role and does with what it says what a careless owner would.
fn drive<R: Role>(
    mut role: R,
    mut data: &[u8],
    mut now: Instant,
    mut on_event: impl FnMut(&mut R, R::Event),
) {
    let mut greeter = Session::new(Config::new([1; 16]), now);
    while let Some(packet) = greeter.poll_transmit() {
        if role.session().receive(packet.to_bytes(), now).is_err() {
            unreachable!("a proper greeting is understood");
        }
    }
    while let Some(first) = byte(&mut data) {
        let len = usize::from(first & 0x3f) * 8;
        let body = take(&mut data, len);
        // Mostly whole packets, so that what is inside them is reached; sometimes raw bytes.
        let bytes = if first & 0x40 == 0 { framed(body) } else { Bytes::copy_from_slice(body) };
        let failed = role.session().receive(bytes, now).is_err();
        loop {
            match role.poll() {
                Ok(Some(output)) => react(&mut role, output, now, &mut on_event),
                Ok(None) => break,
                Err(_) => return,
            }
        }
        if first & 0x80 != 0 {
            now += Duration::from_secs(31);
            if role.handle_timeout(now).is_err() {
                return;
            }
        }
        while role.session().poll_transmit().is_some() {}
        if failed {
            assert!(role.session().is_closed(), "an error ends the session");
            return;
        }
    }
}

fn react<R: Role>(
    role: &mut R,
    output: Output<R::Event>,
    now: Instant,
    on_event: &mut impl FnMut(&mut R, R::Event),
) {
    match output {
        Output::Event(event) => on_event(role, event),
        Output::Incoming { channel, event } => {
            on_event(role, event);
            role.accept(channel, false);
            role.session().push(channel, Bytes::from_static(b"hello"), now);
        }
        Output::Opened { channel, .. } => {
            role.session().push(channel, Bytes::from_static(b"hello"), now);
        }
        Output::Data { channel, data } => {
            role.session().consumed(channel, data.len(), now);
            role.session().push(channel, data, now);
        }
        Output::Eof { channel } => role.session().eof(channel, now),
        Output::OpenFailed { .. } | Output::Closed { .. } | Output::Ended(_) => {}
    }
}

fn framed(payload: &[u8]) -> Bytes {
    let padding = 8 + (8 - (5 + payload.len()) % 8) % 8;
    let mut packet = Vec::with_capacity(5 + payload.len() + padding);
    packet.extend_from_slice(&((1 + payload.len() + padding) as u32).to_be_bytes());
    packet.push(padding as u8);
    packet.extend_from_slice(payload);
    packet.resize(5 + payload.len() + padding, 0);
    Bytes::from(packet)
}

const CHANNELS: usize = 3;

/// Two sessions and a list of steps: whatever the order, every byte arrives once, in order, and
/// neither side objects to the other.
pub fn pair(mut data: &[u8]) {
    let now = start();
    let limits = Limits {
        initial_window: 4096,
        session_window: 10_000,
        low_window: 1024,
        min_window: 512,
        ..Limits::default()
    };
    // Half of the inputs meet a process that has next to nothing left.
    let limit = if data.len().is_multiple_of(2) { 8000 } else { usize::MAX };
    let budget = Arc::new(Budget::new(limit));
    let mut near = Session::new(Config::new([1; 16]), now);
    let mut far = Session::new(Config { limits, budget, ..Config::new([2; 16]) }, now);
    let mut ends = Ends::new(&mut near, &mut far, now);
    while let Some(step) = byte(&mut data) {
        let at = usize::from(step) % CHANNELS;
        let size = usize::from(byte(&mut data).unwrap_or(1)) * 40;
        match step / 64 {
            0 => ends.send(&mut near, at, size),
            1 => ends.deliver(&mut near, &mut far, size),
            2 => ends.answer(&mut near, &mut far),
            _ => ends.read(&mut far, at),
        }
        ends.now += Duration::from_millis(u64::from(step % 16));
    }
    ends.finish(&mut near, &mut far);
}

struct Ends {
    now: Instant,
    near: Vec<ChannelId>,
    far: Vec<ChannelId>,
    sent: [Vec<u8>; CHANNELS],
    read: [Vec<u8>; CHANNELS],
    unread: [VecDeque<Bytes>; CHANNELS],
    wire: VecDeque<u8>,
    next: u8,
}

impl Ends {
    fn new(near: &mut Session, far: &mut Session, now: Instant) -> Self {
        let mut ends = Self {
            now,
            near: Vec::new(),
            far: Vec::new(),
            sent: Default::default(),
            read: Default::default(),
            unread: Default::default(),
            wire: VecDeque::new(),
            next: 0,
        };
        ends.exchange(near, far);
        for _ in 0..CHANNELS {
            ends.near.extend(near.open(b"test", b""));
            ends.exchange(near, far);
        }
        assert_eq!((ends.near.len(), ends.far.len()), (CHANNELS, CHANNELS));
        ends
    }

    fn exchange(&mut self, near: &mut Session, far: &mut Session) {
        for _ in 0..4 {
            self.deliver(near, far, usize::MAX);
            self.answer(near, far);
        }
    }

    fn send(&mut self, near: &mut Session, at: usize, size: usize) {
        let next = &mut self.next;
        let bytes: Vec<u8> = std::iter::repeat_with(|| {
            *next = next.wrapping_mul(5).wrapping_add(3);
            *next
        })
        .take(size)
        .collect();
        self.sent[at].extend_from_slice(&bytes);
        near.push(self.near[at], Bytes::from(bytes), self.now);
    }

    fn deliver(&mut self, near: &mut Session, far: &mut Session, n: usize) {
        while let Some(packet) = near.poll_transmit() {
            self.wire.extend(Packet::to_bytes(&packet));
        }
        let chunk: Vec<u8> = self.wire.drain(..n.min(self.wire.len())).collect();
        far.receive(Bytes::from(chunk), self.now).expect("the far side has no objection");
        while let Some(event) = far.poll_event() {
            match event {
                Event::Open { channel, .. } => {
                    far.accept(channel, b"");
                    self.far.push(channel);
                }
                Event::Data { channel, data } => {
                    let at = self.far.iter().position(|&far| far == channel);
                    self.unread[at.expect("data on a known channel")].push_back(data);
                }
                _ => {}
            }
        }
    }

    fn answer(&mut self, near: &mut Session, far: &mut Session) {
        while let Some(packet) = far.poll_transmit() {
            near.receive(packet.to_bytes(), self.now).expect("the near side has no objection");
        }
        while near.poll_event().is_some() {}
    }

    fn read(&mut self, far: &mut Session, at: usize) {
        if let Some(data) = self.unread[at].pop_front() {
            self.read[at].extend_from_slice(&data);
            far.consumed(self.far[at], data.len(), self.now);
        }
    }

    fn finish(&mut self, near: &mut Session, far: &mut Session) {
        let mut before = usize::MAX;
        loop {
            self.exchange(near, far);
            for at in 0..CHANNELS {
                while !self.unread[at].is_empty() {
                    self.read(far, at);
                }
            }
            self.exchange(near, far);
            let left: usize = self.near.iter().map(|&channel| near.queued(channel)).sum();
            let idle = self.unread.iter().all(VecDeque::is_empty);
            if left == 0 && idle && self.wire.is_empty() {
                break;
            }
            assert!(left < before || !idle, "bytes stopped moving");
            before = left;
        }
        assert!(self.read == self.sent, "every byte arrived once, in order");
        assert_eq!(far.budget().waiting(), 0, "what was read does not wait");
    }
}
