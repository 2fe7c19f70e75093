//! What the policy tells the driver to do and to say.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use super::{Failure, SessionId};
use crate::registry::Epoch;

/// Something to do, in the order given. Work on a session that [`Close`](Action::Close) names is called off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Mint the tokens of [`NEEDED`](super::NEEDED), or of whatever the place needs, all at once, and keep
    /// them. Answer with
    /// [`Event::TokenMinted`](super::Event::TokenMinted) or [`Event::MintFailed`](super::Event::MintFailed).
    Mint {
        /// The session they are for.
        session: SessionId,
    },
    /// Connect with the tokens minted last. Answer with [`Event::Connected`](super::Event::Connected) or
    /// [`Event::ConnectFailed`](super::Event::ConnectFailed).
    Connect {
        /// The session.
        session: SessionId,
        /// What to do about the endpoint first.
        endpoint: Endpoint,
        /// The session to overlap (`Adit-Supersedes`).
        supersedes: Option<Epoch>,
    },
    /// Ask the relay to serve these ports. Each is answered for itself.
    Announce {
        /// The session.
        session: SessionId,
        /// The ports.
        ports: BTreeSet<u16>,
    },
    /// Ask the relay to serve these ports no longer. No answer is awaited.
    Withdraw {
        /// The session.
        session: SessionId,
        /// The ports.
        ports: BTreeSet<u16>,
    },
    /// Another session serves now: let this one finish what it carries. The relay closes it when it is empty;
    /// if it does not, [`Close`](Action::Close) follows.
    Retire {
        /// The session.
        session: SessionId,
    },
    /// Call off what is being done for this session and close its socket.
    Close {
        /// The session.
        session: SessionId,
        /// Whether to say goodbye, so that the relay does not wait for this host to return.
        goodbye: bool,
    },
    /// Delete the endpoint: this host is not coming back.
    Unregister,
    /// Tell those who watch.
    Tell(Notice),
}

/// What to do about the tunnel's endpoint before connecting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// Nothing: its address stays valid, and putting it again would evict whoever has taken over.
    Keep,
    /// Put it if it is not there as this host would write it.
    Ensure,
    /// Put it afresh, which takes the tunnel over from any other host.
    Put,
}

/// Something to tell. Each is a log line, a counter, an event line and a text of the interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// The state is another one.
    State(State),
    /// A step of connecting begins. Told of planned replacements too, while the state stays `Hosting`; announcing is told
    /// again if the session is lost meanwhile. Outside of `Hosting` it begins a new account of refused ports.
    Progress(Phase),
    /// There will be another try.
    Retry {
        /// Which try it is since a session last proved itself, from 1.
        attempt: u32,
        /// How long until it begins.
        delay: Duration,
        /// When it begins.
        at: Instant,
        /// Why the one before failed.
        cause: String,
    },
    /// Somebody has to sign in again. The tunnel may go on being hosted as long as its tokens last.
    ReloginRequired,
    /// This port is not served; the others are. It is asked for again where the cause can pass. Told of the session that
    /// serves, and of the try where none does: what a planned replacement is refused is told once it serves.
    PortRefused {
        /// The port.
        port: u16,
        /// Why, as far as is known.
        cause: String,
    },
    /// This port is served after all: the answer came late, or what it was refused for has passed.
    PortServed {
        /// The port.
        port: u16,
    },
    /// A session was replaced by plan: the new one serves.
    Swapped,
    /// A planned replacement of a session failed. The old one serves on, and it will be tried again.
    SwapFailed {
        /// How long until it is tried again.
        delay: Duration,
        /// Why it failed.
        cause: Failure,
    },
}

/// How it stands with the tunnel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Never started; never told.
    Idle,
    /// On the way up for the first time.
    Connecting,
    /// The session is up and its ports are announced.
    Hosting,
    /// On the way up again.
    Reconnecting,
    /// Another host has the tunnel; nothing happens until the user decides.
    Standby,
    /// Not wanted any more.
    Stopped,
    /// Given up; nothing happens until it is started again.
    Error(GiveUp),
}

/// A step of connecting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Tokens are minted. Left out where they are reused.
    Authorizing,
    /// The endpoint is put where necessary, and the socket opened.
    ConnectingRelay,
    /// The ports are announced. Left out where there are none.
    ForwardingPorts,
}

impl Phase {
    /// Returns the name that event lines use.
    pub fn as_str(self) -> &'static str {
        match self {
            Phase::Authorizing => "authorizing",
            Phase::ConnectingRelay => "connecting_relay",
            Phase::ForwardingPorts => "forwarding_ports",
        }
    }
}

/// Why the policy gave up, by what can be done about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GiveUp {
    /// Sign in again.
    #[error("sign-in has expired; sign in again")]
    SignIn,
    /// Ask for access, or free some quota.
    #[error("access was refused: {0}")]
    Forbidden(String),
    /// Pick another tunnel: this one is gone.
    #[error("the tunnel no longer exists")]
    UnknownTunnel,
    /// Mend what the text says.
    #[error("{0}")]
    Fatal(String),
}
