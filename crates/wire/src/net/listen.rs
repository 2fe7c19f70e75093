//! Listening, and accepting without ever giving up.

use std::io;
use std::net::SocketAddr;
#[cfg(unix)]
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpListener;

use super::Stream;
use crate::clock;

/// Connections that may wait to be accepted. More than a burst of visitors; systems cap it at
/// their own limit.
const BACKLOG: i32 = 1024;

/// The waits after an accept that failed for want of something (file descriptors, memory).
const FIRST_PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Listens on `address`; with port 0 the system chooses one. `[::]` takes IPv4 too.
///
/// # Errors
///
/// [`BindError`] when the address cannot be had. Must be called within a runtime.
pub fn bind(address: SocketAddr) -> Result<Listener, BindError> {
    let tcp = socket(address).and_then(|socket| TcpListener::from_std(socket.into()));
    let tcp = tcp.map_err(|error| BindError { address, error })?;
    Ok(Listener::new(tcp))
}

fn socket(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(!address.ip().is_unspecified())?;
    }
    // Elsewhere this only skips the wait after an earlier listener ended; on Windows it would let
    // two programs share the port.
    #[cfg(not(windows))]
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket)
}

/// A listening socket.
#[derive(Debug)]
pub struct Listener {
    tcp: TcpListener,
    pause: Duration,
    resume: Option<Instant>,
}

impl Listener {
    fn new(tcp: TcpListener) -> Self {
        Self { tcp, pause: FIRST_PAUSE, resume: None }
    }

    /// Listens on a socket that another process listened on. Must be called within a runtime.
    ///
    /// # Errors
    ///
    /// When it is no TCP socket.
    #[cfg(unix)]
    pub fn adopt(descriptor: OwnedFd) -> io::Result<Self> {
        let socket = std::net::TcpListener::from(descriptor);
        socket.local_addr()?;
        socket.set_nonblocking(true)?;
        Ok(Self::new(TcpListener::from_std(socket)?))
    }

    /// Another hold on the socket, for another process. As long as there is one, connections queue
    /// although this listener may be gone.
    ///
    /// # Errors
    ///
    /// When there is no descriptor to be had.
    #[cfg(unix)]
    pub fn share(&self) -> io::Result<OwnedFd> {
        self.tcp.as_fd().try_clone_to_owned()
    }

    /// The address it listens on, with the port that the system chose.
    ///
    /// # Errors
    ///
    /// What the system reports; never for a socket that stands.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.tcp.local_addr()
    }

    /// The next connection, with TCP_NODELAY set. Safe to drop and call again.
    ///
    /// Never fails: a connection that died before it was accepted is passed over, and where the
    /// system is short of something (file descriptors above all) the wait grows up to a second,
    /// while connections queue.
    pub async fn accept(&mut self) -> (Stream, SocketAddr) {
        loop {
            if let Some(resume) = self.resume {
                clock::sleep_until(resume).await;
                self.resume = None;
            }
            match self.tcp.accept().await {
                Ok((tcp, peer)) => {
                    self.pause = FIRST_PAUSE;
                    // A socket that refuses this is gone, and says so at the next read.
                    let _ = tcp.set_nodelay(true);
                    return (tcp.into(), peer);
                }
                Err(error) if is_of_the_peer(&error) => {
                    tracing::debug!(%error, "a connection ended before it was accepted");
                }
                Err(error) => self.back_off(&error),
            }
        }
    }

    fn back_off(&mut self, error: &io::Error) {
        if self.pause == FIRST_PAUSE {
            tracing::warn!(%error, "cannot accept connections for now, they wait");
        }
        self.resume = Some(clock::now() + self.pause);
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
    }
}

/// Whether a failed accept tells of the connection, so that the next may do better at once. Linux
/// reports a connection's pending network errors there as well (accept(2)).
fn is_of_the_peer(error: &io::Error) -> bool {
    use io::ErrorKind as Kind;
    matches!(
        error.kind(),
        Kind::ConnectionAborted
            | Kind::ConnectionReset
            | Kind::HostUnreachable
            | Kind::NetworkUnreachable
            | Kind::Interrupted
    )
}

/// An address that cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {}", self.advice())]
pub struct BindError {
    /// The address.
    pub address: SocketAddr,
    /// What the system reported.
    pub error: io::Error,
}

impl BindError {
    fn advice(&self) -> String {
        match self.error.kind() {
            io::ErrorKind::AddrInUse => {
                "another program listens there; stop it or choose another port".into()
            }
            io::ErrorKind::AddrNotAvailable => "this computer has no such address".into(),
            io::ErrorKind::PermissionDenied => {
                "the system does not allow it; ports below 1024 may need more rights".into()
            }
            _ => self.error.to_string(),
        }
    }
}
