//! A running relay: puts the parts together, keeps house, and takes itself down.

use std::fs::{File, TryLockError};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use adit_proto::id::TunnelId;
use adit_wire::net::{BindError, Io, bind};
use adit_wire::task::{self, Group, Shutdown};
use adit_wire::{clock, tls};
use jiff::Timestamp;

use crate::admin::Admin;
use crate::api::Api;
use crate::auth::{Auth, KeyError, Signer, hash_key};
use crate::config::{Config, Identity, Storage};
use crate::directory::{Directory, Writing};
use crate::edge::route::Names;
use crate::edge::{self, Edge};
use crate::front::{ApiNames, Front};
use crate::hub::Hub;
use crate::metrics::Metrics;
use crate::record::User;
use crate::seams::{self, Live};
use crate::store::{self, Memory, Sqlite, Store, StoreError};
use crate::ws::RelaySockets;

/// How often the store is asked whether the command line changed the users.
const LOOK_AT_USERS: Duration = Duration::from_secs(1);

/// How often unused tunnels are removed and times of last use are stored.
const SWEEP: Duration = Duration::from_secs(60);

/// How much of the time of last use may be lost when the process is killed.
const USE_STEP: Duration = Duration::from_secs(60);

/// How long what runs in the background may take to end.
const BACKGROUND_GRACE: Duration = Duration::from_secs(2);

/// A relay. Dropping it ends it at once; [`Server::shutdown`] ends it well.
#[derive(Debug)]
pub struct Server {
    addr: SocketAddr,
    admin_addr: Option<SocketAddr>,
    front: Arc<Front>,
    edge: Edge,
    directory: Arc<Directory>,
    hub: Hub,
    expiration: Duration,
    /// What takes connections.
    listeners: Group,
    /// Connections, and the sessions that run on them.
    sessions: Group,
    background: Group,
    _lock: Option<File>,
}

/// Why a relay did not start.
#[derive(Debug, thiserror::Error)]
pub enum SpawnError {
    /// The data directory cannot be made or locked.
    #[error("cannot use the data directory {}: {error}", path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
        /// What the system reported.
        error: std::io::Error,
    },
    /// Another relay uses the data directory.
    #[error("another relay runs on the data directory {}", .0.display())]
    Running(PathBuf),
    /// The store cannot be opened or read.
    #[error("cannot open the store: {0}")]
    Store(#[from] StoreError),
    /// There is no key to sign tokens with.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The certificate or its key is unusable.
    #[error(transparent)]
    Tls(#[from] tls::FileError),
    /// An address cannot be listened on.
    #[error(transparent)]
    Bind(#[from] BindError),
}

impl Server {
    /// Starts a relay: when this returns, it takes connections.
    ///
    /// # Errors
    /// When something that it needs is not to be had; nothing then runs.
    pub async fn spawn(config: Config) -> Result<Self, SpawnError> {
        let storage = config.storage.clone();
        let lock = lock(&storage)?;
        let owner = embedded_owner(&config);
        let opened = task::blocking("open store", move || open(&storage, owner)).await?;
        Self::start(config, opened, lock)
    }

    /// Starts a relay whose definitions are in `store`, whatever the configuration says about
    /// storage; the key that signs tokens is new. For those who keep them in a way of their own: a
    /// simulation starts one relay after the other on the same store.
    ///
    /// The store must answer at once, since it is asked where the answer is needed. Must be called
    /// within a runtime.
    ///
    /// # Errors
    /// When something that it needs is not to be had; nothing then runs.
    pub fn spawn_on(config: Config, store: Box<dyn Store>) -> Result<Self, SpawnError> {
        let config = Config { storage: Storage::Memory, ..config };
        let opened = Directory::open(store, embedded_owner(&config), Writing::InPlace)?;
        Self::start(config, opened, None)
    }

    fn start(config: Config, opened: Directory, lock: Option<File>) -> Result<Self, SpawnError> {
        let directory = Arc::new(opened);
        let auth = Arc::new(Auth::new(
            directory.clone(),
            signer(&config)?,
            config.token_lifetime.duration(),
        ));
        let tls = match &config.tls {
            Some(files) => Some(tls::Server::from_files(&files.cert, &files.key)?),
            None => None,
        };
        warn_of_cleartext(&config);
        let listener = bind(config.listen)?;
        let addr = listener.local_addr().unwrap_or(config.listen);
        let admin = config.admin.map(bind).transpose()?;

        let listeners = Group::new("listeners");
        let sessions = Group::new("sessions");
        let background = Group::new("background");
        let metrics = Arc::new(Metrics::new());
        let hub = Hub::start(&directory, &background.spawner());
        let sockets =
            RelaySockets::new(directory.clone(), auth.clone(), hub.clone(), sessions.spawner());
        let live: Arc<dyn Live> = Arc::new(hub.clone());
        let counters = edge::Counters::default();
        metrics.register(|registry| counters.register(registry));
        let edge = Edge::start(edge::Setup {
            names: edge_names(&config),
            directory: directory.clone(),
            auth: auth.clone(),
            upstream: Arc::new(hub.clone()),
            counters,
            behind_tls: is_behind_tls(&config),
            loopback: config.loopback.clone(),
            listeners: listeners.spawner(),
            sessions: sessions.spawner(),
        });
        let doors: Arc<dyn seams::Edge> = Arc::new(edge.clone());
        let api = Api::new(
            &config,
            addr,
            directory.clone(),
            auth,
            live.clone(),
            doors.clone(),
            metrics.clone(),
        );
        let front = Arc::new(Front {
            api: Arc::new(api),
            sockets: Arc::new(sockets),
            edge: doors,
            metrics: metrics.clone(),
            names: ApiNames::new(&config),
            tls,
            tasks: sessions.spawner(),
        });
        let stop = listeners.stopping();
        listeners.spawn("listener", until(stop.clone(), front.clone().listen(listener)));
        let mut admin_addr = None;
        if let Some(listener) = admin {
            admin_addr = listener.local_addr().ok();
            let admin = Admin { directory: directory.clone(), metrics: metrics.clone() };
            let listen = Arc::new(admin).listen(listener, sessions.spawner());
            listeners.spawn("admin listener", until(stop, listen));
        }
        let keeper = Housekeeper {
            directory: directory.clone(),
            live,
            metrics,
            expiration: config.expiration.duration(),
        };
        background.spawn("housekeeper", keeper.run(background.stopping()));
        Ok(Self {
            addr,
            admin_addr,
            front,
            edge,
            directory,
            hub,
            expiration: config.expiration.duration(),
            listeners,
            sessions,
            background,
            _lock: lock,
        })
    }

    /// Where it listens, with the port that the system chose.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Where operators look, if anywhere.
    pub fn admin_addr(&self) -> Option<SocketAddr> {
        self.admin_addr
    }

    /// What it knows.
    pub fn directory(&self) -> &Arc<Directory> {
        &self.directory
    }

    /// Where a port is served on this computer, on a relay that is meant for it. Listens now if it
    /// did not. Must be called within a runtime.
    pub fn addresses(&self, tunnel: &TunnelId, port: u16) -> Option<edge::Addresses> {
        self.edge.addresses(tunnel, port)
    }

    /// Serves a connection that did not come through the listener, as if it came from `addr`
    /// without TLS.
    pub fn serve_io(&self, io: impl Io + 'static, addr: SocketAddr) {
        self.front.clone().adopt(io, addr);
    }

    /// Stops taking connections, lets those that are open finish for `grace`, then cuts them, and
    /// puts everything into the store. Tells whether anything had to be cut.
    pub async fn shutdown(self, grace: Duration) -> Shutdown {
        let _ = self.listeners.shutdown(BACKGROUND_GRACE).await;
        self.hub.drain().await;
        let ended = self.sessions.shutdown(grace).await;
        let _ = self.background.shutdown(BACKGROUND_GRACE).await;
        let saved = self.directory.sweep(clock::wall(), self.expiration, Duration::ZERO).await;
        if let Err(error) = saved {
            tracing::warn!(%error, "the last times of use were not stored");
        }
        self.directory.close().await;
        ended
    }
}

/// Listens until it is asked to stop.
async fn until(stopping: task::Stopping, listen: impl Future<Output = ()>) {
    tokio::select! {
        () = listen => {}
        () = stopping.wait() => {}
    }
}

/// Does what is due now and then.
struct Housekeeper {
    directory: Arc<Directory>,
    live: Arc<dyn Live>,
    metrics: Arc<Metrics>,
    expiration: Duration,
}

impl Housekeeper {
    async fn run(self, stopping: task::Stopping) {
        let stop = stopping.wait();
        tokio::pin!(stop);
        let mut sweep_at = clock::now();
        loop {
            let now = clock::now();
            if now >= sweep_at {
                self.sweep().await;
                sweep_at = now + SWEEP;
            }
            if let Err(error) = self.directory.refresh_users().await {
                tracing::warn!(%error, "the users could not be read again");
            }
            tokio::select! {
                () = clock::sleep(LOOK_AT_USERS) => {}
                () = &mut stop => return,
            }
        }
    }

    async fn sweep(&self) {
        let now = clock::wall();
        let tunnels = self.directory.tunnels();
        for record in tunnels.iter().filter(|record| record.endpoint.is_some()) {
            if self.live.tunnel(&record.id).hosts > 0 {
                record.used.touch(now);
            }
        }
        match self.directory.sweep(now, self.expiration, USE_STEP).await {
            Ok(removed) => {
                self.metrics.expired.inc_by(removed as u64);
            }
            Err(error) => tracing::warn!(%error, "unused tunnels could not be removed"),
        }
    }
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

/// The names that the edge answers for.
fn edge_names(config: &Config) -> Names {
    Names::new(config.domain.as_ref().map(|domain| domain.as_str()), &[])
}

/// Makes sure that no other relay writes here.
fn lock(storage: &Storage) -> Result<Option<File>, SpawnError> {
    let Storage::Directory(path) = storage else { return Ok(None) };
    let failed = |error| SpawnError::Directory { path: path.clone(), error };
    store::make_private_directory(path).map_err(failed)?;
    let file = File::options()
        .write(true)
        .create(true)
        .truncate(false)
        .open(path.join("relay.lock"))
        .map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Err(SpawnError::Running(path.clone())),
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}

fn open(storage: &Storage, owner: Option<User>) -> Result<Directory, StoreError> {
    let (store, writing): (Box<dyn Store>, _) = match storage {
        Storage::Directory(path) => {
            (Box::new(Sqlite::open(&path.join(store::FILE))?), Writing::OnThread)
        }
        Storage::Memory => (Box::new(Memory::default()), Writing::InPlace),
    };
    Directory::open(store, owner, writing)
}

fn signer(config: &Config) -> Result<Signer, KeyError> {
    match &config.storage {
        Storage::Directory(path) => Signer::load(&path.join(TOKEN_KEY), config.cluster.clone()),
        Storage::Memory => Signer::ephemeral(config.cluster.clone()),
    }
}

/// The file with the key that tokens are signed with.
const TOKEN_KEY: &str = "token-key.p8";

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
