//! API keys of users: made here, shown once, kept as hashes.

use adit_proto::id::UserId;
use adit_proto::token::Secret;
use aws_lc_rs::{constant_time, digest};

use crate::record::KeyHash;

/// What every key starts with, so that people and secret scanners recognise one.
const PREFIX: &str = "adit_";

/// Letters that are hard to confuse; 32 of them, so that five random bits choose one evenly.
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// 40 letters of 5 bits: 200 bits, which no one guesses.
const LETTERS: usize = 40;

/// Makes a new key.
///
/// # Errors
/// When the system has no randomness to give.
pub(crate) fn generate() -> Result<Secret, getrandom::Error> {
    Ok(Secret::from(PREFIX.to_owned() + &letters::<LETTERS>()?))
}

/// Makes the id of a new user: 80 random bits, which no two share.
///
/// # Errors
/// When the system has no randomness to give.
pub(crate) fn user_id() -> Result<UserId, getrandom::Error> {
    let id = "u-".to_owned() + &letters::<16>()?;
    Ok(id.parse().expect("letters, digits and a hyphen make a user id"))
}

/// Random text of people's letters, five bits each.
///
/// # Errors
/// When the system has no randomness to give.
pub(crate) fn letters<const N: usize>() -> Result<String, getrandom::Error> {
    let mut random = [0; N];
    getrandom::fill(&mut random)?;
    Ok(random.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)])).collect())
}

/// The form in which a key is kept.
pub(crate) fn hash(key: &str) -> KeyHash {
    let digest = digest::digest(&digest::SHA256, key.as_bytes());
    KeyHash(digest.as_ref().try_into().expect("SHA-256 has 32 bytes"))
}

/// Compares without telling by its duration where the two differ.
pub(crate) fn same(left: &KeyHash, right: &KeyHash) -> bool {
    constant_time::verify_slices_are_equal(&left.0, &right.0).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_long_distinct_and_recognisable() {
        let (one, other) = (generate().unwrap(), generate().unwrap());
        assert!(one.expose().starts_with("adit_") && one.expose().len() == 45);
        assert_ne!(one.expose(), other.expose());
        assert!(same(&hash(one.expose()), &hash(one.expose())));
        assert!(!same(&hash(one.expose()), &hash(other.expose())));
        assert!(ALPHABET.iter().collect::<std::collections::BTreeSet<_>>().len() == 32);
    }
}
