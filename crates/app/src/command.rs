//! What a person, or a script in their place, asks of the application.

use std::fmt;

use adit_proto::contracts;
use jiff::Timestamp;

use crate::access::Access;
use crate::name::Name;
use crate::place_key::PlaceKey;
use crate::port::Port;
use crate::preferences::{Expiration, Preferences};
use crate::tunnel_key::TunnelKey;

/// A command. One that makes no sense any more, such as to undo what was sent, does nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// The window is seen, or not any more.
    Visible(bool),
    /// Ask the service again, of one place or of all.
    Refresh(Option<PlaceKey>),
    /// Look again whether somebody is signed in; said after a sign-in.
    CheckAgain(PlaceKey),
    /// Make a tunnel.
    Create(Draft),
    /// Add a port to a tunnel.
    AddPort {
        /// The tunnel.
        tunnel: TunnelKey,
        /// The port.
        port: Port,
    },
    /// Change what a port's local server speaks.
    ChangePort {
        /// The tunnel.
        tunnel: TunnelKey,
        /// The port, as it is to be.
        port: Port,
    },
    /// Remove a tunnel, which can be undone for a while.
    Delete(TunnelKey),
    /// Remove a port, which can be undone for a while.
    DeletePort {
        /// The tunnel.
        tunnel: TunnelKey,
        /// The port.
        port: u16,
    },
    /// Do not remove it after all.
    Undo(Ticket),
    /// Somebody looks at the offer to undo; it does not run out meanwhile.
    HoldUndo {
        /// Which.
        ticket: Ticket,
        /// Whether they do.
        held: bool,
    },
    /// Try a change again that failed.
    Retry(Ticket),
    /// Put a failed change away.
    Dismiss(Ticket),
    /// Host a tunnel, now and after the next start.
    Host(TunnelKey),
    /// Stop hosting it, now and after the next start.
    Stop(TunnelKey),
    /// Stop hosting all.
    StopAll,
    /// Take a tunnel from the host that has it.
    TakeOver(TunnelKey),
    /// Do not wait for a tunnel's next try.
    TryNow(TunnelKey),
    /// The settings are these now.
    Prefer(Box<Preferences>),
    /// A port's details are shown, or none.
    Select(Option<(TunnelKey, u16)>),
    /// Stop everything in good order.
    Quit,
}

/// Names a change from its command to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

impl fmt::Display for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A tunnel that is to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// Where.
    pub place: PlaceKey,
    /// Its name; without one the service makes an id.
    pub name: Option<Name>,
    /// What is said of it.
    pub description: Option<String>,
    /// Its ports.
    pub ports: Vec<Port>,
    /// Who may visit besides the owner.
    pub access: Access,
    /// How long after its last use it goes away; `None` is as the service has it.
    pub expiration: Option<Expiration>,
}

impl Draft {
    /// As the service takes it.
    pub fn to_contract(&self, now: Timestamp) -> contracts::Tunnel {
        contracts::Tunnel {
            name: self.name.as_ref().map(ToString::to_string),
            description: self.description.clone(),
            ports: Some(self.ports.iter().map(|port| port.to_contract()).collect()),
            access_control: Some(self.access.to_contract(now)),
            custom_expiration: self.expiration.map(Expiration::seconds),
            ..contracts::Tunnel::default()
        }
    }
}
