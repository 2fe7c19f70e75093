//! Clients: they connect, come back when they are lost, and open channels for their visitors.

use std::collections::BTreeSet;
use std::time::Duration;

use adit_proto::backoff::Backoff;
use adit_proto::relay::{self, ClientEvent};
use adit_proto::ssh::disconnect;

use super::{Event, World};
use crate::ends::{EndId, Machine, Owner};
use crate::link::{LinkId, Side};
use crate::plan::Answer;
use crate::trace::note;

/// Connected to one tunnel.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) tunnel: usize,
    /// The session that its visitors use.
    pub(super) end: Option<EndId>,
    /// What it may open there.
    pub(super) ports: BTreeSet<u16>,
    backoff: Backoff,
    trying: bool,
    pub(super) left: bool,
}

impl Client {
    pub(super) fn new(tunnel: usize) -> Client {
        let backoff = Backoff::new(Duration::from_secs(1), 2, Duration::from_secs(8));
        Client { tunnel, end: None, ports: BTreeSet::new(), backoff, trying: false, left: false }
    }
}

impl World {
    pub(super) fn client_try(&mut self, at: usize) {
        let client = &mut self.clients[at];
        if client.left || client.end.is_some() || std::mem::replace(&mut client.trying, true) {
            return;
        }
        let delay = self.latency();
        self.schedule.after(delay, Event::ClientKnock(at));
    }

    /// A client's upgrade arrives.
    pub(super) fn client_knock(&mut self, at: usize) {
        let relay = self.relay_now();
        let tunnel = self.clients[at].tunnel;
        let no = self.relays[relay].gone || !self.tunnels[tunnel].exists;
        let no = no || matches!(self.steps.door(), Some(Answer::Hang | Answer::Status(..)));
        let delay = self.latency();
        if no {
            return self.schedule.after(delay, Event::ClientEntered(at, None));
        }
        self.clients[at].ports.clear();
        let instant = self.schedule.instant();
        let near = relay::Client::new(self.session_config(Some(super::hosts::PING)), instant);
        let far = self.client_peer();
        let owner = Owner::ClientPeer { relay, tunnel };
        let near = (Machine::Client(near), Owner::Client { client: at });
        let link = self.join(near, (far, owner));
        self.client_peer_entered(relay, (link, Side::Far), tunnel);
        self.schedule.after(delay, Event::ClientEntered(at, Some(link)));
    }

    pub(super) fn client_entered(&mut self, at: usize, link: Option<LinkId>) {
        self.clients[at].trying = false;
        let end = link.map(|link| (link, Side::Near)).filter(|id| self.ends.contains_key(id));
        match end {
            Some(id) if self.clients[at].left => self.disconnect(id, disconnect::BY_APPLICATION),
            Some(id) => {
                note!(self, "client {at} is connected ({id:?})");
                self.clients[at].end = Some(id);
            }
            None => self.client_again(at),
        }
    }

    fn client_again(&mut self, at: usize) {
        let random = self.rng.any();
        let wait = self.clients[at].backoff.next(random);
        self.schedule.after(wait, Event::ClientTry(at));
    }

    pub(super) fn client_said(&mut self, at: usize, event: ClientEvent) {
        match event {
            ClientEvent::Ready { .. } => self.clients[at].backoff.reset(),
            ClientEvent::PortAdded { port } => {
                self.clients[at].ports.insert(port);
            }
            ClientEvent::PortRemoved { port } => {
                self.clients[at].ports.remove(&port);
            }
            // It stays until its connections have ended; the relay ends the session then.
            ClientEvent::Drain => {}
        }
    }

    pub(super) fn client_gone(&mut self, at: usize, id: EndId) {
        if self.clients[at].end == Some(id) {
            note!(self, "client {at} is lost");
            self.clients[at].end = None;
            self.clients[at].ports.clear();
            self.client_again(at);
        }
    }

    pub(super) fn client_leave(&mut self, at: usize) {
        self.clients[at].left = true;
        if let Some(id) = self.clients[at].end {
            self.disconnect(id, disconnect::BY_APPLICATION);
        }
    }
}
