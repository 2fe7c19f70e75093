//! `adit host`: serves tunnels that exist.
//!
//! One process of a user hosts, the *owner* of the state directory; [`owner`] is that. A second `adit host`
//! hands its tunnels over to the owner and [`follow`]s their events; when the owner ends, it is the next. An owner
//! without a window gives way to the desktop app, and follows that.

mod errand;
mod follow;
mod hosted;
mod order;
mod owner;
mod prepare;
pub(super) mod services;

use std::sync::Arc;
use std::time::Duration;

use adit_app::claim::Claim;
use adit_app::failure::{Code, Failure, Outcome};
use adit_app::lines::{Event, Lines};
use adit_app::place::Place;
use adit_proto::id::FullId;
use adit_tunnel::management::Locator;
use adit_wire::clock;

use self::errand::Errand;
use self::follow::{Followed, Input};
use self::order::Orders;
use self::owner::Finished;
use self::prepare::{With, prepare};
use self::services::{Service, Services};
use crate::check::Check;
use crate::context::Context;
use crate::manager::Manager;
use crate::report::Report;
use crate::screen::remark;
use crate::signal::{self, Requests};

/// What it takes.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
With --json it prints one event a line and takes commands on standard input, one a line:
  host <id>   stop <id>   stop   drop <id>   list   quit
The end of standard input is `quit`. `docs/cli.md` lists the events.

A second `adit host` hands its tunnels to the one that runs already and shows their events;
Ctrl-C then ends only what the second one added.

Examples:
  adit host quiet-fox-4k9x2bd.loc1
  adit host shop blog --on https://cp.relay.example.com
  adit host                            the default tunnel (see `adit set`)
  adit host -p 3000                    a new tunnel, which is deleted at the end
  adit host -p 3000 --allow-anonymous  the same, open to everybody for 8 hours")]
pub(crate) struct Args {
    /// The tunnels: ids, or names. Without any, the default one, or with --port-numbers a new one.
    #[arg(value_name = "TUNNEL")]
    pub(crate) tunnels: Vec<Locator>,

    /// The relay that they live on, or `microsoft`.
    #[arg(long, value_name = "PLACE")]
    pub(crate) on: Option<Place>,

    /// Fail if another `adit host` or the desktop app hosts already, instead of joining it.
    #[arg(long)]
    pub(crate) exclusive: bool,

    /// How often each URL that works is looked at: 10s to 1h, or off.
    #[arg(long, value_name = "TIME", default_value_t)]
    pub(crate) check: Check,

    /// Keep the tunnels from running out while they are hosted: their own life is given to them anew.
    #[arg(long)]
    pub(crate) renew: bool,

    /// Show the values in the queries of requests; they are hidden otherwise.
    #[arg(long)]
    pub(crate) show_query: bool,

    #[command(flatten)]
    pub(crate) with: With,
}

/// How long the owner may hold its lock without listening: it does so while it starts and while it ends.
const UNHEARD: Duration = Duration::from_secs(5);

/// How long who gave way waits for who asked for that to listen.
const GIVEN_WAY: Duration = Duration::from_secs(10);

/// How long who followed leaves the claim to others when the owner has ended: it may have given way to one that has asked,
/// and that hosts for all.
const COURTESY: Duration = Duration::from_millis(300);

/// How soon it is looked for again.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

pub(crate) async fn run(args: Args, context: &Context) -> Outcome {
    let lines = Lines::start();
    let mut requests = Requests::listen()?;
    let mut services = Services::new(context);
    let place = services.place(args.on)?;
    let service = requests.unless(services.get(&place)).await?;
    let prepared = prepare(&*service.management, args.tunnels, args.with, &place, context);
    let prepared = requests.unless(prepared).await?;
    let tunnels = requests.unless(service.find_all(&prepared.tunnels)).await?;
    let report = match context.json {
        true => Report::to_script(lines, args.show_query),
        false => Report::to_people(context.screen, tunnels.len() > 1, args.show_query),
    };
    let (check, show_query, renew) = (args.check, args.show_query, args.renew);
    let wanted = Wanted { tunnels, place, check, show_query, renew, exclusive: args.exclusive };
    let ended = serve(wanted, services, &service, report, requests, context).await;
    prepared.take_back(&*service.management, ended).await
}

/// Hosts as the owner, or follows who is, until it is to end.
async fn serve(
    mut wanted: Wanted,
    mut services: Services<'_>,
    service: &Arc<Service>,
    mut report: Report,
    mut requests: Requests,
    context: &Context,
) -> Outcome {
    let (mut orders, mut unheard_until, mut leaves_it_until) = (None, None, None);
    let (mut errand, manager) = (Errand::default(), Manager::new());
    loop {
        // Who gave way leaves the claim to who asked for that.
        let taken = match leaves_it_until {
            Some(until) if clock::now() < until => None,
            _ => Some(Claim::take(&context.profile.places.owner(), "adit host")),
        };
        let failure = match taken {
            Some(Ok(claim)) => {
                let run = owner::Run::new(wanted, services, report, errand, claim, context)?;
                let Finished::GaveWay(rest) = run.finish(requests, orders).await? else {
                    return Ok(());
                };
                let rest = *rest;
                (wanted, services, report) = (rest.wanted, rest.services, rest.report);
                (errand, requests, orders) = (rest.errand, rest.requests, Some(rest.orders));
                (unheard_until, leaves_it_until) = (None, Some(clock::now() + GIVEN_WAY));
                continue;
            }
            Some(Err(failure)) if failure.code != Code::AlreadyRunning || wanted.exclusive => {
                return Err(failure);
            }
            Some(Err(failure)) => Some(failure),
            None => None,
        };
        let input = Input { requests: &mut requests, orders: &mut orders, errand: &mut errand };
        match follow::run(&mut wanted, service, &mut report, input, context).await? {
            Followed::Ended(ended) => return ended,
            Followed::NobodyThere => {
                if let Some(failure) = failure {
                    let until = *unheard_until.get_or_insert(clock::now() + UNHEARD);
                    if clock::now() >= until {
                        return Err(unheard(failure));
                    }
                }
                // Who waits for others does not hang.
                manager.alive();
                tokio::select! {
                    () = clock::sleep(LOOK_AGAIN) => {}
                    // Nothing is hosted meanwhile that would have to end.
                    () = requests.next() => {
                        return match orders {
                            Some(_) => report.of_run(Event::Stopped),
                            None => Err(signal::interrupted()),
                        };
                    }
                }
            }
            Followed::OwnerEnded => {
                (unheard_until, leaves_it_until) = (None, Some(clock::now() + COURTESY));
                if !report.is_for_script() {
                    remark("the adit that hosted this has ended; this one goes on");
                }
            }
        }
    }
}

/// What the command line asks for.
struct Wanted {
    /// In the order given, each once.
    tunnels: Vec<FullId>,
    /// Where they live, as `--on` takes it.
    place: String,
    /// Counts for whoever hosts; one who joins another goes by the other's.
    check: Check,
    show_query: bool,
    /// Whether they are kept from running out.
    renew: bool,
    /// Whether nobody else may host.
    exclusive: bool,
}

impl Wanted {
    fn ids(&self) -> Vec<String> {
        self.tunnels.iter().map(ToString::to_string).collect()
    }

    /// The first line, which a run has once whoever hosts.
    fn begin(&self, report: &Report, orders: &mut Option<Orders>) -> Outcome {
        if orders.is_some() {
            return Ok(());
        }
        report.of_run(Event::Started { tunnel_ids: self.ids() })?;
        *orders = Some(match report.is_for_script() {
            true => Orders::from_stdin(),
            false => Orders::none(),
        });
        Ok(())
    }
}

/// The owner holds the lock and does not listen, for longer than it takes to start or to end.
fn unheard(failure: Failure) -> Failure {
    failure.hint("it cannot be asked to host these too; try again, or end it first")
}
