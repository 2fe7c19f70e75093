//! A second `adit host`: its tunnels are hosted by the one that runs already, whose events it shows.

use adit_app::control::{Client, Reply, Request};
use adit_app::failure::{Code, Failure, Outcome};
use adit_app::lines::Event;
use adit_tunnel::management::Locator;

use super::Wanted;
use super::order::{Order, Orders};
use super::owner::unknown_order;
use super::services::Service;
use crate::context::Context;
use crate::report::Report;
use crate::screen::remark;
use crate::signal::Requests;

/// How the following ended.
pub(super) enum Followed {
    /// The run is over.
    Ended(Outcome),
    /// Nobody listens in the state directory.
    NobodyThere,
    /// The process that hosted has ended: somebody else's turn.
    OwnerEnded,
}

/// Hands the tunnels over and shows what becomes of them.
pub(super) async fn run(
    wanted: &Wanted,
    service: &Service,
    report: &mut Report,
    requests: &mut Requests,
    orders: &mut Option<Orders>,
    context: &Context,
) -> Outcome<Followed> {
    let Some(mut owner) = Client::connect(&context.profile.places.state).await else {
        return Ok(Followed::NobodyThere);
    };
    let request = host(wanted, wanted.ids());
    match owner.ask(&request).await {
        Ok(_) => {}
        // It went between the look and the question.
        Err(failure) if failure.code == Code::Internal => return Ok(Followed::OwnerEnded),
        Err(failure) => return Err(failure),
    }
    wanted.begin(report, orders)?;
    if !report.is_for_script() {
        remark("hosted by the adit that runs already; Ctrl-C ends only what was added here");
    }
    let Some(orders) = orders else { return Ok(Followed::NobodyThere) };
    loop {
        tokio::select! {
            reply = owner.next() => match reply {
                Some(reply) => show(reply?, service, report)?,
                None => return Ok(Followed::OwnerEnded),
            },
            order = orders.next() => {
                if !obey(order, wanted, service, &mut owner, report).await? {
                    return end(report);
                }
            }
            () = requests.next() => return end(report),
        }
    }
}

/// The connection is dropped with the client, and with it what only this process wanted.
fn end(report: &Report) -> Outcome<Followed> {
    report.of_run(Event::Stopped)?;
    Ok(Followed::Ended(Ok(())))
}

fn host(wanted: &Wanted, tunnels: Vec<String>) -> Request {
    let (place, show_query, renew) = (wanted.place.clone(), wanted.show_query, wanted.renew);
    Request::Host { tunnels, place, show_query, renew }
}

fn show(reply: Reply, service: &Service, report: &mut Report) -> Outcome {
    match reply {
        Reply::Told { tunnel_id, told } => report.line(&tunnel_id, told, &service.reaches),
        Reply::Failed(failure) => report.failure(failure),
        Reply::Status(status) => status.tunnels.into_iter().try_for_each(|tunnel| {
            let tunnel_id = tunnel.tunnel_id.clone();
            let line = Event::Status { status: Box::new(tunnel) };
            report.line(&tunnel_id, line, &service.reaches)
        }),
        Reply::Done { .. } => Ok(()),
    }
}

/// Does what standard input says; `false` when that is to end.
async fn obey(
    order: Order,
    wanted: &Wanted,
    service: &Service,
    owner: &mut Client,
    report: &Report,
) -> Outcome<bool> {
    let request = match order {
        Order::Quit => return Ok(false),
        Order::Host(locator) => find(service, &locator).await.map(|id| host(wanted, vec![id])),
        Order::Stop(locator) => {
            find(service, &locator).await.map(|id| Request::Stop { tunnels: vec![id] })
        }
        Order::Drop(locator) => {
            find(service, &locator).await.map(|tunnel| Request::Drop { tunnel })
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

async fn find(service: &Service, locator: &Locator) -> Outcome<String> {
    let found = service.find_all(std::slice::from_ref(locator)).await?;
    found
        .first()
        .map(ToString::to_string)
        .ok_or_else(|| Failure::new(Code::NotFound, format!("there is no tunnel {locator}")))
}
