//! Names in a header, translated: the tunnel's own origin for the local server, and its redirects for the visitor.

use http::header::{self, HeaderMap, HeaderValue};

use super::Exchange;
use crate::edge::options::{HostHeader, OriginHeader};

/// The tunnel's own origin in the local server's words; nothing if it stays as it is.
pub(super) fn rewritten_origin(headers: &HeaderMap, of: &Exchange<'_>) -> Option<HeaderValue> {
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
pub(super) fn rewritten_location(location: &str, of: &Exchange<'_>) -> Option<HeaderValue> {
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

/// Whether two `host[:port]` name the same place for `scheme`.
pub(in crate::edge) fn same_authority(scheme: &str, left: &str, right: &str) -> bool {
    let default = if scheme.eq_ignore_ascii_case("https") { ":443" } else { ":80" };
    let plain = |authority: &str| authority.strip_suffix(default).unwrap_or(authority).len();
    left[..plain(left)].eq_ignore_ascii_case(&right[..plain(right)])
}

/// The scheme and the authority of an origin or an absolute URL, and what follows them.
pub(in crate::edge) fn split_url(url: &str) -> Option<(&str, &str, &str)> {
    let (scheme, rest) = url.split_once("://")?;
    let http = scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https");
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    http.then(|| (scheme, &rest[..end], &rest[end..]))
}
