//! A visitor's request body on its way to the local server.
//!
//! Nothing is kept: the local server's pace is the visitor's pace. A visitor who asks first
//! (`Expect: 100-continue`) is answered by the local server, not by us, as long as it answers soon.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use adit_wire::{clock, task};
use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode, header};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::sync::oneshot;
use tokio::time::Sleep;

/// How long the local server may take to say 100 before the body is sent all the same: the wait
/// that clients are used to, who otherwise give up waiting themselves.
const CONTINUE_WAIT: Duration = Duration::from_secs(1);

/// How long what a visitor still sends is read after he was answered. Closing on it would reset
/// the connection, and the answer could be lost with it.
const LINGER: Duration = Duration::from_secs(30);

/// A visitor's request body.
pub(super) struct RequestBody {
    /// Nothing when there is no body, or it has ended.
    incoming: Option<Incoming>,
    gate: Gate,
    progress: Option<Progress>,
    tasks: task::Spawner,
}

/// How far a body has come; for whoever waits for the response.
#[derive(Debug, Clone)]
pub(super) struct Progress(Arc<AtomicU8>);

const HELD: u8 = 0;
const SENDING: u8 = 1;
const SENT: u8 = 2;

/// Keeps a body back until the local server wants it.
enum Gate {
    Open,
    /// The visitor asks first, and has not been asked for.
    Shut,
    /// The local server was asked.
    Asked(Question),
}

struct Question {
    answer: oneshot::Receiver<()>,
    patience: Pin<Box<Sleep>>,
}

impl Progress {
    /// Whether the local server has not asked for the body.
    pub(super) fn is_held(&self) -> bool {
        self.0.load(Ordering::Relaxed) == HELD
    }

    /// Whether the body is on its way.
    pub(super) fn is_sending(&self) -> bool {
        self.0.load(Ordering::Relaxed) == SENDING
    }

    fn is(&self, state: u8) {
        self.0.store(state, Ordering::Relaxed);
    }
}

impl RequestBody {
    /// The body of a request with this header.
    pub(super) fn new(incoming: Incoming, headers: &HeaderMap, tasks: &task::Spawner) -> Self {
        let gate = if expects_continue(headers) { Gate::Shut } else { Gate::Open };
        let incoming = Some(incoming).filter(|body| !body.is_end_stream());
        Self { incoming, gate, progress: None, tasks: tasks.clone() }
    }

    /// No body, for a request that is sent again.
    pub(super) fn empty(tasks: &task::Spawner) -> Self {
        Self { incoming: None, gate: Gate::Open, progress: None, tasks: tasks.clone() }
    }

    /// Makes a request ready to be sent. If the visitor asks first, the local server answers, and
    /// a 100 lets the body pass. Nothing is returned for a request without a body.
    pub(super) fn begin(request: &mut Request<Self>) -> Option<Progress> {
        if request.body().is_end_stream() {
            return None;
        }
        let open = matches!(request.body().gate, Gate::Open);
        let progress = Progress(Arc::new(AtomicU8::new(if open { SENDING } else { HELD })));
        request.body_mut().progress = Some(progress.clone());
        if !open {
            Self::ask(request);
        }
        Some(progress)
    }

    fn ask(request: &mut Request<Self>) {
        let (tell, answer) = oneshot::channel();
        let patience = clock::now() + CONTINUE_WAIT;
        let patience = Box::pin(tokio::time::sleep_until(patience.into()));
        request.body_mut().gate = Gate::Asked(Question { answer, patience });
        let tell = Mutex::new(Some(tell));
        hyper::ext::on_informational(request, move |response| {
            if response.status() == StatusCode::CONTINUE {
                let tell = tell.lock().unwrap_or_else(PoisonError::into_inner).take();
                // Nobody listens any more when the body went without waiting.
                let _ = tell.map(|tell| tell.send(()));
            }
        });
    }

    fn is(&self, state: u8) {
        if let Some(progress) = &self.progress {
            progress.is(state);
        }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match &mut self.gate {
            Gate::Open => {}
            Gate::Shut => return Poll::Pending,
            Gate::Asked(question) => {
                ready!(question.poll(context));
                self.gate = Gate::Open;
                self.is(SENDING);
            }
        }
        let Some(incoming) = &mut self.incoming else { return Poll::Ready(None) };
        let frame = ready!(Pin::new(&mut *incoming).poll_frame(context));
        if !matches!(frame, Some(Ok(_))) || incoming.is_end_stream() {
            self.incoming = None;
            self.is(SENT);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.as_ref().is_none_or(Incoming::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.as_ref().map_or_else(|| SizeHint::with_exact(0), Incoming::size_hint)
    }
}

impl Question {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if self.answer.is_terminated() {
            return Poll::Pending;
        }
        match Pin::new(&mut self.answer).poll(context) {
            Poll::Ready(Ok(())) => {}
            // The final answer has come. It may still be on its way to the visitor; ending this
            // body, which is not whole, would take the connection away under it.
            Poll::Ready(Err(_)) => return Poll::Pending,
            Poll::Pending => ready!(self.patience.as_mut().poll(context)),
        }
        Poll::Ready(())
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        // Behind a closed gate the visitor has not begun to send, and will not.
        let begun = matches!(self.gate, Gate::Open);
        if begun {
            self.is(SENT);
        }
        if let Some(incoming) = self.incoming.take().filter(|_| begun) {
            linger(incoming, &self.tasks);
        }
    }
}

/// Reads and discards what is left of a body whose request has been answered without it.
fn linger(mut incoming: Incoming, tasks: &task::Spawner) {
    // A body may be dropped with the runtime itself, when there is no visitor left either.
    if tokio::runtime::Handle::try_current().is_err() {
        return;
    }
    tasks.spawn("edge-linger", async move {
        let drained = async { while let Some(Ok(_)) = incoming.frame().await {} };
        // Whoever sends on for longer gets his connection closed.
        let _ = clock::until(clock::now() + LINGER, drained).await;
    });
}

fn expects_continue(headers: &HeaderMap) -> bool {
    let expect = headers.get(header::EXPECT).map(|value| value.as_bytes());
    expect.is_some_and(|expect| expect.eq_ignore_ascii_case(b"100-continue"))
}
