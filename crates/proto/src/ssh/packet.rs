//! The binary packet protocol without cipher and MAC (RFC 4253 section 6), and the
//! identification line before it (section 4.2).

use bytes::{Buf, Bytes, BytesMut};

use super::Error;

/// The longest `packet_length` that is accepted, in bytes; Microsoft's peers accept as much.
pub const MAX_PACKET_LENGTH: usize = 1024 * 1024;
/// Longest identification line, in bytes, as RFC 4253 section 4.2 has it.
const MAX_LINE: usize = 255;
/// Lines a server may send before its identification.
const MAX_PREAMBLE_LINES: usize = 20;
/// Packets are padded to a multiple of this, in bytes, where no cipher asks for more.
const BLOCK: usize = 8;
const MIN_PADDING: usize = 4;
/// packet_length and padding_length.
const FRAME: usize = 5;
/// Payloads up to this many bytes travel in the packet's own head, without an allocation.
const INLINE: usize = HEAD - FRAME;
const HEAD: usize = 32;

/// One piece of a session's output: contiguous on the wire, in up to three parts, so that
/// channel data is never copied on its way out.
#[derive(Debug, Clone)]
pub struct Packet {
    head: [u8; HEAD],
    head_len: u8,
    body: Bytes,
    padding: u8,
    channel: Option<u32>,
}

impl Packet {
    /// Bytes that are sent as they are, such as the identification line.
    pub(super) fn raw(body: Bytes) -> Self {
        Self { head: [0; HEAD], head_len: 0, body, padding: 0, channel: None }
    }

    /// Frames a whole payload.
    pub(super) fn payload(payload: Bytes) -> Self {
        let padding = padding_for(payload.len());
        let mut packet = Self::framed(payload.len(), padding);
        if payload.len() <= INLINE {
            packet.push(&payload);
        } else {
            packet.body = payload;
        }
        packet
    }

    /// Frames SSH_MSG_CHANNEL_DATA (RFC 4254 section 5.2) for the peer's channel `recipient`,
    /// which is our channel `local`.
    pub(super) fn data(local: u32, recipient: u32, data: Bytes) -> Self {
        let padding = padding_for(9 + data.len());
        let mut packet = Self::framed(9 + data.len(), padding);
        packet.push(&[super::mux::CHANNEL_DATA]);
        packet.push(&recipient.to_be_bytes());
        packet.push(&(data.len() as u32).to_be_bytes());
        packet.body = data;
        packet.channel = Some(local);
        packet
    }

    /// A framed payload as bytes, for tests of what sits on top.
    #[cfg(test)]
    pub(crate) fn payload_for_test(payload: Bytes) -> Bytes {
        Self::payload(payload).to_bytes()
    }

    fn framed(payload: usize, padding: usize) -> Self {
        let mut packet = Self::raw(Bytes::new());
        packet.padding = padding as u8;
        packet.push(&((1 + payload + padding) as u32).to_be_bytes());
        packet.push(&[padding as u8]);
        packet
    }

    fn push(&mut self, bytes: &[u8]) {
        let at = usize::from(self.head_len);
        self.head[at..at + bytes.len()].copy_from_slice(bytes);
        self.head_len += bytes.len() as u8;
    }

    /// The first part: framing, message head, small payloads.
    pub fn head(&self) -> &[u8] {
        &self.head[..usize::from(self.head_len)]
    }

    /// The second part: shared bytes.
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// The length of the last part, which is zeros: nothing here is secret.
    pub fn padding(&self) -> usize {
        usize::from(self.padding)
    }

    /// Bytes on the wire.
    pub fn wire_len(&self) -> usize {
        usize::from(self.head_len) + self.body.len() + usize::from(self.padding)
    }

    /// For channel data: our channel and how many of its bytes this packet carries.
    pub fn channel_data(&self) -> Option<(super::ChannelId, usize)> {
        self.channel.map(|id| (super::ChannelId(id), self.body.len()))
    }

    /// The packet as one contiguous buffer, for tests and for transports that want copies.
    pub fn to_bytes(&self) -> Bytes {
        let mut out = BytesMut::with_capacity(self.wire_len());
        out.extend_from_slice(self.head());
        out.extend_from_slice(&self.body);
        out.resize(self.wire_len(), 0);
        out.freeze()
    }
}

fn padding_for(payload: usize) -> usize {
    let unpadded = FRAME + payload;
    let padding = BLOCK - unpadded % BLOCK;
    if padding < MIN_PADDING { padding + BLOCK } else { padding }
}

/// What the decoder found next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// The peer's identification line, without CR LF.
    Version(String),
    /// One packet's payload, possibly empty.
    Payload(Bytes),
}

/// Cuts the byte stream of a peer into its identification line and its packets.
///
/// A packet that lies whole in one input chunk is sliced out of it; only one that straddles
/// chunks is copied together.
#[derive(Debug, Default)]
pub struct Decoder {
    versioned: bool,
    lines: usize,
    partial: BytesMut,
}

impl Decoder {
    /// Takes what it can from the front of `input`; `None` means that more is needed and
    /// that `input` is used up.
    pub fn decode(&mut self, input: &mut Bytes) -> Result<Option<Frame>, Error> {
        if self.versioned { self.packet(input) } else { self.line(input) }
    }

    fn line(&mut self, input: &mut Bytes) -> Result<Option<Frame>, Error> {
        while input.has_remaining() {
            let byte = input.get_u8();
            if byte != b'\n' {
                if self.partial.len() >= MAX_LINE {
                    return Err(Error::Version("its first line is too long"));
                }
                self.partial.extend_from_slice(&[byte]);
                continue;
            }
            let mut line = self.partial.split();
            if line.last() == Some(&b'\r') {
                line.truncate(line.len() - 1);
            }
            if line.starts_with(b"SSH-") {
                if !line.starts_with(b"SSH-2.0-") {
                    return Err(Error::Version("another version of SSH"));
                }
                let line = std::str::from_utf8(&line)
                    .map_err(|_| Error::Version("its identification is not text"))?;
                self.versioned = true;
                return Ok(Some(Frame::Version(line.to_owned())));
            }
            self.lines += 1;
            if self.lines > MAX_PREAMBLE_LINES {
                return Err(Error::Version("no identification line"));
            }
        }
        Ok(None)
    }

    fn packet(&mut self, input: &mut Bytes) -> Result<Option<Frame>, Error> {
        if self.partial.is_empty()
            && let Some(len) = frame_len(input)?
            && input.len() >= len
        {
            return Ok(Some(Frame::Payload(payload_of(input.split_to(len))?)));
        }
        loop {
            let want = frame_len(&self.partial)?.unwrap_or(4);
            if self.partial.len() == want && want > 4 {
                let packet = self.partial.split().freeze();
                return Ok(Some(Frame::Payload(payload_of(packet)?)));
            }
            if input.is_empty() {
                return Ok(None);
            }
            let take = (want - self.partial.len()).min(input.len());
            self.partial.reserve(want - self.partial.len());
            self.partial.extend_from_slice(&input.split_to(take));
        }
    }
}

/// The bytes of the packet at the front of `input` with its length field, once that is there.
fn frame_len(input: &[u8]) -> Result<Option<usize>, Error> {
    let Some(&field) = input.first_chunk::<4>() else { return Ok(None) };
    let len = u32::from_be_bytes(field) as usize;
    if len > MAX_PACKET_LENGTH {
        return Err(Error::Packet("it is longer than 1 MiB"));
    }
    if len < 1 + MIN_PADDING {
        return Err(Error::Packet("it is shorter than its padding"));
    }
    Ok(Some(4 + len))
}

fn payload_of(mut packet: Bytes) -> Result<Bytes, Error> {
    let padding = usize::from(packet[4]);
    packet.advance(FRAME);
    if padding > packet.len() {
        return Err(Error::Packet("its padding is longer than itself"));
    }
    packet.truncate(packet.len() - padding);
    Ok(packet)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode_all(decoder: &mut Decoder, mut input: Bytes) -> Vec<Frame> {
        let mut frames = Vec::new();
        while let Some(frame) = decoder.decode(&mut input).unwrap() {
            frames.push(frame);
        }
        assert!(input.is_empty());
        frames
    }

    fn versioned() -> Decoder {
        let mut decoder = Decoder::default();
        let frames = decode_all(&mut decoder, Bytes::from_static(b"SSH-2.0-x_1\r\n"));
        assert_eq!(frames, [Frame::Version("SSH-2.0-x_1".into())]);
        decoder
    }

    #[test]
    fn packets_are_padded_to_eight_bytes_with_at_least_four() {
        for len in 0..64 {
            let packet = Packet::payload(Bytes::from(vec![7; len]));
            assert_eq!(packet.wire_len() % 8, 0, "payload of {len}");
            assert!(packet.padding() >= 4, "payload of {len}");
        }
    }

    #[test]
    fn packets_come_out_whole_however_the_stream_is_cut() {
        let stream: BytesMut = [0_usize, 1, 27, 28, 100, 5000]
            .iter()
            .flat_map(|&len| Packet::payload(Bytes::from(vec![len as u8; len])).to_bytes())
            .collect();
        let stream = stream.freeze();
        for cut in [1, 3, 4, 5, 16, 1000, stream.len()] {
            let mut decoder = versioned();
            let mut lens = Vec::new();
            for chunk in stream.chunks(cut) {
                for frame in decode_all(&mut decoder, Bytes::copy_from_slice(chunk)) {
                    let Frame::Payload(payload) = frame else { panic!("{frame:?}") };
                    lens.push(payload.len());
                }
            }
            assert_eq!(lens, [0, 1, 27, 28, 100, 5000], "cut into {cut}");
        }
    }

    #[test]
    fn a_data_packet_shares_the_bytes_it_was_given() {
        let data = Bytes::from(vec![1; 100]);
        let packet = Packet::data(3, 9, data.clone());
        assert_eq!(packet.body().as_ptr(), data.as_ptr());
        assert_eq!(packet.wire_len() % 8, 0);
        assert_eq!(packet.channel_data(), Some((super::super::ChannelId(3), 100)));
    }

    #[test]
    fn lines_before_the_identification_are_skipped_but_not_for_ever() {
        let mut decoder = Decoder::default();
        let frames = decode_all(&mut decoder, Bytes::from_static(b"hello\r\nSSH-2.0-y\r\n"));
        assert_eq!(frames, [Frame::Version("SSH-2.0-y".into())]);
        let mut endless = Bytes::from("x\r\n".repeat(30));
        assert!(Decoder::default().decode(&mut endless).is_err());
        let mut long = Bytes::from("y".repeat(300));
        assert!(Decoder::default().decode(&mut long).is_err());
    }

    #[test]
    fn absurd_lengths_and_paddings_are_refused() {
        for bad in [[0xff, 0xff, 0xff, 0xff, 4], [0, 0, 0, 0, 0], [0, 0, 0, 5, 200]] {
            let mut decoder = versioned();
            let mut input = Bytes::from([&bad[..], &[0; 8]].concat());
            assert!(decoder.decode(&mut input).is_err(), "{bad:?}");
        }
    }
}
