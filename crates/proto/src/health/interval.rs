//! How often a URL that works is looked at.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::span;

/// The time between two looks at a URL that works: 10 s to an hour, 60 s by default.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Interval(Duration);

/// A time that is no [`Interval`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a time from 10s to 1h is expected, such as 30s or 5m")]
pub struct BadInterval;

impl Interval {
    /// The shortest: a look costs the whole way to the relay and back.
    pub const MIN: Duration = Duration::from_secs(10);
    /// The longest: with more, a dead URL would be somebody else's discovery.
    pub const MAX: Duration = Duration::from_secs(3_600);

    /// Takes a time between [`MIN`](Self::MIN) and [`MAX`](Self::MAX).
    ///
    /// # Errors
    ///
    /// [`BadInterval`] for any other.
    pub fn new(time: Duration) -> Result<Self, BadInterval> {
        (Self::MIN..=Self::MAX).contains(&time).then_some(Self(time)).ok_or(BadInterval)
    }

    /// Returns the time.
    pub fn get(self) -> Duration {
        self.0
    }
}

impl Default for Interval {
    fn default() -> Self {
        Self(Duration::from_secs(60))
    }
}

impl FromStr for Interval {
    type Err = BadInterval;

    fn from_str(text: &str) -> Result<Self, BadInterval> {
        span::parse(text).ok_or(BadInterval).and_then(Self::new)
    }
}

impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}s", self.0.as_secs())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_has_bounds() {
        let parse = |text: &str| text.parse::<Interval>().map(|interval| interval.get().as_secs());
        assert_eq!((parse("10s"), parse("1h")), (Ok(10), Ok(3_600)));
        for text in ["9s", "3601s", "60", "", "off"] {
            assert_eq!(parse(text), Err(BadInterval), "{text}");
        }
        assert_eq!(Interval::default().to_string(), "60s");
    }
}
