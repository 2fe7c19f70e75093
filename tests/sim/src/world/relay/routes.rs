//! Where channels go: those of visitors at the edge, and those that clients ask for.

use std::collections::BTreeSet;
use std::time::Duration;

use adit_proto::registry::GRACE;
use adit_proto::relay::message::Connect;
use adit_proto::relay::{ClientPeer, ClientPeerCommand, ClientPeerEvent, HostPeerCommand, Role};
use adit_proto::ssh::{ChannelId, open_failure};

use super::{Asker, PATIENCE, PING, Route, SETTLING, Waiting};
use crate::ends::{EndId, Machine};
use crate::world::World;
use crate::world::channels::Conduit;

impl World {
    pub(in crate::world) fn visit_by_edge(&mut self, at: usize) {
        let relay = self.relay_now();
        if self.relays[relay].gone {
            return self.fail_visit(at, "the relay does not answer");
        }
        let (tunnel, port) = (self.visits[at].plan.tunnel, self.visits[at].port);
        let until = self.schedule.now() + PATIENCE;
        let waiting = Waiting { tunnel, port, visit: at, asker: Asker::Edge, until };
        self.open_or_wait(relay, waiting);
    }

    /// Opens a channel on the host's session, waits for a host, or says no.
    pub(super) fn open_or_wait(&mut self, at: usize, waiting: Waiting) {
        let now = self.schedule.now();
        let Waiting { tunnel, port, visit, asker, until } = waiting;
        match self.relays[at].routes.get(&tunnel) {
            Some(Route::Live { epoch, ports, .. }) if ports.contains(&port) => {
                let id = self.relays[at].hosts.get(epoch).copied();
                match id {
                    Some(id) => self.open_on(id, port, visit, asker),
                    None => self.cannot(asker, visit, "the host is going"),
                }
            }
            Some(Route::Live { since, .. }) if now < (*since + SETTLING).min(until) => {
                self.relays[at].waiting.push(waiting);
            }
            Some(Route::Away { since, left: false }) if now < (*since + GRACE).min(until) => {
                self.relays[at].waiting.push(waiting);
            }
            _ => self.cannot(asker, visit, "no host serves the port"),
        }
        self.arm_relay(at);
    }

    fn open_on(&mut self, id: EndId, port: u16, visit: usize, asker: Asker) {
        let connect = Connect { originator: visit.to_string(), ..Connect::to_port(port) };
        let channel = match self.ends.get_mut(&id).map(|end| &mut end.machine) {
            Some(Machine::HostPeer(peer)) => peer.command(HostPeerCommand::Connect(connect)),
            _ => None,
        };
        let Some(channel) = channel else {
            return self.cannot(asker, visit, "the session has too many channels");
        };
        self.dirty.insert(id);
        match asker {
            Asker::Edge => self.carry(id, channel, Conduit::Visitor { visit, ended: false }),
            Asker::Client(near, near_channel) => {
                let there =
                    Conduit::Bridge { other: (near, near_channel), unsent: 0, ended: false };
                self.carry(id, channel, there);
                let back = Conduit::Bridge { other: (id, channel), unsent: 0, ended: false };
                self.carry(near, near_channel, back);
            }
        }
    }

    pub(super) fn cannot(&mut self, asker: Asker, visit: usize, why: &str) {
        match asker {
            Asker::Edge => self.fail_visit(visit, why),
            Asker::Client(id, channel) => self.refuse(id, channel, why),
        }
    }

    /// Refuses a channel that a client asked for.
    pub(in crate::world) fn refuse(&mut self, id: EndId, channel: ChannelId, why: &str) {
        if let Some(end) = self.ends.get_mut(&id) {
            end.machine.session().reject(channel, open_failure::CONNECT_FAILED, why);
            self.dirty.insert(id);
        }
    }

    /// Where channels of a tunnel go has changed, or may count from now on.
    pub(in crate::world) fn routes_changed(&mut self, at: usize, tunnel: usize) {
        let (again, others) = std::mem::take(&mut self.relays[at].waiting)
            .into_iter()
            .partition(|waiting| waiting.tunnel == tunnel);
        self.relays[at].waiting = others;
        let again: Vec<Waiting> = again;
        for waiting in again {
            self.open_or_wait(at, waiting);
        }
        let clients = self.relays[at].clients.iter().filter(|(_, (its, _))| *its == tunnel);
        for id in clients.map(|(id, _)| *id).collect::<Vec<_>>() {
            self.announce(at, id);
        }
        self.arm_relay(at);
    }

    /// A client has been let in.
    pub(in crate::world) fn client_peer_entered(&mut self, at: usize, id: EndId, tunnel: usize) {
        self.relays[at].clients.insert(id, (tunnel, BTreeSet::new()));
        self.announce(at, id);
    }

    pub(in crate::world) fn client_peer_gone(&mut self, at: usize, id: EndId) {
        self.relays[at].clients.remove(&id);
    }

    /// A session of the relay with a client; the near end is the client's.
    pub(in crate::world) fn client_peer(&mut self) -> Machine {
        let instant = self.schedule.instant();
        Machine::ClientPeer(ClientPeer::new(self.session_config(Some(PING)), instant))
    }

    /// Tells a client which ports there are. While the host is away, or about to say, they stay.
    pub(in crate::world) fn announce(&mut self, at: usize, id: EndId) {
        let now = self.schedule.now();
        let Some((tunnel, announced)) = self.relays[at].clients.get(&id).cloned() else { return };
        let served = match self.relays[at].routes.get(&tunnel) {
            Some(Route::Live { ports, since, .. }) if now < *since + SETTLING => ports | &announced,
            Some(Route::Live { ports, .. }) => ports.clone(),
            Some(Route::Away { left: false, .. }) => announced.clone(),
            Some(Route::Away { left: true, .. }) | None => BTreeSet::new(),
        };
        let served = &served & &self.tunnels[tunnel].ports;
        if served == announced {
            return;
        }
        self.relays[at].clients.insert(id, (tunnel, served.clone()));
        if let Some(end) = self.ends.get_mut(&id)
            && let Machine::ClientPeer(peer) = &mut end.machine
        {
            peer.command(ClientPeerCommand::SetPorts(served));
            self.dirty.insert(id);
        }
    }

    pub(in crate::world) fn client_peer_said(
        &mut self,
        at: usize,
        tunnel: usize,
        id: EndId,
        channel: Option<ChannelId>,
        event: ClientPeerEvent,
    ) {
        let (ClientPeerEvent::Connect(connect), Some(channel)) = (event, channel) else { return };
        let Ok(visit) = connect.originator.parse() else { return };
        if !self.tunnels[tunnel].ports.contains(&connect.port) {
            return self.refuse(id, channel, "the tunnel has no such port");
        }
        // Patient only with a host's session that has just replaced another.
        let until = match self.relays[at].routes.get(&tunnel) {
            Some(Route::Live { since, .. }) => *since + SETTLING,
            _ => Duration::ZERO,
        };
        let asker = Asker::Client(id, channel);
        let waiting = Waiting { tunnel, port: connect.port, visit, asker, until };
        self.open_or_wait(at, waiting);
    }
}
