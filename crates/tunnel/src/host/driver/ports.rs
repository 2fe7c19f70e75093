//! Ports of a session: registered with the service where that is needed, then announced to the relay.
//!
//! What fails is told port by port, and the policy says when to announce again, which begins with what failed.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use adit_proto::contracts::TunnelPort;
use adit_proto::host::{self as policy, Failure, SessionId};
use adit_proto::relay::HostCommand;
use adit_wire::{clock, task};
use bytes::Bytes;

use super::super::failure;
use super::{Driver, Report};
use crate::management::Answer;

/// How long looking ports up and registering them may take together. It leaves the relay some seconds of
/// [`ANNOUNCE_WITHIN`](policy::ANNOUNCE_WITHIN), so that one port that hangs costs the others nothing.
const REGISTER_WITHIN: Duration = Duration::from_secs(10);

impl Driver {
    pub(super) async fn announce(&mut self, session: SessionId, ports: BTreeSet<u16>) {
        let Some(entry) = self.sessions.get_mut(&session) else { return };
        entry.ports.extend(&ports);
        let mut register = Vec::new();
        for port in ports {
            match self.register.get(&port) {
                Some(port) => register.push(port.clone()),
                None => self.announce_now(session, port).await,
            }
        }
        if !register.is_empty() {
            self.register(session, register);
        }
    }

    async fn announce_now(&mut self, session: SessionId, port: u16) {
        let Some(handle) = self.sessions.get(&session).and_then(|entry| entry.handle.as_ref())
        else {
            return;
        };
        let Some(tokens) = &self.tokens else { return };
        let token = Bytes::copy_from_slice(tokens.host.expose().as_bytes());
        handle.command(HostCommand::Announce { port, token }).await;
    }

    pub(super) async fn withdraw(&mut self, session: SessionId, ports: BTreeSet<u16>) {
        let Some(entry) = self.sessions.get_mut(&session) else { return };
        for port in ports {
            entry.ports.remove(&port);
            if let Some(handle) = &entry.handle {
                handle.command(HostCommand::Withdraw { port }).await;
            }
        }
    }

    /// Registers ports side by side. Unless they were looked up for this try they are looked up first, so that none is
    /// registered that is gone.
    fn register(&mut self, session: SessionId, ports: Vec<TunnelPort>) {
        let Some(tokens) = self.tokens.clone() else { return };
        let Some(entry) = self.sessions.get_mut(&session) else { return };
        let looked = self.looked_for.take_if(|of| *of == session).is_some();
        let (config, at, before) = (self.config.clone(), self.at.clone(), self.before);
        let report = self.report.clone();
        let deadline = clock::now() + REGISTER_WITHIN;
        let group = entry.registering.get_or_insert_with(|| task::Group::new("registering"));
        let tasks = group.spawner();
        group.spawn("register", async move {
            let look = match looked {
                true => Ok(None),
                false => {
                    within(deadline, before, config.management.follow(&at, &tokens)).await.map(Some)
                }
            };
            for port in ports {
                let number = port.port_number;
                let refused = match &look {
                    Ok(Some(tunnel)) if tunnel.port(number).is_none() => {
                        Some(Failure::Transient("it is no port of the tunnel any more".to_owned()))
                    }
                    Ok(_) => None,
                    Err(failure) => Some(failure.clone()),
                };
                let (config, at, report) = (config.clone(), at.clone(), report.clone());
                let tokens = tokens.clone();
                tasks.spawn("register port", async move {
                    let result = match refused {
                        Some(failure) => Err(failure),
                        None => {
                            let register = config.management.register(&at, &port, &tokens);
                            within(deadline, before, register).await
                        }
                    };
                    let _ = report.send(Report::Registered { session, port: number, result }).await;
                });
            }
        });
    }

    pub(super) async fn registered(
        &mut self,
        session: SessionId,
        port: u16,
        result: Result<(), Failure>,
    ) {
        match result {
            Ok(()) => {
                self.register.remove(&port);
                // It may have been withdrawn meanwhile.
                if self.sessions.get(&session).is_some_and(|entry| entry.ports.contains(&port)) {
                    self.announce_now(session, port).await;
                }
            }
            Err(failure) => self.port_refused(session, port, failure).await,
        }
    }

    pub(super) async fn port_refused(&mut self, session: SessionId, port: u16, failure: Failure) {
        if let Some(entry) = self.sessions.get_mut(&session) {
            entry.refused.insert(port, failure.to_string());
        }
        // It may be gone from the tunnel, also where nothing is told of it yet.
        self.ports_changed();
        self.tell(policy::Event::PortRefused { session, port, failure }).await;
    }
}

/// An answer of the service, or that it has not come in time.
async fn within<T>(deadline: Instant, before: bool, answer: Answer<'_, T>) -> Result<T, Failure> {
    match clock::until(deadline, answer).await {
        Ok(answer) => answer.map_err(|error| failure::of_management(&error, before)),
        Err(clock::Late) => {
            Err(Failure::Transient("the service did not answer in time".to_owned()))
        }
    }
}
