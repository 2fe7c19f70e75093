//! One connection of a visitor: to the local port, and then joined.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use adit_proto::ssh::open_failure;
use adit_wire::channel::Incoming;
use adit_wire::clock;
use adit_wire::net::{ConnectError, Stream, connect_local};

use super::Event;
use crate::events::Emitter;
use crate::forward;
use crate::inspect::Tap;

/// How long a local server may take to accept. A loopback answers at once, unless its server's
/// queue is full.
const LOCAL_CONNECT: Duration = Duration::from_secs(10);

/// What is known of the local ports, for telling only what is news.
#[derive(Debug)]
pub(super) struct LocalPorts {
    events: Emitter<Event>,
    /// Held for a look-up, never across an await.
    down: Mutex<BTreeSet<u16>>,
}

impl LocalPorts {
    pub(super) fn new(events: Emitter<Event>) -> Self {
        Self { events, down: Mutex::default() }
    }

    fn is_up(&self, port: u16) {
        if self.down().remove(&port) {
            self.events.emit(Event::LocalUp { port });
        }
    }

    fn is_down(&self, port: u16, cause: &str) {
        if self.down().insert(port) {
            tracing::warn!(port, cause, "local port does not answer");
            self.events.emit(Event::LocalDown { port, cause: cause.into() });
        }
    }

    fn down(&self) -> MutexGuard<'_, BTreeSet<u16>> {
        self.down.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Connects to the local port and only then confirms the channel, so that a visitor is not told
/// of a connection that there is not.
pub(super) async fn forward(port: u16, incoming: Incoming, tap: Option<Tap>, ports: &LocalPorts) {
    match connect_local(port, clock::now() + LOCAL_CONNECT).await {
        Ok(Stream::Tcp(local)) => {
            ports.is_up(port);
            let channel = incoming.accept(false).await;
            let outcome = forward::splice(channel, local, tap).await;
            tracing::debug!(port, ?outcome, "connection ended");
        }
        Ok(_) => incoming.reject(open_failure::CONNECT_FAILED, "not a TCP connection").await,
        Err(error) => {
            let cause = match error {
                ConnectError::Refused { .. } => format!("nothing listens on localhost:{port}"),
                error => format!("localhost:{port} cannot be connected to: {error}"),
            };
            ports.is_down(port, &cause);
            incoming.reject(open_failure::CONNECT_FAILED, &cause).await;
        }
    }
}
