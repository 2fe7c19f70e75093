//! Where one SSH packet ends and the next begins in what the relay sends over a websocket.
//!
//! The relay's outer sessions are in the clear (key exchange `none`), so a packet is four bytes of
//! length and that many bytes. Packets and websocket messages do not line up; only where both end is
//! there room for another one.

/// Follows what a server sends after its response head.
#[derive(Debug, Default)]
pub(super) struct Tracker {
    frame: Frame,
    ssh: Ssh,
}

#[derive(Debug)]
enum Frame {
    /// In a frame's header, as far as it came.
    Header(Vec<u8>),
    /// In its payload: bytes to come, and whether they are data.
    Payload { left: u64, data: bool },
}

#[derive(Debug, Default)]
enum Ssh {
    /// Before the end of the version line.
    #[default]
    Version,
    /// In the length of a packet, as far as it came.
    Length { have: usize, value: u32 },
    /// In the packet: bytes to come.
    Packet(u32),
}

impl Default for Frame {
    fn default() -> Self {
        Self::Header(Vec::new())
    }
}

impl Tracker {
    /// Whether nothing is under way: another packet may stand here.
    pub(super) fn at_boundary(&self) -> bool {
        let between_frames = matches!(&self.frame, Frame::Header(header) if header.is_empty());
        between_frames && matches!(self.ssh, Ssh::Length { have: 0, .. })
    }

    /// Takes bytes until the first boundary after one of them, or all; returns how many.
    pub(super) fn feed_to_boundary(&mut self, bytes: &[u8]) -> usize {
        let mut taken = 0;
        while taken < bytes.len() {
            taken += self.step(&bytes[taken..]);
            if self.at_boundary() {
                break;
            }
        }
        taken
    }

    /// Takes all bytes.
    pub(super) fn feed(&mut self, bytes: &[u8]) {
        let mut taken = 0;
        while taken < bytes.len() {
            taken += self.step(&bytes[taken..]);
        }
    }

    /// Takes at least one byte of `bytes`, which is not empty.
    fn step(&mut self, bytes: &[u8]) -> usize {
        match &mut self.frame {
            Frame::Header(header) => {
                header.push(bytes[0]);
                if let Some((left, data)) = parse(header) {
                    self.frame = payload(left, data);
                }
                1
            }
            Frame::Payload { left, data } => {
                let size = bytes.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
                if *data {
                    self.ssh.feed(&bytes[..size]);
                }
                self.frame = payload(*left - size as u64, *data);
                size
            }
        }
    }
}

impl Ssh {
    fn feed(&mut self, mut bytes: &[u8]) {
        while let Some((&first, rest)) = bytes.split_first() {
            match self {
                Ssh::Version => {
                    if first == b'\n' {
                        *self = Ssh::Length { have: 0, value: 0 };
                    }
                    bytes = rest;
                }
                Ssh::Length { have, value } => {
                    *value = (*value << 8) | u32::from(first);
                    *have += 1;
                    if *have == 4 {
                        *self = Ssh::after(*value);
                    }
                    bytes = rest;
                }
                Ssh::Packet(left) => {
                    let size = bytes.len().min(*left as usize);
                    *self = Ssh::after(*left - size as u32);
                    bytes = &bytes[size..];
                }
            }
        }
    }

    fn after(left: u32) -> Self {
        if left == 0 { Self::Length { have: 0, value: 0 } } else { Self::Packet(left) }
    }
}

/// A frame whose payload has `left` bytes to come.
fn payload(left: u64, data: bool) -> Frame {
    if left == 0 { Frame::Header(Vec::new()) } else { Frame::Payload { left, data } }
}

/// The payload's length and whether it is data, once the whole header of an unmasked frame is there.
fn parse(header: &[u8]) -> Option<(u64, bool)> {
    let [first, second, rest @ ..] = header else { return None };
    let data = first & 0x0f <= 2;
    match second & 0x7f {
        126 => rest.try_into().ok().map(|size| (u64::from(u16::from_be_bytes(size)), data)),
        127 => rest.try_into().ok().map(|size| (u64::from_be_bytes(size), data)),
        size => Some((u64::from(size), data)),
    }
}

/// A websocket frame with an SSH DISCONNECT in it, as a server sends it.
pub(super) fn disconnect(reason: u32) -> Vec<u8> {
    let mut payload = vec![1];
    payload.extend(reason.to_be_bytes());
    for text in ["injected by a test", ""] {
        payload.extend((text.len() as u32).to_be_bytes());
        payload.extend(text.as_bytes());
    }
    // Length field, padding length and payload fill blocks of 8, with at least 4 bytes of padding.
    let padding = 4 + (8 - (4 + 1 + payload.len() + 4) % 8) % 8;
    let length = (1 + payload.len() + padding) as u32;
    let mut packet = length.to_be_bytes().to_vec();
    packet.push(padding as u8);
    packet.extend(payload);
    packet.resize(packet.len() + padding, 0);

    let mut frame = vec![0x82, packet.len() as u8];
    frame.extend(packet);
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The version line alone, then two packets over three frames with a ping between.
    fn stream() -> (Vec<u8>, Vec<usize>) {
        let mut bytes = Vec::new();
        let mut boundaries = Vec::new();
        let mut frame = |opcode: u8, payload: &[u8], boundary: bool| {
            bytes.extend([0x80 | opcode, payload.len() as u8]);
            bytes.extend(payload);
            if boundary {
                boundaries.push(bytes.len());
            }
        };
        frame(2, b"SSH-2.0-x\r\n", true);
        frame(2, &[0, 0, 0, 5, 1, 2], false);
        frame(9, &[7], false);
        frame(2, &[3, 4, 5, 0, 0], false);
        frame(0, &[0, 1, 9], true);
        (bytes, boundaries)
    }

    #[test]
    fn boundaries_are_where_a_frame_and_a_packet_end_together() {
        let (bytes, boundaries) = stream();
        for size in 1..bytes.len() {
            let (mut tracker, mut at, mut found) = (Tracker::default(), 0, Vec::new());
            for chunk in bytes.chunks(size) {
                let mut rest = chunk;
                while !rest.is_empty() {
                    let taken = tracker.feed_to_boundary(rest);
                    at += taken;
                    rest = &rest[taken..];
                    if tracker.at_boundary() {
                        found.push(at);
                    }
                }
            }
            assert_eq!(found, boundaries, "in pieces of {size}");
        }
    }

    #[test]
    fn long_frames_have_their_length_read() {
        let mut bytes = b"\x82\x01\n\x82\x7e\x01\x00\x00\x00\x00\xfc".to_vec();
        bytes.resize(bytes.len() + 252, 0);
        bytes.extend(b"\x82\x7f\0\0\0\0\0\x01\0\0\x00\x00\xff\xfc");
        bytes.resize(bytes.len() + 0xfffc, 0);
        let mut tracker = Tracker::default();
        tracker.feed(&bytes);
        assert!(tracker.at_boundary());
    }

    #[test]
    fn an_inserted_disconnect_is_one_whole_packet() {
        let frame = disconnect(12);
        assert_eq!((frame[0], usize::from(frame[1])), (0x82, frame.len() - 2));
        let packet = &frame[2..];
        assert_eq!(packet.len() % 8, 0);
        assert_eq!(u32::from_be_bytes(packet[..4].try_into().unwrap()) as usize, packet.len() - 4);
        assert!(packet[4] >= 4);
        assert_eq!(packet[5..10], [1, 0, 0, 0, 12]);
    }
}
