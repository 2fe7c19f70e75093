//! Ids as types: a value of one of these is well formed.
//!
//! Ids are made from random bytes that the caller brings. Whether an id is free is the store's business.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::constraints::{self, Violation};

/// The characters that ids end in: digits and consonants, so that no words come out.
pub const ALPHABET: &[u8; 30] = b"0123456789bcdfghjklmnpqrstvwxz";

/// How many characters of [`ALPHABET`] a made id ends in.
const TAIL: usize = 7;

/// Declares an id: a checked text that compares, prints and serializes as the text.
macro_rules! id {
    ($(#[$meta:meta])* $name:ident, $check:path) => {
        $(#[$meta])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Box<str>);

        impl $name {
            /// Returns the text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = Violation;

            fn from_str(text: &str) -> Result<Self, Violation> {
                $check(text)?;
                Ok($name(text.into()))
            }
        }

        impl TryFrom<String> for $name {
            type Error = Violation;

            fn try_from(text: String) -> Result<Self, Violation> {
                $check(&text)?;
                Ok($name(text.into()))
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        /// Maps with this key can be asked with a plain text.
        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Self::try_from(String::deserialize(deserializer)?).map_err(de::Error::custom)
            }
        }
    };
}

id! {
    /// The id of a tunnel: `quiet-fox-4k9x2bd`, or eight characters of [`ALPHABET`] for tunnels of old.
    TunnelId, constraints::tunnel_id
}

id! {
    /// The id of a cluster, such as `loc1` or `euw`.
    ClusterId, constraints::cluster_id
}

id! {
    /// The id of a user of the relay, as it stands among the subjects of an access list.
    UserId, constraints::user_id
}

impl TunnelId {
    /// Makes an id `{adjective}-{noun}-{7 characters}` of random bytes.
    ///
    /// Any bytes make a valid id; equal bytes make equal ids. No id contains the text `tunnel`.
    pub fn generate(random: [u8; 16]) -> TunnelId {
        let mut rest = u128::from_le_bytes(random);
        // 128 bits against some 2^45 ids: what the division favours cannot be measured.
        let mut draw = |count: usize| {
            let drawn = rest % count as u128;
            rest /= count as u128;
            drawn as usize
        };
        let adjective = ADJECTIVES[draw(ADJECTIVES.len())];
        let noun = NOUNS[draw(NOUNS.len())];
        let mut text = format!("{adjective}-{noun}-");
        text.extend((0..TAIL).map(|_| char::from(ALPHABET[draw(ALPHABET.len())])));
        TunnelId(text.into())
    }
}

/// A tunnel and its cluster, written `id.cluster`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FullId {
    /// The tunnel.
    pub tunnel: TunnelId,
    /// Where it lives.
    pub cluster: ClusterId,
}

impl fmt::Display for FullId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.tunnel, self.cluster)
    }
}

/// Why a text is not a [`FullId`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FullIdError {
    /// There is no dot between the two parts.
    #[error("must be written id.cluster, such as quiet-fox-4k9x2bd.loc1")]
    NoCluster,
    /// The part before the dot is not a tunnel id.
    #[error("the tunnel id {0}")]
    Tunnel(Violation),
    /// The part after the dot is not a cluster id.
    #[error("the cluster id {0}")]
    Cluster(Violation),
}

impl FromStr for FullId {
    type Err = FullIdError;

    fn from_str(text: &str) -> Result<Self, FullIdError> {
        let (tunnel, cluster) = text.split_once('.').ok_or(FullIdError::NoCluster)?;
        Ok(FullId {
            tunnel: tunnel.parse().map_err(FullIdError::Tunnel)?,
            cluster: cluster.parse().map_err(FullIdError::Cluster)?,
        })
    }
}

impl Serialize for FullId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for FullId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

const ADJECTIVES: [&str; 40] = [
    "amber", "brave", "brisk", "calm", "clear", "cosy", "crisp", "deft", "dusky", "early", "fair",
    "fond", "fresh", "gentle", "glad", "grand", "hardy", "hazel", "keen", "kind", "light",
    "lively", "lucid", "mellow", "merry", "mild", "noble", "plain", "proud", "quick", "quiet",
    "ready", "rosy", "silver", "sound", "spry", "steady", "sunny", "warm", "wise",
];

const NOUNS: [&str; 40] = [
    "alder", "badger", "basin", "birch", "bridge", "brook", "cedar", "cliff", "comet", "crane",
    "delta", "dune", "ember", "falcon", "fern", "field", "fjord", "fox", "glade", "grove",
    "harbor", "hawk", "heron", "hill", "island", "lark", "maple", "meadow", "moss", "otter",
    "pine", "pond", "raven", "reef", "ridge", "river", "robin", "spruce", "stone", "wren",
];
