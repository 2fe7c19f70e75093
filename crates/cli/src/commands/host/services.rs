//! The places that tunnels are hosted on, each opened once.

use std::collections::BTreeMap;
use std::sync::Arc;

use adit_app::failure::{Code, Failure, Outcome};
use adit_app::place::Place;
use adit_app::profile::Profile;
use adit_app::reach::Reaches;
use adit_app::service::{connector, find};
use adit_proto::id::FullId;
use adit_tunnel::management::{Locator, Management};
use adit_wire::net::Connector;

use crate::context::Context;

/// A place that tunnels are hosted on.
#[derive(Debug)]
pub(in crate::commands) struct Service {
    pub(in crate::commands) management: Arc<dyn Management>,
    pub(in crate::commands) connector: Connector,
    /// As `--on` takes it.
    pub(in crate::commands) place: String,
    pub(in crate::commands) reaches: Reaches,
}

/// The places that were opened.
pub(in crate::commands) struct Services<'a> {
    profile: &'a Profile,
    open: BTreeMap<String, Arc<Service>>,
}

impl<'a> Services<'a> {
    pub(in crate::commands) fn new(context: &'a Context) -> Self {
        Self { profile: &context.profile, open: BTreeMap::new() }
    }

    /// The place that is meant, as `--on` takes it.
    pub(in crate::commands) fn place(&self, asked: Option<Place>) -> Outcome<String> {
        Ok(self.profile.service_place(asked)?.to_string())
    }

    /// Opens a place, or finds the one that is open.
    pub(in crate::commands) async fn get(&mut self, place: &str) -> Outcome<Arc<Service>> {
        if let Some(service) = self.open.get(place) {
            return Ok(service.clone());
        }
        let asked = place.parse::<Place>().map_err(|error| Failure::new(Code::Usage, error))?;
        let place_meant = self.profile.service_place(Some(asked))?;
        let service = Arc::new(Service {
            management: self.profile.management(&place_meant)?,
            connector: connector(),
            place: place_meant.to_string(),
            reaches: Reaches::of_place(&place_meant).await,
        });
        self.open.insert(place.to_owned(), service.clone());
        Ok(service)
    }

    /// The sign-in there is worth nothing any more: who comes next asks the files for another.
    pub(in crate::commands) fn forget(&mut self, place: &str) {
        self.open.retain(|_, service| service.place != place);
    }
}

impl Service {
    /// The tunnels with their clusters, in the order given and each once.
    pub(in crate::commands) async fn find_all(&self, tunnels: &[Locator]) -> Outcome<Vec<FullId>> {
        let mut found = Vec::with_capacity(tunnels.len());
        for locator in tunnels {
            let tunnel = find(&*self.management, locator).await?;
            if !found.contains(&tunnel) {
                found.push(tunnel);
            }
        }
        Ok(found)
    }
}
