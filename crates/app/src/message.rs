//! What the application has to say, as ids with typed arguments. [`crate::words`] makes text of them, last.

use adit_proto::contracts::Protocol;
use adit_proto::health::Proof;
use jiff::Timestamp;

use crate::place_key::PlaceKey;
use crate::status::Phase;

/// Something to say. Two are equal when they say the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// A tunnel is on its way up, at this step.
    Connecting(Option<Phase>),
    /// A tunnel is on its way up and waits for its next try.
    ConnectingAgain {
        /// Which try comes next.
        attempt: u32,
        /// When it begins.
        at: Timestamp,
    },
    /// A tunnel is hosted, and nothing has been proven of its URL.
    Checking,
    /// A URL answers.
    Live {
        /// When that was last seen.
        at: Timestamp,
        /// How well it is proven.
        proof: Proof,
    },
    /// Nothing answers on the local port.
    LocalDown(u16),
    /// The local server speaks another protocol than the port says.
    LocalScheme {
        /// The port.
        port: u16,
        /// What the port says, where that is known.
        configured: Option<Protocol>,
    },
    /// The session is up, and the URL does not reach this host.
    UrlDead,
    /// The name of the URL is not found, or its certificate is not to be trusted.
    DnsOrTls,
    /// The relay of a place cannot be reached.
    RelayUnreachable(PlaceKey),
    /// The service allows no more for now.
    Limited,
    /// A tunnel is on its way up again, at this step.
    Reconnecting(Option<Phase>),
    /// A tunnel is on its way up again and waits for its next try.
    Retry {
        /// Which try comes next.
        attempt: u32,
        /// When it begins.
        at: Timestamp,
    },
    /// Another computer hosts this tunnel.
    AnotherHost,
    /// Somebody has to sign in to the place again.
    SignIn(PlaceKey),
    /// The service does not allow this user to host the tunnel.
    AccessRefused,
    /// The service knows no such tunnel.
    UnknownTunnel,
    /// The service refuses the request as it is.
    Refused,
    /// A tunnel is on its way down.
    Stopping,
    /// A tunnel is not hosted.
    Stopped,
    /// A tunnel has no port.
    NoPorts,
    /// The service gives a port its address when it is first hosted.
    NoUrlYet,
    /// The relay does not serve a port.
    PortRefused(u16),
    /// The access of a hosted tunnel could not be renewed; it is hosted until that ends.
    NotRenewed,
    /// A tunnel's ports could not be asked for; those known are served.
    PortsUnknown,
    /// What a person can do; the words of a button.
    Do(Offer),
    /// A state in a word or two, where a row has no room for its sentence.
    Word(Word),
}

/// A state in a word or two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Word {
    /// The URL is proven.
    Live,
    /// Hosted and not proven.
    Checking,
    /// On the way up.
    Connecting,
    /// On the way up again.
    Reconnecting,
    /// Nothing answers on the local port.
    NoAnswer,
    /// The local server speaks another protocol.
    WrongProtocol,
    /// Another host has the tunnel.
    StandingBy,
    /// It cannot be hosted.
    NotHosted,
    /// Hosted, and the URL is dead.
    UrlDead,
    /// On the way down.
    Stopping,
    /// Not hosted, as somebody chose.
    Stopped,
}

/// What a person can do about a state, beside the words that tell it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Offer {
    /// Do not wait for the next try.
    TryNow,
    /// Take the tunnel from the host that has it.
    TakeOver,
    /// Sign in to the place.
    SignIn(PlaceKey),
    /// Start to host.
    Start,
    /// Add a port.
    AddPort,
    /// Say of the port what its local server speaks.
    ChangeProtocol {
        /// The port.
        port: u16,
        /// To what.
        to: Protocol,
    },
}
