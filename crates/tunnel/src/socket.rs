//! Opens a relay's websocket and starts the session on it, for hosts and for clients.

use std::time::{Duration, Instant};

use adit_proto::relay::{Role, Side, Version};
use adit_proto::ssh::{self, KeepAlive};
use adit_proto::token::Secret;
use adit_wire::handshake::{self, Connected};
use adit_wire::net::Connector;
use adit_wire::pump::{self, Events, Handle};
use adit_wire::{clock, task, ws};
use http::{HeaderMap, StatusCode, Uri};

/// A silent relay is asked after 5 s and given up 10 s later: found within the 15 s that a person
/// takes to notice.
const PING: KeepAlive =
    KeepAlive { idle: Duration::from_secs(5), timeout: Duration::from_secs(10) };

/// Why there is no session.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// The service gave a relay address that is none.
    #[error("the service gave the relay address {0:?}, which is none")]
    Address(Box<str>),
    /// No websocket to the relay.
    #[error(transparent)]
    Handshake(#[from] handshake::Error),
}

impl SocketError {
    /// The status with which the relay refused, if that is what happened.
    pub fn status(&self) -> Option<StatusCode> {
        match self {
            Self::Handshake(handshake::Error::Refused(refusal)) => Some(refusal.status),
            _ => None,
        }
    }

    /// How long the relay asks to wait before the next attempt.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Handshake(handshake::Error::Refused(refusal)) => {
                refusal.retry_after(clock::wall())
            }
            _ => None,
        }
    }
}

/// Which socket to open.
pub(crate) struct Dial<'a> {
    /// The address that the service gave.
    pub(crate) uri: &'a str,
    /// Which end we are.
    pub(crate) side: Side,
    /// A token for it; none for an anonymous client.
    pub(crate) token: Option<&'a Secret>,
    /// More headers.
    pub(crate) headers: HeaderMap,
    /// The end of patience.
    pub(crate) deadline: Instant,
}

/// Opens a websocket to a relay.
pub(crate) async fn dial(connector: &Connector, dial: Dial<'_>) -> Result<Connected, SocketError> {
    let uri: Uri = dial.uri.parse().map_err(|_| SocketError::Address(dial.uri.into()))?;
    let request = handshake::Request {
        uri: &uri,
        protocols: &[dial.side.subprotocol(Version::V2)],
        token: dial.token,
        headers: dial.headers,
        deadline: dial.deadline,
    };
    Ok(handshake::connect(connector, request).await?)
}

/// Starts the session on a websocket, in `tasks`.
pub(crate) fn start<R>(
    connected: Connected,
    role: impl FnOnce(ssh::Config, Instant) -> R,
    tasks: &task::Spawner,
) -> (Handle<R::Command>, Events<R::Event>)
where
    R: Role<Command: Send, Event: Send> + Send + 'static,
{
    let mut cookie = [0; 16];
    getrandom::fill(&mut cookie).expect("the system's randomness is always there");
    let session = ssh::Config::new(cookie);
    let config = pump::Config {
        role: ws::Role::Client,
        ping: Some(PING),
        channels: session.limits.channels,
    };
    let role = role(session, clock::now());
    let (handle, events, run) = pump::pump(config, role, connected.stream, connected.leftover);
    tasks.spawn("relay session", run);
    (handle, events)
}

#[cfg(test)]
mod tests {
    use adit_proto::relay::{Ending, Host, HostEvent, HostPeer};
    use adit_wire::net::Stream;
    use adit_wire::pump::Event;
    use bytes::Bytes;
    use tokio::io::copy_bidirectional;
    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_relay_that_neither_reads_nor_writes_any_more_is_found_within_fifteen_seconds() {
        let (near, mut near_end) = tokio::io::duplex(4096);
        let (mut far_end, far) = tokio::io::duplex(4096);
        let tasks = task::Group::new("test");
        let (silence, silenced) = oneshot::channel::<()>();
        // The way there stands, and nothing moves on it.
        tasks.spawn("network", async move {
            tokio::select! {
                _ = copy_bidirectional(&mut near_end, &mut far_end) => {}
                _ = silenced => std::future::pending().await,
            }
        });
        let config = pump::Config { role: ws::Role::Server, ping: None, channels: 10 };
        let peer = HostPeer::new(ssh::Config::new([2; 16]), clock::now());
        let (_relay, _relay_events, run) = pump::pump(config, peer, far, Bytes::new());
        tasks.spawn("relay", run);
        let connected = Connected {
            protocol: String::new(),
            headers: HeaderMap::new(),
            stream: Stream::other(near),
            leftover: Bytes::new(),
        };
        let (_handle, mut events) = start(connected, Host::new, &tasks.spawner());
        let ready = events.recv().await;
        assert!(matches!(ready, Some(Event::Role(HostEvent::Ready { .. }))), "{ready:?}");

        // As long as it answers pings, silence is no reason.
        let quiet = clock::until(clock::now() + Duration::from_secs(600), events.recv()).await;
        assert!(quiet.is_err(), "{quiet:?}");
        let _ = silence.send(());
        let start = clock::now();
        let ended = events.recv().await;
        assert!(
            matches!(ended, Some(Event::Ended(Ending::Failed(ssh::Error::Silent)))),
            "{ended:?}"
        );
        assert!(clock::now() - start <= PING.idle + PING.timeout);
    }
}
