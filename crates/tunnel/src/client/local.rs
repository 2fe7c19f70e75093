//! The local side of one port: accepts connections and joins each with a channel.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use adit_proto::relay::{ClientCommand, message::Connect};
use adit_wire::pump::{Handle, OpenError, Opened};
use adit_wire::{clock, task};
use bytes::Bytes;
use tokio::net::TcpStream;
use tokio::sync::watch;

use super::Event;
use super::listen::Listeners;
use crate::events::Emitter;
use crate::forward::{self, Flow};

/// How long a program that connects waits for a channel, through a reconnect if need be.
const PATIENCE: Duration = Duration::from_secs(15);

/// A pause after a failed accept, which is mostly a shortage of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A session with the relay, as connections use it.
#[derive(Clone, Debug)]
pub(super) struct Session {
    pub(super) handle: Handle<ClientCommand>,
    /// The token that each open carries; empty for an anonymous client.
    pub(super) token: Bytes,
}

/// What every connection of a client shares.
#[derive(Clone, Debug)]
pub(super) struct Local {
    /// The session of the moment, if there is one.
    pub(super) session: watch::Receiver<Option<Session>>,
    pub(super) tasks: task::Spawner,
    pub(super) events: Emitter<Event>,
}

impl Local {
    /// Accepts connections to `port` until dropped.
    pub(super) async fn serve(self, port: u16, listeners: Listeners) {
        loop {
            match listeners.accept().await {
                Ok((stream, peer)) => {
                    self.tasks.spawn("connection", self.clone().join(port, stream, peer));
                }
                Err(error) => {
                    tracing::warn!(port, %error, "cannot accept a connection");
                    clock::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    async fn join(mut self, port: u16, stream: TcpStream, peer: SocketAddr) {
        // Without it small answers wait for acknowledgements; failing is harmless.
        let _ = stream.set_nodelay(true);
        match clock::until(clock::now() + PATIENCE, self.open(port, peer)).await {
            Ok(Ok(opened)) => {
                let outcome = forward::splice(opened.channel, stream, Flow::default()).await;
                tracing::debug!(port, ?outcome, "connection ended");
            }
            Ok(Err(error)) => self.refuse(port, stream, &error.to_string()),
            Err(clock::Late) => self.refuse(port, stream, "the relay could not be reached in time"),
        }
    }

    /// Opens a channel, on the next session if the present one ends meanwhile: no byte was sent
    /// on it yet.
    async fn open(&mut self, port: u16, peer: SocketAddr) -> Result<Opened, OpenError> {
        loop {
            let ready = self.session.wait_for(|session| {
                session.as_ref().is_some_and(|session| !session.handle.is_ended())
            });
            let Ok(Some(session)) = ready.await.map(|session| session.clone()) else {
                return Err(OpenError::Ended);
            };
            let connect = Connect {
                port,
                originator: peer.ip().to_canonical().to_string(),
                originator_port: peer.port(),
                token: session.token,
                encrypt: false,
            };
            match session.handle.open(ClientCommand::Connect(connect)).await {
                Err(OpenError::Ended) => {}
                opened => return opened,
            }
        }
    }

    fn refuse(&self, port: u16, stream: TcpStream, cause: &str) {
        // The nearest thing to the refusal that the program would have seen at the far end.
        let reset: io::Result<()> = stream.set_zero_linger();
        tracing::debug!(port, cause, ?reset, "connection refused");
        self.events.emit(Event::Refused { port, cause: cause.into() });
    }
}
