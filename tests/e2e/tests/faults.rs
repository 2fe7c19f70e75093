//! Faults between Microsoft's SDK and our relay.

use adit_e2e::deadline::until;
use adit_e2e::faultproxy::{Flow, Role as Socket};
use adit_e2e::origin::Origin;
use adit_e2e::peer::{Peer, Role};
use adit_e2e::relay::Relay;
use adit_e2e::stage::{Manner, SdkHost, exchange_through, sdk_client};
use serde_json::json;

#[tokio::test]
async fn a_refused_token_is_refreshed_once_and_then_serves() {
    let relay = Relay::start().await;
    let origin = Origin::start().await;
    let host = SdkHost::start(&relay, &[origin.port()], Manner::default()).await;
    relay.proxy().answer_upgrades(Socket::Client, 401, 1);
    let before = relay.proxy().count("GET", "tokenScopes=connect");
    let mut client = sdk_client(&relay, &host.tunnel, Manner::default()).await;
    client.status("refreshingTunnelAccessToken").await;
    exchange_through(&mut client, origin.port(), 1000, 1000).await;
    assert_eq!(relay.proxy().count("GET", "tokenScopes=connect"), before + 2);
}

#[tokio::test]
async fn a_relay_that_is_busy_is_tried_again() {
    let relay = Relay::start().await;
    let origin = Origin::start().await;
    relay.proxy().answer_upgrades(Socket::Host, 503, 1);
    let mut host = SdkHost::start(&relay, &[origin.port()], Manner::default()).await;
    let retry = host.peer.event("retrying", |_| true).await;
    assert_eq!(retry["delay"], 6500, "{retry}");
    let mut client = sdk_client(&relay, &host.tunnel, Manner::default()).await;
    exchange_through(&mut client, origin.port(), 1000, 1000).await;
}

#[tokio::test]
async fn a_forbidden_client_gives_up_at_once() {
    let relay = Relay::start().await;
    let origin = Origin::start().await;
    let host = SdkHost::start(&relay, &[origin.port()], Manner::default()).await;
    relay.proxy().answer_upgrades(Socket::Client, 403, 1);
    let mut client = Peer::start(Role::Client);
    client.open(&relay.service(), Some(&relay.owner())).await;
    let options = json!({"tokenScopes": ["connect"]});
    client.call_and_keep("getTunnel", json!([host.locator(), options])).await.unwrap();
    let refusal = client.ask("connect", json!({})).await.unwrap_err();
    assert!(refusal.message.contains("403"), "{refusal}");
    assert!(client.unasked("retrying").is_empty());
}

#[tokio::test]
async fn a_connection_lost_by_its_own_word_is_made_again() {
    let relay = Relay::start().await;
    let origin = Origin::start().await;
    let mut host = SdkHost::start(&relay, &[origin.port()], Manner::default()).await;
    host.peer.status("connected").await;
    assert_eq!(relay.proxy().disconnect(Socket::Host, 10), 1);
    host.peer.status("connected").await;
    let mut client = sdk_client(&relay, &host.tunnel, Manner::default()).await;
    exchange_through(&mut client, origin.port(), 1000, 1000).await;
}

#[tokio::test]
async fn a_host_that_hears_of_another_host_stands_by() {
    let relay = Relay::start().await;
    let origin = Origin::start().await;
    let mut host = SdkHost::start(&relay, &[origin.port()], Manner::default()).await;
    host.peer.status("connected").await;
    assert_eq!(relay.proxy().disconnect(Socket::Host, 12), 1);
    let gone = host.peer.status("disconnected").await;
    assert_eq!(gone["reason"], 12);
    assert_eq!(relay.proxy().count("DELETE", "/endpoints/"), 0);
}

#[tokio::test]
async fn bytes_held_on_the_way_arrive_unharmed_when_the_way_is_free() {
    let relay = Relay::start().await;
    let origin = Origin::start().await;
    let host = SdkHost::start(&relay, &[origin.port()], Manner::default()).await;
    let mut client = sdk_client(&relay, &host.tunnel, Manner::default()).await;
    exchange_through(&mut client, origin.port(), 1000, 1000).await;
    assert_eq!(relay.proxy().flow(Socket::Host, Flow::Hold), 1);
    let moving = exchange_through(&mut client, origin.port(), 3_000_000, 3_000_000);
    let letting_go = async {
        until("bytes to be held", async || relay.proxy().held(Socket::Host) > 0).await;
        relay.proxy().flow(Socket::Host, Flow::Pass);
    };
    tokio::join!(moving, letting_go);
}
