//! Connecting to a port of this computer, whichever loopback address its server chose.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::{Duration, Instant};

use super::race;
use super::target::Host;
use super::{ConnectError, Step, Stream, Target};
use crate::clock;

/// The head start of 127.0.0.1 over ::1. On loopback either answers within microseconds, so this
/// is only ever used up where one is filtered (or on Windows, which asks a closed port again for
/// two seconds). Without it a server that listens on both would see two connections for each one.
const HEAD_START: Duration = Duration::from_millis(10);

/// Connects to `port` on 127.0.0.1 or ::1, whichever answers first.
///
/// # Errors
///
/// [`ConnectError::Refused`] if nothing listens on either, [`ConnectError::Timeout`] at the
/// deadline, else [`ConnectError::Io`].
pub async fn connect_local(port: u16, deadline: Instant) -> Result<Stream, ConnectError> {
    let addresses: [SocketAddr; 2] =
        [(Ipv4Addr::LOCALHOST, port).into(), (Ipv6Addr::LOCALHOST, port).into()];
    let target = || Target::plain(Host::Name("localhost".into()), port);
    match clock::until(deadline, race::connect(addresses, HEAD_START)).await {
        Ok(Ok(stream)) => Ok(stream.into()),
        Ok(Err(errors)) => Err(ConnectError::most_telling(&target(), errors)),
        Err(clock::Late) => Err(ConnectError::Timeout { target: target(), step: Step::Connect }),
    }
}
