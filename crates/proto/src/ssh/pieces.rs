//! Bytes that wait, in as few pieces as they are worth.

use std::collections::VecDeque;

use bytes::Bytes;

/// From this size on, in bytes, a piece is kept as it came: it is then a good part of the buffer
/// that it came in, and Microsoft's peers send as much in a packet.
pub(super) const WHOLE: usize = 32 * 1024;

/// A queue of bytes whose memory follows the bytes in it, whatever pieces they come in.
///
/// A received piece shares the buffer that it was read into, and keeps all of it alive. Large
/// pieces may; smaller ones are copied and put together. So a peer that sends one byte a packet
/// takes no more memory than one that sends the same bytes at once. What a peer can do on purpose is
/// to have each piece of 32 KiB keep a buffer of some 400 KiB, the most that is read at once.
#[derive(Debug, Default)]
pub struct Pieces {
    whole: VecDeque<Bytes>,
    /// What follows them, put together.
    small: Vec<u8>,
    len: usize,
}

impl Pieces {
    /// Bytes that wait.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether none wait.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The pieces that they are in.
    pub fn count(&self) -> usize {
        self.whole.len() + usize::from(!self.small.is_empty())
    }

    /// Adds bytes that were received.
    pub fn push(&mut self, data: Bytes) {
        self.len += data.len();
        if data.len() >= WHOLE {
            self.seal();
            self.whole.push_back(data);
            return;
        }
        if self.small.is_empty() {
            // Exactly, since what comes next often comes after this was taken.
            self.small.reserve_exact(data.len());
        }
        self.small.extend_from_slice(&data);
        if self.small.len() >= WHOLE {
            self.seal();
        }
    }

    /// Adds bytes to be sent. Those that wait for nothing before them are not copied.
    pub fn push_sent(&mut self, data: Bytes) {
        if self.is_empty() && !data.is_empty() {
            self.len = data.len();
            self.whole.push_back(data);
        } else {
            self.push(data);
        }
    }

    /// The next piece, or up to `most` bytes of it.
    pub fn take(&mut self, most: usize) -> Option<Bytes> {
        if self.whole.is_empty() {
            self.seal();
        }
        let front = self.whole.front_mut()?;
        let data =
            if front.len() > most { front.split_to(most) } else { self.whole.pop_front()? };
        self.len -= data.len();
        Some(data)
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    fn seal(&mut self) {
        if !self.small.is_empty() {
            self.whole.push_back(Bytes::from(std::mem::take(&mut self.small)));
        }
    }
}

/// A received piece by itself: it keeps the buffer that it came in alive only if it is large.
pub(super) fn alone(data: Bytes) -> Bytes {
    if data.len() < WHOLE { Bytes::copy_from_slice(&data) } else { data }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_come_one_by_one_wait_in_few_pieces() {
        let mut pieces = Pieces::default();
        let buffer = Bytes::from((0..256 * 1024_u32).map(|i| (i % 251) as u8).collect::<Vec<_>>());
        for at in 0..buffer.len() {
            pieces.push(buffer.slice(at..at + 1));
        }
        assert_eq!((pieces.len(), pieces.count()), (buffer.len(), buffer.len() / WHOLE));
        let mut all = Vec::new();
        while let Some(piece) = pieces.take(usize::MAX) {
            all.extend_from_slice(&piece);
        }
        assert!(all == buffer, "all of them, in order");
        assert!(pieces.is_empty());
    }

    #[test]
    fn a_small_piece_lets_go_of_the_buffer_it_came_in_and_a_large_one_is_not_copied() {
        let mut pieces = Pieces::default();
        let buffer = Bytes::from(vec![1; 256 * 1024]);
        pieces.push(buffer.slice(..100));
        assert!(buffer.is_unique());
        pieces.push(buffer.slice(..WHOLE));
        pieces.push(buffer.slice(..7));
        assert_eq!(pieces.count(), 3);
        let lens: Vec<_> = std::iter::from_fn(|| pieces.take(usize::MAX)).collect();
        assert_eq!(lens.iter().map(Bytes::len).collect::<Vec<_>>(), [100, WHOLE, 7]);
        assert_eq!(lens[1].as_ptr(), buffer.as_ptr());
    }

    #[test]
    fn what_is_sent_at_once_is_not_copied_and_what_has_to_wait_is_put_together() {
        let mut pieces = Pieces::default();
        let data = Bytes::from(vec![1; 10]);
        pieces.push_sent(data.clone());
        pieces.push_sent(data.clone());
        pieces.push_sent(data.clone());
        assert_eq!((pieces.len(), pieces.count()), (30, 2));
        assert_eq!(pieces.take(4).unwrap().as_ptr(), data.as_ptr());
        assert_eq!(pieces.take(100).unwrap().len(), 6);
        assert_eq!(pieces.take(15).unwrap().len(), 15);
        assert_eq!((pieces.take(15).unwrap().len(), pieces.take(15)), (5, None));
    }
}
