//! Listeners of their own for ports, on a relay for this computer.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use tokio::net::{TcpListener, TcpStream};

use super::support::*;
use crate::edge::{Addresses, Loopback};
use crate::record::TunnelRecord;

const WEBSOCKET: &str = "connection: upgrade\r\nupgrade: websocket\r\n";

/// A private tunnel on a relay for this computer.
async fn stage(loopback: Loopback) -> (Stage, Addresses) {
    let record = TunnelRecord { access: Vec::new(), ..open_tunnel() };
    let stage = Stage::with(record, Some(loopback)).await;
    stage.answer(|head| ok(field(head, "host").unwrap()));
    let addresses = stage.edge.addresses(&"quiet-fox".parse().unwrap(), 3000).unwrap();
    (stage, addresses)
}

async fn ask(addr: SocketAddr, host: &str, more: &str) -> Response {
    let mut visitor = Talk::new(TcpStream::connect(addr).await.unwrap());
    visitor.say(&format!("GET / HTTP/1.1\r\nhost: {host}\r\n{more}\r\n")).await;
    visitor.response().await
}

#[tokio::test]
async fn it_answers_this_computer_without_a_sign_in() {
    let (_stage, at) = stage(Loopback::default()).await;
    let n = at.loopback.port();
    assert_eq!(at.lan, None);
    for name in ["127.0.0.1", "localhost", "LOCALHOST", "[::1]"] {
        let response = ask(at.loopback, &format!("{name}:{n}"), "").await;
        assert_eq!(response.text(), "localhost", "{name}");
    }
    let v6 = SocketAddr::new("::1".parse().unwrap(), n);
    if TcpListener::bind("[::1]:0").await.is_ok() {
        assert_eq!(ask(v6, &format!("localhost:{n}"), "").await.text(), "localhost");
    }
}

#[tokio::test]
async fn it_answers_for_no_other_name() {
    let (stage, at) = stage(Loopback::default()).await;
    let n = at.loopback.port();
    for host in [
        format!("evil.example:{n}"),
        format!("evil.example.localhost:{n}"),
        format!("127.0.0.1.evil.example:{n}"),
        format!("127.0.0.2:{n}"),
        "127.0.0.1".to_owned(),
        format!("127.0.0.1:{}", n ^ 1),
        format!("192.168.1.1:{n}"),
    ] {
        let response = ask(at.loopback, &host, "").await;
        assert_eq!((response.status(), &*response.code()), (421, "misdirected"), "{host}");
    }
    assert_eq!(stage.opened(), 0);
}

#[tokio::test]
async fn a_page_of_another_site_opens_no_websocket() {
    let (stage, at) = stage(Loopback::default()).await;
    let host = format!("127.0.0.1:{}", at.loopback.port());
    for origin in ["https://evil.example", "null", "http://localhost.evil.example", "file://"] {
        let more = format!("{WEBSOCKET}origin: {origin}\r\n");
        let response = ask(at.loopback, &host, &more).await;
        assert_eq!((response.status(), &*response.code()), (403, "cross_site"), "{origin}");
    }
    assert_eq!(stage.opened(), 0);
    for origin in [format!("http://{host}"), "http://localhost:5173".into(), String::new()] {
        let origin = if origin.is_empty() { origin } else { format!("origin: {origin}\r\n") };
        let response = ask(at.loopback, &host, &format!("{WEBSOCKET}{origin}")).await;
        assert_eq!(response.status(), 200, "{origin}");
    }
    // Plain requests of other sites are the application's to judge, as always.
    let more = "origin: https://evil.example\r\n";
    assert_eq!(ask(at.loopback, &host, more).await.status(), 200);
}

#[tokio::test]
async fn the_name_below_localhost_is_as_open_to_this_computer_but_other_names_are_not() {
    let (stage, _) = stage(Loopback::default()).await;
    let host = "quiet-fox-3000.localhost:8090";
    assert_eq!(ask(stage.addr, host, "").await.text(), "localhost");
    let cross = format!("{WEBSOCKET}origin: https://evil.example\r\n");
    assert_eq!(ask(stage.addr, host, &cross).await.code(), "cross_site");
    assert_eq!(ask(stage.addr, HOST, "").await.code(), "sign_in");
    // From elsewhere, whatever he calls it, he has to show his right.
    let mut visitor = stage.quiet_visitor();
    visitor.say(&format!("GET / HTTP/1.1\r\nhost: {host}\r\n\r\n")).await;
    assert_eq!(visitor.response().await.code(), "sign_in");
}

#[tokio::test]
async fn a_relay_for_others_has_no_listeners_and_no_exceptions() {
    let record = TunnelRecord { access: Vec::new(), ..open_tunnel() };
    let stage = Stage::with(record, None).await;
    assert_eq!(stage.edge.addresses(&"quiet-fox".parse().unwrap(), 3000), None);
    assert_eq!(ask(stage.addr, "quiet-fox-3000.localhost", "").await.code(), "sign_in");
}

#[tokio::test]
async fn the_address_is_that_of_last_time_unless_it_is_taken() {
    let free = {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap().port()
    };
    let wish = |port| Loopback {
        ports: [(("quiet-fox".parse().unwrap(), 3000), port)].into(),
        ..Loopback::default()
    };
    let (stage_, at) = stage(wish(free)).await;
    assert_eq!(at.loopback.port(), free);
    assert_eq!(stage_.edge.addresses(&"quiet-fox".parse().unwrap(), 3000), Some(at));
    let (_other, other) = stage(wish(free)).await;
    assert_ne!(other.loopback.port(), free);
}

#[cfg(target_os = "linux")] // Elsewhere, 127.0.0.9 is not an address of this computer.
#[tokio::test]
async fn the_local_network_comes_in_by_its_address_and_with_its_right() {
    // Any address of this computer that is not 127.0.0.1 will do for a network.
    let lan = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 9));
    let (stage, at) = stage(Loopback { lan: Some(lan), ..Loopback::default() }).await;
    let lan_at = at.lan.unwrap();
    assert_eq!((lan_at.ip(), lan_at.port()), (lan, at.loopback.port()));
    assert_eq!(ask(lan_at, &lan_at.to_string(), "").await.code(), "sign_in");
    assert_eq!(ask(lan_at, &format!("localhost:{}", lan_at.port()), "").await.status(), 421);
    assert_eq!(ask(at.loopback, &lan_at.to_string(), "").await.status(), 421);
    let opened = open_tunnel();
    let put = stage.directory.change(move |draft| {
        draft.put(opened);
        Ok::<_, crate::store::StoreError>(())
    });
    put.await.unwrap();
    assert_eq!(ask(lan_at, &lan_at.to_string(), "").await.text(), "localhost");
    for (origin, status) in [(format!("http://{lan_at}"), 200), ("https://evil.test".into(), 403)] {
        let more = format!("{WEBSOCKET}origin: {origin}\r\n");
        assert_eq!(ask(lan_at, &lan_at.to_string(), &more).await.status(), status, "{origin}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_port_that_is_removed_loses_its_listener() {
    let (stage, at) = stage(Loopback::default()).await;
    let put = stage.directory.change(|draft| {
        draft.remove(&"quiet-fox".parse().unwrap());
        Ok::<_, crate::store::StoreError>(())
    });
    put.await.unwrap();
    // The sweep comes by now and then.
    while TcpStream::connect(at.loopback).await.is_ok() {
        adit_wire::clock::sleep(std::time::Duration::from_secs(1)).await;
    }
}
