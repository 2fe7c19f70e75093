//! The cleartext SSH dialect that carries tunnels: RFC 4253 packets and RFC 4254 channels,
//! with the key exchange answered by `none` and nothing after it.
//!
//! [`Session`] is sans-IO: bytes and the time go in, [`Event`]s, [`Packet`]s and a deadline come
//! out. It multiplexes channels with credit of their own, so that a channel nobody reads uses up
//! its own window and nothing else. It knows no tunnel message; those are in [`crate::relay`].
//!
//! What it does not do: encrypt, authenticate, or start a key re-exchange (Microsoft's peers treat
//! an unexpected one as an error). It answers theirs.

mod budget;
mod channel;
pub mod codec;
mod keepalive;
mod kex;
mod mux;
pub mod packet;
mod pieces;
mod session;

pub use budget::{Account, Budget};
pub use channel::{ChannelId, Limits};
pub use keepalive::{Due, KeepAlive, Monitor};
pub use mux::OpenFailure;
pub use packet::Packet;
pub use pieces::Pieces;
pub use session::{Backlog, Config, Event, ReplyToken, RequestId, Session};

/// The software name that Adit's own peers send after `SSH-2.0-`, up to the underscore.
///
/// A peer that names itself so understands EOF and the requests that end in `@adit`.
pub const SOFTWARE: &str = "adit";

/// Reasons of SSH_MSG_DISCONNECT (RFC 4253 section 11.1).
pub mod disconnect {
    /// The peer broke the protocol.
    pub const PROTOCOL_ERROR: u32 = 2;
    /// No common key exchange method.
    pub const KEY_EXCHANGE_FAILED: u32 = 3;
    /// The service is not available, for good.
    pub const SERVICE_NOT_AVAILABLE: u32 = 7;
    /// The connection was lost; the peer should come back.
    pub const CONNECTION_LOST: u32 = 10;
    /// The application ended the session.
    pub const BY_APPLICATION: u32 = 11;
    /// Another host has taken this tunnel over; do not come back.
    pub const TOO_MANY_CONNECTIONS: u32 = 12;
}

/// Reasons of SSH_MSG_CHANNEL_OPEN_FAILURE (RFC 4254 section 5.1).
pub mod open_failure {
    /// The opener may not.
    pub const ADMINISTRATIVELY_PROHIBITED: u32 = 1;
    /// There is nothing behind the port.
    pub const CONNECT_FAILED: u32 = 2;
    /// The channel type is not served.
    pub const UNKNOWN_CHANNEL_TYPE: u32 = 3;
    /// The peer has too much to do.
    pub const RESOURCE_SHORTAGE: u32 = 4;
}

/// Why a session cannot go on. Every one of these ends this session and no other.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The first line was not an SSH-2.0 identification (RFC 4253 section 4.2).
    #[error("the peer does not speak SSH 2.0: {0}")]
    Version(&'static str),
    /// A packet's framing makes no sense (RFC 4253 section 6).
    #[error("malformed SSH packet: {0}")]
    Packet(&'static str),
    /// A message is truncated or its fields contradict each other.
    #[error("malformed SSH message: {0}")]
    Message(&'static str),
    /// The peer sent a message that this state does not allow.
    #[error("SSH protocol error: {0}")]
    Protocol(&'static str),
    /// The peer offers no key exchange method `none`.
    #[error("the peer does not offer the key exchange method \"none\"")]
    KeyExchange,
    /// The peer did not finish the version and key exchange in time.
    #[error("the peer did not finish the SSH handshake in time")]
    Handshake,
    /// Nothing was heard from the peer although it was asked.
    #[error("the peer has been silent for too long")]
    Silent,
}

impl Error {
    /// The SSH_MSG_DISCONNECT reason that tells the peer about this error.
    pub fn disconnect_reason(&self) -> u32 {
        match self {
            Self::KeyExchange => disconnect::KEY_EXCHANGE_FAILED,
            Self::Handshake | Self::Silent => disconnect::CONNECTION_LOST,
            _ => disconnect::PROTOCOL_ERROR,
        }
    }
}

#[cfg(test)]
pub(crate) mod test_clock {
    use std::time::Instant;

    /// Some point in time to count from; tests move on from it by themselves.
    #[allow(clippy::disallowed_methods)]
    pub(crate) fn start() -> Instant {
        Instant::now()
    }
}
