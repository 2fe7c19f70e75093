//! Many worlds around the application, each from one number: its pure half with services, engines, files, people and a
//! clock that all misbehave. See docs/simulation.md.

mod check;
mod flaws;
mod mind;
mod model;
mod plan;
mod words;
mod world;

use std::fmt::Write;
use std::ops::Range;

use adit_sim::Trace;

use check::{Promise, Summary, Violation};
use mind::Flaw;
use plan::Plan;
use world::World;

/// Lines of what happened that a failure prints.
const LAST: usize = 40;

/// Failures that are made smaller and told in full.
const SHOWN: usize = 3;

fn run(plan: &Plan, flaw: Option<Flaw>) -> Result<Summary, Violation> {
    let run = || traced(plan, flaw, Trace::off()).0;
    std::panic::catch_unwind(run).unwrap_or_else(|_| {
        let (promise, text) = (Promise::Survives, "it panicked, see above".to_owned());
        Err(Violation { promise, at: plan.heals, text })
    })
}

fn traced(plan: &Plan, flaw: Option<Flaw>, trace: Trace) -> (Result<Summary, Violation>, Trace) {
    World::new(plan, flaw, trace).run()
}

/// Leaves out of `plan` what it does not need to break the same promise.
fn shrink(plan: &Plan, flaw: Option<Flaw>) -> (Plan, Option<Violation>) {
    let Err(mut violation) = run(plan, flaw) else { return (plan.clone(), None) };
    let (mut plan, promise) = (plan.clone(), violation.promise);
    let mut size = plan.steps.len().max(1);
    while size > 0 {
        let mut at = 0;
        while at < plan.steps.len() {
            let mut without = plan.clone();
            without.steps.drain(at..(at + size).min(plan.steps.len()));
            match run(&without, flaw).err().filter(|it| it.promise == promise) {
                Some(found) => (plan, violation) = (without, found),
                None => at += size,
            }
        }
        size /= 2;
    }
    (plan, Some(violation))
}

/// All there is to know about a world that failed.
fn report(plan: &Plan, violation: &Violation) -> String {
    let (small, again) = shrink(plan, None);
    let trace = match violation.promise {
        Promise::Survives => Trace::off(),
        _ => traced(&small, None, Trace::last(LAST)).1,
    };
    let mut text = format!("seed {}: {violation}\n", plan.seed);
    let again = again.map(|violation| violation.to_string()).unwrap_or_default();
    let (left, all) = (small.steps.len(), plan.steps.len());
    let _ = writeln!(text, "made smaller ({left} of {all} steps): {again}");
    for step in &small.steps {
        let _ = writeln!(text, "  at {:?} for {:?}: {:?}", step.at, step.lasts, step.what);
    }
    for line in trace.lines() {
        let _ = writeln!(text, "{line}");
    }
    let seed = plan.seed;
    let _ = writeln!(text, "replay: ADIT_SIM_SEED={seed} cargo test -p adit-sim --test app replay");
    text
}

fn worlds(seeds: Range<u64>) {
    let (mut sum, mut failures) = (Summary::default(), Vec::new());
    let count = seeds.end - seeds.start;
    for seed in seeds {
        let plan = Plan::new(seed);
        match run(&plan, None) {
            Ok(summary) => sum.add(&summary),
            Err(violation) => failures.push((plan, violation)),
        }
    }
    for (plan, violation) in &failures {
        println!("seed {}: {violation}", plan.seed);
    }
    let shown = failures.iter().take(SHOWN).map(|(plan, violation)| report(plan, violation));
    let shown = shown.collect::<Vec<_>>().join("\n");
    assert!(failures.is_empty(), "{} worlds failed\n{shown}", failures.len());
    did_something(&sum, count);
}

/// Worlds in which nothing happens keep every promise, too.
fn did_something(sum: &Summary, worlds: u64) {
    println!("{worlds} worlds: {sum:?}");
    assert!(sum.inputs > 100 * worlds && sum.engines > 2 * worlds && sum.starts > 2 * worlds);
    assert!(sum.crashes > worlds / 4 && sum.removals > worlds / 2 && sum.undone > worlds / 10);
    assert!(sum.notices > worlds && sum.forgotten > worlds / 20 && sum.late > worlds / 4);
    assert!(sum.restored > worlds / 2 && sum.elsewhere > worlds / 10);
}

#[test]
fn a_thousand_worlds_keep_every_promise() {
    worlds(0..1_000);
}

#[test]
#[ignore = "takes minutes; ./test --long runs it"]
fn ten_thousand_worlds_keep_every_promise() {
    worlds(1_000..11_000);
}

#[test]
fn replay() {
    let Some(seed) = std::env::var("ADIT_SIM_SEED").ok() else { return };
    let seed = seed.parse().expect("ADIT_SIM_SEED is a number");
    let plan = Plan::new(seed);
    let (outcome, trace) = traced(&plan, None, Trace::last(usize::MAX));
    trace.lines().for_each(|line| println!("{line}"));
    let (small, _) = shrink(&plan, None);
    println!("{plan:#?}\nmade smaller:\n{:#?}", small.steps);
    assert_eq!(outcome.err().map(|violation| violation.to_string()), None);
}
