//! HTTP/1 as a visitor or a scripted server speaks it, byte by byte.

use adit_wire::net::Stream;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream};

use super::support::HOST;

/// The text of a GET.
pub(crate) fn get(path: &str, more: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: {HOST}\r\n{more}\r\n")
}

/// The text of a response with this body.
pub(crate) fn ok(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

/// The length that a head announces, 0 if it does not.
pub(crate) fn length(head: &str) -> usize {
    field(head, "content-length").map_or(0, |length| length.parse().unwrap())
}

/// A header field of a head, if it is there.
pub(crate) fn field<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().skip(1).find_map(|line| {
        let (found, value) = line.split_once(':')?;
        found.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

/// A response, read to its end.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Response {
    pub(crate) fn status(&self) -> u16 {
        self.head[9..12].parse().unwrap()
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        field(&self.head, name)
    }

    /// The code of a problem of the edge's own.
    #[track_caller]
    pub(crate) fn code(&self) -> String {
        assert_eq!(self.field("x-served-by"), Some("tunnels-adit"), "{self:?}");
        let value: serde_json::Value = serde_json::from_slice(&self.body).unwrap();
        assert_eq!(value["status"], self.status());
        value["code"].as_str().unwrap().to_owned()
    }
}

/// One end of a conversation in HTTP/1.
pub(crate) struct Talk<S = DuplexStream> {
    pub(crate) stream: S,
    read: Vec<u8>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Talk<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self { stream, read: Vec::new() }
    }

    pub(crate) async fn say(&mut self, text: &str) {
        self.send(text.as_bytes()).await;
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    /// Sends as much as the other side takes.
    pub(crate) async fn try_send(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).await.is_ok()
    }

    /// The head of a message, with its empty line.
    pub(crate) async fn head(&mut self) -> String {
        self.head_or_end().await.expect("the stream ended before a head")
    }

    pub(crate) async fn head_or_end(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.read.windows(4).position(|window| window == b"\r\n\r\n") {
                let head = self.read.drain(..end + 4).collect();
                return Some(String::from_utf8(head).unwrap());
            }
            if self.more().await == 0 {
                assert!(self.read.is_empty(), "{:?}", String::from_utf8_lossy(&self.read));
                return None;
            }
        }
    }

    /// Exactly so many bytes.
    pub(crate) async fn take(&mut self, count: usize) -> Vec<u8> {
        while self.read.len() < count {
            assert_ne!(self.more().await, 0, "the stream ended early");
        }
        self.read.drain(..count).collect()
    }

    pub(crate) async fn expect(&mut self, text: &str) {
        let taken = self.take(text.len()).await;
        assert_eq!(String::from_utf8_lossy(&taken), text);
    }

    /// A chunked body, with its trailers as text.
    pub(crate) async fn chunks(&mut self) -> (Vec<u8>, String) {
        let mut body = Vec::new();
        loop {
            let size = self.line().await;
            let size = usize::from_str_radix(size.trim_end(), 16).unwrap();
            if size == 0 {
                let mut trailers = String::new();
                loop {
                    let line = self.line().await;
                    if line == "\r\n" {
                        return (body, trailers);
                    }
                    trailers += &line;
                }
            }
            body.extend(self.take(size).await);
            self.expect("\r\n").await;
        }
    }

    async fn line(&mut self) -> String {
        loop {
            if let Some(end) = self.read.windows(2).position(|window| window == b"\r\n") {
                return String::from_utf8(self.read.drain(..end + 2).collect()).unwrap();
            }
            assert_ne!(self.more().await, 0, "the stream ended in a line");
        }
    }

    /// A whole response to anything but HEAD.
    pub(crate) async fn response(&mut self) -> Response {
        let head = self.head().await;
        let chunked = field(&head, "transfer-encoding").is_some_and(|te| te.contains("chunked"));
        let body = if chunked {
            self.chunks().await.0
        } else if field(&head, "content-length").is_some() {
            self.take(length(&head)).await
        } else if head.contains(" 204 ") || head.contains(" 304 ") || head.contains(" 101 ") {
            Vec::new()
        } else {
            self.rest().await
        };
        Response { head, body }
    }

    /// All until the end.
    pub(crate) async fn rest(&mut self) -> Vec<u8> {
        while self.more().await > 0 {}
        std::mem::take(&mut self.read)
    }

    /// Waits for the end; nothing may come before it.
    pub(crate) async fn end(&mut self) {
        let rest = self.rest().await;
        assert_eq!(String::from_utf8_lossy(&rest), "");
    }

    /// Reads more; 0 at the end, however it came.
    async fn more(&mut self) -> usize {
        self.stream.read_buf(&mut self.read).await.unwrap_or(0)
    }
}

impl Talk {
    /// The first byte that comes, which is then still to be read.
    pub(crate) async fn peek(&mut self) -> Option<u8> {
        while self.read.is_empty() {
            if self.more().await == 0 {
                return None;
            }
        }
        self.read.first().copied()
    }

    /// The stream as if nothing had been read of it.
    pub(crate) fn into_stream(self) -> Stream {
        let (reader, writer) = tokio::io::split(self.stream);
        let reader = std::io::Cursor::new(self.read).chain(reader);
        Stream::other(tokio::io::join(reader, writer))
    }

    /// The same over any stream.
    pub(crate) fn boxed(self) -> Talk<Stream> {
        Talk::new(self.into_stream())
    }
}
