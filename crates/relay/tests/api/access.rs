//! Who may call what.

use adit_relay::auth::{Signer, Token};
use adit_relay::config::Storage;
use adit_relay::directory::Change;
use serde_json::{Value, json};

use crate::support::{Relay, add_user};

async fn call(relay: &Relay, who: &str, method: &str, path: &str, body: Value) -> u16 {
    let headers: &[_] = if who.is_empty() { &[] } else { &[("authorization", who)] };
    let answer = relay.call_with(method, path, body, headers).await;
    if answer.status == 401 {
        assert!(answer.headers.contains_key("www-authenticate"));
    }
    let status = answer.status.as_u16();
    answer.expect(status);
    status
}

fn token(tunnel: &Value, scope: &str) -> String {
    format!("tunnel {}", tunnel["accessTokens"][scope].as_str().unwrap())
}

#[tokio::test]
async fn nothing_is_done_without_credentials_and_nothing_with_wrong_ones() {
    let relay = Relay::in_memory().await;
    relay.tunnel("quiet-fox").await;
    for who in ["", "Bearer adit_wrong", "tunnel a.b.c", "Basic YTpi", "tunnel"] {
        for (method, path) in [
            ("GET", "/tunnels"),
            ("GET", "/tunnels/quiet-fox"),
            ("PUT", "/tunnels/quiet-fox"),
            ("PUT", "/tunnels/new-one"),
            ("DELETE", "/tunnels/quiet-fox"),
            ("GET", "/tunnels/quiet-fox/ports"),
            ("GET", "/tunnels/quiet-fox/ports/3000"),
            ("PUT", "/tunnels/quiet-fox/ports/80"),
            ("DELETE", "/tunnels/quiet-fox/ports/3000"),
            ("DELETE", "/tunnels/quiet-fox/endpoints/e1"),
            ("GET", "/userlimits"),
        ] {
            assert_eq!(call(&relay, who, method, path, json!({})).await, 401, "{who} {path}");
        }
    }
    relay.get("/tunnels/quiet-fox/ports/3000").await.expect(200);
}

#[tokio::test]
async fn each_scope_lets_its_holder_do_its_own_and_nothing_else() {
    let relay = Relay::in_memory().await;
    relay.tunnel("quiet-fox").await;
    relay.tunnel("other-fox").await;
    let scopes = "/tunnels/quiet-fox?tokenScopes=manage,manage:ports,host,connect";
    let tunnel = relay.get(scopes).await.expect(200);
    let endpoint = json!({ "hostId": "h", "connectionMode": "TunnelRelay" });
    let open = json!({ "accessControl": { "entries": [
        { "type": "Anonymous", "scopes": ["connect"] }] } });
    // read, update, port, port's access list, endpoint
    for (scope, expected) in [
        ("manage", [200, 200, 200, 200, 403]),
        ("manage:ports", [200, 403, 200, 403, 403]),
        ("host", [200, 403, 200, 403, 200]),
        ("connect", [200, 403, 403, 403, 403]),
    ] {
        let who = token(&tunnel, scope);
        let port = "/tunnels/quiet-fox/ports/3000";
        let close = json!({ "accessControl": { "entries": [] } });
        relay.call("PUT", port, close).await.expect(200);
        let found = [
            call(&relay, &who, "GET", "/tunnels/quiet-fox", Value::Null).await,
            call(&relay, &who, "PUT", "/tunnels/quiet-fox", json!({ "description": "x" })).await,
            call(&relay, &who, "PUT", port, json!({ "description": "x" })).await,
            call(&relay, &who, "PUT", port, open.clone()).await,
            call(&relay, &who, "PUT", "/tunnels/quiet-fox/endpoints/e", endpoint.clone()).await,
        ];
        assert_eq!(found, expected, "{scope}");
        assert_eq!(call(&relay, &who, "GET", "/tunnels/other-fox", Value::Null).await, 403);
        assert_eq!(call(&relay, &who, "GET", "/tunnels", Value::Null).await, 403);
        assert_eq!(call(&relay, &who, "PUT", "/tunnels/new-one", json!({})).await, 403);
        let more = "/tunnels/quiet-fox?tokenScopes=inspect";
        assert_eq!(call(&relay, &who, "GET", more, Value::Null).await, 403);
    }
}

#[tokio::test]
async fn a_token_that_may_not_be_given_leaves_the_tunnel_unchanged() {
    let relay = Relay::in_memory().await;
    let tunnel = relay.tunnel("quiet-fox").await;
    let who = token(&tunnel, "manage");
    let path = "/tunnels/quiet-fox?tokenScopes=host";
    let body = json!({ "description": "x" });
    assert_eq!(call(&relay, &who, "PUT", path, body).await, 403);
    assert_eq!(relay.get("/tunnels/quiet-fox").await.expect(200)["description"], Value::Null);
}

#[tokio::test]
async fn one_user_s_tunnels_are_nobody_else_s_unless_shared() {
    let folder = tempfile::tempdir().unwrap();
    let (ann, _) = add_user(folder.path(), "ann", &[]);
    let (bob, bob_id) = add_user(folder.path(), "bob", &["team"]);
    let relay = Relay::on_disk(folder.path(), "").await;
    let path = "/tunnels/quiet-fox";
    assert_eq!(call(&relay, &ann, "PUT", path, json!({ "name": "shop" })).await, 201);
    assert_eq!(call(&relay, &bob, "GET", path, Value::Null).await, 403);
    assert_eq!(call(&relay, &bob, "DELETE", path, Value::Null).await, 403);
    // Who meant to make a tunnel hears that the id is taken, and tries another.
    assert_eq!(call(&relay, &bob, "PUT", path, json!({})).await, 409);
    let force = "/tunnels/other-fox?forceRename=true";
    assert_eq!(call(&relay, &bob, "PUT", force, json!({ "name": "shop" })).await, 409);
    let update = [("authorization", &*bob), ("if-match", "*")];
    relay.call_with("PUT", path, json!({}), &update).await.expect(403);

    for (kind, subject) in [("Users", &*bob_id), ("Groups", "team")] {
        let list = async |query: &str| {
            let headers = [("authorization", &*bob)];
            let path = format!("/tunnels{query}");
            let list = relay.call_with("GET", &path, Value::Null, &headers).await;
            list.expect(200)["value"][0]["value"].as_array().unwrap().len()
        };
        let entry = json!({ "type": kind, "subjects": [subject], "scopes": ["connect"] });
        let body = json!({ "accessControl": { "entries": [entry] } });
        assert_eq!(call(&relay, &ann, "PUT", path, body).await, 200);
        assert_eq!(call(&relay, &bob, "GET", path, Value::Null).await, 200, "{kind}");
        assert_eq!(call(&relay, &bob, "PUT", path, json!({})).await, 409);
        assert_eq!((list("").await, list("?ownedTunnelsOnly=True").await), (1, 0));
    }
    relay.stop().await;
}

#[tokio::test]
async fn an_anonymous_tunnel_shows_itself_to_strangers_but_not_its_access_list() {
    let relay = Relay::in_memory().await;
    relay.tunnel("quiet-fox").await;
    let entry = json!({ "entries": [{ "type": "Anonymous", "scopes": ["connect"] }] });
    relay.call("PUT", "/tunnels/quiet-fox/ports/80", json!({ "accessControl": entry })).await;
    let path = "/tunnels/quiet-fox?includePorts=true";
    let seen = relay.call_with("GET", path, Value::Null, &[]).await.expect(200);
    assert_eq!(seen["accessControl"], Value::Null);
    let ports = seen["ports"].as_array().unwrap();
    assert_eq!((ports.len(), &ports[0]["portNumber"]), (1, &json!(80)));
    let hidden = "/tunnels/quiet-fox/ports/3000";
    assert_eq!(call(&relay, "", "GET", hidden, Value::Null).await, 404);
    assert_eq!(call(&relay, "", "PUT", "/tunnels/quiet-fox/ports/80", json!({})).await, 401);
}

#[tokio::test]
async fn a_revoked_user_is_out_within_moments_and_a_new_one_is_in_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let (ann, _) = add_user(folder.path(), "ann", &[]);
    let relay = Relay::on_disk(folder.path(), "").await;
    let mut changes = relay.server.directory().changes();
    let headers = [("authorization", &*ann)];
    let path = "/tunnels/quiet-fox?tokenScopes=manage";
    let made = relay.call_with("PUT", path, json!({}), &headers).await.expect(201);
    let holder = token(&made, "manage");
    let now = adit_wire::clock::wall();
    adit_relay::auth::users::revoke(folder.path(), "ann", now).unwrap();
    while changes.recv().await.unwrap() != Change::Users {}
    assert_eq!(call(&relay, &ann, "GET", "/tunnels", Value::Null).await, 401);
    assert_eq!(call(&relay, &holder, "GET", "/tunnels/quiet-fox", Value::Null).await, 401);
    let (again, _) = add_user(folder.path(), "ann", &[]);
    assert_eq!(call(&relay, &again, "GET", "/tunnels/quiet-fox", Value::Null).await, 200);
    assert_eq!(call(&relay, &holder, "GET", "/tunnels/quiet-fox", Value::Null).await, 401);
    relay.stop().await;
}

#[tokio::test]
async fn a_token_that_has_expired_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let relay = Relay::on_disk(folder.path(), "").await;
    let signer = Signer::load(&folder.path().join("token-key.p8"), "loc1".parse().unwrap());
    let second = |second| jiff::Timestamp::from_second(second).unwrap();
    let expired = Token {
        tunnel: "quiet-fox".parse().unwrap(),
        ports: Vec::new(),
        scopes: "host".parse().unwrap(),
        user: None,
        issued: second(1),
        expires: second(2),
    };
    let text = signer.unwrap().mint(&expired).unwrap();
    let headers = [("authorization", &*format!("tunnel {}", text.expose()))];
    let refused = relay.call_with("GET", "/tunnels/quiet-fox", Value::Null, &headers).await;
    let problem = refused.expect(401);
    assert_eq!(problem["detail"], "The access token has expired.");
    relay.stop().await;
}

#[tokio::test]
async fn an_embedded_relay_keeps_its_owner_s_tunnels_and_tokens() {
    let folder = tempfile::tempdir().unwrap();
    let storage = Storage::Directory(folder.path().join("embedded"));
    let mut made = Value::Null;
    for round in 0..2 {
        let relay = Relay::with(|config| config.storage = storage.clone()).await;
        match round {
            0 => made = relay.tunnel("quiet-fox").await,
            _ => {
                let who = token(&made, "host");
                let path = "/tunnels/quiet-fox";
                assert_eq!(call(&relay, &who, "GET", path, Value::Null).await, 200);
            }
        }
        relay.stop().await;
    }
}
