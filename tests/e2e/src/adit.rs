//! The real `adit` command, with directories of its own.

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use tempfile::TempDir;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::deadline::soon;
use crate::lines::JsonLines;
use crate::relay::Relay;

/// An installation that nothing else uses: configuration, state and data in one temporary place.
#[derive(Debug)]
pub struct Adit {
    home: TempDir,
}

impl Adit {
    /// A fresh one.
    ///
    /// # Panics
    /// When there is no room for it.
    pub fn new() -> Self {
        Self { home: tempfile::tempdir().expect("a directory for the test's own state") }
    }

    /// Where it keeps everything.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// The command with `args`, in a working directory where nothing is; killed when dropped.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(binary());
        command.args(args).current_dir(self.home()).kill_on_drop(true);
        for (name, folder) in FOLDERS {
            command.env(name, self.home().join(folder));
        }
        for name in ["ADIT_ON", "ADIT_API_KEY", "ADIT_LOG", "NO_COLOR"] {
            command.env_remove(name);
        }
        command
    }

    /// Runs the command with `args` and `input` to its end.
    ///
    /// # Panics
    /// When it does not end.
    pub async fn run(&self, args: &[&str], input: &str) -> Output {
        let mut command = self.command(args);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("adit starts");
        let mut stdin = child.stdin.take().expect("piped above");
        // What does not read its input ends before it is written.
        let _ = stdin.write_all(input.as_bytes()).await;
        drop(stdin);
        let title = format!("adit {} to end", args.join(" "));
        soon(&title, child.wait_with_output()).await.expect("the output of an own child")
    }

    /// Signs in to `relay` as its owner.
    ///
    /// # Panics
    /// When that is refused.
    pub async fn login(&self, relay: &Relay) {
        let output = self.run(&["login", &relay.service()], relay.owner_key()).await;
        assert!(output.status.success(), "{output:?}");
    }

    /// Starts the command with `args`, which must make it print JSON lines.
    pub fn start(&self, args: &[&str]) -> JsonLines {
        JsonLines::spawn(format!("adit {}", args.join(" ")), self.command(args))
    }
}

impl Default for Adit {
    fn default() -> Self {
        Self::new()
    }
}

/// Where the command keeps its things, and what tells it so.
const FOLDERS: [(&str, &str); 3] =
    [("ADIT_CONFIG", "config"), ("ADIT_STATE_DIR", "state"), ("ADIT_DATA_DIR", "data")];

/// The command as it was built last, in the folder above the tests' own.
///
/// # Panics
/// When it was not built: `./test` does, by hand it is `cargo build -p adit-cli`.
pub fn binary() -> PathBuf {
    let own = std::env::current_exe().expect("a test knows where it is");
    // Tests are in deps/, the suite is beside it.
    let built = own.ancestors().skip(1).take(2).map(|folder| folder.join("adit"));
    built.into_iter().find(|path| path.is_file()).expect("adit is built: cargo build -p adit-cli")
}
