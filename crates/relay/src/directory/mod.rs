//! What the relay knows: every tunnel and user, in memory for those who ask, in the store for good.
//!
//! Reading is a lookup under a lock that is held for no longer than that, and yields shared records
//! that never change. Writing goes through one writer, in order: a change is decided on the state
//! it will apply to, persisted, shown, and then announced to whoever holds connections that may
//! have lost their ground. A change that was not persisted is never seen.

mod hold;
mod view;
mod writer;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use adit_proto::id::{TunnelId, UserId};
use jiff::Timestamp;
use tokio::sync::broadcast;

use crate::record::{KeyHash, TunnelRecord, User};
use crate::store::{Store, StoreError, Write};

use view::View;
use writer::Writer;

pub use hold::Hold;
pub use writer::Draft;

/// The tunnels and users of this relay.
#[derive(Debug)]
pub struct Directory {
    view: Arc<View>,
    writer: Writer,
    changes: broadcast::Sender<Change>,
}

/// What changed. The announcement does not say how: look it up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A tunnel was made, altered or removed.
    Tunnel(TunnelId),
    /// Users were added, altered or revoked.
    Users,
}

/// Who runs the writer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writing {
    /// A thread of its own: the store blocks on the disk.
    OnThread,
    /// Whoever writes: the store is memory. Keeps a simulated relay on one thread.
    InPlace,
}

impl Directory {
    /// Loads everything. `owner` is known besides the store's users, without being stored.
    ///
    /// # Errors
    /// When the store cannot be read or no thread can be started.
    pub fn open(
        mut store: Box<dyn Store>,
        owner: Option<User>,
        writing: Writing,
    ) -> Result<Self, StoreError> {
        let view = Arc::new(View::new(store.tunnels()?, store.users()?, owner));
        let (changes, _) = broadcast::channel(CHANGES);
        let writer = Writer::start(store, view.clone(), changes.clone(), writing)?;
        Ok(Self { view, writer, changes })
    }

    /// The tunnel of this id.
    pub fn tunnel(&self, id: &TunnelId) -> Option<Arc<TunnelRecord>> {
        self.view.read().tunnel(id.as_str()).cloned()
    }

    /// The tunnel of this id or, failing that, of this name.
    pub fn find(&self, id_or_name: &str) -> Option<Arc<TunnelRecord>> {
        let index = self.view.read();
        index.tunnel(id_or_name).or_else(|| index.named(id_or_name)).cloned()
    }

    /// The tunnel with a link of this secret. The link may have ended.
    pub(crate) fn shared_by(&self, secret: &KeyHash) -> Option<Arc<TunnelRecord>> {
        self.view.read().shared_by(secret).cloned()
    }

    /// All tunnels of a user, by id.
    pub fn tunnels_of(&self, owner: &UserId) -> Vec<Arc<TunnelRecord>> {
        self.view.read().owned(owner).cloned().collect()
    }

    /// All tunnels, by id.
    pub fn tunnels(&self) -> Vec<Arc<TunnelRecord>> {
        self.view.read().tunnels().cloned().collect()
    }

    /// How many tunnels there are.
    pub fn count(&self) -> usize {
        self.view.read().tunnels().len()
    }

    /// The user of this id, revoked or not.
    pub fn user(&self, id: &UserId) -> Option<Arc<User>> {
        self.view.read().user(id).cloned()
    }

    /// All users, revoked ones too.
    pub fn users(&self) -> Vec<Arc<User>> {
        self.view.read().users().cloned().collect()
    }

    /// The user with this API key, revoked or not.
    pub(crate) fn user_with_key(&self, key: &KeyHash) -> Option<Arc<User>> {
        self.view.read().with_key(key).cloned()
    }

    /// Announcements of changes from now on. A receiver that lags has missed some and must look
    /// everything up again.
    pub fn changes(&self) -> broadcast::Receiver<Change> {
        self.changes.subscribe()
    }

    /// Decides a change on the current state and applies what `decide` put into the draft, all of
    /// it or nothing. Waits while the writer's queue is full.
    ///
    /// # Errors
    /// What `decide` refused with, or that the store failed.
    pub async fn change<T, E>(
        &self,
        decide: impl FnOnce(&mut Draft) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.writer.run(move |state| state.change(decide)).await?
    }

    /// A number greater than all before it, across restarts.
    ///
    /// # Errors
    /// When the store failed.
    pub async fn next_epoch(&self) -> Result<u64, StoreError> {
        self.writer.run(|state| state.next_epoch()).await?
    }

    /// Stores the times of last use that moved by at least `step`, and removes the tunnels that
    /// have not been used for as long as they are kept, `default` unless they say otherwise.
    /// Returns how many it removed.
    ///
    /// # Errors
    /// When the store failed; the next sweep catches up.
    pub async fn sweep(
        &self,
        now: Timestamp,
        default: Duration,
        step: Duration,
    ) -> Result<usize, StoreError> {
        self.writer.run(move |state| state.sweep(now, default, step)).await?
    }

    /// Reads again what another process may have changed: the users, and after the store was
    /// [handed over](Hold::release) the tunnels too.
    ///
    /// # Errors
    /// When the store failed.
    pub async fn refresh(&self) -> Result<(), StoreError> {
        self.writer.run(|state| state.refresh()).await?
    }

    /// Stores the times of last use, then holds the writer: until it is known what becomes of the
    /// hold, changes wait and nothing is written.
    ///
    /// # Errors
    /// When the writer has ended, or the store is memory and nobody else's to have.
    pub async fn hold(&self, now: Timestamp, default: Duration) -> Result<Hold, StoreError> {
        hold::hold(&self.writer, now, default).await
    }

    /// Comes back once the writer has done all that was asked before.
    ///
    /// # Errors
    /// When the writer has ended.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.writer.run(|_| ()).await
    }

    /// Ends writing: all that was asked before is done and the store is let go.
    pub async fn close(&self) {
        // An error means that the writer has ended already.
        let _ = self.writer.run(|state| state.close()).await;
    }
}

/// Announcements that a receiver may be behind; it looks everything up again if there are more.
const CHANGES: usize = 1024;

/// What a set of writes announces.
fn announcements(writes: &[Write]) -> impl Iterator<Item = Change> + '_ {
    writes.iter().filter_map(|write| match write {
        Write::Tunnel(record) => Some(Change::Tunnel(record.id.clone())),
        Write::Remove(id) => Some(Change::Tunnel(id.clone())),
        Write::Used(..) => None,
        Write::User(_) => Some(Change::Users),
    })
}
