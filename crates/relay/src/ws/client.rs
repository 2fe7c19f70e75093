//! A client's socket.

use std::{collections::BTreeSet, net::SocketAddr, sync::Arc, time::Instant};

use adit_proto::{
    access::Scope,
    id::TunnelId,
    relay::{ClientPeer, ClientPeerCommand, ClientPeerEvent, Side, message::Connect},
    ssh::open_failure,
};
use adit_wire::{
    channel, clock,
    handshake::{self, Upgrade},
    pump::{self, Event, Handle},
    task, ws,
};
use http::{Request, Response};
use hyper::body::Incoming;
use tokio::sync::{broadcast::error::RecvError, watch};

use super::leave::{Leave, Step};
use super::{Context, PING, Rejection, choose, identify, session_config, switching};
use crate::{
    auth::{Caller, Refused},
    body::Body,
    directory::Change,
    hub::{OpenError, Route, Tunnel},
    record::TunnelRecord,
    seams::Peer,
    switch::splice,
};

pub(super) async fn upgrade(
    context: &Arc<Context>,
    mut request: Request<Incoming>,
    tunnel: TunnelId,
    peer: Peer,
) -> Result<Response<Body>, Rejection> {
    let record = context.directory.tunnel(&tunnel).ok_or_else(Rejection::no_tunnel)?;
    let caller = identify(&context.auth, request.headers()).await?;
    may_enter(context, &caller, &record)?;
    let chosen = choose(request.headers(), Side::Client)?;
    let accepted = handshake::accept(&mut request, Some(chosen))?;
    let client = Client { context: context.clone(), tunnel, caller, origin: peer.addr };
    context.clients.spawn("client socket", client.run(accepted.upgrade));
    Ok(switching(accepted.response))
}

/// Whether the caller may connect to the tunnel, or to any one of its ports.
fn may_enter(context: &Context, caller: &Caller, record: &TunnelRecord) -> Result<(), Refused> {
    let now = clock::wall();
    let refused = match context.auth.allow(caller, record, None, Scope::Connect, now) {
        Ok(_) => return Ok(()),
        Err(refused) => refused,
    };
    let mut ports = record.ports.keys();
    if ports
        .any(|&port| context.auth.allow(caller, record, Some(port), Scope::Connect, now).is_ok())
    {
        return Ok(());
    }
    Err(refused)
}

struct Client {
    context: Arc<Context>,
    tunnel: TunnelId,
    caller: Caller,
    origin: SocketAddr,
}

impl Client {
    async fn run(self, upgrade: Upgrade) {
        let Ok((stream, received)) = upgrade.wait().await else { return };
        let _listed = self.context.metrics.session(Side::Client);
        let config = session_config(&self.context);
        let channels = config.limits.channels;
        let role = ClientPeer::new(config, clock::now());
        let config = pump::Config { role: ws::Role::Server, ping: Some(PING), channels };
        let (handle, events, pump) = pump::pump(config, role, stream, received);
        let live = self.context.hub.tunnel(&self.tunnel);
        let _counted = live.client();
        let connections = task::Group::new("client connections");
        let Context { course, clients, .. } = &*self.context;
        let leave = Leave::new(Side::Client, course.clone(), clients.stopping());
        let mut serving = Serving {
            client: Arc::new(self),
            handle,
            connections,
            announced: BTreeSet::new(),
            settles_at: None,
            leave,
        };
        tokio::join!(serving.run(events, live.watch()), pump);
    }
}

struct Serving {
    client: Arc<Client>,
    handle: Handle<ClientPeerCommand>,
    /// The connections of this client; they end with it.
    connections: task::Group,
    announced: BTreeSet<u16>,
    /// When the host's session has had time to announce its ports; they are looked at again then.
    settles_at: Option<Instant>,
    leave: Leave,
}

impl Serving {
    async fn run(
        &mut self,
        mut events: pump::Events<ClientPeerEvent>,
        mut route: watch::Receiver<Route>,
    ) {
        let context = self.client.context.clone();
        let mut changes = context.directory.changes();
        self.announce(&route).await;
        loop {
            tokio::select! {
                step = self.leave.next(self.handle.traffic()) => match step {
                    Step::Tell => self.handle.command(ClientPeerCommand::Drain).await,
                    Step::Close => self.handle.kill().await,
                },
                event = events.recv() => match event {
                    Some(Event::Role(event)) => self.note(&event),
                    Some(Event::Incoming(ClientPeerEvent::Connect(connect), incoming)) => {
                        let client = self.client.clone();
                        self.connections.spawn("connection", client.connect(connect, incoming));
                    }
                    Some(Event::Incoming(..)) => {}
                    Some(Event::Ended(ending)) => {
                        tracing::debug!(tunnel = %self.client.tunnel, ?ending, "client gone");
                        return;
                    }
                    None => return,
                },
                changed = route.changed() => match changed {
                    Ok(()) => self.announce(&route).await,
                    // The tunnel is gone; so is what it allowed.
                    Err(_) => self.handle.kill().await,
                },
                change = changes.recv() => {
                    let concerns = match change {
                        Ok(Change::Tunnel(id)) => id == self.client.tunnel,
                        Ok(Change::Users) | Err(RecvError::Lagged(_)) => true,
                        Err(RecvError::Closed) => false,
                    };
                    if concerns {
                        self.look_again(&route).await;
                    }
                }
                () = clock::sleep_until_maybe(self.settles_at) => self.announce(&route).await,
            }
        }
    }

    fn note(&mut self, event: &ClientPeerEvent) {
        match event {
            ClientPeerEvent::Ready { version, own_client } => {
                self.leave.met(*own_client);
                tracing::info!(tunnel = %self.client.tunnel, version, "client connected");
            }
            ClientPeerEvent::Declined { port } => {
                tracing::debug!(tunnel = %self.client.tunnel, port, "client declined a port");
            }
            ClientPeerEvent::Listening { .. } | ClientPeerEvent::Connect(_) => {}
        }
    }

    /// Announces what the host serves and this client may use. While the host is away the ports
    /// stay announced: the client keeps its listeners, and the host is expected to be back.
    async fn announce(&mut self, route: &watch::Receiver<Route>) {
        self.settles_at = self.client.live().settles_at(clock::now());
        let served = match &*route.borrow() {
            // One that replaces another announces the same ports in a moment.
            Route::Live(host) if self.settles_at.is_some() => &host.ports | &self.announced,
            Route::Live(host) => host.ports.clone(),
            Route::Away { left: false, .. } => self.announced.clone(),
            Route::Away { left: true, .. } | Route::Unknown => BTreeSet::new(),
        };
        let Client { context, tunnel, caller, .. } = &*self.client;
        let Some(record) = context.directory.tunnel(tunnel) else { return };
        let now = clock::wall();
        let ports: BTreeSet<u16> = served
            .into_iter()
            .filter(|port| record.ports.contains_key(port))
            .filter(|&port| {
                context.auth.allow(caller, &record, Some(port), Scope::Connect, now).is_ok()
            })
            .collect();
        if ports != self.announced {
            self.announced.clone_from(&ports);
            self.handle.command(ClientPeerCommand::SetPorts(ports)).await;
        }
    }

    /// The tunnel or a user changed: what was allowed may not be any more.
    async fn look_again(&mut self, route: &watch::Receiver<Route>) {
        let Client { context, tunnel, caller, .. } = &*self.client;
        let record = context.directory.tunnel(tunnel);
        let allowed = record.is_some_and(|record| may_enter(context, caller, &record).is_ok());
        if allowed {
            self.announce(route).await;
        } else {
            self.handle.kill().await;
        }
    }
}

impl Client {
    fn live(&self) -> Arc<Tunnel> {
        self.context.hub.tunnel(&self.tunnel)
    }

    /// Bridges one connection to the host, or says why not.
    async fn connect(self: Arc<Self>, connect: Connect, incoming: channel::Incoming) {
        let port = connect.port;
        if let Err((reason, text)) = self.may_connect(&connect) {
            return incoming.reject(reason, &text).await;
        }
        // No patience with a host that is away: this client knows how to wait for a port. But it
        // does not know that one host's session has just replaced another.
        let hub = &self.context.hub;
        let now = clock::now();
        let patience = self.live().settles_at(now).map(|at| at.saturating_duration_since(now));
        let opened = hub.open(&self.tunnel, port, self.origin, connect.encrypt, patience).await;
        match opened {
            Ok(opened) => {
                let near = incoming.accept(opened.encrypted).await;
                splice(near, opened.channel).await;
            }
            Err(error) => {
                let reason = match error {
                    OpenError::Busy => open_failure::RESOURCE_SHORTAGE,
                    _ => open_failure::CONNECT_FAILED,
                };
                incoming.reject(reason, &error.to_string()).await;
            }
        }
    }

    fn may_connect(&self, connect: &Connect) -> Result<(), (u32, String)> {
        let no_such = |text: &str| (open_failure::CONNECT_FAILED, text.to_owned());
        let Some(record) = self.context.directory.tunnel(&self.tunnel) else {
            return Err(no_such("the tunnel is gone"));
        };
        if !record.ports.contains_key(&connect.port) {
            return Err(no_such("the tunnel has no such port"));
        }
        let now = clock::wall();
        // As with hosts: a token that is new counts for itself, one that expired since the
        // socket was opened does not count against its holder.
        let token = std::str::from_utf8(&connect.token).unwrap_or_default();
        let fresh = match token {
            "" => None,
            token => self.context.auth.identify_token(token, now).ok(),
        };
        let caller = fresh.as_ref().unwrap_or(&self.caller);
        let allowed =
            self.context.auth.allow(caller, &record, Some(connect.port), Scope::Connect, now);
        allowed
            .map(|_| ())
            .map_err(|refused| (open_failure::ADMINISTRATIVELY_PROHIBITED, refused.to_string()))
    }
}
