//! Everything that must stand before a tunnel can be hosted.

use std::sync::Arc;

use adit_proto::id::FullId;
use adit_relay::Server;
use adit_tunnel::management::Management;
use adit_wire::net::Connector;

use super::plan::Plan;
use super::{here, relay};
use crate::claim::Claim;
use crate::context::Context;
use crate::failure::Outcome;
use crate::place::Place;
use crate::reach::Reaches;

/// A tunnel that may be hosted now, and what it stands on.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) management: Arc<dyn Management>,
    pub(super) connector: Connector,
    pub(super) tunnel: FullId,
    /// Whether the tunnel is to be removed at the end.
    pub(super) temporary: bool,
    pub(super) reaches: Reaches,
    /// The trial relay.
    pub(super) server: Option<Server>,
    pub(super) claim: Claim,
}

/// Sets it up.
pub(super) async fn set(plan: &Plan, context: &Context) -> Outcome<Stage> {
    match &plan.place {
        Place::Here => here::set(plan, context).await,
        Place::Relay(url) => relay::set(plan, url, context).await,
    }
}
