//! What the service says of the tunnel while it is hosted: its ports and addresses, and its life.

use std::collections::BTreeSet;
use std::time::Duration;

use adit_proto::contracts::{Protocol, Tunnel};
use adit_proto::host::{self as policy, State};
use adit_proto::renewal::Step;
use adit_wire::clock;

use super::super::step;
use super::super::{Event, PortUrls};
use super::{Driver, Report};
use crate::management::{self, Want};
use crate::random;

/// How soon an address is looked for that was not there when the tunnel was first hosted. Microsoft's
/// service makes it some seconds after the port. Doubled from look to look, up to the second.
pub(super) const FIRST_URL: Duration = Duration::from_secs(2);
const LATEST_URL: Duration = Duration::from_secs(32);

impl Driver {
    /// The relay says that the ports are other ones. An answer that is on its way may not know that yet.
    pub(super) fn ports_changed(&mut self) {
        self.ports_changed = self.asking_ports;
        self.ask_ports();
    }

    pub(super) fn ask_ports(&mut self) {
        self.next_ports = None;
        if std::mem::replace(&mut self.asking_ports, true) {
            return;
        }
        let (config, at, report) = (self.config.clone(), self.at.clone(), self.report.clone());
        let tokens = self.tokens.clone();
        self.tasks.spawn("ports", async move {
            let result = match &tokens {
                Some(tokens) => config.management.follow(&at, tokens).await,
                None => config.management.get(&at, Want::PORTS).await,
            };
            let _ = report.send(Report::Ports(result)).await;
        });
    }

    pub(super) async fn ports_told(&mut self, result: Result<Tunnel, management::Error>) {
        self.asking_ports = false;
        self.soon = (self.soon * 2).min(LATEST_URL);
        let failed = result.is_err();
        let news = failed && !std::mem::replace(&mut self.ports_failed, failed);
        match result {
            Ok(tunnel) => self.follow(&tunnel).await,
            Err(error) if news => {
                let cause = management::explain(&error);
                tracing::warn!(tunnel = %self.at, cause, "the tunnel's ports are not known");
                self.events.emit(Event::PortsUnknown { cause: cause.into() });
            }
            Err(_) => {}
        }
        self.plan_ports();
        if std::mem::take(&mut self.ports_changed) {
            self.ask_ports();
        }
    }

    pub(super) fn plan_ports(&mut self) {
        let hosting = matches!(self.policy.state(), State::Hosting);
        let every = self.config.ports_every.filter(|_| hosting && !self.asking_ports);
        // An address that is not there yet is somebody's wait.
        let soon = |every: Duration| if self.lacks_urls() { every.min(self.soon) } else { every };
        self.next_ports = every.map(|every| clock::now() + soon(every));
    }

    fn lacks_urls(&self) -> bool {
        self.urls.iter().any(|of| of.urls.is_empty())
    }

    /// Takes the tunnel's ports and addresses as the service tells them.
    pub(super) async fn follow(&mut self, tunnel: &Tunnel) {
        if let Some(id) = tunnel.full_id() {
            self.at = id.into();
        }
        let ports = tunnel.ports.as_deref().unwrap_or_default();
        let encrypted = ports.iter().filter(|port| port.protocol == Some(Protocol::Https));
        self.encrypted.send_replace(encrypted.map(|port| port.port_number).collect());
        let urls: Vec<_> = ports
            .iter()
            .map(|port| PortUrls {
                port: port.port_number,
                urls: port.port_forwarding_uris.clone().unwrap_or_default(),
            })
            .collect();
        if self.urls != urls {
            self.soon = FIRST_URL;
            self.urls = urls;
            if self.ready {
                self.events.emit(Event::UrlChanged { urls: self.urls.clone() });
            }
            self.suspect();
        }
        self.follow_health(ports);
        let wanted: BTreeSet<u16> = ports.iter().map(|port| port.port_number).collect();
        self.register.retain(|port, _| wanted.contains(port));
        if self.ports != wanted {
            self.ports.clone_from(&wanted);
            self.tell(policy::Event::PortsWanted(wanted)).await;
        }
        self.act().await;
    }

    pub(super) fn renew(&mut self) {
        self.renewal.started();
        let Some(tokens) = self.tokens.clone() else { return };
        let (config, at, report) = (self.config.clone(), self.at.clone(), self.report.clone());
        self.tasks.spawn("renewal", async move {
            let _ = report.send(Report::Renewed(step::renew(&config, &at, &tokens).await)).await;
        });
    }

    pub(super) fn renewed(&mut self, result: Result<Step, management::Error>) {
        let event = match result {
            Ok(step) => {
                self.renewal.done(step, clock::now());
                let Step::Renew(life) = step else { return };
                tracing::info!(tunnel = %self.at, ?life, "renewed");
                Event::Renewed { life }
            }
            Err(error) => {
                let wait = self.renewal.failed(clock::now(), random());
                let cause = management::explain(&error);
                tracing::warn!(tunnel = %self.at, ?wait, cause, "not renewed");
                Event::RenewalFailed { wait, cause: cause.into() }
            }
        };
        self.events.emit(event);
    }
}
