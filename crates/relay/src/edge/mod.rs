//! The public HTTP side of the relay: a visitor's request to a tunnel's port.
//!
//! A request is let in ([`route`], `access`), given a connection to the local server (`pool`,
//! `connect`), rewritten ([`headers`]) and streamed in both directions (`http`, `body`,
//! `response`, `upgrade`). What cannot be served is answered here, in plain words ([`pages`]).
//!
//! Nothing is buffered whole, and there is no task and no queue between a visitor's connection and
//! the local server's: the task that serves the visitor drives both. HTTP/1.1 is spoken on both
//! sides.

mod access;
mod apart;
mod body;
mod conn;
mod connect;
mod counters;
pub mod headers;
mod http;
mod local;
pub mod options;
pub mod pages;
mod pool;
mod probe;
pub mod problem;
mod response;
pub mod route;
mod samesite;
mod upgrade;
mod upstream;
mod visit;

#[cfg(test)]
mod tests;

use std::future::Future;
use std::net::SocketAddr;
use std::sync::{Arc, Weak};
use std::time::Duration;

use ::http::request::Parts;
use ::http::{HeaderMap, HeaderValue, Method, Request, Response, Uri, header};
use adit_proto::health;
use adit_proto::id::TunnelId;
use adit_wire::{clock, task, tls};
use hyper::body::Incoming;
use tokio::sync::broadcast::{self, error::RecvError};

use crate::auth::Auth;
use crate::course::Course;
use crate::directory::Directory;
use crate::record::TunnelRecord;
use crate::seams::{self, Answer, Peer};
use crate::sharing::{self, Sharing};

use access::{Entry, Gate};
use body::RequestBody;
use options::Options;
use pages::Audience;
use pool::Pools;
use problem::Problem;
use route::{Host, Names, Target};
use visit::Visit;

pub use counters::Counters;
use local::Locals;
pub use local::{Addresses, Loopback};
pub use upstream::{Opening, Upstream};

/// How large a request's header may be, all lines together.
const HEAD_SIZE: usize = 64 * 1024;

/// How often idle connections and unused listeners are looked at.
const SWEEP: Duration = Duration::from_secs(15);

/// The edge of a relay. Cheap to clone.
#[derive(Clone)]
pub struct Edge {
    shared: Arc<Shared>,
}

/// What an edge works with.
pub struct Setup {
    /// The names that the relay answers for.
    pub names: Names,
    /// Which tunnels there are.
    pub directory: Arc<Directory>,
    /// Who may visit them.
    pub auth: Arc<Auth>,
    /// Who else may, by links, on a relay that has them.
    pub sharing: Option<Arc<Sharing>>,
    /// The way to the local servers.
    pub upstream: Arc<dyn Upstream>,
    /// What is counted.
    pub counters: Counters,
    /// Whether visitors speak TLS with a proxy in front, which speaks HTTP with us.
    pub behind_tls: bool,
    /// How ports are served on this computer, on a relay that is meant for it.
    pub loopback: Option<Loopback>,
    /// Where the relay stands.
    pub course: Course,
    /// Where listeners run, and what keeps the edge tidy.
    pub listeners: task::Spawner,
    /// Where connections run.
    pub connections: task::Spawner,
}

struct Shared {
    names: Names,
    directory: Arc<Directory>,
    auth: Arc<Auth>,
    sharing: Option<Arc<Sharing>>,
    upstream: Arc<dyn Upstream>,
    tls: tls::Client,
    pools: Pools,
    counters: Counters,
    behind_tls: bool,
    locals: Option<Locals>,
    course: Course,
    tasks: task::Spawner,
}

/// How a request came in.
#[derive(Debug, Clone)]
enum Arrival {
    /// Through the relay's listener, with a name that says where it goes.
    Named,
    /// Through the listener of one port, which has checked the name.
    Door {
        tunnel: TunnelId,
        port: u16,
        /// Whether only this computer can come in here.
        private: bool,
    },
}

/// Who can come the way that a request came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// This computer only.
    Private,
    /// The local network.
    Local,
    /// Everybody.
    Public,
}

impl Edge {
    /// Starts an edge.
    pub fn start(setup: Setup) -> Self {
        let shared = Arc::new(Shared {
            names: setup.names,
            directory: setup.directory,
            auth: setup.auth,
            sharing: setup.sharing,
            upstream: setup.upstream,
            tls: tls::Client::danger_unverified(),
            pools: Pools::default(),
            counters: setup.counters,
            behind_tls: setup.behind_tls,
            locals: setup.loopback.map(|wishes| Locals::new(wishes, setup.listeners.clone())),
            course: setup.course,
            tasks: setup.connections,
        });
        let (moves, stop) = (shared.upstream.moves(), shared.course.left());
        setup.listeners.spawn("edge-keeper", keep(Arc::downgrade(&shared), moves, stop));
        Self { shared }
    }

    /// Where a port is served on this computer, on a relay that is meant for it; bound now if it
    /// was not. Must be called within a runtime.
    pub fn addresses(&self, tunnel: &TunnelId, port: u16) -> Option<Addresses> {
        self.shared.locals.as_ref()?.open(&self.shared, tunnel, port)
    }
}

impl seams::Edge for Edge {
    fn serve(&self, request: Request<Incoming>, peer: Peer) -> Answer {
        self.shared.clone().serve(request, peer, Arrival::Named)
    }

    fn loopback(&self, tunnel: &TunnelId, port: u16) -> Option<SocketAddr> {
        self.addresses(tunnel, port).map(|addresses| addresses.loopback)
    }
}

impl std::fmt::Debug for Edge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Edge").field("names", &self.shared.names).finish_non_exhaustive()
    }
}

impl Shared {
    fn serve(self: Arc<Self>, request: Request<Incoming>, peer: Peer, arrival: Arrival) -> Answer {
        Box::pin(async move {
            let look = health::is_look(request.uri().path());
            let counter = if look { &self.counters.looks } else { &self.counters.requests };
            counter.inc();
            let audience = Audience::of(request.method(), request.headers());
            match self.pass(request, peer, arrival, look).await {
                Ok(response) => response,
                // A look is no visit, and what it finds is told where it is looked.
                Err(problem) if look => pages::respond(&problem, &audience).map(crate::body::full),
                Err(problem) => self.refuse(&problem, &audience),
            }
        })
    }

    fn refuse(&self, problem: &Problem, audience: &Audience) -> Response<crate::body::Body> {
        self.counters.problem(problem);
        pages::respond(problem, audience).map(crate::body::full)
    }

    /// Lets a request in and passes it on.
    async fn pass(
        self: &Arc<Self>,
        mut request: Request<Incoming>,
        mut peer: Peer,
        arrival: Arrival,
        look: bool,
    ) -> Result<Response<crate::body::Body>, Problem> {
        let upgrade = headers::upgrade(request.headers())
            .map(|protocol| (protocol, hyper::upgrade::on(&mut request)));
        let (mut parts, incoming) = request.into_parts();
        // Whatever happens from here on, what the visitor still sends is read.
        let body = RequestBody::new(incoming, &parts.headers, &self.tasks);
        if parts.method == Method::CONNECT {
            return Err(Problem::BadRequest);
        }
        if head_size(&parts) > HEAD_SIZE {
            return Err(Problem::HeadTooLarge);
        }
        let host = authority(&parts.uri, &parts.headers)?;
        let (record, number, way) = self.find(&host, peer, arrival)?;
        let options = Options::of(&record, number).ok_or(Problem::NoPort(number))?;
        let now = clock::wall();
        if way != Way::Public && upgrade.is_some() && is_cross_site(&parts.headers, &host) {
            return Err(Problem::CrossSite);
        }
        if way == Way::Public {
            peer.secure |= self.behind_tls;
        }
        let sharing = self.sharing.as_deref().filter(|_| way == Way::Public);
        if let Some(sharing) = sharing.filter(|_| sharing::is_entry(parts.uri.path())) {
            let at = clock::now();
            let entered = sharing.enter(&parts, &record, number, peer.secure, now, at)?;
            return Ok(entered.map(crate::body::full));
        }
        let mut entry = Entry::Open;
        if way != Way::Private {
            let gate = Gate {
                auth: &self.auth,
                sharing,
                tunnel: &record,
                port: number,
                bearer: options.bearer,
                host: &host,
                secure: peer.secure,
            };
            entry = gate.admit(&mut parts, now).await?;
        }
        if !look {
            record.used.touch(now);
        }
        let port = self.pools.port(&record.id, number);
        let visit = Visit { record, number, port, options, host, peer, entry, upgrade, look };
        parts.extensions.clear();
        self.forward(visit, Request::from_parts(parts, body)).await
    }

    /// The tunnel and the port that a request is for, and the way it came.
    fn find(
        &self,
        host: &HeaderValue,
        peer: Peer,
        arrival: Arrival,
    ) -> Result<(Arc<TunnelRecord>, u16, Way), Problem> {
        match arrival {
            Arrival::Door { tunnel, port, private } => {
                let record = self.directory.tunnel(&tunnel).ok_or(Problem::NoTunnel)?;
                Ok((record, port, if private { Way::Private } else { Way::Local }))
            }
            Arrival::Named => {
                let host = host.to_str().map_err(|_| Problem::BadHost)?;
                let (name, port) = match self.names.target(host) {
                    Target::Port { name, port } => (name, port),
                    Target::Api | Target::Foreign => return Err(Problem::Misdirected),
                    Target::Malformed => return Err(Problem::BadHost),
                };
                let record = self.directory.find(&name).ok_or(Problem::NoTunnel)?;
                // No page elsewhere can have such a name lead anywhere else than here.
                let private = self.locals.is_some() && is_here(host) && is_loopback(peer.addr);
                Ok((record, port, if private { Way::Private } else { Way::Public }))
            }
        }
    }

    fn sweep(&self) {
        self.pools.sweep(clock::now());
        if let Some(locals) = &self.locals {
            locals.retain(|tunnel, port| {
                let record = self.directory.tunnel(tunnel);
                record.is_some_and(|record| record.ports.contains_key(&port))
            });
        }
    }
}

/// Keeps the edge tidy until it goes or the relay ends. From then on no connection is kept for later
/// requests: a host's session is not to wait for them.
async fn keep(
    edge: Weak<Shared>,
    mut moves: broadcast::Receiver<TunnelId>,
    stop: impl Future<Output = ()>,
) {
    tokio::pin!(stop);
    let mut sweep_at = clock::now() + SWEEP;
    loop {
        let event = tokio::select! {
            moved = moves.recv() => Some(moved),
            () = clock::sleep_until(sweep_at) => None,
            () = &mut stop => break,
        };
        let Some(edge) = edge.upgrade() else { return };
        match event {
            Some(Ok(tunnel)) => edge.pools.retire(&tunnel),
            Some(Err(RecvError::Lagged(_))) => edge.pools.retire_all(),
            // There will be no connections either.
            Some(Err(RecvError::Closed)) => break,
            None => {
                edge.sweep();
                sweep_at = clock::now() + SWEEP;
            }
        }
    }
    if let Some(edge) = edge.upgrade() {
        edge.pools.close();
    }
}

/// The authority that a request is for. The request target goes before `Host` (RFC 9112, section
/// 3.2.2).
fn authority(uri: &Uri, headers: &HeaderMap) -> Result<HeaderValue, Problem> {
    if let Some(authority) = uri.authority() {
        return HeaderValue::from_str(authority.as_str()).map_err(|_| Problem::BadHost);
    }
    let mut hosts = headers.get_all(header::HOST).iter();
    match (hosts.next(), hosts.next()) {
        (Some(host), None) if !host.is_empty() => Ok(host.clone()),
        _ => Err(Problem::BadHost),
    }
}

/// Roughly what the head took on the wire.
fn head_size(parts: &Parts) -> usize {
    let lines = parts.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4);
    lines.sum::<usize>() + parts.uri.path_and_query().map_or(1, |path| path.as_str().len())
}

/// Whether a page of somewhere else opens this connection to `host`. Its own pages may, and those
/// of this computer.
fn is_cross_site(headers: &HeaderMap, host: &HeaderValue) -> bool {
    let host = host.to_str().unwrap_or_default();
    headers.get_all(header::ORIGIN).iter().any(|origin| {
        let origin = origin.to_str().ok().and_then(headers::split_url);
        !origin.is_some_and(|(scheme, authority, rest)| {
            let own = headers::same_authority(scheme, authority, host);
            rest.is_empty() && (own || is_here(authority))
        })
    })
}

/// Whether an authority means this computer, wherever it is resolved.
fn is_here(authority: &str) -> bool {
    match Host::parse(authority) {
        Some(Host::Ip(address)) => address.to_canonical().is_loopback(),
        Some(Host::Name(name)) => {
            let (start, end) = name.split_at(name.len().saturating_sub("localhost".len()));
            end.eq_ignore_ascii_case("localhost") && (start.is_empty() || start.ends_with('.'))
        }
        None => false,
    }
}

fn is_loopback(address: SocketAddr) -> bool {
    address.ip().to_canonical().is_loopback()
}
