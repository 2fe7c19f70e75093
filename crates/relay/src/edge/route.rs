//! What a request's `Host` asks for: a tunnel's port, the management API, or nothing of ours.
//!
//! Pure and total: any text has an answer. It knows names only by their form; whether a tunnel of
//! that name exists is the directory's business.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv6Addr};

/// Names below the domain that are never a tunnel's.
pub const RESERVED: [&str; 3] = ["api", "cp", "www"];

/// The longest label that DNS can carry.
const MAX_LABEL: usize = 63;

/// What a `Host` header (or the authority of an absolute request target) asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target<'a> {
    /// The management API and the relay sockets.
    Api,
    /// A port of a tunnel.
    Port {
        /// The tunnel's id or its name, in lower case.
        name: Cow<'a, str>,
        /// The port, never 0.
        port: u16,
    },
    /// A well-formed name that is not ours.
    Foreign,
    /// Not the form of a host at all.
    Malformed,
}

/// The names that a relay answers for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names {
    domain: Option<Box<str>>,
    api: Vec<Box<str>>,
}

impl Names {
    /// A relay under `domain` (without one, tunnels have names below `localhost` only), whose API is
    /// also known by the host names `api`.
    pub fn new(domain: Option<&str>, api: &[&str]) -> Self {
        Self {
            domain: domain.map(|domain| domain.to_ascii_lowercase().into()),
            api: api.iter().map(|host| host.to_ascii_lowercase().into()).collect(),
        }
    }

    /// Finds out what `authority`, a `host[:port]`, asks for.
    pub fn target<'a>(&self, authority: &'a str) -> Target<'a> {
        match Host::parse(authority) {
            None => Target::Malformed,
            Some(Host::Ip(_)) => Target::Api,
            Some(Host::Name(name)) => self.named(name),
        }
    }

    fn named<'a>(&self, host: &'a str) -> Target<'a> {
        let host = lower(host);
        if host == "localhost" || self.api.iter().any(|api| **api == *host) {
            return Target::Api;
        }
        let Some(label) = self.label(&host) else { return Target::Foreign };
        if label == "cp" && !host.ends_with(".localhost") {
            return Target::Api;
        }
        let Some((end, port)) = split(label) else { return Target::Foreign };
        let name = match host {
            Cow::Borrowed(host) => Cow::Borrowed(&host[..end]),
            Cow::Owned(mut host) => {
                host.truncate(end);
                Cow::Owned(host)
            }
        };
        Target::Port { name, port }
    }

    /// The one label before our domain or `localhost`.
    fn label<'h>(&self, host: &'h str) -> Option<&'h str> {
        let below = |domain: &str| host.strip_suffix(domain)?.strip_suffix('.');
        let label = self.domain.as_deref().and_then(below).or_else(|| below("localhost"))?;
        (label.len() <= MAX_LABEL && !label.contains('.')).then_some(label)
    }
}

/// A host as it stands in an authority.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Host<'a> {
    /// An address.
    Ip(IpAddr),
    /// A name as it was written, without the dot that may end it.
    Name(&'a str),
}

impl<'a> Host<'a> {
    /// Reads the host of `host[:port]`; nothing if that is not what it is.
    pub fn parse(authority: &'a str) -> Option<Self> {
        if let Some(rest) = authority.strip_prefix('[') {
            let (address, rest) = rest.split_once(']')?;
            let port = if rest.is_empty() { "" } else { rest.strip_prefix(':')? };
            let address: Ipv6Addr = is_port(port).then(|| address.parse().ok())??;
            return Some(Self::Ip(address.into()));
        }
        let (host, port) = authority.split_once(':').unwrap_or((authority, ""));
        if !is_port(port) {
            return None;
        }
        if let Ok(address) = host.parse() {
            return Some(Self::Ip(address));
        }
        let name = host.strip_suffix('.').unwrap_or(host);
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
        (!name.is_empty() && name.len() <= 253 && name.bytes().all(fits))
            .then_some(Self::Name(name))
    }
}

/// The port of a well-formed authority, if it has one.
pub(super) fn port(authority: &str) -> Option<u16> {
    let (_, port) = authority.rsplit_once(':')?;
    port.parse().ok()
}

/// Splits `{name}-{port}` at the last hyphen: where the name ends, and the port.
fn split(label: &str) -> Option<(usize, u16)> {
    let (name, digits) = label.rsplit_once('-')?;
    // One way to write each port only: an origin has one name.
    let port = digits.parse().ok().filter(|port| *port != 0)?;
    let canonical = digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0');
    let edges = name.starts_with('-') || name.ends_with('-');
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let fits = !name.is_empty() && !edges && name.bytes().all(fits) && !RESERVED.contains(&name);
    (canonical && fits).then_some((name.len(), port))
}

/// Whether this can stand behind the colon of an authority, where no digits at all are allowed.
fn is_port(digits: &str) -> bool {
    digits.bytes().all(|byte| byte.is_ascii_digit())
        && (digits.is_empty() || digits.parse::<u16>().is_ok())
}

fn lower(host: &str) -> Cow<'_, str> {
    if host.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(host.to_ascii_lowercase())
    } else {
        Cow::Borrowed(host)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Names {
        Names::new(Some("Relay.Example.com"), &["relay-1.internal"])
    }

    fn port(name: &str, port: u16) -> Target<'_> {
        Target::Port { name: name.into(), port }
    }

    #[test]
    fn a_tunnels_name_and_port_are_split_at_the_last_hyphen() {
        for (host, target) in [
            ("quiet-fox-4k9x2bd-3000.relay.example.com", port("quiet-fox-4k9x2bd", 3000)),
            ("shop-1.relay.example.com", port("shop", 1)),
            ("shop-65535.relay.example.com:8443", port("shop", 65535)),
            ("a-1-2.relay.example.com", port("a-1", 2)),
            ("quiet-fox-3000.localhost", port("quiet-fox", 3000)),
            ("quiet-fox-3000.localhost:8090", port("quiet-fox", 3000)),
            ("www-1-80.relay.example.com", port("www-1", 80)),
        ] {
            assert_eq!(names().target(host), target, "{host}");
        }
    }

    #[test]
    fn case_a_trailing_dot_and_an_empty_port_make_no_difference() {
        for host in [
            "SHOP-3000.Relay.EXAMPLE.com",
            "shop-3000.relay.example.com.",
            "shop-3000.relay.example.com.:443",
            "shop-3000.relay.example.com:",
        ] {
            assert_eq!(names().target(host), port("shop", 3000), "{host}");
        }
    }

    #[test]
    fn addresses_localhost_and_the_management_host_are_the_api() {
        for host in [
            "127.0.0.1",
            "127.0.0.1:8443",
            "[::1]",
            "[::1]:8443",
            "203.0.113.9:1",
            "localhost",
            "LocalHost:8443",
            "cp.relay.example.com",
            "CP.relay.example.com.:443",
            "relay-1.internal:8443",
        ] {
            assert_eq!(names().target(host), Target::Api, "{host}");
        }
    }

    #[test]
    fn other_names_are_foreign() {
        for host in [
            "relay.example.com",
            "example.com",
            "evil-3000.example.com",
            "shop-3000.relay.example.com.evil.net",
            "shop-3000xrelay.example.com",
            "deep.shop-3000.relay.example.com",
            "shop.relay.example.com",
            "api.relay.example.com",
            "www.relay.example.com",
            "api-3000.relay.example.com",
            "cp-1.localhost",
            "cp.localhost",
            "www-80.localhost",
            "-3000.relay.example.com",
            "-shop-3000.relay.example.com",
            "shop--3000.relay.example.com",
            "sh_op-3000.relay.example.com",
            "shop-0.relay.example.com",
            "shop-00080.relay.example.com",
            "shop-65536.relay.example.com",
            "shop-3000-inspect.relay.example.com",
            "127.1",
            "0x7f000001",
        ] {
            assert_eq!(names().target(host), Target::Foreign, "{host}");
        }
    }

    #[test]
    fn what_is_no_host_is_malformed() {
        for host in [
            "",
            ".",
            ":80",
            "shop 3000.relay.example.com",
            "user@shop-3000.relay.example.com",
            "shop-3000.relay.example.com:http",
            "shop-3000.relay.example.com:80:80",
            "shop-3000.relay.example.com:65536",
            "shop-+80.relay.example.com",
            "[::1",
            "[::1]8443",
            "[fe80::1%eth0]",
            "::1",
            "h\u{f6}st-1.relay.example.com",
            "a/b",
        ] {
            assert_eq!(names().target(host), Target::Malformed, "{host}");
        }
    }

    #[test]
    fn without_a_domain_only_localhost_has_tunnels() {
        let names = Names::new(None, &[]);
        assert_eq!(names.target("shop-3000.localhost"), port("shop", 3000));
        assert_eq!(names.target("shop-3000.relay.example.com"), Target::Foreign);
        assert_eq!(names.target("localhost:1"), Target::Api);
    }

    #[test]
    fn a_label_longer_than_dns_allows_is_foreign() {
        let name = "a".repeat(60);
        assert_eq!(names().target(&format!("{name}-80.localhost")), port(&name, 80));
        assert_eq!(names().target(&format!("{name}-800.localhost")), Target::Foreign);
    }
}
