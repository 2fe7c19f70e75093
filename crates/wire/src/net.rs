//! Streams and how they come about: connecting out, listening, and what a connection may be.
//!
//! Nothing here knows what the bytes mean.

pub(crate) mod head;
mod stream;
mod target;

pub use stream::{Io, Stream};
pub use target::{BadUrl, Target};
