//! The address of a relay, as people write it and as it is stored.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use adit_tunnel::management::{BadBase, Base};
use serde::{Deserialize, Serialize};

/// The address of a relay's management API: `https://cp.relay.example.com`, without a slash at the
/// end.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RelayUrl(Box<str>);

impl RelayUrl {
    /// For the client of the management API.
    pub fn base(&self) -> Base {
        Base::parse(&self.0).expect("it was checked when it was made")
    }

    /// The host, with its port if that is written.
    pub fn authority(&self) -> &str {
        self.0.split_once("://").map_or(&*self.0, |(_, authority)| authority)
    }

    /// The host alone; an IPv6 address without its brackets.
    pub fn host(&self) -> &str {
        let authority = self.authority();
        match authority.strip_prefix('[') {
            Some(rest) => rest.split(']').next().unwrap_or(rest),
            None => authority.split(':').next().unwrap_or(authority),
        }
    }

    /// Whether keys and bytes would cross a network unencrypted.
    pub fn is_exposed(&self) -> bool {
        let loopback = self.host().parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
        self.0.starts_with("http://") && !loopback && self.host() != "localhost"
    }
}

/// An address without a scheme is taken for `https`.
impl FromStr for RelayUrl {
    type Err = BadBase;

    fn from_str(text: &str) -> Result<Self, BadBase> {
        let text = text.trim();
        let base = match text.contains("://") {
            true => Base::parse(text)?,
            false => Base::parse(&format!("https://{text}"))?,
        };
        let url = base.to_string();
        Ok(Self(url.trim_end_matches('/').into()))
    }
}

impl TryFrom<String> for RelayUrl {
    type Error = BadBase;

    fn try_from(text: String) -> Result<Self, BadBase> {
        text.parse()
    }
}

impl From<RelayUrl> for String {
    fn from(url: RelayUrl) -> Self {
        url.0.into()
    }
}

impl fmt::Display for RelayUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> RelayUrl {
        text.parse().unwrap()
    }

    #[test]
    fn one_relay_has_one_spelling() {
        for text in
            ["https://CP.Relay.example.com/", "cp.relay.example.com", " cp.relay.example.com "]
        {
            assert_eq!(url(text).to_string(), "https://cp.relay.example.com");
        }
        assert_eq!(url("http://[::1]:9700").host(), "::1");
        assert_eq!(url("127.0.0.1:9700").host(), "127.0.0.1");
        assert_eq!(url("127.0.0.1:9700").authority(), "127.0.0.1:9700");
    }

    #[test]
    fn plain_http_is_exposed_unless_it_stays_on_this_computer() {
        for text in ["http://relay.example.com", "http://192.0.2.7:80"] {
            assert!(url(text).is_exposed(), "{text}");
        }
        for text in [
            "https://relay.example.com",
            "http://127.0.0.1:1",
            "http://localhost:1",
            "http://[::1]",
        ] {
            assert!(!url(text).is_exposed(), "{text}");
        }
    }
}
