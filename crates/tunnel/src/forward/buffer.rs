//! Reads of a size that follows the traffic.

use std::io;

use bytes::{Bytes, BytesMut};
use tokio::net::tcp::ReadHalf;

/// What a read starts with, and comes back to when little arrives.
const SMALL: usize = 16 * 1024;
/// What a read grows to while each fills its buffer.
const LARGE: usize = 128 * 1024;
/// With less room than this a read gets a new buffer.
const ROOM: usize = 4 * 1024;

/// A buffer to read a socket into, piece by piece.
///
/// Pieces are cut off without copying; small ones share one allocation. While the socket has
/// nothing to read no buffer is held for it beyond the rest of the last one.
#[derive(Debug)]
pub(super) struct ReadBuffer {
    buffer: BytesMut,
    size: usize,
}

impl Default for ReadBuffer {
    fn default() -> Self {
        Self { buffer: BytesMut::new(), size: SMALL }
    }
}

impl ReadBuffer {
    /// The next bytes, or `None` at the end. Safe to drop and call again.
    pub(super) async fn read(&mut self, socket: &ReadHalf<'_>) -> io::Result<Option<Bytes>> {
        loop {
            socket.readable().await?;
            self.make_room();
            let room = self.buffer.capacity();
            match socket.try_read_buf(&mut self.buffer) {
                Ok(0) => return Ok(None),
                Ok(read) => {
                    self.adapt(read, room);
                    return Ok(Some(self.buffer.split().freeze()));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn make_room(&mut self) {
        // Bulk traffic gets whole buffers, so that what is sent on is in large pieces.
        let least = if self.size > SMALL { self.size } else { ROOM };
        if self.buffer.capacity() < least {
            self.buffer.reserve(self.size);
        }
    }

    fn adapt(&mut self, read: usize, room: usize) {
        if read == room && read >= self.size {
            self.size = (self.size * 2).min(LARGE);
        } else if read < self.size / 4 {
            self.size = (self.size / 2).max(SMALL);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_grow_while_they_fill_their_buffer_and_shrink_when_little_comes() {
        let mut buffer = ReadBuffer::default();
        for size in [32, 64, 128, 128] {
            let full = buffer.size;
            buffer.adapt(full, full);
            assert_eq!(buffer.size, size * 1024);
        }
        buffer.adapt(100 * 1024, LARGE);
        assert_eq!(buffer.size, LARGE);
        for size in [64, 32, 16, 16] {
            buffer.adapt(100, buffer.size);
            assert_eq!(buffer.size, size * 1024);
        }
        // A full read of what was left in the buffer says nothing about the traffic.
        buffer.adapt(5 * 1024, 5 * 1024);
        assert_eq!(buffer.size, SMALL);
    }
}
