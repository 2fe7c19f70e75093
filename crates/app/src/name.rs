//! The name of a tunnel, as the user gives it.

use std::fmt;
use std::str::FromStr;

use adit_proto::constraints::{self, Violation};
use serde::Deserialize;

use crate::place_key::Kind;

/// A name that a relay accepts, and that can be a file name.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Name(Box<str>);

/// Why a text is no name, for the face that says the rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadName {
    /// Too short or too long.
    Length,
    /// This may not stand in it.
    Character(char),
    /// It begins or ends with what may stand inside only.
    Ends,
    /// It has the form of an alias.
    Alias,
    /// It ends as inspectors are marked.
    Inspect,
    /// The relay needs it itself.
    Reserved,
}

impl Name {
    /// A name that a place of that kind accepts. Where it becomes an id, as on Microsoft's service, nothing is kept
    /// for a relay.
    ///
    /// # Errors
    /// Which rule it breaks.
    pub fn on(kind: Kind, text: &str) -> Result<Self, BadName> {
        let checked = match constraints::tunnel_name(text) {
            Err(Violation::Reserved) if kind == Kind::Microsoft => constraints::tunnel_id(text),
            // Empty is how services say that there is none.
            Ok(()) if text.is_empty() => return Err(BadName::Length),
            checked => checked,
        };
        match checked {
            Ok(()) => Ok(Self(text.into())),
            Err(Violation::Character { found, .. }) => Err(BadName::Character(found)),
            Err(Violation::End { .. }) => Err(BadName::Ends),
            Err(Violation::Reserved) => Err(BadName::Reserved),
            Err(Violation::Form(_)) if constraints::is_alias(text) => Err(BadName::Alias),
            Err(Violation::Form(_)) => Err(BadName::Inspect),
            Err(_) => Err(BadName::Length),
        }
    }

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

    #[test]
    fn each_rule_of_a_name_is_told_apart() {
        use BadName::{Alias, Character, Ends, Inspect, Length, Reserved};
        for (text, why) in [
            ("", Length),
            ("ab", Length),
            ("Shop", Character('S')),
            ("my shop", Character(' ')),
            ("shop-", Ends),
            ("bcdfghjk", Alias),
            ("shop-inspect", Inspect),
            ("api", Reserved),
        ] {
            assert_eq!(Name::on(Kind::Relay, text), Err(why), "{text}");
        }
        assert!(Name::on(Kind::Relay, "checkout-preview").is_ok());
        assert!(Name::on(Kind::Microsoft, "api").is_ok());
        assert_eq!(Name::on(Kind::Microsoft, "cp"), Err(Length));
    }
}
