//! What a place's service told of a tunnel, as far as faces show it. The service is the source of truth; this
//! is kept only to have something to show before it answers.

use adit_proto::contracts::{
    self, AccessControl, AccessEntry, AccessEntryType, Protocol, TunnelPort,
};
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
        /// How many are named, who stay when it ends.
        #[serde(default)]
        with: usize,
    },
}

impl Known {
    /// From an answer of the service, which came at `now`; `None` when it lacks the tunnel's id.
    pub fn of(tunnel: &contracts::Tunnel, now: Timestamp) -> Option<Self> {
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
            openness: Openness::of_tunnel(tunnel, now),
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
    fn of_tunnel(tunnel: &contracts::Tunnel, now: Timestamp) -> Self {
        let Some(control) = &tunnel.access_control else { return Self::default() };
        let ports = tunnel.ports.iter().flatten();
        let own =
            ports.filter_map(|port| port.access_control.as_ref()).flat_map(|it| it.own().entries);
        let entries = control.entries.iter().cloned().chain(own).collect();
        Self::of(&AccessControl { entries }, now)
    }

    /// How open it is at a time: open access that has ended is none.
    #[must_use]
    pub fn at(self, now: Timestamp) -> Self {
        match self {
            Self::Anyone { until: Some(until), with } if until <= now => Self::to(with),
            other => other,
        }
    }

    /// When it changes by itself.
    pub(crate) fn ends(self) -> Option<Timestamp> {
        match self {
            Self::Anyone { until, .. } => until,
            _ => None,
        }
    }

    fn to(with: usize) -> Self {
        if with == 0 { Self::OnlyMe } else { Self::Shared { with } }
    }

    /// Of an access list. Services keep what has ended. Entries that take access away make nothing more open.
    fn of(control: &AccessControl, now: Timestamp) -> Self {
        let is_in_force = |entry: &&AccessEntry| {
            let lets_in = !entry.is_deny && entry.kind != AccessEntryType::None;
            lets_in && entry.expiration.is_none_or(|end| now < end)
        };
        let (anonymous, named): (Vec<_>, Vec<_>) = (control.entries.iter())
            .filter(is_in_force)
            .partition(|entry| entry.kind == AccessEntryType::Anonymous);
        let with = named.iter().map(|entry| match entry.kind {
            // Without a name it is the tenant of whoever made it.
            AccessEntryType::Organizations => entry.subjects.len().max(1),
            _ => entry.subjects.len(),
        });
        let with = with.sum();
        let Some((first, others)) = anonymous.split_first() else { return Self::to(with) };
        // Open as long as the longest entry; one without an end outlasts all.
        let until = others.iter().fold(first.expiration, |longest, entry| {
            longest.zip(entry.expiration).map(|(one, other)| one.max(other))
        });
        Self::Anyone { until, with }
    }
}

/// An empty text is how a service says that there is none.
fn filled(text: &Option<String>) -> Option<String> {
    text.clone().filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(kind: AccessEntryType, subjects: &[&str], end: Option<i64>) -> AccessEntry {
        AccessEntry {
            kind,
            subjects: subjects.iter().map(ToString::to_string).collect(),
            expiration: end.map(|second| Timestamp::from_second(second).unwrap()),
            ..AccessEntry::default()
        }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn a_tunnel_is_as_open_as_its_widest_entry() {
        use AccessEntryType::{Anonymous, Users};
        let of = |entries| Openness::of(&AccessControl { entries }, at(0));
        assert_eq!(of(vec![]), Openness::OnlyMe);
        assert_eq!(of(vec![entry(Users, &["a", "b"], None)]), Openness::Shared { with: 2 });
        let until = Some(at(9));
        let two = vec![entry(Anonymous, &[], Some(5)), entry(Anonymous, &[], Some(9))];
        assert_eq!(of(two.clone()), Openness::Anyone { until, with: 0 });
        let endless = [two, vec![entry(Anonymous, &[], None)]].concat();
        assert_eq!(of(endless), Openness::Anyone { until: None, with: 0 });
        let nobody = [AccessEntryType::None, Users].map(|kind| entry(kind, &[], None));
        assert_eq!(of(nobody.to_vec()), Openness::OnlyMe);
        let deny = AccessEntry { is_deny: true, ..entry(Anonymous, &[], None) };
        assert_eq!(of(vec![deny]), Openness::OnlyMe);
    }

    #[test]
    fn who_is_named_stays_when_open_access_ends() {
        use AccessEntryType::{Anonymous, Organizations, Users};
        let entries = vec![
            entry(Anonymous, &[], Some(9)),
            entry(Users, &["a", "b"], None),
            entry(Users, &["c"], Some(2)),
            // A tenant is not named.
            entry(Organizations, &[], None),
        ];
        let control = AccessControl { entries };
        let open = Openness::of(&control, at(2));
        assert_eq!(open, Openness::Anyone { until: Some(at(9)), with: 3 });
        assert_eq!((open.at(at(8)), open.ends()), (open, Some(at(9))));
        assert_eq!(open.at(at(9)), Openness::Shared { with: 3 });
        // Services tell ended entries for good.
        assert_eq!(Openness::of(&control, at(9)), open.at(at(9)));
        let alone = Openness::Anyone { until: Some(at(9)), with: 0 };
        assert_eq!(alone.at(at(9)), Openness::OnlyMe);
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
        let open = Openness::Anyone { until: Some(at(9)), with: 0 };
        assert_eq!(Openness::of_tunnel(&tunnel, at(0)), open);
        let unknown = contracts::Tunnel { access_control: None, ..tunnel };
        assert_eq!(Openness::of_tunnel(&unknown, at(0)), Openness::Unknown);
    }

    #[test]
    fn ports_that_nobody_told_are_not_none() {
        let mut tunnel = contracts::Tunnel {
            tunnel_id: Some("shop".to_owned()),
            cluster_id: Some("loc1".to_owned()),
            name: Some(String::new()),
            ..contracts::Tunnel::default()
        };
        let known = Known::of(&tunnel, at(0)).unwrap();
        assert_eq!((known.ports.as_ref(), known.label()), (None, "shop"));
        tunnel.ports = Some(Vec::new());
        assert_eq!(Known::of(&tunnel, at(0)).unwrap().ports, Some(Vec::new()));
        tunnel.cluster_id = None;
        assert_eq!(Known::of(&tunnel, at(0)), None);
    }
}
