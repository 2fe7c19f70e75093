//! Keeps the beginning of a body.

use std::fmt;
use std::sync::Arc;

use super::keep::{MAX_BODY, Room};

/// The beginning of a body, as it went over the wire without its chunk framing. Its bytes count against the room of its
/// host until the last clone of it is gone: whoever wants to have them for long copies them.
pub struct Capture {
    bytes: Vec<u8>,
    cut: bool,
    /// Nothing where it does not count.
    room: Option<Arc<Room>>,
}

impl Capture {
    pub(super) fn new(room: Arc<Room>) -> Self {
        Self { bytes: Vec::new(), cut: false, room: Some(room) }
    }

    /// A copy that takes no room of the host.
    pub(super) fn detached(&self) -> Self {
        Self { bytes: self.bytes.clone(), cut: self.cut, room: None }
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Whether there was more, or the end did not come.
    pub fn is_cut(&self) -> bool {
        self.cut
    }

    pub(super) fn add(&mut self, bytes: &[u8]) {
        // Once cut, what follows would stand in the wrong place.
        if self.cut {
            return;
        }
        let wanted = bytes.len().min(MAX_BODY - self.bytes.len());
        let taken = self.room.as_ref().map_or(0, |room| room.take(wanted));
        self.bytes.extend_from_slice(&bytes[..taken]);
        self.cut = taken < bytes.len();
    }

    /// No more comes, though it is not whole.
    pub(super) fn cut(&mut self) {
        self.cut = true;
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        if let Some(room) = &self.room {
            room.give_back(self.bytes.len());
        }
    }
}

impl PartialEq for Capture {
    fn eq(&self, other: &Self) -> bool {
        (&self.bytes, self.cut) == (&other.bytes, other.cut)
    }
}

impl Eq for Capture {}

/// Without the bytes, which are nobody's business in a log.
impl fmt::Debug for Capture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Capture")
            .field("len", &self.bytes.len())
            .field("cut", &self.cut)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_cut_at_64_kib() {
        let mut capture = Capture::new(Room::of(1 << 20));
        capture.add(&[1; MAX_BODY]);
        assert!(!capture.is_cut());
        capture.add(&[2]);
        assert!(capture.is_cut());
        assert_eq!(capture.bytes(), [1; MAX_BODY]);
    }

    #[test]
    fn without_room_a_body_is_cut_and_room_comes_back() {
        let room = Room::of(5);
        let mut first = Capture::new(room.clone());
        first.add(b"abc");
        let mut second = Capture::new(room.clone());
        second.add(b"def");
        assert_eq!((second.bytes(), second.is_cut()), (&b"de"[..], true));
        let copy = first.detached();
        drop(first);
        second.add(b"g");
        assert_eq!(second.bytes(), b"de");
        drop(second);
        assert_eq!((room.take(9), copy.bytes()), (5, &b"abc"[..]));
    }

    #[test]
    fn its_bytes_do_not_print() {
        let mut capture = Capture::new(Room::of(99));
        capture.add(b"hunter2");
        assert_eq!(format!("{capture:?}"), "Capture { len: 7, cut: false, .. }");
    }
}
