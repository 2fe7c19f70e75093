//! Where a management API lives, and which of its hosts serves a cluster.

use std::net::IpAddr;

use adit_proto::id::ClusterId;
use http::Uri;

/// The base address of a management API: a scheme and an authority, and nothing else.
///
/// Requests for a tunnel go to the host of its cluster. A relay of one's own is addressed as
/// `https://cp.{domain}/`, by IP or as `localhost`, and then is one host for everything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Base {
    secure: bool,
    /// In lower case; an IPv6 address in brackets.
    host: Box<str>,
    port: Option<u16>,
    /// Requests of every cluster go to the same host.
    one_host: bool,
}

/// Why an address is not that of a management API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadBase {
    /// It is no absolute URL.
    #[error("is no URL; it should look like https://cp.relay.example.com/")]
    NotAUrl,
    /// Its scheme is neither `http` nor `https`.
    #[error("must begin with https:// or http://")]
    Scheme,
    /// It has a path, a query or user information.
    #[error("must name a host and nothing behind it, such as https://cp.relay.example.com/")]
    MoreThanHost,
}

/// Names that Microsoft's SDKs leave alone as well.
const ONE_HOST: [&str; 2] = ["localhost", "tunnels.local.api.visualstudio.com"];

impl Base {
    /// Takes an address such as `https://cp.relay.example.com/` or `http://127.0.0.1:8443`.
    ///
    /// # Errors
    ///
    /// [`BadBase`] says what it should look like.
    pub fn parse(url: &str) -> Result<Self, BadBase> {
        let uri: Uri = url.trim().parse().map_err(|_| BadBase::NotAUrl)?;
        let secure = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            Some(_) => return Err(BadBase::Scheme),
            None => return Err(BadBase::NotAUrl),
        };
        let authority = uri.authority().ok_or(BadBase::NotAUrl)?;
        if !matches!(uri.path(), "" | "/")
            || uri.query().is_some()
            || authority.as_str().contains('@')
        {
            return Err(BadBase::MoreThanHost);
        }
        let port = match authority.as_str()[authority.host().len()..].strip_prefix(':') {
            Some(port) => Some(port.parse().map_err(|_| BadBase::NotAUrl)?),
            None => None,
        };
        if authority.host().is_empty() {
            return Err(BadBase::NotAUrl);
        }
        let host = authority.host().to_ascii_lowercase();
        let one_host = host.starts_with("cp.") || ONE_HOST.contains(&&*host) || is_ip(&host);
        Ok(Self { secure, host: host.into(), port, one_host })
    }

    /// Whether requests, and the secrets in them, are encrypted.
    pub fn is_secure(&self) -> bool {
        self.secure
    }

    /// The address of `path_and_query`, which begins with a slash, at the host that serves
    /// `cluster`.
    pub(super) fn url(&self, cluster: Option<&ClusterId>, path_and_query: &str) -> String {
        let scheme = if self.secure { "https" } else { "http" };
        format!("{scheme}://{}{path_and_query}", self.authority(cluster))
    }

    /// The host, with its port if that is given, that serves `cluster`.
    pub(super) fn authority(&self, cluster: Option<&ClusterId>) -> String {
        match self.port {
            Some(port) => format!("{}:{port}", self.host(cluster)),
            None => self.host(cluster),
        }
    }

    fn host(&self, cluster: Option<&ClusterId>) -> String {
        let Some(cluster) = cluster.filter(|_| !self.one_host) else {
            return self.host.to_string();
        };
        match self.host.split_once('.') {
            Some((first, rest)) if first == "global" || first.parse::<ClusterId>().is_ok() => {
                format!("{cluster}.{rest}")
            }
            _ => format!("{cluster}.{}", self.host),
        }
    }
}

impl std::fmt::Display for Base {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.url(None, "/"))
    }
}

fn is_ip(host: &str) -> bool {
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    bare.parse::<IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(base: &str, cluster: &str) -> String {
        let cluster = cluster.parse().expect("a cluster id");
        Base::parse(base).expect("a base").url(Some(&cluster), "/x")
    }

    #[test]
    fn one_host_serves_every_cluster_of_ones_own_relay() {
        for base in [
            "http://127.0.0.1:9700",
            "http://[::1]:9700",
            "http://localhost:9700",
            "https://cp.relay.example.com",
            "http://tunnels.local.api.visualstudio.com",
        ] {
            assert_eq!(url(base, "usw2"), format!("{base}/x"));
        }
    }

    #[test]
    fn other_names_get_the_cluster_as_their_first_label() {
        for (base, expected) in [
            ("https://relay.example.com:9700/", "https://usw2.relay.example.com:9700/x"),
            ("https://global.rel.example.com", "https://usw2.rel.example.com/x"),
            ("https://euw.rel.example.com", "https://usw2.rel.example.com/x"),
            ("https://loc1.rel.example.com", "https://usw2.rel.example.com/x"),
            ("https://globalx.example.com", "https://usw2.globalx.example.com/x"),
        ] {
            assert_eq!(url(base, "usw2"), expected);
        }
        let base = Base::parse("https://global.rel.example.com").expect("a base");
        assert_eq!(base.url(None, "/x"), "https://global.rel.example.com/x");
        assert_eq!(base.to_string(), "https://global.rel.example.com/");
    }

    #[test]
    fn what_cannot_be_a_base_is_refused_with_a_reason() {
        for (url, reason) in [
            ("relay.example.com", BadBase::NotAUrl),
            ("", BadBase::NotAUrl),
            ("https://", BadBase::NotAUrl),
            ("https://h:99999/", BadBase::NotAUrl),
            ("ws://h/", BadBase::Scheme),
            ("https://h/api", BadBase::MoreThanHost),
            ("https://h/?x", BadBase::MoreThanHost),
            ("https://user@h/", BadBase::MoreThanHost),
        ] {
            assert_eq!(Base::parse(url), Err(reason), "{url}");
        }
    }
}
