//! A child process that takes JSON lines on its standard input and prints JSON lines.
//!
//! One owner drives it: lines that are not what he waits for are kept for later, in order. All is read
//! at once, whoever waits: a process that is not read drops lines. Standard error goes to the test's
//! own. The process is killed when its handle is dropped.

use std::collections::VecDeque;
use std::io;
use std::process::{ExitStatus, Stdio};

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::mpsc;

use crate::deadline::soon;

/// A running child process and the lines it printed so far.
#[derive(Debug)]
pub struct JsonLines {
    name: String,
    child: Child,
    stdin: Option<ChildStdin>,
    /// As many as it prints, which the test knows.
    printed: mpsc::UnboundedReceiver<io::Result<String>>,
    kept: VecDeque<Value>,
}

impl JsonLines {
    /// Starts `command`; `name` is what failures call it.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn spawn(name: impl Into<String>, mut command: Command) -> Self {
        let name = name.into();
        let started =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true).spawn();
        let mut child = started.unwrap_or_else(|error| panic!("{name} did not start: {error}"));
        let stdin = child.stdin.take();
        let stdout = child.stdout.take().expect("piped above");
        let (lines, printed) = mpsc::unbounded_channel();
        tokio::spawn(read(stdout, lines));
        Self { name, child, stdin, printed, kept: VecDeque::new() }
    }

    /// Writes one line.
    ///
    /// # Panics
    /// When the process no longer reads.
    pub async fn send(&mut self, line: &Value) {
        let stdin = self.stdin.as_mut().expect("standard input was closed by the test");
        let text = format!("{line}\n");
        let written = soon("a line to be taken", stdin.write_all(text.as_bytes())).await;
        written.unwrap_or_else(|error| panic!("{} does not read: {error}", self.name));
    }

    /// Writes a line of words, for processes that do not read JSON.
    ///
    /// # Panics
    /// When the process no longer reads.
    pub async fn say(&mut self, words: &str) {
        let stdin = self.stdin.as_mut().expect("standard input was closed by the test");
        let text = format!("{words}\n");
        let written = soon("a line to be taken", stdin.write_all(text.as_bytes())).await;
        written.unwrap_or_else(|error| panic!("{} does not read: {error}", self.name));
    }

    /// The process's id.
    ///
    /// # Panics
    /// When it has ended.
    pub fn pid(&self) -> u32 {
        self.child.id().expect("it runs")
    }

    /// Lines that are kept and fit are forgotten: what comes from now on is news.
    pub fn forget(&mut self, unwanted: impl Fn(&Value) -> bool) {
        self.kept.retain(|line| !unwanted(line));
    }

    /// The first line, kept or to come, that `wanted` says yes to. Others are kept.
    ///
    /// # Panics
    /// When the process ends, prints something else than JSON, or takes too long.
    pub async fn line(&mut self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        if let Some(found) = self.kept.iter().position(&wanted) {
            return self.kept.remove(found).expect("just found");
        }
        let title = format!("{what}, from {}", self.name);
        loop {
            let next = soon(&title, self.printed.recv()).await;
            let Some(text) = next else { panic!("{title}: it ended; kept: {:?}", self.kept) };
            let text = text.unwrap_or_else(|error| panic!("{title}: {error}"));
            let line = serde_json::from_str(&text)
                .unwrap_or_else(|error| panic!("{title}: not JSON ({error}): {text}"));
            if wanted(&line) {
                return line;
            }
            self.kept.push_back(line);
        }
    }

    /// The lines that were printed before the last one waited for, and not asked for.
    pub fn kept(&self) -> impl Iterator<Item = &Value> {
        self.kept.iter()
    }

    /// Closes standard input and waits for the end.
    ///
    /// # Panics
    /// When it does not end.
    pub async fn finish(mut self) -> ExitStatus {
        drop(self.stdin.take());
        self.ended().await
    }

    /// Waits for the end.
    ///
    /// # Panics
    /// When it does not end.
    pub async fn ended(&mut self) -> ExitStatus {
        let ended = soon(&format!("the end of {}", self.name), self.child.wait()).await;
        ended.expect("the state of an own child can be read")
    }

    /// Asks the process to end, as a service manager does.
    ///
    /// # Panics
    /// When that cannot be asked.
    pub async fn terminate(&mut self) {
        let pid = self.child.id().expect("it has not ended").to_string();
        let sent = Command::new("kill").arg(pid).status().await;
        assert!(sent.expect("every system has it").success(), "{} is gone", self.name);
    }

    /// Ends the process without notice, as `kill -9` does.
    pub async fn kill(mut self) {
        self.child.kill().await.expect("an own child can be killed");
    }
}

/// Until the process ends or the test no longer asks.
async fn read(stdout: ChildStdout, printed: mpsc::UnboundedSender<io::Result<String>>) {
    let mut lines = BufReader::new(stdout).lines();
    while let Some(line) = lines.next_line().await.transpose() {
        if printed.send(line).is_err() {
            return;
        }
    }
}
