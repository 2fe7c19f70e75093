//! The state machine that watches one forwarded connection: both directions in, observations out.
//!
//! It sees copies of nothing: the caller lends it each piece of bytes on its way. It cannot fail
//! and cannot ask for anything; what it does not understand makes it stop looking, and say so.

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::time::Instant;

use super::body::{Body, Broken};
use super::head::{self, HeadError, HeadReader, RequestHead};
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
}

#[derive(Debug)]
struct Answer {
    status: u16,
    at: Instant,
    /// Already reported, because nobody waits for its end.
    reported: bool,
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

    /// Returns the next observation.
    pub fn poll(&mut self) -> Option<Observation> {
        self.observations.pop_front()
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
        while let Some(pending) = self.pending.pop_front() {
            let received = first.take().unwrap_or(0);
            self.report(&pending, received, now, Ending::CutShort);
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
                    let used = body.take(bytes)?;
                    let place = number.checked_sub(self.answered).map(|place| place as usize);
                    if let Some(pending) = place.and_then(|place| self.pending.get_mut(place)) {
                        pending.sent = body.payload();
                    }
                    used
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
        let requests = &mut self.requests;
        if requests.seen == 0 && !requests.head.has_begun() && bytes[0] == TLS_HANDSHAKE {
            return Err(NotInspected::Encrypted);
        }
        let ControlFlow::Break((head, used)) = requests.head.read(bytes, head::request)? else {
            return Ok(None);
        };
        if self.pending.len() == MAX_PIPELINED {
            return Err(NotInspected::Unclear);
        }
        let RequestHead { method, target, may_switch, body } = head;
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
        });
        Ok(Some(used))
    }

    fn read_responses(&mut self, mut bytes: &[u8], now: Instant) -> Result<(), NotInspected> {
        while !bytes.is_empty() {
            let used = match &mut self.responses.body {
                Some(body) => body.take(bytes)?,
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
        let ControlFlow::Break((head, used)) = self.responses.head.read(bytes, head::response)?
        else {
            return Ok(None);
        };
        let connected = &*pending.method == "CONNECT" && (200..300).contains(&head.status);
        let switched = pending.may_switch && (head.status == 101 || connected);
        if head.status < 200 && !switched {
            return Ok(Some(used));
        }
        pending.answer = Some(Answer { status: head.status, at: now, reported: head.event_stream });
        self.responses.body = Some(head.body(&pending.method));
        if switched {
            self.finish_response(now, Ending::Upgraded);
            self.forget();
        } else if head.event_stream
            && let Some(pending) = self.pending.front()
        {
            let observation = pending.exchange(0, now, Ending::Streaming);
            self.observations.push_back(observation);
        }
        Ok(Some(used))
    }

    /// Reports the oldest request and goes on to the next.
    fn finish_response(&mut self, now: Instant, ending: Ending) {
        let received = self.responses.body.take().map_or(0, |body| body.payload());
        if let Some(pending) = self.pending.pop_front() {
            self.answered += 1;
            self.report(&pending, received, now, ending);
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

    fn report(&mut self, pending: &Pending, received: u64, now: Instant, ending: Ending) {
        if !pending.answer.as_ref().is_some_and(|answer| answer.reported) {
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
    fn exchange(&self, received: u64, now: Instant, ending: Ending) -> Observation {
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
        })
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
