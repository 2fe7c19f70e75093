//! What changes in the header on its way to the local server and back.
//!
//! The local server is to believe that it is visited at `localhost`, as it usually is, and the
//! visitor that he visits the tunnel's host: names are translated in both directions. What other
//! intermediaries claim about the visitor is replaced by what this one knows, and what belongs to
//! one connection only does not travel (RFC 9110, section 7.6.1). Nothing else is touched.

use std::fmt::Write as _;
use std::net::IpAddr;

use http::header::{self, HeaderMap, HeaderName, HeaderValue};

use super::options::{HostHeader, Options, OriginHeader};
use super::pages::SERVED_BY;
use crate::sharing::cookie;

/// The header that carries a tunnel access token to the edge, and never further.
pub const TUNNEL_AUTHORIZATION: HeaderName = HeaderName::from_static("x-tunnel-authorization");

const SKIP_INTERSTITIAL: HeaderName = HeaderName::from_static("x-tunnel-skip-antiphishing-page");
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const HTTP2_SETTINGS: HeaderName = HeaderName::from_static("http2-settings");

/// Headers that are about one connection, besides those that `Connection` names.
const HOP_BY_HOP: [HeaderName; 5] = [
    KEEP_ALIVE,
    HeaderName::from_static("proxy-connection"),
    header::TE,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// What a visitor, or a proxy before us whom nobody vouches for, says about where he comes from.
const CLAIMS: [HeaderName; 3] = [
    header::FORWARDED,
    HeaderName::from_static("x-forwarded-port"),
    HeaderName::from_static("x-real-ip"),
];

/// One request, as far as the header depends on it.
#[derive(Debug, Clone)]
pub struct Exchange<'a> {
    /// How the port wants it.
    pub options: &'a Options,
    /// The local port.
    pub port: u16,
    /// What the local server speaks: `http` or `https`.
    pub scheme: &'a str,
    /// The authority that the visitor asked for.
    pub host: &'a HeaderValue,
    /// What the visitor speaks with us: `http` or `https`.
    pub proto: &'static str,
    /// Where the visitor comes from.
    pub visitor: IpAddr,
}

/// What an upgrade asks for, if the message is one: the value of `Upgrade` when `Connection` names
/// it. HTTP/2 is not passed through: requests inside of it would escape the rules here.
pub fn upgrade(headers: &HeaderMap) -> Option<HeaderValue> {
    let named = headers
        .get_all(header::CONNECTION)
        .iter()
        .any(|value| tokens(value).any(|token| token.eq_ignore_ascii_case("upgrade")));
    let value = headers.get(header::UPGRADE).filter(|_| named)?;
    let http2 = tokens(value).any(|token| {
        token.get(..2).is_some_and(|start| start.eq_ignore_ascii_case("h2"))
            || token.get(..5).is_some_and(|start| start.eq_ignore_ascii_case("http/"))
    });
    (!http2).then(|| value.clone())
}

/// Rewrites a request's header for the local server. `upgrade` is what [`upgrade`] found.
pub fn rewrite_request(headers: &mut HeaderMap, upgrade: Option<HeaderValue>, of: &Exchange<'_>) {
    let trailers = headers
        .get_all(header::TE)
        .iter()
        .any(|value| tokens(value).any(|token| token.eq_ignore_ascii_case("trailers")));
    remove_hop_by_hop(headers);
    for name in CLAIMS {
        headers.remove(name);
    }
    headers.remove(TUNNEL_AUTHORIZATION);
    headers.remove(SKIP_INTERSTITIAL);
    headers.remove(HTTP2_SETTINGS);
    cookie::strip(headers);

    if let Some(protocol) = upgrade {
        headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(header::UPGRADE, protocol);
    } else if trailers {
        // The one coding of `TE` that we can promise on the visitor's behalf.
        headers.insert(header::CONNECTION, HeaderValue::from_static("te"));
        headers.insert(header::TE, HeaderValue::from_static("trailers"));
    }

    headers.insert(FORWARDED_FOR, address(of.visitor));
    headers.insert(FORWARDED_PROTO, HeaderValue::from_static(of.proto));
    headers.insert(FORWARDED_HOST, of.host.clone());
    if let Some(origin) = rewritten_origin(headers, of) {
        headers.insert(header::ORIGIN, origin);
    }
    let host = match &of.options.host {
        HostHeader::Localhost => HeaderValue::from_static("localhost"),
        HostHeader::Fixed(host) => host.clone(),
        HostHeader::Unchanged => of.host.clone(),
    };
    headers.insert(header::HOST, host);
}

/// Rewrites a response's header for the visitor. `upgraded` keeps what a 101 needs.
pub fn rewrite_response(headers: &mut HeaderMap, upgraded: bool, of: &Exchange<'_>) {
    let protocol = upgraded.then(|| headers.remove(header::UPGRADE)).flatten();
    remove_hop_by_hop(headers);
    // Only the edge's own answers say that they are.
    headers.remove(SERVED_BY.0);
    if upgraded {
        headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
        if let Some(protocol) = protocol {
            headers.insert(header::UPGRADE, protocol);
        }
    }
    let location = headers.get(header::LOCATION).and_then(|location| location.to_str().ok());
    if let Some(location) = location.and_then(|location| rewritten_location(location, of)) {
        headers.insert(header::LOCATION, location);
    }
}

/// Keeps caches between us and a visitor from answering others with what only this one may see (RFC 9111 section 5.2.2.7).
pub fn keep_private(headers: &mut HeaderMap) {
    let says = |name: &str| {
        let mut values = headers.get_all(header::CACHE_CONTROL).iter().flat_map(tokens);
        values.any(|token| token.eq_ignore_ascii_case(name))
    };
    if !says("private") && !says("no-store") {
        headers.append(header::CACHE_CONTROL, HeaderValue::from_static("private"));
    }
}

/// How long the local server says it keeps an idle connection, in whole seconds.
pub fn keep_alive_seconds(headers: &HeaderMap) -> Option<u64> {
    let mut parameters = tokens(headers.get(KEEP_ALIVE)?);
    parameters.find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("timeout").then(|| value.trim().parse().ok())?
    })
}

/// Whether two `host[:port]` name the same place for `scheme`.
pub(super) fn same_authority(scheme: &str, left: &str, right: &str) -> bool {
    let default = if scheme.eq_ignore_ascii_case("https") { ":443" } else { ":80" };
    let plain = |authority: &str| authority.strip_suffix(default).unwrap_or(authority).len();
    left[..plain(left)].eq_ignore_ascii_case(&right[..plain(right)])
}

/// The scheme and the authority of an origin or an absolute URL, and what follows them.
pub(super) fn split_url(url: &str) -> Option<(&str, &str, &str)> {
    let (scheme, rest) = url.split_once("://")?;
    let http = scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https");
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    http.then(|| (scheme, &rest[..end], &rest[end..]))
}

fn remove_hop_by_hop(headers: &mut HeaderMap) {
    if headers.contains_key(header::CONNECTION) {
        let named: Vec<HeaderName> = headers
            .get_all(header::CONNECTION)
            .iter()
            .flat_map(tokens)
            .filter(|token| !token.eq_ignore_ascii_case("keep-alive"))
            .filter(|token| !token.eq_ignore_ascii_case("close"))
            .filter_map(|token| token.parse().ok())
            .collect();
        headers.remove(header::CONNECTION);
        for name in named {
            headers.remove(name);
        }
    }
    for name in HOP_BY_HOP {
        headers.remove(name);
    }
}

/// The tunnel's own origin in the local server's words; nothing if it stays as it is.
fn rewritten_origin(headers: &HeaderMap, of: &Exchange<'_>) -> Option<HeaderValue> {
    let fixed = match (&of.options.origin, &of.options.host) {
        (OriginHeader::Unchanged, _) => return None,
        (OriginHeader::Fixed(origin), _) => Some(origin),
        (OriginHeader::AsHost, HostHeader::Unchanged) => return None,
        (OriginHeader::AsHost, HostHeader::Localhost | HostHeader::Fixed(_)) => None,
    };
    let origin = headers.get(header::ORIGIN)?.to_str().ok()?;
    let (scheme, authority, rest) = split_url(origin)?;
    // Scheme apart: whoever ends TLS before us shows us `http` where the visitor sees `https`.
    if !rest.is_empty() || !same_authority(scheme, authority, of.host.to_str().ok()?) {
        return None;
    }
    if let Some(fixed) = fixed {
        return Some(fixed.clone());
    }
    let host = match &of.options.host {
        HostHeader::Fixed(host) => host.to_str().ok()?,
        HostHeader::Localhost | HostHeader::Unchanged => "localhost",
    };
    HeaderValue::try_from(format!("{}://{host}", of.scheme)).ok()
}

/// A redirect to the local server's own address as the visitor can follow it.
fn rewritten_location(location: &str, of: &Exchange<'_>) -> Option<HeaderValue> {
    let (_, authority, rest) = split_url(location)?;
    if !is_local(authority, of) {
        return None;
    }
    let host = of.host.to_str().ok()?;
    HeaderValue::try_from(format!("{}://{host}{rest}", of.proto)).ok()
}

/// Whether the local server means itself by this: its loopback address with its port, or the name
/// that it was told. Another port is another server and stays.
fn is_local(authority: &str, of: &Exchange<'_>) -> bool {
    if let HostHeader::Fixed(told) = &of.options.host
        && told.to_str().is_ok_and(|told| same_authority(of.scheme, told, authority))
    {
        return true;
    }
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    };
    let loopback = ["localhost", "127.0.0.1", "[::1]"];
    if !loopback.iter().any(|name| host.eq_ignore_ascii_case(name)) {
        return false;
    }
    match port {
        Some(port) => port.parse() == Ok(of.port),
        // We told it `localhost` without a port, so it speaks of itself like that.
        None => matches!(of.options.host, HostHeader::Localhost) || of.port == 80,
    }
}

/// The members of a list.
pub(super) fn tokens(value: &HeaderValue) -> impl Iterator<Item = &str> {
    let text = value.to_str().unwrap_or_default();
    text.split(',').map(str::trim).filter(|token| !token.is_empty())
}

fn address(visitor: IpAddr) -> HeaderValue {
    let mut text = String::with_capacity(39);
    // A dual-stack listener shows IPv4 visitors as `::ffff:…`, which nobody wants to read.
    let written = write!(text, "{}", visitor.to_canonical());
    written.expect("writing to a string cannot fail");
    HeaderValue::try_from(text).expect("an address is visible ASCII")
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOST: &str = "shop-3000.relay.test";

    fn map(lines: &[(&str, &str)]) -> HeaderMap {
        let pair = |(name, value): &(&str, &str)| {
            let name: HeaderName = name.parse().unwrap();
            (name, HeaderValue::from_str(value).unwrap())
        };
        lines.iter().map(pair).collect()
    }

    fn lines(map: &HeaderMap) -> Vec<(&str, &str)> {
        let mut lines: Vec<_> =
            map.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
        lines.sort_unstable();
        lines
    }

    fn exchange<'a>(options: &'a Options, host: &'a HeaderValue) -> Exchange<'a> {
        let visitor = "203.0.113.7".parse().unwrap();
        Exchange { options, port: 3000, scheme: "http", host, proto: "https", visitor }
    }

    fn request(options: &Options, given: &[(&str, &str)]) -> HeaderMap {
        let host = HeaderValue::from_static(HOST);
        let mut headers = map(given);
        headers.insert(header::HOST, host.clone());
        let upgrade = upgrade(&headers);
        rewrite_request(&mut headers, upgrade, &exchange(options, &host));
        headers
    }

    fn response(options: &Options, upgraded: bool, given: &[(&str, &str)]) -> HeaderMap {
        let host = HeaderValue::from_static(HOST);
        let mut headers = map(given);
        rewrite_response(&mut headers, upgraded, &exchange(options, &host));
        headers
    }

    fn hosts(host: HostHeader) -> Options {
        Options { host, ..Options::default() }
    }

    fn origins(origin: OriginHeader) -> Options {
        Options { origin, ..Options::default() }
    }

    fn fixed(text: &'static str) -> HeaderValue {
        HeaderValue::from_static(text)
    }

    #[test]
    fn a_plain_request_is_told_where_it_came_from_and_nothing_else_changes() {
        let headers = request(&Options::default(), &[("accept", "*/*"), ("cookie", "a=b")]);
        assert_eq!(
            lines(&headers),
            [
                ("accept", "*/*"),
                ("cookie", "a=b"),
                ("host", "localhost"),
                ("x-forwarded-for", "203.0.113.7"),
                ("x-forwarded-host", HOST),
                ("x-forwarded-proto", "https"),
            ]
        );
    }

    #[test]
    fn what_the_visitor_claims_about_himself_is_overwritten() {
        let headers = request(
            &Options::default(),
            &[
                ("x-forwarded-for", "10.0.0.1"),
                ("x-forwarded-for", "10.0.0.2"),
                ("x-forwarded-proto", "ftp"),
                ("x-forwarded-host", "evil.test"),
                ("x-forwarded-port", "1"),
                ("x-real-ip", "10.0.0.3"),
                ("forwarded", "for=10.0.0.4"),
            ],
        );
        assert_eq!(
            lines(&headers),
            [
                ("host", "localhost"),
                ("x-forwarded-for", "203.0.113.7"),
                ("x-forwarded-host", HOST),
                ("x-forwarded-proto", "https"),
            ]
        );
    }

    #[test]
    fn the_edges_own_headers_go_no_further_but_authorization_does() {
        let headers = request(
            &Options::default(),
            &[
                ("x-tunnel-authorization", "tunnel secret"),
                ("x-tunnel-skip-antiphishing-page", "1"),
                ("authorization", "Bearer mine"),
            ],
        );
        assert!(!headers.contains_key("x-tunnel-authorization"));
        assert!(!headers.contains_key("x-tunnel-skip-antiphishing-page"));
        assert_eq!(headers["authorization"], "Bearer mine");
    }

    #[test]
    fn what_is_about_one_connection_does_not_travel() {
        let given = [
            ("connection", "keep-alive, X-Hop"),
            ("connection", "close, other-hop"),
            ("x-hop", "1"),
            ("other-hop", "1"),
            ("keep-alive", "timeout=5"),
            ("proxy-connection", "keep-alive"),
            ("transfer-encoding", "chunked"),
            ("te", "gzip"),
            ("upgrade", "websocket"),
            ("trailer", "digest"),
        ];
        let headers = request(&Options::default(), &given);
        let kept: Vec<_> = lines(&headers).into_iter().map(|(name, _)| name).collect();
        let forwarded = ["x-forwarded-for", "x-forwarded-host", "x-forwarded-proto"];
        assert_eq!(kept[..2], ["host", "trailer"]);
        assert_eq!(kept[2..], forwarded);
        let headers = response(&Options::default(), false, &given);
        assert_eq!(lines(&headers), [("trailer", "digest")]);
    }

    #[test]
    fn a_visitor_cannot_name_our_headers_as_hop_by_hop() {
        let named = "host, x-forwarded-for, x-forwarded-host, x-forwarded-proto";
        let headers = request(&Options::default(), &[("connection", named)]);
        assert_eq!(headers["host"], "localhost");
        assert_eq!(headers["x-forwarded-for"], "203.0.113.7");
    }

    #[test]
    fn the_wish_for_trailers_passes() {
        let headers =
            request(&Options::default(), &[("te", "gzip, Trailers;q=1"), ("te", "trailers")]);
        assert_eq!(headers["te"], "trailers");
        assert_eq!(headers["connection"], "te");
    }

    #[test]
    fn an_upgrade_keeps_what_it_needs() {
        let given = [("connection", "keep-alive, Upgrade"), ("upgrade", "websocket")];
        let headers = request(&Options::default(), &given);
        assert_eq!(headers["connection"], "upgrade");
        assert_eq!(headers["upgrade"], "websocket");
        let headers = response(&Options::default(), true, &given);
        assert_eq!(lines(&headers), [("connection", "upgrade"), ("upgrade", "websocket")]);
        assert!(lines(&response(&Options::default(), false, &given)).is_empty());
    }

    #[test]
    fn an_upgrade_to_http2_is_forwarded_as_the_request_that_it_is() {
        for protocol in ["h2c", "H2C, websocket", "HTTP/2.0"] {
            let given = [
                ("connection", "Upgrade, HTTP2-Settings"),
                ("upgrade", protocol),
                ("http2-settings", "AAMAAABk"),
            ];
            let headers = request(&Options::default(), &given);
            for name in ["connection", "upgrade", "http2-settings"] {
                assert!(!headers.contains_key(name), "{protocol}: {name}");
            }
        }
    }

    #[test]
    fn the_host_header_follows_the_option() {
        for (option, host) in [
            (HostHeader::Localhost, "localhost"),
            (HostHeader::Fixed(fixed("app.test:8080")), "app.test:8080"),
            (HostHeader::Unchanged, HOST),
        ] {
            assert_eq!(request(&hosts(option), &[])["host"], host);
        }
    }

    #[test]
    fn only_the_tunnels_own_origin_is_rewritten() {
        for (given, expected) in [
            ("https://shop-3000.relay.test", "http://localhost"),
            ("http://Shop-3000.relay.test", "http://localhost"),
            ("https://shop-3000.relay.test:443", "http://localhost"),
            ("https://shop-3000.relay.test:8443", "https://shop-3000.relay.test:8443"),
            ("https://shop-3001.relay.test", "https://shop-3001.relay.test"),
            ("https://elsewhere.test", "https://elsewhere.test"),
            ("null", "null"),
            ("https://shop-3000.relay.test/", "https://shop-3000.relay.test/"),
        ] {
            let headers = request(&Options::default(), &[("origin", given)]);
            assert_eq!(headers["origin"], expected, "{given}");
        }
        assert!(!request(&Options::default(), &[]).contains_key("origin"));
    }

    #[test]
    fn the_origin_follows_its_option_and_else_the_host() {
        let own = "https://shop-3000.relay.test";
        for (options, expected) in [
            (origins(OriginHeader::Fixed(fixed("http://app.test:1"))), "http://app.test:1"),
            (origins(OriginHeader::Unchanged), own),
            (hosts(HostHeader::Fixed(fixed("app.test:8080"))), "http://app.test:8080"),
            (hosts(HostHeader::Unchanged), own),
        ] {
            assert_eq!(request(&options, &[("origin", own)])["origin"], expected);
            let foreign = [("origin", "https://elsewhere.test")];
            assert_eq!(request(&options, &foreign)["origin"], "https://elsewhere.test");
        }
    }

    #[test]
    fn a_redirect_to_the_local_server_leads_back_to_the_tunnel() {
        let own = |rest: &str| format!("https://{HOST}{rest}");
        for (given, expected) in [
            ("http://localhost:3000/a?b#c", own("/a?b#c")),
            ("https://LOCALHOST:3000", own("")),
            ("http://localhost/login", own("/login")),
            ("http://localhost?x", own("?x")),
            ("http://127.0.0.1:3000/", own("/")),
            ("http://[::1]:3000/", own("/")),
            ("http://localhost:3001/", "http://localhost:3001/".into()),
            ("http://localhost.test/", "http://localhost.test/".into()),
            ("http://localhost@evil.test/", "http://localhost@evil.test/".into()),
            ("/relative", "/relative".into()),
            ("//localhost/x", "//localhost/x".into()),
            ("https://elsewhere.test/", "https://elsewhere.test/".into()),
            ("myapp://localhost/", "myapp://localhost/".into()),
        ] {
            let headers = response(&Options::default(), false, &[("location", given)]);
            assert_eq!(headers["location"], *expected, "{given}");
        }
    }

    #[test]
    fn a_server_that_was_told_another_name_redirects_by_that_name() {
        let options = hosts(HostHeader::Fixed(fixed("app.test")));
        let headers = response(&options, false, &[("location", "http://app.test/x")]);
        assert_eq!(headers["location"], format!("https://{HOST}/x"));
        let headers = response(&options, false, &[("location", "http://localhost/x")]);
        assert_eq!(headers["location"], "http://localhost/x");
        let unchanged = hosts(HostHeader::Unchanged);
        let headers = response(&unchanged, false, &[("location", "http://localhost:3000/x")]);
        assert_eq!(headers["location"], format!("https://{HOST}/x"));
    }

    #[test]
    fn the_local_servers_patience_is_read() {
        let seconds = |value: &str| keep_alive_seconds(&map(&[("keep-alive", value)]));
        assert_eq!(seconds("timeout=5"), Some(5));
        assert_eq!(seconds("max=100, Timeout = 72"), Some(72));
        assert_eq!(seconds("max=100"), None);
        assert_eq!(seconds("timeout=soon"), None);
        assert_eq!(keep_alive_seconds(&HeaderMap::new()), None);
    }
}
