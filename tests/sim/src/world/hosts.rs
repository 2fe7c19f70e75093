//! Hosts: what the product's driver does for a policy, done for one in a world.

mod news;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use adit_proto::host::{self as policy, Action, Endpoint, Notice, Probe, SessionId, State};
use adit_proto::registry::Epoch;
use adit_proto::relay::{HostCommand, Role};
use adit_proto::ssh::{KeepAlive, disconnect};
use bytes::Bytes;

use super::service::{Ask, Call};
use super::watch::Watch;
use super::{Event, World};
use crate::brain::{Brain, Flaw};
use crate::ends::{EndId, Machine};
use crate::plan::{Seconds, What, Wish};
use crate::trace::note;

/// As in the sockets of the host and the client.
pub(super) const PING: KeepAlive =
    KeepAlive { idle: Duration::from_secs(5), timeout: Duration::from_secs(10) };
/// How long a host that leaves lets finish what is in flight.
const FAREWELL: Duration = Duration::from_secs(5);
const FAREWELL_CHECK: Duration = Duration::from_millis(20);

/// A process that hosts a tunnel.
#[derive(Debug)]
pub(super) struct Host {
    pub(super) brain: Brain,
    pub(super) tunnel: usize,
    /// What it calls its endpoint, and its process.
    pub(super) endpoint: String,
    pub(super) token: Option<usize>,
    /// The endpoint was put, as far as it knows.
    known: bool,
    pub(super) sessions: BTreeMap<SessionId, Session>,
    ports: BTreeSet<u16>,
    wake: Option<Duration>,
    /// How far its calendar is ahead, in seconds.
    pub(super) ahead: i64,
    pub(super) frozen: bool,
    pub(super) thawed_at: Duration,
    pub(super) backlog: Vec<Event>,
    /// Its user wants it to host.
    pub(super) wanted: bool,
    closing: BTreeSet<EndId>,
    unregister: bool,
    pub(super) watch: Watch,
}

/// A try and the session that came of it.
#[derive(Debug, Default)]
pub(super) struct Session {
    pub(super) end: Option<EndId>,
    pub(super) epoch: Option<Epoch>,
    /// The handshake is over.
    pub(super) ready: bool,
    pub(super) retiring: bool,
    pub(super) asked: BTreeSet<u16>,
    pub(super) answered: BTreeSet<u16>,
    proven: bool,
}

impl Host {
    pub(super) fn new(at: usize, tunnel: usize, flaw: Option<Flaw>) -> Host {
        Host {
            brain: Brain::new(flaw),
            tunnel,
            endpoint: format!("host-{at}-relay"),
            token: None,
            known: false,
            sessions: BTreeMap::new(),
            ports: BTreeSet::new(),
            wake: None,
            ahead: 0,
            frozen: false,
            thawed_at: Duration::ZERO,
            backlog: Vec::new(),
            wanted: false,
            closing: BTreeSet::new(),
            unregister: false,
            watch: Watch::default(),
        }
    }
}

impl World {
    /// Tells a policy what happened and does what it says.
    pub(super) fn tell(&mut self, host: usize, event: policy::Event) {
        note!(self, "host {host} <- {event:?}");
        self.hosts[host].watch.told(&event);
        let (now, random) = (self.schedule.instant(), self.rng.any());
        self.hosts[host].brain.handle(event, now, random);
        self.act(host);
    }

    pub(super) fn host_wake(&mut self, host: usize) {
        let now = self.schedule.now();
        if self.hosts[host].wake.is_none_or(|wake| wake > now) {
            return;
        }
        self.hosts[host].wake = None;
        self.hosts[host].watch.woken();
        let (now, random) = (self.schedule.instant(), self.rng.any());
        self.hosts[host].brain.handle_timeout(now, random);
        self.act(host);
    }

    fn act(&mut self, host: usize) {
        while let Some(action) = self.hosts[host].brain.poll() {
            note!(self, "host {host} -> {}", words(&action));
            self.watch_action(host, &action);
            self.obey(host, action);
        }
        self.watch_host(host);
        let Some(due) = self.hosts[host].brain.deadline() else { return };
        let due = self.schedule.time_of(due).max(self.schedule.now());
        if self.hosts[host].wake.is_none_or(|wake| due < wake) {
            self.hosts[host].wake = Some(due);
            self.schedule.at(due, Event::HostWake(host));
        }
    }

    fn obey(&mut self, host: usize, action: Action) {
        match action {
            Action::Mint { session } => {
                self.hosts[host].sessions.entry(session).or_default();
                self.send_call(Call::new(host, Some(session), Ask::Mint));
            }
            Action::Connect { session, endpoint, supersedes } => {
                let entry = self.hosts[host].sessions.entry(session).or_default();
                entry.epoch = supersedes;
                match self.hosts[host].known && endpoint != Endpoint::Put {
                    true => self.send_knock(host, session),
                    false => self.send_call(Call::new(host, Some(session), Ask::PutEndpoint)),
                }
            }
            Action::Announce { session, ports } => self.announce_ports(host, session, ports),
            Action::Withdraw { session, ports } => {
                if let Some(entry) = self.hosts[host].sessions.get_mut(&session) {
                    entry.asked.retain(|port| !ports.contains(port));
                    entry.answered.retain(|port| !ports.contains(port));
                }
                for port in ports {
                    self.order_host(host, session, HostCommand::Withdraw { port });
                }
            }
            Action::Retire { session } => {
                self.summary.swaps += 1;
                if let Some(entry) = self.hosts[host].sessions.get_mut(&session) {
                    entry.retiring = true;
                }
            }
            Action::Close { session, goodbye } => self.close_session(host, session, goodbye),
            Action::Unregister => {
                self.hosts[host].unregister = true;
                self.unregister_when_closed(host);
            }
            Action::Tell(_) => {}
        }
    }

    fn announce_ports(&mut self, host: usize, session: SessionId, ports: BTreeSet<u16>) {
        let token = self.hosts[host].token.map(|token| token.to_string()).unwrap_or_default();
        for port in ports {
            if let Some(entry) = self.hosts[host].sessions.get_mut(&session) {
                entry.asked.insert(port);
            }
            let token = Bytes::from(token.clone());
            self.order_host(host, session, HostCommand::Announce { port, token });
        }
    }

    fn order_host(&mut self, host: usize, session: SessionId, command: HostCommand) {
        let Some(id) = self.hosts[host].sessions.get(&session).and_then(|entry| entry.end) else {
            return;
        };
        if let Some(end) = self.ends.get_mut(&id)
            && let Machine::Host(machine) = &mut end.machine
        {
            machine.command(command);
            self.dirty.insert(id);
        }
    }

    fn close_session(&mut self, host: usize, session: SessionId, goodbye: bool) {
        let Some(entry) = self.hosts[host].sessions.remove(&session) else { return };
        let Some(id) = entry.end else { return };
        if !goodbye {
            return self.close_end(id);
        }
        self.hosts[host].closing.insert(id);
        if let Some(Machine::Host(machine)) = self.ends.get_mut(&id).map(|end| &mut end.machine) {
            for port in entry.asked {
                machine.command(HostCommand::Withdraw { port });
            }
        }
        self.dirty.insert(id);
        let until = self.schedule.now() + FAREWELL;
        self.schedule.after(Duration::ZERO, Event::Farewell(id, until));
    }

    pub(super) fn farewell(&mut self, id: EndId, until: Duration) {
        let Some(end) = self.ends.get_mut(&id) else { return };
        let idle = end.machine.session().channels() == 0;
        if idle || self.schedule.now() >= until {
            return self.disconnect(id, disconnect::BY_APPLICATION);
        }
        self.schedule.after(FAREWELL_CHECK, Event::Farewell(id, until));
    }

    fn unregister_when_closed(&mut self, host: usize) {
        let leaving = &mut self.hosts[host];
        if leaving.closing.is_empty() && std::mem::take(&mut leaving.unregister) {
            leaving.known = false;
            self.send_call(Call::new(host, None, Ask::DeleteEndpoint));
        }
    }

    /// Tells a host the ports of its tunnel.
    pub(super) fn tell_ports(&mut self, host: usize) {
        let ports = self.tunnels[self.hosts[host].tunnel].ports.clone();
        self.hosts[host].ports.clone_from(&ports);
        self.tell(host, policy::Event::PortsWanted(ports));
    }

    /// Somebody wants something of a host.
    pub(super) fn wish(&mut self, host: usize, wish: Wish) {
        let event = match wish {
            Wish::Start => policy::Event::Start,
            Wish::Stop => policy::Event::Stop,
            Wish::TakeOver => policy::Event::TakeOver,
            Wish::RetryNow => policy::Event::RetryNow,
            Wish::Renew => policy::Event::RemintDue,
            Wish::Drop => policy::Event::DropRequested,
            Wish::Dead => {
                for _ in 0..2 {
                    self.schedule.after(
                        Duration::ZERO,
                        Event::Report(host, policy::Event::Probe(Probe::Down)),
                    );
                }
                policy::Event::Probe(Probe::Down)
            }
        };
        match wish {
            Wish::Stop => self.hosts[host].wanted = false,
            Wish::Start | Wish::TakeOver => {
                let standing_by = self.hosts[host].watch.state == Some(State::Standby);
                self.hosts[host].wanted |= wish == Wish::TakeOver || !standing_by;
                self.tunnels[self.hosts[host].tunnel].moves_wished += 1;
            }
            _ => {}
        }
        self.schedule.after(Duration::ZERO, Event::Report(host, event));
    }

    /// What a step does to hosts that watch their network and their clock.
    pub(super) fn host_wakes(&mut self, host: usize, what: What) {
        if self.rng.chance(50) {
            let event = match what {
                What::Clock(..) => policy::Event::RemintDue,
                _ => policy::Event::Moved,
            };
            self.schedule.after(1.secs(), Event::Report(host, event));
        }
    }
}

/// An action without the one moment in it, which is another in each run; the wait says the same.
fn words(action: &Action) -> String {
    match action {
        Action::Tell(Notice::Retry { attempt, delay, cause, .. }) => {
            format!("try {attempt} in {delay:?}: {cause}")
        }
        Action::Tell(notice) => format!("{notice:?}"),
        action => format!("{action:?}"),
    }
}
