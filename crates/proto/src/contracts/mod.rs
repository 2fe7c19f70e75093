//! The JSON of the Dev Tunnels service, as structs.
//!
//! One file a topic. Writing: camelCase, absent members left out, counters as objects, times in UTC with `Z`: what the
//! strictest of the SDK readers accepts. Reading: `null` means absent for every member, unknown members are ignored,
//! and enums keep values that are new to us. Nothing is checked here beyond its JSON type: see
//! [`constraints`](crate::constraints) for what a service accepts.
//!
//! In the body of an *update* an absent member means "unchanged", so every member that a client may send is an
//! [`Option`]: `Some` of an empty text or list clears it.

mod access;
mod cluster;
mod endpoint;
mod event;
mod limits;
mod link;
mod lists;
mod port;
mod problem;
mod status;
mod tolerant;
mod tunnel;

pub use access::{AccessControl, AccessEntry, AccessEntryType, AccessSubject};
pub use cluster::{
    ClusterAvailability, ClusterDetails, ClusterRecommendation, ClusterRecommendationResponse,
};
pub use endpoint::{ConnectionMode, TunnelEndpoint};
pub use event::{Severity, TunnelEvent};
pub use limits::NamedRateStatus;
pub use link::{LinkList, TunnelLink};
pub use lists::{ErrorDetail, PortList, TunnelListByRegion, TunnelListByRegionResponse};
pub use port::{Protocol, TunnelPort};
pub use problem::ProblemDetails;
pub use status::{PortStatus, RateStatus, ResourceStatus, TunnelStatus};
pub use tunnel::{Tunnel, TunnelOptions};

#[cfg(test)]
mod tests;
