//! A stage: visitors in front of an edge, and scripted local servers behind it.

use std::collections::HashMap;
use std::future::Future;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use adit_proto::contracts::{AccessEntry, AccessEntryType, Protocol, TunnelOptions};
use adit_proto::id::TunnelId;
use adit_wire::net::Stream;
use adit_wire::task::Group;
use hyper::body::Incoming;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{broadcast, mpsc};

use crate::api::Links;
use crate::auth::{Auth, PassKey, Signer};
use crate::config::Config;
use crate::course::{Helm, Phase};
use crate::directory::{Directory, Writing};
use crate::edge::route::Names;
use crate::edge::{Counters, Edge, Loopback, Opening, Setup, Upstream};
use crate::front::{self, Handler};
use crate::hub::OpenError;
use crate::record::{PortRecord, TunnelRecord};
use crate::seams::{Answer, Edge as _, Peer};
use crate::sharing::Sharing;
use crate::store::tests::{tunnel, user};
use crate::store::{Memory, StoreError};

/// The host name of the tunnel's port 3000.
pub(crate) const HOST: &str = "quiet-fox-3000.relay.test";

pub(crate) type Behaviour = Arc<dyn Fn() -> Result<Stream, OpenError> + Send + Sync>;

/// Connects visitors with what the test put behind a port.
pub(crate) struct Stand {
    ports: Mutex<HashMap<u16, Behaviour>>,
    pub(crate) opened: AtomicUsize,
    pub(crate) looks: AtomicUsize,
    pub(crate) moves: broadcast::Sender<TunnelId>,
}

impl Upstream for Stand {
    fn moves(&self) -> broadcast::Receiver<TunnelId> {
        self.moves.subscribe()
    }

    fn open(&self, _: &TunnelId, port: u16, _: SocketAddr) -> Opening {
        self.opened.fetch_add(1, Ordering::Relaxed);
        let behaviour = self.ports.lock().unwrap().get(&port).cloned();
        Box::pin(async move { behaviour.ok_or(OpenError::PortNotShared(port))?() })
    }

    fn look(&self, tunnel: &TunnelId, port: u16) -> Opening {
        self.looks.fetch_add(1, Ordering::Relaxed);
        self.open(tunnel, port, (std::net::Ipv4Addr::LOCALHOST, 0).into())
    }
}

pub(crate) struct Stage {
    pub(crate) edge: Edge,
    pub(crate) stand: Arc<Stand>,
    pub(crate) directory: Arc<Directory>,
    pub(crate) auth: Arc<Auth>,
    pub(crate) sharing: Arc<Sharing>,
    pub(crate) counters: Counters,
    pub(crate) addr: SocketAddr,
    pub(crate) helm: Helm,
    tasks: Group,
}

struct Door(Edge);

impl Handler for Door {
    fn handle(&self, request: http::Request<Incoming>, peer: Peer) -> Answer {
        self.0.serve(request, peer)
    }

    fn is_visit(&self, _: &http::Request<Incoming>) -> bool {
        true
    }

    fn refused(&self, too_large: bool) {
        assert!(too_large, "a visitor's head could not be read");
    }
}

/// A tunnel that anybody may visit.
pub(crate) fn open_tunnel() -> TunnelRecord {
    let entry = AccessEntry {
        kind: AccessEntryType::Anonymous,
        scopes: vec!["connect".into()],
        ..AccessEntry::default()
    };
    let port = PortRecord { protocol: Some(Protocol::Http), ..PortRecord::default() };
    TunnelRecord {
        access: vec![entry],
        name: Some("shop".into()),
        ports: [(3000, port)].into(),
        ..tunnel("quiet-fox")
    }
}

impl Stage {
    /// An open tunnel with port 3000, which is plain HTTP.
    pub(crate) async fn open() -> Self {
        Self::with(open_tunnel(), None).await
    }

    /// The same with another protocol.
    pub(crate) async fn speaking(protocol: Protocol) -> Self {
        let mut record = open_tunnel();
        let port = PortRecord { protocol: Some(protocol), ..PortRecord::default() };
        record.ports.insert(3000, port);
        Self::with(record, None).await
    }

    /// The same with options.
    pub(crate) async fn optioned(options: TunnelOptions) -> Self {
        Self::with(TunnelRecord { options: Some(options), ..open_tunnel() }, None).await
    }

    /// The same behind a proxy that ends TLS.
    pub(crate) async fn behind_tls() -> Self {
        Self::behind_tls_with(open_tunnel()).await
    }

    pub(crate) async fn behind_tls_with(record: TunnelRecord) -> Self {
        Self::build(record, None, true).await
    }

    pub(crate) async fn with(record: TunnelRecord, loopback: Option<Loopback>) -> Self {
        Self::build(record, loopback, false).await
    }

    async fn build(record: TunnelRecord, loopback: Option<Loopback>, behind_tls: bool) -> Self {
        let store = Box::new(Memory::default());
        let directory = Directory::open(store, Some(user("owner")), Writing::InPlace).unwrap();
        let directory = Arc::new(directory);
        let put = directory.change(move |draft| {
            draft.put(record);
            Ok::<_, StoreError>(())
        });
        put.await.unwrap();
        let signer = Signer::ephemeral("loc1".parse().unwrap()).unwrap();
        let auth = Arc::new(Auth::new(directory.clone(), signer, Duration::from_secs(3600)));
        let key = PassKey::ephemeral("loc1".parse().unwrap()).unwrap();
        let scheme = if behind_tls { "https" } else { "http" };
        let toml = format!("domain = 'relay.test'\nadvertised_url = '{scheme}://cp.relay.test'");
        let config = Config::parse(&toml, Path::new("d")).unwrap();
        let links = Links::new(&config, config.listen);
        let sharing = Arc::new(Sharing::new(directory.clone(), key, links));
        let stand = Arc::new(Stand {
            ports: Mutex::default(),
            opened: AtomicUsize::new(0),
            looks: AtomicUsize::new(0),
            moves: broadcast::Sender::new(16),
        });
        let (tasks, helm) = (Group::new("stage"), Helm::new());
        let counters = Counters::default();
        let edge = Edge::start(Setup {
            names: Names::new(Some("relay.test"), &[]),
            directory: directory.clone(),
            auth: auth.clone(),
            sharing: Some(sharing.clone()),
            upstream: stand.clone(),
            counters: counters.clone(),
            behind_tls,
            loopback,
            course: helm.course(),
            listeners: tasks.spawner(),
            connections: tasks.spawner(),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let stage = Self { edge, stand, directory, auth, sharing, counters, addr, helm, tasks };
        let handler: Arc<dyn Handler> = Arc::new(Door(stage.edge.clone()));
        let (spawner, course) = (stage.tasks.spawner(), stage.helm.course());
        stage.tasks.spawn("listener", async move {
            let stop = spawner.stopping().wait();
            tokio::pin!(stop);
            loop {
                let (stream, addr) = tokio::select! {
                    accepted = listener.accept() => accepted.unwrap(),
                    () = &mut stop => return,
                };
                stream.set_nodelay(true).unwrap();
                let peer = Peer { addr, secure: false };
                let (handler, stop) = (handler.clone(), spawner.stopping());
                let (stream, course) = (stream.into(), course.clone());
                spawner.spawn("visitor", front::serve(stream, peer, handler, course, stop));
            }
        });
        stage
    }

    /// What opening a connection to `port` does.
    pub(crate) fn behind(
        &self,
        port: u16,
        open: impl Fn() -> Result<Stream, OpenError> + Send + Sync + 'static,
    ) {
        self.stand.ports.lock().unwrap().insert(port, Arc::new(open));
    }

    /// Puts a local server behind port 3000: `serve` runs for each connection, with its number.
    pub(crate) fn serve<F>(&self, serve: impl Fn(usize, Talk) -> F + Send + Sync + 'static)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (spawner, count) = (self.tasks.spawner(), AtomicUsize::new(0));
        self.behind(3000, move || {
            let (near, far) = tokio::io::duplex(64 * 1024);
            let number = count.fetch_add(1, Ordering::Relaxed);
            spawner.spawn("local server", serve(number, Talk::new(far)));
            Ok(Stream::other(near))
        });
    }

    /// A local server that reads each request's head, and its body by length, and answers with
    /// what `answer` makes of the head.
    pub(crate) fn answer(&self, answer: impl Fn(&str) -> String + Send + Sync + 'static) {
        let answer = Arc::new(answer);
        self.serve(move |_, mut talk| {
            let answer = answer.clone();
            async move {
                while let Some(head) = talk.head_or_end().await {
                    talk.take(length(&head)).await;
                    talk.say(&answer(&head)).await;
                }
            }
        });
    }

    /// A visitor over TCP.
    pub(crate) async fn visitor(&self) -> Talk<TcpStream> {
        Talk::new(TcpStream::connect(self.addr).await.unwrap())
    }

    /// A visitor in memory, for tests in paused time.
    pub(crate) fn quiet_visitor(&self) -> Talk {
        let (near, far) = tokio::io::duplex(64 * 1024);
        let handler: Arc<dyn Handler> = Arc::new(Door(self.edge.clone()));
        let peer = Peer { addr: "203.0.113.7:4000".parse().unwrap(), secure: true };
        let (course, stop) = (self.helm.course(), self.tasks.stopping());
        let serving = front::serve(Stream::other(far), peer, handler, course, stop);
        self.tasks.spawn("visitor", serving);
        Talk::new(near)
    }

    /// One request of a new visitor, and its answer.
    pub(crate) async fn ask(&self, request: &str) -> Response {
        let mut visitor = self.visitor().await;
        visitor.say(request).await;
        visitor.response().await
    }

    /// A GET of `path`, with more header lines.
    pub(crate) async fn get(&self, path: &str, more: &str) -> Response {
        self.ask(&get(path, more)).await
    }

    /// Ends the stage as a relay that stops ends; true if nothing had to be cut.
    pub(crate) async fn stop(self) -> bool {
        self.helm.turn(Phase::Stopping);
        self.tasks.shutdown(Duration::from_secs(3)).await.is_clean()
    }

    /// How many connections to local servers wait for a request.
    pub(crate) fn idle(&self) -> usize {
        self.edge.shared.pools.idle()
    }

    /// How many connections were opened to local servers.
    pub(crate) fn opened(&self) -> usize {
        self.stand.opened.load(Ordering::Relaxed)
    }
}

/// The text of a GET.
pub(crate) fn get(path: &str, more: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: {HOST}\r\n{more}\r\n")
}

/// The text of a response with this body.
pub(crate) fn ok(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

/// The length that a head announces, 0 if it does not.
pub(crate) fn length(head: &str) -> usize {
    field(head, "content-length").map_or(0, |length| length.parse().unwrap())
}

/// A header field of a head, if it is there.
pub(crate) fn field<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().skip(1).find_map(|line| {
        let (found, value) = line.split_once(':')?;
        found.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

/// A response, read to its end.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Response {
    pub(crate) fn status(&self) -> u16 {
        self.head[9..12].parse().unwrap()
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        field(&self.head, name)
    }

    /// The code of a problem of the edge's own.
    #[track_caller]
    pub(crate) fn code(&self) -> String {
        assert_eq!(self.field("x-served-by"), Some("tunnels-adit"), "{self:?}");
        let value: serde_json::Value = serde_json::from_slice(&self.body).unwrap();
        assert_eq!(value["status"], self.status());
        value["code"].as_str().unwrap().to_owned()
    }
}

/// One end of a conversation in HTTP/1.
pub(crate) struct Talk<S = DuplexStream> {
    pub(crate) stream: S,
    read: Vec<u8>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Talk<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self { stream, read: Vec::new() }
    }

    pub(crate) async fn say(&mut self, text: &str) {
        self.send(text.as_bytes()).await;
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    /// Sends as much as the other side takes.
    pub(crate) async fn try_send(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).await.is_ok()
    }

    /// The head of a message, with its empty line.
    pub(crate) async fn head(&mut self) -> String {
        self.head_or_end().await.expect("the stream ended before a head")
    }

    pub(crate) async fn head_or_end(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.read.windows(4).position(|window| window == b"\r\n\r\n") {
                let head = self.read.drain(..end + 4).collect();
                return Some(String::from_utf8(head).unwrap());
            }
            if self.more().await == 0 {
                assert!(self.read.is_empty(), "{:?}", String::from_utf8_lossy(&self.read));
                return None;
            }
        }
    }

    /// Exactly so many bytes.
    pub(crate) async fn take(&mut self, count: usize) -> Vec<u8> {
        while self.read.len() < count {
            assert_ne!(self.more().await, 0, "the stream ended early");
        }
        self.read.drain(..count).collect()
    }

    pub(crate) async fn expect(&mut self, text: &str) {
        let taken = self.take(text.len()).await;
        assert_eq!(String::from_utf8_lossy(&taken), text);
    }

    /// A chunked body, with its trailers as text.
    pub(crate) async fn chunks(&mut self) -> (Vec<u8>, String) {
        let mut body = Vec::new();
        loop {
            let size = self.line().await;
            let size = usize::from_str_radix(size.trim_end(), 16).unwrap();
            if size == 0 {
                let mut trailers = String::new();
                loop {
                    let line = self.line().await;
                    if line == "\r\n" {
                        return (body, trailers);
                    }
                    trailers += &line;
                }
            }
            body.extend(self.take(size).await);
            self.expect("\r\n").await;
        }
    }

    async fn line(&mut self) -> String {
        loop {
            if let Some(end) = self.read.windows(2).position(|window| window == b"\r\n") {
                return String::from_utf8(self.read.drain(..end + 2).collect()).unwrap();
            }
            assert_ne!(self.more().await, 0, "the stream ended in a line");
        }
    }

    /// A whole response to anything but HEAD.
    pub(crate) async fn response(&mut self) -> Response {
        let head = self.head().await;
        let chunked = field(&head, "transfer-encoding").is_some_and(|te| te.contains("chunked"));
        let body = if chunked {
            self.chunks().await.0
        } else if field(&head, "content-length").is_some() {
            self.take(length(&head)).await
        } else if head.contains(" 204 ") || head.contains(" 304 ") || head.contains(" 101 ") {
            Vec::new()
        } else {
            self.rest().await
        };
        Response { head, body }
    }

    /// All until the end.
    pub(crate) async fn rest(&mut self) -> Vec<u8> {
        while self.more().await > 0 {}
        std::mem::take(&mut self.read)
    }

    /// Waits for the end; nothing may come before it.
    pub(crate) async fn end(&mut self) {
        let rest = self.rest().await;
        assert_eq!(String::from_utf8_lossy(&rest), "");
    }

    /// Reads more; 0 at the end, however it came.
    async fn more(&mut self) -> usize {
        self.stream.read_buf(&mut self.read).await.unwrap_or(0)
    }
}

impl Talk {
    /// The first byte that comes, which is then still to be read.
    pub(crate) async fn peek(&mut self) -> Option<u8> {
        while self.read.is_empty() {
            if self.more().await == 0 {
                return None;
            }
        }
        self.read.first().copied()
    }

    /// The stream as if nothing had been read of it.
    pub(crate) fn into_stream(self) -> Stream {
        let (reader, writer) = tokio::io::split(self.stream);
        let reader = std::io::Cursor::new(self.read).chain(reader);
        Stream::other(tokio::io::join(reader, writer))
    }

    /// The same over any stream.
    pub(crate) fn boxed(self) -> Talk<Stream> {
        Talk::new(self.into_stream())
    }
}

/// A queue between a scripted server and its test.
pub(crate) fn queue<T>() -> (mpsc::Sender<T>, mpsc::Receiver<T>) {
    mpsc::channel(16)
}

/// Bytes that are not all the same.
pub(crate) fn pattern(count: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut bytes = Vec::with_capacity(count + 8);
    while bytes.len() < count {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(count);
    bytes
}
