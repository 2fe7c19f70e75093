//! What decides for a host: the policy, or the policy with a flaw that the checks must find.

use std::time::Instant;

use adit_proto::host::{Action, Endpoint, Event, Failure, Notice, Policy, State};

/// What is wrong with a world, on purpose: each of these is a mistake that somebody could make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// Waits for ever after a failed try.
    NeverRetries,
    /// Takes the tunnel back as soon as it is evicted.
    FightsBack,
    /// Takes what can pass for a refusal.
    GivesUp,
    /// Takes a refusal for something that can pass.
    TakesNoForMaybe,
    /// Tries again at once, whatever it told.
    RetriesAtOnce,
    /// Waits longer than it may.
    WaitsTooLong,
    /// Does not draw its waits.
    NoJitter,
    /// Leaves sockets open.
    LeavesSockets,
    /// Closes the old session when the new one serves, instead of letting it finish.
    CutsWhenSwapping,
    /// Says `Reconnecting` only when the next try begins.
    TellsLate,
    /// Starts again by itself after a refusal.
    KeepsMinting,
    /// Does not serve ports that are added while it hosts.
    ForgetsPorts,
    /// Leaves its endpoint at the service.
    LeavesEndpoint,
    /// Puts its endpoint each time it connects, which takes the tunnel over.
    PutsAlways,
    /// Tells each state twice.
    TellsTwice,
    /// The relay goes on routing to a session that is gone.
    KeepsRoute,
    /// The relay looks at itself all the time.
    Spins,
    /// The relay drops a few bytes of a channel.
    LosesBytes,
    /// The relay sends some bytes twice.
    RepeatsBytes,
    /// The relay reads on though a channel's other side takes nothing.
    IgnoresCredit,
    /// The host does not ask silent peers.
    NoPings,
}

/// The one that decides.
#[derive(Debug)]
pub(crate) struct Brain {
    policy: Policy,
    flaw: Option<Flaw>,
    /// Actions that are given before the policy's.
    first: Vec<Action>,
    held_back: Option<Action>,
    now: Option<(Instant, u64)>,
    asleep: bool,
}

impl Brain {
    pub(crate) fn new(flaw: Option<Flaw>) -> Brain {
        Brain {
            policy: Policy::new(),
            flaw,
            first: Vec::new(),
            held_back: None,
            now: None,
            asleep: false,
        }
    }

    fn has(&self, flaw: Flaw) -> bool {
        self.flaw == Some(flaw)
    }

    fn chance(&self, random: u64) -> u64 {
        if self.has(Flaw::NoJitter) { u64::MAX } else { random }
    }

    pub(crate) fn handle(&mut self, event: Event, now: Instant, random: u64) {
        self.now = Some((now, random));
        if matches!(event, Event::Start | Event::Stop | Event::TakeOver) {
            self.asleep = false;
        }
        let event = match event {
            Event::ConnectFailed { session, failure } => {
                Event::ConnectFailed { session, failure: self.misjudge(failure) }
            }
            Event::MintFailed { session, failure } => {
                Event::MintFailed { session, failure: self.misjudge(failure) }
            }
            event => event,
        };
        self.policy.handle(event, now, self.chance(random));
    }

    fn misjudge(&self, failure: Failure) -> Failure {
        match failure {
            Failure::Transient(text) if self.has(Flaw::GivesUp) => Failure::Fatal(text),
            Failure::NotFound | Failure::Forbidden(_) if self.has(Flaw::TakesNoForMaybe) => {
                Failure::Transient("perhaps later".to_owned())
            }
            failure => failure,
        }
    }

    pub(crate) fn handle_timeout(&mut self, now: Instant, random: u64) {
        self.now = Some((now, random));
        self.policy.handle_timeout(now, self.chance(random));
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.policy.deadline().filter(|_| !self.asleep)
    }

    pub(crate) fn poll(&mut self) -> Option<Action> {
        loop {
            if !self.first.is_empty() {
                return Some(self.first.remove(0));
            }
            let action = self.policy.poll()?;
            if let Some(action) = self.spoil(action) {
                return Some(action);
            }
        }
    }

    /// Does to an action what the flaw would.
    fn spoil(&mut self, action: Action) -> Option<Action> {
        match (self.flaw, action) {
            (Some(Flaw::NeverRetries), action @ Action::Tell(Notice::Retry { .. })) => {
                self.asleep = true;
                Some(action)
            }
            (Some(Flaw::FightsBack), action @ Action::Tell(Notice::State(State::Standby))) => {
                self.again(Event::TakeOver);
                Some(action)
            }
            (Some(Flaw::KeepsMinting), action @ Action::Tell(Notice::State(State::Error(_)))) => {
                self.again(Event::Start);
                Some(action)
            }
            (Some(Flaw::RetriesAtOnce), action @ Action::Tell(Notice::Retry { .. })) => {
                self.again(Event::RetryNow);
                Some(action)
            }
            (
                Some(Flaw::WaitsTooLong),
                Action::Tell(Notice::Retry { attempt, delay, at, cause }),
            ) => {
                let delay = delay * 3;
                Some(Action::Tell(Notice::Retry { attempt, delay, at, cause }))
            }
            (Some(Flaw::LeavesSockets), Action::Close { .. }) => None,
            (Some(Flaw::LeavesEndpoint), Action::Unregister) => None,
            (Some(Flaw::PutsAlways), Action::Connect { session, supersedes, .. }) => {
                Some(Action::Connect { session, endpoint: Endpoint::Put, supersedes })
            }
            (Some(Flaw::TellsTwice), action @ Action::Tell(Notice::State(_))) => {
                self.first.push(action.clone());
                Some(action)
            }
            (Some(Flaw::CutsWhenSwapping), Action::Retire { session }) => {
                Some(Action::Close { session, goodbye: false })
            }
            (Some(Flaw::TellsLate), action @ Action::Tell(Notice::State(State::Reconnecting))) => {
                self.held_back = Some(action);
                None
            }
            (Some(Flaw::TellsLate), action @ Action::Connect { .. }) => {
                self.first.push(action);
                self.held_back.take().or_else(|| self.first.pop())
            }
            (Some(Flaw::ForgetsPorts), Action::Announce { session, ports }) => {
                // The first of a session is made, the others are not.
                let hosting = matches!(self.policy.state(), State::Hosting);
                (!hosting).then_some(Action::Announce { session, ports })
            }
            (_, action) => Some(action),
        }
    }

    fn again(&mut self, event: Event) {
        if let Some((now, random)) = self.now {
            self.policy.handle(event, now, random);
        }
    }
}
