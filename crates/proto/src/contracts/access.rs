//! Who may do what, as the service writes it. What it means is decided in [`crate::access`].

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::tolerant::{self, open_enum};

/// The access list of a tunnel or of a port.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AccessControl {
    /// The entries; always written, even when there are none.
    #[serde(deserialize_with = "tolerant::list")]
    pub entries: Vec<AccessEntry>,
}

impl AccessControl {
    /// Returns the list without inherited entries: what belongs to a port itself and is stored with it.
    #[must_use]
    pub fn own(&self) -> AccessControl {
        AccessControl {
            entries: self.entries.iter().filter(|entry| !entry.is_inherited).cloned().collect(),
        }
    }

    /// Returns what a port shows: the tunnel's entries marked as inherited, then the port's own.
    #[must_use]
    pub fn under(&self, tunnel: &AccessControl) -> AccessControl {
        let inherited =
            tunnel.entries.iter().cloned().map(|entry| AccessEntry { is_inherited: true, ..entry });
        AccessControl { entries: inherited.chain(self.own().entries).collect() }
    }
}

/// One entry of an access list: these subjects do, or do not, have these scopes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AccessEntry {
    /// What the subjects are.
    #[serde(rename = "type", deserialize_with = "tolerant::or_default")]
    pub kind: AccessEntryType,
    /// Who knows the subjects (`microsoft`, `github`, `ssh`, `ipv4`, `ipv6`, `service-tag`); absent for the service's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// Whether a port shows this entry of its tunnel; set by the service.
    #[serde(deserialize_with = "tolerant::flag", skip_serializing_if = "tolerant::is_off")]
    pub is_inherited: bool,
    /// Whether the entry takes access away; such entries outrank all others.
    #[serde(deserialize_with = "tolerant::flag", skip_serializing_if = "tolerant::is_off")]
    pub is_deny: bool,
    /// Whether the entry is about everybody except its subjects.
    #[serde(deserialize_with = "tolerant::flag", skip_serializing_if = "tolerant::is_off")]
    pub is_inverse: bool,
    /// The organization that scopes the subjects' names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organization: Option<String>,
    /// Ids of the subjects; none for anonymous entries.
    #[serde(deserialize_with = "tolerant::list")]
    pub subjects: Vec<String>,
    /// The scopes; see [`crate::access::Scope`].
    #[serde(deserialize_with = "tolerant::list")]
    pub scopes: Vec<String>,
    /// When the entry ends.
    #[serde(with = "tolerant::time", skip_serializing_if = "Option::is_none")]
    pub expiration: Option<Timestamp>,
}

open_enum! {
    /// What the subjects of an entry are.
    #[derive(Default)]
    pub enum AccessEntryType {
        /// Nothing: an entry that says nothing.
        #[default]
        None = "None",
        /// Everybody, without signing in.
        Anonymous = "Anonymous",
        /// Users.
        Users = "Users",
        /// Groups of users.
        Groups = "Groups",
        /// Organizations.
        Organizations = "Organizations",
        /// Code repositories, for those who can read them.
        Repositories = "Repositories",
        /// Holders of a key.
        PublicKeys = "PublicKeys",
        /// Whoever connects from these addresses.
        IpAddressRanges = "IPAddressRanges",
    }
}

/// A subject for people to look up or to read, in `/subjects/format` and `/subjects/resolve`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AccessSubject {
    /// What it is.
    #[serde(rename = "type", deserialize_with = "tolerant::or_default")]
    pub kind: AccessEntryType,
    /// Its id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The organization it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organization_id: Option<String>,
    /// Its name for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Candidates, when a name could not be resolved to one subject.
    #[serde(deserialize_with = "tolerant::list", skip_serializing_if = "Vec::is_empty")]
    pub matches: Vec<AccessSubject>,
}
