//! The one response body that every part of the relay answers with.
//!
//! Management answers are whole buffers, the edge streams: both fit in one boxed body, so that the
//! front can hand a connection to either without knowing which it was.

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty, Full};

/// Why a response body broke off.
pub type BodyError = Box<dyn std::error::Error + Send + Sync>;

/// A response body: buffered or streaming.
pub type Body = UnsyncBoxBody<Bytes, BodyError>;

/// A body that is wholly known.
pub fn full(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync()
}

/// No body at all.
pub fn empty() -> Body {
    Empty::new().map_err(|never| match never {}).boxed_unsync()
}
