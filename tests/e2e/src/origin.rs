//! A local server whose every byte is known, and the client that talks to it through a tunnel.
//!
//! A connection carries 24 bytes of request (seed, bytes up, bytes down; big-endian), then both
//! directions at once: a sequence made from the seed, checked on arrival. When all has come the
//! server says that it was exact and closes. No end of a direction is signalled other than by these lengths,
//! so it works across peers that know no half-close.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What the server says when every byte that came up was right.
const EXACT: u8 = b'=';

/// What it says otherwise.
const WRONG: u8 = b'!';

/// How much is written and checked at once: several SSH packets, and not a multiple of them.
const PIECE: usize = 100_000;

/// The server. It ends when dropped.
#[derive(Debug)]
pub struct Origin {
    addr: SocketAddr,
    accepting: JoinHandle<()>,
}

impl Origin {
    /// Listens on a free port of 127.0.0.1.
    ///
    /// # Panics
    /// When there is none.
    pub async fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let addr = listener.local_addr().expect("bound");
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream));
            }
        });
        Self { addr, accepting }
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.addr.port()
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// One exchange over `stream`: `up` bytes to the server and `down` bytes from it, at the same time.
///
/// # Errors
/// When the connection ends early, or a byte is not what it should be in either direction.
pub async fn exchange(stream: TcpStream, seed: u64, up: u64, down: u64) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let (mut reader, mut writer) = stream.into_split();
    writer.write_all(&request(seed, up, down)).await?;
    tokio::try_join!(send(&mut writer, seed, up), receive(&mut reader, !seed, down))?;
    match reader.read_u8().await? {
        EXACT => Ok(()),
        _ => Err(io::Error::other("what went up arrived changed")),
    }
}

/// Asks the server for `down` bytes over `stream` and then neither reads nor ends: a stalled peer,
/// for as long as the stream is kept.
///
/// # Errors
/// When the connection ends early.
pub async fn stall(stream: &mut TcpStream, down: u64) -> io::Result<()> {
    stream.write_all(&request(0, 0, down)).await?;
    // The first bytes are there: the rest fills every queue on the way.
    stream.readable().await
}

fn request(seed: u64, up: u64, down: u64) -> [u8; 24] {
    let mut request = [0; 24];
    request[..8].copy_from_slice(&seed.to_be_bytes());
    request[8..16].copy_from_slice(&up.to_be_bytes());
    request[16..].copy_from_slice(&down.to_be_bytes());
    request
}

async fn serve(stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let (mut reader, mut writer) = stream.into_split();
    let (seed, up, down) =
        (reader.read_u64().await?, reader.read_u64().await?, reader.read_u64().await?);
    let (arrived, sent) =
        tokio::join!(receive(&mut reader, seed, up), send(&mut writer, !seed, down));
    sent?;
    let verdict = match arrived {
        Ok(()) => EXACT,
        Err(error) if error.kind() == io::ErrorKind::InvalidData => WRONG,
        Err(error) => return Err(error),
    };
    writer.write_u8(verdict).await?;
    writer.shutdown().await
}

async fn send(writer: &mut (impl AsyncWrite + Unpin), seed: u64, bytes: u64) -> io::Result<()> {
    let mut sequence = Sequence::new(seed);
    let mut piece = vec![0; PIECE];
    let mut left = bytes;
    while left > 0 {
        let size = left.min(PIECE as u64) as usize;
        sequence.fill(&mut piece[..size]);
        writer.write_all(&piece[..size]).await?;
        left -= size as u64;
    }
    writer.flush().await
}

async fn receive(reader: &mut (impl AsyncRead + Unpin), seed: u64, bytes: u64) -> io::Result<()> {
    let mut sequence = Sequence::new(seed);
    let (mut piece, mut expected) = (vec![0; PIECE], vec![0; PIECE]);
    let (mut left, mut exact) = (bytes, true);
    while left > 0 {
        let size = left.min(PIECE as u64) as usize;
        reader.read_exact(&mut piece[..size]).await?;
        sequence.fill(&mut expected[..size]);
        exact &= piece[..size] == expected[..size];
        left -= size as u64;
    }
    if exact { Ok(()) } else { Err(io::Error::new(io::ErrorKind::InvalidData, "bytes differ")) }
}

/// Bytes that look random and can be made again (splitmix64).
struct Sequence {
    state: u64,
    word: [u8; 8],
    used: usize,
}

impl Sequence {
    fn new(seed: u64) -> Self {
        Self { state: seed, word: [0; 8], used: 8 }
    }

    fn fill(&mut self, mut into: &mut [u8]) {
        while !into.is_empty() {
            if self.used == self.word.len() {
                self.word = self.next().to_le_bytes();
                self.used = 0;
            }
            let size = into.len().min(self.word.len() - self.used);
            let (now, later) = into.split_at_mut(size);
            now.copy_from_slice(&self.word[self.used..self.used + size]);
            self.used += size;
            into = later;
        }
    }

    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.state;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn bytes_go_both_ways_at_once() {
        let origin = Origin::start().await;
        for (seed, up, down) in [(1, 0, 0), (2, 1, 1_000_001), (3, 3_333_333, 100_000)] {
            let stream = TcpStream::connect(origin.addr).await.unwrap();
            exchange(stream, seed, up, down).await.unwrap();
        }
    }

    #[tokio::test]
    async fn a_changed_byte_is_seen_in_either_direction() {
        let (mut near, mut far) = tokio::io::duplex(64);
        let sending = send(&mut near, 7, 64);
        let wrong = receive(&mut far, 8, 64);
        let (sent, received) = tokio::join!(sending, wrong);
        assert!(sent.is_ok());
        assert_eq!(received.unwrap_err().kind(), io::ErrorKind::InvalidData);
    }

    #[test]
    fn a_sequence_does_not_depend_on_how_it_is_cut() {
        let (mut whole, mut parts) = ([0; 1000], [0; 1000]);
        Sequence::new(5).fill(&mut whole);
        let mut sequence = Sequence::new(5);
        for part in parts.chunks_mut(7) {
            sequence.fill(part);
        }
        assert_eq!(whole, parts);
    }
}
