//! When to look at the URLs of a tunnel, and what is known of them.
//!
//! One [`Monitor`] watches over one tunnel. Its driver tells it [`Event`]s, does the [`Action`]s that
//! [`Monitor::poll`] gives and calls again at [`Monitor::deadline`]. A look has two parts: the URL is asked, and
//! where its answer does not say all, the local port is tried.
//!
//! * A URL that works is looked at once an interval, somewhat earlier by chance, so that many tunnels do not do
//!   it in step. What looks bad is looked at again soon; only what several looks agree on is told.
//! * Every port has a pace of its own: a dead one hurries no other.
//! * A local server that is away is tried cheaply, without the way through the relay, and never costs a session.
//! * A dead URL behind a session that is up is told to the policy, which replaces the session. Where that does
//!   not help (the URL may be dead from here only) it is told again after ever longer times.
//!
//! How looks go is in `looks`, how it stands without a session in `absence`.

mod absence;
mod looks;
mod port;

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use self::absence::Absent;
use self::port::Port;
use super::{Answer, Health, Interval, Label, Leg, NoSession, Proof, Reason, Refusal};
use crate::backoff::fraction;
use crate::deadline::Deadlines;
use crate::host::Probe;

/// The first look comes within this time after a session is up: soon, but not for all ports at once.
const FIRST: Duration = Duration::from_millis(500);
/// As soon as there is a reason to look.
const SOON: Duration = Duration::from_millis(250);

/// One look at one port. Never used twice in the life of a [`Monitor`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LookId(u64);

impl fmt::Display for LookId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What the local server of a port speaks, as it is configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speaks {
    /// HTTP.
    Http,
    /// HTTP over TLS. The host does not look into it, so that its own secret cannot be asked for.
    Https,
    /// Whatever it likes.
    Auto,
}

/// When something happens: the arguments of every call.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// The monotonic now.
    pub now: Instant,
    /// The calendar now, for stamps only.
    pub wall: Timestamp,
    /// Any number, evenly drawn anew for each call.
    pub random: u64,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A session serves the ports, or another one does now.
    Up,
    /// No session serves.
    Down(Absence),
    /// The ports of the tunnel, instead of those told before.
    Ports(BTreeMap<u16, Speaks>),
    /// This port is not served in the session that is up.
    PortRefused {
        /// The port.
        port: u16,
        /// Why, as far as is known.
        cause: String,
    },
    /// The relay serves this port in the session that is up, though it was told that it does not.
    PortServed {
        /// The port.
        port: u16,
    },
    /// What came of [`Action::Ask`].
    Answered {
        /// The look.
        look: LookId,
        /// What the URL answered.
        answer: Answer,
        /// Whether bytes for this port arrived at this host meanwhile.
        arrived: bool,
    },
    /// What came of [`Action::Try`].
    Tried {
        /// The look.
        look: LookId,
        /// What the local port did.
        leg: Leg,
    },
    /// A visitor's connection was refused by the local port.
    LocalRefused {
        /// The port.
        port: u16,
        /// Why.
        refusal: Refusal,
    },
    /// A visitor's connection was accepted by a local port that had refused one.
    LocalAccepted {
        /// The port.
        port: u16,
    },
    /// URLs that work are looked at so often from now on.
    Every(Interval),
    /// Something makes it doubtful that anything is as it was: the clock jumped, the network is another one.
    Suspicion,
}

/// Why no session serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Absence {
    /// Nobody wants one.
    Stopped,
    /// The first one is on its way.
    Starting,
    /// It is wanted, and there is none.
    Lacking(NoSession),
}

/// Something to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Ask the URL of this port, instead of any look at it that is under way. Answer with [`Event::Answered`].
    Ask {
        /// The look.
        look: LookId,
        /// The port.
        port: u16,
        /// Whether to ask for the secret of the session; else for [`PLAIN_LOOK`](super::PLAIN_LOOK).
        secret: bool,
    },
    /// Connect to this local port. Answer with [`Event::Tried`].
    Try {
        /// The look.
        look: LookId,
        /// The port.
        port: u16,
        /// Find out, too, whether the server speaks this; otherwise a connection is enough.
        speaks: Option<Speaks>,
    },
    /// Tell those who watch.
    Tell {
        /// The port.
        port: u16,
        /// What is known.
        health: Health,
    },
    /// Tell those who watch that the URL was proven again, while nothing else is news.
    Proven {
        /// The port.
        port: u16,
        /// When, on the calendar.
        at: Timestamp,
        /// How well.
        proof: Proof,
    },
    /// The URL is dead though the local server is up. Once for each time that this begins. Warn, where a session is up,
    /// too; without one it is no wonder.
    Dead {
        /// The port.
        port: u16,
        /// Whether a session is up.
        hosting: bool,
        /// How it shows.
        reason: Reason,
    },
    /// Tell the policy.
    Probe(Probe),
}

/// Watches over the URLs of one tunnel.
#[derive(Debug)]
pub struct Monitor {
    interval: Duration,
    ports: BTreeMap<u16, Port>,
    /// Whether a session serves.
    up: bool,
    /// Why none does, once that was told to us.
    absent: Option<Absent>,
    /// How many looks in a row the policy was told to have found a URL dead.
    told_down: u8,
    timers: Deadlines<Timer>,
    last_look: u64,
    actions: VecDeque<Action>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Timer {
    /// The next look at the URL of a port; while one is under way, its end at the latest.
    Ask(u16),
    /// The next try of a local port alone.
    Try(u16),
    /// It takes the session too long to come back.
    Absent,
}

impl Monitor {
    /// Returns a monitor that looks at nothing until a session is up.
    pub fn new(interval: Interval) -> Self {
        Self {
            interval: interval.get(),
            ports: BTreeMap::new(),
            up: false,
            absent: None,
            told_down: 0,
            timers: Deadlines::new(),
            last_look: 0,
            actions: VecDeque::new(),
        }
    }

    /// Returns what to do next; to be called after every event and timeout until it returns `None`.
    pub fn poll(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// Returns when [`handle_timeout`](Self::handle_timeout) is due.
    pub fn deadline(&self) -> Option<Instant> {
        self.timers.next()
    }

    /// Returns what is known of each port of which something is, with the time of its last proof.
    pub fn health(&self) -> impl Iterator<Item = (u16, &Health)> {
        self.ports.iter().filter_map(|(number, port)| Some((*number, port.health.as_ref()?)))
    }

    /// Whether the outcome of this look is still of interest.
    pub fn awaits(&self, look: LookId) -> bool {
        self.ports.values().any(|port| port.awaits(look))
    }

    #[cfg(test)]
    pub(super) fn told_down(&self) -> u8 {
        self.told_down
    }

    /// Takes in what has happened.
    pub fn handle(&mut self, event: Event, at: Moment) {
        match event {
            Event::Up => self.session_up(at),
            Event::Down(absence) => self.session_down(absence, at),
            Event::Ports(ports) => self.follow(&ports, at),
            Event::PortRefused { port, cause } => self.port_refused(port, cause),
            Event::PortServed { port } => self.port_served(port, at),
            Event::Answered { look, answer, arrived } => self.answered(look, answer, arrived, at),
            Event::Tried { look, leg } => self.tried(look, &leg, at),
            Event::LocalRefused { port, refusal } if self.up => {
                self.local_refused(port, refusal, at);
            }
            Event::LocalRefused { .. } => {}
            Event::LocalAccepted { port } => self.local_accepted(port, at),
            Event::Every(interval) => self.look_every(interval.get(), at),
            Event::Suspicion => self.look_everywhere(SOON, at),
        }
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, at: Moment) {
        while let Some(timer) = self.timers.take_expired(at.now) {
            match timer {
                Timer::Ask(port) => self.ask(port, at.now),
                Timer::Try(port) => self.try_local(port, at.now),
                Timer::Absent => self.absence_lasts(),
            }
        }
    }

    fn session_up(&mut self, at: Moment) {
        self.up = true;
        self.absent = None;
        self.told_down = 0;
        self.timers.clear(&Timer::Absent);
        self.ports.values_mut().for_each(Port::begin_session);
        self.look_everywhere(FIRST, at);
    }

    fn follow(&mut self, ports: &BTreeMap<u16, Speaks>, at: Moment) {
        let gone: Vec<_> =
            self.ports.keys().filter(|port| !ports.contains_key(port)).copied().collect();
        for port in gone {
            self.rest(port);
            self.ports.remove(&port);
        }
        for (number, speaks) in ports {
            if self.ports.get(number).is_some_and(|port| port.speaks == *speaks) {
                continue;
            }
            let known = self.ports.entry(*number).or_insert_with(|| Port::new(*speaks));
            known.speak(*speaks);
            if self.up {
                self.look_within(*number, FIRST, at);
            }
        }
    }

    fn port_refused(&mut self, port: u16, cause: String) {
        self.rest(port);
        if let Some(known) = self.ports.get_mut(&port) {
            known.served = false;
            self.tell(port, Some(Reason::NotServed { port, cause }));
        }
    }

    /// What was told of it is not true any more; what is, the look says that is due now.
    fn port_served(&mut self, port: u16, at: Moment) {
        let Some(known) = self.ports.get_mut(&port).filter(|known| !known.served) else { return };
        known.served = true;
        if self.up {
            self.look_within(port, SOON, at);
        }
    }

    fn look_everywhere(&mut self, within: Duration, at: Moment) {
        if !self.up {
            return;
        }
        let served = self.ports.iter().filter(|(_, port)| port.served);
        let served: Vec<_> = served.map(|(number, _)| *number).collect();
        for port in served {
            self.rest(port);
            self.look_within(port, within, at);
        }
    }

    /// Looks at a port at some moment within this time.
    fn look_within(&mut self, port: u16, within: Duration, at: Moment) {
        if let Some(port) = self.ports.get_mut(&port) {
            port.rests_since = None;
        }
        self.timers.set(Timer::Ask(port), at.now + fraction(within, at.of(port)));
    }

    /// Calls off whatever is planned or under way for a port.
    fn rest(&mut self, port: u16) {
        self.timers.clear(&Timer::Ask(port));
        self.timers.clear(&Timer::Try(port));
        if let Some(port) = self.ports.get_mut(&port) {
            port.call_off();
        }
    }

    /// Tells why a URL is not well, or that it is.
    fn tell(&mut self, number: u16, reason: Option<Reason>) {
        let Some(port) = self.ports.get_mut(&number) else { return };
        let label = reason.as_ref().map_or(Label::Operational, Reason::label);
        let health = Health { label, reason, proven: port.proven };
        let told = port.health.replace(health.clone());
        let same = |told: &&Health| told.label == health.label && told.reason == health.reason;
        match (told.as_ref().filter(same).map(|told| told.proven), health.proven) {
            (Some(before), now) if before == now => {}
            (Some(Some(_)), Some((at, proof))) => {
                self.actions.push_back(Action::Proven { port: number, at, proof });
            }
            _ => self.actions.push_back(Action::Tell { port: number, health }),
        }
    }

    fn new_look(&mut self) -> LookId {
        self.last_look += 1;
        LookId(self.last_look)
    }
}

impl Moment {
    /// A random number of this moment for each port (the finalizer of SplitMix64 spreads them).
    fn of(self, port: u16) -> u64 {
        let mixed = self.random ^ u64::from(port).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}
