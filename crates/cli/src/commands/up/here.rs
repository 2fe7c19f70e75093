//! The tunnel of `adit up` on this computer: a trial relay in this process, which finds its tunnel,
//! its keys and its ports again, so that the URL survives a restart.

use std::sync::Arc;

use adit_app::claim::Claim;
use adit_app::embedded::{Relay, Setup, connector, lan_address};
use adit_app::failure::{Failure, Outcome};
use adit_app::reach::Reaches;
use adit_proto::id::{FullId, TunnelId};
use adit_tunnel::management::{Filter, Management};

use super::plan::Plan;
use super::relay;
use super::stage::{LanUrl, Stage};
use crate::context::Context;
use crate::screen::remark;

/// Starts the relay and finds or makes its tunnel.
pub(super) async fn set(plan: &Plan, context: &Context) -> Outcome<Stage> {
    let directory = context.profile.places.embedded(plan.key());
    let claim = Claim::take(&directory, &plan.called())?;
    let mut setup = Setup::new(directory, plan.called());
    setup.lan = if plan.lan { Some(lan_address()?) } else { None };
    let relay = setup.start().await?;
    relay.remarks().iter().for_each(remark);
    let management: Arc<dyn Management> = Arc::new(relay.management());
    let tunnel = find_or_make(&*management, plan).await?;
    let ports: Vec<_> = plan.ports.iter().map(|port| port.number).collect();
    relay.remember(&tunnel.tunnel, &ports).await?;
    relay.retain(|it| *it == tunnel.tunnel).await?;
    let lan = lan_urls(&relay, &tunnel.tunnel, &ports);
    Ok(Stage {
        management,
        connector: connector(),
        tunnel,
        temporary: false,
        reaches: Reaches::TRIAL,
        server: Some(relay),
        lan,
        claim,
    })
}

/// Where the local network reaches the ports, if it may.
fn lan_urls(relay: &Relay, tunnel: &TunnelId, ports: &[u16]) -> Vec<LanUrl> {
    let of = |port: &u16| {
        let at = relay.addresses(tunnel, *port)?.lan?;
        Some(LanUrl { port: *port, url: format!("http://{at}/") })
    };
    ports.iter().filter_map(of).collect()
}

/// A trial relay has one tunnel.
async fn find_or_make(service: &dyn Management, plan: &Plan) -> Outcome<FullId> {
    let filter = Filter { ports: true, ..Filter::default() };
    let tunnels = service.list(&filter).await;
    let tunnels = tunnels.map_err(|error| Failure::service("look up the tunnel", &error))?;
    match tunnels.first() {
        Some(tunnel) => relay::adjust(service, tunnel, plan).await,
        None => relay::make(service, plan, relay::Lasting::Kept).await,
    }
}
