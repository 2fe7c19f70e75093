//! What becomes of a header, in both directions.

mod names;

use super::*;
use crate::edge::options::OriginHeader;

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
    let headers = request(&Options::default(), &[("te", "gzip, Trailers;q=1"), ("te", "trailers")]);
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
fn the_local_servers_patience_is_read() {
    let seconds = |value: &str| keep_alive_seconds(&map(&[("keep-alive", value)]));
    assert_eq!(seconds("timeout=5"), Some(5));
    assert_eq!(seconds("max=100, Timeout = 72"), Some(72));
    assert_eq!(seconds("max=100"), None);
    assert_eq!(seconds("timeout=soon"), None);
    assert_eq!(keep_alive_seconds(&HeaderMap::new()), None);
}
