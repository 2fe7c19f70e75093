//! Hosts and clients: our own ends of the sessions, spoken to by hand.

use std::time::Duration;

use adit_proto::relay::{
    Client, ClientCommand, ClientEvent, Ending, Host, HostCommand, HostEvent, message::Connect,
};
use adit_proto::ssh;
use adit_proto::token::Secret;
use adit_wire::channel::Channel;
use adit_wire::handshake::{self, Error};
use adit_wire::net::Stream;
use adit_wire::pump::{self, Event, Events, Handle};
use adit_wire::{clock, task, ws};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Uri};
use serde_json::{Value, json};
use tokio::net::TcpStream;

use crate::support::Relay;

pub(crate) const ID: &str = "quiet-fox-0000000";
pub(crate) const HOST: &str = "tunnel-relay-host-v2-dev";
pub(crate) const CLIENT: &str = "tunnel-relay-client-v2-dev";
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// One end of a session, and its task.
pub(crate) struct Peer<C, E> {
    pub(crate) handle: Handle<C>,
    pub(crate) events: Events<E>,
    pub(crate) headers: HeaderMap,
    _task: task::Task<()>,
}

impl<C, E: std::fmt::Debug> Peer<C, E> {
    /// The next event, which must come in time.
    pub(crate) async fn next(&mut self) -> Event<E> {
        let event = clock::until(clock::now() + PATIENCE, self.events.recv()).await;
        event.expect("an event in time").expect("a session that has not ended")
    }

    /// The next thing the role tells.
    pub(crate) async fn told(&mut self) -> E {
        match self.next().await {
            Event::Role(event) => event,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn ending(&mut self) -> Ending {
        loop {
            if let Event::Ended(ending) = self.next().await {
                return ending;
            }
        }
    }
}

pub(crate) async fn upgrade(
    relay: &Relay,
    uri: &str,
    protocol: &str,
    token: &str,
    headers: HeaderMap,
) -> Result<handshake::Connected, Error> {
    let tcp = TcpStream::connect(relay.server.addr()).await.unwrap();
    let token = (!token.is_empty()).then(|| Secret::from(token));
    let request = handshake::Request {
        uri: &uri.parse::<Uri>().unwrap(),
        protocols: &[protocol],
        token: token.as_ref(),
        headers,
        deadline: clock::now() + PATIENCE,
    };
    handshake::over(Stream::Tcp(tcp), request).await
}

fn config() -> pump::Config {
    pump::Config { role: ws::Role::Client, ping: None, channels: 100 }
}

pub(crate) async fn host(
    relay: &Relay,
    uri: &str,
    token: &str,
    supersedes: Option<&HeaderValue>,
) -> Peer<HostCommand, HostEvent> {
    let mut headers = HeaderMap::new();
    headers.insert("x-tunnels-host-process-id", HeaderValue::from_static("process"));
    if let Some(epoch) = supersedes {
        headers.insert("adit-supersedes", epoch.clone());
    }
    let connected = upgrade(relay, uri, HOST, token, headers).await.unwrap();
    let role = Host::new(ssh::Config::new([1; 16]), clock::now());
    let (handle, events, run) = pump::pump(config(), role, connected.stream, connected.leftover);
    let task = task::spawn("host", run);
    Peer { handle, events, headers: connected.headers, _task: task }
}

/// A host that serves port 3000.
pub(crate) async fn serving(
    relay: &Relay,
    uri: &str,
    token: &str,
    supersedes: Option<&HeaderValue>,
) -> Peer<HostCommand, HostEvent> {
    let mut host = host(relay, uri, token, supersedes).await;
    assert_eq!(host.told().await, HostEvent::Ready { own_relay: true });
    let announce = HostCommand::Announce { port: 3000, token: Bytes::from(token.to_owned()) };
    host.handle.command(announce).await;
    assert_eq!(host.told().await, HostEvent::Announced { port: 3000 });
    host
}

pub(crate) async fn client(
    relay: &Relay,
    uri: &str,
    token: &str,
) -> Peer<ClientCommand, ClientEvent> {
    let connected = upgrade(relay, uri, CLIENT, token, HeaderMap::new()).await.unwrap();
    let role = Client::new(ssh::Config::new([2; 16]), clock::now());
    let (handle, events, run) = pump::pump(config(), role, connected.stream, connected.leftover);
    let task = task::spawn("client", run);
    let mut peer = Peer { handle, events, headers: connected.headers, _task: task };
    assert_eq!(peer.told().await, ClientEvent::Ready { own_relay: true });
    peer
}

/// A tunnel with port 3000, its tokens, and the sockets' addresses.
pub(crate) struct Tunnel {
    pub(crate) host: String,
    pub(crate) connect: String,
    pub(crate) host_uri: String,
    pub(crate) client_uri: String,
}

pub(crate) async fn tunnel(relay: &Relay) -> Tunnel {
    let tunnel = relay.tunnel(ID).await;
    let endpoint = endpoint(relay, "first").await;
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    Tunnel {
        host: text(&tunnel["accessTokens"]["host"]),
        connect: text(&tunnel["accessTokens"]["connect"]),
        host_uri: text(&endpoint["hostRelayUri"]),
        client_uri: text(&endpoint["clientRelayUri"]),
    }
}

pub(crate) async fn endpoint(relay: &Relay, id: &str) -> Value {
    let body =
        json!({ "id": id, "hostId": format!("host-of-{id}"), "connectionMode": "TunnelRelay" });
    relay.call("PUT", &format!("/tunnels/{ID}/endpoints/{id}"), body).await.expect(200)
}

pub(crate) fn connect() -> ClientCommand {
    ClientCommand::Connect(Connect::to_port(3000))
}

/// A connection through the relay: the client's end and the host's.
pub(crate) async fn connection(
    host: &mut Peer<HostCommand, HostEvent>,
    client: &Peer<ClientCommand, ClientEvent>,
) -> (Channel, Channel) {
    let open = client.handle.open(connect());
    let accept = async {
        match host.next().await {
            Event::Incoming(HostEvent::Connect(_), incoming) => incoming.accept(false).await,
            other => panic!("{other:?}"),
        }
    };
    let (opened, far) = tokio::join!(open, accept);
    (opened.unwrap().channel, far)
}

/// Moves a few bytes from the client's to the host's end and back.
pub(crate) async fn talk(
    host: &mut Peer<HostCommand, HostEvent>,
    client: &Peer<ClientCommand, ClientEvent>,
) {
    let (mut near, mut far) = connection(host, client).await;
    near.send(Bytes::from_static(b"question")).await.unwrap();
    assert_eq!(far.recv().await.as_deref(), Some(&b"question"[..]));
    far.send(Bytes::from_static(b"answer")).await.unwrap();
    assert_eq!(near.recv().await.as_deref(), Some(&b"answer"[..]));
}
