//! A table of points in time, each with a name: what a machine waits for, without a clock.
//!
//! The owner asks [`Deadlines::next`] when to be woken and then takes what is due, earliest first. To set a
//! deadline again moves it; what was cleared never comes up.

use std::collections::BTreeMap;
use std::time::Instant;

/// Deadlines by name.
#[derive(Clone, Debug)]
pub struct Deadlines<K> {
    // Few names, all looked at together: an index by time would cost more than it saves.
    set: BTreeMap<K, Instant>,
}

impl<K> Default for Deadlines<K> {
    fn default() -> Self {
        Deadlines { set: BTreeMap::new() }
    }
}

impl<K: Ord + Clone> Deadlines<K> {
    /// Returns a table in which nothing is set.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the deadline `name` to `at`, whatever it was before.
    pub fn set(&mut self, name: K, at: Instant) {
        self.set.insert(name, at);
    }

    /// Takes the deadline `name` out of the table.
    pub fn clear(&mut self, name: &K) {
        self.set.remove(name);
    }

    /// Takes everything out of the table.
    pub fn clear_all(&mut self) {
        self.set.clear();
    }

    /// Returns when `name` is due, if it is set.
    pub fn get(&self, name: &K) -> Option<Instant> {
        self.set.get(name).copied()
    }

    /// Returns the earliest deadline.
    pub fn next(&self) -> Option<Instant> {
        self.set.values().min().copied()
    }

    /// Takes out the earliest deadline that is due at `now`; of equals, the least name.
    pub fn take_expired(&mut self, now: Instant) -> Option<K> {
        // `min_by_key` returns the first of equals, and the map is in the order of names.
        let (name, at) = self.set.iter().min_by_key(|(_, at)| **at)?;
        if *at > now {
            return None;
        }
        let name = name.clone();
        self.set.remove(&name);
        Some(name)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn deadlines_come_up_in_the_order_of_time_then_of_name() {
        let now = Instant::now();
        let after = |seconds| now + Duration::from_secs(seconds);
        let mut deadlines = Deadlines::new();
        deadlines.set("connect", after(20));
        deadlines.set("b", after(5));
        deadlines.set("a", after(5));
        deadlines.set("gone", after(1));
        deadlines.clear(&"gone");
        assert_eq!(deadlines.next(), Some(after(5)));
        assert_eq!(deadlines.take_expired(after(4)), None);
        let due: Vec<_> = std::iter::from_fn(|| deadlines.take_expired(after(20))).collect();
        assert_eq!(due, ["a", "b", "connect"]);
        assert_eq!(deadlines.next(), None);
    }

    #[test]
    fn a_deadline_that_is_set_again_moves() {
        let now = Instant::now();
        let mut deadlines = Deadlines::new();
        deadlines.set("step", now);
        deadlines.set("step", now + Duration::from_secs(1));
        assert_eq!(deadlines.take_expired(now), None);
        assert_eq!(deadlines.get(&"step"), Some(now + Duration::from_secs(1)));
        deadlines.clear_all();
        assert_eq!(deadlines.next(), None);
    }
}
