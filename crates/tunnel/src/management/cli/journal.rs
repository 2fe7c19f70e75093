//! What ports are to be made again, written down before they are removed.
//!
//! A network or a process that ends in between then costs no port: whoever looks at the tunnel next
//! makes it again, with everything that it had. One file is for all tunnels of a user; whoever
//! changes it holds a lock that the system takes back however its holder ends.

use std::fmt;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use adit_proto::contracts::TunnelPort;
use adit_proto::id::FullId;
use adit_wire::{clock, file};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::change::spoken;
use crate::management::Locator;

const VERSION: u32 = 1;

/// How often a lock is tried that another process holds.
const LOOK: Duration = Duration::from_millis(100);

/// A tunnel that nobody has used for so long is gone, and who has it still has long noticed.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(30 * 24 * 3600);

/// How long a list may still show a port that was removed.
const STALE_FOR: Duration = Duration::from_secs(5 * 60);

/// Where it is written down.
#[derive(Clone, Debug)]
pub(super) struct Journal {
    path: PathBuf,
}

/// The right to change the journal, and to make again what is in it.
#[derive(Debug)]
pub(super) struct Held {
    path: PathBuf,
    /// Holds the lock.
    _lock: File,
}

/// Which port is made again, and since when. The rest need not come back from the file as it was: times lose what is
/// less than a millisecond.
pub(super) type Id = (String, u16, i64);

/// A port that is being made again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Remake {
    /// `id.cluster`
    tunnel: String,
    /// When it was begun, in seconds since 1970.
    since: i64,
    /// As it was.
    pub(super) old: TunnelPort,
    /// As it shall be.
    pub(super) new: TunnelPort,
}

#[derive(Serialize, Deserialize)]
struct Document {
    version: u32,
    remakes: Vec<Remake>,
}

/// Lists the ports that are still to be made again, by what a journal says: each with its tunnel. They are gone from
/// their tunnels once the journal is.
///
/// # Errors
///
/// When the journal cannot be read. Where there is none, nothing is to be made.
pub fn owed(journal: &Path) -> io::Result<Vec<(FullId, u16)>> {
    let now = clock::wall();
    let remakes = load(journal)?.into_iter().filter(|remake| remake.age(now) < FORGOTTEN_AFTER);
    Ok(remakes.filter_map(|it| Some((it.tunnel.parse().ok()?, it.port()))).collect())
}

impl Remake {
    pub(super) fn new(at: &Locator, old: TunnelPort, new: TunnelPort, now: Timestamp) -> Self {
        Self { tunnel: at.to_string(), since: now.as_second(), old, new }
    }

    pub(super) fn id(&self) -> Id {
        (self.tunnel.clone(), self.port(), self.since)
    }

    pub(super) fn port(&self) -> u16 {
        self.old.port_number
    }

    /// Whether a port that is there shows that none is left to be made. At first it may be the
    /// removed one, in a list that does not know yet.
    pub(super) fn is_over(&self, there: &TunnelPort, now: Timestamp) -> bool {
        spoken(there) != spoken(&self.old) || self.age(now) > STALE_FOR
    }

    /// The tunnel, with its cluster.
    pub(super) fn tunnel(&self) -> Option<Locator> {
        self.tunnel.parse().ok()
    }

    fn is_pending(&self, at: &Locator, now: Timestamp) -> bool {
        let is_there =
            |of: Locator| of.id == at.id && (at.cluster.is_none() || of.cluster == at.cluster);
        self.tunnel().is_some_and(is_there) && self.age(now) < FORGOTTEN_AFTER
    }

    /// A clock that was set back makes nothing older.
    fn age(&self, now: Timestamp) -> Duration {
        Duration::from_secs(u64::try_from(now.as_second() - self.since).unwrap_or_default())
    }
}

impl Journal {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// What is to be made again of a tunnel. A journal that cannot be read has nothing, which is
    /// logged.
    pub(super) fn pending(&self, at: &Locator, now: Timestamp) -> Vec<Remake> {
        let remakes = load(&self.path).unwrap_or_else(|error| {
            tracing::warn!(%error, "it is not known which ports are to be made again");
            Vec::new()
        });
        remakes.into_iter().filter(|remake| remake.is_pending(at, now)).collect()
    }

    /// Takes it, if nobody has it.
    pub(super) fn try_take(&self) -> io::Result<Option<Held>> {
        if let Some(directory) = self.path.parent() {
            file::make_private_directory(directory)?;
        }
        let lock = file::lock(&self.path.with_extension("lock"))?;
        Ok(lock.map(|lock| Held { path: self.path.clone(), _lock: lock }))
    }

    /// Takes it once nobody else has it.
    pub(super) async fn take(&self, deadline: Instant) -> io::Result<Held> {
        loop {
            if let Some(held) = self.try_take()? {
                return Ok(held);
            }
            if clock::now() >= deadline {
                let text = "another port is being made again, which takes too long";
                return Err(io::Error::new(io::ErrorKind::TimedOut, text));
            }
            clock::sleep(LOOK).await;
        }
    }
}

impl Held {
    /// What is to be made again as this port of a tunnel.
    pub(super) fn of(&self, at: &Locator, port: u16, now: Timestamp) -> io::Result<Option<Remake>> {
        let is_it = |remake: &Remake| remake.port() == port && remake.is_pending(at, now);
        Ok(load(&self.path)?.into_iter().find(is_it))
    }

    /// What is still to be done of this, if anything is.
    pub(super) fn current(&self, remake: &Remake) -> io::Result<Option<Remake>> {
        Ok(load(&self.path)?.into_iter().find(|it| it.id() == remake.id()))
    }

    /// Writes it down. It is on the disk when this returns.
    pub(super) fn note(&self, remake: &Remake) -> io::Result<()> {
        self.change(|remakes| {
            remakes.retain(|it| (&it.tunnel, it.port()) != (&remake.tunnel, remake.port()));
            remakes.push(remake.clone());
        })
    }

    /// Crosses it out.
    pub(super) fn strike(&self, remake: &Remake) -> io::Result<()> {
        self.change(|remakes| remakes.retain(|it| it.id() != remake.id()))
    }

    fn change(&self, change: impl FnOnce(&mut Vec<Remake>)) -> io::Result<()> {
        let mut remakes = load(&self.path)?;
        change(&mut remakes);
        let document = Document { version: VERSION, remakes };
        file::replace(&self.path, &serde_json::to_vec(&document)?)
    }
}

/// Nothing when there is no file. One that makes no sense is an error and stays as it is: it may be
/// all that is left of a port.
fn load(path: &Path) -> io::Result<Vec<Remake>> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let flawed = |flaw: &dyn fmt::Display| io::Error::other(format!("{}: {flaw}", path.display()));
    let document: Document = serde_json::from_slice(&bytes).map_err(|error| flawed(&error))?;
    match document.version {
        VERSION => Ok(document.remakes),
        _ => Err(flawed(&"it was written by a newer version of this program")),
    }
}

#[cfg(test)]
mod tests {
    use adit_proto::contracts::{AccessControl, AccessEntry, Protocol};

    use super::super::fixtures::{port, remake};
    use super::*;

    #[test]
    fn what_is_written_down_is_found_until_it_is_crossed_out() {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::new(folder.path().join("deep/ports.json"));
        let now = clock::wall();
        let (shop, blog) = (remake("shop.euw", now), remake("blog.euw", now));
        let pending = |id: &str| journal.pending(&id.parse().unwrap(), now);
        assert_eq!(pending("shop.euw"), []);
        let held = journal.try_take().unwrap().unwrap();
        held.note(&shop).unwrap();
        held.note(&blog).unwrap();
        held.note(&shop).unwrap();
        assert_eq!(pending("shop"), std::slice::from_ref(&shop));
        assert_eq!(pending("shop.usw2"), []);
        let both = ["blog.euw", "shop.euw"].map(|id| (id.parse().unwrap(), 3000));
        assert_eq!(owed(&journal.path).unwrap(), both);
        held.strike(&shop).unwrap();
        assert_eq!(held.current(&shop).unwrap(), None);
        assert_eq!(held.current(&blog).unwrap(), Some(blog));
        let later = now.checked_add(FORGOTTEN_AFTER).unwrap();
        assert_eq!(journal.pending(&"blog.euw".parse().unwrap(), later), []);
    }

    #[test]
    fn times_that_the_file_shortens_do_not_make_it_another() {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::new(folder.path().join("ports.json"));
        let mut remake = remake("shop.euw", clock::wall());
        let end = Some("2026-12-24T18:00:00.1234567Z".parse().unwrap());
        let entry = AccessEntry { expiration: end, ..AccessEntry::default() };
        remake.old.access_control = Some(AccessControl { entries: vec![entry] });
        let held = journal.try_take().unwrap().unwrap();
        held.note(&remake).unwrap();
        assert!(held.current(&remake).unwrap().is_some());
        held.strike(&remake).unwrap();
        assert_eq!(journal.pending(&"shop.euw".parse().unwrap(), clock::wall()), []);
    }

    #[test]
    fn one_has_it_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::new(folder.path().join("ports.json"));
        let held = journal.try_take().unwrap();
        assert!(held.is_some() && journal.try_take().unwrap().is_none());
        drop(held);
        assert!(journal.try_take().unwrap().is_some());
    }

    #[test]
    fn one_that_makes_no_sense_is_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ports.json");
        let journal = Journal::new(path.clone());
        for text in ["{", r#"{"version":2,"remakes":[]}"#] {
            fs::write(&path, text).unwrap();
            let held = journal.try_take().unwrap().unwrap();
            held.note(&remake("shop.euw", clock::wall())).unwrap_err();
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
    }

    #[test]
    fn a_list_that_lags_behind_does_not_cross_a_port_out() {
        let now = clock::wall();
        let remake = remake("shop.euw", now);
        assert!(!remake.is_over(&port(3000, Protocol::Http), now));
        assert!(remake.is_over(&port(3000, Protocol::Https), now));
        let found_out = TunnelPort { protocol: None, ..port(3000, Protocol::Auto) };
        let remake =
            Remake::new(&"shop.euw".parse().unwrap(), found_out, port(3000, Protocol::Http), now);
        assert!(!remake.is_over(&port(3000, Protocol::Auto), now), "which is what none means");
        let later = now.checked_add(STALE_FOR + Duration::from_secs(2)).unwrap();
        assert!(remake.is_over(&port(3000, Protocol::Auto), later));
    }
}
