//! What peers write is read, and what we write they can read.

use serde_json::{Value, json};

use super::*;
use crate::access::Scope;

fn written<T: serde::Serialize>(value: &T) -> Value {
    serde_json::to_value(value).unwrap()
}

fn read<T: serde::de::DeserializeOwned>(value: Value) -> T {
    serde_json::from_str(&value.to_string()).unwrap()
}

fn read_error<T: serde::de::DeserializeOwned + std::fmt::Debug>(value: Value) -> String {
    serde_json::from_str::<T>(&value.to_string()).unwrap_err().to_string()
}

#[test]
fn the_create_request_of_the_typescript_sdk_comes_back_as_it_was_sent() {
    let sent = json!({
        "tunnelId": "majestic-lake-2nbj2tj", "name": "my-name", "description": "d",
        "labels": ["a", "b"],
        "accessControl": {"entries": [
            {"type": "Anonymous", "subjects": [], "scopes": ["connect"]}
        ]},
        "ports": [{"portNumber": 9710, "protocol": "http"}]
    });
    let tunnel: Tunnel = read(sent.clone());
    assert_eq!(tunnel.port(9710).unwrap().protocol, Some(Protocol::Http));
    assert_eq!(written(&tunnel), sent);
}

#[test]
fn an_empty_tunnel_says_nothing_at_all() {
    assert_eq!(written(&Tunnel::default()), json!({}));
    assert_eq!(written(&TunnelPort::default()), json!({}));
    assert_eq!(written(&TunnelStatus::default()), json!({}));
    assert_eq!(written(&TunnelOptions::default()), json!({}));
}

/// Every member of every contract that the service or a client may write.
fn full() -> Value {
    let rate = json!({"current": 1, "limit": 2, "limitSource": "plan", "periodSeconds": 60,
        "resetTime": 1_790_000_000});
    let count = json!({"current": 1, "limit": 2, "limitSource": "plan"});
    let time = "2026-11-23T16:32:46.153Z";
    let options = json!({
        "isGloballyAvailable": true, "hostHeader": "localhost", "isHostHeaderUnchanged": false,
        "originHeader": "http://localhost", "isOriginHeaderUnchanged": true,
        "isInspectionEnabled": false, "isCrossSiteAuthenticationEnabled": true,
        "isPartitionedSiteAuthenticationEnabled": false,
        "isBearerTokenAuthenticationEnabled": true, "requestTimeoutSeconds": 0
    });
    let access = json!({"entries": [{
        "type": "Users", "provider": "github", "isInherited": true, "isDeny": true,
        "isInverse": true, "organization": "o", "subjects": ["alice"], "scopes": ["connect"],
        "expiration": time
    }]});
    json!({
        "clusterId": "loc1", "tunnelId": "neat-lake-4k9x2bd", "name": "n", "description": "d",
        "labels": ["l"], "domain": "example.com",
        "accessTokens": {"host": "secret-1", "host connect": "secret-2"},
        "accessControl": access, "options": options,
        "status": {
            "portCount": count, "hostConnectionCount": count, "lastHostConnectionTime": time,
            "clientConnectionCount": count, "lastClientConnectionTime": time,
            "clientConnectionRate": rate, "uploadRate": rate, "downloadRate": rate,
            "uploadTotal": 5_000_000_000u64, "downloadTotal": 6, "apiReadRate": rate,
            "apiUpdateRate": rate
        },
        "endpoints": [{
            "id": "e-relay", "connectionMode": "TunnelRelay", "hostId": "h",
            "hostPublicKeys": ["AAAA"], "hostRelayUri": "wss://r/h", "clientRelayUri": "wss://r/c",
            "portUriFormat": "https://t-{port}.r/", "tunnelUri": "https://t.r/",
            "portSshCommandFormat": "ssh {port}", "tunnelSshCommand": "ssh",
            "sshGatewayPublicKey": "BBBB", "hostEndpoints": ["192.0.2.1:22"]
        }],
        "ports": [{
            "clusterId": "loc1", "tunnelId": "neat-lake-4k9x2bd", "portNumber": 8080, "name": "web",
            "description": "d", "labels": ["l"], "protocol": "https", "isDefault": true,
            "accessTokens": {"connect": "secret-3"}, "accessControl": access, "options": options,
            "status": {
                "clientConnectionCount": count, "lastClientConnectionTime": time,
                "clientConnectionRate": rate, "httpRequestRate": rate
            },
            "sshUser": "u", "portForwardingUris": ["https://t-8080.r/"],
            "inspectionUri": "https://t-8080-inspect.r/"
        }],
        "created": time, "expiration": time, "customExpiration": 3600
    })
}

#[test]
fn a_tunnel_with_every_member_comes_back_as_it_was_sent() {
    let tunnel: Tunnel = read(full());
    assert_eq!(written(&tunnel), full());
}

/// Calls `check` with `full()`, one member anywhere in it replaced by `null` or by an unknown member at a time.
fn with_each_member(
    replace: impl Fn(&mut serde_json::Map<String, Value>, &str),
    check: impl Fn(Value),
) {
    fn paths(value: &Value, here: &str, found: &mut Vec<(String, String)>) {
        match value {
            Value::Object(members) => {
                for (name, value) in members {
                    found.push((here.to_owned(), name.clone()));
                    paths(value, &format!("{here}/{name}"), found);
                }
            }
            Value::Array(list) => {
                for (index, value) in list.iter().enumerate() {
                    paths(value, &format!("{here}/{index}"), found);
                }
            }
            _ => {}
        }
    }
    let mut members = Vec::new();
    paths(&full(), "", &mut members);
    assert!(members.len() > 100);
    for (object, name) in members {
        let mut changed = full();
        let object = changed.pointer_mut(&object).unwrap().as_object_mut().unwrap();
        replace(object, &name);
        check(changed);
    }
}

#[test]
fn null_means_absent_for_every_member() {
    with_each_member(
        |object, name| {
            object.insert(name.to_owned(), Value::Null);
        },
        |changed| {
            let text = changed.to_string();
            let tunnel: Tunnel = serde_json::from_str(&text).expect(&text);
            assert!(!written(&tunnel).to_string().contains("null"));
        },
    );
}

#[test]
fn a_member_set_to_null_reads_as_the_same_tunnel_without_it() {
    let mut absent = full();
    let mut null = full();
    for name in ["ports", "labels", "accessControl", "options", "status", "customExpiration"] {
        absent.as_object_mut().unwrap().remove(name);
        null[name] = Value::Null;
    }
    assert_eq!(read::<Tunnel>(absent), read::<Tunnel>(null));
}

#[test]
fn unknown_members_are_ignored_everywhere() {
    with_each_member(
        |object, _| {
            // In these two, the names are the sender's own and every value is text.
            if !object.contains_key("host") && !object.contains_key("connect") {
                object.insert("brandNew".to_owned(), json!({"deep": [1, null]}));
            }
        },
        |changed| assert_eq!(written(&read::<Tunnel>(changed)), full()),
    );
}

#[test]
fn absent_ports_differ_from_no_ports() {
    assert_eq!(read::<Tunnel>(json!({})).ports, None);
    assert_eq!(read::<Tunnel>(json!({"ports": null})).ports, None);
    assert_eq!(read::<Tunnel>(json!({"ports": []})).ports, Some(Vec::new()));
    assert_eq!(read::<Tunnel>(json!({"ports": [null]})).ports, Some(Vec::new()));
}

#[test]
fn an_access_list_is_always_written_in_full_for_readers_without_defaults() {
    let control = AccessControl { entries: vec![AccessEntry::default()] };
    assert_eq!(
        written(&control),
        json!({"entries": [{"type": "None", "subjects": [], "scopes": []}]})
    );
    assert_eq!(written(&AccessControl::default()), json!({"entries": []}));
    assert_eq!(read::<AccessControl>(json!({"entries": null})), AccessControl::default());
    let endpoint = written(&TunnelEndpoint::default());
    assert_eq!(endpoint, json!({"connectionMode": "TunnelRelay", "hostId": ""}));
    assert_eq!(written(&PortList::default()), json!({"value": []}));
    assert_eq!(written(&TunnelListByRegionResponse::default()), json!({"value": []}));
}

#[test]
fn counters_are_read_as_numbers_and_as_objects_and_written_as_objects() {
    let status: TunnelStatus = read(json!({
        "hostConnectionCount": 1, "clientConnectionCount": {"current": 2, "limit": null},
        "uploadRate": 3.7, "downloadRate": {"current": "4", "periodSeconds": 60.0},
        "uploadTotal": 5.0
    }));
    assert_eq!(
        written(&status),
        json!({
            "hostConnectionCount": {"current": 1}, "clientConnectionCount": {"current": 2},
            "uploadRate": {"current": 3}, "downloadRate": {"current": 4, "periodSeconds": 60},
            "uploadTotal": 5
        })
    );
    assert!(read_error::<TunnelStatus>(json!({"portCount": -1})).contains("a count"));
    assert!(read_error::<TunnelStatus>(json!({"portCount": "many"})).contains("a count"));
}

#[test]
fn a_limit_carries_its_name_beside_its_numbers() {
    let limit: NamedRateStatus = read(json!({"name": "TunnelsPerUser", "current": 3, "limit": 10}));
    assert_eq!(limit.rate.limit, Some(10));
    assert_eq!(written(&limit), json!({"name": "TunnelsPerUser", "current": 3, "limit": 10}));
}

#[test]
fn flags_are_read_from_what_several_languages_write() {
    for (text, flag) in [(json!("True"), true), (json!("false"), false), (json!(1), true)] {
        let port: TunnelPort = read(json!({"isDefault": text}));
        assert_eq!(port.is_default, Some(flag));
    }
    assert!(read_error::<TunnelPort>(json!({"isDefault": "yes"})).contains("true or false"));
    assert!(read_error::<TunnelPort>(json!({"isDefault": 2})).contains("true or false"));
}

#[test]
fn a_port_number_out_of_range_is_refused_with_the_number() {
    assert_eq!(read::<TunnelPort>(json!({"portNumber": "8080"})).port_number, 8080);
    assert_eq!(read::<TunnelPort>(json!({"portNumber": 8080.0})).port_number, 8080);
    let error = read_error::<TunnelPort>(json!({"portNumber": 70_000}));
    assert!(error.contains("70000 is not from 0 to 65535"), "{error}");
    for wrong in [json!(-1), json!(80.5), json!("http"), json!(1e300), json!([80])] {
        read_error::<TunnelPort>(json!({"portNumber": wrong}));
    }
}

#[test]
fn enums_are_read_in_any_case_and_keep_what_is_new() {
    let port: TunnelPort = read(json!({"protocol": "HTTPS"}));
    assert_eq!(port.protocol, Some(Protocol::Https));
    let port: TunnelPort = read(json!({"protocol": "Quic"}));
    assert_eq!(port.protocol, Some(Protocol::Other("Quic".into())));
    assert_eq!(written(&port), json!({"protocol": "Quic"}));
    let entry: AccessEntry = read(json!({"type": "ipaddressranges"}));
    assert_eq!(written(&entry)["type"], "IPAddressRanges");
    assert!(read_error::<TunnelPort>(json!({"protocol": 1})).contains("string"));
}

#[test]
fn times_are_written_in_utc_and_no_finer_than_a_millisecond() {
    for (sent, back) in [
        ("2026-11-23T16:32:46.1539999Z", "2026-11-23T16:32:46.153Z"),
        ("2026-11-23T16:32:46Z", "2026-11-23T16:32:46Z"),
        ("2026-11-23T17:32:46.5+01:00", "2026-11-23T16:32:46.5Z"),
        ("2026-11-23T16:32:46.153", "2026-11-23T16:32:46.153Z"),
        ("2026-11-23T16:32:46", "2026-11-23T16:32:46Z"),
        ("1969-12-31T23:59:59.9999Z", "1969-12-31T23:59:59.999Z"),
        ("0001-01-01T00:00:00", "0001-01-01T00:00:00Z"),
    ] {
        let tunnel: Tunnel = read(json!({"created": sent}));
        assert_eq!(written(&tunnel), json!({"created": back}), "{sent}");
    }
    for wrong in ["", "now", "2026-11-23T25:00:00Z", "Z"] {
        let error = read_error::<Tunnel>(json!({"created": wrong}));
        assert!(error.contains("ISO 8601"), "{error}");
    }
}

#[test]
fn tokens_are_found_by_any_word_of_their_key_and_never_printed() {
    let tunnel: Tunnel = read(full());
    assert_eq!(tunnel.token(Scope::Host).unwrap().expose(), "secret-1");
    assert_eq!(tunnel.token(Scope::Connect).unwrap().expose(), "secret-2");
    assert_eq!(tunnel.token(Scope::Manage), None);
    assert_eq!(
        tunnel.ports.as_ref().unwrap()[0].token(Scope::Connect).unwrap().expose(),
        "secret-3"
    );
    assert!(!format!("{tunnel:?}").contains("secret"));
    let without: Tunnel = read(json!({"accessTokens": {"host": null}}));
    assert_eq!(without.token(Scope::Host), None);
}

#[test]
fn a_port_takes_what_it_leaves_open_from_its_tunnel() {
    let tunnel: TunnelOptions =
        read(json!({"hostHeader": "a", "originHeader": "b", "requestTimeoutSeconds": 5}));
    let port: TunnelOptions =
        read(json!({"hostHeader": "c", "originHeader": "", "isHostHeaderUnchanged": false}));
    assert_eq!(
        written(&port.over(&tunnel)),
        json!({"hostHeader": "c", "isHostHeaderUnchanged": false, "originHeader": "b",
            "requestTimeoutSeconds": 5})
    );
    let all: TunnelOptions = read(full()["options"].clone());
    assert_eq!(TunnelOptions::default().over(&all), all);
    assert_eq!(all.over(&TunnelOptions::default()), all);
}

#[test]
fn a_port_shows_its_tunnels_entries_and_keeps_only_its_own() {
    let list = |scopes: &[&str]| AccessControl {
        entries: scopes
            .iter()
            .map(|scope| AccessEntry { scopes: vec![scope.to_string()], ..AccessEntry::default() })
            .collect(),
    };
    let shown = list(&["connect"]).under(&list(&["host"]));
    assert!(shown.entries[0].is_inherited && !shown.entries[1].is_inherited);
    assert_eq!(shown.own(), list(&["connect"]));
    assert_eq!(shown.under(&list(&["host"])), shown);
}

#[test]
fn an_event_of_the_sdk_is_read_with_its_properties_as_text() {
    let event: TunnelEvent = read(json!({
        "name": "host_connection_status", "severity": "Warning", "details": null,
        "properties": {"ConnectionStatus": "connected", "Retry": 3, "Flag": true, "None": null},
        "timestamp": "2026-11-23T16:32:46.276Z"
    }));
    assert_eq!(event.severity, Some(Severity::Warning));
    assert_eq!(
        written(&event),
        json!({
            "name": "host_connection_status", "severity": "warning",
            "properties": {"ConnectionStatus": "connected", "Retry": "3", "Flag": "true"},
            "timestamp": "2026-11-23T16:32:46.276Z"
        })
    );
}

#[test]
fn a_problem_is_read_from_all_forms_that_services_write() {
    let problem: ProblemDetails = read(json!({
        "title": "Bad request", "detail": "See errors.",
        "errors": {"name": ["too long"], "labels": "wrong", "ports": null, "x": [null, "y"]}
    }));
    assert_eq!(
        problem.to_string(),
        "Bad request See errors. labels: wrong; name: too long; ports: ; x: y"
    );
    let failure: ProblemDetails = read(json!({"message": "boom", "stackTrace": "at ..."}));
    assert_eq!(written(&failure), json!({"detail": "boom"}));
    assert_eq!(read::<ProblemDetails>(json!({})).to_string(), "no reason given");
    let made = ProblemDetails::new("Tunnel not found", "No tunnel has this id.");
    assert_eq!(read::<ProblemDetails>(written(&made)), made);
}

#[test]
fn a_recommendation_reads_with_and_without_candidates() {
    let short = json!({"recommendedClusterId": "usw2", "isFallback": false, "recommendations": []});
    assert_eq!(written(&read::<ClusterRecommendationResponse>(short.clone())), short);
    let full = json!({
        "preferredClusterId": "loc1", "recommendedClusterId": "loc1", "isFallback": true,
        "recommendations": [{"clusterId": "loc1", "azureLocation": "here", "azureGeo": "home",
            "clusterUri": "https://r/", "availability": "Degraded", "utilizationPercent": 7,
            "reason": "near"}]
    });
    assert_eq!(written(&read::<ClusterRecommendationResponse>(full.clone())), full);
    let cluster = json!({"clusterId": "loc1", "uri": "https://r/", "azureLocation": "here"});
    assert_eq!(written(&read::<ClusterDetails>(cluster.clone())), cluster);
}

#[test]
fn tunnels_of_all_regions_are_taken_out_of_a_list() {
    let list: TunnelListByRegionResponse = read(json!({"value": [
        {"regionName": "a", "clusterId": "usw2", "value": [{"tunnelId": "one"}]},
        {"regionName": "b", "value": null, "error": {"code": "Timeout", "message": "slow"}},
        {"value": [{"tunnelId": "two"}, null]}
    ], "nextLink": null}));
    let ids: Vec<_> = list.into_tunnels().filter_map(|tunnel| tunnel.tunnel_id).collect();
    assert_eq!(ids, ["one", "two"]);
}

#[test]
fn subjects_come_back_as_they_were_sent() {
    let subjects = json!([{"type": "Users", "id": "1", "organizationId": "o", "name": "Ann",
        "matches": [{"type": "Groups", "name": "ann"}]}]);
    assert_eq!(written(&read::<Vec<AccessSubject>>(subjects.clone())), subjects);
}

#[test]
fn an_endpoint_names_the_address_of_a_port() {
    let tunnel: Tunnel = read(full());
    let endpoint = &tunnel.endpoints.unwrap()[0];
    assert_eq!(endpoint.port_uri(3000).unwrap(), "https://t-3000.r/");
    assert_eq!(TunnelEndpoint::default().port_uri(3000), None);
}

#[test]
fn a_full_id_needs_both_parts() {
    let tunnel: Tunnel = read(full());
    assert_eq!(tunnel.full_id().unwrap().to_string(), "neat-lake-4k9x2bd.loc1");
    assert_eq!(read::<Tunnel>(json!({"tunnelId": "neat-lake-4k9x2bd"})).full_id(), None);
}
