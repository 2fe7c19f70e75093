//! The load: plain HTTP/1.1 over raw sockets, so that what is measured is not the client.

use std::{
    io,
    net::SocketAddr,
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
};

/// Where requests go: an address and the Host header that the path wants to see.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) addr: SocketAddr,
    pub(crate) host: String,
}

/// Latencies and the rate of a run of small requests.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rate {
    pub(crate) per_second: f64,
    pub(crate) p50: Duration,
    pub(crate) p99: Duration,
}

/// Downloads `bytes` over each of `streams` connections; megabytes (10^6) per second of all.
pub(crate) async fn bulk(target: &Target, streams: usize, bytes: u64) -> io::Result<f64> {
    let start = Instant::now();
    let mut tasks = JoinSet::new();
    for _ in 0..streams {
        let target = target.clone();
        tasks.spawn(async move {
            let mut connection = Connection::open(&target).await?;
            connection.get(&target, &format!("/bytes/{bytes}"), true).await
        });
    }
    let mut total = 0;
    while let Some(done) = tasks.join_next().await {
        total += done.map_err(io::Error::other)??;
    }
    Ok(total as f64 / 1e6 / start.elapsed().as_secs_f64())
}

/// Small requests over `connections` kept-alive connections for `span`.
pub(crate) async fn requests(
    target: &Target,
    connections: usize,
    span: Duration,
) -> io::Result<Rate> {
    let end = Instant::now() + span;
    collect(
        connections,
        span,
        |target| async move {
            let mut connection = Connection::open(&target).await?;
            let mut took = Vec::new();
            while Instant::now() < end {
                let start = Instant::now();
                connection.get(&target, "/small", true).await?;
                took.push(start.elapsed());
            }
            Ok(took)
        },
        target,
    )
    .await
}

/// Small requests, each over a connection of its own, `at_once` at a time for `span`.
pub(crate) async fn connections(
    target: &Target,
    at_once: usize,
    span: Duration,
) -> io::Result<Rate> {
    let end = Instant::now() + span;
    collect(
        at_once,
        span,
        |target| async move {
            let mut took = Vec::new();
            while Instant::now() < end {
                let start = Instant::now();
                let mut connection = Connection::open(&target).await?;
                connection.get(&target, "/small", false).await?;
                took.push(start.elapsed());
            }
            Ok(took)
        },
        target,
    )
    .await
}

async fn collect<F>(
    workers: usize,
    span: Duration,
    work: impl Fn(Target) -> F,
    target: &Target,
) -> io::Result<Rate>
where
    F: Future<Output = io::Result<Vec<Duration>>> + Send + 'static,
{
    let mut tasks = JoinSet::new();
    for _ in 0..workers {
        tasks.spawn(work(target.clone()));
    }
    let mut all = Vec::new();
    while let Some(done) = tasks.join_next().await {
        all.extend(done.map_err(io::Error::other)??);
    }
    all.sort_unstable();
    let at = |share: f64| all.get((all.len() as f64 * share) as usize).copied().unwrap_or_default();
    Ok(Rate { per_second: all.len() as f64 / span.as_secs_f64(), p50: at(0.5), p99: at(0.99) })
}

/// One client connection.
pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
    filled: usize,
}

impl Connection {
    pub(crate) async fn open(target: &Target) -> io::Result<Self> {
        let stream = TcpStream::connect(target.addr).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: vec![0; 256 * 1024], filled: 0 })
    }

    /// Sends a GET and reads the whole answer; its body's length.
    pub(crate) async fn get(&mut self, target: &Target, path: &str, keep: bool) -> io::Result<u64> {
        self.ask(target, path, keep).await?;
        let mut left = self.head().await?;
        let length = left;
        let buffered = (self.filled as u64).min(left);
        left -= buffered;
        self.filled = 0;
        while left > 0 {
            let n = self.stream.read(&mut self.buffer).await?;
            if n == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            left = left.saturating_sub(n as u64);
        }
        Ok(length)
    }

    /// Sends a GET and reads nothing.
    pub(crate) async fn ask(&mut self, target: &Target, path: &str, keep: bool) -> io::Result<()> {
        let connection = if keep { "keep-alive" } else { "close" };
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: {connection}\r\n\r\n",
            target.host
        );
        self.stream.write_all(request.as_bytes()).await
    }

    /// Reads up to the end of the head and returns the body's length; what follows the head is
    /// moved to the front of the buffer.
    async fn head(&mut self) -> io::Result<u64> {
        self.filled = 0;
        loop {
            let n = self.stream.read(&mut self.buffer[self.filled..]).await?;
            if n == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.filled += n;
            let bytes = &self.buffer[..self.filled];
            let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
            let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
            if !head.starts_with("http/1.1 200") {
                return Err(io::Error::other(head.lines().next().unwrap_or_default().to_owned()));
            }
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length:"))
                .and_then(|value| value.trim().parse().ok())
                .ok_or_else(|| io::Error::other("no length"))?;
            self.buffer.copy_within(end + 4..self.filled, 0);
            self.filled -= end + 4;
            return Ok(length);
        }
    }
}

/// One small request.
pub(crate) async fn probe(target: &Target) -> io::Result<()> {
    Connection::open(target).await?.get(target, "/small", false).await.map(|_| ())
}
