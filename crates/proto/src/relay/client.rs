//! Our client's end: is told ports, asks for connections.

use std::{collections::BTreeSet, time::Instant};

use bytes::Bytes;

use crate::ssh::{
    ChannelId, Config, Error, Event, ReplyToken, Session, codec::Writer, open_failure,
};

use super::{
    Output, Role,
    message::{CANCEL_FORWARD, Connect, DRAIN, FORWARD, FORWARDED_TCPIP, Forward, REFRESH_PORTS},
};

/// What our client may ask of its session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientCommand {
    /// Open a connection.
    Connect(Connect),
    /// Ask for the ports again.
    RefreshPorts,
}

/// What our client is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientEvent {
    /// The session is up.
    Ready {
        /// The relay is of Adit's own making.
        own_relay: bool,
    },
    /// A port may be connected to.
    PortAdded {
        /// The tunnel's port.
        port: u16,
    },
    /// A port is no longer served; connections that exist go on.
    PortRemoved {
        /// The tunnel's port.
        port: u16,
    },
    /// The relay is about to restart.
    Drain,
}

/// Our client's end of its session.
#[derive(Debug)]
pub struct Client {
    session: Session,
    ports: BTreeSet<u16>,
}

impl Client {
    /// A session that is about to start.
    pub fn new(config: Config, now: Instant) -> Self {
        Self { session: Session::new(config, now), ports: BTreeSet::new() }
    }

    fn on_request(
        &mut self,
        name: &[u8],
        payload: Bytes,
        reply: Option<ReplyToken>,
    ) -> Result<Option<Output<ClientEvent>>, Error> {
        let mut answer = Err(());
        let mut event = None;
        let mut echo = Bytes::new();
        match name {
            FORWARD => {
                let Forward { port, .. } = Forward::parse(payload)?;
                echo = Writer::new().u32(u32::from(port)).finish();
                answer = Ok(());
                event = self.ports.insert(port).then_some(ClientEvent::PortAdded { port });
            }
            CANCEL_FORWARD => {
                let Forward { port, .. } = Forward::parse(payload)?;
                answer = Ok(());
                event = self.ports.remove(&port).then_some(ClientEvent::PortRemoved { port });
            }
            DRAIN => {
                answer = Ok(());
                event = Some(ClientEvent::Drain);
            }
            _ => {}
        }
        if let Some(token) = reply {
            self.session.reply(token, answer.map(|()| &echo[..]));
        }
        Ok(event.map(Output::Event))
    }
}

impl Role for Client {
    type Command = ClientCommand;
    type Event = ClientEvent;

    fn session(&mut self) -> &mut Session {
        &mut self.session
    }

    fn command(&mut self, command: ClientCommand) -> Option<ChannelId> {
        match command {
            ClientCommand::Connect(connect) => {
                self.session.open(FORWARDED_TCPIP, &connect.encode())
            }
            ClientCommand::RefreshPorts => {
                self.session.request(REFRESH_PORTS, b"", true);
                None
            }
        }
    }

    fn translate(&mut self, event: Event) -> Result<Option<Output<ClientEvent>>, Error> {
        match event {
            Event::Ready { .. } => {
                let own_relay = self.session.is_own_peer();
                Ok(Some(Output::Event(ClientEvent::Ready { own_relay })))
            }
            Event::Request { name, payload, reply } => self.on_request(&name, payload, reply),
            Event::Open { channel, .. } => {
                let text = "a client serves no channels";
                self.session.reject(channel, open_failure::UNKNOWN_CHANNEL_TYPE, text);
                Ok(None)
            }
            _ => Ok(None),
        }
    }
}
