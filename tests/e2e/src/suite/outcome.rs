//! What a scenario showed, and all of them together.

use std::time::Duration;

use serde_json::{Value, json};

use super::figures::Row;

/// What a scenario measured and found wrong.
#[derive(Debug, Clone, Default)]
pub(super) struct Measured {
    rows: Vec<Row>,
    figures: Vec<(&'static str, Value)>,
    findings: Vec<String>,
    skipped: Option<String>,
}

impl Measured {
    /// A scenario that cannot be run here, and why.
    pub(super) fn skipped(why: impl Into<String>) -> Self {
        Self { skipped: Some(why.into()), ..Self::default() }
    }

    /// A case, with all its figures.
    pub(super) fn row(&mut self, row: Row) {
        for missing in row.missing() {
            let case = &row.case;
            self.findings.push(format!("{case}: nothing is told of {missing:?}, not even why"));
        }
        self.rows.push(row);
    }

    /// A further figure.
    pub(super) fn figure(&mut self, name: &'static str, value: impl Into<Value>) {
        self.figures.push((name, value.into()));
    }

    /// A further length of time, in milliseconds. Told more than once, the longest counts.
    pub(super) fn millis(&mut self, name: &'static str, time: Duration) {
        let millis = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        match self.figures.iter_mut().find(|(known, _)| *known == name) {
            Some((_, before)) if before.as_u64() >= Some(millis) => {}
            Some((_, before)) => *before = millis.into(),
            None => self.figure(name, millis),
        }
    }

    /// Something that must hold; a finding if it does not.
    pub(super) fn must(&mut self, holds: bool, otherwise: impl Into<String>) {
        if !holds {
            self.findings.push(otherwise.into());
        }
    }
}

/// How a scenario ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Everything held.
    Held,
    /// Something did not.
    Failed,
    /// It was not run, and why.
    Skipped(String),
}

/// What came of a scenario.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Its name.
    pub name: &'static str,
    /// What it is about, in a sentence.
    pub about: &'static str,
    /// Its cases.
    pub(super) rows: Vec<Row>,
    /// What else was measured, in the order it was told.
    pub(super) figures: Vec<(&'static str, Value)>,
    /// What did not hold.
    pub findings: Vec<String>,
    skipped: Option<String>,
}

impl Outcome {
    pub(super) fn new(name: &'static str, about: &'static str, measured: Measured) -> Self {
        let Measured { rows, figures, findings, skipped } = measured;
        Self { name, about, rows, figures, findings, skipped }
    }

    /// Of a scenario that waited in vain.
    pub(super) fn broken_off(name: &'static str, about: &'static str, why: String) -> Self {
        let findings = vec![why];
        Self { name, about, rows: Vec::new(), figures: Vec::new(), findings, skipped: None }
    }

    /// How it ended. What was not run has not held.
    pub fn verdict(&self) -> Verdict {
        match &self.skipped {
            _ if !self.findings.is_empty() => Verdict::Failed,
            Some(why) => Verdict::Skipped(why.clone()),
            None => Verdict::Held,
        }
    }

    fn json(&self) -> Value {
        let figures: serde_json::Map<_, _> =
            self.figures.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        let cases: Vec<_> = self.rows.iter().map(Row::json).collect();
        json!({
            "name": self.name, "about": self.about, "held": self.verdict() == Verdict::Held,
            "skipped": self.skipped, "cases": cases, "figures": figures, "findings": self.findings,
        })
    }
}

/// All outcomes of a run.
#[derive(Debug, Clone)]
pub struct Report {
    /// Whether it was the long form.
    pub long: bool,
    /// In the order of the list.
    pub outcomes: Vec<Outcome>,
    /// How long all took.
    pub took: Duration,
}

/// How many scenarios ended in which way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Everything held.
    pub held: usize,
    /// Something did not.
    pub failed: usize,
    /// Not run.
    pub skipped: usize,
}

impl Report {
    /// How many there are of each.
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for outcome in &self.outcomes {
            match outcome.verdict() {
                Verdict::Held => counts.held += 1,
                Verdict::Failed => counts.failed += 1,
                Verdict::Skipped(_) => counts.skipped += 1,
            }
        }
        counts
    }

    /// Whether everything that was chosen was run and held.
    pub fn held(&self) -> bool {
        let Counts { held, failed, skipped } = self.counts();
        held > 0 && failed == 0 && skipped == 0
    }

    pub(super) fn form(&self) -> &'static str {
        if self.long { "long" } else { "short" }
    }

    pub(super) fn json(&self) -> Value {
        let outcomes: Vec<_> = self.outcomes.iter().map(Outcome::json).collect();
        json!({
            "v": 2, "form": self.form(), "seconds": self.took.as_secs(), "scenarios": outcomes,
        })
    }
}
