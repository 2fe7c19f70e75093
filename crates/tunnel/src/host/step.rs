//! The steps of connecting that take time: minting tokens, and opening the relay's socket.

use std::time::Duration;

use adit_proto::contracts::{ConnectionMode, TunnelEndpoint};
use adit_proto::host::{CONNECT_WITHIN, Endpoint, Failure};
use adit_proto::registry::Epoch;
use adit_proto::relay::{self, HostCommand, HostEvent, Side};
use adit_proto::renewal::Step;
use adit_wire::pump::{Events, Handle};
use adit_wire::{clock, task};
use http::{HeaderMap, HeaderName, HeaderValue};

use super::{Config, failure};
use crate::management::{Authorized, Error, HostTokens, Locator, Turns};
use crate::socket::{self, Dial};

/// Tells the relay which process this is.
const PROCESS: HeaderName = HeaderName::from_static("x-tunnels-host-process-id");
/// Names the session to overlap and replace.
const SUPERSEDES: HeaderName = HeaderName::from_static("adit-supersedes");
/// The relay's number for the new session; only a relay that lets sessions overlap gives it.
const EPOCH: HeaderName = HeaderName::from_static("adit-epoch");

/// The policy's deadline stands; this one only keeps a socket from outliving it by much.
const SOCKET: Duration = CONNECT_WITHIN;

/// Fresh tokens and, with `look`, a fresh look at the tunnel.
pub(super) async fn mint(
    config: &Config,
    at: &Locator,
    look: bool,
    before: bool,
    turns: Turns,
) -> Result<Authorized, Failure> {
    let answer = config.management.authorize(at, look, turns).await;
    answer.map_err(|error| failure::of_management(&error, before))
}

/// What [`connect`] needs to know.
pub(super) struct Connect {
    pub(super) at: Locator,
    pub(super) tokens: HostTokens,
    pub(super) endpoint: Endpoint,
    pub(super) supersedes: Option<Epoch>,
    /// The endpoint as it was last put.
    pub(super) known: Option<TunnelEndpoint>,
    /// The service was reached before.
    pub(super) before: bool,
}

/// What came of it.
pub(super) struct Connected {
    pub(super) handle: Handle<HostCommand>,
    pub(super) events: Events<HostEvent>,
    pub(super) epoch: Option<Epoch>,
    pub(super) endpoint: TunnelEndpoint,
}

/// Puts the endpoint if need be, and opens the relay's socket: last, because a relay where sessions
/// cannot overlap ends the one before it.
pub(super) async fn connect(
    config: &Config,
    step: Connect,
    tasks: &task::Spawner,
) -> Result<Connected, Failure> {
    let known = step.known.clone().filter(|_| step.endpoint != Endpoint::Put);
    let endpoint = match known {
        Some(endpoint) => endpoint,
        None => put(config, &step).await?,
    };
    let dial = Dial {
        uri: endpoint.host_relay_uri.as_deref().unwrap_or_default(),
        side: Side::Host,
        token: Some(&step.tokens.host),
        headers: headers(config, step.supersedes),
        deadline: clock::now() + SOCKET,
    };
    let dialed = socket::dial(&config.connector, dial).await;
    let connected = dialed.map_err(|error| failure::of_socket(&error, step.before))?;
    let epoch = connected.headers.get(EPOCH).and_then(|epoch| epoch.to_str().ok()?.parse().ok());
    let (handle, events) = socket::start(connected, relay::Host::new, tasks);
    Ok(Connected { handle, events, epoch: epoch.map(Epoch), endpoint })
}

async fn put(config: &Config, step: &Connect) -> Result<TunnelEndpoint, Failure> {
    let endpoint = TunnelEndpoint {
        id: Some(endpoint_id(config)),
        connection_mode: ConnectionMode::TunnelRelay,
        host_id: config.identity.to_string(),
        ..TunnelEndpoint::default()
    };
    let answer = config.management.put_endpoint(&step.at, &endpoint, &step.tokens.host).await;
    let endpoint = answer.map_err(|error| failure::of_management(&error, step.before))?;
    if endpoint.host_relay_uri.is_none() {
        return Err(Failure::Fatal("the service gave no relay address for this host".into()));
    }
    Ok(endpoint)
}

/// Looks at the tunnel's life and renews it if it is time.
pub(super) async fn renew(
    config: &Config,
    at: &Locator,
    tokens: &HostTokens,
) -> Result<Step, Error> {
    let step = config.management.life(at, tokens).await?.step(clock::wall());
    if let Step::Renew(life) = step {
        config.management.renew(at, life).await?;
    }
    Ok(step)
}

/// The same for every session of this host, so that the relay knows it when it comes back.
pub(super) fn endpoint_id(config: &Config) -> String {
    format!("{}-relay", config.identity)
}

fn headers(config: &Config, supersedes: Option<Epoch>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    if let Ok(identity) = HeaderValue::try_from(config.identity.as_str()) {
        headers.insert(PROCESS, identity);
    }
    if let Some(Epoch(epoch)) = supersedes {
        headers.insert(SUPERSEDES, epoch.into());
    }
    headers
}
