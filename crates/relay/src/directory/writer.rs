//! The one who writes: decides a change, persists it, shows it, announces it.
//!
//! SQLite blocks, so its writer is a thread that takes jobs from a bounded queue; whoever finds the
//! queue full waits. A store in memory is written in place.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use adit_proto::id::{TunnelId, UserId};
use jiff::Timestamp;
use tokio::sync::{broadcast, mpsc, oneshot};

use super::view::View;
use super::{Change, Writing, announcements};
use crate::record::{TunnelRecord, User};
use crate::store::{Store, StoreError, Write};

/// Hands jobs to the state, wherever it lives.
#[derive(Debug)]
pub(super) enum Writer {
    Thread(mpsc::Sender<Job>),
    InPlace(Box<Mutex<State>>),
}

type Job = Box<dyn FnOnce(&mut State) + Send>;

/// Jobs that may wait. Full means that those who ask for a change wait with it.
const QUEUE: usize = 256;

/// How many epochs are reserved at once, so that not each costs a write.
const EPOCHS: u64 = 256;

impl Writer {
    pub(super) fn start(
        store: Box<dyn Store>,
        view: Arc<View>,
        changes: broadcast::Sender<Change>,
        writing: Writing,
    ) -> Result<Self, StoreError> {
        let mut state =
            State { store: Some(store), view, changes, epochs: 0..0, handed_over: false };
        if writing == Writing::InPlace {
            return Ok(Self::InPlace(Box::new(Mutex::new(state))));
        }
        let (jobs, mut queue) = mpsc::channel::<Job>(QUEUE);
        std::thread::Builder::new()
            .name("adit-store".into())
            .spawn(move || {
                while let Some(job) = queue.blocking_recv() {
                    job(&mut state);
                }
            })
            .map_err(|_| StoreError::Closed)?;
        Ok(Self::Thread(jobs))
    }

    /// Runs `job` after all that were asked before it.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut State) -> T + Send + 'static,
    ) -> Result<T, StoreError> {
        match self {
            Self::InPlace(state) => {
                Ok(job(&mut state.lock().unwrap_or_else(PoisonError::into_inner)))
            }
            Self::Thread(jobs) => {
                let (answer, answered) = oneshot::channel();
                // Nobody waits for the answer if the request was given up; the change stands.
                let job: Job = Box::new(move |state| drop(answer.send(job(state))));
                jobs.send(job).await.map_err(|_| StoreError::Closed)?;
                answered.await.map_err(|_| StoreError::Closed)
            }
        }
    }

    /// Queues a job that may take its time, on a writer with a thread of its own.
    pub(super) async fn enqueue(
        &self,
        job: impl FnOnce(&mut State) + Send + 'static,
    ) -> Result<(), StoreError> {
        match self {
            // Whoever waited for the job here would keep everybody else from running.
            Self::InPlace(_) => Err(StoreError::Closed),
            Self::Thread(jobs) => jobs.send(Box::new(job)).await.map_err(|_| StoreError::Closed),
        }
    }
}

/// What the writer owns.
pub(super) struct State {
    store: Option<Box<dyn Store>>,
    view: Arc<View>,
    changes: broadcast::Sender<Change>,
    /// Reserved and not yet handed out.
    epochs: std::ops::Range<u64>,
    /// Another process writes; this one only reads.
    handed_over: bool,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State").finish_non_exhaustive()
    }
}

impl State {
    pub(super) fn change<T, E: From<StoreError>>(
        &mut self,
        decide: impl FnOnce(&mut Draft) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut draft = Draft { view: self.view.clone(), writes: Vec::new() };
        let decided = decide(&mut draft)?;
        self.commit(&draft.writes)?;
        Ok(decided)
    }

    pub(super) fn next_epoch(&mut self) -> Result<u64, StoreError> {
        if self.epochs.is_empty() || self.handed_over {
            let first = self.writable()?.reserve_epochs(EPOCHS)?;
            self.epochs = first..first + EPOCHS;
        }
        self.epochs.next().ok_or(StoreError::Closed)
    }

    pub(super) fn sweep(
        &mut self,
        now: Timestamp,
        default: Duration,
        step: Duration,
    ) -> Result<usize, StoreError> {
        if self.handed_over {
            return Ok(0);
        }
        let mut writes = Vec::new();
        let mut removed = 0;
        for record in self.view.read().tunnels() {
            if record.expires(default) <= now {
                writes.push(Write::Remove(record.id.clone()));
                removed += 1;
            } else if record.used.unsaved() > step {
                writes.push(Write::Used(record.id.clone(), record.used.get()));
            }
        }
        self.commit(&writes)?;
        Ok(removed)
    }

    pub(super) fn refresh(&mut self) -> Result<(), StoreError> {
        if !self.store()?.changed_elsewhere()? {
            return Ok(());
        }
        if self.handed_over {
            let stored = self.store()?.tunnels()?;
            let writes = self.view.read().differences(stored);
            self.show(&writes);
        }
        let users = self.store()?.users()?;
        if self.view.publish_users(users) {
            // No receivers is no error.
            let _ = self.changes.send(Change::Users);
        }
        Ok(())
    }

    /// From now on another process writes.
    pub(super) fn release(&mut self) {
        self.handed_over = true;
    }

    pub(super) fn close(&mut self) {
        self.store = None;
    }

    fn commit(&mut self, writes: &[Write]) -> Result<(), StoreError> {
        if writes.is_empty() {
            return Ok(());
        }
        self.writable()?.commit(writes)?;
        self.note_saved_uses(writes);
        self.show(writes);
        Ok(())
    }

    fn show(&self, writes: &[Write]) {
        self.view.publish(writes);
        for change in announcements(writes) {
            // No receivers is no error.
            let _ = self.changes.send(change);
        }
    }

    fn note_saved_uses(&self, writes: &[Write]) {
        let index = self.view.read();
        for write in writes {
            match write {
                Write::Tunnel(record) => record.used.saved(record.used.get()),
                Write::Used(id, at) => {
                    if let Some(record) = index.tunnel(id.as_str()) {
                        record.used.saved(*at);
                    }
                }
                Write::Remove(_) | Write::User(_) => {}
            }
        }
    }

    fn writable(&mut self) -> Result<&mut dyn Store, StoreError> {
        if self.handed_over { Err(StoreError::HandedOver) } else { self.store() }
    }

    fn store(&mut self) -> Result<&mut dyn Store, StoreError> {
        match &mut self.store {
            Some(store) => Ok(&mut **store),
            None => Err(StoreError::Closed),
        }
    }
}

/// A change in the making: the state it will apply to, and what it will do.
pub struct Draft {
    view: Arc<View>,
    writes: Vec<Write>,
}

impl Draft {
    /// The tunnel of this id, as it is before the change.
    pub fn tunnel(&self, id: &TunnelId) -> Option<Arc<TunnelRecord>> {
        self.view.read().tunnel(id.as_str()).cloned()
    }

    /// The tunnel of this name, as it is before the change.
    pub fn named(&self, name: &str) -> Option<Arc<TunnelRecord>> {
        self.view.read().named(name).cloned()
    }

    /// How many tunnels a user has before the change.
    pub fn count_of(&self, owner: &UserId) -> usize {
        self.view.read().owned_count(owner)
    }

    /// Adds or replaces a tunnel. To move a name, first put the tunnel that loses it.
    pub fn put(&mut self, record: TunnelRecord) -> Arc<TunnelRecord> {
        let record = Arc::new(record);
        self.writes.push(Write::Tunnel(record.clone()));
        record
    }

    /// Removes a tunnel.
    pub fn remove(&mut self, id: &TunnelId) {
        self.writes.push(Write::Remove(id.clone()));
    }

    /// Adds or replaces a user.
    pub fn put_user(&mut self, user: User) {
        self.writes.push(Write::User(Arc::new(user)));
    }
}
