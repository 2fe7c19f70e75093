//! The data directory, which is one relay's at a time.

use std::fs::File;
use std::path::PathBuf;

use adit_wire::file;

use crate::auth::{KeyError, PassKey, Signer};
use crate::config::{Config, Storage};
use crate::directory::{Directory, Writing};
use crate::record::User;
use crate::server::SpawnError;
use crate::store::{self, Memory, Sqlite, Store, StoreError};

/// The file with the key that tokens are signed with.
const TOKEN_KEY: &str = "token-key.p8";

/// The file with the key that visitors' passes are signed with.
const PASS_KEY: &str = "visitor-key";

/// The file whose lock makes the directory a relay's own. The system takes the lock back when the
/// last process that holds it ends.
const LOCK: &str = "relay.lock";

/// A data directory that nobody else uses.
#[derive(Debug)]
#[cfg_attr(not(unix), allow(dead_code, reason = "held, not looked at"))]
pub(super) struct Home {
    pub(super) path: PathBuf,
    pub(super) lock: File,
}

impl Home {
    /// Takes the directory, and makes it if need be; nothing for a relay without one.
    ///
    /// # Errors
    /// [`SpawnError::Running`] when another relay has it.
    pub(super) fn claim(storage: &Storage) -> Result<Option<Self>, SpawnError> {
        let Storage::Directory(path) = storage else { return Ok(None) };
        let failed = |error| SpawnError::Directory { path: path.clone(), error };
        file::make_private_directory(path).map_err(failed)?;
        match file::lock(&path.join(LOCK)).map_err(failed)? {
            Some(lock) => Ok(Some(Self { path: path.clone(), lock })),
            None => Err(SpawnError::Running(path.clone())),
        }
    }
}

/// Loads everything.
pub(super) fn open(storage: &Storage, owner: Option<User>) -> Result<Directory, StoreError> {
    let (store, writing): (Box<dyn Store>, _) = match storage {
        Storage::Directory(path) => {
            (Box::new(Sqlite::open(&path.join(store::FILE))?), Writing::OnThread)
        }
        Storage::Memory => (Box::new(Memory::default()), Writing::InPlace),
    };
    Directory::open(store, owner, writing)
}

/// What signs tokens.
pub(super) fn signer(config: &Config) -> Result<Signer, KeyError> {
    match &config.storage {
        Storage::Directory(path) => Signer::load(&path.join(TOKEN_KEY), config.cluster.clone()),
        Storage::Memory => Signer::ephemeral(config.cluster.clone()),
    }
}

/// What signs the passes of visitors who come by links.
pub(super) fn pass_key(config: &Config) -> Result<PassKey, KeyError> {
    match &config.storage {
        Storage::Directory(path) => PassKey::load(&path.join(PASS_KEY), config.cluster.clone()),
        Storage::Memory => PassKey::ephemeral(config.cluster.clone()),
    }
}

/// Looks, without changing anything, whether a directory that another relay uses would do.
#[cfg(unix)]
pub(super) fn check(path: &std::path::Path, config: &Config) -> Result<(), SpawnError> {
    signer(config)?;
    pass_key(config)?;
    Sqlite::check(&path.join(store::FILE))?;
    Ok(())
}
