//! The state machine that watches one forwarded connection: both directions in, observations out.
//!
//! The caller lends it each piece of bytes on its way; it copies only what it is told to keep. It cannot fail
//! and cannot ask for anything; what it does not understand makes it stop looking, and say so.

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Instant;

use super::body::{Body, Broken};
use super::capture::Capture;
use super::head::{self, HeadError, HeadReader, RequestHead};
use super::keep::Keeping;
use super::message::Message;
use super::{Ending, Exchange, NotInspected, Observation};

/// The most requests that may wait for their answers on one connection.
const MAX_PIPELINED: usize = 32;

/// The most bytes kept while an answer decides whether a connection stays HTTP.
const MAX_WAITING: usize = head::MAX_HEAD;

/// The first byte of a TLS record that starts a handshake.
const TLS_HANDSHAKE: u8 = 0x16;

/// Watches one connection.
#[derive(Debug, Default)]
pub struct Observer {
    requests: Requests,
    responses: Responses,
    /// Requests without a whole answer, oldest first.
    pending: VecDeque<Pending>,
    /// Requests whose answer was whole: the number of `pending`'s first.
    answered: u64,
    observations: VecDeque<Observation>,
    /// What is kept besides; nothing by default.
    keeping: Option<Keeping>,
    done: bool,
}

#[derive(Debug)]
struct Pending {
    method: Box<str>,
    target: Box<str>,
    may_switch: bool,
    started: Instant,
    answer: Option<Answer>,
    sent: u64,
    kept: Kept,
}

/// What is kept of a message.
#[derive(Debug, Default)]
struct Kept {
    message: Option<Box<Message>>,
    body: Option<Capture>,
}

#[derive(Debug)]
struct Answer {
    status: u16,
    at: Instant,
    /// Already reported, because nobody waits for its end.
    reported: bool,
    kept: Kept,
}

#[derive(Debug, Default)]
struct Requests {
    head: HeadReader,
    /// The body at hand and the number of the request that it belongs to.
    body: Option<(u64, Body)>,
    /// Bytes behind a request that may leave HTTP; `None` while there is no such request.
    waiting: Option<Vec<u8>>,
    /// Requests seen so far.
    seen: u64,
}

#[derive(Debug, Default)]
struct Responses {
    head: HeadReader,
    body: Option<Body>,
}

impl Observer {
    /// A connection of which nothing has been seen yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same, which keeps more.
    pub(super) fn keeping(keeping: Option<Keeping>) -> Self {
        Self { keeping, ..Self::default() }
    }

    /// Returns the next observation.
    pub fn poll(&mut self) -> Option<Observation> {
        self.observations.pop_front()
    }

    /// Whether there is something to [`poll`](Self::poll).
    pub(super) fn has_seen(&self) -> bool {
        !self.observations.is_empty()
    }

    /// Whether it has stopped looking, so that nothing new will be observed.
    pub fn is_done(&self) -> bool {
        self.done
    }

    /// Looks at bytes on their way to the local server.
    pub fn request(&mut self, bytes: &[u8], now: Instant) {
        if !self.done
            && let Err(reason) = self.read_requests(bytes, now)
        {
            self.stop(reason);
        }
    }

    /// Looks at bytes on their way back.
    pub fn response(&mut self, bytes: &[u8], now: Instant) {
        if !self.done
            && let Err(reason) = self.read_responses(bytes, now)
        {
            self.stop(reason);
        }
    }

    /// The local server will send nothing more, in an orderly way.
    pub fn response_end(&mut self, now: Instant) {
        if self.responses.body.as_ref().is_some_and(Body::ends_with_stream) {
            self.finish_response(now, Ending::Complete);
        }
    }

    /// The connection is over: what had no whole answer is reported as cut short.
    pub fn close(&mut self, now: Instant) {
        let received = self.responses.body.take().map_or(0, |body| body.payload());
        let mut first = Some(received);
        while let Some(mut pending) = self.pending.pop_front() {
            let received = first.take().unwrap_or(0);
            self.report(&mut pending, received, now, Ending::CutShort);
            self.answered += 1;
        }
        self.done = true;
    }

    fn read_requests(&mut self, mut bytes: &[u8], now: Instant) -> Result<(), NotInspected> {
        while !bytes.is_empty() {
            if let Some(waiting) = &mut self.requests.waiting {
                if waiting.len() + bytes.len() > MAX_WAITING {
                    return Err(NotInspected::Unclear);
                }
                waiting.extend_from_slice(bytes);
                return Ok(());
            }
            let used = match &mut self.requests.body {
                Some((number, body)) => {
                    let place = number.checked_sub(self.answered).map(|place| place as usize);
                    let pending = place.and_then(|place| self.pending.get_mut(place));
                    match pending {
                        Some(pending) => {
                            let used = body.take(bytes, |data| pending.kept.add(data))?;
                            pending.sent = body.payload();
                            used
                        }
                        None => body.take(bytes, |_| {})?,
                    }
                }
                None => match self.read_request_head(bytes, now)? {
                    Some(used) => used,
                    None => return Ok(()),
                },
            };
            bytes = &bytes[used..];
            if self.requests.body.as_ref().is_some_and(|(_, body)| body.is_done()) {
                self.requests.body = None;
            }
        }
        Ok(())
    }

    /// Returns how many bytes the head took, or `None` when it goes on in the next piece.
    fn read_request_head(
        &mut self,
        bytes: &[u8],
        now: Instant,
    ) -> Result<Option<usize>, NotInspected> {
        let keep = self.keeping.is_some();
        let requests = &mut self.requests;
        if requests.seen == 0 && !requests.head.has_begun() && bytes[0] == TLS_HANDSHAKE {
            return Err(NotInspected::Encrypted);
        }
        let ControlFlow::Break((head, used)) =
            requests.head.read(bytes, |head| head::request(head, keep))?
        else {
            return Ok(None);
        };
        if self.pending.len() == MAX_PIPELINED {
            return Err(NotInspected::Unclear);
        }
        let RequestHead { method, target, may_switch, body, message } = head;
        if may_switch && body.is_done() {
            requests.waiting = Some(Vec::new());
        }
        requests.body = Some((requests.seen, body));
        requests.seen += 1;
        self.pending.push_back(Pending {
            method,
            target,
            may_switch,
            started: now,
            answer: None,
            sent: 0,
            kept: Kept::new(message, self.keeping.as_ref()),
        });
        Ok(Some(used))
    }

    fn read_responses(&mut self, mut bytes: &[u8], now: Instant) -> Result<(), NotInspected> {
        while !bytes.is_empty() {
            let used = match &mut self.responses.body {
                Some(body) => {
                    let pending = self.pending.front_mut();
                    match pending.and_then(|pending| pending.answer.as_mut()) {
                        Some(answer) => body.take(bytes, |data| answer.kept.add(data))?,
                        None => body.take(bytes, |_| {})?,
                    }
                }
                None => match self.read_response_head(bytes, now)? {
                    Some(used) => used,
                    None => return Ok(()),
                },
            };
            bytes = &bytes[used..];
            if self.done {
                return Ok(());
            }
            if self.responses.body.as_ref().is_some_and(Body::is_done) {
                self.finish_response(now, Ending::Complete);
                self.resume_requests(now)?;
            }
        }
        Ok(())
    }

    /// Returns how many bytes the head took, or `None` when it goes on in the next piece.
    fn read_response_head(
        &mut self,
        bytes: &[u8],
        now: Instant,
    ) -> Result<Option<usize>, NotInspected> {
        let Some(pending) = self.pending.front_mut() else {
            // A server that speaks first, or unasked, speaks something else.
            return Err(match self.requests.seen {
                0 => NotInspected::NotHttp,
                _ => NotInspected::Unclear,
            });
        };
        let keep = self.keeping.is_some();
        let read = self.responses.head.read(bytes, |head| head::response(head, keep));
        let ControlFlow::Break((head, used)) = read? else {
            return Ok(None);
        };
        let connected = &*pending.method == "CONNECT" && (200..300).contains(&head.status);
        let switched = pending.may_switch && (head.status == 101 || connected);
        if head.status < 200 && !switched {
            return Ok(Some(used));
        }
        self.responses.body = Some(head.body(&pending.method));
        // Nobody waits for the end of an event stream, so none of it is kept.
        let keeping = self.keeping.as_ref().filter(|_| !head.event_stream);
        pending.answer = Some(Answer {
            status: head.status,
            at: now,
            reported: head.event_stream,
            kept: Kept::new(head.message, keeping),
        });
        if switched {
            self.finish_response(now, Ending::Upgraded);
            self.forget();
        } else if head.event_stream
            && let Some(pending) = self.pending.front_mut()
        {
            if self.requests.body.is_some() {
                pending.kept.cut();
            }
            let observation = pending.exchange(0, now, Ending::Streaming);
            self.observations.push_back(observation);
        }
        Ok(Some(used))
    }

    /// Reports the oldest request and goes on to the next.
    fn finish_response(&mut self, now: Instant, ending: Ending) {
        let received = self.responses.body.take().map_or(0, |body| body.payload());
        if let Some(mut pending) = self.pending.pop_front() {
            self.report(&mut pending, received, now, ending);
            self.answered += 1;
        }
    }

    /// Looks at what waited for an answer that did not leave HTTP.
    fn resume_requests(&mut self, now: Instant) -> Result<(), NotInspected> {
        if self.pending.is_empty()
            && let Some(waiting) = self.requests.waiting.take()
        {
            self.read_requests(&waiting, now)?;
        }
        Ok(())
    }

    /// Reports the oldest request, which is in no queue any more and not counted as answered yet.
    fn report(&mut self, pending: &mut Pending, received: u64, now: Instant, ending: Ending) {
        if !pending.answer.as_ref().is_some_and(|answer| answer.reported) {
            if self.requests.body.as_ref().is_some_and(|(number, _)| *number == self.answered) {
                pending.kept.cut();
            }
            if let (Ending::CutShort, Some(answer)) = (ending, &mut pending.answer) {
                answer.kept.cut();
            }
            self.observations.push_back(pending.exchange(received, now, ending));
        }
    }

    fn stop(&mut self, reason: NotInspected) {
        self.observations.push_back(Observation::NotInspected(reason));
        self.forget();
    }

    /// Gives back all memory but the observations that nobody fetched yet.
    fn forget(&mut self) {
        let observations = std::mem::take(&mut self.observations);
        *self = Self { observations, done: true, ..Self::default() };
    }
}

impl Pending {
    /// What it came to. What was kept goes with it, so this is asked once.
    fn exchange(&mut self, received: u64, now: Instant, ending: Ending) -> Observation {
        let request = self.kept.take();
        let response = self.answer.as_mut().and_then(|answer| answer.kept.take());
        let since = |at: Instant| at.saturating_duration_since(self.started);
        Observation::Exchange(Exchange {
            method: self.method.clone(),
            target: self.target.clone(),
            status: self.answer.as_ref().map(|answer| answer.status),
            started: self.started,
            waited: self.answer.as_ref().map(|answer| since(answer.at)),
            took: since(now),
            sent: self.sent,
            received,
            ending,
            request,
            response,
        })
    }
}

impl Kept {
    fn new(message: Option<Box<Message>>, keeping: Option<&Keeping>) -> Self {
        let body = message.as_ref().and(keeping).and_then(Keeping::body);
        Self { message, body }
    }

    fn add(&mut self, data: &[u8]) {
        if let Some(body) = &mut self.body {
            body.add(data);
        }
    }

    fn cut(&mut self) {
        if let Some(body) = &mut self.body {
            body.cut();
        }
    }

    fn take(&mut self) -> Option<Box<Message>> {
        let mut message = self.message.take()?;
        message.body = self.body.take().map(Arc::new);
        Some(message)
    }
}

impl From<HeadError> for NotInspected {
    fn from(error: HeadError) -> Self {
        match error {
            HeadError::TooLarge => Self::HeadTooLarge,
            HeadError::NotHttp => Self::NotHttp,
            HeadError::Unclear => Self::Unclear,
        }
    }
}

impl From<Broken> for NotInspected {
    fn from(Broken: Broken) -> Self {
        Self::Unclear
    }
}
