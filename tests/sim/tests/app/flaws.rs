//! The checks can fail: each mistake that somebody could make breaks a promise that it should.

use adit_sim::harness;

use crate::Application;
use crate::check::Promise;
use crate::mind::Flaw;

#[track_caller]
fn is_found(flaw: Flaw, promise: Promise) {
    harness::is_found::<Application>(flaw, promise);
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
    harness::shrinks::<Application>(Flaw::HostsTwice);
}

#[test]
fn a_seed_is_the_same_world_each_time() {
    // Moments of the clock that never jumps are another run's.
    harness::repeats::<Application>(|line| !line.contains("Instant"));
}
