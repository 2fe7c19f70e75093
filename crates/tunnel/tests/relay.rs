//! Host and client through the real relay: its API, its sockets, its switch.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use adit_proto::access::Scope;
use adit_proto::contracts::{AccessControl, AccessEntry, AccessEntryType, Tunnel, TunnelPort};
use adit_proto::token::Secret;
use adit_relay::config::{Config as RelayConfig, Storage};
use adit_relay::server::Server;
use adit_tunnel::client::{self, Client, ClientHandle};
use adit_tunnel::host::{self, Command, Host, HostHandle};
use adit_tunnel::management::{Base, Credential, Error, Filter, Locator, Management, Rest, Want};
use adit_wire::net::{Connector, Proxies};
use adit_wire::{task, tls};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

const KEY: &str = "the-owner's-key";

/// A relay and its owner.
struct World {
    relay: Server,
    owner: Arc<Rest>,
}

impl World {
    async fn new() -> Self {
        Self::with(RelayConfig::embedded(Secret::new(KEY), Storage::Memory)).await
    }

    async fn with(config: RelayConfig) -> Self {
        let relay = Server::spawn(config).await.unwrap();
        let owner = Arc::new(rest(&relay, Credential::User(Secret::new(KEY))));
        Self { relay, owner }
    }

    async fn tunnel(&self, tunnel: Tunnel) -> Locator {
        let created = self.owner.create(&tunnel, Want::NOTHING).await.unwrap();
        created.full_id().unwrap().into()
    }

    fn host(&self, at: &Locator) -> HostHandle {
        Host::spawn(host::Config::new(self.owner.clone(), connector(), at.clone()))
    }

    fn client(&self, at: &Locator, credential: Credential) -> ClientHandle {
        let management = Arc::new(rest(&self.relay, credential));
        let tunnel = at.clone();
        Client::spawn(client::Config::new(management, connector(), tunnel))
    }

    fn owner_client(&self, at: &Locator) -> ClientHandle {
        self.client(at, Credential::User(Secret::new(KEY)))
    }
}

fn connector() -> Connector {
    Connector::new(tls::Client::danger_unverified(), Proxies::none())
}

fn rest(relay: &Server, credential: Credential) -> Rest {
    let base = Base::parse(&format!("http://{}/", relay.addr())).unwrap();
    Rest::new(connector(), base, credential)
}

fn with_ports(ports: &[u16]) -> Tunnel {
    let port = |&port| TunnelPort { port_number: port, ..TunnelPort::default() };
    Tunnel { ports: Some(ports.iter().map(port).collect()), ..Tunnel::default() }
}

fn anonymous(tunnel: Tunnel) -> Tunnel {
    let entry = AccessEntry {
        kind: AccessEntryType::Anonymous,
        scopes: vec!["connect".into()],
        ..AccessEntry::default()
    };
    Tunnel { access_control: Some(AccessControl { entries: vec![entry] }), ..tunnel }
}

/// A local server that sends back what it hears, to the end.
async fn echo() -> (u16, task::Task<()>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let task = task::spawn("echo", async move {
        let connections = task::Group::new("echo");
        while let Ok((mut stream, _)) = listener.accept().await {
            connections.spawn("echo", async move {
                let (mut read, mut write) = stream.split();
                if tokio::io::copy(&mut read, &mut write).await.is_ok() {
                    let _ = write.shutdown().await;
                }
            });
        }
    });
    (port, task)
}

async fn hosting(host: &mut HostHandle) {
    until_host(host, |event| matches!(event, host::Event::State(host::State::Hosting))).await;
}

async fn until_host(host: &mut HostHandle, wanted: impl Fn(&host::Event) -> bool) -> host::Event {
    let mut seen = Vec::new();
    while let Some(event) = host.next().await {
        if wanted(&event) {
            return event;
        }
        seen.push(event);
    }
    panic!("it never came: {seen:#?}");
}

async fn until_client(
    client: &mut ClientHandle,
    wanted: impl Fn(&client::Event) -> bool,
) -> client::Event {
    let mut seen = Vec::new();
    while let Some(event) = client.next().await {
        if wanted(&event) {
            return event;
        }
        seen.push(event);
    }
    panic!("it never came: {seen:#?}");
}

/// The local port at which `port` can be reached.
async fn listening(client: &mut ClientHandle, port: u16) -> u16 {
    let is_it = |event: &client::Event| matches!(event, client::Event::Listening { port: it, .. } if *it == port);
    match until_client(client, is_it).await {
        client::Event::Listening { local, .. } => local,
        _ => unreachable!(),
    }
}

async fn ask(local: u16, text: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, local)).await.unwrap();
    stream.write_all(text).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut heard = Vec::new();
    stream.read_to_end(&mut heard).await.unwrap();
    heard
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bytes_cross_from_a_local_listener_to_a_local_server_and_back() {
    let world = World::new().await;
    let (port, _echo) = echo().await;
    let at = world.tunnel(with_ports(&[port])).await;
    let mut host = world.host(&at);
    hosting(&mut host).await;
    let mut client = world.owner_client(&at);
    let local = listening(&mut client, port).await;
    assert_ne!(local, port, "the server has that number");
    assert_eq!(ask(local, b"hello").await, b"hello");

    let mut ipv6 = TcpStream::connect((Ipv6Addr::LOCALHOST, local)).await.unwrap();
    ipv6.write_all(b"six").await.unwrap();
    let mut heard = [0; 3];
    ipv6.read_exact(&mut heard).await.unwrap();
    assert_eq!(&heard, b"six");
    drop(ipv6);

    client.stop().await;
    host.stop().await;
    assert!(TcpStream::connect((Ipv4Addr::LOCALHOST, local)).await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_megabytes_in_parallel_arrive_as_they_left() {
    let world = World::new().await;
    let (port, _echo) = echo().await;
    let at = world.tunnel(with_ports(&[port])).await;
    let mut host = world.host(&at);
    hosting(&mut host).await;
    let mut client = world.owner_client(&at);
    let local = listening(&mut client, port).await;
    let tasks: Vec<_> = (0..20_u32)
        .map(|seed| {
            task::spawn("stream", async move {
                let sent: Vec<u8> =
                    (0..500_000_u32).map(|n| (n.wrapping_mul(seed + 7) >> 5) as u8).collect();
                let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, local)).await.unwrap();
                let (mut read, mut write) = stream.into_split();
                let mut heard = Vec::new();
                let send = async {
                    write.write_all(&sent).await.unwrap();
                    write.shutdown().await.unwrap();
                };
                let (_, read) = tokio::join!(send, read.read_to_end(&mut heard));
                read.unwrap();
                assert!(heard == sent);
            })
        })
        .collect();
    for mut task in tasks {
        task.join().await.expect("every byte");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ports_come_and_go_while_the_tunnel_is_hosted() {
    let world = World::new().await;
    let ((one, _echo_one), (two, _echo_two)) = (echo().await, echo().await);
    let at = world.tunnel(with_ports(&[one])).await;
    let mut host = world.host(&at);
    hosting(&mut host).await;
    let mut client = world.owner_client(&at);
    listening(&mut client, one).await;

    let port = TunnelPort { port_number: two, ..TunnelPort::default() };
    world.owner.create_port(&at, &port).await.unwrap();
    host.command(Command::RefreshPorts).await;
    let local = listening(&mut client, two).await;
    assert_eq!(ask(local, b"two").await, b"two");

    assert!(world.owner.delete_port(&at, one).await.unwrap());
    let gone =
        |event: &client::Event| matches!(event, client::Event::Removed { port } if *port == one);
    until_client(&mut client, gone).await;
    assert!(!world.owner.delete_port(&at, one).await.unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_to_nothing_is_refused_with_the_reason() {
    let world = World::new().await;
    // Bound, so that the client's listener takes another number, and not listening.
    let silent = TcpSocket::new_v4().unwrap();
    silent.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let port = silent.local_addr().unwrap().port();
    let at = world.tunnel(with_ports(&[port])).await;
    let mut host = world.host(&at);
    hosting(&mut host).await;
    let mut client = world.owner_client(&at);
    let local = listening(&mut client, port).await;
    // The reset may be there before the connection is known to be.
    if let Ok(mut stream) = TcpStream::connect((Ipv4Addr::LOCALHOST, local)).await {
        assert!(stream.read(&mut [0; 8]).await.is_err(), "a reset, not an empty answer");
    }
    let refused = |event: &client::Event| matches!(event, client::Event::Refused { .. });
    let client::Event::Refused { cause, .. } = until_client(&mut client, refused).await else {
        unreachable!()
    };
    assert!(cause.contains(&format!("nothing listens on localhost:{port}")), "{cause}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_host_takes_over_and_the_first_stands_by() {
    let world = World::new().await;
    let (port, _echo) = echo().await;
    let at = world.tunnel(with_ports(&[port])).await;
    let mut first = world.host(&at);
    hosting(&mut first).await;
    let mut client = world.owner_client(&at);
    let local = listening(&mut client, port).await;
    let mut second = world.host(&at);
    hosting(&mut second).await;
    until_host(&mut first, |event| matches!(event, host::Event::State(host::State::Standby))).await;
    assert_eq!(ask(local, b"through the second").await, b"through the second");

    first.command(Command::TakeOver).await;
    hosting(&mut first).await;
    until_host(&mut second, |event| matches!(event, host::Event::State(host::State::Standby)))
        .await;
    assert_eq!(ask(local, b"through the first").await, b"through the first");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_renewal_cuts_nothing_and_loses_no_connection() {
    let world = World::new().await;
    let (port, _echo) = echo().await;
    let at = world.tunnel(with_ports(&[port])).await;
    let mut host = world.host(&at);
    hosting(&mut host).await;
    let mut client = world.owner_client(&at);
    let local = listening(&mut client, port).await;
    let mut in_flight = TcpStream::connect((Ipv4Addr::LOCALHOST, local)).await.unwrap();
    for round in 0..3_u8 {
        host.command(Command::Renew).await;
        let ready = |event: &host::Event| {
            matches!(event, host::Event::Progress(host::Phase::ForwardingPorts))
        };
        until_host(&mut host, ready).await;
        for _ in 0..20 {
            assert_eq!(ask(local, &[round; 100]).await, [round; 100]);
        }
        in_flight.write_all(&[round]).await.unwrap();
        assert_eq!(in_flight.read_u8().await.unwrap(), round);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drop_is_mended_and_the_listener_stays() {
    let world = World::new().await;
    let (port, _echo) = echo().await;
    let at = world.tunnel(with_ports(&[port])).await;
    let mut host = world.host(&at);
    hosting(&mut host).await;
    let mut client = world.owner_client(&at);
    let local = listening(&mut client, port).await;
    host.command(Command::Drop).await;
    until_host(&mut host, |event| matches!(event, host::Event::State(host::State::Reconnecting)))
        .await;
    hosting(&mut host).await;
    assert_eq!(ask(local, b"again").await, b"again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_may_not_is_told_so() {
    let world = World::new().await;
    let at = world.tunnel(with_ports(&[3000])).await;
    let nobody = rest(&world.relay, Credential::Anonymous);
    let error = nobody.get(&at, Want::PORTS).await.unwrap_err();
    assert!(error.requires_sign_in(), "{error}");
    let wrong = rest(&world.relay, Credential::User(Secret::new("wrong")));
    let error = wrong.list(&Filter::default()).await.unwrap_err();
    assert!(error.requires_sign_in(), "{error}");

    let mut client = world.client(&at, Credential::Anonymous);
    let failed = |event: &client::Event| matches!(event, client::Event::Failed(_));
    let client::Event::Failed(failure) = until_client(&mut client, failed).await else {
        unreachable!()
    };
    assert!(failure.requires_sign_in(), "{failure}");

    let config = host::Config::new(Arc::new(wrong), connector(), at.clone());
    let mut host = Host::spawn(config);
    let error = |event: &host::Event| matches!(event, host::Event::State(host::State::Error(_)));
    let event = until_host(&mut host, error).await;
    assert!(
        matches!(event, host::Event::State(host::State::Error(host::GiveUp::SignIn))),
        "{event:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_may_connect_where_everybody_may() {
    let world = World::new().await;
    let (port, _echo) = echo().await;
    let at = world.tunnel(anonymous(with_ports(&[port]))).await;
    let mut host = world.host(&at);
    hosting(&mut host).await;
    let mut client = world.client(&at, Credential::Anonymous);
    let local = listening(&mut client, port).await;
    assert_eq!(ask(local, b"anybody").await, b"anybody");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connect_token_is_enough_to_connect_and_for_nothing_else() {
    let world = World::new().await;
    let (port, _echo) = echo().await;
    let at = world.tunnel(with_ports(&[port])).await;
    let token = world.owner.mint(&at, Scope::Connect).await.unwrap();
    let guest = rest(&world.relay, Credential::Tunnel(token.clone()));
    assert!(matches!(guest.delete(&at).await, Err(Error::Forbidden(_))));
    let mut host = world.host(&at);
    hosting(&mut host).await;
    let mut client = world.client(&at, Credential::Tunnel(token));
    let local = listening(&mut client, port).await;
    assert_eq!(ask(local, b"guest").await, b"guest");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_waits_for_a_host() {
    let world = World::new().await;
    let (port, _echo) = echo().await;
    let at = world.tunnel(with_ports(&[port])).await;
    let mut client = world.owner_client(&at);
    let waiting =
        |event: &client::Event| matches!(event, client::Event::State(client::State::Waiting));
    until_client(&mut client, waiting).await;
    let mut host = world.host(&at);
    hosting(&mut host).await;
    client.refresh().await;
    let local = listening(&mut client, port).await;
    assert_eq!(ask(local, b"at last").await, b"at last");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tunnel_that_is_deleted_ends_its_hosting() {
    let world = World::new().await;
    let at = world.tunnel(with_ports(&[3000])).await;
    let mut host = world.host(&at);
    hosting(&mut host).await;
    assert!(world.owner.delete(&at).await.unwrap());
    let error = |event: &host::Event| matches!(event, host::Event::State(host::State::Error(_)));
    let event = until_host(&mut host, error).await;
    let gone = host::State::Error(host::GiveUp::UnknownTunnel);
    assert!(matches!(&event, host::Event::State(state) if *state == gone), "{event:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_host_leaves_no_endpoint() {
    let world = World::new().await;
    let at = world.tunnel(with_ports(&[3000])).await;
    let mut host = world.host(&at);
    hosting(&mut host).await;
    let endpoints = |tunnel: Tunnel| tunnel.endpoints.unwrap_or_default().len();
    assert_eq!(endpoints(world.owner.get(&at, Want::NOTHING).await.unwrap()), 1);
    host.stop().await;
    assert_eq!(endpoints(world.owner.get(&at, Want::NOTHING).await.unwrap()), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tunnels_are_kept_found_and_changed() {
    let world = World::new().await;
    let tunnel = Tunnel {
        name: Some("my-web".into()),
        labels: Some(vec!["blue".into(), "big".into()]),
        ..with_ports(&[3000])
    };
    let at = world.tunnel(tunnel.clone()).await;
    let error = world.owner.create(&tunnel, Want::NOTHING).await.unwrap_err();
    assert!(matches!(error, Error::Conflict(_)), "{error}");

    let by_name: Locator = "my-web".parse().unwrap();
    let found = world.owner.get(&by_name, Want::PORTS).await.unwrap();
    assert_eq!(found.full_id().map(Locator::from), Some(at.clone()));
    assert_eq!(found.port(3000).map(|port| port.port_number), Some(3000));
    let by_id = Locator { cluster: None, ..at.clone() };
    assert!(world.owner.get(&by_id, Want::NOTHING).await.is_ok());

    let change = Tunnel {
        tunnel_id: found.tunnel_id.clone(),
        description: Some("it serves the web".into()),
        ..Tunnel::default()
    };
    let changed = world.owner.update(&change, Want::PORTS).await.unwrap();
    assert_eq!(changed.description.as_deref(), Some("it serves the web"));
    assert_eq!(changed.name.as_deref(), Some("my-web"));
    assert_eq!(changed.ports.map(|ports| ports.len()), Some(1));

    let filter = Filter { labels: vec!["blue".into(), "red".into()], ..Filter::default() };
    assert_eq!(world.owner.list(&filter).await.unwrap().len(), 1);
    let all = Filter { all_labels: true, ..filter };
    assert_eq!(world.owner.list(&all).await.unwrap().len(), 0);

    let error = world.owner.create_port(&at, &with_ports(&[3000]).ports.unwrap()[0]).await;
    assert!(matches!(error, Err(Error::Conflict(_))), "{error:?}");
    let bad = Tunnel { name: Some("Not A Name".into()), ..Tunnel::default() };
    let error = world.owner.create(&bad, Want::NOTHING).await.unwrap_err();
    assert!(error.fields().is_some_and(|fields| !fields.is_empty()), "{error}");

    assert_eq!(world.owner.clusters().await.unwrap()[0].cluster_id, "loc1");
    assert!(!world.owner.limits().await.unwrap().is_empty());
    assert!(world.owner.delete(&by_name).await.unwrap());
    assert!(!world.owner.delete(&by_name).await.unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_that_restarts_finds_its_host_and_its_client_again() {
    let directory = tempfile::tempdir().unwrap();
    let storage = Storage::Directory(directory.path().to_owned());
    let config = RelayConfig::embedded(Secret::new(KEY), storage);
    let world = World::with(config.clone()).await;
    let address = world.relay.addr();
    let (port, _echo) = echo().await;
    let at = world.tunnel(with_ports(&[port])).await;
    let mut host = world.host(&at);
    hosting(&mut host).await;
    let mut client = world.owner_client(&at);
    let local = listening(&mut client, port).await;
    let World { relay, .. } = world;
    let _ = relay.shutdown(Duration::ZERO).await;
    until_host(&mut host, |event| matches!(event, host::Event::Retry { .. })).await;
    let lost =
        |event: &client::Event| matches!(event, client::Event::State(client::State::Reconnecting));
    until_client(&mut client, lost).await;

    let _again = Server::spawn(RelayConfig { listen: address, ..config }).await.unwrap();
    host.command(Command::RetryNow).await;
    hosting(&mut host).await;
    // Waits for the client instead of being refused: its listener is still there.
    let mut waiting = task::spawn("waiting", ask(local, b"patience"));
    client.refresh().await;
    assert_eq!(waiting.join().await.as_deref(), Some(&b"patience"[..]));
}

/// What has happened so far, without waiting for more.
#[cfg(unix)]
macro_rules! so_far {
    ($handle:expr) => {{
        let mut seen = Vec::new();
        loop {
            tokio::select! {
                biased;
                Some(event) = $handle.next() => seen.push(event),
                () = std::future::ready(()) => break seen,
            }
        }
    }};
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_that_is_taken_over_costs_no_connection() {
    let directory = tempfile::tempdir().unwrap();
    let (_, key) =
        adit_relay::auth::users::add(directory.path(), "ann", &[], adit_wire::clock::wall())
            .unwrap();
    let config = "listen = '127.0.0.1:0'\nadmin = 'off'";
    let config = RelayConfig::parse(config, directory.path()).unwrap();
    let relay = Server::spawn(config.clone()).await.unwrap();
    let owner = Arc::new(rest(&relay, Credential::User(key)));
    let mut world = World { relay, owner };
    let (port, _echo) = echo().await;
    let at = world.tunnel(with_ports(&[port])).await;
    let mut host = world.host(&at);
    hosting(&mut host).await;
    let management = world.owner.clone();
    let mut client = Client::spawn(client::Config::new(management, connector(), at.clone()));
    let local = listening(&mut client, port).await;
    let mut in_flight = TcpStream::connect((Ipv4Addr::LOCALHOST, local)).await.unwrap();
    so_far!(host);
    so_far!(client);

    let successor = Server::take_over(config);
    let (_, successor) = tokio::join!(world.relay.handed_over(), successor);
    let successor = successor.unwrap();
    let mut asked = 0_u32;
    let old = &world.relay;
    let asking = async {
        loop {
            assert_eq!(ask(local, &asked.to_be_bytes()).await, asked.to_be_bytes());
            asked += 1;
        }
    };
    let finishing = async {
        // Both have moved before what was in flight ends.
        until_host(&mut host, |event| {
            matches!(event, host::Event::Progress(host::Phase::ForwardingPorts))
        })
        .await;
        in_flight.write_all(b"still").await.unwrap();
        let mut heard = [0; 5];
        in_flight.read_exact(&mut heard).await.unwrap();
        assert_eq!(&heard, b"still");
        drop(in_flight);
        assert!(old.finish(Duration::from_secs(30)).await, "the client has left");
    };
    tokio::select! {
        () = asking => unreachable!(),
        () = finishing => {}
    }
    assert!(asked > 0);
    drop(world.relay);
    assert_eq!(ask(local, b"by the new one").await, b"by the new one");
    let told = so_far!(client);
    let trouble =
        |event: &_| matches!(event, client::Event::State(_) | client::Event::Refused { .. });
    assert!(!told.iter().any(trouble), "it was connected all the time: {told:?}");
    let told = so_far!(host);
    assert!(!told.iter().any(|event| matches!(event, host::Event::State(_))), "{told:?}");
    client.stop().await;
    host.stop().await;
    assert!(successor.shutdown(Duration::from_secs(5)).await.is_clean());
}
