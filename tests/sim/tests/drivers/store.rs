//! A store that outlives the relay on it.

use std::sync::{Arc, Mutex, MutexGuard};

use adit_relay::record::{TunnelRecord, User};
use adit_relay::store::{Memory, Store, StoreError, Write};

/// One memory for all relays of a story, as a disk would be.
#[derive(Clone, Debug, Default)]
pub(crate) struct Disk(Arc<Mutex<Memory>>);

impl Disk {
    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.0.lock().unwrap()
    }
}

impl Store for Disk {
    fn tunnels(&mut self) -> Result<Vec<TunnelRecord>, StoreError> {
        self.memory().tunnels()
    }

    fn users(&mut self) -> Result<Vec<User>, StoreError> {
        self.memory().users()
    }

    fn commit(&mut self, writes: &[Write]) -> Result<(), StoreError> {
        self.memory().commit(writes)
    }

    fn reserve_epochs(&mut self, count: u64) -> Result<u64, StoreError> {
        self.memory().reserve_epochs(count)
    }

    fn changed_elsewhere(&mut self) -> Result<bool, StoreError> {
        self.memory().changed_elsewhere()
    }
}
