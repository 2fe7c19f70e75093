//! Hosts that look whether their URLs work, through the real relay and its edge.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};

use adit_proto::contracts::{
    AccessControl, AccessEntry, AccessEntryType, Protocol, Tunnel, TunnelPort,
};
use adit_proto::token::Secret;
use adit_relay::config::{Config as RelayConfig, Storage};
use adit_relay::server::Server;
use adit_tunnel::client::{self, Client};
use adit_tunnel::host::{self, Health, Host, HostHandle, Interval, Label, Proof};
use adit_tunnel::management::{Base, Credential, Locator, Management, Rest, Want};
use adit_wire::net::{Connector, Proxies, Stream};
use adit_wire::{clock, http as wire_http, task, tls};
use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const KEY: &str = "the-owner's-key";

struct World {
    relay: Server,
    owner: Arc<Rest>,
}

impl World {
    /// A trial relay, whose URLs anybody on this computer may open.
    async fn trial() -> Self {
        Self::with(RelayConfig::embedded(Secret::new(KEY), Storage::Memory)).await
    }

    /// A relay with a domain, as it would be on the internet.
    async fn public() -> Self {
        let mut config = RelayConfig::embedded(Secret::new(KEY), Storage::Memory);
        config.domain = Some("relay.localhost".parse().unwrap());
        config.loopback = None;
        Self::with(config).await
    }

    async fn with(mut config: RelayConfig) -> Self {
        config.admin = Some((Ipv4Addr::LOCALHOST, 0).into());
        let relay = Server::spawn(config).await.unwrap();
        let base = Base::parse(&format!("http://{}/", relay.addr())).unwrap();
        let owner = Arc::new(Rest::new(connector(), base, Credential::User(Secret::new(KEY))));
        Self { relay, owner }
    }

    /// Hosts a tunnel with one port and looks at its URL.
    async fn host(&self, port: u16, protocol: Protocol, anonymous: bool) -> (Locator, HostHandle) {
        let entry = AccessEntry {
            kind: AccessEntryType::Anonymous,
            scopes: vec!["connect".into()],
            ..AccessEntry::default()
        };
        let entries = if anonymous { vec![entry] } else { Vec::new() };
        let port =
            TunnelPort { port_number: port, protocol: Some(protocol), ..TunnelPort::default() };
        let tunnel = Tunnel {
            ports: Some(vec![port]),
            access_control: Some(AccessControl { entries }),
            ..Tunnel::default()
        };
        let created = self.owner.create(&tunnel, Want::NOTHING).await.unwrap();
        let at: Locator = created.full_id().unwrap().into();
        let mut config = host::Config::new(self.owner.clone(), connector(), at.clone());
        config.health = Some(Interval::default());
        (at, Host::spawn(config))
    }

    /// A metric of the relay.
    async fn metric(&self, name: &str) -> u64 {
        let uri = format!("http://{}/metrics", self.relay.admin_addr().unwrap());
        let request = http::Request::get(uri).body(Bytes::new()).unwrap();
        let soon = clock::now() + std::time::Duration::from_secs(20);
        let page = wire_http::glance(&connector(), request, 1 << 20, soon, soon).await.unwrap();
        let page = String::from_utf8(page.into_body().to_vec()).unwrap();
        let line = page.lines().find_map(|line| line.strip_prefix(&format!("{name} ")));
        line.unwrap_or_else(|| panic!("no {name} in {page}")).parse().unwrap()
    }
}

fn connector() -> Connector {
    Connector::new(tls::Client::danger_unverified(), Proxies::none())
}

/// What is told of the URL next; the other events since.
async fn health(host: &mut HostHandle) -> (Health, Vec<host::Event>) {
    let mut other = Vec::new();
    loop {
        match host.next().await.expect("the host lives") {
            host::Event::Health { health, .. } => return (health, other),
            event => other.push(event),
        }
    }
}

fn proof(health: &Health) -> (Label, Option<Proof>) {
    (health.label, health.proven.map(|(_, proof)| proof))
}

/// A local HTTP server that notes what it is asked, in the clear or over TLS.
struct App {
    port: u16,
    asked: Arc<Mutex<Vec<String>>>,
    _task: task::Task<()>,
}

impl App {
    async fn new(secure: bool) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let (notes, tls) = (asked.clone(), certificate());
        let task = task::spawn("app", async move {
            let connections = task::Group::new("app connections");
            while let Ok((tcp, _)) = listener.accept().await {
                let (tls, notes) = (tls.clone(), notes.clone());
                connections.spawn("app connection", async move {
                    let mut stream = Stream::from(tcp);
                    if secure {
                        let Ok(agreed) = tls.accept(stream).await else { return };
                        stream = agreed;
                    }
                    let mut head = vec![0; 8192];
                    while let Ok(n @ 1..) = stream.read(&mut head).await {
                        let text = String::from_utf8_lossy(&head[..n]).into_owned();
                        let line = text.lines().next().unwrap_or_default().to_owned();
                        notes.lock().unwrap().push(line);
                        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi";
                        let _ = stream.write_all(answer).await;
                        let _ = stream.flush().await;
                    }
                });
            }
        });
        Self { port, asked, _task: task }
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

fn certificate() -> tls::Server {
    let key = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (cert, private) = (folder.path().join("c.pem"), folder.path().join("k.pem"));
    std::fs::write(&cert, key.cert.pem()).unwrap();
    std::fs::write(&private, key.signing_key.serialize_pem()).unwrap();
    tls::Server::from_files(&cert, &private).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_http_port_is_proven_by_the_host_and_no_statistics_show_it() {
    let world = World::trial().await;
    let app = App::new(false).await;
    let (at, mut host) = world.host(app.port, Protocol::Http, false).await;
    let (told, other) = health(&mut host).await;
    assert_eq!(proof(&told), (Label::Operational, Some(Proof::Strong)), "{}", told.said());
    assert!(!other.iter().any(|event| matches!(event, host::Event::Observed(_))), "{other:?}");
    // The one request is of the try of the local port, which asks whether it speaks HTTP.
    assert_eq!(app.asked(), ["HEAD /.well-known/adit/live HTTP/1.1"]);
    assert_eq!(world.metric("adit_edge_looks_total").await, 1);
    assert_eq!(world.metric("adit_edge_requests_total").await, 0);
    assert_eq!(world.metric("adit_edge_upstream_opened_total").await, 0);
    assert_eq!(host.counts().connect_mints, 0, "nobody has to sign in on this computer");
    let tunnel = world.owner.get(&at, Want::PORTS).await.unwrap();
    let status = tunnel.ports.unwrap()[0].status.clone().unwrap_or_default();
    assert_eq!(status.last_client_connection_time, None, "nobody has visited");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_private_tunnel_is_asked_with_one_connect_token_and_an_open_one_with_none() {
    let world = World::public().await;
    for (anonymous, mints) in [(false, 1), (true, 0)] {
        let app = App::new(false).await;
        let (_, mut host) = world.host(app.port, Protocol::Http, anonymous).await;
        let (told, _) = health(&mut host).await;
        assert_eq!(proof(&told), (Label::Operational, Some(Proof::Strong)), "{}", told.said());
        assert_eq!(host.counts(), host::Counts { looks: 1, connect_mints: mints, dead: 0 });
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_https_port_is_proven_by_its_server_and_an_auto_port_by_the_host_whatever_it_speaks() {
    let world = World::public().await;
    let app = App::new(true).await;
    let (_, mut host) = world.host(app.port, Protocol::Https, true).await;
    let (told, _) = health(&mut host).await;
    assert_eq!(proof(&told), (Label::Operational, Some(Proof::Weak)), "{}", told.said());
    assert_eq!(app.asked(), ["GET /.well-known/adit/live HTTP/1.1"]);

    for secure in [true, false] {
        let app = App::new(secure).await;
        let (_, mut host) = world.host(app.port, Protocol::Auto, true).await;
        let (told, _) = health(&mut host).await;
        assert_eq!(proof(&told), (Label::Operational, Some(Proof::Strong)), "{}", told.said());
        assert_eq!(app.asked(), [""; 0]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_of_the_other_scheme_is_named() {
    let world = World::public().await;
    for (secure, protocol) in [(true, Protocol::Http), (false, Protocol::Https)] {
        let app = App::new(secure).await;
        let (_, mut host) = world.host(app.port, protocol, true).await;
        let (told, _) = health(&mut host).await;
        assert_eq!(told.label, Label::LocalScheme, "{}", told.said());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_local_server_the_tunnel_is_proven_and_the_server_missed() {
    let world = World::trial().await;
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let port = socket.local_addr().unwrap().port();
    for (protocol, strong) in [(Protocol::Auto, true), (Protocol::Https, false)] {
        let (_, mut host) = world.host(port, protocol, false).await;
        let (told, _) = health(&mut host).await;
        assert_eq!(told.label, Label::LocalDown, "{}", told.said());
        assert_eq!(told.proven.is_some(), strong);
        assert!(told.said().contains(&format!("localhost:{port}")), "{}", told.said());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_speaks_first_is_heard_through_an_auto_port_that_is_looked_at() {
    let world = World::trial().await;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let _server = task::spawn("greeter", async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.write_all(b"220 ready\r\n").await;
            let mut line = [0; 6];
            if stream.read_exact(&mut line).await.is_ok() {
                let _ = stream.write_all(b"221 bye\r\n").await;
            }
        }
    });
    let (at, mut host) = world.host(port, Protocol::Auto, true).await;
    let (told, _) = health(&mut host).await;
    assert_eq!(proof(&told), (Label::Operational, Some(Proof::Strong)));
    let mut client = Client::spawn(client::Config::new(world.owner.clone(), connector(), at));
    let local = loop {
        if let client::Event::Listening { local, .. } = client.next().await.unwrap() {
            break local;
        }
    };
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, local)).await.unwrap();
    let mut greeting = [0; 11];
    stream.read_exact(&mut greeting).await.unwrap();
    assert_eq!(&greeting, b"220 ready\r\n");
    stream.write_all(b"QUIT\r\n").await.unwrap();
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).await.unwrap();
    assert_eq!(rest, b"221 bye\r\n");
}
