//! What standard input says to the process that hosts.

use adit_app::failure::Outcome;
use adit_app::lines::Event as LineEvent;
use adit_tunnel::host::Command;
use adit_tunnel::management::Locator;

use super::super::errand::full;
use super::super::hosted::StandBy;
use super::super::order::{Order, unknown_order};
use super::{Run, Wanter, not_hosted};

impl Run<'_> {
    /// Does what standard input says, now or when it is known which tunnel is meant; `false` when that is to end.
    pub(super) async fn take_order(&mut self, order: Order) -> Outcome<bool> {
        let Some(locator) = order.to_look_up() else { return self.obey(order).await };
        let here = self.hosted.ids().find(|tunnel| tunnel.tunnel == locator.id).cloned();
        if let Some(tunnel) = here {
            return self.obey(order.of(tunnel.into())).await;
        }
        match self.services.get(&self.wanted.place).await {
            Ok(service) => self.errand.begin(order, locator, service),
            Err(failure) => self.report.failure(failure)?,
        }
        Ok(true)
    }

    /// Does what standard input says of tunnels with their clusters; `false` when that is to end.
    pub(super) async fn obey(&mut self, order: Order) -> Outcome<bool> {
        let done = match order {
            Order::Quit => return Ok(false),
            Order::Host(locator) => self.host_more(&locator).await,
            Order::Stop(locator) => self.command(&locator, None).await,
            Order::Drop(locator) => self.command(&locator, Some(Command::Drop)).await,
            Order::StopInitial => {
                for tunnel in &self.wanted.tunnels {
                    self.hosted.stop(tunnel).await;
                }
                Ok(())
            }
            Order::List => {
                for (tunnel, status) in &self.tunnels {
                    let status = Box::new(status.clone());
                    let Some(service) = self.hosted.service(tunnel) else { continue };
                    let line = LineEvent::Status { status };
                    self.report.line(&tunnel.to_string(), line, &service.reaches)?;
                }
                Ok(())
            }
            Order::Unknown(line) => Err(unknown_order(&line)),
        };
        if let Err(failure) = done {
            self.report.failure(failure)?;
        }
        Ok(true)
    }

    /// Hosts one more tunnel, or takes one up again: one that gave up is started anew, one that
    /// stands by is taken over.
    async fn host_more(&mut self, locator: &Locator) -> Outcome {
        let service = self.services.get(&self.wanted.place).await?;
        let tunnel = full(locator)?;
        if self.hosted.resume(&tunnel, StandBy::Ends, &service).await {
            self.wanters.entry(tunnel).or_default().insert(Wanter::Run);
        } else {
            let claim = self.hosted.claim(&tunnel, &service)?;
            self.host_claimed(&tunnel, claim, &service, Wanter::Run, self.wanted.renew);
        }
        Ok(())
    }

    /// Tells a hosted tunnel something; without a command, to stop.
    async fn command(&mut self, locator: &Locator, command: Option<Command>) -> Outcome {
        let tunnel = full(locator)?;
        if !self.hosted.ids().any(|hosted| *hosted == tunnel) {
            return Err(not_hosted(&tunnel.to_string()));
        }
        match command {
            Some(command) => self.hosted.tell(&tunnel, command).await,
            None => self.hosted.stop(&tunnel).await,
        }
        Ok(())
    }
}
