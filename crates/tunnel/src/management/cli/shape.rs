//! What the command prints as JSON, and the contracts made of it.
//!
//! Members that are not listed are passed over; those that may be missing are optional.

use std::time::Duration;

use adit_proto::contracts::{
    AccessControl, AccessEntry, Protocol, RateStatus, ResourceStatus, Tunnel, TunnelPort,
    TunnelStatus,
};
use adit_proto::token::Secret;
use jiff::Timestamp;
use serde::Deserialize;

/// `list`
#[derive(Deserialize)]
pub(super) struct Listed {
    pub(super) tunnels: Vec<Item>,
}

/// `show`, `create` and `update`
#[derive(Deserialize)]
pub(super) struct Shown {
    pub(super) tunnel: Item,
}

/// `port create` and `port update`
#[derive(Deserialize)]
pub(super) struct ShownPort {
    pub(super) port: PortItem,
}

/// `token`
#[derive(Deserialize)]
pub(super) struct Minted {
    pub(super) token: Secret,
}

/// `access list`
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Access {
    pub(super) access_control_entries: Vec<AccessEntry>,
}

/// `user show`
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Known {
    /// As documented.
    Status {
        status: String,
        #[serde(default)]
        username: Option<String>,
        #[serde(default)]
        provider: Option<String>,
    },
    /// As older versions print it.
    Name { username: String },
}

/// A tunnel.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Item {
    /// `id.cluster`
    tunnel_id: String,
    name: Option<String>,
    description: Option<String>,
    labels: Option<Vec<String>>,
    /// For people, such as `30 days`, in the user's language.
    tunnel_expiration: Option<String>,
    host_connections: Option<u64>,
    client_connections: Option<u64>,
    port_count: Option<u64>,
    ports: Option<Vec<PortItem>>,
    access_control: Option<Vec<AccessEntry>>,
    /// With a unit, as all that follow: `4402 KB`, `0 MB/s (limit: 20 MB/s)`.
    upload_total: Option<String>,
    download_total: Option<String>,
    current_upload_rate: Option<String>,
    current_download_rate: Option<String>,
}

/// A port.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PortItem {
    port_number: u16,
    protocol: Option<Protocol>,
    /// Missing until the service has made it, which may be after the first connection.
    port_uri: Option<String>,
    description: Option<String>,
    labels: Option<Vec<String>>,
    access_control: Option<Vec<AccessEntry>>,
    client_connections: Option<u64>,
}

impl Item {
    /// As the service writes it. `now` turns the time that is left into a time.
    pub(super) fn into_tunnel(self, now: Timestamp) -> Tunnel {
        // An id without a cluster is one of the old form, whose cluster only the service knows.
        let (id, cluster) = match self.tunnel_id.rsplit_once('.') {
            Some((id, cluster)) => (id.to_owned(), Some(cluster.to_owned())),
            None => (self.tunnel_id, None),
        };
        let ports = self.ports.map(|ports| ports.into_iter().map(PortItem::into_port).collect());
        let count = |count: Option<u64>| count.map(ResourceStatus::from);
        let status = TunnelStatus {
            port_count: count(self.port_count),
            host_connection_count: count(self.host_connections),
            client_connection_count: count(self.client_connections),
            upload_rate: self.current_upload_rate.as_deref().and_then(rate),
            download_rate: self.current_download_rate.as_deref().and_then(rate),
            upload_total: self.upload_total.as_deref().and_then(size),
            download_total: self.download_total.as_deref().and_then(size),
            ..TunnelStatus::default()
        };
        Tunnel {
            tunnel_id: Some(id),
            cluster_id: cluster,
            name: self.name.filter(|name| !name.is_empty()),
            description: self.description.filter(|text| !text.is_empty()),
            labels: self.labels.filter(|labels| !labels.is_empty()),
            access_control: self.access_control.map(|entries| AccessControl { entries }),
            status: Some(status),
            ports,
            expiration: self
                .tunnel_expiration
                .as_deref()
                .and_then(left)
                .and_then(|left| now.checked_add(left).ok()),
            ..Tunnel::default()
        }
    }
}

impl PortItem {
    /// As the service writes it.
    pub(super) fn into_port(self) -> TunnelPort {
        let count = self.client_connections.map(ResourceStatus::from);
        TunnelPort {
            port_number: self.port_number,
            protocol: self.protocol,
            description: self.description.filter(|text| !text.is_empty()),
            labels: self.labels.filter(|labels| !labels.is_empty()),
            access_control: self.access_control.map(|entries| AccessControl { entries }),
            port_forwarding_uris: self.port_uri.filter(|uri| !uri.is_empty()).map(|uri| vec![uri]),
            status: count.map(|count| adit_proto::contracts::PortStatus {
                client_connection_count: Some(count),
                ..Default::default()
            }),
            ..TunnelPort::default()
        }
    }
}

/// `4402 KB`, also with a decimal comma.
fn size(text: &str) -> Option<u64> {
    let mut words = text.split_whitespace();
    let number: f64 = words.next()?.replace(',', ".").parse().ok()?;
    let unit: u64 = match words.next()?.trim_end_matches("/s").to_ascii_uppercase().as_str() {
        "B" => 1,
        "KB" => 1 << 10,
        "MB" => 1 << 20,
        "GB" => 1 << 30,
        "TB" => 1 << 40,
        _ => return None,
    };
    // Beyond 2^53 it is rounded, which nobody sees in a number of at most four digits.
    (number.is_finite() && number >= 0.0).then_some((number * unit as f64) as u64)
}

/// `0 MB/s (limit: 20 MB/s)`
fn rate(text: &str) -> Option<RateStatus> {
    let current = size(text)?;
    let limit = text.split_once("limit:").and_then(|(_, limit)| size(limit.trim_end_matches(')')));
    Some(RateStatus { current, limit, period_seconds: Some(1), ..RateStatus::default() })
}

/// `30 days`, `28.9 days`, `1 hour`; nothing in a language that is not known.
fn left(text: &str) -> Option<Duration> {
    let mut words = text.split_whitespace();
    let number: f64 = words.next()?.replace(',', ".").parse().ok()?;
    let unit = match words.next()?.trim_end_matches('s') {
        "day" => 86_400.0,
        "hour" => 3600.0,
        "minute" => 60.0,
        "second" => 1.0,
        _ => return None,
    };
    Duration::try_from_secs_f64(number * unit).ok()
}

#[cfg(test)]
mod tests {
    use super::super::json;
    use super::*;

    #[test]
    fn numbers_with_units_are_read_in_either_style() {
        for (text, bytes) in [
            ("4402 KB", 4402 << 10),
            ("1,5 MB", 3 << 19),
            ("0 MB/s (limit: 20 MB/s)", 0),
            ("12 B", 12),
        ] {
            assert_eq!(size(text), Some(bytes), "{text}");
        }
        for text in ["", "many KB", "5", "5 cows", "-1 KB", "NaN B"] {
            assert_eq!(size(text), None, "{text}");
        }
        let rate = rate("1 MB/s (limit: 20 MB/s)").unwrap();
        assert_eq!((rate.current, rate.limit), (1 << 20, Some(20 << 20)));
        assert_eq!(left("28,9 days"), Some(Duration::from_secs(2_496_960)));
        assert_eq!(left("30 Tage"), None);
    }

    #[test]
    fn a_documented_tunnel_becomes_a_contract() {
        let text = include_str!("../../../tests/fixtures/devtunnel/show.out");
        let now = Timestamp::UNIX_EPOCH;
        let tunnel = json::find::<Shown>(text).unwrap().tunnel.into_tunnel(now);
        assert_eq!(tunnel.full_id().unwrap().to_string(), "shop-front.usw2");
        assert_eq!(tunnel.expiration, Timestamp::from_second(30 * 86_400).ok());
        let ports = tunnel.ports.unwrap();
        assert_eq!((ports[0].port_number, &ports[0].protocol), (3000, &Some(Protocol::Http)));
        assert_eq!(
            ports[0].port_forwarding_uris.as_deref(),
            Some(&["https://shop-front-3000.usw2.devtunnels.ms/".to_owned()][..])
        );
        assert_eq!(ports[1].port_forwarding_uris, None, "it is not there yet");
        let status = tunnel.status.unwrap();
        assert_eq!(status.host_connection_count.unwrap().current, 1);
        assert_eq!(status.upload_total, Some(4402 << 10));
    }

    #[test]
    fn a_documented_list_names_tunnels_without_their_ports() {
        let text = include_str!("../../../tests/fixtures/devtunnel/list.out");
        let listed = json::find::<Listed>(text).unwrap().tunnels;
        let ids: Vec<_> = listed
            .into_iter()
            .map(|item| item.into_tunnel(Timestamp::UNIX_EPOCH))
            .map(|tunnel| (tunnel.full_id().unwrap().to_string(), tunnel.ports.is_some()))
            .collect();
        let expected = ["shop-front.usw2", "blog.euw"].map(|id| (id.to_owned(), false));
        assert_eq!(ids, expected);
    }
}
