//! The addresses that the API tells its clients.
//!
//! Websockets are reached where the API was reached, unless the configuration says where. Ports have
//! names below the relay's domain; without one they are reached on this computer only.

use std::net::SocketAddr;

use adit_proto::id::TunnelId;
use adit_proto::token::Secret;
use http::request::Parts;
use http::{HeaderMap, header};

use crate::config::{BaseUrl, Config};
use crate::record::TunnelRecord;
use crate::seams::Peer;

/// Makes addresses.
#[derive(Debug, Clone)]
pub(crate) struct Links {
    advertised: Option<BaseUrl>,
    /// `.{domain}` or `.localhost`, and what follows the host name.
    suffix: Box<str>,
    scheme: &'static str,
    /// What to fall back to for a request that does not say where it was sent.
    listen: SocketAddr,
}

impl Links {
    /// For a relay that listens at `listen`.
    pub(crate) fn new(config: &Config, listen: SocketAddr) -> Self {
        let advertised = config.advertised_url.clone();
        let scheme = match &advertised {
            Some(url) if config.domain.is_some() && url.scheme() == "https" => "https",
            _ if config.tls.is_some() => "https",
            _ => "http",
        };
        let port = match &advertised {
            Some(url) if config.domain.is_some() => url.port_suffix().to_owned(),
            _ if listen.port() == default_port(scheme) => String::new(),
            _ => format!(":{}", listen.port()),
        };
        let domain = config.domain.as_ref().map_or("localhost", |domain| domain.as_str());
        Self { advertised, suffix: format!(".{domain}{port}").into(), scheme, listen }
    }

    /// Where a request reached the API: `scheme://host[:port]`.
    pub(crate) fn base(&self, request: &Parts, peer: Peer) -> String {
        if let Some(url) = &self.advertised {
            return url.as_str().to_owned();
        }
        let authority = match (request.uri.authority(), host(&request.headers)) {
            (Some(authority), _) => authority.as_str().to_owned(),
            (None, Some(host)) => host.to_owned(),
            (None, None) => self.listen.to_string(),
        };
        format!("{}://{authority}", peer.scheme())
    }

    /// The addresses of a port, the most widely usable first.
    pub(crate) fn port(
        &self,
        tunnel: &TunnelRecord,
        port: u16,
        loopback: Option<SocketAddr>,
    ) -> Vec<String> {
        let names = std::iter::once(tunnel.id.as_str()).chain(tunnel.name.as_deref());
        let loopback = loopback.map(|address| format!("http://{address}/"));
        loopback.into_iter().chain(names.map(|name| self.named(name, port))).collect()
    }

    /// The address of any port of a tunnel, with `{port}` for its number.
    pub(crate) fn port_format(&self, tunnel: &TunnelId) -> String {
        self.named(tunnel.as_str(), "{port}")
    }

    /// A link that shares a tunnel, on the management host of the relay's domain.
    pub(crate) fn shared(&self, secret: &Secret) -> Secret {
        Secret::from(format!("{}://cp{}/go/{}", self.scheme, self.suffix, secret.expose()))
    }

    /// The entrance of a port for who has a code.
    pub(crate) fn entrance(&self, tunnel: &TunnelId, port: u16, code: &Secret) -> String {
        format!("{}.adit/enter?code={}", self.named(tunnel.as_str(), port), code.expose())
    }

    fn named(&self, name: &str, port: impl std::fmt::Display) -> String {
        format!("{}://{name}-{port}{}/", self.scheme, self.suffix)
    }
}

/// Where a host connects: names the endpoint, and no node of the relay, so that it stays true.
pub(super) fn host_socket(base: &str, tunnel: &TunnelId, endpoint: &str) -> String {
    format!("{}/v1/host/{tunnel}/{endpoint}", websocket(base))
}

/// Where clients connect.
pub(super) fn client_socket(base: &str, tunnel: &TunnelId) -> String {
    format!("{}/v1/client/{tunnel}", websocket(base))
}

fn websocket(base: &str) -> String {
    base.replacen("http", "ws", 1)
}

fn host(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::HOST)?.to_str().ok().filter(|host| !host.is_empty())
}

fn default_port(scheme: &str) -> u16 {
    if scheme == "https" { 443 } else { 80 }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::store::tests::tunnel;

    fn links(toml: &str) -> Links {
        Links::new(&Config::parse(toml, Path::new("d")).unwrap(), "127.0.0.1:8443".parse().unwrap())
    }

    fn base(links: &Links, uri: &str, host: Option<&str>, secure: bool) -> String {
        let mut request = http::Request::get(uri);
        if let Some(host) = host {
            request = request.header("host", host);
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        links.base(&parts, Peer { addr: "127.0.0.1:9".parse().unwrap(), secure })
    }

    #[test]
    fn sockets_are_where_the_api_was_reached_unless_configured() {
        let here = links("");
        let id = "quiet-fox".parse().unwrap();
        let reached = base(&here, "/tunnels", Some("localhost:1"), false);
        assert_eq!(host_socket(&reached, &id, "e1"), "ws://localhost:1/v1/host/quiet-fox/e1");
        let reached = base(&here, "/tunnels", Some("cp.x.org"), true);
        assert_eq!(client_socket(&reached, &id), "wss://cp.x.org/v1/client/quiet-fox");
        assert_eq!(base(&here, "http://a.b:1/tunnels", Some("c"), false), "http://a.b:1");
        assert_eq!(base(&here, "/", None, false), "http://127.0.0.1:8443");
        let proxied = links("advertised_url = 'https://relay.example.com'");
        assert_eq!(base(&proxied, "/", Some("localhost:1"), false), "https://relay.example.com");
    }

    #[test]
    fn shared_links_are_at_the_management_host_of_the_domain() {
        let at = |toml: &str| links(toml).shared(&Secret::from("s3")).expose().to_owned();
        assert_eq!(
            at("domain = 'x.org'\nadvertised_url = 'https://cp.x.org'"),
            "https://cp.x.org/go/s3"
        );
        assert_eq!(
            at("domain = 'x.org'\nadvertised_url = 'https://relay.y.org:444'"),
            "https://cp.x.org:444/go/s3"
        );
        assert_eq!(at("domain = 'localhost'"), "http://cp.localhost:8443/go/s3");
        let entrance = links("domain = 'localhost'").entrance(
            &"quiet-fox".parse().unwrap(),
            3000,
            &Secret::from("c0"),
        );
        assert_eq!(entrance, "http://quiet-fox-3000.localhost:8443/.adit/enter?code=c0");
    }

    #[test]
    fn ports_have_names_below_the_domain_or_localhost() {
        let mut record = tunnel("quiet-fox");
        record.name = Some("shop".into());
        let of = |toml: &str| links(toml).port(&record, 3000, None);
        assert_eq!(
            of("domain = 'x.org'\nadvertised_url = 'https://cp.x.org'"),
            ["https://quiet-fox-3000.x.org/", "https://shop-3000.x.org/"]
        );
        let tls = "tls = { cert = 'c', key = 'k' }";
        assert_eq!(
            of(&format!("domain = 'x.org'\n{tls}"))[0],
            "https://quiet-fox-3000.x.org:8443/"
        );
        assert_eq!(of("")[1], "http://shop-3000.localhost:8443/");
        let loopback = links("").port(&record, 3000, Some("127.0.0.1:4001".parse().unwrap()));
        assert_eq!(loopback[0], "http://127.0.0.1:4001/");
        assert_eq!(links("").port_format(&record.id), "http://quiet-fox-{port}.localhost:8443/");
    }
}
