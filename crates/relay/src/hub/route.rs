//! The live side of one tunnel: where its connections go now, and what it carried.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI64, AtomicU32, AtomicU64, Ordering},
    },
    time::Instant,
};

use adit_proto::{
    registry::{Epoch, GRACE},
    relay::HostPeerCommand,
};
use adit_wire::{clock, pump::Handle};
use jiff::Timestamp;
use tokio::sync::{Semaphore, watch};

use super::OpenError;
use crate::seams::{PortCounts, TunnelCounts};

/// Where new connections of a tunnel go.
#[derive(Debug, Clone)]
pub(crate) enum Route {
    /// No host has been there since the relay started.
    Unknown,
    /// The host went.
    Away {
        /// When.
        since: Instant,
        /// It said goodbye, and so is not waited for.
        left: bool,
    },
    /// Here.
    Live(Arc<HostSession>),
}

/// The session of one host.
#[derive(Debug)]
pub(crate) struct HostSession {
    /// Its place in the order of sessions.
    pub(crate) epoch: Epoch,
    /// The session.
    pub(crate) handle: Handle<HostPeerCommand>,
    /// The ports that it announced and the tunnel has.
    pub(crate) ports: BTreeSet<u16>,
    /// When it began.
    pub(crate) since: Instant,
}

/// The live side of one tunnel.
#[derive(Debug)]
pub(crate) struct Tunnel {
    route: watch::Sender<Route>,
    waiting: Semaphore,
    clients: AtomicU32,
    /// Seconds since 1970, 0 for never.
    last_host: AtomicI64,
    last_client: AtomicI64,
    uploaded: AtomicU64,
    downloaded: AtomicU64,
    /// When a connection to a port was last opened. Held for a look or an insert.
    ports: Mutex<BTreeMap<u16, Timestamp>>,
}

impl Default for Tunnel {
    fn default() -> Self {
        Self {
            route: super::route(),
            waiting: super::waiting_room(),
            clients: AtomicU32::new(0),
            last_host: AtomicI64::new(0),
            last_client: AtomicI64::new(0),
            uploaded: AtomicU64::new(0),
            downloaded: AtomicU64::new(0),
            ports: Mutex::default(),
        }
    }
}

impl Tunnel {
    /// Follows where connections go.
    pub(crate) fn watch(&self) -> watch::Receiver<Route> {
        self.route.subscribe()
    }

    /// The session that serves `port` at this moment.
    pub(crate) fn host_for(&self, port: u16, now: Instant) -> Result<Arc<HostSession>, OpenError> {
        match &*self.route.borrow() {
            Route::Live(host) if host.handle.is_ended() => Err(OpenError::Away),
            Route::Live(host) if host.ports.contains(&port) => Ok(host.clone()),
            Route::Live(_) => Err(OpenError::PortNotShared(port)),
            Route::Away { since, left: false } if now < *since + GRACE => Err(OpenError::Away),
            Route::Away { .. } | Route::Unknown => Err(OpenError::NoHost),
        }
    }

    /// Whether a host that serves `port` may be there in a moment.
    pub(crate) fn may_come(&self, port: u16, now: Instant) -> bool {
        match &*self.route.borrow() {
            Route::Live(host) if host.handle.is_ended() => true,
            Route::Live(host) => host.ports.contains(&port) || now < super::settled(host.since),
            Route::Away { since, left } => !left && now < *since + GRACE,
            Route::Unknown => false,
        }
    }

    /// Until when a session that has just begun is not taken at its word about its ports.
    pub(crate) fn settles_at(&self, now: Instant) -> Option<Instant> {
        match &*self.route.borrow() {
            Route::Live(host) => Some(super::settled(host.since)).filter(|at| now < *at),
            Route::Away { .. } | Route::Unknown => None,
        }
    }

    /// Waits for a session that serves `port`.
    pub(crate) async fn wait_for(
        &self,
        port: u16,
        deadline: Instant,
    ) -> Result<Arc<HostSession>, OpenError> {
        let Ok(_place) = self.waiting.try_acquire() else { return Err(OpenError::Busy) };
        let mut route = self.watch();
        loop {
            route.mark_unchanged();
            let now = clock::now();
            match self.host_for(port, now) {
                Ok(host) => return Ok(host),
                Err(error) if now >= deadline || !self.may_come(port, now) => return Err(error),
                Err(_) => {}
            }
            // A settling session may turn out not to serve the port without another change.
            let settled = match &*route.borrow() {
                Route::Live(host) => super::settled(host.since).min(deadline),
                _ => deadline,
            };
            let _ = clock::until(settled.max(now), route.changed()).await;
        }
    }

    /// Routes to a session, unless a later one is routed to. Returns whether another is routed to
    /// no longer.
    pub(super) fn start(&self, session: HostSession) -> bool {
        self.last_host.store(clock::wall().as_second(), Ordering::Relaxed);
        let mut replaced = false;
        self.route.send_if_modified(|route| {
            if let Route::Live(now) = route {
                if now.epoch > session.epoch {
                    return false;
                }
                replaced = true;
            }
            *route = Route::Live(Arc::new(session));
            true
        });
        replaced
    }

    /// The session of `epoch` serves these ports from now on. Returns whether it does not serve
    /// one that it served.
    pub(super) fn serve_ports(&self, epoch: Epoch, ports: &BTreeSet<u16>) -> bool {
        let mut fewer = false;
        self.route.send_if_modified(|route| {
            let Route::Live(host) = route else { return false };
            if host.epoch != epoch || host.ports == *ports {
                return false;
            }
            fewer = !host.ports.is_subset(ports);
            *route = Route::Live(Arc::new(HostSession {
                epoch,
                handle: host.handle.clone(),
                ports: ports.clone(),
                since: host.since,
            }));
            true
        });
        fewer
    }

    /// The session of `epoch` is gone. Returns whether it was routed to.
    pub(super) fn end(&self, epoch: Epoch, left: bool) -> bool {
        let since = clock::now();
        self.route.send_if_modified(|route| match route {
            Route::Live(host) if host.epoch == epoch => {
                let traffic = host.handle.traffic();
                self.uploaded.fetch_add(traffic.sent(), Ordering::Relaxed);
                self.downloaded.fetch_add(traffic.received(), Ordering::Relaxed);
                *route = Route::Away { since, left };
                true
            }
            _ => false,
        })
    }

    /// A host is expected although none has been seen.
    pub(super) fn expect(&self, since: Instant) {
        self.route.send_replace(Route::Away { since, left: false });
    }

    /// The endpoint was deleted: nobody waits for the host any more.
    pub(super) fn expect_nobody(&self) {
        self.route.send_if_modified(|route| match route {
            Route::Away { left, .. } if !*left => {
                *left = true;
                true
            }
            _ => false,
        });
    }

    /// Counts a client for as long as the guard lives.
    pub(crate) fn client(self: &Arc<Self>) -> ClientGuard {
        self.clients.fetch_add(1, Ordering::Relaxed);
        self.last_client.store(clock::wall().as_second(), Ordering::Relaxed);
        ClientGuard { tunnel: self.clone() }
    }

    pub(super) fn note_connection(&self, port: u16) {
        let mut ports = self.ports.lock().unwrap_or_else(PoisonError::into_inner);
        ports.insert(port, clock::wall());
    }

    pub(super) fn counts(&self) -> TunnelCounts {
        let (mut uploaded, mut downloaded) =
            (self.uploaded.load(Ordering::Relaxed), self.downloaded.load(Ordering::Relaxed));
        let mut hosts = 0;
        if let Route::Live(host) = &*self.route.borrow()
            && !host.handle.is_ended()
        {
            hosts = 1;
            uploaded += host.handle.traffic().sent();
            downloaded += host.handle.traffic().received();
        }
        TunnelCounts {
            hosts,
            clients: self.clients.load(Ordering::Relaxed),
            last_host: stamp(&self.last_host),
            last_client: stamp(&self.last_client),
            uploaded,
            downloaded,
        }
    }

    pub(super) fn port_counts(&self, port: u16) -> PortCounts {
        let last_client =
            self.ports.lock().unwrap_or_else(PoisonError::into_inner).get(&port).copied();
        let clients = match &*self.route.borrow() {
            Route::Live(host) if host.ports.contains(&port) => {
                u32::try_from(host.handle.traffic().channels()).unwrap_or(u32::MAX)
            }
            _ => 0,
        };
        PortCounts { clients, last_client }
    }
}

fn stamp(seconds: &AtomicI64) -> Option<Timestamp> {
    match seconds.load(Ordering::Relaxed) {
        0 => None,
        seconds => Timestamp::from_second(seconds).ok(),
    }
}

/// One client socket, for the count.
#[derive(Debug)]
pub(crate) struct ClientGuard {
    tunnel: Arc<Tunnel>,
}

impl Drop for ClientGuard {
    fn drop(&mut self) {
        self.tunnel.clients.fetch_sub(1, Ordering::Relaxed);
    }
}
