//! One session with the relay, from its start to its end.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use adit_proto::host::SessionId;
use adit_proto::relay::{Ending, HostCommand, HostEvent};
use adit_proto::ssh::disconnect;
use adit_wire::channel::Incoming;
use adit_wire::pump::{Event, Events, Handle};
use adit_wire::{clock, task};
use tokio::sync::{mpsc, watch};

use super::connection::{self, LocalPorts};
use super::driver::Report;
use crate::inspect::Inspector;

/// Time for connections to deliver what arrived before their session was lost.
const LAST_BYTES: Duration = Duration::from_secs(5);

/// Time for what is in flight when the host stops.
const DRAIN: Duration = Duration::from_secs(5);

/// Time for the goodbye to leave.
const FAREWELL: Duration = Duration::from_secs(3);

/// How often a draining session is looked at.
const DRAIN_CHECK: Duration = Duration::from_millis(20);

/// What every connection of a host needs.
#[derive(Debug)]
pub(super) struct Local {
    pub(super) ports: LocalPorts,
    pub(super) inspector: Option<Inspector>,
    /// Ports whose local server speaks TLS.
    pub(super) encrypted: watch::Receiver<BTreeSet<u16>>,
}

impl Local {
    async fn forward(self: Arc<Self>, port: u16, incoming: Incoming) {
        let tap = self.inspector.as_ref().map(|inspector| {
            let encrypted = self.encrypted.borrow().contains(&port);
            inspector.tap(port, encrypted)
        });
        connection::forward(port, incoming, tap, &self.ports).await;
    }
}

/// Watches a session: forwards its connections and reports the rest.
pub(super) async fn watch(
    session: SessionId,
    mut events: Events<HostEvent>,
    local: Arc<Local>,
    reports: mpsc::Sender<Report>,
) {
    let connections = task::Group::new("connections");
    let mut proven = false;
    loop {
        let report = match events.recv().await {
            Some(Event::Incoming(HostEvent::Connect(connect), incoming)) => {
                connections.spawn("connection", local.clone().forward(connect.port, incoming));
                if std::mem::replace(&mut proven, true) {
                    continue;
                }
                Report::Traffic { session }
            }
            Some(Event::Incoming(_, incoming)) => {
                drop(incoming);
                continue;
            }
            Some(Event::Role(event)) => Report::Session { session, event },
            Some(Event::Ended(ending)) => {
                let _ = reports.send(Report::Ended { session, ending }).await;
                break;
            }
            None => {
                let ending = Ending::Lost("the session was aborted".to_owned());
                let _ = reports.send(Report::Ended { session, ending }).await;
                break;
            }
        };
        // The driver is only gone together with this task.
        let _ = reports.send(report).await;
    }
    // Whatever the way, they are over after it: what is cut then is reset.
    let _ = connections.shutdown(LAST_BYTES).await;
}

/// Ends a session: with a goodbye after what is in flight, or without a word.
pub(super) async fn close(handle: Handle<HostCommand>, ports: BTreeSet<u16>, goodbye: bool) {
    if !goodbye {
        handle.kill().await;
    } else {
        for port in ports {
            handle.command(HostCommand::Withdraw { port }).await;
        }
        let deadline = clock::now() + DRAIN;
        while handle.traffic().channels() > 0 && clock::now() < deadline && !handle.is_ended() {
            clock::sleep(DRAIN_CHECK).await;
        }
        handle.disconnect(disconnect::BY_APPLICATION, "the host stops").await;
    }
    let _ = clock::until(clock::now() + FAREWELL, handle.ended()).await;
}
