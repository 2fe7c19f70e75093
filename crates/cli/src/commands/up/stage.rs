//! Everything that must stand before a tunnel can be hosted.

use std::sync::Arc;

use adit_app::claim::Claim;
use adit_app::embedded::Relay;
use adit_app::failure::Outcome;
use adit_app::place::Place;
use adit_app::reach::Reaches;
use adit_proto::id::FullId;
use adit_tunnel::management::Management;
use adit_wire::net::Connector;

use super::plan::Plan;
use super::{here, relay};
use crate::context::Context;

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
    pub(super) server: Option<Relay>,
    /// Where it can be reached from the local network.
    pub(super) lan: Vec<LanUrl>,
    pub(super) claim: Claim,
}

/// The address of a port in the local network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LanUrl {
    pub(super) port: u16,
    pub(super) url: String,
}

/// Sets it up.
pub(super) async fn set(plan: &Plan, context: &Context) -> Outcome<Stage> {
    match &plan.place {
        Place::Here => here::set(plan, context).await,
        Place::Relay(_) | Place::Microsoft => relay::set(plan, context).await,
    }
}
