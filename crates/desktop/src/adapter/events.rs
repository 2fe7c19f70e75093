//! What happened to a tunnel, as lines to read.

use adit_app::traffic::Entry;

use super::port::clock;
use super::terms::{self, Speech};
use crate::ui;

/// A line for each, with its date where that is not today's: they are kept for weeks.
pub fn rows(entries: &[Entry], speech: &Speech) -> Vec<ui::EventRow> {
    let row = |entry: &Entry| {
        let date = entry.at.to_zoned_datetime(speech.now.time_zone().clone()).date();
        let time = clock(entry.at, speech);
        ui::EventRow {
            time: if date == speech.now.date() { time } else { format!("{date} {time}") }.into(),
            mood: terms::mood(entry.mood),
            text: speech.say(&entry.text),
        }
    };
    entries.iter().map(row).collect()
}
