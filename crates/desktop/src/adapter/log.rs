//! The log: a model that makes rows of lines only when they come into sight.

use std::any::Any;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use adit_app::journal::{Excerpt, Line, Search};
use adit_app::preferences::LogLevel;
use adit_app::view::{Card, View};
use jiff::tz::TimeZone;
use slint::{Model, ModelNotify, ModelTracker};

use crate::ui;

/// The lines that are shown.
pub struct LogLines {
    shown: RefCell<Arc<Excerpt>>,
    zone: TimeZone,
    notify: ModelNotify,
}

impl LogLines {
    /// None yet, with times in a zone.
    pub fn new(zone: TimeZone) -> Self {
        Self { shown: RefCell::default(), zone, notify: ModelNotify::default() }
    }

    /// What is shown.
    pub fn shown(&self) -> Arc<Excerpt> {
        self.shown.borrow().clone()
    }

    /// Shows other lines; `true` when they are others. Those that stay are not touched.
    pub fn show(&self, excerpt: Arc<Excerpt>) -> bool {
        let old = self.shown.replace(excerpt.clone());
        if Arc::ptr_eq(&old, &excerpt) {
            return false;
        }
        match difference(&old, &excerpt) {
            Some((0, 0)) => return false,
            Some((gone, new)) => {
                if gone > 0 {
                    self.notify.row_removed(0, gone);
                }
                if new > 0 {
                    self.notify.row_added(excerpt.lines.len() - new, new);
                }
            }
            None => self.notify.reset(),
        }
        true
    }
}

/// How many lines went from the beginning and how many came at the end; nothing where it is another selection.
fn difference(old: &Excerpt, new: &Excerpt) -> Option<(usize, usize)> {
    if old.search != new.search {
        return None;
    }
    let first = new.lines.first().map_or(u64::MAX, |line| line.number);
    let gone = old.lines.partition_point(|line| line.number < first);
    let kept = old.lines.len() - gone;
    let added = new.lines.len().checked_sub(kept)?;
    let last = |lines: &[Arc<Line>]| lines.last().map(|line| line.number);
    (last(&old.lines[gone..]) == last(&new.lines[..kept])).then_some((gone, added))
}

/// How many lines an excerpt has that come after those of another.
pub fn behind(shown: &Excerpt, newest: &Excerpt) -> usize {
    let last = shown.lines.last().map_or(0, |line| line.number);
    newest.lines.len() - newest.lines.partition_point(|line| line.number <= last)
}

impl Model for LogLines {
    type Data = ui::LogLine;

    fn row_count(&self) -> usize {
        self.shown.borrow().lines.len()
    }

    fn row_data(&self, row: usize) -> Option<ui::LogLine> {
        let shown = self.shown.borrow();
        shown.lines.get(row).map(|line| self.line(line, &shown.search))
    }

    fn model_tracker(&self) -> &dyn ModelTracker {
        &self.notify
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl LogLines {
    fn line(&self, line: &Line, search: &Search) -> ui::LogLine {
        let at = line.at.to_zoned_datetime(self.zone.clone());
        let (hour, minute, second) = (at.hour(), at.minute(), at.second());
        let tunnel = line.tunnel.as_deref().unwrap_or_default();
        ui::LogLine {
            time: slint::format!("{hour:02}:{minute:02}:{second:02}.{:03}", at.millisecond()),
            level: level(line.level),
            tunnel: search.names.get(tunnel).map_or(tunnel, String::as_str).into(),
            text: (&*line.text).into(),
        }
    }
}

/// A level, as the interface counts them.
pub fn level(level: LogLevel) -> i32 {
    match level {
        LogLevel::Error => 0,
        LogLevel::Warning => 1,
        LogLevel::Info => 2,
        LogLevel::Debug => 3,
    }
}

/// The level that the interface means.
pub fn to_level(level: i32) -> LogLevel {
    match level {
        0 => LogLevel::Error,
        1 => LogLevel::Warning,
        2 => LogLevel::Info,
        _ => LogLevel::Debug,
    }
}

/// What tunnels are called, by the ids that the log has.
pub fn names(view: &View) -> BTreeMap<String, String> {
    let name = |card: &Card| Some((card.tunnel()?.id.to_string(), card.name.clone()));
    view.cards.iter().filter_map(name).collect()
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    fn excerpt(words: &str, numbers: &[u64]) -> Excerpt {
        let line = |number: &u64| {
            let (at, level) = (Timestamp::UNIX_EPOCH, LogLevel::Info);
            let text = number.to_string().into();
            Arc::new(Line { number: *number, at, level, target: "adit", tunnel: None, text })
        };
        let search = Search { words: words.to_owned(), ..Search::default() };
        Excerpt { search, lines: numbers.iter().map(line).collect() }
    }

    #[test]
    fn lines_that_stay_are_not_touched() {
        let old = excerpt("", &[2, 4, 6]);
        let from_old = |numbers: &[u64]| difference(&old, &excerpt("", numbers));
        assert_eq!(from_old(&[2, 4, 6]), Some((0, 0)));
        assert_eq!(from_old(&[4, 6, 8, 9]), Some((1, 2)));
        assert_eq!(from_old(&[8]), Some((3, 1)));
        assert_eq!(from_old(&[]), Some((3, 0)));
        assert_eq!(from_old(&[2, 3, 4]), None);
        assert_eq!(difference(&old, &excerpt("x", &[2, 4, 6])), None);
    }

    #[test]
    fn what_came_behind_is_counted() {
        let shown = excerpt("", &[2, 4]);
        assert_eq!(behind(&shown, &excerpt("", &[4, 5, 6])), 2);
        assert_eq!(behind(&shown, &shown), 0);
        assert_eq!(behind(&Excerpt::default(), &shown), 2);
    }

    #[test]
    fn levels_are_counted_as_the_interface_does() {
        assert!((0..4).all(|n| level(to_level(n)) == n));
    }
}
