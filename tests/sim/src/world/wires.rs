//! How bytes move: links, the sessions at their ends, and what becomes of them.

use std::time::Duration;

use adit_proto::relay::{Ending, Output};
use adit_proto::ssh::{self, ChannelId, Config, KeepAlive, Limits};
use bytes::{Bytes, BytesMut};

use super::channels::Conduit;
use super::{Event, World};
use crate::brain::Flaw;
use crate::check::Invariant;
use crate::ends::{End, EndId, Machine, Owner, Said};
use crate::link::{Item, Link, LinkId, Side};
use crate::plan::Seconds;
use crate::trace::note;

/// Control packets that a session may keep: beyond 1024 it is not read, and what one read can ask for comes on top.
const CONTROL: usize = 1024 + 4096;
/// Events that one piece of the wire may cause before they are looked at.
const EVENTS: usize = 4096;

impl World {
    /// Connects two machines.
    pub(super) fn join(&mut self, near: (Machine, Owner), far: (Machine, Owner)) -> LinkId {
        let link = LinkId(self.next_link);
        self.next_link += 1;
        self.links.insert(link, Link::new(self.plan.room));
        for ((machine, owner), side) in [(near, Side::Near), (far, Side::Far)] {
            let end = End { machine, owner, wake: None, stalled: 0 };
            self.ends.insert((link, side), end);
            self.dirty.insert((link, side));
        }
        link
    }

    /// How a session behaves in this world. `keep_alive` is the one of the product's sockets.
    pub(super) fn session_config(&mut self, keep_alive: Option<KeepAlive>) -> Config {
        let keep_alive = keep_alive.filter(|_| self.flaw != Some(Flaw::NoPings));
        let limits = Limits {
            initial_window: self.plan.window,
            max_window: 4 * self.plan.window,
            session_window: 16 * self.plan.window as usize,
            min_window: self.plan.window / 4,
            ..Limits::default()
        };
        let mut cookie = [0; 16];
        cookie[..8].copy_from_slice(&self.rng.any().to_le_bytes());
        Config { limits, keep_alive, ..Config::new(cookie) }
    }

    /// The host whose end it is.
    pub(super) fn host_of(&self, id: EndId) -> Option<usize> {
        match self.ends.get(&id)?.owner {
            Owner::Host { host, .. } => Some(host),
            _ => None,
        }
    }

    fn is_frozen(&self, id: EndId) -> bool {
        self.host_of(id).is_some_and(|host| self.hosts[host].frozen)
    }

    /// Takes what has arrived, as far as the end reads.
    pub(super) fn arrive(&mut self, link: LinkId, to: Side) {
        let id = (link, to);
        loop {
            let now = self.schedule.now();
            let Some(wire) = self.links.get_mut(&link) else { return };
            let Some(end) = self.ends.get_mut(&id) else {
                // Nobody is there any more.
                while wire.receive(to, now).is_some() {}
                return;
            };
            if end.stalled > 0 || end.machine.session().is_congested() {
                return;
            }
            match wire.receive(to, now) {
                None => return,
                Some(Item::Bytes(bytes)) => {
                    self.dirty.insert((link, to.other()));
                    self.dirty.insert(id);
                    let instant = self.schedule.instant();
                    if let Err(error) = end.machine.session().receive(bytes, instant) {
                        self.broke(id, error);
                    }
                }
                Some(Item::End) => self.lost(id, "the other end closed"),
                Some(Item::Reset) => self.lost(id, "the connection was reset"),
            }
            self.settle();
        }
    }

    /// Lets every session that has something to do do it.
    pub(super) fn settle(&mut self) {
        let mut postponed = Vec::new();
        while let Some(id) = self.dirty.pop_first() {
            if self.is_frozen(id) {
                postponed.push(id);
                continue;
            }
            self.hear(id);
            self.move_bytes(id);
            self.arm(id);
        }
        self.dirty.extend(postponed);
    }

    /// Tells the owner of an end what its machine says.
    fn hear(&mut self, id: EndId) {
        let Some(end) = self.ends.get_mut(&id) else { return };
        let backlog = end.machine.session().backlog();
        let longest = &mut self.summary.longest;
        longest.0 = longest.0.max(backlog.control);
        longest.1 = longest.1.max(backlog.events);
        if backlog.control > CONTROL || backlog.events > EVENTS {
            let text = format!("{id:?} keeps {backlog:?}");
            self.violates(Invariant::QueuesBounded, text);
        }
        while let Some(end) = self.ends.get_mut(&id) {
            match end.machine.poll() {
                Ok(Some(output)) => self.said(id, output),
                Ok(None) => return,
                Err(error) => return self.broke(id, error),
            }
        }
    }

    fn said(&mut self, id: EndId, output: Output<Said>) {
        match output {
            Output::Data { channel, data } => self.data(id, channel, data),
            Output::Eof { channel } => self.eof(id, channel),
            Output::Closed { channel } => self.channel_closed(id, channel),
            Output::Opened { channel, .. } => self.opened(id, channel),
            Output::OpenFailed { channel, failure } => {
                self.open_failed(id, channel, &failure.description);
            }
            Output::Ended(ending) => self.ended(id, ending),
            Output::Event(said) => self.role_said(id, None, said),
            Output::Incoming { channel, event } => self.role_said(id, Some(channel), event),
        }
    }

    fn role_said(&mut self, id: EndId, channel: Option<ChannelId>, said: Said) {
        let Some(owner) = self.ends.get(&id).map(|end| end.owner) else { return };
        match (owner, said) {
            (Owner::Host { host, session }, Said::Host(event)) => {
                self.host_said(host, session, id, channel, event);
            }
            (Owner::HostPeer { relay, tunnel, epoch }, Said::HostPeer(event)) => {
                self.host_peer_said(relay, tunnel, epoch, id, event);
            }
            (Owner::Client { client }, Said::Client(event)) => self.client_said(client, event),
            (Owner::ClientPeer { relay, tunnel }, Said::ClientPeer(event)) => {
                self.client_peer_said(relay, tunnel, id, channel, event);
            }
            (Owner::Farewell, Said::HostPeer(event)) => self.say_taken_over(id, &event),
            (owner, said) => unreachable!("{owner:?} hears {said:?}"),
        }
    }

    /// Sends what can be sent, and lets the channels put in more.
    fn move_bytes(&mut self, id: EndId) {
        loop {
            let sent = self.transmit(id, false);
            let fed = self.feed(id);
            if !sent && !fed {
                return;
            }
        }
    }

    /// Sends what the link has room for, or everything.
    fn transmit(&mut self, id: EndId, all: bool) -> bool {
        let (Some(link), Some(end)) = (self.links.get_mut(&id.0), self.ends.get_mut(&id)) else {
            return false;
        };
        let room = if all { usize::MAX } else { link.room(id.1) };
        let mut bytes = BytesMut::new();
        while bytes.len() < room
            && let Some(packet) = end.machine.session().poll_transmit()
        {
            bytes.extend_from_slice(&packet.to_bytes());
        }
        if bytes.is_empty() {
            return false;
        }
        let mut bytes = bytes.freeze();
        // The wire knows no packets: now and then it cuts one in two.
        if self.rng.chance(20) && bytes.len() > 1 {
            let head = bytes.split_to(self.rng.index(bytes.len()).max(1));
            self.send(id, Item::Bytes(head));
        }
        self.send(id, Item::Bytes(bytes));
        true
    }

    /// Sends something from an end to the other.
    fn send(&mut self, from: EndId, item: Item) {
        let (link, to) = (from.0, from.1.other());
        let due = self.schedule.now() + self.latency();
        let Some(wire) = self.links.get_mut(&link) else { return };
        let due = match item {
            Item::Reset => wire.reset(to, due),
            item => wire.send(to, item, due),
        };
        self.schedule.at(due, Event::Arrive(link, to));
    }

    /// Sees to it that a session is woken at its deadline.
    fn arm(&mut self, id: EndId) {
        let Some(end) = self.ends.get_mut(&id) else { return };
        let Some(due) = end.machine.session().poll_timeout() else { return };
        let due = self.schedule.time_of(due).max(self.schedule.now());
        if end.wake.is_none_or(|wake| due < wake) {
            end.wake = Some(due);
            self.schedule.at(due, Event::Wake(id));
        }
    }

    pub(super) fn wake(&mut self, id: EndId) {
        let now = self.schedule.now();
        let Some(end) = self.ends.get_mut(&id) else { return };
        if end.wake.is_none_or(|wake| wake > now) {
            return;
        }
        end.wake = None;
        self.dirty.insert(id);
        if let Err(error) = end.machine.session().handle_timeout(self.schedule.instant()) {
            self.broke(id, error);
        }
    }

    /// A session cannot go on.
    fn broke(&mut self, id: EndId, error: ssh::Error) {
        note!(self, "{id:?} {:?} breaks: {error}", self.ends.get(&id).map(|end| end.owner));
        if !matches!(error, ssh::Error::Silent | ssh::Error::Handshake) {
            self.violates(Invariant::CreditKept, format!("a session of ours ended: {error}"));
        }
        self.transmit(id, true);
        self.send(id, Item::End);
        self.end_gone(id, Ending::Failed(error));
    }

    /// The connection is gone for this end.
    fn lost(&mut self, id: EndId, cause: &str) {
        self.hear(id);
        self.end_gone(id, Ending::Lost(cause.to_owned()));
    }

    /// The other side has said goodbye.
    fn ended(&mut self, id: EndId, ending: Ending) {
        self.send(id, Item::End);
        self.end_gone(id, ending);
    }

    /// The owner of an end closes it, after what it has said so far.
    pub(super) fn close_end(&mut self, id: EndId) {
        if self.ends.contains_key(&id) {
            self.transmit(id, true);
            self.send(id, Item::End);
            self.end_gone(id, Ending::Local);
        }
    }

    /// Both ends of a link hear that it is broken.
    pub(super) fn cut(&mut self, link: LinkId) {
        for side in [Side::Near, Side::Far] {
            if self.ends.contains_key(&(link, side)) {
                self.send((link, side.other()), Item::Reset);
            }
        }
    }

    /// One end is gone without a word, and what ran on it is told.
    pub(super) fn end_gone(&mut self, id: EndId, ending: Ending) {
        self.channels_gone(id);
        let Some(end) = self.ends.remove(&id) else { return };
        self.dirty.remove(&id);
        if !self.ends.contains_key(&(id.0, id.1.other())) {
            self.links.remove(&id.0);
        }
        match end.owner {
            Owner::Host { host, session } => self.host_end_gone(host, session, ending),
            Owner::HostPeer { relay, tunnel, epoch } => {
                self.host_peer_gone(relay, tunnel, epoch, &ending);
            }
            Owner::Client { client } => self.client_gone(client, id),
            Owner::ClientPeer { relay, .. } => self.client_peer_gone(relay, id),
            Owner::Farewell => {}
        }
    }

    /// A link that is silent for longer than a host's pings allow must have been given up.
    pub(super) fn silence_due(&mut self, link: LinkId, since: Duration) {
        let id = (link, Side::Near);
        let quiet = self.links.get(&link).is_some_and(|link| link.silent_since == Some(since));
        let Some(host) = self.host_of(id).filter(|_| quiet) else { return };
        if self.hosts[host].thawed_at < since && !self.hosts[host].frozen {
            let text = format!("host {host} has not heard of {link:?} since {since:?}");
            self.violates(Invariant::SilenceFound, text);
        }
    }

    /// Notes that from now on nothing arrives on a link, and that this is to be found out.
    pub(super) fn watch_silence(&mut self, link: LinkId) {
        let now = self.schedule.now();
        let Some(wire) = self.links.get_mut(&link) else { return };
        if wire.silent_since.is_none() {
            wire.silent_since = Some(now);
            // The handshake's patience or 5 s and 10 s of the pings, and what is under way.
            self.schedule.after(16.secs(), Event::SilenceDue(link, now));
        }
    }

    /// The channels of an end.
    pub(super) fn conduits(&self, id: EndId) -> Vec<ChannelId> {
        self.channels.get(&id).into_iter().flat_map(|all| all.keys().copied()).collect()
    }

    pub(super) fn conduit(&mut self, id: EndId, channel: ChannelId) -> Option<&mut Conduit> {
        self.channels.get_mut(&id)?.get_mut(&channel)
    }

    pub(super) fn take_conduit(&mut self, id: EndId, channel: ChannelId) -> Option<Conduit> {
        let all = self.channels.get_mut(&id)?;
        let conduit = all.remove(&channel);
        if all.is_empty() {
            self.channels.remove(&id);
        }
        conduit
    }

    /// Hands bytes to a session.
    pub(super) fn push(&mut self, id: EndId, channel: ChannelId, data: Bytes) {
        let now = self.schedule.instant();
        if let Some(end) = self.ends.get_mut(&id) {
            end.machine.session().push(channel, data, now);
            let queued = end.machine.session().queued(channel);
            self.summary.longest.2 = self.summary.longest.2.max(queued);
            self.dirty.insert(id);
            if queued > 5 * self.plan.window as usize + visits_queue() {
                let text = format!("{queued} bytes wait on channel {channel:?} of {id:?}");
                self.violates(Invariant::QueuesBounded, text);
            }
        }
    }

    /// Gives credit back.
    pub(super) fn consumed(&mut self, id: EndId, channel: ChannelId, n: usize) {
        let now = self.schedule.instant();
        if let Some(end) = self.ends.get_mut(&id) {
            end.machine.session().consumed(channel, n, now);
            self.dirty.insert(id);
        }
    }

    /// Ends a channel that is somebody's no more.
    pub(super) fn close_channel(&mut self, id: EndId, channel: ChannelId) -> Option<Conduit> {
        let conduit = self.take_conduit(id, channel);
        let now = self.schedule.instant();
        if let Some(end) = self.ends.get_mut(&id) {
            end.machine.session().close(channel, now);
            self.dirty.insert(id);
        }
        conduit
    }
}

fn visits_queue() -> usize {
    super::channels::QUEUE + super::channels::PIECE
}
