//! The figures that every case of a scenario has, or says why it has none.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use super::visitor::Seen;

/// What is told of every case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Column {
    /// Since it began, until the host (or who else is concerned) noticed.
    Noticed,
    /// Since it began, until it was as before.
    Mended,
    /// Requests of the visitor.
    Requests,
    /// Of these, those without their answer.
    Lost,
    /// The visitor's longest time without a good answer.
    Gap,
    /// Sessions of hosts that should not be there any more.
    LeftOver,
    /// What the host computes afterwards, of one core.
    HostCpu,
    /// What the relay computes afterwards, of one core.
    RelayCpu,
}

use Column::{Gap, HostCpu, LeftOver, Lost, Mended, Noticed, RelayCpu, Requests};

impl Column {
    /// In the order of the reports.
    pub(super) const ALL: [Self; 8] =
        [Noticed, Mended, Requests, Lost, Gap, LeftOver, HostCpu, RelayCpu];

    /// For readers.
    pub(super) fn title(self) -> &'static str {
        match self {
            Noticed => "Noticed",
            Mended => "Mended",
            Requests => "Requests",
            Lost => "Lost",
            Gap => "Longest gap",
            LeftOver => "Sessions left over",
            HostCpu => "Host's CPU after",
            RelayCpu => "Relay's CPU after",
        }
    }

    /// For programs.
    fn key(self) -> &'static str {
        match self {
            Noticed => "noticed_ms",
            Mended => "mended_ms",
            Requests => "requests",
            Lost => "lost",
            Gap => "longest_gap_ms",
            LeftOver => "sessions_left_over",
            HostCpu => "host_percent_of_a_core_after",
            RelayCpu => "relay_percent_of_a_core_after",
        }
    }
}

/// A figure, or why there is none.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Cell {
    Time(Duration),
    Count(usize),
    Percent(f64),
    None(&'static str),
}

impl Cell {
    /// For readers. A figure that is not there is a dash; the reason is told elsewhere.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Time(time) if time.as_secs() >= 10 => format!("{:.1} s", time.as_secs_f64()),
            Self::Time(time) => format!("{} ms", time.as_millis()),
            Self::Count(count) => count.to_string(),
            Self::Percent(percent) => format!("{percent:.1} %"),
            Self::None(_) => "-".to_owned(),
        }
    }

    fn json(&self) -> Value {
        match self {
            Self::Time(time) => json!(u64::try_from(time.as_millis()).unwrap_or(u64::MAX)),
            Self::Count(count) => json!(count),
            Self::Percent(percent) => json!((percent * 100.0).round() / 100.0),
            Self::None(why) => json!({ "none": why }),
        }
    }
}

/// A case: a line of the reports.
#[derive(Debug, Clone)]
pub(super) struct Row {
    /// What it is about, in a few words.
    pub(super) case: String,
    cells: BTreeMap<Column, Cell>,
    /// What visitors got instead of their answers, each once.
    pub(super) failures: Vec<String>,
}

impl Row {
    pub(super) fn of(case: impl Into<String>) -> Self {
        Self { case: case.into(), cells: BTreeMap::new(), failures: Vec::new() }
    }

    /// A length of time. Told more than once, the longest counts.
    pub(super) fn time(&mut self, column: Column, time: Duration) {
        let before = self.cells.get(&column);
        let longest = before.is_none_or(|before| !matches!(before, Cell::Time(it) if *it > time));
        if longest {
            self.put(column, Cell::Time(time));
        }
    }

    pub(super) fn put(&mut self, column: Column, cell: Cell) {
        self.cells.insert(column, cell);
    }

    /// There is no such figure, and why.
    pub(super) fn none(&mut self, columns: &[Column], why: &'static str) {
        columns.iter().for_each(|&column| self.put(column, Cell::None(why)));
    }

    /// What a visitor saw.
    pub(super) fn seen(&mut self, seen: &Seen) {
        self.put(Requests, Cell::Count(seen.total()));
        self.put(Lost, Cell::Count(seen.lost()));
        self.put(Gap, Cell::Time(seen.longest_gap()));
        self.failures = seen.failures();
    }

    pub(super) fn cell(&self, column: Column) -> Option<&Cell> {
        self.cells.get(&column)
    }

    /// Columns of which nothing is known, not even why.
    pub(super) fn missing(&self) -> impl Iterator<Item = &'static str> {
        Column::ALL.into_iter().filter(|column| !self.cells.contains_key(column)).map(Column::title)
    }

    /// Why there is no figure, with the columns concerned.
    pub(super) fn reasons(&self) -> BTreeMap<&'static str, Vec<&'static str>> {
        let mut reasons = BTreeMap::<_, Vec<_>>::new();
        for (column, cell) in &self.cells {
            if let Cell::None(why) = cell {
                reasons.entry(*why).or_default().push(column.title());
            }
        }
        reasons
    }

    pub(super) fn json(&self) -> Value {
        let figures: serde_json::Map<_, _> = self
            .cells
            .iter()
            .map(|(column, cell)| (column.key().to_owned(), cell.json()))
            .collect();
        json!({ "case": self.case, "figures": figures, "failures": self.failures })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_time_counts_and_what_was_not_told_is_missed() {
        let mut row = Row::of("a drop");
        for millis in [5, 12, 7] {
            row.time(Noticed, Duration::from_millis(millis));
        }
        assert_eq!(row.cell(Noticed), Some(&Cell::Time(Duration::from_millis(12))));
        row.none(&[Mended, Gap], "nothing breaks");
        row.put(LeftOver, Cell::Count(0));
        let missing: Vec<_> = row.missing().collect();
        assert_eq!(missing, ["Requests", "Lost", "Host's CPU after", "Relay's CPU after"]);
        let reasons = row.reasons();
        assert_eq!(reasons["nothing breaks"], ["Mended", "Longest gap"]);
        assert_eq!(row.json()["figures"]["noticed_ms"], 12);
        assert_eq!(row.json()["figures"]["mended_ms"]["none"], "nothing breaks");
    }
}
