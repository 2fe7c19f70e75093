//! A screen without a monitor, and hands without a person.

use std::{
    collections::hash_map::DefaultHasher,
    hash::{Hash, Hasher},
    io,
    process::Stdio,
};

use tokio::process::Command;

use crate::process::Process;

/// A virtual screen; gone with this.
pub(crate) struct Screen {
    name: String,
    _server: Process,
}

impl Screen {
    pub(crate) async fn start() -> io::Result<Self> {
        let mut command = Command::new("Xvfb");
        command.args([
            "-displayfd",
            "1",
            "-screen",
            "0",
            "1280x900x24",
            "-noreset",
            "-nolisten",
            "tcp",
        ]);
        let mut server = Process::start(command.stderr(Stdio::null()))
            .map_err(|error| io::Error::other(format!("Xvfb: {error}")))?;
        let name = format!(":{}", server.line().await?);
        Ok(Self { name, _server: server })
    }

    /// What programs call it.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// What is on it now, as a number that is another one when it is another picture.
    pub(crate) async fn look(&self) -> io::Result<u64> {
        let taken =
            Command::new("xwd").args(["-silent", "-root", "-display", &self.name]).output().await?;
        let mut hasher = DefaultHasher::new();
        taken.stdout.hash(&mut hasher);
        Ok(hasher.finish())
    }

    /// Gives the window the keyboard.
    pub(crate) async fn focus(&self) -> io::Result<()> {
        let mut command = Command::new("xdotool");
        command.env("DISPLAY", &self.name);
        command.args(["search", "--onlyvisible", "--name", "^Adit$", "windowfocus"]);
        match command.stdout(Stdio::null()).status().await?.success() {
            true => Ok(()),
            false => Err(io::Error::other("there is no window")),
        }
    }

    /// Moves the pointer and turns the wheel, with `pause` milliseconds between its steps.
    pub(crate) async fn scroll(&self, steps: u32, pause: u32) -> io::Result<()> {
        let (steps, pause) = (steps.to_string(), pause.to_string());
        let turn = ["click", "--repeat", &steps, "--delay", &pause, "5"];
        let status = Command::new("xdotool")
            .env("DISPLAY", &self.name)
            .args(["mousemove", "480", "400"])
            .args(turn)
            .status()
            .await?;
        if status.success() { Ok(()) } else { Err(io::Error::other("xdotool failed")) }
    }
}
