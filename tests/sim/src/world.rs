//! A world: hosts, relays, clients and visitors, what connects them, and what happens to them.
//!
//! One queue of events in virtual time drives everything; the machines of `adit-proto` decide, and
//! what is here does for them what the drivers do in the product: a host's is in `hosts`, the
//! relay's in `relay`, the management service in `service`, bytes move in `wires`. Every number
//! comes from the plan's seed, so a world is the same whenever it is run.
//!
//! What a host is told and tells goes through [`hosts::Host`], whose `brain` is the keep-alive
//! policy; a machine that stands above the policies (an application that starts and stops many
//! of them) belongs between the steps of a plan and [`World::wish`].

mod channels;
mod clients;
mod hosts;
mod relay;
mod service;
mod steps;
mod verdict;
mod visits;
mod watch;
mod wires;

pub use watch::may_follow;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use adit_proto::host as policy;
use adit_proto::host::SessionId;
use adit_proto::registry::{ClaimId, Epoch};
use adit_proto::ssh::ChannelId;

use crate::brain::Flaw;
use crate::check::{Invariant, Summary};
use crate::ends::{End, EndId};
use crate::harness::Violation;
use crate::link::{Link, LinkId, Side};
use crate::plan::{Plan, Seconds};
use crate::rng::Rng;
use crate::schedule::Schedule;
use crate::trace::{Trace, note};

/// More events than any honest world needs: what goes beyond turns in circles.
const TOO_BUSY: u64 = 400_000;

pub(crate) struct World {
    plan: Plan,
    schedule: Schedule<Event>,
    rng: Rng,
    trace: Trace,
    flaw: Option<Flaw>,
    violation: Option<Violation<Invariant>>,
    summary: Summary,
    steps: steps::Steps,
    /// What waits until something is mended.
    held: Vec<Event>,

    links: BTreeMap<LinkId, Link>,
    next_link: u64,
    ends: BTreeMap<EndId, End>,
    channels: BTreeMap<EndId, BTreeMap<ChannelId, channels::Conduit>>,
    dirty: BTreeSet<EndId>,

    hosts: Vec<hosts::Host>,
    clients: Vec<clients::Client>,
    tunnels: Vec<service::Tunnel>,
    tokens: Vec<service::Token>,
    relays: Vec<relay::Relay>,
    next_epoch: u64,
    visits: Vec<visits::Visit>,
    judged_at: Duration,
    converged_at: Option<Duration>,
}

/// What is due.
#[derive(Clone, Debug)]
enum Event {
    Begin(usize),
    End(usize),
    /// Something may have arrived.
    Arrive(LinkId, Side),
    /// A session's deadline.
    Wake(EndId),
    /// A policy's deadline.
    HostWake(usize),
    /// A host looks which ports its tunnel has.
    Ports(usize),
    /// Something that a policy is told.
    Report(usize, policy::Event),
    /// A call arrives at the management service.
    Call(service::Call),
    /// Its answer arrives at the host.
    Answered(service::Call, Result<Option<usize>, policy::Failure>),
    /// An upgrade arrives at the relay.
    Knock(relay::Knock),
    /// Its answer arrives at the host.
    Entered(usize, SessionId, Result<(LinkId, Option<Epoch>), policy::Failure>),
    /// The store answers.
    Lease(usize, ClaimId),
    RelayWake(usize),
    /// A relay that stops looks for sessions without channels.
    Look(usize),
    /// A host that leaves looks whether what it carries has ended.
    Farewell(EndId, Duration),
    ClientTry(usize),
    ClientKnock(usize),
    /// The answer to a client.
    ClientEntered(usize, Option<LinkId>),
    Visit(usize),
    VisitDue(usize),
    /// A connection has been silent for so long that it must have been found out.
    SilenceDue(LinkId, Duration),
    Heal,
    Hint,
    Judge,
    Part,
    Over,
}

impl World {
    pub(crate) fn new(plan: &Plan, flaw: Option<Flaw>, trace: Trace) -> World {
        let mut world = World {
            schedule: Schedule::new(),
            rng: Rng::new(plan.seed),
            trace,
            flaw,
            violation: None,
            summary: Summary::default(),
            steps: steps::Steps::default(),
            held: Vec::new(),
            links: BTreeMap::new(),
            next_link: 0,
            ends: BTreeMap::new(),
            channels: BTreeMap::new(),
            dirty: BTreeSet::new(),
            hosts: Vec::new(),
            clients: plan.clients.iter().map(|&tunnel| clients::Client::new(tunnel)).collect(),
            tunnels: plan.tunnels.iter().map(|ports| service::Tunnel::new(ports.clone())).collect(),
            tokens: Vec::new(),
            relays: vec![relay::Relay::default()],
            next_epoch: 1,
            visits: Vec::new(),
            judged_at: Duration::MAX,
            converged_at: None,
            plan: plan.clone(),
        };
        world.populate();
        world
    }

    fn populate(&mut self) {
        for (at, &tunnel) in self.plan.hosts.iter().enumerate() {
            self.hosts.push(hosts::Host::new(at, tunnel, self.flaw));
        }
        for host in 0..self.hosts.len() {
            self.tell_ports(host);
        }
        for step in 0..self.plan.steps.len() {
            self.schedule.at(self.plan.steps[step].at.min(self.plan.heals), Event::Begin(step));
        }
        for client in 0..self.clients.len() {
            let at = self.rng.millis(0, 3_000);
            self.schedule.at(at, Event::ClientTry(client));
        }
        for visit in self.plan.visits.clone() {
            self.schedule.at(visit.at, Event::Visit(self.visits.len()));
            self.visits.push(visits::Visit::new(visit));
        }
        self.schedule.at(self.plan.heals, Event::Heal);
    }

    /// Runs to the end, or to the first violation.
    pub(crate) fn run(mut self) -> (Result<Summary, Violation<Invariant>>, Trace) {
        let mut left = TOO_BUSY;
        while let Some(event) = self.schedule.pop() {
            let over = matches!(event, Event::Over);
            self.happen(event);
            self.settle();
            left -= 1;
            if left == 0 {
                self.violates(Invariant::Quiet, "the world does not come to rest".to_owned());
            }
            if self.violation.is_some() || over {
                break;
            }
        }
        self.summary.events = TOO_BUSY - left;
        let outcome = match self.violation {
            Some(violation) => Err(violation),
            None => Ok(self.summary),
        };
        (outcome, self.trace)
    }

    fn happen(&mut self, event: Event) {
        if let Some(host) = self.concerned(&event).filter(|&host| self.hosts[host].frozen) {
            return self.hosts[host].backlog.push(event);
        }
        match event {
            Event::Begin(step) => self.begin(step),
            Event::End(step) => self.end(step),
            Event::Arrive(link, to) => self.arrive(link, to),
            Event::Wake(end) => self.wake(end),
            Event::HostWake(host) => self.host_wake(host),
            Event::Ports(host) => self.tell_ports(host),
            Event::Report(host, event) => self.tell(host, event),
            Event::Call(call) => self.call(call),
            Event::Answered(call, result) => self.answered(call, result),
            Event::Knock(knock) => self.knock(knock),
            Event::Entered(host, session, result) => self.entered(host, session, result),
            Event::Lease(relay, claim) => self.lease(relay, claim),
            Event::RelayWake(relay) => self.relay_wake(relay),
            Event::Look(relay) => self.look(relay),
            Event::Farewell(end, until) => self.farewell(end, until),
            Event::ClientTry(client) => self.client_try(client),
            Event::ClientKnock(client) => self.client_knock(client),
            Event::ClientEntered(client, link) => self.client_entered(client, link),
            Event::Visit(visit) => self.visit(visit),
            Event::VisitDue(visit) => self.visit_due(visit),
            Event::SilenceDue(link, since) => self.silence_due(link, since),
            Event::Heal => self.heal(),
            Event::Hint => self.hint(),
            Event::Judge => self.judge(),
            Event::Part => self.part(),
            Event::Over => self.over(),
        }
    }

    /// The host that an event happens to, for it may be asleep.
    fn concerned(&self, event: &Event) -> Option<usize> {
        match event {
            Event::HostWake(host)
            | Event::Ports(host)
            | Event::Report(host, _)
            | Event::Entered(host, ..) => Some(*host),
            Event::Answered(call, _) => Some(call.host),
            Event::Wake(end) | Event::Farewell(end, _) => self.host_of(*end),
            Event::Arrive(link, to) => self.host_of((*link, *to)),
            _ => None,
        }
    }

    /// How long a message travels.
    fn latency(&mut self) -> Duration {
        self.plan.delay + self.rng.millis(0, self.plan.jitter)
    }

    /// The delay of something slow. When everything is mended, nothing is slow any more.
    fn slowness(&self, millis: u64) -> Duration {
        let left = self.plan.heals.saturating_sub(self.schedule.now());
        Duration::from_millis(millis).min(left + Duration::from_millis(500))
    }

    /// Notes that a promise was broken. The first one counts.
    fn violates(&mut self, promise: Invariant, text: String) {
        note!(self, "VIOLATION {promise:?}: {text}");
        let at = self.schedule.now();
        self.violation.get_or_insert(Violation { promise, at, text });
    }

    fn heal(&mut self) {
        note!(self, "everything heals ({:?})", self.plan.heal);
        self.mend();
        self.schedule.after(Duration::from_millis(1_500), Event::Hint);
    }

    /// Lets go of what waited, in the order in which it came to wait.
    fn release_held(&mut self) {
        for event in std::mem::take(&mut self.held) {
            if let Event::Knock(knock) = &event
                && !self.hosts[knock.host].sessions.contains_key(&knock.session)
            {
                // The host has hung up meanwhile.
                continue;
            }
            let delay = self.rng.millis(0, 900);
            self.schedule.after(delay, event);
        }
    }

    fn part(&mut self) {
        note!(self, "everybody leaves");
        for host in 0..self.hosts.len() {
            self.wish(host, crate::plan::Wish::Stop);
        }
        for client in 0..self.clients.len() {
            self.client_leave(client);
        }
        // A relay finds a host that left in silence after 40 s, and 60 s are for what retires.
        self.schedule.after(80.secs(), Event::Over);
    }
}
