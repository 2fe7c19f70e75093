//! Looks at everything that tunnels need, and says for each thing what is wrong with it and what mends it.
//!
//! What is found is a value, shown by `adit doctor` and by the status page of the desktop app. Nothing is
//! mended here.

mod examiner;
mod judge;
mod listeners;
mod look;
mod unit;

use serde::Serialize;

use crate::profile::Profile;

pub use examiner::{Examination, Examiner};

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
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
    fn ok(name: impl Into<String>, found: impl Into<String>) -> Self {
        Self { name: name.into(), verdict: Verdict::Ok, found: found.into(), mend: None }
    }

    fn warn(name: impl Into<String>, found: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { verdict: Verdict::Warn, mend: Some(mend.into()), ..Self::ok(name, found) }
    }

    fn fail(name: impl Into<String>, found: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { verdict: Verdict::Fail, ..Self::warn(name, found, mend) }
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
pub fn to_text(checks: &[Check]) -> String {
    let line = |check: &Check| {
        let word = match check.verdict {
            Verdict::Ok => "ok  ",
            Verdict::Warn => "look",
            Verdict::Fail => "FAIL",
        };
        let mend = check.mend.as_ref().map(|mend| format!("      {mend}\n")).unwrap_or_default();
        format!("{word}  {}: {}\n{mend}", check.name, check.found)
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
        let checks =
            [Check::ok("keys", "are yours only"), Check::fail("relay x", "is away", "try later")];
        let text = "ok    keys: are yours only\nFAIL  relay x: is away\n      try later\n";
        assert_eq!(to_text(&checks), text);
        assert_eq!(worst(&checks), Verdict::Fail);
    }
}
