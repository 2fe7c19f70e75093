//! What the relay remembers about tunnels and users: the values that the store keeps and the
//! directory shows.
//!
//! Records are immutable once shown. The one exception is a tunnel's time of last use, which many
//! connections push forward at once; it is an atomic that all versions of a record share.

mod share;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use adit_proto::access::Subject;
use adit_proto::contracts::{AccessEntry, Protocol, TunnelOptions};
use adit_proto::id::{TunnelId, UserId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use share::{MAX_SHARES, ShareRecord};

/// A tunnel's definition.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TunnelRecord {
    /// Its id, without the cluster.
    pub id: TunnelId,
    /// Who made it.
    pub owner: UserId,
    /// A short name, unique on this relay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Free text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The domain its maker named; kept and filtered by, without effect on routing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
    /// Labels to list by.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<String>,
    /// Who else may use it; inherited by its ports.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub access: Vec<AccessEntry>,
    /// How the edge treats its ports.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub options: Option<TunnelOptions>,
    /// Seconds after its last use at which it is removed, if not the relay's default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom_expiration: Option<u32>,
    /// Its ports by number.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub ports: BTreeMap<u16, PortRecord>,
    /// The endpoint that its host registered last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<EndpointRecord>,
    /// The links that share it, at most [`MAX_SHARES`] that have not ended: one more is refused.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shares: Vec<ShareRecord>,
    /// When it was made.
    pub created: Timestamp,
    /// Tokens issued before this moment, a whole millisecond, are not honoured.
    pub tokens_valid_from: Timestamp,
    /// When it was last used.
    #[serde(skip)]
    pub used: LastUse,
}

impl TunnelRecord {
    /// How long it is kept after its last use.
    pub fn lifetime(&self, default: Duration) -> Duration {
        self.custom_expiration.map_or(default, |seconds| Duration::from_secs(u64::from(seconds)))
    }

    /// When it will be removed unless it is used before.
    pub fn expires(&self, default: Duration) -> Timestamp {
        self.used.get().checked_add(self.lifetime(default)).unwrap_or(Timestamp::MAX)
    }

    /// Whether it is the same but for its time of last use.
    pub(crate) fn is_defined_like(&self, other: &Self) -> bool {
        // What is stored is what defines it; no field can be forgotten here.
        matches!((serde_json::to_vec(self), serde_json::to_vec(other)), (Ok(a), Ok(b)) if a == b)
    }

    /// The port behind the tunnel's own address: the one marked so, or the only one.
    pub fn default_port(&self) -> Option<u16> {
        let marked = self.ports.iter().find(|(_, port)| port.is_default == Some(true));
        let only = || self.ports.iter().next().filter(|_| self.ports.len() == 1);
        marked.or_else(only).map(|(number, _)| *number)
    }
}

/// A port's definition.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PortRecord {
    /// A short name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Free text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Labels to list by.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<String>,
    /// What the local server speaks; found out when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol: Option<Protocol>,
    /// Whether it answers at the tunnel's port-less address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_default: Option<bool>,
    /// User name for ssh clients; kept, without effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ssh_user: Option<String>,
    /// Entries of its own, after the tunnel's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub access: Vec<AccessEntry>,
    /// Options of its own, before the tunnel's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub options: Option<TunnelOptions>,
}

/// What a host said about itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EndpointRecord {
    /// The endpoint's id, chosen by the host.
    pub id: String,
    /// The host's id, chosen by the host.
    pub host_id: String,
    /// The host's public keys, base64 of the SSH form.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub host_public_keys: Vec<String>,
    /// When it was registered.
    pub registered: Timestamp,
}

/// The time of last use that all versions of a tunnel's record share.
#[derive(Debug, Clone, Default)]
pub struct LastUse(Arc<Uses>);

#[derive(Debug, Default)]
struct Uses {
    latest: AtomicI64,
    saved: AtomicI64,
}

impl LastUse {
    /// A use at `at` that the store knows of.
    pub fn new(at: Timestamp) -> Self {
        let at = at.as_millisecond();
        Self(Arc::new(Uses { latest: AtomicI64::new(at), saved: AtomicI64::new(at) }))
    }

    /// Notes a use. The wall clock may jump back; the note does not.
    pub fn touch(&self, now: Timestamp) {
        self.0.latest.fetch_max(now.as_millisecond(), Ordering::Relaxed);
    }

    /// The last use, to the millisecond.
    pub fn get(&self) -> Timestamp {
        let latest = self.0.latest.load(Ordering::Relaxed);
        Timestamp::from_millisecond(latest).unwrap_or(Timestamp::MIN)
    }

    /// How much later the last use is than the one that the store knows of.
    pub(crate) fn unsaved(&self) -> Duration {
        let saved = self.0.saved.load(Ordering::Relaxed);
        let ahead = self.0.latest.load(Ordering::Relaxed).saturating_sub(saved);
        Duration::from_millis(ahead.max(0).unsigned_abs())
    }

    /// The store knows of the use at `at` now.
    pub(crate) fn saved(&self, at: Timestamp) {
        self.0.saved.store(at.as_millisecond(), Ordering::Relaxed);
    }
}

/// Somebody with an API key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// What records and tokens refer to; never reused.
    pub id: UserId,
    /// What people call it.
    pub name: Box<str>,
    /// Groups that access entries may name.
    pub groups: Vec<String>,
    /// The hash of its API key.
    pub key: KeyHash,
    /// When it was added.
    pub created: Timestamp,
    /// False once revoked.
    pub active: bool,
    /// Tokens that it obtained before this moment, a whole millisecond, are not honoured.
    pub tokens_valid_from: Timestamp,
}

impl User {
    /// Whom access lists see.
    pub fn subject(&self) -> Subject {
        Subject::User { id: self.id.clone(), groups: self.groups.clone() }
    }
}

/// SHA-256 of an API key. The keys are 200 random bits, so that no salt or stretching is needed.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyHash(pub [u8; 32]);

impl std::fmt::Debug for KeyHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("KeyHash([redacted])")
    }
}
