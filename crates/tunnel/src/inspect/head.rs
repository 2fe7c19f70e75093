//! Finds and reads the heads of HTTP/1 messages in a stream that arrives in arbitrary pieces.
//!
//! A head that lies whole in one piece is read where it lies; only a cut one is copied, and
//! never more than [`MAX_HEAD`] of it.

use std::ops::ControlFlow;

use super::body::Body;
use super::message::Message;

/// The largest head that is looked at; beyond it the connection is no longer inspected.
pub(super) const MAX_HEAD: usize = 64 * 1024;

/// The most header lines that are looked at in one head.
const MAX_HEADERS: usize = 128;

/// The longest request target that is kept; the rest is cut off.
const MAX_TARGET: usize = 2048;

/// Why a head could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HeadError {
    /// Larger than [`MAX_HEAD`], or with more than [`MAX_HEADERS`] lines.
    TooLarge,
    /// Not HTTP/1.
    NotHttp,
    /// HTTP/1, but where its body ends cannot be told safely.
    Unclear,
}

/// Collects the bytes of one head.
#[derive(Debug, Default)]
pub(super) struct HeadReader {
    held: Vec<u8>,
    /// Bytes of the line at hand, without its line end.
    line: usize,
    /// Lines that were not empty; empty ones before the first are skipped.
    lines: usize,
}

impl HeadReader {
    /// Whether some bytes of a head have been seen, but not all.
    pub(super) fn has_begun(&self) -> bool {
        self.lines > 0 || self.line > 0
    }

    /// Takes bytes up to the end of a head and reads it with `parse`.
    ///
    /// `Continue` means that all bytes were taken and more are needed; `Break` gives what was
    /// read and how many of `bytes` belonged to it.
    pub(super) fn read<T>(
        &mut self,
        bytes: &[u8],
        parse: impl Fn(&[u8]) -> Result<Option<T>, HeadError>,
    ) -> Result<ControlFlow<(T, usize)>, HeadError> {
        let lines_before = self.lines;
        let Some(end) = self.find_end(bytes) else {
            if self.held.len() + bytes.len() > MAX_HEAD {
                return Err(HeadError::TooLarge);
            }
            if self.has_begun() {
                self.held.extend_from_slice(bytes);
            }
            if lines_before == 0 && self.lines > 0 {
                // The first line is here: what is not HTTP is found out before 64 KiB of it are kept.
                parse(&self.held)?;
            }
            return Ok(ControlFlow::Continue(()));
        };
        if self.held.len() + end > MAX_HEAD {
            return Err(HeadError::TooLarge);
        }
        let held = std::mem::take(self).held;
        let parsed = if held.is_empty() {
            parse(&bytes[..end])
        } else {
            parse(&[&held, &bytes[..end]].concat())
        };
        // A blank line ended it, so a parser that still wants more sees something else than HTTP.
        let head = parsed?.ok_or(HeadError::NotHttp)?;
        Ok(ControlFlow::Break((head, end)))
    }

    /// Returns the offset behind the empty line that ends the head.
    fn find_end(&mut self, bytes: &[u8]) -> Option<usize> {
        for (at, byte) in bytes.iter().enumerate() {
            match byte {
                b'\n' if self.line > 0 => (self.line, self.lines) = (0, self.lines + 1),
                b'\n' if self.lines > 0 => return Some(at + 1),
                b'\n' | b'\r' => {}
                _ => self.line += 1,
            }
        }
        None
    }
}

/// What inspection keeps of a request's head.
#[derive(Debug)]
pub(super) struct RequestHead {
    pub(super) method: Box<str>,
    pub(super) target: Box<str>,
    /// Asks to leave HTTP: `CONNECT`, or a `Connection: upgrade`.
    pub(super) may_switch: bool,
    pub(super) body: Body,
    /// The rest of it, where that is kept.
    pub(super) message: Option<Box<Message>>,
}

/// Reads a request's head, or `None` when more bytes are needed. `keep` keeps its headers.
pub(super) fn request(bytes: &[u8], keep: bool) -> Result<Option<RequestHead>, HeadError> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut parsed = httparse::Request::new(&mut headers);
    if parsed.parse(bytes).map_err(head_error)?.is_partial() {
        return Ok(None);
    }
    let method = parsed.method.unwrap_or_default();
    let framing = Framing::of(parsed.headers)?;
    let target = printable(parsed.path.unwrap_or_default());
    let message = keep.then(|| {
        let is_cut = Some(&*target) != parsed.path;
        Box::new(Message::new(parsed.version, parsed.headers, is_cut))
    });
    Ok(Some(RequestHead {
        may_switch: method == "CONNECT" || framing.upgrade,
        method: method.into(),
        target,
        body: framing.request_body(),
        message,
    }))
}

/// What inspection keeps of a response's head.
#[derive(Debug)]
pub(super) struct ResponseHead {
    pub(super) status: u16,
    /// A body of `text/event-stream`: it stays open, so nobody should wait for its end.
    pub(super) event_stream: bool,
    /// The rest of it, where that is kept.
    pub(super) message: Option<Box<Message>>,
    framing: Framing,
}

impl ResponseHead {
    /// The body that follows this head in the answer to a request with `method`.
    pub(super) fn body(&self, method: &str) -> Body {
        match (method, self.status) {
            ("HEAD", _) | (_, 100..200 | 204 | 304) => Body::none(),
            _ => self.framing.response_body(),
        }
    }
}

/// Reads a response's head, or `None` when more bytes are needed. `keep` keeps its headers.
pub(super) fn response(bytes: &[u8], keep: bool) -> Result<Option<ResponseHead>, HeadError> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut parsed = httparse::Response::new(&mut headers);
    if parsed.parse(bytes).map_err(head_error)?.is_partial() {
        return Ok(None);
    }
    let event_stream = parsed.headers.iter().any(|header| {
        header.name.eq_ignore_ascii_case("content-type")
            && starts_with_ignoring_case(header.value, b"text/event-stream")
    });
    let framing = Framing::of(parsed.headers)?;
    let message = keep.then(|| Box::new(Message::new(parsed.version, parsed.headers, false)));
    let status = parsed.code.unwrap_or_default();
    Ok(Some(ResponseHead { status, event_stream, message, framing }))
}

/// How a head says where its message ends.
#[derive(Debug, Default)]
struct Framing {
    chunked: bool,
    /// A transfer coding whose end is the end of the connection.
    until_end: bool,
    length: Option<u64>,
    upgrade: bool,
}

impl Framing {
    fn of(headers: &[httparse::Header<'_>]) -> Result<Self, HeadError> {
        let mut framing = Self::default();
        let (mut wants_upgrade, mut names_protocol) = (false, false);
        for header in headers {
            match header.name {
                name if name.eq_ignore_ascii_case("transfer-encoding") => {
                    let last = items(header.value).last().unwrap_or_default();
                    framing.chunked = last.eq_ignore_ascii_case(b"chunked");
                    framing.until_end = !framing.chunked;
                }
                name if name.eq_ignore_ascii_case("content-length") => {
                    for item in items(header.value) {
                        let length = decimal(item).ok_or(HeadError::Unclear)?;
                        if framing.length.replace(length).is_some_and(|other| other != length) {
                            return Err(HeadError::Unclear);
                        }
                    }
                }
                name if name.eq_ignore_ascii_case("connection") => {
                    wants_upgrade |=
                        items(header.value).any(|item| item.eq_ignore_ascii_case(b"upgrade"));
                }
                name if name.eq_ignore_ascii_case("upgrade") => names_protocol = true,
                _ => {}
            }
        }
        framing.upgrade = wants_upgrade && names_protocol;
        Ok(framing)
    }

    fn request_body(&self) -> Body {
        match self.length {
            _ if self.chunked => Body::chunked(),
            _ if self.until_end => Body::until_end(),
            Some(length) => Body::length(length),
            None => Body::none(),
        }
    }

    fn response_body(&self) -> Body {
        match self.length {
            _ if self.chunked => Body::chunked(),
            Some(length) if !self.until_end => Body::length(length),
            _ => Body::until_end(),
        }
    }
}

fn head_error(error: httparse::Error) -> HeadError {
    match error {
        httparse::Error::TooManyHeaders => HeadError::TooLarge,
        _ => HeadError::NotHttp,
    }
}

/// The members of a comma-separated header value.
fn items(value: &[u8]) -> impl DoubleEndedIterator<Item = &[u8]> {
    value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii)
}

fn decimal(digits: &[u8]) -> Option<u64> {
    // `parse` alone would let a sign through.
    let text = std::str::from_utf8(digits).ok()?;
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

fn starts_with_ignoring_case(value: &[u8], prefix: &[u8]) -> bool {
    value.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

/// Cuts a target to what is kept and takes out what could steer a terminal.
fn printable(target: &str) -> Box<str> {
    let mut end = target.len().min(MAX_TARGET);
    while !target.is_char_boundary(end) {
        end -= 1;
    }
    let kept = &target[..end];
    if kept.contains(char::is_control) {
        return kept.replace(char::is_control, "\u{fffd}").into();
    }
    kept.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(bytes: &[u8]) -> Result<Option<RequestHead>, HeadError> {
        super::request(bytes, false)
    }

    #[test]
    fn a_head_is_found_wherever_it_is_cut() {
        let text = b"\r\nGET /a?b=1 HTTP/1.1\r\nHost: x\r\n\r\nrest";
        for cut in 0..text.len() {
            let mut reader = HeadReader::default();
            let (first, second) = text.split_at(cut);
            let (head, used) = match reader.read(first, request).expect("a request") {
                ControlFlow::Break((head, used)) => (head, used),
                ControlFlow::Continue(()) => match reader.read(second, request).expect("a request")
                {
                    ControlFlow::Break((head, used)) => (head, cut + used),
                    ControlFlow::Continue(()) => panic!("the head is whole"),
                },
            };
            assert_eq!((&*head.method, &*head.target), ("GET", "/a?b=1"));
            assert_eq!(&text[used..], b"rest");
        }
    }

    #[test]
    fn a_head_that_never_ends_is_given_up_at_64_kib() {
        let mut reader = HeadReader::default();
        assert!(reader.read(b"GET / HTTP/1.1\r\nx: ", request).is_ok());
        let mut taken = 0;
        let error = loop {
            match reader.read(&[b'a'; 1000], request) {
                Ok(_) => taken += 1000,
                Err(error) => break error,
            }
        };
        assert_eq!(error, HeadError::TooLarge);
        assert!(taken <= MAX_HEAD);
    }

    #[test]
    fn what_is_not_http_is_known_at_its_first_line() {
        let read = |bytes: &[u8]| HeadReader::default().read(bytes, request).map(|_| ());
        assert_eq!(read(b"SSH-2.0-OpenSSH_9.6\r\n"), Err(HeadError::NotHttp));
        assert_eq!(read(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), Err(HeadError::NotHttp));
    }

    #[test]
    fn lengths_that_disagree_are_not_guessed_at() {
        let read = |bytes: &[u8]| request(bytes).map(|_| ());
        let two = b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n";
        assert_eq!(read(two), Err(HeadError::Unclear));
        assert_eq!(read(b"POST / HTTP/1.1\r\nContent-Length: +1\r\n\r\n"), Err(HeadError::Unclear));
        let same = b"POST / HTTP/1.1\r\nContent-Length: 2, 2\r\n\r\n";
        assert_eq!(read(same), Ok(()));
    }

    #[test]
    fn a_target_cannot_steer_a_terminal() {
        assert_eq!(&*printable("/a\u{9b}31m"), "/a\u{fffd}31m");
        assert_eq!(printable(&"é".repeat(2000)).len(), MAX_TARGET);
    }
}
