//! A local server that marks its answers, so that a page in its place is not taken for one.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinHandle;

/// What every answer begins with.
pub(super) const MARK: &str = "ADIT_SUITE_OK";

/// How often a stream of events has one.
const EVENT: Duration = Duration::from_millis(100);

/// The server. It ends, with its connections, when dropped.
#[derive(Debug)]
pub(super) struct Backend {
    addr: SocketAddr,
    served: Arc<AtomicU64>,
    task: JoinHandle<()>,
}

impl Backend {
    /// Listens on a free port of 127.0.0.1.
    pub(super) async fn start() -> Self {
        Self::at(0).await.expect("a free port")
    }

    /// Listens on that port, again.
    pub(super) async fn at(port: u16) -> io::Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.set_reuseaddr(true)?;
        socket.bind((Ipv4Addr::LOCALHOST, port).into())?;
        let listener = socket.listen(1024)?;
        let addr = listener.local_addr()?;
        let served = Arc::new(AtomicU64::new(0));
        let task = tokio::spawn(accept(listener, served.clone()));
        Ok(Self { addr, served, task })
    }

    pub(super) fn port(&self) -> u16 {
        self.addr.port()
    }

    /// Requests that were answered.
    pub(super) fn served(&self) -> u64 {
        self.served.load(Ordering::Relaxed)
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, served: Arc<AtomicU64>) {
    let mut connections = tokio::task::JoinSet::new();
    loop {
        tokio::select! {
            Ok((stream, _)) = listener.accept() => {
                let served = served.clone();
                connections.spawn(async move {
                    // A visitor who goes away is no news.
                    let _ = serve(stream, &served).await;
                });
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Answers requests until the connection ends: `/events` is a stream without end, `/status/N` has that
/// status, everything else the mark.
async fn serve(mut stream: TcpStream, served: &AtomicU64) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let (mut buffer, mut filled) = (vec![0; 8192], 0);
    loop {
        let Some(end) = buffer[..filled].windows(4).position(|four| four == b"\r\n\r\n") else {
            let read = stream.read(&mut buffer[filled..]).await?;
            if read == 0 {
                return Ok(());
            }
            filled += read;
            continue;
        };
        let head = String::from_utf8_lossy(&buffer[..end]).into_owned();
        buffer.copy_within(end + 4..filled, 0);
        filled -= end + 4;
        let path = head.split(' ').nth(1).unwrap_or("/").to_owned();
        if path.starts_with("/events") {
            return events(&mut stream).await;
        }
        let number = served.fetch_add(1, Ordering::Relaxed);
        let status = path.strip_prefix("/status/").unwrap_or("200");
        let body = format!("{MARK} {number}");
        let answer = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        stream.write_all(answer.as_bytes()).await?;
        if head.to_ascii_lowercase().contains("connection: close") {
            return stream.shutdown().await;
        }
    }
}

async fn events(stream: &mut TcpStream) -> io::Result<()> {
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n").await?;
    for number in 0_u64.. {
        stream.write_all(format!("data: {MARK} {number}\n\n").as_bytes()).await?;
        tokio::time::sleep(EVENT).await;
    }
    Ok(())
}
