//! What a place's service told of a tunnel, as far as faces show it. The service is the source of truth; this
//! is kept only to have something to show before it answers.

use adit_proto::contracts::{self, AccessControl, AccessEntryType, Protocol, TunnelPort};
use adit_proto::id::FullId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::tunnel_key::full_id;

/// A tunnel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    /// Its id.
    #[serde(with = "full_id")]
    pub id: FullId,
    /// What people call it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What people say of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Its ports; `None` while nobody has told them, which is not the same as none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ports: Option<Vec<KnownPort>>,
    /// How many ports the service counts, where it says so without telling them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port_count: Option<u64>,
    /// How many hosts the service counts, ours among them.
    #[serde(default)]
    pub hosts: u64,
    /// Who may visit besides the owner.
    #[serde(default)]
    pub openness: Openness,
    /// When it goes away unless it is used before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Timestamp>,
    /// How many seconds it lives after its last use, where it has a life of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub life: Option<u32>,
}

/// A port of a tunnel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownPort {
    /// Its number.
    pub number: u16,
    /// What its local server speaks.
    pub protocol: Protocol,
    /// Its addresses, the preferred one first; some services give them when the port is first hosted.
    #[serde(default)]
    pub urls: Vec<String>,
    /// How many visitors the service counts now; of no use later, so not kept.
    #[serde(skip)]
    pub clients: Option<u64>,
}

/// Who may visit besides the owner.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "who")]
pub enum Openness {
    /// The service did not say.
    #[default]
    Unknown,
    /// Nobody.
    OnlyMe,
    /// So many people, groups or organizations.
    Shared {
        /// How many are named.
        with: usize,
    },
    /// Everybody who knows the address.
    Anyone {
        /// When that ends; `None` means with the tunnel.
        until: Option<Timestamp>,
    },
}

impl Known {
    /// From an answer of the service; `None` when that lacks the tunnel's id.
    pub fn of(tunnel: &contracts::Tunnel) -> Option<Self> {
        let ports = tunnel.ports.as_ref().map(|ports| ports.iter().map(KnownPort::of).collect());
        let status = tunnel.status.as_ref();
        let count = |of: Option<&contracts::ResourceStatus>| of.map(|it| it.current);
        Some(Self {
            id: tunnel.full_id()?,
            name: filled(&tunnel.name),
            description: filled(&tunnel.description),
            ports,
            port_count: status.and_then(|it| count(it.port_count.as_ref())),
            hosts: status.and_then(|it| count(it.host_connection_count.as_ref())).unwrap_or(0),
            openness: Openness::of_tunnel(tunnel),
            expires: tunnel.expiration,
            life: tunnel.custom_expiration.filter(|seconds| *seconds > 0),
        })
    }

    /// What people call it: its name, or its id where it has none.
    pub fn label(&self) -> &str {
        self.name.as_deref().unwrap_or(self.id.tunnel.as_str())
    }

    /// The port of that number, where ports are known.
    pub fn port(&self, number: u16) -> Option<&KnownPort> {
        self.ports.as_ref()?.iter().find(|port| port.number == number)
    }
}

impl KnownPort {
    /// From an answer of the service.
    pub fn of(port: &TunnelPort) -> Self {
        Self {
            number: port.port_number,
            protocol: port.protocol.clone().unwrap_or_default(),
            urls: port.port_forwarding_uris.clone().unwrap_or_default(),
            clients: (port.status.as_ref())
                .and_then(|it| Some(it.client_connection_count.as_ref()?.current)),
        }
    }
}

impl Openness {
    /// Of a tunnel with its ports, as far as their lists are told: it is as open as the widest.
    fn of_tunnel(tunnel: &contracts::Tunnel) -> Self {
        let Some(control) = &tunnel.access_control else { return Self::default() };
        let ports = tunnel.ports.iter().flatten();
        let own =
            ports.filter_map(|port| port.access_control.as_ref()).flat_map(|it| it.own().entries);
        let entries = control.entries.iter().cloned().chain(own).collect();
        Self::of(&AccessControl { entries })
    }

    /// How open it is at a time: open access that has ended is none.
    #[must_use]
    pub fn at(self, now: Timestamp) -> Self {
        match self {
            Self::Anyone { until: Some(until) } if until <= now => Self::OnlyMe,
            other => other,
        }
    }

    /// Of an access list. Entries that take access away make nothing more open.
    fn of(control: &AccessControl) -> Self {
        let allow = || control.entries.iter().filter(|entry| !entry.is_deny);
        let mut anonymous = allow().filter(|entry| entry.kind == AccessEntryType::Anonymous);
        if let Some(first) = anonymous.next() {
            // Open as long as the longest entry; one without an end outlasts all.
            let until = anonymous.fold(first.expiration, |longest, entry| {
                longest.zip(entry.expiration).map(|(one, other)| one.max(other))
            });
            return Self::Anyone { until };
        }
        let with = allow().map(|entry| entry.subjects.len()).sum();
        if with == 0 { Self::OnlyMe } else { Self::Shared { with } }
    }
}

/// An empty text is how a service says that there is none.
fn filled(text: &Option<String>) -> Option<String> {
    text.clone().filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use adit_proto::contracts::AccessEntry;

    use super::*;

    fn entry(kind: AccessEntryType, subjects: &[&str], end: Option<i64>) -> AccessEntry {
        AccessEntry {
            kind,
            subjects: subjects.iter().map(ToString::to_string).collect(),
            expiration: end.map(|second| Timestamp::from_second(second).unwrap()),
            ..AccessEntry::default()
        }
    }

    #[test]
    fn a_tunnel_is_as_open_as_its_widest_entry() {
        use AccessEntryType::{Anonymous, Users};
        let of = |entries| Openness::of(&AccessControl { entries });
        assert_eq!(of(vec![]), Openness::OnlyMe);
        assert_eq!(of(vec![entry(Users, &["a", "b"], None)]), Openness::Shared { with: 2 });
        let until = Timestamp::from_second(9).ok();
        let two = vec![entry(Anonymous, &[], Some(5)), entry(Anonymous, &[], Some(9))];
        assert_eq!(of(two.clone()), Openness::Anyone { until });
        let endless = [two, vec![entry(Anonymous, &[], None)]].concat();
        assert_eq!(of(endless), Openness::Anyone { until: None });
        let closed = Openness::Anyone { until };
        assert_eq!(closed.at(Timestamp::from_second(8).unwrap()), closed);
        assert_eq!(closed.at(Timestamp::from_second(9).unwrap()), Openness::OnlyMe);
        let deny = AccessEntry { is_deny: true, ..entry(Anonymous, &[], None) };
        assert_eq!(of(vec![deny]), Openness::OnlyMe);
    }

    #[test]
    fn a_tunnel_of_which_one_port_is_open_is_open() {
        let open = AccessControl { entries: vec![entry(AccessEntryType::Anonymous, &[], Some(9))] };
        let port = TunnelPort { access_control: Some(open), ..TunnelPort::default() };
        let tunnel = contracts::Tunnel {
            access_control: Some(AccessControl::default()),
            ports: Some(vec![port]),
            ..contracts::Tunnel::default()
        };
        let until = Timestamp::from_second(9).ok();
        assert_eq!(Openness::of_tunnel(&tunnel), Openness::Anyone { until });
        let unknown = contracts::Tunnel { access_control: None, ..tunnel };
        assert_eq!(Openness::of_tunnel(&unknown), Openness::Unknown);
    }

    #[test]
    fn ports_that_nobody_told_are_not_none() {
        let mut tunnel = contracts::Tunnel {
            tunnel_id: Some("shop".to_owned()),
            cluster_id: Some("loc1".to_owned()),
            name: Some(String::new()),
            ..contracts::Tunnel::default()
        };
        let known = Known::of(&tunnel).unwrap();
        assert_eq!((known.ports.as_ref(), known.label()), (None, "shop"));
        tunnel.ports = Some(Vec::new());
        assert_eq!(Known::of(&tunnel).unwrap().ports, Some(Vec::new()));
        tunnel.cluster_id = None;
        assert_eq!(Known::of(&tunnel), None);
    }
}
