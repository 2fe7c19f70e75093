use bytes::{Bytes, BytesMut};

use super::*;

fn frame(opcode: Opcode, payload: &[u8], key: Option<[u8; 4]>) -> Vec<u8> {
    let mut bytes = FrameHead::new(opcode, payload.len(), key).as_ref().to_vec();
    let at = bytes.len();
    bytes.extend_from_slice(payload);
    if let Some(key) = key {
        mask(&mut bytes[at..], key, 0);
    }
    bytes
}

fn data(decoder: &mut Decoder, input: &[u8], cut: usize) -> Vec<u8> {
    let (mut buffer, mut out) = (BytesMut::new(), Vec::new());
    for chunk in input.chunks(cut) {
        buffer.extend_from_slice(chunk);
        while let Some(item) = decoder.decode(&mut buffer).unwrap() {
            let Item::Data(bytes) = item else { panic!("{item:?}") };
            out.extend_from_slice(&bytes);
        }
    }
    assert!(buffer.is_empty());
    out
}

#[test]
fn payloads_survive_masking_and_any_cut() {
    for len in [0, 1, 125, 126, 65_535, 65_536, 400_000] {
        let payload: Vec<u8> = (0..len).map(|i| (i % 251) as u8).collect();
        for (role, key) in [(Role::Server, Some([1, 2, 3, 4])), (Role::Client, None)] {
            let bytes = frame(Opcode::Binary, &payload, key);
            for cut in [7, 1000, 300_000, bytes.len()] {
                assert!(data(&mut Decoder::new(role), &bytes, cut) == payload, "{len} cut {cut}");
            }
        }
    }
}

#[test]
fn fragments_are_one_stream_and_pings_may_stand_between_them() {
    let mut bytes = frame(Opcode::Binary, b"one ", None);
    bytes[0] &= 0x7f;
    bytes.extend(frame(Opcode::Ping, b"?", None));
    let mut last = frame(Opcode::Binary, b"message", None);
    last[0] = 0x80;
    bytes.extend(last);
    let mut buffer = BytesMut::from(&bytes[..]);
    let mut decoder = Decoder::new(Role::Client);
    let items: Vec<_> = std::iter::from_fn(|| decoder.decode(&mut buffer).unwrap()).collect();
    let expected = [
        Item::Data(Bytes::from_static(b"one ")),
        Item::Ping(Bytes::from_static(b"?")),
        Item::Data(Bytes::from_static(b"message")),
    ];
    assert_eq!(items, expected);
}

#[test]
fn what_the_rfc_forbids_is_refused() {
    let decode = |role, bytes: &[u8]| Decoder::new(role).decode(&mut BytesMut::from(bytes));
    assert_eq!(decode(Role::Server, &[0x82, 0x01, 7]), Err(Error::Masking));
    assert_eq!(decode(Role::Client, &[0x82, 0x81, 0, 0, 0, 0, 7]), Err(Error::Masking));
    assert_eq!(decode(Role::Client, &[0xc2, 0x00]), Err(Error::Reserved));
    assert_eq!(decode(Role::Client, &[0x81, 0x00]), Err(Error::Text));
    assert_eq!(decode(Role::Client, &[0x09, 0x00]), Err(Error::Control));
    assert_eq!(decode(Role::Client, &[0x80, 0x00]), Err(Error::Fragments));
    let long = [0x82, 127, 0, 0, 0, 1, 0, 0, 0, 0];
    assert_eq!(decode(Role::Client, &long), Err(Error::TooLong));
}

#[test]
fn a_close_tells_its_code() {
    let mut buffer = BytesMut::from(&frame(Opcode::Close, &1000_u16.to_be_bytes(), None)[..]);
    let item = Decoder::new(Role::Client).decode(&mut buffer).unwrap();
    assert_eq!(item, Some(Item::Close(Some(1000))));
}

#[test]
fn only_clients_mask_and_no_key_comes_twice_in_a_row() {
    assert_eq!(Masks::new(Role::Server).next_key(), None);
    let mut masks = Masks::new(Role::Client);
    let keys: std::collections::BTreeSet<_> = (0..1000).map(|_| masks.next_key()).collect();
    assert!(keys.len() > 990);
}
