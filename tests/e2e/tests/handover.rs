//! A relay that is replaced while it is used, all of it as real processes: the relay before and the
//! relay after, our host, our client or Microsoft's SDK, and visitors.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use adit_e2e::adit::Adit;
use adit_e2e::deadline::{soon, until};
use adit_e2e::lines::JsonLines;
use adit_e2e::peer::{Peer, Role};
use adit_relay::handover;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// How long each visitor pauses between requests: four of them make 200 requests a second.
const PACE: Duration = Duration::from_millis(20);

/// An installation with a relay that runs, and its user signed in.
struct Scene {
    adit: Adit,
    relay: JsonLines,
    pid: u64,
    addr: SocketAddr,
    key: String,
}

impl Scene {
    async fn set() -> Self {
        let adit = Adit::new();
        fs::create_dir(adit.home().join("config")).unwrap();
        let toml = "listen = '127.0.0.1:0'\nadmin = '127.0.0.1:0'\n";
        fs::write(adit.home().join("config/relay.toml"), toml).unwrap();
        let added = adit.run(&["relay", "user", "add", "ann", "--json"], "").await;
        let added: Value = serde_json::from_slice(&added.stdout).unwrap();
        let key = added["key"].as_str().unwrap().to_owned();
        let mut relay = adit.start(&["relay", "--json"]);
        let ready = event(&mut relay, "ready").await;
        let url = ready["relay"].as_str().unwrap();
        let login = adit.run(&["login", url], &key).await;
        assert!(login.status.success(), "{login:?}");
        let addr = ready["listen"].as_str().unwrap().parse().unwrap();
        let pid = handover::ask(&adit.home().join("data")).await.unwrap().from().pid.into();
        Self { adit, relay, pid, addr, key }
    }

    /// Starts the next relay in the place of the one that runs, which is returned and may have work
    /// to finish.
    async fn replace(&mut self) -> JsonLines {
        let mut next = self.adit.start(&["relay", "--take-over", "--json"]);
        let ready = event(&mut next, "ready").await;
        assert_eq!(ready["took_over_from"], self.pid, "{ready}");
        assert_eq!(ready["listen"], self.addr.to_string());
        let mut old = std::mem::replace(&mut self.relay, next);
        self.pid = event(&mut old, "handed_over").await["pid"].as_u64().unwrap();
        old
    }

    fn url(&self) -> String {
        format!("http://{}/", self.addr)
    }
}

async fn event(process: &mut JsonLines, name: &str) -> Value {
    process.line(name, |line| line["event"] == name).await
}

/// The relay before has finished all that it had, and ends well.
async fn ends_well(mut old: JsonLines) {
    let stopped = event(&mut old, "stopped").await;
    assert_eq!(stopped["finished"], true, "{stopped}");
    assert_eq!(old.ended().await.code(), Some(0));
}

/// Ends the process, and returns what it ever said of trouble.
async fn troubles(mut process: JsonLines) -> Vec<Value> {
    process.terminate().await;
    event(&mut process, "stopped").await;
    let trouble = |line: &&Value| {
        let event = line["event"].as_str().unwrap();
        line["state"] == "Reconnecting" || ["retry", "error", "standby", "removed"].contains(&event)
    };
    process.kept().filter(trouble).cloned().collect()
}

/// Our host with a local server on a port that anybody may visit, and the name of it.
async fn up(scene: &Scene, port: u16) -> (JsonLines, String) {
    let port = port.to_string();
    let args = ["up", &port, "--name", "shop", "--anonymous", "--json"];
    let mut up = scene.adit.start(&args);
    let ready = event(&mut up, "ready").await;
    let url = ready["urls"][0]["url"].as_str().unwrap();
    (up, url.trim_start_matches("http://").trim_end_matches('/').to_owned())
}

/// A local web server that answers with the length of what it was sent.
async fn web() -> (u16, JoinHandle<()>) {
    serve(|stream| async move {
        let mut stream = BufReader::new(stream);
        while let Some((_, body)) = message(&mut stream).await {
            let body = body.len().to_string();
            let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
            if stream.write_all(answer.as_bytes()).await.is_err() {
                return;
            }
        }
    })
    .await
}

/// A local server that sends back what it hears.
async fn echo() -> (u16, JoinHandle<()>) {
    serve(|mut stream| async move {
        let (mut reader, mut writer) = stream.split();
        let _ = tokio::io::copy(&mut reader, &mut writer).await;
    })
    .await
}

async fn serve<F>(serve: impl Fn(TcpStream) -> F + Send + 'static) -> (u16, JoinHandle<()>)
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let task = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream));
        }
    });
    (port, task)
}

/// The next message, with a body by its length; nothing if the connection ends before or in it.
async fn message<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut BufReader<S>,
) -> Option<(String, Vec<u8>)> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if stream.read_line(&mut head).await.ok()? == 0 {
            return None;
        }
    }
    let head = head.to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    stream.read_exact(&mut body).await.ok()?;
    Some((head, body))
}

/// Visitors who ask again and again, and what came of it.
#[derive(Default)]
struct Visitors {
    served: AtomicU32,
    failures: Mutex<Vec<String>>,
    enough: AtomicBool,
}

impl Visitors {
    /// Asks at an even pace until it is enough. One who `keeps` his connection uses it until he is
    /// told to close it, and then opens the next.
    async fn ask(self: Arc<Self>, addr: SocketAddr, host: String, keeps: bool, length: usize) {
        let method = if length == 0 { "GET" } else { "POST" };
        let close = if keeps { "" } else { "connection: close\r\n" };
        let head = format!(
            "{method} / HTTP/1.1\r\nhost: {host}\r\n{close}content-length: {length}\r\n\r\n"
        );
        let request = [head.into_bytes(), vec![b'x'; length]].concat();
        let mut pace = tokio::time::interval(PACE);
        let mut kept = None;
        while !self.enough.load(Ordering::Relaxed) {
            pace.tick().await;
            let stream = match kept.take() {
                Some(stream) => stream,
                None => BufReader::new(TcpStream::connect(addr).await.unwrap()),
            };
            match visit(stream, &request, &length.to_string()).await {
                Ok(stream) => {
                    self.served.fetch_add(1, Ordering::Relaxed);
                    kept = stream.filter(|_| keeps);
                }
                Err(failure) => self.failures.lock().unwrap().push(failure),
            }
        }
    }

    /// Waits until so many more were served, or one was not.
    async fn serve(&self, more: u32) {
        let goal = self.served.load(Ordering::Relaxed) + more;
        let done = async || {
            let failed = !self.failures.lock().unwrap().is_empty();
            failed || self.served.load(Ordering::Relaxed) >= goal
        };
        until("visitors to be served", done).await;
    }
}

/// One request. Returns the connection if it can serve another.
async fn visit(
    mut stream: BufReader<TcpStream>,
    request: &[u8],
    expected: &str,
) -> Result<Option<BufReader<TcpStream>>, String> {
    stream.write_all(request).await.map_err(|error| format!("not sent: {error}"))?;
    let Some((head, body)) = message(&mut stream).await else { return Err("no answer".into()) };
    if !head.starts_with("http/1.1 200") || body != expected.as_bytes() {
        return Err(format!("{head}{}", String::from_utf8_lossy(&body)));
    }
    Ok((!head.contains("\r\nconnection: close\r\n")).then_some(stream))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn visitors_do_not_notice_that_the_relay_is_replaced() {
    let mut scene = Scene::set().await;
    let (port, _web) = web().await;
    let (up, host) = up(&scene, port).await;
    let visitors = Arc::<Visitors>::default();
    let asking: Vec<_> = [(true, 0), (true, 1000), (false, 0), (false, 1000)]
        .map(|(keeps, length)| {
            tokio::spawn(visitors.clone().ask(scene.addr, host.clone(), keeps, length))
        })
        .into();
    visitors.serve(100).await;
    for _ in 0..2 {
        let old = scene.replace().await;
        visitors.serve(100).await;
        ends_well(old).await;
        visitors.serve(100).await;
    }
    visitors.enough.store(true, Ordering::Relaxed);
    for asking in asking {
        soon("a visitor to leave", asking).await.unwrap();
    }
    assert_eq!(*visitors.failures.lock().unwrap(), Vec::<String>::new());
    assert_eq!(troubles(up).await, Vec::<Value>::new(), "it was hosted all the time");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_of_clients_are_finished_and_new_ones_go_the_new_way() {
    let mut scene = Scene::set().await;
    let (port, _echo) = echo().await;
    let (_up, _) = up(&scene, port).await;
    let mut client = scene.adit.start(&["connect", "shop", "--json"]);
    let local = event(&mut client, "listening").await["local"].as_u64().unwrap() as u16;
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, local)).await.unwrap();
    say(&mut stream, 1).await;
    let old = scene.replace().await;
    for word in 2..10 {
        say(&mut stream, word).await;
        let mut another = TcpStream::connect((Ipv4Addr::LOCALHOST, local)).await.unwrap();
        say(&mut another, word).await;
    }
    drop(stream);
    ends_well(old).await;
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, local)).await.unwrap();
    say(&mut stream, 10).await;
    drop(stream);
    assert_eq!(troubles(client).await, Vec::<Value>::new(), "it was connected all the time");
}

/// Says something and hears it back.
async fn say(stream: &mut TcpStream, word: u64) {
    let talk = async {
        stream.write_u64(word).await?;
        stream.read_u64().await
    };
    assert_eq!(soon("an echo", talk).await.unwrap(), word);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_successor_that_fails_leaves_the_relay_as_it_was() {
    let mut scene = Scene::set().await;
    let (port, _web) = web().await;
    let (_up, host) = up(&scene, port).await;
    let visitors = Arc::<Visitors>::default();
    let asking = tokio::spawn(visitors.clone().ask(scene.addr, host, false, 1000));
    visitors.serve(10).await;

    let second = scene.adit.run(&["relay", "--json"], "").await;
    assert_eq!(second.status.code(), Some(5), "{second:?}");
    let told = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(told.contains("already_running") && told.contains("--take-over"), "{told}");
    let bad = scene.adit.home().join("bad.toml");
    let at = bad.to_str().unwrap();
    for text in ["lisen = '127.0.0.1:0'", "tls = { cert = 'no.pem', key = 'no.pem' }"] {
        fs::write(&bad, text).unwrap();
        let failed = scene.adit.run(&["relay", "--take-over", "--config", at], "").await;
        assert_eq!(failed.status.code(), Some(64), "{failed:?}");
    }
    visitors.serve(10).await;

    // One that has everything in its hands, and dies.
    let data = scene.adit.home().join("data");
    let taken = handover::ask(&data).await.unwrap().take().await.unwrap();
    drop(taken);
    visitors.serve(10).await;
    assert!(scene.relay.kept().next().is_none(), "it did not even mention it");

    let old = scene.replace().await;
    ends_well(old).await;
    visitors.serve(10).await;
    visitors.enough.store(true, Ordering::Relaxed);
    soon("a visitor to leave", asking).await.unwrap();
    assert_eq!(*visitors.failures.lock().unwrap(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hosts_and_clients_of_the_sdk_come_back_by_themselves() {
    let mut scene = Scene::set().await;
    let (port, _web) = web().await;
    let authorization = format!("github {}", scene.key);
    let mut host = Peer::start(Role::Host);
    host.open(&scene.url(), Some(&authorization)).await;
    let access = json!({"entries": [{"type": "Anonymous", "scopes": ["connect"]}]});
    let ports = json!([{"portNumber": port, "protocol": "http"}]);
    let tunnel = json!({"name": "shop", "ports": ports, "accessControl": access});
    let options = json!({"tokenScopes": ["host", "connect"], "includePorts": true});
    let tunnel = host.call_and_keep("createTunnel", json!([tunnel, options])).await.unwrap();
    host.ask("connect", json!({})).await.unwrap();
    host.status("connected").await;
    let mut client = Peer::start(Role::Client);
    client.open(&scene.url(), Some(&authorization)).await;
    let found = json!({"tunnelId": tunnel["tunnelId"], "clusterId": tunnel["clusterId"]});
    let options = json!({"tokenScopes": ["connect"], "includePorts": true});
    client.call_and_keep("getTunnel", json!([found, options])).await.unwrap();
    client.ask("connect", json!({})).await.unwrap();
    client.status("connected").await;

    let old = scene.replace().await;
    // It waits in the new relay until the host is back.
    let host_name = format!("shop-{port}.localhost");
    let request = format!("GET / HTTP/1.1\r\nhost: {host_name}\r\nconnection: close\r\n\r\n");
    let stream = BufReader::new(TcpStream::connect(scene.addr).await.unwrap());
    let visited = soon("an answer", visit(stream, request.as_bytes(), "0")).await;
    visited.expect("an answer of the local server");
    host.status("connected").await;
    client.status("connected").await;
    ends_well(old).await;
}

mod long_form {
    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    #[ignore = "takes minutes; ./test --long runs it"]
    async fn what_does_not_end_in_time_is_cut_and_that_is_said() {
        let mut scene = Scene::set().await;
        let (port, _echo) = echo().await;
        let (_up, _) = up(&scene, port).await;
        let mut client = scene.adit.start(&["connect", "shop", "--json"]);
        let local = event(&mut client, "listening").await["local"].as_u64().unwrap() as u16;
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, local)).await.unwrap();
        say(&mut stream, 1).await;
        let mut old = scene.replace().await;
        let stopped = event(&mut old, "stopped").await;
        assert_eq!(stopped["finished"], false, "{stopped}");
        assert_eq!(old.ended().await.code(), Some(0));
        assert!(stream.read_u64().await.is_err(), "it is cut");
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, local)).await.unwrap();
        say(&mut stream, 2).await;
    }
}
