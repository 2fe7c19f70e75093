//! A visitor who asks steadily and writes down what he got.

use std::io;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::{JoinHandle, JoinSet};

use super::backend::MARK;

/// Longer than a request that is held for a host that comes back.
const PATIENCE: Duration = Duration::from_secs(15);

/// Requests of one visitor at the same time, at most.
const AT_ONCE: usize = 128;

/// What a visitor asks for; nothing of the relay's own is called so.
pub(super) const VISIT: &str = "/visit";

/// Where a URL on this computer is reached, whatever its name.
#[derive(Debug, Clone)]
pub(super) struct Address {
    port: u16,
    authority: String,
}

impl Address {
    /// Of `http://name:port/`.
    pub(super) fn of(url: &str) -> Self {
        let rest = url.strip_prefix("http://").expect("the suite's URLs are plain");
        let authority = rest.trim_end_matches('/').to_owned();
        let port = authority.rsplit(':').next().and_then(|port| port.parse().ok());
        Self { port: port.expect("the suite's URLs have ports"), authority }
    }

    /// Asks once over a connection of its own; the status, and whether the local server answered.
    pub(super) async fn ask(&self, path: &str) -> io::Result<(u16, bool)> {
        let asking = async {
            let mut stream = self.open(path, "close").await?;
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer).await?;
            let text = String::from_utf8_lossy(&answer);
            let status = text.split(' ').nth(1).and_then(|status| status.parse().ok());
            let status = status.ok_or_else(|| io::Error::other("no answer"))?;
            Ok((status, text.contains(MARK)))
        };
        tokio::time::timeout(PATIENCE, asking).await.unwrap_or_else(|late| Err(late.into()))
    }

    /// Where a websocket begins.
    pub(super) fn websocket(&self) -> String {
        format!("ws://{}/", self.authority)
    }

    /// Whether the local server answers at this address.
    pub(super) async fn serves(&self) -> bool {
        matches!(self.ask("/").await, Ok((200, true)))
    }

    /// Sends a request and leaves the reading to the caller.
    pub(super) async fn open(&self, path: &str, connection: &str) -> io::Result<TcpStream> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).await?;
        stream.set_nodelay(true)?;
        let request = format!(
            "GET {path} HTTP/1.1\r\nhost: {}\r\nconnection: {connection}\r\n\r\n",
            self.authority
        );
        stream.write_all(request.as_bytes()).await?;
        Ok(stream)
    }
}

/// One request.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    began: Instant,
    ended: Instant,
    failed: Option<String>,
}

/// All that a visitor saw.
#[derive(Debug, Clone, Default)]
pub(super) struct Seen {
    asked: Vec<Asked>,
}

/// A visitor at work.
#[derive(Debug)]
pub(super) struct Visitor {
    stop: tokio::sync::oneshot::Sender<()>,
    task: JoinHandle<Vec<Asked>>,
}

impl Visitor {
    /// Asks `per_second` times a second, whether or not answers come.
    pub(super) fn start(address: Address, per_second: u32) -> Self {
        let (stop, stopped) = tokio::sync::oneshot::channel();
        Self { stop, task: tokio::spawn(visit(address, per_second, stopped)) }
    }

    /// Asks no more, waits for what was asked, and tells.
    pub(super) async fn stop(self) -> Seen {
        // One that has ended by itself has told its story too.
        let _ = self.stop.send(());
        let mut asked = self.task.await.expect("a visitor does not panic");
        asked.sort_by_key(|asked| asked.began);
        Seen { asked }
    }
}

async fn visit(
    address: Address,
    per_second: u32,
    mut stopped: tokio::sync::oneshot::Receiver<()>,
) -> Vec<Asked> {
    let mut pace = tokio::time::interval(Duration::from_secs(1) / per_second);
    pace.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut asking = JoinSet::new();
    let mut asked = Vec::new();
    loop {
        tokio::select! {
            // A visitor who is not answered asks no more than so much at a time.
            _ = pace.tick(), if asking.len() < AT_ONCE => {
                let address = address.clone();
                asking.spawn(async move { ask(&address).await });
            }
            Some(Ok(done)) = asking.join_next() => asked.push(done),
            _ = &mut stopped => break,
        }
    }
    while let Some(done) = asking.join_next().await {
        asked.extend(done);
    }
    asked
}

async fn ask(address: &Address) -> Asked {
    let began = Instant::now();
    let failed = match address.ask(VISIT).await {
        Ok((200, true)) => None,
        Ok((200, false)) => Some("200, but not from the local server".to_owned()),
        Ok((status, _)) => Some(format!("status {status}")),
        Err(error) => Some(error.to_string()),
    };
    Asked { began, ended: Instant::now(), failed }
}

impl Seen {
    /// What another visitor saw besides.
    pub(super) fn add(&mut self, other: Self) {
        self.asked.extend(other.asked);
    }

    /// How many requests there were.
    pub(super) fn total(&self) -> usize {
        self.asked.len()
    }

    /// How many did not get their answer.
    pub(super) fn lost(&self) -> usize {
        self.asked.iter().filter(|asked| asked.failed.is_some()).count()
    }

    /// What became of those, each once.
    pub(super) fn failures(&self) -> Vec<String> {
        let mut all: Vec<_> = self.asked.iter().filter_map(|asked| asked.failed.clone()).collect();
        all.sort();
        all.dedup();
        all
    }

    /// The longest time without a good answer.
    pub(super) fn longest_gap(&self) -> Duration {
        let good = self.asked.iter().filter(|asked| asked.failed.is_none());
        let mut ends: Vec<_> = good.map(|asked| asked.ended).collect();
        ends.sort();
        let gaps = ends.windows(2).map(|two| two[1] - two[0]);
        gaps.max().unwrap_or_default()
    }

    /// The time below which so many of a hundred requests were answered.
    pub(super) fn percentile(&self, percent: usize) -> Duration {
        let good = self.asked.iter().filter(|asked| asked.failed.is_none());
        let mut took: Vec<_> = good.map(|asked| asked.ended - asked.began).collect();
        took.sort();
        let at = (took.len() * percent / 100).min(took.len().saturating_sub(1));
        took.get(at).copied().unwrap_or_default()
    }
}
