//! The name of a place, as `--on` takes it, for maps and files: `here`, `microsoft` or a relay's URL.
//!
//! Apart from [`crate::place::Place`], which is the choice of a place: a key is only a name, and one that this
//! program cannot use is still a name that it may meet in a file.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Names a place.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PlaceKey(Box<str>);

/// What kind of place it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// The trial relay on this computer.
    Here,
    /// A relay.
    Relay,
    /// Microsoft's service.
    Microsoft,
}

impl PlaceKey {
    /// The trial relay on this computer.
    pub fn here() -> Self {
        Self("here".into())
    }

    /// Microsoft's service.
    pub fn microsoft() -> Self {
        Self("microsoft".into())
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What kind of place it names.
    pub fn kind(&self) -> Kind {
        match &*self.0 {
            "here" => Kind::Here,
            "microsoft" => Kind::Microsoft,
            _ => Kind::Relay,
        }
    }

    /// Whether it is on this computer, so that no network is needed to reach it.
    pub fn is_on_this_computer(&self) -> bool {
        let authority = self.0.split_once("://").map_or("", |(_, rest)| rest);
        let host = match authority.split_once(']') {
            Some((host, _)) => host.trim_start_matches('['),
            None => authority.split([':', '/']).next().unwrap_or_default(),
        };
        let is_loopback = host.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback());
        let is_named = host == "localhost" || host.ends_with(".localhost");
        self.kind() == Kind::Here || is_loopback || is_named
    }

    /// Of a relay: what people call it, which is its host name without the `cp.` that stands before a domain.
    pub fn host(&self) -> &str {
        let host = self.0.split_once("://").map_or(&*self.0, |(_, host)| host);
        let host = host.trim_end_matches('/');
        host.strip_prefix("cp.").unwrap_or(host)
    }
}

impl From<&str> for PlaceKey {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl From<String> for PlaceKey {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl fmt::Display for PlaceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_on_this_computer_needs_no_network() {
        for near in ["here", "http://127.0.0.1:8443/", "https://cp.localhost", "http://[::1]:80"] {
            assert!(PlaceKey::from(near).is_on_this_computer(), "{near}");
        }
        for far in ["microsoft", "https://cp.relay.example.com", "http://192.168.1.5:80", "odd"] {
            assert!(!PlaceKey::from(far).is_on_this_computer(), "{far}");
        }
    }

    #[test]
    fn a_relay_is_called_by_its_domain() {
        for (text, kind, host) in [
            ("here", Kind::Here, "here"),
            ("microsoft", Kind::Microsoft, "microsoft"),
            ("https://cp.relay.example.com", Kind::Relay, "relay.example.com"),
            ("http://127.0.0.1:8443/", Kind::Relay, "127.0.0.1:8443"),
        ] {
            let key = PlaceKey::from(text);
            assert_eq!((key.kind(), key.host(), key.as_str()), (kind, host, text));
        }
    }
}
