//! The processes of this user on this computer that host something: the owner of the state directory, and
//! every running `adit up`.

mod watch;

use std::path::{Path, PathBuf};

use crate::claim::Claim;
use crate::control::{Client, Reply, Request, Status, is_served};
use crate::failure::Outcome;
use crate::places::Places;

pub use watch::Watch;

/// A process that hosts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    /// The directory in which it can be asked.
    pub directory: PathBuf,
    /// What it said of itself.
    pub status: Status,
}

/// Asks all of them how it stands; those that do not answer are left out, and said in the log.
pub async fn all(places: &Places) -> Vec<Process> {
    let mut found = Vec::new();
    for directory in directories(places) {
        match ask(&directory).await {
            Some(Ok(status)) => found.push(Process { directory, status }),
            Some(Err(failure)) => tracing::warn!(?directory, %failure, "a process does not answer"),
            None => {}
        }
    }
    found
}

/// Asks whoever listens in `directory` how it stands.
async fn ask(directory: &Path) -> Option<Outcome<Status>> {
    let mut client = Client::connect(directory).await?;
    match client.ask(&Request::Status).await {
        Ok(Reply::Status(status)) => Some(Ok(status)),
        Ok(_) => None,
        Err(failure) => Some(Err(failure)),
    }
}

/// Where somebody may listen: the owner first, then by name.
fn directories(places: &Places) -> Vec<PathBuf> {
    let mut found = Vec::new();
    if Claim::is_taken(&places.owner()) {
        found.push(places.state.clone());
    }
    for group in ["embedded", "tunnels"] {
        let Ok(entries) = std::fs::read_dir(places.state.join(group)) else { continue };
        let mut of_group: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
        of_group.retain(|directory| is_served(directory) && Claim::is_taken(directory));
        of_group.sort();
        found.extend(of_group);
    }
    found
}
