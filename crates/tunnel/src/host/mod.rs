//! Hosts a tunnel: keeps a session with its relay and forwards every connection to a local port.
//!
//! [`Host::spawn`] starts an engine for one tunnel. What to do and when is decided by
//! [`adit_proto::host::Policy`]; the engine does it, reports back, and tells whoever holds the
//! [`HostHandle`] what happens. Many hosts run side by side on one runtime: nothing in one waits
//! for another.
//!
//! It makes no tunnels and no ports: those are the service's, and are only followed here. It does
//! not encrypt end to end. Whether the public URLs work is looked at if [`Config::health`] says how
//! often; what a look shows is told by [`Event::Health`] and kept in [`HostHandle::health`].

mod connection;
mod driver;
mod failure;
mod health;
mod leave;
mod session;
mod step;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use adit_wire::change::Watcher;
use adit_wire::net::Connector;
use adit_wire::task;
use jiff::Timestamp;
use tokio::sync::mpsc;

use crate::events;
use crate::inspect::{Inspector, Keep, Observed};
use crate::management::{Locator, Management};

pub use adit_proto::health::{Health, Interval, Label, Proof, Reason};
pub use adit_proto::host::{GiveUp, Phase, State};
pub use health::Counts;
pub use leave::STOP_WITHIN;

/// Commands that wait for the engine; full means that the caller waits.
const COMMANDS: usize = 8;

/// How often the service is asked for the tunnel's ports while it is hosted.
const PORTS_EVERY: Duration = Duration::from_secs(60);

/// What to host.
#[derive(Clone, Debug)]
pub struct Config {
    /// The service that knows the tunnel.
    pub management: Arc<dyn Management>,
    /// How connections to other computers are made.
    pub connector: Connector,
    /// The tunnel.
    pub tunnel: Locator,
    /// Who hosts. All tunnels of one process have the same.
    pub identity: Identity,
    /// Whether forwarded requests are reported.
    pub inspect: bool,
    /// What is kept of them besides; for those who have another clone of it.
    pub keep: Keep,
    /// How often the service is asked for the tunnel's ports; `None` means only when told to.
    pub ports_every: Option<Duration>,
    /// Whether the tunnel is kept from running out while it is hosted.
    pub renew: bool,
    /// How often each URL that works is looked at; `None` means never. Looks make connections to
    /// the local ports, and on `https` ports requests.
    pub health: Option<Interval>,
    /// Tells when the computer has slept or is in another network, which is then reacted to at
    /// once. All tunnels of one process have clones of the same.
    pub changes: Option<Watcher>,
}

impl Config {
    /// Hosts `tunnel` with a new identity, reports its requests, and asks for its ports once a
    /// minute. It lets the tunnel run out when its time has come, and looks at neither URLs nor changes.
    pub fn new(management: Arc<dyn Management>, connector: Connector, tunnel: Locator) -> Self {
        Self {
            management,
            connector,
            tunnel,
            identity: Identity::random(),
            inspect: true,
            keep: Keep::default(),
            ports_every: Some(PORTS_EVERY),
            renew: false,
            health: None,
            changes: None,
        }
    }
}

/// Tells one hosting process from another: a relay evicts another host, and expects the same one
/// to come back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity(Arc<str>);

impl Identity {
    /// A new one.
    pub fn random() -> Self {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).expect("the system's randomness is always there");
        // The marks of a random UUID (RFC 9562 section 5.4).
        bytes[6] = bytes[6] & 0x0f | 0x40;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        let mut text = String::with_capacity(36);
        for (at, byte) in bytes.iter().enumerate() {
            if matches!(at, 4 | 6 | 8 | 10) {
                text.push('-');
            }
            text.push_str(&format!("{byte:02x}"));
        }
        Self(text.into())
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where a port of the tunnel can be reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortUrls {
    /// The port.
    pub port: u16,
    /// Its addresses, the preferred one first.
    pub urls: Vec<String>,
}

/// Something that happened to a hosted tunnel.
#[derive(Clone, Debug)]
pub enum Event {
    /// The state changed.
    State(State),
    /// A step of connecting began.
    Progress(Phase),
    /// The tunnel is hosted, at these addresses. Told once; see [`Event::UrlChanged`].
    Ready {
        /// One for each port.
        urls: Vec<PortUrls>,
    },
    /// The addresses, or the ports, are other ones now.
    UrlChanged {
        /// One for each port.
        urls: Vec<PortUrls>,
    },
    /// A forwarded stream showed something.
    Observed(Observed),
    /// There will be another try.
    Retry {
        /// Which try it is, from 1.
        attempt: u32,
        /// The time until it begins.
        wait: Duration,
        /// Why the one before failed.
        cause: Box<str>,
    },
    /// Somebody has to sign in again.
    ReloginRequired,
    /// This port is not served; the others are. It is asked for again where the cause can pass.
    PortRefused {
        /// The port.
        port: u16,
        /// Why, as far as is known.
        cause: Box<str>,
    },
    /// The relay serves this port after all: its answer came late, or what it was refused for has passed.
    PortServed {
        /// The port.
        port: u16,
    },
    /// The session was replaced by plan: the new one serves.
    Swapped,
    /// A planned replacement of the session failed; the old one serves on.
    SwapFailed {
        /// The time until it is tried again.
        wait: Duration,
        /// Why it failed.
        cause: Box<str>,
    },
    /// The service did not tell the tunnel's ports; those known are served on.
    PortsUnknown {
        /// Why.
        cause: Box<str>,
    },
    /// The tunnel was given its whole life again.
    Renewed {
        /// How long it lives after its last use.
        life: Duration,
    },
    /// The tunnel's life was not renewed. It is served on, and ends at its time unless a later try
    /// succeeds.
    RenewalFailed {
        /// The time until it is tried again.
        wait: Duration,
        /// Why.
        cause: Box<str>,
    },
    /// Nothing answers on the local port. Told when that begins.
    LocalDown {
        /// The port.
        port: u16,
        /// Why.
        cause: Box<str>,
    },
    /// The local port answers again.
    LocalUp {
        /// The port.
        port: u16,
    },
    /// The URL of a port was seen to reach this host again, and nothing else is news. Once for each
    /// look.
    Proven {
        /// The port.
        port: u16,
        /// When.
        at: Timestamp,
        /// How well it was proven.
        proof: Proof,
    },
    /// A URL is dead though the session is up and the local port listens; told before the health that says why. Once for
    /// each time that this begins.
    UrlDead {
        /// The port.
        port: u16,
    },
    /// What is known of a port's URL is another thing than before.
    Health {
        /// The port.
        port: u16,
        /// What is known.
        health: Health,
    },
}

/// Hosts tunnels.
#[derive(Debug)]
pub struct Host;

impl Host {
    /// Starts to host. The engine runs until it is stopped or the handle is dropped; one that has
    /// given up or stands by waits for a command.
    pub fn spawn(config: Config) -> HostHandle {
        let (emitter, events) = events::queue();
        let (commands, receiver) = mpsc::channel(COMMANDS);
        let inspector = || Inspector::keeping(config.keep.clone());
        let (inspector, observed) = match config.inspect.then(inspector) {
            Some((inspector, observed)) => (Some(inspector), Some(observed)),
            None => (None, None),
        };
        let tally = Arc::new(health::Tally::new());
        let driver =
            driver::Driver::new(config, emitter, inspector.clone(), receiver, tally.clone());
        let task = task::spawn("host", driver.run());
        HostHandle { task, events, observed, inspector, commands, tally }
    }
}

/// A hosted tunnel. Dropping it breaks the hosting off; [`HostHandle::stop`] ends it.
#[derive(Debug)]
pub struct HostHandle {
    // First, so that it goes first: the engine takes an end of commands for the command to stop.
    task: task::Task<()>,
    events: events::Reader<Event>,
    observed: Option<mpsc::Receiver<Observed>>,
    inspector: Option<Inspector>,
    commands: mpsc::Sender<Command>,
    tally: Arc<health::Tally>,
}

/// What a host can be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Host again after having given up. Means nothing otherwise.
    Start,
    /// End in good order: finish what is in flight, take leave, unregister; all within [`STOP_WITHIN`].
    Stop,
    /// Take the tunnel from the host that took it.
    TakeOver,
    /// Do not wait for the next try.
    RetryNow,
    /// Ask the service for the tunnel's ports now.
    RefreshPorts,
    /// Look at each URL that works so often from now on. Means nothing to a host that never looks.
    LookEvery(Interval),
    /// Mint tokens now and replace the session by plan.
    Renew,
    /// Break the session, to see it come back. For diagnosis.
    Drop,
}

impl HostHandle {
    /// The next event; `None` when the host has stopped. Safe to drop and call again.
    pub async fn next(&mut self) -> Option<Event> {
        let observed = async {
            match &mut self.observed {
                Some(observed) => observed.recv().await,
                None => None,
            }
        };
        tokio::select! {
            biased;
            event = self.events.next() => event,
            Some(observed) = observed => Some(Event::Observed(observed)),
        }
    }

    /// Tells the host something. Lost if it has stopped.
    pub async fn command(&self, command: Command) {
        let _ = self.commands.send(command).await;
    }

    /// A way to tell the host something from elsewhere.
    pub fn commander(&self) -> Commander {
        Commander { commands: self.commands.clone() }
    }

    /// Events and observations that were dropped because nobody asked for them in time.
    pub fn dropped_events(&self) -> u64 {
        self.events.dropped() + self.inspector.as_ref().map_or(0, Inspector::dropped)
    }

    /// What is known of the URL of each port now, with the time of its last proof. [`Event::Health`]
    /// tells only what is news.
    pub fn health(&self) -> BTreeMap<u16, Health> {
        self.tally.health()
    }

    /// What the looks at the URLs have come to.
    pub fn counts(&self) -> Counts {
        self.tally.counts()
    }

    /// Ends the hosting in good order and waits for it. Whoever wants to see the last events sends
    /// [`Command::Stop`] and reads them to their end instead.
    pub async fn stop(mut self) {
        self.command(Command::Stop).await;
        self.task.join().await;
    }
}

/// Tells a host something.
#[derive(Clone, Debug)]
pub struct Commander {
    commands: mpsc::Sender<Command>,
}

impl Commander {
    /// Tells the host something. Lost if it has stopped.
    pub async fn command(&self, command: Command) {
        let _ = self.commands.send(command).await;
    }
}
