//! A list of the last things: what is too many goes at the old end.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

/// The last things, oldest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ring<T> {
    limit: usize,
    items: VecDeque<T>,
}

impl<T> Ring<T> {
    /// An empty one for `limit` things.
    pub fn new(limit: usize) -> Self {
        Self { limit, items: VecDeque::new() }
    }

    /// Adds the newest.
    pub fn push(&mut self, item: T) {
        // More than one, where a file was written with a larger limit.
        while self.items.len() >= self.limit.max(1) {
            self.items.pop_front();
        }
        self.items.push_back(item);
    }

    /// Oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &T> {
        self.items.iter()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_goes_first() {
        let mut ring = Ring::new(3);
        (0..10).for_each(|item| ring.push(item));
        assert_eq!(ring.iter().copied().collect::<Vec<_>>(), [7, 8, 9]);
    }
}
