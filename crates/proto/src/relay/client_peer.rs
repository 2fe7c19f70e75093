//! The relay's end of a client's session: announces ports, is asked for connections.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Instant,
};

use bytes::Bytes;

use crate::ssh::{ChannelId, Config, Error, Event, ReplyToken, RequestId, Session, open_failure};

use super::{
    Output, Role,
    message::{CANCEL_FORWARD, Connect, DRAIN, FORWARD, FORWARDED_TCPIP, Forward, REFRESH_PORTS},
};

/// What the relay may ask of a client's session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientPeerCommand {
    /// Make the set of announced ports this one: what is missing is announced, what is too much
    /// is withdrawn, the rest stays as it is.
    SetPorts(BTreeSet<u16>),
    /// Tell a client of Adit's own making, once, that this relay is about to restart. Before the
    /// handshake is over the message waits for that.
    Drain,
}

/// What the relay is told about a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientPeerEvent {
    /// The session is up.
    Ready {
        /// The client's identification line.
        version: String,
        /// The client is of Adit's own making.
        own_client: bool,
    },
    /// The client listens for a port.
    Listening {
        /// The tunnel's port.
        port: u16,
    },
    /// The client does not listen for a port; it is not asked again unless it asks.
    Declined {
        /// The tunnel's port.
        port: u16,
    },
    /// The client wants a connection.
    Connect(Connect),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Announced {
    Asked,
    Listening,
    Declined,
}

/// The relay's end of one client's session.
#[derive(Debug)]
pub struct ClientPeer {
    session: Session,
    ready: bool,
    draining: bool,
    wanted: BTreeSet<u16>,
    ports: BTreeMap<u16, Announced>,
    asked: BTreeMap<RequestId, u16>,
}

impl ClientPeer {
    /// A session that is about to start.
    pub fn new(config: Config, now: Instant) -> Self {
        Self {
            session: Session::new(config, now),
            ready: false,
            draining: false,
            wanted: BTreeSet::new(),
            ports: BTreeMap::new(),
            asked: BTreeMap::new(),
        }
    }

    /// Until the handshake is over it is not known whose client it is.
    fn drain(&mut self) {
        if self.draining && self.ready && self.session.is_own_peer() {
            self.session.request(DRAIN, b"", false);
        }
    }

    fn reconcile(&mut self) {
        if !self.ready {
            return;
        }
        let surplus: Vec<u16> =
            self.ports.keys().copied().filter(|port| !self.wanted.contains(port)).collect();
        for port in surplus {
            self.ports.remove(&port);
            let payload = Forward { port, token: Bytes::new() }.encode();
            self.session.request(CANCEL_FORWARD, &payload, false);
        }
        for port in self.wanted.clone() {
            if !self.ports.contains_key(&port) {
                self.announce(port);
            }
        }
    }

    fn announce(&mut self, port: u16) {
        self.ports.insert(port, Announced::Asked);
        let payload = Forward { port, token: Bytes::new() }.encode();
        let request = self.session.request(FORWARD, &payload, true);
        self.asked.insert(request, port);
    }

    /// The client asks for the ports again: those it declined get another chance.
    fn refresh(&mut self) {
        let declined: Vec<u16> = self
            .ports
            .iter()
            .filter(|(_, state)| **state == Announced::Declined)
            .map(|(&port, _)| port)
            .collect();
        for port in declined {
            self.announce(port);
        }
    }

    fn on_request(&mut self, name: &[u8], reply: Option<ReplyToken>) {
        let known = name == REFRESH_PORTS;
        if known {
            self.refresh();
        }
        if let Some(token) = reply {
            self.session.reply(token, if known { Ok(b"") } else { Err(()) });
        }
    }

    fn on_reply(&mut self, request: RequestId, accepted: bool) -> Option<Output<ClientPeerEvent>> {
        let port = self.asked.remove(&request)?;
        let state = self.ports.get_mut(&port)?;
        // A late answer about a port that was withdrawn and announced again says nothing new.
        let event = if accepted {
            *state = Announced::Listening;
            ClientPeerEvent::Listening { port }
        } else {
            *state = Announced::Declined;
            ClientPeerEvent::Declined { port }
        };
        Some(Output::Event(event))
    }

    fn on_open(
        &mut self,
        channel: ChannelId,
        kind: &[u8],
        payload: Bytes,
    ) -> Result<Option<Output<ClientPeerEvent>>, Error> {
        if kind != FORWARDED_TCPIP {
            let text = "this relay serves forwarded-tcpip channels only";
            self.session.reject(channel, open_failure::UNKNOWN_CHANNEL_TYPE, text);
            return Ok(None);
        }
        let connect = Connect::parse(payload)?;
        Ok(Some(Output::Incoming { channel, event: ClientPeerEvent::Connect(connect) }))
    }
}

impl Role for ClientPeer {
    type Command = ClientPeerCommand;
    type Event = ClientPeerEvent;

    fn session(&mut self) -> &mut Session {
        &mut self.session
    }

    fn command(&mut self, command: ClientPeerCommand) -> Option<ChannelId> {
        match command {
            ClientPeerCommand::SetPorts(ports) => {
                self.wanted = ports;
                self.reconcile();
            }
            ClientPeerCommand::Drain => {
                if !std::mem::replace(&mut self.draining, true) {
                    self.drain();
                }
            }
        }
        None
    }

    fn translate(&mut self, event: Event) -> Result<Option<Output<ClientPeerEvent>>, Error> {
        match event {
            Event::Ready { version } => {
                self.ready = true;
                self.reconcile();
                self.drain();
                let own_client = self.session.is_own_peer();
                Ok(Some(Output::Event(ClientPeerEvent::Ready { version, own_client })))
            }
            Event::Request { name, reply, .. } => {
                self.on_request(&name, reply);
                Ok(None)
            }
            Event::Reply { request, result } => Ok(self.on_reply(request, result.is_ok())),
            Event::Open { channel, kind, payload } => self.on_open(channel, &kind, payload),
            _ => Ok(None),
        }
    }
}
