//! What the tests of several files begin with.

use adit_proto::contracts::{Protocol, TunnelPort};
use jiff::Timestamp;

use super::journal::Remake;

pub(super) fn port(port_number: u16, protocol: Protocol) -> TunnelPort {
    TunnelPort { port_number, protocol: Some(protocol), ..TunnelPort::default() }
}

/// Port 3000 of the tunnel shall speak HTTPS instead of HTTP.
pub(super) fn remake(tunnel: &str, since: Timestamp) -> Remake {
    let (old, new) = (port(3000, Protocol::Http), port(3000, Protocol::Https));
    Remake::new(&tunnel.parse().unwrap(), old, new, since)
}
