//! The network in memory: what lies between hosts and relay, and what goes wrong there.

use std::collections::BTreeSet;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use adit_proto::token::Secret;
use adit_relay::config::{Config, Storage};
use adit_relay::server::Server;
use adit_wire::net::{Dial, Dialed, Stream, Target};
use adit_wire::{clock, task};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream};
use tokio::sync::watch;

use crate::store::Disk;

pub(crate) const KEY: &str = "the-owner's-key";
/// Where the relay is said to be; nothing listens there.
pub(crate) const BASE: &str = "http://127.0.0.1:9/";
/// The longest wait that a relay asks for in a story.
pub(crate) const ASKED: Duration = Duration::from_secs(100);
/// Bytes on their way in one direction of a connection before its sender waits.
const ROOM: usize = 64 * 1024;
/// How long the old relay of a planned restart may take.
const GRACE: Duration = Duration::from_secs(20);

/// Whose connections: a host's number, or the owner's.
pub(crate) type Who = Option<usize>;

/// What answers instead of the relay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Status(u16, Option<u64>),
    Hang,
}

/// Everything between hosts and relay.
#[derive(Debug)]
pub(crate) struct Net {
    disk: Disk,
    state: Mutex<State>,
    /// Counts changes, for those who wait for one.
    changed: watch::Sender<u64>,
    tasks: task::Spawner,
}

#[derive(Debug, Default)]
struct State {
    relay: Option<Server>,
    /// A relay that is away says nothing, instead of refusing.
    mute: bool,
    offline: BTreeSet<usize>,
    api: Option<Answer>,
    door: Option<Answer>,
    /// How often the API was asked to remove something.
    removals: usize,
    wires: Vec<Arc<Wire>>,
}

/// A connection.
#[derive(Debug)]
struct Wire {
    who: Who,
    /// It carries a session, not calls of the API.
    session: watch::Sender<bool>,
    flow: watch::Sender<Flow>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flow {
    Moving,
    Silent,
    /// For ever.
    Dead,
    Cut,
}

impl Net {
    pub(crate) fn new(tasks: task::Spawner) -> Arc<Self> {
        let net = Self {
            disk: Disk::default(),
            state: Mutex::default(),
            changed: watch::Sender::new(0),
            tasks,
        };
        net.start_relay();
        Arc::new(net)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let result = change(&mut self.state());
        self.changed.send_modify(|count| *count += 1);
        result
    }

    /// A relay on the same disk, which takes every new connection.
    fn start_relay(&self) -> Option<Server> {
        let mut config = Config::embedded(Secret::new(KEY), Storage::Memory);
        config.loopback = None;
        let server = Server::spawn_on(config, Box::new(self.disk.clone())).unwrap();
        self.change(|state| state.relay.replace(server))
    }

    pub(crate) fn restart(&self) {
        if self.state().relay.is_none() {
            return;
        }
        if let Some(old) = self.start_relay() {
            self.tasks.spawn("old relay", async move {
                let _ = old.shutdown(GRACE).await;
            });
        }
    }

    /// The relay is gone. Without notice nobody is told, and nobody answers.
    pub(crate) fn crash(&self, notice: bool) {
        let relay = self.change(|state| {
            state.mute = !notice;
            state.relay.take()
        });
        if !notice {
            self.each(|_| true, Flow::Dead);
        }
        drop(relay);
    }

    pub(crate) fn come_back(&self) {
        if self.state().relay.is_none() {
            self.start_relay();
        }
    }

    pub(crate) fn take_relay(&self) -> Server {
        self.change(|state| state.relay.take()).expect("the relay is up")
    }

    pub(crate) fn with_relay<T>(&self, look: impl FnOnce(&Server) -> T) -> Option<T> {
        self.state().relay.as_ref().map(look)
    }

    fn each(&self, which: impl Fn(&Wire) -> bool, flow: Flow) {
        for wire in self.state().wires.iter().filter(|wire| which(wire)) {
            let _ = wire.flow.send_if_modified(|now| {
                let changes = !matches!(*now, Flow::Dead | Flow::Cut);
                if changes {
                    *now = flow;
                }
                changes
            });
        }
    }

    pub(crate) fn cut(&self, who: usize, notice: bool) {
        self.each(|wire| wire.who == Some(who), if notice { Flow::Cut } else { Flow::Dead });
    }

    pub(crate) fn silence(&self, who: usize, silent: bool) {
        let flow = if silent { Flow::Silent } else { Flow::Moving };
        self.each(|wire| wire.who == Some(who), flow);
    }

    pub(crate) fn set_offline(&self, who: usize, offline: bool) {
        self.change(|state| match offline {
            true => state.offline.insert(who),
            false => state.offline.remove(&who),
        });
        self.silence(who, offline);
    }

    /// What the API answers from now on. Connections kept for later calls end, or they would go round it.
    pub(crate) fn set_api(&self, answer: Option<Answer>) {
        self.change(|state| state.api = answer);
        self.each(|wire| !*wire.session.borrow(), Flow::Cut);
    }

    /// What upgrades are answered with.
    pub(crate) fn set_door(&self, answer: Option<Answer>) {
        self.change(|state| state.door = answer);
    }

    pub(crate) fn removals(&self) -> usize {
        self.state().removals
    }

    /// Everything works again.
    pub(crate) fn mend(&self) {
        self.change(|state| {
            (state.api, state.door, state.mute) = (None, None, false);
            state.offline.clear();
        });
        self.come_back();
        self.each(|_| true, Flow::Moving);
        for wire in &self.state().wires {
            let _ = wire.flow.send_if_modified(|flow| {
                let dead = *flow == Flow::Dead;
                if dead {
                    *flow = Flow::Cut;
                }
                dead
            });
        }
    }

    /// A visitor of the edge, who comes past everything that is wrong here.
    pub(crate) fn visitor(&self) -> Option<DuplexStream> {
        let (near, far) = tokio::io::duplex(ROOM);
        self.with_relay(|relay| relay.serve_io(far, visitor_address()))?;
        Some(near)
    }

    async fn connect(self: Arc<Self>, who: Who) -> io::Result<Stream> {
        clock::sleep(Duration::from_millis(3)).await;
        let mut changes = self.changed.subscribe();
        loop {
            changes.mark_unchanged();
            let waits = {
                let state = self.state();
                let offline = who.is_some_and(|who| state.offline.contains(&who));
                if state.relay.is_none() && !state.mute && !offline {
                    return Err(io::ErrorKind::ConnectionRefused.into());
                }
                state.relay.is_none() || offline
            };
            if !waits {
                break;
            }
            let _ = changes.changed().await;
        }
        let (near, there) = tokio::io::duplex(ROOM);
        let wire = Arc::new(Wire {
            who,
            session: watch::Sender::new(false),
            flow: watch::Sender::new(Flow::Moving),
        });
        self.change(|state| {
            state.wires.retain(|wire| wire.flow.receiver_count() > 0);
            state.wires.push(wire.clone());
        });
        let flow = wire.flow.subscribe();
        self.tasks.clone().spawn("wire", carry(self, wire, flow, there));
        Ok(Stream::other(near))
    }

    /// What a request is answered with instead of by the relay.
    fn answer_to(&self, session: bool) -> Option<Answer> {
        let state = self.state();
        if session { state.door } else { state.api }
    }
}

/// The way of one host, or of the owner, to the relay.
#[derive(Debug)]
pub(crate) struct Way(pub(crate) Arc<Net>, pub(crate) Who);

impl Dial for Way {
    fn dial<'a>(&'a self, _: &'a Target) -> Dialed<'a> {
        Box::pin(self.0.clone().connect(self.1))
    }
}

fn visitor_address() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 40_000).into()
}

/// Carries a connection from its first request to its end.
async fn carry(
    net: Arc<Net>,
    wire: Arc<Wire>,
    flow: watch::Receiver<Flow>,
    mut near: DuplexStream,
) {
    let mut cut = flow.clone();
    let cut = cut.wait_for(|flow| *flow == Flow::Cut);
    let carried = async {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let Ok(byte) = near.read_u8().await else { return };
            head.push(byte);
        }
        let session = head.starts_with(b"GET /v1/host/");
        wire.session.send_replace(session);
        net.state().removals += usize::from(head.starts_with(b"DELETE "));
        let mut changes = net.changed.subscribe();
        while let Some(answer) = net.answer_to(session) {
            if let Answer::Status(status, after) = answer {
                let after = after.map(|after| format!("Retry-After: {after}\r\n"));
                let after = after.unwrap_or_default();
                let text = format!(
                    "HTTP/1.1 {status} No\r\nContent-Length: 0\r\n{after}Connection: close\r\n\r\n"
                );
                let _ = near.write_all(text.as_bytes()).await;
                return;
            }
            let _ = changes.changed().await;
        }
        let (mut there, far) = tokio::io::duplex(ROOM);
        if net.with_relay(|relay| relay.serve_io(far, visitor_address())).is_none() {
            return;
        }
        if there.write_all(&head).await.is_err() {
            return;
        }
        let (near_read, near_write) = tokio::io::split(near);
        let (far_read, far_write) = tokio::io::split(there);
        tokio::join!(
            copy(near_read, far_write, flow.clone()),
            copy(far_read, near_write, flow.clone())
        );
    };
    tokio::select! {
        () = carried => {}
        _ = cut => {}
    }
}

/// Moves bytes, and the end of them, while they move.
async fn copy(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut flow: watch::Receiver<Flow>,
) {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let n = from.read(&mut buffer).await.unwrap_or(0);
        clock::sleep(Duration::from_millis(1)).await;
        if flow.wait_for(|flow| *flow == Flow::Moving).await.is_err() {
            return;
        }
        if n == 0 {
            let _ = to.shutdown().await;
            return;
        }
        if to.write_all(&buffer[..n]).await.is_err() {
            return;
        }
    }
}
