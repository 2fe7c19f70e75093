//! The sessions of hosts, from the 101 to their end, and the ports that go to them.

use std::collections::BTreeSet;
use std::time::Duration;

use adit_proto::registry::{ClaimId, Departure, Epoch};
use adit_proto::relay::{self, Ending, HostPeer, HostPeerCommand, HostPeerEvent, Role};
use adit_proto::ssh::disconnect;

use super::{Knock, LOOK, PING, Route};
use crate::brain::Flaw;
use crate::ends::{EndId, Machine, Owner};
use crate::link::{LinkId, Side};
use crate::trace::note;
use crate::world::{Event, World};

impl World {
    pub(in crate::world) fn enter(
        &mut self,
        knock: &Knock,
        owner: Owner,
        epoch: Option<Epoch>,
    ) -> LinkId {
        let instant = self.schedule.instant();
        let (host, session) = (knock.host, knock.session);
        let near = relay::Host::new(self.session_config(Some(crate::world::hosts::PING)), instant);
        let far = HostPeer::new(self.session_config(Some(PING)), instant);
        let near = (Machine::Host(near), Owner::Host { host, session });
        let link = self.join(near, (Machine::HostPeer(far), owner));
        // The host reads when it knows that it was let in.
        if let Some(end) = self.ends.get_mut(&(link, Side::Near)) {
            end.stalled = 1;
        }
        self.silence_new(link, host);
        let delay = self.latency();
        self.schedule.after(delay, Event::Entered(host, session, Ok((link, epoch))));
        link
    }

    pub(in crate::world) fn let_in(
        &mut self,
        at: usize,
        claim: ClaimId,
        tunnel: usize,
        epoch: Epoch,
    ) {
        let Some(knock) = self.relays[at].claims.remove(&claim) else { return };
        let told = Some(epoch).filter(|_| self.plan.overlaps);
        let link = self.enter(&knock, Owner::HostPeer { relay: at, tunnel, epoch }, told);
        note!(self, "relay {at} lets host {} in as epoch {epoch} ({link:?})", knock.host);
        if !self.plan.overlaps {
            self.disturb(tunnel, "sessions cannot overlap here");
        }
        self.relays[at].hosts.insert(epoch, (link, Side::Far));
        let route = Route::Live { epoch, ports: BTreeSet::new(), since: self.schedule.now() };
        self.relays[at].routes.insert(tunnel, route);
        self.routes_changed(at, tunnel);
    }

    pub(in crate::world) fn let_in_and_out(&mut self, at: usize, claim: ClaimId) {
        let Some(knock) = self.relays[at].claims.remove(&claim) else { return };
        note!(self, "relay {at} lets host {} in to say that it was replaced", knock.host);
        self.enter(&knock, Owner::Farewell, None);
    }

    /// After the handshake, since an SDK takes no DISCONNECT before it.
    pub(in crate::world) fn say_taken_over(&mut self, id: EndId, event: &HostPeerEvent) {
        if matches!(event, HostPeerEvent::Ready { .. }) {
            self.disconnect(id, disconnect::TOO_MANY_CONNECTIONS);
        }
    }

    pub(in crate::world) fn disconnect(&mut self, id: EndId, reason: u32) {
        if let Some(end) = self.ends.get_mut(&id) {
            end.machine.session().disconnect(reason, "as the plan says");
            self.close_end(id);
        }
    }

    pub(in crate::world) fn end_session(
        &mut self,
        at: usize,
        tunnel: usize,
        epoch: Epoch,
        evict: bool,
    ) {
        let Some(&id) = self.relays[at].hosts.get(&epoch) else { return };
        note!(self, "relay {at} ends epoch {epoch} of tunnel {tunnel}, eviction: {evict}");
        match evict {
            true => self.disconnect(id, disconnect::TOO_MANY_CONNECTIONS),
            false => self.close_end(id),
        }
    }

    /// A host's session has ended, or was ended by the relay itself.
    pub(in crate::world) fn host_peer_gone(
        &mut self,
        at: usize,
        tunnel: usize,
        epoch: Epoch,
        ending: &Ending,
    ) {
        let departure = match ending {
            Ending::Disconnected { reason, .. } if *reason != disconnect::CONNECTION_LOST => {
                Departure::Left
            }
            _ => Departure::Lost,
        };
        let (now, instant) = (self.schedule.now(), self.schedule.instant());
        let relay = &mut self.relays[at];
        relay.hosts.remove(&epoch);
        relay.offered.remove(&epoch);
        relay.registry.release(&tunnel, epoch, departure, instant);
        let routed =
            matches!(relay.routes.get(&tunnel), Some(Route::Live { epoch: e, .. }) if *e == epoch);
        if routed && self.flaw != Some(Flaw::KeepsRoute) {
            let left = departure == Departure::Left;
            relay.routes.insert(tunnel, Route::Away { since: now, left });
            self.routes_changed(at, tunnel);
        }
        self.carry_out(at);
    }

    pub(in crate::world) fn host_peer_said(
        &mut self,
        at: usize,
        tunnel: usize,
        epoch: Epoch,
        id: EndId,
        event: HostPeerEvent,
    ) {
        match event {
            HostPeerEvent::Ready { .. } => {}
            HostPeerEvent::Announce { port, token } => {
                let token = std::str::from_utf8(&token).ok().and_then(|token| token.parse().ok());
                let serve = self.may_serve(tunnel, port, token);
                note!(self, "port {port} of epoch {epoch} is announced: {serve}");
                if serve {
                    self.relays[at].offered.entry(epoch).or_default().insert(port);
                    self.publish(at, tunnel, epoch);
                }
                self.order_peer(id, HostPeerCommand::Answer { port, serve });
            }
            HostPeerEvent::Withdrawn { port } => {
                self.relays[at].offered.entry(epoch).or_default().remove(&port);
                self.publish(at, tunnel, epoch);
            }
        }
    }

    pub(in crate::world) fn order_peer(&mut self, id: EndId, command: HostPeerCommand) {
        if let Some(end) = self.ends.get_mut(&id)
            && let Machine::HostPeer(peer) = &mut end.machine
        {
            peer.command(command);
            self.dirty.insert(id);
        }
    }

    /// The ports that go to a session: those that its host serves and the tunnel has.
    pub(in crate::world) fn publish(&mut self, at: usize, tunnel: usize, epoch: Epoch) {
        let there = &self.tunnels[tunnel].ports;
        let relay = &mut self.relays[at];
        let served = relay.offered.get(&epoch).map(|offered| offered & there).unwrap_or_default();
        if let Some(Route::Live { epoch: now, ports, .. }) = relay.routes.get_mut(&tunnel)
            && *now == epoch
        {
            *ports = served;
            self.routes_changed(at, tunnel);
        }
    }

    /// What a tunnel is, or who may host it, has changed.
    pub(in crate::world) fn look_again(&mut self, tunnel: usize) {
        for at in 0..self.relays.len() {
            if self.relays[at].gone {
                continue;
            }
            if !self.tunnels[tunnel].exists {
                self.relays[at].registry.forget(&tunnel);
                self.carry_out(at);
                self.relays[at].routes.remove(&tunnel);
                self.routes_changed(at, tunnel);
            }
            let sessions: Vec<_> = self.relays[at].hosts.iter().map(|(e, id)| (*e, *id)).collect();
            for (epoch, id) in sessions {
                self.look_at_host(at, tunnel, epoch, id);
            }
        }
    }

    pub(in crate::world) fn look_at_host(
        &mut self,
        at: usize,
        tunnel: usize,
        epoch: Epoch,
        id: EndId,
    ) {
        let Some(Owner::HostPeer { tunnel: its, .. }) = self.ends.get(&id).map(|end| end.owner)
        else {
            return;
        };
        if its != tunnel {
            return;
        }
        if self.tunnels[tunnel].expelled > 0 || self.tunnels[tunnel].forbidden > 0 {
            return self.close_end(id);
        }
        self.publish(at, tunnel, epoch);
    }

    /// The sessions of a tunnel's hosts, whose tokens are not accepted any more.
    pub(in crate::world) fn close_sessions(&mut self, tunnel: usize) {
        let ends = self.ends.iter().filter_map(|(id, end)| match end.owner {
            Owner::HostPeer { tunnel: its, .. } if its == tunnel => Some(*id),
            _ => None,
        });
        for id in ends.collect::<Vec<_>>() {
            self.close_end(id);
        }
    }

    pub(in crate::world) fn look_soon(&mut self, at: usize) {
        if !std::mem::replace(&mut self.relays[at].looking, true) {
            let pause = if self.flaw == Some(Flaw::Spins) { Duration::ZERO } else { LOOK };
            self.schedule.after(pause, Event::Look(at));
        }
    }

    /// Sessions that are only waited for are ended when they carry nothing.
    pub(in crate::world) fn look(&mut self, at: usize) {
        self.relays[at].looking = false;
        if self.relays[at].gone {
            return;
        }
        for (tunnel, epoch) in std::mem::take(&mut self.relays[at].retiring) {
            let id = self.relays[at].hosts.get(&epoch).copied();
            if id.is_some_and(|id| self.is_busy(id)) {
                self.relays[at].retiring.push((tunnel, epoch));
            } else {
                self.relays[at].registry.emptied(&tunnel, epoch);
                self.carry_out(at);
            }
        }
        let mut left = !self.relays[at].retiring.is_empty();
        if self.relays[at].stopping {
            let hosts = self.relays[at].hosts.values().copied();
            let ends: Vec<_> = hosts.chain(self.relays[at].clients.keys().copied()).collect();
            for id in ends {
                match self.is_busy(id) {
                    true => left = true,
                    false => self.close_end(id),
                }
            }
        }
        if left || self.flaw == Some(Flaw::Spins) {
            self.look_soon(at);
        }
    }

    pub(in crate::world) fn is_busy(&mut self, id: EndId) -> bool {
        self.ends.get_mut(&id).is_some_and(|end| end.machine.session().channels() > 0)
    }
}
