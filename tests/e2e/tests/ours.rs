//! Our own host and client as the real command, with Microsoft's SDK or each other at the far end.

use std::time::Duration;

use adit_e2e::adit::Adit;
use adit_e2e::deadline::until;
use adit_e2e::faultproxy::{Flow, Role as Socket};
use adit_e2e::lines::JsonLines;
use adit_e2e::origin::Origin;
use adit_e2e::peer::{Offer, Peer, Role};
use adit_e2e::relay::Relay;
use adit_e2e::stage::{Manner, SdkHost, exchange_at, exchange_through, sdk_client};
use serde_json::{Value, json};

/// A tunnel that exists, a local server on its port, and our command signed in.
struct Scene {
    relay: Relay,
    origin: Origin,
    adit: Adit,
    owner: Peer,
    tunnel: Value,
}

impl Scene {
    async fn set() -> Self {
        let relay = Relay::start().await;
        let origin = Origin::start().await;
        let mut owner = Peer::start(Role::Manage);
        owner.open(&relay.service(), Some(&relay.owner())).await;
        let tunnel = json!({"ports": [{"portNumber": origin.port(), "protocol": "http"}]});
        let tunnel = owner.call_and_keep("createTunnel", json!([tunnel])).await.unwrap();
        let adit = Adit::new();
        adit.login(&relay).await;
        Self { relay, origin, adit, owner, tunnel }
    }

    fn id(&self) -> String {
        full_id(&self.tunnel)
    }

    async fn host(&self) -> JsonLines {
        let mut host = self.adit.start(&["host", &self.id(), "--json"]);
        state(&mut host, "Hosting").await;
        host
    }
}

fn full_id(tunnel: &Value) -> String {
    let part = |name: &str| tunnel[name].as_str().unwrap().to_owned();
    format!("{}.{}", part("tunnelId"), part("clusterId"))
}

async fn event(command: &mut JsonLines, name: &str) -> Value {
    command.line(name, |line| line["event"] == name).await
}

async fn state(command: &mut JsonLines, state: &str) -> Value {
    let fits = |line: &Value| line["event"] == "state" && line["state"] == state;
    command.line(&format!("state {state}"), fits).await
}

/// Where `adit connect` put the port.
async fn listening(command: &mut JsonLines, port: u16) -> u16 {
    let fits = |line: &Value| line["event"] == "listening" && line["port"] == port;
    let line = command.line("the port", fits).await;
    line["local"].as_u64().unwrap().try_into().unwrap()
}

#[tokio::test]
async fn our_host_serves_the_sdks_client_whether_it_asks_for_encryption_or_not() {
    let scene = Scene::set().await;
    let _host = scene.host().await;
    for encrypted in [true, false] {
        let manner = Manner { encrypted, offer: Offer::Default };
        let mut client = sdk_client(&scene.relay, &scene.tunnel, manner).await;
        exchange_through(&mut client, scene.origin.port(), 300_000, 300_000).await;
        client.end().await;
    }
}

#[tokio::test]
async fn our_client_reaches_the_sdks_host() {
    let relay = Relay::start().await;
    let origin = Origin::start().await;
    let host = SdkHost::start(&relay, &[origin.port()], Manner::default()).await;
    let adit = Adit::new();
    adit.login(&relay).await;
    let mut client = adit.start(&["connect", &full_id(&host.tunnel), "--json"]);
    let local = listening(&mut client, origin.port()).await;
    exchange_at(local, 1, 300_000, 300_000).await;
}

#[tokio::test]
async fn our_own_ends_reach_each_other() {
    let scene = Scene::set().await;
    let _host = scene.host().await;
    let mut client = scene.adit.start(&["connect", &scene.id(), "--json"]);
    let local = listening(&mut client, scene.origin.port()).await;
    exchange_at(local, 1, 20_000_000, 20_000_000).await;
}

#[tokio::test]
async fn a_lost_socket_is_told_at_once_and_mended_without_registering_again() {
    let scene = Scene::set().await;
    let mut host = scene.host().await;
    let mut client = sdk_client(&scene.relay, &scene.tunnel, Manner::default()).await;
    assert_eq!(scene.relay.proxy().drop_sockets(Socket::Host), 1);
    state(&mut host, "Reconnecting").await;
    state(&mut host, "Hosting").await;
    exchange_through(&mut client, scene.origin.port(), 1000, 1000).await;
    assert_eq!(scene.relay.proxy().count("PUT", "/endpoints/"), 1);
}

#[tokio::test]
async fn a_relay_that_falls_silent_is_noticed_and_left() {
    let scene = Scene::set().await;
    let mut host = scene.host().await;
    assert_eq!(scene.relay.proxy().flow(Socket::Host, Flow::Hold), 1);
    let noticed = state(&mut host, "Reconnecting").await;
    let mended = state(&mut host, "Hosting").await;
    let took = mended["elapsed_ms"].as_u64().unwrap() - noticed["elapsed_ms"].as_u64().unwrap();
    assert!(Duration::from_millis(took) < Duration::from_secs(10), "{took} ms");
    let mut client = sdk_client(&scene.relay, &scene.tunnel, Manner::default()).await;
    exchange_through(&mut client, scene.origin.port(), 1000, 1000).await;
}

#[tokio::test]
async fn a_token_that_is_no_longer_good_is_replaced_without_asking_anybody() {
    let scene = Scene::set().await;
    let mut host = scene.host().await;
    scene.relay.proxy().answer_upgrades(Socket::Host, 401, 1);
    assert_eq!(scene.relay.proxy().drop_sockets(Socket::Host), 1);
    state(&mut host, "Reconnecting").await;
    state(&mut host, "Hosting").await;
}

#[tokio::test]
async fn a_new_token_that_is_refused_is_a_matter_of_signing_in() {
    let scene = Scene::set().await;
    scene.relay.proxy().answer_upgrades(Socket::Host, 401, 1);
    let mut host = scene.adit.start(&["host", &scene.id(), "--json"]);
    event(&mut host, "relogin_required").await;
}

#[tokio::test]
async fn a_busy_relay_is_tried_again_later_and_later() {
    let scene = Scene::set().await;
    scene.relay.proxy().answer_upgrades(Socket::Host, 503, 2);
    let mut host = scene.host().await;
    for attempt in 1..=2 {
        assert_eq!(event(&mut host, "retry").await["attempt"], attempt);
    }
}

#[tokio::test]
async fn another_host_makes_ours_stand_by() {
    let scene = Scene::set().await;
    let mut ours = scene.host().await;
    let mut theirs = Peer::start(Role::Host);
    theirs.open(&scene.relay.service(), Some(&scene.relay.owner())).await;
    let options = json!({"tokenScopes": ["host"], "includePorts": true});
    let tunnel = json!([scene.tunnel, options]);
    theirs.call_and_keep("getTunnel", tunnel).await.unwrap();
    theirs.ask("connect", json!({})).await.unwrap();
    event(&mut ours, "standby").await;
    let mut client = sdk_client(&scene.relay, &scene.tunnel, Manner::default()).await;
    exchange_through(&mut client, scene.origin.port(), 1000, 1000).await;
    // The one that stands by closes its socket when it has heard so, and nobody fights.
    until("one host to be left", async || scene.relay.proxy().sockets(Socket::Host) == 1).await;
}

#[tokio::test]
async fn the_end_of_its_input_ends_our_host_well() {
    let scene = Scene::set().await;
    let host = scene.host().await;
    assert_eq!(host.finish().await.code(), Some(0));
    assert_eq!(scene.relay.proxy().count("DELETE", "/endpoints/"), 1);
}

#[tokio::test]
async fn a_tunnel_that_does_not_exist_is_not_found() {
    let scene = Scene::set().await;
    let output = scene.adit.run(&["host", "nobody-knows-me.loc1"], "").await;
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("nobody-knows-me"), "{output:?}");
}

mod long_form {
    use super::*;

    /// Our host asks the service for its ports once a minute.
    #[tokio::test]
    #[ignore = "takes minutes; ./test --long runs it"]
    async fn a_port_that_is_added_or_deleted_while_we_host_comes_and_goes() {
        let mut scene = Scene::set().await;
        let _host = scene.host().await;
        let mut client = sdk_client(&scene.relay, &scene.tunnel, Manner::default()).await;
        let second = Origin::start().await;
        let port = json!({"portNumber": second.port(), "protocol": "http"});
        scene.owner.call("createTunnelPort", json!(["$tunnel", port])).await.unwrap();
        let is_second = |line: &Value| line["port"] == second.port();
        client.event("port_added", is_second).await;
        exchange_through(&mut client, second.port(), 1000, 1000).await;
        scene.owner.call("deleteTunnelPort", json!(["$tunnel", second.port()])).await.unwrap();
        client.event("port_removed", is_second).await;
    }
}
