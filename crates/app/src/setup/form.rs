//! The address and key of a relay as somebody types them: what is wrong with them so far, without asking anybody.

use adit_proto::token::Secret;

use crate::credentials::parse_key;
use crate::relay_url::RelayUrl;

/// Both, as far as they are typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelayForm {
    /// The address, if it is one.
    pub relay: Result<RelayUrl, BadAddress>,
    /// The key, if it may be one.
    pub key: Result<Secret, BadKey>,
}

/// What is wrong with an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadAddress {
    /// Nothing is typed.
    Missing,
    /// It is no address of a relay.
    NoAddress,
}

/// What is wrong with a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadKey {
    /// Nothing is typed.
    Missing,
    /// No relay gives out such a key.
    NoKey,
}

impl RelayForm {
    /// From what stands in the fields.
    pub fn read(address: &str, key: &str) -> Self {
        let relay = match address.trim() {
            "" => Err(BadAddress::Missing),
            // One word is a typing mistake more often than a host.
            word if !word.contains(['.', ':', '/']) && word != "localhost" => {
                Err(BadAddress::NoAddress)
            }
            text => text.parse().map_err(|_| BadAddress::NoAddress),
        };
        let key = match key.trim() {
            "" => Err(BadKey::Missing),
            text => parse_key(text).map_err(|_| BadKey::NoKey),
        };
        Self { relay, key }
    }

    /// Relay and key, once both may be right.
    pub fn whole(&self) -> Option<(&RelayUrl, &Secret)> {
        self.relay.as_ref().ok().zip(self.key.as_ref().ok())
    }

    /// Whether the key would cross a network unencrypted.
    pub fn is_exposed(&self) -> bool {
        self.relay.as_ref().is_ok_and(RelayUrl::is_exposed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_is_judged_as_it_is_typed() {
        let read = |address: &str, key: &str| {
            let form = RelayForm::read(address, key);
            (form.relay.err(), form.key.err())
        };
        assert_eq!(read("", " "), (Some(BadAddress::Missing), Some(BadKey::Missing)));
        assert_eq!(read("relay", "short"), (Some(BadAddress::NoAddress), Some(BadKey::NoKey)));
        assert_eq!(read("cp.relay.example.com", "adit_0123456789"), (None, None));
        assert_eq!(read("localhost", "adit_0123456789"), (None, None));
        assert_eq!(read("ftp://x.example", "adit_0123456789").0, Some(BadAddress::NoAddress));
    }

    #[test]
    fn an_address_that_gives_the_key_away_is_told() {
        let exposed = |address| RelayForm::read(address, "").is_exposed();
        assert!(exposed("http://relay.example.com"));
        assert!(!exposed("https://relay.example.com") && !exposed("http://127.0.0.1:8443"));
        assert!(!exposed(""));
    }
}
