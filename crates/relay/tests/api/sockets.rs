//! The relay's websockets, with our own ends of the sessions as peers.

use std::time::Duration;

use adit_proto::relay::{
    Client, ClientCommand, ClientEvent, Ending, Host, HostCommand, HostEvent, message::Connect,
};
use adit_proto::ssh::{self, disconnect};
use adit_proto::token::Secret;
use adit_relay::auth::users;
use adit_wire::handshake::{self, Error};
use adit_wire::net::Stream;
use adit_wire::pump::{self, Event, Events, Handle, OpenError};
use adit_wire::{clock, task, ws};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Uri};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{Relay, add_user};

const ID: &str = "quiet-fox-0000000";
const HOST: &str = "tunnel-relay-host-v2-dev";
const CLIENT: &str = "tunnel-relay-client-v2-dev";
const PATIENCE: Duration = Duration::from_secs(20);

/// One end of a session, and its task.
struct Peer<C, E> {
    handle: Handle<C>,
    events: Events<E>,
    headers: HeaderMap,
    _task: task::Task<()>,
}

impl<C, E: std::fmt::Debug> Peer<C, E> {
    /// The next event, which must come in time.
    async fn next(&mut self) -> Event<E> {
        let event = clock::until(clock::now() + PATIENCE, self.events.recv()).await;
        event.expect("an event in time").expect("a session that has not ended")
    }

    /// The next thing the role tells.
    async fn told(&mut self) -> E {
        match self.next().await {
            Event::Role(event) => event,
            other => panic!("{other:?}"),
        }
    }

    async fn ending(&mut self) -> Ending {
        loop {
            if let Event::Ended(ending) = self.next().await {
                return ending;
            }
        }
    }
}

async fn upgrade(
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

async fn host(
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
async fn serving(
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

async fn client(relay: &Relay, uri: &str, token: &str) -> Peer<ClientCommand, ClientEvent> {
    let connected = upgrade(relay, uri, CLIENT, token, HeaderMap::new()).await.unwrap();
    let role = Client::new(ssh::Config::new([2; 16]), clock::now());
    let (handle, events, run) = pump::pump(config(), role, connected.stream, connected.leftover);
    let task = task::spawn("client", run);
    let mut peer = Peer { handle, events, headers: connected.headers, _task: task };
    assert_eq!(peer.told().await, ClientEvent::Ready { own_relay: true });
    peer
}

/// A tunnel with port 3000, its tokens, and the sockets' addresses.
struct Tunnel {
    host: String,
    connect: String,
    host_uri: String,
    client_uri: String,
}

async fn tunnel(relay: &Relay) -> Tunnel {
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

async fn endpoint(relay: &Relay, id: &str) -> Value {
    let body =
        json!({ "id": id, "hostId": format!("host-of-{id}"), "connectionMode": "TunnelRelay" });
    relay.call("PUT", &format!("/tunnels/{ID}/endpoints/{id}"), body).await.expect(200)
}

fn connect() -> ClientCommand {
    ClientCommand::Connect(Connect::to_port(3000))
}

/// Moves a few bytes from the client's to the host's end and back.
async fn talk(host: &mut Peer<HostCommand, HostEvent>, client: &Peer<ClientCommand, ClientEvent>) {
    let open = client.handle.open(connect());
    let accept = async {
        match host.next().await {
            Event::Incoming(HostEvent::Connect(_), incoming) => incoming.accept(false).await,
            other => panic!("{other:?}"),
        }
    };
    let (opened, mut far) = tokio::join!(open, accept);
    let mut near = opened.unwrap().channel;
    near.send(Bytes::from_static(b"question")).await.unwrap();
    assert_eq!(far.recv().await.as_deref(), Some(&b"question"[..]));
    far.send(Bytes::from_static(b"answer")).await.unwrap();
    assert_eq!(near.recv().await.as_deref(), Some(&b"answer"[..]));
}

#[tokio::test]
async fn a_client_reaches_the_host_through_the_relay() {
    let relay = Relay::in_memory().await;
    let tunnel = tunnel(&relay).await;
    let mut host = serving(&relay, &tunnel.host_uri, &tunnel.host, None).await;
    let mut client = client(&relay, &tunnel.client_uri, &tunnel.connect).await;
    assert_eq!(client.told().await, ClientEvent::PortAdded { port: 3000 });
    talk(&mut host, &client).await;
    let shown = relay.get(&format!("/tunnels/{ID}")).await.expect(200);
    assert_eq!(shown["status"]["hostConnectionCount"]["current"], 1);
    assert_eq!(shown["status"]["clientConnectionCount"]["current"], 1);
    relay.stop().await;
}

#[tokio::test]
async fn a_port_that_is_deleted_and_made_again_is_served_by_the_host_that_served_it() {
    let relay = Relay::in_memory().await;
    let tunnel = tunnel(&relay).await;
    let mut host = serving(&relay, &tunnel.host_uri, &tunnel.host, None).await;
    let mut client = client(&relay, &tunnel.client_uri, &tunnel.connect).await;
    assert_eq!(client.told().await, ClientEvent::PortAdded { port: 3000 });
    let path = format!("/tunnels/{ID}/ports/3000");
    relay.call("DELETE", &path, Value::Null).await.expect(204);
    assert_eq!(client.told().await, ClientEvent::PortRemoved { port: 3000 });
    relay.call("PUT", &path, json!({ "portNumber": 3000 })).await.expect(201);
    assert_eq!(client.told().await, ClientEvent::PortAdded { port: 3000 });
    talk(&mut host, &client).await;
    relay.stop().await;
}

#[tokio::test]
async fn what_a_host_sent_before_it_closed_reaches_a_client_that_is_still_sending() {
    let relay = Relay::in_memory().await;
    let tunnel = tunnel(&relay).await;
    let mut host = serving(&relay, &tunnel.host_uri, &tunnel.host, None).await;
    let mut client = client(&relay, &tunnel.client_uri, &tunnel.connect).await;
    assert_eq!(client.told().await, ClientEvent::PortAdded { port: 3000 });
    for _ in 0..10 {
        let open = client.handle.open(connect());
        let accept = async {
            match host.next().await {
                Event::Incoming(_, incoming) => incoming.accept(false).await,
                other => panic!("{other:?}"),
            }
        };
        let (opened, mut far) = tokio::join!(open, accept);
        let (mut reader, mut writer) = opened.unwrap().channel.split();
        let upload =
            async move { while writer.send(Bytes::from_static(&[1; 16 * 1024])).await.is_ok() {} };
        let answer = async move {
            for _ in 0..20 {
                far.send(Bytes::from_static(&[2; 10_000])).await.unwrap();
            }
            far.close();
        };
        let read = async move {
            let mut total = 0;
            while let Some(bytes) = reader.recv().await {
                total += bytes.len();
                reader.consumed(bytes.len());
            }
            total
        };
        let (_, (), total) = tokio::join!(upload, answer, read);
        assert_eq!(total, 200_000);
    }
}

#[tokio::test]
async fn what_tokens_do_not_allow_is_answered_with_the_status_that_says_so() {
    let relay = Relay::in_memory().await;
    let tunnel = tunnel(&relay).await;
    let cases = [
        (&tunnel.host_uri, HOST, "", 401),
        (&tunnel.host_uri, HOST, "nonsense", 401),
        (&tunnel.host_uri, HOST, &*tunnel.connect, 403),
        (&tunnel.client_uri, CLIENT, "", 401),
        (&tunnel.client_uri, CLIENT, &*tunnel.host, 403),
        (&tunnel.client_uri, "tunnel-relay-client", &*tunnel.connect, 400),
        (&tunnel.client_uri.replace(ID, "no-such-tunnel"), CLIENT, &*tunnel.connect, 404),
    ];
    for (uri, protocol, token, expected) in cases {
        match upgrade(&relay, uri, protocol, token, HeaderMap::new()).await {
            Err(Error::Refused(refusal)) => assert_eq!(refusal.status, expected, "{uri} {token}"),
            other => panic!("{uri}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_port_that_the_tunnel_does_not_have_is_refused_and_a_deleted_one_is_withdrawn() {
    let relay = Relay::in_memory().await;
    let tunnel = tunnel(&relay).await;
    let mut host = serving(&relay, &tunnel.host_uri, &tunnel.host, None).await;
    let token = Bytes::from(tunnel.host.clone());
    host.handle.command(HostCommand::Announce { port: 4000, token: token.clone() }).await;
    assert_eq!(host.told().await, HostEvent::Refused { port: 4000 });
    let mut client = client(&relay, &tunnel.client_uri, &tunnel.connect).await;
    assert_eq!(client.told().await, ClientEvent::PortAdded { port: 3000 });

    let path = format!("/tunnels/{ID}/ports/4000");
    relay.call("PUT", &path, json!({ "portNumber": 4000 })).await.expect(201);
    host.handle.command(HostCommand::Announce { port: 4000, token }).await;
    assert_eq!(host.told().await, HostEvent::Announced { port: 4000 });
    assert_eq!(client.told().await, ClientEvent::PortAdded { port: 4000 });

    relay.call("DELETE", &format!("/tunnels/{ID}/ports/3000"), Value::Null).await;
    assert_eq!(client.told().await, ClientEvent::PortRemoved { port: 3000 });
    let refused = client.handle.open(connect()).await.unwrap_err();
    assert!(matches!(refused, OpenError::Refused(_)), "{refused:?}");
}

#[tokio::test]
async fn a_second_host_takes_over_and_the_first_is_told_with_reason_12() {
    let relay = Relay::in_memory().await;
    let tunnel = tunnel(&relay).await;
    let mut first = serving(&relay, &tunnel.host_uri, &tunnel.host, None).await;
    let other = endpoint(&relay, "second").await;
    let uri = other["hostRelayUri"].as_str().unwrap();
    let mut second = serving(&relay, uri, &tunnel.host, None).await;
    let Ending::Disconnected { reason, .. } = first.ending().await else { panic!("only dropped") };
    assert_eq!(reason, disconnect::TOO_MANY_CONNECTIONS);

    let mut back = host(&relay, &tunnel.host_uri, &tunnel.host, None).await;
    let Ending::Disconnected { reason, .. } = back.ending().await else { panic!("only dropped") };
    assert_eq!(reason, disconnect::TOO_MANY_CONNECTIONS, "its endpoint was replaced");
    let mut client = client(&relay, &tunnel.client_uri, &tunnel.connect).await;
    assert_eq!(client.told().await, ClientEvent::PortAdded { port: 3000 });
    talk(&mut second, &client).await;
}

#[tokio::test]
async fn a_host_that_returns_replaces_its_old_socket_in_silence() {
    let relay = Relay::in_memory().await;
    let tunnel = tunnel(&relay).await;
    let mut first = serving(&relay, &tunnel.host_uri, &tunnel.host, None).await;
    let mut client = client(&relay, &tunnel.client_uri, &tunnel.connect).await;
    assert_eq!(client.told().await, ClientEvent::PortAdded { port: 3000 });
    let mut again = serving(&relay, &tunnel.host_uri, &tunnel.host, None).await;
    assert!(matches!(first.ending().await, Ending::Lost(_)), "12 would keep it away for good");
    talk(&mut again, &client).await;
}

#[tokio::test]
async fn a_host_that_supersedes_itself_overlaps_until_its_old_connections_end() {
    let relay = Relay::in_memory().await;
    let tunnel = tunnel(&relay).await;
    let mut old = serving(&relay, &tunnel.host_uri, &tunnel.host, None).await;
    let mut client = client(&relay, &tunnel.client_uri, &tunnel.connect).await;
    assert_eq!(client.told().await, ClientEvent::PortAdded { port: 3000 });
    let open = client.handle.open(connect());
    let accept = async {
        match old.next().await {
            Event::Incoming(_, incoming) => incoming.accept(false).await,
            other => panic!("{other:?}"),
        }
    };
    let (opened, mut far) = tokio::join!(open, accept);
    let mut near = opened.unwrap().channel;

    let epoch = old.headers["adit-epoch"].clone();
    let mut new = serving(&relay, &tunnel.host_uri, &tunnel.host, Some(&epoch)).await;
    talk(&mut new, &client).await;
    near.send(Bytes::from_static(b"still here")).await.unwrap();
    assert_eq!(far.recv().await.as_deref(), Some(&b"still here"[..]));
    drop((near, far));
    assert!(matches!(old.ending().await, Ending::Lost(_)), "empty, and so no longer needed");
}

#[tokio::test]
async fn what_the_edge_keeps_for_later_visitors_does_not_hold_an_old_session() {
    let relay = Relay::in_memory().await;
    let tunnel = tunnel(&relay).await;
    let mut host = serving(&relay, &tunnel.host_uri, &tunnel.host, None).await;
    for _ in 0..2 {
        let kept = visit(&relay, &mut host).await;
        assert!(!kept.is_finished());
        let epoch = host.headers["adit-epoch"].clone();
        let new = serving(&relay, &tunnel.host_uri, &tunnel.host, Some(&epoch)).await;
        assert!(matches!(host.ending().await, Ending::Lost(_)), "empty, and so no longer needed");
        host = new;
    }
    let mut kept = visit(&relay, &mut host).await;
    host.handle.command(HostCommand::Withdraw { port: 3000 }).await;
    assert_eq!(kept.join().await, Some(()), "the edge hangs up");
}

/// A visitor of the edge whom the host answers. What is returned ends with the connection.
async fn visit(relay: &Relay, host: &mut Peer<HostCommand, HostEvent>) -> task::Task<()> {
    let at = relay.server.addresses(&ID.parse().unwrap(), 3000).unwrap().loopback;
    let asking = async {
        let mut visitor = TcpStream::connect(at).await.unwrap();
        let request = format!("GET / HTTP/1.1\r\nhost: {at}\r\nconnection: close\r\n\r\n");
        visitor.write_all(request.as_bytes()).await.unwrap();
        let mut response = String::new();
        visitor.read_to_string(&mut response).await.unwrap();
        assert!(response.ends_with("\r\n\r\nhi"), "{response}");
    };
    let answering = async {
        let Event::Incoming(_, incoming) = host.next().await else { panic!("no visitor") };
        let mut channel = incoming.accept(false).await;
        let request = channel.recv().await.unwrap();
        assert!(request.starts_with(b"GET / HTTP/1.1\r\n"));
        let response = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi";
        channel.send(Bytes::from_static(response.as_bytes())).await.unwrap();
        channel
    };
    let ((), mut channel) = tokio::join!(asking, answering);
    task::spawn("local server", async move { while channel.recv().await.is_some() {} })
}

#[tokio::test]
async fn clients_keep_their_session_while_the_host_is_away() {
    let relay = Relay::in_memory().await;
    let tunnel = tunnel(&relay).await;
    let host = serving(&relay, &tunnel.host_uri, &tunnel.host, None).await;
    let mut client = client(&relay, &tunnel.client_uri, &tunnel.connect).await;
    assert_eq!(client.told().await, ClientEvent::PortAdded { port: 3000 });
    host.handle.kill().await;
    host.handle.ended().await;
    // Also if the relay sees the loss a moment later than the host.
    let Err(OpenError::Refused(failure)) = client.handle.open(connect()).await else {
        panic!("opened on a host that is away");
    };
    assert_eq!(failure.reason, ssh::open_failure::CONNECT_FAILED);
    let mut back = serving(&relay, &tunnel.host_uri, &tunnel.host, None).await;
    talk(&mut back, &client).await;
}

#[tokio::test]
async fn deleting_a_tunnel_ends_its_sockets_without_a_disconnect() {
    let relay = Relay::in_memory().await;
    let tunnel = tunnel(&relay).await;
    let mut host = serving(&relay, &tunnel.host_uri, &tunnel.host, None).await;
    let mut client = client(&relay, &tunnel.client_uri, &tunnel.connect).await;
    relay.call("DELETE", &format!("/tunnels/{ID}"), Value::Null).await;
    assert!(matches!(host.ending().await, Ending::Lost(_)));
    assert!(matches!(client.ending().await, Ending::Lost(_)));
}

#[tokio::test]
async fn a_revoked_user_loses_its_sockets_without_a_disconnect() {
    let folder = tempfile::tempdir().unwrap();
    let (authorization, _) = add_user(folder.path(), "ann", &[]);
    let relay = Relay::on_disk(folder.path(), "").await;
    let headers = [("authorization", &*authorization)];
    let body = json!({ "tunnelId": ID, "ports": [{ "portNumber": 3000 }] });
    let path = format!("/tunnels/{ID}?tokenScopes=host");
    let tunnel = relay.call_with("PUT", &path, body, &headers).await.expect(201);
    let body = json!({ "id": "e", "hostId": "h", "connectionMode": "TunnelRelay" });
    let path = format!("/tunnels/{ID}/endpoints/e");
    let endpoint = relay.call_with("PUT", &path, body, &headers).await.expect(200);
    let token = tunnel["accessTokens"]["host"].as_str().unwrap();
    let uri = endpoint["hostRelayUri"].as_str().unwrap();
    let mut host = serving(&relay, uri, token, None).await;
    users::revoke(folder.path(), "ann", clock::wall()).unwrap();
    assert!(matches!(host.ending().await, Ending::Lost(_)));
    match upgrade(&relay, uri, HOST, token, HeaderMap::new()).await {
        Err(Error::Refused(refusal)) => assert_eq!(refusal.status, 401),
        other => panic!("{other:?}"),
    }
}
