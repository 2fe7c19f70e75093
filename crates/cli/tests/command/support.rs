//! Folders, processes and a relay for the tests.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

pub(crate) use crate::web::{Local, free_port, get, send, split, visit};

/// How long anything may take on a busy computer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// One user's computer: configuration, state and data of its own.
pub(crate) struct Sandbox {
    folder: TempDir,
}

impl Sandbox {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("work")).unwrap();
        Self { folder }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A command that is not started yet, in the folder `work`.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_adit"));
        command
            .args(args)
            .env_clear()
            .env("HOME", self.path("home"))
            .env("ADIT_CONFIG", self.path("config"))
            .env("ADIT_STATE_DIR", self.path("state"))
            .env("ADIT_DATA_DIR", self.path("data"))
            .current_dir(self.path("work"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Runs a command to its end.
    pub(crate) fn run(&self, args: &[&str]) -> Done {
        self.run_with(args, "")
    }

    /// Runs a command to its end with something to read.
    pub(crate) fn run_with(&self, args: &[&str], input: &str) -> Done {
        Done::of(self.command(args), input)
    }

    /// Starts a command that goes on.
    pub(crate) fn start(&self, args: &[&str]) -> Running {
        Running::start(self.command(args))
    }

    /// All files below a folder, with their contents.
    pub(crate) fn files(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let mut files = Vec::new();
        collect(self.folder.path(), &mut files);
        files
    }
}

fn collect(folder: &Path, into: &mut Vec<(PathBuf, Vec<u8>)>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, into);
        } else if path.is_file() {
            let bytes = std::fs::read(&path).unwrap();
            into.push((path, bytes));
        }
    }
}

/// What a command left behind.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Done {
    /// Runs a command to its end with something to read.
    pub(crate) fn of(mut command: Command, input: &str) -> Self {
        let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
        // A command that does not read has ended by now, perhaps.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let output = child.wait_with_output().unwrap();
        Self {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// The JSON of standard output.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The error that a script reads.
    pub(crate) fn error(&self) -> Value {
        let error = self.err.lines().find_map(|line| serde_json::from_str::<Value>(line).ok());
        error.unwrap_or_else(|| panic!("no error: {self:?}"))["error"].clone()
    }

    #[track_caller]
    pub(crate) fn ended_with(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:?}");
        self
    }
}

/// A command that goes on. Killed when dropped.
pub(crate) struct Running {
    child: Child,
    input: Option<ChildStdin>,
    lines: Receiver<String>,
    errors: Option<thread::JoinHandle<String>>,
    /// For messages of tests that fail.
    seen: Vec<String>,
}

impl Running {
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
        let input = child.stdin.take();
        let (sender, lines) = mpsc::sync_channel(1024);
        let out = BufReader::new(child.stdout.take().unwrap());
        thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        let mut err = child.stderr.take().unwrap();
        let errors = thread::spawn(move || {
            let mut text = String::new();
            let _ = err.read_to_string(&mut text);
            text
        });
        Self { child, input, lines, errors: Some(errors), seen: Vec::new() }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The next line of standard output that fits.
    #[track_caller]
    pub(crate) fn line(&mut self, what: &str, fits: impl Fn(&str) -> bool) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) => {
                    self.seen.push(line.clone());
                    if fits(&line) {
                        return line;
                    }
                }
                Err(RecvTimeoutError::Timeout) => panic!("no {what} in {:#?}", self.seen),
                Err(RecvTimeoutError::Disconnected) => {
                    let _ = self.child.wait();
                    let errors = self.errors.take().map(|it| it.join().unwrap());
                    panic!("ended without {what}: {:#?}\n{errors:?}", self.seen)
                }
            }
        }
    }

    /// The next event line of that name that fits.
    #[track_caller]
    pub(crate) fn event_that(&mut self, name: &str, fits: impl Fn(&Value) -> bool) -> Value {
        let read = |line: &str| serde_json::from_str::<Value>(line).unwrap();
        let line = self.line(name, |line| {
            let line = read(line);
            line["event"] == name && fits(&line)
        });
        read(&line)
    }

    #[track_caller]
    pub(crate) fn event(&mut self, name: &str) -> Value {
        self.event_that(name, |_| true)
    }

    /// Writes a line to its standard input.
    pub(crate) fn say(&mut self, line: &str) {
        writeln!(self.input.as_mut().unwrap(), "{line}").unwrap();
    }

    /// Ends its standard input.
    pub(crate) fn say_no_more(&mut self) {
        self.input = None;
    }

    /// Sends a signal such as `INT`.
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.pid().to_string();
        let status = Command::new("kill").args([format!("-{name}"), pid]).status().unwrap();
        assert!(status.success());
    }

    /// Waits for its end.
    #[track_caller]
    pub(crate) fn ended(mut self) -> (ExitStatus, Vec<String>, String) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) => self.seen.push(line),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!("it goes on: {:#?}", self.seen),
            }
        }
        let status = self.child.wait().unwrap();
        let errors = self.errors.take().unwrap().join().unwrap();
        (status, std::mem::take(&mut self.seen), errors)
    }

    /// As Ctrl-C does.
    #[track_caller]
    pub(crate) fn interrupted(self) -> (ExitStatus, Vec<String>, String) {
        self.signal("INT");
        self.ended()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A relay in a process of its own, and its data.
pub(crate) struct Relay {
    pub(crate) url: String,
    sandbox: Sandbox,
    running: Running,
}

impl Relay {
    pub(crate) fn start() -> Self {
        Self::with("")
    }

    /// One with more in its configuration.
    pub(crate) fn with(more: &str) -> Self {
        let sandbox = Sandbox::new();
        std::fs::create_dir(sandbox.path("config")).unwrap();
        let config = format!("listen = '127.0.0.1:0'\nadmin = 'off'\n{more}");
        std::fs::write(sandbox.path("config/relay.toml"), config).unwrap();
        let mut running = sandbox.start(&["relay", "--json"]);
        // By its address: not every computer resolves names below `localhost`.
        let url = format!("http://{}", running.event("ready")["listen"].as_str().unwrap());
        Self { url, sandbox, running }
    }

    /// Sends the relay's process a signal such as `STOP`.
    pub(crate) fn signal(&self, name: &str) {
        self.running.signal(name);
    }

    /// Adds a user and returns the key.
    pub(crate) fn add_user(&self, name: &str) -> String {
        let added = self.sandbox.run(&["relay", "user", "add", name]).ended_with(0);
        added.out.trim().to_owned()
    }

    pub(crate) fn users(&self, args: &[&str]) -> Done {
        self.sandbox.run(&[&["relay", "user"], args].concat())
    }

    /// A computer whose user is signed in here.
    pub(crate) fn user(&self, name: &str) -> Sandbox {
        let key = self.add_user(name);
        let sandbox = Sandbox::new();
        sandbox.run_with(&["login", &self.url], &key).ended_with(0);
        sandbox
    }
}

/// A text for `Command::env`.
pub(crate) fn text(path: &Path) -> &OsStr {
    path.as_os_str()
}
