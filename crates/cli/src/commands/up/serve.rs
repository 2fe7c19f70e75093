//! Hosts the tunnel of `adit up`, tells what happens, and ends in good order.

use std::time::Duration;

use adit_app::control::{self, Asked, Reply, Request};
use adit_app::embedded::Relay;
use adit_app::failure::{Code, Failure, Outcome};
use adit_app::lines::{self, given_up};
use adit_app::reach::Reaches;
use adit_app::status::Tunnel;
use adit_tunnel::host::{Command, Config, Event, Host, HostHandle, PortUrls, State};
use adit_tunnel::management::Locator;
use adit_wire::change::Watcher;
use adit_wire::{clock, net};
use tokio::sync::watch;

use super::header;
use super::plan::Plan;
use super::stage::{LanUrl, Stage};
use crate::check::Check;
use crate::report::Report;
use crate::screen::{Screen, remark};
use crate::signal::{self, Requests};

/// What is shown once the URLs are there.
#[derive(Clone, Copy, Debug)]
pub(super) struct AfterReady<'a> {
    pub(super) plan: &'a Plan,
    pub(super) qr: bool,
    pub(super) screen: Screen,
}

/// How long a local server may take to answer when it is looked for.
const LOOK: Duration = Duration::from_millis(500);

/// How long the trial relay's connections have to end by themselves.
const GRACE: Duration = Duration::from_secs(3);

/// Hosts until somebody wants to end, or it cannot go on.
pub(super) async fn run(
    stage: Stage,
    mut report: Report,
    mut requests: Requests,
    after_ready: AfterReady<'_>,
    check: Check,
) -> Outcome {
    let tunnel = stage.tunnel.to_string();
    report.of_run(lines::Event::Started { tunnel_ids: vec![tunnel.clone()] })?;
    let locator = Locator::from(stage.tunnel.clone());
    let mut config =
        Config::new(stage.management.clone(), stage.connector.clone(), locator.clone());
    config.health = check.interval();
    config.changes = Some(Watcher::spawn());
    let mut host = Host::spawn(config);
    let desk = Desk::new(&tunnel, &after_ready);
    let mut control = control::Server::listen(stage.claim.directory(), desk.status.subscribe())?;
    let mut served = Served { tunnel: &tunnel, stage: &stage, after_ready, was_ready: false, desk };
    let ended = loop {
        tokio::select! {
            event = host.next() => match event {
                Some(event) => if let Err(failure) = served.event(event, &mut report).await {
                    break Err(failure);
                },
                None => break Err(Failure::new(Code::Internal, "the host engine ended by itself")),
            },
            asked = control.next() => if !obey(asked, &host, &tunnel).await { break Ok(()) },
            () = requests.next() => break match served.was_ready {
                true => Ok(()),
                false => Err(signal::interrupted()),
            },
        }
    };
    let people = !report.is_for_script();
    if people && ended.is_ok() {
        remark("ending, after the requests at hand (Ctrl-C again ends at once)");
    }
    drop(served);
    let Stage { management, server, temporary, claim, reaches, .. } = stage;
    let wind_down = async {
        drain(host, &tunnel, &mut report, &reaches).await;
        if temporary && let Err(error) = management.delete(&locator).await {
            let failure = Failure::service(format_args!("remove the tunnel {tunnel}"), &error);
            remark(format!("{}; the relay removes it within an hour", failure.message));
        }
        if let Some(server) = server {
            shut_down(server).await;
        }
        control.close().await;
        drop(claim);
    };
    tokio::select! {
        () = wind_down => {}
        () = requests.next() => return Err(signal::interrupted()),
    }
    if ended.is_ok() {
        report.of_run(lines::Event::Stopped)?;
    }
    ended
}

/// The tunnel while it is served.
struct Served<'a> {
    tunnel: &'a str,
    stage: &'a Stage,
    after_ready: AfterReady<'a>,
    was_ready: bool,
    desk: Desk,
}

impl Served<'_> {
    async fn event(&mut self, mut event: Event, report: &mut Report) -> Outcome {
        if let Event::Ready { urls } | Event::UrlChanged { urls } = &mut event {
            add_lan(urls, &self.stage.lan);
            // Before it is told: who reads the line may ask for the note next.
            self.stage.claim.note_or_warn(&all(urls));
        }
        self.desk.tell(&event);
        report.event(self.tunnel, &event, &self.stage.reaches)?;
        match &event {
            Event::Ready { urls } => self.ready(urls, report).await,
            Event::State(State::Error(give_up)) => Err(given_up(self.tunnel, give_up)),
            _ => Ok(()),
        }
    }

    async fn ready(&mut self, urls: &[PortUrls], report: &Report) -> Outcome {
        self.was_ready = true;
        let AfterReady { plan, qr, screen } = self.after_ready;
        if report.is_for_script() {
            return Ok(());
        }
        header::ready(plan, urls, &self.stage.reaches, qr, screen)?;
        for port in &plan.ports {
            let number = port.number;
            if net::connect_local(number, clock::now() + LOOK).await.is_err() {
                screen.line(format!(
                    "Nothing answers on local port {number} yet; visitors get an error page until \
                     your server runs"
                ))?;
            }
        }
        Ok(())
    }
}

/// What other processes can ask about this one.
struct Desk {
    status: watch::Sender<control::Status>,
}

impl Desk {
    fn new(tunnel: &str, after_ready: &AfterReady<'_>) -> Self {
        let plan = after_ready.plan;
        let name = plan.name.as_ref().map(ToString::to_string);
        let tunnel = Tunnel::new(tunnel, plan.place.to_string(), name, clock::wall());
        let (pid, program) = (std::process::id(), "up".to_owned());
        let tunnels = vec![tunnel];
        Self { status: watch::Sender::new(control::Status { pid, program, tunnels }) }
    }

    fn tell(&self, event: &Event) {
        self.status.send_if_modified(|status| {
            let before = status.tunnels.clone();
            status.tunnels.iter_mut().for_each(|tunnel| tunnel.apply(event, clock::wall()));
            status.tunnels != before
        });
    }
}

/// Does what another process asks; `false` when that is to end.
async fn obey(asked: Asked, host: &HostHandle, tunnel: &str) -> bool {
    let Asked::Request { request, answers, .. } = asked else { return true };
    let named = match &request {
        Request::Stop { tunnels } => tunnels.iter().all(|named| named == tunnel),
        Request::Retry { tunnel: named }
        | Request::TakeOver { tunnel: named }
        | Request::Drop { tunnel: named } => named == tunnel,
        Request::Host { .. }
        | Request::Leave
        | Request::Show
        | Request::GiveWay
        | Request::Status
        | Request::Watch => true,
    };
    if !named {
        let failure = Failure::new(Code::NotFound, format!("this process hosts {tunnel} only"));
        answers.try_send(Reply::Failed(failure.hint("see what is hosted, with: adit status")));
        return true;
    }
    let command = match request {
        Request::Stop { .. } => {
            answers.try_send(Reply::Done { tunnels: vec![tunnel.to_owned()] });
            return false;
        }
        Request::Retry { .. } => Command::RetryNow,
        Request::TakeOver { .. } => Command::TakeOver,
        Request::Drop { .. } => Command::Drop,
        Request::Host { .. }
        | Request::Leave
        | Request::Show
        | Request::GiveWay
        | Request::Status
        | Request::Watch => {
            let failure =
                Failure::new(Code::Refused, "`adit up` hosts no more than its own tunnel");
            answers.try_send(Reply::Failed(failure.hint("host others with: adit host <id>")));
            return true;
        }
    };
    host.command(command).await;
    answers.try_send(Reply::Done { tunnels: vec![tunnel.to_owned()] });
    true
}

/// The relay does not tell of these addresses: they are not for others than its owner to give out.
fn add_lan(urls: &mut [PortUrls], lan: &[LanUrl]) {
    for PortUrls { port, urls } in urls {
        let of_port = lan.iter().filter(|lan| lan.port == *port);
        urls.extend(of_port.map(|lan| lan.url.clone()));
    }
}

fn all(urls: &[PortUrls]) -> Vec<String> {
    urls.iter().flat_map(|of| of.urls.iter().cloned()).collect()
}

/// Ends the hosting and tells what still happens meanwhile.
async fn drain(mut host: HostHandle, tunnel: &str, report: &mut Report, reaches: &Reaches) {
    host.command(Command::Stop).await;
    while let Some(event) = host.next().await {
        // Where nobody reads any more there is still to be ended in good order.
        let _ = report.event(tunnel, &event, reaches);
    }
}

async fn shut_down(relay: Relay) {
    if !relay.shutdown(GRACE).await {
        tracing::info!("connections to the trial relay were cut");
    }
}
