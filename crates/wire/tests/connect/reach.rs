//! Reaching a server, or learning why not.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use adit_wire::net::{self, ConnectError, Connector, Proxies, Stream, connect_local};
use adit_wire::{clock, task, tls};
use socket2::{Domain, Socket, Type};

use super::*;

fn direct() -> Connector {
    Connector::new(tls::Client::system(), Proxies::none())
}

/// A port of `address` that is taken, so that nobody else listens there, but refuses.
pub(super) fn refusing(address: SocketAddr) -> (Socket, u16) {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None).unwrap();
    socket.bind(&address.into()).unwrap();
    let port = socket.local_addr().unwrap().as_socket().unwrap().port();
    (socket, port)
}

#[tokio::test]
async fn a_name_below_localhost_needs_no_resolver() {
    let (address, _server) = serve(echo);
    let uri = format!("ws://some.name.localhost:{}", address.port());
    let mut stream = direct().connect(&target(uri), soon()).await.unwrap();
    assert_eq!(stream.peer_addr(), Some(address));
    let Stream::Tcp(tcp) = &stream else { panic!("not plain TCP: {stream:?}") };
    assert!(tcp.nodelay().unwrap());
    echoes(&mut stream).await;
}

#[tokio::test]
async fn a_closed_port_is_refused_and_says_what_to_check() {
    let (_held, port) = refusing((Ipv4Addr::LOCALHOST, 0).into());
    let uri = format!("http://127.0.0.1:{port}");
    let error = direct().connect(&target(uri), soon()).await.unwrap_err();
    assert!(matches!(error, ConnectError::Refused { .. }), "{error:?}");
    let text = error.to_string();
    assert!(text.contains(&port.to_string()) && text.contains("check"), "{text}");
}

#[tokio::test]
async fn a_name_without_address_is_told_from_a_server_that_is_down() {
    let error = direct().connect(&target("http://two..dots:1"), soon()).await.unwrap_err();
    assert!(matches!(error, ConnectError::Dns { .. }), "{error:?}");
    assert!(error.to_string().contains("two..dots"));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_says_nothing_costs_the_deadline_and_no_more() {
    let (address, _server) = serve(|stream| async move {
        let _held = stream;
        std::future::pending().await
    });
    let start = clock::now();
    let deadline = start + Duration::from_secs(7);
    let anybody = Connector::new(tls::Client::danger_unverified(), Proxies::none());
    let error = anybody.connect(&target(format!("https://{address}")), deadline).await.unwrap_err();
    assert!(matches!(error, ConnectError::Timeout { .. }), "{error:?}");
    assert_eq!(clock::now(), deadline);
}

#[tokio::test]
async fn a_local_port_is_found_on_either_loopback_address() {
    let (address, _server) = serve(echo);
    let mut stream = connect_local(address.port(), soon()).await.unwrap();
    echoes(&mut stream).await;

    // A computer without IPv6 has nothing more to show.
    let Ok(mut listener) = net::bind((Ipv6Addr::LOCALHOST, 0).into()) else { return };
    let port = listener.local_addr().unwrap().port();
    let _server = task::spawn("server", async move {
        let (stream, _) = listener.accept().await;
        echo(stream).await;
    });
    let mut stream = connect_local(port, soon()).await.unwrap();
    assert_eq!(stream.peer_addr(), Some((Ipv6Addr::LOCALHOST, port).into()));
    echoes(&mut stream).await;
}

#[tokio::test]
async fn a_local_port_is_refused_only_if_both_addresses_refuse() {
    let (_held, port) = refusing((Ipv4Addr::LOCALHOST, 0).into());
    let error = connect_local(port, soon()).await.unwrap_err();
    assert!(matches!(error, ConnectError::Refused { .. }), "{error:?}");
    assert!(error.to_string().starts_with(&format!("localhost:{port} refused")), "{error}");
}
