//! Where a scenario takes place: a relay behind a proxy that makes faults, a local server, a signed-in user.

use std::fs;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::process::Command;

use super::backend::Backend;
use super::calendar::Calendar;
use super::relay::Relay;
use super::system::cpu_percent;
use super::visitor::Address;
use crate::adit::Adit;
use crate::deadline::soon;
use crate::faultproxy::{FaultProxy, Role};
use crate::lines::JsonLines;

/// A scenario's world. Everything in it ends when it is dropped.
pub(super) struct World {
    pub(super) proxy: FaultProxy,
    pub(super) backend: Backend,
    /// The user's computer.
    pub(super) adit: Adit,
    relay_home: Adit,
    relay: Option<Relay>,
    /// What the relay lives by, if not by the computer's.
    pub(super) calendar: Option<Calendar>,
    key: String,
}

/// What is left when a case is over.
#[derive(Debug, Clone, Copy)]
pub(super) struct Afterwards {
    /// Sessions of hosts beyond those that there should be, by the relay's metrics or on the way there.
    pub(super) left_over: usize,
    /// Sessions that should be there and are not.
    pub(super) missing: usize,
    /// Percent of one core that the busiest host uses, if there is one.
    pub(super) host: Option<f64>,
    /// Percent of one core that the relay uses.
    pub(super) relay: f64,
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
        Self::set(config, Adit::new(), None).await
    }

    /// The same, with a relay that lives by a calendar of its own, so much away from the right one.
    ///
    /// # Panics
    /// When libfaketime is not installed.
    pub(super) async fn at(offset: &str, config: &str) -> Self {
        let relay_home = Adit::new();
        let calendar = Calendar::new(relay_home.home()).expect(NO_CALENDAR);
        calendar.set(offset);
        Self::set(config, relay_home, Some(calendar)).await
    }

    async fn set(config: &str, relay_home: Adit, calendar: Option<Calendar>) -> Self {
        let proxy = FaultProxy::start().await;
        configure(&relay_home, &proxy, "127.0.0.1:0", config);
        let (adit, backend, key) = (Adit::new(), Backend::start().await, String::new());
        let mut world = Self { proxy, backend, adit, relay_home, relay: None, calendar, key };
        world.add_user().await;
        // Where it listens is part of the tunnels' URLs, so it stays there from now on.
        let listen = world.start_relay().await.to_string();
        configure(&world.relay_home, &world.proxy, &listen, config);
        world.sign_in(&world.adit).await;
        world
    }

    /// Starts the relay, with the data that it left.
    pub(super) async fn start_relay(&mut self) -> SocketAddr {
        let relay = self.relay_process(&["relay", "--json"]).await;
        let addr = relay.listen;
        self.proxy.serve(addr);
        self.relay = Some(relay);
        addr
    }

    /// Starts a relay that takes over from the one that runs, which is returned.
    pub(super) async fn take_over(&mut self) -> JsonLines {
        let next = self.relay_process(&["relay", "--take-over", "--json"]).await;
        self.proxy.serve(next.listen);
        self.relay.replace(next).expect("it ran").process
    }

    /// A process of the relay that says that it is ready.
    async fn relay_process(&self, args: &[&str]) -> Relay {
        let mut command = self.relay_home.command(args);
        if let Some(calendar) = &self.calendar {
            calendar.rule(&mut command);
        }
        Relay::start(command).await
    }

    /// Ends the relay as `kill -9` does.
    pub(super) async fn kill_relay(&mut self) {
        self.relay.take().expect("it runs").process.kill().await;
    }

    /// The id of the relay's process.
    pub(super) fn relay_pid(&self) -> u32 {
        self.relay.as_ref().expect("it runs").process.pid()
    }

    /// Adds the user to the relay, with a key that is new.
    pub(super) async fn add_user(&mut self) {
        let added = self.relay_user(&["add", "ann", "--json"]).await;
        let added: Value = serde_json::from_slice(&added).expect("a user");
        added["key"].as_str().expect("a key").clone_into(&mut self.key);
    }

    /// Works on the relay's users; what that prints.
    pub(super) async fn relay_user(&self, args: &[&str]) -> Vec<u8> {
        let mut command = self.relay_home.command(&[&["relay", "user"], args].concat());
        if let Some(calendar) = &self.calendar {
            calendar.rule(&mut command);
        }
        let output = soon("adit relay user to end", command.output()).await.expect("it starts");
        assert!(output.status.success(), "{output:?}");
        output.stdout
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

    /// How many sessions hosts have with the relay now, by its metrics and by what passes the proxy: what one
    /// of them has let go, the other may still hold.
    async fn sessions(&self) -> (usize, usize) {
        let counted = self.relay.as_ref().expect("it runs").host_sessions().await;
        (counted, self.proxy.sockets(Role::Host))
    }

    /// Waits until there are so many, and returns the least and the most that there were in the end.
    pub(super) async fn settled(&self, sessions: usize) -> (usize, usize) {
        let until = Instant::now() + Duration::from_secs(20);
        loop {
            let (counted, open) = self.sessions().await;
            if (counted, open) == (sessions, sessions) || Instant::now() > until {
                return (counted.min(open), counted.max(open));
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// What is left when there should be so many sessions, and what the processes compute in the next `span`.
    pub(super) async fn afterwards(
        &self,
        hosts: &[&JsonLines],
        sessions: usize,
        span: Duration,
    ) -> Afterwards {
        let (least, most) = self.settled(sessions).await;
        let mut pids = vec![self.relay_pid()];
        pids.extend(hosts.iter().map(|host| host.pid()));
        let percent = cpu_percent(&pids, span).await;
        Afterwards {
            left_over: most.saturating_sub(sessions),
            missing: sessions.saturating_sub(least),
            host: percent[1..].iter().copied().reduce(f64::max),
            relay: percent[0],
        }
    }
}

/// Why there is no calendar to move.
pub(super) const NO_CALENDAR: &str = "libfaketime is not installed: ./test does that";

fn configure(relay: &Adit, proxy: &FaultProxy, listen: &str, more: &str) {
    let folder = relay.home().join("config");
    fs::create_dir_all(&folder).expect("an own folder");
    let advertised = proxy.addr();
    let text = format!(
        "listen = '{listen}'\nadmin = '127.0.0.1:0'\nadvertised_url = 'http://{advertised}'\n{more}\n"
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

/// Reads all that a host has said until now; what was not waited for is kept.
pub(super) async fn read_up(host: &mut JsonLines) {
    say(host, "list").await;
    host.line("the answer to list", |line| line["event"] == "status").await;
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
