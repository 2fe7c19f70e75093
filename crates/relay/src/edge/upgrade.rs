//! Connections that have become something else: WebSockets and whatever `Upgrade` asked for.
//!
//! After the 101 both sides are byte streams, copied each to its own end, in a buffer of fixed
//! size each. What they say is nobody's business here.

use std::future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use adit_proto::id::TunnelId;
use adit_wire::clock;
use adit_wire::net::Stream;
use bytes::Bytes;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf, copy_bidirectional_with_sizes};

use super::Shared;
use super::access::{Entry, is_welcome};
use super::conn::Conn;
use super::visit::Visit;

/// What is copied at once, each way.
const BUFFER: usize = 16 * 1024;

/// How long one side may go on in silence after the other has ended. Not every host can tell the
/// end of one direction from the end of both.
const HALF_OPEN: Duration = Duration::from_secs(30);

/// How often it is looked whether a guest's link still is one. By then he has been shut out of everything else.
const GUEST_LOOK: Duration = Duration::from_secs(5);

/// How long the visitor's side may take to hand itself over: it has to send the 101 first.
const HANDING_OVER: Duration = Duration::from_secs(30);

impl Shared {
    /// Connects a visitor with the local server, for as long as both like, or until neither has
    /// said anything for as long as the port allows, or the relay stops; and a guest until the link
    /// that he came by lets him in no more.
    pub(super) fn splice(self: &Arc<Self>, conn: Box<Conn>, visitor: OnUpgrade, visit: &Visit) {
        self.counters.upgrades.inc();
        let (stop, idle) = (self.tasks.stopping().wait(), visit.options.upgraded_timeout);
        let link = match &visit.entry {
            Entry::Guest(link) => Some(link.clone()),
            Entry::Open | Entry::Known => None,
        };
        let outstayed = self.clone().outstayed(visit.record.id.clone(), visit.number, link);
        self.tasks.spawn("edge-upgraded", async move {
            let Some((server, early)) = conn.upgraded().await else { return };
            let Ok(Ok(visitor)) = clock::until(clock::now() + HANDING_OVER, visitor).await else {
                return;
            };
            tokio::select! {
                () = copy(TokioIo::new(visitor), server, early, idle) => {}
                () = outstayed => tracing::debug!("the link of an upgraded connection ended"),
                () = stop => {}
            }
        });
    }

    /// Returns when who came by a link may be here no longer; for others never.
    async fn outstayed(self: Arc<Self>, tunnel: TunnelId, port: u16, link: Option<String>) {
        let Some(link) = link else { return future::pending().await };
        loop {
            clock::sleep_until(clock::now() + GUEST_LOOK).await;
            let (record, now) = (self.directory.tunnel(&tunnel), clock::wall());
            if !record.is_some_and(|it| is_welcome(&self.auth, &it, port, &link, now)) {
                return;
            }
        }
    }
}

/// Copies both ways; `early` came from the server already.
async fn copy(
    visitor: impl AsyncRead + AsyncWrite + Unpin,
    server: Stream,
    early: Bytes,
    idle: Option<Duration>,
) {
    let watch = Arc::new(Watch::new(clock::now()));
    let mut visitor = Watched { stream: visitor, watch: watch.clone() };
    let mut server = Watched { stream: server, watch: watch.clone() };
    let copied = async {
        visitor.write_all(&early).await?;
        visitor.flush().await?;
        copy_bidirectional_with_sizes(&mut visitor, &mut server, BUFFER, BUFFER).await
    };
    tokio::select! {
        result = copied => match result {
            Ok((up, down)) => tracing::debug!(up, down, "an upgraded connection ended"),
            Err(error) => tracing::debug!(%error, "an upgraded connection broke"),
        },
        () = watch.silent(idle) => tracing::debug!("an upgraded connection was silent"),
    }
}

/// When something last moved on either side.
struct Watch {
    began: Instant,
    /// Milliseconds after the beginning.
    moved: AtomicU64,
    half_open: AtomicBool,
}

impl Watch {
    fn new(began: Instant) -> Self {
        Self { began, moved: AtomicU64::new(0), half_open: AtomicBool::new(false) }
    }

    fn moved(&self, bytes: usize) {
        if bytes == 0 {
            self.half_open.store(true, Ordering::Relaxed);
        }
        let since = clock::now().saturating_duration_since(self.began).as_millis();
        self.moved.store(u64::try_from(since).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// Returns when nothing has moved for `idle`, or for less once one side has ended.
    async fn silent(&self, idle: Option<Duration>) {
        loop {
            let half_open = self.half_open.load(Ordering::Relaxed).then_some(HALF_OPEN);
            let limit = idle.into_iter().chain(half_open).min();
            let moved = Duration::from_millis(self.moved.load(Ordering::Relaxed));
            // The end of one side is noticed by looking again.
            let look = limit.unwrap_or(HALF_OPEN);
            let now = clock::now();
            let end = self.began + moved + look;
            if limit.is_some() && now >= end {
                return;
            }
            clock::sleep_until(if now >= end { now + look } else { end }).await;
        }
    }
}

struct Watched<S> {
    stream: S,
    watch: Arc<Watch>,
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        self.watch.moved(buffer.filled().len() - before);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let n = ready!(Pin::new(&mut self.stream).poll_write(context, bytes))?;
        if n > 0 {
            self.watch.moved(n);
        }
        Poll::Ready(Ok(n))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
