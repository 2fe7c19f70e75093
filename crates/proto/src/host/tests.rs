//! A policy with a clock that only tests move, and its actions as words.

mod model;
mod ports;
mod stories;
mod table;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use super::*;
use crate::registry::Epoch;

/// The policy under test, its time, and the session that was begun last.
struct Host {
    policy: Policy,
    now: Instant,
    random: u64,
    session: Option<SessionId>,
}

/// Renders an action: what the driver would do, in few words.
fn words(action: &Action) -> String {
    let list =
        |ports: &BTreeSet<u16>| ports.iter().map(u16::to_string).collect::<Vec<_>>().join(",");
    match action {
        Action::Mint { session } => format!("mint {session}"),
        Action::Connect { session, endpoint, supersedes: None } => {
            format!("connect {session} {endpoint:?}").to_lowercase()
        }
        Action::Connect { session, supersedes: Some(epoch), .. } => {
            format!("connect {session} superseding {epoch}")
        }
        Action::Announce { session, ports } => format!("announce {session} {}", list(ports)),
        Action::Withdraw { session, ports } => format!("withdraw {session} {}", list(ports)),
        Action::Retire { session } => format!("retire {session}"),
        Action::Close { session, goodbye: false } => format!("close {session}"),
        Action::Close { session, goodbye: true } => format!("goodbye {session}"),
        Action::Unregister => "unregister".to_owned(),
        Action::Tell(Notice::State(State::Error(why))) => format!("Error: {why}"),
        Action::Tell(Notice::State(state)) => format!("{state:?}"),
        Action::Tell(Notice::Progress(phase)) => phase.as_str().to_owned(),
        Action::Tell(Notice::Retry { attempt, delay, .. }) => {
            format!("try {attempt} in {} ms", delay.as_millis())
        }
        Action::Tell(Notice::ReloginRequired) => "sign in".to_owned(),
        Action::Tell(Notice::PortRefused { port, .. }) => format!("{port} refused"),
        Action::Tell(Notice::PortServed { port }) => format!("{port} served"),
        Action::Tell(Notice::Swapped) => "swapped".to_owned(),
        Action::Tell(Notice::SwapFailed { delay, .. }) => {
            format!("swap failed, again in {} ms", delay.as_millis())
        }
    }
}

impl Host {
    fn new() -> Host {
        let mut host =
            Host { policy: Policy::new(), now: Instant::now(), random: u64::MAX, session: None };
        host.tell(Event::PortsWanted([3000].into()));
        host
    }

    /// Takes the actions there are.
    fn told(&mut self) -> Vec<String> {
        let mut told = Vec::new();
        while let Some(action) = self.policy.poll() {
            if let Action::Mint { session } | Action::Connect { session, .. } = action {
                self.session = Some(session);
            }
            told.push(words(&action));
        }
        told
    }

    fn tell(&mut self, event: Event) -> Vec<String> {
        self.policy.handle(event, self.now, self.random);
        self.told()
    }

    /// Lets time pass, stopping at each deadline.
    fn pass(&mut self, time: Duration) -> Vec<String> {
        let end = self.now + time;
        let mut told = Vec::new();
        while let Some(due) = self.policy.deadline().filter(|due| *due <= end) {
            self.now = self.now.max(due);
            self.policy.handle_timeout(self.now, self.random);
            told.extend(self.told());
        }
        self.now = end;
        told
    }

    /// Waits for what is due next.
    fn wait(&mut self) -> Vec<String> {
        let due = self.policy.deadline().expect("something is due");
        self.pass(due - self.now)
    }

    /// The session that was begun last.
    fn session(&self) -> SessionId {
        self.session.expect("a session was begun")
    }

    fn minted(&mut self) -> Vec<String> {
        let session = self.session();
        self.tell(Event::TokenMinted { session, life: Some(hours(24)) })
    }

    fn mint_failed(&mut self, failure: Failure) -> Vec<String> {
        let session = self.session();
        self.tell(Event::MintFailed { session, failure })
    }

    fn connected(&mut self) -> Vec<String> {
        let session = self.session();
        self.tell(Event::Connected { session, epoch: None })
    }

    /// The relay lets sessions overlap and calls this one `epoch`.
    fn connected_as(&mut self, epoch: u64) -> Vec<String> {
        let session = self.session();
        self.tell(Event::Connected { session, epoch: Some(Epoch(epoch)) })
    }

    fn connect_failed(&mut self, failure: Failure) -> Vec<String> {
        let session = self.session();
        self.tell(Event::ConnectFailed { session, failure })
    }

    fn announced(&mut self, port: u16) -> Vec<String> {
        let session = self.session();
        self.tell(Event::PortAnnounced { session, port })
    }

    fn refused(&mut self, port: u16) -> Vec<String> {
        self.refused_for(port, Failure::Transient("no".to_owned()))
    }

    fn refused_for(&mut self, port: u16, failure: Failure) -> Vec<String> {
        let session = self.session();
        self.tell(Event::PortRefused { session, port, failure })
    }

    fn dropped(&mut self) -> Vec<String> {
        let session = self.session();
        self.tell(Event::Dropped { session, cause: "reset".to_owned() })
    }

    fn disconnected(&mut self, reason: u32) -> Vec<String> {
        let session = self.session();
        self.tell(Event::Disconnected { session, reason })
    }

    fn evicted(&mut self) -> Vec<String> {
        self.disconnected(reason::TOO_MANY_CONNECTIONS)
    }

    /// A host whose first session is up, on a relay without epochs.
    fn hosting() -> Host {
        let mut host = Host::connecting();
        host.connected();
        host.announced(3000);
        host
    }

    /// A host whose first session is up on a relay that lets sessions overlap, as epoch 1.
    fn overlapping() -> Host {
        let mut host = Host::connecting();
        host.connected_as(1);
        host.announced(3000);
        host
    }

    fn connecting() -> Host {
        let mut host = Host::new();
        host.tell(Event::Start);
        host.minted();
        host
    }

    /// Brings the try that is under way to its end.
    fn come_up(&mut self) -> Vec<String> {
        let mut told = self.connected();
        told.extend(self.announced(3000));
        told
    }
}

fn hours(hours: u64) -> Duration {
    Duration::from_secs(3600 * hours)
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn transient() -> Failure {
    Failure::Transient("no route".to_owned())
}

const NOTHING: [&str; 0] = [];
