//! The reports as people read them.

use std::fmt::Write as _;
use std::io;
use std::path::Path;

use super::figures::{Column, Row};
use super::outcome::{Outcome, Report, Verdict};

impl Report {
    /// Writes `report.md` and `report.json`.
    pub(super) fn write(&self, folder: &Path) -> io::Result<()> {
        std::fs::create_dir_all(folder)?;
        let json = serde_json::to_string_pretty(&self.json())?;
        std::fs::write(folder.join("report.json"), json)?;
        std::fs::write(folder.join("report.md"), self.markdown())
    }

    fn markdown(&self) -> String {
        let counts = self.counts();
        let mut text = format!(
            "# Black-box suite, {} form: {} held, {} failed, {} skipped\n\n",
            self.form(),
            counts.held,
            counts.failed,
            counts.skipped
        );
        for outcome in &self.outcomes {
            let name = outcome.name;
            if let Verdict::Skipped(why) = outcome.verdict() {
                let _ = writeln!(text, "* `{name}`: **skipped**, {why}");
            }
            for finding in &outcome.findings {
                let _ = writeln!(text, "* `{name}`: **does not hold:** {finding}");
            }
        }
        text + "\n" + &self.tables()
    }

    /// What was measured: a line a case, and below it what else there is to say of each scenario.
    pub(super) fn tables(&self) -> String {
        let titles = Column::ALL.map(Column::title).join(" | ");
        let mut text =
            format!("| Scenario | {titles} |\n|---|{}\n", "---:|".repeat(Column::ALL.len()));
        for outcome in &self.outcomes {
            for row in &outcome.rows {
                let cell = |column| row.cell(column).map(super::figures::Cell::text);
                let cells = Column::ALL.map(|column| cell(column).unwrap_or_else(|| "?".into()));
                let _ = writeln!(text, "| {} | {} |", row.case, cells.join(" | "));
            }
        }
        text.push('\n');
        self.outcomes.iter().for_each(|outcome| about(&mut text, outcome));
        text
    }
}

/// A scenario in words.
fn about(text: &mut String, outcome: &Outcome) {
    let _ = write!(text, "* `{}`: {}", outcome.name, outcome.about);
    if let Verdict::Skipped(why) = outcome.verdict() {
        let _ = write!(text, " **Skipped:** {why}.");
    }
    let figures = outcome.figures.iter();
    let figures: Vec<_> = figures.map(|(name, value)| figure(name, value)).collect();
    if !figures.is_empty() {
        let _ = write!(text, " {}.", figures.join("; "));
    }
    text.push('\n');
    for row in &outcome.rows {
        remarks(text, row);
    }
}

/// `hosting_after_401_ms` and a number, as words.
fn figure(name: &str, value: &serde_json::Value) -> String {
    let unit = [("_ms", " ms"), ("_mb", " MB"), ("_percent", " % of a core")];
    let found = unit.into_iter().find(|(end, _)| name.ends_with(end));
    let (name, unit) = found.map_or((name, ""), |(end, unit)| (name.trim_end_matches(end), unit));
    format!("{}: {value}{unit}", name.replace('_', " "))
}

/// Why figures are not there, and what visitors got instead of answers.
fn remarks(text: &mut String, row: &Row) {
    for (why, columns) in row.reasons() {
        let _ =
            writeln!(text, "  * {}, no {}: {why}.", row.case, columns.join(", ").to_lowercase());
    }
    if !row.failures.is_empty() {
        let _ =
            writeln!(text, "  * {}, instead of an answer: {}.", row.case, row.failures.join("; "));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::Value;

    use super::*;
    use crate::suite::figures::Cell;
    use crate::suite::outcome::{Counts, Measured};

    fn report() -> Report {
        let mut row = Row::of("a drop");
        row.time(Column::Mended, Duration::from_millis(41));
        let rest = [Column::Noticed, Column::Requests, Column::Lost, Column::Gap];
        row.none(&rest, "nobody asks");
        row.put(Column::LeftOver, Cell::Count(2));
        row.put(Column::HostCpu, Cell::Percent(0.04));
        let mut measured = Measured::default();
        measured.row(row);
        measured.millis("again_ms", Duration::from_millis(5));
        measured.millis("again_ms", Duration::from_millis(9));
        measured.must(true, "never said");
        measured.must(false, "two sessions are left");
        let outcomes = vec![
            Outcome::new("drop", "A drop.", measured),
            Outcome::new("clock", "A clock.", Measured::skipped("there is no library")),
        ];
        Report { long: false, outcomes, took: Duration::from_secs(3) }
    }

    #[test]
    fn what_does_not_hold_or_was_not_run_is_in_both_reports() {
        let report = report();
        assert_eq!(report.counts(), Counts { held: 0, failed: 1, skipped: 1 });
        assert!(!report.held());
        let folder = tempfile::tempdir().unwrap();
        report.write(folder.path()).unwrap();
        let read = |name| std::fs::read_to_string(folder.path().join(name)).unwrap();
        let text = read("report.md");
        assert!(text.contains("* `drop`: **does not hold:** two sessions are left"), "{text}");
        assert!(text.contains("* `clock`: **skipped**, there is no library"), "{text}");
        let json: Value = serde_json::from_str(&read("report.json")).unwrap();
        let [drop, clock] = [0, 1].map(|at| &json["scenarios"][at]);
        assert_eq!((&drop["held"], &drop["figures"]["again_ms"]), (&false.into(), &9.into()));
        assert_eq!(drop["cases"][0]["figures"]["mended_ms"], 41);
        assert_eq!(
            (&clock["held"], &clock["skipped"]),
            (&false.into(), &"there is no library".into())
        );
    }

    #[test]
    fn a_figure_that_is_not_there_is_a_dash_with_a_reason_or_a_finding() {
        let report = report();
        let text = report.tables();
        assert!(text.contains("| a drop | - | 41 ms | - | - | - | 2 | 0.0 % | ? |"), "{text}");
        let why = "  * a drop, no noticed, requests, lost, longest gap: nobody asks.";
        assert!(text.contains(why), "{text}");
        assert!(text.contains("again: 9 ms."), "{text}");
        let finding = r#"a drop: nothing is told of "Relay's CPU after", not even why"#;
        assert_eq!(report.outcomes[0].findings[0], finding);
    }
}
