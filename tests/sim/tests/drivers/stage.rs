//! A story: a relay, a tunnel, one or two hosts for it, and what they go through.

use std::sync::Arc;
use std::time::Duration;

use adit_proto::change::PROVE_WITHIN;
use adit_proto::contracts::{AccessControl, AccessEntry, AccessEntryType, Tunnel, TunnelPort};
use adit_sim::Rng;
use adit_tunnel::client;
use adit_tunnel::host::{Command, Identity, State};
use adit_tunnel::management::{Locator, Management, Want};
use adit_wire::{clock, task};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::client::{CLIENT, Client};
use crate::host::{Engine, QUIT_WITHIN, owner};
use crate::local::{Local, NEVER};
use crate::net::{ASKED, Answer, Net};

/// Within which everything works again.
const CONVERGES: Duration = Duration::from_secs(30);
/// How long a visitor may take, in real time, on a machine that has other things to do.
const VISIT: Duration = Duration::from_secs(20);

pub(crate) struct Stage {
    net: Arc<Net>,
    tasks: task::Group,
    local: Local,
    at: Locator,
    /// Who each host is; it stays the same when its engine is started again.
    identities: Vec<Identity>,
    engines: Vec<Option<Engine>>,
    visits: u32,
}

impl Stage {
    /// A relay with one tunnel, and the first host.
    pub(crate) async fn new(rng: &mut Rng) -> Self {
        let tasks = task::Group::new("network");
        let net = Net::new(tasks.spawner());
        let local = Local::new().await;
        let created = owner(&net, None).create(&tunnel(local.port), Want::NOTHING).await.unwrap();
        let at: Locator = created.full_id().unwrap().into();
        let hosts = 1 + usize::from(rng.chance(40));
        let identities = (0..hosts).map(|_| Identity::random()).collect();
        let engines = (0..hosts).map(|_| None).collect();
        let mut stage = Self { net, tasks, local, at, identities, engines, visits: 0 };
        stage.start(0);
        stage
    }

    fn start(&mut self, host: usize) {
        let engine = Engine::start(&self.net, host, &self.at, &self.identities[host]);
        self.engines[host] = Some(engine);
    }

    async fn command(&self, host: usize, command: Command) {
        if let Some(engine) = &self.engines[host] {
            engine.command(command).await;
        }
    }

    /// Goes through a number of things, one after the other, some of which overlap.
    pub(crate) async fn suffer(&mut self, rng: &mut Rng) {
        for _ in 0..rng.range(4, 12) {
            clock::sleep(rng.millis(0, 20_000)).await;
            let host = rng.index(self.engines.len());
            self.happen(rng, host).await;
        }
        clock::sleep(rng.millis(0, 5_000)).await;
    }

    async fn happen(&mut self, rng: &mut Rng, host: usize) {
        let lasts = rng.millis(100, 40_000);
        match rng.below(13) {
            0 => self.net.cut(host, true),
            1 => self.net.cut(host, false),
            2 => {
                self.net.silence(host, true);
                clock::sleep(lasts).await;
                self.net.silence(host, false);
            }
            3 => self.net.set_offline(host, !rng.chance(50)),
            4 => self.net.restart(),
            5 => {
                self.net.crash(rng.chance(60));
                clock::sleep(lasts).await;
                self.net.come_back();
            }
            6 | 7 => self.net.set_api(answer(rng)),
            8 | 9 => self.net.set_door(answer(rng)),
            10 => self.command(host, Command::Renew).await,
            11 => self.command(host, Command::Drop).await,
            _ => match self.engines[host].take() {
                Some(engine) => engine.stop().await,
                None => self.start(host),
            },
        }
    }

    /// Everything is mended, and the hosts hear that the network is another one.
    pub(crate) async fn heal(&mut self) {
        self.net.mend();
        // What was on its way arrives, and what waited is let go.
        clock::sleep(Duration::from_millis(500)).await;
        if self.engines.iter().all(Option::is_none) {
            self.start(0);
        }
        for host in 0..self.engines.len() {
            let failed = matches!(self.state(host), Some(State::Error(_)));
            let command = if failed { Command::Start } else { Command::RetryNow };
            self.command(host, command).await;
        }
    }

    fn state(&self, host: usize) -> Option<State> {
        self.engines[host].as_ref().and_then(Engine::state)
    }

    /// Every host that is to host does, or another has taken over.
    pub(crate) async fn converge(&mut self) {
        for engine in self.engines.iter_mut().flatten() {
            engine.until(CONVERGES, |state| matches!(state, State::Hosting | State::Standby)).await;
        }
        let hosting = |engine: &&Engine| engine.state() == Some(State::Hosting);
        let mut hosting = self.engines.iter().flatten().filter(hosting).count();
        if hosting != 1 && self.engines.len() > 1 {
            // One is just being told that the other has taken over, or both were.
            clock::sleep(Duration::from_secs(2)).await;
            let first = self.engines.iter().flatten().next().unwrap();
            first.command(Command::TakeOver).await;
            clock::sleep(Duration::from_secs(5)).await;
            let state = |engine: &Engine| engine.state() == Some(State::Hosting);
            hosting = self.engines.iter().flatten().filter(|engine| state(engine)).count();
        }
        assert_eq!(hosting, 1, "{}", self.stories());
    }

    fn stories(&self) -> String {
        self.engines.iter().flatten().map(Engine::story).collect::<Vec<_>>().join("\n\n")
    }

    /// Visitors are served.
    pub(crate) async fn serve(&mut self) {
        for _ in 0..3 {
            let answer = self.visit().await;
            assert_eq!(answer, Ok(()), "{}", self.stories());
        }
    }

    /// One request through the edge. The clock runs for it, and for nothing else.
    async fn visit(&mut self) -> Result<(), String> {
        tokio::time::resume();
        self.visits += 1;
        let path = format!("/visit-{}", self.visits);
        let request = self.request(&path);
        let exchange = async {
            let mut stream = self.net.visitor().ok_or("no relay")?;
            stream.write_all(request.as_bytes()).await.map_err(|error| error.to_string())?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.map_err(|error| error.to_string())?;
            let served = answer.starts_with("HTTP/1.1 200") && answer.ends_with(&path);
            if served { Ok(()) } else { Err(answer) }
        };
        let answer = clock::until(clock::now() + VISIT, exchange).await;
        tokio::time::pause();
        answer.unwrap_or_else(|_| Err("no answer".to_owned()))
    }

    /// The relay lets nobody in.
    pub(crate) fn refuse(&self) {
        self.net.set_door(Some(Answer::Status(503, None)));
        self.net.cut(0, true);
    }

    /// Replaces the session three times while visitors come without a pause.
    pub(crate) async fn renew_under_load(&mut self) {
        for round in 1..=3 {
            self.command(0, Command::Renew).await;
            while self.engines[0].as_ref().unwrap().swaps() < round {
                let answer = self.visit().await;
                assert_eq!(answer, Ok(()), "{}", self.stories());
            }
        }
    }

    fn request(&self, path: &str) -> String {
        let (id, port) = (&self.at.id, self.local.port);
        format!("GET {path} HTTP/1.1\r\nHost: {id}-{port}.localhost\r\nConnection: close\r\n\r\n")
    }

    /// A host is stopped while a visitor waits for an answer that never comes, and the service says nothing either.
    pub(crate) async fn stop_among_the_deaf(&mut self) {
        tokio::time::resume();
        let mut visitor = self.net.visitor().unwrap();
        visitor.write_all(self.request(NEVER).as_bytes()).await.unwrap();
        clock::until(clock::now() + VISIT, self.local.hangs.notified()).await.unwrap();
        tokio::time::pause();
        self.net.set_api(Some(Answer::Hang));
        let (told, asked) = (clock::now(), self.net.removals());
        self.engines[0].take().unwrap().stop().await;
        let took = clock::now() - told;
        assert!(took > Duration::from_secs(3), "what is in flight has its time: {took:?}");
        assert!(took < QUIT_WITHIN, "{took:?}");
        assert_eq!(self.net.removals(), asked + 1, "the service was asked");
        self.net.set_api(None);
        self.start(0);
    }

    /// The endpoint is there, the socket is not: then the host is stopped.
    pub(crate) async fn stop_while_connecting(&mut self) {
        self.net.set_door(Some(Answer::Hang));
        let mut tries = 100;
        while !self.has_endpoint() && tries > 0 {
            clock::sleep(Duration::from_millis(20)).await;
            tries -= 1;
        }
        assert!(self.has_endpoint());
        self.engines[0].take().unwrap().stop().await;
        self.net.set_door(None);
    }

    /// A client whose computer goes elsewhere: while it is connected, while it waits, and while it connects.
    pub(crate) async fn move_a_client(&mut self) {
        let soon = Duration::from_secs(1);
        let mut client = Client::start(&self.net, &self.at);
        client.until(client::State::Connected, clock::now()).await;
        self.net.silence(CLIENT, true);
        let found = client.until(client::State::Reconnecting, client.moved()).await;
        assert!(found < PROVE_WITHIN + soon, "{found:?}");
        // Where it is now there is no network yet.
        self.net.set_offline(CLIENT, true);
        self.net.silence(CLIENT, false);
        client.waits_for(10 * soon).await;
        self.net.set_offline(CLIENT, false);
        let connected = client.until(client::State::Connected, client.moved()).await;
        assert!(connected < soon, "{connected:?}");

        self.net.set_door(Some(Answer::Hang));
        self.net.cut(CLIENT, true);
        client.until(client::State::Reconnecting, clock::now()).await;
        clock::sleep(3 * soon).await;
        self.net.set_door(None);
        let connected = client.until(client::State::Connected, client.moved()).await;
        assert!(connected < soon, "{connected:?}");
        client.stop().await;
    }

    fn has_endpoint(&self) -> bool {
        let there = self.net.with_relay(|relay| relay.directory().tunnel(&self.at.id).unwrap());
        there.is_some_and(|tunnel| tunnel.endpoint.is_some())
    }

    /// Everybody leaves, and nothing is left: no endpoint, no session, no task.
    pub(crate) async fn end(mut self) {
        for engine in &mut self.engines {
            if let Some(engine) = engine.take() {
                engine.stop().await;
            }
        }
        assert!(!self.has_endpoint(), "an endpoint is left");
        let at = owner(&self.net, None);
        let shown = at.get(&self.at, Want::NOTHING).await.unwrap();
        let hosts = shown.status.and_then(|status| status.host_connection_count);
        assert_eq!(hosts.map(|hosts| hosts.current), Some(0), "a session is left");
        drop(at);
        let relay = self.net.take_relay();
        let ended = relay.shutdown(Duration::from_secs(5)).await;
        assert!(ended.is_clean(), "{ended:?}");
        let _ = self.tasks.shutdown(Duration::from_secs(60)).await;
    }
}

/// A tunnel with one port that anybody may visit.
fn tunnel(port: u16) -> Tunnel {
    let anybody = AccessEntry {
        kind: AccessEntryType::Anonymous,
        scopes: vec!["connect".into()],
        ..AccessEntry::default()
    };
    Tunnel {
        ports: Some(vec![TunnelPort { port_number: port, ..TunnelPort::default() }]),
        access_control: Some(AccessControl { entries: vec![anybody] }),
        ..Tunnel::default()
    }
}

fn answer(rng: &mut Rng) -> Option<Answer> {
    match rng.below(6) {
        0 | 1 => None,
        2 => Some(Answer::Hang),
        _ => {
            let status = rng.pick(&[400, 401, 403, 404, 429, 500, 502, 503]);
            let after = rng.chance(50).then(|| rng.pick(&[0, 3, ASKED.as_secs()]));
            Some(Answer::Status(status, after.filter(|_| matches!(status, 429 | 503))))
        }
    }
}
