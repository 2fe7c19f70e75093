//! The management API of a place, and what several faces ask it first.

use adit_proto::contracts::Tunnel;
use adit_proto::id::FullId;
use adit_proto::token::Secret;
use adit_tunnel::management::{Credential, Locator, Management, Rest, Want};
use adit_wire::net::Connector;

use crate::failure::{Code, Failure, Outcome};
use crate::relay_url::RelayUrl;

/// The tunnel that is meant, with its cluster. The relay is asked only where that is not given.
pub async fn find(service: &dyn Management, locator: &Locator) -> Outcome<FullId> {
    if let Some(cluster) = &locator.cluster {
        return Ok(FullId { tunnel: locator.id.clone(), cluster: cluster.clone() });
    }
    let tunnel = service.get(locator, Want::NOTHING).await;
    let tunnel = tunnel
        .map_err(|error| Failure::service(format_args!("look up the tunnel {locator}"), &error))?;
    full_id(&tunnel)
}

/// The id that a relay must give a tunnel.
pub fn full_id(tunnel: &Tunnel) -> Outcome<FullId> {
    tunnel.full_id().ok_or_else(|| {
        Failure::new(Code::Unreachable, "the relay answered without the id of the tunnel")
    })
}

/// The management API of a relay, as the user with that key.
pub fn service(relay: &RelayUrl, key: Secret) -> Rest {
    Rest::new(connector(), relay.base(), Credential::User(key))
}

/// Connects through the system's proxies and trusts the system's certificates.
pub fn connector() -> Connector {
    Connector::default()
}
