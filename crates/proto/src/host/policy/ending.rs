//! How things end: a try, a session, the hosting.

use std::time::Duration;

use super::{Moment, Policy, RETRY_AFTER_MAX, SessionId, Step, Timer};
use crate::host::{Action, Failure, GiveUp, Notice, State};

/// How soon a lost session is followed by a try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pace {
    /// At once: the loss was our own doing.
    AtOnce,
    /// At once if the last session had proven itself, else after a wait.
    First,
    /// After a wait: the relay has said that something is wrong.
    Later,
}

impl Policy {
    /// The try is over. Its socket, if any, is gone or about to be.
    pub(super) fn attempt_failed(&mut self, failure: Failure, at: Moment) {
        self.attempt = None;
        self.timers.clear(&Timer::Step);
        if self.live.is_some() {
            return self.swap_failed(failure, at);
        }
        match failure {
            Failure::Unauthorized => self.give_up(GiveUp::SignIn),
            Failure::Forbidden(text) => self.give_up(GiveUp::Forbidden(text)),
            Failure::NotFound => self.give_up(GiveUp::UnknownTunnel),
            Failure::Fatal(text) => self.give_up(GiveUp::Fatal(text)),
            Failure::RateLimited { .. } | Failure::Unavailable { .. } | Failure::Transient(_) => {
                self.set_state(State::Reconnecting);
                self.wait(&failure, at);
            }
        }
    }

    /// A planned replacement has failed. Whatever the cause, the session that serves is not touched.
    fn swap_failed(&mut self, cause: Failure, at: Moment) {
        if cause == Failure::Unauthorized {
            self.tell_relogin();
        }
        let floor = cause.retry_after().min(RETRY_AFTER_MAX);
        let delay = self.swap_backoff.next_at_least(floor, at.random);
        self.timers.set(Timer::Swap, at.now + delay);
        self.tell(Notice::SwapFailed { delay, cause });
    }

    /// Waits for the next try.
    fn wait(&mut self, failure: &Failure, at: Moment) {
        let floor = failure.retry_after().min(RETRY_AFTER_MAX);
        let delay = self.backoff.next_at_least(floor, at.random);
        let due = at.now + delay;
        self.timers.set(Timer::Retry, due);
        self.tries += 1;
        let cause = failure.to_string();
        self.tell(Notice::Retry { attempt: self.tries, delay, at: due, cause });
    }

    /// The socket of a session is gone.
    pub(super) fn session_ended(
        &mut self,
        session: SessionId,
        cause: String,
        pace: Pace,
        at: Moment,
    ) {
        if self.is_attempt(session) {
            self.attempt_failed(Failure::Transient(cause), at);
        } else if self.is_live(session) {
            self.live_lost(cause, pace, at);
        } else if self.retiring.remove(&session) {
            self.timers.clear(&Timer::Retired(session));
        }
    }

    /// The session that served does no longer.
    pub(super) fn live_lost(&mut self, cause: String, pace: Pace, at: Moment) {
        self.live = None;
        self.streak = 0;
        for timer in [Timer::Swap, Timer::Proof, Timer::Announce, Timer::AskAgain] {
            self.timers.clear(&timer);
        }
        self.set_state(State::Reconnecting);
        let at_once = match pace {
            Pace::AtOnce => true,
            Pace::First => std::mem::take(&mut self.free_retry),
            Pace::Later => false,
        };
        // Tokens that should be replaced, but have not ended, are good enough to come up again.
        let minting = |step| matches!(step, Step::Queued | Step::Minting);
        let minting = self.attempt.as_ref().is_some_and(|attempt| minting(attempt.step));
        if minting && self.tokens.is_usable(at.now) {
            self.call_off();
        }
        // A replacement that is under way has become the next try.
        let under_way = self.attempt.is_some();
        if !at_once && !under_way {
            return self.wait(&Failure::Transient(cause), at);
        }
        self.tries += 1;
        let retry = Notice::Retry { attempt: self.tries, delay: Duration::ZERO, at: at.now, cause };
        self.tell(retry);
        self.tell_ports_of_attempt();
        if !under_way {
            self.begin(at);
        }
    }

    /// The relay has ended a session because its token is not, or no longer, accepted.
    pub(super) fn refused(&mut self, session: SessionId, cause: String, at: Moment) {
        if self.is_attempt(session) || self.is_live(session) {
            self.tokens.clear();
        }
        self.session_ended(session, cause, Pace::First, at);
    }

    /// The relay says that another host has taken over.
    pub(super) fn evicted(&mut self, session: SessionId, cause: String, at: Moment) {
        // On a relay where sessions cannot overlap, the host that took over is our own next session.
        let by_us = self.is_live(session)
            && self.live.as_ref().is_some_and(|live| live.epoch.is_none())
            && self
                .attempt
                .as_ref()
                .is_some_and(|attempt| matches!(attempt.step, Step::Connecting | Step::Announcing));
        if self.retiring.contains(&session) || by_us {
            return self.session_ended(session, cause, Pace::First, at);
        }
        if self.is_live(session) || self.is_attempt(session) {
            self.end_all(false);
            self.registered = false;
            self.set_state(State::Standby);
        }
    }

    /// The user does not want the tunnel hosted any more.
    pub(super) fn stop(&mut self) {
        self.end_all(true);
        if std::mem::take(&mut self.registered) {
            self.actions.push_back(Action::Unregister);
        }
        self.set_state(State::Stopped);
    }

    fn give_up(&mut self, why: GiveUp) {
        self.end_all(false);
        self.tokens.clear();
        if why == GiveUp::SignIn {
            self.tell_relogin();
        }
        self.set_state(State::Error(why));
    }

    pub(super) fn call_off(&mut self) {
        self.timers.clear(&Timer::Step);
        if let Some(attempt) = self.attempt.take() {
            self.close(attempt.id, false);
        }
    }

    fn end_all(&mut self, goodbye: bool) {
        self.timers.clear_all();
        let attempt = self.attempt.take().map(|attempt| attempt.id);
        let live = self.live.take().map(|live| live.id);
        let retiring = std::mem::take(&mut self.retiring);
        for session in attempt.into_iter().chain(live).chain(retiring) {
            self.close(session, goodbye);
        }
    }

    pub(super) fn is_known(&self, session: SessionId) -> bool {
        self.is_attempt(session) || self.is_live(session) || self.retiring.contains(&session)
    }

    fn is_live(&self, session: SessionId) -> bool {
        self.live.as_ref().is_some_and(|live| live.id == session)
    }

    fn is_attempt(&self, session: SessionId) -> bool {
        self.attempt.as_ref().is_some_and(|attempt| attempt.id == session)
    }
}
