//! What a panic leaves behind: a file with what happened and the last lines of the log, for the next start to show.
//! It stays on this computer until somebody copies it.

use std::fs;
use std::panic::{self, PanicHookInfo};
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::{Journal, redact, to_text};
use crate::durable;
use crate::failure::Outcome;

/// Lines of the log in a report.
const LINES: u64 = 200;

/// Reports that are kept; the oldest go.
const REPORTS: usize = 5;

/// How the files are called, between which stands the time.
const NAME: (&str, &str) = ("panic-", ".txt");

/// Writes reports.
#[derive(Clone, Debug)]
pub struct Reporter {
    /// Where the files go.
    pub directory: PathBuf,
    /// Which program it is, and its version.
    pub program: String,
    /// Whose last lines go into them.
    pub journal: Journal,
}

/// A report that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Its file.
    pub path: PathBuf,
    /// What it says, for reading and copying.
    pub text: String,
}

impl Reporter {
    /// Writes a report at every panic of this process from now on, also of one that only ends a task. What was done
    /// at panics before is done after it.
    pub fn install(self) {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if let Err(failure) = self.write(info, super::now()) {
                // There is nobody else left to tell.
                tracing::error!(reason = failure.message, "the panic could not be reported");
            }
            before(info);
        }));
    }

    fn write(&self, info: &PanicHookInfo<'_>, at: Timestamp) -> Outcome {
        let thread = std::thread::current();
        let place = info.location().map_or_else(|| "unknown".to_owned(), ToString::to_string);
        let what = info.payload_as_str().unwrap_or("something that is no text");
        let what = format!("{what}\nat {place}, in thread {}", thread.name().unwrap_or("unnamed"));
        let path = self.directory.join(file_name(at));
        durable::write(&path, &self.text(&what, at))?;
        tidy(&self.directory);
        Ok(())
    }

    fn text(&self, what: &str, at: Timestamp) -> String {
        let log = match self.journal.last(LINES) {
            Some(lines) => to_text(&lines),
            None => "The log was busy.\n".to_owned(),
        };
        let program = &self.program;
        let (what, system) = (redact(what), system());
        format!(
            "{program} stopped working at {at:.0} on {system}.\n\n{what}\n\nThe log before it:\n{log}"
        )
    }
}

impl Report {
    /// The reports in a directory, the newest first. What cannot be read is left out.
    pub fn find(directory: &Path) -> Vec<Self> {
        let read = |path: PathBuf| {
            let text = fs::read_to_string(&path).ok()?;
            Some(Self { path, text })
        };
        paths(directory).into_iter().rev().filter_map(read).collect()
    }

    /// Removes its file, after somebody has seen it.
    pub fn remove(&self) -> Outcome {
        fs::remove_file(&self.path).map_err(|error| durable::cannot("remove", &self.path, &error))
    }
}

/// Such as `panic-2026-11-26T18-02-41.123456Z.txt`: no name that Windows would refuse, in the order of time.
fn file_name(at: Timestamp) -> String {
    let time = format!("{at:.6}").replace(':', "-");
    format!("{}{time}{}", NAME.0, NAME.1)
}

/// The files of reports, oldest first.
fn paths(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let is_report = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str());
        name.is_some_and(|name| name.starts_with(NAME.0) && name.ends_with(NAME.1))
    };
    let mut paths: Vec<_> = entries.map(|entry| entry.path()).filter(is_report).collect();
    paths.sort();
    paths
}

/// A program that panics again and again must not fill a disk.
fn tidy(directory: &Path) {
    let paths = paths(directory);
    for path in paths.iter().take(paths.len().saturating_sub(REPORTS)) {
        // One that stays is removed with the next.
        let _ = fs::remove_file(path);
    }
}

/// The system, as it calls itself where it does.
fn system() -> String {
    let (os, machine) = (std::env::consts::OS, std::env::consts::ARCH);
    let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let name = release.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="));
    match name {
        Some(name) => format!("{} ({os}, {machine})", name.trim_matches('"')),
        None => format!("{os}, {machine}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::preferences::LogLevel;

    #[test]
    fn only_the_last_reports_are_kept_and_the_newest_is_found_first() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("adit.log"), "").unwrap();
        for second in 0..9 {
            let at = Timestamp::from_second(second).unwrap();
            fs::write(folder.path().join(file_name(at)), second.to_string()).unwrap();
            tidy(folder.path());
        }
        let texts: Vec<_> = Report::find(folder.path()).into_iter().map(|it| it.text).collect();
        assert_eq!(texts, ["8", "7", "6", "5", "4"]);
        Report::find(folder.path())[0].remove().unwrap();
        assert_eq!(Report::find(folder.path()).len(), 4);
        assert!(folder.path().join("adit.log").exists());
        assert_eq!(Report::find(Path::new("/nowhere")), []);
    }

    #[test]
    fn a_report_has_no_secrets() {
        let reporter = Reporter {
            directory: PathBuf::new(),
            program: "adit-desktop 0.1.0".to_owned(),
            journal: Journal::new(LogLevel::Info),
        };
        let text = reporter.text("called with token=hunter2\nat a.rs:1:2", Timestamp::UNIX_EPOCH);
        assert!(text.contains("token=•••\nat a.rs:1:2"), "{text}");
        assert!(text.starts_with("adit-desktop 0.1.0 stopped working at 1970-01-01T00:00:00Z on "));
    }
}
