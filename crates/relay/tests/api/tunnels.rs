//! Tunnels: made, found, changed, listed, deleted.

use std::collections::BTreeSet;

use adit_relay::config::Limits;
use serde_json::{Value, json};

use crate::support::{KEY, Relay};

const NONE_MATCH: (&str, &str) = ("if-none-match", "*");
const MATCH: (&str, &str) = ("if-match", "*");

fn owner() -> String {
    format!("Bearer {KEY}")
}

#[tokio::test]
async fn a_tunnel_is_made_with_ports_and_tokens_in_one_call() {
    let relay = Relay::in_memory().await;
    let made = relay.tunnel("neat-lake-4k9x2bd").await;
    assert_eq!(made["clusterId"], "loc1");
    assert_eq!(made["tunnelId"], "neat-lake-4k9x2bd");
    assert_eq!(made["endpoints"], json!([]));
    assert_eq!(made["accessControl"], json!({ "entries": [] }));
    assert_eq!(made["ports"][0]["portNumber"], 3000);
    assert_eq!(made["ports"][0]["protocol"], "http");
    let uris = made["ports"][0]["portForwardingUris"].as_array().unwrap();
    let port = relay.server.addr().port();
    assert!(uris.contains(&format!("http://neat-lake-4k9x2bd-3000.localhost:{port}/").into()));
    assert_eq!(made["status"]["portCount"]["current"], 1);
    assert_eq!(made["status"]["hostConnectionCount"]["current"], 0);
    for scope in ["host", "connect", "manage"] {
        assert_eq!(made["accessTokens"][scope].as_str().unwrap().split('.').count(), 3);
    }
    let created: jiff::Timestamp = made["created"].as_str().unwrap().parse().unwrap();
    let expiration: jiff::Timestamp = made["expiration"].as_str().unwrap().parse().unwrap();
    let days = expiration.duration_since(created).as_secs() / 86_400;
    assert!((29..=30).contains(&days));
}

#[tokio::test]
async fn creating_twice_is_a_conflict_under_both_spellings_of_the_condition() {
    let relay = Relay::in_memory().await;
    relay.tunnel("quiet-fox").await;
    for name in ["If-None-Match", "If-Not-Match"] {
        let headers = [("authorization", &*owner()), (name, "*")];
        let again = relay.call_with("PUT", "/tunnels/quiet-fox", json!({}), &headers).await;
        again.expect(409);
    }
    relay.call("PUT", "/tunnels/quiet-fox", json!({})).await.expect(200);
}

#[tokio::test]
async fn updating_needs_the_tunnel_and_creating_needs_its_absence() {
    let relay = Relay::in_memory().await;
    let authorization = ("authorization", &*owner());
    let put = async |headers: &[(&str, &str)]| {
        relay.call_with("PUT", "/tunnels/quiet-fox", json!({}), headers).await
    };
    put(&[authorization, MATCH]).await.expect(404);
    put(&[authorization, MATCH, NONE_MATCH]).await.expect(412);
    put(&[authorization, ("if-match", "\"1\"")]).await.expect(412);
    put(&[authorization, NONE_MATCH]).await.expect(201);
    put(&[authorization, MATCH]).await.expect(200);
}

#[tokio::test]
async fn an_update_changes_what_it_names_and_clears_what_it_empties() {
    let relay = Relay::in_memory().await;
    let body = json!({
        "name": "shop", "description": "d", "labels": ["a", "b"], "customExpiration": 7200,
        "options": { "hostHeader": "x.test" }, "domain": "example.com",
        "accessControl": { "entries": [{ "type": "Anonymous", "scopes": ["connect"] }] },
        "ports": [{ "portNumber": 80, "name": "web" }, { "portNumber": 81 }],
        "status": null, "accessTokens": null, "endpoints": null
    });
    relay.call("PUT", "/tunnels/quiet-fox", body).await.expect(201);
    let changed = json!({ "description": "new", "labels": [] });
    relay.call("PUT", "/tunnels/quiet-fox", changed).await.expect(200);
    let found = relay.get("/tunnels/quiet-fox?includePorts=True").await.expect(200);
    assert_eq!(found["name"], "shop");
    assert_eq!(found["description"], "new");
    assert_eq!(found["labels"], Value::Null);
    assert_eq!(found["customExpiration"], 7200);
    assert_eq!(found["options"]["hostHeader"], "x.test");
    assert_eq!(found["accessControl"]["entries"][0]["type"], "Anonymous");
    assert_eq!(found["ports"].as_array().unwrap().len(), 2);

    let ports = json!({ "ports": [{ "portNumber": 80, "protocol": "https" }], "name": "" });
    relay.call("PUT", "/tunnels/quiet-fox", ports).await.expect(200);
    let found = relay.get("/tunnels/quiet-fox?includePorts=true").await.expect(200);
    assert_eq!(found["name"], Value::Null);
    assert_eq!(found["ports"].as_array().unwrap().len(), 1);
    assert_eq!(found["ports"][0]["name"], "web");
    assert_eq!(found["ports"][0]["protocol"], "https");
}

#[tokio::test]
async fn ports_are_shown_when_asked_for_only() {
    let relay = Relay::in_memory().await;
    relay.tunnel("quiet-fox").await;
    assert_eq!(relay.get("/tunnels/quiet-fox").await.expect(200)["ports"], Value::Null);
}

#[tokio::test]
async fn a_tunnel_is_found_by_id_by_name_and_with_cluster_or_domain() {
    let relay = Relay::in_memory().await;
    let body = json!({ "name": "shop", "domain": "example.com" });
    relay.call("PUT", "/tunnels/quiet-fox", body).await.expect(201);
    for path in ["quiet-fox", "shop", "quiet-fox.loc1", "shop.example.com", "%71uiet-fox"] {
        let found = relay.get(&format!("/tunnels/{path}")).await.expect(200);
        assert_eq!(found["tunnelId"], "quiet-fox", "{path}");
    }
    relay.get("/tunnels/quiet-fox.loc2").await.expect(404);
    relay.get("/tunnels/unknown").await.expect(404);
}

#[tokio::test]
async fn names_are_unique_and_move_by_force_only() {
    let relay = Relay::in_memory().await;
    let named = json!({ "name": "shop" });
    relay.call("PUT", "/tunnels/first", named.clone()).await.expect(201);
    relay.call("PUT", "/tunnels/second", named.clone()).await.expect(409);
    relay.get("/tunnels/second").await.expect(404);
    relay.call("PUT", "/tunnels/second?forceRename=true", named).await.expect(201);
    assert_eq!(relay.get("/tunnels/shop").await.expect(200)["tunnelId"], "second");
    assert_eq!(relay.get("/tunnels/first").await.expect(200)["name"], Value::Null);
}

#[tokio::test]
async fn ids_and_names_never_stand_for_two_tunnels() {
    let relay = Relay::in_memory().await;
    relay.call("PUT", "/tunnels/first", json!({ "name": "shop" })).await.expect(201);
    let conflict = relay.call("PUT", "/tunnels/shop", json!({ "tunnelId": "shop" })).await;
    assert!(!conflict.expect(409).to_string().contains("first"));
    let headers = [("authorization", &*owner()), MATCH];
    let renamed = json!({ "description": "by name" });
    let update = relay.call_with("PUT", "/tunnels/shop", renamed, &headers).await.expect(200);
    assert_eq!(update["tunnelId"], "first");
    relay.call("PUT", "/tunnels/second", json!({ "name": "first" })).await.expect(409);
}

#[tokio::test]
async fn whether_a_name_is_free_is_told_to_anybody() {
    let relay = Relay::in_memory().await;
    relay.call("PUT", "/tunnels/first", json!({ "name": "shop" })).await.expect(201);
    for (name, free) in [("shop", false), ("first", false), ("other", true), ("cp", false)] {
        for path in [
            format!("/tunnels/{name}:checkNameAvailability?api-version=2023-09-27-preview"),
            format!("/tunnels/{name}/:checkNameAvailability"),
        ] {
            let answer = relay.call_with("GET", &path, Value::Null, &[]).await.expect(200);
            assert_eq!(answer, free, "{path}");
        }
    }
}

#[tokio::test]
async fn a_list_is_by_region_and_filtered_by_labels() {
    let relay = Relay::in_memory().await;
    for (id, labels) in
        [("one-1", json!(["a", "b"])), ("two-2", json!(["b"])), ("three-3", json!([]))]
    {
        let body = json!({ "labels": labels, "ports": [{ "portNumber": 80 }] });
        relay.call("PUT", &format!("/tunnels/{id}"), body).await.expect(201);
    }
    let list = async |query: &str| {
        let list = relay.get(&format!("/tunnels?{query}")).await.expect(200);
        let region = list["value"][0].clone();
        assert_eq!(region["clusterId"], "loc1");
        region["value"].as_array().unwrap().clone()
    };
    let ids = async |query: &str| {
        let tunnels = list(query).await;
        tunnels
            .iter()
            .map(|it| it["tunnelId"].as_str().unwrap().to_owned())
            .collect::<BTreeSet<_>>()
    };
    let set = |ids: &[&str]| ids.iter().map(ToString::to_string).collect::<BTreeSet<_>>();
    assert_eq!(ids("global=true").await, set(&["one-1", "two-2", "three-3"]));
    assert_eq!(ids("labels=a,b").await, set(&["one-1", "two-2"]));
    assert_eq!(ids("labels=a%2Cb&allLabels=True").await, set(&["one-1"]));
    assert_eq!(ids("labels=b&labels=a&allLabels=true").await, set(&["one-1"]));
    assert_eq!(ids("limit=2").await.len(), 2);
    assert_eq!(ids("domain=other.example").await, set(&[]));
    let full = list("labels=a&includePorts=true&includeAccessControl=true&tokenScopes=host").await;
    assert_eq!(full[0]["ports"][0]["portNumber"], 80);
    assert_eq!(full[0]["accessControl"]["entries"], json!([]));
    assert!(full[0]["accessTokens"]["host"].is_string());
    let bare = list("labels=a").await;
    assert_eq!(bare[0]["accessControl"], Value::Null);
    assert_eq!(bare[0]["ports"], Value::Null);
}

#[tokio::test]
async fn a_deleted_tunnel_is_gone_and_its_tokens_are_void_for_the_next_of_its_id() {
    let relay = Relay::in_memory().await;
    let made = relay.tunnel("quiet-fox").await;
    let token = format!("tunnel {}", made["accessTokens"]["manage"].as_str().unwrap());
    relay.call("DELETE", "/tunnels/quiet-fox", Value::Null).await.expect(204);
    relay.call("DELETE", "/tunnels/quiet-fox", Value::Null).await.expect(404);
    relay.get("/tunnels/quiet-fox").await.expect(404);
    relay.tunnel("quiet-fox").await;
    let headers = [("authorization", &*token)];
    relay.call_with("GET", "/tunnels/quiet-fox", Value::Null, &headers).await.expect(401);
}

#[tokio::test]
async fn members_that_are_not_allowed_are_named() {
    let relay = Relay::in_memory().await;
    for (body, member) in [
        (json!({ "name": "UPPER" }), "name"),
        (json!({ "labels": ["a b"] }), "labels[0]"),
        (json!({ "customExpiration": 60 }), "customExpiration"),
        (json!({ "ports": [{ "portNumber": 80 }, { "portNumber": 80 }] }), "ports[1].portNumber"),
        (json!({ "tunnelId": "another-one" }), "tunnelId"),
        (
            json!({ "accessControl": { "entries": [{ "type": "Anonymous", "scopes": ["x"] }] } }),
            "accessControl.entries[0].scopes[0]",
        ),
    ] {
        let problem = relay.call("PUT", "/tunnels/quiet-fox", body).await.expect(400);
        assert!(problem["errors"][member][0].is_string(), "{member}: {problem}");
    }
    relay.call("PUT", "/tunnels/UPPER", json!({})).await.expect(400);
    relay.call("PUT", "/tunnels/cp", json!({})).await.expect(400);
    relay.call("PUT", "/tunnels/bcdfghjk", json!({})).await.expect(400);
    relay.call("PUT", "/tunnels/quiet-fox?tokenScopes=create", json!({})).await.expect(400);
    relay.get("/tunnels/quiet-fox").await.expect(404);
}

#[tokio::test]
async fn limits_are_told_and_change_nothing() {
    let limits = Limits { ports_per_tunnel: 2, tunnels_per_user: 1, ..Limits::default() };
    let relay = Relay::with(|config| config.limits = limits).await;
    relay.tunnel("quiet-fox").await;
    relay.call("PUT", "/tunnels/another-1", json!({})).await.expect(403);
    relay.call("PUT", "/tunnels/quiet-fox/ports/1", json!({})).await.expect(201);
    relay.call("PUT", "/tunnels/quiet-fox/ports/2", json!({})).await.expect(403);
    let ports = json!({ "ports": [{ "portNumber": 1 }, { "portNumber": 2 }, { "portNumber": 3 }] });
    relay.call("PUT", "/tunnels/quiet-fox", ports).await.expect(403);
    let found = relay.get("/tunnels/quiet-fox/ports").await.expect(200);
    assert_eq!(found["value"].as_array().unwrap().len(), 2);
}
