//! `adit limits`: how much of what the user may use is used.

use adit_app::failure::{Failure, Outcome};
use adit_tunnel::management::Management;

use super::target::On;
use super::{shape, text};
use crate::context::Context;

/// What it takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    on: On,
}

pub(crate) async fn run(args: Args, context: &Context) -> Outcome {
    let service = args.on.open(context)?;
    let limits = service.rest.limits().await;
    let limits = limits.map_err(|error| Failure::service("ask for your limits", &error))?;
    if context.json {
        return shape::print("limits", &limits);
    }
    text::limit_rows(&limits).iter().try_for_each(|line| context.screen.line(line))
}
