//! Passive inspection: tells what HTTP/1 requests went through forwarded streams.
//!
//! An [`Observer`] is lent the bytes of one connection on their way and reports the exchanges it
//! saw. It alters nothing, delays nothing and keeps little: at most one head of 64 KiB a
//! direction and 32 unanswered requests; what goes beyond, or is not HTTP/1, ends the inspection
//! of that connection and not the connection. HTTP/2, upgraded and encrypted streams are not
//! looked into.
//!
//! Headers and bodies are kept only where a [`Keep`] says so: headers without what is secret in them, bodies up to
//! 64 KiB each and only of ports that were switched on.
//!
//! A [`Tap`] is the observer's place in a forwarded stream. It hands observations to one bounded
//! queue and throws them away, counted, when the reader of that queue is slow: seeing less is
//! better than serving slower.

mod again;
mod body;
mod capture;
mod head;
mod keep;
mod mask;
mod message;
mod observer;
mod redact;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

pub use again::{Again, NotSent, Unfit};
pub use capture::Capture;
pub(crate) use keep::Counts;
pub use keep::{Keep, MAX_BODY, Passed};
pub use mask::mask_query;
pub use message::{Header, Message, Version};
pub use observer::Observer;

/// Something that inspection has to say about a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Observation {
    /// A request and what became of it.
    Exchange(Exchange),
    /// From here on nothing more will be seen of this connection, for this reason.
    NotInspected(NotInspected),
}

/// One request and its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchange {
    /// The method, as sent.
    pub method: Box<str>,
    /// The request target with its query, cut at 2 KiB; see [`mask_query`] before showing it.
    pub target: Box<str>,
    /// The final status; `None` when no answer came.
    pub status: Option<u16>,
    /// When the request's head was complete.
    pub started: Instant,
    /// From then to the head of the answer.
    pub waited: Option<Duration>,
    /// From then to the end of the answer, or to when it was reported.
    pub took: Duration,
    /// Bytes of the request's body seen, without chunk framing.
    pub sent: u64,
    /// Bytes of the answer's body seen, without chunk framing.
    pub received: u64,
    /// How it ended.
    pub ending: Ending,
    /// The rest of the request, where that is kept.
    pub request: Option<Box<Message>>,
    /// The rest of the answer, where that is kept and one came.
    pub response: Option<Box<Message>>,
}

/// How an exchange ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The answer was whole.
    Complete,
    /// The answer is an event stream: reported at its head, because nobody waits for its end.
    Streaming,
    /// The connection left HTTP, as WebSocket does, and is no longer inspected.
    Upgraded,
    /// The connection ended before the answer did.
    CutShort,
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Complete => "complete",
            Self::Streaming => "streaming",
            Self::Upgraded => "upgraded, no longer inspected",
            Self::CutShort => "cut short",
        })
    }
}

/// Why a connection is not, or no longer, inspected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotInspected {
    /// The stream is TLS.
    Encrypted,
    /// The stream is not HTTP/1.
    NotHttp,
    /// A head is larger than 64 KiB or has more than 128 lines.
    HeadTooLarge,
    /// Where messages begin and end cannot be told safely.
    Unclear,
}

impl fmt::Display for NotInspected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Encrypted => "encrypted, not inspected",
            Self::NotHttp => "not HTTP/1, not inspected",
            Self::HeadTooLarge => "head too large, no longer inspected",
            Self::Unclear => "unclear framing, no longer inspected",
        })
    }
}

/// An observation and where it was made.
#[derive(Debug, Clone)]
pub struct Observed {
    /// The tunnel's port.
    pub port: u16,
    /// What was seen.
    pub observation: Observation,
}

/// Makes taps for connections; all of them write to one queue.
#[derive(Debug, Clone)]
pub struct Inspector {
    observed: mpsc::Sender<Observed>,
    dropped: Arc<AtomicU64>,
    keep: Keep,
}

/// How many observations may wait for their reader; a burst of a second at a busy screen.
const QUEUE: usize = 256;

impl Inspector {
    /// An inspector that keeps neither headers nor bodies, and the queue to read its observations from.
    pub fn new() -> (Self, mpsc::Receiver<Observed>) {
        Self::keeping(Keep::default())
    }

    /// An inspector that keeps what `keep` says, and the queue to read its observations from.
    pub fn keeping(keep: Keep) -> (Self, mpsc::Receiver<Observed>) {
        // Full means drop and count: see `Tap::publish`.
        let (observed, queue) = mpsc::channel(QUEUE);
        (Self { observed, dropped: Arc::default(), keep }, queue)
    }

    /// Observations that were thrown away because the queue was full.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// The tap for one new connection of `port`. `encrypted` says that its bytes are known to
    /// be TLS, as on an `https` port.
    pub fn tap(&self, port: u16, encrypted: bool) -> Tap {
        let mut tap = Tap { inspector: self.clone(), port, observer: None, open: None };
        if encrypted {
            tap.publish(Observation::NotInspected(NotInspected::Encrypted));
        } else {
            tap.observer = Some(Box::new(Observer::keeping(self.keep.of(port))));
        }
        tap
    }
}

/// Looks at one connection's bytes on their way.
#[derive(Debug)]
pub struct Tap {
    inspector: Inspector,
    port: u16,
    observer: Option<Box<Observer>>,
    open: Option<keep::Open>,
}

impl Tap {
    /// The connection is joined with the local server, and counts as open until the tap is dropped.
    pub fn joined(&mut self) {
        self.open.get_or_insert_with(|| self.inspector.keep.open(self.port));
    }

    /// What counts the connection's bytes, once it is joined.
    pub(crate) fn counts(&self) -> Option<Counts> {
        self.open.as_ref().map(keep::Open::counts)
    }

    /// Whether bytes are still of interest; when not, there is no need to show them.
    pub fn is_looking(&self) -> bool {
        self.observer.is_some()
    }

    /// Bytes on their way to the local server.
    pub fn request(&mut self, bytes: &[u8], now: Instant) {
        self.look(|observer| observer.request(bytes, now));
    }

    /// Bytes on their way back.
    pub fn response(&mut self, bytes: &[u8], now: Instant) {
        self.look(|observer| observer.response(bytes, now));
    }

    /// The local server ended its direction in an orderly way.
    pub fn response_end(&mut self, now: Instant) {
        self.look(|observer| observer.response_end(now));
    }

    /// The connection is over.
    pub fn close(&mut self, now: Instant) {
        self.look(|observer| observer.close(now));
    }

    fn look(&mut self, look: impl FnOnce(&mut Observer)) {
        let Some(mut observer) = self.observer.take() else { return };
        look(&mut observer);
        while let Some(observation) = observer.poll() {
            self.publish(observation);
        }
        if !observer.is_done() {
            self.observer = Some(observer);
        }
    }

    fn publish(&self, observation: Observation) {
        let observed = Observed { port: self.port, observation };
        if self.inspector.observed.try_send(observed).is_err() {
            self.inspector.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}
