//! What hosts and clients report about themselves.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::de::Deserializer;
use serde::{Deserialize, Serialize};

use super::tolerant::{self, open_enum};

/// One thing that happened.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TunnelEvent {
    /// When it happened, by the reporter's clock.
    #[serde(with = "tolerant::time", skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<Timestamp>,
    /// What happened, such as `host_connection_status`.
    #[serde(deserialize_with = "tolerant::or_default")]
    pub name: String,
    /// How bad it is; absent means [`Severity::Info`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub severity: Option<Severity>,
    /// Free text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub details: Option<String>,
    /// More about it; numbers and flags are read as their text.
    #[serde(deserialize_with = "properties", skip_serializing_if = "BTreeMap::is_empty")]
    pub properties: BTreeMap<String, String>,
}

open_enum! {
    /// How bad an event is.
    #[derive(Default)]
    pub enum Severity {
        /// As expected.
        #[default]
        Info = "info",
        /// Worth a look.
        Warning = "warning",
        /// A failure.
        Error = "error",
    }
}

fn properties<'de, D>(deserializer: D) -> Result<BTreeMap<String, String>, D::Error>
where
    D: Deserializer<'de>,
{
    let read = Option::<BTreeMap<String, serde_json::Value>>::deserialize(deserializer)?;
    let text = |value| match value {
        serde_json::Value::Null => None,
        serde_json::Value::String(text) => Some(text),
        other => Some(other.to_string()),
    };
    let properties = read.unwrap_or_default().into_iter();
    Ok(properties.filter_map(|(name, value)| Some((name, text(value)?))).collect())
}
