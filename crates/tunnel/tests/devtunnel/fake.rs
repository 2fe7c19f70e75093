//! A command that answers as a test tells it.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::Duration;

use adit_tunnel::management::cli::{Cli, Config};
use adit_wire::net::{Connector, Proxies};
use adit_wire::{clock, tls};
use tempfile::TempDir;

/// How often a file is looked for that a process will write.
const LOOK: Duration = Duration::from_millis(5);

/// A folder with the script and its answers. The script itself is linked, not copied: a file that is
/// being written cannot be started.
pub(crate) struct Fake {
    folder: TempDir,
}

impl Fake {
    /// Answers everything as documented.
    pub(crate) fn documented() -> Self {
        let fake = Self { folder: tempfile::tempdir().unwrap() };
        let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/devtunnel");
        symlink(fixtures.join("fake"), fake.path("devtunnel")).unwrap();
        for (key, fixture) in [
            ("version", "version"),
            ("user.show", "user.show"),
            ("list", "list"),
            ("show", "show"),
            ("create", "create"),
            ("port.create", "port.create"),
            ("token.host", "token"),
            ("token.manage-ports", "token"),
            ("token.connect", "token"),
            ("access.list", "access.list"),
        ] {
            fake.answers(
                key,
                &fs::read_to_string(fixtures.join(format!("{fixture}.out"))).unwrap(),
            );
        }
        fake
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn cli(&self) -> Cli {
        self.cli_with(|_| {})
    }

    pub(crate) fn cli_with(&self, change: impl FnOnce(&mut Config)) -> Cli {
        let mut config = Config { program: self.path("devtunnel").into(), ..Config::default() };
        change(&mut config);
        let connector = Connector::new(tls::Client::danger_unverified(), Proxies::none());
        Cli::new(connector, &config)
    }

    pub(crate) fn writes(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    pub(crate) fn answers(&self, key: &str, text: &str) {
        self.writes(&format!("{key}.out"), text);
    }

    pub(crate) fn fails(&self, key: &str, code: u8, words: &str) {
        self.writes(&format!("{key}.code"), &code.to_string());
        self.writes(&format!("{key}.err"), words);
    }

    pub(crate) fn hangs(&self, key: &str) {
        self.writes(&format!("{key}.hang"), "");
    }

    /// The calls so far.
    pub(crate) fn calls(&self) -> Vec<String> {
        let calls = fs::read_to_string(self.path("calls")).unwrap_or_default();
        calls.lines().map(str::to_owned).collect()
    }

    pub(crate) fn forget_calls(&self) {
        self.writes("calls", "");
    }

    /// How many calls began with this.
    pub(crate) fn count(&self, beginning: &str) -> usize {
        self.calls().iter().filter(|call| call.starts_with(beginning)).count()
    }

    /// How many calls ran at once, at most.
    pub(crate) fn most_at_once(&self) -> usize {
        let running = fs::read_to_string(self.path("running")).unwrap();
        running.lines().map(|line| line.trim().parse().unwrap()).max().unwrap()
    }

    /// Whether no call runs, and none was ended by anybody else.
    pub(crate) fn ended_by_itself(&self) -> bool {
        fs::read_dir(self.path("now")).unwrap().next().is_none()
    }

    /// Waits until a call that hangs does.
    pub(crate) async fn started(&self, key: &str) {
        while !self.path(&format!("{key}.pid")).exists() {
            clock::sleep(LOOK).await;
        }
    }

    /// Waits until the process of a call that hung is gone, not even waiting to be reaped.
    pub(crate) async fn gone(&self, key: &str) {
        while self.is_there(key) {
            clock::sleep(LOOK).await;
        }
    }

    /// Whether the process of a call that hung is there, living or not.
    pub(crate) fn is_there(&self, key: &str) -> bool {
        let pid = fs::read_to_string(self.path(&format!("{key}.pid"))).unwrap();
        Path::new("/proc").join(pid.trim()).exists()
    }
}
