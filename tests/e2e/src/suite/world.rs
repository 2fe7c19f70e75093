//! Where a scenario takes place: a relay behind a proxy that makes faults, a local server, a signed-in user.

use std::fs;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::process::Command;

use super::backend::Backend;
use super::visitor::Address;
use crate::adit::Adit;
use crate::faultproxy::{FaultProxy, Role};
use crate::lines::JsonLines;

/// A scenario's world. Everything in it ends when it is dropped.
pub(super) struct World {
    pub(super) proxy: FaultProxy,
    pub(super) backend: Backend,
    /// The user's computer.
    pub(super) adit: Adit,
    relay_home: Adit,
    relay: Option<JsonLines>,
    key: String,
}

/// A tunnel with one port.
#[derive(Debug, Clone)]
pub(super) struct Tunnel {
    /// `id.cluster`.
    pub(super) id: String,
    /// Where its port is.
    pub(super) address: Address,
}

impl World {
    /// A world whose relay has these lines in its configuration besides.
    pub(super) async fn new(config: &str) -> Self {
        let proxy = FaultProxy::start().await;
        let relay_home = Adit::new();
        configure(&relay_home, &proxy, "127.0.0.1:0", config);
        let added = relay_home.run(&["relay", "user", "add", "ann", "--json"], "").await;
        let added: Value = serde_json::from_slice(&added.stdout).expect("a user");
        let key = added["key"].as_str().expect("a key").to_owned();
        let backend = Backend::start().await;
        let mut world = Self { proxy, backend, adit: Adit::new(), relay_home, relay: None, key };
        // Where it listens is part of the tunnels' URLs, so it stays there from now on.
        let listen = world.start_relay().await.to_string();
        configure(&world.relay_home, &world.proxy, &listen, config);
        world.sign_in(&world.adit).await;
        world
    }

    /// Starts the relay, with the data that it left.
    pub(super) async fn start_relay(&mut self) -> SocketAddr {
        let (process, addr) = self.relay_process(&["relay", "--json"]).await;
        self.proxy.serve(addr);
        self.relay = Some(process);
        addr
    }

    /// A process of the relay that says that it is ready, and where it listens.
    pub(super) async fn relay_process(&self, args: &[&str]) -> (JsonLines, SocketAddr) {
        let mut process = JsonLines::spawn("adit relay", self.relay_home.command(args));
        let ready = process.line("ready", |line| line["event"] == "ready").await;
        let listen = ready["listen"].as_str().and_then(|listen| listen.parse().ok());
        (process, listen.expect("an address"))
    }

    /// Ends the relay as `kill -9` does.
    pub(super) async fn kill_relay(&mut self) {
        self.relay.take().expect("it runs").kill().await;
    }

    /// The relay's process.
    pub(super) fn relay(&self) -> &JsonLines {
        self.relay.as_ref().expect("it runs")
    }

    /// Puts another process in the place of the relay's.
    pub(super) fn replace_relay(&mut self, process: JsonLines) -> Option<JsonLines> {
        self.relay.replace(process)
    }

    /// Works on the relay's users.
    pub(super) async fn relay_user(&self, args: &[&str]) {
        let output = self.relay_home.run(&[&["relay", "user"], args].concat(), "").await;
        assert!(output.status.success(), "{output:?}");
    }

    /// Runs the command on the user's computer, which must succeed.
    pub(super) async fn run(&self, args: &[&str]) {
        let output = self.adit.run(args, "").await;
        assert!(output.status.success(), "adit {}: {output:?}", args.join(" "));
    }

    /// Signs a computer in, as the same user.
    pub(super) async fn sign_in(&self, adit: &Adit) {
        let url = format!("http://{}/", self.proxy.addr());
        let output = adit.run(&["login", &url], &self.key).await;
        assert!(output.status.success(), "{output:?}");
    }

    /// A tunnel that exists, open to everybody, with the local server's port.
    pub(super) async fn tunnel(&self, name: &str) -> Tunnel {
        self.tunnel_at(name, self.backend.port()).await
    }

    /// The same with another port.
    pub(super) async fn tunnel_at(&self, name: &str, port: u16) -> Tunnel {
        let port = port.to_string();
        let mut up = self.adit.start(&["up", &port, "--name", name, "--anonymous=2h", "--json"]);
        let ready = up.line("ready", |line| line["event"] == "ready").await;
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        let id = text(&ready["tunnel_id"]);
        let address = Address::of(&text(&ready["urls"][0]["url"]));
        interrupt(&up).await;
        assert!(up.ended().await.success(), "adit up ends well");
        Tunnel { id, address }
    }

    /// Hosts tunnels from the user's computer, and waits until each is hosted.
    pub(super) async fn host(&self, tunnels: &[&Tunnel]) -> JsonLines {
        self.host_with(tunnels, |_| ()).await
    }

    /// The same with a command that `change` may alter.
    pub(super) async fn host_with(
        &self,
        tunnels: &[&Tunnel],
        change: impl FnOnce(&mut Command),
    ) -> JsonLines {
        let mut args = vec!["host", "--json"];
        args.extend(tunnels.iter().map(|tunnel| tunnel.id.as_str()));
        let mut command = self.adit.command(&args);
        change(&mut command);
        let mut host = JsonLines::spawn("adit host", command);
        for tunnel in tunnels {
            state(&mut host, tunnel, "Hosting").await;
        }
        host
    }

    /// How many sessions hosts have with the relay now.
    pub(super) fn sessions(&self) -> usize {
        self.proxy.sockets(Role::Host)
    }

    /// Waits until there are so many, and returns how many there were in the end.
    pub(super) async fn settled(&self, sessions: usize) -> usize {
        let until = Instant::now() + Duration::from_secs(20);
        while self.sessions() != sessions && Instant::now() < until {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        self.sessions()
    }
}

fn configure(relay: &Adit, proxy: &FaultProxy, listen: &str, more: &str) {
    let folder = relay.home().join("config");
    fs::create_dir_all(&folder).expect("an own folder");
    let advertised = proxy.addr();
    let text = format!(
        "listen = '{listen}'\nadmin = 'off'\nadvertised_url = 'http://{advertised}'\n{more}\n"
    );
    fs::write(folder.join("relay.toml"), text).expect("an own file");
}

/// Waits until a host says that a tunnel is in that state.
pub(super) async fn state(host: &mut JsonLines, tunnel: &Tunnel, state: &str) -> Value {
    let fits = |line: &Value| {
        line["event"] == "state" && line["state"] == state && line["tunnel_id"] == *tunnel.id
    };
    host.line(&format!("state {state} of {}", tunnel.id), fits).await
}

/// Says something to a host's standard input.
pub(super) async fn say(host: &mut JsonLines, words: &str) {
    host.say(words).await;
}

/// The time that a line was written at, since the start of its process.
pub(super) fn elapsed(line: &Value) -> Duration {
    Duration::from_millis(line["elapsed_ms"].as_u64().unwrap_or_default())
}

/// Sends SIGINT, as Ctrl-C does.
pub(super) async fn interrupt(process: &JsonLines) {
    signal(process, "INT").await;
}

/// Sends a signal.
pub(super) async fn signal(process: &JsonLines, name: &str) {
    let pid = process.pid().to_string();
    let sent = Command::new("kill").args([format!("-{name}"), pid]).status().await;
    assert!(sent.is_ok_and(|status| status.success()), "a signal to an own child");
}
