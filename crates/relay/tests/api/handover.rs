//! One process takes over from another: here two relays in one process, on one data directory.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use adit_proto::relay::{ClientEvent, Ending, HostEvent};
use adit_relay::Server;
use adit_relay::auth::users;
use adit_relay::handover::{self, Error as NotHandedOver};
use adit_relay::server::SpawnError;
use adit_wire::handshake::Error;
use adit_wire::pump::Event;
use adit_wire::{clock, task};
use bytes::Bytes;
use http::HeaderMap;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpStream, UnixStream};

use crate::peers::*;
use crate::support::{Relay, add_user, on_disk};

/// A relay with a user, on a data directory.
async fn scene() -> (TempDir, Relay) {
    let folder = tempfile::tempdir().unwrap();
    let (authorization, _) = add_user(folder.path(), "ann", &[]);
    let relay = Relay { authorization, ..Relay::on_disk(folder.path(), "").await };
    (folder, relay)
}

/// The relay that takes the place of `old`, which is left with what it has.
async fn successor(folder: &TempDir, old: &mut Relay) -> Relay {
    let config = on_disk(folder.path(), "");
    let (taker, server) = tokio::join!(old.server.handed_over(), Server::take_over(config));
    let server = server.unwrap();
    assert_eq!(taker.pid, std::process::id());
    assert_eq!(server.predecessor(), Some(&taker), "both are of this process");
    Relay { server, authorization: old.authorization.clone() }
}

/// Lets anybody open the tunnel.
async fn open_to_all(relay: &Relay) {
    let entry = json!({ "type": "Anonymous", "scopes": ["connect"] });
    let body = json!({ "accessControl": { "entries": [entry] } });
    relay.call("PUT", &format!("/tunnels/{ID}"), body).await.expect(200);
}

/// A connection that has said nothing yet.
async fn connection(relay: &Relay) -> Caller {
    Caller(BufReader::new(TcpStream::connect(relay.server.addr()).await.unwrap()))
}

struct Caller(BufReader<TcpStream>);

impl Caller {
    async fn ask(&mut self, head: &str) {
        self.0.write_all(head.as_bytes()).await.unwrap();
    }

    /// The head of the next answer, in small letters, and its body.
    async fn answer(&mut self) -> (String, String) {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert_ne!(self.0.read_line(&mut head).await.unwrap(), 0, "it ended: {head}");
        }
        let head = head.to_ascii_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
        self.0.read_exact(&mut body).await.unwrap();
        (head, String::from_utf8(body).unwrap())
    }

    async fn end(&mut self) {
        assert_eq!(self.0.read(&mut [0; 1]).await.unwrap(), 0);
    }
}

/// The text of a request to the API.
fn request(relay: &Relay, method: &str, path: &str, body: &str) -> String {
    let (addr, authorization, length) = (relay.server.addr(), &relay.authorization, body.len());
    format!(
        "{method} {path} HTTP/1.1\r\nhost: {addr}\r\nauthorization: {authorization}\r\n\
         content-length: {length}\r\n\r\n{body}"
    )
}

/// The text of a visitor's request.
fn visit() -> String {
    format!("GET / HTTP/1.1\r\nhost: {ID}-3000.localhost\r\n\r\n")
}

/// Serves one visitor of the edge.
async fn serve(host: &mut Peer<adit_proto::relay::HostCommand, HostEvent>, text: &str) {
    let Event::Incoming(_, incoming) = host.next().await else { panic!("no visitor") };
    let mut channel = incoming.accept(false).await;
    assert!(channel.recv().await.unwrap().starts_with(b"GET / HTTP/1.1\r\n"));
    let response = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{text}", text.len());
    channel.send(Bytes::from(response)).await.unwrap();
}

#[tokio::test]
async fn hosts_and_clients_move_and_what_is_in_flight_is_finished() {
    let (folder, mut old) = scene().await;
    let tunnel = tunnel(&old).await;
    let mut old_host = serving(&old, &tunnel.host_uri, &tunnel.host, None).await;
    let mut old_client = client(&old, &tunnel.client_uri, &tunnel.connect).await;
    assert_eq!(old_client.told().await, ClientEvent::PortAdded { port: 3000 });
    let open = old_client.handle.open(connect());
    let accept = async {
        match old_host.next().await {
            Event::Incoming(_, incoming) => incoming.accept(false).await,
            other => panic!("{other:?}"),
        }
    };
    let (opened, mut far) = tokio::join!(open, accept);
    let mut near = opened.unwrap().channel;

    let new = successor(&folder, &mut old).await;
    assert_eq!(new.server.addr(), old.server.addr());
    assert_eq!(new.server.admin_addr(), old.server.admin_addr());
    assert_eq!(old_host.told().await, HostEvent::Drain);
    assert_eq!(old_client.told().await, ClientEvent::Drain);
    talk(&mut old_host, &old_client).await;

    let epoch = old_host.headers["adit-epoch"].clone();
    let mut host = serving(&new, &tunnel.host_uri, &tunnel.host, Some(&epoch)).await;
    let number =
        |headers: &HeaderMap| -> u64 { headers["adit-epoch"].to_str().unwrap().parse().unwrap() };
    assert!(number(&host.headers) > number(&old_host.headers));
    let mut client = client(&new, &tunnel.client_uri, &tunnel.connect).await;
    assert_eq!(client.told().await, ClientEvent::PortAdded { port: 3000 });
    talk(&mut host, &client).await;

    let blink = Duration::from_millis(200);
    assert!(!old.server.finish(blink).await, "a stream is in flight");
    near.send(Bytes::from_static(b"still here")).await.unwrap();
    assert_eq!(far.recv().await.as_deref(), Some(&b"still here"[..]));
    drop((near, far, old_client));
    assert!(old.server.finish(PATIENCE).await);
    old.stop().await;
    assert!(matches!(old_host.ending().await, Ending::Lost(_)), "the last to go");
    talk(&mut host, &client).await;
}

#[tokio::test]
async fn visitors_wait_for_their_host_in_the_new_process_and_lose_nothing_in_the_old_one() {
    let (folder, mut old) = scene().await;
    let tunnel = tunnel(&old).await;
    open_to_all(&old).await;
    let mut old_host = serving(&old, &tunnel.host_uri, &tunnel.host, None).await;
    let mut kept = connection(&old).await;
    kept.ask(&visit()).await;
    serve(&mut old_host, "before").await;
    assert_eq!(kept.answer().await.1, "before");
    let mut fresh = connection(&old).await;

    let new = successor(&folder, &mut old).await;
    assert_eq!(old_host.told().await, HostEvent::Drain);
    let mut early = connection(&new).await;
    early.ask(&visit()).await;
    for caller in [&mut kept, &mut fresh] {
        caller.ask(&visit()).await;
        serve(&mut old_host, "by the old one").await;
        let (head, body) = caller.answer().await;
        assert_eq!(body, "by the old one");
        assert!(head.contains("\r\nconnection: close\r\n"), "{head}");
        caller.end().await;
    }
    let mut host = serving(&new, &tunnel.host_uri, &tunnel.host, None).await;
    serve(&mut host, "by the new one").await;
    let (head, body) = early.answer().await;
    assert_eq!(body, "by the new one");
    assert!(!head.contains("\r\nconnection:"), "{head}");
    assert!(old.server.finish(PATIENCE).await);
}

#[tokio::test]
async fn those_who_call_the_old_process_are_sent_to_the_new_one() {
    let (folder, mut old) = scene().await;
    let tunnel = tunnel(&old).await;
    let mut idle = connection(&old).await;
    idle.ask(&request(&old, "GET", "/tunnels", "")).await;
    assert!(idle.answer().await.0.starts_with("http/1.1 200"));
    let admin = old.server.admin_addr().unwrap();
    let mut operator = Caller(BufReader::new(TcpStream::connect(admin).await.unwrap()));
    operator.ask("GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert!(operator.answer().await.0.starts_with("http/1.1 200"));
    let (mut reads, mut writes) = (connection(&old).await, connection(&old).await);
    let mut upgrades = connection(&old).await;

    let new = successor(&folder, &mut old).await;
    tokio::join!(idle.end(), operator.end());
    let description = json!({ "description": "new" }).to_string();
    writes.ask(&request(&old, "PUT", &format!("/tunnels/{ID}"), &description)).await;
    let (head, body) = writes.answer().await;
    assert!(head.starts_with("http/1.1 503"), "{head}");
    assert!(head.contains("\r\nretry-after: 1\r\n"), "{head}");
    assert!(body.contains("Nothing was changed"), "{body}");
    reads.ask(&request(&old, "GET", &format!("/tunnels/{ID}"), "")).await;
    assert!(reads.answer().await.0.starts_with("http/1.1 200"));
    let path = tunnel.host_uri.split_once("/v1/").unwrap().1;
    let upgrade = format!(
        "GET /v1/{path} HTTP/1.1\r\nhost: {}\r\nauthorization: tunnel {}\r\nconnection: upgrade\r\n\
         upgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-protocol: {HOST}\r\n\
         sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
        old.server.addr(),
        tunnel.host
    );
    upgrades.ask(&upgrade).await;
    assert!(upgrades.answer().await.0.starts_with("http/1.1 503"));
    tokio::join!(writes.end(), reads.end(), upgrades.end());

    let shown = new.get(&format!("/tunnels/{ID}")).await.expect(200);
    assert_eq!(shown["description"], Value::Null);
    new.call("PUT", &format!("/tunnels/{ID}"), json!({ "description": "new" })).await.expect(200);
    assert!(old.server.finish(PATIENCE).await);
}

#[tokio::test]
async fn what_is_revoked_in_the_new_process_ends_in_the_old_one() {
    let (folder, mut old) = scene().await;
    let tunnel = tunnel(&old).await;
    let mut host = serving(&old, &tunnel.host_uri, &tunnel.host, None).await;
    let new = successor(&folder, &mut old).await;
    assert_eq!(host.told().await, HostEvent::Drain);
    new.call("DELETE", &format!("/tunnels/{ID}"), Value::Null).await.expect(204);
    assert!(matches!(host.ending().await, Ending::Lost(_)));
    drop(host);

    let mut gone = scene().await;
    let tunnel = self::tunnel(&gone.1).await;
    let mut host = serving(&gone.1, &tunnel.host_uri, &tunnel.host, None).await;
    let _new = successor(&gone.0, &mut gone.1).await;
    users::revoke(gone.0.path(), "ann", clock::wall()).unwrap();
    assert_eq!(host.told().await, HostEvent::Drain);
    assert!(matches!(host.ending().await, Ending::Lost(_)));
}

/// Does `meanwhile` while the relay may be asked to hand over, which it must not.
async fn while_offered<T>(relay: &mut Relay, meanwhile: impl Future<Output = T>) -> T {
    tokio::select! {
        taker = relay.server.handed_over() => panic!("handed over to {taker:?}"),
        done = meanwhile => done,
    }
}

#[tokio::test]
async fn a_taker_that_breaks_off_is_as_if_it_had_never_been() {
    let (folder, mut old) = scene().await;
    let tunnel = tunnel(&old).await;
    let mut host = serving(&old, &tunnel.host_uri, &tunnel.host, None).await;
    let (addr, authorization) = (old.server.addr(), old.authorization.clone());
    let path = format!("/tunnels/{ID}");
    let call = |body: &str| {
        let (body, path) = (Bytes::copy_from_slice(body.as_bytes()), path.clone());
        let authorization = authorization.clone();
        task::spawn("call", async move {
            let headers = [("authorization", &*authorization)];
            crate::support::send(addr, "PUT", &path, body, &headers).await.status
        })
    };
    // One whose first request is on its way when the hand-over begins.
    let mut waiting = Caller(BufReader::new(TcpStream::connect(addr).await.unwrap()));
    let change = request(&old, "PUT", &path, &json!({ "description": "one" }).to_string());
    let story = async {
        let taken = handover::ask(folder.path()).await.unwrap().take().await.unwrap();
        waiting.ask(&change).await;
        let outside = call(&json!({ "labels": ["two"] }).to_string());
        let blink = clock::now() + Duration::from_millis(200);
        assert!(clock::until(blink, waiting.answer()).await.is_err(), "it waits");
        assert!(!outside.is_finished(), "it waits to be accepted");
        drop(taken);
        outside
    };
    let mut outside = while_offered(&mut old, story).await;
    let after = async {
        assert!(waiting.answer().await.0.starts_with("http/1.1 200"));
        assert_eq!(outside.join().await.unwrap(), 200);
    };
    while_offered(&mut old, after).await;
    let client = client(&old, &tunnel.client_uri, &tunnel.connect).await;
    talk(&mut host, &client).await;

    let new = successor(&folder, &mut old).await;
    let shown = new.get(&path).await.expect(200);
    assert_eq!((&shown["description"], &shown["labels"]), (&json!("one"), &json!(["two"])));
    assert_eq!(host.told().await, HostEvent::Drain);
}

#[tokio::test]
async fn what_the_new_process_cannot_use_is_found_before_it_asks() {
    let (folder, mut old) = scene().await;
    let path = folder.path();
    let no_tls = format!("tls = {{ cert = '{0}/no.pem', key = '{0}/no.pem' }}", path.display());
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let elsewhere = format!("listen = '{}'\n", taken.local_addr().unwrap());
    let story = async {
        let error = Server::take_over(on_disk(path, &no_tls)).await.unwrap_err();
        assert!(matches!(error, SpawnError::Tls(_)), "{error}");
        let config = adit_relay::config::Config::parse(&elsewhere, path).unwrap();
        let error = Server::take_over(config).await.unwrap_err();
        assert!(matches!(error, SpawnError::Bind(_)), "{error}");
        let error = Server::spawn(on_disk(path, "")).await.unwrap_err();
        assert!(matches!(error, SpawnError::Running(_)), "not without being told: {error}");
    };
    while_offered(&mut old, story).await;
    old.get("/tunnels").await.expect(200);
}

#[tokio::test]
async fn who_speaks_another_language_is_told_so_and_stops_nobody() {
    let (folder, mut old) = scene().await;
    let socket = folder.path().join("relay.sock");
    let ask = async |text: &str| {
        let mut stream = UnixStream::connect(&socket).await.unwrap();
        stream.write_all(text.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    };
    let story = async {
        let answer = ask("{\"v\":2,\"say\":\"hello\",\"greeting\":\"to all\"}\n").await;
        let answer: Value = serde_json::from_str(&answer).unwrap();
        assert_eq!((&answer["v"], &answer["say"]), (&json!(1), &json!("no")));
        assert!(answer["why"].as_str().unwrap().contains("version 2"), "{answer}");
        assert!(ask("GET / HTTP/1.1\r\n").await.contains("\"no\""));
        assert_eq!(ask("{\"v\":1,\"say\":\"take\"}\n").await, "", "without a greeting");
        drop(UnixStream::connect(&socket).await.unwrap());
    };
    while_offered(&mut old, story).await;
    let mode = std::os::unix::fs::PermissionsExt::mode(&socket.metadata().unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    successor(&folder, &mut old).await;
}

#[tokio::test]
async fn a_relay_that_does_not_hand_over_is_left_alone() {
    let (folder, old) = scene().await;
    std::fs::remove_file(folder.path().join("relay.sock")).unwrap();
    let error = Server::take_over(on_disk(folder.path(), "")).await.unwrap_err();
    let SpawnError::HandOver { error: NotHandedOver::NotOffered { .. }, .. } = error else {
        panic!("{error}")
    };
    old.get("/tunnels").await.expect(200);
    old.stop().await;
    let new = Server::take_over(on_disk(folder.path(), "")).await.unwrap();
    assert_eq!(new.predecessor(), None, "nobody was there, so it just starts");
    assert!(folder.path().join("relay.sock").exists());
    assert!(new.shutdown(PATIENCE).await.is_clean());
    assert!(!folder.path().join("relay.sock").exists());
}

#[tokio::test]
async fn listeners_change_with_the_configuration() {
    let (folder, mut old) = scene().await;
    let admin = old.server.admin_addr().unwrap();
    let moved = |path: &Path| {
        let toml = "listen = '127.0.0.2:0'\nadmin = 'off'\n";
        adit_relay::config::Config::parse(toml, path).unwrap()
    };
    let (_, new) = tokio::join!(old.server.handed_over(), Server::take_over(moved(folder.path())));
    let new = new.unwrap();
    assert_eq!(new.addr().ip().to_string(), "127.0.0.2");
    assert_eq!(new.admin_addr(), None);
    for gone in [old.server.addr(), admin] {
        assert!(TcpStream::connect(gone).await.is_err(), "{gone}");
    }
    let headers: [(&str, &str); 1] = [("authorization", &old.authorization)];
    let answer = crate::support::send(new.addr(), "GET", "/tunnels", Bytes::new(), &headers).await;
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn one_follows_another_many_times() {
    let (folder, mut relay) = scene().await;
    let tunnel = tunnel(&relay).await;
    let address: SocketAddr = relay.server.addr();
    let mut past = Vec::new();
    for _ in 0..3 {
        let next = successor(&folder, &mut relay).await;
        past.push(std::mem::replace(&mut relay, next));
        assert_eq!(relay.server.addr(), address);
        let host = serving(&relay, &tunnel.host_uri, &tunnel.host, None).await;
        host.handle.kill().await;
        host.handle.ended().await;
    }
    match upgrade(&relay, &tunnel.client_uri, CLIENT, "", HeaderMap::new()).await {
        Err(Error::Refused(refusal)) => assert_eq!(refusal.status, 401),
        other => panic!("{other:?}"),
    }
    drop(past);
    relay.get("/tunnels").await.expect(200);
    relay.stop().await;
}
