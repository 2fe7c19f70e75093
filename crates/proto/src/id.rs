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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_id_prints_and_serializes_as_its_text() {
        let id: TunnelId = "neat-lake-4k9x2bd".parse().unwrap();
        assert_eq!(id.to_string(), "neat-lake-4k9x2bd");
        assert_eq!(format!("{id:>20}|"), "   neat-lake-4k9x2bd|");
        assert_eq!(format!("{id:?}"), "TunnelId(neat-lake-4k9x2bd)");
        let json = serde_json::to_string(&id).unwrap();
        assert_eq!(json, r#""neat-lake-4k9x2bd""#);
        assert_eq!(serde_json::from_str::<TunnelId>(&json).unwrap(), id);
        assert!(serde_json::from_str::<TunnelId>(r#""Not An Id""#).is_err());
        let by_id = std::collections::BTreeMap::from([(id, 1)]);
        assert_eq!(by_id.get("neat-lake-4k9x2bd"), Some(&1));
    }

    #[test]
    fn a_full_id_is_written_with_its_cluster() {
        let id: FullId = "neat-lake-4k9x2bd.loc1".parse().unwrap();
        assert_eq!((id.tunnel.as_str(), id.cluster.as_str()), ("neat-lake-4k9x2bd", "loc1"));
        assert_eq!(id.to_string().parse(), Ok(id.clone()));
        assert_eq!(serde_json::to_string(&id).unwrap(), r#""neat-lake-4k9x2bd.loc1""#);
        assert!("bcdfghjk.euw".parse::<FullId>().is_ok(), "tunnels of old have ids, too");
        for (wrong, says) in [
            ("neat-lake-4k9x2bd", "must be written id.cluster"),
            ("", "must be written id.cluster"),
            ("x.loc1", "the tunnel id must have 3 to 49 characters"),
            ("neat-lake.local", "the cluster id must be three or four"),
            ("neat-lake.loc1.x", "the cluster id must consist of"),
            ("neat-lake.", "the cluster id must have 3 to 12 characters"),
        ] {
            let said = wrong.parse::<FullId>().unwrap_err().to_string();
            assert!(said.starts_with(says), "{wrong}: {said}");
        }
    }

    #[test]
    fn words_of_ids_are_lower_case_distinct_and_short() {
        for words in [ADJECTIVES, NOUNS] {
            assert!(words.iter().all(|word| word.bytes().all(|byte| byte.is_ascii_lowercase())));
            assert!(words.iter().all(|word| (3..=8).contains(&word.len())));
            assert!(words.is_sorted_by(|a, b| a < b));
        }
    }

    #[test]
    fn ids_made_of_counted_bytes_do_not_repeat() {
        let ids: std::collections::BTreeSet<_> = (0..10_000u128)
            .map(|n| TunnelId::generate((n * 0x9e37_79b9_7f4a_7c15_f39c).to_le_bytes()))
            .collect();
        assert_eq!(ids.len(), 10_000);
    }

    proptest! {
        #[test]
        fn any_bytes_make_an_id_that_a_new_tunnel_may_have(random in any::<[u8; 16]>()) {
            let id = TunnelId::generate(random);
            prop_assert_eq!(constraints::new_tunnel_id(id.as_str()), Ok(()));
            prop_assert!(!id.as_str().contains("tunnel"));
            let parts: Vec<&str> = id.as_str().split('-').collect();
            prop_assert_eq!(parts.len(), 3);
            prop_assert!(ADJECTIVES.contains(&parts[0]) && NOUNS.contains(&parts[1]));
            prop_assert!(parts[2].len() == TAIL && parts[2].bytes().all(|b| ALPHABET.contains(&b)));
            prop_assert_eq!(id.as_str().parse(), Ok(id.clone()));
        }

        #[test]
        fn any_text_is_an_id_or_a_clear_refusal(text in "\\PC{0,60}") {
            match text.parse::<TunnelId>() {
                Ok(id) => prop_assert_eq!(id.as_str(), text),
                Err(violation) => prop_assert!(violation.to_string().starts_with("must ")),
            }
        }
    }
}
