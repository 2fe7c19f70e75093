//! The local server that the hosts forward to.

use std::net::Ipv4Addr;
use std::sync::Arc;

use adit_wire::task;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

/// What is asked for here is never answered.
pub(crate) const NEVER: &str = "/never";

/// Answers each request with its path.
pub(crate) struct Local {
    pub(crate) port: u16,
    /// A request came that is not answered.
    pub(crate) hangs: Arc<Notify>,
    _task: task::Task<()>,
}

impl Local {
    pub(crate) async fn new() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let hangs = Arc::<Notify>::default();
        let hang = hangs.clone();
        let task = task::spawn("local server", async move {
            let connections = task::Group::new("local connections");
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn("local connection", serve(stream, hang.clone()));
            }
        });
        Self { port, hangs, _task: task }
    }
}

async fn serve(mut stream: TcpStream, hangs: Arc<Notify>) {
    let mut head = Vec::new();
    while let Ok(byte) = stream.read_u8().await {
        head.push(byte);
        if !head.ends_with(b"\r\n\r\n") {
            continue;
        }
        let path = String::from_utf8_lossy(&head).split(' ').nth(1).unwrap_or_default().to_owned();
        head.clear();
        if path == NEVER {
            hangs.notify_one();
            continue;
        }
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{path}", path.len());
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}
