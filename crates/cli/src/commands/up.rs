//! `adit up`: puts local ports at URLs until Ctrl-C.
//!
//! What is wanted is decided in [`plan`]; [`here`] and [`relay`] find or make the tunnel that it
//! asks for; [`serve`] hosts it and tells what happens.

mod header;
mod here;
mod plan;
mod qr;
mod relay;
mod serve;
mod stage;

use adit_app::access::Open;
use adit_app::durable;
use adit_app::failure::{Code, Failure, Outcome};
use adit_app::lines::Lines;
use adit_app::name::Name;
use adit_app::place::Place;
use adit_app::port::Port;
use adit_wire::clock;

use crate::check::Check;
use crate::context::Context;
use crate::project::Project;
use crate::report::Report;
use crate::signal::Requests;

/// What it takes.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  adit up 3000                      localhost:3000 at a URL
  adit up 3000 8443:https           two ports; the second speaks TLS
  adit up 3000 --lan --anonymous    for a phone on the same Wi-Fi, for 8 hours
  adit up 3000 --name shop          on a relay: the same URL each time
  adit up                           what ./adit.toml says

adit.toml, in the directory where `adit up` runs:
  ports = [3000, \"8443:https\"]
  name = \"shop\"
  access = \"anonymous=8h\"
  where = \"https://cp.relay.example.com\"

Ctrl-C finishes the requests at hand and ends with exit code 0; a second one ends at once,
with 130.")]
pub(crate) struct Args {
    /// Local ports, each a number with an optional protocol: 3000, 8443:https. Without any,
    /// ./adit.toml is read.
    #[arg(value_name = "PORT[:PROTOCOL]")]
    ports: Vec<Port>,

    /// Where the tunnel lives: `here` (a trial relay in this process), a relay's address, or
    /// `microsoft`.
    #[arg(long, value_name = "PLACE")]
    on: Option<Place>,

    /// Let the local network in, with --on here. Everybody on it can visit, so --anonymous is
    /// needed too.
    #[arg(long)]
    lan: bool,

    /// A name, which keeps the tunnel and its URL. On a relay a tunnel without one is temporary.
    #[arg(long)]
    name: Option<Name>,

    /// Let everybody visit who knows the URL, for 8 hours or another time such as 30m or 2d.
    #[arg(
        long,
        value_name = "TIME",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = Open::DEFAULT
    )]
    anonymous: Option<Open>,

    /// Remove and make again ports that the place cannot change otherwise, as Microsoft's cannot
    /// change a protocol. Their options and access entries are kept.
    #[arg(long)]
    replace_ports: bool,

    /// Show a QR code of the URL that reaches farthest.
    #[arg(long)]
    qr: bool,

    /// How often each URL that works is looked at: 10s to 1h, or off.
    #[arg(long, value_name = "TIME", default_value_t)]
    check: Check,

    /// Show the values in the queries of requests; they are hidden otherwise.
    #[arg(long)]
    show_query: bool,
}

pub(crate) async fn run(args: Args, context: &Context) -> Outcome {
    let lines = Lines::start();
    let mut requests = Requests::listen()?;
    if args.qr && context.json {
        return Err(Failure::new(Code::Usage, "--qr is for people and --json for programs")
            .hint("leave one of them out"));
    }
    let directory =
        std::env::current_dir().map_err(|error| durable::cannot("find", ".".as_ref(), &error))?;
    let project = if args.ports.is_empty() { Project::load(&directory)? } else { None };
    let (show_query, qr, check) = (args.show_query, args.qr, args.check);
    let plan = plan::make(args, project, &directory, |asked, project| {
        context.profile.choose(asked, project)
    })?;

    if !context.json {
        header::before(&plan, context.screen)?;
    }
    let stage = requests.unless(stage::set(&plan, context)).await?;
    let report = match context.json {
        true => Report::to_script(lines, show_query),
        false => Report::to_people(context.screen, false, show_query),
    };
    if !context.json {
        header::after(&plan, &stage, context.screen, clock::wall())?;
    }
    let after_ready = serve::AfterReady { plan: &plan, qr, screen: context.screen };
    serve::run(stage, report, requests, after_ready, check).await
}
