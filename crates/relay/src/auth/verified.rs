//! Tokens whose signature was found good, so that it is not looked at for every request.
//!
//! Only that is remembered: whether a token has ended, was revoked or is for something else is
//! decided at each use. Nothing that is not signed gets in here, and the tokens themselves do not
//! either, only their hashes.

use std::collections::HashMap;
use std::sync::Arc;

use super::Token;
use crate::record::KeyHash;

/// Tokens of one generation, of which there are two, of some 300 bytes each. Full means that the
/// older generation is forgotten; who still uses one of its tokens has it verified once more.
const GENERATION: usize = 2048;

/// The tokens that were used last, by their hashes.
#[derive(Default)]
pub(super) struct Verified {
    young: HashMap<KeyHash, Arc<Token>>,
    old: HashMap<KeyHash, Arc<Token>>,
}

impl Verified {
    /// The token of this hash, if it is remembered.
    pub(super) fn get(&mut self, hash: &KeyHash) -> Option<Arc<Token>> {
        if let Some(token) = self.young.get(hash) {
            return Some(token.clone());
        }
        let token = self.old.remove(hash)?;
        self.put(*hash, token.clone());
        Some(token)
    }

    /// Remembers a token.
    pub(super) fn put(&mut self, hash: KeyHash, token: Arc<Token>) {
        if self.young.len() >= GENERATION {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(hash, token);
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    fn hash(number: usize) -> KeyHash {
        let mut hash = [0; 32];
        hash[..8].copy_from_slice(&number.to_be_bytes());
        KeyHash(hash)
    }

    #[test]
    fn what_is_used_stays_and_what_is_not_is_forgotten_before_it_becomes_too_much() {
        let token = Arc::new(Token {
            tunnel: "quiet-fox-4k9x2bd".parse().unwrap(),
            ports: vec![],
            scopes: "connect".parse().unwrap(),
            user: None,
            issued: Timestamp::UNIX_EPOCH,
            expires: Timestamp::MAX,
        });
        let mut verified = Verified::default();
        for number in 0..10 * GENERATION {
            verified.put(hash(number), token.clone());
            assert!(verified.get(&hash(0)).is_some(), "used all the time");
            assert!(verified.young.len() + verified.old.len() <= 2 * GENERATION);
        }
        assert!(verified.get(&hash(10 * GENERATION - 1)).is_some());
        assert!(verified.get(&hash(1)).is_none());
    }
}
