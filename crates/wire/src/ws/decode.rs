//! Reading frames.

use bytes::{Buf, Bytes, BytesMut};

use super::{BINARY, CLOSE, CONTINUATION, Error, PING, PONG, Role, TEXT, mask};

/// Frames up to this many bytes are waited for whole, so that a packet inside stays in one
/// piece; of longer ones each part is passed on as it comes.
const WHOLE: usize = 160 * 1024;
const MAX_FRAME: u64 = 16 * 1024 * 1024;
const MAX_CONTROL: u64 = 125;

/// What came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// Bytes of the session: a message, or part of one.
    Data(Bytes),
    /// To be answered with a pong of the same payload.
    Ping(Bytes),
    /// Answers a ping of ours.
    Pong,
    /// The peer ends the websocket; the code, if it gave one.
    Close(Option<u16>),
}

#[derive(Debug, Clone, Copy)]
struct Head {
    opcode: u8,
    last: bool,
    len: usize,
    key: Option<[u8; 4]>,
}

/// Cuts a byte stream into [`Item`]s.
#[derive(Debug)]
pub struct Decoder {
    role: Role,
    /// Inside a fragmented message.
    fragmented: bool,
    /// The rest of a frame of which part was passed on: bytes left, key, offset for the key.
    rest: Option<(usize, Option<[u8; 4]>, usize)>,
    wanted: usize,
}

impl Decoder {
    /// Reads what the peer of a websocket's `role` end sends.
    pub fn new(role: Role) -> Self {
        Self { role, fragmented: false, rest: None, wanted: 0 }
    }

    /// How many more bytes complete the frame that is waited for; 0 if unknown.
    pub fn wanted(&self) -> usize {
        self.wanted
    }

    /// Takes the next item from the front of `buffer`; `None` when it needs more bytes.
    pub fn decode(&mut self, buffer: &mut BytesMut) -> Result<Option<Item>, Error> {
        self.wanted = 0;
        if let Some((left, key, offset)) = self.rest {
            if buffer.is_empty() {
                return Ok(None);
            }
            let n = left.min(buffer.len());
            self.rest = (left > n).then_some((left - n, key, offset + n));
            return Ok(Some(Item::Data(take(buffer, n, key, offset))));
        }
        let Some((head, head_len)) = self.head(buffer)? else { return Ok(None) };
        let available = buffer.len() - head_len;
        if available < head.len {
            if head.len <= WHOLE || available == 0 {
                self.wanted = (head.len - available).min(WHOLE);
                return Ok(None);
            }
            buffer.advance(head_len);
            self.begin(head.opcode, head.last)?;
            self.rest = Some((head.len - available, head.key, available));
            return Ok(Some(Item::Data(take(buffer, available, head.key, 0))));
        }
        buffer.advance(head_len);
        let payload = take(buffer, head.len, head.key, 0);
        Ok(Some(match head.opcode {
            PING => Item::Ping(payload),
            PONG => Item::Pong,
            CLOSE => Item::Close(payload.first_chunk().map(|code| u16::from_be_bytes(*code))),
            opcode => {
                self.begin(opcode, head.last)?;
                Item::Data(payload)
            }
        }))
    }

    /// Checks the order of fragments.
    fn begin(&mut self, opcode: u8, last: bool) -> Result<(), Error> {
        if (opcode == CONTINUATION) != self.fragmented {
            return Err(Error::Fragments);
        }
        self.fragmented = !last;
        Ok(())
    }

    fn head(&self, buffer: &[u8]) -> Result<Option<(Head, usize)>, Error> {
        let [first, second, rest @ ..] = buffer else { return Ok(None) };
        if first & 0x70 != 0 {
            return Err(Error::Reserved);
        }
        let opcode = first & 0x0f;
        let masked = second & 0x80 != 0;
        if masked != (self.role == Role::Server) {
            return Err(Error::Masking);
        }
        let (len, len_bytes) = match second & 0x7f {
            126 => match rest.first_chunk::<2>() {
                Some(len) => (u64::from(u16::from_be_bytes(*len)), 2),
                None => return Ok(None),
            },
            127 => match rest.first_chunk::<8>() {
                Some(len) => (u64::from_be_bytes(*len), 8),
                None => return Ok(None),
            },
            len => (u64::from(len), 0),
        };
        match opcode {
            CONTINUATION | BINARY if len > MAX_FRAME => return Err(Error::TooLong),
            CONTINUATION | BINARY => {}
            CLOSE | PING | PONG if len > MAX_CONTROL || first & 0x80 == 0 => {
                return Err(Error::Control);
            }
            CLOSE | PING | PONG => {}
            TEXT => return Err(Error::Text),
            _ => return Err(Error::Reserved),
        }
        let mut key = None;
        if masked {
            match rest.get(len_bytes..).and_then(|rest| rest.first_chunk::<4>()) {
                Some(bytes) => key = Some(*bytes),
                None => return Ok(None),
            }
        }
        let head_len = 2 + len_bytes + if masked { 4 } else { 0 };
        Ok(Some((Head { opcode, last: first & 0x80 != 0, len: len as usize, key }, head_len)))
    }
}

fn take(buffer: &mut BytesMut, n: usize, key: Option<[u8; 4]>, offset: usize) -> Bytes {
    let mut payload = buffer.split_to(n);
    if let Some(key) = key {
        mask(&mut payload, key, offset);
    }
    payload.freeze()
}
