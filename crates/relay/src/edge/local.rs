//! Listeners of their own for ports, on a relay that is meant for this computer.
//!
//! Every client understands `http://127.0.0.1:n/`, without DNS. What listens there needs no
//! sign-in, so it answers only for the names that it was announced under: a page of another site
//! cannot reach it under a name of its own (DNS rebinding), nor open a WebSocket. The local
//! network, when it is let in, comes through a listener of its own and has to show its right.

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use adit_proto::id::TunnelId;
use adit_wire::net::{BindError, Listener, bind};
use adit_wire::task;
use http::Request;
use hyper::body::Incoming;
use tokio::sync::oneshot;

use super::pages::Audience;
use super::problem::Problem;
use super::route::Host;
use super::{Arrival, Shared, authority, route};
use crate::front::{self, Handler};
use crate::seams::{Answer, Peer};

/// How ports are served on this computer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Loopback {
    /// The address of this computer in the local network, when that may come in, too.
    pub lan: Option<IpAddr>,
    /// Where ports were served last time, so that their addresses stay what they were.
    pub ports: BTreeMap<(TunnelId, u16), u16>,
}

/// Where one port is served on this computer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Addresses {
    /// For this computer.
    pub loopback: SocketAddr,
    /// For the local network.
    pub lan: Option<SocketAddr>,
}

/// The listeners of a relay for this computer.
pub(super) struct Locals {
    wishes: Loopback,
    /// Held while one is bound.
    open: Mutex<HashMap<(TunnelId, u16), Open>>,
    tasks: task::Spawner,
}

struct Open {
    addresses: Addresses,
    /// The listeners end with it.
    _closer: Vec<oneshot::Sender<()>>,
}

impl Locals {
    /// None yet; they run in `tasks`.
    pub(super) fn new(wishes: Loopback, tasks: task::Spawner) -> Self {
        Self { wishes, open: Mutex::default(), tasks }
    }

    /// The listeners of a port, bound now if they were not; nothing if they cannot be.
    pub(super) fn open(
        &self,
        edge: &Arc<Shared>,
        tunnel: &TunnelId,
        port: u16,
    ) -> Option<Addresses> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (tunnel.clone(), port);
        if let Some(open) = open.get(&key) {
            return Some(open.addresses);
        }
        let opened = self.bind(edge, tunnel, port);
        let error = match opened {
            Ok(opened) => return Some(open.entry(key).or_insert(opened).addresses),
            Err(error) => error,
        };
        tracing::warn!(%tunnel, port, %error, "a port gets no listener of its own");
        None
    }

    /// Ends the listeners of ports that are not to be kept.
    pub(super) fn retain(&self, keep: impl Fn(&TunnelId, u16) -> bool) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|(tunnel, port), _| keep(tunnel, *port));
    }

    fn bind(&self, edge: &Arc<Shared>, tunnel: &TunnelId, port: u16) -> Result<Open, BindError> {
        let wish = self.wishes.ports.get(&(tunnel.clone(), port)).copied();
        let listener = bind_near(Ipv4Addr::LOCALHOST.into(), wish)?;
        let loopback = address(&listener, Ipv4Addr::LOCALHOST.into())?;
        let mut closer = Vec::new();
        let mut start = |listener, at, lan| {
            let door = Door { edge: edge.clone(), tunnel: tunnel.clone(), port, at, lan };
            closer.push(self.listen(listener, door));
        };
        let at = loopback.port();
        start(listener, at, None);
        // `localhost` may mean either address. Where there is no IPv6, it means the other.
        match bind(SocketAddr::new(Ipv6Addr::LOCALHOST.into(), at)) {
            Ok(listener) => start(listener, at, None),
            Err(error) => tracing::debug!(%error, "no IPv6 loopback listener"),
        }
        let mut lan = None;
        if let Some(ip) = self.wishes.lan {
            let listener = bind_near(ip, Some(at))?;
            let address = address(&listener, ip)?;
            start(listener, address.port(), Some(ip));
            lan = Some(address);
        }
        Ok(Open { addresses: Addresses { loopback, lan }, _closer: closer })
    }

    fn listen(&self, mut listener: Listener, door: Door) -> oneshot::Sender<()> {
        let (closer, closed) = oneshot::channel();
        let stop = self.tasks.stopping().wait();
        self.tasks.spawn("edge-listener", async move {
            let (tasks, course) = (door.edge.tasks.clone(), door.edge.course.clone());
            let door: Arc<dyn Handler> = Arc::new(door);
            tokio::pin!(stop, closed);
            loop {
                let (stream, addr) = tokio::select! {
                    accepted = listener.accept() => accepted,
                    () = &mut stop => return,
                    _ = &mut closed => return,
                };
                let peer = Peer { addr, secure: false };
                let (course, stopping) = (course.clone(), tasks.stopping());
                let serving = front::serve(stream, peer, door.clone(), course, stopping);
                tasks.spawn("connection", serving);
            }
        });
        closer
    }
}

/// Listens on the port wished for, or on any other if that is taken.
fn bind_near(ip: IpAddr, wish: Option<u16>) -> Result<Listener, BindError> {
    match wish.map(|port| bind(SocketAddr::new(ip, port))) {
        Some(Ok(listener)) => return Ok(listener),
        Some(Err(error)) => tracing::warn!(%error, "the port of last time is taken"),
        None => {}
    }
    bind(SocketAddr::new(ip, 0))
}

/// The address it really got.
fn address(listener: &Listener, ip: IpAddr) -> Result<SocketAddr, BindError> {
    let asked = SocketAddr::new(ip, 0);
    listener.local_addr().map_err(|error| BindError { address: asked, error })
}

/// What one listener leads to.
struct Door {
    edge: Arc<Shared>,
    tunnel: TunnelId,
    port: u16,
    /// The port that it listens on.
    at: u16,
    /// The address for the local network; without one it is for this computer only.
    lan: Option<IpAddr>,
}

impl Door {
    /// Whether a request calls it by a name that it was announced under.
    fn is_called(&self, authority: &str) -> bool {
        let named = match (Host::parse(authority), self.lan) {
            (Some(Host::Ip(ip)), Some(lan)) => ip == lan,
            (Some(Host::Ip(ip)), None) => ip == Ipv4Addr::LOCALHOST || ip == Ipv6Addr::LOCALHOST,
            (Some(Host::Name(name)), None) => name.eq_ignore_ascii_case("localhost"),
            (Some(Host::Name(_)), Some(_)) | (None, _) => false,
        };
        named && route::port(authority).unwrap_or(80) == self.at
    }
}

impl Handler for Door {
    fn handle(&self, request: Request<Incoming>, peer: Peer) -> Answer {
        let (tunnel, private) = (self.tunnel.clone(), self.lan.is_none());
        let arrival = Arrival::Door { tunnel, port: self.port, private };
        let called = match authority(request.uri(), request.headers()) {
            Ok(host) if host.to_str().is_ok_and(|host| self.is_called(host)) => Ok(()),
            Ok(_) => Err(Problem::Misdirected),
            Err(problem) => Err(problem),
        };
        match called {
            Ok(()) => self.edge.clone().serve(request, peer, arrival),
            Err(problem) => {
                let audience = Audience::of(request.method(), request.headers());
                let answer = self.edge.refuse(&problem, &audience);
                Box::pin(std::future::ready(answer))
            }
        }
    }

    fn is_visit(&self, _: &Request<Incoming>) -> bool {
        true
    }

    fn refused(&self, too_large: bool) {
        let problem = if too_large { Problem::HeadTooLarge } else { Problem::BadRequest };
        self.edge.counters.problem(&problem);
    }
}
