//! The part of the driver that looks whether the URLs work: it does what [`Monitor`] says.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use adit_proto::change::{Change, PROVE_WITHIN};
use adit_proto::contracts::{Protocol, TunnelPort};
use adit_proto::health::{
    Absence, Action, Answer, Event as Told, Health, Interval, Leg, LookId, Moment, Monitor,
    NoSession, Nonce, Speaks,
};
use adit_proto::host::{self as policy, Failure, GiveUp, SessionId, State};
use adit_wire::{clock, task};
use tokio::sync::watch;

use super::driver::{Driver, Report, Session};
use super::{Config, Event};
use crate::probe::{Look, Prober, try_local};
use crate::random;

/// Looks after the URLs of one tunnel.
pub(super) struct Watch {
    monitor: Monitor,
    prober: Arc<Prober>,
    tally: Arc<Tally>,
    /// What is under way for each port; dropping it calls that off.
    looks: BTreeMap<u16, task::Task<()>>,
    tries: BTreeMap<u16, task::Task<()>>,
    /// How it stood with the session when that was last looked at.
    stands: Stands,
    /// Why there was no session at last.
    failure: Option<Failure>,
}

#[derive(Debug, PartialEq, Eq)]
enum Stands {
    Serving(SessionId),
    Not(Absence),
}

/// What is counted and known, for whoever holds the host.
#[derive(Debug)]
pub(super) struct Tally {
    looks: AtomicU64,
    connect_mints: AtomicU64,
    dead: AtomicU64,
    health: watch::Sender<BTreeMap<u16, Health>>,
}

/// What the looks at the URLs of a host have come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Looks through a URL.
    pub looks: u64,
    /// Connect tokens minted for them. Tokens for hosting are not among these.
    pub connect_mints: u64,
    /// How often a URL was found dead while its local port listened and the session was up.
    pub dead: u64,
}

impl Tally {
    pub(super) fn new() -> Self {
        Self {
            looks: AtomicU64::new(0),
            connect_mints: AtomicU64::new(0),
            dead: AtomicU64::new(0),
            health: watch::Sender::new(BTreeMap::new()),
        }
    }

    pub(super) fn counts(&self) -> Counts {
        Counts {
            looks: self.looks.load(Ordering::Relaxed),
            connect_mints: self.connect_mints.load(Ordering::Relaxed),
            dead: self.dead.load(Ordering::Relaxed),
        }
    }

    pub(super) fn health(&self) -> BTreeMap<u16, Health> {
        self.health.borrow().clone()
    }
}

impl Watch {
    pub(super) fn new(interval: Interval, config: &Config, tally: Arc<Tally>) -> Self {
        let prober = Prober::new(config.management.clone(), config.connector.clone());
        Self {
            monitor: Monitor::new(interval),
            prober: Arc::new(prober),
            tally,
            looks: BTreeMap::new(),
            tries: BTreeMap::new(),
            stands: Stands::Not(Absence::Starting),
            failure: None,
        }
    }

    pub(super) fn handle(&mut self, event: Told) {
        self.monitor.handle(event, moment());
    }

    /// Takes in how it stands with the session, if that is news.
    fn follow(&mut self, policy: &policy::Policy, sessions: &BTreeMap<SessionId, Session>) {
        let stands = match policy.serving() {
            Some(session) => Stands::Serving(session),
            None => Stands::Not(absence(policy.state(), self.failure.as_ref())),
        };
        if self.stands == stands {
            return;
        }
        let event = match &stands {
            Stands::Serving(_) => Told::Up,
            Stands::Not(absence) => Told::Down(absence.clone()),
        };
        if let Stands::Serving(_) = &stands {
            // What kept a session away before says nothing of the next time.
            self.failure = None;
        }
        let session = match stands {
            Stands::Serving(session) => sessions.get(&session),
            Stands::Not(_) => None,
        };
        self.stands = stands;
        self.looks.clear();
        self.tries.clear();
        self.handle(event);
        // Its ports were answered for before it served.
        for (port, cause) in session.into_iter().flat_map(|session| &session.refused) {
            self.handle(Told::PortRefused { port: *port, cause: cause.clone() });
        }
    }

    fn publish(&self) {
        self.tally.connect_mints.store(self.prober.mints(), Ordering::Relaxed);
        let known: BTreeMap<_, _> =
            self.monitor.health().map(|(port, health)| (port, health.clone())).collect();
        self.tally.health.send_if_modified(|told| {
            let news = *told != known;
            *told = known;
            news
        });
    }
}

impl Driver {
    /// When the health wants to be looked at.
    pub(super) fn look_at(&self) -> Option<Instant> {
        self.watch.as_ref().and_then(|watch| watch.monitor.deadline())
    }

    pub(super) fn look_is_due(&mut self) {
        if let Some(watch) = &mut self.watch {
            watch.monitor.handle_timeout(moment());
        }
    }

    /// Tells the health what happened and does what follows.
    pub(super) async fn tell_health(&mut self, event: Told) {
        let Some(watch) = &mut self.watch else { return };
        if let Told::Answered { look, .. } | Told::Tried { look, .. } = &event
            && !watch.monitor.awaits(*look)
        {
            tracing::debug!(tunnel = %self.at, ?event, "the end of a look that is of no interest now");
        }
        watch.handle(event);
        self.act().await;
    }

    /// Notes why there is no session, for whoever asks later.
    pub(super) fn note_failure(&mut self, failure: &Failure) {
        if let Some(watch) = &mut self.watch {
            watch.failure = Some(failure.clone());
        }
    }

    /// The tunnel has these ports now.
    pub(super) fn follow_health(&mut self, ports: &[TunnelPort]) {
        let speaks = |port: &TunnelPort| match port.protocol {
            None | Some(Protocol::Auto) => Speaks::Auto,
            Some(Protocol::Https) => Speaks::Https,
            Some(_) => Speaks::Http,
        };
        if let Some(watch) = &mut self.watch {
            let ports = ports.iter().map(|port| (port.port_number, speaks(port))).collect();
            watch.handle(Told::Ports(ports));
        }
    }

    /// Lets the health follow the policy and does what it says. Returns whether the policy was told something.
    pub(super) fn act_for_health(&mut self) -> bool {
        let Some(mut watch) = self.watch.take() else { return false };
        let mut told = false;
        watch.follow(&self.policy, &self.sessions);
        while let Some(action) = watch.monitor.poll() {
            match action {
                Action::Ask { look, port, secret } => self.ask(&mut watch, look, port, secret),
                Action::Try { look, port, speaks } => self.try_port(&mut watch, look, port, speaks),
                Action::Tell { port, health } => {
                    // Whoever hears of it may ask for all of it next.
                    watch.publish();
                    self.tell_of(port, health);
                }
                Action::Proven { port, at, proof } => {
                    watch.publish();
                    self.events.emit(Event::Proven { port, at, proof });
                }
                Action::Dead { port, hosting: true, reason } => {
                    watch.tally.dead.fetch_add(1, Ordering::Relaxed);
                    tracing::warn!(tunnel = %self.at, port, reason = reason.to_string(), "the URL is dead though the local port listens");
                    self.events.emit(Event::UrlDead { port });
                }
                Action::Dead { port, hosting: false, reason } => {
                    tracing::debug!(tunnel = %self.at, port, reason = reason.to_string(), "the URL is dead while there is no session");
                }
                Action::Probe(probe) => {
                    self.policy.handle(policy::Event::Probe(probe), clock::now(), random());
                    told = true;
                }
            }
        }
        watch.publish();
        self.watch = Some(watch);
        told
    }

    fn ask(&self, watch: &mut Watch, look: LookId, port: u16, secret: bool) {
        let Stands::Serving(session) = &watch.stands else { return };
        let url =
            self.urls.iter().find(|urls| urls.port == port).and_then(|urls| urls.urls.first());
        let Some(url) = url else {
            let answer = Answer::Unasked;
            return watch.handle(Told::Answered { look, answer, arrived: false });
        };
        let nonce = self.sessions.get(session).and_then(|session| session.nonce.clone());
        let what = Look {
            tunnel: self.at.clone(),
            url: url.clone(),
            nonce: nonce.filter(|_| secret),
            arrivals: self.local.ports.arrivals(port),
        };
        watch.tally.looks.fetch_add(1, Ordering::Relaxed);
        let (prober, report) = (watch.prober.clone(), self.report.clone());
        let task = task::spawn("look at URL", async move {
            let (answer, arrived) = prober.ask(&what).await;
            tracing::debug!(tunnel = %what.tunnel, port, ?answer, arrived, "a look at the URL");
            // The driver outlives what it started.
            let _ = report.send(Report::Looked(Told::Answered { look, answer, arrived })).await;
        });
        watch.looks.insert(port, task);
    }

    fn try_port(&self, watch: &mut Watch, look: LookId, port: u16, speaks: Option<Speaks>) {
        let (local, report) = (self.local.clone(), self.report.clone());
        let task = task::spawn("try local port", async move {
            let leg = try_local(port, speaks).await;
            if !matches!(leg, Leg::Refused(_)) {
                // No visitor need come to find that out.
                local.ports.is_up(port);
            }
            let _ = report.send(Report::Looked(Told::Tried { look, leg })).await;
        });
        watch.tries.insert(port, task);
    }

    fn tell_of(&self, port: u16, health: Health) {
        let (label, reason) = (health.label.as_str(), health.said());
        tracing::info!(tunnel = %self.at, port, label, reason, "health");
        self.events.emit(Event::Health { port, health });
    }

    /// What was found out may not be true any more.
    pub(super) fn suspect(&mut self) {
        if let Some(watch) = &mut self.watch {
            watch.handle(Told::Suspicion);
        }
    }

    /// Time or place have changed: what was true a moment ago is looked at again.
    pub(super) async fn on_change(&mut self, change: Change) {
        for handle in self.sessions.values().filter_map(|session| session.handle.as_ref()) {
            handle.prove(PROVE_WITHIN).await;
        }
        self.tell(policy::Event::Moved).await;
        if change.ages_tokens() {
            self.tell(policy::Event::RemintDue).await;
        }
        self.tell_health(Told::Suspicion).await;
    }
}

/// A secret for a new session.
pub(super) fn new_nonce() -> Nonce {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).expect("the system's randomness is always there");
    Nonce::new(bytes)
}

fn moment() -> Moment {
    Moment { now: clock::now(), wall: clock::wall(), random: random() }
}

/// Why no session serves, from the policy's state and what went wrong last.
fn absence(state: &State, failure: Option<&Failure>) -> Absence {
    Absence::Lacking(match state {
        State::Idle | State::Connecting | State::Hosting => return Absence::Starting,
        State::Stopped => return Absence::Stopped,
        State::Reconnecting => match failure {
            Some(Failure::RateLimited { .. }) => NoSession::Limited,
            failure => NoSession::Away(failure.cloned()),
        },
        State::Standby => NoSession::AnotherHost,
        State::Error(GiveUp::SignIn) => NoSession::SignIn,
        State::Error(GiveUp::Forbidden(cause)) => NoSession::Refused(cause.clone()),
        State::Error(GiveUp::UnknownTunnel) => NoSession::UnknownTunnel,
        State::Error(GiveUp::Fatal(cause)) => NoSession::GivenUp(cause.clone()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policys_state_says_why_no_session_serves() {
        let limited = Failure::RateLimited { retry_after: None };
        let state = |state| absence(&state, Some(&limited));
        let lacking = |why| Absence::Lacking(why);
        assert_eq!(state(State::Connecting), Absence::Starting);
        assert_eq!(state(State::Standby), lacking(NoSession::AnotherHost));
        assert_eq!(state(State::Stopped), Absence::Stopped);
        assert_eq!(state(State::Reconnecting), lacking(NoSession::Limited));
        assert_eq!(absence(&State::Reconnecting, None), lacking(NoSession::Away(None)));
        assert_eq!(state(State::Error(GiveUp::SignIn)), lacking(NoSession::SignIn));
        assert_eq!(state(State::Error(GiveUp::UnknownTunnel)), lacking(NoSession::UnknownTunnel));
    }
}
