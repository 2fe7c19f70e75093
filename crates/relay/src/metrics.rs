//! What the relay counts, for Prometheus.

use std::sync::{Mutex, PoisonError};

use adit_proto::relay::Side;
use adit_proto::ssh::Budget;
use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// The registry, and the metrics of the front and the API.
#[derive(Debug)]
pub struct Metrics {
    registry: Mutex<Registry>,
    /// Requests to the management API.
    pub(crate) api: Family<ApiRequest, Counter>,
    /// Events that hosts and clients reported.
    pub(crate) events: Counter,
    /// Connections accepted.
    pub(crate) accepted: Counter,
    /// Connections open that are not upgraded.
    pub(crate) open: Gauge,
    /// TLS handshakes that failed.
    pub(crate) tls_failed: Counter,
    /// Requests whose head could not be read.
    refused: Family<RefusedHead, Counter>,
    sessions: Family<Connected, Gauge>,
    /// Tunnels defined.
    pub(crate) tunnels: Gauge,
    /// Tunnels removed because they were not used.
    pub(crate) expired: Counter,
    buffers: Family<Buffered, Gauge>,
}

/// A connection or session that is counted as open.
#[derive(Debug)]
pub(crate) struct Open(Gauge);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// Labels of a management request.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct ApiRequest {
    pub(crate) endpoint: &'static str,
    pub(crate) method: &'static str,
    pub(crate) status: u16,
}

/// Why the head of a request could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RefusedHead {
    reason: &'static str,
}

/// Whose session it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Connected {
    role: &'static str,
}

impl Connected {
    fn of(side: Side) -> Self {
        Self { role: if side == Side::Host { "host" } else { "client" } }
    }
}

/// Which bytes of the buffers.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Buffered {
    kind: &'static str,
}

impl Metrics {
    /// All at zero.
    pub fn new() -> Self {
        let metrics = Self {
            registry: Mutex::new(Registry::with_prefix("adit")),
            api: Family::default(),
            events: Counter::default(),
            accepted: Counter::default(),
            open: Gauge::default(),
            tls_failed: Counter::default(),
            refused: Family::default(),
            sessions: Family::default(),
            tunnels: Gauge::default(),
            expired: Counter::default(),
            buffers: Family::default(),
        };
        metrics.register(|registry| {
            let api = metrics.api.clone();
            registry.register("api_requests", "Requests to the management API", api);
            let events = metrics.events.clone();
            registry.register("reported_events", "Events that hosts and clients reported", events);
            let accepted = metrics.accepted.clone();
            registry.register("accepted_connections", "Connections accepted", accepted);
            registry.register(
                "open_connections",
                "Connections open and not upgraded",
                metrics.open.clone(),
            );
            let failed = metrics.tls_failed.clone();
            registry.register("tls_failures", "TLS handshakes that failed", failed);
            let refused = metrics.refused.clone();
            registry.register("refused_heads", "Requests that could not be read", refused);
            let sessions = metrics.sessions.clone();
            registry.register("sessions", "Sessions that hosts and clients have now", sessions);
            registry.register("tunnels", "Tunnels defined", metrics.tunnels.clone());
            let expired = metrics.expired.clone();
            registry.register("expired_tunnels", "Tunnels removed because unused", expired);
            registry.register(
                "buffer_bytes",
                "Bytes of connections that wait, may come at once, and may do so at most",
                metrics.buffers.clone(),
            );
        });
        // Shown from the start, so that none is told from not counted.
        for side in [Side::Host, Side::Client] {
            metrics.sessions.get_or_create(&Connected::of(side)).set(0);
        }
        metrics
    }

    /// Lets another part of the relay register its own.
    pub fn register(&self, register: impl FnOnce(&mut Registry)) {
        register(&mut self.registry.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Counts a connection as long as the answer lives.
    pub(crate) fn connection(&self) -> Open {
        self.accepted.inc();
        self.open.inc();
        Open(self.open.clone())
    }

    /// Counts the session of a host or a client as long as the answer lives.
    pub(crate) fn session(&self, side: Side) -> Open {
        let sessions = self.sessions.get_or_create_owned(&Connected::of(side));
        sessions.inc();
        Open(sessions)
    }

    /// Counts a request whose head was too large, or wrong.
    pub(crate) fn refused(&self, too_large: bool) {
        let reason = if too_large { "too_large" } else { "malformed" };
        self.refused.get_or_create(&RefusedHead { reason }).inc();
    }

    /// Notes what the sessions of hosts and clients hold at this moment.
    pub(crate) fn buffers(&self, budget: &Budget) {
        for (kind, bytes) in [
            ("waiting", budget.waiting()),
            ("promised", budget.promised()),
            ("limit", budget.limit()),
        ] {
            let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
            self.buffers.get_or_create(&Buffered { kind }).set(bytes);
        }
    }

    /// Everything, as Prometheus reads it.
    pub(crate) fn encode(&self) -> String {
        let registry = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
        let mut page = String::new();
        text::encode(&mut page, &registry).expect("writing to a string cannot fail");
        page
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}
