//! The name of a tunnel, as the user gives it.

use std::fmt;
use std::str::FromStr;

use adit_proto::constraints;
use serde::Deserialize;

/// A name that a relay accepts, and that can be a file name.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Name(Box<str>);

impl Name {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Name {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Err("the name must not be empty".to_owned());
        }
        match constraints::tunnel_name(text) {
            Ok(()) => Ok(Self(text.into())),
            Err(violation) => Err(format!("the name {violation}")),
        }
    }
}

impl TryFrom<String> for Name {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_that_a_relay_accepts() {
        for name in ["shop", "my-shop-2"] {
            assert_eq!(name.parse::<Name>().unwrap().as_str(), name);
        }
        for name in ["", "cp", "Shop", "a/b", "..", "shop.", "x", "shop-inspect"] {
            let message = name.parse::<Name>().unwrap_err();
            assert!(message.starts_with("the name must"), "{name}: {message}");
        }
    }
}
