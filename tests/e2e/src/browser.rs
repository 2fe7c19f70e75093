//! A real browser that opens a page and tells what became of it: Chromium without a window.

use std::process::Stdio;

use tokio::process::Command;

use crate::deadline::soon;

/// Opens `url` and returns the document as the browser has it when all is loaded.
///
/// # Panics
/// When Chromium is not installed or fails.
pub async fn open(url: &str) -> String {
    let profile = tempfile::tempdir().expect("a directory for the profile");
    let mut command = Command::new("chromium");
    command
        .args(SWITCHES)
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(url)
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let output = soon(&format!("the browser to open {url}"), command.output()).await;
    let output = output.expect("chromium is installed: ./test does it");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "the browser did not open {url}: {errors}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// No window, no sandbox (it refuses to run for root, and the pages are ours), nothing fetched but
/// the page.
const SWITCHES: &[&str] = &[
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--dump-dom",
];
