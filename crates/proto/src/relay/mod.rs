//! The Dev Tunnels relay protocol, version 2, on top of [`crate::ssh`].
//!
//! There are two sessions behind a tunnel, host to relay and relay to client, and so four ends:
//!
//! ```text
//! Host ────── HostPeer   relay   ClientPeer ────── Client
//! ```
//!
//! Each end is a [`Role`]: a sans-IO machine that owns its [`Session`](crate::ssh::Session) and
//! turns global requests and channel opens into typed events, and typed commands into messages.
//! Ports are announced host → relay → client; every connection is one `forwarded-tcpip` channel
//! client → relay, bridged to one relay → host. The relay's HTTP edge opens the latter itself.
//!
//! Version 1 and end-to-end encryption are not spoken yet: the subprotocols of version 1 are not
//! offered, and a request for encryption is answered with "not enabled", which every client
//! accepts and no byte pretends otherwise.

mod client;
mod client_peer;
mod host;
mod host_peer;
pub mod message;
mod role;

pub use client::{Client, ClientCommand, ClientEvent};
pub use client_peer::{ClientPeer, ClientPeerCommand, ClientPeerEvent};
pub use host::{Host, HostCommand, HostEvent};
pub use host_peer::{HostPeer, HostPeerCommand, HostPeerEvent};
pub use role::{Ending, Output, Role};

/// Version of the relay protocol, chosen at the websocket upgrade.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    /// One encrypted session per client, end to end; the relay passes bytes.
    V1,
    /// One cleartext session per side; the relay bridges channels.
    V2,
}

/// Which end of a relay websocket a peer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Serves ports.
    Host,
    /// Connects to ports.
    Client,
}

impl Side {
    /// The websocket subprotocol of this side in `version`.
    pub fn subprotocol(self, version: Version) -> &'static str {
        match (self, version) {
            (Self::Host, Version::V1) => "tunnel-relay-host",
            (Self::Host, Version::V2) => "tunnel-relay-host-v2-dev",
            (Self::Client, Version::V1) => "tunnel-relay-client",
            (Self::Client, Version::V2) => "tunnel-relay-client-v2-dev",
        }
    }

    /// The version that an offered or chosen subprotocol stands for.
    pub fn version(self, subprotocol: &str) -> Option<Version> {
        [Version::V2, Version::V1].into_iter().find(|&v| self.subprotocol(v) == subprotocol)
    }
}

#[cfg(test)]
mod tests;
