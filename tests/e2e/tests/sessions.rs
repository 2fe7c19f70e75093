//! Microsoft's SDK on both ends of a tunnel over our relay.

use adit_e2e::deadline::{soon, until};
use adit_e2e::faultproxy::Role as Socket;
use adit_e2e::origin::{Origin, stall};
use adit_e2e::peer::{Offer, Peer, Role};
use adit_e2e::relay::Relay;
use adit_e2e::stage::{Manner, SdkHost, exchange_at, exchange_through, local_port, sdk_client};
use serde_json::{Value, json};
use tokio::io::AsyncReadExt;
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;

const MEBIBYTE: u64 = 1 << 20;

const MANNERS: [Manner; 3] = [
    Manner { offer: Offer::Default, encrypted: true },
    Manner { offer: Offer::Default, encrypted: false },
    Manner { offer: Offer::V2, encrypted: true },
];

#[tokio::test]
async fn bytes_pass_in_every_manner_that_both_ends_can_choose() {
    let relay = Relay::start().await;
    let origin = Origin::start().await;
    for manner in MANNERS {
        let mut host = SdkHost::start(&relay, &[origin.port()], manner).await;
        let mut client = sdk_client(&relay, &host.tunnel, manner).await;
        let status = client.ask("status", json!({})).await.unwrap();
        assert_eq!(status["protocol"], "tunnel-relay-client-v2-dev");
        let status = host.peer.ask("status", json!({})).await.unwrap();
        assert_eq!(status["protocol"], "tunnel-relay-host-v2-dev");
        exchange_through(&mut client, origin.port(), 300_000, 300_000).await;
        client.end().await;
        host.peer.end().await;
    }
}

#[tokio::test]
async fn one_end_alone_may_do_without_encryption() {
    let relay = Relay::start().await;
    let origin = Origin::start().await;
    let plain = Manner { encrypted: false, ..Manner::default() };
    for (one, other) in [(plain, Manner::default()), (Manner::default(), plain)] {
        let host = SdkHost::start(&relay, &[origin.port()], one).await;
        let mut client = sdk_client(&relay, &host.tunnel, other).await;
        exchange_through(&mut client, origin.port(), 10_000, 10_000).await;
    }
}

#[tokio::test]
async fn five_ports_lead_to_five_servers() {
    let relay = Relay::start().await;
    let mut origins = Vec::new();
    for _ in 0..5 {
        origins.push(Origin::start().await);
    }
    let ports: Vec<_> = origins.iter().map(Origin::port).collect();
    let host = SdkHost::start(&relay, &ports, Manner::default()).await;
    let mut client = sdk_client(&relay, &host.tunnel, Manner::default()).await;
    for port in ports {
        exchange_through(&mut client, port, 1000, 1000).await;
    }
}

#[tokio::test]
async fn ports_come_and_go_while_the_tunnel_is_hosted() {
    let relay = Relay::start().await;
    let (first, second) = (Origin::start().await, Origin::start().await);
    let mut host = SdkHost::start(&relay, &[first.port()], Manner::default()).await;
    let mut client = sdk_client(&relay, &host.tunnel, Manner::default()).await;
    exchange_through(&mut client, first.port(), 1000, 1000).await;

    let added = json!({"portNumber": second.port(), "protocol": "http"});
    host.peer.call("createTunnelPort", json!(["$tunnel", added])).await.unwrap();
    host.peer.ask("refresh", json!({})).await.unwrap();
    let is_second = |line: &Value| line["port"] == second.port();
    client.event("port_added", is_second).await;
    exchange_through(&mut client, second.port(), 1000, 1000).await;

    // The SDK's host never withdraws a port itself: the relay must when it is deleted.
    host.peer.call("deleteTunnelPort", json!(["$tunnel", second.port()])).await.unwrap();
    client.event("port_removed", is_second).await;
    exchange_through(&mut client, first.port(), 1000, 1000).await;
    let refusal = client.ask("reach", json!({"port": second.port()})).await.unwrap_err();
    assert!(refusal.message.contains("not being forwarded"), "{refusal}");
}

#[tokio::test]
async fn a_second_host_takes_over_and_the_first_does_not_come_back() {
    let relay = Relay::start().await;
    let origin = Origin::start().await;
    let mut first = SdkHost::start(&relay, &[origin.port()], Manner::default()).await;
    let mut client = sdk_client(&relay, &first.tunnel, Manner::default()).await;
    exchange_through(&mut client, origin.port(), 1000, 1000).await;

    let mut second = Peer::start(Role::Host);
    second.open(&relay.service(), Some(&relay.owner())).await;
    let options = json!({"tokenScopes": ["host"], "includePorts": true});
    second.call_and_keep("getTunnel", json!([first.locator(), options])).await.unwrap();
    second.ask("connect", json!({})).await.unwrap();

    let gone = first.peer.status("disconnected").await;
    assert_eq!(gone["reason"], 12, "{gone}");
    let refusal = first.peer.ask("connect", json!({})).await.unwrap_err();
    assert!(refusal.message.contains("another host"), "{refusal}");
    exchange_through(&mut client, origin.port(), 1000, 1000).await;
    until("one host to be left", async || relay.proxy().sockets(Socket::Host) == 1).await;
    assert!(first.peer.unasked("retrying").is_empty());
}

#[tokio::test]
async fn a_host_whose_socket_dies_is_back_without_registering_again() {
    let relay = Relay::start().await;
    let origin = Origin::start().await;
    let mut host = SdkHost::start(&relay, &[origin.port()], Manner::default()).await;
    let mut client = sdk_client(&relay, &host.tunnel, Manner::default()).await;
    exchange_through(&mut client, origin.port(), 1000, 1000).await;
    host.peer.status("connected").await;

    assert_eq!(relay.proxy().drop_sockets(Socket::Host), 1);
    host.peer.status("connected").await;
    exchange_through(&mut client, origin.port(), 1000, 1000).await;
    assert_eq!(relay.proxy().count("PUT", "/endpoints/"), 1);
    assert_eq!(relay.proxy().sockets(Socket::Client), 1);
    assert!(client.unasked("retrying").is_empty(), "the client did not notice");
}

#[tokio::test]
async fn a_client_whose_socket_dies_reconnects_and_its_ports_work_again() {
    let relay = Relay::start().await;
    let origin = Origin::start().await;
    let host = SdkHost::start(&relay, &[origin.port()], Manner::default()).await;
    let mut client = sdk_client(&relay, &host.tunnel, Manner::default()).await;
    client.status("connected").await;
    exchange_through(&mut client, origin.port(), 1000, 1000).await;

    assert_eq!(relay.proxy().drop_sockets(Socket::Client), 1);
    client.status("connected").await;
    exchange_through(&mut client, origin.port(), 1000, 1000).await;
}

#[tokio::test]
async fn a_host_that_ends_well_takes_its_endpoint_with_it() {
    let relay = Relay::start().await;
    let origin = Origin::start().await;
    let host = SdkHost::start(&relay, &[origin.port()], Manner::default()).await;
    let locator = host.locator();
    host.peer.end().await;
    assert_eq!(relay.proxy().count("DELETE", "/endpoints/"), 1);

    let mut manage = Peer::start(Role::Manage);
    manage.open(&relay.service(), Some(&relay.owner())).await;
    let tunnel = manage.call("getTunnel", json!([locator])).await.unwrap();
    assert_eq!(tunnel["endpoints"].as_array().map_or(0, Vec::len), 0, "{tunnel}");
}

#[tokio::test]
async fn a_port_where_nothing_listens_closes_the_connection_and_harms_no_other() {
    let relay = Relay::start().await;
    let origin = Origin::start().await;
    // Bound, so that nobody else listens there (the client would), and not listening.
    let nobody = TcpSocket::new_v4().unwrap();
    nobody.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let dead = nobody.local_addr().unwrap().port();
    let host = SdkHost::start(&relay, &[origin.port(), dead], Manner::default()).await;
    let mut client = sdk_client(&relay, &host.tunnel, Manner::default()).await;
    let local = local_port(&mut client, dead).await;
    let mut stream = TcpStream::connect(("127.0.0.1", local)).await.unwrap();
    let read = soon("the connection to end", stream.read(&mut [0; 1])).await;
    assert!(!matches!(read, Ok(1..)), "{read:?}");
    exchange_through(&mut client, origin.port(), 1000, 1000).await;
}

/// Many channels or many bytes: these take the machine for themselves.
mod heavy {
    use super::*;

    #[tokio::test]
    async fn a_hundred_channels_at_once_stay_apart() {
        let relay = Relay::start().await;
        let origin = Origin::start().await;
        let host = SdkHost::start(&relay, &[origin.port()], Manner::default()).await;
        let mut client = sdk_client(&relay, &host.tunnel, Manner::default()).await;
        let local = local_port(&mut client, origin.port()).await;
        let mut channels = JoinSet::new();
        for seed in 0..100 {
            channels.spawn(exchange_at(local, seed, 50_000 + seed, 50_000 - seed));
        }
        soon("all channels", channels.join_all()).await;
    }

    #[tokio::test]
    async fn a_hundred_mebibytes_each_way_arrive_exactly() {
        let relay = Relay::start().await;
        let origin = Origin::start().await;
        let plain = Manner { encrypted: false, ..Manner::default() };
        let host = SdkHost::start(&relay, &[origin.port()], plain).await;
        let mut client = sdk_client(&relay, &host.tunnel, plain).await;
        exchange_through(&mut client, origin.port(), 100 * MEBIBYTE, 100 * MEBIBYTE).await;
    }

    #[tokio::test]
    async fn encrypted_bytes_arrive_exactly_too() {
        let relay = Relay::start().await;
        let origin = Origin::start().await;
        let host = SdkHost::start(&relay, &[origin.port()], Manner::default()).await;
        let mut client = sdk_client(&relay, &host.tunnel, Manner::default()).await;
        exchange_through(&mut client, origin.port(), 20 * MEBIBYTE, 20 * MEBIBYTE).await;
    }

    #[tokio::test]
    async fn a_stalled_channel_does_not_hold_up_its_neighbours() {
        let relay = Relay::start().await;
        let origin = Origin::start().await;
        let plain = Manner { encrypted: false, ..Manner::default() };
        let host = SdkHost::start(&relay, &[origin.port()], plain).await;
        let mut client = sdk_client(&relay, &host.tunnel, plain).await;
        let local = local_port(&mut client, origin.port()).await;
        let mut stalled = TcpStream::connect(("127.0.0.1", local)).await.unwrap();
        soon("the stall", stall(&mut stalled, 1 << 30)).await.unwrap();
        for seed in 0..4 {
            exchange_at(local, seed, 16 * MEBIBYTE, 16 * MEBIBYTE).await;
        }
    }
}

mod long_form {
    use super::*;

    /// The SDK asks for a new key after 512 MiB, also where there is no key.
    #[tokio::test]
    #[ignore = "takes minutes; ./test --long runs it"]
    async fn a_session_outlives_the_peers_key_rotation() {
        let relay = Relay::start().await;
        let origin = Origin::start().await;
        let plain = Manner { encrypted: false, ..Manner::default() };
        let host = SdkHost::start(&relay, &[origin.port()], plain).await;
        let mut client = sdk_client(&relay, &host.tunnel, plain).await;
        for (up, down) in [(600, 0), (0, 600), (1, 1)] {
            let (up, down) = (up * MEBIBYTE, down * MEBIBYTE);
            exchange_through(&mut client, origin.port(), up, down).await;
        }
        assert!(client.unasked("retrying").is_empty());
        assert_eq!(relay.proxy().count("GET", "/client/"), 1, "it was one session");
    }
}

#[tokio::test]
async fn the_status_counts_who_is_connected() {
    let relay = Relay::start().await;
    let origin = Origin::start().await;
    let host = SdkHost::start(&relay, &[origin.port()], Manner::default()).await;
    let _client = sdk_client(&relay, &host.tunnel, Manner::default()).await;
    let mut manage = Peer::start(Role::Manage);
    manage.open(&relay.service(), Some(&relay.owner())).await;
    let tunnel = manage.call("getTunnel", json!([host.locator()])).await.unwrap();
    assert_eq!(tunnel["status"]["hostConnectionCount"]["current"], 1, "{tunnel}");
    assert_eq!(tunnel["status"]["clientConnectionCount"]["current"], 1, "{tunnel}");
}

#[tokio::test]
async fn a_host_that_was_killed_is_no_longer_counted() {
    let relay = Relay::start().await;
    let origin = Origin::start().await;
    let host = SdkHost::start(&relay, &[origin.port()], Manner::default()).await;
    let locator = host.locator();
    host.peer.kill().await;
    let mut manage = Peer::start(Role::Manage);
    manage.open(&relay.service(), Some(&relay.owner())).await;
    until("the host to be gone from the status", async || {
        let tunnel = manage.call("getTunnel", json!([locator])).await.unwrap();
        tunnel["status"]["hostConnectionCount"]["current"] == 0
    })
    .await;
}
