//! What is done with worlds of any kind: run many, show that flaws are found, make a failure smaller and tell it, replay.
//!
//! Meant for tests, so what is not as it should be panics, and a failing world is printed.

use std::fmt::{self, Debug, Write};
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use crate::trace::Trace;

/// How many worlds a mistake may go unseen in.
pub const WORLDS: u64 = 150;

/// Lines of what happened that a failure prints.
const LAST: usize = 40;

/// Failures that are made smaller and told in full.
const SHOWN: usize = 3;

/// A kind of world.
pub trait Kind {
    /// Everything about a world but its chance.
    type Plan: Clone + Debug;
    /// What can happen in it.
    type What: Clone + Debug;
    /// What can be wrong with it on purpose.
    type Flaw: Copy + Debug;
    /// What it promises.
    type Promise: Copy + Debug + PartialEq;
    /// What it did.
    type Summary: Clone + Debug + PartialEq;

    /// The test in which its replay is.
    const TEST: &'static str;

    /// Draws a plan from a seed.
    fn draw(seed: u64) -> Self::Plan;

    /// What happens by a plan.
    fn steps(plan: &mut Self::Plan) -> &mut Vec<Step<Self::What>>;

    /// Takes from a plan, besides steps, what a failure may not need. Tried first, as a whole.
    fn take_rest(_: &mut Self::Plan) {}

    /// Runs a world to its end, or to the first promise that is broken, and says what happened.
    fn traced(plan: &Self::Plan, flaw: Option<Self::Flaw>, trace: Trace) -> Traced<Self>;

    /// The same, where nobody asks what happened.
    ///
    /// # Errors
    ///
    /// The promise.
    fn run(plan: &Self::Plan, flaw: Option<Self::Flaw>) -> Outcome<Self> {
        Self::traced(plan, flaw, Trace::off()).0
    }
}

/// How a world ends.
pub type Outcome<K> = Result<<K as Kind>::Summary, Violation<<K as Kind>::Promise>>;

/// The same, and what happened.
pub type Traced<K> = (Outcome<K>, Trace);

/// Something that happens.
#[derive(Clone, Debug)]
pub struct Step<W> {
    /// When.
    pub at: Duration,
    /// For how long, where it is something that lasts.
    pub lasts: Duration,
    /// What.
    pub what: W,
}

/// A promise that was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation<P> {
    /// Which.
    pub promise: P,
    /// When, since the beginning of the world.
    pub at: Duration,
    /// How.
    pub text: String,
}

impl<P: Debug> fmt::Display for Violation<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} at {:.6} s: {}", self.promise, self.at.as_secs_f64(), self.text)
    }
}

/// Runs the worlds of these seeds, and hands over what each did.
///
/// # Panics
///
/// When a promise is broken.
#[track_caller]
pub fn worlds<K: Kind>(seeds: Range<u64>, mut did: impl FnMut(K::Summary)) {
    let mut failures = Vec::new();
    for seed in seeds {
        match K::run(&K::draw(seed), None) {
            Ok(summary) => did(summary),
            Err(violation) => failures.push((seed, violation)),
        }
    }
    for (seed, violation) in &failures {
        println!("seed {seed}: {violation}");
    }
    let shown = failures.iter().take(SHOWN).map(|(seed, violation)| report::<K>(*seed, violation));
    let shown = shown.collect::<Vec<_>>().join("\n");
    assert!(failures.is_empty(), "{} worlds failed\n{shown}", failures.len());
}

/// Shows that a mistake breaks the promise that it should.
///
/// # Panics
///
/// When it does not.
#[track_caller]
pub fn is_found<K: Kind>(flaw: K::Flaw, promise: K::Promise) {
    let mut others = Vec::new();
    for seed in 0..WORLDS {
        match K::run(&K::draw(seed), Some(flaw)) {
            Err(violation) if violation.promise == promise => return,
            Err(violation) => others.push(violation.to_string()),
            Ok(_) => {}
        }
    }
    panic!("{flaw:?} does not break {promise:?} in {WORLDS} worlds, but {others:#?}");
}

/// Shows that a plan that fails by this mistake is made smaller, and fails in the same way.
///
/// # Panics
///
/// When it is not, or does not.
#[track_caller]
pub fn shrinks<K: Kind>(flaw: K::Flaw) {
    let flaw = Some(flaw);
    let mut plans = (0..WORLDS).map(K::draw);
    let mut plan = plans
        .find(|plan| K::steps(&mut plan.clone()).len() > 8 && K::run(plan, flaw).is_err())
        .expect("one that fails");
    let (mut small, violation) = shrink::<K>(&plan, flaw);
    assert_eq!(violation, K::run(&small, flaw).err());
    let (left, all) = (K::steps(&mut small), K::steps(&mut plan).len());
    assert!(left.len() < all / 2, "{left:?}");
}

/// Shows that a seed is the same world each time, as far as it is told in lines that `count`.
///
/// # Panics
///
/// When it is not.
#[track_caller]
pub fn repeats<K: Kind>(count: impl Fn(&str) -> bool) {
    let story = |seed| {
        let (outcome, trace) = K::traced(&K::draw(seed), None, Trace::last(usize::MAX));
        let lines = trace.lines().filter(|line| count(line));
        (outcome, lines.map(str::to_owned).collect::<Vec<_>>())
    };
    for seed in 0..20 {
        let (first, second) = (story(seed), story(seed));
        assert_eq!(first.0, second.0);
        assert_eq!(first.1, second.1, "seed {seed}");
    }
    assert_ne!(story(1).1, story(2).1);
}

/// Runs the world of the seed in `ADIT_SIM_SEED`, if there is one, and prints everything that happens in it.
///
/// # Panics
///
/// When it breaks a promise.
pub fn replay<K: Kind>() {
    let Some(seed) = std::env::var("ADIT_SIM_SEED").ok() else { return };
    let plan = K::draw(seed.parse().expect("ADIT_SIM_SEED is a number"));
    let (outcome, trace) = K::traced(&plan, None, Trace::last(usize::MAX));
    trace.lines().for_each(|line| println!("{line}"));
    let (mut small, _) = shrink::<K>(&plan, None);
    println!("{plan:#?}\nmade smaller:\n{:#?}", K::steps(&mut small));
    assert_eq!(outcome.err().map(|violation| violation.to_string()), None);
}

/// All there is to know about a world that failed.
fn report<K: Kind>(seed: u64, violation: &Violation<K::Promise>) -> String {
    let mut plan = K::draw(seed);
    let (mut small, again) = shrink::<K>(&plan, None);
    let mut text = format!("seed {seed}: {violation}\n");
    let again = again.map(|violation| violation.to_string()).unwrap_or_default();
    let (left, all) = (K::steps(&mut small).clone(), K::steps(&mut plan).len());
    let _ = writeln!(text, "made smaller ({} of {all} steps): {again}", left.len());
    for step in left {
        let _ = writeln!(text, "  at {:?} for {:?}: {:?}", step.at, step.lasts, step.what);
    }
    // A world that panics has nothing more to tell.
    let told = || K::traced(&small, None, Trace::last(LAST)).1;
    if let Ok(trace) = catch_unwind(AssertUnwindSafe(told)) {
        for line in trace.lines() {
            let _ = writeln!(text, "{line}");
        }
    }
    let test = K::TEST;
    let _ =
        writeln!(text, "replay: ADIT_SIM_SEED={seed} cargo test -p adit-sim --test {test} replay");
    text
}

/// Leaves out of a plan what it does not need to break the same promise, and returns it with its violation.
/// A plan that breaks none is returned as it is.
fn shrink<K: Kind>(
    plan: &K::Plan,
    flaw: Option<K::Flaw>,
) -> (K::Plan, Option<Violation<K::Promise>>) {
    let mut plan = plan.clone();
    let Err(mut violation) = K::run(&plan, flaw) else { return (plan, None) };
    let promise = violation.promise;
    let fails = |plan: &K::Plan| K::run(plan, flaw).err().filter(|it| it.promise == promise);
    let mut shorter = plan.clone();
    K::take_rest(&mut shorter);
    if let Some(found) = fails(&shorter) {
        (plan, violation) = (shorter, found);
    }
    // Large pieces first: most of what happens has nothing to do with it.
    let mut size = K::steps(&mut plan).len().max(1);
    while size > 0 {
        let mut at = 0;
        while at < K::steps(&mut plan).len() {
            let mut without = plan.clone();
            let steps = K::steps(&mut without);
            steps.drain(at..(at + size).min(steps.len()));
            match fails(&without) {
                Some(found) => (plan, violation) = (without, found),
                None => at += size,
            }
        }
        size /= 2;
    }
    (plan, Some(violation))
}
