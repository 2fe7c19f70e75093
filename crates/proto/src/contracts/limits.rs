//! The limits of a user.

use serde::{Deserialize, Serialize};

use super::{RateStatus, tolerant};

/// A limit by name, with how much of it is used.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct NamedRateStatus {
    /// What is limited.
    #[serde(deserialize_with = "tolerant::or_default")]
    pub name: String,
    /// How much of it is used; its members stand beside the name.
    #[serde(flatten)]
    pub rate: RateStatus,
}
