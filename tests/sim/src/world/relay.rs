//! The relay: lets hosts in by the registry's order, routes channels, and bridges them.
//!
//! A relay that restarts by plan leaves the old process serving what it carries beside the new one, which
//! takes every new connection; both share the store (tunnels, epochs).

mod routes;
mod sessions;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use adit_proto::host::{Failure, SessionId};
use adit_proto::registry::{
    Claim, ClaimId, Command, Epoch, Lease, Lookup, Refusal, Registry, Version,
};
use adit_proto::relay::{ClientPeerCommand, Ending, HostPeerCommand, Role};
use adit_proto::ssh::{ChannelId, KeepAlive};

use super::{Event, World};
use crate::check::Invariant;
use crate::ends::{EndId, Machine, Owner};
use crate::plan::{Answer, Seconds};
use crate::trace::note;

/// As in the relay's sockets.
const PING: KeepAlive =
    KeepAlive { idle: Duration::from_secs(30), timeout: Duration::from_secs(10) };
/// How long an edge's visitor waits for a host that is known and away.
const PATIENCE: Duration = Duration::from_secs(5);
/// A host's session is this old before it is taken at its word about its ports.
const SETTLING: Duration = Duration::from_secs(2);
/// How often idle sessions are looked at, where that is all that ends them.
const LOOK: Duration = Duration::from_millis(250);

/// A process.
#[derive(Debug, Default)]
pub(super) struct Relay {
    /// It takes no new connections.
    pub(super) stopping: bool,
    pub(super) gone: bool,
    registry: Registry<usize>,
    pub(super) routes: BTreeMap<usize, Route>,
    pub(super) claims: BTreeMap<ClaimId, Knock>,
    hosts: BTreeMap<Epoch, EndId>,
    /// What the host of each session serves, whether the tunnel has it or not.
    offered: BTreeMap<Epoch, BTreeSet<u16>>,
    /// What each client was told.
    clients: BTreeMap<EndId, (usize, BTreeSet<u16>)>,
    waiting: Vec<Waiting>,
    retiring: Vec<(usize, Epoch)>,
    /// When the store answers the last question: it keeps their order.
    lease_at: Duration,
    wake: Option<Duration>,
    looking: bool,
}

/// Where new channels of a tunnel go.
#[derive(Clone, Debug)]
pub(super) enum Route {
    Away { since: Duration, left: bool },
    Live { epoch: Epoch, ports: BTreeSet<u16>, since: Duration },
}

/// A host's upgrade.
#[derive(Clone, Debug)]
pub(super) struct Knock {
    pub(super) host: usize,
    pub(super) session: SessionId,
    pub(super) tunnel: usize,
    pub(super) endpoint: String,
    pub(super) supersedes: Option<Epoch>,
    pub(super) token: Option<usize>,
}

/// A channel that waits for its host.
#[derive(Clone, Copy, Debug)]
struct Waiting {
    tunnel: usize,
    port: u16,
    visit: usize,
    asker: Asker,
    until: Duration,
}

/// Who wants a channel to a host.
#[derive(Clone, Copy, Debug)]
enum Asker {
    Edge,
    Client(EndId, ChannelId),
}

impl World {
    /// The process that takes new connections.
    pub(super) fn relay_now(&self) -> usize {
        self.relays.len() - 1
    }

    /// A new process on the same store.
    pub(super) fn start_relay(&mut self) {
        let mut relay = Relay::default();
        let (now, instant) = (self.schedule.now(), self.schedule.instant());
        for (at, tunnel) in self.tunnels.iter().enumerate().filter(|(_, tunnel)| tunnel.exists) {
            let Some(endpoint) = &tunnel.endpoint else { continue };
            let endpoint = endpoint.as_str().into();
            let lease = Lease { epoch: Epoch(0), endpoint, version: Version::V2, ended: false };
            relay.registry.restore(at, lease, instant);
            relay.routes.insert(at, Route::Away { since: now, left: false });
        }
        self.relays.push(relay);
        note!(self, "relay {} is up", self.relay_now());
    }

    /// The old process serves on what it carries; the new one is up already.
    pub(super) fn drain_relay(&mut self, old: usize) {
        self.relays[old].stopping = true;
        let hosts = self.relays[old].hosts.values().copied();
        let ends: Vec<_> = hosts.chain(self.relays[old].clients.keys().copied()).collect();
        for id in ends {
            match self.ends.get_mut(&id).map(|end| &mut end.machine) {
                Some(Machine::HostPeer(peer)) => drop(peer.command(HostPeerCommand::Drain)),
                Some(Machine::ClientPeer(peer)) => drop(peer.command(ClientPeerCommand::Drain)),
                _ => {}
            }
            self.dirty.insert(id);
        }
        self.look_soon(old);
    }

    /// A process is no more. `notice` says whether those connected to it hear of that.
    pub(super) fn end_relay(&mut self, at: usize, notice: bool) {
        self.relays[at].gone = true;
        let ends = self.ends.iter().filter_map(|(id, end)| match end.owner {
            Owner::HostPeer { relay, .. } | Owner::ClientPeer { relay, .. } if relay == at => {
                Some(*id)
            }
            _ => None,
        });
        for id in ends.collect::<Vec<_>>() {
            if notice {
                self.cut(id.0);
            } else if let Some(link) = self.links.get_mut(&id.0) {
                link.dead = true;
                self.watch_silence(id.0);
            }
            self.end_gone(id, Ending::Lost("the process ended".to_owned()));
        }
        for waiting in std::mem::take(&mut self.relays[at].waiting) {
            self.cannot(waiting.asker, waiting.visit, "the relay is gone");
        }
        let knocks = std::mem::take(&mut self.relays[at].claims);
        for knock in knocks.into_values() {
            self.turn_away(&knock, Failure::Transient("the relay is gone".to_owned()));
        }
    }

    /// An upgrade arrives.
    pub(super) fn knock(&mut self, knock: Knock) {
        let at = self.relay_now();
        if self.relays[at].gone {
            return match self.steps.down_noticed {
                true => self.turn_away(&knock, Failure::Transient("connection refused".to_owned())),
                false => self.held.push(Event::Knock(knock)),
            };
        }
        if let Some(answer) = self.steps.door() {
            match answer {
                Answer::Hang => return self.held.push(Event::Knock(knock)),
                Answer::Slow(millis) if !self.steps.is_slowed(&knock) => {
                    self.steps.slow(&knock);
                    let delay = self.slowness(millis);
                    return self.schedule.after(delay, Event::Knock(knock));
                }
                Answer::Slow(_) => {}
                Answer::Status(status, after) => {
                    return self.turn_away(&knock, super::service::failure(status, after));
                }
            }
        }
        if self.steps.done(&knock) && !self.hosts[knock.host].sessions.contains_key(&knock.session)
        {
            // The host has hung up meanwhile.
            return;
        }
        let tunnel = &self.tunnels[knock.tunnel];
        let failure = match () {
            () if !tunnel.exists => Some(Failure::NotFound),
            () if !self.is_accepted(knock.token, knock.tunnel) => Some(Failure::Unauthorized),
            () if tunnel.forbidden > 0 => Some(Failure::Forbidden("it is forbidden".to_owned())),
            () => None,
        };
        if let Some(failure) = failure {
            return self.turn_away(&knock, failure);
        }
        let claim = Claim {
            tunnel: knock.tunnel,
            endpoint: knock.endpoint.as_str().into(),
            published: tunnel.endpoint.as_deref().map(Into::into),
            process: Some(knock.endpoint.as_str().into()),
            supersedes: knock.supersedes,
            version: Version::V2,
        };
        let instant = self.schedule.instant();
        let id = self.relays[at].registry.claim(claim, instant);
        self.relays[at].claims.insert(id, knock);
        self.carry_out(at);
    }

    fn turn_away(&mut self, knock: &Knock, failure: Failure) {
        let delay = self.latency();
        let answer = Event::Entered(knock.host, knock.session, Err(failure));
        self.schedule.after(delay, answer);
    }

    pub(super) fn lease(&mut self, at: usize, claim: ClaimId) {
        if self.relays[at].gone {
            return;
        }
        let (epoch, instant) = (Epoch(self.next_epoch), self.schedule.instant());
        if self.steps.store_full > 0 {
            self.relays[at].registry.lease_refused(claim);
        } else {
            self.next_epoch += 1;
            self.relays[at].registry.lease_granted(claim, epoch, instant);
        }
        self.carry_out(at);
    }

    /// Does what the registry wants done.
    pub(super) fn carry_out(&mut self, at: usize) {
        while let Some(command) = self.relays[at].registry.poll() {
            match command {
                Command::PersistLease { claim, .. } => {
                    let due = self.schedule.now() + self.rng.millis(0, 20);
                    let due = due.max(self.relays[at].lease_at);
                    self.relays[at].lease_at = due;
                    self.schedule.at(due, Event::Lease(at, claim));
                }
                Command::EndLease { .. } => {}
                Command::StartRouting { claim, tunnel, epoch, .. } => {
                    self.let_in(at, claim, tunnel, epoch);
                }
                Command::Retire { tunnel, epoch, .. } => {
                    self.relays[at].retiring.push((tunnel, epoch));
                    self.look_soon(at);
                }
                Command::Close { tunnel, epoch } => {
                    let evict = !self.plan.overlaps && self.tunnels[tunnel].exists;
                    self.end_session(at, tunnel, epoch, evict);
                }
                Command::Disconnect12 { tunnel, epoch } => {
                    self.disturb(tunnel, "another host took over");
                    self.end_session(at, tunnel, epoch, true);
                }
                Command::AcceptThenDisconnect12 { claim, .. } => self.let_in_and_out(at, claim),
                Command::Refuse { claim, refusal, .. } => {
                    let Some(knock) = self.relays[at].claims.remove(&claim) else { continue };
                    self.turn_away(
                        &knock,
                        match refusal {
                            Refusal::NotPublished | Refusal::TunnelGone => Failure::NotFound,
                            Refusal::Outdated | Refusal::NoLease => {
                                Failure::Unavailable { retry_after: Some(1.secs()) }
                            }
                        },
                    );
                }
            }
        }
        self.compare_routes(at);
        self.arm_relay(at);
    }

    pub(super) fn endpoint_deleted(&mut self, tunnel: usize, endpoint: &str) {
        for at in 0..self.relays.len() {
            self.relays[at].registry.withdraw(&tunnel, endpoint);
            if let Some(Route::Away { left, .. }) = self.relays[at].routes.get_mut(&tunnel) {
                *left = true;
            }
            self.carry_out(at);
        }
    }

    /// The relay's answer and the registry's must be the same.
    fn compare_routes(&mut self, at: usize) {
        let instant = self.schedule.instant();
        for tunnel in 0..self.tunnels.len() {
            let relay = &self.relays[at];
            let registry = match relay.registry.lookup(&tunnel, instant) {
                Lookup::Local { epoch, .. } => Some(epoch),
                _ => None,
            };
            let route = match relay.routes.get(&tunnel) {
                Some(Route::Live { epoch, .. }) => Some(*epoch),
                _ => None,
            };
            let sessions = relay.registry.sessions(&tunnel).count();
            if registry != route && self.tunnels[tunnel].exists {
                let text = format!("tunnel {tunnel}: {registry:?}, but routed to {route:?}");
                self.violates(Invariant::RegistryAgrees, text);
            }
            if sessions > 1 + adit_proto::registry::MAX_RETIRING {
                let text = format!("relay {at} has {sessions} sessions of tunnel {tunnel}");
                self.violates(Invariant::OneSession, text);
            }
        }
    }

    fn arm_relay(&mut self, at: usize) {
        let relay = &self.relays[at];
        let deadline = relay.registry.deadline().map(|due| self.schedule.time_of(due));
        let waiting = relay.waiting.iter().map(|waiting| waiting.until).min();
        let settles = relay.routes.values().filter_map(|route| match route {
            Route::Live { since, .. } => Some(*since + SETTLING),
            Route::Away { .. } => None,
        });
        let now = self.schedule.now();
        let settles = settles.filter(|at| *at > now).min();
        let due = deadline.into_iter().chain(waiting).chain(settles).min();
        if let Some(due) = due.filter(|due| relay.wake.is_none_or(|wake| *due < wake)) {
            self.relays[at].wake = Some(due);
            self.schedule.at(due, Event::RelayWake(at));
        }
    }

    pub(super) fn relay_wake(&mut self, at: usize) {
        let now = self.schedule.now();
        if self.relays[at].wake.is_none_or(|wake| wake > now) {
            return;
        }
        self.relays[at].wake = None;
        if self.relays[at].gone {
            return;
        }
        let instant = self.schedule.instant();
        self.relays[at].registry.handle_timeout(instant);
        self.carry_out(at);
        for tunnel in 0..self.tunnels.len() {
            self.routes_changed(at, tunnel);
        }
    }

    /// Whether anything of a process is left.
    pub(super) fn leftover_of_relay(&self, at: usize) -> Option<String> {
        let relay = &self.relays[at];
        let sessions: usize =
            (0..self.tunnels.len()).map(|tunnel| relay.registry.sessions(&tunnel).count()).sum();
        let claims = relay.claims.len();
        let (hosts, clients, waiting) =
            (relay.hosts.len(), relay.clients.len(), relay.waiting.len());
        let any = !relay.gone && sessions + claims + hosts + clients + waiting > 0;
        any.then(|| {
            format!("relay {at} has {sessions} sessions, {claims} claims, {hosts} hosts, {clients} clients, {waiting} waiting")
        })
    }
}
