//! A second `adit host`: its tunnels are hosted by the one that runs already, whose events it shows.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use adit_app::control::{Client, Reply, Request};
use adit_app::failure::{Code, Failure, Outcome};
use adit_app::lines::{Event, State};
use adit_wire::clock;

use super::Wanted;
use super::errand::{Errand, full};
use super::order::{Order, Orders, unknown_order};
use super::services::Service;
use crate::context::Context;
use crate::manager::Manager;
use crate::report::Report;
use crate::screen::remark;
use crate::signal::Requests;

/// How long the owner may take to end what only this process wanted. Each tunnel gets less for what is at hand, the
/// goodbye and its endpoint together.
const LEAVE: Duration = Duration::from_secs(20);

/// How the following ended.
pub(super) enum Followed {
    /// The run is over.
    Ended(Outcome),
    /// Nobody listens in the state directory.
    NobodyThere,
    /// The process that hosted has ended: somebody else's turn.
    OwnerEnded,
}

/// What reaches this process from outside, whoever hosts.
pub(super) struct Input<'a> {
    pub(super) requests: &'a mut Requests,
    pub(super) orders: &'a mut Option<Orders>,
    pub(super) errand: &'a mut Errand,
}

/// Hands the tunnels over and shows what becomes of them.
pub(super) async fn run(
    wanted: &mut Wanted,
    service: &Arc<Service>,
    report: &mut Report,
    input: Input<'_>,
    context: &Context,
) -> Outcome<Followed> {
    let Input { requests, orders, errand } = input;
    let Some(mut owner) = Client::connect(&context.profile.places.state).await else {
        return Ok(Followed::NobodyThere);
    };
    let request = host(wanted, wanted.ids());
    if requests.unless(owner.try_ask(&request)).await?.is_none() {
        return Ok(Followed::NobodyThere);
    }
    wanted.begin(report, orders)?;
    if !report.is_for_script() {
        remark("hosted by the adit that runs already; Ctrl-C ends only what was added here");
    }
    let Some(orders) = orders else { return Ok(Followed::NobodyThere) };
    let manager = Manager::new();
    manager.ready();
    manager.alive();
    manager.hosted(0, wanted.tunnels.len());
    let mut alive = manager.every().map(|every| clock::now() + every);
    let mut standing = Standing::default();
    loop {
        tokio::select! {
            reply = owner.next() => match reply {
                Some(reply) => {
                    let reply = reply?;
                    if standing.hear(&reply) {
                        manager.hosted(standing.hosted(), wanted.tunnels.len());
                    }
                    show(reply, service, report)?;
                    // A service is there for what is started again, too.
                    let can_end = !report.is_for_script()
                        && (standing.failed.is_some() || !manager.is_there());
                    if can_end && standing.is_over(wanted) {
                        if standing.failed.is_none() {
                            remark("stopped by somebody in the adit that hosts it");
                        }
                        leave(&mut owner, service, report, requests).await?;
                        let failed = standing.failed.map(|(_, failure)| failure);
                        return Ok(Followed::Ended(failed.map_or(Ok(()), Err)));
                    }
                }
                None => {
                    wanted.tunnels.retain(|tunnel| standing.goes_on(&tunnel.to_string()));
                    if !wanted.tunnels.is_empty() || report.is_for_script() {
                        return Ok(Followed::OwnerEnded);
                    }
                    remark("the adit that hosted this has ended, and nothing is left to host here");
                    report.of_run(Event::Stopped)?;
                    return Ok(Followed::Ended(Ok(())));
                }
            },
            order = orders.next(), if errand.is_idle() => match order.to_look_up() {
                Some(locator) => errand.begin(order, locator, service.clone()),
                None if !obey(order, wanted, &standing, &mut owner, report).await? => break,
                None => {}
            },
            found = errand.done() => match found {
                Ok(order) => drop(obey(order, wanted, &standing, &mut owner, report).await?),
                Err(failure) => report.failure(failure)?,
            },
            () = clock::sleep_until_maybe(alive) => {
                manager.alive();
                alive = manager.every().map(|every| clock::now() + every);
            }
            () = requests.next() => break,
        }
    }
    manager.stopping();
    if !report.is_for_script() {
        remark("ending, after the requests at hand (Ctrl-C again ends at once)");
    }
    leave(&mut owner, service, report, requests).await?;
    report.of_run(Event::Stopped)?;
    Ok(Followed::Ended(Ok(())))
}

/// How it stands with the tunnels, as far as it decides something here.
#[derive(Default)]
struct Standing {
    tunnels: BTreeMap<String, How>,
    /// Why the last one that gave up did so, unless it has been started again.
    failed: Option<(String, Failure)>,
}

/// How a tunnel is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum How {
    OnItsWay,
    Hosted,
    StandsBy,
    /// By somebody, there.
    Stopped,
    GaveUp,
}

impl Standing {
    /// Takes in what is told; whether that changes how many are hosted.
    fn hear(&mut self, reply: &Reply) -> bool {
        let before = self.hosted();
        let (tunnel, how) = match reply {
            Reply::GaveUp { tunnel_id, failure } => {
                self.failed = Some((tunnel_id.clone(), failure.clone()));
                (tunnel_id, How::GaveUp)
            }
            Reply::Told { tunnel_id, told: Event::Standby } => (tunnel_id, How::StandsBy),
            Reply::Told { tunnel_id, told: Event::State { state, .. } } => {
                let how = match state {
                    State::Hosting => How::Hosted,
                    State::Stopped => How::Stopped,
                    // When it has given up the reason follows.
                    _ => How::OnItsWay,
                };
                (tunnel_id, how)
            }
            _ => return false,
        };
        if !matches!(how, How::GaveUp | How::Stopped) {
            self.failed.take_if(|(failed, _)| failed == tunnel);
        }
        self.tunnels.insert(tunnel.clone(), how);
        self.hosted() != before
    }

    /// How many are hosted.
    fn hosted(&self) -> usize {
        self.tunnels.values().filter(|how| **how == How::Hosted).count()
    }

    fn stands_by(&self, tunnel: &str) -> bool {
        self.tunnels.get(tunnel) == Some(&How::StandsBy)
    }

    /// Whether this process hosts the tunnel when the owner has ended: not what somebody stopped there, and not what
    /// stands by, because whoever hosts that anew takes it from the host that has it.
    fn goes_on(&self, tunnel: &str) -> bool {
        !matches!(self.tunnels.get(tunnel), Some(How::StandsBy | How::Stopped))
    }

    /// Whether nothing more can happen.
    fn is_over(&self, wanted: &Wanted) -> bool {
        let is_over = |id| matches!(self.tunnels.get(id), Some(How::Stopped | How::GaveUp));
        wanted.ids().iter().all(is_over)
    }
}

fn stuck() -> Failure {
    Failure::new(Code::Internal, "the adit that runs already does not end what was added here")
        .hint("see what it does with: adit status")
}

/// Waits until what only this process wanted is hosted no longer, and shows what happens to it meanwhile.
async fn leave(
    owner: &mut Client,
    service: &Service,
    report: &mut Report,
    requests: &mut Requests,
) -> Outcome {
    if owner.send(&Request::Leave).await.is_err() {
        // It has ended, and with it what it hosted.
        return Ok(());
    }
    let leaving = async {
        loop {
            match owner.next().await {
                // One that ends instead of answering has ended its tunnels.
                Some(Ok(Reply::Left)) | None => return Ok(()),
                Some(reply) => show(reply?, service, report)?,
            }
        }
    };
    let until = clock::now() + LEAVE;
    let in_time =
        async { clock::until(until, leaving).await.unwrap_or_else(|clock::Late| Err(stuck())) };
    requests.unless(in_time).await
}

fn host(wanted: &Wanted, tunnels: Vec<String>) -> Request {
    let (place, show_query, renew) = (wanted.place.clone(), wanted.show_query, wanted.renew);
    Request::Host { tunnels, place, show_query, renew }
}

fn show(reply: Reply, service: &Service, report: &mut Report) -> Outcome {
    match reply {
        Reply::Told { tunnel_id, told } => report.line(&tunnel_id, told, &service.reaches),
        Reply::Failed(failure) => report.failure(failure),
        // Told as the state, to scripts; to people as how the command ends.
        Reply::GaveUp { .. } => Ok(()),
        Reply::Status(status) => status.tunnels.into_iter().try_for_each(|tunnel| {
            let tunnel_id = tunnel.tunnel_id.clone();
            let line = Event::Status { status: Box::new(tunnel) };
            report.line(&tunnel_id, line, &service.reaches)
        }),
        Reply::Done { .. } | Reply::Left => Ok(()),
    }
}

/// Does what standard input says; `false` when that is to end. What is wanted is remembered: when the owner
/// ends, this process hosts it.
async fn obey(
    order: Order,
    wanted: &mut Wanted,
    standing: &Standing,
    owner: &mut Client,
    report: &Report,
) -> Outcome<bool> {
    let request = match order {
        Order::Quit => return Ok(false),
        // To stop none would be to stop all that the other one hosts.
        Order::StopInitial if wanted.tunnels.is_empty() => return Ok(true),
        Order::Host(locator) => full(&locator).map(|tunnel| {
            let id = tunnel.to_string();
            if !wanted.tunnels.contains(&tunnel) {
                wanted.tunnels.push(tunnel);
            }
            match standing.stands_by(&id) {
                true => Request::TakeOver { tunnel: id },
                false => host(wanted, vec![id]),
            }
        }),
        Order::Stop(locator) => full(&locator).map(|tunnel| {
            wanted.tunnels.retain(|other| *other != tunnel);
            Request::Stop { tunnels: vec![tunnel.to_string()] }
        }),
        Order::Drop(locator) => {
            full(&locator).map(|tunnel| Request::Drop { tunnel: tunnel.to_string() })
        }
        Order::StopInitial => Ok(Request::Stop { tunnels: wanted.ids() }),
        Order::List => Ok(Request::Status),
        Order::Unknown(line) => Err(unknown_order(&line)),
    };
    match request {
        // The answer comes among the events.
        Ok(request) => owner.send(&request).await?,
        Err(failure) => report.failure(failure)?,
    }
    Ok(true)
}
