//! Sends a request that was seen to the local server once more.
//!
//! Only to this computer, only what was kept whole, without what was hidden of it. No redirect is followed, and the
//! answer is looked at as those of visitors are.

use std::time::Instant;

use adit_wire::clock;
use adit_wire::net::{Stream, connect_local};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::keep::Keep;
use super::{Exchange, Message, NotInspected, Observation, Observer};

/// Bytes that are read of an answer at a time.
const READ: usize = 16 * 1024;

/// A request that can be sent again.
#[derive(Clone, PartialEq, Eq)]
pub struct Again {
    bytes: Vec<u8>,
    left_out: Vec<Box<str>>,
}

/// Why a request cannot be sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// Its headers were not kept.
    #[error("its headers were not kept")]
    NoHead,
    /// Its target or its headers are too long, and were cut.
    #[error("it is too long to be kept whole")]
    Cut,
    /// It had a body, which was not kept, or not all of it.
    #[error("its body was not kept")]
    Body,
    /// It asked for another protocol than HTTP.
    #[error("it asked for another protocol, such as WebSocket")]
    Upgrade,
}

/// Why there is no answer to speak of.
#[derive(Debug, thiserror::Error)]
pub enum NotSent {
    /// Nothing answers on the local port.
    #[error("nothing answers on the local port")]
    Local(#[source] adit_wire::net::ConnectError),
    /// What came back is no HTTP.
    #[error("the answer could not be read: {0}")]
    Answer(NotInspected),
}

impl Again {
    /// Makes it of what was seen. `sent` is how many bytes the body had.
    ///
    /// # Errors
    ///
    /// [`Unfit`] where the local server would get another request than the first time.
    pub fn new(
        method: &str,
        target: &str,
        sent: u64,
        message: Option<&Message>,
    ) -> Result<Self, Unfit> {
        let message = message.ok_or(Unfit::NoHead)?;
        if message.cut {
            return Err(Unfit::Cut);
        }
        if method == "CONNECT" || message.header("upgrade").is_some() {
            return Err(Unfit::Upgrade);
        }
        let body = match &message.body {
            Some(body) if !body.is_cut() && body.bytes().len() as u64 == sent => body.bytes(),
            _ if sent == 0 => &[],
            _ => return Err(Unfit::Body),
        };
        let hidden = message.headers.iter().filter(|header| !header.intact);
        let left_out = hidden.map(|header| header.name.clone()).collect();
        Ok(Self { bytes: write(method, target, message, body), left_out })
    }

    /// The names of the headers that it goes without, because their values were hidden.
    pub fn left_out(&self) -> &[Box<str>] {
        &self.left_out
    }

    /// Sends it to this port of this computer and waits for the answer until `deadline`; one that has not come by then
    /// is told as cut short. `bodies` keeps what [`Keep::bodies`] would.
    ///
    /// # Errors
    ///
    /// [`NotSent`] where there is no answer to speak of.
    pub async fn send(
        &self,
        port: u16,
        bodies: bool,
        deadline: Instant,
    ) -> Result<Exchange, NotSent> {
        let stream = match connect_local(port, deadline).await.map_err(NotSent::Local)? {
            Stream::Tcp(stream) => stream,
            _ => return Err(NotSent::Answer(NotInspected::NotHttp)),
        };
        let keep = Keep::heads();
        keep.bodies(port, bodies);
        let mut observer = Observer::keeping(keep.of(port));
        observer.request(&self.bytes, clock::now());
        let exchange = exchange(stream, &self.bytes, &mut observer);
        if clock::until(deadline, exchange).await.is_err() {
            observer.close(clock::now());
        }
        match observer.poll() {
            Some(Observation::Exchange(exchange)) => Ok(exchange),
            Some(Observation::NotInspected(why)) => Err(NotSent::Answer(why)),
            None => Err(NotSent::Answer(NotInspected::Unclear)),
        }
    }
}

/// Without the bytes: a target may have a secret in its query.
impl std::fmt::Debug for Again {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Again").field("left_out", &self.left_out).finish_non_exhaustive()
    }
}

fn write(method: &str, target: &str, message: &Message, body: &[u8]) -> Vec<u8> {
    let mut head = format!("{method} {target} {}\r\n", message.version.as_str());
    for header in message.sendable() {
        head.extend([&*header.name, ": ", &*header.value, "\r\n"]);
    }
    if !body.is_empty() || message.header("content-length").is_some() {
        head.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    head.push_str("Connection: close\r\n\r\n");
    [head.as_bytes(), body].concat()
}

/// Writes the request and shows the observer the answer, up to its end or as far as it comes.
async fn exchange(mut stream: TcpStream, request: &[u8], observer: &mut Observer) {
    let (mut read, mut write) = stream.split();
    // A server may answer, and end, without having read all: what counts is the answer.
    let write = async { _ = write.write_all(request).await };
    let read = async {
        let mut buffer = vec![0; READ];
        while !observer.has_seen() {
            match read.read(&mut buffer).await {
                Ok(0) => return end(observer, true),
                Ok(n) => observer.response(&buffer[..n], clock::now()),
                Err(_) => return end(observer, false),
            }
        }
    };
    tokio::pin!(write, read);
    tokio::select! {
        () = &mut read => {}
        () = &mut write => read.await,
    }
}

fn end(observer: &mut Observer, orderly: bool) {
    let now = clock::now();
    if orderly {
        observer.response_end(now);
    }
    observer.close(now);
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::net::TcpListener;

    use super::super::Ending;
    use super::*;

    /// What an observer saw of a request.
    fn seen(request: &str) -> Exchange {
        let keep = Keep::heads();
        keep.bodies(80, true);
        let mut observer = Observer::keeping(keep.of(80));
        observer.request(request.as_bytes(), clock::now());
        observer.close(clock::now());
        match observer.poll() {
            Some(Observation::Exchange(exchange)) => exchange,
            other => panic!("{other:?}"),
        }
    }

    fn again(request: &str) -> Result<Again, Unfit> {
        let seen = seen(request);
        Again::new(&seen.method, &seen.target, seen.sent, seen.request.as_deref())
    }

    /// Sends it to a server that answers with this, and tells what the server heard.
    async fn sent(again: &Again, answer: &str, span: Duration) -> (String, Exchange) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("bound").port();
        let serve = async {
            let (mut stream, _) = listener.accept().await.expect("a visitor");
            let mut heard = vec![0; again.bytes.len()];
            stream.read_exact(&mut heard).await.expect("a request");
            stream.write_all(answer.as_bytes()).await.expect("it is open");
            (String::from_utf8(heard).expect("text"), stream)
        };
        let send = again.send(port, true, clock::now() + span);
        let ((heard, _stream), exchange) = tokio::join!(serve, send);
        (heard, exchange.expect("an answer"))
    }

    const MINUTE: Duration = Duration::from_secs(60);

    #[tokio::test]
    async fn the_local_server_gets_it_again_without_what_was_hidden() {
        let again = again(
            "POST /a?key=1 HTTP/1.1\r\nHost: h\r\nCookie: s=1\r\nConnection: keep-alive, X-Hop\r\n\
             X-Hop: 1\r\nX: y\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        );
        let again = again.expect("fit");
        assert_eq!(again.left_out(), ["Cookie".into()]);
        let answer = "HTTP/1.1 302 Found\r\nLocation: /b?c=d\r\nContent-Length: 2\r\n\r\nno";
        let (heard, exchange) = sent(&again, answer, MINUTE).await;
        assert_eq!(
            heard,
            "POST /a?key=1 HTTP/1.1\r\nHost: h\r\nX: y\r\nContent-Length: 3\r\n\
             Connection: close\r\n\r\nabc"
        );
        assert_eq!((exchange.status, exchange.ending), (Some(302), Ending::Complete));
        let response = exchange.response.expect("kept");
        assert_eq!(response.body.expect("kept").bytes(), b"no");
    }

    #[tokio::test]
    async fn an_answer_that_does_not_end_is_cut_short_at_the_deadline() {
        let again = again("GET / HTTP/1.1\r\nHost: h\r\n\r\n").expect("fit");
        let half = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf";
        let (_, exchange) = sent(&again, half, Duration::from_millis(200)).await;
        assert_eq!(exchange.ending, Ending::CutShort);
    }

    #[tokio::test]
    async fn a_server_that_is_away_is_named() {
        let again = again("GET / HTTP/1.1\r\n\r\n").expect("fit");
        let free = tokio::net::TcpSocket::new_v4().expect("a socket");
        free.bind(([127, 0, 0, 1], 0).into()).expect("a port");
        let port = free.local_addr().expect("bound").port();
        let sent = again.send(port, true, clock::now() + MINUTE).await;
        assert!(matches!(sent, Err(NotSent::Local(_))), "{sent:?}");
    }

    #[test]
    fn what_was_not_kept_whole_is_not_sent() {
        let long = "x".repeat(70_000);
        let post =
            |body: &str| format!("POST / HTTP/1.1\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        assert_eq!(again(&post(&long)), Err(Unfit::Body));
        assert_eq!(again(&format!("GET /{} HTTP/1.1\r\n\r\n", &long[..4000])), Err(Unfit::Cut));
        assert_eq!(
            again("GET / HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"),
            Err(Unfit::Upgrade)
        );
        assert_eq!(Again::new("GET", "/", 0, None), Err(Unfit::NoHead));
    }
}
