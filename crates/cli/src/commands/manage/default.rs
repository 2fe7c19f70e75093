//! `adit set` and `adit unset`: the tunnel that is meant where none is named.

use adit_app::failure::{Failure, Outcome};
use adit_app::service::full_id;
use adit_tunnel::management::{Locator, Management, Want};
use serde_json::json;

use super::target::On;
use crate::context::Context;
use crate::screen::print_line;

/// What `adit set` takes.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Each relay has a default tunnel of its own. `adit create` sets it too.

Examples:
  adit set shop
  adit port create -p 3000    of the tunnel shop
  adit host                   the same")]
pub(crate) struct SetArgs {
    /// The tunnel: its id, or its name.
    #[arg(value_name = "TUNNEL")]
    tunnel: Locator,

    #[command(flatten)]
    on: On,
}

/// What `adit unset` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct UnsetArgs {
    #[command(flatten)]
    on: On,
}

pub(crate) async fn set(args: SetArgs, context: &Context) -> Outcome {
    let service = args.on.open(context)?;
    // Also where the id is complete: a default that does not exist helps nobody.
    let tunnel = service.rest.get(&args.tunnel, Want::NOTHING).await;
    let tunnel = tunnel.map_err(|error| {
        Failure::service(format_args!("look up the tunnel {}", args.tunnel), &error)
    })?;
    let id = full_id(&tunnel)?;
    context.profile.default_tunnels()?.put(service.relay.clone(), id.clone())?;
    if context.json {
        let line = json!({ "defaultTunnel": id, "relay": service.relay });
        return print_line(&line.to_string());
    }
    context.screen.line(format!("Default tunnel on {}: {id}", service.relay))
}

pub(crate) fn unset(args: UnsetArgs, context: &Context) -> Outcome {
    let relay = args.on.relay(context)?;
    let removed = context.profile.default_tunnels()?.remove(&relay)?;
    if context.json {
        let line = json!({ "defaultTunnel": null, "relay": relay });
        return print_line(&line.to_string());
    }
    match removed {
        Some(id) => {
            context.screen.line(format!("{id} is the default tunnel on {relay} no longer."))
        }
        None => context.screen.line(format!("There was no default tunnel on {relay}.")),
    }
}
