//! The observer of forwarded HTTP: it looks at any two streams and gives up rather than fail.

use adit_tunnel::inspect::Observer;

use crate::{byte, start, take};

/// Request and response bytes in any order and any pieces.
pub fn heads(mut data: &[u8]) {
    let now = start();
    let mut observer = Observer::new();
    while let Some(step) = byte(&mut data) {
        let piece = take(&mut data, usize::from(step & 0x3f) * 4);
        match step >> 6 {
            0 | 1 => observer.request(piece, now),
            2 => observer.response(piece, now),
            _ => observer.response_end(now),
        }
        while observer.poll().is_some() {}
    }
    observer.close(now);
    while observer.poll().is_some() {}
}
