//! One session with the relay, from its start to its end.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use adit_proto::health::Gate;
use adit_proto::relay::message::Connect;
use adit_proto::relay::{Ending, HostCommand, HostEvent};
use adit_proto::ssh::disconnect;
use adit_wire::channel::Incoming;
use adit_wire::pump::{Event, Events, Handle};
use adit_wire::{clock, task};
use tokio::sync::{mpsc, watch};

use super::connection::{Connection, LocalPorts, Session};
use super::driver::Report;
use super::leave::Leave;
use crate::inspect::Inspector;

/// Time for connections to deliver what arrived before their session was lost.
const LAST_BYTES: Duration = Duration::from_secs(5);

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
    async fn serve(self: Arc<Self>, session: Arc<Session>, connect: Connect, incoming: Incoming) {
        let port = connect.port;
        let encrypted = self.encrypted.borrow().contains(&port);
        // What is encrypted of a look is not worth a word.
        let inspector = self.inspector.as_ref().filter(|_| !(encrypted && connect.is_look()));
        let connection = Connection {
            port,
            session: &session,
            ports: &self.ports,
            tap: inspector.map(|inspector| inspector.tap(port, encrypted)),
            gate: session.nonce.clone().filter(|_| !encrypted).map(Gate::new),
        };
        connection.serve(&connect, incoming).await;
    }
}

/// Watches a session: serves its connections and reports the rest.
pub(super) async fn watch(
    session: Session,
    mut events: Events<HostEvent>,
    local: Arc<Local>,
    reports: mpsc::Sender<Report>,
) {
    let connections = task::Group::new("connections");
    let session = Arc::new(session);
    let id = session.id;
    loop {
        let report = match events.recv().await {
            Some(Event::Incoming(HostEvent::Connect(connect), incoming)) => {
                let serving = local.clone().serve(session.clone(), connect, incoming);
                connections.spawn("connection", serving);
                continue;
            }
            Some(Event::Incoming(_, incoming)) => {
                drop(incoming);
                continue;
            }
            Some(Event::Role(event)) => Report::Session { session: id, event },
            Some(Event::Ended(ending)) => {
                let _ = reports.send(Report::Ended { session: id, ending }).await;
                break;
            }
            None => {
                let ending = Ending::Lost("the session was aborted".to_owned());
                let _ = reports.send(Report::Ended { session: id, ending }).await;
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
pub(super) async fn close(
    handle: Handle<HostCommand>,
    ports: BTreeSet<u16>,
    goodbye: bool,
    leave: Leave,
) {
    let ends = async {
        if goodbye {
            take_leave(&handle, ports, leave).await;
        } else {
            handle.kill().await;
        }
        handle.ended().await;
    };
    // One that does not even take commands hears of the end when the handle goes.
    let _ = clock::until(leave.gone, ends).await;
}

async fn take_leave(handle: &Handle<HostCommand>, ports: BTreeSet<u16>, leave: Leave) {
    for port in ports {
        handle.command(HostCommand::Withdraw { port }).await;
    }
    while handle.traffic().channels() > 0 && clock::now() < leave.drained && !handle.is_ended() {
        clock::sleep(DRAIN_CHECK).await;
    }
    handle.disconnect(disconnect::BY_APPLICATION, "the host stops").await;
}
