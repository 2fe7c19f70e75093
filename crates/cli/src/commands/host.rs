//! `adit host`: serves tunnels that exist on a relay, until Ctrl-C or, for a script, until it says
//! so on standard input.

mod hosted;
mod order;

use std::collections::BTreeSet;
use std::sync::Arc;

use adit_app::failure::{Code, Failure, Outcome};
use adit_app::place::Place;
use adit_app::reach::Reaches;
use adit_app::relay_url::RelayUrl;
use adit_app::service::find;
use adit_proto::id::FullId;
use adit_tunnel::host::{Command, Event, State};
use adit_tunnel::management::{Locator, Management};

use self::hosted::Hosted;
use self::order::{Order, Orders};
use crate::context::Context;
use crate::lines::{self, Lines};
use crate::report::{Report, given_up};
use crate::screen::{remark, report};
use crate::signal::{self, Requests};

/// What it takes.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
With --json it prints one event a line and takes commands on standard input, one a line:
  host <id>   stop <id>   stop   drop <id>   quit
The end of standard input is `quit`. `docs/cli.md` lists the events.

Examples:
  adit host quiet-fox-4k9x2bd.loc1
  adit host shop blog --on https://cp.relay.example.com")]
pub(crate) struct Args {
    /// The tunnels: ids, or names.
    #[arg(required = true, value_name = "TUNNEL")]
    tunnels: Vec<Locator>,

    /// The relay that they live on.
    #[arg(long, value_name = "RELAY")]
    on: Option<Place>,

    /// Show the values in the queries of requests; they are hidden otherwise.
    #[arg(long)]
    show_query: bool,
}

pub(crate) async fn run(args: Args, context: &Context) -> Outcome {
    let lines = Lines::start();
    let mut requests = Requests::listen()?;
    let relay = context.profile.relay(args.on)?;
    let management: Arc<dyn Management> = Arc::new(context.profile.service(&relay)?);
    let found =
        async { tokio::join!(find_all(&*management, &args.tunnels), Reaches::look_up(&relay)) };
    let (tunnels, reaches) = requests.unless(async { Ok(found.await) }).await?;
    let tunnels = tunnels?;
    let report = match context.json {
        true => Report::to_script(lines, args.show_query, reaches),
        false => {
            let several = tunnels.len() > 1;
            Report::to_people(context.screen, several, args.show_query, reaches)
        }
    };
    let hosted = Hosted::new(management.clone(), context.profile.places.clone());
    let run = Run { management, relay, hosted, report, initial: tunnels, failed: None };
    run.finish(requests).await
}

/// The tunnels with their clusters, in the order given and each once.
async fn find_all(service: &dyn Management, tunnels: &[Locator]) -> Outcome<Vec<FullId>> {
    let mut found = Vec::with_capacity(tunnels.len());
    for locator in tunnels {
        let tunnel = find(service, locator).await?;
        if !found.contains(&tunnel) {
            found.push(tunnel);
        }
    }
    Ok(found)
}

/// A run from its first line to its last.
struct Run {
    management: Arc<dyn Management>,
    relay: RelayUrl,
    hosted: Hosted,
    report: Report,
    /// The tunnels of the command line.
    initial: Vec<FullId>,
    /// Why the last tunnel that gave up did so.
    failed: Option<Failure>,
}

impl Run {
    async fn finish(mut self, mut requests: Requests) -> Outcome {
        let mut orders = self.start()?;
        let ended = loop {
            tokio::select! {
                (tunnel, event) = self.hosted.next() => match self.told(&tunnel, event).await {
                    Ok(()) if self.is_over() => break self.failed.take().map_or(Ok(()), Err),
                    Ok(()) => {}
                    Err(failure) => break Err(failure),
                },
                order = orders.next() => match self.obey(order).await {
                    Ok(true) => {}
                    Ok(false) => break Ok(()),
                    Err(failure) => break Err(failure),
                },
                () = requests.next() => break Ok(()),
            }
        };
        if self.report.lines().is_none() && ended.is_ok() {
            remark("ending, after the requests at hand (Ctrl-C again ends at once)");
        }
        tokio::select! {
            () = self.drain() => {}
            () = requests.next() => return Err(signal::interrupted()),
        }
        if let (Some(lines), Ok(())) = (self.report.lines(), &ended) {
            lines.print(&lines::Event::Stopped)?;
        }
        ended
    }

    /// Starts all tunnels of the command line; all of them or none.
    fn start(&mut self) -> Outcome<Orders> {
        let claims: Outcome<Vec<_>> =
            self.initial.iter().map(|tunnel| self.hosted.claim(tunnel, &self.relay)).collect();
        let claims = claims?;
        let orders = match self.report.lines() {
            Some(lines) => {
                let tunnel_ids = self.initial.iter().map(ToString::to_string).collect();
                lines.print(&lines::Event::Started { tunnel_ids })?;
                Orders::from_stdin()
            }
            None => Orders::none(),
        };
        for (tunnel, claim) in self.initial.iter().zip(claims) {
            self.hosted.start(tunnel, claim);
        }
        Ok(orders)
    }

    /// Something happened to a tunnel; `None` is its end.
    async fn told(&mut self, tunnel: &FullId, event: Option<Event>) -> Outcome {
        let Some(event) = event else {
            self.hosted.ended(tunnel);
            return Ok(());
        };
        // Before it is told: who reads the line may ask for the note next.
        if let Event::Ready { urls } | Event::UrlChanged { urls } = &event {
            let urls: Vec<_> = urls.iter().flat_map(|of| of.urls.iter().cloned()).collect();
            self.hosted.note(tunnel, &urls)?;
        }
        self.report.event(&tunnel.to_string(), &event)?;
        match event {
            Event::State(State::Error(give_up)) => {
                let failure = given_up(&tunnel.to_string(), &give_up);
                if self.report.lines().is_none() && self.initial.len() > 1 {
                    report(&failure, false);
                }
                self.failed = Some(failure);
                self.hosted.gave_up(tunnel);
                Ok(())
            }
            Event::State(state) => {
                self.hosted.is_in(tunnel, state == State::Standby);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Whether nothing more can happen: for people, when every tunnel has given up. A script decides
    /// for itself.
    fn is_over(&self) -> bool {
        self.report.lines().is_none() && self.hosted.all_gave_up()
    }

    /// Does what standard input says; `false` when that is to end.
    async fn obey(&mut self, order: Order) -> Outcome<bool> {
        let done = match order {
            Order::Quit => return Ok(false),
            Order::Host(locator) => self.host(&locator).await,
            Order::Stop(locator) => match self.hosted_as(&locator).await {
                Ok(tunnel) => {
                    self.hosted.stop(&tunnel).await;
                    Ok(())
                }
                Err(failure) => Err(failure),
            },
            Order::Drop(locator) => match self.hosted_as(&locator).await {
                Ok(tunnel) => {
                    self.hosted.tell(&tunnel, Command::Drop).await;
                    Ok(())
                }
                Err(failure) => Err(failure),
            },
            Order::StopInitial => {
                for tunnel in &self.initial {
                    self.hosted.stop(tunnel).await;
                }
                Ok(())
            }
            Order::Unknown(line) => {
                Err(Failure::new(Code::Usage, format!("`{line}` is no command"))
                    .hint("there are: host <id>, stop <id>, stop, drop <id>, quit"))
            }
        };
        match (done, self.report.lines()) {
            (Err(failure), Some(lines)) => lines.print(&failure.into())?,
            (Err(failure), None) => report(&failure, false),
            (Ok(()), _) => {}
        }
        Ok(true)
    }

    /// Hosts one more tunnel, or takes one up again: one that gave up is started anew, one that
    /// stands by is taken over.
    async fn host(&mut self, locator: &Locator) -> Outcome {
        let tunnel = find(&*self.management, locator).await?;
        if self.hosted.resume(&tunnel).await {
            return Ok(());
        }
        let claim = self.hosted.claim(&tunnel, &self.relay)?;
        self.hosted.start(&tunnel, claim);
        Ok(())
    }

    /// The tunnel that is hosted here under that id or name.
    async fn hosted_as(&self, locator: &Locator) -> Outcome<FullId> {
        if let Some(tunnel) = self.hosted.ids().find(|tunnel| names(locator, tunnel)) {
            return Ok(tunnel.clone());
        }
        let tunnel = find(&*self.management, locator).await?;
        match self.hosted.ids().any(|hosted| *hosted == tunnel) {
            true => Ok(tunnel),
            false => Err(Failure::new(Code::NotFound, format!("{tunnel} is not hosted here"))),
        }
    }

    /// Ends all hosting in good order.
    async fn drain(&mut self) {
        let tunnels: BTreeSet<FullId> = self.hosted.ids().cloned().collect();
        for tunnel in &tunnels {
            self.hosted.stop(tunnel).await;
        }
        while !self.hosted.is_empty() {
            let (tunnel, event) = self.hosted.next().await;
            // Where nobody reads any more there is still to be ended in good order.
            let _ = self.told(&tunnel, event).await;
        }
    }
}

fn names(locator: &Locator, tunnel: &FullId) -> bool {
    let cluster = locator.cluster.as_ref();
    locator.id == tunnel.tunnel && cluster.is_none_or(|cluster| *cluster == tunnel.cluster)
}
