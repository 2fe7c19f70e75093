//! Names a tunnel across all places.

use std::fmt;

use adit_proto::id::FullId;
use serde::{Deserialize, Serialize};

use crate::place_key::PlaceKey;

/// A tunnel and where it lives.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TunnelKey {
    /// Where it lives.
    #[serde(rename = "where")]
    pub place: PlaceKey,
    /// Which it is there.
    #[serde(rename = "tunnel_id", with = "full_id")]
    pub id: FullId,
}

impl fmt::Display for TunnelKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} on {}", self.id, self.place)
    }
}

/// Writes an id as its text.
pub(crate) mod full_id {
    use adit_proto::id::FullId;
    use serde::de::{Deserialize, Deserializer, Error};
    use serde::ser::Serializer;

    pub(crate) fn serialize<S: Serializer>(id: &FullId, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(id)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<FullId, D::Error> {
        String::deserialize(from)?.parse().map_err(Error::custom)
    }
}
