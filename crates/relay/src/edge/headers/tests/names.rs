//! Names that are translated: origins on the way in, redirects on the way out.

use super::*;

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
