//! The secret of a session, by which its URL is proven: one half asks, the other answers.
//!
//! Whoever can repeat what he is asked (a page that shows its own address, a cache, an echo) knows the first
//! half only. So an answer with the second came from the host, and from this session of it.

use std::fmt;

/// Where looks go. What a host or an edge does not know below it goes to the local server.
const LOOKS: &str = "/.well-known/adit/";

/// The path of a look that nobody answers but the local server itself.
pub const PLAIN_LOOK: &str = "/.well-known/adit/live";

/// Hexadecimal digits of each half: 128 bits, which nobody guesses.
pub(super) const DIGITS: usize = 32;

/// The secret of one session.
#[derive(Clone)]
pub struct Nonce {
    ask: [u8; DIGITS],
    answer: [u8; DIGITS],
}

impl Nonce {
    /// Makes one of 32 random bytes.
    pub fn new(random: [u8; 32]) -> Self {
        let (ask, answer) = random.split_at(DIGITS / 2);
        Self { ask: hex(ask), answer: hex(answer) }
    }

    /// Returns the path to ask for.
    pub fn path(&self) -> String {
        format!("{LOOKS}{}", ascii(&self.ask))
    }

    /// Whether this is the path's last part, found out in the same time wherever it differs.
    pub(super) fn is_asked_with(&self, digits: &[u8; DIGITS]) -> bool {
        is_same(&self.ask, digits)
    }

    /// Whether the body of an answer can only be this session's.
    pub fn is_answered_by(&self, body: &[u8]) -> bool {
        body.try_into().is_ok_and(|body: &[u8; DIGITS]| is_same(&self.answer, body))
    }

    /// Returns the whole answer to a request for [`path`](Self::path), after which the connection ends.
    pub fn response(&self) -> String {
        format!(
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nCache-Control: no-store\r\n\
             Content-Length: {DIGITS}\r\nConnection: close\r\n\r\n{}",
            ascii(&self.answer)
        )
    }
}

impl fmt::Debug for Nonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Nonce(redacted)")
    }
}

/// Whether a path may ask for a session's secret.
pub fn is_ask(path: &str) -> bool {
    path.strip_prefix(LOOKS)
        .is_some_and(|digits| digits.len() == DIGITS && digits.bytes().all(is_digit))
}

/// Whether a request for this path is a look at a URL, and no visitor's.
pub fn is_look(path: &str) -> bool {
    path == PLAIN_LOOK || is_ask(path)
}

/// What a request begins with that asks for a secret, up to its digits.
pub(super) fn beginning() -> impl Iterator<Item = u8> {
    b"GET ".iter().chain(LOOKS.as_bytes()).copied()
}

/// Whether it may stand in a secret as this module writes it.
pub(super) fn is_digit(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

fn hex(bytes: &[u8]) -> [u8; DIGITS] {
    let digit = |nibble: u8| b"0123456789abcdef"[usize::from(nibble)];
    let mut digits = [0; DIGITS];
    for (pair, byte) in digits.chunks_exact_mut(2).zip(bytes) {
        pair.copy_from_slice(&[digit(byte >> 4), digit(byte & 15)]);
    }
    digits
}

fn ascii(digits: &[u8]) -> &str {
    std::str::from_utf8(digits).expect("digits are ASCII")
}

/// Compares without stopping at the first difference.
fn is_same(left: &[u8; DIGITS], right: &[u8; DIGITS]) -> bool {
    let difference = left.iter().zip(right).fold(0, |sum, (left, right)| sum | (left ^ right));
    std::hint::black_box(difference) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_and_the_answer_are_two_secrets() {
        let nonce = Nonce::new(std::array::from_fn(|at| at as u8));
        assert_eq!(nonce.path(), "/.well-known/adit/000102030405060708090a0b0c0d0e0f");
        let response = nonce.response();
        let (head, body) = response.split_once("\r\n\r\n").unwrap();
        assert!(head.contains("Cache-Control: no-store"), "{head}");
        assert!(nonce.is_answered_by(body.as_bytes()));
        assert!(!nonce.is_answered_by(nonce.path().rsplit('/').next().unwrap().as_bytes()));
        assert!(!nonce.is_answered_by(&body.as_bytes()[1..]));
        assert_eq!(format!("{nonce:?}"), "Nonce(redacted)");
    }

    #[test]
    fn only_a_whole_secret_is_a_look() {
        let path = Nonce::new([0xa5; 32]).path();
        assert!(is_ask(&path) && is_look(&path) && is_look(PLAIN_LOOK));
        assert!(!is_ask(PLAIN_LOOK));
        for other in [&path[1..], &path[..path.len() - 1], &path.to_uppercase(), "/", LOOKS] {
            assert!(!is_look(other), "{other}");
        }
    }
}
