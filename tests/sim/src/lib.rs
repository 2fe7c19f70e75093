//! A deterministic simulation of everything that decides in Adit.
//!
//! A [`Plan`] is drawn from a seed: hosts, tunnels, clients, visitors, and what goes wrong when. [`run`] makes
//! a world of it, in which the machines of `adit-proto` (the keep-alive policy, the sessions at all four ends, the
//! registry) work for each other over links in memory, in virtual time, and says which of the promises of
//! [`Invariant`] was broken, if any. There is no runtime, no socket and no clock, and nothing but the seed decides:
//! the same plan ends in the same way, byte for byte.
//!
//! docs/simulation.md says how to run it, how to replay a failure, and what is simulated.

mod brain;
mod check;
mod ends;
mod link;
mod plan;
mod rng;
mod schedule;
mod shrink;
mod trace;
mod world;

pub use brain::Flaw;
pub use check::{Invariant, Summary, Violation};
pub use link::Side;
pub use plan::{Answer, Heal, Plan, Step, Visit, What, Whose, Wish};
pub use rng::Rng;
pub use schedule::Schedule;
pub use shrink::shrink;
pub use trace::Trace;
pub use world::may_follow;

/// Runs a world to its end, or to the first promise that is broken.
///
/// # Errors
///
/// The promise.
pub fn run(plan: &Plan, flaw: Option<Flaw>) -> Result<Summary, Violation> {
    traced(plan, flaw, Trace::off()).0
}

/// The same, and what happened.
pub fn traced(
    plan: &Plan,
    flaw: Option<Flaw>,
    trace: Trace,
) -> (Result<Summary, Violation>, Trace) {
    world::World::new(plan, flaw, trace).run()
}
