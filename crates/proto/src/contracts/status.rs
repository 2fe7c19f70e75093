//! What a service counts.

use std::fmt;

use jiff::Timestamp;
use serde::de::{self, Deserializer, MapAccess, Visitor, value::MapAccessDeserializer};
use serde::{Deserialize, Serialize};

use super::tolerant;

/// Counts of a tunnel. "Upload" is from clients to the host.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TunnelStatus {
    /// Ports.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port_count: Option<ResourceStatus>,
    /// Hosts connected now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host_connection_count: Option<ResourceStatus>,
    /// When a host last connected.
    #[serde(with = "tolerant::time", skip_serializing_if = "Option::is_none")]
    pub last_host_connection_time: Option<Timestamp>,
    /// Clients of the whole tunnel connected now; visitors of a port's web address are counted with the port.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_connection_count: Option<ResourceStatus>,
    /// When a client last connected.
    #[serde(with = "tolerant::time", skip_serializing_if = "Option::is_none")]
    pub last_client_connection_time: Option<Timestamp>,
    /// Client connections.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_connection_rate: Option<RateStatus>,
    /// Bytes from clients to the host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upload_rate: Option<RateStatus>,
    /// Bytes from the host to clients.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub download_rate: Option<RateStatus>,
    /// All bytes from clients to the host.
    #[serde(deserialize_with = "tolerant::maybe_number", skip_serializing_if = "Option::is_none")]
    pub upload_total: Option<u64>,
    /// All bytes from the host to clients.
    #[serde(deserialize_with = "tolerant::maybe_number", skip_serializing_if = "Option::is_none")]
    pub download_total: Option<u64>,
    /// Management reads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_read_rate: Option<RateStatus>,
    /// Management updates.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_update_rate: Option<RateStatus>,
}

/// Counts of a port.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PortStatus {
    /// Connections to the port now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_connection_count: Option<ResourceStatus>,
    /// When somebody last connected to the port.
    #[serde(with = "tolerant::time", skip_serializing_if = "Option::is_none")]
    pub last_client_connection_time: Option<Timestamp>,
    /// Connections to the port.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_connection_rate: Option<RateStatus>,
    /// HTTP requests to the port.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http_request_rate: Option<RateStatus>,
}

/// How much of something there is, and how much there may be.
///
/// Written as an object always; read also from a bare number, which is `current`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ResourceStatus {
    /// How much there is.
    pub current: u64,
    /// How much there may be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
    /// What sets the limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit_source: Option<String>,
}

impl From<u64> for ResourceStatus {
    fn from(current: u64) -> Self {
        ResourceStatus { current, ..Self::default() }
    }
}

/// How much of something happened in a period, and how much may.
///
/// Written as an object always; read also from a bare number, which is `current`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RateStatus {
    /// How much happened in this period.
    pub current: u64,
    /// How much may happen in a period.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
    /// What sets the limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit_source: Option<String>,
    /// The length of a period, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub period_seconds: Option<u64>,
    /// When the period ends, in seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reset_time: Option<i64>,
}

impl From<u64> for RateStatus {
    fn from(current: u64) -> Self {
        RateStatus { current, ..Self::default() }
    }
}

impl<'de> Deserialize<'de> for ResourceStatus {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let RateStatus { current, limit, limit_source, .. } =
            RateStatus::deserialize(deserializer)?;
        Ok(ResourceStatus { current, limit, limit_source })
    }
}

impl<'de> Deserialize<'de> for RateStatus {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RateVisitor)
    }
}

struct RateVisitor;

impl<'de> Visitor<'de> for RateVisitor {
    type Value = RateStatus;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a count, or an object with `current`")
    }

    fn visit_u64<E: de::Error>(self, current: u64) -> Result<RateStatus, E> {
        Ok(current.into())
    }

    fn visit_f64<E: de::Error>(self, current: f64) -> Result<RateStatus, E> {
        // A rate may be measured in fractions; nobody decides anything by them.
        if current >= 0.0 && current.is_finite() {
            Ok((current as u64).into())
        } else {
            Err(E::invalid_value(de::Unexpected::Float(current), &self))
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<RateStatus, A::Error> {
        let fields = Fields::deserialize(MapAccessDeserializer::new(map))?;
        Ok(RateStatus {
            current: fields.current,
            limit: fields.limit,
            limit_source: fields.limit_source,
            period_seconds: fields.period_seconds,
            reset_time: fields.reset_time,
        })
    }
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Fields {
    #[serde(deserialize_with = "tolerant::number")]
    current: u64,
    #[serde(deserialize_with = "tolerant::maybe_number")]
    limit: Option<u64>,
    limit_source: Option<String>,
    #[serde(deserialize_with = "tolerant::maybe_number")]
    period_seconds: Option<u64>,
    #[serde(deserialize_with = "tolerant::maybe_number")]
    reset_time: Option<i64>,
}
