//! Visitors, and the channels that carry what they say: the visitor's, the relay's bridges, the local server's.

use adit_proto::relay::message::Connect;
use adit_proto::relay::{ClientCommand, Role};

use super::channels::Conduit;
use super::{Event, World};
use crate::check::Invariant;
use crate::ends::Machine;
use crate::plan::{self, Seconds};
use crate::trace::note;

/// Seconds within which a visit must be served: less than what a session that retires is given, and more than
/// the slowest way needs.
const PATIENCE: u64 = 50;

/// Someone's request: bytes that go to the local server and come back.
#[derive(Debug)]
pub(super) struct Visit {
    pub(super) plan: plan::Visit,
    pub(super) state: State,
    /// Why it need not be served, if there is a reason.
    pub(super) excuse: Option<&'static str>,
    pub(super) sent: usize,
    /// What the local server has seen of it.
    pub(super) seen: usize,
    pub(super) received: usize,
    pub(super) port: u16,
    /// One of those that show whether everything works again.
    pub(super) is_last: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Planned,
    Opening,
    Open,
    Served,
    Failed,
}

impl Visit {
    pub(super) fn new(plan: plan::Visit) -> Visit {
        Visit {
            plan,
            state: State::Planned,
            excuse: None,
            sent: 0,
            seen: 0,
            received: 0,
            port: 0,
            is_last: false,
        }
    }

    /// One that must be served, since everything is mended.
    pub(super) fn last(plan: plan::Visit) -> Visit {
        Visit { is_last: true, ..Visit::new(plan) }
    }

    pub(super) fn is_under_way(&self) -> bool {
        matches!(self.state, State::Opening | State::Open)
    }
}

impl World {
    /// Somebody comes.
    pub(super) fn visit(&mut self, at: usize) {
        let plan = self.visits[at].plan;
        let ports = &self.tunnels[plan.tunnel].ports;
        let Some(&port) = ports.iter().nth(plan.port % ports.len().max(1)) else {
            return self.excuse(at, "the tunnel has no ports");
        };
        self.visits[at].port = port;
        self.visits[at].state = State::Opening;
        self.visits[at].excuse = self.why_not_owed(at);
        if self.visits[at].excuse.is_none() {
            self.summary.owed += 1;
        }
        note!(self, "visit {at} of port {port} ({:?}): {:?}", plan.client, self.visits[at].excuse);
        self.schedule.after(PATIENCE.secs(), Event::VisitDue(at));
        match plan.client {
            Some(client) => self.visit_by_client(at, client),
            None => self.visit_by_edge(at),
        }
    }

    fn visit_by_client(&mut self, at: usize, client: usize) {
        let port = self.visits[at].port;
        let id = self.clients[client].end.filter(|_| self.clients[client].ports.contains(&port));
        let Some(id) = id else { return self.fail_visit(at, "the client has no such port") };
        let connect = Connect { originator: at.to_string(), ..Connect::to_port(port) };
        let Some(end) = self.ends.get_mut(&id) else { return };
        let Machine::Client(machine) = &mut end.machine else { return };
        let Some(channel) = machine.command(ClientCommand::Connect(connect)) else {
            return self.fail_visit(at, "too many channels");
        };
        self.dirty.insert(id);
        self.carry(id, channel, Conduit::Visitor { visit: at, ended: false });
    }

    pub(super) fn served(&mut self, at: usize) {
        if self.visits[at].is_under_way() {
            self.visits[at].state = State::Served;
            self.summary.served += 1;
            note!(self, "visit {at} is served");
        }
    }

    pub(super) fn fail_visit(&mut self, at: usize, why: &str) {
        if !self.visits[at].is_under_way() {
            return;
        }
        note!(self, "visit {at} fails: {why}");
        self.visits[at].state = State::Failed;
        if self.visits[at].excuse.is_none() {
            return self.violates(Invariant::LosesNothing, format!("visit {at} failed: {why}"));
        }
        self.summary.excused += 1;
        if std::mem::take(&mut self.visits[at].is_last) {
            // Nothing is wrong any more, but a relay of the other kind loses some when a session is renewed.
            self.visits.push(Visit::last(self.visits[at].plan));
            self.schedule.after(1.secs(), Event::Visit(self.visits.len() - 1));
        }
    }

    fn excuse(&mut self, at: usize, why: &'static str) {
        self.visits[at].excuse = Some(why);
        self.visits[at].state = State::Failed;
        self.summary.excused += 1;
    }

    pub(super) fn visit_due(&mut self, at: usize) {
        if self.visits[at].is_under_way() && self.visits[at].excuse.is_none() {
            let text = format!("visit {at} has not been served: {:?}", self.visits[at]);
            self.violates(Invariant::LosesNothing, text);
        }
    }

    /// From here on nobody can say that a visit of `tunnel` under way has to be served.
    pub(super) fn disturb(&mut self, tunnel: usize, why: &'static str) {
        self.tunnels[tunnel].calm = false;
        let visits = self.visits.iter_mut().filter(|visit| visit.plan.tunnel == tunnel);
        for visit in visits.filter(|visit| visit.is_under_way()) {
            visit.excuse.get_or_insert(why);
        }
    }

    /// The same for channels through a client that are just being opened.
    pub(super) fn disturb_openings(&mut self, client: usize) {
        let visits = self.visits.iter_mut().filter(|visit| visit.plan.client == Some(client));
        for visit in visits.filter(|visit| visit.state == State::Opening) {
            visit.excuse.get_or_insert("its relay was restarted");
        }
    }

    /// The same for visits through one client.
    pub(super) fn disturb_client(&mut self, client: usize, why: &'static str) {
        let visits = self.visits.iter_mut().filter(|visit| visit.plan.client == Some(client));
        for visit in visits.filter(|visit| visit.is_under_way()) {
            visit.excuse.get_or_insert(why);
        }
    }
}
