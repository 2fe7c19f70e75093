//! Looks at the first bytes of a connection for the session's secret, and at nothing else.
//!
//! What differs from the one request that it waits for is known at the first byte that does, and belongs to
//! the local server. With one exception: the digits of a secret are compared when all are there, and all at
//! once, so that nobody learns from what is held back how many he has guessed.

use super::nonce::{self, DIGITS, Nonce};

/// The longest request that is looked at, in bytes.
pub const HEAD_LIMIT: usize = 4096;

/// What the bytes are so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// Possibly a request for the secret. Hold them back.
    Undecided,
    /// Something else: all of them are the local server's, and what follows.
    Other,
    /// A whole request for the secret. It is not the local server's.
    Asked,
}

/// Waits for the secret on one connection.
#[derive(Debug)]
pub struct Gate {
    nonce: Nonce,
    part: Part,
    seen: usize,
}

#[derive(Debug)]
enum Part {
    /// The method and the path up to the digits; how many bytes of it have come.
    Beginning(usize),
    /// The digits that have come.
    Digits([u8; DIGITS], usize),
    /// The end of the request line; how many bytes of it have come.
    Version(usize),
    /// The header; how much of an empty line's end has come.
    Header(usize),
    Decided(Heard),
}

/// What follows the path.
const VERSION: &[u8] = b" HTTP/1.1\r\n";

/// How a header ends.
const END: &[u8] = b"\r\n\r\n";

impl Gate {
    /// Waits for this secret.
    pub fn new(nonce: Nonce) -> Self {
        Self { nonce, part: Part::Beginning(0), seen: 0 }
    }

    /// Takes in the next bytes. Once it has decided, it does not change its mind.
    pub fn hear(&mut self, bytes: &[u8]) -> Heard {
        for byte in bytes {
            if let Part::Decided(heard) = self.part {
                return heard;
            }
            self.seen += 1;
            self.part = match self.seen {
                ..=HEAD_LIMIT => self.next(*byte),
                _ => Part::Decided(Heard::Other),
            };
        }
        match self.part {
            Part::Decided(heard) => heard,
            _ => Heard::Undecided,
        }
    }

    fn next(&mut self, byte: u8) -> Part {
        let other = Part::Decided(Heard::Other);
        match &mut self.part {
            Part::Beginning(come) => match nonce::beginning().nth(*come) {
                Some(wanted) if wanted == byte => match nonce::beginning().nth(*come + 1) {
                    Some(_) => Part::Beginning(*come + 1),
                    None => Part::Digits([0; DIGITS], 0),
                },
                _ => other,
            },
            Part::Digits(digits, come) => {
                if !nonce::is_digit(byte) {
                    return other;
                }
                digits[*come] = byte;
                match *come + 1 {
                    DIGITS if self.nonce.is_asked_with(digits) => Part::Version(0),
                    DIGITS => other,
                    come => Part::Digits(*digits, come),
                }
            }
            Part::Version(come) if VERSION[*come] != byte => other,
            // The line's end may be the header's, too.
            Part::Version(come) if *come + 1 == VERSION.len() => Part::Header(2),
            Part::Version(come) => Part::Version(*come + 1),
            Part::Header(come) => match END[*come] == byte {
                true if *come + 1 == END.len() => Part::Decided(Heard::Asked),
                true => Part::Header(*come + 1),
                false => Part::Header(usize::from(byte == END[0])),
            },
            Part::Decided(heard) => Part::Decided(*heard),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn nonce() -> Nonce {
        Nonce::new([0x5a; 32])
    }

    fn request(header: &str) -> Vec<u8> {
        format!("GET {} HTTP/1.1\r\n{header}\r\n", nonce().path()).into_bytes()
    }

    /// Where the gate decided, fed byte by byte, and what.
    fn decided(bytes: &[u8]) -> (usize, Heard) {
        let mut gate = Gate::new(nonce());
        for (at, byte) in bytes.iter().enumerate() {
            match gate.hear(&[*byte]) {
                Heard::Undecided => {}
                heard => return (at + 1, heard),
            }
        }
        (bytes.len(), Heard::Undecided)
    }

    #[test]
    fn a_whole_request_for_the_secret_is_asked_however_it_comes() {
        for header in ["", "Host: localhost\r\n", "A: \r\r\nB: \r\n"] {
            let request = request(header);
            assert_eq!(decided(&request), (request.len(), Heard::Asked), "{header:?}");
            assert_eq!(Gate::new(nonce()).hear(&request), Heard::Asked);
        }
    }

    #[test]
    fn anything_else_is_known_at_the_byte_that_differs() {
        let whole = request("");
        for text in ["POST / HTTP/1.1", "GET / HTTP/1.1", "\x16\x03\x01", "SSH-2.0-x", "GET /.wex"]
        {
            let same = whole.iter().zip(text.as_bytes()).take_while(|(a, b)| a == b).count();
            assert_eq!(decided(text.as_bytes()), (same + 1, Heard::Other), "{text}");
        }
    }

    #[test]
    fn digits_are_judged_together_so_that_none_can_be_guessed_alone() {
        let digits = request("").iter().position(|byte| *byte == b'5').unwrap();
        for wrong in digits..digits + DIGITS {
            let mut request = request("");
            request[wrong] = b'0';
            assert_eq!(decided(&request), (digits + DIGITS, Heard::Other));
            request[wrong] = b'A';
            assert_eq!(decided(&request), (wrong + 1, Heard::Other), "no digit of ours");
        }
    }

    #[test]
    fn a_head_beyond_the_limit_is_the_local_servers() {
        let header = |length: usize| {
            let rest = length - request("").len() - "A: \r\n".len();
            request(&format!("A: {}\r\n", "x".repeat(rest)))
        };
        assert_eq!(decided(&header(HEAD_LIMIT)), (HEAD_LIMIT, Heard::Asked));
        assert_eq!(decided(&header(HEAD_LIMIT + 1)), (HEAD_LIMIT + 1, Heard::Other));
    }

    proptest! {
        #[test]
        fn pieces_do_not_matter(
            cuts in prop::collection::vec(0_usize..120, 0..8), change in 0_usize..80, to: u8,
        ) {
            let mut bytes = request("Host: a\r\nAccept: */*\r\n");
            bytes[change] = to;
            let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
            cuts.sort_unstable();
            cuts.push(bytes.len());
            let (mut gate, mut from, mut heard) = (Gate::new(nonce()), 0, Heard::Undecided);
            for cut in cuts {
                heard = gate.hear(&bytes[from..cut]);
                from = cut;
            }
            prop_assert_eq!(heard, Gate::new(nonce()).hear(&bytes));
        }
    }
}
