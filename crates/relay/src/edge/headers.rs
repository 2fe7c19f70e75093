//! What changes in the header on its way to the local server and back.
//!
//! The local server is to believe that it is visited at `localhost`, as it usually is, and the
//! visitor that he visits the tunnel's host: names are translated in both directions. What other
//! intermediaries claim about the visitor is replaced by what this one knows, and what belongs to
//! one connection only does not travel (RFC 9110, section 7.6.1). Nothing else is touched.

mod names;
#[cfg(test)]
mod tests;

use std::fmt::Write as _;
use std::net::IpAddr;

use http::header::{self, HeaderMap, HeaderName, HeaderValue};

use self::names::{rewritten_location, rewritten_origin};
use super::options::{HostHeader, Options};
use super::pages::SERVED_BY;
use crate::sharing::cookie;

pub(super) use names::{same_authority, split_url};

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
