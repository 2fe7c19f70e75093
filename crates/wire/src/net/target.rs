//! Where to connect: a host, a port, and whether the way there is encrypted.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

use http::Uri;
use http::uri::Scheme;

/// A host and port to connect to, taken from a URL.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Target {
    encrypted: bool,
    host: Host,
    port: u16,
}

/// A host as a URL names it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Host {
    /// A name to look up, in lower case.
    Name(Box<str>),
    Ip(IpAddr),
}

impl Target {
    /// Takes a target from an absolute URL with scheme `http`, `https`, `ws` or `wss`. User
    /// information in it is not used.
    ///
    /// # Errors
    ///
    /// [`BadUrl`] when it is no such URL.
    pub fn from_uri(uri: &Uri) -> Result<Self, BadUrl> {
        let encrypted = match uri.scheme().map(Scheme::as_str) {
            Some("http" | "ws") => false,
            Some("https" | "wss") => true,
            Some(other) => return Err(BadUrl::Scheme(other.into())),
            None => return Err(BadUrl::Relative),
        };
        let host = uri.host().unwrap_or_default();
        let port = match explicit_port(uri, host) {
            None | Some("") => default_port(encrypted),
            Some(port) => port.parse().ok().filter(|port| *port != 0).ok_or(BadUrl::Port)?,
        };
        let host = Host::parse(host).ok_or(BadUrl::Host)?;
        Ok(Self { encrypted, host, port })
    }

    /// An unencrypted target.
    pub(super) fn plain(host: Host, port: u16) -> Self {
        Self { encrypted: false, host, port }
    }

    pub(super) fn parsed_host(&self) -> &Host {
        &self.host
    }

    /// Whether TLS is spoken with the host.
    pub fn is_encrypted(&self) -> bool {
        self.encrypted
    }

    /// The host, an IPv6 address without brackets.
    pub fn host(&self) -> String {
        match &self.host {
            Host::Name(name) => name.to_string(),
            Host::Ip(ip) => ip.to_string(),
        }
    }

    /// The port, given or by the scheme.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Whether the host is this computer by definition: `localhost`, a name below it, or a loopback
    /// address.
    pub fn is_loopback(&self) -> bool {
        match &self.host {
            Host::Name(name) => is_localhost(name),
            Host::Ip(ip) => ip.to_canonical().is_loopback(),
        }
    }

    /// What belongs in a `Host` header: the port only where the scheme does not imply it.
    pub fn host_header(&self) -> String {
        if self.port == default_port(self.encrypted) {
            self.host.to_string()
        } else {
            self.authority()
        }
    }

    /// Host and port, as a CONNECT request names them.
    pub(super) fn authority(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

impl Host {
    /// Reads a host as it stands in a URL, IPv6 in brackets.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if let Some(v6) = text.strip_prefix('[') {
            return v6.strip_suffix(']')?.parse::<Ipv6Addr>().ok().map(|ip| Self::Ip(ip.into()));
        }
        if let Ok(ip) = text.parse() {
            return Some(Self::Ip(ip));
        }
        // One trailing dot means the same host, fully qualified.
        let name = text.strip_suffix('.').unwrap_or(text);
        (!name.is_empty()).then(|| Self::Name(name.to_ascii_lowercase().into()))
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Ip(IpAddr::V4(ip)) => ip.fmt(f),
            Self::Ip(IpAddr::V6(ip)) => write!(f, "[{ip}]"),
        }
    }
}

/// Whether RFC 6761 reserves `name` for this computer.
pub(super) fn is_localhost(name: &str) -> bool {
    name == "localhost" || name.ends_with(".localhost")
}

/// What stands behind the host's colon. [`Uri::port`] is no help: a number that is too large looks
/// to it like no port.
fn explicit_port<'a>(uri: &'a Uri, host: &str) -> Option<&'a str> {
    let authority = uri.authority()?.as_str();
    let place = authority.rsplit_once('@').map_or(authority, |(_, place)| place);
    place.strip_prefix(host)?.strip_prefix(':')
}

fn default_port(encrypted: bool) -> u16 {
    if encrypted { 443 } else { 80 }
}

/// Why a URL is nothing to connect to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadUrl {
    /// No scheme: not an absolute URL.
    #[error("not a whole URL: start it with https:// or http://")]
    Relative,
    /// A scheme that is neither HTTP nor websocket.
    #[error("cannot connect to a {0}: URL; use https, http, wss or ws")]
    Scheme(Box<str>),
    /// No host, or one that is none.
    #[error("the URL names no valid host")]
    Host,
    /// Port 0 or beyond 65535.
    #[error("the port in the URL is not between 1 and 65535")]
    Port,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(uri: &'static str) -> Result<Target, BadUrl> {
        Target::from_uri(&Uri::from_static(uri))
    }

    #[test]
    fn a_url_becomes_host_port_and_encryption() {
        for (uri, host, header, port, encrypted) in [
            ("wss://Relay.Example.com/x?y", "relay.example.com", "relay.example.com", 443, true),
            ("ws://relay.example:8080/", "relay.example", "relay.example:8080", 8080, false),
            ("https://user:pw@a.example:443", "a.example", "a.example", 443, true),
            ("http://a.example.:443/", "a.example", "a.example:443", 443, false),
            ("http://[::1]:8443/", "::1", "[::1]:8443", 8443, false),
            ("https://127.0.0.1/", "127.0.0.1", "127.0.0.1", 443, true),
        ] {
            let target = target(uri).expect(uri);
            assert_eq!(
                (&*target.host(), target.port(), target.is_encrypted()),
                (host, port, encrypted)
            );
            assert_eq!(target.host_header(), header);
        }
    }

    #[test]
    fn what_is_no_target_is_refused_with_a_reason() {
        assert_eq!(target("/path"), Err(BadUrl::Relative));
        assert_eq!(target("ftp://a.example/"), Err(BadUrl::Scheme("ftp".into())));
        assert_eq!(target("http://a.example:0/"), Err(BadUrl::Port));
        assert_eq!(target("http://a.example:70000/"), Err(BadUrl::Port));
        assert_eq!(target("http://[zz]/"), Err(BadUrl::Host));
    }

    #[test]
    fn this_computer_is_known_without_asking_anybody() {
        for uri in
            ["http://localhost", "http://a.b.LOCALHOST:1", "http://127.9.0.1", "http://[::1]"]
        {
            assert!(target(uri).expect(uri).is_loopback(), "{uri}");
        }
        for uri in ["http://notlocalhost", "http://10.0.0.1", "http://localhost.example"] {
            assert!(!target(uri).expect(uri).is_loopback(), "{uri}");
        }
    }
}
