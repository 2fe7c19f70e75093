//! Finds out whether a local server speaks TLS, without spending a request on it.
//!
//! A greeting of TLS 1.2 is sent, and two empty lines after it. A TLS server answers the greeting,
//! with its own or with an alert; what came behind it fails later, when nobody is there any more.
//! An HTTP server takes all of it for one request, and a bad one: the empty lines spare those that
//! read whole lines from waiting for the end of it. Either may write a line about it into its log,
//! which is why ordinary visits do not start with this.

use std::io;
use std::time::Duration;

use adit_wire::clock;
use adit_wire::net::Stream;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// How long a local server may take to answer. One that says nothing is no TLS server.
const PATIENCE: Duration = Duration::from_secs(3);

/// The types of TLS records that can come first: an alert, a handshake.
const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;

/// Whether the server at the other end speaks TLS. Spends the connection.
///
/// # Errors
///
/// When the connection breaks before the greeting is out.
pub(super) async fn speaks_tls(mut stream: Stream) -> io::Result<bool> {
    stream.write_all(&GREETING).await?;
    stream.flush().await?;
    let answer = clock::until(clock::now() + PATIENCE, stream.read_u8()).await;
    Ok(matches!(answer, Ok(Ok(ALERT | HANDSHAKE))))
}

/// A `ClientHello` (RFC 5246, section 7.4.1.2) and two empty lines. Its random part is not: no key
/// will ever be made of it.
#[rustfmt::skip]
const GREETING: [u8; 116] = [
    HANDSHAKE, 3, 1, 0, 107,
    1, 0, 0, 103, 3, 3,
    b'a', b'd', b'i', b't', b' ', b'a', b's', b'k', b's', b' ', b'f', b'o', b'r', b' ', b'T', b'L',
    b'S', b' ', b'a', b'n', b'd', b' ', b'g', b'o', b'e', b's', b' ', b'a', b'w', b'a', b'y', b'.',
    // No session.
    0,
    // Suites: ECDHE with AES-GCM or ChaCha20, RSA with AES-GCM, RSA with AES-CBC for the old.
    0, 20, 0xc0, 0x2b, 0xc0, 0x2f, 0xc0, 0x2c, 0xc0, 0x30, 0xcc, 0xa9, 0xcc, 0xa8,
    0x00, 0x9c, 0x00, 0x9d, 0x00, 0x2f, 0x00, 0x35,
    // No compression.
    1, 0,
    0, 42,
    // Groups: X25519, P-256, P-384.
    0, 10, 0, 8, 0, 6, 0, 29, 0, 23, 0, 24,
    // Uncompressed points.
    0, 11, 0, 2, 1, 0,
    // Signatures: ECDSA and RSA with SHA-256 to SHA-512.
    0, 13, 0, 20, 0, 18, 4, 3, 5, 3, 6, 3, 8, 4, 8, 5, 8, 6, 4, 1, 5, 1, 6, 1,
    b'\r', b'\n', b'\r', b'\n',
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_greeting_is_as_long_as_it_says() {
        let record = usize::from(GREETING[4]);
        assert_eq!(5 + record + 4, GREETING.len());
        assert_eq!(usize::from(GREETING[8]), record - 4);
        // Version, random, session, suites, compression, then the extensions' own length.
        let extensions = 9 + 2 + 32 + 1 + 22 + 2;
        assert_eq!(usize::from(GREETING[extensions + 1]), GREETING.len() - 4 - extensions - 2);
    }
}
