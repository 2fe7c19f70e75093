//! The checks can fail: each mistake that somebody could make breaks the promise that it should.

use std::time::Duration;

use adit_sim::harness::{self, WORLDS};
use adit_sim::{Flaw, Invariant, Network, Plan, Side, Step, Visit, What, Whose, Wish, run};

#[track_caller]
fn is_found(flaw: Flaw, promise: Invariant) {
    harness::is_found::<Network>(flaw, promise);
}

#[test]
fn a_host_that_never_retries_does_not_converge() {
    is_found(Flaw::NeverRetries, Invariant::Converges);
}

#[test]
fn a_host_that_fights_back_is_not_at_rest() {
    is_found(Flaw::FightsBack, Invariant::AtRest);
}

#[test]
fn a_host_that_always_puts_its_endpoint_fights() {
    is_found(Flaw::PutsAlways, Invariant::NoFight);
}

#[test]
fn giving_up_on_what_can_pass_is_seen() {
    is_found(Flaw::GivesUp, Invariant::NeverGivesUp);
}

#[test]
fn not_giving_up_on_a_refusal_is_seen() {
    is_found(Flaw::TakesNoForMaybe, Invariant::StopsWhenRefused);
}

#[test]
fn minting_after_a_refusal_is_seen() {
    is_found(Flaw::KeepsMinting, Invariant::AtRest);
}

#[test]
fn a_try_before_its_time_is_seen() {
    is_found(Flaw::RetriesAtOnce, Invariant::BackOff);
}

#[test]
fn a_wait_beyond_its_bounds_is_seen() {
    is_found(Flaw::WaitsTooLong, Invariant::BackOff);
}

#[test]
fn waits_that_are_not_drawn_all_lie_in_one_place() {
    let worlds = (0..WORLDS).filter_map(|seed| run(&Plan::new(seed), Some(Flaw::NoJitter)).ok());
    let waits: Vec<f64> = worlds.flat_map(|summary| summary.jitter).collect();
    assert!(waits.len() > 50);
    assert!(waits.iter().all(|wait| *wait > 0.99), "{waits:?}");
}

#[test]
fn sockets_left_open_are_seen() {
    is_found(Flaw::LeavesSockets, Invariant::OneSession);
}

#[test]
fn an_endpoint_left_behind_is_seen() {
    is_found(Flaw::LeavesEndpoint, Invariant::NothingLeft);
}

#[test]
fn a_session_that_is_cut_for_its_successor_loses_requests() {
    is_found(Flaw::CutsWhenSwapping, Invariant::LosesNothing);
}

#[test]
fn a_loss_that_is_told_late_is_seen() {
    is_found(Flaw::TellsLate, Invariant::HostingIsTrue);
}

#[test]
fn a_state_that_is_told_twice_is_seen() {
    is_found(Flaw::TellsTwice, Invariant::StatesInOrder);
}

#[test]
fn a_port_that_is_forgotten_is_seen() {
    is_found(Flaw::ForgetsPorts, Invariant::Converges);
}

#[test]
fn bytes_that_are_lost_are_seen() {
    is_found(Flaw::LosesBytes, Invariant::BytesArrive);
}

#[test]
fn bytes_that_come_twice_are_seen() {
    is_found(Flaw::RepeatsBytes, Invariant::BytesArrive);
}

#[test]
fn a_relay_that_ignores_credit_fills_its_queues() {
    let second = Duration::from_secs(1);
    let mut plan = Plan::new(1);
    (plan.tunnels, plan.hosts, plan.clients) = (vec![[3000].into()], vec![0], vec![0]);
    (plan.heals, plan.window, plan.room) = (60 * second, 16 * 1024, 64 * 1024);
    let step = |at, what| Step { at: at * second, lasts: 10 * second, what };
    let reads_not = What::Stall(Whose::Host(0), Side::Near);
    plan.steps = vec![step(0, What::Wish(0, Wish::Start)), step(11, reads_not)];
    let visit = Visit { at: 10 * second, tunnel: 0, port: 0, client: Some(0), size: 2_000_000 };
    plan.visits = vec![visit];
    let found = run(&plan, Some(Flaw::IgnoresCredit)).expect_err("queues grow");
    assert_eq!(found.promise, Invariant::QueuesBounded);
    assert_eq!(
        run(&plan, None).map(|summary| summary.served),
        Ok(3),
        "without the flaw it is well"
    );
}

#[test]
fn a_host_without_pings_does_not_see_silence() {
    is_found(Flaw::NoPings, Invariant::SilenceFound);
}

#[test]
fn a_route_to_nowhere_is_seen() {
    is_found(Flaw::KeepsRoute, Invariant::RegistryAgrees);
}

#[test]
fn a_world_that_turns_in_circles_is_seen() {
    is_found(Flaw::Spins, Invariant::Quiet);
}

#[test]
fn a_failing_plan_is_made_smaller_and_fails_in_the_same_way() {
    harness::shrinks::<Network>(Flaw::GivesUp);
}

#[test]
fn a_seed_is_the_same_world_each_time() {
    harness::repeats::<Network>(|_| true);
}
