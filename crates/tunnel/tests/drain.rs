//! A client whose relay says that it is about to restart. The relay does as the test tells it.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use adit_proto::relay::{ClientPeer, ClientPeerCommand, ClientPeerEvent, Ending};
use adit_proto::ssh::{self, disconnect};
use adit_tunnel::client::{Client, ClientHandle, Config, Event, State};
use adit_tunnel::management::{Base, Credential, Rest};
use adit_wire::net::{Connector, Proxies};
use adit_wire::pump::{self, Handle};
use adit_wire::{channel::Channel, clock, handshake, task, tls, ws};
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

const PORT: u16 = 3000;

/// A relay with one tunnel, for clients.
struct Relay {
    sessions: mpsc::Receiver<Session>,
    /// It takes no sessions for now.
    refuses: Arc<AtomicBool>,
    _task: task::Task<()>,
}

/// A client's session, as the relay sees it.
struct Session {
    handle: Handle<ClientPeerCommand>,
    /// Connections that the client asked for.
    opened: mpsc::Receiver<Channel>,
    ended: mpsc::Receiver<Ending>,
    _tasks: task::Group,
}

impl Session {
    async fn set_ports(&self, ports: impl IntoIterator<Item = u16>) {
        let ports: BTreeSet<u16> = ports.into_iter().collect();
        self.handle.command(ClientPeerCommand::SetPorts(ports)).await;
    }

    async fn drain(&self) {
        self.handle.command(ClientPeerCommand::Drain).await;
    }
}

/// A client that is connected, its relay, its session, and the local port.
async fn scene() -> (Relay, ClientHandle, Session, u16) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let (sender, sessions) = mpsc::channel(4);
    let refuses = Arc::<AtomicBool>::default();
    let refusing = refuses.clone();
    let task = task::spawn("relay", async move {
        let connections = task::Group::new("connections");
        while let Ok((stream, _)) = listener.accept().await {
            let (sender, refusing) = (sender.clone(), refusing.clone());
            connections.spawn("connection", async move {
                let serve = service_fn(|request| {
                    let refuses = refusing.load(Ordering::Relaxed);
                    answer(request, address.to_string(), sender.clone(), refuses)
                });
                let http = hyper::server::conn::http1::Builder::new();
                let _ = http.serve_connection(TokioIo::new(stream), serve).with_upgrades().await;
            });
        }
    });
    let mut relay = Relay { sessions, refuses, _task: task };
    let connector = Connector::new(tls::Client::danger_unverified(), Proxies::none());
    let base = Base::parse(&format!("http://{address}/")).unwrap();
    let service = Arc::new(Rest::new(connector.clone(), base, Credential::Anonymous));
    let mut client = Client::spawn(Config::new(service, connector, "web".parse().unwrap()));
    let session = relay.sessions.recv().await.unwrap();
    session.set_ports([PORT]).await;
    let local = loop {
        if let Event::Listening { local, .. } = client.next().await.unwrap() {
            break local;
        }
    };
    (relay, client, session, local)
}

async fn answer(
    mut request: Request<Incoming>,
    address: String,
    sessions: mpsc::Sender<Session>,
    refuses: bool,
) -> Result<Response<Full<Bytes>>, Infallible> {
    if !handshake::is_requested(request.headers()) {
        let endpoint = json!({
            "connectionMode": "TunnelRelay", "hostId": "h",
            "clientRelayUri": format!("ws://{address}/client"),
        });
        let tunnel = json!({ "tunnelId": "web", "clusterId": "loc1", "endpoints": [endpoint] });
        return Ok(Response::new(Full::from(tunnel.to_string())));
    }
    if refuses {
        let mut response = Response::new(Full::default());
        *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
        return Ok(response);
    }
    let accepted = handshake::accept(&mut request, Some("tunnel-relay-client-v2-dev")).unwrap();
    let tasks = task::Group::new("session");
    let spawner = tasks.spawner();
    spawner.clone().spawn("session", async move {
        let (stream, received) = accepted.upgrade.wait().await.unwrap();
        let role = ClientPeer::new(ssh::Config::new([7; 16]), clock::now());
        let config = pump::Config { role: ws::Role::Server, ping: None, channels: 100 };
        let (handle, mut events, run) = pump::pump(config, role, stream, received);
        spawner.spawn("pump", run);
        let ((open, opened), (end, ended)) = (mpsc::channel(8), mpsc::channel(1));
        let _ = sessions.send(Session { handle, opened, ended, _tasks: tasks }).await;
        while let Some(event) = events.recv().await {
            match event {
                pump::Event::Incoming(ClientPeerEvent::Connect(_), incoming) => {
                    let _ = open.send(incoming.accept(false).await).await;
                }
                pump::Event::Ended(ending) => {
                    let _ = end.send(ending).await;
                }
                _ => {}
            }
        }
    });
    Ok(accepted.response.map(|()| Full::default()))
}

/// A connection of a local program, and its other end in this session.
async fn connect(local: u16, session: &mut Session) -> (TcpStream, Channel) {
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, local)).await.unwrap();
    (stream, session.opened.recv().await.unwrap())
}

async fn talk(stream: &mut TcpStream, channel: &mut Channel) {
    stream.write_all(b"question").await.unwrap();
    let heard = channel.recv().await.unwrap();
    assert_eq!(heard, "question");
    channel.consumed(heard.len());
    channel.send(Bytes::from_static(b"answer")).await.unwrap();
    let mut heard = [0; 6];
    stream.read_exact(&mut heard).await.unwrap();
    assert_eq!(&heard, b"answer");
}

#[tokio::test]
async fn a_session_serves_until_the_next_knows_the_same_ports() {
    let (mut relay, _client, mut old, local) = scene().await;
    old.drain().await;
    let mut new = relay.sessions.recv().await.unwrap();
    let (mut early, mut early_end) = connect(local, &mut old).await;
    new.set_ports([PORT]).await;
    // The next is used once the client has heard of that, and from then on.
    let (mut late, mut late_end) = loop {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, local)).await.unwrap();
        tokio::select! {
            channel = new.opened.recv() => break (stream, channel.unwrap()),
            _ = old.opened.recv() => {}
        }
    };
    talk(&mut late, &mut late_end).await;
    talk(&mut early, &mut early_end).await;
    assert!(old.ended.try_recv().is_err(), "it has a connection");
    drop((early, early_end));
    let ending = old.ended.recv().await.unwrap();
    let Ending::Disconnected { reason, .. } = ending else { panic!("{ending:?}") };
    assert_eq!(reason, disconnect::BY_APPLICATION);
    talk(&mut late, &mut late_end).await;
}

#[tokio::test]
async fn while_there_is_no_next_session_the_one_that_leaves_serves() {
    let (mut relay, mut client, mut old, local) = scene().await;
    relay.refuses.store(true, Ordering::Relaxed);
    old.drain().await;
    loop {
        match client.next().await.unwrap() {
            Event::Retry { .. } => break,
            Event::State(state) => assert_eq!(state, State::Connected),
            other => panic!("{other:?}"),
        }
    }
    let (mut stream, mut channel) = connect(local, &mut old).await;
    talk(&mut stream, &mut channel).await;

    old.handle.kill().await;
    while !matches!(client.next().await.unwrap(), Event::State(State::Reconnecting)) {}
    relay.refuses.store(false, Ordering::Relaxed);
    client.refresh().await;
    let mut new = relay.sessions.recv().await.unwrap();
    let (mut stream, mut channel) = connect(local, &mut new).await;
    talk(&mut stream, &mut channel).await;
    while !matches!(client.next().await.unwrap(), Event::State(State::Connected)) {}
}

#[tokio::test]
async fn a_session_that_ends_before_the_next_knows_its_ports_is_replaced_at_once() {
    let (mut relay, mut client, old, local) = scene().await;
    old.drain().await;
    let mut new = relay.sessions.recv().await.unwrap();
    old.handle.kill().await;
    let (mut stream, mut channel) = connect(local, &mut new).await;
    talk(&mut stream, &mut channel).await;
    new.set_ports([PORT]).await;
    new.drain().await;
    let mut third = relay.sessions.recv().await.unwrap();
    third.set_ports([PORT]).await;
    drop((stream, channel));
    assert!(matches!(new.ended.recv().await.unwrap(), Ending::Disconnected { .. }));
    let (mut stream, mut channel) = connect(local, &mut third).await;
    talk(&mut stream, &mut channel).await;
    loop {
        tokio::select! {
            biased;
            Some(event) = client.next() => assert!(matches!(event, Event::State(_)), "{event:?}"),
            () = std::future::ready(()) => break,
        }
    }
}
