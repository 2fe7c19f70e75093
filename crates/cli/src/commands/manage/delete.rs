//! `adit delete` and `adit delete-all`: tunnels that are gone for good.

use adit_app::failure::{Code, Failure, Outcome};
use adit_app::service::{find, full_id};
use adit_proto::id::FullId;
use adit_tunnel::management::{Filter, Management};

use super::confirm::confirm;
use super::shape;
use super::target::{On, Service, Target};
use crate::context::Context;

/// What `adit delete` takes.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Whoever hosts the tunnel is cut off, and its URLs mean nothing any more. It is asked first, unless
-f is given; where nobody can be asked, -f must be given.

Examples:
  adit delete shop
  adit delete shop -f -j    for a script")]
pub(crate) struct Args {
    #[command(flatten)]
    target: Target,

    /// Do not ask.
    #[arg(short, long)]
    force: bool,
}

/// What `adit delete-all` takes.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Tunnels that others share with you are not yours and stay.

Examples:
  adit delete-all
  adit delete-all -f -j    for a script")]
pub(crate) struct AllArgs {
    /// Do not ask.
    #[arg(short, long)]
    force: bool,

    #[command(flatten)]
    on: On,
}

pub(crate) async fn run(args: Args, context: &Context) -> Outcome {
    let (service, at) = args.target.open(context).await?;
    let id = find(&service.rest, &at).await?;
    confirm(format!("Delete {id}, for good?"), args.force).await?;
    if !delete(&service, &id, context).await? {
        let message = format!("there is no tunnel {id} on {}", service.relay);
        return Err(Failure::new(Code::NotFound, message).hint("see: adit list"));
    }
    match context.json {
        true => shape::print("deletedTunnel", &id),
        false => context.screen.line(format!("Deleted: {id}")),
    }
}

pub(crate) async fn run_all(args: AllArgs, context: &Context) -> Outcome {
    let service = args.on.open(context)?;
    let own = Filter { owned: true, ..Filter::default() };
    let tunnels = service.rest.list(&own).await;
    let tunnels = tunnels.map_err(|error| Failure::service("list the tunnels", &error))?;
    let ids: Vec<FullId> = tunnels.iter().map(full_id).collect::<Outcome<_>>()?;
    if !ids.is_empty() {
        let all = ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let count = ids.len();
        confirm(format!("Delete these {count} tunnels, for good? {all}."), args.force).await?;
    }
    let mut deleted = Vec::new();
    let mut ended = Ok(());
    for id in ids {
        match delete(&service, &id, context).await {
            Ok(true) => deleted.push(id),
            // Somebody else was faster.
            Ok(false) => {}
            Err(failure) => {
                ended = Err(failure);
                break;
            }
        }
    }
    // What is gone is said, however it went on.
    match context.json {
        true => shape::print("deletedTunnels", &deleted)?,
        false if deleted.is_empty() && ended.is_ok() => context.screen.line("No tunnels found.")?,
        false => {
            deleted.iter().try_for_each(|id| context.screen.line(format!("Deleted: {id}")))?;
        }
    }
    ended
}

/// Deletes a tunnel; `false` when there was none. It is the default one no longer.
async fn delete(service: &Service, id: &FullId, context: &Context) -> Outcome<bool> {
    let deleted = service.rest.delete(&id.clone().into()).await;
    let deleted = deleted
        .map_err(|error| Failure::service(format_args!("delete the tunnel {id}"), &error))?;
    let mut defaults = context.profile.default_tunnels()?;
    if defaults.of(&service.relay) == Some(id) {
        defaults.remove(&service.relay)?;
    }
    Ok(deleted)
}
