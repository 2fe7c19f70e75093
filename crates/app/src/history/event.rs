//! What is worth remembering of what an engine tells.

use adit_proto::health::Label;
use adit_tunnel::host::{Event, Phase, State};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Ring;

/// Something that happened, and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Happening {
    /// When.
    pub at: Timestamp,
    /// What.
    #[serde(flatten)]
    pub what: What,
}

/// What happened to a tunnel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "what")]
pub enum What {
    /// It was started.
    Connecting,
    /// It is hosted.
    Hosting,
    /// Its connection was lost.
    Reconnecting,
    /// Another host took it.
    TakenOver,
    /// It was stopped.
    Stopped,
    /// It was given up.
    GaveUp {
        /// Why.
        cause: String,
    },
    /// Access was asked for: tokens were minted.
    AskedForAccess,
    /// Its session was replaced by plan.
    Renewed,
    /// Its session could not be replaced by plan.
    NotRenewed {
        /// Why.
        cause: String,
    },
    /// Its life at the service was not prolonged.
    LifeNotRenewed {
        /// Why.
        cause: String,
    },
    /// Somebody has to sign in.
    SignInNeeded,
    /// Nothing answers on a local port.
    LocalDown {
        /// The port.
        port: u16,
    },
    /// A local port answers again.
    LocalUp {
        /// The port.
        port: u16,
    },
    /// A local server speaks another protocol than its port says.
    LocalScheme {
        /// The port.
        port: u16,
    },
    /// The name of a URL is not found, or its certificate is not to be trusted.
    DnsOrTls {
        /// The port.
        port: u16,
    },
    /// A URL works.
    UrlWell {
        /// The port.
        port: u16,
    },
    /// A URL is dead though the session is up.
    UrlDead {
        /// The port.
        port: u16,
    },
    /// A port is not served.
    PortRefused {
        /// The port.
        port: u16,
        /// Why.
        cause: String,
    },
}

impl What {
    /// What an event means here; nothing when it is told already, or is of no lasting interest.
    pub(super) fn of(event: &Event, before: &Ring<Happening>) -> Option<Self> {
        match event {
            Event::State(state) => of_state(state),
            // Of the steps only this one costs somebody else's work.
            Event::Progress(phase) => {
                (*phase == Phase::Authorizing).then_some(Self::AskedForAccess)
            }
            Event::Swapped => Some(Self::Renewed),
            Event::SwapFailed { cause, .. } => Some(Self::NotRenewed { cause: cause.to_string() }),
            Event::RenewalFailed { cause, .. } => {
                Some(Self::LifeNotRenewed { cause: cause.to_string() })
            }
            Event::ReloginRequired => Some(Self::SignInNeeded),
            Event::LocalDown { port, .. } => news(Self::LocalDown { port: *port }, before),
            Event::LocalUp { port } => Some(Self::LocalUp { port: *port }),
            Event::PortRefused { port, cause } => {
                Some(Self::PortRefused { port: *port, cause: cause.to_string() })
            }
            Event::Health { port, health } => {
                of_health(*port, health.label).and_then(|what| news(what, before))
            }
            Event::Ready { .. }
            | Event::Renewed { .. }
            | Event::UrlChanged { .. }
            | Event::Observed(_)
            | Event::Retry { .. }
            | Event::Proven { .. }
            | Event::PortServed { .. }
            // The health that follows says it.
            | Event::UrlDead { .. }
            | Event::PortsUnknown { .. } => None,
        }
    }

    /// The port that it is about, if it is about one.
    pub fn port(&self) -> Option<u16> {
        match self {
            Self::LocalDown { port }
            | Self::LocalUp { port }
            | Self::LocalScheme { port }
            | Self::DnsOrTls { port }
            | Self::UrlWell { port }
            | Self::UrlDead { port }
            | Self::PortRefused { port, .. } => Some(*port),
            _ => None,
        }
    }

    /// Why, where somebody said so.
    pub fn cause(&self) -> Option<&str> {
        match self {
            Self::GaveUp { cause }
            | Self::NotRenewed { cause }
            | Self::LifeNotRenewed { cause }
            | Self::PortRefused { cause, .. } => Some(cause),
            _ => None,
        }
    }

    /// Whether it says how a port's URL is, or what is behind it.
    fn is_of_url(&self, port: u16) -> bool {
        !matches!(self, Self::PortRefused { .. }) && self.port() == Some(port)
    }
}

fn of_state(state: &State) -> Option<What> {
    Some(match state {
        State::Idle => return None,
        State::Connecting => What::Connecting,
        State::Hosting => What::Hosting,
        State::Reconnecting => What::Reconnecting,
        State::Standby => What::TakenOver,
        State::Stopped => What::Stopped,
        State::Error(why) => What::GaveUp { cause: why.to_string() },
    })
}

fn of_health(port: u16, label: Label) -> Option<What> {
    Some(match label {
        Label::Operational => What::UrlWell { port },
        Label::Zombie => What::UrlDead { port },
        Label::LocalDown => What::LocalDown { port },
        Label::LocalScheme => What::LocalScheme { port },
        Label::DnsOrTls => What::DnsOrTls { port },
        // The others are told by events of their own, or pass.
        _ => return None,
    })
}

/// That a URL is as it was in the same session is no news: a look may find what a visitor has found before.
fn news(what: What, before: &Ring<Happening>) -> Option<What> {
    let port = what.port()?;
    let in_session = before.iter().rev().map(|it| &it.what).take_while(|it| **it != What::Hosting);
    let last = in_session.into_iter().find(|it| it.is_of_url(port));
    (last != Some(&what)).then_some(what)
}
