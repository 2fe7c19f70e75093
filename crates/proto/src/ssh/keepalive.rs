//! When to ask a silent peer whether it is there, and when to give it up.

use std::time::{Duration, Instant};

/// Ask after `idle` without a byte from the peer; give up `timeout` later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeepAlive {
    /// Silence before a question is sent. Not zero.
    pub idle: Duration,
    /// Further silence before the session counts as lost. Not zero.
    pub timeout: Duration,
}

/// What the clock demands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// Send a question now.
    Ask,
    /// The peer did not answer.
    Lost,
    /// Nothing yet.
    Nothing,
}

/// Watches one peer for signs of life; it is asked and told about time by its owner.
#[derive(Debug)]
pub struct Monitor {
    config: Option<KeepAlive>,
    heard: Instant,
    /// The end of patience, once the peer was asked.
    patience: Option<Instant>,
}

impl Monitor {
    /// Starts to watch; without a configuration nothing is ever due.
    pub fn new(config: Option<KeepAlive>, now: Instant) -> Self {
        Self { config, heard: now, patience: None }
    }

    /// Any byte counts as proof of life, whatever it means.
    pub fn heard(&mut self, now: Instant) {
        self.heard = now;
        self.patience = None;
    }

    /// Gives the peer no longer than `within` to show that it is there; to be called with a question to it.
    pub fn doubt(&mut self, within: Duration, now: Instant) {
        let sooner = self.patience.map_or(now + within, |patience| patience.min(now + within));
        self.patience = Some(sooner);
    }

    /// When [`Monitor::check`] wants to be called.
    pub fn deadline(&self) -> Option<Instant> {
        self.patience.or(self.config.map(|config| self.heard + config.idle))
    }

    /// What is due at `now`; asking is reported once.
    pub fn check(&mut self, now: Instant) -> Due {
        match (self.patience, self.config) {
            (Some(patience), _) if now >= patience => Due::Lost,
            (None, Some(config)) if now >= self.heard + config.idle => {
                self.patience = Some(now + config.timeout);
                Due::Ask
            }
            _ => Due::Nothing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ssh::test_clock;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn silence_is_asked_about_once_and_then_given_up() {
        let start = test_clock::start();
        let config = KeepAlive { idle: 5 * SECOND, timeout: 10 * SECOND };
        let mut monitor = Monitor::new(Some(config), start);
        assert_eq!(monitor.check(start + 4 * SECOND), Due::Nothing);
        assert_eq!(monitor.check(start + 5 * SECOND), Due::Ask);
        assert_eq!(monitor.check(start + 6 * SECOND), Due::Nothing);
        monitor.heard(start + 7 * SECOND);
        assert_eq!(monitor.check(start + 12 * SECOND), Due::Ask);
        assert_eq!(monitor.deadline(), Some(start + 22 * SECOND));
        assert_eq!(monitor.check(start + 22 * SECOND), Due::Lost);
    }

    #[test]
    fn a_doubt_shortens_the_patience_until_the_peer_is_heard() {
        let start = test_clock::start();
        let config = KeepAlive { idle: 5 * SECOND, timeout: 10 * SECOND };
        let mut monitor = Monitor::new(Some(config), start);
        monitor.doubt(5 * SECOND, start + SECOND);
        assert_eq!(monitor.check(start + 5 * SECOND), Due::Nothing, "it was asked already");
        monitor.heard(start + 5 * SECOND);
        assert_eq!(monitor.check(start + 10 * SECOND), Due::Ask);
        monitor.doubt(5 * SECOND, start + 12 * SECOND);
        assert_eq!(monitor.check(start + 17 * SECOND), Due::Lost, "before the usual time");
        let mut monitor = Monitor::new(None, start);
        monitor.doubt(5 * SECOND, start);
        assert_eq!(monitor.check(start + 5 * SECOND), Due::Lost);
    }

    #[test]
    fn without_a_configuration_nothing_is_due() {
        let mut monitor = Monitor::new(None, test_clock::start());
        assert_eq!(monitor.deadline(), None);
        assert_eq!(monitor.check(test_clock::start() + 1000 * SECOND), Due::Nothing);
    }
}
