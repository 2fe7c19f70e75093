//! Looks at everything that tunnels need, and says for each thing what is wrong with it and what mends it.
//!
//! What is found is a value. `adit doctor` says it in English, the status page of the desktop app in the language
//! of its window. Nothing is mended here.

mod examiner;
mod fault;
mod finding;
mod judge;
mod listeners;
mod look;
mod unit;

use serde::Serialize;

use crate::profile::Profile;
use crate::words::{self, Language};

pub use examiner::{Examination, Examiner};
pub use fault::Fault;
pub use finding::{Found, Mend, Silence, Subject, Why};

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// What it is.
    pub subject: Subject,
    /// Whether it is in order.
    pub verdict: Verdict,
    /// What was found.
    pub found: Found,
    /// What to do about it.
    pub mend: Option<Mend>,
}

/// The same in words, as scripts read it and people see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Told {
    /// What it is, in a word or two.
    pub name: String,
    /// Whether it is in order.
    pub verdict: Verdict,
    /// What was found.
    pub found: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mend: Option<String>,
}

/// Whether something is in order. The order is by urgency, the worst last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// In order.
    Ok,
    /// Works, but somebody should look at it.
    Warn,
    /// Does not work.
    Fail,
}

impl Check {
    /// Says it.
    pub fn told(&self, language: Language) -> Told {
        words::told(self, language)
    }

    fn ok(subject: Subject, found: Found) -> Self {
        Self { subject, verdict: Verdict::Ok, found, mend: None }
    }

    fn warn(subject: Subject, found: Found, mend: Mend) -> Self {
        Self { verdict: Verdict::Warn, mend: Some(mend), ..Self::ok(subject, found) }
    }

    fn fail(subject: Subject, found: Found, mend: Mend) -> Self {
        Self { verdict: Verdict::Fail, ..Self::warn(subject, found, mend) }
    }
}

/// Looks at everything. Each look has a deadline of its own, so this ends within half a minute.
pub async fn examine(profile: &Profile) -> Vec<Check> {
    let mut checks = look::files(profile);
    checks.extend(look::places(profile).await);
    checks.extend(look::microsoft(profile).await);
    checks.extend(look::hosted(profile).await);
    checks.extend(listeners::trials(&profile.places).await);
    checks.push(unit::look().await);
    checks.push(look::localhost_names().await);
    checks
}

/// The checks as text to copy: a line for each, and its mend below it.
pub fn to_text(checks: &[Check], language: Language) -> String {
    let line = |check: &Check| {
        let word = words::verdict(check.verdict, language);
        let Told { name, found, mend, .. } = check.told(language);
        let mend = mend.map(|mend| format!("      {mend}\n")).unwrap_or_default();
        format!("{word:<4}  {name}: {found}\n{mend}")
    };
    checks.iter().map(line).collect()
}

/// The worst of them.
pub fn worst(checks: &[Check]) -> Verdict {
    checks.iter().map(|check| check.verdict).max().unwrap_or(Verdict::Ok)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_has_a_line_for_each_and_its_mend_below() {
        let checks = [
            Check::ok(Subject::Clock, Found::ClockRight),
            Check::fail(Subject::Microsoft, Found::Said("is away".to_owned()), Mend::Later),
        ];
        let text = "ok    clock: agrees with the relay's\n\
            FAIL  Microsoft Dev Tunnels: is away\n      try again later\n";
        assert_eq!(to_text(&checks, Language::English), text);
        let text = "ok    relógio: está de acordo com o do relay\n\
            ERRO  Microsoft Dev Tunnels: is away\n      tente de novo mais tarde\n";
        assert_eq!(to_text(&checks, Language::Portuguese), text);
        assert_eq!(worst(&checks), Verdict::Fail);
    }
}
