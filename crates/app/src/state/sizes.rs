//! How much is held, for those who check that it stays bounded.

use super::State;

impl State {
    /// How many of each thing are held that could grow, each with what it is.
    pub fn sizes(&self) -> [(&'static str, usize); 12] {
        let entries = self.places.iter().map(|place| place.entries.len());
        [
            ("places", self.places.len()),
            ("entries", entries.sum()),
            ("hosted", self.hosted.len()),
            ("remembered", self.remembered.len()),
            ("changes", self.changes.len()),
            ("errands", self.errands.len()),
            ("troubles", self.troubles.len()),
            ("left", self.left.len()),
            ("unsaved", self.unsaved.len()),
            ("urls", self.urls.len()),
            ("conditions", self.conditions.len()),
            ("history", self.history.iter().count()),
        ]
    }
}
