//! `adit show`: a tunnel with its ports.

use adit_app::failure::{Failure, Outcome};
use adit_app::service::full_id;
use adit_proto::contracts::Tunnel;
use adit_tunnel::management::{Management, Want};
use adit_wire::clock;

use super::target::Target;
use super::{shape, text};
use crate::context::Context;

/// What it takes.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  adit show            the default tunnel
  adit show shop -j    as JSON")]
pub(crate) struct Args {
    #[command(flatten)]
    target: Target,
}

pub(crate) async fn run(args: Args, context: &Context) -> Outcome {
    let (service, at) = args.target.open(context).await?;
    let tunnel = service.rest.get(&at, Want::PORTS).await;
    let tunnel =
        tunnel.map_err(|error| Failure::service(format_args!("show the tunnel {at}"), &error))?;
    print_tunnel(tunnel, context)
}

/// Prints a tunnel, for a script or for people.
pub(super) fn print_tunnel(tunnel: Tunnel, context: &Context) -> Outcome {
    let (id, now) = (full_id(&tunnel)?, clock::wall());
    if context.json {
        return shape::print("tunnel", &shape::Tunnel::whole(tunnel, &id, now));
    }
    text::tunnel(&tunnel, &id, now).iter().try_for_each(|line| context.screen.line(line))
}
