//! How far an address reaches. Nothing is called public that others cannot reach.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use adit_wire::clock;

use crate::place::Place;
use crate::relay_url::RelayUrl;

/// How long the name service may take: how far an address reaches is told, and nothing depends on it.
const NAMES: Duration = Duration::from_secs(2);

/// From where an address can be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reach {
    /// This computer only.
    Computer,
    /// Computers of the same network.
    Network,
    /// Everywhere.
    Internet,
}

impl Reach {
    /// Of an IP address. Those that the internet does not route count as a network's own.
    pub fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => of_v4(address),
            IpAddr::V6(address) => match address.to_ipv4_mapped() {
                Some(address) => of_v4(address),
                None => of_v6(address),
            },
        }
    }

    /// Of a host that has these addresses: as far as the farthest; nothing when it has none.
    pub fn of_all(addresses: impl IntoIterator<Item = IpAddr>) -> Option<Self> {
        addresses.into_iter().map(Self::of).max()
    }
}

/// How far the addresses of one relay reach.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reaches {
    /// Whether it is the trial relay in this process.
    trial: bool,
    /// How far names below its domain reach, if that is known.
    names: Option<Reach>,
}

impl Reaches {
    /// Of the trial relay in this process.
    pub const TRIAL: Self = Self { trial: true, names: None };

    /// Of Microsoft's service, whose names are the internet's.
    pub const MICROSOFT: Self = Self { trial: false, names: Some(Reach::Internet) };

    /// Of a place, before or without a trial relay in it.
    pub async fn of_place(place: &Place) -> Self {
        match place {
            Place::Here => Self::TRIAL,
            Place::Relay(relay) => Self::look_up(relay).await,
            Place::Microsoft => Self::MICROSOFT,
        }
    }

    /// Of a relay: asks the name service where it is. Its tunnels' names lead to the same place.
    pub async fn look_up(relay: &RelayUrl) -> Self {
        let host = relay.host();
        let names = if is_localhost(host) {
            Some(Reach::Computer)
        } else {
            // The port means nothing; the function wants one. An unknown name is an unknown reach.
            let found = tokio::net::lookup_host((host, 0));
            let found = clock::until(clock::now() + NAMES, found).await;
            found
                .ok()
                .and_then(Result::ok)
                .and_then(|found| Reach::of_all(found.map(|address| address.ip())))
        };
        Self { trial: false, names }
    }

    /// How far names below its domain reach, if that is known.
    pub fn names(&self) -> Option<Reach> {
        self.names
    }

    /// How far a URL reaches, if that is known.
    pub fn of(&self, url: &str) -> Option<Reach> {
        let host = host(url);
        match host.parse() {
            Ok(address) => Some(Reach::of(address)),
            Err(_) if is_localhost(host) => Some(Reach::Computer),
            Err(_) => self.names,
        }
    }

    /// What to say behind a URL. `before` is the one named before it, if there is one.
    pub fn describe(&self, url: &str, before: Option<&str>) -> String {
        let reach = self.of(url);
        // Names below localhost are known to browsers, but not to every program.
        let is_for_browsers = |url| is_localhost(host(url));
        match (reach, before) {
            (Some(_), Some(before)) if self.of(before) == reach => {
                let differs = is_for_browsers(url) && !is_for_browsers(before);
                if differs { "the same, for browsers" } else { "the same" }.to_owned()
            }
            (Some(reach), _) if self.trial => format!("{reach} (trial relay)"),
            (Some(reach), _) => reach.to_string(),
            (None, _) => "as far as its relay can be reached".to_owned(),
        }
    }
}

/// The host of a URL; an IPv6 address without its brackets.
fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split('/').next().unwrap_or(rest);
    match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or(rest),
        None => authority.split(':').next().unwrap_or(authority),
    }
}

/// Whether a host name means this computer by definition (RFC 6761).
fn is_localhost(host: &str) -> bool {
    host == "localhost" || host.ends_with(".localhost")
}

fn of_v4(address: Ipv4Addr) -> Reach {
    let [first, second, ..] = address.octets();
    let shared = first == 100 && second & 0xc0 == 64;
    let benchmark = first == 198 && second & 0xfe == 18;
    if address.is_loopback() || address.is_unspecified() {
        Reach::Computer
    } else if address.is_private()
        || address.is_link_local()
        || address.is_documentation()
        || shared
        || benchmark
    {
        Reach::Network
    } else {
        Reach::Internet
    }
}

fn of_v6(address: Ipv6Addr) -> Reach {
    let documentation = address.segments()[..2] == [0x2001, 0xdb8];
    if address.is_loopback() || address.is_unspecified() {
        Reach::Computer
    } else if address.is_unicast_link_local() || address.is_unique_local() || documentation {
        Reach::Network
    } else {
        Reach::Internet
    }
}

impl fmt::Display for Reach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Computer => "this computer only",
            Self::Network => "this network",
            Self::Internet => "the internet",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_that_others_can_reach_are_the_internet() {
        for (address, reach) in [
            ("127.0.0.1", Reach::Computer),
            ("127.9.9.9", Reach::Computer),
            ("::1", Reach::Computer),
            ("::ffff:127.0.0.1", Reach::Computer),
            ("10.1.2.3", Reach::Network),
            ("172.31.0.1", Reach::Network),
            ("192.168.1.20", Reach::Network),
            ("169.254.1.1", Reach::Network),
            ("100.64.0.1", Reach::Network),
            ("100.127.255.254", Reach::Network),
            ("fe80::1", Reach::Network),
            ("fd12::1", Reach::Network),
            ("100.128.0.1", Reach::Internet),
            ("192.0.2.2", Reach::Network),
            ("198.19.0.1", Reach::Network),
            ("2001:db8::1", Reach::Network),
            ("9.9.9.9", Reach::Internet),
            ("2620:fe::fe", Reach::Internet),
        ] {
            assert_eq!(Reach::of(address.parse().unwrap()), reach, "{address}");
        }
    }

    #[test]
    fn a_host_reaches_as_far_as_its_farthest_address() {
        let all = |texts: &[&str]| Reach::of_all(texts.iter().map(|text| text.parse().unwrap()));
        assert_eq!(all(&["127.0.0.1", "192.168.0.1"]), Some(Reach::Network));
        assert_eq!(all(&[]), None);
    }

    #[test]
    fn names_below_localhost_stay_here() {
        assert!(is_localhost("quiet-fox-3000.localhost") && is_localhost("localhost"));
        assert!(!is_localhost("localhost.example.com") && !is_localhost("notlocalhost"));
    }

    #[test]
    fn each_url_is_told_with_its_reach() {
        let trial = Reaches::TRIAL;
        let first = "http://127.0.0.1:41873/";
        assert_eq!(trial.describe(first, None), "this computer only (trial relay)");
        let named = "http://quiet-fox-3000.localhost:8090/";
        assert_eq!(trial.describe(named, Some(first)), "the same, for browsers");
        let other = "http://shop-3000.localhost:8090/";
        assert_eq!(trial.describe(other, Some(named)), "the same");
        let lan = trial.describe("http://192.168.1.20:41873/", Some(named));
        assert_eq!(lan, "this network (trial relay)");

        let url = "https://quiet-fox-3000.relay.example.com/";
        let relay = |names| Reaches { trial: false, names };
        assert_eq!(relay(Some(Reach::Internet)).describe(url, None), "the internet");
        assert_eq!(relay(Some(Reach::Internet)).describe(url, Some(url)), "the same");
        assert_eq!(relay(None).describe(url, None), "as far as its relay can be reached");
        assert_eq!(relay(None).of("https://[2620:fe::fe]:8443/x"), Some(Reach::Internet));
    }

    #[tokio::test]
    async fn a_relay_on_this_computer_reaches_no_farther() {
        for url in ["http://127.0.0.1:8443", "http://localhost:8443", "http://[::1]:8443"] {
            let reaches = Reaches::look_up(&url.parse().unwrap()).await;
            assert_eq!(reaches.names, Some(Reach::Computer), "{url}");
        }
    }
}
