//! The policy against a small world that knows its rules: any events in any order, late ones too.

mod world;

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::sample::Index;

use self::world::World;
use super::*;

/// What may happen next. An [`Index`] picks one of the sessions there ever were, so many picks are stale.
#[derive(Clone, Debug)]
enum Step {
    Start,
    Stop,
    TakeOver,
    RetryNow,
    Moved,
    Ports(BTreeSet<u16>),
    /// The work that is under way succeeds.
    Succeed {
        life: u64,
    },
    /// The work that is under way fails.
    Fail(Failure),
    Answer(Index, u16, Option<Failure>),
    /// Minting waits for its turn, or has it.
    Turn(Index, bool),
    Traffic(Index),
    Drop(Index),
    Disconnect(Index, u32),
    Drain(Index),
    /// An answer to work that was called off or done long ago.
    Stale(Index, bool),
    Remint,
    Probe(Probe),
    DropRequested,
    Pass(u64),
}

fn failure() -> impl Strategy<Value = Failure> {
    let after = prop::option::of((0..10_000u64).prop_map(Duration::from_secs));
    prop_oneof![
        6 => Just(transient()),
        2 => after.clone().prop_map(|retry_after| Failure::RateLimited { retry_after }),
        2 => after.prop_map(|retry_after| Failure::Unavailable { retry_after }),
        2 => Just(Failure::Unauthorized),
        1 => Just(Failure::Forbidden("no".to_owned())),
        1 => Just(Failure::NotFound),
        1 => Just(Failure::Fatal("no".to_owned())),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let probe = prop_oneof![Just(Probe::Healthy), Just(Probe::ServiceDown), Just(Probe::Down)];
    let code = prop_oneof![Just(12), Just(10), Just(11), Just(1), Just(2)];
    prop_oneof![
        3 => Just(Step::Start),
        1 => Just(Step::Stop),
        1 => Just(Step::TakeOver),
        1 => Just(Step::RetryNow),
        1 => Just(Step::Moved),
        2 => prop::collection::btree_set(1..4u16, 0..3).prop_map(Step::Ports),
        12 => (1..90_000u64).prop_map(|life| Step::Succeed { life }),
        3 => failure().prop_map(Step::Fail),
        12 => (any::<Index>(), 1..4u16, prop::option::weighted(0.2, failure()))
            .prop_map(|(session, port, failure)| Step::Answer(session, port, failure)),
        1 => (any::<Index>(), any::<bool>())
            .prop_map(|(session, queued)| Step::Turn(session, queued)),
        1 => any::<Index>().prop_map(Step::Traffic),
        3 => any::<Index>().prop_map(Step::Drop),
        2 => (any::<Index>(), code).prop_map(|(session, code)| Step::Disconnect(session, code)),
        2 => any::<Index>().prop_map(Step::Drain),
        2 => (any::<Index>(), any::<bool>()).prop_map(|(session, ok)| Step::Stale(session, ok)),
        1 => Just(Step::Remint),
        3 => probe.prop_map(Step::Probe),
        1 => Just(Step::DropRequested),
        6 => prop_oneof![0..3000u64, 0..100_000u64, 0..10_000_000u64].prop_map(Step::Pass),
    ]
}

proptest! {
    #[test]
    fn whatever_happens_the_rules_hold_and_a_healed_world_hosts(
        steps in prop::collection::vec(step(), 1..120), overlaps: bool, random: u64,
    ) {
        let mut world = World::new(overlaps, random);
        for step in steps {
            world.happen(step);
        }
        if world.wanted {
            world.heal();
            prop_assert_eq!(&world.told, &State::Hosting);
            prop_assert_eq!(world.open.len(), 1, "exactly one session is left");
            let socket = world.open.values().next().expect("one");
            let refused = socket.refused.keys().copied().collect();
            prop_assert_eq!(&socket.accepted, &(&world.ports - &refused));
            prop_assert!(!socket.refused.values().any(Failure::is_retryable), "what passes, passed");
        }
    }
}
