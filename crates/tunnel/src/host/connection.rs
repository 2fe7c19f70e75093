//! One connection of a visitor: to the local port, and then joined. Or one of a look at the URL, which may be
//! answered here.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use adit_proto::health::{Gate, Heard, Nonce, Refusal};
use adit_proto::host::SessionId;
use adit_proto::relay::message::Connect;
use adit_proto::ssh::open_failure;
use adit_wire::channel::{Channel, Incoming};
use adit_wire::clock;
use adit_wire::net::{Stream, connect_local};
use bytes::Bytes;
use tokio::net::TcpStream;
use tokio::sync::mpsc;

use super::Event;
use super::driver::Report;
use crate::events::Emitter;
use crate::forward::{self, Flow};
use crate::inspect::Tap;
use crate::probe::refusal;

/// How long a local server may take to accept. A loopback answers at once, unless its server's
/// queue is full.
const LOCAL_CONNECT: Duration = Duration::from_secs(10);

/// How long a connection that is for a look may take to ask.
const LOOK: Duration = Duration::from_secs(10);

/// What is known of the local ports, for telling only what is news.
#[derive(Debug)]
pub(super) struct LocalPorts {
    events: Emitter<Event>,
    reports: mpsc::Sender<Report>,
    /// Held for a look-up, never across an await.
    down: Mutex<BTreeSet<u16>>,
    /// Likewise. How often bytes for each port have arrived.
    arrivals: Mutex<BTreeMap<u16, Arc<AtomicU64>>>,
}

impl LocalPorts {
    pub(super) fn new(events: Emitter<Event>, reports: mpsc::Sender<Report>) -> Self {
        Self { events, reports, down: Mutex::default(), arrivals: Mutex::default() }
    }

    /// What counts each time that bytes for a port arrive.
    pub(super) fn arrivals(&self, port: u16) -> Arc<AtomicU64> {
        let mut arrivals = self.arrivals.lock().unwrap_or_else(PoisonError::into_inner);
        arrivals.entry(port).or_default().clone()
    }

    pub(super) fn is_up(&self, port: u16) {
        if self.down().remove(&port) {
            self.events.emit(Event::LocalUp { port });
            self.report(Report::LocalAccepted { port });
        }
    }

    fn is_down(&self, port: u16, refusal: Refusal) {
        if self.down().insert(port) {
            let cause = refusal.to_string();
            tracing::warn!(port, cause, "local port does not answer");
            self.events.emit(Event::LocalDown { port, cause: cause.into() });
            self.report(Report::LocalRefused { port, refusal });
        }
    }

    /// A driver that is busy will find it out with its next look.
    fn report(&self, report: Report) {
        let _ = self.reports.try_send(report);
    }

    fn down(&self) -> MutexGuard<'_, BTreeSet<u16>> {
        self.down.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the connections of one session have in common.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) id: SessionId,
    /// By what its URLs are proven, if they are.
    pub(super) nonce: Option<Nonce>,
    reports: mpsc::Sender<Report>,
    /// A visitor has come.
    proven: AtomicBool,
}

impl Session {
    pub(super) fn new(id: SessionId, nonce: Option<Nonce>, reports: mpsc::Sender<Report>) -> Self {
        Self { id, nonce, reports, proven: AtomicBool::new(false) }
    }

    /// A visitor's bytes have come. Told once.
    async fn carries_traffic(&self) {
        if !self.proven.swap(true, Ordering::Relaxed) {
            // The driver is only gone together with this task.
            let _ = self.reports.send(Report::Traffic { session: self.id }).await;
        }
    }
}

/// A connection to one port.
pub(super) struct Connection<'a> {
    pub(super) port: u16,
    pub(super) session: &'a Session,
    pub(super) ports: &'a LocalPorts,
    pub(super) tap: Option<Tap>,
    /// Waits for the secret, where the host can read what comes.
    pub(super) gate: Option<Gate>,
}

impl Connection<'_> {
    /// Serves the connection that the relay asks for.
    pub(super) async fn serve(mut self, connect: &Connect, incoming: Incoming) {
        match self.gate.take() {
            Some(gate) if connect.is_look() => self.serve_look(gate, incoming).await,
            gate => self.forward(connect, gate, incoming).await,
        }
    }

    /// Connects to the local port and only then confirms the channel, so that a visitor is not told
    /// of a connection that there is not.
    async fn forward(self, connect: &Connect, gate: Option<Gate>, incoming: Incoming) {
        let local = match self.connect().await {
            Ok(local) => local,
            Err(cause) => return incoming.reject(open_failure::CONNECT_FAILED, &cause).await,
        };
        let mut channel = incoming.accept(false).await;
        let held = match gate {
            None => VecDeque::new(),
            Some(gate) => {
                let first = self.listen(&mut channel, gate, Some(&local)).await;
                match first {
                    First::Asked => return self.answer(channel).await,
                    First::Other(held) => held,
                }
            }
        };
        if !connect.is_look() {
            self.session.carries_traffic().await;
        }
        self.join(channel, local, held).await;
    }

    /// A look at the URL of our own relay's making, which speaks first and at once. The local server is not
    /// troubled with it, and need not be there.
    async fn serve_look(self, gate: Gate, incoming: Incoming) {
        let mut channel = incoming.accept(false).await;
        let first = self.listen(&mut channel, gate, None);
        let held = match clock::until(clock::now() + LOOK, first).await {
            Ok(First::Asked) => return self.answer(channel).await,
            Ok(First::Other(held)) => held,
            Err(clock::Late) => return,
        };
        // Somebody tried his luck with the path of a look: an ordinary visitor. If nothing listens he gets a
        // connection that ends, which says the same.
        if let Ok(local) = self.connect().await {
            self.session.carries_traffic().await;
            self.join(channel, local, held).await;
        }
    }

    async fn connect(&self) -> Result<TcpStream, String> {
        let port = self.port;
        match connect_local(port, clock::now() + LOCAL_CONNECT).await {
            Ok(Stream::Tcp(local)) => {
                self.ports.is_up(port);
                Ok(local)
            }
            Ok(_) => Err("not a TCP connection".to_owned()),
            Err(error) => {
                let refusal = refusal(port, &error);
                let cause = refusal.to_string();
                self.ports.is_down(port, refusal);
                Err(cause)
            }
        }
    }

    /// Listens to the first bytes, for as long as they may be a request for the secret and the local server,
    /// which would have to wait for them then, says nothing itself.
    async fn listen(
        &self,
        channel: &mut Channel,
        mut gate: Gate,
        local: Option<&TcpStream>,
    ) -> First {
        let arrivals = self.ports.arrivals(self.port);
        let mut held = VecDeque::new();
        loop {
            let bytes = tokio::select! {
                biased;
                bytes = channel.recv() => bytes,
                () = speaks(local) => None,
            };
            let Some(bytes) = bytes else { return First::Other(held) };
            arrivals.fetch_add(1, Ordering::Relaxed);
            // Little is held, and what a full inbox could not take comes only after this.
            channel.consumed(bytes.len());
            let heard = gate.hear(&bytes);
            held.push_back(bytes);
            match heard {
                Heard::Undecided => {}
                Heard::Other => return First::Other(held),
                Heard::Asked => return First::Asked,
            }
        }
    }

    /// Answers a look. Not a visitor: nothing else is told of it.
    async fn answer(self, mut channel: Channel) {
        let Some(nonce) = &self.session.nonce else { return };
        tracing::trace!(port = self.port, "a look at the URL came through");
        if channel.send(nonce.response().into()).await.is_ok() {
            let _ = channel.eof().await;
        }
    }

    async fn join(mut self, channel: Channel, local: TcpStream, held: VecDeque<Bytes>) {
        let arrivals = Some(self.ports.arrivals(self.port));
        if let Some(tap) = &mut self.tap {
            tap.joined();
        }
        let flow = Flow { held, tap: self.tap, arrivals };
        let outcome = forward::splice(channel, local, flow).await;
        tracing::debug!(port = self.port, ?outcome, "connection ended");
    }
}

/// What the first bytes of a connection are.
enum First {
    /// The local server's, and whatever follows them.
    Other(VecDeque<Bytes>),
    /// A request for the secret.
    Asked,
}

/// Waits until a local server has something to say, or nothing more; takes nothing of it.
async fn speaks(local: Option<&TcpStream>) {
    match local {
        Some(local) => {
            // An error is something to say, too: joining will tell what.
            let _ = local.peek(&mut [0]).await;
        }
        None => std::future::pending().await,
    }
}
