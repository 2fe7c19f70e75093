//! Who may visit: the owner only, or everybody for a while.

pub mod edit;

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use adit_proto::access::Scope;
use adit_proto::contracts::{AccessControl, AccessEntry, AccessEntryType};
use adit_proto::span;
use jiff::Timestamp;
use serde::Deserialize;

/// Who may visit a tunnel besides its owner.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Access {
    /// Nobody.
    #[default]
    Private,
    /// Everybody who knows the address, until the time is over.
    Anonymous(Open),
}

/// How long everybody may visit: a minute to 30 days.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Open(Duration);

/// Why a text does not say how long.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a time from 1m to 30d is expected, such as 90m, 8h or 7d")]
pub struct BadOpen;

impl Open {
    /// What `--anonymous` alone means; long enough for a working day, and it ends overnight.
    pub const DEFAULT: &str = "8h";

    /// How long.
    pub fn span(self) -> Duration {
        self.0
    }

    /// When it ends if it begins now.
    pub fn end(self, now: Timestamp) -> Timestamp {
        now.checked_add(self.0).unwrap_or(Timestamp::MAX)
    }
}

/// As `--anonymous` alone.
impl Default for Open {
    fn default() -> Self {
        Self(Duration::from_secs(8 * 3600))
    }
}

impl FromStr for Open {
    type Err = BadOpen;

    fn from_str(text: &str) -> Result<Self, BadOpen> {
        let allowed = Duration::from_secs(60)..=Duration::from_secs(30 * 86_400);
        let time = span::parse(text).filter(|time| allowed.contains(time));
        time.map(Self).ok_or(BadOpen)
    }
}

/// In the largest unit that divides it.
impl fmt::Display for Open {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        let units = [(86_400, 'd'), (3600, 'h'), (60, 'm'), (1, 's')];
        let fitting = units.into_iter().find(|(length, _)| seconds.is_multiple_of(*length));
        let (length, unit) = fitting.unwrap_or((1, 's'));
        write!(f, "{}{unit}", seconds / length)
    }
}

impl Access {
    /// As the service writes it.
    pub fn to_contract(self, now: Timestamp) -> AccessControl {
        let entries = match self {
            Self::Private => Vec::new(),
            Self::Anonymous(open) => vec![AccessEntry {
                kind: AccessEntryType::Anonymous,
                scopes: vec![Scope::Connect.to_string()],
                expiration: Some(open.end(now)),
                ..AccessEntry::default()
            }],
        };
        AccessControl { entries }
    }

    fn open(time: &str) -> Result<Self, String> {
        time.parse().map(Self::Anonymous).map_err(|error: BadOpen| error.to_string())
    }
}

/// In a file it is `private`, `anonymous` or `anonymous=8h`: the flag without its dashes.
impl FromStr for Access {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            None if text == "private" => Ok(Self::Private),
            None if text == "anonymous" => Self::open(Open::DEFAULT),
            Some(("anonymous", time)) => Self::open(time),
            _ => Err("it is \"private\", \"anonymous\" or \"anonymous=8h\"".to_owned()),
        }
    }
}

impl<'de> Deserialize<'de> for Access {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn anonymous_access_always_has_an_end() {
        let now = Timestamp::from_second(1_000).unwrap();
        let Ok(Access::Anonymous(open)) = "anonymous".parse() else { panic!("it opens") };
        assert_eq!(open.to_string(), Open::DEFAULT);
        assert_eq!(open, Open::default());
        let control = Access::Anonymous(open).to_contract(now);
        let entry = &control.entries[0];
        assert_eq!(entry.expiration, Timestamp::from_second(1_000 + 8 * 3600).ok());
        assert_eq!(entry.scopes, ["connect"]);
        assert!(Access::Private.to_contract(now).entries.is_empty());
    }

    #[test]
    fn times_are_shown_as_they_were_given() {
        for text in ["90m", "8h", "7d", "61s"] {
            assert_eq!(text.parse::<Open>().unwrap().to_string(), text);
        }
        for text in ["", "8", "59s", "31d", "forever", "0h"] {
            assert_eq!(text.parse::<Open>(), Err(BadOpen), "{text}");
        }
    }

    #[test]
    fn a_file_says_who_may_visit() {
        assert_eq!("private".parse(), Ok(Access::Private));
        assert_eq!("anonymous=2h".parse(), Ok(Access::Anonymous("2h".parse().unwrap())));
        for text in ["", "public", "private=8h", "anonymous=", "anonymous=0s"] {
            assert!(text.parse::<Access>().is_err(), "{text}");
        }
    }
}
