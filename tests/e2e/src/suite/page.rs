//! A page of the documents that shows what was measured, between two marks.

use std::fmt::Write as _;
use std::io;
use std::path::Path;
use std::process::Command;

use super::outcome::Report;

const BEGIN: &str = "<!-- measured by adit-suite: begin -->\n";
const END: &str = "<!-- measured by adit-suite: end -->\n";

/// What a run was made with.
#[derive(Debug)]
pub(super) struct Setting {
    date: String,
    commit: String,
    machine: String,
    build: &'static str,
    /// Of the whole machine, in its last minute before the run.
    load: String,
}

impl Setting {
    /// What can be said of this computer, this moment and this tree.
    pub(super) fn look() -> Self {
        let read = |path| std::fs::read_to_string(path).unwrap_or_default();
        let cpu = read("/proc/cpuinfo");
        let model = cpu.lines().find_map(|line| line.strip_prefix("model name"));
        let model = model.map_or("unknown", |model| model.trim_start_matches([' ', '\t', ':']));
        let cores = std::thread::available_parallelism().map_or(0, usize::from);
        let kernel = read("/proc/sys/kernel/osrelease");
        let kernel: Vec<_> = kernel.trim().split('.').take(2).collect();
        let load = read("/proc/loadavg");
        Self {
            date: jiff::Timestamp::now().strftime("%Y-%m-%d").to_string(),
            commit: commit(),
            machine: format!("{cores} processors ({model}), Linux {}", kernel.join(".")),
            build: if cfg!(debug_assertions) { "debug" } else { "release" },
            load: load.split(' ').next().unwrap_or("unknown").to_owned(),
        }
    }
}

/// The commit that is checked out, and whether anything but documents is changed since.
fn commit() -> String {
    let git = |args: &[&str]| {
        let output = Command::new("git").args(args).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let Some(commit) = git(&["rev-parse", "--short", "HEAD"]) else {
        return "unknown".to_owned();
    };
    let changed = git(&["status", "--porcelain", "--", ".", ":!docs"]);
    match changed.as_deref() {
        Some("") => commit,
        _ => format!("{commit} with changes"),
    }
}

/// Puts what was measured in the place of what stands between the marks of the page.
///
/// # Errors
/// When the page cannot be read or written, or has no marks.
pub(super) fn update(page: &Path, setting: &Setting, report: &Report) -> io::Result<()> {
    let text = std::fs::read_to_string(page)?;
    let (before, rest) = text.split_once(BEGIN).ok_or_else(|| no_mark(page, BEGIN))?;
    let (_, after) = rest.split_once(END).ok_or_else(|| no_mark(page, END))?;
    let measured = measured(setting, report);
    std::fs::write(page, format!("{before}{BEGIN}\n{measured}\n{END}{after}"))
}

fn no_mark(page: &Path, mark: &str) -> io::Error {
    io::Error::other(format!("{} has no line {}", page.display(), mark.trim()))
}

fn measured(setting: &Setting, report: &Report) -> String {
    let Setting { date, commit, machine, build, load } = setting;
    let counts = report.counts();
    let mut text = format!(
        "{date}, commit {commit}, {build} build, {} form: {} scenarios held, {} failed, {} were skipped, in {} min.\n",
        report.form(),
        counts.held,
        counts.failed,
        counts.skipped,
        report.took.as_secs().div_ceil(60),
    );
    let _ = writeln!(
        text,
        "{machine}; the machine's load was {load} before it began. Our relay and our host, over loopback.\n"
    );
    text + &report.tables()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::suite::outcome::{Measured, Outcome};

    #[test]
    fn only_what_stands_between_the_marks_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let page = folder.path().join("page.md");
        let outcomes = vec![Outcome::new("drop", "A drop.", Measured::default())];
        let report = Report { long: true, outcomes, took: Duration::from_secs(61) };
        std::fs::write(&page, "before\n").unwrap();
        let setting = Setting::look();
        let error = update(&page, &setting, &report).unwrap_err();
        assert!(error.to_string().contains("has no line"), "{error}");
        std::fs::write(&page, format!("before\n{BEGIN}old\n{END}after\n")).unwrap();
        for _ in 0..2 {
            update(&page, &setting, &report).unwrap();
        }
        let text = std::fs::read_to_string(&page).unwrap();
        assert!(text.starts_with("before\n") && text.ends_with("after\n"), "{text}");
        assert!(!text.contains("old"), "{text}");
        assert_eq!(
            text.matches("1 scenarios held, 0 failed, 0 were skipped, in 2 min.").count(),
            1
        );
    }
}
