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

pub(crate) use super::talk::{Response, Talk, field, get, length, ok};

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
