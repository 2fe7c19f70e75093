//! What happened to a tunnel, as lines to read.

use adit_app::traffic::Entry;
use slint::SharedString;

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
            text: text(entry, speech),
        }
    };
    entries.iter().map(row).collect()
}

/// What happened, and why where somebody said so.
pub fn text(entry: &Entry, speech: &Speech) -> SharedString {
    let text = speech.say(&entry.text);
    match &entry.cause {
        Some(cause) => {
            slint::format!("{text} – {}", adit_app::words::heard(cause, speech.language))
        }
        None => text,
    }
}
