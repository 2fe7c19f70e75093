//! Who is connected: the hosts of all tunnels, and the way to open a connection on one.
//!
//! One task owns the [registry](adit_proto::registry) and carries out what it commands. What it
//! decides is published as one route per tunnel, which the edge and the client sockets read
//! and watch; opening a connection touches no shared queue but the host session's own.

mod actor;
mod route;

use std::{
    collections::{BTreeSet, HashMap},
    net::SocketAddr,
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, Instant},
};

use adit_proto::{
    id::TunnelId,
    registry::{Claim, Departure, Epoch, Refusal},
    relay::{HostPeerCommand, message::Connect},
};
use adit_wire::{channel::Channel, clock, pump, task};
use tokio::sync::{Semaphore, broadcast, mpsc, oneshot, watch};

use crate::{
    course::Course,
    directory::Directory,
    seams::{Live, PortCounts, TunnelCounts},
};

use actor::{Actor, Ask};
pub(crate) use route::{HostSession, Route, Tunnel};

/// Questions that wait for the hub's task; full means that a socket's task waits.
const ASKS: usize = 256;
/// Moves that the edge may be behind.
const MOVES: usize = 1024;
/// Connections of one tunnel that wait for its host at once; more are refused.
const WAITING: usize = 256;
/// How long a connection waits for a host that is known and away, or that is just coming.
pub const PATIENCE: Duration = Duration::from_secs(5);
/// A host's session is this old before a port that it has not announced counts as not shared.
const SETTLING: Duration = Duration::from_secs(2);
/// How long a host may take to connect to its local server and say so.
const OPENING: Duration = Duration::from_secs(30);

/// The connected hosts and clients of a relay. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Hub {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    asks: mpsc::Sender<Ask>,
    tunnels: RwLock<HashMap<TunnelId, Arc<Tunnel>>>,
    course: Course,
    /// Full means that a listener misses some, and is told so.
    moves: broadcast::Sender<TunnelId>,
}

/// Why there is no connection to a port.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// No host is connected, and none is expected soon.
    #[error("no host is connected for this tunnel")]
    NoHost,
    /// The host was there a moment ago and did not come back in time.
    #[error("the host of this tunnel is reconnecting")]
    Away,
    /// The host does not serve this port.
    #[error("the host does not share port {0}")]
    PortNotShared(u16),
    /// The host could not connect to its local server; with its words.
    #[error("{0}")]
    Refused(String),
    /// The host did not answer in time.
    #[error("the host did not answer in time")]
    Timeout,
    /// Too many connections wait, or are open on the host's session.
    #[error("too many connections at once")]
    Busy,
}

/// What becomes of a host's upgrade.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Answer 101 with this epoch and serve.
    Serve(Epoch),
    /// Answer 101, then say that another host has taken over.
    TakenOver,
    /// Answer with a status.
    Refuse(Refusal),
}

impl Hub {
    /// Starts the hub's task. Hosts of tunnels that have an endpoint on record are expected back.
    pub fn start(directory: &Arc<Directory>, course: Course, tasks: &task::Spawner) -> Self {
        let (asks, asked) = mpsc::channel(ASKS);
        let (moves, _) = broadcast::channel(MOVES);
        let shared = Shared { asks, tunnels: RwLock::default(), course, moves };
        let hub = Self { shared: Arc::new(shared) };
        let actor = Actor::new(&hub.shared, directory.clone());
        tasks.spawn("hub", actor.run(asked, tasks.stopping()));
        hub
    }

    /// Opens a connection to a port of a tunnel. With `patience`, a host that is known and away
    /// is waited for that long, unless another process takes over from this one: it goes there.
    ///
    /// # Errors
    ///
    /// Why there is none.
    pub async fn open(
        &self,
        tunnel: &TunnelId,
        port: u16,
        origin: SocketAddr,
        encrypt: bool,
        patience: Option<Duration>,
    ) -> Result<pump::Opened, OpenError> {
        let connect = Connect {
            originator: origin.ip().to_string(),
            originator_port: origin.port(),
            encrypt,
            ..Connect::to_port(port)
        };
        let opened = self.connect(tunnel, connect, patience).await?;
        self.tunnel(tunnel).note_connection(port);
        Ok(opened)
    }

    async fn connect(
        &self,
        tunnel: &TunnelId,
        connect: Connect,
        patience: Option<Duration>,
    ) -> Result<pump::Opened, OpenError> {
        let (tunnel, port) = (self.tunnel(tunnel), connect.port);
        let deadline = patience.map(|patience| clock::now() + patience);
        loop {
            let host = match (tunnel.host_for(port, clock::now()), deadline) {
                (Ok(host), _) => host,
                (Err(error), Some(deadline)) if tunnel.may_come(port, clock::now()) => {
                    let elsewhere = matches!(error, OpenError::Away | OpenError::NoHost);
                    tokio::select! {
                        waited = tunnel.wait_for(port, deadline) => waited?,
                        () = self.shared.course.handed_over(), if elsewhere => return Err(error),
                    }
                }
                (Err(error), _) => return Err(error),
            };
            let opening = host.handle.open(HostPeerCommand::Connect(connect.clone()));
            match clock::until(clock::now() + OPENING, opening).await {
                Ok(Ok(opened)) => return Ok(opened),
                // The session ended with the question: nothing was sent, and the next may do.
                Ok(Err(pump::OpenError::Ended))
                    if deadline.is_some_and(|deadline| clock::now() < deadline) => {}
                Ok(Err(error)) => return Err(error.into()),
                Err(_) => return Err(OpenError::Timeout),
            }
        }
    }

    /// Like [`Hub::open`] for a visitor of the edge: waits for a host that is away, and nobody
    /// encrypts.
    ///
    /// # Errors
    ///
    /// Why there is no connection.
    pub async fn visit(
        &self,
        tunnel: &TunnelId,
        port: u16,
        origin: SocketAddr,
    ) -> Result<Channel, OpenError> {
        let opened = self.open(tunnel, port, origin, false, Some(PATIENCE)).await?;
        Ok(opened.channel)
    }

    /// Opens a connection for a look at the URL of a port, which is nobody's visit.
    ///
    /// # Errors
    ///
    /// Why there is none.
    pub async fn look(&self, tunnel: &TunnelId, port: u16) -> Result<Channel, OpenError> {
        Ok(self.connect(tunnel, Connect::look(port), Some(PATIENCE)).await?.channel)
    }

    /// Asks for a host's place. The answer comes after the lease was granted.
    pub(crate) async fn claim(&self, claim: Claim<TunnelId>) -> Verdict {
        let (answer, verdict) = oneshot::channel();
        let asked = self.shared.asks.send(Ask::Claim { claim, answer }).await;
        if asked.is_err() {
            return Verdict::Refuse(Refusal::NoLease);
        }
        verdict.await.unwrap_or(Verdict::Refuse(Refusal::NoLease))
    }

    /// The session of an epoch is about to run. When this returns it is routed to: what it
    /// publishes before that would be lost.
    pub(crate) async fn started(&self, id: &TunnelId, session: HostSession) {
        let (routed, done) = oneshot::channel();
        let ask = Ask::Started { tunnel: id.clone(), session, routed };
        if self.shared.asks.send(ask).await.is_ok() {
            let _ = done.await;
        }
    }

    /// The session of an epoch has ended, or never began.
    pub(crate) async fn released(&self, id: &TunnelId, epoch: Epoch, departure: Departure) {
        let ask = Ask::Released { tunnel: id.clone(), epoch, departure };
        let _ = self.shared.asks.send(ask).await;
    }

    /// Publishes which ports the session of `epoch` serves.
    pub(crate) fn serve_ports(&self, id: &TunnelId, epoch: Epoch, ports: &BTreeSet<u16>) {
        if self.tunnel(id).serve_ports(epoch, ports) {
            self.shared.moved(id);
        }
    }

    /// Announces tunnels of which a session, or a port of it, takes no new connections any more:
    /// those that are idle should be closed, for the session waits for them.
    pub(crate) fn moves(&self) -> broadcast::Receiver<TunnelId> {
        self.shared.moves.subscribe()
    }

    /// The live side of a tunnel, made if it was not there.
    pub(crate) fn tunnel(&self, id: &TunnelId) -> Arc<Tunnel> {
        self.shared.tunnel(id)
    }
}

impl Shared {
    fn tunnel(&self, id: &TunnelId) -> Arc<Tunnel> {
        let tunnels = self.tunnels.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(tunnel) = tunnels.get(id) {
            return tunnel.clone();
        }
        drop(tunnels);
        let mut tunnels = self.tunnels.write().unwrap_or_else(PoisonError::into_inner);
        tunnels.entry(id.clone()).or_default().clone()
    }

    fn moved(&self, id: &TunnelId) {
        // Without an edge nobody listens.
        let _ = self.moves.send(id.clone());
    }

    fn forget(&self, id: &TunnelId) {
        self.tunnels.write().unwrap_or_else(PoisonError::into_inner).remove(id);
    }
}

impl From<pump::OpenError> for OpenError {
    fn from(error: pump::OpenError) -> Self {
        match error {
            pump::OpenError::Refused(failure) => Self::Refused(failure.description),
            pump::OpenError::TooMany => Self::Busy,
            pump::OpenError::Ended => Self::Away,
        }
    }
}

impl Live for Hub {
    fn tunnel(&self, id: &TunnelId) -> TunnelCounts {
        self.tunnel(id).counts()
    }

    fn port(&self, id: &TunnelId, port: u16) -> PortCounts {
        self.tunnel(id).port_counts(port)
    }
}

/// The first moment from which a session of `since` is taken at its word about its ports.
fn settled(since: Instant) -> Instant {
    since + SETTLING
}

/// Waiting places of one tunnel.
fn waiting_room() -> Semaphore {
    Semaphore::new(WAITING)
}

/// A route that changes.
fn route() -> watch::Sender<Route> {
    watch::Sender::new(Route::Unknown)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::course::Helm;
    use crate::directory::Writing;
    use crate::record::{EndpointRecord, TunnelRecord};
    use crate::store::tests::{at, tunnel};
    use crate::store::{Memory, Store, Write};

    #[tokio::test]
    async fn hosts_that_had_registered_are_awaited_from_the_first_moment() {
        let endpoint = EndpointRecord {
            id: "e".into(),
            host_id: "h".into(),
            host_public_keys: Vec::new(),
            registered: at(1),
        };
        let hosted = TunnelRecord { endpoint: Some(endpoint), ..tunnel("quiet-fox") };
        let mut store = Memory::default();
        let writes = [Write::Tunnel(hosted.into()), Write::Tunnel(tunnel("lost-cat").into())];
        store.commit(&writes).unwrap();
        let directory = Directory::open(Box::new(store), None, Writing::InPlace).unwrap();
        let tasks = task::Group::new("hub");
        // On this runtime the hub's task has not run when the question is asked.
        let hub = Hub::start(&Arc::new(directory), Helm::new().course(), &tasks.spawner());
        let awaited = |id: &str| hub.tunnel(&id.parse().unwrap()).may_come(3000, clock::now());
        assert!(awaited("quiet-fox") && !awaited("lost-cat"));
    }
}
