//! What a scenario showed, and the reports.

use std::fmt::Write as _;
use std::io;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

/// What a scenario measured and found wrong.
#[derive(Debug, Clone, Default)]
pub(super) struct Measured {
    figures: Vec<(&'static str, Value)>,
    findings: Vec<String>,
}

impl Measured {
    /// A figure, for the report.
    pub(super) fn figure(&mut self, name: &'static str, value: impl Into<Value>) {
        self.figures.push((name, value.into()));
    }

    /// A length of time in milliseconds.
    pub(super) fn millis(&mut self, name: &'static str, time: Duration) {
        self.figure(name, u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
    }

    /// Something that must hold; a finding if it does not.
    pub(super) fn must(&mut self, holds: bool, otherwise: impl Into<String>) {
        if !holds {
            self.findings.push(otherwise.into());
        }
    }
}

/// What came of a scenario.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Its name.
    pub name: &'static str,
    /// What it is about, in a sentence.
    pub about: &'static str,
    /// What was measured, in the order it was told.
    pub figures: Vec<(&'static str, Value)>,
    /// What did not hold.
    pub findings: Vec<String>,
}

impl Outcome {
    pub(super) fn new(name: &'static str, about: &'static str) -> Self {
        Self { name, about, figures: Vec::new(), findings: Vec::new() }
    }

    pub(super) fn take(&mut self, measured: Measured) {
        self.figures = measured.figures;
        self.findings = measured.findings;
    }

    pub(super) fn finding(&mut self, text: String) {
        self.findings.push(text);
    }

    /// Whether everything held.
    pub fn held(&self) -> bool {
        self.findings.is_empty()
    }
}

/// All outcomes of a run.
#[derive(Debug, Clone)]
pub struct Report {
    /// Whether it was the long form.
    pub long: bool,
    /// In the order they were run.
    pub outcomes: Vec<Outcome>,
}

impl Report {
    /// How many held, and how many did not.
    pub fn counts(&self) -> (usize, usize) {
        let held = self.outcomes.iter().filter(|outcome| outcome.held()).count();
        (held, self.outcomes.len() - held)
    }

    pub(super) fn write(&self, folder: &Path) -> io::Result<()> {
        std::fs::create_dir_all(folder)?;
        let json = serde_json::to_string_pretty(&self.json())?;
        std::fs::write(folder.join("report.json"), json)?;
        std::fs::write(folder.join("report.md"), self.markdown())
    }

    fn json(&self) -> Value {
        let outcome = |outcome: &Outcome| {
            let figures: serde_json::Map<_, _> = outcome
                .figures
                .iter()
                .map(|(name, value)| ((*name).to_owned(), value.clone()))
                .collect();
            json!({ "name": outcome.name, "about": outcome.about, "held": outcome.held(),
                "figures": figures, "findings": outcome.findings })
        };
        let outcomes: Vec<_> = self.outcomes.iter().map(outcome).collect();
        json!({ "v": 1, "form": self.form(), "scenarios": outcomes })
    }

    fn form(&self) -> &'static str {
        if self.long { "long" } else { "short" }
    }

    fn markdown(&self) -> String {
        let (held, failed) = self.counts();
        let mut text =
            format!("# Black-box suite, {} form: {held} held, {failed} failed\n", self.form());
        for outcome in &self.outcomes {
            let _ = write!(text, "\n## {}\n\n{}\n\n", outcome.name, outcome.about);
            for finding in &outcome.findings {
                let _ = writeln!(text, "* **does not hold:** {finding}");
            }
            for (name, value) in &outcome.figures {
                let _ = writeln!(text, "* {}: {value}", name.replace('_', " "));
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_hold_is_in_both_reports() {
        let mut measured = Measured::default();
        measured.millis("recover_ms", Duration::from_millis(41));
        measured.must(true, "never said");
        measured.must(false, "two sessions are left");
        let mut outcome = Outcome::new("drop", "a drop");
        outcome.take(measured);
        let report = Report { long: false, outcomes: vec![outcome] };
        assert_eq!(report.counts(), (0, 1));
        let folder = tempfile::tempdir().unwrap();
        report.write(folder.path()).unwrap();
        let read = |name| std::fs::read_to_string(folder.path().join(name)).unwrap();
        assert!(read("report.md").contains("**does not hold:** two sessions are left"));
        let json: Value = serde_json::from_str(&read("report.json")).unwrap();
        assert_eq!(json["scenarios"][0]["figures"]["recover_ms"], 41);
        assert_eq!(json["scenarios"][0]["held"], false);
    }
}
