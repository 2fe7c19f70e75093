//! Watches time and place for the whole process: sleeps, clocks that are set, other networks.
//!
//! What is a change is decided in [`adit_proto::change`]; here is looked. A look is two clock readings and
//! four system calls, once in three seconds, and sends nothing.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::Arc;

use adit_proto::change::{Change, Detector, EVERY, Sample};
use tokio::sync::watch;

use crate::{clock, task};

/// Addresses of nobody (RFC 5737, RFC 3849), which only a default route leads to.
const NOBODY: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)),
    IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1)),
];

/// Looks out for changes as long as it or a clone of it lives. One is enough for a process. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Watcher {
    changes: watch::Receiver<Option<Change>>,
    has_network: watch::Receiver<bool>,
    _task: Option<Arc<task::Task<()>>>,
}

impl Watcher {
    /// Starts to watch. Must be called within a runtime.
    pub fn spawn() -> Self {
        let (reporter, mut watcher) = Self::told();
        let task = task::spawn("changes", async move {
            let mut detector = Detector::new();
            loop {
                let sample = sample();
                reporter.report_network(sample.has_network());
                if let Some(change) = detector.see(sample) {
                    tracing::info!(?change, "time or place have changed");
                    reporter.report(change);
                }
                clock::sleep(EVERY).await;
            }
        });
        watcher._task = Some(Arc::new(task));
        watcher
    }

    /// One that is told by its owner, who may know better than by looking, as where the system tells.
    pub fn told() -> (Reporter, Self) {
        let (sender, changes) = watch::channel(None);
        let (network, has_network) = watch::channel(true);
        (Reporter { sender, network }, Self { changes, has_network, _task: None })
    }

    /// One that is told of what changes from now on. A clone is told of the last change too.
    pub fn from_now_on(&self) -> Self {
        let mut watcher = self.clone();
        watcher.changes.mark_unchanged();
        watcher
    }

    /// Whether a way leads out of this computer, always the newest; so until the first look.
    pub fn network(&self) -> watch::Receiver<bool> {
        self.has_network.clone()
    }

    /// The next change; of several, the last. Safe to drop and call again.
    pub async fn next(&mut self) -> Change {
        loop {
            if self.changes.changed().await.is_err() {
                // Nobody watches any more.
                return std::future::pending().await;
            }
            if let Some(change) = *self.changes.borrow_and_update() {
                return change;
            }
        }
    }
}

/// The next change, for those who may have no watcher: then there is none. Safe to drop and call again.
pub async fn next(watcher: &mut Option<Watcher>) -> Change {
    match watcher {
        Some(watcher) => watcher.next().await,
        None => std::future::pending().await,
    }
}

/// Tells a [`Watcher`], and its clones, what has changed.
#[derive(Debug)]
pub struct Reporter {
    sender: watch::Sender<Option<Change>>,
    network: watch::Sender<bool>,
}

impl Reporter {
    /// Tells of a change.
    pub fn report(&self, change: Change) {
        self.sender.send_replace(Some(change));
    }

    /// Tells whether a way leads out of this computer.
    pub fn report_network(&self, has_network: bool) {
        self.network.send_if_modified(|told| std::mem::replace(told, has_network) != has_network);
    }
}

fn sample() -> Sample {
    Sample { now: clock::now(), wall: clock::wall(), routes: NOBODY.map(address_towards) }
}

/// The address that this computer would have towards another. Nothing is sent to find out: the system only
/// chooses a way.
fn address_towards(far: IpAddr) -> Option<IpAddr> {
    let any: IpAddr = match far {
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind((any, 0)).ok()?;
    // The port of the discard service; no matter which.
    socket.connect(SocketAddr::new(far, 9)).ok()?;
    let address = socket.local_addr().ok()?.ip();
    (!address.is_unspecified() && !address.is_loopback()).then_some(address)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn time_that_was_not_lived_through_is_a_change() {
        let mut watcher = Watcher::spawn();
        // Paused time goes on and the calendar does not: to the watcher it was set back.
        let change = watcher.next().await;
        assert!(
            matches!(change, Change::Time(jump) if jump >= Duration::from_secs(2)),
            "{change:?}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn who_begins_later_is_not_told_of_what_was() {
        let (reporter, watcher) = Watcher::told();
        reporter.report(Change::Network);
        let mut later = watcher.from_now_on();
        let waits = tokio::time::timeout(Duration::from_secs(60), later.next()).await;
        assert!(waits.is_err(), "{waits:?}");
        reporter.report(Change::Time(Duration::from_secs(9)));
        assert_eq!(later.next().await, Change::Time(Duration::from_secs(9)));
    }

    #[test]
    fn addresses_are_asked_of_the_system_and_are_nobody_elses() {
        for far in NOBODY {
            let address = address_towards(far);
            assert_eq!(address, address_towards(far));
            assert!(address.is_none_or(|address| address.is_ipv4() == far.is_ipv4()));
        }
        assert_eq!(address_towards(Ipv4Addr::LOCALHOST.into()), None);
    }
}
