//! Websocket frames (RFC 6455 section 5), as far as a relay session needs them: binary messages
//! whose boundaries mean nothing, pings, and the close.
//!
//! Written for the pump's hot path: payloads are unmasked where they lie and shared from there,
//! and frame heads are written in front of packets without touching what they carry.

mod decode;
mod encode;

pub use decode::{Decoder, Item};
pub use encode::{FrameHead, Masks, mask};

/// Which end of the websocket this is; clients mask what they send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Sent the upgrade request.
    Client,
    /// Answered it.
    Server,
}

const CONTINUATION: u8 = 0;
const TEXT: u8 = 1;
const BINARY: u8 = 2;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;

/// What a frame is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opcode {
    /// Bytes of the session.
    Binary,
    /// The end of the websocket.
    Close,
    /// Asks for a pong.
    Ping,
    /// Answers a ping.
    Pong,
}

impl Opcode {
    fn number(self) -> u8 {
        match self {
            Self::Binary => BINARY,
            Self::Close => CLOSE,
            Self::Ping => PING,
            Self::Pong => PONG,
        }
    }
}

/// Why a websocket cannot go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Reserved bits or an opcode nobody agreed on.
    #[error("a websocket frame uses an extension that was not agreed on")]
    Reserved,
    /// Sessions are binary.
    #[error("a websocket text message where only binary ones are allowed")]
    Text,
    /// Clients must mask, servers must not.
    #[error("a websocket frame is masked the wrong way round")]
    Masking,
    /// A control frame is fragmented or longer than 125 bytes.
    #[error("a malformed websocket control frame")]
    Control,
    /// A continuation of nothing, or a new message inside another.
    #[error("websocket fragments out of order")]
    Fragments,
    /// A frame longer than any peer needs.
    #[error("a websocket frame of more than 16 MiB")]
    TooLong,
}

#[cfg(test)]
mod tests;
