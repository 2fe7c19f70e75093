//! Named tasks with a span, a parent and an end. Nothing else in the workspace spawns.
//!
//! A task belongs either to a [`Group`], which is asked to stop, waited for and at last aborted as
//! a whole, or to the holder of its [`Task`] handle, whose drop aborts it. Groups nest by
//! ownership: a task that owns a group takes it down when it is itself taken down.
//!
//! A task that panics is logged with its name and ends alone. What its end means to others is
//! theirs to notice (a closed queue, [`Task::join`]); this module restarts nothing.

#![allow(clippy::disallowed_methods, reason = "the one file that spawns")]

use std::any::Any;
use std::collections::HashMap;
use std::fmt;
use std::future::{Future, pending, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::task::{AbortHandle, JoinHandle};
use tracing::Instrument;

use crate::clock;

/// How long [`Group::shutdown`] waits for aborted tasks to let go of what they hold. An abort takes
/// effect where the task next waits, so only one that computes or blocks can use this up.
const ABORT_GRACE: Duration = Duration::from_secs(1);

/// Starts a task that lives no longer than the handle returned.
pub fn spawn<F>(name: &'static str, future: F) -> Task<F::Output>
where
    F: Future<Output: Send + 'static> + Send + 'static,
{
    Task { name, handle: start(name, supervised(name, future)) }
}

/// Runs `work`, which may block, on a thread meant for that, and waits for it.
///
/// A panic in `work` is raised again here, in the caller's task. Dropping the future does not stop
/// work that has begun.
pub async fn blocking<T: Send + 'static>(
    name: &'static str,
    work: impl FnOnce() -> T + Send + 'static,
) -> T {
    let span = tracing::info_span!("task", name);
    let handle = tokio::task::spawn_blocking(move || span.in_scope(work));
    match handle.await.map_err(|error| error.try_into_panic()) {
        Ok(value) => value,
        Err(Ok(panic)) => resume_unwind(panic),
        // The runtime is going away, and the caller with it.
        Err(Err(_)) => pending().await,
    }
}

/// A task owned by the holder of this handle: dropping it aborts the task.
#[derive(Debug)]
#[must_use = "dropping the handle aborts the task"]
pub struct Task<T> {
    name: &'static str,
    handle: JoinHandle<Option<T>>,
}

impl<T> Task<T> {
    /// The name given at the start.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Whether it has come to its end, whichever it was.
    pub fn is_finished(&self) -> bool {
        self.handle.is_finished()
    }

    /// Waits for the end: what the task returned, or nothing if it panicked. Safe to drop and to
    /// call again until it has answered.
    pub async fn join(&mut self) -> Option<T> {
        (&mut self.handle).await.ok().flatten()
    }
}

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        self.handle.abort();
    }
}

/// Owns tasks that end together. Dropping it aborts all that still run.
#[derive(Debug)]
pub struct Group {
    spawner: Spawner,
}

impl Group {
    /// An empty group, named for the log.
    pub fn new(name: &'static str) -> Self {
        let stop = watch::Sender::new(false);
        let shared = Shared { name, stop, children: Mutex::default(), idle: Notify::new() };
        Self { spawner: Spawner { shared: Arc::new(shared) } }
    }

    /// Starts a task in this group.
    pub fn spawn<F>(&self, name: &'static str, future: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.spawner.spawn(name, future);
    }

    /// A handle that starts tasks here without owning the group.
    pub fn spawner(&self) -> Spawner {
        self.spawner.clone()
    }

    /// The signal that the group is asked to stop.
    pub fn stopping(&self) -> Stopping {
        self.spawner.stopping()
    }

    /// How many tasks run now.
    pub fn len(&self) -> usize {
        self.spawner.shared.children().running.len()
    }

    /// Whether no task runs now.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Asks all tasks to stop without waiting for them.
    pub fn stop(&self) {
        self.spawner.shared.stop.send_replace(true);
    }

    /// Waits until no task runs. Tasks may still be started meanwhile, and are waited for too.
    pub async fn idle(&self) {
        self.spawner.shared.idle().await;
    }

    /// Asks all tasks to stop, waits up to `grace` for them, then aborts the rest and says which
    /// of the two it was.
    pub async fn shutdown(self, grace: Duration) -> Shutdown {
        let shared = &self.spawner.shared;
        self.stop();
        let deadline = clock::now() + grace;
        if clock::until(deadline, shared.idle()).await.is_ok() {
            tracing::debug!(group = shared.name, "all tasks ended");
            return Shutdown::Clean;
        }
        let aborted = shared.abort();
        tracing::warn!(group = shared.name, ?aborted, "tasks did not end in time, aborted");
        if clock::until(clock::now() + ABORT_GRACE, shared.idle()).await.is_err() {
            tracing::error!(group = shared.name, "a task neither ends nor waits");
        }
        Shutdown::Aborted(aborted)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.stop();
        self.spawner.shared.abort();
    }
}

/// Starts tasks in a [`Group`] that somebody else owns. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Spawner {
    shared: Arc<Shared>,
}

impl Spawner {
    /// Starts a task in the group. While the group is stopping it is still started (draining may
    /// need helpers); once the group is gone the future is dropped at once.
    pub fn spawn<F>(&self, name: &'static str, future: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let Some(place) = Shared::place(&self.shared, name) else {
            tracing::debug!(group = self.shared.name, task = name, "not started: group is gone");
            return;
        };
        let id = place.id;
        let handle = start(name, async move {
            let _place = place;
            supervised(name, future).await;
        });
        self.shared.started(id, handle.abort_handle());
    }

    /// The signal that the group is asked to stop.
    pub fn stopping(&self) -> Stopping {
        Stopping { stop: self.shared.stop.subscribe() }
    }
}

/// Tells a task that its group is asked to stop. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Stopping {
    stop: watch::Receiver<bool>,
}

impl Stopping {
    /// Whether the group has been asked to stop.
    pub fn is_set(&self) -> bool {
        *self.stop.borrow()
    }

    /// Waits until the group is asked to stop. Borrows nothing, so it can stand in a `select!`.
    pub fn wait(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut stop = self.stop.clone();
        async move {
            // An error means that the group is gone, which is as good as being asked.
            let _ = stop.wait_for(|stop| *stop).await;
        }
    }
}

/// How a group ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Shutdown {
    /// Every task ended by itself.
    Clean,
    /// These were still running at the deadline and were aborted; a name stands once a task.
    Aborted(Vec<&'static str>),
}

impl Shutdown {
    /// Whether every task ended by itself.
    pub fn is_clean(&self) -> bool {
        matches!(self, Self::Clean)
    }
}

struct Shared {
    name: &'static str,
    stop: watch::Sender<bool>,
    /// Held for an insert or a removal, never across an await.
    children: Mutex<Children>,
    /// Woken when the last child goes.
    idle: Notify,
}

#[derive(Default)]
struct Children {
    next: u64,
    closed: bool,
    running: HashMap<u64, Child>,
}

struct Child {
    name: &'static str,
    /// Missing for the moment between taking the place and the start.
    handle: Option<AbortHandle>,
}

impl Shared {
    /// Enters a task that is about to start; nothing if the group is gone.
    fn place(this: &Arc<Self>, name: &'static str) -> Option<Place> {
        let mut children = this.children();
        if children.closed {
            return None;
        }
        let id = children.next;
        children.next += 1;
        children.running.insert(id, Child { name, handle: None });
        Some(Place { shared: this.clone(), id })
    }

    /// Notes how to abort a task, which may have ended by now. Apart from [`Shared::place`] because
    /// a runtime that is going away drops the task inside the start, and its place with it: the
    /// lock must not be held then.
    fn started(&self, id: u64, handle: AbortHandle) {
        let mut children = self.children();
        let closed = children.closed;
        match children.running.get_mut(&id) {
            Some(child) if !closed => child.handle = Some(handle),
            // Aborted between the two steps; or ended already, when this does nothing.
            Some(_) | None => {
                drop(children);
                handle.abort();
            }
        }
    }

    /// Waits until no task runs.
    async fn idle(&self) {
        loop {
            let mut woken = pin!(self.idle.notified());
            woken.as_mut().enable();
            if self.children().running.is_empty() {
                return;
            }
            woken.await;
        }
    }

    /// Lets no more tasks start, aborts those that run and names them, oldest first.
    fn abort(&self) -> Vec<&'static str> {
        let mut tasks: Vec<_> = {
            let mut children = self.children();
            children.closed = true;
            let running = children.running.iter();
            running.map(|(id, child)| (*id, child.name, child.handle.clone())).collect()
        };
        tasks.sort_unstable_by_key(|(id, ..)| *id);
        for handle in tasks.iter().filter_map(|(.., handle)| handle.as_ref()) {
            handle.abort();
        }
        tasks.into_iter().map(|(_, name, _)| name).collect()
    }

    fn children(&self) -> MutexGuard<'_, Children> {
        // Nothing under the lock can leave the map half changed.
        self.children.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Group").field("name", &self.name).finish_non_exhaustive()
    }
}

/// A task's entry in its group, given up however the task ends.
struct Place {
    shared: Arc<Shared>,
    id: u64,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut children = self.shared.children();
        children.running.remove(&self.id);
        if children.running.is_empty() {
            drop(children);
            self.shared.idle.notify_waiters();
        }
    }
}

fn start<F>(name: &'static str, future: F) -> JoinHandle<F::Output>
where
    F: Future<Output: Send + 'static> + Send + 'static,
{
    tokio::spawn(future.instrument(tracing::info_span!("task", name)))
}

/// Runs `future`; a panic is logged with the task's name and yields nothing.
async fn supervised<F: Future>(name: &'static str, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    let ended = poll_fn(|context| {
        // After a panic the future is never polled again, so nobody sees what it left half done.
        match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))) {
            Ok(poll) => poll.map(Ok),
            Err(panic) => std::task::Poll::Ready(Err(panic)),
        }
    });
    match ended.await {
        Ok(output) => Some(output),
        Err(panic) => {
            tracing::error!(task = name, panic = message(&*panic), "task panicked");
            None
        }
    }
}

fn message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&'static str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRACE: Duration = Duration::from_secs(5);

    #[tokio::test(start_paused = true)]
    async fn tasks_that_listen_end_cleanly_and_at_once() {
        let group = Group::new("test");
        for _ in 0..3 {
            group.spawn("listener", group.stopping().wait());
        }
        let start = clock::now();
        assert_eq!(group.len(), 3);
        assert_eq!(group.shutdown(GRACE).await, Shutdown::Clean);
        assert_eq!(clock::now(), start);
    }

    #[tokio::test(start_paused = true)]
    async fn a_deaf_task_is_aborted_at_the_deadline_and_named() {
        let group = Group::new("test");
        group.spawn("listener", group.stopping().wait());
        let (held, mut gone) = tokio::sync::mpsc::channel::<()>(1);
        group.spawn("deaf", async move {
            let _held = held;
            pending().await
        });
        let start = clock::now();
        assert_eq!(group.shutdown(GRACE).await, Shutdown::Aborted(vec!["deaf"]));
        assert_eq!(clock::now(), start + GRACE);
        assert_eq!(gone.try_recv(), Err(tokio::sync::mpsc::error::TryRecvError::Disconnected));
    }

    #[tokio::test]
    async fn a_panic_ends_its_own_task_only() {
        let group = Group::new("test");
        group.spawn("panics", async { panic!("on purpose") });
        group.idle().await;
        let (tell, told) = tokio::sync::oneshot::channel();
        group.spawn("neighbour", async { tell.send(7).expect("the test listens") });
        assert_eq!(told.await, Ok(7));
        let mut task = spawn("panics too", async { panic!("{}", 1 + 1) });
        assert_eq!(task.join().await, None::<()>);
        assert_eq!(spawn("fine", async { 5 }).join().await, Some(5));
    }

    #[tokio::test]
    async fn dropping_the_owner_ends_the_task() {
        let group = Group::new("test");
        let spawner = group.spawner();
        let stopping = spawner.stopping();
        let (in_group, mut group_gone) = tokio::sync::mpsc::channel::<()>(1);
        group.spawn("one", async move { in_group.closed().await });
        let (in_task, mut task_gone) = tokio::sync::mpsc::channel::<()>(1);
        let task = spawn("two", async move { in_task.closed().await });
        drop((group, task));
        assert_eq!((group_gone.recv().await, task_gone.recv().await), (None, None));
        stopping.wait().await;
        assert!(stopping.is_set());
        let (late, mut late_gone) = tokio::sync::mpsc::channel::<()>(1);
        spawner.spawn("late", async move { late.closed().await });
        assert_eq!(late_gone.recv().await, None);
    }

    #[tokio::test]
    async fn blocking_work_runs_and_its_panic_comes_back() {
        assert_eq!(blocking("add", || 2 + 2).await, 4);
        let mut task = spawn("outer", blocking("fails", || panic!("on purpose")));
        assert_eq!(task.join().await, None::<()>);
    }
}
