//! One HTTP/1.1 connection to a local server.
//!
//! There is no task behind it. Whoever waits for a response, or for more of its body, drives the
//! connection meanwhile; dropping it closes it. So a request needs no wakeup between tasks, and a
//! visitor who goes takes his connection with him.

use std::future::{Future, poll_fn};
use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use adit_wire::clock;
use adit_wire::net::Stream;
use bytes::Bytes;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

use super::body::RequestBody;
use super::pool::{Generation, Speech};

/// A connection to a local server, for one request at a time.
pub(super) struct Conn {
    sender: http1::SendRequest<RequestBody>,
    driver: Option<http1::Connection<TokioIo<Wire>, RequestBody>>,
    ended: bool,
    seen: Arc<Seen>,
    silence: Silence,
    speech: Speech,
    generation: Generation,
    reused: bool,
}

/// Why there is no response.
pub(super) enum Failure {
    /// The connection was dead; nothing of the request left.
    Unsent(Box<Request<RequestBody>>),
    /// Nothing moved for too long.
    Silent,
    /// It broke, or what came is not HTTP.
    Broken(hyper::Error),
}

impl Conn {
    /// Speaks HTTP over `stream`, which is `speech`, and was opened after `generation` was read.
    pub(super) async fn new(
        stream: Stream,
        speech: Speech,
        generation: Generation,
    ) -> Result<Self, hyper::Error> {
        let seen = Arc::new(Seen::default());
        let wire = TokioIo::new(Wire { stream, seen: seen.clone() });
        let (sender, driver) = http1::Builder::new().handshake(wire).await?;
        Ok(Self {
            sender,
            driver: Some(driver),
            ended: false,
            seen,
            silence: Silence::default(),
            speech,
            generation,
            reused: false,
        })
    }

    /// Sends a request and waits for the head of its response, or until nothing has moved for
    /// `limit`, which then holds for the body, too.
    pub(super) async fn send(
        &mut self,
        request: Request<RequestBody>,
        limit: Option<Duration>,
    ) -> Result<Response<Incoming>, Failure> {
        self.seen.received.store(false, Ordering::Relaxed);
        self.silence.start(limit);
        let mut answer = pin!(self.sender.try_send_request(request));
        poll_fn(|context| {
            let mut answered = match self.poll_drive(context) {
                Poll::Pending => answer.as_mut().poll(context),
                Poll::Ready(()) => match answer.as_mut().poll(context) {
                    Poll::Pending => {
                        // Dropped, it returns a request that it had not begun.
                        self.driver = None;
                        answer.as_mut().poll(context)
                    }
                    answered => answered,
                },
            };
            if let Poll::Ready(Err(error)) = &mut answered
                && let Some(request) = error.take_message()
            {
                return Poll::Ready(Err(Failure::Unsent(Box::new(request))));
            }
            match answered {
                Poll::Ready(answer) => {
                    Poll::Ready(answer.map_err(|error| Failure::Broken(error.into_error())))
                }
                Poll::Pending if self.poll_silent(context).is_ready() => {
                    Poll::Ready(Err(Failure::Silent))
                }
                Poll::Pending => Poll::Pending,
            }
        })
        .await
    }

    /// Moves bytes both ways; ready once the connection has ended.
    pub(super) fn poll_drive(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if let Some(driver) = self.driver.as_mut().filter(|_| !self.ended) {
            // Whoever waits for the response learns of an error there.
            let _ = ready!(driver.poll_without_shutdown(context));
            self.ended = true;
        }
        Poll::Ready(())
    }

    /// Ready once nothing has moved for the time allowed. Call it when driving was pending.
    pub(super) fn poll_silent(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let moved = self.seen.moved.swap(false, Ordering::Relaxed);
        self.silence.poll(context, moved)
    }

    /// Whether the next request may be sent here.
    pub(super) fn is_ready(&self) -> bool {
        !self.ended && self.sender.is_ready() && !self.seen.broken.load(Ordering::Relaxed)
    }

    /// Whether it is still open. It must be idle.
    pub(super) fn is_alive(&mut self, context: &mut Context<'_>) -> bool {
        self.poll_drive(context).is_pending() && self.is_ready()
    }

    /// What is spoken here.
    pub(super) fn speech(&self) -> Speech {
        self.speech
    }

    /// Among which connections of its port it belongs.
    pub(super) fn generation(&self) -> Generation {
        self.generation
    }

    /// Notes that bytes moved on: the time allowed begins anew.
    pub(super) fn touch(&self) {
        self.seen.moved.store(true, Ordering::Relaxed);
    }

    /// Marks that a request was served here before.
    pub(super) fn reuse(&mut self) {
        self.reused = true;
    }

    /// Whether a request was served here before the present one.
    pub(super) fn is_reused(&self) -> bool {
        self.reused
    }

    /// Whether a byte has come since the last request was sent.
    pub(super) fn has_received(&self) -> bool {
        self.seen.received.load(Ordering::Relaxed)
    }

    /// The connection itself after a 101, and what was read beyond it.
    pub(super) async fn upgraded(mut self) -> Option<(Stream, Bytes)> {
        poll_fn(|context| self.poll_drive(context)).await;
        let parts = self.driver?.into_parts();
        Some((parts.io.into_inner().stream, parts.read_buf))
    }
}

/// The time that may pass without a byte.
#[derive(Default)]
struct Silence {
    limit: Option<Duration>,
    deadline: Option<Instant>,
    /// Armed for some deadline of this connection, not always the present one: moving it with
    /// each byte would cost more than a look when it fires.
    timer: Option<Pin<Box<Sleep>>>,
}

impl Silence {
    fn start(&mut self, limit: Option<Duration>) {
        self.limit = limit;
        self.restart();
    }

    fn restart(&mut self) {
        self.deadline = self.limit.and_then(|limit| clock::now().checked_add(limit));
    }

    fn poll(&mut self, context: &mut Context<'_>, moved: bool) -> Poll<()> {
        if moved {
            self.restart();
        }
        let Some(deadline) = self.deadline else { return Poll::Pending };
        let timer =
            self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline.into())));
        if timer.deadline().into_std() > deadline {
            timer.as_mut().reset(deadline.into());
        }
        loop {
            ready!(timer.as_mut().poll(context));
            if clock::now() >= deadline {
                return Poll::Ready(());
            }
            timer.as_mut().reset(deadline.into());
        }
    }
}

/// What the stream below has seen; HTTP above owns the stream.
#[derive(Default)]
struct Seen {
    /// A byte moved since somebody last looked.
    moved: AtomicBool,
    /// A byte came since the last request.
    received: AtomicBool,
    /// Writing failed.
    broken: AtomicBool,
}

/// A stream that tells what it sees, and survives the end of writing.
///
/// A local server may answer early and close while the body is still on its way. Then writing
/// fails with the answer already waiting to be read; so what is written from there on is dropped,
/// and reading decides.
struct Wire {
    stream: Stream,
    seen: Arc<Seen>,
}

impl Wire {
    fn wrote(&self, result: io::Result<usize>, offered: usize) -> Poll<io::Result<usize>> {
        match result {
            Ok(n) if n > 0 || offered == 0 => {
                self.seen.moved.store(true, Ordering::Relaxed);
                Poll::Ready(Ok(n))
            }
            _ => {
                self.seen.broken.store(true, Ordering::Relaxed);
                Poll::Ready(Ok(offered))
            }
        }
    }

    fn is_broken(&self) -> bool {
        self.seen.broken.load(Ordering::Relaxed)
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        if buffer.filled().len() > before {
            self.seen.moved.store(true, Ordering::Relaxed);
            self.seen.received.store(true, Ordering::Relaxed);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.is_broken() {
            return Poll::Ready(Ok(bytes.len()));
        }
        let result = ready!(Pin::new(&mut self.stream).poll_write(context, bytes));
        self.wrote(result, bytes.len())
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let offered = slices.iter().map(|slice| slice.len()).sum();
        if self.is_broken() {
            return Poll::Ready(Ok(offered));
        }
        let result = ready!(Pin::new(&mut self.stream).poll_write_vectored(context, slices));
        self.wrote(result, offered)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.is_broken() && ready!(Pin::new(&mut self.stream).poll_flush(context)).is_err() {
            self.seen.broken.store(true, Ordering::Relaxed);
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
