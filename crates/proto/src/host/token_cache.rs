//! When tokens are reused, and when they are replaced.
//!
//! The tokens themselves are with the driver; this knows their times only. They are reused after a drop,
//! dropped when refused, and replaced well before they end. Replacements that cannot be had leave the old
//! tokens in use for as long as they live.

use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::access::Scope;

/// The scopes that hosting needs on a relay of one's own, one token each.
pub const NEEDED: &[Scope] = &[Scope::Host];

/// The scopes that hosting needs on Microsoft's service, one token each: the host token does not
/// register ports there.
pub const NEEDED_BY_MICROSOFT: &[Scope] = &[Scope::Host, Scope::ManagePorts];

/// How long tokens are used whose end cannot be read: the usual life is 24 h, and a sixth of it is kept for
/// renewing.
pub const UNREADABLE_LIFE: Duration = Duration::from_secs(24 * 3600);

/// The least time kept for renewing, unless it is more than half of the life: a service may be away for some
/// minutes, and tries are up to one minute apart.
const LEAST_MARGIN: Duration = Duration::from_secs(5 * 60);

/// Returns how long a token lives from `wall` on, given the `exp` it carries. A token that seems to have
/// ended when it is fresh says that a clock is wrong, not that the token is: `None`, like no `exp`.
pub fn life(exp: Option<Timestamp>, wall: Timestamp) -> Option<Duration> {
    let life = Duration::try_from(exp?.duration_since(wall)).ok()?;
    (!life.is_zero()).then_some(life)
}

/// The times of the tokens that are at hand.
#[derive(Clone, Debug, Default)]
pub struct TokenCache {
    held: Option<Held>,
}

#[derive(Clone, Copy, Debug)]
struct Held {
    renew_at: Instant,
    ends_at: Instant,
}

impl TokenCache {
    /// Returns a cache that holds nothing.
    pub fn new() -> TokenCache {
        TokenCache::default()
    }

    /// Tokens were minted at `now`, of which the first ends after `life`.
    pub fn minted(&mut self, life: Option<Duration>, now: Instant) {
        // Far beyond any token's life, and no instant overflows.
        let life = life.unwrap_or(UNREADABLE_LIFE).min(Duration::from_secs(365 * 24 * 3600));
        let margin = (life / 6).max(LEAST_MARGIN).min(life / 2);
        self.held = Some(Held { renew_at: now + (life - margin), ends_at: now + life });
    }

    /// They were refused: they are good for nothing.
    pub fn clear(&mut self) {
        self.held = None;
    }

    /// They shall be replaced from `now` on, though they have not ended.
    pub fn make_due(&mut self, now: Instant) {
        if let Some(held) = &mut self.held {
            held.renew_at = held.renew_at.min(now);
        }
    }

    /// Whether there are tokens that need no replacement yet.
    pub fn is_fresh(&self, now: Instant) -> bool {
        self.held.is_some_and(|held| now < held.renew_at)
    }

    /// Whether there are tokens that may still be accepted, though they should be replaced.
    pub fn is_usable(&self, now: Instant) -> bool {
        self.held.is_some_and(|held| now < held.ends_at)
    }

    /// Returns from when on they should be replaced.
    pub fn renew_at(&self) -> Option<Instant> {
        self.held.map(|held| held.renew_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minutes(minutes: u64) -> Duration {
        Duration::from_secs(60 * minutes)
    }

    /// How long tokens of this life are used before they are renewed.
    fn used(life: Option<Duration>) -> Duration {
        let now = Instant::now();
        let mut cache = TokenCache::new();
        cache.minted(life, now);
        cache.renew_at().unwrap() - now
    }

    #[test]
    fn tokens_are_renewed_a_sixth_of_their_life_early() {
        assert_eq!(used(Some(minutes(24 * 60))), minutes(20 * 60));
    }

    #[test]
    fn tokens_that_cannot_be_read_are_renewed_after_20_hours() {
        assert_eq!(used(None), minutes(20 * 60));
    }

    #[test]
    fn at_least_five_minutes_are_kept_for_renewing() {
        assert_eq!(used(Some(minutes(20))), minutes(15));
    }

    #[test]
    fn tokens_that_live_for_a_minute_are_used_for_half_of_it() {
        assert_eq!(used(Some(minutes(1))), Duration::from_secs(30));
        assert_eq!(used(Some(Duration::MAX)), minutes(365 * 24 * 60) * 5 / 6);
    }

    #[test]
    fn due_tokens_are_usable_until_they_end() {
        let now = Instant::now();
        let mut cache = TokenCache::new();
        assert!(!cache.is_usable(now));
        cache.minted(Some(minutes(60)), now);
        assert!(cache.is_fresh(now));
        cache.make_due(now);
        assert!(!cache.is_fresh(now) && cache.is_usable(now));
        assert!(!cache.is_usable(now + minutes(60)));
        cache.clear();
        assert!(!cache.is_usable(now));
    }

    #[test]
    fn a_fresh_token_that_seems_to_have_ended_shows_a_wrong_clock() {
        let wall: Timestamp = "2026-01-01T12:00:00Z".parse().unwrap();
        let later: Timestamp = "2026-01-02T12:00:00Z".parse().unwrap();
        assert_eq!(life(Some(later), wall), Some(minutes(24 * 60)));
        assert_eq!(life(Some(wall), later), None);
        assert_eq!(life(None, wall), None);
    }
}
