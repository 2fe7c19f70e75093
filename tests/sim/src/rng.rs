//! Numbers that look like chance and come from one seed.

use std::time::Duration;

/// SplitMix64 (Steele, Lea, Flood 2014): a few instructions, no state to speak of, good enough to
/// pick faults.
#[derive(Clone, Debug)]
pub struct Rng(u64);

impl Rng {
    /// The series that belongs to `seed`.
    pub fn new(seed: u64) -> Rng {
        Rng(seed)
    }

    /// Any number, evenly drawn.
    pub fn any(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`, which is not 0.
    pub fn below(&mut self, end: u64) -> u64 {
        self.any() % end
    }

    /// A number of `from..end`.
    pub fn range(&mut self, from: u64, end: u64) -> u64 {
        from + self.below(end - from)
    }

    /// An index of a list of `len` items, which is not empty.
    pub fn index(&mut self, len: usize) -> usize {
        self.below(len as u64) as usize
    }

    /// Whether something happens that does so in `percent` of 100 cases.
    pub fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// A time of `from..end` milliseconds.
    pub fn millis(&mut self, from: u64, end: u64) -> Duration {
        // In microseconds, so that few things happen at the same moment.
        Duration::from_micros(self.range(from * 1000, end * 1000))
    }

    /// One of several values.
    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.index(from.len())]
    }
}
