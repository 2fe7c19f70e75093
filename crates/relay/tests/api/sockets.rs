//! The relay's websockets, with our own ends of the sessions as peers.

use std::time::Duration;

use adit_proto::relay::{ClientEvent, Ending, HostCommand, HostEvent};
use adit_proto::ssh::{self, disconnect};
use adit_relay::auth::users;
use adit_wire::handshake::Error;
use adit_wire::pump::{Event, OpenError};
use adit_wire::{clock, task};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::peers::*;
use crate::support::{Relay, add_user, send};

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
    assert_eq!(host.told().await, HostEvent::PortsChanged);
    assert_eq!(client.told().await, ClientEvent::PortRemoved { port: 3000 });
    relay.call("PUT", &path, json!({ "portNumber": 3000 })).await.expect(201);
    assert_eq!(host.told().await, HostEvent::PortsChanged);
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
    assert_eq!(host.told().await, HostEvent::PortsChanged);
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

/// What the relay's page of metrics says of this one.
async fn metric(relay: &Relay, name: &str) -> usize {
    let admin = relay.server.admin_addr().unwrap();
    let metrics = send(admin, "GET", "/metrics", "".into(), &[]).await;
    let text = String::from_utf8(metrics.body.to_vec()).unwrap();
    let lines = text.lines().filter_map(|line| line.split_once(' '));
    let mut values = lines.filter_map(|(found, value)| (found == name).then_some(value));
    values.next().expect("the metric is there").parse().unwrap()
}

/// What a relay's buffers hold, in bytes.
async fn buffered(relay: &Relay, kind: &str) -> usize {
    metric(relay, &format!("adit_buffer_bytes{{kind=\"{kind}\"}}")).await
}

#[tokio::test]
async fn sessions_are_counted_as_long_as_they_last() {
    let relay = Relay::with(|config| config.admin = Some("127.0.0.1:0".parse().unwrap())).await;
    let sessions =
        async |role: &str| metric(&relay, &format!("adit_sessions{{role=\"{role}\"}}")).await;
    assert_eq!((sessions("host").await, sessions("client").await), (0, 0));
    let tunnel = tunnel(&relay).await;
    let host = serving(&relay, &tunnel.host_uri, &tunnel.host, None).await;
    let client = client(&relay, &tunnel.client_uri, &tunnel.connect).await;
    assert_eq!((sessions("host").await, sessions("client").await), (1, 1));
    drop(client);
    while sessions("client").await != 0 {}
    assert_eq!(sessions("host").await, 1);
    drop(host);
    while sessions("host").await != 0 {}
}

#[tokio::test]
async fn a_stalled_connection_holds_little_of_the_relay_and_harms_no_other() {
    let relay = Relay::with(|config| {
        config.admin = Some("127.0.0.1:0".parse().unwrap());
        config.limits.buffers = "16MiB".parse().unwrap();
    });
    let relay = relay.await;
    let tunnel = tunnel(&relay).await;
    let mut host = serving(&relay, &tunnel.host_uri, &tunnel.host, None).await;
    let mut client = client(&relay, &tunnel.client_uri, &tunnel.connect).await;
    assert_eq!(client.told().await, ClientEvent::PortAdded { port: 3000 });

    let (_stalled, mut far) = connection(&mut host, &client).await;
    let chunk = Bytes::from(vec![1; 32 * 1024]);
    let stall = async { while far.send(chunk.clone()).await.is_ok() {} };
    let blocked = clock::until(clock::now() + Duration::from_millis(200), stall).await;
    assert!(blocked.is_err(), "it cannot send for ever");
    // The window of the host's channel, which may have grown while the client's queue filled, and
    // that queue.
    let stalled = buffered(&relay, "waiting").await;
    assert!((1..=1024 * 1024).contains(&stalled), "{stalled} bytes");

    let (mut near, mut far) = connection(&mut host, &client).await;
    let total = 64 << 20;
    let sent = async {
        let mut most = 0;
        for number in 0..total / chunk.len() {
            far.send(chunk.clone()).await.unwrap();
            if number % 64 == 0 {
                most = buffered(&relay, "waiting").await.max(most);
                assert!(buffered(&relay, "promised").await <= buffered(&relay, "limit").await);
            }
        }
        (most, far)
    };
    let received = async {
        let mut received = 0;
        while received < total {
            let data = near.recv().await.expect("it goes on");
            received += data.len();
            near.consumed(data.len());
        }
    };
    let ((most, _far), ()) = tokio::join!(sent, received);
    // One session has no more than an eighth of the buffers, in each direction.
    assert!(most <= stalled + 2 * (16 << 20) / 8, "{most} bytes beside {stalled}");
}

#[tokio::test]
async fn a_key_that_was_made_a_moment_ago_is_known_to_sockets_and_visitors() {
    let folder = tempfile::tempdir().unwrap();
    let (authorization, _) = add_user(folder.path(), "ann", &[]);
    let relay = Relay::on_disk(folder.path(), "domain = 'relay.test'").await;
    let headers = [("authorization", &*authorization)];
    let body = json!({
        "tunnelId": ID,
        "ports": [{ "portNumber": 3000 }],
        "accessControl": { "entries": [
            { "type": "Groups", "subjects": ["team"], "scopes": ["connect"] }
        ] }
    });
    relay.call_with("PUT", &format!("/tunnels/{ID}"), body, &headers).await.expect(201);

    // Each has a key that no request before it made the relay look for.
    let (bob, _) = add_user(folder.path(), "bob", &["team"]);
    let mut headers = HeaderMap::new();
    headers.insert("authorization", HeaderValue::from_str(&bob).unwrap());
    let uri = format!("ws://{}/v1/client/{ID}", relay.server.addr());
    upgrade(&relay, &uri, CLIENT, "", headers).await.expect("bob may connect");

    let (eve, _) = add_user(folder.path(), "eve", &["team"]);
    let name = format!("{ID}-3000.relay.test");
    let visit = async |who: &str| {
        let headers = [("host", &*name), ("x-tunnel-authorization", who)];
        let answer = relay.call_with("GET", "/", Value::Null, &headers).await;
        answer.json()["code"].as_str().unwrap().to_owned()
    };
    assert_eq!(visit(&eve).await, "no_host", "eve may come in, but there is nobody");
    assert_eq!(visit("Bearer adit_nobody-s").await, "bad_token");
}
