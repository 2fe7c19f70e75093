//! `adit list`: the user's tunnels.

use adit_app::failure::{Failure, Outcome};
use adit_app::service::full_id;
use adit_tunnel::management::{Filter, Management};
use adit_wire::clock;

use super::target::On;
use super::{shape, text};
use crate::context::Context;

/// What it takes.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  adit list
  adit list -l web api     those with one of these labels
  adit list -j             as JSON, for example for jq '.tunnels[].tunnelId'")]
pub(crate) struct Args {
    /// Only those with one of these labels, separated by spaces.
    #[arg(short, long, alias = "tags", value_name = "LABEL", num_args = 1..)]
    labels: Vec<String>,

    /// Only those with all of these labels.
    #[arg(long, alias = "all-tags", value_name = "LABEL", num_args = 1.., conflicts_with = "labels")]
    all_labels: Vec<String>,

    /// At most so many.
    #[arg(long, value_name = "COUNT")]
    limit: Option<usize>,

    /// Also those that others share with you.
    #[arg(long)]
    shared: bool,

    #[command(flatten)]
    on: On,
}

pub(crate) async fn run(args: Args, context: &Context) -> Outcome {
    let service = args.on.open(context)?;
    let all_labels = !args.all_labels.is_empty();
    let labels = if all_labels { args.all_labels } else { args.labels };
    let filter = Filter { labels, all_labels, owned: !args.shared, ..Filter::default() };
    let tunnels = service.rest.list(&filter).await;
    let tunnels = tunnels.map_err(|error| Failure::service("list the tunnels", &error))?;
    let chosen = tunnels.into_iter().take(args.limit.unwrap_or(usize::MAX));
    let tunnels: Vec<_> =
        chosen.map(|tunnel| Ok((full_id(&tunnel)?, tunnel))).collect::<Outcome<_>>()?;
    let now = clock::wall();
    if context.json {
        let rows = tunnels.into_iter().map(|(id, tunnel)| shape::Tunnel::row(tunnel, &id, now));
        return shape::print("tunnels", &rows.collect::<Vec<_>>());
    }
    match tunnels.len() {
        0 => return context.screen.line("No tunnels found."),
        1 => context.screen.line("Found 1 tunnel.")?,
        count => context.screen.line(format!("Found {count} tunnels."))?,
    }
    context.screen.line("")?;
    text::tunnel_rows(&tunnels, now).iter().try_for_each(|line| context.screen.line(line))
}
