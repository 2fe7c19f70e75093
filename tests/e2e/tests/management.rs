//! The management calls of Microsoft's SDK against our relay.

use adit_e2e::peer::{Peer, Role};
use adit_e2e::relay::Relay;
use serde_json::{Value, json};

/// A management client that presents the owner's key.
async fn owner(relay: &Relay) -> Peer {
    let mut peer = Peer::start(Role::Manage);
    peer.open(&relay.service(), Some(&relay.owner())).await;
    peer
}

fn names<'a>(list: &'a Value, member: &str) -> Vec<&'a str> {
    let mut names: Vec<_> =
        list.as_array().unwrap().iter().map(|it| it[member].as_str().unwrap()).collect();
    names.sort_unstable();
    names
}

fn ports(list: &Value) -> Vec<u64> {
    list.as_array().unwrap().iter().map(|port| port["portNumber"].as_u64().unwrap()).collect()
}

#[tokio::test]
async fn a_tunnel_is_created_with_ports_and_tokens_in_one_call() {
    let relay = Relay::start().await;
    let mut peer = owner(&relay).await;
    let body = json!({
        "description": "a shop", "labels": ["shop"],
        "ports": [{"portNumber": 3000, "protocol": "http"}, {"portNumber": 3001}],
    });
    let options = json!({"tokenScopes": ["host", "connect"], "includePorts": true});
    let tunnel = peer.call("createTunnel", json!([body, options])).await.unwrap();
    assert_eq!(tunnel["clusterId"], "loc1");
    assert_eq!(tunnel["description"], "a shop");
    assert_eq!(ports(&tunnel["ports"]), [3000, 3001]);
    let uri = tunnel["ports"][0]["portForwardingUris"][0].as_str().unwrap();
    assert!(uri.starts_with("http://"), "{uri}");
    for scope in ["host", "connect"] {
        assert_eq!(tunnel["accessTokens"][scope].as_str().unwrap().split('.').count(), 3);
    }
    peer.end().await;
}

#[tokio::test]
async fn a_generated_id_that_is_taken_is_generated_again() {
    let relay = Relay::start().await;
    let mut peer = owner(&relay).await;
    peer.ask("record", json!({})).await.unwrap();
    let first = peer.call("createTunnel", json!([{}])).await.unwrap();
    peer.ask("replay", json!({})).await.unwrap();
    let second = peer.call("createTunnel", json!([{}])).await.unwrap();
    assert_ne!(first["tunnelId"], second["tunnelId"]);
    assert_eq!(relay.proxy().count("PUT", first["tunnelId"].as_str().unwrap()), 2);
}

#[tokio::test]
async fn an_id_of_ones_own_that_is_taken_is_a_conflict() {
    let relay = Relay::start().await;
    let mut peer = owner(&relay).await;
    let body = json!({"tunnelId": "my-own-tunnel", "clusterId": "loc1"});
    peer.call("createTunnel", json!([body])).await.unwrap();
    let refusal = peer.call("createTunnel", json!([body])).await.unwrap_err();
    assert_eq!(refusal.status, Some(409), "{refusal}");
    assert!(!refusal.message.contains("firewall"), "{refusal}");
}

#[tokio::test]
async fn an_update_changes_what_it_names_and_keeps_the_rest() {
    let relay = Relay::start().await;
    let mut peer = owner(&relay).await;
    let body = json!({"description": "before", "labels": ["kept"], "ports": [{"portNumber": 80}]});
    let created = peer.call("createTunnel", json!([body])).await.unwrap();
    let (id, cluster) = (&created["tunnelId"], &created["clusterId"]);

    let change = json!({"tunnelId": id, "clusterId": cluster, "description": "after"});
    let options = json!({"includePorts": true});
    let updated = peer.call("updateTunnel", json!([change, options])).await.unwrap();
    assert_eq!(updated["description"], "after");
    assert_eq!(updated["labels"], json!(["kept"]));
    assert_eq!(ports(&updated["ports"]), [80]);

    let absent = json!({"tunnelId": "nobody-knows-me", "clusterId": cluster});
    let refusal = peer.call("updateTunnel", json!([absent])).await.unwrap_err();
    assert!(matches!(refusal.status, Some(404 | 412)), "{refusal}");
}

#[tokio::test]
async fn tunnels_are_listed_by_any_or_all_of_their_labels() {
    let relay = Relay::start().await;
    let mut peer = owner(&relay).await;
    for (id, labels) in
        [("tunnel-a", json!(["x"])), ("tunnel-b", json!(["x", "y"])), ("tunnel-c", json!([]))]
    {
        let body = json!({"tunnelId": id, "labels": labels});
        peer.call("createTunnel", json!([body])).await.unwrap();
    }
    let all = peer.call("listTunnels", json!([])).await.unwrap();
    assert_eq!(names(&all, "tunnelId"), ["tunnel-a", "tunnel-b", "tunnel-c"]);
    let any = json!([null, null, {"labels": ["x", "y"]}]);
    let any = peer.call("listTunnels", any).await.unwrap();
    assert_eq!(names(&any, "tunnelId"), ["tunnel-a", "tunnel-b"]);
    let both = json!([null, null, {"labels": ["x", "y"], "requireAllLabels": true}]);
    let both = peer.call("listTunnels", both).await.unwrap();
    assert_eq!(names(&both, "tunnelId"), ["tunnel-b"]);
}

#[tokio::test]
async fn ports_are_created_changed_listed_and_deleted() {
    let relay = Relay::start().await;
    let mut peer = owner(&relay).await;
    peer.call_and_keep("createTunnel", json!([{}])).await.unwrap();
    let port = json!({"portNumber": 3000, "protocol": "http"});
    let created = peer.call("createTunnelPort", json!(["$tunnel", port])).await.unwrap();
    assert_eq!((&created["portNumber"], &created["protocol"]), (&json!(3000), &json!("http")));
    let again = peer.call("createTunnelPort", json!(["$tunnel", port])).await.unwrap_err();
    assert_eq!(again.status, Some(409), "{again}");

    let change = json!({"portNumber": 3000, "protocol": "https", "description": "tls"});
    let changed = peer.call("updateTunnelPort", json!(["$tunnel", change])).await.unwrap();
    assert_eq!((&changed["protocol"], &changed["description"]), (&json!("https"), &json!("tls")));
    let other = json!({"portNumber": 3001});
    peer.call("createOrUpdateTunnelPort", json!(["$tunnel", other])).await.unwrap();
    let listed = peer.call("listTunnelPorts", json!(["$tunnel"])).await.unwrap();
    assert_eq!(ports(&listed), [3000, 3001]);
    let one = peer.call("getTunnelPort", json!(["$tunnel", 3000])).await.unwrap();
    assert_eq!(one["protocol"], "https");

    for expected in [true, false] {
        let deleted = peer.call("deleteTunnelPort", json!(["$tunnel", 3000])).await.unwrap();
        assert_eq!(deleted, expected);
    }
    let listed = peer.call("listTunnelPorts", json!(["$tunnel"])).await.unwrap();
    assert_eq!(ports(&listed), [3001]);
}

#[tokio::test]
async fn a_deleted_tunnel_is_gone_and_deleting_it_again_says_so() {
    let relay = Relay::start().await;
    let mut peer = owner(&relay).await;
    peer.call_and_keep("createTunnel", json!([{}])).await.unwrap();
    for expected in [true, false] {
        assert_eq!(peer.call("deleteTunnel", json!(["$tunnel"])).await.unwrap(), expected);
    }
    let refusal = peer.call("getTunnel", json!(["$tunnel"])).await.unwrap_err();
    assert_eq!(refusal.status, Some(404), "{refusal}");
}

#[tokio::test]
async fn limits_clusters_and_recommendations_are_told() {
    let relay = Relay::start().await;
    let mut peer = owner(&relay).await;
    let limits = peer.call("listUserLimits", json!([])).await.unwrap();
    assert!(limits.as_array().unwrap().iter().all(|limit| limit["name"].is_string()), "{limits}");
    let clusters = peer.call("listClusters", json!([])).await.unwrap();
    assert_eq!(names(&clusters, "clusterId"), ["loc1"]);
    let advice = peer.call("getClusterRecommendations", json!([])).await.unwrap();
    assert_eq!(advice["recommendedClusterId"], "loc1");
}

#[tokio::test]
async fn a_name_is_free_until_a_tunnel_has_it() {
    let relay = Relay::start().await;
    let mut peer = owner(&relay).await;
    let check = json!(["our-shop"]);
    assert_eq!(peer.call("checkNameAvailablility", check.clone()).await.unwrap(), true);
    peer.call("createTunnel", json!([{"name": "our-shop"}])).await.unwrap();
    assert_eq!(peer.call("checkNameAvailablility", check).await.unwrap(), false);
}

#[tokio::test]
async fn reported_events_are_taken_before_the_client_ends() {
    let relay = Relay::start().await;
    let mut peer = Peer::start(Role::Manage);
    let open = json!({"service": relay.service(), "authorization": relay.owner(), "events": true});
    peer.ask("open", open).await.unwrap();
    peer.call_and_keep("createTunnel", json!([{}])).await.unwrap();
    let event = json!({"name": "client_connect", "severity": "info", "properties": {"Retry": "1"}});
    peer.call("reportEvent", json!(["$tunnel", event])).await.unwrap();
    peer.end().await;
    assert_eq!(relay.proxy().count("POST", "/events"), 1);
}

#[tokio::test]
async fn without_a_login_nothing_can_be_created_and_the_refusal_says_why() {
    let relay = Relay::start().await;
    for authorization in [None, Some("Bearer adit_wrong")] {
        let mut peer = Peer::start(Role::Manage);
        peer.open(&relay.service(), authorization).await;
        let refusal = peer.call("createTunnel", json!([{}])).await.unwrap_err();
        assert_eq!(refusal.status, Some(401), "{refusal}");
        assert!(!refusal.message.contains("firewall"), "{refusal}");
        assert!(refusal.problem["title"].is_string(), "{refusal:?}");
    }
}
