//! Drives one end of a relay session over its websocket: the hot path of both ends of a tunnel.
//!
//! One task owns the socket, the session and its channels. It reads, lets the [`Role`] decide,
//! hands bytes to the channels' inboxes, takes bytes from their writers, and writes as many
//! packets at once as the socket takes. It never waits for a channel or for its owner: what a
//! full inbox cannot take stays here, bounded by the credit the session gave for it; events for
//! an owner that is behind stay here too, and then nothing more is read.
//!
//! Its owner holds a [`Handle`], and [`Events`] that end with the reason why it all ended.

mod entry;
mod output;
mod run;

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use adit_proto::{
    relay::{Ending, Role},
    ssh::{KeepAlive, OpenFailure, open_failure},
};
use bytes::Bytes;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::{mpsc, oneshot},
};

use crate::{
    channel::{Channel, Incoming},
    ws,
};

/// Commands from handles that wait for the pump; full means that the handle waits.
const CONTROLS: usize = 64;
/// Events that wait for the owner; full means that the pump stops reading.
const EVENTS: usize = 64;
/// Operations of channels that wait for the pump, besides one CLOSE for each channel; full means
/// that the channel waits.
const OPS: usize = 1024;

/// How a pump behaves.
#[derive(Debug, Clone, Copy)]
pub struct Config {
    /// Which end of the websocket this is.
    pub role: ws::Role,
    /// Websocket pings to a silent peer, or none.
    pub ping: Option<KeepAlive>,
    /// Channels that this session may have, to size its queue.
    pub channels: usize,
}

/// Makes a pump for `role` over an upgraded connection, of which `received` was read already.
///
/// The future is the pump; nothing moves until it is spawned. Dropping it ends the session
/// without a word; dropping the [`Handle`]s ends it properly.
pub fn pump<R, S>(
    config: Config,
    role: R,
    stream: S,
    received: Bytes,
) -> (Handle<R::Command>, Events<R::Event>, impl Future<Output = ()> + Send)
where
    R: Role<Command: Send, Event: Send> + Send + 'static,
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (control, controls) = mpsc::channel(CONTROLS);
    let (op, ops) = mpsc::channel(OPS + config.channels);
    let (event, events) = mpsc::channel(EVENTS);
    let traffic = Arc::<Traffic>::default();
    let wiring = run::Wiring { controls, op, ops, event, traffic: traffic.clone() };
    let pump = run::Pump::new(config, role, stream, received, wiring);
    (Handle { control, traffic }, Events { events }, pump.run())
}

/// What a session carried, for statistics.
#[derive(Debug, Default)]
pub struct Traffic {
    received: AtomicU64,
    sent: AtomicU64,
    channels: AtomicUsize,
}

impl Traffic {
    /// Channel bytes received from the peer so far.
    pub fn received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }

    /// Channel bytes sent to the peer so far.
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Channels at this moment.
    pub fn channels(&self) -> usize {
        self.channels.load(Ordering::Relaxed)
    }
}

/// What a handle asks of the pump.
#[derive(Debug)]
pub(crate) enum Control<C> {
    Role(C),
    Open(C, oneshot::Sender<Result<Opening, OpenError>>),
    Disconnect(u32, String),
    Prove(Duration),
    Kill,
}

/// A channel that the peer was asked for. Dropping it gives it up.
#[derive(Debug)]
pub(crate) struct Opening {
    channel: Channel,
    /// Whether its ends encrypt, once the peer has confirmed it.
    confirmed: oneshot::Receiver<Result<bool, OpenError>>,
}

/// A channel that the peer confirmed.
#[derive(Debug)]
pub struct Opened {
    /// The channel.
    pub channel: Channel,
    /// Whether its ends encrypt.
    pub encrypted: bool,
}

/// Why no channel came of an open.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// The peer refused.
    #[error("{}", .0.description)]
    Refused(OpenFailure),
    /// This session has as many channels as it may.
    #[error("too many connections at once on this session")]
    TooMany,
    /// The session has ended.
    #[error("the session has ended")]
    Ended,
}

impl OpenError {
    /// Whether it was the peer's local connect that failed.
    pub fn is_connect_failure(&self) -> bool {
        matches!(self, Self::Refused(failure) if failure.reason == open_failure::CONNECT_FAILED)
    }
}

/// Asks a pump for things. Cheap to clone; when the last one is dropped the session ends with
/// DISCONNECT(by application).
#[derive(Debug)]
pub struct Handle<C> {
    control: mpsc::Sender<Control<C>>,
    traffic: Arc<Traffic>,
}

impl<C> Clone for Handle<C> {
    fn clone(&self) -> Self {
        Self { control: self.control.clone(), traffic: self.traffic.clone() }
    }
}

impl<C> Handle<C> {
    /// Gives the role a command that opens no channel; lost if the session has ended.
    pub async fn command(&self, command: C) {
        let _ = self.control.send(Control::Role(command)).await;
    }

    /// Gives the role a command that opens a channel, and waits for the peer's answer. Dropping
    /// the future gives the channel up; it keeps its place among the session's channels until the
    /// peer answers, for 30 s at most.
    pub async fn open(&self, command: C) -> Result<Opened, OpenError> {
        let (answer, answered) = oneshot::channel();
        let sent = self.control.send(Control::Open(command, answer)).await;
        sent.map_err(|_| OpenError::Ended)?;
        let opening = answered.await.unwrap_or(Err(OpenError::Ended))?;
        let encrypted = opening.confirmed.await.unwrap_or(Err(OpenError::Ended))?;
        Ok(Opened { channel: opening.channel, encrypted })
    }

    /// Ends the session with SSH_MSG_DISCONNECT, after what is queued for the socket.
    pub async fn disconnect(&self, reason: u32, description: &str) {
        let _ = self.control.send(Control::Disconnect(reason, description.to_owned())).await;
    }

    /// Asks the peer to show that it is there, and ends the session if it does not within this time. For when
    /// there is reason to doubt; a silent peer is found anyway if the session pings.
    pub async fn prove(&self, within: Duration) {
        let _ = self.control.send(Control::Prove(within)).await;
    }

    /// Ends the session without a word, so that a peer that reconnects does.
    pub async fn kill(&self) {
        let _ = self.control.send(Control::Kill).await;
    }

    /// Waits until the session has ended.
    pub async fn ended(&self) {
        self.control.closed().await;
    }

    /// Whether the session has ended.
    pub fn is_ended(&self) -> bool {
        self.control.is_closed()
    }

    /// What the session carried so far.
    pub fn traffic(&self) -> &Arc<Traffic> {
        &self.traffic
    }

    /// Whether both are handles of one session.
    pub fn is_same(&self, other: &Self) -> bool {
        self.control.same_channel(&other.control)
    }
}

/// What a pump tells its owner.
#[derive(Debug)]
pub enum Event<E> {
    /// Something the role found worth telling.
    Role(E),
    /// The peer asks for a channel.
    Incoming(E, Incoming),
    /// The session has ended; the last event.
    Ended(Ending),
}

/// What a pump tells its owner, in order. The owner must take them promptly: while they wait in
/// numbers, the session is not read.
#[derive(Debug)]
pub struct Events<E> {
    events: mpsc::Receiver<Event<E>>,
}

impl<E> Events<E> {
    /// The next event; `None` after [`Event::Ended`], or if the pump was aborted. Safe to drop
    /// and call again.
    pub async fn recv(&mut self) -> Option<Event<E>> {
        self.events.recv().await
    }
}

#[cfg(test)]
mod tests;
