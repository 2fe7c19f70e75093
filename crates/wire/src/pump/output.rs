//! What waits for the socket, in the form in which it is written.
//!
//! A server's frames go out as they are, head, body and padding side by side in one vectored
//! write. A client must mask, so its frames are copied into one buffer and masked there; the same
//! buffer serves a transport that cannot write vectors.

use std::{
    collections::VecDeque,
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll, ready},
};

use adit_proto::ssh::Packet;
use bytes::{Buf, Bytes, BytesMut};
use tokio::io::AsyncWrite;

use crate::ws::{self, FrameHead, Masks, Opcode, mask};

/// Bytes beyond which no more packets are taken from the session: what waits there can still be
/// put in a better order.
const HIGH_WATER: usize = 256 * 1024;
/// Slices per vectored write.
const SLICES: usize = 64;
/// Bodies up to this size are cheaper to copy than to point at.
const SMALL: usize = 256;
/// A buffer that grew beyond this is let go once it is empty, in bytes.
const KEEP: usize = 16 * 1024;

/// Two heads with a padding between them fit.
const INLINE: usize = 128;

const ZEROS: [u8; 256] = [0; 256];

#[derive(Debug)]
pub(super) struct Output {
    masks: Masks,
    vectored: bool,
    parts: VecDeque<Part>,
    /// An empty buffer to be used again.
    spare: BytesMut,
    len: usize,
}

#[derive(Debug)]
enum Part {
    /// Heads and paddings beside shared bodies: no allocation per packet.
    Inline {
        bytes: [u8; INLINE],
        start: u8,
        end: u8,
    },
    /// Whole packets, collected.
    Owned(BytesMut),
    Shared(Bytes),
}

impl Part {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Inline { bytes, start, end } => &bytes[usize::from(*start)..usize::from(*end)],
            Self::Owned(bytes) => bytes,
            Self::Shared(bytes) => bytes,
        }
    }

    fn advance(&mut self, n: usize) {
        match self {
            Self::Inline { start, .. } => *start += n as u8,
            Self::Owned(bytes) => bytes.advance(n),
            Self::Shared(bytes) => bytes.advance(n),
        }
    }
}

impl Output {
    pub(super) fn new(role: ws::Role, vectored: bool) -> Self {
        Self {
            masks: Masks::new(role),
            vectored,
            parts: VecDeque::new(),
            spare: BytesMut::new(),
            len: 0,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(super) fn is_full(&self) -> bool {
        self.len >= HIGH_WATER
    }

    /// Adds one packet as one binary message.
    pub(super) fn packet(&mut self, packet: &Packet) {
        let key = self.masks.next_key();
        let frame = FrameHead::new(Opcode::Binary, packet.wire_len(), key);
        self.len += frame.as_ref().len() + packet.wire_len();
        if self.vectored && key.is_none() && packet.body().len() > SMALL {
            self.put_inline(&[frame.as_ref(), packet.head()]);
            self.parts.push_back(Part::Shared(packet.body().clone()));
            self.put_inline(&[&ZEROS[..packet.padding()]]);
        } else {
            let padding = &ZEROS[..packet.padding()];
            self.put_owned(frame, &[packet.head(), packet.body(), padding], key);
        }
    }

    /// Adds a control frame, whose payload has at most 125 bytes.
    pub(super) fn control(&mut self, opcode: Opcode, payload: &[u8]) {
        let payload = &payload[..payload.len().min(125)];
        let key = self.masks.next_key();
        let frame = FrameHead::new(opcode, payload.len(), key);
        self.len += frame.as_ref().len() + payload.len();
        self.put_owned(frame, &[payload], key);
    }

    fn put_inline(&mut self, pieces: &[&[u8]]) {
        let len: usize = pieces.iter().map(|piece| piece.len()).sum();
        let room = match self.parts.back() {
            Some(Part::Inline { end, .. }) => INLINE - usize::from(*end),
            _ => 0,
        };
        if room < len {
            self.parts.push_back(Part::Inline { bytes: [0; INLINE], start: 0, end: 0 });
        }
        if let Some(Part::Inline { bytes, end, .. }) = self.parts.back_mut() {
            for piece in pieces {
                let at = usize::from(*end);
                bytes[at..at + piece.len()].copy_from_slice(piece);
                *end += piece.len() as u8;
            }
        }
    }

    fn put_owned(&mut self, frame: FrameHead, pieces: &[&[u8]], key: Option<[u8; 4]>) {
        if !matches!(self.parts.back(), Some(Part::Owned(_))) {
            self.parts.push_back(Part::Owned(std::mem::take(&mut self.spare)));
        }
        let Some(Part::Owned(owned)) = self.parts.back_mut() else { return };
        owned.extend_from_slice(frame.as_ref());
        let at = owned.len();
        for piece in pieces {
            owned.extend_from_slice(piece);
        }
        if let Some(key) = key {
            mask(&mut owned[at..], key, 0);
        }
    }

    /// Writes until everything has left or the socket takes no more.
    pub(super) fn poll_write<S: AsyncWrite + Unpin>(
        &mut self,
        stream: &mut S,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        while self.len > 0 {
            let n = if self.parts.len() == 1 {
                let bytes = self.parts[0].bytes();
                ready!(Pin::new(&mut *stream).poll_write(context, bytes))?
            } else {
                let mut slices = [IoSlice::new(&[]); SLICES];
                let mut used = 0;
                for (slice, part) in slices.iter_mut().zip(&self.parts) {
                    *slice = IoSlice::new(part.bytes());
                    used += 1;
                }
                ready!(Pin::new(&mut *stream).poll_write_vectored(context, &slices[..used]))?
            };
            if n == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.advance(n);
        }
        Poll::Ready(Ok(()))
    }

    fn advance(&mut self, mut n: usize) {
        self.len -= n;
        while let Some(front) = self.parts.front_mut() {
            let len = front.bytes().len();
            if n < len {
                return front.advance(n);
            }
            n -= len;
            if let Some(Part::Owned(mut bytes)) = self.parts.pop_front() {
                bytes.clear();
                if bytes.capacity() <= KEEP || self.len > 0 {
                    self.spare = bytes;
                }
            }
        }
    }
}
