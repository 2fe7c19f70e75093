//! The log in a file, which is put aside when it is full. Readable by its owner only.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use adit_wire::task;
use tokio::sync::watch;

use super::{Journal, Line, to_text};
use crate::durable::{cannot, make_private_directory};
use crate::failure::Outcome;

/// A file of this size is put aside.
const MAX_SIZE: u64 = 1024 * 1024;

/// Files that were put aside and are kept: `adit.log.1` is the youngest.
const ASIDE: u32 = 3;

/// A log file.
#[derive(Debug)]
pub struct LogFile {
    path: PathBuf,
    max_size: u64,
    file: Option<(File, u64)>,
}

/// Writes a journal's lines to a file, behind the back of who logs them: what is more than the journal keeps while a
/// disk is slow is missing in the file, and said to be. Dropping it stops that; [`Follower::finish`] writes the rest.
#[derive(Debug)]
pub struct Follower {
    task: task::Task<()>,
    stop: watch::Sender<bool>,
}

impl LogFile {
    /// The file of this name, which is made with its directory when the first line is written.
    pub fn new(path: PathBuf) -> Self {
        Self { path, max_size: MAX_SIZE, file: None }
    }

    /// Appends lines.
    pub fn write(&mut self, lines: &[Arc<Line>]) -> Outcome {
        self.append(&to_text(lines)).map_err(|error| {
            // What is wrong now may be mended when the next lines come.
            self.file = None;
            cannot("write", &self.path, &error)
        })
    }

    fn append(&mut self, text: &str) -> io::Result<()> {
        let (file, size) = match &mut self.file {
            Some(open) => open,
            none => none.insert(open(&self.path)?),
        };
        file.write_all(text.as_bytes())?;
        *size += text.len() as u64;
        if *size >= self.max_size {
            self.file = None;
            put_aside(&self.path)?;
        }
        Ok(())
    }
}

impl Journal {
    /// Writes all lines, also those that are there already, to a file.
    pub fn follow_to(&self, file: LogFile) -> Follower {
        let (stop, stopped) = watch::channel(false);
        let task = task::spawn("log file", follow(self.clone(), file, stopped));
        Follower { task, stop }
    }
}

impl Follower {
    /// Writes what is left and ends.
    pub async fn finish(mut self) {
        self.stop.send_replace(true);
        self.task.join().await;
    }
}

async fn follow(journal: Journal, file: LogFile, mut stopped: watch::Receiver<bool>) {
    let mut newest = journal.newest();
    let (mut written, mut file) = (0, Some(file));
    loop {
        let is_last = *stopped.borrow_and_update();
        newest.borrow_and_update();
        let lines = journal.since(written);
        if let Some(last) = lines.last().cloned()
            && let Some(mut open) = file.take()
        {
            let lost = lines[0].number - written - 1;
            written = last.number;
            file = Some(
                task::blocking("write log", move || {
                    write(&mut open, &lines, lost);
                    open
                })
                .await,
            );
        }
        if is_last {
            return;
        }
        tokio::select! {
            _ = newest.changed() => {}
            _ = stopped.changed() => {}
        }
    }
}

fn write(file: &mut LogFile, lines: &[Arc<Line>], lost: u64) {
    let gap = match lost {
        0 => Ok(()),
        lost => file.append(&format!("... {lost} lines were more than could be written\n")),
    };
    // Nobody is told: a log line about it would be the next that cannot be written. The window shows the lines anyway.
    let _ = gap.map_err(|error| cannot("write", &file.path, &error)).and(file.write(lines));
}

fn open(path: &Path) -> io::Result<(File, u64)> {
    if let Some(directory) = path.parent().filter(|it| !it.exists()) {
        make_private_directory(directory).map_err(|failure| io::Error::other(failure.message))?;
    }
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path)?;
    let size = file.metadata()?.len();
    Ok((file, size))
}

/// Makes room for a new file; the oldest of those that were put aside goes.
fn put_aside(path: &Path) -> io::Result<()> {
    for number in (1..ASIDE).rev() {
        let (from, to) = (aside(path, number), aside(path, number + 1));
        if from.exists() {
            fs::rename(from, to)?;
        }
    }
    fs::rename(path, aside(path, 1))
}

fn aside(path: &Path, number: u32) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{number}"));
    path.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;
    use crate::preferences::LogLevel;

    fn said(count: u64) -> Journal {
        let journal = Journal::new(LogLevel::Info);
        let subscriber = tracing_subscriber::registry().with(journal.layer());
        tracing::subscriber::with_default(subscriber, || {
            (1..=count).for_each(|n| tracing::info!("line {n}"));
        });
        journal
    }

    #[test]
    fn a_full_file_is_put_aside_and_the_oldest_goes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("logs/adit.log");
        let mut file = LogFile { max_size: 100, ..LogFile::new(path.clone()) };
        for line in said(20).since(0) {
            file.write(&[line]).unwrap();
        }
        let mut names: Vec<_> = fs::read_dir(folder.path().join("logs")).unwrap().collect();
        assert!((3..=4).contains(&names.len()), "{names:?}");
        names.clear();
        let youngest = fs::read_to_string(aside(&path, 1)).unwrap();
        assert!(youngest.len() >= 100 && youngest.ends_with('\n'), "{youngest}");
        assert!(!aside(&path, ASIDE + 1).exists());
    }

    #[cfg(unix)]
    #[test]
    fn only_the_owner_can_read_it() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("logs/adit.log");
        LogFile::new(path.clone()).write(&said(1).since(0)).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
    }

    #[test]
    fn a_file_that_could_not_be_written_is_tried_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("adit.log");
        fs::create_dir(&path).unwrap();
        let mut file = LogFile::new(path.clone());
        let lines = said(1).since(0);
        let failure = file.write(&lines).unwrap_err();
        assert!(failure.message.contains("adit.log"), "{failure}");
        fs::remove_dir(&path).unwrap();
        file.write(&lines).unwrap();
        assert!(fs::read_to_string(&path).unwrap().ends_with(" line 1\n"));
    }

    #[tokio::test]
    async fn a_follower_writes_every_line_once_and_the_last_ones_at_its_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("adit.log");
        let journal = said(3);
        let follower = journal.follow_to(LogFile::new(path.clone()));
        let subscriber = tracing_subscriber::registry().with(journal.layer());
        tracing::subscriber::with_default(subscriber, || tracing::info!("line 4"));
        follower.finish().await;
        let text = fs::read_to_string(&path).unwrap();
        let numbers: Vec<_> = text.lines().map(|line| line.rsplit_once(' ').unwrap().1).collect();
        assert_eq!(numbers, ["1", "2", "3", "4"]);
    }

    #[tokio::test]
    async fn a_follower_that_found_nothing_at_first_writes_what_comes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("logs/adit.log");
        let journal = said(0);
        let follower = journal.follow_to(LogFile::new(path.clone()));
        // It runs here whenever this waits: until it waits itself.
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        let subscriber = tracing_subscriber::registry().with(journal.layer());
        tracing::subscriber::with_default(subscriber, || tracing::info!("line 1"));
        follower.finish().await;
        assert!(fs::read_to_string(&path).unwrap().ends_with(" line 1\n"));
    }

    #[test]
    fn what_was_too_much_is_said_to_be_missing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("adit.log");
        write(&mut LogFile::new(path.clone()), &said(1).since(0), 7);
        assert!(fs::read_to_string(&path).unwrap().starts_with("... 7 lines were more"));
    }
}
