//! Visitors with a browser, curl, a websocket or an event stream, at a local web server that
//! Microsoft's SDK hosts on our relay.

use adit_e2e::curl::fetch;
use adit_e2e::deadline::soon;
use adit_e2e::peer::{Peer, Role};
use adit_e2e::relay::Relay;
use adit_e2e::stage::{Manner, SdkHost};
use adit_e2e::{browser, faultproxy};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpSocket, TcpStream};
use tokio::process::Command;

/// A local web server at the URLs that the relay gave its port.
struct Scene {
    relay: Relay,
    web: Peer,
    host: SdkHost,
    /// The loopback listener, then the name for browsers.
    urls: Vec<String>,
}

impl Scene {
    async fn set() -> Self {
        let relay = Relay::start().await;
        let mut web = Peer::start(Role::Web);
        let port = web.ask("listen", json!({})).await.unwrap()["port"].clone();
        let tunnel = json!({"ports": [{"portNumber": port, "protocol": "http"}]});
        let host = SdkHost::with(&relay, tunnel, Manner::default()).await;
        let urls = urls(&host.tunnel["ports"][0]);
        Self { relay, web, host, urls }
    }

    fn loopback(&self, path: &str) -> String {
        format!("{}{path}", self.urls[0])
    }
}

fn urls(port: &Value) -> Vec<String> {
    let uris = port["portForwardingUris"].as_array().expect("a port has URLs");
    uris.iter().map(|uri| uri.as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn every_url_of_a_port_leads_to_its_page() {
    let scene = Scene::set().await;
    assert!(scene.urls[0].starts_with("http://127.0.0.1:"), "{:?}", scene.urls);
    assert!(scene.urls[1].contains(".localhost:"), "{:?}", scene.urls);
    for url in &scene.urls {
        let page = fetch(url, &[]).await;
        assert_eq!(page.status, 200, "{url}: {page:?}");
        assert!(page.text().contains("<h1>It works</h1>"), "{url}: {page:?}");
    }
}

#[tokio::test]
async fn a_browser_shows_the_page_at_every_url() {
    let scene = Scene::set().await;
    for url in &scene.urls {
        let page = browser::open(url).await;
        assert!(page.contains("<h1>It works</h1>"), "{url}: {page}");
    }
}

#[tokio::test]
async fn a_body_goes_up_and_comes_back_exactly() {
    let scene = Scene::set().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("body");
    let bytes: Vec<u8> =
        (0..10_000_000_u32).map(|it| (it.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    std::fs::write(&file, &bytes).unwrap();
    let data = format!("@{}", file.display());
    let echoed = fetch(&scene.loopback("echo"), &["--data-binary", &data]).await;
    assert_eq!((echoed.exit, echoed.status), (0, 200), "{}", echoed.head);
    assert!(echoed.body == bytes, "{} bytes came back", echoed.body.len());
    // The same without a length known beforehand.
    let chunked = ["--data-binary", &data, "--header", "Transfer-Encoding: chunked"];
    let echoed = fetch(&scene.loopback("echo"), &chunked).await;
    assert!(echoed.body == bytes, "{} bytes came back", echoed.body.len());
}

#[tokio::test]
async fn events_arrive_one_by_one_as_they_are_sent() {
    let mut scene = Scene::set().await;
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--no-buffer", &scene.loopback("events")]);
    let mut curl = curl.stdout(std::process::Stdio::piped()).kill_on_drop(true).spawn().unwrap();
    let mut lines = BufReader::new(curl.stdout.take().unwrap()).lines();
    for data in ["first", "second", "third"] {
        if data != "first" {
            assert_eq!(scene.web.ask("next", json!({"data": data})).await.unwrap(), 1);
        }
        let line = soon("the event", lines.next_line()).await.unwrap();
        assert_eq!(line.as_deref(), Some(format!("data: {data}").as_str()));
        soon("its end", lines.next_line()).await.unwrap();
    }
}

#[tokio::test]
async fn a_websocket_passes_with_its_subprotocol() {
    let scene = Scene::set().await;
    let mut socket = Peer::start(Role::Socket);
    let url = scene.loopback("chat").replacen("http:", "ws:", 1);
    let dialled = socket.ask("dial", json!({"url": url, "protocol": "chat"})).await.unwrap();
    assert_eq!(dialled["protocol"], "chat");
    for text in ["hello", &"long ".repeat(50_000)] {
        socket.ask("send", json!({"text": text})).await.unwrap();
        socket.event("message", |message| message["text"] == text).await;
    }
    socket.ask("hangup", json!({})).await.unwrap();
    socket.event("closed", |_| true).await;
}

#[tokio::test]
async fn what_the_local_server_answers_is_what_the_visitor_gets() {
    let scene = Scene::set().await;
    for status in [204, 304, 404, 418, 503] {
        let answer = fetch(&scene.loopback(&format!("status/{status}")), &[]).await;
        assert_eq!(answer.status, status, "{}", answer.head);
    }
}

#[tokio::test]
async fn a_body_that_is_cut_short_is_cut_short_for_the_visitor_too() {
    let scene = Scene::set().await;
    let cut = fetch(&scene.loopback("cut"), &[]).await;
    assert_eq!((cut.exit, cut.body.len()), (18, 500), "{cut:?}");
    assert_eq!(fetch(&scene.urls[0], &[]).await.status, 200);
}

#[tokio::test]
async fn a_loopback_listener_answers_only_for_itself() {
    let scene = Scene::set().await;
    let foreign = fetch(&scene.urls[0], &["--header", "Host: evil.example"]).await;
    assert_eq!(foreign.status, 421, "{foreign:?}");
    let dial = [
        "--header",
        "Connection: Upgrade",
        "--header",
        "Upgrade: websocket",
        "--header",
        "Sec-WebSocket-Version: 13",
        "--header",
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
        "--header",
        "Origin: http://evil.example",
    ];
    let foreign = fetch(&scene.urls[0], &dial).await;
    assert_eq!(foreign.status, 403, "{foreign:?}");
}

#[tokio::test]
async fn a_mebibyte_of_header_is_refused_and_nobody_else_is_disturbed() {
    let scene = Scene::set().await;
    let addr = scene.urls[0].strip_prefix("http://").unwrap().trim_end_matches('/');
    let mut head = format!("GET / HTTP/1.1\r\nHost: {addr}\r\n");
    head.extend((0..128).map(|n| format!("X-Long-{n}: {}\r\n", "x".repeat(8192))));
    head.push_str("\r\n");
    // By hand: curl makes no such request.
    let (mut reader, mut writer) = TcpStream::connect(addr).await.unwrap().into_split();
    let mut answer = [0; 12];
    let sending = async {
        // The relay need not read all of it.
        let _ = writer.write_all(head.as_bytes()).await;
    };
    let (read, ()) =
        soon("the answer", async { tokio::join!(reader.read_exact(&mut answer), sending) }).await;
    read.unwrap();
    assert_eq!(String::from_utf8_lossy(&answer), "HTTP/1.1 431");
    assert_eq!(fetch(&scene.urls[0], &[]).await.status, 200);
}

#[tokio::test]
async fn without_a_host_the_page_says_whose_side_is_missing() {
    let scene = Scene::set().await;
    let urls = scene.urls.clone();
    scene.host.peer.end().await;
    let page = fetch(&urls[0], &["--header", "Accept: text/html"]).await;
    assert_eq!(page.status, 502, "{page:?}");
    assert!(page.header("content-type").unwrap().starts_with("text/html"), "{}", page.head);
    let problem = fetch(&urls[0], &["--header", "Accept: application/json"]).await;
    assert_eq!(problem.header("content-type"), Some("application/problem+json"));
    let problem: Value = serde_json::from_slice(&problem.body).unwrap();
    assert!(problem["title"].is_string(), "{problem}");
}

#[tokio::test]
async fn a_visitor_who_comes_while_the_host_reconnects_is_served_when_it_is_back() {
    let scene = Scene::set().await;
    assert_eq!(fetch(&scene.urls[0], &[]).await.status, 200);
    assert_eq!(scene.relay.proxy().drop_sockets(faultproxy::Role::Host), 1);
    let page = fetch(&scene.urls[0], &[]).await;
    assert_eq!(page.status, 200, "{page:?}");
}

#[tokio::test]
async fn a_port_where_nothing_listens_is_a_bad_gateway() {
    let relay = Relay::start().await;
    let nobody = TcpSocket::new_v4().unwrap();
    nobody.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let dead = nobody.local_addr().unwrap().port();
    let host = SdkHost::start(&relay, &[dead], Manner::default()).await;
    let page = fetch(&urls(&host.tunnel["ports"][0])[0], &[]).await;
    assert_eq!(page.status, 502, "{page:?}");
}
