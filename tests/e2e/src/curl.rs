//! curl as a visitor.

use std::fs;
use std::process::Stdio;

use tokio::process::Command;

use crate::deadline::soon;

/// What came of one request.
#[derive(Debug)]
pub struct Fetched {
    /// curl's exit code: 0 when the response is whole, 18 when it was cut short, 52 when there was none.
    pub exit: i32,
    /// The status, or 0.
    pub status: u16,
    /// The response's head as it came; of redirects only the last.
    pub head: String,
    /// The body as far as it came.
    pub body: Vec<u8>,
}

impl Fetched {
    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// A header of the response, by its name in small letters.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then_some(value.trim())
        })
    }
}

/// Fetches `url` with more `args` of curl.
///
/// # Panics
/// When curl is not installed or does not end.
pub async fn fetch(url: &str, args: &[&str]) -> Fetched {
    let folder = tempfile::tempdir().expect("a directory for the response");
    let (head, body) = (folder.path().join("head"), folder.path().join("body"));
    let mut command = Command::new("curl");
    command.args(["--silent", "--noproxy", "*", "--write-out", "%{http_code}"]);
    command.arg("--dump-header").arg(&head).arg("--output").arg(&body);
    command.args(args).arg(url).stdin(Stdio::null()).kill_on_drop(true);
    let output = soon(&format!("curl to fetch {url}"), command.output()).await;
    let output = output.expect("curl is installed: ./test does it");
    Fetched {
        exit: output.status.code().unwrap_or(-1),
        status: String::from_utf8_lossy(&output.stdout).trim().parse().unwrap_or(0),
        head: fs::read_to_string(head).unwrap_or_default(),
        body: fs::read(body).unwrap_or_default(),
    }
}
