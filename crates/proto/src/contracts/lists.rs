//! Lists of tunnels and of ports. `value` is always written; SDKs never follow `nextLink`.

use serde::{Deserialize, Serialize};

use super::{Tunnel, TunnelPort, tolerant};

/// All tunnels that were asked for, by region.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TunnelListByRegionResponse {
    /// One list a region.
    #[serde(deserialize_with = "tolerant::list")]
    pub value: Vec<TunnelListByRegion>,
    /// Where more of them are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_link: Option<String>,
}

impl TunnelListByRegionResponse {
    /// Takes the tunnels of all regions out of the answer.
    pub fn into_tunnels(self) -> impl Iterator<Item = Tunnel> {
        self.value.into_iter().flat_map(|region| region.value)
    }
}

/// The tunnels of one region, or why they are missing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TunnelListByRegion {
    /// The region's name for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region_name: Option<String>,
    /// The region's cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster_id: Option<String>,
    /// Its tunnels.
    #[serde(deserialize_with = "tolerant::list")]
    pub value: Vec<Tunnel>,
    /// Why there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorDetail>,
}

/// Why a part of an answer is missing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ErrorDetail {
    /// A word for programs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// A sentence for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// All ports of a tunnel.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PortList {
    /// The ports.
    #[serde(deserialize_with = "tolerant::list")]
    pub value: Vec<TunnelPort>,
    /// Where more of them are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_link: Option<String>,
}
