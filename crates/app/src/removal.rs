//! Removes what is kept on this computer, when somebody wants Adit gone. Nothing is deleted from any service, and
//! nothing is touched that is not known to be ours: the directories may have been chosen by hand.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::failure::{Code, Failure, Outcome};
use crate::places::Places;
use crate::running;

/// How long the relay of this computer may take to end.
pub const GRACE: Duration = Duration::from_secs(2);

/// What is ours in the state directory.
const STATE: [&str; 12] = [
    "desktop",
    "embedded",
    "tunnels",
    "owner",
    "logs",
    "reports",
    "default-tunnels.json",
    "window.json",
    "microsoft-ports.json",
    "microsoft-ports.lock",
    "microsoft-ports.new",
    "control.sock",
];

/// Files of keys begin like this: those that were set aside hold keys too.
const KEYS: &str = "credentials.toml";

/// Makes sure that no other process works with the files.
///
/// # Errors
/// [`Code::AlreadyRunning`] when one does, with its process id.
pub async fn check(places: &Places) -> Outcome {
    let own = std::process::id();
    let others: Vec<_> = (running::all(places).await.into_iter())
        .filter(|process| process.status.pid != own)
        .map(|process| format!("{} (process {})", process.status.program, process.status.pid))
        .collect();
    if others.is_empty() {
        return Ok(());
    }
    let message = format!("tunnels are still hosted by {}", others.join(", "));
    Err(Failure::new(Code::AlreadyRunning, message).hint("end them, then try again"))
}

/// Removes state, settings and keys. All that can be removed is, even where something cannot.
///
/// # Errors
/// [`Code::Storage`] with what is left.
pub fn remove(places: &Places) -> Outcome {
    let mut left = Vec::new();
    for path in ours(places) {
        if let Err(error) = remove_path(&path) {
            left.push(format!("{} ({error})", path.display()));
        }
    }
    #[cfg(windows)]
    if let Err(failure) = crate::sender::forget() {
        left.push(failure.message);
    }
    // Only where nothing of anybody's is left in them.
    let _ = std::fs::remove_dir(&places.state);
    if let Some(directory) = places.credentials().parent() {
        let _ = std::fs::remove_dir(directory);
    }
    if left.is_empty() {
        return Ok(());
    }
    let message = format!("these could not be removed: {}", left.join(", "));
    Err(Failure::new(Code::Storage, message).hint("remove them by hand, or try again"))
}

fn ours(places: &Places) -> Vec<PathBuf> {
    let mut ours: Vec<_> = STATE.iter().map(|name| places.state.join(name)).collect();
    let is_left = |name: &str| STATE.iter().any(|of| is_left_of(of, name));
    ours.extend(entries(&places.state).filter(|path| name(path).is_some_and(is_left)));
    let keys = places.credentials();
    let is_keys = |name: &str| name.starts_with(KEYS);
    ours.extend(
        (keys.parent().into_iter().flat_map(entries))
            .filter(|path| name(path).is_some_and(is_keys)),
    );
    // A file that was named by hand is its owner's.
    let settings = places.settings();
    if settings.file_name().is_some_and(|name| name == "adit.toml") {
        let is_left = |path: &PathBuf| name(path).is_some_and(|name| is_left_of("adit.toml", name));
        ours.extend(settings.parent().into_iter().flat_map(entries).filter(is_left));
        ours.push(settings);
    }
    ours
}

/// Whether a file is what a process left that ended while it replaced another.
fn is_left_of(of: &str, name: &str) -> bool {
    let pid = name.strip_prefix(of).and_then(|rest| rest.strip_suffix(".new"));
    let pid = pid.and_then(|rest| rest.strip_prefix('.'));
    pid.is_some_and(|pid| pid.parse::<u32>().is_ok())
}

/// What is in a directory, as far as that can be read.
fn entries(directory: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    std::fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path())
}

fn name(path: &Path) -> Option<&str> {
    path.file_name().and_then(|name| name.to_str())
}

/// A link is removed, and what it leads to is not.
fn remove_path(path: &Path) -> io::Result<()> {
    let removed = match std::fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => std::fs::remove_dir_all(path),
        Ok(_) => std::fs::remove_file(path),
        Err(error) => Err(error),
    };
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::environment::Environment;

    fn places(config: &Path, state: &Path) -> Places {
        let environment = Environment {
            config: Some(config.into()),
            state_dir: Some(state.into()),
            data_dir: Some(state.into()),
            ..Environment::default()
        };
        Places::new(&environment).unwrap()
    }

    fn fill(file: &Path) {
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, "x").unwrap();
    }

    #[test]
    fn state_and_keys_go_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let (config, state) = (folder.path().join("config"), folder.path().join("state"));
        for name in [
            "desktop/settings.json",
            "logs/desktop.log",
            "embedded/desktop/store.db",
            "window.json",
            "microsoft-ports.lock",
            "microsoft-ports.json.17.new",
        ] {
            fill(&state.join(name));
        }
        for name in ["credentials.toml", "credentials.toml.damaged", "adit.toml"] {
            fill(&config.join(name));
        }
        fill(&config.join("relay.toml"));
        remove(&places(&config, &state)).unwrap();
        assert!(!state.exists());
        let left: Vec<_> =
            fs::read_dir(&config).unwrap().flatten().map(|it| it.file_name()).collect();
        assert_eq!(left, ["relay.toml"]);
        // Once more there is nothing to do.
        remove(&places(&config, &state)).unwrap();
    }

    #[test]
    fn a_directory_that_was_chosen_by_hand_keeps_what_is_not_ours() {
        let folder = tempfile::tempdir().unwrap();
        fill(&folder.path().join("letters.txt"));
        fill(&folder.path().join("desktop/lists.json"));
        remove(&places(folder.path(), folder.path())).unwrap();
        assert!(folder.path().join("letters.txt").exists());
        assert!(!folder.path().join("desktop").exists());
    }
}
