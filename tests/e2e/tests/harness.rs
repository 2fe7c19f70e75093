//! What the tests lean on, leaned on alone: the local web server, the websocket client, the browser.

use adit_e2e::browser;
use adit_e2e::peer::{Peer, Role};
use serde_json::json;

async fn web() -> (Peer, u64) {
    let mut web = Peer::start(Role::Web);
    let port = web.ask("listen", json!({})).await.unwrap()["port"].as_u64().unwrap();
    (web, port)
}

#[tokio::test]
async fn a_browser_shows_the_page_of_the_local_server() {
    let (mut web, port) = web().await;
    let page = browser::open(&format!("http://127.0.0.1:{port}/")).await;
    assert!(page.contains("<h1>It works</h1>"), "{page}");
    web.event("request", |request| request["url"] == "/").await;
    let page = browser::open(&format!("http://made-up-name.localhost:{port}/")).await;
    assert!(page.contains("<h1>It works</h1>"), "{page}");
}

#[tokio::test]
async fn a_websocket_echoes() {
    let (_web, port) = web().await;
    let mut socket = Peer::start(Role::Socket);
    let dial = json!({"url": format!("ws://127.0.0.1:{port}/any"), "protocol": "chat"});
    assert_eq!(socket.ask("dial", dial).await.unwrap()["protocol"], "chat");
    socket.ask("send", json!({"text": "hello"})).await.unwrap();
    socket.event("message", |message| message["text"] == "hello").await;
    socket.ask("hangup", json!({})).await.unwrap();
    socket.event("closed", |_| true).await;
}

#[tokio::test]
async fn a_peer_that_dies_is_noticed_and_named() {
    let mut peer = Peer::start(Role::Manage);
    let refusal = peer.ask("no such thing", json!({})).await.unwrap_err();
    assert_eq!(refusal.message, "no such command: no such thing");
    peer.end().await;
}
