//! A service and a relay that do as a test tells them, behind the real protocol.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::future::pending;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use adit_proto::access::Scope;
use adit_proto::contracts::{
    ClusterDetails, NamedRateStatus, Protocol, Tunnel, TunnelEndpoint, TunnelPort,
};
use adit_proto::relay::message::Connect;
use adit_proto::relay::{Ending, HostPeer, HostPeerCommand, HostPeerEvent};
use adit_proto::ssh;
use adit_proto::token::Secret;
use adit_wire::net::{Connector, Proxies};
use adit_wire::pump::{self, Event, Handle, OpenError, Opened};
use adit_wire::{clock, handshake, task, tls, ws};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, mpsc};

use crate::management::{
    Answer, Authorized, Error, Filter, HostTokens, Locator, Management, Said, Turn, Turns, Want,
};

/// A management service with one tunnel.
#[derive(Debug)]
pub(super) struct Service {
    relay: SocketAddr,
    pub(super) ports: Mutex<BTreeSet<u16>>,
    /// The URL of every port, if it leads anywhere.
    url: Mutex<Option<String>>,
    pub(super) mints: AtomicUsize,
    pub(super) connect_mints: AtomicUsize,
    pub(super) forbids_connecting: AtomicBool,
    pub(super) puts: AtomicUsize,
    pub(super) removals: AtomicUsize,
    /// The ports that were registered, refused ones too.
    pub(super) registered: Mutex<Vec<u16>>,
    /// What the next registrations of a port come to.
    pub(super) refusals: Mutex<Vec<(u16, Error)>>,
    /// The port whose registration gets no answer.
    pub(super) hangs: Mutex<Option<u16>>,
    /// How many calls run at once where minting takes three of them, and how long each takes. It then
    /// fails for want of a sign-in.
    pub(super) queue: Option<(Semaphore, Duration)>,
    /// The lives that tunnels were given, in seconds; `None` refuses.
    pub(super) renewals: Mutex<Option<Vec<u32>>>,
}

impl Service {
    pub(super) fn new(relay: SocketAddr, ports: impl IntoIterator<Item = u16>) -> Self {
        Self {
            relay,
            ports: Mutex::new(ports.into_iter().collect()),
            url: Mutex::default(),
            mints: AtomicUsize::new(0),
            connect_mints: AtomicUsize::new(0),
            forbids_connecting: AtomicBool::new(false),
            puts: AtomicUsize::new(0),
            removals: AtomicUsize::new(0),
            registered: Mutex::default(),
            refusals: Mutex::default(),
            hangs: Mutex::default(),
            queue: None,
            renewals: Mutex::default(),
        }
    }

    /// The next registration of `port` fails.
    pub(super) fn refuses(&self, port: u16, error: Error) {
        self.refusals.lock().expect("no panic").push((port, error));
    }

    pub(super) fn registered(&self) -> Vec<u16> {
        self.registered.lock().expect("no panic").clone()
    }

    pub(super) fn set_ports(&self, ports: impl IntoIterator<Item = u16>) {
        *self.ports.lock().expect("no panic") = ports.into_iter().collect();
    }

    pub(super) fn set_url(&self, url: &str) {
        *self.url.lock().expect("no panic") = Some(url.to_owned());
    }

    fn tunnel(&self, token: bool) -> Tunnel {
        let ports = self.ports.lock().expect("no panic");
        let url = self.url.lock().expect("no panic").clone();
        let named = |port| format!("https://web-{port}.example.com/");
        let port = |&port| TunnelPort {
            port_number: port,
            protocol: Some(Protocol::Http),
            port_forwarding_uris: Some(vec![url.clone().unwrap_or_else(|| named(port))]),
            ..TunnelPort::default()
        };
        let tokens = token.then(|| {
            let count = self.mints.fetch_add(1, Ordering::Relaxed) + 1;
            [("host".to_owned(), Secret::new(format!("token-{count}")))].into()
        });
        Tunnel {
            tunnel_id: Some("web".into()),
            cluster_id: Some("loc1".into()),
            custom_expiration: Some(7200),
            ports: Some(ports.iter().map(port).collect()),
            access_tokens: tokens,
            ..Tunnel::default()
        }
    }
}

fn none<T>() -> Result<T, Error> {
    Err(Error::NotFound(Said::default()))
}

impl Management for Service {
    fn get<'a>(&'a self, _: &'a Locator, want: Want) -> Answer<'a, Tunnel> {
        Box::pin(async move { Ok(self.tunnel(want.token == Some(Scope::Host))) })
    }

    fn put_endpoint<'a>(
        &'a self,
        _: &'a Locator,
        endpoint: &'a TunnelEndpoint,
        _: &'a Secret,
    ) -> Answer<'a, TunnelEndpoint> {
        self.puts.fetch_add(1, Ordering::Relaxed);
        let uri = format!("ws://{}/host", self.relay);
        let endpoint = TunnelEndpoint { host_relay_uri: Some(uri), ..endpoint.clone() };
        Box::pin(async { Ok(endpoint) })
    }

    fn delete_endpoint<'a>(
        &'a self,
        _: &'a Locator,
        _: &'a str,
        _: &'a Secret,
    ) -> Answer<'a, bool> {
        self.removals.fetch_add(1, Ordering::Relaxed);
        Box::pin(async { Ok(true) })
    }

    fn create<'a>(&'a self, _: &'a Tunnel, _: Want) -> Answer<'a, Tunnel> {
        Box::pin(async { none() })
    }

    fn list<'a>(&'a self, _: &'a Filter) -> Answer<'a, Vec<Tunnel>> {
        Box::pin(async { none() })
    }

    fn update<'a>(&'a self, tunnel: &'a Tunnel, _: Want) -> Answer<'a, Tunnel> {
        Box::pin(async {
            match &mut *self.renewals.lock().expect("no panic") {
                Some(renewals) => renewals.extend(tunnel.custom_expiration),
                None => return none(),
            }
            Ok(tunnel.clone())
        })
    }

    fn delete<'a>(&'a self, _: &'a Locator) -> Answer<'a, bool> {
        Box::pin(async { none() })
    }

    fn ports<'a>(&'a self, _: &'a Locator) -> Answer<'a, Vec<TunnelPort>> {
        Box::pin(async { none() })
    }

    fn create_port<'a>(&'a self, _: &'a Locator, _: &'a TunnelPort) -> Answer<'a, TunnelPort> {
        Box::pin(async { none() })
    }

    fn update_port<'a>(&'a self, _: &'a Locator, _: &'a TunnelPort) -> Answer<'a, TunnelPort> {
        Box::pin(async { none() })
    }

    fn delete_port<'a>(&'a self, _: &'a Locator, _: u16) -> Answer<'a, bool> {
        Box::pin(async { none() })
    }

    fn mint<'a>(&'a self, _: &'a Locator, scope: Scope) -> Answer<'a, Secret> {
        assert_eq!(scope, Scope::Connect, "a host token comes with the tunnel");
        let count = self.connect_mints.fetch_add(1, Ordering::Relaxed) + 1;
        let forbidden = self.forbids_connecting.load(Ordering::Relaxed);
        Box::pin(async move {
            match forbidden {
                true => Err(Error::Forbidden(Said::default())),
                false => Ok(Secret::new(format!("connect-{count}"))),
            }
        })
    }

    fn authorize<'a>(&'a self, at: &'a Locator, _: bool, turns: Turns) -> Answer<'a, Authorized> {
        Box::pin(async move {
            let Some((queue, span)) = &self.queue else {
                let tunnel = self.get(at, Want::PORTS.token(Scope::Host)).await?;
                let host = tunnel.token(Scope::Host).cloned().expect("a token");
                let tokens = HostTokens { ports: Some(host.clone()), host };
                return Ok(Authorized { tokens, tunnel: Some(tunnel) });
            };
            let call = async || {
                turns.send_replace(Turn::Waits);
                let _turn = queue.acquire().await;
                turns.send_replace(Turn::Runs);
                clock::sleep(*span).await;
            };
            tokio::join!(call(), call(), call());
            Err(Error::SignIn(Said::default()))
        })
    }

    fn register<'a>(
        &'a self,
        _: &'a Locator,
        port: &'a TunnelPort,
        _: &'a HostTokens,
    ) -> Answer<'a, ()> {
        let number = port.port_number;
        self.registered.lock().expect("no panic").push(number);
        let mut refusals = self.refusals.lock().expect("no panic");
        let refusal = refusals.iter().position(|(port, _)| *port == number);
        let result = refusal.map_or(Ok(()), |at| Err(refusals.remove(at).1));
        if *self.hangs.lock().expect("no panic") == Some(number) {
            return Box::pin(pending());
        }
        Box::pin(async { result })
    }

    fn limits(&self) -> Answer<'_, Vec<NamedRateStatus>> {
        Box::pin(async { none() })
    }

    fn clusters(&self) -> Answer<'_, Vec<ClusterDetails>> {
        Box::pin(async { none() })
    }
}

/// The relay's listener.
pub(super) struct Relay {
    pub(super) service: Arc<Service>,
    pub(super) connector: Connector,
    sessions: mpsc::Receiver<Session>,
    /// The status of the next refusals, and how many there will be.
    refuse: Refusals,
    /// Ports that are not served.
    unserved: Arc<Mutex<BTreeSet<u16>>>,
    _task: task::Task<()>,
}

type Refusals = Arc<(AtomicU16, AtomicUsize)>;

/// A host's session, as the relay sees it.
pub(super) struct Session {
    pub(super) headers: HeaderMap,
    pub(super) handle: Handle<HostPeerCommand>,
    pub(super) seen: mpsc::Receiver<Seen>,
    _tasks: task::Group,
}

/// What a relay sees of a host.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Seen {
    Announced(u16),
    Withdrawn(u16),
    Ended(Ending),
}

impl Relay {
    /// A relay whose tunnel has `ports`. `own` says whether it lets sessions overlap.
    pub(super) async fn new(ports: impl IntoIterator<Item = u16>, own: bool) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a listener");
        let service = Service::new(listener.local_addr().expect("an address"), ports);
        let (sender, sessions) = mpsc::channel(16);
        let (refuse, unserved) = (Refusals::default(), Arc::<Mutex<_>>::default());
        let (refusals, not_served) = (refuse.clone(), unserved.clone());
        let task = task::spawn("relay", async move {
            let connections = task::Group::new("relay connections");
            let mut epoch = 0;
            while let Ok((stream, _)) = listener.accept().await {
                epoch += 1;
                let (sender, refusals) = (sender.clone(), refusals.clone());
                let not_served = not_served.clone();
                connections.spawn("relay connection", async move {
                    let serve = service_fn(|request| {
                        let epoch = own.then_some(epoch);
                        let refusals = (refusals.clone(), not_served.clone());
                        upgrade(request, sender.clone(), refusals, epoch)
                    });
                    let http = hyper::server::conn::http1::Builder::new();
                    let connection = http.serve_connection(TokioIo::new(stream), serve);
                    let _ = connection.with_upgrades().await;
                });
            }
        });
        Self {
            service: Arc::new(service),
            connector: Connector::new(tls::Client::danger_unverified(), Proxies::none()),
            sessions,
            refuse,
            unserved,
            _task: task,
        }
    }

    pub(super) fn refuse_next(&self, count: usize, status: u16) {
        self.refuse.0.store(status, Ordering::Relaxed);
        self.refuse.1.store(count, Ordering::Relaxed);
    }

    pub(super) fn do_not_serve(&self, port: u16) {
        self.unserved.lock().expect("no test has panicked").insert(port);
    }

    pub(super) fn serve(&self, port: u16) {
        self.unserved.lock().expect("no test has panicked").remove(&port);
    }

    /// The next session, when it is up.
    pub(super) async fn session(&mut self) -> Session {
        self.sessions.recv().await.expect("a session")
    }

    pub(super) fn has_new_session(&mut self) -> bool {
        self.sessions.try_recv().is_ok()
    }
}

impl Session {
    pub(super) async fn seen(&mut self) -> Seen {
        self.seen.recv().await.expect("something to see")
    }

    pub(super) async fn open(&self, port: u16) -> Result<Opened, OpenError> {
        self.handle.open(HostPeerCommand::Connect(Connect::to_port(port))).await
    }
}

async fn upgrade(
    mut request: Request<Incoming>,
    sessions: mpsc::Sender<Session>,
    (refuse, unserved): (Refusals, Arc<Mutex<BTreeSet<u16>>>),
    epoch: Option<u64>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let left = refuse.1.load(Ordering::Relaxed);
    if left > 0 {
        refuse.1.store(left - 1, Ordering::Relaxed);
        let mut response = Response::new(Full::default());
        *response.status_mut() = refuse.0.load(Ordering::Relaxed).try_into().expect("a status");
        if response.status() == 429 {
            response.headers_mut().insert("retry-after", HeaderValue::from_static("3600"));
        }
        return Ok(response);
    }
    let headers = request.headers().clone();
    let accepted = handshake::accept(&mut request, Some("tunnel-relay-host-v2-dev"));
    let accepted = accepted.expect("a websocket");
    let mut response = accepted.response.map(|()| Full::default());
    if let Some(epoch) = epoch {
        response.headers_mut().insert("adit-epoch", HeaderValue::from(epoch));
    }
    let tasks = task::Group::new("relay session");
    let spawner = tasks.spawner();
    spawner.clone().spawn("upgrade", async move {
        let Ok((stream, received)) = accepted.upgrade.wait().await else { return };
        let role = HostPeer::new(ssh::Config::new([7; 16]), clock::now());
        let config = pump::Config { role: ws::Role::Server, ping: None, channels: 100 };
        let (handle, mut events, run) = pump::pump(config, role, stream, received);
        spawner.spawn("relay pump", run);
        let (sender, seen) = mpsc::channel(64);
        let session = Session { headers, handle: handle.clone(), seen, _tasks: tasks };
        let _ = sessions.send(session).await;
        while let Some(event) = events.recv().await {
            let seen = match event {
                Event::Role(HostPeerEvent::Announce { port, .. }) => {
                    let serve = !unserved.lock().expect("no test has panicked").contains(&port);
                    handle.command(HostPeerCommand::Answer { port, serve }).await;
                    Seen::Announced(port)
                }
                Event::Role(HostPeerEvent::Withdrawn { port }) => Seen::Withdrawn(port),
                Event::Ended(ending) => Seen::Ended(ending),
                _ => continue,
            };
            let _ = sender.send(seen).await;
        }
    });
    Ok(response)
}
