//! Connecting for real: sockets on port 0, certificates made on the spot, awkward proxies and
//! servers.

#![allow(clippy::unwrap_used, reason = "tests")]

mod http_client;
mod listen;
mod proxy;
mod reach;
mod tls;
mod websocket;

use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use adit_wire::net::{self, Stream, Target};
use adit_wire::{clock, task};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Long enough for a busy machine; a test that gets there has failed.
fn soon() -> Instant {
    clock::now() + Duration::from_secs(20)
}

fn target(uri: impl AsRef<str>) -> Target {
    Target::from_uri(&uri.as_ref().parse().unwrap()).unwrap()
}

/// Serves every connection with `handler`, until the handle is dropped.
fn serve<F>(handler: impl Fn(Stream) -> F + Send + 'static) -> (SocketAddr, task::Task<()>)
where
    F: Future<Output = ()> + Send + 'static,
{
    let mut listener = net::bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let address = listener.local_addr().unwrap();
    let tasks = task::Group::new("server");
    let server = async move {
        loop {
            let (stream, _) = listener.accept().await;
            tasks.spawn("connection", handler(stream));
        }
    };
    (address, task::spawn("server", server))
}

/// Reads until an empty line has come, and returns all of it.
async fn read_head(stream: &mut Stream) -> String {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => bytes.push(byte),
            Err(_) => break,
        }
    }
    String::from_utf8(bytes).unwrap()
}

/// Says a word and expects it back.
async fn echoes(stream: &mut Stream) {
    stream.write_all(b"echo").await.unwrap();
    stream.flush().await.unwrap();
    let mut word = [0; 4];
    stream.read_exact(&mut word).await.unwrap();
    assert_eq!(&word, b"echo");
}

/// Sends back all that comes.
async fn echo(stream: Stream) {
    let (mut reader, mut writer) = tokio::io::split(stream);
    let _ = tokio::io::copy(&mut reader, &mut writer).await;
}
