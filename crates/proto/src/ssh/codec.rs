//! The data types of RFC 4251 section 5: reading them from a payload, writing them to one.

use bytes::{Buf, BufMut, Bytes, BytesMut};

use super::Error;

/// Reads the fields of one message, front to back, without copying.
#[derive(Debug, Clone)]
pub struct Reader {
    rest: Bytes,
}

impl Reader {
    /// Reads from the start of `payload`.
    pub fn new(payload: Bytes) -> Self {
        Self { rest: payload }
    }

    /// Reads one byte.
    pub fn u8(&mut self) -> Result<u8, Error> {
        self.rest.try_get_u8().map_err(|_| Error::Message("a byte is missing"))
    }

    /// Reads a boolean; any value but zero is true.
    pub fn bool(&mut self) -> Result<bool, Error> {
        Ok(self.u8()? != 0)
    }

    /// Reads a big-endian u32.
    pub fn u32(&mut self) -> Result<u32, Error> {
        self.rest.try_get_u32().map_err(|_| Error::Message("a number is missing"))
    }

    /// Reads a `string`: a length and that many bytes, shared with the payload.
    pub fn string(&mut self) -> Result<Bytes, Error> {
        let len = self.u32()? as usize;
        if len > self.rest.len() {
            return Err(Error::Message("a string is longer than its message"));
        }
        Ok(self.rest.split_to(len))
    }

    /// Reads a `string` that must be UTF-8.
    pub fn text(&mut self) -> Result<String, Error> {
        let bytes = self.string()?;
        match std::str::from_utf8(&bytes) {
            Ok(text) => Ok(text.to_owned()),
            Err(_) => Err(Error::Message("a text is not UTF-8")),
        }
    }

    /// Skips `n` bytes.
    pub fn skip(&mut self, n: usize) -> Result<(), Error> {
        if n > self.rest.len() {
            return Err(Error::Message("the message is too short"));
        }
        self.rest.advance(n);
        Ok(())
    }

    /// Tells whether every field was read.
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Everything that was not read yet.
    pub fn rest(self) -> Bytes {
        self.rest
    }
}

/// Writes the fields of one message.
#[derive(Debug, Default)]
pub struct Writer {
    out: BytesMut,
}

impl Writer {
    /// An empty payload, without a message number.
    pub fn new() -> Self {
        Self::default()
    }

    /// A payload that starts with message number `number`.
    pub fn message(number: u8) -> Self {
        Self::new().u8(number)
    }

    /// Appends one byte.
    pub fn u8(mut self, value: u8) -> Self {
        self.out.put_u8(value);
        self
    }

    /// Appends a boolean as 0 or 1.
    pub fn bool(self, value: bool) -> Self {
        self.u8(u8::from(value))
    }

    /// Appends a big-endian u32.
    pub fn u32(mut self, value: u32) -> Self {
        self.out.put_u32(value);
        self
    }

    /// Appends a length and the bytes; what no u32 can count is never that long here.
    pub fn string(mut self, value: &[u8]) -> Self {
        self.out.put_u32(u32::try_from(value.len()).unwrap_or(u32::MAX));
        self.out.put_slice(value);
        self
    }

    /// Appends bytes as they are.
    pub fn raw(mut self, value: &[u8]) -> Self {
        self.out.put_slice(value);
        self
    }

    /// The finished payload.
    pub fn finish(self) -> Bytes {
        self.out.freeze()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let payload =
            Writer::message(80).string(b"tcpip-forward").bool(true).u32(8080).raw(b"xy").finish();
        let mut reader = Reader::new(payload);
        assert_eq!(reader.u8(), Ok(80));
        assert_eq!(reader.text().as_deref(), Ok("tcpip-forward"));
        assert_eq!(reader.bool(), Ok(true));
        assert_eq!(reader.u32(), Ok(8080));
        assert_eq!(reader.rest(), Bytes::from_static(b"xy"));
    }

    #[test]
    fn a_string_longer_than_its_message_is_refused() {
        let mut reader = Reader::new(Bytes::from_static(&[0xff, 0xff, 0xff, 0xff, 1]));
        assert!(reader.string().is_err());
    }
}
