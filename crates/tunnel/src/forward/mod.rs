//! Joins a channel of a tunnel and a TCP connection, byte for byte, to the end of each direction.
//!
//! [`splice`] is used by both ends: the host joins a channel with the local server it serves, the
//! client with the program that connected to its listener. The TCP side is called *local*.
//!
//! [`Flow`] says what else concerns a join: bytes that came before it, and who is shown the rest.
//!
//! How ends pass through:
//! * The local side ends its direction: so does the channel (towards a peer that knows no EOF the
//!   session holds it back and closes later). The other direction goes on.
//! * The peer ends its direction: so does the local connection. The other direction goes on.
//! * The peer closes the channel: what it sent is delivered, then the local connection ends; what
//!   the local side still sends has no taker and is thrown away for a little while, because
//!   closing with bytes unread would destroy bytes on their way to the local side.
//! * Either side breaks off: the other is broken off too, so that nobody takes half for whole.

mod buffer;
#[cfg(test)]
mod tests;

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;
use std::{collections::VecDeque, future::poll_fn};

use adit_wire::channel::{Channel, Ending, Reader, Writer};
use adit_wire::clock;
use bytes::{Buf, Bytes};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};

use crate::inspect::{Counts, Tap};
use buffer::ReadBuffer;

/// Pieces of a channel that are written to the local side at once.
const BATCH: usize = 16;

/// How long a local side may go on sending what nobody takes, and how much of it.
const LINGER: Duration = Duration::from_secs(2);
const LINGER_BYTES: usize = 1024 * 1024;

/// How a splice ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Both directions came to an orderly end.
    Complete,
    /// The local side broke off.
    LocalBroke,
    /// The tunnel's session was lost.
    TunnelLost,
}

/// What concerns a join besides its two ends.
#[derive(Debug, Default)]
pub struct Flow {
    /// Bytes that were taken from the channel and are the first for the local side; counted as used
    /// already.
    pub held: VecDeque<Bytes>,
    /// Is shown the bytes on their way: those from the channel as requests, those from the local
    /// side as responses.
    pub tap: Option<Tap>,
    /// Counts each time that bytes arrive from the channel.
    pub arrivals: Option<Arc<AtomicU64>>,
}

/// Copies both directions until both have ended.
///
/// Dropping the future breaks the local side off, as losing the session does.
pub async fn splice(channel: Channel, local: TcpStream, flow: Flow) -> Outcome {
    let Flow { held, tap, arrivals } = flow;
    let tap = tap.map(Glance::new);
    let mut local = Local { stream: local, orderly: false };
    let (reader, writer) = channel.split();
    let (read, write) = local.stream.split();
    let copied = {
        let tap = tap.as_ref();
        let towards = towards_local(reader, write, held, tap, arrivals.as_deref());
        tokio::try_join!(towards, from_local(read, writer, tap))
    };
    if let Some(tap) = &tap {
        tap.show(|tap, now| tap.close(now));
    }
    match copied {
        Ok((ending, ())) => {
            local.orderly = true;
            if matches!(ending, Towards::PeerClosed) {
                linger(&mut local.stream).await;
            }
            Outcome::Complete
        }
        Err(outcome) => outcome,
    }
}

/// A connection that is reset when it is dropped, unless it came to an orderly end: the local
/// side must not take a part for the whole.
struct Local {
    stream: TcpStream,
    orderly: bool,
}

impl Drop for Local {
    fn drop(&mut self) {
        if !self.orderly {
            // Fails only where the connection is gone already.
            let _ = self.stream.set_zero_linger();
        }
    }
}

/// How the direction towards the local side ended.
enum Towards {
    /// The peer sends no more.
    Ended,
    /// The peer takes no more either.
    PeerClosed,
    /// The local side takes no more; what it has sent is still to be had.
    LocalFull,
}

async fn towards_local(
    mut reader: Reader,
    mut write: WriteHalf<'_>,
    held: VecDeque<Bytes>,
    tap: Option<&Glance>,
    arrivals: Option<&AtomicU64>,
) -> Result<Towards, Outcome> {
    let mut batch = held;
    if write_all(&mut write, &mut batch, tap, |_| {}).await.is_err() {
        return Ok(Towards::LocalFull);
    }
    while let Some(first) = reader.recv().await {
        batch.push_back(first);
        if let Some(arrivals) = arrivals {
            arrivals.fetch_add(1, Ordering::Relaxed);
        }
        while batch.len() < BATCH
            && let Some(more) = try_recv(&mut reader).await
        {
            batch.push_back(more);
        }
        if write_all(&mut write, &mut batch, tap, |n| reader.consumed(n)).await.is_err() {
            return Ok(Towards::LocalFull);
        }
    }
    match reader.ending() {
        Some(Ending::Lost) | None => Err(Outcome::TunnelLost),
        Some(ending) => {
            // Fails only where the local side is gone, which the other direction tells.
            let _ = write.shutdown().await;
            Ok(match ending {
                Ending::Closed => Towards::PeerClosed,
                _ => Towards::Ended,
            })
        }
    }
}

async fn from_local(
    read: ReadHalf<'_>,
    mut writer: Writer,
    tap: Option<&Glance>,
) -> Result<(), Outcome> {
    let mut buffer = ReadBuffer::default();
    loop {
        let read = tokio::select! {
            biased;
            read = buffer.read(&read) => read,
            // A local side that says nothing more must not keep a closed channel's task alive.
            () = writer.closed() => return Ok(()),
        };
        match read {
            Ok(Some(bytes)) => {
                if let Some(tap) = tap {
                    tap.show(|tap, now| tap.response(&bytes, now));
                }
                let n = bytes.len();
                if writer.send(bytes).await.is_err() {
                    // The peer closed, or the session is lost: the other direction knows which.
                    return Ok(());
                }
                if let Some(counts) = tap.and_then(|tap| tap.counts.as_ref()) {
                    counts.sent(n);
                }
            }
            Ok(None) => break,
            Err(_) => return Err(Outcome::LocalBroke),
        }
    }
    if let Some(tap) = tap {
        tap.show(|tap, now| tap.response_end(now));
    }
    let _ = writer.eof().await;
    Ok(())
}

/// Takes and forgets what the local side still sends, within limits.
async fn linger(local: &mut TcpStream) {
    let (read, _write) = local.split();
    let discard = async {
        let mut buffer = ReadBuffer::default();
        let mut left = LINGER_BYTES;
        while let Ok(Some(bytes)) = buffer.read(&read).await
            && bytes.len() < left
        {
            left -= bytes.len();
        }
    };
    let _ = clock::until(clock::now() + LINGER, discard).await;
}

/// What has arrived already, without waiting for more.
async fn try_recv(reader: &mut Reader) -> Option<Bytes> {
    poll_fn(|context| match reader.poll_recv(context) {
        Poll::Ready(bytes) => Poll::Ready(bytes),
        Poll::Pending => Poll::Ready(None),
    })
    .await
}

/// Writes a batch, shows it to the tap before, and tells of each part that was taken.
async fn write_all(
    write: &mut WriteHalf<'_>,
    batch: &mut VecDeque<Bytes>,
    tap: Option<&Glance>,
    mut taken: impl FnMut(usize),
) -> io::Result<()> {
    if let Some(tap) = tap {
        batch.iter().for_each(|bytes| tap.show(|tap, now| tap.request(bytes, now)));
    }
    while !batch.is_empty() {
        let n = write_some(write, batch).await?;
        advance(batch, n);
        taken(n);
        if let Some(counts) = tap.and_then(|tap| tap.counts.as_ref()) {
            counts.received(n);
        }
    }
    Ok(())
}

async fn write_some(write: &mut WriteHalf<'_>, batch: &VecDeque<Bytes>) -> io::Result<usize> {
    let mut slices = [io::IoSlice::new(&[]); BATCH];
    let mut count = 0;
    for (slice, bytes) in slices.iter_mut().zip(batch) {
        *slice = io::IoSlice::new(bytes);
        count += 1;
    }
    match write.write_vectored(&slices[..count]).await? {
        0 => Err(io::ErrorKind::WriteZero.into()),
        n => Ok(n),
    }
}

fn advance(batch: &mut VecDeque<Bytes>, mut n: usize) {
    while let Some(first) = batch.front_mut() {
        if n < first.len() {
            return first.advance(n);
        }
        n -= first.len();
        batch.pop_front();
    }
}

/// A tap that both directions of one task look through. They are never at it at once: the lock
/// only tells the compiler so. Bytes are counted beside it, also where nothing is looked at.
struct Glance {
    tap: Mutex<Tap>,
    counts: Option<Counts>,
}

impl Glance {
    fn new(tap: Tap) -> Self {
        Self { counts: tap.counts(), tap: Mutex::new(tap) }
    }

    fn show(&self, look: impl FnOnce(&mut Tap, std::time::Instant)) {
        let mut tap: MutexGuard<'_, Tap> = self.tap.lock().unwrap_or_else(PoisonError::into_inner);
        if tap.is_looking() {
            look(&mut tap, clock::now());
        }
    }
}
