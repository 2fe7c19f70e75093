//! What is to be done, as data. The controller does it and answers with an [event](crate::event::Event).

use adit_proto::contracts;
use adit_tunnel::host;
use adit_tunnel::inspect::Again;
use jiff::Timestamp;

use crate::command::Ticket;
use crate::condition::Subject;
use crate::manage::Job;
use crate::message::{Message, Offer};
use crate::persist::Save;
use crate::place_key::PlaceKey;
use crate::port::{NewPort, Port};
use crate::preferences::Preferences;
use crate::setup;
use crate::tunnel_key::TunnelKey;

/// Something to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Find out whether a place can be used.
    Check(PlaceKey),
    /// Ask a place for its tunnels.
    List {
        /// The place.
        place: PlaceKey,
        /// Goes back with the answer.
        serial: u64,
    },
    /// Ask for one tunnel with its ports.
    Show {
        /// The tunnel.
        tunnel: TunnelKey,
        /// Goes back with the answer.
        serial: u64,
    },
    /// Make a tunnel.
    Create {
        /// Goes back with the answer.
        ticket: Ticket,
        /// Where.
        place: PlaceKey,
        /// What.
        tunnel: Box<contracts::Tunnel>,
    },
    /// Add a port.
    AddPort {
        /// Goes back with the answer.
        ticket: Ticket,
        /// To which tunnel.
        tunnel: TunnelKey,
        /// Which.
        port: Box<NewPort>,
    },
    /// Change a port.
    ChangePort {
        /// Goes back with the answer.
        ticket: Ticket,
        /// Of which tunnel.
        tunnel: TunnelKey,
        /// As it is to be.
        port: Port,
    },
    /// Remove a port.
    DeletePort {
        /// Goes back with the answer.
        ticket: Ticket,
        /// Of which tunnel.
        tunnel: TunnelKey,
        /// Which.
        port: u16,
    },
    /// Remove a tunnel.
    DeleteTunnel {
        /// Goes back with the answer.
        ticket: Ticket,
        /// Which.
        tunnel: TunnelKey,
    },
    /// Read a tunnel whole, with who is in its access lists.
    Read {
        /// Goes back with the answer.
        tunnel: TunnelKey,
        /// Goes back with the answer.
        serial: u64,
    },
    /// Change a tunnel that exists.
    Manage {
        /// Goes back with the answer.
        ticket: Ticket,
        /// Which tunnel.
        tunnel: TunnelKey,
        /// What.
        job: Box<Job>,
        /// What ends counts against this.
        now: Timestamp,
    },
    /// Start an engine for a tunnel. It ends with an event, always.
    Host(TunnelKey),
    /// Tell a tunnel's engine something.
    Tell {
        /// The tunnel.
        tunnel: TunnelKey,
        /// What.
        command: host::Command,
    },
    /// Keep the bodies of a port's requests and answers, or not any more.
    KeepBodies {
        /// The tunnel.
        tunnel: TunnelKey,
        /// The port.
        port: u16,
        /// Whether they are kept.
        keep: bool,
    },
    /// Send a request to the local server of a port again.
    SendAgain {
        /// Its tunnel; goes back with the answer.
        tunnel: TunnelKey,
        /// The port.
        port: u16,
        /// The number of the request; goes back with the answer.
        of: u64,
        /// The request.
        request: Box<Again>,
        /// Whether bodies are kept.
        keep: bool,
    },
    /// Set something up, or take it down.
    Setup(setup::Act),
    /// Write a file.
    Save(Save),
    /// Put settings in force.
    Apply(Box<Preferences>),
    /// Tell somebody who does not look at the window.
    Notify(Notice),
    /// Everything has ended; nothing more will be asked.
    Finish,
}

/// Something for a person who does not look at the window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// What kind it is: what settings switch.
    pub kind: NoticeKind,
    /// What it is about.
    pub about: Subject,
    /// What it is called, where it is a tunnel.
    pub name: Option<String>,
    /// What happened.
    pub text: Message,
    /// What can be done.
    pub offer: Option<Offer>,
}

/// Kinds of [`Notice`]: what asks for a person. Ordinary ups and downs are none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NoticeKind {
    /// Somebody has to sign in.
    SignIn,
    /// It does not work and will not mend itself.
    Broken,
    /// Another computer took a tunnel.
    TakenOver,
    /// A tunnel's URL is another one.
    UrlChanged,
    /// A tunnel goes away soon.
    AboutToExpire,
    /// A local server is away.
    LocalDown,
    /// A tunnel is not hosted again at the next start, because it is gone.
    Forgotten,
}

impl NoticeKind {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::SignIn,
        Self::TakenOver,
        Self::AboutToExpire,
        Self::UrlChanged,
        Self::Broken,
        Self::LocalDown,
        Self::Forgotten,
    ];
}
