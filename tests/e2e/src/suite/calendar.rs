//! The calendar of one process, which can be moved: libfaketime between it and the system.

use std::fs;
use std::path::{Path, PathBuf};

use tokio::process::Command;

/// A calendar. Clocks that only measure how long something takes are left alone.
#[derive(Debug)]
pub(super) struct Calendar {
    library: PathBuf,
    file: PathBuf,
}

impl Calendar {
    /// Whether the library is installed.
    pub(super) fn is_there() -> bool {
        library().is_some()
    }

    /// One that is right, kept in `folder`. `None` where the library is not installed.
    pub(super) fn new(folder: &Path) -> Option<Self> {
        let calendar = Self { library: library()?, file: folder.join("calendar") };
        calendar.set("+0");
        Some(calendar)
    }

    /// Moves it away from what is right, by `+1d` or `-54` (seconds).
    pub(super) fn set(&self, offset: &str) {
        // Another file each time: one half written would be read.
        let next = self.file.with_extension("next");
        fs::write(&next, format!("{offset}\n")).expect("an own file");
        fs::rename(&next, &self.file).expect("an own file");
    }

    /// Makes a process that is not started yet live by it.
    pub(super) fn rule(&self, command: &mut Command) {
        command.env("LD_PRELOAD", &self.library);
        command.env("FAKETIME_TIMESTAMP_FILE", &self.file);
        command.env("FAKETIME_NO_CACHE", "1");
        command.env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
    }
}

/// Debian's library, wherever this architecture has it.
fn library() -> Option<PathBuf> {
    let folders = fs::read_dir("/usr/lib").ok()?.flatten();
    folders.map(|folder| folder.path().join("faketime/libfaketimeMT.so.1")).find(|it| it.is_file())
}
