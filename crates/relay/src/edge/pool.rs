//! Connections to local servers that wait for their next request, and what is known of the ports.
//!
//! Idle connections cost the host's computer something and go stale unseen, so they are few and
//! kept for a minute at most, or for as long as the local server says that it waits.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

use adit_proto::id::TunnelId;

use super::conn::Conn;

/// Idle connections of one port; more are closed.
const PER_PORT: usize = 64;
/// Idle connections of the whole edge; more are closed.
const IN_ALL: usize = 4096;
/// How long a connection may be idle.
const IDLE: Duration = Duration::from_secs(60);
/// How long it may have been idle for a request that cannot be sent again. Shorter than any
/// server's patience, so that it is not closed just then.
const IDLE_CAREFUL: Duration = Duration::from_secs(1);
/// How much earlier than announced the local server may lose its patience.
const MARGIN: Duration = Duration::from_secs(1);
/// How long a port is remembered that nobody visits.
const FORGET: Duration = Duration::from_secs(3600);

/// The ports that have been visited.
#[derive(Default)]
pub(super) struct Pools {
    tunnels: RwLock<HashMap<TunnelId, BTreeMap<u16, Arc<Port>>>>,
    all: Arc<All>,
}

/// What all ports share.
#[derive(Default)]
struct All {
    /// Connections that are idle.
    idle: AtomicUsize,
    /// Nothing is kept any more.
    closed: AtomicBool,
}

/// Connections of a port that were opened between two moves of its host.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Generation(u64);

/// One visited port.
pub(super) struct Port {
    /// Held for a look, a push or a pop.
    state: Mutex<State>,
    all: Arc<All>,
}

#[derive(Default)]
struct State {
    /// The last to come is the first to go.
    idle: Vec<Idle>,
    generation: Generation,
    known: Known,
    used: Option<Instant>,
}

struct Idle {
    conn: Box<Conn>,
    since: Instant,
    until: Instant,
}

/// What is known about a port whose protocol is `auto`.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Known {
    /// What its server spoke last. Idle connections are of this kind.
    pub(super) speech: Option<Speech>,
    /// When it was last asked whether it speaks TLS.
    pub(super) tested: Option<Instant>,
}

/// What a local server speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Speech {
    /// HTTP.
    Plain,
    /// HTTP over TLS.
    Tls,
}

impl Speech {
    pub(super) fn scheme(self) -> &'static str {
        match self {
            Self::Plain => "http",
            Self::Tls => "https",
        }
    }
}

impl Pools {
    /// The port, made if nobody has visited it.
    pub(super) fn port(&self, tunnel: &TunnelId, port: u16) -> Arc<Port> {
        let tunnels = self.tunnels.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = tunnels.get(tunnel).and_then(|ports| ports.get(&port)) {
            return known.clone();
        }
        drop(tunnels);
        let mut tunnels = self.tunnels.write().unwrap_or_else(PoisonError::into_inner);
        let ports = tunnels.entry(tunnel.clone()).or_default();
        let new = || Arc::new(Port::new(self.all.clone()));
        ports.entry(port).or_insert_with(new).clone()
    }

    /// Closes the idle connections of a tunnel, and lets those that are in use serve no other
    /// request: its host does not want them any more.
    pub(super) fn retire(&self, tunnel: &TunnelId) {
        let tunnels = self.tunnels.read().unwrap_or_else(PoisonError::into_inner);
        for port in tunnels.get(tunnel).into_iter().flat_map(BTreeMap::values) {
            port.retire();
        }
    }

    /// The same for all tunnels.
    pub(super) fn retire_all(&self) {
        let tunnels = self.tunnels.read().unwrap_or_else(PoisonError::into_inner);
        for port in tunnels.values().flat_map(BTreeMap::values) {
            port.retire();
        }
    }

    /// The same for all tunnels, for good.
    pub(super) fn close(&self) {
        self.all.closed.store(true, Ordering::Relaxed);
        self.retire_all();
    }

    /// Closes what has been idle for too long or has died, and forgets ports that nobody visits.
    pub(super) fn sweep(&self, now: Instant) {
        let tunnels = self.tunnels.read().unwrap_or_else(PoisonError::into_inner);
        let ports: Vec<_> = tunnels.values().flat_map(BTreeMap::values).cloned().collect();
        drop(tunnels);
        let forgotten = ports.iter().filter(|port| port.sweep(now)).count();
        drop(ports);
        if forgotten == 0 {
            return;
        }
        let mut tunnels = self.tunnels.write().unwrap_or_else(PoisonError::into_inner);
        tunnels.retain(|_, ports| {
            // Whoever holds it is about to use it.
            ports.retain(|_, port| Arc::strong_count(port) > 1 || !port.is_forgotten(now));
            !ports.is_empty()
        });
    }

    /// How many connections are idle.
    #[cfg(test)]
    pub(super) fn idle(&self) -> usize {
        self.all.idle.load(Ordering::Relaxed)
    }
}

impl Port {
    fn new(all: Arc<All>) -> Self {
        Self { state: Mutex::default(), all }
    }

    /// To be read before a connection is opened.
    pub(super) fn generation(&self) -> Generation {
        self.state().generation
    }

    fn retire(&self) {
        let mut state = self.state();
        state.generation.0 += 1;
        let gone = std::mem::take(&mut state.idle);
        drop(state);
        self.all.idle.fetch_sub(gone.len(), Ordering::Relaxed);
    }

    /// What is known of the port, and the connection that was used last. With `careful`, for a
    /// request that cannot be sent again, only one of which it is safe to say that it still
    /// stands.
    pub(super) fn take(&self, now: Instant, careful: bool) -> (Known, Option<Box<Conn>>) {
        let mut state = self.state();
        state.used = Some(now);
        let fits = |idle: &Idle| {
            let age = now.saturating_duration_since(idle.since);
            now < idle.until && !(careful && age >= IDLE_CAREFUL)
        };
        // Those below the last are older, and only the sweep needs to look at them.
        let taken = state.idle.last().is_some_and(fits).then(|| state.idle.pop()).flatten();
        if taken.is_some() {
            self.all.idle.fetch_sub(1, Ordering::Relaxed);
        }
        (state.known, taken.map(|idle| idle.conn))
    }

    /// Keeps a connection for the next request; the local server said that it waits `patience`.
    pub(super) fn put(&self, mut conn: Box<Conn>, now: Instant, patience: Option<Duration>) {
        let patience = patience.map_or(IDLE, |patience| patience.saturating_sub(MARGIN).min(IDLE));
        conn.reuse();
        let mut state = self.state();
        let All { idle, closed } = &*self.all;
        let room = state.idle.len() < PER_PORT && idle.load(Ordering::Relaxed) < IN_ALL;
        let wanted = conn.generation() == state.generation && !closed.load(Ordering::Relaxed);
        if room && wanted && !patience.is_zero() {
            idle.fetch_add(1, Ordering::Relaxed);
            state.idle.push(Idle { conn, since: now, until: now + patience });
        }
    }

    /// Notes that its server was asked whether it speaks TLS. What it speaks otherwise shows when
    /// it answers a request.
    pub(super) fn tested(&self, tls: bool, now: Instant) {
        self.state().known.tested = Some(now);
        if tls {
            self.learn(Some(Speech::Tls));
        }
    }

    /// Notes what its server was seen to speak; nothing forgets.
    pub(super) fn learn(&self, speech: Option<Speech>) {
        let mut state = self.state();
        if state.known.speech == speech {
            return;
        }
        tracing::debug!(?speech, "a local server's protocol");
        state.known.speech = speech;
        // Connections in the other language are of no use.
        let gone = std::mem::take(&mut state.idle);
        drop(state);
        self.all.idle.fetch_sub(gone.len(), Ordering::Relaxed);
    }

    /// Whether nobody has used it for long.
    fn sweep(&self, now: Instant) -> bool {
        let (generation, mut idle) = {
            let mut state = self.state();
            (state.generation, std::mem::take(&mut state.idle))
        };
        let before = idle.len();
        // Nobody waits for an idle connection, so nobody need be woken for it.
        let mut context = Context::from_waker(Waker::noop());
        idle.retain_mut(|idle| now < idle.until && idle.conn.is_alive(&mut context));
        let mut state = self.state();
        if state.generation != generation {
            // The host moved meanwhile.
            idle.clear();
        }
        self.all.idle.fetch_sub(before - idle.len(), Ordering::Relaxed);
        idle.append(&mut state.idle);
        state.idle = idle;
        drop(state);
        self.is_forgotten(now)
    }

    fn is_forgotten(&self, now: Instant) -> bool {
        let used = self.state().used;
        used.is_none_or(|used| now.saturating_duration_since(used) >= FORGET)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        let left = self.state.get_mut().unwrap_or_else(PoisonError::into_inner).idle.len();
        self.all.idle.fetch_sub(left, Ordering::Relaxed);
    }
}
