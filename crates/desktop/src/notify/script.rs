//! Notifications on macOS, by the system's own script language: a program without a bundle has no other way. They
//! cannot be answered.

use std::process::{Command, Stdio};

use adit_wire::task;
use tokio::sync::mpsc;

use super::{Answer, Note, Notes};

/// The words come as arguments, so that they are no part of the script.
const SCRIPT: &str = "on run words\n\
    display notification (item 2 of words) with title \"Adit\" subtitle (item 1 of words)\n\
    end run";

/// Shows notes. It does while this is.
#[derive(Debug)]
pub struct Notifier {
    notes: Notes,
    _task: task::Task<()>,
}

impl Notifier {
    /// Starts it, inside of a Tokio runtime.
    pub fn start() -> (Self, mpsc::Receiver<Answer>) {
        let (notes, mut wanted) = Notes::new();
        let (answers, told) = mpsc::channel(super::ANSWERS);
        let task = task::spawn("notifications", async move {
            while let Some(note) = wanted.recv().await {
                let answers = answers.clone();
                task::blocking("show", move || {
                    if show(&note) {
                        super::said(&note, &answers);
                    }
                })
                .await;
            }
        });
        (Self { notes, _task: task }, told)
    }

    /// Where notes go.
    pub fn notes(&self) -> Notes {
        self.notes.clone()
    }
}

/// Whether it is shown, as far as that is told.
fn show(note: &Note) -> bool {
    let shown = Command::new("/usr/bin/osascript")
        .args(["-e", SCRIPT, &note.title, &note.body])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    match shown {
        Ok(status) if status.success() => return true,
        Ok(status) => tracing::info!(%status, "a notification is not shown"),
        Err(error) => tracing::info!(%error, "a notification is not shown"),
    }
    false
}
