//! Connects to a tunnel: its ports become listeners on this computer.
//!
//! [`Client::spawn`] starts an engine that keeps the connection to the relay, opens a listener for
//! each port that the relay announces, and joins each accepted connection with a channel to the
//! tunnel's host. Listeners outlive the connection to the relay: while it is away, programs that
//! connect wait a little instead of being refused.
//!
//! It asks the service for a token and the relay's address, and again when they stop working. It
//! does not encrypt end to end, and it never serves anything itself.

mod driver;
mod failure;
mod leaving;
mod listen;
mod local;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use adit_wire::change::Watcher;
use adit_wire::net::Connector;
use adit_wire::task;
use tokio::sync::mpsc;

use crate::events;
use crate::management::{Locator, Management};
pub use failure::Failure;

/// Commands that wait for the engine; full means that the caller waits.
const COMMANDS: usize = 8;

/// What to connect to.
#[derive(Clone, Debug)]
pub struct Config {
    /// The service that knows the tunnel.
    pub management: Arc<dyn Management>,
    /// How connections to other computers are made.
    pub connector: Connector,
    /// The tunnel.
    pub tunnel: Locator,
    /// Where its ports are to be.
    pub numbers: Numbers,
    /// Who tells of sleep and of other networks, after which nothing is waited for. Without it they are found by
    /// what fails.
    pub changes: Option<Watcher>,
}

impl Config {
    /// Connects to `tunnel`, whose ports get the same numbers here.
    pub fn new(management: Arc<dyn Management>, connector: Connector, tunnel: Locator) -> Self {
        Self { management, connector, tunnel, numbers: Numbers::same(), changes: None }
    }
}

/// Which local port is tried first for a port of the tunnel; asked each time that one is opened.
///
/// Where the tunnel's host runs on the same computer, any number but the same must do: a listener
/// in the place of a local server that is away would have the host connect to the tunnel's own
/// entrance, and each connection make the next.
#[derive(Clone)]
pub struct Numbers(Arc<dyn Fn(u16) -> u16 + Send + Sync>);

impl Numbers {
    /// The same number as in the tunnel.
    pub fn same() -> Self {
        Self::chosen_by(|port| port)
    }

    /// The number that `choose` returns; 0 for any.
    pub fn chosen_by(choose: impl Fn(u16) -> u16 + Send + Sync + 'static) -> Self {
        Self(Arc::new(choose))
    }

    fn of(&self, port: u16) -> u16 {
        (self.0)(port)
    }
}

impl fmt::Debug for Numbers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Numbers")
    }
}

/// Something that happened to a client.
#[derive(Clone, Debug)]
pub enum Event {
    /// The state changed.
    State(State),
    /// A port of the tunnel can be reached at a local port.
    Listening {
        /// The tunnel's port.
        port: u16,
        /// The port of 127.0.0.1 and ::1.
        local: u16,
    },
    /// A port of the tunnel is gone, and its listener with it.
    Removed {
        /// The tunnel's port.
        port: u16,
    },
    /// No local port could be had for a port of the tunnel.
    NotListening {
        /// The tunnel's port.
        port: u16,
        /// Why.
        cause: Arc<std::io::Error>,
    },
    /// A connection could not be made through the tunnel.
    Refused {
        /// The tunnel's port.
        port: u16,
        /// Why, as told by the relay or the host.
        cause: Box<str>,
    },
    /// The relay was not reached, and another attempt follows.
    Retry {
        /// How many attempts in a row have failed.
        attempt: u32,
        /// The time until the next.
        wait: Duration,
        /// Why.
        cause: Arc<Failure>,
    },
    /// The client has given up; the last event but [`State::Stopped`].
    Failed(Arc<Failure>),
}

/// What a client is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Reaching the relay for the first time.
    Connecting,
    /// Connected to the relay.
    Connected,
    /// Nobody hosts the tunnel; waiting for a host.
    Waiting,
    /// The connection was lost and is being made again.
    Reconnecting,
    /// It is over.
    Stopped,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connecting => "connecting",
            Self::Connected => "connected",
            Self::Waiting => "waiting for a host",
            Self::Reconnecting => "reconnecting",
            Self::Stopped => "stopped",
        })
    }
}

/// Connects to tunnels.
#[derive(Debug)]
pub struct Client;

impl Client {
    /// Starts to connect. The engine runs until it fails, is stopped, or the handle is dropped.
    pub fn spawn(config: Config) -> ClientHandle {
        let (emitter, events) = events::queue();
        let (commands, receiver) = mpsc::channel(COMMANDS);
        let driver = driver::Driver::new(config, emitter, receiver);
        ClientHandle { task: task::spawn("client", driver.run()), events, commands }
    }
}

/// A running client.
#[derive(Debug)]
pub struct ClientHandle {
    // First, so that it goes first: the engine takes an end of commands for the command to stop.
    task: task::Task<()>,
    events: events::Reader<Event>,
    commands: mpsc::Sender<Command>,
}

/// What a client can be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Command {
    Refresh,
    Stop,
}

impl ClientHandle {
    /// The next event; `None` when the client has stopped. Safe to drop and call again.
    pub async fn next(&mut self) -> Option<Event> {
        self.events.next().await
    }

    /// Events that were dropped because nobody asked for them in time.
    pub fn dropped_events(&self) -> u64 {
        self.events.dropped()
    }

    /// Asks the relay for the tunnel's ports again.
    pub async fn refresh(&self) {
        // A client that has stopped has no ports.
        let _ = self.commands.send(Command::Refresh).await;
    }

    /// Ends the client in good order and waits for it. Connections in use have a few seconds.
    pub async fn stop(mut self) {
        let _ = self.commands.send(Command::Stop).await;
        self.task.join().await;
    }
}
