//! A proxy in front of the relay that makes faults, so that unmodified programs meet them.
//!
//! It speaks as much HTTP/1.1 as it must to find websocket upgrades and who makes them, on
//! connections that are used for calls before; everything else passes through unchanged. Told to, it
//! drops connections, holds their bytes, stops reading, answers the next upgrades itself, or puts an
//! SSH DISCONNECT between two packets that the server sends. Point peers at it with the relay's
//! `advertised_url`; the relay's address is given once the relay runs.
//!
//! No TLS: the relay under test is reached in the clear.

mod frames;
mod head;
mod link;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

/// Who made an upgrade, by the subprotocols it offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Offers a `tunnel-relay-host…`.
    Host,
    /// Offers a `tunnel-relay-client…`.
    Client,
    /// Any other websocket: a visitor's.
    Other,
}

/// What happens to the bytes of a connection, in both directions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// They pass.
    Pass,
    /// They are taken and kept: the connection looks alive and nothing arrives.
    Hold,
    /// They are not even read: the sender's window fills.
    Stop,
}

/// The proxy. It ends, with all its connections, when dropped.
#[derive(Debug)]
pub struct FaultProxy {
    addr: SocketAddr,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

impl FaultProxy {
    /// Listens on a free port of 127.0.0.1. Connections wait until [`FaultProxy::serve`].
    ///
    /// # Panics
    /// When there is none.
    pub async fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let addr = listener.local_addr().expect("bound");
        let shared = Arc::new(Shared::default());
        let accepting = tokio::spawn(accept(listener, shared.clone()));
        Self { addr, shared, accepting }
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Passes connections on to `upstream`, those that wait and those to come.
    pub fn serve(&self, upstream: SocketAddr) {
        self.shared.upstream.send_replace(Some(upstream));
    }

    /// Resets the websockets of `role`, now. Returns how many there were.
    pub fn drop_sockets(&self, role: Role) -> usize {
        self.tell(role, &link::Order::Drop)
    }

    /// Resets every connection, websocket or not, now.
    pub fn drop_everything(&self) -> usize {
        let links = self.shared.links();
        links.values().filter(|link| link.orders.try_send(link::Order::Drop).is_ok()).count()
    }

    /// Changes what happens to the bytes of the websockets that `role` has now.
    pub fn flow(&self, role: Role, flow: Flow) -> usize {
        self.tell(role, &link::Order::Flow(flow))
    }

    /// Sends an SSH DISCONNECT with this reason to the websockets that `role` has now, between two
    /// packets of the relay, as if the relay had sent it.
    pub fn disconnect(&self, role: Role, reason: u32) -> usize {
        self.tell(role, &link::Order::Insert(frames::disconnect(reason)))
    }

    /// Answers the next `times` upgrades of `role` with `status` instead of passing them on. Replaces
    /// what was planned for that role before.
    pub fn answer_upgrades(&self, role: Role, status: u16, times: usize) {
        let mut plan = self.shared.plan();
        plan.retain(|planned| planned.role != role);
        plan.push(Planned { role, status, times });
    }

    /// Answers the next `times` requests that begin with `method` and have `part` in their target with
    /// `status` instead of passing them on. Replaces what was planned for that before.
    pub fn answer_calls(&self, method: &str, part: &str, status: u16, times: usize) {
        let mut plan = self.shared.calls.lock().unwrap_or_else(PoisonError::into_inner);
        plan.retain(|planned| planned.method != method || planned.part != part);
        let (method, part) = (method.to_owned(), part.to_owned());
        plan.push(PlannedCall { method, part, status, times });
    }

    /// How many websockets of `role` are open.
    pub fn sockets(&self, role: Role) -> usize {
        self.shared.links().values().filter(|link| link.role == Some(role)).count()
    }

    /// How many bytes of the websockets of `role` are held now.
    pub fn held(&self, role: Role) -> usize {
        let links = self.shared.links();
        let fitting = links.values().filter(|link| link.role == Some(role));
        fitting.map(|link| link.held.load(Ordering::Relaxed)).sum()
    }

    /// The request lines seen so far, without the version: `PUT /tunnels/…?…`.
    pub fn requests(&self) -> Vec<String> {
        self.shared.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How many requests so far begin with `method` and have `part` in their target.
    pub fn count(&self, method: &str, part: &str) -> usize {
        let fits = |line: &&String| line.starts_with(method) && line.contains(part);
        self.requests().iter().filter(fits).count()
    }

    fn tell(&self, role: Role, order: &link::Order) -> usize {
        let links = self.shared.links();
        let fitting = links.values().filter(|link| link.role == Some(role));
        fitting.filter(|link| link.orders.try_send(order.clone()).is_ok()).count()
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.accepting.abort();
        self.drop_everything();
    }
}

/// What the connections and the one who gives orders have in common. Locks are held for a look or a
/// change, never across an await.
#[derive(Debug, Default)]
struct Shared {
    upstream: watch::Sender<Option<SocketAddr>>,
    links: Mutex<BTreeMap<u64, Link>>,
    plan: Mutex<Vec<Planned>>,
    calls: Mutex<Vec<PlannedCall>>,
    requests: Mutex<Vec<String>>,
}

/// A connection as it is seen from outside.
#[derive(Debug)]
struct Link {
    role: Option<Role>,
    orders: mpsc::Sender<link::Order>,
    held: Arc<AtomicUsize>,
}

/// Upgrades that will be answered here.
#[derive(Debug)]
struct Planned {
    role: Role,
    status: u16,
    times: usize,
}

/// Calls that will be answered here.
#[derive(Debug)]
struct PlannedCall {
    method: String,
    part: String,
    status: u16,
    times: usize,
}

impl Shared {
    /// The status that a request gets here, if any is planned.
    fn planned_call(&self, line: &str) -> Option<u16> {
        let mut plan = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        let planned = plan.iter_mut().find(|planned| {
            planned.times > 0
                && line.starts_with(planned.method.as_str())
                && line.contains(planned.part.as_str())
        })?;
        planned.times -= 1;
        Some(planned.status)
    }

    fn links(&self) -> MutexGuard<'_, BTreeMap<u64, Link>> {
        self.links.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn plan(&self) -> MutexGuard<'_, Vec<Planned>> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn saw(&self, request: String) {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).push(request);
    }

    /// The status that the next upgrade of `role` gets here, if any is planned.
    fn planned(&self, role: Role) -> Option<u16> {
        let mut plan = self.plan();
        let planned = plan.iter_mut().find(|planned| planned.role == role && planned.times > 0)?;
        planned.times -= 1;
        Some(planned.status)
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    for id in 0.. {
        let Ok((stream, _)) = listener.accept().await else { return };
        let shared = shared.clone();
        tokio::spawn(link::run(id, stream, shared));
    }
}

#[cfg(test)]
mod tests;
