//! The in-memory side of the directory: records by id, by name, by owner and by key.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use adit_proto::id::{TunnelId, UserId};

use crate::record::{KeyHash, TunnelRecord, User};
use crate::store::Write;

/// Read by everybody, written by the writer alone.
#[derive(Debug)]
pub(super) struct View(RwLock<Index>);

/// The maps. Each lookup borrows; callers clone the `Arc` and let go of the lock.
#[derive(Debug, Default)]
pub(super) struct Index {
    tunnels: BTreeMap<TunnelId, Arc<TunnelRecord>>,
    names: HashMap<String, TunnelId>,
    /// Tunnels by the secrets of their links, also of links that have ended and not been dropped.
    shares: HashMap<KeyHash, TunnelId>,
    owned: HashMap<UserId, BTreeSet<TunnelId>>,
    users: BTreeMap<UserId, Arc<User>>,
    keys: HashMap<KeyHash, UserId>,
    /// Known without being stored, and kept when users are read again.
    owner: Option<Arc<User>>,
}

impl View {
    pub(super) fn new(tunnels: Vec<TunnelRecord>, users: Vec<User>, owner: Option<User>) -> Self {
        let mut index = Index { owner: owner.map(Arc::new), ..Index::default() };
        for record in tunnels {
            index.put(Arc::new(record));
        }
        index.replace_users(users);
        Self(RwLock::new(index))
    }

    pub(super) fn read(&self) -> RwLockReadGuard<'_, Index> {
        // Readers do not panic with the lock held, and the writer changes one map at a time in
        // steps that cannot fail.
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Shows what was persisted.
    pub(super) fn publish(&self, writes: &[Write]) {
        let mut index = self.0.write().unwrap_or_else(PoisonError::into_inner);
        for write in writes {
            match write {
                Write::Tunnel(record) => index.put(record.clone()),
                Write::Remove(id) => index.remove(id),
                Write::Used(..) => {}
                Write::User(user) => index.put_user(user.clone()),
            }
        }
    }

    /// Shows these users instead of the ones before. Returns whether that made a difference.
    pub(super) fn publish_users(&self, users: Vec<User>) -> bool {
        let mut index = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let before = std::mem::take(&mut index.users);
        index.replace_users(users);
        before != index.users
    }
}

impl Index {
    pub(super) fn tunnel(&self, id: &str) -> Option<&Arc<TunnelRecord>> {
        self.tunnels.get(id)
    }

    pub(super) fn named(&self, name: &str) -> Option<&Arc<TunnelRecord>> {
        self.tunnels.get(self.names.get(name)?)
    }

    pub(super) fn shared_by(&self, secret: &KeyHash) -> Option<&Arc<TunnelRecord>> {
        self.tunnels.get(self.shares.get(secret)?)
    }

    pub(super) fn owned(&self, owner: &UserId) -> impl Iterator<Item = &Arc<TunnelRecord>> {
        self.owned.get(owner).into_iter().flatten().filter_map(|id| self.tunnels.get(id))
    }

    pub(super) fn owned_count(&self, owner: &UserId) -> usize {
        self.owned.get(owner).map_or(0, BTreeSet::len)
    }

    pub(super) fn tunnels(&self) -> impl ExactSizeIterator<Item = &Arc<TunnelRecord>> {
        self.tunnels.values()
    }

    pub(super) fn user(&self, id: &UserId) -> Option<&Arc<User>> {
        self.users.get(id)
    }

    pub(super) fn users(&self) -> impl Iterator<Item = &Arc<User>> {
        self.users.values()
    }

    pub(super) fn with_key(&self, key: &KeyHash) -> Option<&Arc<User>> {
        self.users.get(self.keys.get(key)?)
    }

    /// What it takes to show these tunnels instead of the ones before. Times of last use make no
    /// difference, and are kept.
    pub(super) fn differences(&self, stored: Vec<TunnelRecord>) -> Vec<Write> {
        let mut gone = self.tunnels.clone();
        let mut writes = Vec::new();
        for record in stored {
            let known = gone.remove(&record.id);
            if known.as_ref().is_some_and(|known| known.is_defined_like(&record)) {
                continue;
            }
            let used = known.map_or_else(|| record.used.clone(), |known| known.used.clone());
            writes.push(Write::Tunnel(Arc::new(TunnelRecord { used, ..record })));
        }
        writes.extend(gone.into_keys().map(Write::Remove));
        writes
    }

    fn put(&mut self, record: Arc<TunnelRecord>) {
        self.remove(&record.id);
        if let Some(name) = &record.name {
            self.names.insert(name.clone(), record.id.clone());
        }
        let shares = record.shares.iter().map(|share| (share.secret, record.id.clone()));
        self.shares.extend(shares);
        self.owned.entry(record.owner.clone()).or_default().insert(record.id.clone());
        self.tunnels.insert(record.id.clone(), record);
    }

    fn remove(&mut self, id: &TunnelId) {
        let Some(old) = self.tunnels.remove(id) else { return };
        if let Some(name) = &old.name
            && self.names.get(name) == Some(id)
        {
            self.names.remove(name);
        }
        for share in &old.shares {
            self.shares.remove(&share.secret);
        }
        if let Some(owned) = self.owned.get_mut(&old.owner) {
            owned.remove(id);
            if owned.is_empty() {
                self.owned.remove(&old.owner);
            }
        }
    }

    fn put_user(&mut self, user: Arc<User>) {
        if let Some(old) = self.users.get(&user.id) {
            self.keys.remove(&old.key);
        }
        self.keys.insert(user.key, user.id.clone());
        self.users.insert(user.id.clone(), user);
    }

    fn replace_users(&mut self, users: Vec<User>) {
        self.users.clear();
        self.keys.clear();
        for user in self.owner.clone().into_iter().chain(users.into_iter().map(Arc::new)) {
            self.put_user(user);
        }
    }
}
