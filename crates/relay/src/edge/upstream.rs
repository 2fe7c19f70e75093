//! Where the edge gets connections to local servers from.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;

use adit_proto::id::TunnelId;
use adit_wire::channel;
use adit_wire::net::Stream;
use tokio::sync::broadcast;

use super::problem::Problem;
use crate::hub::{Hub, OpenError};

/// A connection that is being opened.
pub type Opening = Pin<Box<dyn Future<Output = Result<Stream, OpenError>> + Send>>;

/// Opens connections to the local servers behind tunnels. The hub is one; tests connect directly.
pub trait Upstream: Send + Sync + 'static {
    /// Opens a byte stream to a port of a tunnel for a visitor from `origin`. A host that is known
    /// and away is waited for a while.
    fn open(&self, tunnel: &TunnelId, port: u16, origin: SocketAddr) -> Opening;

    /// Opens one for a look at the URL, which the host may answer itself, and which is no visit.
    fn look(&self, tunnel: &TunnelId, port: u16) -> Opening;

    /// Announces tunnels whose connections should not be kept for further requests: their host
    /// hands over or leaves, and waits for them to end.
    fn moves(&self) -> broadcast::Receiver<TunnelId>;
}

impl Upstream for Hub {
    fn open(&self, tunnel: &TunnelId, port: u16, origin: SocketAddr) -> Opening {
        let (hub, tunnel) = (self.clone(), tunnel.clone());
        Box::pin(async move {
            let channel = hub.visit(&tunnel, port, origin).await?;
            Ok(Stream::other(channel::Io::new(channel)))
        })
    }

    fn look(&self, tunnel: &TunnelId, port: u16) -> Opening {
        let (hub, tunnel) = (self.clone(), tunnel.clone());
        Box::pin(async move {
            let channel = hub.look(&tunnel, port).await?;
            Ok(Stream::other(channel::Io::new(channel)))
        })
    }

    fn moves(&self) -> broadcast::Receiver<TunnelId> {
        Hub::moves(self)
    }
}

impl Problem {
    /// What a visitor of `port` is told about a connection that could not be opened.
    pub(super) fn opening(error: OpenError, port: u16) -> Self {
        match error {
            OpenError::NoHost => Self::NoHost,
            OpenError::Away => Self::HostAway,
            OpenError::PortNotShared(_) => Self::NotShared(port),
            OpenError::Refused(text) => {
                let text = (!text.trim().is_empty()).then(|| text.into());
                Self::Refused { port, text }
            }
            OpenError::Timeout => Self::HostSilent(port),
            OpenError::Busy => Self::Busy,
        }
    }
}
