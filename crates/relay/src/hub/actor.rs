//! The hub's task: asks the registry, does what it commands.

use std::{
    collections::HashMap,
    sync::{Arc, Weak},
    time::Duration,
};

use adit_proto::{
    id::TunnelId,
    registry::{Claim, ClaimId, Command, Departure, Epoch, Lease, Registry},
    relay::{HostPeerCommand, Version},
    ssh::disconnect,
};
use adit_wire::{clock, pump::Handle, task};
use tokio::sync::{broadcast, mpsc, oneshot};

use super::{HostSession, Shared, Verdict};
use crate::directory::{Change, Directory};
use crate::store::StoreError;

/// How often a retiring session is looked at for being empty.
const LOOK: Duration = Duration::from_millis(250);
/// What a replaced host reads.
const TAKEN_OVER: &str = "another host for this tunnel has connected";

/// What the sockets ask of the hub.
#[derive(Debug)]
pub(super) enum Ask {
    Claim { claim: Claim<TunnelId>, answer: oneshot::Sender<Verdict> },
    Started { tunnel: TunnelId, session: HostSession, routed: oneshot::Sender<()> },
    Released { tunnel: TunnelId, epoch: Epoch, departure: Departure },
}

/// Owns the registry, and carries out what it commands.
pub(super) struct Actor {
    /// Must not keep the hub alive.
    shared: Weak<Shared>,
    directory: Arc<Directory>,
    changes: broadcast::Receiver<Change>,
    registry: Registry<TunnelId>,
    answers: HashMap<ClaimId, oneshot::Sender<Verdict>>,
    /// Every session that is open, whatever the registry thinks of it.
    sessions: HashMap<Epoch, Handle<HostPeerCommand>>,
    /// Commands for sessions that are announced but not running yet.
    early: HashMap<Epoch, End>,
    retiring: Vec<(TunnelId, Epoch)>,
}

#[derive(Debug, Clone, Copy)]
enum End {
    Silently,
    TakenOver,
}

impl Actor {
    /// One that awaits the hosts that had registered: nobody is told otherwise before it runs.
    pub(super) fn new(shared: &Arc<Shared>, directory: Arc<Directory>) -> Self {
        let mut actor = Self {
            shared: Arc::downgrade(shared),
            changes: directory.changes(),
            directory,
            registry: Registry::new(),
            answers: HashMap::new(),
            sessions: HashMap::new(),
            early: HashMap::new(),
            retiring: Vec::new(),
        };
        actor.expect_hosts();
        actor
    }

    /// Runs until the hub is dropped or the relay stops.
    pub(super) async fn run(mut self, mut asks: mpsc::Receiver<Ask>, stopping: task::Stopping) {
        let stop = stopping.wait();
        tokio::pin!(stop);
        loop {
            self.carry_out().await;
            let deadline = self.registry.deadline();
            let look = (!self.retiring.is_empty()).then(|| clock::now() + LOOK);
            let wake = deadline.into_iter().chain(look).min();
            tokio::select! {
                ask = asks.recv() => match ask {
                    Some(ask) => self.ask(ask).await,
                    None => return,
                },
                change = self.changes.recv() => self.changed(change),
                () = clock::sleep_until_maybe(wake) => {
                    self.registry.handle_timeout(clock::now());
                    self.look_at_retiring();
                }
                () = &mut stop => return,
            }
        }
    }

    /// After a restart, the hosts that had registered are on their way back.
    fn expect_hosts(&mut self) {
        let Some(shared) = self.shared.upgrade() else { return };
        let now = clock::now();
        for record in self.directory.tunnels() {
            let Some(endpoint) = &record.endpoint else { continue };
            let lease = Lease {
                epoch: Epoch(0),
                endpoint: endpoint.id.as_str().into(),
                version: Version::V2,
                ended: false,
            };
            self.registry.restore(record.id.clone(), lease, now);
            shared.tunnel(&record.id).expect(now);
        }
    }

    async fn ask(&mut self, ask: Ask) {
        match ask {
            Ask::Claim { claim, answer } => {
                let id = self.registry.claim(claim, clock::now());
                self.answers.insert(id, answer);
            }
            Ask::Started { tunnel, session, routed } => {
                self.started(&tunnel, session).await;
                // A socket that is gone needs no answer.
                let _ = routed.send(());
            }
            Ask::Released { tunnel, epoch, departure } => {
                self.sessions.remove(&epoch);
                self.early.remove(&epoch);
                self.registry.release(&tunnel, epoch, departure, clock::now());
                // A tunnel that was deleted must not come back as a leftover of its host.
                let exists = self.directory.tunnel(&tunnel).is_some();
                if let Some(shared) = self.shared.upgrade().filter(|_| exists)
                    && shared.tunnel(&tunnel).end(epoch, departure == Departure::Left)
                {
                    shared.moved(&tunnel);
                }
            }
        }
    }

    async fn started(&mut self, tunnel: &TunnelId, session: HostSession) {
        let epoch = session.epoch;
        self.sessions.insert(epoch, session.handle.clone());
        match self.early.remove(&epoch) {
            Some(end) => self.end(epoch, end).await,
            None => {
                if let Some(shared) = self.shared.upgrade()
                    && shared.tunnel(tunnel).start(session)
                {
                    shared.moved(tunnel);
                }
            }
        }
    }

    async fn end(&mut self, epoch: Epoch, end: End) {
        let Some(handle) = self.sessions.get(&epoch) else {
            self.early.insert(epoch, end);
            return;
        };
        match end {
            End::Silently => handle.kill().await,
            End::TakenOver => {
                handle.disconnect(disconnect::TOO_MANY_CONNECTIONS, TAKEN_OVER).await;
            }
        }
    }

    /// Does everything that the registry wants done.
    async fn carry_out(&mut self) {
        while let Some(command) = self.registry.poll() {
            match command {
                Command::PersistLease { claim, .. } => match self.directory.next_epoch().await {
                    Ok(epoch) => {
                        self.registry.lease_granted(claim, Epoch(epoch), clock::now());
                    }
                    // The process that took over grants it one.
                    Err(StoreError::HandedOver) => self.registry.lease_refused(claim),
                    Err(error) => {
                        tracing::error!(%error, "no lease for a host");
                        self.registry.lease_refused(claim);
                    }
                },
                // The endpoint's record is the lease; the host deletes it when it leaves.
                Command::EndLease { .. } => {}
                Command::StartRouting { claim, epoch, .. } => {
                    self.answer(claim, Verdict::Serve(epoch));
                }
                Command::Retire { tunnel, epoch, .. } => self.retiring.push((tunnel, epoch)),
                Command::Close { epoch, .. } => self.end(epoch, End::Silently).await,
                Command::Disconnect12 { epoch, .. } => self.end(epoch, End::TakenOver).await,
                Command::AcceptThenDisconnect12 { claim, .. } => {
                    self.answer(claim, Verdict::TakenOver);
                }
                Command::Refuse { claim, refusal, .. } => {
                    self.answer(claim, Verdict::Refuse(refusal));
                }
            }
        }
    }

    fn answer(&mut self, claim: ClaimId, verdict: Verdict) {
        if let Some(answer) = self.answers.remove(&claim) {
            // A socket that is gone releases its epoch itself.
            let _ = answer.send(verdict);
        }
    }

    fn look_at_retiring(&mut self) {
        let sessions = &self.sessions;
        let empty: Vec<_> = self
            .retiring
            .extract_if(.., |(_, epoch)| {
                sessions.get(epoch).is_none_or(|handle| handle.traffic().channels() == 0)
            })
            .collect();
        for (tunnel, epoch) in empty {
            self.registry.emptied(&tunnel, epoch);
        }
    }

    fn changed(&mut self, change: Result<Change, broadcast::error::RecvError>) {
        match change {
            Ok(Change::Tunnel(id)) => self.look_at(&id),
            Ok(Change::Users) | Err(broadcast::error::RecvError::Closed) => {}
            Err(broadcast::error::RecvError::Lagged(_)) => {
                let Some(shared) = self.shared.upgrade() else { return };
                let ids: Vec<_> = {
                    let tunnels =
                        shared.tunnels.read().unwrap_or_else(std::sync::PoisonError::into_inner);
                    tunnels.keys().cloned().collect()
                };
                for id in ids {
                    self.look_at(&id);
                }
            }
        }
    }

    /// A tunnel's definition changed.
    fn look_at(&mut self, id: &TunnelId) {
        let Some(shared) = self.shared.upgrade() else { return };
        match self.directory.tunnel(id) {
            None => {
                self.registry.forget(id);
                shared.forget(id);
            }
            Some(record) if record.endpoint.is_none() => {
                shared.tunnel(id).expect_nobody();
            }
            Some(_) => {}
        }
    }
}
