//! A running relay: puts the parts together, hands over to another process, and takes itself down.

mod build;
mod doors;
mod home;
mod keeper;
#[cfg(unix)]
mod succession;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use adit_proto::id::TunnelId;
use adit_wire::clock;
use adit_wire::net::{BindError, Io};
use adit_wire::task::{Group, Shutdown};
use adit_wire::tls;

use crate::auth::KeyError;
use crate::config::{Config, Storage};
use crate::course::{Helm, Phase};
use crate::directory::{Directory, Writing};
use crate::edge::{self, Edge};
use crate::front::Front;
use crate::handover::{self, Party};
use crate::store::{Store, StoreError};

use build::Listeners;
use doors::Door;
use home::Home;
use keeper::Housekeeper;

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
    expiration: Duration,
    helm: Helm,
    /// Empty once another process has them.
    doors: Vec<Door>,
    /// Goes to work when the doors open.
    keeper: Option<Housekeeper>,
    groups: Groups,
    /// Nothing once another process has it. Where none can take it over, it is only kept.
    #[cfg_attr(not(unix), expect(dead_code))]
    home: Option<Home>,
    /// Whether other processes may ask for it. An embedded relay is part of its own process.
    #[cfg(unix)]
    is_offered: bool,
    #[cfg(unix)]
    offer: Option<handover::Offer>,
    predecessor: Option<Party>,
}

/// The tasks of a relay, by the order in which they end.
#[derive(Debug)]
struct Groups {
    /// What takes connections besides the doors.
    listeners: Group,
    /// Connections of visitors and of those who call the API.
    connections: Group,
    /// Sessions of clients.
    clients: Group,
    /// Sessions of hosts, which the others need.
    hosts: Group,
    background: Group,
}

impl Groups {
    fn new() -> Self {
        Self {
            listeners: Group::new("listeners"),
            connections: Group::new("connections"),
            clients: Group::new("clients"),
            hosts: Group::new("hosts"),
            background: Group::new("background"),
        }
    }
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
    /// Another relay uses the data directory and does not leave it; it goes on.
    #[error("another relay runs on the data directory {}, and did not hand over: {error}",
            path.display())]
    HandOver {
        /// The directory.
        path: PathBuf,
        /// Why not.
        error: handover::Error,
    },
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
        let home = Home::claim(&config.storage)?;
        Self::start(config, home).await
    }

    /// Starts a relay in the place of the one that runs on the data directory, which hands over its
    /// listeners and ends by itself; visitors do not notice. If none runs, it just starts.
    ///
    /// # Errors
    /// When something that it needs is not to be had; the other relay then goes on, and so it does
    /// if it cannot be asked. Where the system cannot do it, [`SpawnError::Running`].
    pub async fn take_over(config: Config) -> Result<Self, SpawnError> {
        match Home::claim(&config.storage) {
            Ok(home) => Self::start(config, home).await,
            #[cfg(unix)]
            Err(SpawnError::Running(path)) => Self::succeed(config, path).await,
            Err(error) => Err(error),
        }
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
        let owner = build::embedded_owner(&config);
        let opened = Directory::open(store, owner, Writing::InPlace)?;
        let tls = build::tls(&config)?;
        let listeners = Listeners::bind(&config)?;
        let mut server = Self::assemble(config, None, opened, tls, listeners)?;
        server.open();
        Ok(server)
    }

    async fn start(config: Config, home: Option<Home>) -> Result<Self, SpawnError> {
        let tls = build::tls(&config)?;
        let listeners = Listeners::bind(&config)?;
        let mut server = Self::build(config, home, tls, listeners).await?;
        server.open();
        Ok(server)
    }

    /// Takes connections, writes to the store, and can be asked to hand over from now on.
    fn open(&mut self) {
        for door in &mut self.doors {
            door.open();
        }
        if let Some(keeper) = self.keeper.take() {
            let background = &self.groups.background;
            background.spawn("housekeeper", keeper.run(background.stopping()));
        }
        #[cfg(unix)]
        self.make_offer();
    }

    /// Where it listens, with the port that the system chose.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Where operators look, if anywhere.
    pub fn admin_addr(&self) -> Option<SocketAddr> {
        self.admin_addr
    }

    /// The process that handed over to this one, if one did.
    pub fn predecessor(&self) -> Option<&Party> {
        self.predecessor.as_ref()
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

    /// Hands over to the first process that asks for it, and returns who it is. From then on that
    /// one takes connections; what is left here is to [finish](Server::finish) and to
    /// [end](Server::shutdown). A process that asks and then breaks off changes nothing.
    ///
    /// Waits for ever where there is nothing to hand over. Safe to drop and call again; whoever is
    /// just taking over is then refused.
    #[cfg(unix)]
    pub async fn handed_over(&mut self) -> Party {
        self.next_successor().await
    }

    /// Hands over to another process; this system does not know how, so it waits for ever.
    #[cfg(not(unix))]
    pub async fn handed_over(&mut self) -> Party {
        std::future::pending().await
    }

    /// After the relay was handed over: waits until nothing is in flight here, for at most `limit`.
    /// Returns whether all was finished.
    pub async fn finish(&self, limit: Duration) -> bool {
        let finished = async {
            // Sessions of clients begin on connections.
            self.groups.connections.idle().await;
            self.groups.clients.idle().await;
        };
        clock::until(clock::now() + limit, finished).await.is_ok()
    }

    /// Stops taking connections, lets those that are open finish for `grace`, then cuts them, and
    /// puts everything into the store. Tells whether anything had to be cut.
    pub async fn shutdown(mut self, grace: Duration) -> Shutdown {
        let deadline = clock::now() + grace;
        for door in &mut self.doors {
            door.shut().await;
        }
        self.doors.clear();
        #[cfg(unix)]
        drop(self.offer.take());
        self.helm.turn(Phase::Stopping);
        let Groups { listeners, connections, clients, hosts, background } = self.groups;
        let _ = listeners.shutdown(BACKGROUND_GRACE).await;
        let (connections, clients) =
            tokio::join!(connections.shutdown(grace), clients.shutdown(grace));
        let left = deadline.saturating_duration_since(clock::now());
        let hosts = hosts.shutdown(left).await;
        let _ = background.shutdown(BACKGROUND_GRACE).await;
        let saved = self.directory.sweep(clock::wall(), self.expiration, Duration::ZERO).await;
        if let Err(error) = saved {
            tracing::warn!(%error, "the last times of use were not stored");
        }
        self.directory.close().await;
        together([connections, clients, hosts])
    }
}

/// What became of all of them.
fn together(ends: impl IntoIterator<Item = Shutdown>) -> Shutdown {
    let mut cut = Vec::new();
    for end in ends {
        if let Shutdown::Aborted(names) = end {
            cut.extend(names);
        }
    }
    if cut.is_empty() { Shutdown::Clean } else { Shutdown::Aborted(cut) }
}
