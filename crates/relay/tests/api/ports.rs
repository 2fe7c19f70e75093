//! Ports and endpoints.

use serde_json::{Value, json};

use crate::support::{KEY, Relay};

#[tokio::test]
async fn a_port_is_made_changed_listed_and_removed() {
    let relay = Relay::in_memory().await;
    relay.tunnel("quiet-fox").await;
    let path = "/tunnels/quiet-fox/ports/4000";
    let body = json!({
        "portNumber": 4000, "protocol": "https", "labels": ["x"], "description": "d",
        "portForwardingUris": null, "inspectionUri": null
    });
    let made = relay.call("PUT", path, body).await.expect(201);
    assert_eq!(made["clusterId"], "loc1");
    assert_eq!(made["tunnelId"], "quiet-fox");
    assert_eq!(made["status"]["clientConnectionCount"]["current"], 0);
    relay.call("PUT", path, json!({ "protocol": "http" })).await.expect(200);
    let found = relay.get(path).await.expect(200);
    assert_eq!((&found["protocol"], &found["description"]), (&json!("http"), &json!("d")));
    let labelled = relay.get("/tunnels/quiet-fox/ports?labels=x").await.expect(200);
    assert_eq!(labelled["value"].as_array().unwrap().len(), 1);
    relay.call("DELETE", path, Value::Null).await.expect(204);
    relay.call("DELETE", path, Value::Null).await.expect(404);
    relay.get(path).await.expect(404);
}

#[tokio::test]
async fn preconditions_of_ports_are_those_of_tunnels() {
    let relay = Relay::in_memory().await;
    relay.tunnel("quiet-fox").await;
    let owner = format!("Bearer {KEY}");
    let put = async |port: u16, condition: (&str, &str)| {
        let path = format!("/tunnels/quiet-fox/ports/{port}");
        let headers = [("authorization", &*owner), condition];
        relay.call_with("PUT", &path, json!({ "portNumber": port }), &headers).await
    };
    put(3000, ("if-none-match", "*")).await.expect(409);
    put(3000, ("if-not-match", "*")).await.expect(409);
    put(3000, ("if-match", "*")).await.expect(200);
    put(3001, ("if-match", "*")).await.expect(404);
    put(3001, ("if-none-match", "*")).await.expect(201);
    let other = relay.call("PUT", "/tunnels/quiet-fox/ports/5", json!({ "portNumber": 6 })).await;
    other.expect(400);
    relay.call("PUT", "/tunnels/quiet-fox/ports/0", json!({})).await.expect(400);
    relay.call("PUT", "/tunnels/unknown/ports/5", json!({})).await.expect(404);
}

#[tokio::test]
async fn one_port_is_the_default_and_names_are_unique() {
    let relay = Relay::in_memory().await;
    relay.tunnel("quiet-fox").await;
    for port in [1, 2] {
        let path = format!("/tunnels/quiet-fox/ports/{port}");
        relay.call("PUT", &path, json!({ "isDefault": true })).await.expect(201);
    }
    let found = relay.get("/tunnels/quiet-fox/ports").await.expect(200);
    let defaults: Vec<_> =
        found["value"].as_array().unwrap().iter().map(|port| port["isDefault"].clone()).collect();
    assert_eq!(defaults, [Value::Null, json!(true), Value::Null]);
    relay.call("PUT", "/tunnels/quiet-fox/ports/1", json!({ "name": "web" })).await.expect(200);
    relay.call("PUT", "/tunnels/quiet-fox/ports/2", json!({ "name": "web" })).await.expect(409);
}

#[tokio::test]
async fn a_port_shows_its_tunnel_s_entries_as_inherited_and_does_not_keep_them() {
    let relay = Relay::in_memory().await;
    relay.tunnel("quiet-fox").await;
    let anonymous = json!({ "entries": [{ "type": "Anonymous", "scopes": ["connect"] }] });
    relay
        .call("PUT", "/tunnels/quiet-fox", json!({ "accessControl": anonymous }))
        .await
        .expect(200);
    let shown = relay.get("/tunnels/quiet-fox/ports/3000").await.expect(200);
    assert_eq!(shown["accessControl"]["entries"][0]["isInherited"], true);
    relay.call("PUT", "/tunnels/quiet-fox/ports/3000", shown).await.expect(200);
    let none = json!({ "accessControl": { "entries": [] } });
    relay.call("PUT", "/tunnels/quiet-fox", none).await.expect(200);
    let shown = relay.get("/tunnels/quiet-fox/ports/3000").await.expect(200);
    assert_eq!(shown["accessControl"]["entries"], json!([]));
}

#[tokio::test]
async fn a_token_of_a_port_is_for_that_port() {
    let relay = Relay::in_memory().await;
    relay.tunnel("quiet-fox").await;
    let port = relay.get("/tunnels/quiet-fox/ports/3000?tokenScopes=connect").await.expect(200);
    let token = port["accessTokens"]["connect"].as_str().unwrap();
    let claims = adit_proto::token::peek(token).unwrap();
    assert_eq!((claims.ports, claims.scp), (vec![3000], vec!["connect".to_owned()]));
}

#[tokio::test]
async fn an_endpoint_gets_stable_addresses_that_name_it() {
    let relay = Relay::in_memory().await;
    relay.tunnel("quiet-fox").await;
    let addr = relay.server.addr();
    let body = json!({
        "id": "e1-relay", "hostId": "h1", "hostPublicKeys": ["AAAA"], "connectionMode": "TunnelRelay"
    });
    let path = "/tunnels/quiet-fox/endpoints/e1-relay?connectionMode=TunnelRelay";
    let made = relay.call("PUT", path, body.clone()).await.expect(200);
    assert_eq!(made["hostRelayUri"], format!("ws://{addr}/v1/host/quiet-fox/e1-relay"));
    assert_eq!(made["clientRelayUri"], format!("ws://{addr}/v1/client/quiet-fox"));
    let port = addr.port();
    assert_eq!(made["portUriFormat"], format!("http://quiet-fox-{{port}}.localhost:{port}/"));
    let served = relay.get("/tunnels/quiet-fox/ports/3000").await.expect(200);
    assert_eq!(made["tunnelUri"], served["portForwardingUris"][0]);
    assert_eq!((&made["hostId"], &made["hostPublicKeys"][0]), (&json!("h1"), &json!("AAAA")));
    let found = relay.get("/tunnels/quiet-fox").await.expect(200);
    assert_eq!(found["endpoints"], json!([made]));

    let other = json!({ "hostId": "h2", "connectionMode": "TunnelRelay" });
    relay.call("PUT", "/tunnels/quiet-fox/endpoints/e2-relay", other).await.expect(200);
    let found = relay.get("/tunnels/quiet-fox").await.expect(200);
    assert_eq!(found["endpoints"].as_array().unwrap().len(), 1);
    assert_eq!(found["endpoints"][0]["id"], "e2-relay");

    relay.call("DELETE", "/tunnels/quiet-fox/endpoints/e1-relay", Value::Null).await.expect(404);
    relay.call("DELETE", "/tunnels/quiet-fox/endpoints/e2-relay", Value::Null).await.expect(204);
    assert_eq!(relay.get("/tunnels/quiet-fox").await.expect(200)["endpoints"], json!([]));
    relay.call("PUT", "/tunnels/quiet-fox/endpoints/e3", body).await.expect(400);
}

#[tokio::test]
async fn sockets_are_advertised_where_the_configuration_says() {
    let relay = Relay::with(|config| {
        config.advertised_url = Some("https://cp.relay.example.com/".parse().unwrap());
        config.domain = Some("relay.example.com".parse().unwrap());
        config.loopback = None;
    })
    .await;
    let made = relay.tunnel("quiet-fox").await;
    assert_eq!(
        made["ports"][0]["portForwardingUris"],
        json!(["https://quiet-fox-3000.relay.example.com/"])
    );
    let body = json!({ "hostId": "h1", "connectionMode": "TunnelRelay" });
    let made = relay.call("PUT", "/tunnels/quiet-fox/endpoints/e1", body).await.expect(200);
    assert_eq!(made["hostRelayUri"], "wss://cp.relay.example.com/v1/host/quiet-fox/e1");
}
