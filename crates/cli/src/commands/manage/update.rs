//! `adit update`: changes what is named of a tunnel.

use adit_app::failure::{Code, Failure, Outcome};
use adit_proto::contracts::Tunnel;
use adit_tunnel::management::{Management, Want};

use super::define::{Changed, Expiration};
use super::show::print_tunnel;
use super::target::Target;
use crate::context::Context;

/// What it takes.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  adit update shop -d 'the front' --add-labels v2 --remove-labels v1
  adit update shop --expiration 10d
  adit update --remove-labels            all labels of the default tunnel")]
pub(crate) struct Args {
    #[command(flatten)]
    target: Target,

    #[command(flatten)]
    changed: Changed,

    /// How long after its last use it goes away: 1h to 30d.
    #[arg(short, long, value_name = "TIME")]
    expiration: Option<Expiration>,
}

pub(crate) async fn run(args: Args, context: &Context) -> Outcome {
    let change = args.changed.change();
    if change.is_nothing() && args.expiration.is_none() {
        return Err(nothing_to_change("adit update"));
    }
    let (service, at) = args.target.open(context).await?;
    let failure = |error| Failure::service(format_args!("change the tunnel {at}"), &error);
    let known = service.rest.get(&at, Want::NOTHING).await.map_err(failure)?;
    let changed = Tunnel {
        custom_expiration: args.expiration.map(|expiration| expiration.0),
        ..change.of_tunnel(&known)
    };
    let changed = service.rest.update(&changed, Want::PORTS).await.map_err(failure)?;
    print_tunnel(changed, context)
}

/// A command that was not told what to change.
pub(super) fn nothing_to_change(command: &str) -> Failure {
    Failure::new(Code::Usage, "it is not said what to change")
        .hint(format!("`{command} --help` lists what can be changed"))
}
