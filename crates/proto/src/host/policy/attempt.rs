//! How a try goes: tokens, the socket, the ports; then it is the session that serves.

use std::time::{Duration, Instant};

use super::{
    ANNOUNCE_WITHIN, CONNECT_WITHIN, Live, MINT_QUEUED_WITHIN, MINT_WITHIN, Moment, PROVEN_AFTER,
    Policy, RETIRING, SessionId, Timer,
};
use crate::host::{Action, Endpoint, Failure, Notice, Phase, Ports, State};
use crate::registry::Epoch;

/// A try that is under way.
#[derive(Debug)]
pub(super) struct Attempt {
    pub(super) id: SessionId,
    pub(super) step: Step,
    pub(super) ports: Ports,
    /// Whether the relay has said that it will restart.
    pub(super) draining: bool,
    /// Whether its tokens were minted for it: nothing newer can be had.
    fresh: bool,
    epoch: Option<Epoch>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Minting waits for its turn.
    Queued,
    Minting,
    Connecting,
    Announcing,
}

impl Policy {
    /// Begins a try. To come up again, any tokens will do that have not ended; to replace a session by
    /// plan, only such as need no replacement themselves.
    pub(super) fn begin(&mut self, at: Moment) {
        let reuse = match self.live {
            Some(_) => self.tokens.is_fresh(at.now),
            None => self.tokens.is_usable(at.now),
        };
        if reuse {
            self.new_attempt(false);
            return self.connect(at.now);
        }
        let session = self.new_attempt(true);
        self.tell(Notice::Progress(Phase::Authorizing));
        self.actions.push_back(Action::Mint { session });
        self.timers.set(Timer::Step, at.now + MINT_WITHIN);
    }

    fn new_attempt(&mut self, fresh: bool) -> SessionId {
        debug_assert!(self.attempt.is_none(), "one try at a time");
        self.timers.clear(&Timer::Retry);
        let id = SessionId(self.next_id);
        self.next_id += 1;
        self.attempt = Some(Attempt {
            id,
            step: Step::Minting,
            ports: Ports::default(),
            draining: false,
            fresh,
            epoch: None,
        });
        id
    }

    /// Waiting for a turn is none of minting's time. Calls that run already are bounded by those who make them.
    pub(super) fn mint_queued(&mut self, session: SessionId, now: Instant) {
        if let Some(attempt) = self.minting(session) {
            attempt.step = Step::Queued;
            self.timers.set(Timer::Step, now + MINT_QUEUED_WITHIN);
        }
    }

    pub(super) fn mint_begun(&mut self, session: SessionId, now: Instant) {
        if let Some(attempt) = self.minting(session) {
            attempt.step = Step::Minting;
            self.timers.set(Timer::Step, now + MINT_WITHIN);
        }
    }

    pub(super) fn token_minted(&mut self, session: SessionId, life: Option<Duration>, at: Moment) {
        if self.minting(session).is_none() {
            return;
        }
        self.tokens.minted(life, at.now);
        self.connect(at.now);
    }

    pub(super) fn mint_failed(&mut self, session: SessionId, failure: Failure, at: Moment) {
        if self.minting(session).is_some() {
            self.attempt_failed(failure, at);
        }
    }

    fn connect(&mut self, now: Instant) {
        let Some(attempt) = &mut self.attempt else { return };
        attempt.step = Step::Connecting;
        let session = attempt.id;
        let supersedes = self.live.as_ref().and_then(|live| live.epoch);
        self.registered = true;
        self.tell(Notice::Progress(Phase::ConnectingRelay));
        let endpoint = self.endpoint;
        self.actions.push_back(Action::Connect { session, endpoint, supersedes });
        self.timers.set(Timer::Step, now + CONNECT_WITHIN);
    }

    pub(super) fn connected(&mut self, session: SessionId, epoch: Option<Epoch>, at: Moment) {
        let Some(attempt) = self.attempt_at(session, Step::Connecting) else {
            if !self.is_known(session) {
                // It came too late to be of use: no second socket may stay.
                self.close(session, false);
            }
            return;
        };
        attempt.step = Step::Announcing;
        attempt.epoch = epoch;
        // From here on, putting the endpoint could only evict another host.
        self.endpoint = Endpoint::Keep;
        if self.wanted.is_empty() {
            return self.serve(at);
        }
        self.tell(Notice::Progress(Phase::ForwardingPorts));
        self.timers.set(Timer::Step, at.now + ANNOUNCE_WITHIN);
        self.announce_all(session);
    }

    pub(super) fn connect_failed(&mut self, session: SessionId, failure: Failure, at: Moment) {
        if self.attempt_at(session, Step::Connecting).is_none() {
            return;
        }
        if failure == Failure::NotFound && self.endpoint != Endpoint::Put {
            // Perhaps only the endpoint is gone. If it is the tunnel, putting the endpoint will tell.
            self.endpoint = Endpoint::Put;
            self.attempt = None;
            return self.begin(at);
        }
        self.attempt_refused(failure, at);
    }

    /// The try has failed with tokens that may be the cause.
    pub(super) fn attempt_refused(&mut self, failure: Failure, at: Moment) {
        if failure.is_refusal() && self.attempt.as_ref().is_some_and(|attempt| !attempt.fresh) {
            // A token that was reused may just have ended, on another clock than ours.
            self.tokens.clear();
            self.attempt = None;
            return self.begin(at);
        }
        self.attempt_failed(failure, at);
    }

    fn announce_all(&mut self, session: SessionId) {
        let Some(attempt) = &mut self.attempt else { return };
        let changes = attempt.ports.reconcile(&self.wanted);
        self.ask(session, changes);
    }

    pub(super) fn step_overdue(&mut self, at: Moment) {
        let Some(attempt) = &self.attempt else { return };
        let (session, step) = (attempt.id, attempt.step);
        self.close(session, false);
        let (what, limit) = match step {
            Step::Queued => ("waiting to mint tokens", MINT_QUEUED_WITHIN),
            Step::Minting => ("minting tokens", MINT_WITHIN),
            Step::Connecting => ("connecting to the relay", CONNECT_WITHIN),
            Step::Announcing => ("announcing the ports", ANNOUNCE_WITHIN),
        };
        let failure = Failure::Transient(format!("{what} took longer than {} s", limit.as_secs()));
        self.attempt_failed(failure, at);
    }

    /// The try has come to its end: it serves, and the session before it retires.
    pub(super) fn serve(&mut self, at: Moment) {
        let Some(attempt) = self.attempt.take() else { return };
        let live =
            Live { id: attempt.id, epoch: attempt.epoch, ports: attempt.ports, since: at.now };
        let overlaps = live.epoch.is_some();
        if let Some(old) = self.live.replace(live) {
            self.tell(Notice::Swapped);
            self.tell_ports_since(&old.ports);
            // Where sessions cannot overlap, the relay has ended the old one or is about to.
            match overlaps && old.epoch.is_some() {
                true => self.retire(old.id, at.now),
                false => self.close(old.id, false),
            }
        }
        self.streak = 0;
        self.timers.clear(&Timer::Step);
        self.timers.clear(&Timer::Announce);
        self.timers.set(Timer::Proof, at.now + PROVEN_AFTER);
        self.plan_renewal(at);
        self.plan_ports(at);
        self.set_state(State::Hosting);
        if attempt.draining {
            self.swap(at);
        }
    }

    fn retire(&mut self, session: SessionId, now: Instant) {
        self.retiring.insert(session);
        self.timers.set(Timer::Retired(session), now + RETIRING);
        self.actions.push_back(Action::Retire { session });
    }

    fn plan_renewal(&mut self, at: Moment) {
        if self.tokens.is_fresh(at.now) {
            self.swap_backoff.reset();
            self.relogin_told = false;
            if let Some(renew_at) = self.tokens.renew_at() {
                self.timers.set(Timer::Swap, renew_at);
            }
        } else {
            let wait = self.swap_backoff.next(at.random);
            self.timers.set(Timer::Swap, at.now + wait);
        }
    }

    fn minting(&mut self, session: SessionId) -> Option<&mut Attempt> {
        let mints = |attempt: &&mut Attempt| matches!(attempt.step, Step::Queued | Step::Minting);
        self.attempt.as_mut().filter(mints).filter(|attempt| attempt.id == session)
    }

    fn attempt_at(&mut self, session: SessionId, step: Step) -> Option<&mut Attempt> {
        self.attempt.as_mut().filter(|attempt| attempt.id == session && attempt.step == step)
    }
}
