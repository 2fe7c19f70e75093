//! Requests that are odd, broken or hostile; and what happens when the relay is restarted.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{KEY, Relay, add_user, send};

#[tokio::test]
async fn bodies_that_are_not_json_or_too_large_are_refused() {
    let relay = Relay::in_memory().await;
    let owner = format!("Bearer {KEY}");
    let headers = [("authorization", &*owner)];
    let addr = relay.server.addr();
    for body in ["{", "[]", "\"x\"", "{\"ports\": 5}", "\u{0}"] {
        let answer = send(addr, "PUT", "/tunnels/quiet-fox", body.into(), &headers).await;
        answer.expect(400);
    }
    let large = Bytes::from(vec![b' '; 1024 * 1024 + 1]);
    send(addr, "PUT", "/tunnels/quiet-fox", large, &headers).await.expect(413);
    let just_fits = Bytes::from(" ".repeat(1024 * 1024 - 2) + "{}");
    send(addr, "PUT", "/tunnels/quiet-fox", just_fits, &headers).await.expect(201);
}

#[tokio::test]
async fn unknown_paths_and_methods_are_told_apart() {
    let relay = Relay::in_memory().await;
    relay.get("/nothing/here").await.expect(404);
    let answer = relay.call("PATCH", "/tunnels/quiet-fox", json!({})).await;
    assert_eq!(answer.headers["allow"], "GET, PUT, DELETE");
    answer.expect(405);
    relay.get("/v1/client/quiet-fox").await.expect(426);
    let head = relay.call("HEAD", "/clusters", Value::Null).await;
    assert_eq!((head.status.as_u16(), head.body.len()), (200, 0));
}

#[tokio::test]
async fn a_page_of_another_origin_may_ask() {
    let relay = Relay::in_memory().await;
    let headers = [
        ("origin", "https://ide.example"),
        ("access-control-request-method", "PUT"),
        ("access-control-request-headers", "authorization,if-none-match,x-own"),
    ];
    let answer = relay.call_with("OPTIONS", "/tunnels/quiet-fox", Value::Null, &headers).await;
    assert_eq!(answer.headers["access-control-allow-origin"], "*");
    assert_eq!(answer.headers["access-control-allow-headers"], "authorization,if-none-match,x-own");
    assert!(answer.headers["access-control-allow-methods"].to_str().unwrap().contains("PUT"));
    answer.expect(204);
    let refused = relay.call_with("GET", "/tunnels", Value::Null, &headers[..1]).await;
    assert_eq!(refused.headers["access-control-allow-origin"], "*");
    assert_eq!(refused.headers["access-control-expose-headers"], "VsSaaS-Request-Id, X-Served-By");
    refused.expect(401);
}

#[tokio::test]
async fn the_host_header_decides_who_answers() {
    let relay = Relay::with(|config| config.domain = Some("x.org".parse().unwrap())).await;
    for host in ["cp.x.org", "CP.X.ORG:1", "localhost", "127.0.0.1"] {
        let answer = relay.call_with("GET", "/clusters", Value::Null, &[("host", host)]).await;
        answer.expect(200);
    }
    let answer =
        relay.call_with("GET", "/clusters", Value::Null, &[("host", "evil.example")]).await;
    assert_eq!(answer.status, 421);
}

async fn raw(relay: &Relay, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(relay.server.addr()).await.unwrap();
    // The relay may answer and close before it has read everything.
    let _ = stream.write_all(request).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn heads_that_are_broken_or_too_large_are_refused_and_disturb_nobody() {
    let relay = Relay::in_memory().await;
    let huge =
        format!("GET /clusters HTTP/1.1\r\nHost: localhost\r\nX: {}\r\n\r\n", "x".repeat(1 << 20));
    let many = (0..500).map(|n| format!("X-{n}: y\r\n")).collect::<String>();
    let many = format!("GET /clusters HTTP/1.1\r\nHost: localhost\r\n{many}\r\n");
    for (request, status) in [
        (&*huge, "431"),
        (&many, "431"),
        ("nonsense\r\n\r\n", "400"),
        ("GET /clusters HTTP/1.1\r\nConnection: close\r\n\r\n", "400"),
        ("GET /clusters HTTP/1.1\r\nHost: a\u{0}b\r\n\r\n", "400"),
    ] {
        let answer = raw(&relay, request.as_bytes()).await;
        let line = answer.lines().next().unwrap_or_default();
        assert!(line.contains(status), "{line} for {}", &request[..request.len().min(60)]);
    }
    relay.get("/clusters").await.expect(200);
}

#[tokio::test]
async fn a_body_cut_short_changes_nothing() {
    let relay = Relay::in_memory().await;
    let mut stream = TcpStream::connect(relay.server.addr()).await.unwrap();
    let head = format!(
        "PUT /tunnels/quiet-fox HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {KEY}\r\n\
         Content-Length: 100\r\n\r\n{{}}"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest).await;
    relay.get("/tunnels/quiet-fox").await.expect(404);
}

#[tokio::test]
async fn what_was_made_is_there_after_a_restart_and_tokens_still_count() {
    let folder = tempfile::tempdir().unwrap();
    let (ann, _) = add_user(folder.path(), "ann", &[]);
    let headers = [("authorization", &*ann)];
    let relay = Relay::on_disk(folder.path(), "").await;
    let body = json!({ "name": "shop", "ports": [{ "portNumber": 80 }] });
    let path = "/tunnels/quiet-fox?tokenScopes=host";
    let made = relay.call_with("PUT", path, body, &headers).await.expect(201);
    let token = format!("tunnel {}", made["accessTokens"]["host"].as_str().unwrap());
    let endpoint = json!({ "hostId": "h1", "connectionMode": "TunnelRelay" });
    let path = "/tunnels/quiet-fox/endpoints/e1";
    relay.call_with("PUT", path, endpoint, &[("authorization", &token)]).await.expect(200);
    relay.stop().await;

    let relay = Relay::on_disk(folder.path(), "").await;
    let headers = [("authorization", &*token)];
    let path = "/tunnels/shop?includePorts=true";
    let found = relay.call_with("GET", path, Value::Null, &headers).await.expect(200);
    assert_eq!(found["tunnelId"], "quiet-fox");
    assert_eq!(found["ports"][0]["portNumber"], 80);
    assert_eq!(found["endpoints"][0]["id"], "e1");
    assert_eq!(found["created"], made["created"]);
    relay.stop().await;
}

#[tokio::test]
async fn of_many_who_create_one_id_one_succeeds() {
    let folder = tempfile::tempdir().unwrap();
    let (ann, _) = add_user(folder.path(), "ann", &[]);
    let relay = Arc::new(Relay::on_disk(folder.path(), "").await);
    let mut calls = Vec::new();
    for _ in 0..20 {
        let (relay, ann) = (relay.clone(), ann.clone());
        calls.push(adit_wire::task::spawn("create", async move {
            let headers = [("authorization", &*ann), ("if-none-match", "*")];
            relay.call_with("PUT", "/tunnels/quiet-fox", json!({}), &headers).await.status.as_u16()
        }));
    }
    let mut statuses = Vec::new();
    for mut call in calls {
        statuses.push(call.join().await.unwrap());
    }
    statuses.sort_unstable();
    assert_eq!(statuses, [vec![201], vec![409; 19]].concat());
}

#[tokio::test]
async fn two_relays_never_share_a_data_directory() {
    let folder = tempfile::tempdir().unwrap();
    let relay = Relay::on_disk(folder.path(), "").await;
    let config =
        adit_relay::config::Config::parse("listen = '127.0.0.1:0'", folder.path()).unwrap();
    let second = adit_relay::Server::spawn(config).await;
    assert!(matches!(second, Err(adit_relay::server::SpawnError::Running(_))));
    relay.stop().await;
    Relay::on_disk(folder.path(), "").await.stop().await;
}

#[tokio::test]
async fn a_connection_may_come_in_by_any_other_way() {
    let relay = Relay::in_memory().await;
    let (mut near, far) = tokio::io::duplex(4096);
    relay.server.serve_io(far, "192.0.2.1:5".parse().unwrap());
    let request = b"GET /clusters HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    near.write_all(request).await.unwrap();
    let mut answer = String::new();
    near.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}
