//! From tokens to a session, and a session to its end.

use std::pin::pin;
use std::time::Duration;

use adit_proto::host::{self as policy, Failure, SessionId};
use adit_proto::registry::Epoch;
use adit_proto::relay::{Ending, HostEvent};
use adit_proto::token::{self, Secret};
use adit_wire::{clock, task};
use tokio::sync::watch;

use super::super::connection;
use super::super::health::new_nonce;
use super::super::leave::Leave;
use super::super::session;
use super::super::step::{self, Connect, Connected};
use super::{Driver, Report, Session};
use crate::management::{Authorized, HostTokens, Turn};

impl Driver {
    pub(super) fn mint(&mut self, session: SessionId) {
        let (config, at, before) = (self.config.clone(), self.at.clone(), self.before);
        let (look, report) = (!self.known, self.report.clone());
        let step = task::spawn("mint", async move {
            let (turns, mut heard) = watch::channel(Turn::Runs);
            let mut mint = pin!(step::mint(&config, &at, look, before, turns));
            // The driver outlives what it started.
            loop {
                let turn = tokio::select! {
                    biased;
                    result = &mut mint => {
                        let _ = report.send(Report::Minted { session, result }).await;
                        return;
                    }
                    Ok(()) = heard.changed() => *heard.borrow_and_update(),
                };
                let _ = report.send(Report::Turn { session, turn }).await;
            }
        });
        self.sessions.entry(session).or_default()._step = Some(step);
    }

    pub(super) async fn minted(&mut self, session: SessionId, result: Result<Authorized, Failure>) {
        if !self.sessions.contains_key(&session) {
            return;
        }
        match result {
            Ok(Authorized { tokens, tunnel }) => {
                self.before = true;
                let (life, registers) = (life(&tokens), tokens.ports.is_some());
                self.tokens = Some(tokens);
                if let Some(tunnel) = tunnel {
                    self.known = true;
                    // Where that takes no token, it takes no registration.
                    let ports = tunnel.ports.iter().flatten().filter(|_| registers);
                    self.register = ports.map(|port| (port.port_number, port.clone())).collect();
                    self.looked_for = Some(session);
                    self.follow(&tunnel).await;
                }
                self.tell(policy::Event::TokenMinted { session, life }).await;
            }
            Err(failure) => {
                self.sessions.remove(&session);
                self.note_failure(&failure);
                self.tell(policy::Event::MintFailed { session, failure }).await;
            }
        }
    }

    pub(super) fn connect(
        &mut self,
        session: SessionId,
        endpoint: policy::Endpoint,
        supersedes: Option<Epoch>,
    ) {
        let Some(tokens) = self.tokens.clone() else {
            debug_assert!(false, "the policy connects with tokens only");
            return;
        };
        let connect = Connect {
            at: self.at.clone(),
            tokens,
            endpoint,
            supersedes,
            known: self.endpoint.clone(),
            before: self.before,
        };
        let (config, tasks, report) =
            (self.config.clone(), self.tasks.spawner(), self.report.clone());
        let step = task::spawn("connect", async move {
            let result = step::connect(&config, connect, &tasks).await;
            let _ = report.send(Report::Dialed { session, result }).await;
        });
        self.sessions.entry(session).or_default()._step = Some(step);
    }

    pub(super) async fn dialed(&mut self, session: SessionId, result: Result<Connected, Failure>) {
        let Some(entry) = self.sessions.get_mut(&session) else {
            // Called off meanwhile: dropping the handle ends it.
            return;
        };
        match result {
            Ok(connected) => {
                self.before = true;
                self.endpoint = Some(connected.endpoint);
                entry.handle = Some(connected.handle);
                entry.epoch = connected.epoch;
                entry.nonce = self.watch.as_ref().map(|_| new_nonce());
                let (local, report) = (self.local.clone(), self.report.clone());
                let session =
                    connection::Session::new(session, entry.nonce.clone(), report.clone());
                let watch = session::watch(session, connected.events, local, report);
                self.tasks.spawn("session", watch);
            }
            Err(failure) => {
                self.sessions.remove(&session);
                self.note_failure(&failure);
                self.tell(policy::Event::ConnectFailed { session, failure }).await;
            }
        }
    }

    pub(super) async fn on_session(&mut self, session: SessionId, event: HostEvent) {
        let event = match event {
            HostEvent::Ready { own_relay } => {
                tracing::debug!(tunnel = %self.at, %session, own_relay, "session is up");
                let epoch = self.sessions.get(&session).and_then(|session| session.epoch);
                policy::Event::Connected { session, epoch }
            }
            HostEvent::Announced { port } => {
                if let Some(entry) = self.sessions.get_mut(&session) {
                    entry.refused.remove(&port);
                }
                policy::Event::PortAnnounced { session, port }
            }
            HostEvent::Refused { port } => {
                let cause = "the relay does not accept it: it is no port of the tunnel any more, \
                             or the token may not host it"
                    .to_owned();
                return self.port_refused(session, port, Failure::Transient(cause)).await;
            }
            HostEvent::PortsChanged => return self.ports_changed(),
            HostEvent::Drain => policy::Event::Drain { session },
            HostEvent::Connect(_) => return,
        };
        self.tell(event).await;
    }

    pub(super) async fn ended(&mut self, session: SessionId, ending: Ending) {
        self.sessions.remove(&session);
        tracing::debug!(tunnel = %self.at, %session, ?ending, "session ended");
        let cause = match ending {
            Ending::Disconnected { reason, .. } => {
                self.note_failure(&Failure::Transient(format!("it was ended, reason {reason}")));
                return self.tell(policy::Event::Disconnected { session, reason }).await;
            }
            Ending::Failed(error) => error.to_string(),
            Ending::Lost(cause) => cause,
            Ending::Local => return,
        };
        self.note_failure(&Failure::Transient(cause.clone()));
        self.tell(policy::Event::Dropped { session, cause }).await;
    }

    pub(super) fn close(&mut self, session: SessionId, goodbye: bool) {
        let Some(Session { handle: Some(handle), ports, .. }) = self.sessions.remove(&session)
        else {
            return;
        };
        self.closing += 1;
        let (report, leave) = (self.report.clone(), self.leaving());
        self.tasks.spawn("closing session", async move {
            session::close(handle, ports, goodbye, leave).await;
            let _ = report.send(Report::Closed).await;
        });
    }

    /// The time that is left once the host is told to stop; until then every ending has all of it.
    fn leaving(&self) -> Leave {
        self.leave.unwrap_or_else(|| Leave::new(clock::now()))
    }

    /// Removes the endpoint, but not before the goodbyes have left: the relay would take the
    /// session for one of a tunnel without endpoint.
    pub(super) fn unregister_when_closed(&mut self) {
        if !self.unregister || self.closing > 0 {
            return;
        }
        self.unregister = false;
        // Known or not, it may be there: a try that was called off may have put it.
        self.endpoint = None;
        let Some(tokens) = self.tokens.clone() else { return };
        self.unregistering = true;
        let (config, at, report) = (self.config.clone(), self.at.clone(), self.report.clone());
        let leave = self.leaving();
        self.tasks.spawn("unregister", async move {
            let id = step::endpoint_id(&config);
            let delete = config.management.delete_endpoint(&at, &id, &tokens.host);
            match clock::until(leave.over, delete).await {
                Ok(Ok(_)) => {}
                Ok(Err(error)) => tracing::debug!(tunnel = %at, %error, "endpoint not removed"),
                Err(clock::Late) => tracing::debug!(tunnel = %at, "endpoint not removed in time"),
            }
            let _ = report.send(Report::Unregistered).await;
        });
    }
}

/// How long until the first of the tokens ends.
fn life(tokens: &HostTokens) -> Option<Duration> {
    let wall = clock::wall();
    let exp = |token: &Secret| token::peek(token.expose()).and_then(|claims| claims.exp);
    tokens.all().filter_map(|token| policy::life(exp(token), wall)).min()
}
