//! The values of settings that have bounds.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use adit_proto::health::Interval;
use adit_proto::{constraints, span};
use adit_wire::net::Proxies;
use serde::{Deserialize, Serialize};

/// Why a value is refused: the rule, for the face that says what stays in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It is not a number in these bounds.
    #[error("a number from {least} to {most} is expected")]
    Number {
        /// The least.
        least: u32,
        /// The most.
        most: u32,
    },
    /// It is not a length of time in these bounds.
    #[error("a time from {least} to {most} is expected, such as 8h or 7d")]
    Span {
        /// The least.
        least: Span,
        /// The most.
        most: Span,
    },
    /// It is not the address of a proxy.
    #[error(
        "`none`, `system` or the address of a proxy is expected, such as http://proxy.example:3128"
    )]
    Proxy,
    /// It is longer than services take.
    #[error("at most {most} characters are expected")]
    Text {
        /// The most.
        most: u32,
    },
}

/// A length of time as people write it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span(pub(super) u32);

/// In the largest unit that divides it.
impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [(86_400, 'd'), (3_600, 'h'), (60, 'm'), (1, 's')];
        let fitting = units.into_iter().find(|(length, _)| self.0.is_multiple_of(*length));
        let (length, unit) = fitting.unwrap_or((1, 's'));
        write!(f, "{}{unit}", self.0 / length)
    }
}

/// How often a URL that is well is looked at: 10 s, so that nobody is bothered, to an hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct HealthEvery(u32);

impl HealthEvery {
    /// The least, in seconds.
    pub const LEAST: u32 = Interval::MIN.as_secs() as u32;
    /// The most, in seconds.
    pub const MOST: u32 = Interval::MAX.as_secs() as u32;

    /// In seconds.
    pub fn seconds(self) -> u32 {
        self.0
    }

    /// As a length of time.
    pub fn span(self) -> Duration {
        Duration::from_secs(self.0.into())
    }
}

impl Default for HealthEvery {
    fn default() -> Self {
        Self(60)
    }
}

impl TryFrom<u32> for HealthEvery {
    type Error = Refused;

    fn try_from(seconds: u32) -> Result<Self, Refused> {
        match (Self::LEAST..=Self::MOST).contains(&seconds) {
            true => Ok(Self(seconds)),
            false => Err(Refused::Number { least: Self::LEAST, most: Self::MOST }),
        }
    }
}

impl From<HealthEvery> for u32 {
    fn from(every: HealthEvery) -> Self {
        every.0
    }
}

impl FromStr for HealthEvery {
    type Err = Refused;

    /// In seconds, as it is typed.
    fn from_str(text: &str) -> Result<Self, Refused> {
        // What is no number at all is out of bounds like zero.
        text.trim().parse().unwrap_or(0).try_into()
    }
}

/// How long after its last use a tunnel goes away: an hour to 30 days, which is what services allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Expiration(u32);

impl Expiration {
    const LEAST: u32 = 3_600;
    const MOST: u32 = 30 * 86_400;

    /// In seconds, as the service takes it.
    pub fn seconds(self) -> u32 {
        self.0
    }
}

/// As services have it where nobody says otherwise.
impl Default for Expiration {
    fn default() -> Self {
        Self(Self::MOST)
    }
}

impl FromStr for Expiration {
    type Err = Refused;

    /// A number alone is one of days.
    fn from_str(text: &str) -> Result<Self, Refused> {
        let text = text.trim();
        let days = text.bytes().all(|byte| byte.is_ascii_digit()).then(|| format!("{text}d"));
        let span = span::parse(days.as_deref().unwrap_or(text));
        let seconds = span.and_then(|span| u32::try_from(span.as_secs()).ok());
        let is_allowed = |seconds: &u32| {
            (Self::LEAST..=Self::MOST).contains(seconds)
                && constraints::custom_expiration(*seconds).is_ok()
        };
        let refused = Refused::Span { least: Span(Self::LEAST), most: Span(Self::MOST) };
        seconds.filter(is_allowed).map(Self).ok_or(refused)
    }
}

impl TryFrom<String> for Expiration {
    type Error = Refused;

    fn try_from(text: String) -> Result<Self, Refused> {
        text.parse()
    }
}

impl fmt::Display for Expiration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Span(self.0).fmt(f)
    }
}

impl From<Expiration> for String {
    fn from(expiration: Expiration) -> Self {
        expiration.to_string()
    }
}

/// How much the log says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogLevel {
    /// What is broken.
    Error,
    /// What somebody should look at.
    Warning,
    /// What changes for the user.
    #[default]
    Info,
    /// What was decided, and why.
    Debug,
}

/// How other computers are reached.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Proxy {
    /// As the environment says.
    #[default]
    System,
    /// Directly.
    None,
    /// Through this one, which has no password in it: a password belongs into the environment, not into a file.
    At(Box<str>),
}

impl Proxy {
    /// As connections take it.
    pub fn proxies(&self) -> Proxies {
        match self {
            Self::System => Proxies::from_env(),
            Self::None => Proxies::none(),
            Self::At(url) => {
                Proxies::from_vars(|name| (name == "all_proxy").then(|| url.to_string()))
            }
        }
    }
}

impl FromStr for Proxy {
    type Err = Refused;

    fn from_str(text: &str) -> Result<Self, Refused> {
        match text.trim() {
            "system" => Ok(Self::System),
            "none" => Ok(Self::None),
            url => {
                let host = match url.split_once("://") {
                    Some(("http" | "https", host)) => host,
                    Some(_) => return Err(Refused::Proxy),
                    None => url,
                };
                let fits = |byte: u8| byte.is_ascii_alphanumeric() || b".-:[]/".contains(&byte);
                let is_host = !host.is_empty() && host.bytes().all(fits);
                is_host.then(|| Self::At(url.into())).ok_or(Refused::Proxy)
            }
        }
    }
}

impl TryFrom<String> for Proxy {
    type Error = Refused;

    fn try_from(text: String) -> Result<Self, Refused> {
        text.parse()
    }
}

impl From<Proxy> for String {
    fn from(proxy: Proxy) -> Self {
        match proxy {
            Proxy::System => "system".to_owned(),
            Proxy::None => "none".to_owned(),
            Proxy::At(url) => url.into(),
        }
    }
}

/// Writes how long everybody may visit as it is typed.
pub(super) mod maybe_open {
    use serde::de::{Deserialize, Deserializer, Error};
    use serde::ser::{Serialize, Serializer};

    use crate::access::Open;

    pub(in super::super) fn serialize<S: Serializer>(
        open: &Option<Open>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        open.map(|open| open.to_string()).serialize(serializer)
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<Open>, D::Error> {
        let text = Option::<String>::deserialize(from)?;
        text.map(|text| text.parse().map_err(Error::custom)).transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_value_says_its_rule() {
        let refused = |text: &str| text.parse::<HealthEvery>().unwrap_err().to_string();
        for text in ["", "9", "3601", "often", "-1", "1e3"] {
            assert_eq!(refused(text), "a number from 10 to 3600 is expected", "{text}");
        }
        assert_eq!("10".parse::<HealthEvery>().unwrap().span(), Duration::from_secs(10));
        assert_eq!("3600".parse::<HealthEvery>().unwrap().seconds(), 3_600);
        assert_eq!(
            "31d".parse::<Expiration>().unwrap_err().to_string(),
            "a time from 1h to 30d is expected, such as 8h or 7d"
        );
    }

    #[test]
    fn an_expiration_is_shown_as_it_was_typed() {
        for text in ["1h", "36h", "30d"] {
            assert_eq!(text.parse::<Expiration>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn a_proxy_has_no_password_in_a_file() {
        for text in ["system", "none", "http://proxy.example:3128", "proxy.example:3128"] {
            assert_eq!(String::from(text.parse::<Proxy>().unwrap()), text);
        }
        for text in ["", "http://", "socks5://x:1", "http://ann:secret@proxy.example:3128"] {
            assert_eq!(text.parse::<Proxy>(), Err(Refused::Proxy), "{text}");
        }
    }
}
