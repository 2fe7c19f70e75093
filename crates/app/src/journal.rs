//! The log for people: the last lines in memory, a file that rotates, and what is left behind by a panic.
//!
//! A [`Journal`] is a layer of `tracing` that keeps lines, redacted and bounded; windows, the file and the panic report
//! all read from it. Writing a line takes a short lock and never waits for a reader. Nothing is ever sent anywhere.

mod excerpt;
mod file;
mod layer;
mod line;
mod redact;
mod report;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};

use jiff::Timestamp;
use tokio::sync::watch;
use tracing_subscriber::Layer;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;

use crate::preferences::LogLevel;

pub use excerpt::{Excerpt, Gatherer, Reader};
pub use file::{Follower, LogFile};
pub use line::{Line, Search, to_text};
pub use redact::redact;
pub use report::{Report, Reporter};

/// Lines that are kept.
const LINES: usize = 5_000;

/// The bytes that they may take. Full means that the oldest go.
const BYTES: usize = 4 * 1024 * 1024;

/// The last lines of the log. Cheap to clone; all clones are the same.
#[derive(Clone, Debug)]
pub struct Journal(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    level: AtomicU8,
    /// Held for a push, or for copying references.
    lines: Mutex<Lines>,
    newest: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Lines {
    kept: VecDeque<Arc<Line>>,
    bytes: usize,
    /// How many there were.
    count: u64,
}

impl Journal {
    /// An empty one that keeps lines of this level and of worse ones.
    pub fn new(level: LogLevel) -> Self {
        let (newest, _) = watch::channel(0);
        let level = AtomicU8::new(level as u8);
        Self(Arc::new(Shared { level, lines: Mutex::default(), newest }))
    }

    /// The layer that fills it.
    pub fn layer<S>(&self) -> impl Layer<S> + use<S>
    where
        S: tracing::Subscriber + for<'a> LookupSpan<'a>,
    {
        layer::Keeper::new(self.clone()).with_filter(layer::Filter::new(self.clone()))
    }

    /// Makes it the log of this process, beside nothing else; `false` when there is a log already.
    pub fn install(&self) -> bool {
        let subscriber = tracing_subscriber::registry().with(self.layer());
        tracing::subscriber::set_global_default(subscriber).is_ok()
    }

    /// What is kept from now on.
    pub fn set_level(&self, level: LogLevel) {
        self.0.level.store(level as u8, Ordering::Relaxed);
        // What was found to be of no interest may be of interest now.
        tracing::callsite::rebuild_interest_cache();
    }

    /// What is kept.
    pub fn level(&self) -> LogLevel {
        const LEVELS: [LogLevel; 4] =
            [LogLevel::Error, LogLevel::Warning, LogLevel::Info, LogLevel::Debug];
        LEVELS[usize::from(self.0.level.load(Ordering::Relaxed)).min(3)]
    }

    /// The lines behind number `after`, oldest first; 0 is before the first. Where the first of them is not the next,
    /// those between were more than is kept.
    pub fn since(&self, after: u64) -> Vec<Arc<Line>> {
        self.lines().since(after)
    }

    /// The number of the oldest line that is kept; of the next where none is.
    pub fn oldest(&self) -> u64 {
        let lines = self.lines();
        lines.count + 1 - lines.kept.len() as u64
    }

    /// Tells the number of the newest line, whenever there is one.
    pub fn newest(&self) -> watch::Receiver<u64> {
        self.0.newest.subscribe()
    }

    /// The last lines, for the panic hook: nothing where the thread that panics may hold the lock itself.
    fn last(&self, count: u64) -> Option<Vec<Arc<Line>>> {
        let lines = match self.0.lines.try_lock() {
            Ok(lines) => lines,
            Err(TryLockError::Poisoned(lines)) => lines.into_inner(),
            Err(TryLockError::WouldBlock) => return None,
        };
        Some(lines.since(lines.count.saturating_sub(count)))
    }

    fn push(&self, line: impl FnOnce(u64) -> Line) {
        let newest = self.lines().push(line);
        self.0.newest.send_replace(newest);
    }

    fn lines(&self) -> MutexGuard<'_, Lines> {
        self.0.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lines {
    fn push(&mut self, line: impl FnOnce(u64) -> Line) -> u64 {
        self.count += 1;
        let line = line(self.count);
        self.bytes += line.size();
        self.kept.push_back(Arc::new(line));
        while self.kept.len() > LINES || self.bytes > BYTES {
            let Some(oldest) = self.kept.pop_front() else { break };
            self.bytes -= oldest.size();
        }
        self.count
    }

    fn since(&self, after: u64) -> Vec<Arc<Line>> {
        let behind = usize::try_from(self.count.saturating_sub(after)).unwrap_or(usize::MAX);
        let skipped = self.kept.len().saturating_sub(behind);
        self.kept.iter().skip(skipped).cloned().collect()
    }
}

/// The calendar now. A line is written whether or not a runtime is there.
fn now() -> Timestamp {
    adit_wire::clock::wall()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Does something under a journal and tells what it kept.
    pub(super) fn kept(level: LogLevel, doing: impl FnOnce(&Journal)) -> Vec<Arc<Line>> {
        let journal = Journal::new(level);
        let subscriber = tracing_subscriber::registry().with(journal.layer());
        tracing::subscriber::with_default(subscriber, || doing(&journal));
        journal.since(0)
    }

    #[test]
    fn lines_have_their_level_tunnel_and_text() {
        let lines = kept(LogLevel::Info, |_| {
            tracing::warn!(tunnel = %"shop.loc1", port = 80, "port refused");
            let span = tracing::info_span!("engine", tunnel = "api.loc1", task = 7);
            span.in_scope(|| tracing::info!(state = ?"Hosting", "state"));
            tracing::debug!("not wanted");
        });
        let told: Vec<_> =
            lines.iter().map(|it| (it.number, it.level, it.tunnel.as_deref(), &*it.text)).collect();
        assert_eq!(
            told,
            [
                (1, LogLevel::Warning, Some("shop.loc1"), "port refused port=80"),
                (2, LogLevel::Info, Some("api.loc1"), "state state=\"Hosting\""),
            ]
        );
    }

    #[test]
    fn secrets_do_not_get_in() {
        let lines = kept(LogLevel::Debug, |_| {
            tracing::info!(
                token = "hunter2",
                url = "https://h/?key=hunter2",
                "with Bearer hunter2"
            );
        });
        assert_eq!(&*lines[0].text, "with Bearer ••• token=••• url=https://h/?key=•••");
    }

    #[test]
    fn the_level_can_change_while_it_runs() {
        let say = || tracing::debug!("a detail");
        let lines = kept(LogLevel::Warning, |journal| {
            say();
            journal.set_level(LogLevel::Debug);
            say();
            journal.set_level(LogLevel::Error);
            say();
            assert_eq!(journal.level(), LogLevel::Error);
        });
        assert_eq!(lines.len(), 1);
    }

    #[test]
    fn others_speak_of_their_own_affairs_only_when_it_matters() {
        let lines = kept(LogLevel::Info, |_| {
            tracing::info!(target: "hyper::proto", "chatter");
            tracing::warn!(target: "hyper::proto", "trouble");
            tracing::info!(target: "adit_wire::net", "ours");
        });
        let texts: Vec<_> = lines.iter().map(|it| &*it.text).collect();
        assert_eq!(texts, ["trouble", "ours"]);
    }

    #[test]
    fn lines_and_bytes_are_bounded_and_the_newest_stay() {
        let lines = kept(LogLevel::Info, |journal| {
            for n in 0..LINES + 100 {
                tracing::info!("{n}");
            }
            assert_eq!(journal.since(0).len(), LINES);
            for n in 0..LINES {
                tracing::info!("{n} {}", "x".repeat(3_000));
            }
            assert_eq!(*journal.newest().borrow(), (2 * LINES + 100) as u64);
        });
        let bytes: usize = lines.iter().map(|it| it.size()).sum();
        assert!((BYTES - 10_000..=BYTES).contains(&bytes), "{bytes}");
        assert!(lines.last().unwrap().text.starts_with("4999 "));
    }

    #[test]
    fn a_reader_goes_on_where_it_was() {
        let journal = Journal::new(LogLevel::Info);
        let subscriber = tracing_subscriber::registry().with(journal.layer());
        tracing::subscriber::with_default(subscriber, || {
            (0..3).for_each(|n| tracing::info!("{n}"));
        });
        let numbers = |after| journal.since(after).iter().map(|it| it.number).collect::<Vec<_>>();
        assert_eq!((numbers(0), numbers(2), numbers(3)), (vec![1, 2, 3], vec![3], vec![]));
        assert_eq!(journal.last(1).unwrap()[0].number, 3);
    }
}
