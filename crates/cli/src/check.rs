//! `--check`: how often the URLs of a hosted tunnel are looked at.

use std::fmt;
use std::str::FromStr;

use adit_tunnel::host::Interval;

/// How often, if at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Check(Option<Interval>);

/// A text that does not say how often.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a time from 10s to 1h is expected, such as 30s or 5m, or off")]
pub(crate) struct BadCheck;

impl Check {
    /// The time between looks; none where nothing is to be looked at.
    pub(crate) fn interval(self) -> Option<Interval> {
        self.0
    }
}

impl Default for Check {
    fn default() -> Self {
        Self(Some(Interval::default()))
    }
}

impl FromStr for Check {
    type Err = BadCheck;

    fn from_str(text: &str) -> Result<Self, BadCheck> {
        match text {
            "off" => Ok(Self(None)),
            text => text.parse().map(|interval| Self(Some(interval))).map_err(|_| BadCheck),
        }
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(interval) => interval.fmt(f),
            None => f.write_str("off"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_a_time_or_off_and_shown_as_it_is_read() {
        for text in ["10s", "60s", "off"] {
            assert_eq!(text.parse::<Check>().unwrap().to_string(), text);
        }
        assert_eq!(Check::default().to_string(), "60s");
        assert_eq!("1s".parse::<Check>(), Err(BadCheck));
    }
}
