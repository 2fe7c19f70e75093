//! The opening handshake of a websocket (RFC 6455 section 4), as client and as server.
//!
//! Only the handshake: frames are another module's business, and so is whether a token is good.
//! No extension is ever offered or accepted. The client follows no redirect; an answer other than
//! 101 is an error that carries the status and headers, and its body is not read.

mod client;
mod server;

pub use client::{Connected, Error, Flaw, Refusal, Request, connect, over};
pub use server::{Accepted, Malformed, Upgrade, accept, is_requested, offered};

use aws_lc_rs::digest;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::HeaderMap;
use http::header::AsHeaderName;

/// The answer to a `Sec-WebSocket-Key` that proves it was read as one.
fn accept_key(key: &[u8]) -> String {
    let mut sha1 = digest::Context::new(&digest::SHA1_FOR_LEGACY_USE_ONLY);
    sha1.update(key);
    sha1.update(b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    BASE64_STANDARD.encode(sha1.finish())
}

/// The comma-separated members of a header that may stand several times.
fn members(headers: &HeaderMap, name: impl AsHeaderName) -> impl Iterator<Item = &str> {
    let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(str::trim).filter(|member| !member.is_empty())
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_key_of_the_standard_gets_the_answer_of_the_standard() {
        // RFC 6455 section 1.3.
        assert_eq!(super::accept_key(b"dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }
}
