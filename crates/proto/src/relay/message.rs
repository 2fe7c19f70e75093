//! The messages that version 2 adds to SSH, and the ones it extends.
//!
//! Reading is lenient about what some peers leave out; writing always says everything, because
//! one SDK closes its whole session over a missing field.

use bytes::Bytes;

use crate::ssh::{
    Error,
    codec::{Reader, Writer},
};

/// Global request: serve a port. Host → relay with a token, relay → client without.
pub const FORWARD: &[u8] = b"tcpip-forward";
/// Global request: serve a port no longer.
pub const CANCEL_FORWARD: &[u8] = b"cancel-tcpip-forward";
/// Global request, client → relay: announce the ports again.
pub const REFRESH_PORTS: &[u8] = b"RefreshPorts";
/// Global request, relay → Adit's own peers: this relay is about to restart; come back to it
/// while it still serves.
pub const DRAIN: &[u8] = b"drain@adit";
/// Global request, relay → Adit's own hosts: the tunnel's ports are other ones now; ask for them.
pub const PORTS: &[u8] = b"ports@adit";
/// Channel type: one connection to a port.
pub const FORWARDED_TCPIP: &[u8] = b"forwarded-tcpip";
/// Channel type, relay → host: one version 1 client. Refused until version 1 is spoken here.
pub const CLIENT_SESSION: &[u8] = b"client-ssh-session-stream";

/// What the edge of a relay of Adit's own making says instead of a visitor's address when it opens a channel for
/// a look at the URL.
const LOOK: &str = "look@adit";

/// The address that announcements name. Receivers ignore it, but some derive an address family
/// from it.
const ADDRESS: &[u8] = b"127.0.0.1";

/// `tcpip-forward` and `cancel-tcpip-forward`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forward {
    /// The tunnel's port, 1 to 65535.
    pub port: u16,
    /// The host's access token; empty towards clients and in cancellations.
    pub token: Bytes,
}

impl Forward {
    /// Reads what follows `want_reply`.
    pub fn parse(payload: Bytes) -> Result<Self, Error> {
        let mut reader = Reader::new(payload);
        reader.string()?;
        let port = port(reader.u32()?)?;
        let token = if reader.is_empty() { Bytes::new() } else { reader.string()? };
        Ok(Self { port, token })
    }

    /// Writes what follows `want_reply`. An empty token is left out: clients read the standard
    /// fields only.
    pub fn encode(&self) -> Bytes {
        let out = Writer::new().string(ADDRESS).u32(u32::from(self.port));
        if self.token.is_empty() { out.finish() } else { out.string(&self.token).finish() }
    }
}

/// What a `forwarded-tcpip` open says behind the standard fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connect {
    /// The tunnel's port, 1 to 65535.
    pub port: u16,
    /// The visitor's address as text; may be empty.
    pub originator: String,
    /// The visitor's port; may be 0.
    pub originator_port: u16,
    /// The client's access token towards the relay; empty towards hosts.
    pub token: Bytes,
    /// Whether the client wants end-to-end encryption.
    pub encrypt: bool,
}

impl Connect {
    /// A connection to `port` with nothing else said.
    pub fn to_port(port: u16) -> Self {
        Self {
            port,
            originator: String::new(),
            originator_port: 0,
            token: Bytes::new(),
            encrypt: false,
        }
    }

    /// A connection to `port` for a look at its URL: a request comes first, and may be the host's to answer.
    pub fn look(port: u16) -> Self {
        Self { originator: LOOK.to_owned(), ..Self::to_port(port) }
    }

    /// Whether it is for a look, so that the host need not have the local server's word before it accepts.
    pub fn is_look(&self) -> bool {
        self.originator == LOOK
    }

    /// Reads the extra fields of the open; token and encryption may be missing.
    pub fn parse(payload: Bytes) -> Result<Self, Error> {
        let mut reader = Reader::new(payload);
        reader.string()?;
        let port = port(reader.u32()?)?;
        let originator = reader.text()?;
        let originator_port = u16::try_from(reader.u32()?).unwrap_or(0);
        let token = if reader.is_empty() { Bytes::new() } else { reader.string()? };
        let encrypt = if reader.is_empty() { false } else { reader.bool()? };
        Ok(Self { port, originator, originator_port, token, encrypt })
    }

    /// Writes every extra field.
    pub fn encode(&self) -> Bytes {
        Writer::new()
            .string(ADDRESS)
            .u32(u32::from(self.port))
            .string(self.originator.as_bytes())
            .u32(u32::from(self.originator_port))
            .string(&self.token)
            .bool(self.encrypt)
            .finish()
    }
}

/// The extra field of a confirmation: whether the channel is encrypted end to end. A missing
/// one means no.
pub fn parse_confirmation(payload: &[u8]) -> bool {
    payload.first().is_some_and(|&byte| byte != 0)
}

/// Writes the extra field of a confirmation.
pub fn encode_confirmation(encrypted: bool) -> [u8; 1] {
    [u8::from(encrypted)]
}

fn port(number: u32) -> Result<u16, Error> {
    match u16::try_from(number) {
        Ok(0) | Err(_) => Err(Error::Message("a port is not between 1 and 65535")),
        Ok(port) => Ok(port),
    }
}
