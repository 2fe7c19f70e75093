//! Many worlds around the application, each from one number: its pure half with services, engines, files, people and a
//! clock that all misbehave. See docs/simulation.md.

mod check;
mod flaws;
mod mind;
mod model;
mod plan;
mod words;
mod world;

use std::ops::Range;

use adit_sim::harness::{self, Kind, Outcome, Traced, Violation};
use adit_sim::{Step, Trace};

use check::{Promise, Summary};
use mind::Flaw;
use plan::{Plan, What};
use world::World;

/// Worlds of the application.
enum Application {}

impl Kind for Application {
    type Plan = Plan;
    type What = What;
    type Flaw = Flaw;
    type Promise = Promise;
    type Summary = Summary;

    const TEST: &'static str = "app";

    fn draw(seed: u64) -> Plan {
        Plan::new(seed)
    }

    fn steps(plan: &mut Plan) -> &mut Vec<Step<What>> {
        &mut plan.steps
    }

    fn traced(plan: &Plan, flaw: Option<Flaw>, trace: Trace) -> Traced<Self> {
        World::new(plan, flaw, trace).run()
    }

    /// An application that panics breaks a promise, too. Nothing is left of what happened before.
    fn run(plan: &Plan, flaw: Option<Flaw>) -> Outcome<Self> {
        let run = || Self::traced(plan, flaw, Trace::off()).0;
        std::panic::catch_unwind(run).unwrap_or_else(|_| {
            let (promise, text) = (Promise::Survives, "it panicked, see above".to_owned());
            Err(Violation { promise, at: plan.heals, text })
        })
    }
}

fn worlds(seeds: Range<u64>) {
    let (mut sum, count) = (Summary::default(), seeds.end - seeds.start);
    harness::worlds::<Application>(seeds, |summary| sum.add(&summary));
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
    harness::replay::<Application>();
}
