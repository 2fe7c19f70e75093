//! What the four ends of a relay session have in common for whoever drives them.

use std::time::Instant;

use bytes::Bytes;

use crate::ssh::{ChannelId, Error, Event, OpenFailure, Session};

use super::message::{encode_confirmation, parse_confirmation};

/// One end of a relay session. The driver feeds [`Role::session`] with bytes and time, sends
/// what it transmits, and looks at [`Role::poll`] until there is nothing more.
pub trait Role {
    /// What the owner may ask for.
    type Command;
    /// What the owner is told.
    type Event;

    /// The session underneath: bytes, deadlines, channel data.
    fn session(&mut self) -> &mut Session;

    /// Carries out a command; the channel, if it opened one.
    fn command(&mut self, command: Self::Command) -> Option<ChannelId>;

    /// Translates an event of the session that is not about an open channel; `None` where it
    /// needs no one's attention.
    fn translate(&mut self, event: Event) -> Result<Option<Output<Self::Event>>, Error>;

    /// The next thing that happened. After an error the session is over.
    fn poll(&mut self) -> Result<Option<Output<Self::Event>>, Error> {
        while let Some(event) = self.session().poll_event() {
            let output = match event {
                Event::Data { channel, data } => Output::Data { channel, data },
                Event::Eof { channel } => Output::Eof { channel },
                Event::Closed { channel } => Output::Closed { channel },
                Event::Opened { channel, payload } => {
                    Output::Opened { channel, encrypted: parse_confirmation(&payload) }
                }
                Event::OpenFailed { channel, failure } => Output::OpenFailed { channel, failure },
                Event::Disconnected { reason, description } => {
                    Output::Ended(Ending::Disconnected { reason, description })
                }
                other => match self.translate(other)? {
                    Some(output) => output,
                    None => continue,
                },
            };
            return Ok(Some(output));
        }
        Ok(None)
    }

    /// Confirms a channel that came with [`Output::Incoming`].
    fn accept(&mut self, channel: ChannelId, encrypted: bool) {
        self.session().accept(channel, &encode_confirmation(encrypted));
    }

    /// Acts on passed deadlines.
    fn handle_timeout(&mut self, now: Instant) -> Result<(), Error> {
        self.session().handle_timeout(now)
    }
}

/// What happened at one end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output<E> {
    /// Something for the owner.
    Event(E),
    /// The peer asks for a channel; answer with accept or reject.
    Incoming {
        /// Our number for it.
        channel: ChannelId,
        /// What it is for.
        event: E,
    },
    /// Our channel was confirmed.
    Opened {
        /// Which channel.
        channel: ChannelId,
        /// Whether its ends encrypt.
        encrypted: bool,
    },
    /// Our channel was refused and is gone.
    OpenFailed {
        /// Which channel.
        channel: ChannelId,
        /// Why.
        failure: OpenFailure,
    },
    /// Bytes of a channel.
    Data {
        /// Which channel.
        channel: ChannelId,
        /// The bytes.
        data: Bytes,
    },
    /// The peer sends no more on a channel.
    Eof {
        /// Which channel.
        channel: ChannelId,
    },
    /// A channel is gone, both ways.
    Closed {
        /// Which channel.
        channel: ChannelId,
    },
    /// The peer ended the session.
    Ended(Ending),
}

/// How a session came to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// The peer sent SSH_MSG_DISCONNECT.
    Disconnected {
        /// One of [`crate::ssh::disconnect`], or another code.
        reason: u32,
        /// The peer's words.
        description: String,
    },
    /// The peer broke the protocol or fell silent.
    Failed(Error),
    /// The transport ended or broke.
    Lost(String),
    /// Our owner ended it.
    Local,
}
