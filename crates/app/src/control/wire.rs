//! What is asked and answered: a contract between versions of this program.

use serde::{Deserialize, Serialize};

use crate::failure::Failure;
use crate::lines::Event;
use crate::status::Tunnel;

/// The version of the contract. A reader of another version is told so instead of being misunderstood.
pub const VERSION: u32 = 1;

/// A line with its version.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Versioned<T> {
    pub(super) v: u32,
    #[serde(flatten)]
    pub(super) what: T,
}

/// What is read first: a line of another version may have any other form.
#[derive(Debug, Deserialize)]
pub(super) struct AnyVersion {
    pub(super) v: u32,
}

/// What can be asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Request {
    /// How it stands; answered by one [`Reply::Status`].
    Status,
    /// How it stands now and whenever that changes, until the connection ends.
    Watch,
    /// Host these as long as this connection lasts, and tell their events. Those that are hosted already go
    /// on being hosted afterwards. Answered by [`Reply::Done`], then [`Reply::Told`].
    Host {
        /// The tunnels, as `id.cluster`.
        tunnels: Vec<String>,
        /// Where they live, as `--on` takes it.
        #[serde(rename = "where")]
        place: String,
        /// Show the values in the queries of requests.
        #[serde(default)]
        show_query: bool,
        /// Whether they are kept from running out.
        #[serde(default)]
        renew: bool,
    },
    /// Host no longer what only this connection wanted, and answer with [`Reply::Left`] when that has ended in
    /// good order. A connection that ends without asking has the same effect, but hears of no end.
    Leave,
    /// Stop these, whoever wanted them; all of them if none is named.
    Stop {
        /// The tunnels, as `id.cluster`, or an id or name that only one of them has.
        tunnels: Vec<String>,
    },
    /// Show the window, if it is a process that has one.
    Show,
    /// Let who asks be the one that hosts, and have it host what is wanted here. Answered by [`Reply::Done`]; then what
    /// is hosted ends in good order, and the connection with it.
    GiveWay,
    /// Do not wait for the next try.
    Retry {
        /// The tunnel.
        tunnel: String,
    },
    /// Take the tunnel from the host that took it.
    TakeOver {
        /// The tunnel.
        tunnel: String,
    },
    /// Break the connection, to see it come back.
    Drop {
        /// The tunnel.
        tunnel: String,
    },
}

/// What is answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reply", rename_all = "snake_case")]
pub enum Reply {
    /// How it stands.
    Status(Status),
    /// It was done, or has begun, for these tunnels.
    Done {
        /// As `id.cluster`.
        tunnels: Vec<String>,
    },
    /// It was not done.
    Failed(Failure),
    /// A tunnel that was asked for is hosted no longer, for this reason, until it is asked for again.
    GaveUp {
        /// As `id.cluster`.
        tunnel_id: String,
        /// Why.
        failure: Failure,
    },
    /// What only this connection wanted is hosted no longer; the answer to [`Request::Leave`].
    Left,
    /// Something happened to a tunnel.
    Told {
        /// As `id.cluster`.
        tunnel_id: String,
        /// What happened.
        told: Event,
    },
}

/// How it stands with a process and what it hosts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// The process.
    pub pid: u32,
    /// What it is: `host`, `up` or `desktop`.
    pub program: String,
    /// What it hosts.
    pub tunnels: Vec<Tunnel>,
}
