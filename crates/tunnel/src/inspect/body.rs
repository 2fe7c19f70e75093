//! Follows the body of an HTTP/1 message to its end. It keeps none of it; whoever wants to is lent each piece.

/// The longest chunk-size line or trailer section that is followed, in bytes.
const MAX_OVERHEAD: usize = 16 * 1024;

/// A body whose chunks make no sense: where the next message begins cannot be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Broken;

/// What is left of a body.
#[derive(Debug)]
pub(super) struct Body {
    rest: Rest,
    /// Payload bytes seen, without chunk framing.
    payload: u64,
}

#[derive(Debug)]
enum Rest {
    Length(u64),
    Chunks(Chunk),
    UntilEnd,
}

/// Where in a chunked body the next byte falls.
#[derive(Debug)]
enum Chunk {
    /// In the digits of a size; `digits` counts them.
    Size {
        size: u64,
        digits: u8,
    },
    /// Behind the digits, up to the line's end.
    Extension {
        size: u64,
        skipped: usize,
    },
    Data(u64),
    /// In the line end behind a chunk's data.
    DataEnd,
    /// In the trailer section; `line` counts the bytes of the line at hand.
    Trailer {
        line: usize,
        skipped: usize,
    },
    Done,
}

impl Body {
    pub(super) fn none() -> Self {
        Self::length(0)
    }

    pub(super) fn length(length: u64) -> Self {
        Self { rest: Rest::Length(length), payload: 0 }
    }

    pub(super) fn chunked() -> Self {
        Self { rest: Rest::Chunks(Chunk::Size { size: 0, digits: 0 }), payload: 0 }
    }

    pub(super) fn until_end() -> Self {
        Self { rest: Rest::UntilEnd, payload: 0 }
    }

    /// Payload bytes seen so far.
    pub(super) fn payload(&self) -> u64 {
        self.payload
    }

    /// Whether nothing more belongs to this body.
    pub(super) fn is_done(&self) -> bool {
        matches!(self.rest, Rest::Length(0) | Rest::Chunks(Chunk::Done))
    }

    /// Whether the end of the stream is a proper end of this body.
    pub(super) fn ends_with_stream(&self) -> bool {
        self.is_done() || matches!(self.rest, Rest::UntilEnd)
    }

    /// Takes what belongs to the body off the front of `bytes` and returns how much that was. `data` is lent the
    /// payload in it.
    pub(super) fn take(
        &mut self,
        bytes: &[u8],
        mut data: impl FnMut(&[u8]),
    ) -> Result<usize, Broken> {
        match &mut self.rest {
            Rest::UntilEnd => {
                self.payload += bytes.len() as u64;
                data(bytes);
                Ok(bytes.len())
            }
            Rest::Length(left) => {
                let taken = shorter(*left, bytes);
                *left -= taken as u64;
                self.payload += taken as u64;
                data(&bytes[..taken]);
                Ok(taken)
            }
            Rest::Chunks(chunk) => {
                let mut at = 0;
                while at < bytes.len() && !matches!(chunk, Chunk::Done) {
                    if let Chunk::Data(left) = chunk {
                        let taken = shorter(*left, &bytes[at..]);
                        self.payload += taken as u64;
                        data(&bytes[at..at + taken]);
                        at += taken;
                        *chunk = match *left - taken as u64 {
                            0 => Chunk::DataEnd,
                            left => Chunk::Data(left),
                        };
                    } else {
                        chunk.step(bytes[at])?;
                        at += 1;
                    }
                }
                Ok(at)
            }
        }
    }
}

impl Chunk {
    /// Takes one byte of framing.
    fn step(&mut self, byte: u8) -> Result<(), Broken> {
        *self = match (&*self, byte) {
            (Self::Size { size, digits }, _) if byte.is_ascii_hexdigit() && *digits < 16 => {
                let digit = char::from(byte).to_digit(16).ok_or(Broken)?;
                Self::Size { size: size << 4 | u64::from(digit), digits: digits + 1 }
            }
            (Self::Size { digits: 0, .. }, _) => return Err(Broken),
            (Self::Size { size, .. } | Self::Extension { size, .. }, b'\n') => match *size {
                0 => Self::Trailer { line: 0, skipped: 0 },
                size => Self::Data(size),
            },
            (Self::Size { size, .. }, b'\r' | b';' | b' ' | b'\t') => {
                Self::Extension { size: *size, skipped: 0 }
            }
            (Self::Extension { size, skipped }, _) if *skipped < MAX_OVERHEAD => {
                Self::Extension { size: *size, skipped: skipped + 1 }
            }
            (Self::DataEnd, b'\r') => Self::DataEnd,
            (Self::DataEnd, b'\n') => Self::Size { size: 0, digits: 0 },
            (Self::Trailer { line: 0, .. }, b'\n') => Self::Done,
            (Self::Trailer { skipped, .. }, _) if *skipped >= MAX_OVERHEAD => return Err(Broken),
            (Self::Trailer { skipped, .. }, b'\n') => {
                Self::Trailer { line: 0, skipped: skipped + 1 }
            }
            (Self::Trailer { line, skipped }, b'\r') => {
                Self::Trailer { line: *line, skipped: skipped + 1 }
            }
            (Self::Trailer { line, skipped }, _) => {
                Self::Trailer { line: line + 1, skipped: skipped + 1 }
            }
            _ => return Err(Broken),
        };
        Ok(())
    }
}

/// The smaller of what is left and what is there.
fn shorter(left: u64, bytes: &[u8]) -> usize {
    usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(body: &mut Body, bytes: &[u8], kept: &mut Vec<u8>) -> Result<usize, Broken> {
        body.take(bytes, |data| kept.extend_from_slice(data))
    }

    fn skip(body: &mut Body, bytes: &[u8]) -> Result<usize, Broken> {
        take(body, bytes, &mut Vec::new())
    }

    #[test]
    fn a_chunked_body_ends_where_it_ends_however_it_is_cut() {
        let text = b"5\r\nhello\r\nA;x=\"y\"\r\n0123456789\r\n0\r\nTrailer: 1\r\n\r\nnext";
        for cut in 0..text.len() {
            let mut body = Body::chunked();
            let (first, second) = text.split_at(cut);
            let mut data = Vec::new();
            let mut taken = take(&mut body, first, &mut data).expect("well formed");
            if taken == cut {
                taken += take(&mut body, second, &mut data).expect("well formed");
            }
            assert_eq!(data, b"hello0123456789");
            assert!(body.is_done());
            assert_eq!(&text[taken..], b"next");
            assert_eq!(body.payload(), 15);
        }
    }

    #[test]
    fn nonsense_between_chunks_is_said_to_be_nonsense() {
        assert_eq!(skip(&mut Body::chunked(), b"zz\r\n"), Err(Broken));
        assert_eq!(skip(&mut Body::chunked(), b"1\r\nab"), Err(Broken));
        assert_eq!(skip(&mut Body::chunked(), b"11111111111111111\r\n"), Err(Broken));
        let endless = [b"0\r\n".as_slice(), &[b'x'; MAX_OVERHEAD + 1]].concat();
        assert_eq!(skip(&mut Body::chunked(), &endless), Err(Broken));
    }

    #[test]
    fn a_body_without_length_lasts_as_long_as_the_stream() {
        let mut body = Body::until_end();
        assert_eq!(skip(&mut body, b"abc"), Ok(3));
        assert!(!body.is_done() && body.ends_with_stream());
        assert!(!Body::length(1).ends_with_stream());
    }
}
