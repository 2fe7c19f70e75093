//! What everything must come to, once it is mended, and what must be left when everybody has gone.

use std::time::Duration;

use adit_proto::host::{Event as Told, State};

use super::relay::Route;
use super::visits::{self, State as VisitState};
use super::{Event, World};
use crate::check::Invariant;
use crate::ends::Owner;
use crate::link::Side;
use crate::plan::{self, Heal, Seconds, Wish};
use crate::trace::note;

/// Within which everything works again, once the hosts have reason to try.
const CONVERGES: u64 = 30;
/// What else a host may need where connections died in silence: 15 s to find that out, 15 s of waiting for an
/// answer on such a connection, and the longest pause.
const UNNOTICED: u64 = 90;
/// Within which visitors are served then.
const SERVES: u64 = 25;

/// How often it is looked whether everything works again.
const LOOK: Duration = Duration::from_millis(500);

impl World {
    /// The moment from which on the hosts have reason to try: what was on its way has arrived.
    pub(super) fn hint(&mut self) {
        let now = self.schedule.now();
        let mut patience = 0.secs();
        for host in 0..self.hosts.len() {
            if !self.hosts[host].wanted {
                continue;
            }
            let failed = matches!(self.hosts[host].watch.state, Some(State::Error(_)));
            if failed && self.tunnels[self.hosts[host].tunnel].exists {
                self.wish(host, Wish::Start);
            } else if self.plan.heal == Heal::Told {
                self.schedule.after(0.secs(), Event::Report(host, Told::Moved));
            } else if let Some(due) = self.hosts[host].watch.due {
                patience = patience.max(due.saturating_sub(now));
            }
        }
        if self.plan.heal == Heal::Unnoticed {
            patience = patience.max(UNNOTICED.secs());
        }
        self.judged_at = now + patience + CONVERGES.secs();
        self.schedule.after(LOOK, Event::Judge);
    }

    /// Looks whether everything works again, which it must by the time of the judgement.
    pub(super) fn judge(&mut self) {
        let now = self.schedule.now();
        let broken = self.why_not_converged();
        if broken.is_none() && self.converged_at.is_none() {
            note!(self, "everything works again");
            self.converged_at = Some(now);
            if self.plan.heal == Heal::Told {
                self.summary.slowest = now.saturating_sub(self.plan.heals);
            }
        }
        if now < self.judged_at {
            return self.schedule.after(LOOK.min(self.judged_at - now), Event::Judge);
        }
        if let Some((invariant, text)) = broken.filter(|_| self.converged_at.is_none()) {
            self.violates(invariant, text);
        }
        self.last_visits();
        self.schedule.after(SERVES.secs(), Event::Part);
    }

    fn why_not_converged(&self) -> Option<(Invariant, String)> {
        for (at, host) in self.hosts.iter().enumerate().filter(|(_, host)| host.wanted) {
            let state = host.watch.state.clone();
            let refused = !self.tunnels[host.tunnel].exists;
            if refused && !matches!(state, Some(State::Error(_))) {
                let text = format!("host {at} of a tunnel that was deleted is {state:?}");
                return Some((Invariant::StopsWhenRefused, text));
            }
            if !refused && state != Some(State::Hosting) {
                let text = format!("host {at} is {state:?}");
                return Some((Invariant::Converges, text));
            }
        }
        (0..self.tunnels.len()).find_map(|tunnel| {
            let hosted = self.hosts.iter().any(|host| host.tunnel == tunnel && host.wanted);
            let why =
                self.why_not_calm(tunnel).filter(|_| hosted && self.tunnels[tunnel].exists)?;
            Some((Invariant::Converges, format!("tunnel {tunnel} is not served: {why}")))
        })
    }

    /// Visits each port of each tunnel in each way there is.
    fn last_visits(&mut self) {
        let now = self.schedule.now();
        for tunnel in 0..self.tunnels.len() {
            let hosted = self.hosts.iter().any(|host| host.tunnel == tunnel && host.wanted);
            if !hosted || !self.tunnels[tunnel].exists {
                continue;
            }
            let clients = (0..self.clients.len()).filter(|&at| self.clients[at].tunnel == tunnel);
            let ways: Vec<_> = clients.map(Some).chain([None]).collect();
            for port in 0..self.tunnels[tunnel].ports.len() {
                for client in ways.iter().copied() {
                    let visit = plan::Visit { at: now, tunnel, port, client, size: 3_000 };
                    self.visits.push(visits::Visit::last(visit));
                    let at = self.visits.len() - 1;
                    self.visit(at);
                }
            }
        }
    }

    /// Whether a visit need not be served, and why.
    pub(super) fn why_not_owed(&mut self, at: usize) -> Option<&'static str> {
        let (tunnel, client) = (self.visits[at].plan.tunnel, self.visits[at].plan.client);
        if self.steps.disturb() {
            return Some("something is wrong");
        }
        if !self.tunnels[tunnel].calm {
            if let Some(why) = self.why_not_calm(tunnel) {
                return Some(why);
            }
            self.tunnels[tunnel].calm = true;
        }
        let port = self.visits[at].port;
        client.and_then(|client| self.why_client_fails(client, port))
    }

    fn why_client_fails(&self, client: usize, port: u16) -> Option<&'static str> {
        let its = &self.clients[client];
        let Some(id) = its.end else { return Some("the client is not connected") };
        if self.steps.concern_client(client) {
            return Some("the client has trouble");
        }
        if !its.ports.contains(&port) {
            return Some("the client does not know the port");
        }
        let relay = match self.ends.get(&(id.0, Side::Far)).map(|end| end.owner) {
            Some(Owner::ClientPeer { relay, .. }) => relay,
            _ => return Some("the relay has given the client up"),
        };
        let link = self.links.get(&id.0);
        if relay != self.relay_now() || link.is_none_or(|link| link.dead || link.silent > 0) {
            return Some("the client's session is going");
        }
        None
    }

    /// Whether a tunnel does not work as it should, and why.
    fn why_not_calm(&self, tunnel: usize) -> Option<&'static str> {
        let relay = &self.relays[self.relay_now()];
        let Some(Route::Live { epoch, ports, since }) = relay.routes.get(&tunnel) else {
            return Some("there is no route");
        };
        // A session that replaces another by plan announces its ports in a moment.
        let young = self.tunnels[tunnel].calm && self.schedule.now() < *since + 2.secs();
        if !young && *ports != self.tunnels[tunnel].ports {
            return Some("the ports are not all served");
        }
        let serving = self.hosts.iter().filter(|host| host.tunnel == tunnel).find_map(|host| {
            let sessions = host.sessions.values().filter(|s| s.ready && !s.retiring);
            let end = |session: &super::hosts::Session| {
                let link = session.end?.0;
                let far = self.ends.get(&(link, Side::Far))?;
                matches!(far.owner, Owner::HostPeer { epoch: its, .. } if its == *epoch)
                    .then_some(link)
            };
            Some((host, sessions.filter_map(end).next()?))
        });
        let Some((host, link)) = serving else { return Some("the host has another session") };
        let link = self.links.get(&link)?;
        match () {
            () if host.watch.state != Some(State::Hosting) => Some("the host does not host"),
            () if host.frozen || !host.wanted => Some("the host is away"),
            () if link.dead || link.silent > 0 => Some("the connection is dead"),
            () => None,
        }
    }

    pub(super) fn over(&mut self) {
        for visit in 0..self.visits.len() {
            if self.visits[visit].is_last && self.visits[visit].state != VisitState::Served {
                let text = format!("visit {visit}: {:?}", self.visits[visit]);
                self.violates(Invariant::Converges, text);
            }
        }
        let mut left: Vec<String> =
            (0..self.relays.len()).filter_map(|at| self.leftover_of_relay(at)).collect();
        left.extend(self.ends.iter().map(|(id, end)| format!("{id:?} of {:?}", end.owner)));
        left.extend(self.links.keys().map(|link| format!("{link:?}")));
        let endpoints = self.tunnels.iter().filter(|tunnel| tunnel.exists && !tunnel.left_behind);
        left.extend(endpoints.filter_map(|tunnel| tunnel.endpoint.clone()));
        for (at, host) in self.hosts.iter().enumerate() {
            let stopped = matches!(host.watch.state, None | Some(State::Stopped));
            if !stopped || !host.sessions.is_empty() {
                left.push(format!("host {at} in {:?}", host.watch.state));
            }
        }
        if !left.is_empty() {
            self.violates(Invariant::NothingLeft, left.join("; "));
        }
    }
}
