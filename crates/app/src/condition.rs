//! What is wrong, as registered conditions: each has a code, a severity, a time until it is worth telling, and
//! causes in whose presence it is not told at all.
//!
//! [`raised`] is a fold over the state; [`Tracker`] remembers since when, and decides what is visible. Nothing here
//! is remembered that the state does not say: a condition goes when its reason does.

mod code;
mod fold;
mod track;

use std::fmt;

use crate::cause::Cause;
use crate::message::{Message, Offer};
use crate::place_key::PlaceKey;
use crate::tunnel_key::TunnelKey;

pub use code::{Code, Severity};
pub use fold::raised;
pub(crate) use fold::{change_text, next_end};
pub use track::Tracker;

/// What a condition is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// The application itself.
    App,
    /// A place.
    Place(PlaceKey),
    /// A tunnel.
    Tunnel(TunnelKey),
    /// A port of a tunnel.
    Port(TunnelKey, u16),
}

/// Something that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// Which.
    pub code: Code,
    /// What it is about.
    pub about: Subject,
    /// What it is.
    pub text: Message,
    /// Why, as far as is known.
    pub detail: Option<Cause>,
    /// What can be done.
    pub offer: Option<Offer>,
}

impl Subject {
    /// The tunnel that it is or belongs to.
    pub fn tunnel(&self) -> Option<&TunnelKey> {
        match self {
            Self::App | Self::Place(_) => None,
            Self::Tunnel(tunnel) | Self::Port(tunnel, _) => Some(tunnel),
        }
    }

    /// The place that it is or belongs to.
    pub fn place(&self) -> Option<&PlaceKey> {
        match self {
            Self::App => None,
            Self::Place(place) => Some(place),
            Self::Tunnel(tunnel) | Self::Port(tunnel, _) => Some(&tunnel.place),
        }
    }

    /// Whether the other is the same or belongs to it.
    pub fn covers(&self, other: &Self) -> bool {
        match self {
            Self::App => true,
            Self::Place(place) => other.place() == Some(place),
            Self::Tunnel(tunnel) => other.tunnel() == Some(tunnel),
            Self::Port(..) => self == other,
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::App => f.write_str("the application"),
            Self::Place(place) => place.fmt(f),
            Self::Tunnel(tunnel) => tunnel.fmt(f),
            Self::Port(tunnel, port) => write!(f, "port {port} of {tunnel}"),
        }
    }
}
