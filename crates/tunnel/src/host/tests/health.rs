//! Looks at URLs, from the host through an edge and back to it.

use std::collections::BTreeMap;

use adit_proto::change::Change;
use adit_wire::change::Watcher;
use adit_wire::clock;

use super::edge::{Edge, Manner};
use super::*;

const PASS: Manner = Manner::Pass { marked: false, pieces: 4096 };
const MARKED: Manner = Manner::Pass { marked: true, pieces: 4096 };

/// A host that looks at its URL, which leads through `edge`.
struct World {
    relay: Relay,
    host: HostHandle,
    session: Session,
    edge: Edge,
    /// The events since, in words, that are not of health.
    other: Vec<String>,
}

impl World {
    async fn new(port: u16, manner: Manner) -> Self {
        let edge = Edge::new(port, manner).await;
        let mut relay = Relay::new([port], true).await;
        relay.service.set_url(&edge.url);
        let mut config = Config::new(
            relay.service.clone(),
            relay.connector.clone(),
            "web".parse().expect("a locator"),
        );
        config.health = Some(Interval::default());
        let mut host = Host::spawn(config);
        let mut session = relay.session().await;
        edge.lead_to(&session.handle);
        assert_eq!(session.seen().await, Seen::Announced(port));
        story(&mut host, "ready 1").await;
        Self { relay, host, session, edge, other: Vec::new() }
    }

    /// What is next told of the URL.
    async fn health(&mut self) -> Health {
        loop {
            match self.host.next().await.expect("the host lives") {
                Event::Health { health, .. } => return health,
                Event::Proven { .. } => {}
                other => self.other.push(word(other)),
            }
        }
    }

    async fn proof(&mut self) -> (Label, Option<Proof>) {
        let health = self.health().await;
        (health.label, health.proven.map(|(_, proof)| proof))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_port_that_was_refused_before_the_session_served_is_not_looked_at() {
    let (echo, other) = (Echo::new().await, Echo::new().await);
    let edge = Edge::new(echo.port, PASS).await;
    let mut relay = Relay::new([echo.port, other.port], true).await;
    relay.do_not_serve(other.port);
    relay.service.set_url(&edge.url);
    let at = "web".parse().expect("a locator");
    let mut config = Config::new(relay.service.clone(), relay.connector.clone(), at);
    config.health = Some(Interval::default());
    let mut host = Host::spawn(config);
    let session = relay.session().await;
    edge.lead_to(&session.handle);
    let mut known = BTreeMap::new();
    while known.len() < 2 {
        if let Event::Health { port, health } = host.next().await.expect("the host lives") {
            known.insert(port, health.label);
        }
    }
    assert_eq!(known[&other.port], Label::AccessRefused);
    assert_eq!(known[&echo.port], Label::Operational);
    assert_eq!(host.counts().looks, 1);
}

/// A port on which nothing listens, and which nobody else gets meanwhile.
fn silent() -> (tokio::net::TcpSocket, u16) {
    let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
    socket.bind((Ipv4Addr::LOCALHOST, 0).into()).expect("a port");
    let port = socket.local_addr().expect("an address").port();
    (socket, port)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_host_proves_its_url_itself_however_the_request_comes() {
    for manner in [PASS, MARKED, Manner::Pass { marked: false, pieces: 1 }] {
        let echo = Echo::new().await;
        let mut world = World::new(echo.port, manner).await;
        assert_eq!(world.proof().await, (Label::Operational, Some(Proof::Strong)));
        assert!(world.other.is_empty(), "no observation, nothing of a visitor: {:?}", world.other);
        assert_eq!(world.host.counts(), Counts { looks: 1, ..Counts::default() });
        let known = world.host.health();
        assert_eq!(known[&echo.port].label, Label::Operational);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_that_marks_looks_has_the_tunnel_proven_though_the_local_server_is_away() {
    let (_socket, port) = silent();
    let mut world = World::new(port, MARKED).await;
    assert_eq!(world.proof().await, (Label::LocalDown, Some(Proof::Strong)));
    assert!(world.other.is_empty(), "no visitor was refused: {:?}", world.other);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_relay_says_502_and_the_local_port_says_why() {
    let (_socket, port) = silent();
    let mut world = World::new(port, PASS).await;
    let health = world.health().await;
    assert_eq!((health.label, health.proven), (Label::LocalDown, None));
    let said = format!("nothing listens on localhost:{port}; start your server");
    assert_eq!(health.said(), said);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_comes_up_is_noticed_without_any_visitor_or_session() {
    let (socket, port) = silent();
    let mut world = World::new(port, MARKED).await;
    assert_eq!(world.proof().await.0, Label::LocalDown);
    drop(socket);
    let _echo = Echo::at(port).await;
    assert_eq!(world.proof().await.0, Label::Operational);
    assert!(!world.relay.has_new_session());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_url_behind_a_live_session_gets_another_session_and_is_proven_again() {
    let echo = Echo::new().await;
    let dead = "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    let mut world = World::new(echo.port, Manner::Answer(dead)).await;
    let health = world.health().await;
    assert_eq!(health.label, Label::Zombie);
    assert!(health.said().contains("not through this host"), "{}", health.said());
    assert_eq!(world.host.counts().dead, 1);
    let told = world.other.iter().filter(|word| word.starts_with("UrlDead")).count();
    assert_eq!(told, 1, "{:?}", world.other);
    assert_eq!(world.host.counts().looks, 3);
    let second = world.relay.session().await;
    assert!(matches!(world.session.seen().await, Seen::Ended(_)));
    world.edge.lead_to(&second.handle);
    world.edge.behave(PASS);
    assert_eq!(world.proof().await, (Label::Operational, Some(Proof::Strong)));
    assert!(!world.relay.has_new_session());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_private_url_is_asked_with_a_connect_token_that_is_got_when_the_gate_wants_one() {
    // Refused at the gate, or sent away to sign in; with the second token accepted, or already the first.
    let refused = "HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n";
    let sent_away =
        "HTTP/1.1 302 Found\r\nlocation: https://login.example.com/\r\ncontent-length: 0\r\n\r\n";
    for refusal in [refused, sent_away] {
        let echo = Echo::new().await;
        let gate = Manner::Gate { token: "connect-1", refusal };
        let mut world = World::new(echo.port, gate).await;
        assert_eq!(world.proof().await, (Label::Operational, Some(Proof::Strong)));
        assert_eq!(world.host.counts(), Counts { looks: 1, connect_mints: 1, dead: 0 });
        assert_eq!(world.relay.service.mints.load(Ordering::Relaxed), 1, "for hosting");
        // The token is kept for the next session's look, and replaced when it is refused.
        world.edge.behave(Manner::Gate { token: "connect-2", refusal });
        world.session.handle.kill().await;
        let session = world.relay.session().await;
        world.edge.lead_to(&session.handle);
        story(&mut world.host, "Hosting").await;
        while world.host.counts().looks < 2
            || world.relay.service.connect_mints.load(Ordering::Relaxed) < 2
        {
            clock::sleep(Duration::from_millis(5)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_gets_no_connect_token_is_told_so_and_keeps_the_session() {
    let echo = Echo::new().await;
    let refusal = "HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n";
    let mut world = World::new(echo.port, Manner::Gate { token: "none", refusal }).await;
    world.relay.service.forbids_connecting.store(true, Ordering::Relaxed);
    let health = world.health().await;
    assert_eq!((health.label, health.proven), (Label::AccessRefused, None), "{}", health.said());
    assert!(!world.relay.has_new_session());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_host_is_the_label_of_standing_by() {
    let echo = Echo::new().await;
    let mut world = World::new(echo.port, PASS).await;
    assert_eq!(world.proof().await.0, Label::Operational);
    world.session.handle.disconnect(disconnect::TOO_MANY_CONNECTIONS, "another host").await;
    assert_eq!(world.health().await.label, Label::AnotherHost);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_for_the_host_reaches_the_server_as_it_was_sent() {
    let echo = Echo::new().await;
    let world = World::new(echo.port, PASS).await;
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    let mut draw = move |below: usize| {
        random = random.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        (random >> 33) as usize % below
    };
    for _ in 0..60 {
        // As much of a look as nobody can be sure of, something else, and a lot behind it.
        let asking = format!("GET /.well-known/adit/{:032x} HTTP/1.1\r\n\r\n", draw(1 << 30));
        let mut sent = asking.as_bytes()[..draw(asking.len())].to_vec();
        sent.push(b'!');
        sent.extend((0..draw(12_000)).map(|n| (n * 31 % 251) as u8));
        let opened = world.session.open(echo.port).await.expect("a channel");
        let (mut reader, mut writer) = opened.channel.split();
        let send = async {
            let mut rest = Bytes::from(sent.clone());
            while !rest.is_empty() {
                let piece = rest.split_to(rest.len().min(1 + draw(4000)));
                writer.send(piece).await.expect("it is open");
            }
        };
        let hear = async {
            let mut heard = Vec::new();
            while heard.len() < sent.len() {
                let bytes = reader.recv().await.expect("more");
                reader.consumed(bytes.len());
                heard.extend_from_slice(&bytes);
            }
            heard
        };
        let ((), heard) = tokio::join!(send, hear);
        assert!(heard == sent, "{:?}", String::from_utf8_lossy(&sent[..80.min(sent.len())]));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_speaks_first_is_heard_at_once_and_a_client_that_stalls_harms_nobody() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a listener");
    let port = listener.local_addr().expect("an address").port();
    let _server = task::spawn("greeter", async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.write_all(b"220 ready\r\n").await;
            let mut byte = [0];
            while let Ok(1) = stream.read(&mut byte).await {
                let _ = stream.write_all(&byte).await;
            }
        }
    });
    let world = World::new(port, MARKED).await;
    let mut channel = world.session.open(port).await.expect("a channel").channel;
    let greeting = channel.recv().await.expect("a greeting");
    assert_eq!(greeting, "220 ready\r\n");
    // The beginning of a look is no look on a connection that is a conversation already.
    channel.send(Bytes::from_static(b"GET")).await.expect("it is open");
    assert_eq!(channel.recv().await.expect("an echo")[0], b'G');
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_network_ends_a_wait_and_a_session_that_does_not_survive_it() {
    let echo = Echo::new().await;
    let (reporter, watcher) = Watcher::told();
    let mut relay = Relay::new([echo.port], true).await;
    let at = "web".parse().expect("a locator");
    let mut config = Config::new(relay.service.clone(), relay.connector.clone(), at);
    config.changes = Some(watcher);
    let mut host = Host::spawn(config);
    let session = relay.session().await;
    story(&mut host, "ready 1").await;

    relay.refuse_next(1, 429);
    session.handle.kill().await;
    // For an hour, as it was told to.
    story(&mut host, "retry 2").await;
    reporter.report(Change::Network);
    story(&mut host, "Hosting").await;
    let _session = relay.session().await;

    // A jump that ages tokens has the session replaced by plan.
    let before = relay.service.mints.load(Ordering::Relaxed);
    reporter.report(Change::Time(Duration::from_secs(3600)));
    story(&mut host, "authorizing").await;
    relay.session().await;
    assert_eq!(relay.service.mints.load(Ordering::Relaxed), before + 1);
}
