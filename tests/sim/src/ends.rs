//! The four ends of relay sessions under one roof, so that a world can keep them in one table.

use std::time::Duration;

use adit_proto::host::SessionId;
use adit_proto::registry::Epoch;
use adit_proto::relay::{
    Client, ClientEvent, ClientPeer, ClientPeerEvent, Host, HostEvent, HostPeer, HostPeerEvent,
    Output, Role,
};
use adit_proto::ssh::{Error, Session};

use crate::link::{LinkId, Side};

/// Names an end of a link.
pub(crate) type EndId = (LinkId, Side);

/// The machine at an end.
#[derive(Debug)]
pub(crate) enum Machine {
    Host(Host),
    HostPeer(HostPeer),
    Client(Client),
    ClientPeer(ClientPeer),
}

/// What a machine tells its owner.
#[derive(Debug)]
pub(crate) enum Said {
    Host(HostEvent),
    HostPeer(HostPeerEvent),
    Client(ClientEvent),
    ClientPeer(ClientPeerEvent),
}

impl Machine {
    pub(crate) fn session(&mut self) -> &mut Session {
        match self {
            Machine::Host(role) => role.session(),
            Machine::HostPeer(role) => role.session(),
            Machine::Client(role) => role.session(),
            Machine::ClientPeer(role) => role.session(),
        }
    }

    pub(crate) fn poll(&mut self) -> Result<Option<Output<Said>>, Error> {
        Ok(match self {
            Machine::Host(role) => role.poll()?.map(|output| lift(output, Said::Host)),
            Machine::HostPeer(role) => role.poll()?.map(|output| lift(output, Said::HostPeer)),
            Machine::Client(role) => role.poll()?.map(|output| lift(output, Said::Client)),
            Machine::ClientPeer(role) => role.poll()?.map(|output| lift(output, Said::ClientPeer)),
        })
    }
}

fn lift<E>(output: Output<E>, said: fn(E) -> Said) -> Output<Said> {
    match output {
        Output::Event(event) => Output::Event(said(event)),
        Output::Incoming { channel, event } => Output::Incoming { channel, event: said(event) },
        Output::Opened { channel, encrypted } => Output::Opened { channel, encrypted },
        Output::OpenFailed { channel, failure } => Output::OpenFailed { channel, failure },
        Output::Data { channel, data } => Output::Data { channel, data },
        Output::Eof { channel } => Output::Eof { channel },
        Output::Closed { channel } => Output::Closed { channel },
        Output::Ended(ending) => Output::Ended(ending),
    }
}

/// Whose end it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    Host {
        host: usize,
        session: SessionId,
    },
    HostPeer {
        relay: usize,
        tunnel: usize,
        epoch: Epoch,
    },
    Client {
        client: usize,
    },
    ClientPeer {
        relay: usize,
        tunnel: usize,
    },
    /// A relay that says "another host took over" and nothing else.
    Farewell,
}

/// An end of a link that still stands.
#[derive(Debug)]
pub(crate) struct End {
    pub(crate) machine: Machine,
    pub(crate) owner: Owner,
    /// When it will be woken.
    pub(crate) wake: Option<Duration>,
    /// How many reasons there are for its owner not to read.
    pub(crate) stalled: u32,
}
