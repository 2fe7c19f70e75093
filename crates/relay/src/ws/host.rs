//! A host's socket.

use std::{collections::BTreeSet, sync::Arc};

use adit_proto::{
    access::Scope,
    id::TunnelId,
    registry::{Claim, Departure, Epoch, Refusal},
    relay::{Ending, HostPeer, HostPeerCommand, HostPeerEvent, Side, Version},
    ssh::disconnect,
};
use adit_wire::{
    clock,
    handshake::{self, Upgrade},
    pump::{self, Event, Handle},
    ws,
};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use hyper::body::Incoming;
use tokio::sync::broadcast::error::RecvError;

use super::leave::{Leave, Step};
use super::{Context, PING, Rejection, choose, identify, session_config, switching};
use crate::{
    auth::Caller,
    body::Body,
    directory::Change,
    hub::{HostSession, Verdict},
};

/// Tells two processes of one host apart.
const PROCESS: &str = "x-tunnels-host-process-id";
/// The epoch of the session that this one shall overlap and replace.
const SUPERSEDES: &str = "adit-supersedes";
/// The session's place in the order of all sessions; also tells our hosts whose relay this is.
const EPOCH: &str = "adit-epoch";

pub(super) async fn upgrade(
    context: &Arc<Context>,
    mut request: Request<Incoming>,
    tunnel: TunnelId,
    endpoint: Box<str>,
) -> Result<Response<Body>, Rejection> {
    let record = context.directory.tunnel(&tunnel).ok_or_else(Rejection::no_tunnel)?;
    let caller = identify(&context.auth, request.headers()).await?;
    context.auth.allow(&caller, &record, None, Scope::Host, clock::wall())?;
    let chosen = choose(request.headers(), Side::Host)?;
    let claim = Claim {
        tunnel: tunnel.clone(),
        endpoint,
        published: record.endpoint.as_ref().map(|endpoint| endpoint.id.as_str().into()),
        process: text(request.headers(), PROCESS).map(Into::into),
        supersedes: text(request.headers(), SUPERSEDES)
            .and_then(|epoch| epoch.parse().ok())
            .map(Epoch),
        version: Version::V2,
    };
    let mut accepted = handshake::accept(&mut request, Some(chosen))?;
    // From here on this task may be dropped with the connection: what was claimed is released by
    // one that is not.
    let (answer, verdict) = tokio::sync::oneshot::channel();
    let claiming = Claiming { context: context.clone(), tunnel, caller };
    context.hosts.spawn("host socket", claiming.run(claim, answer, accepted.upgrade));
    match verdict.await.unwrap_or(Verdict::Refuse(Refusal::NoLease)) {
        Verdict::Serve(epoch) => {
            let headers = accepted.response.headers_mut();
            headers.insert(EPOCH, HeaderValue::from(epoch.0));
            Ok(switching(accepted.response))
        }
        Verdict::TakenOver => Ok(switching(accepted.response)),
        Verdict::Refuse(refusal) => Err(refused(refusal)),
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn refused(refusal: Refusal) -> Rejection {
    match refusal {
        Refusal::NotPublished => {
            let text = "this tunnel has no endpoint: register one before connecting";
            Rejection::new(StatusCode::NOT_FOUND, text)
        }
        Refusal::TunnelGone => Rejection::no_tunnel(),
        Refusal::Outdated | Refusal::NoLease => {
            Rejection::new(StatusCode::SERVICE_UNAVAILABLE, "try again in a moment")
        }
    }
}

struct Claiming {
    context: Arc<Context>,
    tunnel: TunnelId,
    caller: Caller,
}

impl Claiming {
    /// Claims, answers the upgrade, and serves to the end.
    async fn run(
        self,
        claim: Claim<TunnelId>,
        answer: tokio::sync::oneshot::Sender<Verdict>,
        upgrade: Upgrade,
    ) {
        let verdict = self.context.hub.claim(claim).await;
        let answered = answer.send(verdict).is_ok();
        match verdict {
            Verdict::Refuse(_) => {}
            Verdict::TakenOver => self.say_taken_over(upgrade).await,
            Verdict::Serve(epoch) => {
                let departure = match upgrade.wait().await {
                    Ok((stream, received)) if answered => self.serve(epoch, stream, received).await,
                    _ => Departure::Lost,
                };
                self.context.hub.released(&self.tunnel, epoch, departure).await;
            }
        }
    }

    /// A host that comes back after it was replaced is told so in the only way SDKs understand.
    async fn say_taken_over(&self, upgrade: Upgrade) {
        let Ok((stream, received)) = upgrade.wait().await else { return };
        let role = HostPeer::new(session_config(&self.context), clock::now());
        let config = pump::Config { role: ws::Role::Server, ping: Some(PING), channels: 0 };
        let (handle, mut events, pump) = pump::pump(config, role, stream, received);
        let tell = async {
            // After the handshake, since an SDK takes no DISCONNECT before it.
            while let Some(event) = events.recv().await {
                if matches!(event, Event::Role(HostPeerEvent::Ready { .. })) {
                    let text = "another host for this tunnel has connected";
                    handle.disconnect(disconnect::TOO_MANY_CONNECTIONS, text).await;
                }
            }
        };
        tokio::join!(pump, tell);
    }

    async fn serve(
        &self,
        epoch: Epoch,
        stream: adit_wire::net::Stream,
        received: Bytes,
    ) -> Departure {
        let _counted = self.context.metrics.session(Side::Host);
        let config = session_config(&self.context);
        let channels = config.limits.channels;
        let role = HostPeer::new(config, clock::now());
        let config = pump::Config { role: ws::Role::Server, ping: Some(PING), channels };
        let (handle, events, pump) = pump::pump(config, role, stream, received);
        let session = HostSession {
            epoch,
            handle: handle.clone(),
            ports: BTreeSet::new(),
            since: clock::now(),
        };
        self.context.hub.started(&self.tunnel, session).await;
        let Context { course, hosts, .. } = &*self.context;
        let leave = Leave::new(Side::Host, course.clone(), hosts.stopping());
        let ports = self.context.directory.tunnel(&self.tunnel);
        let ports = ports.map(|record| record.ports.keys().copied().collect()).unwrap_or_default();
        let mut host =
            Serving { claiming: self, epoch, handle, offered: BTreeSet::new(), ports, leave };
        let (departure, ()) = tokio::join!(host.run(events), pump);
        departure
    }
}

/// A host session at work.
struct Serving<'a> {
    claiming: &'a Claiming,
    epoch: Epoch,
    handle: Handle<HostPeerCommand>,
    /// What the host serves, ports included that the tunnel has lost since: one that comes back is
    /// served again, for the host may never have noticed.
    offered: BTreeSet<u16>,
    /// What the tunnel has, as far as the host was told that it changed.
    ports: BTreeSet<u16>,
    leave: Leave,
}

impl Serving<'_> {
    async fn run(&mut self, mut events: pump::Events<HostPeerEvent>) -> Departure {
        let context = &self.claiming.context;
        let mut changes = context.directory.changes();
        loop {
            tokio::select! {
                step = self.leave.next(self.handle.traffic()) => match step {
                    Step::Tell => self.handle.command(HostPeerCommand::Drain).await,
                    Step::Close => self.handle.kill().await,
                },
                event = events.recv() => match event {
                    Some(Event::Role(event)) => self.handle(event).await,
                    Some(Event::Incoming(..)) => {}
                    Some(Event::Ended(ending)) => {
                        tracing::debug!(tunnel = %self.claiming.tunnel, epoch = %self.epoch, ?ending, "host gone");
                        return departure(&ending);
                    }
                    None => return Departure::Lost,
                },
                change = changes.recv() => {
                    let concerns = match change {
                        Ok(Change::Tunnel(id)) => id == self.claiming.tunnel,
                        Ok(Change::Users) | Err(RecvError::Lagged(_)) => true,
                        Err(RecvError::Closed) => false,
                    };
                    if concerns {
                        self.look_again().await;
                    }
                }
            }
        }
    }

    async fn handle(&mut self, event: HostPeerEvent) {
        match event {
            HostPeerEvent::Ready { version, own_host } => {
                self.leave.met(own_host);
                tracing::info!(tunnel = %self.claiming.tunnel, epoch = %self.epoch, version, "host connected");
            }
            HostPeerEvent::Announce { port, token } => {
                let serve = self.may_serve(port, &token);
                // First: an SDK's host refuses connections to a port that was not confirmed, and
                // somebody may wait for this one.
                self.handle.command(HostPeerCommand::Answer { port, serve }).await;
                if serve && self.offered.insert(port) {
                    self.publish();
                }
            }
            HostPeerEvent::Withdrawn { port } => {
                self.offered.remove(&port);
                self.publish();
            }
        }
    }

    /// Whether the host may serve this port: one of the tunnel's, and still with the right to.
    fn may_serve(&self, port: u16, token: &[u8]) -> bool {
        let Claiming { context, tunnel, caller } = self.claiming;
        let Some(record) = context.directory.tunnel(tunnel) else { return false };
        if !record.ports.contains_key(&port) {
            return false;
        }
        let now = clock::wall();
        // The token was looked at when the socket was opened; one that is new since then counts
        // for itself, one that merely expired since does not count against its holder.
        let presented = std::str::from_utf8(token).ok();
        let fresh = presented.and_then(|token| context.auth.identify_token(token, now).ok());
        let caller = fresh.as_ref().unwrap_or(caller);
        context.auth.allow(caller, &record, None, Scope::Host, now).is_ok()
    }

    /// The tunnel or a user changed: what was allowed may not be any more.
    async fn look_again(&mut self) {
        let Claiming { context, tunnel, caller } = self.claiming;
        let allowed = context.directory.tunnel(tunnel).filter(|record| {
            context.auth.allow(caller, record, None, Scope::Host, clock::wall()).is_ok()
        });
        let Some(record) = allowed else {
            // Without DISCONNECT: SDKs then reconnect, get 401 and refresh their token.
            return self.handle.kill().await;
        };
        let ports = record.ports.keys().copied().collect();
        if self.ports != ports {
            self.ports = ports;
            self.handle.command(HostPeerCommand::PortsChanged).await;
        }
        self.publish();
    }

    /// Says which ports go to this session: those that the host serves and the tunnel has.
    fn publish(&self) {
        let Claiming { context, tunnel, .. } = self.claiming;
        let Some(record) = context.directory.tunnel(tunnel) else { return };
        let is_there = |port: &u16| record.ports.contains_key(port);
        let ports = self.offered.iter().copied().filter(is_there).collect();
        context.hub.serve_ports(tunnel, self.epoch, &ports);
    }
}

/// A host that says goodbye is not waited for.
fn departure(ending: &Ending) -> Departure {
    match ending {
        Ending::Disconnected { reason: disconnect::CONNECTION_LOST, .. } => Departure::Lost,
        Ending::Disconnected { .. } => Departure::Left,
        Ending::Failed(_) | Ending::Lost(_) | Ending::Local => Departure::Lost,
    }
}
