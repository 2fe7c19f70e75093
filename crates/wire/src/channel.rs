//! One byte stream inside a session, in the hands of whoever uses it.
//!
//! A channel is a pair of halves that talk to the session's pump through bounded queues:
//!
//! * Bytes from the peer wait in an inbox. They are bounded by the credit the session granted;
//!   [`Reader::consumed`] returns it, and should be called when the far socket took the bytes.
//! * Bytes to the peer wait with the pump until the peer's credit and the socket take them. Each
//!   channel may have [`MAX_QUEUED`] bytes waiting, fewer while its session, or all sessions of its
//!   [`Budget`](adit_proto::ssh::Budget), have much to send: full means that this channel's writer
//!   waits, and no other's.
//!
//! Dropping both halves closes the channel once what was sent has left.

use std::{
    future::{Future, poll_fn},
    io,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::{Context, Poll, Waker, ready},
};

use adit_proto::ssh::{Account, ChannelId};
use bytes::{Buf, Bytes};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    sync::mpsc,
};

/// Bytes that one channel may have waiting with the pump, at most.
pub const MAX_QUEUED: usize = 256 * 1024;
/// Bytes that one channel may have waiting however much others have to send.
const MIN_QUEUED: usize = 4 * 1024;
/// Bytes of all channels of a session together, or its share of the budget if that is less, at
/// which none but [`MIN_QUEUED`] are left.
const SESSION_QUEUED: usize = 16 * 1024 * 1024;
/// Used bytes are reported in lots of this many, unless the inbox is empty.
const REPORT: usize = 32 * 1024;
/// Pieces in an inbox; what does not fit waits with the pump.
pub(crate) const INBOX: usize = 32;

/// What the pump puts into an inbox.
#[derive(Debug)]
pub(crate) enum Inbound {
    Data(Bytes),
    Eof,
    Closed,
}

/// What a channel asks of the pump.
#[derive(Debug)]
pub(crate) enum Op {
    Data(ChannelId, Bytes),
    Consumed(ChannelId, usize),
    Eof(ChannelId),
    Close(ChannelId),
    Accept(ChannelId, bool),
    Reject(ChannelId, u32, String),
}

/// How a channel's inbound stream ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The peer sends no more; it may still read.
    Eof,
    /// The peer closed the channel, both ways.
    Closed,
    /// The session ended, and the channel with it.
    Lost,
}

/// The channel or its session is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the channel is closed")]
pub struct Closed;

impl From<Closed> for io::Error {
    fn from(closed: Closed) -> Self {
        Self::new(io::ErrorKind::BrokenPipe, closed)
    }
}

/// The bytes that wait in one direction, counted by the writer and the pump.
#[derive(Debug)]
pub(crate) struct Flow {
    queued: AtomicUsize,
    closed: AtomicBool,
    /// The one writer, waiting. Held for a swap only.
    waiting: Mutex<Option<Waker>>,
    session: Arc<Account>,
}

impl Flow {
    pub(crate) fn new(session: Arc<Account>) -> Self {
        Self {
            queued: AtomicUsize::new(0),
            closed: AtomicBool::new(false),
            waiting: Mutex::new(None),
            session,
        }
    }

    /// Half of what the session has left, within bounds: many waiting channels get little each,
    /// a few get much, and none gets nothing.
    fn allowance(&self) -> usize {
        let left = self.session.room(SESSION_QUEUED).max(0) as usize;
        (left / 2).clamp(MIN_QUEUED, MAX_QUEUED)
    }

    /// How many bytes a writer may hand over at once: what is free, but no small rest, which would
    /// cut large pieces into many.
    fn room(&self) -> usize {
        let allowance = self.allowance();
        let free = allowance.saturating_sub(self.queued.load(Ordering::Acquire));
        free.max(allowance / 2)
    }

    fn poll_ready(&self, context: &mut Context<'_>) -> Poll<Result<(), Closed>> {
        if self.closed.load(Ordering::Acquire) {
            return Poll::Ready(Err(Closed));
        }
        if self.queued.load(Ordering::Acquire) < self.allowance() {
            return Poll::Ready(Ok(()));
        }
        self.waiting().replace(context.waker().clone());
        // The pump may have sent between the look and the registration.
        if self.closed.load(Ordering::Acquire) {
            return Poll::Ready(Err(Closed));
        }
        if self.queued.load(Ordering::Acquire) < self.allowance() {
            return Poll::Ready(Ok(()));
        }
        Poll::Pending
    }

    fn poll_closed(&self, context: &mut Context<'_>) -> Poll<()> {
        self.waiting().replace(context.waker().clone());
        if self.closed.load(Ordering::Acquire) { Poll::Ready(()) } else { Poll::Pending }
    }

    fn add(&self, n: usize) {
        self.queued.fetch_add(n, Ordering::AcqRel);
        self.session.promise(n);
        self.session.hold(n);
    }

    /// The pump sent, or dropped, `n` bytes.
    pub(crate) fn sent(&self, n: usize) {
        let before = self.queued.fetch_sub(n, Ordering::AcqRel);
        self.session.release(n);
        self.session.let_go(n);
        if before - n <= self.allowance() / 2 {
            self.wake();
        }
    }

    /// Nothing will be sent any more.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.wake();
    }

    fn wake(&self) {
        let waker = self.waiting().take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn waiting(&self) -> std::sync::MutexGuard<'_, Option<Waker>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Flow {
    fn drop(&mut self) {
        let left = *self.queued.get_mut();
        self.session.release(left);
        self.session.let_go(left);
    }
}

/// Says CLOSE when both halves are gone. Its place in the queue was reserved when the channel was
/// made, so that it can always be said.
#[derive(Debug)]
struct Closer {
    id: ChannelId,
    permit: Option<mpsc::OwnedPermit<Op>>,
}

impl Drop for Closer {
    fn drop(&mut self) {
        if let Some(permit) = self.permit.take() {
            permit.send(Op::Close(self.id));
        }
    }
}

/// The way to the pump, waiting for a place where the queue is full.
#[derive(Debug)]
struct Ops {
    sender: mpsc::Sender<Op>,
    reserving: Option<Reserving>,
}

struct Reserving(Pin<Box<dyn ReserveFuture>>);

trait ReserveFuture:
    Future<Output = Result<mpsc::OwnedPermit<Op>, mpsc::error::SendError<()>>> + Send + Sync
{
}
impl<T> ReserveFuture for T where
    T: Future<Output = Result<mpsc::OwnedPermit<Op>, mpsc::error::SendError<()>>> + Send + Sync
{
}

impl std::fmt::Debug for Reserving {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Reserving")
    }
}

impl Ops {
    fn new(sender: mpsc::Sender<Op>) -> Self {
        Self { sender, reserving: None }
    }

    /// Hands over `op` if there is a place now.
    fn try_send(&mut self, op: Op) -> Result<(), mpsc::error::TrySendError<Op>> {
        self.sender.try_send(op)
    }

    /// Waits for a place and hands over what `op` makes.
    fn poll_send(
        &mut self,
        context: &mut Context<'_>,
        op: impl FnOnce() -> Op,
    ) -> Poll<Result<(), Closed>> {
        let mut reserving = match self.reserving.take() {
            Some(reserving) => reserving,
            None => match self.sender.try_reserve() {
                Ok(permit) => {
                    permit.send(op());
                    return Poll::Ready(Ok(()));
                }
                Err(mpsc::error::TrySendError::Closed(())) => return Poll::Ready(Err(Closed)),
                Err(mpsc::error::TrySendError::Full(())) => {
                    Reserving(Box::pin(self.sender.clone().reserve_owned()))
                }
            },
        };
        match reserving.0.as_mut().poll(context) {
            Poll::Ready(Ok(permit)) => {
                permit.send(op());
                Poll::Ready(Ok(()))
            }
            Poll::Ready(Err(_)) => Poll::Ready(Err(Closed)),
            Poll::Pending => {
                self.reserving = Some(reserving);
                Poll::Pending
            }
        }
    }
}

/// The half that receives.
#[derive(Debug)]
pub struct Reader {
    id: ChannelId,
    ops: Ops,
    inbox: mpsc::Receiver<Inbound>,
    /// Bytes used and not yet reported.
    used: usize,
    ending: Option<Ending>,
    _closer: Arc<Closer>,
}

impl Reader {
    /// The next bytes; `None` at the end, which [`Reader::ending`] then tells. Safe to drop and
    /// call again.
    pub async fn recv(&mut self) -> Option<Bytes> {
        poll_fn(|context| self.poll_recv(context)).await
    }

    /// As [`Reader::recv`].
    pub fn poll_recv(&mut self, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        if self.ending.is_some() {
            return Poll::Ready(None);
        }
        let inbound = match self.inbox.poll_recv(context) {
            Poll::Ready(inbound) => inbound,
            Poll::Pending => {
                // Nothing more may come before the credit is back.
                if self.used > 0 {
                    let (id, used) = (self.id, self.used);
                    if self.ops.poll_send(context, || Op::Consumed(id, used)).is_ready() {
                        self.used = 0;
                    }
                }
                return Poll::Pending;
            }
        };
        self.ending = Some(match inbound {
            Some(Inbound::Data(data)) => return Poll::Ready(Some(data)),
            Some(Inbound::Eof) => Ending::Eof,
            Some(Inbound::Closed) => Ending::Closed,
            None => Ending::Lost,
        });
        Poll::Ready(None)
    }

    /// Tells that `n` received bytes were used, so that the peer may send as many more.
    pub fn consumed(&mut self, n: usize) {
        self.used += n;
        if (self.used >= REPORT || self.inbox.is_empty())
            && self.used > 0
            && self.ops.try_send(Op::Consumed(self.id, self.used)).is_ok()
        {
            self.used = 0;
        }
    }

    /// How the stream ended, once [`Reader::recv`] has said that it did.
    pub fn ending(&self) -> Option<Ending> {
        self.ending
    }
}

/// The half that sends.
#[derive(Debug)]
pub struct Writer {
    id: ChannelId,
    ops: Ops,
    flow: Arc<Flow>,
    _closer: Arc<Closer>,
}

impl Writer {
    /// Hands bytes to the pump, after waiting until this channel may have more of them waiting. If
    /// it is dropped, a part of them may have gone.
    ///
    /// # Errors
    ///
    /// [`Closed`] when the peer closed the channel or the session ended.
    pub async fn send(&mut self, data: Bytes) -> Result<(), Closed> {
        let mut data = Some(data);
        poll_fn(|context| self.poll_send(context, &mut data)).await
    }

    /// As [`Writer::send`]; takes out of `data` what is handed over.
    pub fn poll_send(
        &mut self,
        context: &mut Context<'_>,
        data: &mut Option<Bytes>,
    ) -> Poll<Result<(), Closed>> {
        let (id, flow) = (self.id, &self.flow);
        while let Some(rest) = data {
            ready!(flow.poll_ready(context))?;
            let n = rest.len().min(flow.room());
            ready!(self.ops.poll_send(context, || {
                flow.add(n);
                Op::Data(id, rest.split_to(n))
            }))?;
            if rest.is_empty() {
                *data = None;
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Waits until this channel may have more bytes waiting.
    pub fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Closed>> {
        self.flow.poll_ready(context)
    }

    /// Ends this direction, after what was sent. The peer may go on sending.
    pub async fn eof(&mut self) -> Result<(), Closed> {
        let id = self.id;
        poll_fn(|context| self.ops.poll_send(context, || Op::Eof(id))).await
    }

    fn poll_eof(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Closed>> {
        let id = self.id;
        self.ops.poll_send(context, || Op::Eof(id))
    }

    /// Waits until the channel or its session is gone. Not to be waited for beside a send of the
    /// same writer.
    pub async fn closed(&self) {
        poll_fn(|context| self.flow.poll_closed(context)).await;
    }

    /// Whether the channel or its session is gone.
    pub fn is_closed(&self) -> bool {
        self.flow.closed.load(Ordering::Acquire)
    }
}

/// Both halves of a channel.
#[derive(Debug)]
pub struct Channel {
    reader: Reader,
    writer: Writer,
}

impl Channel {
    pub(crate) fn new(
        id: ChannelId,
        ops: mpsc::Sender<Op>,
        permit: mpsc::OwnedPermit<Op>,
        inbox: mpsc::Receiver<Inbound>,
        flow: Arc<Flow>,
    ) -> Self {
        let closer = Arc::new(Closer { id, permit: Some(permit) });
        let reader = Reader {
            id,
            ops: Ops::new(ops.clone()),
            inbox,
            used: 0,
            ending: None,
            _closer: closer.clone(),
        };
        let writer = Writer { id, ops: Ops::new(ops), flow, _closer: closer };
        Self { reader, writer }
    }

    /// The session's number of this channel.
    pub fn id(&self) -> ChannelId {
        self.reader.id
    }

    /// As [`Reader::recv`].
    pub async fn recv(&mut self) -> Option<Bytes> {
        self.reader.recv().await
    }

    /// As [`Reader::consumed`].
    pub fn consumed(&mut self, n: usize) {
        self.reader.consumed(n);
    }

    /// As [`Reader::ending`].
    pub fn ending(&self) -> Option<Ending> {
        self.reader.ending()
    }

    /// As [`Writer::send`].
    pub async fn send(&mut self, data: Bytes) -> Result<(), Closed> {
        self.writer.send(data).await
    }

    /// As [`Writer::eof`].
    pub async fn eof(&mut self) -> Result<(), Closed> {
        self.writer.eof().await
    }

    /// Closes both directions, after what was sent.
    pub fn close(self) {}

    /// The two halves, for two tasks.
    pub fn split(self) -> (Reader, Writer) {
        (self.reader, self.writer)
    }
}

/// A channel that the peer asks for. Dropping it refuses it.
#[derive(Debug)]
pub struct Incoming {
    channel: Channel,
}

impl Incoming {
    pub(crate) fn new(channel: Channel) -> Self {
        Self { channel }
    }

    /// Confirms the channel; `encrypted` tells whether its ends encrypt.
    pub async fn accept(mut self, encrypted: bool) -> Channel {
        let id = self.channel.id();
        let ops = &mut self.channel.writer.ops;
        // If the session has ended, the channel will say so.
        let _ = poll_fn(|context| ops.poll_send(context, || Op::Accept(id, encrypted))).await;
        self.channel
    }

    /// Refuses the channel with a reason of [`adit_proto::ssh::open_failure`] and words.
    pub async fn reject(mut self, reason: u32, description: &str) {
        let id = self.channel.id();
        let ops = &mut self.channel.writer.ops;
        let op = || Op::Reject(id, reason, description.to_owned());
        let _ = poll_fn(|context| ops.poll_send(context, op)).await;
    }
}

/// A channel as a byte stream, for HTTP and TLS: credit goes back as bytes are read.
#[derive(Debug)]
pub struct Io {
    channel: Channel,
    chunk: Bytes,
    finished: bool,
}

impl Io {
    /// Reads and writes `channel`.
    pub fn new(channel: Channel) -> Self {
        Self { channel, chunk: Bytes::new(), finished: false }
    }

    /// The channel again, with bytes that were received and not yet read.
    pub fn into_parts(self) -> (Channel, Bytes) {
        (self.channel, self.chunk)
    }
}

impl AsyncRead for Io {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        while this.chunk.is_empty() {
            match ready!(this.channel.reader.poll_recv(context)) {
                Some(chunk) => this.chunk = chunk,
                None if this.channel.reader.ending == Some(Ending::Lost) => {
                    let text = "the tunnel's session ended";
                    return Poll::Ready(Err(io::Error::new(io::ErrorKind::ConnectionReset, text)));
                }
                None => return Poll::Ready(Ok(())),
            }
        }
        let n = this.chunk.len().min(buffer.remaining());
        buffer.put_slice(&this.chunk[..n]);
        this.chunk.advance(n);
        this.channel.reader.consumed(n);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Io {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(context, &[io::IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let writer = &mut self.get_mut().channel.writer;
        ready!(writer.poll_ready(context))?;
        let total: usize = slices.iter().map(|slice| slice.len()).sum();
        let n = total.min(writer.flow.room());
        if n == 0 {
            return Poll::Ready(Ok(0));
        }
        let (id, flow) = (writer.id, &writer.flow);
        ready!(writer.ops.poll_send(context, || {
            let mut data = Vec::with_capacity(n);
            for slice in slices {
                let room = n - data.len();
                data.extend_from_slice(&slice[..slice.len().min(room)]);
            }
            flow.add(n);
            Op::Data(id, Bytes::from(data))
        }))?;
        Poll::Ready(Ok(n))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if !this.finished {
            // A peer that closed already needs no EOF.
            let _ = ready!(this.channel.writer.poll_eof(context));
            this.finished = true;
        }
        Poll::Ready(Ok(()))
    }
}
