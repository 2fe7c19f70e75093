//! A message bus of a test's own, and the parts of a desktop that answer on it.
#![allow(dead_code, reason = "each test file uses a part")]

pub(crate) mod notifications;
pub(crate) mod panel;

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use adit_desktop::tray::bus::Bus;
use tokio::sync::mpsc;
use zbus::Connection;

/// Longer than anything takes; what a test waits for has then not happened.
const LIMIT: Duration = Duration::from_secs(60);

/// A bus that nobody else is on. Ends with the test.
pub(crate) struct Private {
    daemon: Child,
    address: String,
    _folder: tempfile::TempDir,
}

impl Private {
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("bus.conf");
        let listen = folder.path().display();
        // Nothing is started by being asked for.
        let text = format!(
            "<busconfig><type>session</type><listen>unix:dir={listen}</listen>\
             <policy context=\"default\"><allow send_destination=\"*\" eavesdrop=\"true\"/>\
             <allow eavesdrop=\"true\"/><allow own=\"*\"/></policy></busconfig>"
        );
        std::fs::write(&config, text).unwrap();
        let mut daemon = Command::new("dbus-daemon")
            .arg(format!("--config-file={}", config.display()))
            .args(["--nofork", "--nopidfile", "--print-address"])
            .stdout(Stdio::piped())
            .spawn()
            .expect("dbus-daemon is installed: ./test does it");
        let mut address = String::new();
        let mut lines = BufReader::new(daemon.stdout.take().unwrap());
        lines.read_line(&mut address).unwrap();
        Self { daemon, address: address.trim().to_owned(), _folder: folder }
    }

    pub(crate) fn bus(&self) -> Bus {
        Bus::At(self.address.clone())
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    pub(crate) async fn connect(&self) -> Connection {
        zbus::connection::Builder::address(self.address.as_str()).unwrap().build().await.unwrap()
    }
}

impl Drop for Private {
    fn drop(&mut self) {
        let _ = self.daemon.kill();
        let _ = self.daemon.wait();
    }
}

/// The next of something that is told.
pub(crate) async fn next<T>(from: &mut mpsc::Receiver<T>) -> T {
    within(from.recv()).await.expect("somebody still tells")
}

pub(crate) async fn within<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(LIMIT, future).await.expect("it happens")
}
