//! A private tunnel, and the link that opens it.

use serde_json::Value;

use crate::support::{Local, Relay, Sandbox, get, split};

/// A header of an answer.
fn header<'a>(answer: &'a str, name: &str) -> &'a str {
    let named =
        |line: &'a str| line.split_once(": ").filter(|(it, _)| it.eq_ignore_ascii_case(name));
    answer.lines().find_map(named).unwrap_or_else(|| panic!("no {name}: {answer}")).1
}

/// GETs a whole URL of names below `localhost`, perhaps with a cookie.
fn browse(url: &str, cookie: &str) -> String {
    let rest = url.strip_prefix("http://").unwrap();
    let (authority, path) = rest.split_at(rest.find('/').unwrap());
    let (addr, host) = split(&format!("http://{authority}/"));
    let host = if cookie.is_empty() { host } else { format!("{host}\r\ncookie: {cookie}") };
    get(addr, &host, path)
}

#[test]
fn a_private_tunnel_is_opened_by_a_link_until_that_is_revoked() {
    let relay = Relay::with("domain = 'localhost'\n");
    let (local, ann) = (Local::start(), relay.user("ann"));
    let port = local.port.to_string();
    let mut up = ann.start(&["up", &port, "--name", "shop", "--json"]);
    up.event("ready");
    let made = ann.run(&["share", "shop", "--port", &port, "--for", "2h", "--json"]);
    let made: Value = made.ended_with(0).json();
    let (url, id) = (made["url"].as_str().unwrap(), made["linkId"].as_str().unwrap());
    assert!(url.contains("://cp.localhost:") && made["expiration"].is_string(), "{made}");

    let led = browse(url, "");
    let entered = browse(header(&led, "location"), "");
    let cookie = header(&entered, "set-cookie").split(';').next().unwrap();
    let (entrance, _) = header(&led, "location").split_once("/.adit").unwrap();
    let page = format!("{entrance}/hello");
    assert!(browse(&page, "").starts_with("HTTP/1.1 401"));
    assert!(browse(&page, cookie).ends_with("you asked for /hello"));

    let list = ann.run(&["share", "shop", "--list"]).ended_with(0).out;
    assert!(list.starts_with(id) && list.contains(&format!("port {port} until")), "{list}");
    assert!(!list.contains("/go/"), "{list}");
    let revoked = ann.run(&["share", "shop", "--revoke", id, "--json"]).ended_with(0);
    assert_eq!(revoked.json()["revoked"][0], id);
    assert!(browse(&page, cookie).starts_with("HTTP/1.1 401"));
    assert!(browse(url, "").starts_with("HTTP/1.1 404"));
    ann.run(&["share", "shop", "--revoke", id]).ended_with(2);
    assert_eq!(ann.run(&["share", "shop", "--list"]).ended_with(0).out, "No links.\n");

    let shown = ann.run(&["share", "shop"]).ended_with(0);
    assert!(shown.out.contains("/go/") && shown.out.lines().count() == 1, "{shown:?}");
    assert!(shown.err.contains("all ports") && !shown.err.contains("/go/"), "{shown:?}");
    let revoked = ann.run(&["share", "shop", "--revoke", "all"]).ended_with(0);
    assert!(revoked.out.starts_with("Revoked: "), "{revoked:?}");
    assert_eq!(up.interrupted().0.code(), Some(0));
}

#[test]
fn where_there_are_no_links_it_says_what_there_is() {
    let sandbox = Sandbox::new();
    let here = sandbox.run(&["share", "shop", "--on", "here"]).ended_with(64);
    assert!(here.err.contains("--lan --anonymous"), "{here:?}");
    let microsoft = sandbox.run(&["share", "shop", "--on", "microsoft"]).ended_with(64);
    assert!(microsoft.err.contains("devtunnel access create"), "{microsoft:?}");
    let relay = Relay::start();
    let ann = relay.user("ann");
    ann.run(&["create", "shop"]).ended_with(0);
    let refused = ann.run(&["share", "shop", "--json"]);
    assert_ne!(refused.code, Some(0));
    assert!(refused.error()["message"].as_str().unwrap().contains("domain"), "{refused:?}");
}
