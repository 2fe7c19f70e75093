//! What is kept of a request or an answer besides its first line.

use std::sync::Arc;

use super::capture::Capture;
use super::redact;

/// The most bytes of names and values that are kept of one head.
const MAX_HEADERS: usize = 8 * 1024;

/// What is about one connection only (RFC 9110 section 7.6.1), and how long a body is.
const HOP_BY_HOP: [&str; 10] = [
    "connection",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "content-length",
    "expect",
    "http2-settings",
];

/// What was kept of a request or an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The version of HTTP that it was written in.
    pub version: Version,
    /// Its header lines in their order; what is secret in them is not here.
    pub headers: Box<[Header]>,
    /// Whether header lines, or the end of the target, were left out because there was too much of them.
    pub cut: bool,
    /// The body, where bodies are kept and this is not a stream.
    pub body: Option<Arc<Capture>>,
}

/// The versions that are inspected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// HTTP/1.0.
    Http10,
    /// HTTP/1.1.
    Http11,
}

/// A header line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Its name, as sent.
    pub name: Box<str>,
    /// Its value, or what may be told of it.
    pub value: Box<str>,
    /// Whether the value is as it was sent: nothing hidden, nothing replaced.
    pub intact: bool,
}

impl Version {
    /// As in the first line of a message.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http10 => "HTTP/1.0",
            Self::Http11 => "HTTP/1.1",
        }
    }
}

impl Message {
    pub(super) fn new(version: Option<u8>, headers: &[httparse::Header<'_>], cut: bool) -> Self {
        let mut left = MAX_HEADERS;
        let mut fits = |header: &&httparse::Header<'_>| {
            let size = header.name.len() + header.value.len();
            let fits = size <= left;
            left -= if fits { size } else { 0 };
            fits
        };
        let kept: Box<[_]> = headers.iter().filter(|header| fits(header)).map(header).collect();
        Self {
            version: if version == Some(0) { Version::Http10 } else { Version::Http11 },
            cut: cut || kept.len() < headers.len(),
            headers: kept,
            body: None,
        }
    }

    /// The value of the first header line of this name.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        headers.find(|it| it.name.eq_ignore_ascii_case(name)).map(|it| &*it.value)
    }

    /// The header lines that can be sent again as they are: none that was hidden, none of the connection alone, and
    /// none that says how long the body is.
    pub fn sendable(&self) -> impl Iterator<Item = &Header> {
        let named = |header: &Header, name: &str| header.name.eq_ignore_ascii_case(name);
        let connection = move |header: &&Header| named(header, "connection");
        let of_connection = move |name: &str| {
            let mut options =
                self.headers.iter().filter(connection).flat_map(|it| it.value.split(','));
            options.any(|option| option.trim().eq_ignore_ascii_case(name))
        };
        self.headers.iter().filter(move |header| {
            let is_hop = HOP_BY_HOP.iter().any(|name| named(header, name));
            header.intact && !is_hop && !of_connection(&header.name)
        })
    }

    /// The same with a copy of the body that does not count against the room of the host, for those who have a bound of
    /// their own.
    #[must_use]
    pub fn detached(mut self) -> Self {
        self.body = self.body.map(|body| Arc::new(body.detached()));
        self
    }

    /// About how many bytes it takes in memory.
    pub fn size(&self) -> usize {
        let header = |it: &Header| size_of::<Header>() + it.name.len() + it.value.len();
        let headers: usize = self.headers.iter().map(header).sum();
        size_of::<Self>() + headers + self.body.as_ref().map_or(0, |body| body.bytes().len())
    }

    /// What its body is said to be, such as `application/json`, without parameters.
    pub fn content_type(&self) -> Option<&str> {
        let value = self.header("content-type")?;
        Some(value.split(';').next().unwrap_or(value).trim())
    }
}

fn header(header: &httparse::Header<'_>) -> Header {
    let (value, intact) = redact::value(header.name, header.value);
    Header { name: header.name.into(), value: value.into(), intact }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(headers: &[(&str, &str)]) -> Message {
        let headers: Vec<_> = (headers.iter())
            .map(|(name, value)| httparse::Header { name, value: value.as_bytes() })
            .collect();
        Message::new(Some(1), &headers, false)
    }

    #[test]
    fn what_is_too_much_is_left_out_and_said() {
        let long = "x".repeat(MAX_HEADERS);
        let message = message(&[("A", "1"), ("Long", &long), ("Content-Type", "text/html; a=b")]);
        assert_eq!((message.headers.len(), message.cut), (2, true));
        assert_eq!(message.content_type(), Some("text/html"));
    }

    #[test]
    fn secrets_are_not_even_printed() {
        let message = message(&[("Cookie", "sid=hunter2"), ("X-Api-Key", "hunter2")]);
        assert!(!format!("{message:?}").contains("hunter2"));
        assert!(message.headers.iter().all(|header| !header.intact));
    }
}
