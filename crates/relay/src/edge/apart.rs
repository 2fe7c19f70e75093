//! Exchanges whose response begins before the request has ended.
//!
//! A visitor may send all before he reads anything, and a local server may answer while it reads.
//! So the connection is driven by a task of its own here: the upload goes on while the response
//! waits for the visitor, and after the response has ended.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::sync::oneshot;

use super::response::Rest;
use crate::body::BodyError;

/// The response body of an exchange that a task drives.
pub(super) struct Apart {
    incoming: Incoming,
    /// Whether the visitor waits for the local server, rather than the other way round.
    waits: Arc<AtomicBool>,
    /// Tells the task that the response has ended; dropped before that, that the visitor has gone.
    ended: Option<oneshot::Sender<()>>,
}

impl Apart {
    /// Starts the task.
    pub(super) fn start(rest: Rest, incoming: Incoming) -> Self {
        let (ended, end) = oneshot::channel();
        let waits = Arc::new(AtomicBool::new(false));
        rest.tasks.clone().spawn("edge-apart", drive(rest, waits.clone(), Some(end)));
        let mut body = Self { incoming, waits, ended: Some(ended) };
        body.look_at_end();
        body
    }

    fn look_at_end(&mut self) {
        if self.incoming.is_end_stream() {
            self.end();
        }
    }

    fn end(&mut self) {
        if let Some(ended) = self.ended.take() {
            // The connection may have ended before.
            let _ = ended.send(());
        }
    }
}

/// Sends what is left of the request, after the response has ended.
pub(super) fn settle(rest: Rest) {
    rest.tasks.clone().spawn("edge-settle", drive(rest, Arc::default(), None));
}

/// Drives a connection until both directions have ended, nothing moves any more, or the visitor
/// goes. Without an `end` to wait for, the response has ended.
async fn drive(mut rest: Rest, waits: Arc<AtomicBool>, mut end: Option<oneshot::Receiver<()>>) {
    let again = poll_fn(|context| {
        if let Some(ending) = &mut end {
            match Pin::new(ending).poll(context) {
                Poll::Ready(Ok(())) => end = None,
                Poll::Ready(Err(_)) => return Poll::Ready(false),
                Poll::Pending => {}
            }
        }
        let ended = end.is_none();
        if rest.conn.poll_drive(context).is_ready() {
            return Poll::Ready(false);
        }
        if ended && rest.conn.is_ready() {
            return Poll::Ready(true);
        }
        while rest.conn.poll_silent(context).is_ready() {
            if ended || waits.load(Ordering::Relaxed) {
                return Poll::Ready(false);
            }
            // It is the visitor who takes his time.
            rest.conn.touch();
        }
        Poll::Pending
    });
    if again.await {
        rest.put();
    }
}

impl Body for Apart {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let frame = Pin::new(&mut self.incoming).poll_frame(context);
        self.waits.store(frame.is_pending(), Ordering::Relaxed);
        match &frame {
            Poll::Ready(None) => self.end(),
            Poll::Ready(Some(_)) => self.look_at_end(),
            Poll::Pending => {}
        }
        frame.map_err(BodyError::from)
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}
