//! This computer's address in the local network.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};

use crate::failure::{Code, Failure, Outcome};

/// The address that this computer would have towards others. Nothing is sent to find out: the
/// system only chooses a way.
pub fn address() -> Outcome<IpAddr> {
    let towards = |far: SocketAddr| -> std::io::Result<IpAddr> {
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
        socket.connect(far)?;
        Ok(socket.local_addr()?.ip())
    };
    // An address of nobody (RFC 5737), which only a default route leads to.
    let far = SocketAddr::from((Ipv4Addr::new(192, 0, 2, 1), 9));
    match towards(far) {
        Ok(address) if !address.is_loopback() && !address.is_unspecified() => Ok(address),
        Ok(_) | Err(_) => Err(Failure::new(Code::Listen, "this computer is in no local network")
            .hint("connect it to one; until then only this computer reaches the tunnel")),
    }
}
