//! KEXINIT with `none` (RFC 4253 section 7.1): the whole key exchange of a relay session.

use bytes::Bytes;

use super::Error;
use super::codec::{Reader, Writer};

pub(super) const KEXINIT: u8 = 20;
const NONE: &[u8] = b"none";

/// Our KEXINIT: `none` in all eight algorithm lists, because version 1 peers look at each of
/// them, and no guessed packet following.
pub(super) fn kexinit(cookie: [u8; 16]) -> Bytes {
    let mut out = Writer::message(KEXINIT).raw(&cookie);
    for _ in 0..8 {
        out = out.string(NONE);
    }
    out.string(b"").string(b"").bool(false).u32(0).finish()
}

/// Checks a peer's KEXINIT. Only the key exchange list counts: version 2 peers list real ciphers
/// behind it and mean none of them once `none` is chosen.
pub(super) fn check(payload: Bytes) -> Result<(), Error> {
    let mut reader = Reader::new(payload);
    reader.skip(17)?;
    let methods = reader.string()?;
    if methods.split(|&byte| byte == b',').any(|method| method == NONE) {
        return Ok(());
    }
    Err(Error::KeyExchange)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ours_has_the_size_that_peers_send_for_none() {
        assert_eq!(kexinit([0; 16]).len(), 94);
        assert_eq!(check(kexinit([9; 16])), Ok(()));
    }

    #[test]
    fn only_the_key_exchange_list_counts() {
        let with = |methods: &[u8]| {
            Writer::message(KEXINIT).raw(&[0; 16]).string(methods).string(b"rsa").finish()
        };
        assert_eq!(check(with(b"none,ecdh-sha2-nistp384,ext-info-c")), Ok(()));
        assert_eq!(check(with(b"ecdh-sha2-nistp384,nonesuch")), Err(Error::KeyExchange));
        assert!(check(Bytes::from_static(&[KEXINIT, 1, 2])).is_err());
    }
}
