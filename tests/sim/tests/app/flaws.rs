//! The checks can fail: each mistake that somebody could make breaks a promise that it should.

use adit_sim::Trace;

use crate::check::Promise;
use crate::mind::Flaw;
use crate::plan::Plan;
use crate::{run, shrink, traced};

/// How many worlds a mistake may go unseen in.
const WORLDS: u64 = 150;

#[track_caller]
fn is_found(flaw: Flaw, promise: Promise) {
    let mut others = Vec::new();
    for seed in 0..WORLDS {
        match run(&Plan::new(seed), Some(flaw)) {
            Err(violation) if violation.promise == promise => return,
            Err(violation) => others.push(violation.to_string()),
            Ok(_) => {}
        }
    }
    panic!("{flaw:?} does not break {promise:?} in {WORLDS} worlds, but {others:#?}");
}

#[test]
fn a_removal_after_it_was_undone_is_seen() {
    is_found(Flaw::IgnoresUndo, Promise::DeletesInTime);
}

#[test]
fn a_removal_before_its_time_is_seen() {
    is_found(Flaw::RemovesAtOnce, Promise::DeletesInTime);
}

#[test]
fn hosting_again_what_was_stopped_is_seen() {
    is_found(Flaw::ResumesStopped, Promise::OnlyAsked);
}

#[test]
fn an_old_answer_that_is_taken_for_a_new_one_is_seen() {
    is_found(Flaw::TakesLateAnswers, Promise::Agrees);
}

#[test]
fn forgetting_on_one_answer_is_seen() {
    is_found(Flaw::CountsTwice, Promise::TwoAnswers);
}

#[test]
fn two_engines_for_one_tunnel_are_seen() {
    is_found(Flaw::HostsTwice, Promise::OneHost);
}

#[test]
fn an_engine_that_is_never_stopped_is_seen() {
    is_found(Flaw::NeverStops, Promise::Converges);
}

#[test]
fn what_is_not_written_down_is_seen() {
    is_found(Flaw::KeepsNothing, Promise::Kept);
}

#[test]
fn an_application_that_does_nothing_by_itself_is_seen() {
    is_found(Flaw::Sleeps, Promise::Converges);
}

#[test]
fn an_end_that_is_not_heard_is_seen() {
    is_found(Flaw::MissesEnds, Promise::Agrees);
}

#[test]
fn a_failing_plan_is_made_smaller_and_fails_in_the_same_way() {
    let flaw = Some(Flaw::HostsTwice);
    let plans = (0..WORLDS).map(Plan::new).filter(|plan| plan.steps.len() > 8);
    let plan = plans.into_iter().find(|plan| run(plan, flaw).is_err()).expect("one that fails");
    let (small, violation) = shrink(&plan, flaw);
    assert_eq!(violation, run(&small, flaw).err());
    assert!(small.steps.len() < plan.steps.len() / 2, "{:?}", small.steps);
}

#[test]
fn a_seed_is_the_same_world_each_time() {
    let story = |seed| {
        let (outcome, trace) = traced(&Plan::new(seed), None, Trace::last(usize::MAX));
        // Moments of the clock that never jumps are another run's.
        let lines = trace.lines().filter(|line| !line.contains("Instant"));
        (outcome, lines.map(str::to_owned).collect::<Vec<_>>())
    };
    for seed in 0..20 {
        let (first, second) = (story(seed), story(seed));
        assert_eq!(first.0, second.0);
        assert_eq!(first.1, second.1, "seed {seed}");
    }
    assert_ne!(story(1).1, story(2).1);
}
