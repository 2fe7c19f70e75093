//! Links that share a tunnel with people who have neither a key nor a token.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{KeyHash, TunnelRecord};

/// The most links of a tunnel that have not ended. They travel with the tunnel's record wherever it
/// goes, so there cannot be any number of them.
pub const MAX_SHARES: usize = 64;

/// A link. Whoever has it may connect to its port, and nothing else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ShareRecord {
    /// What it is revoked by; opens nothing.
    pub id: String,
    /// The one port that it opens; all without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// The hash of what makes the link's address unguessable. That itself is not kept.
    #[serde(with = "text")]
    pub secret: KeyHash,
    /// When it was made.
    pub created: Timestamp,
    /// When it ends.
    pub expires: Timestamp,
}

impl ShareRecord {
    /// Whether it has not ended.
    pub fn is_live(&self, now: Timestamp) -> bool {
        now < self.expires
    }

    /// Whether it is for this port.
    pub fn opens(&self, port: u16) -> bool {
        self.port.is_none_or(|own| own == port)
    }
}

impl TunnelRecord {
    /// The link of this id, unless it has ended.
    pub fn share(&self, id: &str, now: Timestamp) -> Option<&ShareRecord> {
        self.shares.iter().find(|share| share.id == id && share.is_live(now))
    }

    /// Forgets the links to ports that are gone: a port made again under the same number is another one.
    pub fn forget_lost_shares(&mut self) {
        let Self { shares, ports, .. } = self;
        shares.retain(|share| share.port.is_none_or(|port| ports.contains_key(&port)));
    }

    /// The link with this secret, unless it has ended.
    pub fn share_with(&self, secret: &KeyHash, now: Timestamp) -> Option<&ShareRecord> {
        self.shares.iter().find(|share| share.secret == *secret && share.is_live(now))
    }
}

/// A hash as the store has it.
mod text {
    use base64::Engine;
    use base64::prelude::BASE64_URL_SAFE_NO_PAD;
    use serde::{Deserialize, Deserializer, Serializer, de};

    use super::KeyHash;

    pub(super) fn serialize<S: Serializer>(hash: &KeyHash, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&BASE64_URL_SAFE_NO_PAD.encode(hash.0))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<KeyHash, D::Error> {
        let text = String::deserialize(from)?;
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).map_err(de::Error::custom)?;
        let hash = bytes.try_into().map_err(|_| de::Error::custom("a hash of 32 bytes"))?;
        Ok(KeyHash(hash))
    }
}
