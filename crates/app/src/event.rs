//! What comes back of effects, and what happens by itself.

use std::collections::BTreeMap;
use std::time::Duration;

use adit_proto::contracts;
use adit_tunnel::host;
use adit_tunnel::inspect::{Exchange, Passed};
use adit_tunnel::management;

use crate::command::{Command, Ticket};
use crate::failure::{Code, Failure};
use crate::manage::{Got, Whole};
use crate::persist::Part;
use crate::place_key::PlaceKey;
use crate::reach::Reach;
use crate::setup;
use crate::tunnel_key::TunnelKey;

/// What [`crate::update::update`] takes in.
#[derive(Clone, Debug)]
pub enum Input {
    /// Somebody asks for something.
    Command(Command),
    /// Something happened.
    Event(Event),
    /// The moment that [`crate::update::deadline`] named has come.
    Tick,
}

impl Input {
    /// Whether it is only a visitor's request that was seen, or visitors that were counted: there may be thousands a
    /// second, and they change nothing but the history.
    pub fn is_traffic(&self) -> bool {
        matches!(
            self,
            Self::Event(
                Event::Engine { event: host::Event::Observed(_), .. }
                    | Event::Connections(_)
                    | Event::Passed(_)
            )
        )
    }
}

/// Something that happened.
#[derive(Clone, Debug)]
pub enum Event {
    /// It is known whether a place can be used.
    Checked {
        /// The place.
        place: PlaceKey,
        /// What was found.
        found: Preflight,
    },
    /// It is known how far the URLs of a place reach, or that it cannot be known now.
    Reached {
        /// The place.
        place: PlaceKey,
        /// How far.
        reach: Option<Reach>,
    },
    /// A place's list was told, or not.
    Listed {
        /// The place.
        place: PlaceKey,
        /// The number that the effect had.
        serial: u64,
        /// The list; ports may be missing in it.
        result: Result<Vec<contracts::Tunnel>, Trouble>,
    },
    /// One tunnel was told with its ports, or not.
    Shown {
        /// The tunnel.
        tunnel: TunnelKey,
        /// The number that the effect had.
        serial: u64,
        /// The tunnel.
        result: Result<Box<contracts::Tunnel>, Trouble>,
    },
    /// A tunnel was read whole, or not.
    Read {
        /// The tunnel.
        tunnel: TunnelKey,
        /// The number that the effect had.
        serial: u64,
        /// The tunnel.
        result: Result<Box<Whole>, Trouble>,
    },
    /// A change was made, or not.
    Changed {
        /// Which.
        ticket: Ticket,
        /// What came of it.
        result: Result<Done, Trouble>,
    },
    /// An engine told something.
    Engine {
        /// Its tunnel.
        tunnel: TunnelKey,
        /// What.
        event: host::Event,
    },
    /// A tunnel could not even begin to be hosted.
    NotHosted {
        /// The tunnel.
        tunnel: TunnelKey,
        /// Why.
        failure: Failure,
    },
    /// An engine is gone: the last that is heard of it.
    Ended(TunnelKey),
    /// The local server answered a request that was sent again, or did not.
    SentAgain {
        /// The tunnel.
        tunnel: TunnelKey,
        /// The port.
        port: u16,
        /// The number of the request that it was.
        of: u64,
        /// What came of it.
        result: Result<Box<Exchange>, Failure>,
    },
    /// The most connections at a time since this was told last, of each tunnel with an engine, by port.
    Connections(BTreeMap<TunnelKey, BTreeMap<u16, u32>>),
    /// The bytes that passed since this was told last, of each tunnel and port of which some did.
    Passed(BTreeMap<TunnelKey, BTreeMap<u16, Passed>>),
    /// Something was set up, or not.
    Setup(setup::Told),
    /// A way leads out of this computer, or none does.
    Network {
        /// One does.
        is_there: bool,
    },
    /// Settings are in force for places too.
    Preferred,
    /// A file was written, or not.
    Saved {
        /// Which.
        part: Part,
        /// How it went.
        result: Result<(), Failure>,
    },
}

/// Whether a place can be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Preflight {
    /// Somebody is signed in, or nobody needs to.
    Ready {
        /// As whom, where that is known.
        account: Option<String>,
    },
    /// Nobody is signed in.
    SignedOut,
    /// The command that it is managed with is not there.
    CommandMissing,
    /// The command is too old.
    CommandOld {
        /// The version it says it is.
        version: String,
    },
    /// It could not be found out.
    Failed(Trouble),
}

/// What a change brought.
#[derive(Clone, Debug, PartialEq)]
pub enum Done {
    /// A tunnel was made.
    Created(Box<contracts::Tunnel>),
    /// A port was added or changed.
    Port(Box<contracts::TunnelPort>),
    /// A tunnel or port is gone.
    Deleted,
    /// A tunnel that exists was changed, or something was got of it.
    Managed(Got),
}

/// What went wrong, and how long the service asks to wait.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// What went wrong.
    pub failure: Failure,
    /// How long the service asks to wait.
    pub retry_after: Option<Duration>,
}

impl Trouble {
    /// A place's service did not do `what` (the rest of a sentence that begins with "cannot").
    pub fn service(what: impl std::fmt::Display, error: &management::Error) -> Self {
        Self { failure: Failure::service(what, error), retry_after: error.retry_after() }
    }

    /// What kind it is.
    pub fn code(&self) -> Code {
        self.failure.code
    }
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        Self { failure, retry_after: None }
    }
}
