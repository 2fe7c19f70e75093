//! What is promised of a host, watched at each of its steps.

use std::collections::BTreeSet;
use std::time::Duration;

use adit_proto::host::{
    Action, Event as Told, Failure, Notice, RETRY_AFTER_MAX, RETRY_CAP, RETRY_START, State,
};
use adit_proto::registry::MAX_RETIRING;

use super::World;
use super::hosts::Session;
use crate::Step;
use crate::check::Invariant;
use crate::plan::{Answer, Seconds, What};

/// What was told of one host so far.
#[derive(Debug, Default)]
pub(super) struct Watch {
    /// What was told last; nothing at the beginning.
    pub(super) state: Option<State>,
    /// What the policy is just being told; nothing means that time has passed.
    event: Option<Told>,
    /// It has hosted since somebody last wished for something that may take the tunnel over.
    hosted: bool,
    hosting_since: Option<Duration>,
    /// A drop may be followed by a try at once.
    free: bool,
    /// When the next try begins, as was told.
    pub(super) due: Option<Duration>,
    /// The bounds that the next wait may have, in seconds; unknown after a session that may have proven itself.
    bounds: Option<BTreeSet<u64>>,
}

impl Watch {
    pub(super) fn told(&mut self, event: &Told) {
        let takes = match event {
            Told::Start => self.is_at_rest() && self.state != Some(State::Standby),
            Told::TakeOver => self.state != Some(State::Hosting),
            _ => false,
        };
        if takes {
            self.hosted = false;
        }
        self.event = Some(event.clone());
    }

    pub(super) fn woken(&mut self) {
        self.event = None;
    }

    fn is_at_rest(&self) -> bool {
        matches!(
            self.state,
            None | Some(State::Idle | State::Stopped | State::Standby | State::Error(_))
        )
    }

    fn failure(&self) -> Option<&Failure> {
        match &self.event {
            Some(Told::MintFailed { failure, .. } | Told::ConnectFailed { failure, .. }) => {
                Some(failure)
            }
            _ => None,
        }
    }
}

impl World {
    /// Looks at what a policy wants done, before it is.
    pub(super) fn watch_action(&mut self, host: usize, action: &Action) {
        match action {
            Action::Mint { .. } | Action::Connect { .. } => self.watch_try(host),
            Action::Tell(Notice::State(state)) => self.watch_state(host, state),
            Action::Tell(Notice::Retry { delay, at, .. }) => {
                let due = self.schedule.time_of(*at);
                self.watch_wait(host, *delay, due);
            }
            _ => {}
        }
    }

    fn watch_try(&mut self, host: usize) {
        let now = self.schedule.now();
        let watch = &mut self.hosts[host].watch;
        if watch.is_at_rest() {
            let text = format!("host {host} begins something in state {:?}", watch.state);
            return self.violates(Invariant::AtRest, text);
        }
        let hurried = matches!(
            watch.event,
            Some(Told::RetryNow | Told::Moved | Told::TakeOver | Told::Start)
        );
        let early = watch.due.take().filter(|due| now < *due && !hurried);
        if let Some(due) = early {
            let text = format!("host {host} tries before {due:?}, which it told");
            self.violates(Invariant::BackOff, text);
        }
    }

    fn watch_state(&mut self, host: usize, state: &State) {
        let watch = &self.hosts[host].watch;
        let before = watch.state.clone().unwrap_or(State::Idle);
        let wished = matches!(watch.event, Some(Told::Start | Told::Stop | Told::TakeOver));
        if watch.is_at_rest() && !wished {
            let text = format!("host {host} went from {before:?} to {state:?} by itself");
            self.violates(Invariant::AtRest, text);
        }
        if !may_follow(&before, state) {
            let text = format!("host {host} told {state:?} after {before:?}");
            self.violates(Invariant::StatesInOrder, text);
        }
        match state {
            State::Connecting => self.runs(host),
            State::Hosting => self.hosts_now(host),
            State::Standby => self.stands_by(host),
            State::Error(_) => self.gives_up(host),
            State::Stopped => {}
            State::Reconnecting | State::Idle => {}
        }
        let watch = &mut self.hosts[host].watch;
        watch.state = Some(state.clone());
        watch.due = None;
    }

    fn runs(&mut self, host: usize) {
        let watch = &mut self.hosts[host].watch;
        watch.free = true;
        watch.bounds = Some([RETRY_START.as_secs()].into());
    }

    fn hosts_now(&mut self, host: usize) {
        let now = self.schedule.now();
        self.summary.sessions += 1;
        let up = |session: &Session| {
            session.ready && !session.retiring && session.asked.is_subset(&session.answered)
        };
        if !self.hosts[host].sessions.values().any(up) {
            let text = format!("host {host} says Hosting, with {:?}", self.hosts[host].sessions);
            self.violates(Invariant::HostingIsTrue, text);
        }
        self.hosts[host].watch.hosted = true;
        self.hosts[host].watch.hosting_since = Some(now);
    }

    fn stands_by(&mut self, host: usize) {
        let tunnel = self.hosts[host].tunnel;
        self.hosts[host].wanted = false;
        self.summary.evictions += 1;
        let lies = self.lies();
        let known = &mut self.tunnels[tunnel];
        known.moves += 1;
        if known.moves > known.moves_wished + lies {
            let text = format!("tunnel {tunnel} moved {} times", known.moves);
            self.violates(Invariant::NoFight, text);
        }
        if self.tunnels[tunnel].endpoint.as_deref() == Some(&*self.hosts[host].endpoint) {
            let text = format!("host {host} stands by, though nobody took over");
            self.violates(Invariant::NoFight, text);
        }
    }

    /// How often the relay may say that there is no endpoint though there is one: a host then puts its own.
    fn lies(&self) -> u32 {
        let lies = |step: &&Step<What>| matches!(step.what, What::Door(Answer::Status(404, _)));
        self.plan.steps.iter().filter(lies).count() as u32
    }

    /// A host has put its endpoint in the place of another's.
    pub(super) fn takes_over(&mut self, host: usize) {
        if self.hosts[host].watch.hosted && self.lies() == 0 {
            let text = format!("host {host} takes over, which nobody wished for since it hosted");
            self.violates(Invariant::NoFight, text);
        }
    }

    fn gives_up(&mut self, host: usize) {
        self.summary.refusals += 1;
        let watch = &self.hosts[host].watch;
        if watch.failure().is_none_or(Failure::is_retryable) {
            let text = format!("host {host} gave up on {:?}", watch.event);
            self.violates(Invariant::NeverGivesUp, text);
        }
    }

    /// A wait was told.
    fn watch_wait(&mut self, host: usize, delay: Duration, due: Duration) {
        let now = self.schedule.now();
        let under_way = self.hosts[host].sessions.values().any(|session| !session.retiring);
        let watch = &mut self.hosts[host].watch;
        let coming = matches!(watch.state, Some(State::Connecting | State::Reconnecting));
        watch.due = Some(due);
        let hosted = watch.hosting_since.take().map(|since| now.saturating_sub(since));
        // By traffic at the earliest; the policy knows better whether there was any.
        if hosted.is_some_and(|hosted| hosted >= 2.secs()) {
            watch.free = true;
            watch.bounds = None;
        }
        let asked = watch.failure().map(Failure::retry_after).unwrap_or_default();
        let asked = asked.min(RETRY_AFTER_MAX);
        if !coming {
            let text = format!("host {host} tells of its next try in state {:?}", watch.state);
            return self.violates(Invariant::HostingIsTrue, text);
        }
        let wrong = match () {
            () if due != now + delay => Some("and another moment"),
            () if delay < asked => Some("though more was asked for"),
            () if delay.is_zero() => watch.at_once(under_way),
            () => watch.after(delay, asked, &mut self.summary.jitter),
        };
        if let Some(wrong) = wrong {
            let text = format!("host {host} told a wait of {delay:?} {wrong}");
            self.violates(Invariant::BackOff, text);
        }
    }

    /// What must hold of a host after each of its steps.
    pub(super) fn watch_host(&mut self, host: usize) {
        let Some(state) = self.hosts[host].watch.state.clone() else { return };
        let sessions = &self.hosts[host].sessions;
        let retiring = sessions.values().filter(|session| session.retiring).count();
        let others = sessions.len() - retiring;
        let up = sessions.values().any(|session| session.ready && !session.retiring);
        if state == State::Hosting && !up {
            let text = format!("host {host} says Hosting and has no session");
            self.violates(Invariant::HostingIsTrue, text);
        }
        let most = match state {
            State::Hosting => 2,
            State::Connecting | State::Reconnecting => 1,
            _ => 0,
        };
        let rest = most == 0 && retiring > 0;
        if others > most || retiring > MAX_RETIRING + 2 || rest {
            let text = format!(
                "host {host} has {others} sessions and {retiring} that retire, in {state:?}"
            );
            self.violates(Invariant::OneSession, text);
        }
    }
}

impl Watch {
    /// A try at once is for what was lost, not for what failed, and only once until a session has proven itself.
    fn at_once(&mut self, under_way: bool) -> Option<&'static str> {
        let free = std::mem::take(&mut self.free);
        match &self.event {
            Some(Told::DropRequested | Told::Probe(_)) => {
                self.free = free;
                None
            }
            // A replacement that was under way has become the next try, which costs no second one.
            Some(Told::Dropped { .. } | Told::Disconnected { .. }) => {
                (!free && !under_way).then_some("though the session before had not proven itself")
            }
            _ => Some("though something failed"),
        }
    }

    /// Waits lie between half of a bound and the bound; the bounds double up to the cap.
    fn after(
        &mut self,
        delay: Duration,
        asked: Duration,
        jitter: &mut Vec<f64>,
    ) -> Option<&'static str> {
        let all: BTreeSet<u64> = [2, 4, 8, 16, 32, 60].into();
        let bounds = self.bounds.take().unwrap_or(all);
        let fits = |bound: &u64| {
            let bound = bound.secs();
            bound / 2 <= delay && delay <= bound
        };
        let fitting: BTreeSet<u64> = bounds.iter().copied().filter(fits).collect();
        let by_request = delay >= asked && delay <= asked + RETRY_START && !asked.is_zero();
        if let (Some(&bound), false) = (fitting.first(), by_request) {
            let half = bound.secs().as_secs_f64() / 2.0;
            jitter.push((delay.as_secs_f64() - half) / half);
        }
        let next = if by_request { &bounds } else { &fitting };
        self.bounds = Some(next.iter().map(|b| (2 * b).min(RETRY_CAP.as_secs())).collect());
        (fitting.is_empty() && !by_request).then_some("which is none of its series")
    }
}

/// Whether a host may tell a state right after another.
pub fn may_follow(before: &State, state: &State) -> bool {
    match state {
        State::Idle => false,
        State::Connecting => {
            matches!(before, State::Idle | State::Stopped | State::Standby | State::Error(_))
        }
        State::Hosting => matches!(before, State::Connecting | State::Reconnecting),
        State::Reconnecting => matches!(before, State::Connecting | State::Hosting),
        State::Standby => {
            matches!(before, State::Connecting | State::Hosting | State::Reconnecting)
        }
        State::Error(_) => matches!(before, State::Connecting | State::Reconnecting),
        State::Stopped => *before != State::Stopped,
    }
}
