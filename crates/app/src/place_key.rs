//! The name of a place, as `--on` takes it, for maps and files: `here`, `microsoft` or a relay's URL.
//!
//! Apart from [`crate::place::Place`], which is the choice of a place: a key is only a name, and one that this
//! program cannot use is still a name that it may meet in a file.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Names a place.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PlaceKey(Box<str>);

/// What kind of place it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// The trial relay on this computer.
    Here,
    /// A relay.
    Relay,
    /// Microsoft's service.
    Microsoft,
}

impl PlaceKey {
    /// The trial relay on this computer.
    pub fn here() -> Self {
        Self("here".into())
    }

    /// Microsoft's service.
    pub fn microsoft() -> Self {
        Self("microsoft".into())
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What kind of place it names.
    pub fn kind(&self) -> Kind {
        match &*self.0 {
            "here" => Kind::Here,
            "microsoft" => Kind::Microsoft,
            _ => Kind::Relay,
        }
    }

    /// Of a relay: what people call it, which is its host name without the `cp.` that stands before a domain.
    pub fn host(&self) -> &str {
        let host = self.0.split_once("://").map_or(&*self.0, |(_, host)| host);
        let host = host.trim_end_matches('/');
        host.strip_prefix("cp.").unwrap_or(host)
    }
}

impl From<&str> for PlaceKey {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl From<String> for PlaceKey {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl fmt::Display for PlaceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relay_is_called_by_its_domain() {
        for (text, kind, host) in [
            ("here", Kind::Here, "here"),
            ("microsoft", Kind::Microsoft, "microsoft"),
            ("https://cp.relay.example.com", Kind::Relay, "relay.example.com"),
            ("http://127.0.0.1:8443/", Kind::Relay, "127.0.0.1:8443"),
        ] {
            let key = PlaceKey::from(text);
            assert_eq!((key.kind(), key.host(), key.as_str()), (kind, host, text));
        }
    }
}
