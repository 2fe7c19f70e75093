//! A host that is managed through the command and hosted on our own relay, whose tokens the command
//! hands out.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use adit_proto::access::Scope;
use adit_proto::contracts::{Protocol, Tunnel, TunnelPort};
use adit_proto::host::NEEDED_BY_MICROSOFT;
use adit_proto::token::Secret;
use adit_relay::config::{Config as RelayConfig, Storage};
use adit_relay::server::Server;
use adit_tunnel::host::{Command, Config, Event, GiveUp, Host, HostHandle, Phase, State};
use adit_tunnel::management::cli::Cli;
use adit_tunnel::management::{
    Base, Confirmed, Credential, Error, Locator, Management, Rest, Turn, Want,
};
use adit_wire::net::{Connector, Proxies};
use adit_wire::{task, tls};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::fake::Fake;

const KEY: &str = "the-owner's-key";

/// A relay with a tunnel behind a gate, and a command that knows both.
struct World {
    _relay: Server,
    gate: Gate,
    owner: Rest,
    at: Locator,
    fake: Fake,
    cli: Cli,
}

impl World {
    async fn new(port: u16) -> Self {
        let config = RelayConfig::embedded(Secret::new(KEY), Storage::Memory);
        let relay = Server::spawn(config).await.unwrap();
        let base = Base::parse(&format!("http://{}/", relay.addr())).unwrap();
        let owner = Rest::new(connector(), base, Credential::User(Secret::new(KEY)));
        let port = TunnelPort {
            port_number: port,
            protocol: Some(Protocol::Http),
            description: Some("the shop".into()),
            ..TunnelPort::default()
        };
        let tunnel = Tunnel { ports: Some(vec![port]), ..Tunnel::default() };
        let made = owner.create(&tunnel, Want::NOTHING).await.unwrap();
        let at = Locator::from(made.full_id().unwrap());
        let fake = Fake::documented();
        let gate = Gate::before(relay.addr()).await;
        let cli = fake.cli_with(|config| config.service = gate.base());
        let world = Self { _relay: relay, gate, owner, at, fake, cli };
        world.shows(&world.owner.get(&world.at, Want::PORTS).await.unwrap());
        world.hands_out_tokens().await;
        world
    }

    /// What the command shows of the tunnel: its ports, as at first without their addresses.
    fn shows(&self, tunnel: &Tunnel) {
        let ports: Vec<_> = tunnel
            .ports
            .iter()
            .flatten()
            .map(|port| json!({ "portNumber": port.port_number, "protocol": port.protocol }))
            .collect();
        let tunnel = json!({ "tunnel": { "tunnelId": self.at.to_string(), "ports": ports } });
        self.fake.answers("show", &tunnel.to_string());
    }

    async fn hands_out_tokens(&self) {
        for (scope, key) in
            [(Scope::Host, "token.host"), (Scope::ManagePorts, "token.manage-ports")]
        {
            let token = self.owner.mint(&self.at, scope).await.unwrap();
            let answer = json!({ "token": token.expose() });
            self.fake.answers(key, &format!("Welcome to {{dev}} tunnels!\n{answer}\n"));
        }
    }

    fn host(&self) -> HostHandle {
        Host::spawn(Config::new(Arc::new(self.cli.clone()), connector(), self.at.clone()))
    }

    async fn endpoints(&self) -> usize {
        let tunnel = self.owner.get(&self.at, Want::NOTHING).await.unwrap();
        tunnel.endpoints.unwrap_or_default().len()
    }
}

/// Lets everything through to the relay, except websockets that it was told to refuse.
struct Gate {
    addr: SocketAddr,
    refusing: Arc<AtomicBool>,
    _task: task::Task<()>,
}

impl Gate {
    async fn before(relay: SocketAddr) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let addr = listener.local_addr().unwrap();
        let refusing = Arc::<AtomicBool>::default();
        let refuses = refusing.clone();
        let task = task::spawn("gate", async move {
            let connections = task::Group::new("gate");
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn("gate", pass(stream, relay, refuses.clone()));
            }
        });
        Self { addr, refusing, _task: task }
    }

    fn base(&self) -> Base {
        Base::parse(&format!("http://{}/", self.addr)).unwrap()
    }

    /// The next websocket gets a 401.
    fn refuse_next(&self) {
        self.refusing.store(true, Ordering::Relaxed);
    }
}

async fn pass(mut stream: TcpStream, relay: SocketAddr, refuses: Arc<AtomicBool>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let Ok(byte) = stream.read_u8().await else { return };
        head.push(byte);
    }
    let is_websocket = String::from_utf8_lossy(&head).to_lowercase().contains("upgrade: websocket");
    if is_websocket && refuses.swap(false, Ordering::Relaxed) {
        let refusal = b"HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n";
        let _ = stream.write_all(refusal).await;
        return;
    }
    let mut relay = TcpStream::connect(relay).await.unwrap();
    if relay.write_all(&head).await.is_ok() {
        let _ = tokio::io::copy_bidirectional(&mut stream, &mut relay).await;
    }
}

fn connector() -> Connector {
    Connector::new(tls::Client::danger_unverified(), Proxies::none())
}

/// What the host says up to a state.
async fn until(host: &mut HostHandle, wanted: impl Fn(&Event) -> bool) -> Vec<Event> {
    let mut seen = Vec::new();
    while let Some(event) = host.next().await {
        let is_it = wanted(&event);
        seen.push(event);
        if is_it {
            return seen;
        }
    }
    panic!("it never came: {seen:#?}");
}

fn is_hosting(event: &Event) -> bool {
    matches!(event, Event::State(State::Hosting))
}

fn authorizes(events: &[Event]) -> bool {
    events.iter().any(|event| matches!(event, Event::Progress(Phase::Authorizing)))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_connection_looks_once_and_mints_a_token_a_scope() {
    let world = World::new(3000).await;
    world.fake.writes("together", "3");
    let mut host = world.host();
    assert!(authorizes(&until(&mut host, is_hosting).await));
    let mut calls = world.fake.calls();
    calls.sort();
    let mut expected: Vec<_> = NEEDED_BY_MICROSOFT
        .iter()
        .map(|scope| format!("token {} --scopes {scope} -j", world.at))
        .collect();
    expected.insert(0, format!("show {} -j", world.at));
    assert_eq!(calls, expected);
    assert_eq!(world.fake.most_at_once(), 3, "side by side");
    assert_eq!(world.endpoints().await, 1);

    host.stop().await;
    assert_eq!(world.endpoints().await, 0, "it unregisters");
    assert_eq!(world.fake.calls().len(), 3, "leaving asks the command nothing");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_that_is_not_there_yet_is_followed_until_it_is() {
    let world = World::new(3000).await;
    let mut host = world.host();
    let ready = until(&mut host, |event| matches!(event, Event::Ready { .. })).await;
    let Some(Event::Ready { urls }) = ready.last() else { unreachable!() };
    assert!(urls[0].urls.is_empty(), "{urls:?}");
    let changed = until(&mut host, |event| matches!(event, Event::UrlChanged { .. })).await;
    let Some(Event::UrlChanged { urls }) = changed.last() else { unreachable!() };
    assert!(!urls[0].urls.is_empty(), "{urls:?}");
    assert_eq!(world.fake.count("show"), 1, "the service is asked, not the command");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drop_asks_the_command_nothing() {
    let world = World::new(3000).await;
    let mut host = world.host();
    until(&mut host, is_hosting).await;
    world.fake.forget_calls();
    host.command(Command::Drop).await;
    assert!(!authorizes(&until(&mut host, is_hosting).await));
    assert_eq!(world.fake.calls(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cached_tokens_that_are_refused_are_minted_anew_without_another_look() {
    let world = World::new(3000).await;
    let mut host = world.host();
    until(&mut host, is_hosting).await;
    world.fake.forget_calls();
    world.gate.refuse_next();
    host.command(Command::Drop).await;
    assert!(authorizes(&until(&mut host, is_hosting).await));
    assert_eq!((world.fake.count("token"), world.fake.count("show")), (2, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_planned_renewal_mints_both_and_is_hosted_all_the_time() {
    let world = World::new(3000).await;
    let mut host = world.host();
    until(&mut host, is_hosting).await;
    world.fake.forget_calls();
    host.command(Command::Renew).await;
    let progress = |event: &Event| matches!(event, Event::Progress(Phase::ForwardingPorts));
    let seen = until(&mut host, progress).await;
    assert!(authorizes(&seen));
    assert!(!seen.iter().any(|event| matches!(event, Event::State(_))), "{seen:?}");
    assert_eq!((world.fake.count("token"), world.fake.count("show")), (2, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_signed_out_user_is_asked_to_sign_in_and_nothing_is_tried_again() {
    let world = World::new(3000).await;
    world.fake.fails("token.host", 1, "Login token expired. Use `devtunnel user login`.");
    let mut host = world.host();
    let is_error = |event: &Event| matches!(event, Event::State(State::Error(_)));
    let seen = until(&mut host, is_error).await;
    assert!(matches!(seen.last(), Some(Event::State(State::Error(GiveUp::SignIn)))), "{seen:?}");
    assert!(seen.iter().any(|event| matches!(event, Event::ReloginRequired)));
    // The other one, which is asked for at the same time, may be called off before it is written down.
    assert!((1..=2).contains(&world.fake.count("token")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_protocol_that_cannot_be_changed_ends_it_once() {
    let world = World::new(3000).await;
    let words =
        "Tunnel service error: Invalid arguments. The tunnel port protocol cannot be changed.";
    world.fake.fails("token.manage-ports", 1, words);
    let mut host = world.host();
    let is_error = |event: &Event| matches!(event, Event::State(State::Error(_)));
    let seen = until(&mut host, is_error).await;
    assert!(matches!(seen.last(), Some(Event::State(State::Error(GiveUp::Fatal(_))))), "{seen:?}");
    assert!(!seen.iter().any(|event| matches!(event, Event::Retry { .. })));
    assert!((1..=2).contains(&world.fake.count("token")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_port_is_replaced_with_everything_it_had_once_somebody_agreed() {
    let world = World::new(3000).await;
    let https =
        TunnelPort { port_number: 3000, protocol: Some(Protocol::Https), ..TunnelPort::default() };
    let refused = world.cli.update_port(&world.at, &https).await.unwrap_err();
    assert!(matches!(refused, Error::Replacement { port: 3000 }), "{refused:?}");
    assert_eq!(world.fake.count("port"), 0, "nothing was touched");

    world.cli.replace_port(&world.at, &https, Confirmed).await.unwrap();
    let tunnel = world.owner.get(&world.at, Want::PORTS).await.unwrap();
    let port = tunnel.port(3000).unwrap();
    assert_eq!(port.protocol, Some(Protocol::Https));
    assert_eq!(port.description.as_deref(), Some("the shop"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tunnel_is_renewed_for_as_long_as_it_lives() {
    let world = World::new(3000).await;
    let lives = |seconds| Tunnel {
        tunnel_id: Some(world.at.id.to_string()),
        custom_expiration: Some(seconds),
        ..Tunnel::default()
    };
    world.owner.update(&lives(4 * 3600), Want::NOTHING).await.unwrap();
    let turns = watch::Sender::new(Turn::Runs);
    let tokens = world.cli.authorize(&world.at, false, turns).await.unwrap().tokens;
    let life = world.cli.life(&world.at, &tokens).await.unwrap();
    assert_eq!(life.own, Duration::from_secs(4 * 3600));
    world.cli.renew(&world.at, life.own).await.unwrap();
    let call = format!("update {} --expiration 4h -j", world.at);
    assert_eq!(world.fake.calls().last(), Some(&call));
}
