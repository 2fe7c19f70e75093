//! Puts the parts of a relay together.

use std::sync::Arc;

use adit_wire::net::{BindError, Listener, bind};
use adit_wire::task::{self, Group};
use adit_wire::tls;
use jiff::Timestamp;

use super::{Door, Home, Housekeeper, Server, SpawnError, home};
use crate::admin::Admin;
use crate::api::Api;
use crate::auth::{Auth, hash_key};
use crate::config::{Config, Identity};
use crate::course::Helm;
use crate::edge::route::Names;
use crate::edge::{self, Edge};
use crate::front::{ApiNames, Front};
use crate::hub::Hub;
use crate::metrics::Metrics;
use crate::record::User;
use crate::seams::{self, Live};
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
        let directory = Arc::new(opened);
        let lifetime = config.token_lifetime.duration();
        let auth = Arc::new(Auth::new(directory.clone(), home::signer(&config)?, lifetime));
        warn_of_cleartext(&config);
        let bound = |error| BindError { address: config.listen, error };
        let addr = listeners.relay.local_addr().map_err(bound)?;

        let helm = Helm::new();
        let [doors, connections] = [Group::new("listeners"), Group::new("connections")];
        let [clients, hosts] = [Group::new("clients"), Group::new("hosts")];
        let background = Group::new("background");
        let metrics = Arc::new(Metrics::new());
        let hub = Hub::start(&directory, helm.course(), &background.spawner());
        let sockets = RelaySockets::new(ws::Context {
            directory: directory.clone(),
            auth: auth.clone(),
            hub: hub.clone(),
            course: helm.course(),
            hosts: hosts.spawner(),
            clients: clients.spawner(),
        });
        let live: Arc<dyn Live> = Arc::new(hub.clone());
        let counters = edge::Counters::default();
        metrics.register(|registry| counters.register(registry));
        let edge = Edge::start(edge::Setup {
            names: Names::new(config.domain.as_ref().map(|domain| domain.as_str()), &[]),
            directory: directory.clone(),
            auth: auth.clone(),
            upstream: Arc::new(hub),
            counters,
            behind_tls: is_behind_tls(&config),
            loopback: config.loopback.clone(),
            course: helm.course(),
            listeners: doors.spawner(),
            connections: connections.spawner(),
        });
        let visitors: Arc<dyn seams::Edge> = Arc::new(edge.clone());
        let api = Api::new(
            &config,
            addr,
            directory.clone(),
            auth,
            live.clone(),
            visitors.clone(),
            metrics.clone(),
        );
        let front = Arc::new(Front {
            api: Arc::new(api),
            sockets: Arc::new(sockets),
            edge: visitors,
            metrics: metrics.clone(),
            names: ApiNames::new(&config),
            tls,
            course: helm.course(),
            tasks: connections.spawner(),
        });
        let admin = Arc::new(Admin {
            directory: directory.clone(),
            metrics: metrics.clone(),
            course: helm.course(),
            tasks: connections.spawner(),
        });
        let mut server = Self {
            addr,
            admin_addr: None,
            front: front.clone(),
            edge,
            directory: directory.clone(),
            expiration: config.expiration.duration(),
            helm,
            doors: Vec::new(),
            keeper: None,
            listeners: doors,
            connections,
            clients,
            hosts,
            background,
            home,
            #[cfg(unix)]
            is_offered: matches!(config.identity, Identity::Users),
            #[cfg(unix)]
            offer: None,
            predecessor: None,
        };
        let welcome = move |stream, from| front.welcome(stream, from);
        server.doors.push(Door::new(RELAY, listeners.relay, welcome).map_err(bound)?);
        if let Some(listener) = listeners.admin {
            let welcome = move |stream, from| admin.welcome(stream, from);
            let door = Door::new(ADMIN, listener, welcome).map_err(bound)?;
            server.admin_addr = Some(door.addr());
            server.doors.push(door);
        }
        let expiration = server.expiration;
        server.keeper = Some(Housekeeper { directory, live, metrics, expiration });
        Ok(server)
    }
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
fn embedded_owner(config: &Config) -> Option<User> {
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
