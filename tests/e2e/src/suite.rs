//! The black-box suite: our relay, a local server and the real command, and what a visitor sees while things
//! go wrong.
//!
//! Every scenario has a world of its own: processes, directories, ports. It drives binaries and URLs only, and
//! measures from outside. What must hold is a finding when it does not, and fails the suite; how fast it was is
//! a figure, which fails nothing: machines differ.

mod backend;
mod calendar;
mod case;
mod figures;
mod outcome;
mod page;
mod relay;
mod report;
mod scenarios;
mod system;
mod talker;
mod visitor;
mod world;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, JoinSet};

pub use outcome::{Counts, Outcome, Report, Verdict};
pub use scenarios::names;

use self::page::Setting;
use self::scenarios::Scenario;

/// How many scenarios that mostly wait run beside each other in the short form.
const BESIDE: usize = 6;

/// What to run, and how long.
#[derive(Debug, Clone)]
pub struct Options {
    /// Loads and waits as long as the claims are about; otherwise as short as still proves something.
    pub long: bool,
    /// Only scenarios whose name contains this.
    pub only: Option<String>,
    /// Where `report.md` and `report.json` go.
    pub out: PathBuf,
    /// A page whose table is replaced by what was measured.
    pub table: Option<PathBuf>,
}

/// Runs the scenarios and writes the reports. In the long form one after the other; in the short form those that
/// mostly wait run beside each other.
///
/// # Errors
/// When the reports cannot be written.
pub async fn run(options: &Options) -> io::Result<Report> {
    let setting = Setting::look();
    let began = Instant::now();
    let chosen = |scenario: &&Scenario| {
        options.only.as_ref().is_none_or(|part| scenario.name.contains(part.as_str()))
    };
    let chosen: Vec<_> = scenarios::ALL.iter().enumerate().filter(|(_, it)| chosen(it)).collect();
    let (beside, alone): (Vec<_>, Vec<_>) =
        chosen.into_iter().partition(|(_, scenario)| scenario.waits && !options.long);
    let mut outcomes = Vec::new();
    for (place, scenario) in alone {
        outcomes.push((place, one(scenario, options.long).await));
    }
    outcomes.extend(together(beside, options.long).await);
    outcomes.sort_by_key(|(place, _)| *place);
    let outcomes = outcomes.into_iter().map(|(_, outcome)| outcome).collect();
    let report = Report { long: options.long, outcomes, took: began.elapsed() };
    report.write(&options.out)?;
    if let Some(page) = &options.table {
        page::update(page, &setting, &report)?;
    }
    Ok(report)
}

/// Runs scenarios beside each other, a few at a time.
async fn together(scenarios: Vec<(usize, &'static Scenario)>, long: bool) -> Vec<(usize, Outcome)> {
    let turns = Arc::new(Semaphore::new(BESIDE));
    let mut running = JoinSet::new();
    for (place, scenario) in scenarios {
        let turns = turns.clone();
        running.spawn(async move {
            let _turn = turns.acquire_owned().await;
            (place, one(scenario, long).await)
        });
    }
    running.join_all().await
}

/// Runs a scenario and says how it ended. One that panics has a finding: what it waited for in vain.
async fn one(scenario: &Scenario, long: bool) -> Outcome {
    let began = Instant::now();
    let Scenario { name, about, .. } = *scenario;
    let outcome = match within_reason(tokio::spawn((scenario.run)(long))).await {
        Ok(measured) => Outcome::new(name, about, measured),
        Err(why) => Outcome::broken_off(name, about, why),
    };
    let word = match outcome.verdict() {
        Verdict::Held => "ok".to_owned(),
        Verdict::Failed => "FAILED".to_owned(),
        Verdict::Skipped(why) => format!("SKIPPED: {why}"),
    };
    let findings = outcome.findings.iter().map(|finding| format!("\n    {finding}"));
    let findings: String = findings.collect();
    eprintln!("{name:<26} {word} ({} s){findings}", began.elapsed().as_secs());
    outcome
}

/// Longer than any scenario takes, even on a machine that is busy with other things.
const REASON: Duration = Duration::from_secs(900);

/// What a scenario measured, or why it came to no end.
async fn within_reason<T>(mut running: JoinHandle<T>) -> Result<T, String> {
    match tokio::time::timeout(REASON, &mut running).await {
        Ok(Ok(measured)) => Ok(measured),
        Ok(Err(error)) => {
            let Ok(panic) = error.try_into_panic() else { return Err("it was ended".to_owned()) };
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(|it| (*it).to_owned()));
            Err(text.unwrap_or_else(|| "it panicked".to_owned()))
        }
        Err(_) => {
            running.abort();
            Err(format!("it did not end within {} s", REASON.as_secs()))
        }
    }
}
