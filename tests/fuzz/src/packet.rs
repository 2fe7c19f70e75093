//! The packet codec and the websocket frames: however a stream is cut, the same comes out.

use adit_proto::ssh::packet::{Decoder, Frame};
use adit_wire::ws;
use bytes::{Bytes, BytesMut};

/// SSH packets: one piece or many, the outcome is the same.
pub fn packet(data: &[u8]) {
    let whole = decode(data, data.len().max(1));
    for cut in [1, 3, 7, 64] {
        let pieces = decode(data, cut);
        assert_eq!(pieces.0, whole.0, "cut into {cut}");
        assert_eq!(pieces.1, whole.1, "cut into {cut}");
    }
}

fn decode(data: &[u8], cut: usize) -> (Vec<Frame>, bool) {
    let mut decoder = Decoder::default();
    let mut frames = Vec::new();
    for chunk in data.chunks(cut) {
        let mut input = Bytes::copy_from_slice(chunk);
        loop {
            match decoder.decode(&mut input) {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(_) => return (frames, true),
            }
        }
        assert!(input.is_empty(), "nothing is left over without a reason");
    }
    (frames, false)
}

/// Websocket frames of either end: the payload does not depend on the cuts.
pub fn frames(data: &[u8]) {
    for role in [ws::Role::Client, ws::Role::Server] {
        let whole = read(role, data, data.len().max(1));
        for cut in [1, 5, 100] {
            assert!(read(role, data, cut) == whole, "{role:?} cut into {cut}");
        }
    }
}

fn read(role: ws::Role, data: &[u8], cut: usize) -> (Vec<u8>, Vec<ws::Item>, Option<ws::Error>) {
    let mut decoder = ws::Decoder::new(role);
    let (mut buffer, mut payload, mut rest) = (BytesMut::new(), Vec::new(), Vec::new());
    for chunk in data.chunks(cut) {
        buffer.extend_from_slice(chunk);
        loop {
            match decoder.decode(&mut buffer) {
                Ok(Some(ws::Item::Data(bytes))) => payload.extend_from_slice(&bytes),
                Ok(Some(item)) => rest.push(item),
                Ok(None) => break,
                Err(error) => return (payload, rest, Some(error)),
            }
        }
    }
    (payload, rest, None)
}
