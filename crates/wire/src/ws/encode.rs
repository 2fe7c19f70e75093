//! Writing frames.

use super::{Opcode, Role};

/// A frame's head: 2 to 14 bytes.
#[derive(Debug, Clone, Copy)]
pub struct FrameHead {
    bytes: [u8; 14],
    len: u8,
}

impl FrameHead {
    /// The head of a whole message of `len` payload bytes; with a masking key for clients.
    pub fn new(opcode: Opcode, len: usize, key: Option<[u8; 4]>) -> Self {
        let mut head = Self { bytes: [0; 14], len: 0 };
        let masked = if key.is_some() { 0x80 } else { 0 };
        head.push(&[0x80 | opcode.number()]);
        match len {
            0..=125 => head.push(&[masked | len as u8]),
            126..=0xffff => {
                head.push(&[masked | 126]);
                head.push(&(len as u16).to_be_bytes());
            }
            _ => {
                head.push(&[masked | 127]);
                head.push(&(len as u64).to_be_bytes());
            }
        }
        if let Some(key) = key {
            head.push(&key);
        }
        head
    }

    fn push(&mut self, bytes: &[u8]) {
        let at = usize::from(self.len);
        self.bytes[at..at + bytes.len()].copy_from_slice(bytes);
        self.len += bytes.len() as u8;
    }
}

impl AsRef<[u8]> for FrameHead {
    fn as_ref(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

/// Applies a masking key (RFC 6455 section 5.3) to bytes that start `offset` bytes into the
/// payload. Masking twice gives the bytes back.
pub fn mask(bytes: &mut [u8], key: [u8; 4], offset: usize) {
    let mut key = key;
    key.rotate_left(offset % 4);
    let wide = u64::from_ne_bytes([key[0], key[1], key[2], key[3], key[0], key[1], key[2], key[3]]);
    let mut words = bytes.chunks_exact_mut(8);
    for word in &mut words {
        let mut value = [0; 8];
        value.copy_from_slice(word);
        word.copy_from_slice(&(u64::from_ne_bytes(value) ^ wide).to_ne_bytes());
    }
    for (byte, key) in words.into_remainder().iter_mut().zip(key.iter().cycle()) {
        *byte ^= key;
    }
}

/// Masking keys from the operating system's randomness, fetched 256 at a time: unpredictable as
/// the RFC wants them, without a system call per frame.
#[derive(Debug)]
pub struct Masks {
    role: Role,
    pool: Vec<u8>,
}

impl Masks {
    /// Keys for a client; none for a server.
    pub fn new(role: Role) -> Self {
        Self { role, pool: Vec::new() }
    }

    /// The next frame's key, `None` for a server.
    ///
    /// # Panics
    ///
    /// If the operating system has no randomness, without which nothing here may go on.
    pub fn next_key(&mut self) -> Option<[u8; 4]> {
        if self.role == Role::Server {
            return None;
        }
        if self.pool.len() < 4 {
            self.pool.resize(1024, 0);
            getrandom::fill(&mut self.pool).expect("the operating system gives random bytes");
        }
        let key = *self.pool.last_chunk::<4>()?;
        self.pool.truncate(self.pool.len() - 4);
        Some(key)
    }
}
