//! Links that share a tunnel, from the API to the local server.

use std::sync::{Arc, Mutex};

use adit_proto::relay::{HostCommand, HostEvent};
use adit_proto::token::Secret;
use adit_relay::Server;
use adit_relay::config::{Config, Storage};
use adit_relay::store::{Memory, Store, StoreError, Write};
use adit_wire::channel::Channel;
use adit_wire::pump::Event;
use adit_wire::{clock, task};
use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::peers::*;
use crate::support::{Answer, KEY, Relay, add_user, send};

const CP: &str = "cp.relay.test";
const LINKS: &str = "/tunnels/quiet-fox-0000000/links";

/// A relay behind a proxy that ends TLS for its domain.
fn public(config: &mut Config) {
    config.domain = Some("relay.test".parse().unwrap());
    config.advertised_url = Some("https://cp.relay.test".parse().unwrap());
    config.loopback = None;
}

fn in_hours(hours: i64) -> Timestamp {
    clock::wall() + SignedDuration::from_hours(hours)
}

/// Makes a link, and returns what was said of it.
async fn link(relay: &Relay, port: Option<u16>, until: Timestamp) -> Value {
    let body = json!({ "portNumber": port, "expiration": until });
    relay.call("POST", LINKS, body).await.expect(201)
}

fn host_of(port: u16) -> String {
    format!("{ID}-{port}.relay.test")
}

/// Asks a host name for a path, without any credential besides a cookie.
async fn ask(relay: &Relay, host: &str, path: &str, cookie: &str) -> Answer {
    let headers = [("host", host), ("cookie", cookie)];
    let count = if cookie.is_empty() { 1 } else { 2 };
    send(relay.server.addr(), "GET", path, Bytes::new(), &headers[..count]).await
}

/// Opens a link as a browser does: to the management host, from there to the tunnel's, and on with its
/// cookie, which is returned.
async fn open(relay: &Relay, url: &str, port: u16) -> String {
    let path = url.strip_prefix("https://cp.relay.test").unwrap();
    let led = ask(relay, CP, path, "").await;
    assert_eq!(led.status, 303, "{led:?}");
    assert_eq!(led.headers["referrer-policy"], "no-referrer");
    assert!(!led.headers.contains_key("access-control-allow-origin"), "{led:?}");
    let location = led.headers["location"].to_str().unwrap();
    let entrance = location.strip_prefix(&format!("https://{}", host_of(port))).unwrap();
    let entered = ask(relay, &host_of(port), entrance, "").await;
    assert_eq!(entered.status, 303, "{entered:?}");
    let set = entered.headers["set-cookie"].to_str().unwrap();
    let (pair, attributes) = set.split_once("; ").unwrap();
    assert!(pair.starts_with("__Host-adit-visitor="), "{pair}");
    assert!(attributes.starts_with("Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age="));
    pair.to_owned()
}

fn code_of(answer: &Answer) -> Value {
    answer.json()["code"].clone()
}

/// A local server behind a host: it says what it was asked, or becomes an echo for who upgrades.
fn serve(host: Peer<HostCommand, HostEvent>) -> task::Task<()> {
    task::spawn("host", async move {
        // All of it: the session ends with its handle.
        let mut host = host;
        let connections = task::Group::new("local server");
        while let Some(event) = host.events.recv().await {
            if let Event::Incoming(_, incoming) = event {
                connections
                    .spawn("connection", async move { talk(incoming.accept(false).await).await });
            }
        }
    })
}

async fn talk(mut channel: Channel) {
    let mut head = Vec::new();
    while let Some(bytes) = channel.recv().await {
        channel.consumed(bytes.len());
        head.extend_from_slice(&bytes);
        if !head.ends_with(b"\r\n\r\n") {
            continue;
        }
        let text = String::from_utf8(std::mem::take(&mut head)).unwrap();
        if text.to_ascii_lowercase().contains("\r\nupgrade: websocket\r\n") {
            let switch = "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\n\
                          upgrade: websocket\r\n\r\n";
            channel.send(Bytes::from_static(switch.as_bytes())).await.unwrap();
            while let Some(bytes) = channel.recv().await {
                channel.consumed(bytes.len());
                if channel.send(bytes).await.is_err() {
                    return;
                }
            }
            return;
        }
        let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{text}", text.len());
        if channel.send(answer.into()).await.is_err() {
            return;
        }
    }
}

/// A relay, a tunnel with port 3000, and a host that serves it.
async fn hosted() -> (Relay, task::Task<()>) {
    let relay = Relay::with(public).await;
    let tunnel = tunnel(&relay).await;
    let uri = tunnel.host_uri.replace("wss://cp.relay.test", "ws://localhost");
    let host = serving(&relay, &uri, &tunnel.host, None).await;
    (relay, serve(host))
}

#[tokio::test]
async fn a_link_opens_a_private_tunnel_until_it_is_revoked() {
    let (relay, _host) = hosted().await;
    let stranger = ask(&relay, &host_of(3000), "/", "").await;
    assert_eq!((stranger.status.as_u16(), code_of(&stranger)), (401, "sign_in".into()));

    let made = link(&relay, None, in_hours(8)).await;
    let cookie = open(&relay, made["url"].as_str().unwrap(), 3000).await;
    let visit = ask(&relay, &host_of(3000), "/hello", &format!("a=1; {cookie}; b=2")).await;
    assert_eq!(visit.status, 200, "{visit:?}");
    let seen = String::from_utf8(visit.body.to_vec()).unwrap();
    assert!(seen.starts_with("GET /hello HTTP/1.1\r\n"), "{seen}");
    assert!(seen.contains("cookie: a=1; b=2\r\n") && !seen.contains("adit-visitor"), "{seen}");

    let path = format!("{LINKS}/{}", made["linkId"].as_str().unwrap());
    relay.call("DELETE", &path, Value::Null).await.expect(204);
    let late = ask(&relay, &host_of(3000), "/hello", &cookie).await;
    assert_eq!((late.status.as_u16(), code_of(&late)), (401, "link_ended".into()));
    let opened = made["url"].as_str().unwrap().trim_start_matches("https://cp.relay.test");
    let again = ask(&relay, CP, opened, "").await;
    assert_eq!((again.status.as_u16(), code_of(&again)), (404, "no_link".into()));
    relay.call("DELETE", &path, Value::Null).await.expect(404);
}

#[tokio::test]
async fn a_websocket_comes_in_by_the_cookie_from_the_tunnel_s_own_pages_only() {
    let (relay, _host) = hosted().await;
    let made = link(&relay, Some(3000), in_hours(8)).await;
    let cookie = open(&relay, made["url"].as_str().unwrap(), 3000).await;
    let request = |origin: &str| {
        format!(
            "GET /live HTTP/1.1\r\nhost: {}\r\norigin: {origin}\r\ncookie: {cookie}\r\n\
             connection: upgrade\r\nupgrade: websocket\r\n\r\n",
            host_of(3000)
        )
    };
    let mut foreign = TcpStream::connect(relay.server.addr()).await.unwrap();
    foreign.write_all(request(&format!("https://{}", host_of(4000))).as_bytes()).await.unwrap();
    let mut start = [0; 12];
    foreign.read_exact(&mut start).await.unwrap();
    assert_eq!(&start, b"HTTP/1.1 403");

    let mut own = TcpStream::connect(relay.server.addr()).await.unwrap();
    own.write_all(request(&format!("https://{}", host_of(3000))).as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(own.read_u8().await.unwrap());
    }
    assert!(head.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&head));
    own.write_all(b"hello").await.unwrap();
    let mut echo = [0; 5];
    own.read_exact(&mut echo).await.unwrap();
    assert_eq!(&echo, b"hello");
}

#[tokio::test]
async fn a_link_to_one_port_opens_no_other_and_no_other_tunnel() {
    let (relay, _host) = hosted().await;
    relay.call("PUT", &format!("/tunnels/{ID}/ports/4000"), json!({})).await.expect(201);
    relay.tunnel("other-fox").await;
    let made = link(&relay, Some(3000), in_hours(8)).await;
    let cookie = open(&relay, made["url"].as_str().unwrap(), 3000).await;
    for host in [host_of(4000), "other-fox-3000.relay.test".to_owned()] {
        let refused = ask(&relay, &host, "/", &cookie).await;
        assert_eq!((refused.status.as_u16(), code_of(&refused)), (401, "sign_in".into()), "{host}");
    }
    // What it opens, it opens to visit, and not to manage.
    let headers = [("host", CP), ("cookie", &*cookie)];
    for path in ["/tunnels", &format!("/tunnels/{ID}"), LINKS] {
        let refused = send(relay.server.addr(), "GET", path, Bytes::new(), &headers).await;
        assert_eq!(refused.status, 401, "{path}");
    }
}

#[tokio::test]
async fn a_deleted_port_takes_its_links_with_it() {
    let (relay, _host) = hosted().await;
    let made = link(&relay, Some(3000), in_hours(8)).await;
    let all = link(&relay, None, in_hours(8)).await;
    let cookie = open(&relay, made["url"].as_str().unwrap(), 3000).await;
    let port = format!("/tunnels/{ID}/ports/3000");
    relay.call("DELETE", &port, Value::Null).await.expect(204);
    relay.call("PUT", &port, json!({ "portNumber": 3000 })).await.expect(201);
    assert_eq!(code_of(&ask(&relay, &host_of(3000), "/", &cookie).await), "link_ended");
    let left = relay.get(LINKS).await.expect(200);
    assert_eq!(left["value"].as_array().unwrap().len(), 1);
    assert_eq!(left["value"][0]["linkId"], all["linkId"]);
}

#[tokio::test]
async fn a_deleted_tunnel_takes_its_links_with_it() {
    let (relay, _host) = hosted().await;
    let made = link(&relay, None, in_hours(8)).await;
    let cookie = open(&relay, made["url"].as_str().unwrap(), 3000).await;
    relay.call("DELETE", &format!("/tunnels/{ID}"), Value::Null).await.expect(204);
    let path = made["url"].as_str().unwrap().trim_start_matches("https://cp.relay.test");
    assert_eq!(ask(&relay, CP, path, "").await.status, 404);
    relay.tunnel(ID).await;
    assert_eq!(ask(&relay, CP, path, "").await.status, 404);
    assert_eq!(code_of(&ask(&relay, &host_of(3000), "/", &cookie).await), "link_ended");
    assert_eq!(relay.get(LINKS).await.expect(200), json!({ "value": [] }));
}

#[tokio::test]
async fn links_are_listed_without_their_addresses_and_have_an_end_within_thirty_days() {
    let (relay, _host) = hosted().await;
    let made = link(&relay, Some(3000), in_hours(8)).await;
    let mut shown = made.clone();
    let url = shown.as_object_mut().unwrap().remove("url").unwrap();
    assert!(url.as_str().unwrap().starts_with("https://cp.relay.test/go/"), "{url}");
    assert_eq!(relay.get(LINKS).await.expect(200), json!({ "value": [shown] }));
    let tunnel = relay.get(&format!("/tunnels/{ID}?includePorts=true")).await.expect(200);
    assert!(!tunnel.to_string().contains("linkId"), "the SDKs know nothing of them");

    for (body, status) in [
        (json!({}), 400),
        (json!({ "expiration": "2020-01-01T00:00:00Z" }), 400),
        (json!({ "expiration": in_hours(30 * 24 + 1) }), 400),
        (json!({ "expiration": "soon" }), 400),
        (json!({ "expiration": in_hours(1), "portNumber": 0 }), 400),
        (json!({ "expiration": in_hours(1), "portNumber": 5000 }), 404),
        (json!([]), 400),
    ] {
        relay.call("POST", LINKS, body).await.expect(status);
    }
    relay.call("POST", "/tunnels/no-such-tunnel/links", json!({})).await.expect(400);
    let body = json!({ "expiration": in_hours(1) });
    relay.call("POST", "/tunnels/no-such-tunnel/links", body).await.expect(404);
    relay.call("PUT", LINKS, json!({})).await.expect(405);
}

#[tokio::test]
async fn only_who_may_change_who_visits_may_make_see_and_revoke_links() {
    let (relay, _host) = hosted().await;
    let scopes = format!("/tunnels/{ID}?tokenScopes=manage,manage:ports,host,connect");
    let tunnel = relay.get(&scopes).await.expect(200);
    let made = link(&relay, Some(3000), in_hours(8)).await;
    let one = format!("{LINKS}/{}", made["linkId"].as_str().unwrap());
    let body = json!({ "portNumber": 3000, "expiration": in_hours(1) });
    for scope in ["", "manage:ports", "host", "connect", "manage"] {
        let token = tunnel["accessTokens"][scope].as_str().unwrap_or_default();
        let token = format!("tunnel {token}");
        let who: &[_] = if scope.is_empty() { &[] } else { &[("authorization", &*token)] };
        let expected = match scope {
            "" => [401, 401, 401],
            "manage" => [201, 200, 204],
            _ => [403, 403, 403],
        };
        for ((method, path), status) in
            [("POST", LINKS), ("GET", LINKS), ("DELETE", &*one)].into_iter().zip(expected)
        {
            let body = if method == "POST" { body.clone() } else { Value::Null };
            relay.call_with(method, path, body, who).await.expect(status);
        }
    }
}

#[tokio::test]
async fn a_tunnel_has_so_many_links_and_no_more() {
    let (relay, _host) = hosted().await;
    for _ in 0..64 {
        link(&relay, None, in_hours(1)).await;
    }
    let body = json!({ "expiration": in_hours(1) });
    let refused = relay.call("POST", LINKS, body.clone()).await.expect(403);
    assert!(refused["detail"].as_str().unwrap().contains("Revoke"), "{refused}");
    let links = relay.get(LINKS).await.expect(200);
    let first = links["value"][0]["linkId"].as_str().unwrap();
    relay.call("DELETE", &format!("{LINKS}/{first}"), Value::Null).await.expect(204);
    relay.call("POST", LINKS, body).await.expect(201);
}

#[tokio::test]
async fn a_relay_without_a_domain_has_no_links() {
    let relay = Relay::in_memory().await;
    relay.tunnel(ID).await;
    let body = json!({ "expiration": in_hours(1) });
    let refused = relay.call("POST", LINKS, body).await.expect(400);
    assert!(refused["detail"].as_str().unwrap().contains("domain"), "{refused}");
    assert_eq!(relay.get("/go/anything").await.status, 404);
}

/// A store that a test can look into and change while no relay has it.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Memory>>);

impl Store for Shared {
    fn tunnels(&mut self) -> Result<Vec<adit_relay::record::TunnelRecord>, StoreError> {
        self.0.lock().unwrap().tunnels()
    }

    fn users(&mut self) -> Result<Vec<adit_relay::record::User>, StoreError> {
        self.0.lock().unwrap().users()
    }

    fn commit(&mut self, writes: &[Write]) -> Result<(), StoreError> {
        self.0.lock().unwrap().commit(writes)
    }

    fn reserve_epochs(&mut self, count: u64) -> Result<u64, StoreError> {
        self.0.lock().unwrap().reserve_epochs(count)
    }

    fn changed_elsewhere(&mut self) -> Result<bool, StoreError> {
        Ok(false)
    }
}

#[tokio::test]
async fn a_link_that_has_ended_leads_nowhere_and_makes_room() {
    let mut store = Shared::default();
    let start = |store: &Shared| {
        let mut config = Config::embedded(Secret::from(KEY), Storage::Memory);
        public(&mut config);
        let server = Server::spawn_on(config, Box::new(store.clone())).unwrap();
        Relay { server, authorization: format!("Bearer {KEY}") }
    };
    let relay = start(&store);
    relay.tunnel(ID).await;
    let mut made = Value::Null;
    for _ in 0..64 {
        made = link(&relay, None, in_hours(1)).await;
    }
    relay.stop().await;
    let mut record = store.tunnels().unwrap().remove(0);
    for share in &mut record.shares {
        share.expires = clock::wall();
    }
    store.commit(&[Write::Tunnel(record.into())]).unwrap();

    let relay = start(&store);
    let path = made["url"].as_str().unwrap().trim_start_matches("https://cp.relay.test");
    let ended = ask(&relay, CP, path, "").await;
    assert_eq!((ended.status.as_u16(), code_of(&ended)), (404, "no_link".into()));
    assert_eq!(relay.get(LINKS).await.expect(200), json!({ "value": [] }));
    link(&relay, None, in_hours(1)).await;
    assert_eq!(store.tunnels().unwrap()[0].shares.len(), 1, "those that have ended are dropped");
}

#[tokio::test]
async fn links_and_their_visitors_outlive_the_relay_s_process() {
    let folder = tempfile::tempdir().unwrap();
    let more = "domain = 'relay.test'\nadvertised_url = 'https://cp.relay.test'";
    let mut relay = Relay::on_disk(folder.path(), more).await;
    (relay.authorization, _) = add_user(folder.path(), "ann", &[]);
    relay.tunnel(ID).await;
    let made = link(&relay, None, in_hours(8)).await;
    let url = made["url"].as_str().unwrap();
    let cookie = open(&relay, url, 3000).await;
    relay.stop().await;
    for file in std::fs::read_dir(folder.path()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        let secret = url.rsplit('/').next().unwrap().as_bytes();
        assert!(!bytes.windows(secret.len()).any(|window| window == secret), "it is not kept");
    }
    let relay = Relay::on_disk(folder.path(), more).await;
    let visit = ask(&relay, &host_of(3000), "/", &cookie).await;
    assert_eq!(code_of(&visit), "no_host", "let in, and nobody hosts it");
    open(&relay, url, 3000).await;
}

#[tokio::test]
async fn a_development_relay_without_tls_has_links_too() {
    let relay = Relay::with(|config| config.domain = Some("localhost".parse().unwrap())).await;
    relay.tunnel(ID).await;
    let made = link(&relay, None, in_hours(8)).await;
    let base = format!("http://cp.localhost:{}", relay.server.addr().port());
    let path = made["url"].as_str().unwrap().strip_prefix(&base).unwrap();
    let led = ask(&relay, "cp.localhost", path, "").await;
    let location = led.headers["location"].to_str().unwrap();
    let host = format!("{ID}-3000.localhost:{}", relay.server.addr().port());
    let entrance = location.strip_prefix(&format!("http://{host}")).unwrap();
    assert!(entrance.starts_with("/.adit/enter?code="), "{entrance}");
}
