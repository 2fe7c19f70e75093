//! Where the other parts of the relay plug into its front.
//!
//! The front accepts connections and looks at the `Host` header; what it finds goes to the
//! management API (which is here) or through one of these traits to the sockets and the edge. They
//! exist so that each side can be tested with a stand-in for the other.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;

use adit_proto::id::TunnelId;
use hyper::body::Incoming;
use hyper::{Request, Response};
use jiff::Timestamp;

use crate::body::Body;

/// A future that a handler answers with.
pub type Answer = Pin<Box<dyn Future<Output = Response<Body>> + Send>>;

/// What is known of the connection that a request came in on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer {
    /// The other end's address.
    pub addr: SocketAddr,
    /// Whether this connection is TLS.
    pub secure: bool,
}

impl Peer {
    /// `https` or `http`.
    pub fn scheme(&self) -> &'static str {
        if self.secure { "https" } else { "http" }
    }
}

/// Which relay socket an upgrade asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Socket {
    /// `/v1/host/{tunnel}/{endpoint}`
    Host {
        /// The tunnel to serve.
        tunnel: TunnelId,
        /// The endpoint that the host registered with a PUT, which may have been replaced since.
        endpoint: Box<str>,
    },
    /// `/v1/client/{tunnel}`
    Client {
        /// The tunnel to connect to.
        tunnel: TunnelId,
    },
}

/// The relay's websockets.
pub trait Sockets: Send + Sync + 'static {
    /// Answers an upgrade request, with 101 or with the status that tells the peer what to do.
    fn upgrade(&self, request: Request<Incoming>, socket: Socket, peer: Peer) -> Answer;
}

/// The public HTTP side of the relay.
pub trait Edge: Send + Sync + 'static {
    /// Answers a request whose `Host` is a tunnel's public name.
    fn serve(&self, request: Request<Incoming>, peer: Peer) -> Answer;

    /// The loopback listener of a port (the embedded trial relay has one for each), bound now if
    /// it was not; `None` where the relay has none.
    fn loopback(&self, tunnel: &TunnelId, port: u16) -> Option<SocketAddr>;
}

/// What is connected right now, for the status that the API reports.
pub trait Live: Send + Sync + 'static {
    /// Counts for the whole tunnel.
    fn tunnel(&self, tunnel: &TunnelId) -> TunnelCounts;

    /// Counts for one port.
    fn port(&self, tunnel: &TunnelId, port: u16) -> PortCounts;
}

/// Live figures of a tunnel.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TunnelCounts {
    /// Host sockets that accept new channels.
    pub hosts: u32,
    /// Client sockets.
    pub clients: u32,
    /// When a host last connected.
    pub last_host: Option<Timestamp>,
    /// When a client last connected.
    pub last_client: Option<Timestamp>,
    /// Bytes from clients to the host since the relay started.
    pub uploaded: u64,
    /// Bytes from the host to clients since the relay started.
    pub downloaded: u64,
}

/// Live figures of a port.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PortCounts {
    /// Connections open through the edge and the sockets.
    pub clients: u32,
    /// When one was last opened.
    pub last_client: Option<Timestamp>,
}
