//! The local server behind every path: as little work as can be.

use std::{io, net::Ipv4Addr};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

const SMALL: &[u8] = b"hello through the tunnel, 36 bytes.\n";

/// Serves `/small` and `/bytes/N` until it is killed; prints the port first.
pub(crate) async fn serve() -> io::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    println!("{}", listener.local_addr()?.port());
    let block: &'static [u8] = vec![7; 256 * 1024].leak();
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::spawn(async move {
            // A peer that goes away is no news.
            let _ = answer(stream, block).await;
        });
    }
}

async fn answer(mut stream: TcpStream, block: &[u8]) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = vec![0; 8 * 1024];
    let mut filled = 0;
    loop {
        let n = stream.read(&mut buffer[filled..]).await?;
        if n == 0 {
            return Ok(());
        }
        filled += n;
        while let Some(end) = buffer[..filled].windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&buffer[..end]).into_owned();
            buffer.copy_within(end + 4..filled, 0);
            filled -= end + 4;
            let path = head.split(' ').nth(1).unwrap_or("/");
            let close = head.to_ascii_lowercase().contains("connection: close");
            let bytes = path.strip_prefix("/bytes/").and_then(|n| n.parse::<u64>().ok());
            let length = bytes.unwrap_or(SMALL.len() as u64);
            let mut out =
                format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n").into_bytes();
            if bytes.is_none() {
                out.extend_from_slice(SMALL);
            }
            stream.write_all(&out).await?;
            let mut left = bytes.unwrap_or(0);
            while left > 0 {
                let n = left.min(block.len() as u64) as usize;
                stream.write_all(&block[..n]).await?;
                left -= n as u64;
            }
            if close {
                return stream.shutdown().await;
            }
        }
    }
}
