//! The tunnel of `adit up` on a relay or on Microsoft's service: one with a name is found again, one
//! without is new.

use adit_app::access::Access;
use adit_app::claim::Claim;
use adit_app::failure::{Code, Failure, Outcome};
use adit_app::name::Name;
use adit_app::place::Place;
use adit_app::port::{Port, Protocol};
use adit_app::reach::Reaches;
use adit_app::service::{connector, full_id};
use adit_proto::contracts::{AccessControl, AccessEntryType, Tunnel, TunnelPort};
use adit_proto::id::FullId;
use adit_tunnel::management::{Confirmed, Error, Locator, Management, Want};
use adit_wire::clock;
use jiff::Timestamp;

use super::plan::Plan;
use super::stage::Stage;
use crate::context::Context;

/// A temporary tunnel that nobody removed, because this process was killed, goes away by itself
/// after this time without a host; the shortest that there is.
const TEMPORARY_SECONDS: u32 = 3600;

/// Finds or makes the tunnel where the plan says.
pub(super) async fn set(plan: &Plan, context: &Context) -> Outcome<Stage> {
    let management = context.profile.management(&plan.place)?;
    let (prepared, reaches) =
        tokio::join!(prepare(&*management, plan, context), Reaches::of_place(&plan.place));
    let (tunnel, claim) = prepared?;
    Ok(Stage {
        management,
        connector: connector(),
        temporary: Lasting::of(plan) == Lasting::Temporary,
        tunnel,
        reaches,
        server: None,
        lan: Vec::new(),
        claim,
    })
}

/// The tunnel as the plan wants it, and ours: one that another process hosts is not touched.
async fn prepare(
    service: &dyn Management,
    plan: &Plan,
    context: &Context,
) -> Outcome<(FullId, Claim)> {
    let existing = match &plan.name {
        Some(name) => find(service, name).await?,
        None => None,
    };
    let claim = |tunnel: &FullId| {
        let what = format!("{} on {}", plan.shown(tunnel), plan.place.shown());
        Claim::take(&context.profile.places.claim_of(tunnel), &what)
    };
    match &existing {
        Some(tunnel) => {
            let claim = claim(&full_id(tunnel)?)?;
            Ok((adjust(service, tunnel, plan).await?, claim))
        }
        None => {
            let tunnel = make(service, plan, Lasting::of(plan)).await?;
            let claim = claim(&tunnel)?;
            Ok((tunnel, claim))
        }
    }
}

/// How long a new tunnel lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lasting {
    /// As long as the relay keeps unused tunnels.
    Kept,
    /// For this run.
    Temporary,
}

impl Lasting {
    /// On a relay that others use too, only what has a name is kept.
    fn of(plan: &Plan) -> Self {
        if plan.name.is_some() { Self::Kept } else { Self::Temporary }
    }
}

/// Makes a new tunnel.
pub(super) async fn make(
    service: &dyn Management,
    plan: &Plan,
    lasting: Lasting,
) -> Outcome<FullId> {
    let tunnel = service.create(&made(plan, lasting, clock::wall()), Want::NOTHING).await;
    full_id(&tunnel.map_err(|error| failure(plan, &error))?)
}

/// Brings a tunnel that exists to what the plan wants.
pub(super) async fn adjust(
    service: &dyn Management,
    tunnel: &Tunnel,
    plan: &Plan,
) -> Outcome<FullId> {
    let changed = changed(tunnel, plan, clock::wall());
    let mut updated = service.update(&changed, Want::NOTHING).await;
    // One a round, so that nothing goes round for ever.
    for _ in &plan.ports {
        let Err(Error::Replacement { port }) = updated else { break };
        if !plan.replace_ports {
            break;
        }
        let at = full_id(tunnel)?.into();
        let wanted = changed.port(port).cloned().unwrap_or_default();
        let replaced = service.replace_port(&at, &wanted, Confirmed).await;
        replaced.map_err(|error| failure(plan, &error))?;
        updated = service.update(&changed, Want::NOTHING).await;
    }
    full_id(&updated.map_err(|error| failure(plan, &error))?)
}

async fn find(service: &dyn Management, name: &Name) -> Outcome<Option<Tunnel>> {
    let at = name
        .as_str()
        .parse::<Locator>()
        .map_err(|error| Failure::caused(Code::Usage, "the name cannot be looked up", &error))?;
    match service.get(&at, Want::PORTS).await {
        Ok(tunnel) => Ok(Some(tunnel)),
        Err(Error::NotFound(_)) => Ok(None),
        Err(error) => Err(Failure::service(format_args!("look up the tunnel {name}"), &error)),
    }
}

/// The definition of a new tunnel.
fn made(plan: &Plan, lasting: Lasting, now: Timestamp) -> Tunnel {
    Tunnel {
        name: plan.name.as_ref().map(ToString::to_string),
        ports: Some(plan.ports.iter().map(|port| port.to_contract()).collect()),
        access_control: Some(plan.access.to_contract(now)),
        custom_expiration: (lasting == Lasting::Temporary).then_some(TEMPORARY_SECONDS),
        ..Tunnel::default()
    }
}

/// What changes in a tunnel that exists: exactly these ports, and only these for everybody. What
/// else was set, for a port or for other people, stays.
fn changed(tunnel: &Tunnel, plan: &Plan, now: Timestamp) -> Tunnel {
    let ports = plan.ports.iter().map(|port| match tunnel.port(port.number) {
        Some(known) if plan.place == Place::Microsoft && port.protocol == Protocol::Auto => {
            // There a protocol cannot be changed, and nobody asked for another.
            known.clone()
        }
        Some(known) => changed_port(known, *port),
        None => port.to_contract(),
    });
    Tunnel {
        cluster_id: tunnel.cluster_id.clone(),
        tunnel_id: tunnel.tunnel_id.clone(),
        ports: Some(ports.collect()),
        access_control: Some(changed_access(tunnel.access_control.as_ref(), plan.access, now)),
        ..Tunnel::default()
    }
}

fn changed_port(known: &TunnelPort, port: Port) -> TunnelPort {
    TunnelPort { protocol: port.to_contract().protocol, ..known.clone() }
}

fn changed_access(known: Option<&AccessControl>, access: Access, now: Timestamp) -> AccessControl {
    let known = known.map_or(&[][..], |control| &control.entries);
    let others = known.iter().filter(|entry| entry.kind != AccessEntryType::Anonymous).cloned();
    let entries = others.chain(access.to_contract(now).entries).collect();
    AccessControl { entries }
}

fn failure(plan: &Plan, error: &Error) -> Failure {
    match &plan.name {
        Some(name) => Failure::service(format_args!("set up the tunnel {name}"), error),
        None => Failure::service("make a tunnel", error),
    }
}

impl Plan {
    /// What people call the tunnel.
    pub(super) fn shown(&self, tunnel: &FullId) -> String {
        self.name.as_ref().map_or_else(|| tunnel.to_string(), ToString::to_string)
    }
}

#[cfg(test)]
mod tests {
    use adit_proto::contracts::{self, AccessEntry, TunnelOptions};

    use super::*;
    use adit_app::place::Because;

    fn plan(ports: &[&str], access: &str) -> Plan {
        Plan {
            ports: ports.iter().map(|port| port.parse().unwrap()).collect(),
            name: "shop".parse().ok(),
            access: access.parse().unwrap(),
            place: Place::Here,
            because: Because::Asked,
            lan: false,
            replace_ports: false,
            default_key: String::new(),
        }
    }

    fn entry(kind: AccessEntryType) -> AccessEntry {
        AccessEntry { kind, ..AccessEntry::default() }
    }

    #[test]
    fn only_a_tunnel_without_a_name_goes_away_by_itself() {
        let mut plan = plan(&["3000"], "private");
        let expiration =
            |plan: &Plan| made(plan, Lasting::of(plan), Timestamp::UNIX_EPOCH).custom_expiration;
        assert_eq!(expiration(&plan), None);
        plan.name = None;
        assert_eq!(expiration(&plan), Some(3600));
    }

    #[test]
    fn what_else_was_set_for_a_tunnel_stays() {
        let options = TunnelOptions { host_header: Some("h".into()), ..TunnelOptions::default() };
        let port = |port_number| TunnelPort {
            port_number,
            options: Some(options.clone()),
            ..TunnelPort::default()
        };
        let tunnel = Tunnel {
            tunnel_id: Some("shop-1".into()),
            ports: Some(vec![port(3000), port(4000)]),
            access_control: Some(AccessControl {
                entries: vec![entry(AccessEntryType::Anonymous), entry(AccessEntryType::Users)],
            }),
            ..Tunnel::default()
        };
        let changed = changed(&tunnel, &plan(&["3000:https", "5000"], "private"), Timestamp::MIN);
        let ports = changed.ports.unwrap();
        assert_eq!(ports.len(), 2);
        assert_eq!(ports[0].protocol, Some(contracts::Protocol::Https));
        assert_eq!(ports[0].options.as_ref(), Some(&options));
        assert_eq!((ports[1].port_number, &ports[1].options), (5000, &None));
        let kinds: Vec<_> =
            changed.access_control.unwrap().entries.into_iter().map(|it| it.kind).collect();
        assert_eq!(kinds, [AccessEntryType::Users]);
    }

    #[test]
    fn opening_a_tunnel_again_moves_its_end() {
        let old = Access::Anonymous("1h".parse().unwrap()).to_contract(Timestamp::UNIX_EPOCH);
        let now = Timestamp::from_second(100).unwrap();
        let access = Access::Anonymous("1h".parse().unwrap());
        let entries = changed_access(Some(&old), access, now).entries;
        assert_eq!(entries.len(), 1);
        assert_eq!(entries[0].expiration, Timestamp::from_second(3700).ok());
    }
}
