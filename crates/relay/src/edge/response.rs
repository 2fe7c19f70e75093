//! A local server's response body on its way to the visitor.
//!
//! It drives the connection that it comes from: the visitor's pace is the local server's pace, and
//! a visitor who goes closes it. At its end the connection waits for the next request.
//!
//! A response that begins while the request's body is still on its way is [`apart`]: neither
//! direction may then wait for the other.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use adit_wire::{clock, task};
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use hyper::body::Incoming;

use super::apart::{self, Apart};
use super::body::Progress;
use super::conn::Conn;
use super::pool::Port;
use crate::body::{self, BodyError};

/// What is left of an exchange once its response has begun.
pub(super) struct Rest {
    /// The connection.
    pub(super) conn: Box<Conn>,
    /// Where it goes afterwards.
    pub(super) port: Arc<Port>,
    /// For how many seconds the local server keeps it open.
    pub(super) patience: Option<u64>,
    /// How far the request's body has come, if there is one.
    pub(super) upload: Option<Progress>,
    /// For what outlives the response.
    pub(super) tasks: task::Spawner,
}

impl Rest {
    /// The body of the response.
    pub(super) async fn stream(self, incoming: Incoming) -> body::Body {
        if self.upload.as_ref().is_some_and(Progress::is_sending) {
            return Apart::start(self, incoming).boxed_unsync();
        }
        let mut body = ResponseBody { incoming, rest: Some(self), broken: None };
        if !body.incoming.is_end_stream() {
            return body.boxed_unsync();
        }
        poll_fn(|context| {
            body.end(context);
            Poll::Ready(())
        })
        .await;
        body::empty()
    }

    /// Keeps the connection for the next request.
    pub(super) fn put(self) {
        self.port.put(self.conn, clock::now(), self.patience.map(Duration::from_secs));
    }
}

struct ResponseBody {
    incoming: Incoming,
    /// Gone once the body has ended.
    rest: Option<Rest>,
    /// Why it broke off. Told one turn later: whoever learns of it closes the visitor's connection
    /// at once, and what came before should be on its way by then.
    broken: Option<BodyError>,
}

/// The local server fell silent in the middle of its response.
#[derive(Debug, thiserror::Error)]
#[error("the local server sent nothing for too long")]
struct Silent;

impl ResponseBody {
    /// The response has ended. Keeps the connection if it can serve again.
    fn end(&mut self, context: &mut Context<'_>) {
        let Some(mut rest) = self.rest.take() else { return };
        if !rest.conn.is_ready() && rest.conn.poll_drive(context).is_ready() {
            return;
        }
        match &rest.upload {
            _ if rest.conn.is_ready() => rest.put(),
            // The last of the upload is not out yet.
            Some(upload) if !upload.is_held() => apart::settle(rest),
            // The connection would wait for a body that will not come.
            Some(_) | None => {}
        }
    }

    fn breaks<T>(&mut self, error: BodyError, context: &Context<'_>) -> Poll<T> {
        self.rest = None;
        self.broken = Some(error);
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = &mut *self;
        if let Some(error) = this.broken.take() {
            return Poll::Ready(Some(Err(error)));
        }
        let mut frame = Pin::new(&mut this.incoming).poll_frame(context);
        if frame.is_pending()
            && let Some(rest) = &mut this.rest
        {
            let driven = rest.conn.poll_drive(context);
            frame = Pin::new(&mut this.incoming).poll_frame(context);
            if driven.is_pending()
                && frame.is_pending()
                && rest.conn.poll_silent(context).is_ready()
            {
                return this.breaks(Silent.into(), context);
            }
        }
        match frame {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Some(Ok(frame))) => {
                if this.incoming.is_end_stream() {
                    this.end(context);
                } else if let Some(rest) = &this.rest {
                    // How long the visitor takes for it is not the local server's silence.
                    rest.conn.touch();
                }
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(error))) => this.breaks(error.into(), context),
            Poll::Ready(None) => {
                this.end(context);
                Poll::Ready(None)
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}
