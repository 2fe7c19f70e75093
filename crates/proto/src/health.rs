//! What is known of a tunnel's public URL: one label, why, and when it was last proven.
//!
//! That a session is up says little: the URL may be dead all the same, or the local server away. So the two
//! are told apart everywhere. Health is of a port; a tunnel's is that of its worst one.
//!
//! A [`Monitor`] decides when to look and what follows: through the public URL, asking for the secret of the
//! session ([`Nonce`]) where the host can read the connection ([`Gate`]), and at the local port. What a look
//! means is one table, in `judge`. The driver looks, and is told what to say.

mod gate;
mod interval;
mod judge;
mod monitor;
mod nonce;
mod reason;
#[cfg(test)]
mod tests;

use jiff::Timestamp;

pub use gate::{Gate, HEAD_LIMIT, Heard};
pub use interval::{BadInterval, Interval};
pub use judge::{Answer, Denial, Leg};
pub use monitor::{Absence, Action, Event, LookId, Moment, Monitor, Speaks};
pub use nonce::{Nonce, PLAIN_LOOK, is_ask, is_look};
pub use reason::{Barred, Flaw, NoSession, Reason, Refusal, Sign};

/// How it stands with the URL of a port. The order is by urgency, the worst last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Label {
    /// The URL answers through this host.
    Operational,
    /// The tunnel works; nothing answers on the local port.
    LocalDown,
    /// The local server speaks TLS where HTTP is configured, or the other way round.
    LocalScheme,
    /// The service allows no more for now: a quota, or too many requests.
    Limited,
    /// No session, and the relay cannot be reached.
    RelayUnreachable,
    /// The name of the URL is not found, or its certificate is not to be trusted.
    DnsOrTls,
    /// The session is up, and yet the URL does not reach this host.
    Zombie,
    /// Another host serves the tunnel.
    AnotherHost,
    /// The service does not allow this user to host the tunnel.
    AccessRefused,
    /// Somebody has to sign in.
    SignIn,
    /// The service knows no such tunnel.
    UnknownTunnel,
}

impl Label {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Operational,
        Self::LocalDown,
        Self::LocalScheme,
        Self::Limited,
        Self::RelayUnreachable,
        Self::DnsOrTls,
        Self::Zombie,
        Self::AnotherHost,
        Self::AccessRefused,
        Self::SignIn,
        Self::UnknownTunnel,
    ];

    /// Returns the name that event lines use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Operational => "operational",
            Self::LocalDown => "local_service_down",
            Self::LocalScheme => "local_scheme_mismatch",
            Self::Limited => "limited",
            Self::RelayUnreachable => "relay_unreachable",
            Self::DnsOrTls => "dns_or_tls",
            Self::Zombie => "zombie",
            Self::AnotherHost => "another_host",
            Self::AccessRefused => "access_refused",
            Self::SignIn => "sign_in_needed",
            Self::UnknownTunnel => "unknown_tunnel",
        }
    }
}

/// How much an answer of the URL proves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Proof {
    /// Something answered that no gateway says, while bytes arrived at this host.
    Weak,
    /// This host itself answered with the secret of its session.
    Strong,
}

impl Proof {
    /// Returns the name that event lines use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Weak => "weak",
            Self::Strong => "strong",
        }
    }
}

/// What is known of the URL of a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// How it stands.
    pub label: Label,
    /// Why, as far as is known; nothing when operational.
    pub reason: Option<Reason>,
    /// When the URL was last seen to reach this host, and how well that was proven.
    pub proven: Option<(Timestamp, Proof)>,
}

impl Health {
    /// Says why, in English, as event lines do; nothing when operational.
    pub fn said(&self) -> String {
        self.reason.as_ref().map(Reason::to_string).unwrap_or_default()
    }
}
