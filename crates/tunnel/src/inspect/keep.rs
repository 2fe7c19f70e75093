//! What is kept of the traffic of a host, and how much of it there may be.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// The most bytes of one body that are kept.
pub const MAX_BODY: usize = 64 * 1024;

/// The most bytes of bodies that a host keeps while they pass and wait for their reader. Full means that bodies are
/// cut, and said to be cut.
const ROOM: usize = 8 * 1024 * 1024;

/// Says what is kept of requests and answers besides what [`Exchange`](super::Exchange) always has, and counts
/// connections and bytes. The default keeps nothing. Clones are the same.
#[derive(Clone, Debug)]
pub struct Keep(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    heads: bool,
    /// Held for a look-up.
    ports: Mutex<BTreeMap<u16, Arc<Port>>>,
    room: Arc<Room>,
}

/// What is known and wanted of one port.
#[derive(Debug, Default)]
pub(super) struct Port {
    bodies: AtomicBool,
    open: AtomicU32,
    /// The most that were open at a time since somebody asked.
    peak: AtomicU32,
    /// Bytes since somebody asked, from visitors and to them.
    received: AtomicU64,
    sent: AtomicU64,
}

/// Bytes that passed, whatever they are: heads, bodies, encrypted ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Passed {
    /// From visitors to the local server.
    pub received: u64,
    /// From the local server to visitors.
    pub sent: u64,
}

/// How many bytes of bodies may still be kept.
#[derive(Debug)]
pub(super) struct Room(AtomicUsize);

/// What an observer keeps.
#[derive(Clone, Debug)]
pub(super) struct Keeping {
    port: Arc<Port>,
    room: Arc<Room>,
}

/// Counts the bytes of a connection as they pass.
#[derive(Debug)]
pub(crate) struct Counts(Arc<Port>);

/// One open connection, as long as it lives.
#[derive(Debug)]
pub(super) struct Open(Arc<Port>);

impl Default for Keep {
    fn default() -> Self {
        Self::new(false)
    }
}

impl Keep {
    /// Keeps the heads of requests and answers, with what is secret in them hidden.
    pub fn heads() -> Self {
        Self::new(true)
    }

    /// Keeps the bodies of a port's requests and answers too, or not any more: up to [`MAX_BODY`] each. In force from
    /// each connection's next request on, where heads are kept. What is encrypted stays unseen.
    pub fn bodies(&self, port: u16, wanted: bool) {
        self.port(port).bodies.store(wanted, Ordering::Relaxed);
    }

    /// The most connections of each port at a time since this was asked last. A port that had none is left out.
    pub fn connections(&self) -> BTreeMap<u16, u32> {
        let ports = self.0.ports.lock().unwrap_or_else(PoisonError::into_inner);
        let peaks = ports.iter().map(|(number, port)| (*number, port.take_peak()));
        peaks.filter(|(_, peak)| *peak > 0).collect()
    }

    /// The bytes of each port since this was asked last. A port of which none passed is left out.
    pub fn passed(&self) -> BTreeMap<u16, Passed> {
        let ports = self.0.ports.lock().unwrap_or_else(PoisonError::into_inner);
        let passed = ports.iter().map(|(number, port)| (*number, port.take_passed()));
        passed.filter(|(_, passed)| *passed != Passed::default()).collect()
    }

    /// What an observer of a port's connection keeps; nothing at all where heads are not kept.
    pub(super) fn of(&self, port: u16) -> Option<Keeping> {
        let keeping = || Keeping { port: self.port(port), room: self.0.room.clone() };
        self.0.heads.then(keeping)
    }

    /// Counts a connection of a port until it is dropped.
    pub(super) fn open(&self, port: u16) -> Open {
        let port = self.port(port);
        let open = port.open.fetch_add(1, Ordering::Relaxed) + 1;
        port.peak.fetch_max(open, Ordering::Relaxed);
        Open(port)
    }

    fn new(heads: bool) -> Self {
        let room = Arc::new(Room(AtomicUsize::new(ROOM)));
        Self(Arc::new(Shared { heads, ports: Mutex::default(), room }))
    }

    fn port(&self, port: u16) -> Arc<Port> {
        let mut ports = self.0.ports.lock().unwrap_or_else(PoisonError::into_inner);
        ports.entry(port).or_default().clone()
    }
}

impl Keeping {
    /// Where a body that begins now is kept, if bodies are.
    pub(super) fn body(&self) -> Option<super::capture::Capture> {
        let wanted = self.port.bodies.load(Ordering::Relaxed);
        wanted.then(|| super::capture::Capture::new(self.room.clone()))
    }
}

impl Open {
    pub(super) fn counts(&self) -> Counts {
        Counts(self.0.clone())
    }
}

impl Counts {
    pub(crate) fn received(&self, bytes: usize) {
        self.0.received.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(crate) fn sent(&self, bytes: usize) {
        self.0.sent.fetch_add(bytes as u64, Ordering::Relaxed);
    }
}

impl Port {
    fn take_passed(&self) -> Passed {
        let take = |count: &AtomicU64| count.swap(0, Ordering::Relaxed);
        Passed { received: take(&self.received), sent: take(&self.sent) }
    }

    fn take_peak(&self) -> u32 {
        let open = self.open.load(Ordering::Relaxed);
        self.peak.swap(open, Ordering::Relaxed).max(open)
    }
}

impl Room {
    /// Takes up to `wanted` bytes and says how many that were.
    pub(super) fn take(&self, wanted: usize) -> usize {
        let take = |left: usize| Some(left - left.min(wanted));
        let before = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take);
        before.unwrap_or_else(|left| left).min(wanted)
    }

    pub(super) fn give_back(&self, bytes: usize) {
        self.0.fetch_add(bytes, Ordering::Relaxed);
    }

    #[cfg(test)]
    pub(super) fn of(bytes: usize) -> Arc<Self> {
        Arc::new(Self(AtomicUsize::new(bytes)))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_connections_since_the_last_question_are_told() {
        let keep = Keep::default();
        let first = keep.open(80);
        drop(keep.open(80));
        assert_eq!(keep.connections(), [(80, 2)].into());
        assert_eq!(keep.connections(), [(80, 1)].into());
        drop(first);
        assert_eq!(keep.connections(), [(80, 1)].into());
        assert_eq!(keep.connections(), [].into());
    }

    #[test]
    fn bodies_are_kept_of_the_ports_that_were_switched_on() {
        let keep = Keep::heads();
        keep.bodies(80, true);
        assert!(keep.of(80).is_some_and(|it| it.body().is_some()));
        assert!(keep.of(81).is_some_and(|it| it.body().is_none()));
        keep.bodies(80, false);
        assert!(keep.of(80).is_some_and(|it| it.body().is_none()));
        assert!(Keep::default().of(80).is_none());
    }
}
