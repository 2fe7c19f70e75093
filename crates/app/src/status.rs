//! How it stands with a tunnel that an engine on this computer hosts: a fold over the engine's events.
//!
//! It is told to other processes as it stands here, so it is a contract: `adit status --json` prints it and
//! the control socket carries it. What is added means nothing to a reader that does not know it.

mod apply;
mod retell;

use std::collections::BTreeMap;

use adit_tunnel::host;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::cause::{self, Cause};

pub use retell::retell;

/// A hosted tunnel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tunnel {
    /// Its id, as `id.cluster`.
    pub tunnel_id: String,
    /// What people call it, where it has a name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Where it lives, as `--on` takes it.
    #[serde(rename = "where")]
    pub place: String,
    /// How it stands.
    pub state: State,
    /// Since when.
    pub since: Timestamp,
    /// The step that is under way, while connecting or replacing a session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<Phase>,
    /// The next try, while there is one to wait for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<Retry>,
    /// What went wrong last and has not been mended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Error>,
    /// Its ports, by number; written as a list, each with its number in `port`.
    #[serde(with = "ports")]
    pub ports: BTreeMap<u16, Port>,
}

/// How it stands with a tunnel. The names are those of the event lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum State {
    /// On the way up for the first time.
    Connecting,
    /// The session is up and its ports are announced.
    Hosting,
    /// On the way up again.
    Reconnecting,
    /// Another host has the tunnel.
    Standby,
    /// Not hosted any more.
    Stopped,
    /// Given up until it is started again.
    Error,
}

/// A step on the way to `Hosting`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Tokens are minted; left out where they are reused.
    Authorizing,
    /// The relay's socket is opened.
    ConnectingRelay,
    /// The ports are announced; left out where there are none.
    ForwardingPorts,
}

impl From<host::Phase> for Phase {
    fn from(phase: host::Phase) -> Self {
        match phase {
            host::Phase::Authorizing => Self::Authorizing,
            host::Phase::ConnectingRelay => Self::ConnectingRelay,
            host::Phase::ForwardingPorts => Self::ForwardingPorts,
        }
    }
}

/// The next try.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retry {
    /// Which try it is since the tunnel last worked, from 1.
    pub attempt: u32,
    /// When it begins.
    pub at: Timestamp,
    /// Why the one before failed.
    pub cause: String,
}

/// What went wrong, by what can be done about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Error {
    /// What kind it is.
    pub kind: ErrorKind,
    /// What happened; written as its text.
    pub message: Cause,
}

/// Kinds of [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// Sign in again. The tunnel may still be hosted as long as its tokens last.
    SignIn,
    /// Not allowed, or a quota is used up.
    Access,
    /// There is no such tunnel.
    NotFound,
    /// The service refuses the request as it is.
    Refused,
    /// The session was not replaced by plan; the old one serves on.
    NotRenewed,
    /// The tunnel's ports could not be asked for; those known are served.
    PortsUnknown,
    /// The tunnel's life was not renewed; it is served on, and ends at its time.
    RunningOut,
}

/// A port of a hosted tunnel.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Port {
    /// Its addresses, the preferred one first.
    pub urls: Vec<String>,
    /// What is known of its URL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health: Option<Health>,
    /// Why nothing answers on the local port, if nothing does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub local_down: Option<String>,
    /// Why it is not served, if it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
    /// How often its URL was found dead while the session was up and the local server listened.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub dead: u64,
}

/// What is known of a port's URL.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// One of the labels of `docs/cli.md`.
    pub label: String,
    /// Why; written as its text, which is empty when operational.
    #[serde(with = "cause::as_text")]
    pub reason: Option<Cause>,
    /// When the URL was last seen to reach this host.
    pub proven_at: Option<Timestamp>,
    /// How well: `strong` or `weak`.
    pub proof: Option<String>,
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// Ports as a list. Numbers as the keys of an object would not survive the tagged lines they travel in.
mod ports {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::Port;

    #[derive(Serialize)]
    struct Written<'a> {
        port: u16,
        #[serde(flatten)]
        of: &'a Port,
    }

    #[derive(Deserialize)]
    struct Read {
        port: u16,
        #[serde(flatten)]
        of: Port,
    }

    pub(super) fn serialize<S: Serializer>(
        ports: &BTreeMap<u16, Port>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(ports.iter().map(|(port, of)| Written { port: *port, of }))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<BTreeMap<u16, Port>, D::Error> {
        let read = Vec::<Read>::deserialize(deserializer)?;
        Ok(read.into_iter().map(|Read { port, of }| (port, of)).collect())
    }
}

impl Tunnel {
    /// Whether it is up, or on its way up: what was told of its ports is true.
    pub(crate) fn is_serving(&self) -> bool {
        matches!(self.state, State::Connecting | State::Hosting | State::Reconnecting)
    }

    /// One that is about to be hosted.
    pub fn new(
        tunnel_id: impl Into<String>,
        place: impl Into<String>,
        name: Option<String>,
        now: Timestamp,
    ) -> Self {
        Self {
            tunnel_id: tunnel_id.into(),
            name,
            place: place.into(),
            state: State::Connecting,
            since: now,
            phase: None,
            retry: None,
            error: None,
            ports: BTreeMap::new(),
        }
    }
}
