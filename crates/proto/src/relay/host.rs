//! Our host's end: announces ports, is asked for connections.

use std::{collections::BTreeMap, time::Instant};

use bytes::Bytes;

use crate::ssh::{ChannelId, Config, Error, Event, RequestId, Session, open_failure};

use super::{
    Output, Role,
    message::{CANCEL_FORWARD, Connect, DRAIN, FORWARD, FORWARDED_TCPIP, Forward, PORTS},
};

/// What our host may ask of its session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostCommand {
    /// Serve this port; answered by [`HostEvent::Announced`] or [`HostEvent::Refused`].
    Announce {
        /// The tunnel's port.
        port: u16,
        /// The host access token; must not be empty.
        token: Bytes,
    },
    /// Serve this port no longer; connections that exist go on.
    Withdraw {
        /// The tunnel's port.
        port: u16,
    },
}

/// What our host is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostEvent {
    /// The session is up; ports may be announced.
    Ready {
        /// The relay is of Adit's own making.
        own_relay: bool,
    },
    /// The relay serves the port.
    Announced {
        /// The tunnel's port.
        port: u16,
    },
    /// The relay does not serve the port: it is no port of the tunnel, or the token is refused.
    Refused {
        /// The tunnel's port.
        port: u16,
    },
    /// Somebody wants a connection to an announced port.
    Connect(Connect),
    /// The relay is about to restart.
    Drain,
    /// The tunnel's ports are other ones now.
    PortsChanged,
}

/// Our host's end of its session.
#[derive(Debug)]
pub struct Host {
    session: Session,
    ports: BTreeMap<u16, bool>,
    asked: BTreeMap<RequestId, u16>,
}

impl Host {
    /// A session that is about to start.
    pub fn new(config: Config, now: Instant) -> Self {
        Self { session: Session::new(config, now), ports: BTreeMap::new(), asked: BTreeMap::new() }
    }

    fn on_open(
        &mut self,
        channel: ChannelId,
        kind: &[u8],
        payload: Bytes,
    ) -> Result<Option<Output<HostEvent>>, Error> {
        if kind != FORWARDED_TCPIP {
            let text = "this host serves forwarded-tcpip channels only";
            self.session.reject(channel, open_failure::UNKNOWN_CHANNEL_TYPE, text);
            return Ok(None);
        }
        let connect = Connect::parse(payload)?;
        if !self.ports.contains_key(&connect.port) {
            let text = format!("port {} is not served by this host", connect.port);
            self.session.reject(channel, open_failure::CONNECT_FAILED, &text);
            return Ok(None);
        }
        Ok(Some(Output::Incoming { channel, event: HostEvent::Connect(connect) }))
    }
}

impl Role for Host {
    type Command = HostCommand;
    type Event = HostEvent;

    fn session(&mut self) -> &mut Session {
        &mut self.session
    }

    fn command(&mut self, command: HostCommand) -> Option<ChannelId> {
        match command {
            HostCommand::Announce { port, token } => {
                self.ports.entry(port).or_insert(false);
                let payload = Forward { port, token }.encode();
                let request = self.session.request(FORWARD, &payload, true);
                self.asked.insert(request, port);
            }
            HostCommand::Withdraw { port } => {
                if self.ports.remove(&port).is_some() {
                    let payload = Forward { port, token: Bytes::new() }.encode();
                    self.session.request(CANCEL_FORWARD, &payload, false);
                }
            }
        }
        None
    }

    fn translate(&mut self, event: Event) -> Result<Option<Output<HostEvent>>, Error> {
        match event {
            Event::Ready { .. } => {
                let own_relay = self.session.is_own_peer();
                Ok(Some(Output::Event(HostEvent::Ready { own_relay })))
            }
            Event::Reply { request, result } => {
                let Some(port) = self.asked.remove(&request) else { return Ok(None) };
                let Some(served) = self.ports.get_mut(&port) else { return Ok(None) };
                if result.is_ok() {
                    *served = true;
                    return Ok(Some(Output::Event(HostEvent::Announced { port })));
                }
                self.ports.remove(&port);
                Ok(Some(Output::Event(HostEvent::Refused { port })))
            }
            Event::Request { name, reply, .. } => {
                let event = match &name[..] {
                    DRAIN => Some(HostEvent::Drain),
                    PORTS => Some(HostEvent::PortsChanged),
                    _ => None,
                };
                if let Some(token) = reply {
                    self.session.reply(token, if event.is_some() { Ok(b"") } else { Err(()) });
                }
                Ok(event.map(Output::Event))
            }
            Event::Open { channel, kind, payload } => self.on_open(channel, &kind, payload),
            _ => Ok(None),
        }
    }
}
