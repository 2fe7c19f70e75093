//! Streams and how they come about: connecting out, listening, and what a connection may be.
//!
//! Nothing here knows what the bytes mean.

mod stream;

pub use stream::{Io, Stream};
