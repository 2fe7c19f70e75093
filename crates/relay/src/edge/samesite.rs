//! What a browser may be made to ask with the cookie of somebody who came by a link.
//!
//! All tunnels of a relay are the same site to a browser, so `SameSite` keeps none of them from sending
//! requests to another that carry its visitor's cookie. What a page of another origin may do is what
//! a link may do: lead there. Programs other than browsers send none of these headers, and act for
//! nobody but themselves.

use http::request::Parts;
use http::{HeaderName, HeaderValue, Method, header};

use super::headers::{same_authority, split_url};

const SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
const DESTINATION: HeaderName = HeaderName::from_static("sec-fetch-dest");

/// Whether a request was made by a page of `host` itself, or leads a person there.
pub(super) fn is_own(request: &Parts, host: &HeaderValue, secure: bool) -> bool {
    let host = host.to_str().unwrap_or_default();
    let scheme = if secure { "https" } else { "http" };
    // A page that sends no referrer sends no origin of its own either (Fetch, "append a request `Origin` header"), and
    // its browser still says whose it is.
    let is_vouched_for = says(request, SITE, "same-origin");
    let is_own = |origin: &HeaderValue| {
        is_origin_of(origin, scheme, host) || (is_vouched_for && origin == "null")
    };
    if !request.headers.get_all(header::ORIGIN).iter().all(is_own) {
        return false;
    }
    let mut sites = request.headers.get_all(SITE).iter();
    sites.all(|site| site == "same-origin" || site == "none") || is_visit(request)
}

/// Whether a header says this, once.
fn says(request: &Parts, name: HeaderName, value: &str) -> bool {
    let mut values = request.headers.get_all(name).iter();
    values.next().is_some_and(|it| it == value) && values.next().is_none()
}

/// Whether a person goes there, in a whole window, without sending anything.
fn is_visit(request: &Parts) -> bool {
    matches!(request.method, Method::GET | Method::HEAD)
        && says(request, MODE, "navigate")
        && says(request, DESTINATION, "document")
}

/// Whether an `Origin` is this. What is no origin, as `null`, is none.
fn is_origin_of(origin: &HeaderValue, scheme: &str, host: &str) -> bool {
    let origin = origin.to_str().ok().and_then(split_url);
    origin.is_some_and(|(own, authority, rest)| {
        rest.is_empty()
            && own.eq_ignore_ascii_case(scheme)
            && same_authority(scheme, authority, host)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOST: &str = "shop-3000.relay.test";

    fn own_on(host: &'static str, secure: bool, method: &str, lines: &[(&str, &str)]) -> bool {
        let mut request = http::Request::builder().method(method).uri("/");
        for (name, value) in lines {
            request = request.header(*name, *value);
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        is_own(&parts, &HeaderValue::from_static(host), secure)
    }

    fn own(method: &str, lines: &[(&str, &str)]) -> bool {
        own_on(HOST, true, method, lines)
    }

    fn fetch<'a>(site: &'a str, mode: &'a str, dest: &'a str) -> [(&'static str, &'a str); 3] {
        [("sec-fetch-site", site), ("sec-fetch-mode", mode), ("sec-fetch-dest", dest)]
    }

    #[test]
    fn programs_and_the_page_itself_may_do_anything() {
        for method in ["GET", "POST", "DELETE", "PUT"] {
            assert!(own(method, &[]));
            assert!(own(method, &fetch("same-origin", "cors", "empty")));
            assert!(own(method, &fetch("none", "navigate", "document")));
        }
        assert!(own("GET", &fetch("same-origin", "navigate", "iframe")));
        assert!(own("GET", &fetch("same-origin", "websocket", "websocket")));
    }

    #[test]
    fn another_page_may_only_lead_there() {
        for site in ["same-site", "cross-site", "something-new", ""] {
            assert!(own("GET", &fetch(site, "navigate", "document")), "{site}");
            assert!(own("HEAD", &fetch(site, "navigate", "document")), "{site}");
            for (method, mode, dest) in [
                ("POST", "navigate", "document"),
                ("GET", "navigate", "iframe"),
                ("GET", "navigate", "embed"),
                ("GET", "no-cors", "image"),
                ("GET", "no-cors", "script"),
                ("GET", "cors", "empty"),
                ("GET", "websocket", "websocket"),
                ("GET", "navigate", ""),
                ("DELETE", "cors", "empty"),
            ] {
                assert!(!own(method, &fetch(site, mode, dest)), "{site} {method} {mode} {dest}");
            }
            assert!(!own("GET", &[("sec-fetch-site", site)]), "{site}");
        }
    }

    #[test]
    fn what_is_said_twice_is_believed_only_where_both_are_right() {
        let mut lines = fetch("same-origin", "cors", "empty").to_vec();
        lines.push(("sec-fetch-site", "cross-site"));
        assert!(!own("GET", &lines));
        let mut lines = fetch("cross-site", "navigate", "document").to_vec();
        lines.push(("sec-fetch-mode", "cors"));
        assert!(!own("GET", &lines));
        let origin = ("origin", "https://shop-3000.relay.test");
        assert!(!own("GET", &[origin, ("origin", "https://evil.test")]));
    }

    #[test]
    fn an_origin_has_to_be_this_host_s_own() {
        for origin in [
            "https://shop-3000.relay.test",
            "HTTPS://SHOP-3000.relay.test",
            "https://shop-3000.relay.test:443",
        ] {
            assert!(own("POST", &[("origin", origin)]), "{origin}");
        }
        for origin in [
            "null",
            "",
            "http://shop-3000.relay.test",
            "https://shop-3000.relay.test:444",
            "https://shop-3001.relay.test",
            "https://other-3000.relay.test",
            "https://relay.test",
            "https://shop-3000.relay.test.evil.test",
            "https://shop-3000.relay.test/",
            "shop-3000.relay.test",
        ] {
            assert!(!own("POST", &[("origin", origin)]), "{origin}");
            let mut lines = fetch("same-origin", "cors", "empty").to_vec();
            lines.push(("origin", origin));
            assert_eq!(own("GET", &lines), origin == "null", "{origin}");
        }
    }

    #[test]
    fn a_page_that_keeps_its_origin_to_itself_is_believed_with_its_browser() {
        let of = |sites: &[&'static str]| {
            let mut lines = vec![("origin", "null")];
            lines.extend(sites.iter().map(|site| ("sec-fetch-site", *site)));
            own("POST", &lines)
        };
        assert!(of(&["same-origin"]));
        for sites in [&[][..], &["none"], &["same-site"], &["cross-site"], &["same-origin"; 2]] {
            assert!(!of(sites), "{sites:?}");
        }
    }

    #[test]
    fn the_port_of_a_development_relay_is_part_of_its_origin() {
        let of = |origin| own_on("a-1.localhost:8443", false, "POST", &[("origin", origin)]);
        assert!(of("http://a-1.localhost:8443"));
        assert!(!of("http://a-1.localhost") && !of("http://a-2.localhost:8443"));
        assert!(!of("https://a-1.localhost:8443") && !of("http://a-1.localhost:8444"));
    }
}
