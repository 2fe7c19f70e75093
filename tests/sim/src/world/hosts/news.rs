//! What a host learns: the answers to its calls, and what its sessions say.

use std::time::Duration;

use adit_proto::host::{self as policy, Failure, SessionId};
use adit_proto::registry::Epoch;
use adit_proto::relay::{Ending, HostEvent, Role};
use adit_proto::ssh::ChannelId;
use jiff::{SignedDuration, Timestamp};

use super::Host;
use crate::ends::{EndId, Machine};
use crate::link::{LinkId, Side};
use crate::world::channels::Conduit;
use crate::world::relay::Knock;
use crate::world::service::{Ask, Call};
use crate::world::{Event, World};

impl World {
    /// The service's answer.
    pub(in crate::world) fn answered(
        &mut self,
        call: Call,
        result: Result<Option<usize>, Failure>,
    ) {
        let host = call.host;
        if self.steps.is_offline(host) {
            return self.held.push(Event::Answered(call, result));
        }
        let Some(session) = call.session else {
            // That is all that is tried: the host is gone. A token that has ended cannot help it.
            self.tunnels[self.hosts[host].tunnel].left_behind |= result.is_err();
            return;
        };
        if !self.hosts[host].sessions.contains_key(&session) {
            return;
        }
        let event = match (call.what, result) {
            (Ask::Mint, Ok(token)) => {
                self.hosts[host].token = token;
                let life = self.life_of_token(host);
                policy::Event::TokenMinted { session, life }
            }
            (Ask::Mint, Err(failure)) => policy::Event::MintFailed { session, failure },
            (_, Ok(_)) => return self.send_knock(host, session),
            (_, Err(failure)) => policy::Event::ConnectFailed { session, failure },
        };
        if !matches!(event, policy::Event::TokenMinted { .. }) {
            self.hosts[host].sessions.remove(&session);
        }
        self.report(host, event);
    }

    /// How long the host's token lives, by the host's own calendar.
    fn life_of_token(&self, host: usize) -> Option<Duration> {
        if !self.plan.tokens.1 {
            return None;
        }
        let ends = self.tokens.get(self.hosts[host].token?)?.ends;
        let stamp = |time: Duration| {
            SignedDuration::try_from(time)
                .ok()
                .and_then(|time| Timestamp::UNIX_EPOCH.checked_add(time).ok())
        };
        let wall = stamp(self.schedule.now())?;
        let wall = wall.checked_add(SignedDuration::from_secs(self.hosts[host].ahead)).ok()?;
        policy::life(stamp(ends), wall)
    }

    /// Brings news to a policy, and sometimes the same again much later.
    pub(in crate::world) fn report(&mut self, host: usize, event: policy::Event) {
        if self.rng.chance(self.plan.duplicates) {
            let delay = self.rng.millis(0, 40_000);
            self.schedule.after(delay, Event::Report(host, event.clone()));
        }
        self.tell(host, event);
    }

    pub(in crate::world) fn send_knock(&mut self, host: usize, session: SessionId) {
        let delay = self.latency();
        if self.steps.has_no_dns(host) {
            let failure = Failure::Transient("the name was not found".to_owned());
            return self.schedule.after(delay, Event::Entered(host, session, Err(failure)));
        }
        let Host { tunnel, endpoint, token, sessions, .. } = &self.hosts[host];
        let supersedes = sessions.get(&session).and_then(|entry| entry.epoch);
        let (tunnel, endpoint, token) = (*tunnel, endpoint.clone(), *token);
        let knock = Knock { host, session, tunnel, endpoint, supersedes, token };
        match self.steps.is_offline(host) {
            true => self.held.push(Event::Knock(knock)),
            false => self.schedule.after(delay, Event::Knock(knock)),
        }
    }

    /// The relay's answer to the upgrade.
    pub(in crate::world) fn entered(
        &mut self,
        host: usize,
        session: SessionId,
        result: Result<(LinkId, Option<Epoch>), Failure>,
    ) {
        if self.steps.is_offline(host) {
            return self.held.push(Event::Entered(host, session, result));
        }
        let known = self.hosts[host].sessions.get_mut(&session);
        match (result, known) {
            (Ok((link, epoch)), known) => {
                let id = (link, Side::Near);
                if let Some(end) = self.ends.get_mut(&id) {
                    end.stalled -= 1;
                }
                let Some(entry) = known else {
                    // It was called off meanwhile.
                    return self.close_end(id);
                };
                entry.end = Some(id);
                entry.epoch = epoch;
                self.hosts[host].known = true;
                self.schedule.after(Duration::ZERO, Event::Arrive(link, Side::Near));
            }
            (Err(failure), Some(_)) => {
                self.hosts[host].sessions.remove(&session);
                self.report(host, policy::Event::ConnectFailed { session, failure });
            }
            (Err(_), None) => {}
        }
    }

    pub(in crate::world) fn host_said(
        &mut self,
        host: usize,
        session: SessionId,
        id: EndId,
        channel: Option<ChannelId>,
        event: HostEvent,
    ) {
        if let HostEvent::Connect(connect) = event {
            return self.serve_visitor(host, session, id, channel, &connect.originator);
        }
        let Some(entry) = self.hosts[host].sessions.get_mut(&session) else { return };
        let event = match event {
            HostEvent::Ready { .. } => {
                entry.ready = true;
                policy::Event::Connected { session, epoch: entry.epoch }
            }
            HostEvent::Announced { port } => {
                entry.answered.insert(port);
                policy::Event::PortAnnounced { session, port }
            }
            HostEvent::Refused { port } => {
                entry.asked.remove(&port);
                let failure = Failure::Transient("no".to_owned());
                policy::Event::PortRefused { session, port, failure }
            }
            HostEvent::PortsChanged => return,
            HostEvent::Drain => policy::Event::Drain { session },
            HostEvent::Connect(_) => return,
        };
        self.report(host, event);
    }

    /// Connects a visitor to the local server.
    fn serve_visitor(
        &mut self,
        host: usize,
        session: SessionId,
        id: EndId,
        channel: Option<ChannelId>,
        visit: &str,
    ) {
        let (Some(channel), Ok(visit)) = (channel, visit.parse()) else { return };
        let Some(Machine::Host(machine)) = self.ends.get_mut(&id).map(|end| &mut end.machine)
        else {
            return;
        };
        machine.accept(channel, false);
        self.dirty.insert(id);
        let pending = std::collections::VecDeque::new();
        self.carry(id, channel, Conduit::Server { visit, pending, eof: false, ended: false });
        if let Some(entry) = self.hosts[host].sessions.get_mut(&session)
            && !std::mem::replace(&mut entry.proven, true)
        {
            self.tell(host, policy::Event::Traffic { session });
        }
    }

    /// The end of a host's session is gone.
    pub(in crate::world) fn host_end_gone(
        &mut self,
        host: usize,
        session: SessionId,
        ending: Ending,
    ) {
        let id = self.hosts[host].closing.iter().copied().find(|id| !self.ends.contains_key(id));
        if let Some(id) = id {
            self.hosts[host].closing.remove(&id);
            self.unregister_when_closed(host);
        }
        if self.hosts[host].sessions.remove(&session).is_none() {
            return;
        }
        let event = match ending {
            Ending::Disconnected { reason, .. } => policy::Event::Disconnected { session, reason },
            Ending::Failed(error) => policy::Event::Dropped { session, cause: error.to_string() },
            Ending::Lost(cause) => policy::Event::Dropped { session, cause },
            Ending::Local => return,
        };
        self.report(host, event);
    }
}
