//! At most one process does a thing at a time, and others can ask it where.
//!
//! A claim is a directory with a lock that the system takes back however its holder ends, and a
//! note by the holder on where its tunnel can be reached.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use adit_wire::file;
use serde::{Deserialize, Serialize};

use crate::durable;
use crate::failure::{Code, Failure, Outcome};

/// The right to be the only one; given up when it is dropped.
#[derive(Debug)]
pub struct Claim {
    directory: PathBuf,
    /// Holds the lock.
    _lock: File,
}

/// What the holder says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// Its process.
    pub pid: u32,
    /// Where its tunnel can be reached, as soon as it can.
    #[serde(default)]
    pub urls: Vec<String>,
}

/// Apart from the lock, because Windows lets nobody read a locked file.
const NOTE: &str = "running.json";
const LOCK: &str = "lock";

/// How often, and after which pauses, a lock is tried again.
const LOOKS: u32 = 4;
const LOOK: Duration = Duration::from_millis(5);

impl Claim {
    /// Takes the directory, and makes it if needed. `what` names the thing for the message.
    ///
    /// # Errors
    /// [`Code::AlreadyRunning`] when another process has it, with where that can be reached.
    pub fn take(directory: &Path, what: &str) -> Outcome<Self> {
        durable::make_private_directory(directory)?;
        let path = directory.join(LOCK);
        let lock = lock(&path).map_err(|error| durable::cannot("lock", &path, &error))?;
        let lock = lock.ok_or_else(|| taken(&Note::read(directory), what))?;
        let claim = Self { directory: directory.to_owned(), _lock: lock };
        claim.note(&[])?;
        Ok(claim)
    }

    /// Whether some process has the directory.
    pub fn is_taken(directory: &Path) -> bool {
        file::is_locked(&directory.join(LOCK))
    }

    /// The directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Says where the tunnel can be reached.
    pub fn note(&self, urls: &[String]) -> Outcome {
        let note = Note { pid: std::process::id(), urls: urls.to_vec() };
        let text = serde_json::to_string(&note).expect("numbers and texts are JSON");
        durable::write(&self.directory.join(NOTE), &text)
    }

    /// The same where something is hosted already, which a full disk must not end: others then learn that it is
    /// hosted, and not where.
    pub fn note_or_warn(&self, urls: &[String]) {
        if let Err(failure) = self.note(urls) {
            tracing::warn!(reason = failure.message, "where a tunnel is could not be noted");
        }
    }
}

/// Whoever looks whether a claim is taken holds its lock for an instant; only a holder holds it longer.
fn lock(path: &Path) -> io::Result<Option<File>> {
    for _ in 0..LOOKS {
        match file::lock(path) {
            Ok(None) => std::thread::sleep(LOOK),
            decided => return decided,
        }
    }
    file::lock(path)
}

impl Drop for Claim {
    fn drop(&mut self) {
        // While the lock is still held. A left-over is harmless: only the lock counts.
        let _ = std::fs::remove_file(self.directory.join(NOTE));
    }
}

impl Note {
    /// What the holder said; nothing known when it has said nothing yet.
    fn read(directory: &Path) -> Self {
        let text = std::fs::read_to_string(directory.join(NOTE)).unwrap_or_default();
        serde_json::from_str(&text).unwrap_or_default()
    }
}

fn taken(note: &Note, what: &str) -> Failure {
    let mut message = format!("{what} is running already");
    if note.pid != 0 {
        message.push_str(&format!(" in process {}", note.pid));
    }
    if !note.urls.is_empty() {
        message.push_str(&format!(", at {}", note.urls.join(" and ")));
    }
    Failure::new(Code::AlreadyRunning, message)
        .hint("use that one, or end it first; --name makes another beside it")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_is_told_where_the_first_can_be_reached() {
        let folder = tempfile::tempdir().unwrap();
        let directory = folder.path().join("shop");
        let claim = Claim::take(&directory, "shop").unwrap();
        let early = Claim::take(&directory, "shop").unwrap_err();
        assert_eq!(early.code, Code::AlreadyRunning);
        claim.note(&["http://127.0.0.1:4001/".to_owned()]).unwrap();
        let late = Claim::take(&directory, "shop").unwrap_err();
        let pid = std::process::id();
        let message =
            format!("shop is running already in process {pid}, at http://127.0.0.1:4001/");
        assert_eq!(late.message, message);
        assert!(Claim::is_taken(&directory));
        drop(claim);
        assert!(!Claim::is_taken(&directory));
        Claim::take(&directory, "shop").unwrap();
    }

    #[test]
    fn what_a_killed_holder_left_behind_stops_nobody() {
        let folder = tempfile::tempdir().unwrap();
        let note = Note { pid: 1, urls: vec!["http://127.0.0.1:1/".to_owned()] };
        durable::write(&folder.path().join(NOTE), &serde_json::to_string(&note).unwrap()).unwrap();
        durable::write(&folder.path().join(LOCK), "").unwrap();
        let claim = Claim::take(folder.path(), "shop").unwrap();
        assert_eq!(Note::read(folder.path()).urls, Vec::<String>::new());
        drop(claim);
    }
}
