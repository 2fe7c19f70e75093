//! Standard output of commands that go on: a reader who does not read keeps nothing else from going on.
//!
//! A pipe that nobody reads takes 64 KiB, and then a write waits for as long as that lasts. Until [`begin`] that is
//! only right; afterwards a task of its own writes what was printed, and whoever prints goes on.

use std::io::{self, Write};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use adit_app::failure::{Code, Failure, Outcome};
use adit_app::lines::Lines;
use adit_wire::{clock, task};
use tokio::sync::{mpsc, oneshot};

/// Lines that wait for their reader. Full means that the newest is dropped and counted; how many are missing is said
/// as soon as there is room again.
const LINES: usize = 1024;

/// Lines that are written at once.
const BATCH: usize = 64;

/// How long the reader may take for the last lines.
const LAST: Duration = Duration::from_secs(2);

static QUEUE: OnceLock<Queue> = OnceLock::new();

struct Queue {
    lines: mpsc::Sender<Waiting>,
    /// Lines that were dropped and not yet said to be missing.
    missing: AtomicU64,
    /// Why nothing is written any more.
    broken: OnceLock<io::ErrorKind>,
    _task: task::Task<()>,
}

enum Waiting {
    Line(String),
    /// Everything before it was written, or nothing can be.
    End(oneshot::Sender<()>),
}

/// From now on nobody waits for the reader, who is a script where there are event lines. Must be called within a
/// runtime.
pub(crate) fn begin(script: Option<Lines>) {
    QUEUE.get_or_init(|| {
        let (lines, waiting) = mpsc::channel(LINES);
        let _task = task::spawn("standard output", write(waiting, script));
        Queue { lines, missing: AtomicU64::new(0), broken: OnceLock::new(), _task }
    });
}

/// What is said of lines that were not read in time.
fn missing(count: u64, script: Option<Lines>) -> String {
    let message = format!("{count} lines are missing here: they were not read in time");
    match script {
        Some(lines) => lines.write(None, Failure::new(Code::Internal, message).into()),
        None => message,
    }
}

/// Prints a whole line at once, so that nothing else gets between.
pub(crate) fn print(line: &str) -> Outcome {
    let text = format!("{line}\n");
    let Some(queue) = QUEUE.get() else {
        return write_out(&text).map_err(|error| Failure::output(&error));
    };
    if let Some(kind) = queue.broken.get() {
        return Err(Failure::output(&(*kind).into()));
    }
    if queue.lines.try_send(Waiting::Line(text)).is_err() {
        queue.missing.fetch_add(1, Ordering::Relaxed);
    }
    Ok(())
}

/// Waits until what was printed is written, for a while.
pub(crate) async fn finish() {
    let Some(queue) = QUEUE.get() else { return };
    let (end, written) = oneshot::channel();
    let written = async {
        let _ = queue.lines.send(Waiting::End(end)).await;
        let _ = written.await;
    };
    if clock::until(clock::now() + LAST, written).await.is_err() {
        tracing::warn!("standard output is not read; its last lines are lost");
    }
}

async fn write(mut waiting: mpsc::Receiver<Waiting>, script: Option<Lines>) {
    let mut batch = Vec::with_capacity(BATCH);
    while waiting.recv_many(&mut batch, BATCH).await > 0 {
        let (mut text, mut ends) = (String::new(), Vec::new());
        for waiting in batch.drain(..) {
            match waiting {
                Waiting::Line(line) => text.push_str(&line),
                Waiting::End(end) => ends.push(end),
            }
        }
        let Some(queue) = QUEUE.get() else { return };
        let lost = queue.missing.swap(0, Ordering::Relaxed);
        if lost > 0 {
            text.push_str(&missing(lost, script));
            text.push('\n');
        }
        if queue.broken.get().is_none() {
            let written = task::blocking("write lines", move || write_out(&text)).await;
            if let Err(error) = written {
                let _ = queue.broken.set(error.kind());
            }
        }
        for end in ends {
            // Who waited may have gone.
            let _ = end.send(());
        }
    }
}

fn write_out(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}
