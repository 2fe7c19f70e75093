//! A deterministic simulation of everything that decides in Adit.
//!
//! A [`Plan`] is drawn from a seed: hosts, tunnels, clients, visitors, and what goes wrong when. [`run`] makes
//! a world of it, in which the machines of `adit-proto` (the keep-alive policy, the sessions at all four ends, the
//! registry) work for each other over links in memory, in virtual time, and says which of the promises of
//! [`Invariant`] was broken, if any. There is no runtime, no socket and no clock, and nothing but the seed decides:
//! the same plan ends in the same way, byte for byte.
//!
//! [`harness`] does what is done with worlds of any kind; those of the application are a kind of their own, in
//! `tests/app`.
//!
//! docs/simulation.md says how to run it, how to replay a failure, and what is simulated.

mod brain;
mod check;
mod ends;
pub mod harness;
mod link;
mod plan;
mod rng;
mod schedule;
mod trace;
mod world;

pub use brain::Flaw;
pub use check::{Invariant, Summary};
pub use harness::Step;
pub use link::Side;
pub use plan::{Answer, Heal, Plan, Visit, What, Whose, Wish};
pub use rng::Rng;
pub use schedule::Schedule;
pub use trace::Trace;
pub use world::may_follow;

/// Worlds of hosts, relays and visitors.
#[derive(Debug)]
pub enum Network {}

impl harness::Kind for Network {
    type Plan = Plan;
    type What = What;
    type Flaw = Flaw;
    type Promise = Invariant;
    type Summary = Summary;

    const TEST: &'static str = "seeds";

    fn draw(seed: u64) -> Plan {
        Plan::new(seed)
    }

    fn steps(plan: &mut Plan) -> &mut Vec<Step<What>> {
        &mut plan.steps
    }

    fn take_rest(plan: &mut Plan) {
        plan.visits.clear();
    }

    fn traced(plan: &Plan, flaw: Option<Flaw>, trace: Trace) -> harness::Traced<Self> {
        world::World::new(plan, flaw, trace).run()
    }
}

/// Runs a world of a network to its end, or to the first promise that is broken.
///
/// # Errors
///
/// The promise.
pub fn run(plan: &Plan, flaw: Option<Flaw>) -> harness::Outcome<Network> {
    <Network as harness::Kind>::run(plan, flaw)
}
