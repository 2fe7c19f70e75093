//! The relay as a process.

use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::Command;

use crate::lines::JsonLines;

/// A relay that runs.
#[derive(Debug)]
pub(super) struct Relay {
    pub(super) process: JsonLines,
    /// Where it listens.
    pub(super) listen: SocketAddr,
    /// Where its metrics are.
    admin: SocketAddr,
}

impl Relay {
    /// Starts it, and waits until it says that it is ready.
    pub(super) async fn start(command: Command) -> Self {
        let mut process = JsonLines::spawn("adit relay", command);
        let ready = process.line("ready", |line| line["event"] == "ready").await;
        let text = |name: &str| ready[name].as_str().expect("an address");
        let addr = |text: &str| text.trim_start_matches("http://").parse().expect("an address");
        let (listen, admin) = (addr(text("listen")), addr(text("admin")));
        Self { process, listen, admin }
    }

    /// The sessions that hosts have with it now, by its metrics.
    pub(super) async fn host_sessions(&self) -> usize {
        let page = self.metrics().await.expect("the relay's metrics");
        let line = page.lines().find_map(|line| line.strip_prefix("adit_sessions{role=\"host\"} "));
        line.and_then(|count| count.parse().ok()).expect("its sessions")
    }

    async fn metrics(&self) -> io::Result<String> {
        let mut stream = TcpStream::connect(self.admin).await?;
        let admin = self.admin;
        let request =
            format!("GET /metrics HTTP/1.1\r\nhost: {admin}\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut page = String::new();
        stream.read_to_string(&mut page).await?;
        Ok(page)
    }
}
