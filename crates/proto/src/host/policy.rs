//! The machine itself: which event means what. How a try goes is in `attempt`, what becomes of ports in `announcing`,
//! how things end in `ending`.

mod announcing;
mod attempt;
mod ending;

use std::collections::{BTreeSet, VecDeque};
use std::fmt;
use std::time::{Duration, Instant};

use self::attempt::{Attempt, Step};
use self::ending::Pace;
use super::{Action, Endpoint, Event, Notice, Ports, Probe, State, TokenCache, reason};
use crate::backoff::Backoff;
use crate::deadline::Deadlines;
use crate::registry::{self, Epoch};

/// How long minting may take: the official command needs up to some seconds, more on a busy machine.
pub const MINT_WITHIN: Duration = Duration::from_secs(30);
/// How long minting may wait for its turn: a hundred tunnels that come up together on a slow machine, each with three
/// calls of ten seconds of which four run at a time, take some twelve minutes.
pub const MINT_QUEUED_WITHIN: Duration = Duration::from_secs(15 * 60);
/// How long putting the endpoint and opening the socket may take together: four round trips, and a slow
/// name server.
pub const CONNECT_WITHIN: Duration = Duration::from_secs(20);
/// How long it may take until all ports have their answer: those that have to be registered with the service are that
/// first, which is bound to less and fails for its port only, and the relay takes one round trip and what it looks up.
pub const ANNOUNCE_WITHIN: Duration = Duration::from_secs(15);

/// The bound of the first wait.
pub const RETRY_START: Duration = Duration::from_secs(2);
/// The bound of the longest wait: nobody watches for longer before turning to something else.
pub const RETRY_CAP: Duration = Duration::from_secs(60);
/// The longest wait that a service may ask for: beyond it, asking once more harms nobody.
pub const RETRY_AFTER_MAX: Duration = Duration::from_secs(3600);

/// A session that was up for so long has proven itself.
pub const PROVEN_AFTER: Duration = Duration::from_secs(10);
/// One that carries traffic proves itself sooner; not at once, or a request that kills the session would
/// have it come back without any pause.
pub const PROVEN_BY_TRAFFIC_AFTER: Duration = Duration::from_secs(2);

/// How many looks in a row must find the URL dead before a session that seems to live is replaced.
pub const WATCHDOG: u8 = 3;

/// How much longer than the relay this side waits for a retiring session to be closed.
const RETIRING: Duration = registry::RETIRING.saturating_add(Duration::from_secs(10));

/// One try and the session that may come of it. Never used twice in the life of a [`Policy`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(u64);

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Keeps one tunnel alive.
#[derive(Debug)]
pub struct Policy {
    /// What was told last. Anything but `Connecting`, `Hosting` and `Reconnecting` is at rest.
    state: State,
    /// The session that serves.
    live: Option<Live>,
    /// The try that is under way: to come up, or to replace `live` by plan. There is never a second one.
    attempt: Option<Attempt>,
    /// Sessions that finish what they carry.
    retiring: BTreeSet<SessionId>,
    wanted: BTreeSet<u16>,
    tokens: TokenCache,
    timers: Deadlines<Timer>,

    /// What the next try does about the endpoint.
    endpoint: Endpoint,
    /// Whether there may be an endpoint of ours that nobody has replaced.
    registered: bool,
    /// Whether the next drop is answered at once. Comes back with the proof of a session.
    free_retry: bool,
    /// Tries since a session last proved itself.
    tries: u32,
    backoff: Backoff,
    /// For planned replacements, which are not urgent: the old session serves.
    swap_backoff: Backoff,
    /// For refused ports of the session that serves, which harm no other.
    port_backoff: Backoff,
    /// Looks in a row that found the URL dead.
    streak: u8,
    relogin_told: bool,

    next_id: u64,
    actions: VecDeque<Action>,
}

/// A session that is up, with its ports announced.
#[derive(Debug)]
struct Live {
    id: SessionId,
    epoch: Option<Epoch>,
    ports: Ports,
    since: Instant,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Timer {
    /// The step of the try must be over.
    Step,
    /// The next try begins.
    Retry,
    /// The next planned replacement begins.
    Swap,
    /// The session has proven itself.
    Proof,
    /// Ports that were added to the session that serves must be answered for.
    Announce,
    /// Refused ports of the session that serves are asked for again.
    AskAgain,
    /// A retiring session must be gone.
    Retired(SessionId),
}

/// The arguments of one call.
#[derive(Clone, Copy)]
struct Moment {
    now: Instant,
    random: u64,
}

impl Default for Policy {
    fn default() -> Self {
        Policy::new()
    }
}

impl Policy {
    /// Returns a policy that does nothing until it is told to start.
    pub fn new() -> Policy {
        Policy {
            state: State::Idle,
            live: None,
            attempt: None,
            retiring: BTreeSet::new(),
            wanted: BTreeSet::new(),
            tokens: TokenCache::new(),
            timers: Deadlines::new(),
            endpoint: Endpoint::Ensure,
            registered: false,
            free_retry: true,
            tries: 0,
            backoff: Backoff::new(RETRY_START, 2, RETRY_CAP),
            swap_backoff: Backoff::new(Duration::from_secs(1), 2, Duration::from_secs(300)),
            port_backoff: Backoff::new(RETRY_START, 2, RETRY_CAP),
            streak: 0,
            relogin_told: false,
            next_id: 0,
            actions: VecDeque::new(),
        }
    }

    /// Returns what to do next; to be called after every event and timeout until it returns `None`.
    pub fn poll(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// Returns how it stands.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Returns the session that serves, if there is one.
    pub fn serving(&self) -> Option<SessionId> {
        self.live.as_ref().map(|live| live.id)
    }

    /// Returns when [`handle_timeout`](Policy::handle_timeout) is due. While a tunnel is wanted and not hosted
    /// there always is such a time.
    pub fn deadline(&self) -> Option<Instant> {
        self.timers.next()
    }

    /// Takes in what has happened. `random` is any number, evenly drawn anew for each call.
    pub fn handle(&mut self, event: Event, now: Instant, random: u64) {
        let at = Moment { now, random };
        match event {
            Event::Start => self.start(at),
            Event::Stop => self.stop(),
            Event::TakeOver => self.take_over(at),
            Event::RetryNow => self.retry_now(at),
            Event::Moved => self.moved(at),
            Event::PortsWanted(ports) => self.want_ports(ports, at),
            Event::MintQueued { session } => self.mint_queued(session, at.now),
            Event::MintBegun { session } => self.mint_begun(session, at.now),
            Event::TokenMinted { session, life } => self.token_minted(session, life, at),
            Event::MintFailed { session, failure } => self.mint_failed(session, failure, at),
            Event::Connected { session, epoch } => self.connected(session, epoch, at),
            Event::ConnectFailed { session, failure } => self.connect_failed(session, failure, at),
            Event::PortAnnounced { session, port } => self.port_announced(session, port, at),
            Event::PortRefused { session, port, failure } => {
                self.port_refused(session, port, failure, at);
            }
            Event::Traffic { session } => self.traffic(session),
            Event::Dropped { session, cause } => {
                self.session_ended(session, cause, Pace::First, at)
            }
            Event::Disconnected { session, reason } => self.disconnected(session, reason, at),
            Event::Drain { session } => self.drain(session, at),
            Event::RemintDue => self.remint_due(at),
            Event::Probe(outcome) => self.probed(outcome, at),
            Event::DropRequested => self.drop_requested(at),
        }
    }

    /// Does what is due at `now`.
    pub fn handle_timeout(&mut self, now: Instant, random: u64) {
        let at = Moment { now, random };
        while let Some(timer) = self.timers.take_expired(now) {
            match timer {
                Timer::Step => self.step_overdue(at),
                Timer::Retry => self.begin(at),
                Timer::Swap => self.swap(at),
                Timer::Proof => self.proven(),
                Timer::Announce => self.announce_overdue(),
                Timer::AskAgain => self.ask_again(at.now),
                Timer::Retired(session) => {
                    self.retiring.remove(&session);
                    self.close(session, false);
                }
            }
        }
    }

    fn start(&mut self, at: Moment) {
        match self.state {
            State::Idle | State::Stopped | State::Error(_) => self.run(Endpoint::Ensure, at),
            State::Connecting | State::Hosting | State::Reconnecting | State::Standby => {}
        }
    }

    fn take_over(&mut self, at: Moment) {
        match self.state {
            State::Idle | State::Stopped | State::Error(_) | State::Standby => {
                self.run(Endpoint::Put, at);
            }
            State::Connecting | State::Reconnecting => {
                self.endpoint = Endpoint::Put;
                self.retry_now(at);
            }
            State::Hosting => {}
        }
    }

    fn run(&mut self, endpoint: Endpoint, at: Moment) {
        self.endpoint = endpoint;
        self.relogin_told = false;
        self.proven();
        self.set_state(State::Connecting);
        self.begin(at);
    }

    fn retry_now(&mut self, at: Moment) {
        if self.timers.get(&Timer::Retry).is_some() {
            self.begin(at);
        }
        if self.timers.get(&Timer::AskAgain).is_some() {
            self.ask_again(at.now);
        }
    }

    /// A try that has its socket is left to whoever can ask the other end; one that has not begun to ask anybody keeps
    /// its place.
    fn moved(&mut self, at: Moment) {
        let asks = |attempt: &Attempt| !matches!(attempt.step, Step::Queued | Step::Announcing);
        match &self.attempt {
            Some(attempt) if asks(attempt) => {
                self.call_off();
                self.begin(at);
            }
            _ => self.retry_now(at),
        }
    }

    fn traffic(&mut self, session: SessionId) {
        let Some(live) = self.live.as_ref().filter(|live| live.id == session) else { return };
        if let Some(proof) = self.timers.get(&Timer::Proof) {
            self.timers.set(Timer::Proof, proof.min(live.since + PROVEN_BY_TRAFFIC_AFTER));
        }
    }

    /// The session is worth what it promised: what fails from now on is a new story.
    fn proven(&mut self) {
        self.backoff.reset();
        self.free_retry = true;
        self.tries = 0;
    }

    fn probed(&mut self, outcome: Probe, at: Moment) {
        let Some(id) = self.live.as_ref().map(|live| live.id) else { return };
        match outcome {
            Probe::Healthy => {
                self.streak = 0;
                self.traffic(id);
            }
            Probe::ServiceDown => self.streak = 0,
            Probe::Down => {
                self.streak += 1;
                if self.streak == WATCHDOG {
                    self.close(id, false);
                    self.live_lost("the URL was dead".to_owned(), Pace::AtOnce, at);
                }
            }
        }
    }

    fn drop_requested(&mut self, at: Moment) {
        if let Some(id) = self.live.as_ref().map(|live| live.id) {
            self.close(id, false);
            self.live_lost("a drop was asked for".to_owned(), Pace::AtOnce, at);
        }
    }

    fn drain(&mut self, session: SessionId, at: Moment) {
        if let Some(attempt) = self.attempt.as_mut().filter(|attempt| attempt.id == session) {
            attempt.draining = true;
        } else if self.live.as_ref().is_some_and(|live| live.id == session) {
            self.swap(at);
        }
    }

    fn remint_due(&mut self, at: Moment) {
        self.tokens.make_due(at.now);
        self.relogin_told = false;
        self.swap_backoff.reset();
        self.swap(at);
    }

    /// Replaces the session that serves by plan, unless that is under way.
    fn swap(&mut self, at: Moment) {
        if self.live.is_some() && self.attempt.is_none() {
            self.begin(at);
        }
    }

    fn disconnected(&mut self, session: SessionId, code: u32, at: Moment) {
        let cause = format!("the relay ended the session (reason {code})");
        match code {
            reason::TOO_MANY_CONNECTIONS => self.evicted(session, cause, at),
            reason::CONNECTION_LOST => self.session_ended(session, cause, Pace::First, at),
            reason::HOST_NOT_ALLOWED | reason::AUTH_CANCELLED | reason::NO_MORE_AUTH_METHODS => {
                self.refused(session, cause, at);
            }
            _ => self.session_ended(session, cause, Pace::Later, at),
        }
    }

    fn set_state(&mut self, state: State) {
        if self.state != state {
            self.state = state.clone();
            self.tell(Notice::State(state));
        }
    }

    fn tell_relogin(&mut self) {
        if !std::mem::replace(&mut self.relogin_told, true) {
            self.tell(Notice::ReloginRequired);
        }
    }

    fn tell(&mut self, notice: Notice) {
        self.actions.push_back(Action::Tell(notice));
    }

    fn close(&mut self, session: SessionId, goodbye: bool) {
        self.actions.push_back(Action::Close { session, goodbye });
    }
}
