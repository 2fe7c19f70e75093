//! The wishes of macOS, as its own command tells them.

use std::process::{Command, Stdio};

use adit_wire::task;
use tokio::sync::watch;

use super::System;

pub(super) async fn follow(told: watch::Sender<System>) {
    let read = || (is_on("increaseContrast"), is_on("reduceMotion"));
    let (contrast, still) = task::blocking("read wishes", read).await;
    System::change(&told, |system| {
        system.contrast = contrast;
        system.still = still;
    });
}

/// What was never touched is not there, and off.
fn is_on(key: &str) -> bool {
    let asked = Command::new("/usr/bin/defaults")
        .args(["read", "com.apple.universalaccess", key])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output();
    asked.is_ok_and(|it| it.stdout.trim_ascii() == b"1")
}
