//! Puts the parts of a relay together.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use adit_proto::ssh::Budget;
use adit_wire::net::{BindError, Listener, Stream, bind};
use adit_wire::{task, tls};
use jiff::Timestamp;

use super::{Door, Groups, Home, Housekeeper, Server, SpawnError, home};
use crate::admin::Admin;
use crate::api::{Api, Links};
use crate::auth::{Auth, hash_key};
use crate::config::{Config, Identity};
use crate::course::Helm;
use crate::directory::Directory;
use crate::edge::route::Names;
use crate::edge::{self, Edge};
use crate::front::{ApiNames, Front};
use crate::hub::Hub;
use crate::metrics::Metrics;
use crate::record::User;
use crate::seams;
use crate::sharing::Sharing;
use crate::ws::{self, RelaySockets};

/// The door for everybody.
pub(super) const RELAY: &str = "relay";

/// The door for operators.
pub(super) const ADMIN: &str = "admin";

/// Where a relay listens.
pub(super) struct Listeners {
    pub(super) relay: Listener,
    pub(super) admin: Option<Listener>,
}

impl Listeners {
    /// As the configuration has it.
    pub(super) fn bind(config: &Config) -> Result<Self, BindError> {
        Ok(Self { relay: bind(config.listen)?, admin: config.admin.map(bind).transpose()? })
    }
}

impl Server {
    /// A relay that runs but takes no connections yet, and writes nothing to the store.
    pub(super) async fn build(
        config: Config,
        home: Option<Home>,
        tls: Option<tls::Server>,
        listeners: Listeners,
    ) -> Result<Self, SpawnError> {
        let (storage, owner) = (config.storage.clone(), embedded_owner(&config));
        let opened = task::blocking("open store", move || home::open(&storage, owner)).await?;
        Self::assemble(config, home, opened, tls, listeners)
    }

    /// The same on a directory that is open.
    pub(super) fn assemble(
        config: Config,
        home: Option<Home>,
        opened: Directory,
        tls: Option<tls::Server>,
        listeners: Listeners,
    ) -> Result<Self, SpawnError> {
        let directory = Arc::new(opened);
        let lifetime = config.token_lifetime.duration();
        let auth = Arc::new(Auth::new(directory.clone(), home::signer(&config)?, lifetime));
        warn_of_cleartext(&config);
        let bound = |error| BindError { address: config.listen, error };
        let addr = listeners.relay.local_addr().map_err(bound)?;

        let sharing = sharing(&config, addr, &directory)?;
        let (helm, groups) = (Helm::new(), Groups::new());
        let hub = Hub::start(&directory, helm.course(), &groups.background.spawner());
        let budget = Arc::new(Budget::new(config.limits.buffers.bytes()));
        let parts = Parts { config: &config, directory, auth, sharing, hub, helm, budget, groups };
        let metrics = Arc::new(Metrics::new());
        let edge = parts.edge(&metrics);
        let front = parts.front(addr, &edge, &metrics, tls);
        let admin = parts.admin(&metrics);
        let keeper = parts.keeper(&metrics);
        let mut doors = vec![open_to(RELAY, listeners.relay, &front, Front::welcome)];
        doors.extend(listeners.admin.map(|it| open_to(ADMIN, it, &admin, Admin::welcome)));
        let doors = doors.into_iter().collect::<Result<Vec<_>, _>>().map_err(bound)?;
        let Parts { directory, helm, groups, .. } = parts;
        Ok(Self {
            addr,
            admin_addr: doors.get(1).map(Door::addr),
            front,
            edge,
            directory,
            expiration: config.expiration.duration(),
            helm,
            doors,
            keeper: Some(keeper),
            groups,
            home,
            #[cfg(unix)]
            is_offered: matches!(config.identity, Identity::Users),
            #[cfg(unix)]
            offer: None,
            predecessor: None,
        })
    }
}

/// A door that leads to `whom`, by `welcome`.
fn open_to<T: Send + Sync + 'static>(
    name: &'static str,
    listener: Listener,
    whom: &Arc<T>,
    welcome: fn(&Arc<T>, Stream, SocketAddr),
) -> io::Result<Door> {
    let whom = whom.clone();
    Door::new(name, listener, move |stream, from| welcome(&whom, stream, from))
}

/// What the parts of a relay have in common.
struct Parts<'a> {
    config: &'a Config,
    directory: Arc<Directory>,
    auth: Arc<Auth>,
    sharing: Option<Arc<Sharing>>,
    hub: Hub,
    helm: Helm,
    budget: Arc<Budget>,
    groups: Groups,
}

impl Parts<'_> {
    fn edge(&self, metrics: &Metrics) -> Edge {
        let counters = edge::Counters::default();
        metrics.register(|registry| counters.register(registry));
        let domain = self.config.domain.as_ref().map(|domain| domain.as_str());
        Edge::start(edge::Setup {
            names: Names::new(domain, &[]),
            directory: self.directory.clone(),
            auth: self.auth.clone(),
            sharing: self.sharing.clone(),
            upstream: Arc::new(self.hub.clone()),
            counters,
            behind_tls: is_behind_tls(self.config),
            loopback: self.config.loopback.clone(),
            course: self.helm.course(),
            listeners: self.groups.listeners.spawner(),
            connections: self.groups.connections.spawner(),
        })
    }

    fn front(
        &self,
        addr: SocketAddr,
        edge: &Edge,
        metrics: &Arc<Metrics>,
        tls: Option<tls::Server>,
    ) -> Arc<Front> {
        let edge: Arc<dyn seams::Edge> = Arc::new(edge.clone());
        let api = Api::new(
            self.config,
            addr,
            self.directory.clone(),
            self.auth.clone(),
            Arc::new(self.hub.clone()),
            edge.clone(),
            metrics.clone(),
        );
        Arc::new(Front {
            api: Arc::new(api),
            sockets: Arc::new(self.sockets(metrics)),
            edge,
            sharing: self.sharing.clone(),
            metrics: metrics.clone(),
            names: ApiNames::new(self.config),
            tls,
            course: self.helm.course(),
            tasks: self.groups.connections.spawner(),
        })
    }

    fn sockets(&self, metrics: &Arc<Metrics>) -> RelaySockets {
        RelaySockets::new(ws::Context {
            directory: self.directory.clone(),
            auth: self.auth.clone(),
            hub: self.hub.clone(),
            budget: self.budget.clone(),
            metrics: metrics.clone(),
            course: self.helm.course(),
            hosts: self.groups.hosts.spawner(),
            clients: self.groups.clients.spawner(),
        })
    }

    fn admin(&self, metrics: &Arc<Metrics>) -> Arc<Admin> {
        Arc::new(Admin {
            directory: self.directory.clone(),
            metrics: metrics.clone(),
            budget: self.budget.clone(),
            course: self.helm.course(),
            tasks: self.groups.connections.spawner(),
        })
    }

    fn keeper(&self, metrics: &Arc<Metrics>) -> Housekeeper {
        Housekeeper {
            directory: self.directory.clone(),
            live: Arc::new(self.hub.clone()),
            metrics: metrics.clone(),
            expiration: self.config.expiration.duration(),
        }
    }
}

/// Links that share tunnels: where there is a domain, and with it a management host of ours that is no
/// tunnel's.
fn sharing(
    config: &Config,
    listen: SocketAddr,
    directory: &Arc<Directory>,
) -> Result<Option<Arc<Sharing>>, SpawnError> {
    if config.domain.is_none() {
        return Ok(None);
    }
    let (key, links) = (home::pass_key(config)?, Links::new(config, listen));
    Ok(Some(Arc::new(Sharing::new(directory.clone(), key, links))))
}

/// The certificate to serve with.
pub(super) fn tls(config: &Config) -> Result<Option<tls::Server>, SpawnError> {
    let files = config.tls.as_ref();
    Ok(files.map(|files| tls::Server::from_files(&files.cert, &files.key)).transpose()?)
}

/// Keys and whatever goes through a tunnel should not cross a network in the clear.
fn warn_of_cleartext(config: &Config) {
    if config.tls.is_none() && !is_behind_tls(config) && !config.listen.ip().is_loopback() {
        let listen = config.listen;
        tracing::warn!(%listen, "reachable from the network without TLS: configure a certificate");
    }
}

/// Whether a proxy in front ends TLS.
fn is_behind_tls(config: &Config) -> bool {
    let advertised = config.advertised_url.as_ref();
    config.tls.is_none() && advertised.is_some_and(|url| url.scheme() == "https")
}

/// The one user of an embedded relay. Not stored: the key is the embedding process's to keep.
pub(super) fn embedded_owner(config: &Config) -> Option<User> {
    let Identity::Embedded { owner_key } = &config.identity else { return None };
    Some(User {
        id: "local".parse().expect("letters make a user id"),
        name: "local".into(),
        groups: Vec::new(),
        key: hash_key(owner_key.expose()),
        created: Timestamp::UNIX_EPOCH,
        active: true,
        tokens_valid_from: Timestamp::UNIX_EPOCH,
    })
}
