//! The trial relay inside this process: tunnels on this computer without an account.
//!
//! What it has is kept in a directory of its own: its store, and where each port was served, so that URLs are what
//! they were after a restart. `adit up` has one for its one tunnel; the desktop app has one for all that live
//! [here](Here). This is the only part of the application that knows what a relay is made of.

mod here;
mod lan;
mod memory;
/// A relay in memory that an owner reaches with this key.
#[cfg(test)]
pub(crate) async fn for_tests(key: &str) -> Server {
    let mut config = Config::embedded(key.into(), Storage::Memory);
    config.loopback = Some(Loopback::default());
    Server::spawn(config).await.unwrap()
}

#[cfg(test)]
mod tests;

use std::ffi::OsStr;
use std::fs::DirEntry;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use adit_proto::id::TunnelId;
use adit_proto::token::Secret;
use adit_relay::Server;
use adit_relay::config::{Config, Loopback, Storage};
use adit_relay::server::SpawnError;
use adit_tunnel::management::{Base, Credential, Rest};
use adit_wire::net::{Connector, Proxies};
use adit_wire::{task, tls};
use tokio::sync::Mutex;

use self::memory::Memory;
use crate::claim::Claim;
use crate::failure::{Code, Failure, Outcome};
use crate::places::Places;

pub use adit_relay::edge::Addresses;
pub use here::Here;
pub use lan::address as lan_address;

/// Where the relay's own files are, below its directory.
const STORE: &str = "relay";

/// How a trial relay is started.
#[derive(Clone, Debug)]
pub struct Setup {
    /// What it keeps is in here. The caller must be the only one who uses it.
    pub directory: PathBuf,
    /// What it is for, for messages.
    pub called: String,
    /// The address of this computer in the local network, when that may come in, too.
    pub lan: Option<IpAddr>,
    /// The key of its owner, which is for this process only: nobody else has business with it.
    pub owner_key: Secret,
}

/// A running trial relay. Dropping it ends it at once; [`Relay::shutdown`] ends it well.
#[derive(Debug)]
pub struct Relay {
    server: Server,
    owner_key: Secret,
    /// Where the memory is kept.
    note: PathBuf,
    /// As it is written.
    memory: Mutex<Memory>,
    remarks: Vec<String>,
}

impl Setup {
    /// One that reaches this computer only, with a new key.
    pub fn new(directory: impl Into<PathBuf>, called: impl Into<String>) -> Self {
        let (directory, called) = (directory.into(), called.into());
        Self { directory, called, lan: None, owner_key: random_key() }
    }

    /// Starts the relay.
    ///
    /// # Errors
    /// When its directory cannot be used, or nothing can be listened on.
    pub async fn start(self) -> Outcome<Relay> {
        let note = memory::path(&self.directory);
        let (memory, mut remarks) = Memory::load(&note)?;
        let server = match Server::spawn(self.config(memory.listen, &memory)).await {
            Err(SpawnError::Bind(_)) if memory.listen != 0 => {
                let port = memory.listen;
                remarks.push(format!(
                    "port {port} is in use by something else; the URLs for browsers change"
                ));
                Server::spawn(self.config(0, &memory)).await
            }
            spawned => spawned,
        };
        let server = server.map_err(|error| failure(&self.called, &error))?;
        let memory = Mutex::new(memory);
        Ok(Relay { server, owner_key: self.owner_key, note, memory, remarks })
    }

    fn config(&self, listen: u16, memory: &Memory) -> Config {
        let storage = Storage::Directory(store(&self.directory));
        let mut config = Config::embedded(self.owner_key.clone(), storage);
        config.listen.set_port(listen);
        config.loopback = Some(Loopback { lan: self.lan, ports: memory.ports().collect() });
        config
    }
}

impl Relay {
    /// What the user should hear of its start, each a sentence.
    pub fn remarks(&self) -> &[String] {
        &self.remarks
    }

    /// Its management API, as its owner.
    pub fn management(&self) -> Rest {
        let base = Base::parse(&format!("http://{}", self.server.addr()));
        let base = base.expect("an address makes a base");
        Rest::new(connector(), base, Credential::User(self.owner_key.clone()))
    }

    /// Where a port is served on this computer, from now on if it was not. Must be called within a runtime.
    pub fn addresses(&self, tunnel: &TunnelId, port: u16) -> Option<Addresses> {
        self.server.addresses(tunnel, port)
    }

    /// Where these ports of a tunnel are served, which is remembered, and that no others of it are.
    ///
    /// # Errors
    /// When it cannot be written down.
    pub async fn remember(&self, tunnel: &TunnelId, ports: &[u16]) -> Outcome {
        let at = |port: &u16| Some((*port, self.addresses(tunnel, *port)?.loopback.port()));
        let ports = ports.iter().filter_map(at).collect();
        self.change(|memory| drop(memory.tunnels.insert(tunnel.clone(), ports))).await
    }

    /// Forgets all tunnels but these.
    ///
    /// # Errors
    /// When it cannot be written down.
    pub async fn retain(&self, is_there: impl Fn(&TunnelId) -> bool) -> Outcome {
        self.change(|memory| memory.tunnels.retain(|tunnel, _| is_there(tunnel))).await
    }

    /// Writes a change down, if it is one.
    async fn change(&self, change: impl FnOnce(&mut Memory)) -> Outcome {
        // Held while it is written, so that the last to change is the last to write.
        let mut memory = self.memory.lock().await;
        let mut changed = memory.clone();
        changed.listen = self.server.addr().port();
        change(&mut changed);
        if changed == *memory {
            return Ok(());
        }
        let (note, saved) = (self.note.clone(), changed.clone());
        task::blocking("note ports", move || saved.save(&note)).await?;
        *memory = changed;
        Ok(())
    }

    /// Ends it after the requests at hand, for which there is `grace`; `false` when some were cut.
    pub async fn shutdown(self, grace: Duration) -> bool {
        self.server.shutdown(grace).await.is_clean()
    }
}

/// What the trial relay of the desktop app is called.
pub(crate) const DESKTOP: &str = "desktop";

/// The trial relays that no process runs now, by name, with the ports that each wants to listen on again.
pub fn resting(places: &Places) -> Vec<(String, Vec<u16>)> {
    let Ok(entries) = std::fs::read_dir(places.all_embedded()) else { return Vec::new() };
    // The app's own has no claim: who hosts for this user runs it, or keeps the app from it.
    let is_desktop = |name: &OsStr| name == DESKTOP && Claim::is_taken(&places.owner());
    let rests =
        |entry: &DirEntry| !is_desktop(&entry.file_name()) && !Claim::is_taken(&entry.path());
    let resting = entries.flatten().filter(rests);
    let mut found: Vec<_> = resting
        .filter_map(|entry| {
            let memory = Memory::look(&memory::path(&entry.path()))?;
            Some((entry.file_name().to_string_lossy().into_owned(), memory.listeners().collect()))
        })
        .collect();
    found.sort();
    found
}

/// How a trial relay is connected to: directly, whatever the way to other computers is.
pub fn connector() -> Connector {
    Connector::new(tls::Client::system(), Proxies::none())
}

/// Where a trial relay has its store, below its directory.
fn store(directory: &Path) -> PathBuf {
    directory.join(STORE)
}

fn random_key() -> Secret {
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes).expect("the system's randomness is always there");
    Secret::new(bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
}

fn failure(called: &str, error: &SpawnError) -> Failure {
    let failure = |code| {
        Failure::caused(code, format_args!("the trial relay for {called} cannot start"), error)
    };
    match error {
        SpawnError::Running(_) | SpawnError::HandOver { .. } => failure(Code::AlreadyRunning),
        SpawnError::Bind(_) => failure(Code::Listen),
        SpawnError::Tls(_) => failure(Code::Internal),
        SpawnError::Directory { .. } | SpawnError::Store(_) | SpawnError::Key(_) => {
            failure(Code::Storage).hint("make room on that disk, or check who may write there")
        }
    }
}
