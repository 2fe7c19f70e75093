//! Local listeners for a tunnel's port.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use tokio::net::{TcpListener, TcpStream};

/// How many numbers behind the wanted one are tried before any number will do.
const NEIGHBOURS: u16 = 9;

/// How often a random number is drawn anew because only half of it was free.
const DRAWS: usize = 8;

/// Listeners on 127.0.0.1 and, where this computer has IPv6, on ::1, with one port number: which
/// of the two `localhost` means is up to the program that connects.
#[derive(Debug)]
pub(super) struct Listeners {
    v4: TcpListener,
    v6: Option<TcpListener>,
    port: u16,
}

impl Listeners {
    /// Listens on `wanted`, else on one of the nine numbers behind it, else on any. 0 means any.
    pub(super) async fn bind(wanted: u16) -> io::Result<Self> {
        let neighbours = if wanted == 0 { 0 } else { NEIGHBOURS };
        for port in wanted..=wanted.saturating_add(neighbours) {
            if let Ok(Some(listeners)) = Self::bind_exactly(port).await {
                return Ok(listeners);
            }
        }
        for _ in 0..DRAWS {
            if let Some(listeners) = Self::bind_exactly(0).await? {
                return Ok(listeners);
            }
        }
        Err(io::ErrorKind::AddrInUse.into())
    }

    /// `None` when another program has the number on ::1: whoever connects to `localhost` might
    /// then reach that program.
    async fn bind_exactly(port: u16) -> io::Result<Option<Self>> {
        let v4 = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        let port = v4.local_addr()?.port();
        let v6 = match TcpListener::bind((Ipv6Addr::LOCALHOST, port)).await {
            Ok(v6) => Some(v6),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => return Ok(None),
            // No IPv6 here.
            Err(_) => None,
        };
        Ok(Some(Self { v4, v6, port }))
    }

    /// The number that was free.
    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// The next connection. Safe to drop and call again.
    pub(super) async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        match &self.v6 {
            Some(v6) => tokio::select! {
                accepted = self.v4.accept() => accepted,
                accepted = v6.accept() => accepted,
            },
            None => self.v4.accept().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_same_number_is_taken_when_it_is_free_and_the_next_when_it_is_not() {
        let first = Listeners::bind(0).await.expect("any number");
        let second = Listeners::bind(first.port()).await.expect("another number");
        assert_ne!(second.port(), first.port());
        let wanted = second.port();
        drop(second);
        let third = Listeners::bind(wanted).await.expect("the wanted number");
        assert_eq!(third.port(), wanted);
    }

    #[tokio::test]
    async fn a_number_that_another_program_has_on_ipv6_is_not_used_by_half() {
        let Ok(other) = TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).await else {
            return; // No IPv6 here.
        };
        let taken = other.local_addr().expect("an address").port();
        let listeners = Listeners::bind(taken).await.expect("another number");
        assert_ne!(listeners.port(), taken);
    }

    #[tokio::test]
    async fn both_addresses_lead_to_the_listener() {
        let listeners = Listeners::bind(0).await.expect("a number");
        let port = listeners.port();
        let (_near, accepted) =
            tokio::join!(TcpStream::connect((Ipv4Addr::LOCALHOST, port)), listeners.accept());
        assert!(accepted.expect("a connection").1.is_ipv4());
        if listeners.v6.is_some() {
            let (_near, accepted) =
                tokio::join!(TcpStream::connect((Ipv6Addr::LOCALHOST, port)), listeners.accept());
            assert!(accepted.expect("a connection").1.is_ipv6());
        }
    }

    #[tokio::test]
    async fn the_last_number_has_no_neighbours() {
        assert_ne!(Listeners::bind(u16::MAX).await.expect("a number").port(), 0);
    }
}
