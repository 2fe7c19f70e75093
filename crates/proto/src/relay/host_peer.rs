//! The relay's end of a host's session: is told ports, asks for connections.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Instant,
};

use bytes::Bytes;

use crate::ssh::{
    ChannelId, Config, Error, Event, ReplyToken, Session, codec::Writer, open_failure,
};

use super::{
    Output, Role,
    message::{CANCEL_FORWARD, Connect, DRAIN, FORWARD, FORWARDED_TCPIP, Forward, PORTS},
};

/// What the relay may ask of a host's session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostPeerCommand {
    /// Answer [`HostPeerEvent::Announce`].
    Answer {
        /// The port it named.
        port: u16,
        /// Whether it is served from now on.
        serve: bool,
    },
    /// Open a connection.
    Connect(Connect),
    /// Tell a host of Adit's own making, once, that this relay is about to restart. Before the
    /// handshake is over the message waits for that.
    Drain,
    /// Tell a host of Adit's own making that the tunnel's ports are other ones now.
    PortsChanged,
}

/// What the relay is told about a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostPeerEvent {
    /// The session is up.
    Ready {
        /// The host's identification line.
        version: String,
        /// The host is of Adit's own making.
        own_host: bool,
    },
    /// The host offers a port; answer with [`HostPeerCommand::Answer`].
    Announce {
        /// The tunnel's port.
        port: u16,
        /// The host's access token.
        token: Bytes,
    },
    /// The host serves a port no longer.
    Withdrawn {
        /// The tunnel's port.
        port: u16,
    },
}

/// The relay's end of one host's session.
#[derive(Debug)]
pub struct HostPeer {
    session: Session,
    ready: bool,
    draining: bool,
    served: BTreeSet<u16>,
    /// Questions to be answered, oldest first for each port.
    asked: BTreeMap<u16, Vec<Option<ReplyToken>>>,
}

impl HostPeer {
    /// A session that is about to start.
    pub fn new(config: Config, now: Instant) -> Self {
        let session = Session::new(config, now);
        Self {
            session,
            ready: false,
            draining: false,
            served: BTreeSet::new(),
            asked: BTreeMap::new(),
        }
    }

    /// Until the handshake is over it is not known whose host it is.
    fn drain(&mut self) {
        if self.draining && self.ready && self.session.is_own_peer() {
            self.session.request(DRAIN, b"", false);
        }
    }

    fn answer(&mut self, port: u16, serve: bool) {
        let Some(tokens) = self.asked.get_mut(&port) else { return };
        let token = tokens.remove(0);
        if tokens.is_empty() {
            self.asked.remove(&port);
        }
        if serve {
            self.served.insert(port);
        }
        let Some(token) = token else { return };
        // The port is sent although it was not 0: both SDKs take it for "as requested".
        let payload = Writer::new().u32(u32::from(port)).finish();
        self.session.reply(token, if serve { Ok(&payload) } else { Err(()) });
    }

    fn on_request(
        &mut self,
        name: &[u8],
        payload: Bytes,
        reply: Option<ReplyToken>,
    ) -> Result<Option<Output<HostPeerEvent>>, Error> {
        match name {
            FORWARD => {
                let Forward { port, token } = Forward::parse(payload)?;
                self.asked.entry(port).or_default().push(reply);
                Ok(Some(Output::Event(HostPeerEvent::Announce { port, token })))
            }
            CANCEL_FORWARD => {
                let Forward { port, .. } = Forward::parse(payload)?;
                if let Some(token) = reply {
                    self.session.reply(token, Ok(b""));
                }
                let known = self.served.remove(&port);
                Ok(known.then_some(Output::Event(HostPeerEvent::Withdrawn { port })))
            }
            _ => {
                if let Some(token) = reply {
                    self.session.reply(token, Err(()));
                }
                Ok(None)
            }
        }
    }
}

impl Role for HostPeer {
    type Command = HostPeerCommand;
    type Event = HostPeerEvent;

    fn session(&mut self) -> &mut Session {
        &mut self.session
    }

    fn command(&mut self, command: HostPeerCommand) -> Option<ChannelId> {
        match command {
            HostPeerCommand::Answer { port, serve } => self.answer(port, serve),
            HostPeerCommand::Connect(mut connect) => {
                if connect.is_look() && !self.session.is_own_peer() {
                    // Others would take the mark for an address, and know nothing of looks.
                    connect.originator.clear();
                }
                return self.session.open(FORWARDED_TCPIP, &connect.encode());
            }
            // One that is not there yet, or not ours, asks by itself.
            HostPeerCommand::PortsChanged => {
                if self.ready && self.session.is_own_peer() {
                    self.session.request(PORTS, b"", false);
                }
            }
            HostPeerCommand::Drain => {
                if !std::mem::replace(&mut self.draining, true) {
                    self.drain();
                }
            }
        }
        None
    }

    fn translate(&mut self, event: Event) -> Result<Option<Output<HostPeerEvent>>, Error> {
        match event {
            Event::Ready { version } => {
                self.ready = true;
                self.drain();
                let own_host = self.session.is_own_peer();
                Ok(Some(Output::Event(HostPeerEvent::Ready { version, own_host })))
            }
            Event::Request { name, payload, reply } => self.on_request(&name, payload, reply),
            Event::Open { channel, .. } => {
                let text = "a host opens no channels";
                self.session.reject(channel, open_failure::UNKNOWN_CHANNEL_TYPE, text);
                Ok(None)
            }
            _ => Ok(None),
        }
    }
}
