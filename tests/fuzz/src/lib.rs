//! What is fuzzed, as plain functions: they take any bytes and panic if a promise is broken.
//!
//! The fuzzer drives them from `fuzz/fuzz_targets`; ordinary tests replay the corpora through
//! them. A target returns early on input that means nothing to it, and never fails on input that
//! is merely malformed: that is what it is for.

mod contracts;
mod edge;
mod heads;
mod packet;
mod session;

pub use contracts::contracts;
pub use edge::edge;
pub use heads::heads;
pub use packet::{frames, packet};
pub use session::{pair, session};

/// One target, by name.
pub type Target = fn(&[u8]);

/// Every target with the name of its corpus.
pub const TARGETS: &[(&str, Target)] = &[
    ("contracts", contracts),
    ("edge", edge),
    ("frames", frames),
    ("heads", heads),
    ("packet", packet),
    ("pair", pair),
    ("session", session),
];

/// Takes one byte off the front of an input.
pub(crate) fn byte(data: &mut &[u8]) -> Option<u8> {
    let (first, rest) = data.split_first()?;
    *data = rest;
    Some(*first)
}

/// Takes up to `n` bytes off the front of an input.
pub(crate) fn take<'a>(data: &mut &'a [u8], n: usize) -> &'a [u8] {
    let (front, rest) = data.split_at(n.min(data.len()));
    *data = rest;
    front
}

/// Some moment to count from: the targets move time themselves.
#[allow(clippy::disallowed_methods, reason = "a start is needed; nothing depends on which")]
pub(crate) fn start() -> std::time::Instant {
    std::time::Instant::now()
}
