//! Hosts the tunnel of `adit up`, tells what happens, and ends in good order.

use std::time::Duration;

use adit_app::failure::{Code, Failure, Outcome};
use adit_relay::Server;
use adit_tunnel::host::{Command, Config, Event, Host, HostHandle, PortUrls, State};
use adit_tunnel::management::Locator;
use adit_wire::{clock, net};

use super::header;
use super::plan::Plan;
use super::stage::{LanUrl, Stage};
use crate::lines;
use crate::report::{Report, given_up};
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
) -> Outcome {
    let tunnel = stage.tunnel.to_string();
    if let Some(lines) = report.lines() {
        lines.print(&lines::Event::Started { tunnel_ids: vec![tunnel.clone()] })?;
    }
    let locator = Locator::from(stage.tunnel.clone());
    let config = Config::new(stage.management.clone(), stage.connector.clone(), locator.clone());
    let mut host = Host::spawn(config);
    let mut served = Served { tunnel: &tunnel, stage: &stage, after_ready, was_ready: false };
    let ended = loop {
        tokio::select! {
            event = host.next() => match event {
                Some(event) => if let Err(failure) = served.event(event, &mut report).await {
                    break Err(failure);
                },
                None => break Err(Failure::new(Code::Internal, "the host engine ended by itself")),
            },
            () = requests.next() => break match served.was_ready {
                true => Ok(()),
                false => Err(signal::interrupted()),
            },
        }
    };
    let people = report.lines().is_none();
    if people && ended.is_ok() {
        remark("ending, after the requests at hand (Ctrl-C again ends at once)");
    }
    let Stage { management, server, temporary, claim, .. } = stage;
    let wind_down = async {
        drain(host, &tunnel, &mut report).await;
        if temporary && let Err(error) = management.delete(&locator).await {
            let failure = Failure::service(format_args!("remove the tunnel {tunnel}"), &error);
            remark(format!("{}; the relay removes it within an hour", failure.message));
        }
        if let Some(server) = server {
            shut_down(server).await;
        }
        drop(claim);
    };
    tokio::select! {
        () = wind_down => {}
        () = requests.next() => return Err(signal::interrupted()),
    }
    if let (Some(lines), Ok(())) = (report.lines(), &ended) {
        lines.print(&lines::Event::Stopped)?;
    }
    ended
}

/// The tunnel while it is served.
struct Served<'a> {
    tunnel: &'a str,
    stage: &'a Stage,
    after_ready: AfterReady<'a>,
    was_ready: bool,
}

impl Served<'_> {
    async fn event(&mut self, mut event: Event, report: &mut Report) -> Outcome {
        if let Event::Ready { urls } | Event::UrlChanged { urls } = &mut event {
            add_lan(urls, &self.stage.lan);
            // Before it is told: who reads the line may ask for the note next.
            self.stage.claim.note(&all(urls))?;
        }
        report.event(self.tunnel, &event)?;
        match &event {
            Event::Ready { urls } => self.ready(urls, report).await,
            Event::State(State::Error(give_up)) => Err(given_up(self.tunnel, give_up)),
            _ => Ok(()),
        }
    }

    async fn ready(&mut self, urls: &[PortUrls], report: &Report) -> Outcome {
        self.was_ready = true;
        let AfterReady { plan, qr, screen } = self.after_ready;
        if report.lines().is_some() {
            return Ok(());
        }
        header::ready(plan, urls, report.reaches(), qr, screen)?;
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
async fn drain(mut host: HostHandle, tunnel: &str, report: &mut Report) {
    host.command(Command::Stop).await;
    while let Some(event) = host.next().await {
        // Where nobody reads any more there is still to be ended in good order.
        let _ = report.event(tunnel, &event);
    }
}

async fn shut_down(server: Server) {
    if !server.shutdown(GRACE).await.is_clean() {
        tracing::info!("connections to the trial relay were cut");
    }
}
