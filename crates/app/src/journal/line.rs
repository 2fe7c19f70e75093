//! Lines of the log, and which of them somebody wants to see.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use crate::preferences::LogLevel;

/// A line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Its number since the start, from 1.
    pub number: u64,
    /// When.
    pub at: Timestamp,
    /// How bad it is.
    pub level: LogLevel,
    /// The part of the program that says it.
    pub target: &'static str,
    /// The tunnel that it is about, if it is about one.
    pub tunnel: Option<Box<str>>,
    /// What it says, and its fields; one line, with secrets hidden.
    pub text: Box<str>,
}

/// Which lines somebody wants to see.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Search {
    /// These and worse ones.
    pub level: LogLevel,
    /// Those with all of these words, in any case.
    pub words: String,
    /// What tunnels are called, by their ids: their lines are found by that too.
    pub names: Arc<BTreeMap<String, String>>,
}

impl Line {
    /// About how many bytes it takes in memory.
    pub(super) fn size(&self) -> usize {
        size_of::<Self>() + self.text.len() + self.tunnel.as_ref().map_or(0, |it| it.len())
    }
}

impl std::fmt::Display for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { at, level, target, text, .. } = self;
        let level = word(*level);
        write!(f, "{at:.3} {level:<7} {target}: ")?;
        if let Some(tunnel) = &self.tunnel {
            write!(f, "[{tunnel}] ")?;
        }
        f.write_str(text)
    }
}

impl Search {
    /// Whether a line is one of them.
    pub fn wants(&self, line: &Line) -> bool {
        let contains = |word: &str| {
            let tunnel = line.tunnel.as_deref().unwrap_or_default();
            let name = self.names.get(tunnel).map_or("", String::as_str);
            let mut texts = [&*line.text, tunnel, name, line.target].into_iter();
            texts.any(|text| text.to_lowercase().contains(word))
        };
        line.level <= self.level && self.words.to_lowercase().split_whitespace().all(contains)
    }

    /// Those of these lines.
    pub fn select(&self, lines: &[Arc<Line>]) -> Vec<Arc<Line>> {
        lines.iter().filter(|line| self.wants(line)).cloned().collect()
    }
}

/// Lines as text to copy or to write: stable, in English, each with its end.
pub fn to_text(lines: &[Arc<Line>]) -> String {
    lines.iter().map(|line| format!("{line}\n")).collect()
}

fn word(level: LogLevel) -> &'static str {
    match level {
        LogLevel::Error => "ERROR",
        LogLevel::Warning => "WARNING",
        LogLevel::Info => "INFO",
        LogLevel::Debug => "DEBUG",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(number: u64, level: LogLevel, tunnel: Option<&str>, text: &str) -> Arc<Line> {
        let tunnel = tunnel.map(Into::into);
        let at = Timestamp::UNIX_EPOCH;
        Arc::new(Line { number, at, level, target: "adit_app", tunnel, text: text.into() })
    }

    #[test]
    fn a_search_is_by_level_and_words() {
        let lines = [
            line(1, LogLevel::Info, Some("Shop.loc1"), "Session replaced"),
            line(2, LogLevel::Error, None, "it broke"),
            line(3, LogLevel::Debug, Some("api.loc1"), "session kept"),
        ];
        let found = |level, words: &str| {
            let names = [("api.loc1".to_owned(), "Storefront".to_owned())];
            let names = Arc::new(names.into_iter().collect());
            let search = Search { level, words: words.to_owned(), names };
            search.select(&lines).iter().map(|it| it.number).collect::<Vec<_>>()
        };
        assert_eq!(found(LogLevel::Debug, ""), [1, 2, 3]);
        assert_eq!(found(LogLevel::Info, " "), [1, 2]);
        assert_eq!(found(LogLevel::Error, ""), [2]);
        assert_eq!(found(LogLevel::Debug, "SESSION shop"), [1]);
        assert_eq!(found(LogLevel::Debug, "storefront"), [3]);
        assert!(found(LogLevel::Debug, "session nowhere").is_empty());
    }

    #[test]
    fn text_has_one_line_for_each() {
        let lines =
            [line(1, LogLevel::Info, Some("a.b"), "x y=1"), line(2, LogLevel::Warning, None, "z")];
        assert_eq!(
            to_text(&lines),
            "1970-01-01T00:00:00.000Z INFO    adit_app: [a.b] x y=1\n\
             1970-01-01T00:00:00.000Z WARNING adit_app: z\n"
        );
    }
}
