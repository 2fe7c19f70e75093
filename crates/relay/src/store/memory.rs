//! A store that lives as long as the process: for tests, simulation and throw-away relays.

use std::collections::BTreeMap;

use adit_proto::id::{TunnelId, UserId};

use super::{Store, StoreError, Write};
use crate::record::{LastUse, TunnelRecord, User};

/// Keeps everything in memory.
#[derive(Debug, Default)]
pub struct Memory {
    tunnels: BTreeMap<TunnelId, TunnelRecord>,
    users: BTreeMap<UserId, User>,
    epochs: u64,
}

impl Store for Memory {
    fn tunnels(&mut self) -> Result<Vec<TunnelRecord>, StoreError> {
        Ok(self.tunnels.values().cloned().collect())
    }

    fn users(&mut self) -> Result<Vec<User>, StoreError> {
        Ok(self.users.values().cloned().collect())
    }

    fn commit(&mut self, writes: &[Write]) -> Result<(), StoreError> {
        for write in writes {
            match write {
                Write::Tunnel(record) => {
                    self.tunnels.insert(record.id.clone(), TunnelRecord::clone(record));
                }
                Write::Remove(id) => {
                    self.tunnels.remove(id);
                }
                Write::Used(id, at) => {
                    if let Some(record) = self.tunnels.get_mut(id) {
                        record.used = LastUse::new(*at);
                    }
                }
                Write::User(user) => {
                    self.users.insert(user.id.clone(), User::clone(user));
                }
            }
        }
        Ok(())
    }

    fn reserve_epochs(&mut self, count: u64) -> Result<u64, StoreError> {
        let first = self.epochs + 1;
        self.epochs += count;
        Ok(first)
    }

    fn changed_elsewhere(&mut self) -> Result<bool, StoreError> {
        Ok(false)
    }
}
