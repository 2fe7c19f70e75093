//! What is not about one tunnel, and the operators' own address.

use serde_json::{Value, json};

use crate::support::{Relay, add_user, send};

#[tokio::test]
async fn the_one_cluster_recommends_itself_to_anybody() {
    let relay = Relay::in_memory().await;
    let base = format!("http://{}/", relay.server.addr());
    for path in ["/clusters", "/api/v1/clusters?api-version=x&api-version=x"] {
        let clusters = relay.call_with("GET", path, Value::Null, &[]).await.expect(200);
        assert_eq!(clusters[0]["clusterId"], "loc1");
        assert_eq!(clusters[0]["uri"], base);
    }
    let path = "/clusters/recommendations?preferredClusterId=usw2";
    let answer = relay.call_with("GET", path, Value::Null, &[]).await.expect(200);
    assert_eq!(answer["recommendedClusterId"], "loc1");
    assert_eq!(answer["isFallback"], true);
    assert_eq!(answer["recommendations"][0]["availability"], "Available");
}

#[tokio::test]
async fn limits_are_listed_with_what_is_used() {
    let relay = Relay::in_memory().await;
    relay.tunnel("quiet-fox").await;
    let limits = relay.get("/userlimits").await.expect(200);
    assert_eq!(limits[0]["name"], "TunnelsPerUser");
    assert_eq!((&limits[0]["current"], &limits[0]["limit"]), (&json!(1), &json!(1000)));
    assert_eq!((&limits[1]["name"], &limits[1]["current"]), (&json!("PortsPerTunnel"), &json!(1)));
}

#[tokio::test]
async fn events_are_taken_when_they_are_well_formed() {
    let relay = Relay::in_memory().await;
    relay.tunnel("quiet-fox").await;
    let path = "/tunnels/quiet-fox/events?api-version=2023-09-27-preview&api-version=x";
    let event = json!([{
        "name": "host_connection_status", "severity": "info",
        "properties": { "ConnectionStatus": "connected" }, "timestamp": "2026-11-23T16:32:46.188Z"
    }]);
    assert_eq!(relay.call("POST", path, event).await.expect(200), true);
    relay.call("POST", path, json!([{ "name": "Bad Name" }])).await.expect(400);
    relay.call("POST", path, json!({})).await.expect(400);
    relay.call("POST", "/tunnels/unknown/events", json!([])).await.expect(404);
    relay.call_with("POST", path, json!([]), &[]).await.expect(401);
}

#[tokio::test]
async fn subjects_are_looked_up_by_name_and_by_id() {
    let folder = tempfile::tempdir().unwrap();
    let (ann, ann_id) = add_user(folder.path(), "ann", &["team"]);
    let relay = Relay::on_disk(folder.path(), "").await;
    let who = [("authorization", &*ann)];
    let asked = json!([
        { "type": "Users", "name": "ann" },
        { "type": "Users", "name": "nobody" },
        { "type": "Groups", "name": "team" },
        { "type": "Users" }
    ]);
    let found = relay.call_with("POST", "/subjects/resolve", asked, &who).await.expect(200);
    assert_eq!(found[0]["id"], *ann_id);
    assert_eq!((&found[1]["id"], &found[2]["id"]), (&Value::Null, &json!("team")));
    assert_eq!((&found[3]["id"], &found[3]["name"]), (&json!(ann_id), &json!("ann")));
    let named = relay.call_with("POST", "/subjects/format", found, &who).await.expect(200);
    assert_eq!(named[0]["name"], "ann");
    relay.call_with("POST", "/subjects/resolve", json!([]), &[]).await.expect(401);
    relay.stop().await;
}

#[tokio::test]
async fn operators_see_health_and_figures_on_an_address_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let relay = Relay::on_disk(folder.path(), "").await;
    relay.get("/tunnels").await.expect(401);
    let admin = relay.server.admin_addr().unwrap();
    let health = send(admin, "GET", "/healthz", "".into(), &[]).await;
    assert_eq!((health.status.as_u16(), &health.body[..]), (200, &b"ok\n"[..]));
    let metrics = send(admin, "GET", "/metrics", "".into(), &[]).await;
    let text = String::from_utf8(metrics.body.to_vec()).unwrap();
    let line = r#"adit_api_requests_total{endpoint="tunnels",method="GET",status="401"} 1"#;
    assert!(text.contains(line), "{text}");
    assert!(text.contains("adit_open_connections "), "{text}");
    let limit = format!("adit_buffer_bytes{{kind=\"limit\"}} {}", 1 << 30);
    assert!(text.contains(&limit), "{text}");
    assert_eq!(send(admin, "GET", "/tunnels", "".into(), &[]).await.status, 404);
    relay.stop().await;
}
