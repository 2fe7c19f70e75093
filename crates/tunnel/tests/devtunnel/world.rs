//! A relay with a tunnel behind a gate, and a command that hands out its tokens.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use adit_proto::access::Scope;
use adit_proto::contracts::{Protocol, Tunnel, TunnelPort};
use adit_proto::token::Secret;
use adit_relay::config::{Config as RelayConfig, Storage};
use adit_relay::server::Server;
use adit_tunnel::host::{Config, Host, HostHandle};
use adit_tunnel::management::cli::Cli;
use adit_tunnel::management::{Base, Credential, Locator, Management, Rest, Want};
use adit_wire::net::{Connector, Proxies};
use adit_wire::{task, tls};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

use crate::fake::Fake;

const KEY: &str = "the-owner's-key";

/// A relay with a tunnel behind a gate, and a command that knows both.
pub(crate) struct World {
    _relay: Server,
    pub(crate) gate: Gate,
    pub(crate) owner: Rest,
    pub(crate) at: Locator,
    pub(crate) fake: Fake,
    pub(crate) cli: Cli,
}

impl World {
    pub(crate) async fn new(port: u16) -> Self {
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
        let cli = cli(&fake, &gate);
        let world = Self { _relay: relay, gate, owner, at, fake, cli };
        world.shows(&world.owner.get(&world.at, Want::PORTS).await.unwrap());
        world.hands_out_tokens().await;
        world
    }

    /// What the command shows of the tunnel: its ports, as at first without their addresses.
    pub(crate) fn shows(&self, tunnel: &Tunnel) {
        let ports: Vec<_> = tunnel
            .ports
            .iter()
            .flatten()
            .map(|port| json!({ "portNumber": port.port_number, "protocol": port.protocol }))
            .collect();
        let tunnel = json!({ "tunnel": { "tunnelId": self.at.to_string(), "ports": ports } });
        self.fake.answers("show", &tunnel.to_string());
    }

    pub(crate) async fn hands_out_tokens(&self) {
        for (scope, key) in [
            (Scope::Host, "token.host"),
            (Scope::ManagePorts, "token.manage-ports"),
            (Scope::Manage, "token.manage"),
        ] {
            let token = self.owner.mint(&self.at, scope).await.unwrap();
            let answer = json!({ "token": token.expose() });
            self.fake.answers(key, &format!("Welcome to {{dev}} tunnels!\n{answer}\n"));
        }
    }

    pub(crate) fn host(&self) -> HostHandle {
        self.host_of(self.cli.clone())
    }

    pub(crate) fn host_of(&self, cli: Cli) -> HostHandle {
        Host::spawn(Config::new(Arc::new(cli), connector(), self.at.clone()))
    }

    /// Another process of the same user.
    pub(crate) fn other_cli(&self) -> Cli {
        cli(&self.fake, &self.gate)
    }

    pub(crate) async fn endpoints(&self) -> usize {
        let tunnel = self.owner.get(&self.at, Want::NOTHING).await.unwrap();
        tunnel.endpoints.unwrap_or_default().len()
    }
}

fn cli(fake: &Fake, gate: &Gate) -> Cli {
    fake.cli_with(|config| {
        config.service = gate.base();
        config.journal = Some(fake.path("journal/ports.json"));
    })
}

/// Lets everything through to the relay, except what it was told to trouble.
pub(crate) struct Gate {
    addr: SocketAddr,
    rules: Arc<Rules>,
    _task: task::Task<()>,
}

#[derive(Default)]
struct Rules {
    troubles: Mutex<Vec<(&'static str, Trouble)>>,
    met: Notify,
}

/// What happens to a request.
#[derive(Clone, Copy)]
pub(crate) enum Trouble {
    /// It gets this answer instead of the relay's.
    Answer(&'static str),
    /// It is cut off before the relay has it.
    Lost,
    /// The relay has it, and its answer is cut off.
    Deaf,
    /// Nothing happens.
    Hangs,
}

impl Gate {
    async fn before(relay: SocketAddr) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let addr = listener.local_addr().unwrap();
        let rules = Arc::<Rules>::default();
        let kept = rules.clone();
        let task = task::spawn("gate", async move {
            let connections = task::Group::new("gate");
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn("gate", pass(stream, relay, kept.clone()));
            }
        });
        Self { addr, rules, _task: task }
    }

    fn base(&self) -> Base {
        Base::parse(&format!("http://{}/", self.addr)).unwrap()
    }

    /// The next websocket gets a 401.
    pub(crate) fn refuse_next(&self) {
        self.troubles("upgrade: websocket", [Trouble::Answer("401 Unauthorized")]);
    }

    /// Requests whose head has these words, in lower case, have these troubles, one each.
    pub(crate) fn troubles(
        &self,
        words: &'static str,
        troubles: impl IntoIterator<Item = Trouble>,
    ) {
        let troubles = troubles.into_iter().map(|trouble| (words, trouble));
        self.rules.troubles.lock().unwrap().extend(troubles);
    }

    /// Waits until a trouble was met.
    pub(crate) async fn met(&self) {
        self.rules.met.notified().await;
    }
}

impl Rules {
    fn take(&self, head: &[u8]) -> Option<Trouble> {
        let head = String::from_utf8_lossy(head).to_lowercase();
        let mut troubles = self.troubles.lock().unwrap();
        let at = troubles
            .iter()
            .position(|(words, _)| words.split(' ').all(|word| head.contains(word)))?;
        Some(troubles.remove(at).1)
    }
}

async fn pass(mut stream: TcpStream, relay: SocketAddr, rules: Arc<Rules>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let Ok(byte) = stream.read_u8().await else { return };
        head.push(byte);
    }
    let trouble = rules.take(&head);
    let met = trouble.map(|_| Met(&rules.met));
    match trouble {
        Some(Trouble::Answer(status)) => {
            let answer = format!(
                "HTTP/1.1 {status}\r\nx-served-by: tunnels-x\r\nconnection: close\r\n\
                 content-length: 0\r\n\r\n"
            );
            let _ = stream.write_all(answer.as_bytes()).await;
            let _ = stream.shutdown().await;
            let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
            return;
        }
        Some(Trouble::Lost) => return,
        Some(Trouble::Hangs) => {
            drop(met);
            let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
            return;
        }
        Some(Trouble::Deaf) | None => {}
    }
    // One request a connection, so that every one comes by here.
    if !String::from_utf8_lossy(&head).to_lowercase().contains("upgrade: websocket") {
        head.truncate(head.len() - 2);
        head.extend(b"connection: close\r\n\r\n");
    }
    let mut relay = TcpStream::connect(relay).await.unwrap();
    if relay.write_all(&head).await.is_err() {
        return;
    }
    if met.is_none() {
        let _ = tokio::io::copy_bidirectional(&mut stream, &mut relay).await;
        return;
    }
    let (mut answering, mut asking) = relay.split();
    let (mut asked, _) = stream.split();
    let mut nowhere = tokio::io::sink();
    tokio::select! {
        _ = tokio::io::copy(&mut asked, &mut asking) => {}
        _ = tokio::io::copy(&mut answering, &mut nowhere) => {}
    }
}

/// Tells that a trouble was met once it has been.
struct Met<'a>(&'a Notify);

impl Drop for Met<'_> {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

fn connector() -> Connector {
    Connector::new(tls::Client::danger_unverified(), Proxies::none())
}
