//! Whether the desktop app starts when somebody logs in.
//!
//! The system's own entry is the only truth, so it is read each time and kept nowhere else: a desktop file on Linux, a
//! launch agent on macOS, a value of the registry on Windows. People switch these off in other places than ours.
//! The crate that does this for others quotes no path and knows only one directory on Linux, where we need a file only.

mod entry;

use std::path::{Path, PathBuf};

use crate::failure::{Code, Failure, Outcome};

/// What the app is started with: the window stays away where there is a tray.
pub const MINIMISED: &str = "--minimised";

/// The entry of the desktop app among what starts when this user logs in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Autostart {
    entry: entry::Entry,
    program: PathBuf,
}

impl Autostart {
    /// That of this user, for the program that runs.
    ///
    /// # Errors
    /// When the user has no home directory, or the system does not say which program runs.
    pub fn of_user() -> Outcome<Self> {
        let program = std::env::current_exe().map_err(|error| {
            Failure::new(Code::Storage, format!("this program cannot be found: {error}"))
        })?;
        Ok(Self { entry: entry::Entry::of_user()?, program })
    }

    /// That in a directory, for a program.
    #[cfg(not(windows))]
    pub fn at(directory: &Path, program: &Path) -> Self {
        Self { entry: entry::Entry::at(directory), program: program.to_owned() }
    }

    /// Whether this program starts when the user logs in. An entry for another program, such as one that was moved
    /// away, does not count.
    ///
    /// # Errors
    /// When the entry cannot be read.
    pub fn is_on(&self) -> Outcome<bool> {
        self.entry.starts(&self.program)
    }

    /// Makes it so.
    ///
    /// # Errors
    /// When the entry cannot be written or removed.
    pub fn set(&self, on: bool) -> Outcome {
        if on { self.entry.write(&self.program) } else { self.entry.remove() }
    }
}

/// The program's path, which an entry can only name as a text.
fn as_text(program: &Path) -> Outcome<&str> {
    program.to_str().filter(|text| !text.contains(['\n', '\r'])).ok_or_else(|| {
        Failure::new(Code::Usage, format!("no entry can name the program {}", program.display()))
            .hint("move it to a directory with plain letters in its name")
    })
}
