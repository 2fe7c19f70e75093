//! The queue between an engine and whoever shows what it does.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::mpsc;

/// Events that may wait for their reader: far more than a screen shows at once.
const QUEUE: usize = 256;

/// Where an engine says what happens.
///
/// It never waits: an engine that waited for a screen would stop forwarding. Full means that
/// events are dropped and counted.
#[derive(Debug)]
pub(crate) struct Emitter<E> {
    events: mpsc::Sender<E>,
    dropped: Arc<AtomicU64>,
}

/// The reader's end.
#[derive(Debug)]
pub(crate) struct Reader<E> {
    events: mpsc::Receiver<E>,
    dropped: Arc<AtomicU64>,
}

/// A queue and its two ends.
pub(crate) fn queue<E>() -> (Emitter<E>, Reader<E>) {
    let (sender, receiver) = mpsc::channel(QUEUE);
    let dropped = Arc::<AtomicU64>::default();
    (Emitter { events: sender, dropped: dropped.clone() }, Reader { events: receiver, dropped })
}

impl<E> Emitter<E> {
    pub(crate) fn emit(&self, event: E) {
        if let Err(mpsc::error::TrySendError::Full(_)) = self.events.try_send(event) {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl<E> Clone for Emitter<E> {
    fn clone(&self) -> Self {
        Self { events: self.events.clone(), dropped: self.dropped.clone() }
    }
}

impl<E> Reader<E> {
    /// The next event; `None` when the engine is gone. Safe to drop and call again.
    pub(crate) async fn next(&mut self) -> Option<E> {
        self.events.recv().await
    }

    /// Events that were dropped because nobody read them.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}
