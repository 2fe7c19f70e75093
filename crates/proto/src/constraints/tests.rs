//! What is accepted, and what is said about the rest.

use serde_json::{Value, json};

use super::*;
use crate::contracts::{Tunnel, TunnelEndpoint, TunnelEvent};

/// A check by name, texts that it accepts, and texts that it refuses.
type Case = (&'static str, fn(&str) -> Check, Vec<String>, Vec<String>);

/// Texts at and beyond each border of each check.
#[test]
fn every_text_is_accepted_up_to_its_borders_and_refused_beyond() {
    let x = |count: usize| "x".repeat(count);
    let cases: [Case; 17] = [
        (
            "tunnel id",
            tunnel_id,
            texts(&["abc", "a-b", "0-9", "bcdfghjk", "neat-lake-4k9x2bd", "a--b", &x(49)]),
            texts(&["", "ab", "-ab", "ab-", "aBc", "a_b", "a b", "a.b", "äbc", "abc\n", &x(50)]),
        ),
        (
            "new tunnel id",
            new_tunnel_id,
            texts(&["abc", "bcdfghj", "bcdfghjka", "bcdfghj-k", "abcdfghj", "bcdfghjy", "apis"]),
            texts(&["", "bcdfghjk", "01234567", "api", "www", "cp", "ab"]),
        ),
        (
            "cluster id",
            cluster_id,
            texts(&["loc1", "usw2", "euw", "asse", "aue", "brs", "use", "abcd123", "abc0"]),
            texts(&[
                "", "ab1", "abc", "abcde1", "abc1234", "1abc", "Loc1", "loc1 ", "lo-1", "usee",
            ]),
        ),
        (
            "tunnel name",
            tunnel_name,
            texts(&["", "my-name", "abc", "inspect", "a-inspector", &x(49)]),
            texts(&["ab", "api", "cp", "www", "bcdfghjk", "a-inspect", "My", "a.b", "-ab", &x(50)]),
        ),
        (
            "port name",
            port_name,
            texts(&["", "web", "a-inspect", "bcdfghjk"]),
            texts(&["w", "web-", "We b"]),
        ),
        (
            "label",
            label,
            texts(&["a", "a-b=c_D9", "Öl", "日本", &x(50)]),
            texts(&["", "a b", "a,b", "a.b", "a\n", &x(51)]),
        ),
        ("description", description, texts(&["", "Any: text!\n", &"ü".repeat(400)]), vec![x(401)]),
        (
            "domain",
            domain,
            texts(&["", "a.bc", "example.com", &x(160)]),
            texts(&["a.b", ".abc", "abc.", "Abcd", "a_bc", "-abc", &x(161)]),
        ),
        ("ssh user", ssh_user, texts(&["", "root", &x(60)]), vec![x(61)]),
        (
            "header",
            header_value,
            texts(&["", "localhost", "http://localhost:3000", "[::1]:80", &x(300)]),
            texts(&["a\r\nX: y", "a\n", "a b", "a\t", "a\0", "ä", &x(301)]),
        ),
        (
            "subject",
            subject,
            texts(&["", "a@b.c", "192.0.2.0/24", "A-Z_:/", &x(200)]),
            texts(&["a b", "a,b", "ä", "<a>", &x(201)]),
        ),
        ("user id", user_id, texts(&["a", "a@b.c", &x(200)]), texts(&["", "a b", &x(201)])),
        (
            "subject name",
            subject_name,
            texts(&["", "Zoë O'Neil (x) <z@e.org>, \"Z\": a/b", &x(200)]),
            texts(&["a;b", "a\n", "a&b", &x(201)]),
        ),
        (
            "endpoint id",
            endpoint_id,
            texts(&["a0b46dd1-21ff-40a6-94f6-9c73d638968e-relay", "a", &x(200)]),
            texts(&["", "a/b", "a b", "a?b", &x(201)]),
        ),
        (
            "event",
            event_name,
            texts(&["host_connection_status", "abc", "a_1", &x(80)]),
            texts(&["ab", "a-b", "Abc", "a b", &x(81)]),
        ),
        (
            "event property",
            event_property_name,
            texts(&["ConnectionStatus", "a.b_1", &x(200)]),
            texts(&["ab", "a-b", "a b", &x(201)]),
        ),
        ("event text", event_text, texts(&["", "Any: text!\n", &x(4000)]), vec![x(4001)]),
    ];
    for (what, check, accepted, refused) in cases {
        for text in accepted {
            assert_eq!(check(&text), Ok(()), "{what} {text:?}");
        }
        for text in refused {
            assert!(check(&text).is_err(), "{what} {text:?}");
        }
    }
}

fn texts(list: &[&str]) -> Vec<String> {
    list.iter().map(|text| text.to_string()).collect()
}

#[test]
fn a_port_number_in_a_path_is_plain_digits() {
    assert_eq!(parse_port_number("1"), Ok(1));
    assert_eq!(parse_port_number("65535"), Ok(65535));
    for wrong in ["", "0", "080", "+80", "-1", "65536", "80 ", "8o", "99999999999999999999", "٨"] {
        assert!(parse_port_number(wrong).is_err(), "{wrong:?}");
    }
}

#[test]
fn a_tunnel_may_stay_from_an_hour_to_a_month() {
    for (seconds, fine) in
        [(0, false), (3599, false), (3600, true), (2_592_000, true), (2_592_001, false)]
    {
        assert_eq!(custom_expiration(seconds).is_ok(), fine, "{seconds}");
    }
}

#[test]
fn a_violation_says_what_is_wrong_and_what_is_allowed() {
    let message = |check: Check| check.unwrap_err().to_string();
    for (said, expected) in [
        (message(tunnel_id("ab")), "must have 3 to 49 characters, and has 2"),
        (
            message(tunnel_id("my tunnel")),
            "must consist of lower-case letters, digits and hyphens; character 3 is ' '",
        ),
        (
            message(tunnel_id("fox-")),
            "must start and end with a lower-case letter or a digit; character 4 is '-'",
        ),
        (
            message(cluster_id("abc")),
            "must be three or four lower-case letters and one to three digits, such as loc1",
        ),
        (message(tunnel_name("www")), "must not be one of api, cp, www, which the relay needs"),
        (message(description(&"x".repeat(401))), "must have at most 400 characters, and has 401"),
        (message(custom_expiration(1)), "must be from 3600 to 2592000"),
        (message(port_number(0)), "must be from 1 to 65535"),
        (
            message(header_value("a\r\nb")),
            r"must consist of visible ASCII characters; character 2 is '\r'",
        ),
    ] {
        assert_eq!(said, expected);
    }
}

fn errors<T: serde::de::DeserializeOwned>(check: fn(&T) -> Errors, body: Value) -> Vec<String> {
    let body = serde_json::from_value(body).unwrap();
    check(&body).into_iter().map(|(member, list)| format!("{member} {}", list.join("; "))).collect()
}

#[test]
fn the_requests_of_the_typescript_sdk_are_accepted() {
    let tunnel = json!({
        "tunnelId": "majestic-lake-2nbj2tj", "name": "my-name", "description": "d",
        "labels": ["a", "b"],
        "accessControl": {"entries": [
            {"type": "Anonymous", "subjects": [], "scopes": ["connect"]}
        ]},
        "ports": [{"portNumber": 9710, "protocol": "http"}]
    });
    assert_eq!(errors(check_new_tunnel, tunnel.clone()), [""; 0]);
    assert_eq!(errors(check_tunnel, tunnel), [""; 0]);
    let endpoint = json!({
        "id": "a0b46dd1-21ff-40a6-94f6-9c73d638968e-relay",
        "hostId": "d420d5cc-eb66-4d60-b080-4443959a5d37",
        "hostPublicKeys": ["AAAAE2VjZHNhLXNoYTItbmlzdHAzODQ="], "connectionMode": "TunnelRelay"
    });
    assert_eq!(errors(check_endpoint, endpoint), [""; 0]);
    assert_eq!(
        errors(check_port, json!({"portNumber": 9711, "protocol": "auto", "sshUser": null})),
        [""; 0]
    );
    let events = json!([{
        "name": "host_connection_status", "severity": "info",
        "properties": {"ConnectionStatus": "connected", "connectingDuration": "00:00:00.088"},
        "timestamp": "2026-11-23T16:32:46.276Z"
    }]);
    assert_eq!(errors(|events: &Vec<TunnelEvent>| check_events(events), events), [""; 0]);
}

#[test]
fn an_update_may_leave_out_everything() {
    assert_eq!(errors(check_tunnel, json!({})), [""; 0]);
    assert_eq!(errors(check_port, json!({})), [""; 0]);
    let cleared = json!({"name": "", "description": "", "labels": [], "ports": [], "domain": ""});
    assert_eq!(errors(check_tunnel, cleared), [""; 0]);
}

#[test]
fn a_tunnel_of_old_can_be_changed_but_none_can_be_made() {
    let old = json!({"tunnelId": "bcdfghjk"});
    assert_eq!(errors(check_tunnel, old.clone()), [""; 0]);
    assert!(errors(check_new_tunnel, old)[0].starts_with("tunnelId must be something else than"));
}

#[test]
fn every_wrong_member_is_named_with_its_path() {
    let body = json!({
        "tunnelId": "Fox", "name": "a b c", "labels": ["fine", "not fine"], "customExpiration": 60,
        "options": {"hostHeader": "a\nb"},
        "accessControl": {"entries": [
            {"type": "Anonymous", "subjects": [], "scopes": ["connect"]},
            {"type": "Users", "subjects": ["a b"], "scopes": ["connect", "create"]}
        ]},
        "ports": [
            {"portNumber": 80, "protocol": "quic"},
            {"portNumber": 80, "name": "w"},
            {"protocol": "udp", "options": {"originHeader": "a b"}}
        ],
        "endpoints": [{"hostId": "", "connectionMode": "LocalNetwork"}]
    });
    let members: Vec<String> = check_new_tunnel(&serde_json::from_value(body).unwrap())
        .into_iter()
        .map(|(member, messages)| format!("{member} {}", messages.len()))
        .collect();
    assert_eq!(
        members,
        [
            "accessControl.entries[1].scopes[1] 1",
            "accessControl.entries[1].subjects[0] 1",
            "customExpiration 1",
            "endpoints[0].connectionMode 1",
            "endpoints[0].hostId 1",
            "labels[1] 1",
            "name 1",
            "options.hostHeader 1",
            "ports[0].protocol 1",
            "ports[1].name 1",
            "ports[1].portNumber 1",
            "ports[2].options.originHeader 1",
            "ports[2].portNumber 1",
            "ports[2].protocol 1",
            "tunnelId 1",
        ]
    );
}

#[test]
fn an_entry_that_the_relay_cannot_evaluate_is_refused_rather_than_kept_without_effect() {
    let entry = |entry: Value| errors(check_access_control, json!({"entries": [entry]}));
    assert_eq!(
        entry(json!({"type": "Organizations", "subjects": ["o"], "scopes": ["connect"]})),
        ["entries[0].type must be one of Anonymous, Users, Groups"]
    );
    assert_eq!(
        entry(
            json!({"type": "Users", "provider": "github", "subjects": ["a"], "scopes": ["host"]})
        ),
        ["entries[0].provider must be absent: this relay knows its own users and groups only"]
    );
    assert_eq!(
        entry(json!({"type": "Anonymous", "subjects": ["a"], "scopes": []})),
        [
            "entries[0].scopes must be a list of at least one scope",
            "entries[0].subjects must be empty, as everybody is meant"
        ]
    );
    assert_eq!(
        entry(json!({"type": "Anonymous", "scopes": ["create"]})),
        ["entries[0].scopes[0] must be one of manage, manage:ports, host, inspect, connect"]
    );
}

#[test]
fn a_port_may_send_back_what_it_inherited() {
    let inherited = json!({"type": "Repositories", "isInherited": true, "scopes": ["odd"]});
    let body = json!({"portNumber": 80, "accessControl": {"entries": [inherited]}});
    assert_eq!(errors(check_port, body), [""; 0]);
}

#[test]
fn lists_are_counted_and_not_searched_beyond_their_limit() {
    let many = |count: usize, each: Value| Value::from(vec![each; count]);
    let wrong = |count| json!({"labels": many(count, json!("not fine"))});
    assert_eq!(errors(check_tunnel, wrong(100)).len(), 100);
    let said = errors(check_tunnel, wrong(100_000));
    assert_eq!(said.len(), 101);
    assert_eq!(said[0], "labels must have at most 100 elements, and has 100000");

    let entry = json!({"type": "Anonymous", "scopes": ["connect"]});
    let access = |count| json!({"entries": many(count, entry.clone())});
    assert_eq!(errors(check_access_control, access(40)), [""; 0]);
    assert_eq!(errors(check_access_control, access(41)).len(), 1);

    let entry = |subjects, scopes| {
        let (subjects, scopes) = (many(subjects, json!("a")), many(scopes, json!("host")));
        json!({"entries": [{"type": "Users", "subjects": subjects, "scopes": scopes}]})
    };
    assert_eq!(errors(check_access_control, entry(100, 10)), [""; 0]);
    assert_eq!(errors(check_access_control, entry(101, 11)).len(), 2);

    let ports = |count| {
        let ports = (1..=count).map(|number| json!({"portNumber": number}));
        json!({"ports": ports.collect::<Vec<_>>()})
    };
    assert_eq!(errors(check_tunnel, ports(1000)), [""; 0]);
    assert_eq!(
        errors(check_tunnel, ports(1001)),
        ["ports must have at most 1000 elements, and has 1001"]
    );
    let twice = json!({"ports": many(50_000, json!({"portNumber": 1}))});
    assert_eq!(errors(check_tunnel, twice).len(), 1000);
}

#[test]
fn a_host_key_is_base64_and_an_endpoint_needs_a_host() {
    let endpoint = |endpoint: Value| errors::<TunnelEndpoint>(check_endpoint, endpoint);
    assert_eq!(
        endpoint(json!({"hostId": "h", "hostPublicKeys": ["AA=", "AA==", ""]})),
        [
            "hostPublicKeys[0] must be padded standard base64",
            "hostPublicKeys[2] must have 1 to 4000 characters, and has 0"
        ]
    );
    assert_eq!(endpoint(json!({})), ["hostId must have 1 to 200 characters, and has 0"]);
    let keys = vec!["AA=="; 11];
    assert_eq!(endpoint(json!({"hostId": "h", "hostPublicKeys": keys})).len(), 1);
}

#[test]
fn events_are_checked_one_by_one() {
    let events = |events: Value| errors(|events: &Vec<TunnelEvent>| check_events(events), events);
    let said = events(json!([
        {"name": "fine_event"},
        {"name": "Bad", "severity": "fatal", "details": "x".repeat(4001),
            "properties": {"no": "", "long": "x".repeat(4001), "a b\r\nc": "x"}}
    ]));
    assert_eq!(
        said,
        [
            "[1].details must have at most 4000 characters, and has 4001",
            "[1].name must consist of lower-case letters, digits and underscores; character 1 is 'B'",
            "[1].properties must consist of letters, digits, underscores and dots; \
             character 2 is ' '; must have 3 to 200 characters, and has 2",
            "[1].properties.long must have at most 4000 characters, and has 4001",
            "[1].severity must be one of info, warning, error",
        ]
    );
}

#[test]
fn what_is_accepted_can_stand_in_a_host_name_and_in_a_path() {
    let longest: Tunnel =
        serde_json::from_value(json!({"tunnelId": "x".repeat(49), "name": "y".repeat(49)}))
            .unwrap();
    assert!(check_new_tunnel(&longest).is_empty());
    // A label of a host name has at most 63 characters (RFC 1035), and the longest form is this.
    assert!(format!("{}-65535-inspect", longest.tunnel_id.unwrap()).len() <= 63);
}
