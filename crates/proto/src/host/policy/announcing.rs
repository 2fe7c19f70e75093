//! What becomes of ports: asked for with each session, and again where they were refused for a cause that can pass.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use super::{ANNOUNCE_WITHIN, Attempt, Moment, Policy, RETRY_AFTER_MAX, SessionId, Step, Timer};
use crate::host::ports::{Changes, SILENCE};
use crate::host::{Action, Failure, Notice, Phase, Ports};

impl Policy {
    /// Ports are reconciled while the session lives; a try that has not come so far will ask for all.
    pub(super) fn want_ports(&mut self, ports: BTreeSet<u16>, at: Moment) {
        self.wanted = ports;
        if let Some(live) = &mut self.live {
            let (session, changes) = (live.id, live.ports.reconcile(&self.wanted));
            if self.ask(session, changes) {
                // What is new is not made to wait for as long as what was refused before.
                self.port_backoff.reset();
                self.timers.set(Timer::Announce, at.now + ANNOUNCE_WITHIN);
            }
        }
        if let Some(attempt) = self.attempt.as_mut().filter(|a| a.step == Step::Announcing) {
            let (session, changes) = (attempt.id, attempt.ports.reconcile(&self.wanted));
            if self.ask(session, changes) {
                self.timers.set(Timer::Step, at.now + ANNOUNCE_WITHIN);
            }
            self.consider_ports(at);
        }
    }

    /// Sends what has to change; returns whether an answer is awaited.
    pub(super) fn ask(&mut self, session: SessionId, changes: Changes) -> bool {
        let Changes { announce, withdraw } = changes;
        if !withdraw.is_empty() {
            self.actions.push_back(Action::Withdraw { session, ports: withdraw });
        }
        let asked = !announce.is_empty();
        if asked {
            self.actions.push_back(Action::Announce { session, ports: announce });
        }
        asked
    }

    pub(super) fn port_announced(&mut self, session: SessionId, port: u16, at: Moment) {
        let Some(ports) = self.ports_of(session) else { return };
        if ports.announced(port) && self.is_telling(session) {
            self.tell(Notice::PortServed { port });
        }
        self.consider_ports(at);
    }

    pub(super) fn port_refused(
        &mut self,
        session: SessionId,
        port: u16,
        failure: Failure,
        at: Moment,
    ) {
        let Some(ports) = self.ports_of(session) else { return };
        let news = ports.refused(port, failure.clone());
        if news && self.is_telling(session) {
            self.tell(Notice::PortRefused { port, cause: failure.to_string() });
        }
        if failure.is_retryable() && self.serving() == Some(session) {
            self.ask_later(failure.retry_after(), at);
        }
        if news {
            self.consider_ports(at);
        }
    }

    pub(super) fn announce_overdue(&mut self) {
        let Some(live) = &mut self.live else { return };
        for port in live.ports.refuse_unanswered() {
            self.tell(Notice::PortRefused { port, cause: SILENCE.to_owned() });
        }
    }

    /// The session that serves is a new one: what it was refused is asked for again.
    pub(super) fn plan_ports(&mut self, at: Moment) {
        self.port_backoff.reset();
        self.timers.clear(&Timer::AskAgain);
        if let Some(floor) = self.live.as_ref().and_then(|live| live.ports.patience()) {
            self.ask_later(floor, at);
        }
    }

    /// Whether what becomes of its ports is what becomes of the tunnel's. A planned replacement has not replaced anything
    /// yet, and may never do so.
    fn is_telling(&self, session: SessionId) -> bool {
        self.serving().is_none_or(|serving| serving == session)
    }

    /// A session has been replaced by plan: tells in what the new one differs from what was told of the old one.
    pub(super) fn tell_ports_since(&mut self, old: &Ports) {
        let Some(live) = &self.live else { return };
        let (before, now) = (old.unserved(), live.ports.unserved());
        for (port, cause) in &now {
            if before.get(port) != Some(cause) {
                self.tell(Notice::PortRefused { port: *port, cause: cause.clone() });
            }
        }
        for port in before.into_keys().filter(|port| !now.contains_key(port)) {
            self.tell(Notice::PortServed { port });
        }
    }

    /// A planned replacement has become the next try: it announces for everybody to hear, what it was told so far too.
    pub(super) fn tell_ports_of_attempt(&mut self) {
        let announces = |attempt: &&Attempt| attempt.step == Step::Announcing;
        let Some(attempt) = self.attempt.as_ref().filter(announces) else { return };
        let refused = attempt.ports.unserved();
        self.tell(Notice::Progress(Phase::ForwardingPorts));
        for (port, cause) in refused {
            self.tell(Notice::PortRefused { port, cause });
        }
    }

    /// Refused ports are asked for together: each can only make the others wait for longer.
    fn ask_later(&mut self, floor: Duration, at: Moment) {
        let floor = floor.min(RETRY_AFTER_MAX);
        let due = match self.timers.get(&Timer::AskAgain) {
            Some(due) => due.max(at.now + floor),
            None => at.now + self.port_backoff.next_at_least(floor, at.random),
        };
        self.timers.set(Timer::AskAgain, due);
    }

    pub(super) fn ask_again(&mut self, now: Instant) {
        self.timers.clear(&Timer::AskAgain);
        let Some(live) = &mut self.live else { return };
        let (session, announce) = (live.id, live.ports.ask_again());
        if self.ask(session, Changes { announce, withdraw: BTreeSet::new() }) {
            self.timers.set(Timer::Announce, now + ANNOUNCE_WITHIN);
        }
    }

    /// Goes on if every port of the try has its answer. One bad port harms no other.
    pub(super) fn consider_ports(&mut self, at: Moment) {
        let Some(attempt) = &self.attempt else { return };
        if attempt.step != Step::Announcing || !attempt.ports.is_settled() {
            return;
        }
        let Some(failure) = attempt.ports.useless() else { return self.serve(at) };
        self.close(attempt.id, false);
        self.attempt_refused(
            match failure {
                Failure::Transient(cause) => {
                    Failure::Transient(format!("every port was refused: {cause}"))
                }
                failure => failure,
            },
            at,
        );
    }

    fn ports_of(&mut self, session: SessionId) -> Option<&mut Ports> {
        let attempt = self.attempt.as_mut().filter(|a| a.id == session).map(|a| &mut a.ports);
        attempt.or(self.live.as_mut().filter(|live| live.id == session).map(|live| &mut live.ports))
    }
}
