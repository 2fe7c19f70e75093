//! Calls to services: each a task that ends with an event.

use std::fmt::Display;
use std::sync::Arc;

use adit_proto::id::FullId;
use adit_tunnel::management::{self, Filter, Management, Want};

use super::manage;
use crate::effect::Effect;
use crate::event::{Done, Event, Trouble};
use crate::place_key::PlaceKey;

/// The place that an effect asks, if it asks one.
pub(super) fn place(effect: &Effect) -> Option<&PlaceKey> {
    match effect {
        Effect::Check(place) | Effect::List { place, .. } | Effect::Create { place, .. } => {
            Some(place)
        }
        Effect::Manage { tunnel, job, .. } => Some(job.place(tunnel)),
        Effect::Show { tunnel, .. }
        | Effect::Read { tunnel, .. }
        | Effect::AddPort { tunnel, .. }
        | Effect::ChangePort { tunnel, .. }
        | Effect::DeletePort { tunnel, .. }
        | Effect::DeleteTunnel { tunnel, .. } => Some(&tunnel.place),
        Effect::Host(_)
        | Effect::Tell { .. }
        | Effect::KeepBodies { .. }
        | Effect::SendAgain { .. }
        | Effect::Setup(_)
        | Effect::Save(_)
        | Effect::Apply(_)
        | Effect::Notify(_)
        | Effect::Finish => None,
    }
}

/// Asks a service what an effect says. Effects that ask no service have no answer.
pub(super) async fn ask(service: &dyn Management, effect: Effect) -> Option<Event> {
    Some(match effect {
        Effect::List { place, serial } => {
            let filter = Filter { ports: true, access: true, ..Filter::default() };
            let result = told("list your tunnels", service.list(&filter).await);
            Event::Listed { place, serial, result }
        }
        Effect::Show { tunnel, serial } => {
            let result = service.get(&at(&tunnel.id), Want::PORTS).await;
            let result = told(format_args!("look up {}", tunnel.id), result).map(Box::new);
            Event::Shown { tunnel, serial, result }
        }
        Effect::Create { ticket, tunnel, .. } => {
            let result = service.create(&tunnel, Want::PORTS).await;
            let result = told("make the tunnel", result).map(|it| Done::Created(Box::new(it)));
            Event::Changed { ticket, result }
        }
        Effect::AddPort { ticket, tunnel, port } => {
            let result = service.create_port(&at(&tunnel.id), &port.to_contract()).await;
            let what = format_args!("add port {} to {}", port.number, tunnel.id);
            Event::Changed { ticket, result: told(what, result).map(|it| Done::Port(Box::new(it))) }
        }
        Effect::ChangePort { ticket, tunnel, port } => {
            let result = service.update_port(&at(&tunnel.id), &port.to_contract()).await;
            let what = format_args!("change port {} of {}", port.number, tunnel.id);
            Event::Changed { ticket, result: told(what, result).map(|it| Done::Port(Box::new(it))) }
        }
        Effect::DeletePort { ticket, tunnel, port } => {
            let result = service.delete_port(&at(&tunnel.id), port).await;
            let what = format_args!("remove port {port} of {}", tunnel.id);
            // That there was none is as good.
            Event::Changed { ticket, result: told(what, result).map(|_| Done::Deleted) }
        }
        Effect::DeleteTunnel { ticket, tunnel } => {
            let result = service.delete(&at(&tunnel.id)).await;
            let what = format_args!("remove {}", tunnel.id);
            Event::Changed { ticket, result: told(what, result).map(|_| Done::Deleted) }
        }
        Effect::Read { tunnel, serial } => {
            let result = manage::read(service, &tunnel.id).await.map(Box::new);
            Event::Read { tunnel, serial, result }
        }
        Effect::Manage { ticket, tunnel, job, now } => {
            let result = manage::run(service, &tunnel.id, &job, now).await;
            Event::Changed { ticket, result: result.map(Done::Managed) }
        }
        _ => return None,
    })
}

/// What an effect comes to where there is no service to ask.
pub(super) fn refuse(effect: Effect, trouble: Trouble) -> Option<Event> {
    Some(match effect {
        Effect::List { place, serial } => Event::Listed { place, serial, result: Err(trouble) },
        Effect::Show { tunnel, serial } => Event::Shown { tunnel, serial, result: Err(trouble) },
        Effect::Read { tunnel, serial } => Event::Read { tunnel, serial, result: Err(trouble) },
        Effect::Create { ticket, .. }
        | Effect::Manage { ticket, .. }
        | Effect::AddPort { ticket, .. }
        | Effect::ChangePort { ticket, .. }
        | Effect::DeletePort { ticket, .. }
        | Effect::DeleteTunnel { ticket, .. } => Event::Changed { ticket, result: Err(trouble) },
        _ => return None,
    })
}

/// Several calls share one service.
pub(super) type Service = Arc<dyn Management>;

pub(super) fn at(id: &FullId) -> management::Locator {
    id.clone().into()
}

pub(super) fn told<T>(
    what: impl Display,
    result: Result<T, management::Error>,
) -> Result<T, Trouble> {
    result.map_err(|error| Trouble::service(what, &error))
}
