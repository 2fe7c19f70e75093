//! What scripts read: the JSON of the `devtunnel` command, as far as it is known, and more beside it.
//!
//! A member that is there always has its meaning and type; one that means nothing is left out.

use adit_app::failure::Outcome;
use adit_proto::contracts::{self, AccessEntry, TunnelOptions};
use adit_proto::id::FullId;
use adit_tunnel::management::access;
use jiff::Timestamp;
use serde::Serialize;

use super::units::{size, time_left};
use crate::screen::print_line;

/// Prints an answer under its name: `{"tunnel":…}`.
pub(super) fn print(name: &str, answer: &impl Serialize) -> Outcome {
    print_line(&named(name, answer).to_string())
}

fn named(name: &str, answer: &impl Serialize) -> serde_json::Value {
    let answer = serde_json::to_value(answer).expect("numbers and texts are JSON");
    serde_json::Value::Object([(name.to_owned(), answer)].into_iter().collect())
}

/// A tunnel.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Tunnel {
    /// `id.cluster`.
    tunnel_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    host_connections: u64,
    client_connections: u64,
    labels: Vec<String>,
    /// A text such as `30 days`.
    #[serde(skip_serializing_if = "Option::is_none")]
    tunnel_expiration: Option<String>,
    /// The same as a time.
    #[serde(skip_serializing_if = "Option::is_none")]
    expiration: Option<Timestamp>,
    description: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    upload_total: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    download_total: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    options: Option<TunnelOptions>,
    /// Left out for those who may not see it, and in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    access_control: Option<Vec<AccessEntry>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    port_count: Option<u64>,
    /// Left out in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    ports: Option<Vec<Port>>,
}

/// A port.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Port {
    tunnel_id: String,
    port_number: u16,
    protocol: String,
    /// The first of its addresses.
    #[serde(skip_serializing_if = "Option::is_none")]
    port_uri: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    port_forwarding_uris: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    labels: Vec<String>,
    client_connections: u64,
    /// The same as a text: `4 client connections`.
    status: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    options: Option<TunnelOptions>,
    #[serde(skip_serializing_if = "Option::is_none")]
    access_control: Option<Vec<AccessEntry>>,
}

impl Tunnel {
    /// The whole of a tunnel, with its ports.
    pub(super) fn whole(tunnel: contracts::Tunnel, id: &FullId, now: Timestamp) -> Self {
        let ports = tunnel.ports.clone().unwrap_or_default();
        let ports = ports.into_iter().map(|port| Port::of(port, id, now)).collect();
        let access = tunnel.access_control.clone();
        Self {
            access_control: access.map(|control| access::in_force(control.entries, now)),
            ports: Some(ports),
            options: tunnel.options.clone(),
            ..Self::row(tunnel, id, now)
        }
    }

    /// A tunnel among others.
    pub(super) fn row(tunnel: contracts::Tunnel, id: &FullId, now: Timestamp) -> Self {
        let status = tunnel.status.unwrap_or_default();
        let current = |count: Option<contracts::ResourceStatus>| count.map(|it| it.current);
        Self {
            tunnel_id: id.to_string(),
            name: tunnel.name.filter(|name| !name.is_empty()),
            host_connections: current(status.host_connection_count).unwrap_or(0),
            client_connections: current(status.client_connection_count).unwrap_or(0),
            labels: tunnel.labels.unwrap_or_default(),
            tunnel_expiration: tunnel.expiration.map(|end| time_left(end, now)),
            expiration: tunnel.expiration,
            description: tunnel.description.unwrap_or_default(),
            upload_total: status.upload_total.map(size),
            download_total: status.download_total.map(size),
            options: None,
            access_control: None,
            port_count: current(status.port_count),
            ports: None,
        }
    }
}

impl Port {
    /// A port of that tunnel.
    pub(super) fn of(port: contracts::TunnelPort, id: &FullId, now: Timestamp) -> Self {
        let clients = port.status.and_then(|status| status.client_connection_count);
        let clients = clients.map_or(0, |count| count.current);
        let uris = port.port_forwarding_uris.unwrap_or_default();
        let access = port.access_control.map(|control| access::in_force(control.entries, now));
        Self {
            tunnel_id: id.to_string(),
            port_number: port.port_number,
            protocol: port.protocol.unwrap_or_default().to_string(),
            port_uri: uris.first().cloned(),
            port_forwarding_uris: uris,
            description: port.description,
            labels: port.labels.unwrap_or_default(),
            client_connections: clients,
            status: format!("{clients} client connections"),
            options: port.options,
            access_control: access,
        }
    }
}

/// An access token.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Token<'a> {
    pub(super) tunnel_id: String,
    /// The ports that it is limited to.
    pub(super) ports: Vec<u16>,
    /// The scopes, joined by a space.
    pub(super) scope: String,
    /// A text such as `1.00:00:00`; left out where the token does not tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) life_time: Option<String>,
    /// A text such as `2026-04-17 20:35:16 UTC`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) expiration: Option<String>,
    pub(super) token: &'a str,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn now() -> Timestamp {
        "2026-01-01T00:00:00Z".parse().unwrap()
    }

    fn id() -> FullId {
        "shop.loc1".parse().unwrap()
    }

    fn tunnel() -> contracts::Tunnel {
        serde_json::from_value(json!({
            "tunnelId": "shop", "clusterId": "loc1", "name": "", "description": "front",
            "labels": ["a"], "expiration": "2026-01-31T00:00:00Z",
            "options": {"isHostHeaderUnchanged": true},
            "accessControl": {"entries": [
                {"type": "Anonymous", "subjects": [], "scopes": ["connect"],
                 "expiration": "2026-01-01T08:00:00Z"},
                {"type": "Users", "subjects": ["u"], "scopes": ["connect"],
                 "expiration": "2025-12-31T00:00:00Z"}]},
            "status": {"portCount": {"current": 1, "limit": 10}, "hostConnectionCount": 1,
                "clientConnectionCount": 2, "uploadTotal": 4507648, "downloadTotal": 12},
            "ports": [{"portNumber": 3000, "protocol": "http", "status":
                {"clientConnectionCount": 4}, "portForwardingUris": ["https://a/", "https://b/"]}]
        }))
        .unwrap()
    }

    #[test]
    fn a_tunnel_has_the_members_that_scripts_know() {
        let shape = named("tunnel", &Tunnel::whole(tunnel(), &id(), now()));
        let expected = json!({"tunnel": {
            "tunnelId": "shop.loc1", "hostConnections": 1, "clientConnections": 2,
            "labels": ["a"], "tunnelExpiration": "30 days", "expiration": "2026-01-31T00:00:00Z",
            "description": "front", "uploadTotal": "4402 KB", "downloadTotal": "12 B",
            "options": {"isHostHeaderUnchanged": true},
            "accessControl": [{"type": "Anonymous", "subjects": [], "scopes": ["connect"],
                "expiration": "2026-01-01T08:00:00Z"}],
            "portCount": 1,
            "ports": [{"tunnelId": "shop.loc1", "portNumber": 3000, "protocol": "http",
                "portUri": "https://a/", "portForwardingUris": ["https://a/", "https://b/"],
                "labels": [], "clientConnections": 4, "status": "4 client connections"}]
        }});
        assert_eq!(shape, expected);
    }

    #[test]
    fn a_tunnel_among_others_has_neither_ports_nor_access_list() {
        let shape = named("x", &Tunnel::row(tunnel(), &id(), now()))["x"].take();
        assert_eq!(shape["portCount"], 1);
        for member in ["ports", "accessControl", "options"] {
            assert!(shape.get(member).is_none(), "{member}");
        }
    }

    #[test]
    fn what_the_service_leaves_out_is_told_as_empty_or_not_at_all() {
        let shape = serde_json::to_value(Tunnel::whole(contracts::Tunnel::default(), &id(), now()));
        let expected = json!({"tunnelId": "shop.loc1", "hostConnections": 0,
            "clientConnections": 0, "labels": [], "description": "", "ports": []});
        assert_eq!(shape.unwrap(), expected);
        let port = contracts::TunnelPort { port_number: 80, ..contracts::TunnelPort::default() };
        let expected = json!({"tunnelId": "shop.loc1", "portNumber": 80, "protocol": "auto",
            "labels": [], "clientConnections": 0, "status": "0 client connections"});
        assert_eq!(serde_json::to_value(Port::of(port, &id(), now())).unwrap(), expected);
    }
}
