//! The black-box suite: our relay, a local server and the real command, and what a visitor sees while things
//! go wrong.
//!
//! Every scenario has a world of its own: processes, directories, ports. It drives binaries and URLs only, and
//! measures from outside. What must hold is a finding when it does not, and fails the suite; how fast it was is
//! a figure, which fails nothing: machines differ.

mod backend;
mod outcome;
mod scenarios;
mod system;
mod visitor;
mod world;

use std::io;
use std::path::PathBuf;
use std::time::Instant;

pub use outcome::{Outcome, Report};
pub use scenarios::names;

use self::scenarios::Scenario;

/// What to run, and how long.
#[derive(Debug, Clone)]
pub struct Options {
    /// Loads and waits as long as the claims are about; otherwise as short as still proves something.
    pub long: bool,
    /// Only scenarios whose name contains this.
    pub only: Option<String>,
    /// Where `report.md` and `report.json` go.
    pub out: PathBuf,
}

/// Runs the scenarios one after the other and writes the reports.
///
/// # Errors
/// When the reports cannot be written.
pub async fn run(options: &Options) -> io::Result<Report> {
    let chosen = |scenario: &&Scenario| {
        options.only.as_ref().is_none_or(|part| scenario.name.contains(part.as_str()))
    };
    let mut outcomes = Vec::new();
    for scenario in scenarios::ALL.iter().filter(chosen) {
        eprint!("{:<24} ", scenario.name);
        let began = Instant::now();
        let outcome = one(scenario, options.long).await;
        let word = if outcome.held() { "ok" } else { "FAILED" };
        eprintln!("{word} ({} s)", began.elapsed().as_secs());
        outcome.findings.iter().for_each(|finding| eprintln!("    {finding}"));
        outcomes.push(outcome);
    }
    let report = Report { long: options.long, outcomes };
    report.write(&options.out)?;
    Ok(report)
}

/// A scenario that panics has a finding: what it waited for in vain.
async fn one(scenario: &Scenario, long: bool) -> Outcome {
    let mut outcome = Outcome::new(scenario.name, scenario.about);
    let run = (scenario.run)(long);
    match tokio::spawn(run).await {
        Ok(measured) => outcome.take(measured),
        Err(error) => {
            let panic = error.into_panic();
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(|it| (*it).to_owned()));
            outcome.finding(text.unwrap_or_else(|| "it panicked".to_owned()));
        }
    }
    outcome
}
