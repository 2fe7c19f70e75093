//! Clusters of a service, and which one to use.

use serde::{Deserialize, Serialize};

use super::tolerant::{self, open_enum};

/// One cluster of the service.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ClusterDetails {
    /// Its id.
    #[serde(deserialize_with = "tolerant::or_default")]
    pub cluster_id: String,
    /// Base address of its management API.
    #[serde(deserialize_with = "tolerant::or_default")]
    pub uri: String,
    /// Where it stands.
    #[serde(deserialize_with = "tolerant::or_default")]
    pub azure_location: String,
}

/// The answer to "where should my tunnel live?".
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ClusterRecommendationResponse {
    /// The cluster that the asker preferred.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preferred_cluster_id: Option<String>,
    /// The cluster to use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recommended_cluster_id: Option<String>,
    /// Whether it is another one than preferred.
    #[serde(deserialize_with = "tolerant::flag")]
    pub is_fallback: bool,
    /// All candidates, best first.
    #[serde(deserialize_with = "tolerant::list")]
    pub recommendations: Vec<ClusterRecommendation>,
}

/// One candidate.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ClusterRecommendation {
    /// Its id.
    #[serde(deserialize_with = "tolerant::or_default")]
    pub cluster_id: String,
    /// Where it stands.
    #[serde(deserialize_with = "tolerant::or_default")]
    pub azure_location: String,
    /// The part of the world it stands in.
    #[serde(deserialize_with = "tolerant::or_default")]
    pub azure_geo: String,
    /// Base address of its management API.
    #[serde(deserialize_with = "tolerant::or_default")]
    pub cluster_uri: String,
    /// Whether it takes tunnels.
    #[serde(deserialize_with = "tolerant::or_default")]
    pub availability: ClusterAvailability,
    /// How full it is, in percent.
    #[serde(deserialize_with = "tolerant::number")]
    pub utilization_percent: u32,
    /// Why it stands where it stands in the list.
    #[serde(deserialize_with = "tolerant::or_default")]
    pub reason: String,
}

open_enum! {
    /// Whether a cluster takes tunnels.
    #[derive(Default)]
    pub enum ClusterAvailability {
        /// It does.
        #[default]
        Available = "Available",
        /// It does, slowly.
        Degraded = "Degraded",
        /// It does not.
        Unavailable = "Unavailable",
    }
}
