use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::*;

const T: &str = "quiet-fox";

/// A registry with a store that grants at once, and the commands it gave since they were last taken.
struct Node {
    registry: Registry<&'static str>,
    now: Instant,
    epochs: u64,
}

type Told = Vec<Command<&'static str>>;

impl Node {
    fn new() -> Node {
        Node { registry: Registry::new(), now: Instant::now(), epochs: 0 }
    }

    fn told(&mut self) -> Told {
        std::iter::from_fn(|| self.registry.poll()).collect()
    }

    fn pass(&mut self, seconds: u64) {
        self.now += Duration::from_secs(seconds);
    }

    /// Claims and lets the store grant; returns the epoch and what had to be done.
    fn host(&mut self, claim: Claim<&'static str>) -> (Epoch, Told) {
        let id = self.registry.claim(claim, self.now);
        let persist = self.told();
        assert!(matches!(persist[..], [Command::PersistLease { .. }]), "{persist:?}");
        let epoch = self.grant(id);
        (epoch, self.told())
    }

    fn grant(&mut self, id: ClaimId) -> Epoch {
        self.epochs += 1;
        let epoch = Epoch(self.epochs);
        self.registry.lease_granted(id, epoch, self.now);
        epoch
    }

    fn lookup(&self) -> Lookup {
        self.registry.lookup(&T, self.now)
    }
}

fn claim(endpoint: &str) -> Claim<&'static str> {
    Claim {
        tunnel: T,
        endpoint: endpoint.into(),
        published: Some(endpoint.into()),
        process: None,
        supersedes: None,
        version: Version::V2,
    }
}

fn late(endpoint: &str, published: &str) -> Claim<&'static str> {
    Claim { published: Some(published.into()), ..claim(endpoint) }
}

fn superseding(endpoint: &str, epoch: Epoch) -> Claim<&'static str> {
    Claim { supersedes: Some(epoch), ..claim(endpoint) }
}

fn local(epoch: Epoch) -> Lookup {
    Lookup::Local { epoch, version: Version::V2 }
}

#[test]
fn a_host_is_routed_to_once_its_lease_is_written_and_not_before() {
    let mut node = Node::new();
    assert_eq!(node.lookup(), Lookup::Unknown);
    let id = node.registry.claim(claim("a"), node.now);
    assert_eq!(node.lookup(), Lookup::Pending { since: node.now, version: Version::V2 });
    node.told();
    let epoch = node.grant(id);
    let start =
        Command::StartRouting { claim: id, tunnel: T, epoch, version: Version::V2, previous: None };
    assert_eq!(node.told(), [start]);
    assert_eq!(node.lookup(), local(epoch));
}

#[test]
fn a_host_that_reconnects_replaces_its_own_dead_socket_in_silence() {
    let mut node = Node::new();
    let (old, _) = node.host(claim("a"));
    let (new, told) = node.host(claim("a"));
    assert!(matches!(told[0], Command::StartRouting { .. }));
    assert_eq!(told[1..], [Command::Close { tunnel: T, epoch: old }]);
    assert_eq!(node.lookup(), local(new));
}

#[test]
fn a_host_that_supersedes_its_session_overlaps_it_until_it_is_empty() {
    let mut node = Node::new();
    let (old, _) = node.host(claim("a"));
    let (new, told) = node.host(superseding("a", old));
    let until = node.now + RETIRING;
    assert_eq!(told[1..], [Command::Retire { tunnel: T, epoch: old, until }]);
    assert_eq!(node.lookup(), local(new));
    assert_eq!(node.registry.sessions(&T).collect::<Vec<_>>(), [new, old]);

    node.registry.emptied(&T, old);
    assert_eq!(node.told(), [Command::Close { tunnel: T, epoch: old }]);
    assert_eq!(node.registry.deadline(), None);
    node.registry.emptied(&T, new);
    assert_eq!(node.told(), [], "an idle session that is routed to stays");
}

#[test]
fn a_retiring_session_that_never_empties_is_closed_after_a_minute() {
    let mut node = Node::new();
    let (old, _) = node.host(claim("a"));
    node.host(superseding("a", old));
    let due = node.registry.deadline().expect("something retires");
    assert_eq!(due, node.now + Duration::from_secs(60));
    node.registry.handle_timeout(due - Duration::from_millis(1));
    assert_eq!(node.told(), []);
    node.registry.handle_timeout(due);
    assert_eq!(node.told(), [Command::Close { tunnel: T, epoch: old }]);
}

#[test]
fn a_retiring_session_that_ends_by_itself_leaves_nothing_to_do() {
    let mut node = Node::new();
    let (old, _) = node.host(claim("a"));
    let (new, _) = node.host(superseding("a", old));
    node.registry.release(&T, old, Departure::Left, node.now);
    assert_eq!(node.told(), []);
    assert_eq!(node.registry.deadline(), None);
    assert_eq!(node.lookup(), local(new));
}

#[test]
fn superseding_a_session_that_is_not_the_present_one_is_a_plain_reconnect() {
    let mut node = Node::new();
    let (first, _) = node.host(claim("a"));
    let (second, _) = node.host(claim("a"));
    let (_, told) = node.host(superseding("a", first));
    assert_eq!(told[1..], [Command::Close { tunnel: T, epoch: second }]);
}

#[test]
fn another_process_of_the_same_installation_cannot_overlap() {
    let mut node = Node::new();
    let (old, _) = node.host(Claim { process: Some("p1".into()), ..claim("a") });
    let other = Claim { process: Some("p2".into()), ..superseding("a", old) };
    let (_, told) = node.host(other);
    assert_eq!(told[1..], [Command::Close { tunnel: T, epoch: old }]);
}

#[test]
fn another_host_that_published_its_endpoint_evicts_the_one_before() {
    let mut node = Node::new();
    let (a, _) = node.host(claim("a"));
    let (b, told) = node.host(claim("b"));
    assert_eq!(told[1..], [Command::Disconnect12 { tunnel: T, epoch: a }]);
    assert_eq!(node.lookup(), local(b));
    node.registry.release(&T, a, Departure::Lost, node.now);
    assert_eq!(node.lookup(), local(b), "the end of the evicted session changes nothing");
}

#[test]
fn an_epoch_of_somebody_else_does_not_save_the_evicted_host() {
    let mut node = Node::new();
    let (a, _) = node.host(claim("a"));
    let (_, told) = node.host(superseding("b", a));
    assert_eq!(told[1..], [Command::Disconnect12 { tunnel: T, epoch: a }]);
}

#[test]
fn an_evicted_host_that_comes_back_with_its_old_address_is_told_again() {
    let mut node = Node::new();
    node.host(claim("a"));
    let (b, _) = node.host(claim("b"));
    let id = node.registry.claim(late("a", "b"), node.now);
    assert_eq!(node.told(), [Command::AcceptThenDisconnect12 { claim: id, tunnel: T }]);
    assert_eq!(node.lookup(), local(b));
}

#[test]
fn an_evicted_host_stays_out_while_its_successor_is_away() {
    let mut node = Node::new();
    node.host(claim("a"));
    let (b, _) = node.host(claim("b"));
    node.registry.release(&T, b, Departure::Lost, node.now);
    node.told();
    let id = node.registry.claim(late("a", "b"), node.now);
    assert_eq!(node.told(), [Command::AcceptThenDisconnect12 { claim: id, tunnel: T }]);
}

#[test]
fn an_evicted_host_takes_over_by_publishing_its_endpoint_again() {
    let mut node = Node::new();
    node.host(claim("a"));
    let (b, _) = node.host(claim("b"));
    let (_, told) = node.host(claim("a"));
    assert_eq!(told[1..], [Command::Disconnect12 { tunnel: T, epoch: b }]);
}

#[test]
fn a_host_goes_on_while_the_one_that_published_over_it_has_not_come() {
    let mut node = Node::new();
    let (a, _) = node.host(claim("a"));
    node.registry.release(&T, a, Departure::Lost, node.now);
    let (again, _) = node.host(late("a", "b"));
    assert_eq!(node.lookup(), local(again));
    let (_, told) = node.host(claim("b"));
    assert_eq!(told[1..], [Command::Disconnect12 { tunnel: T, epoch: again }]);
}

#[test]
fn the_successor_wins_even_if_its_predecessor_asks_in_the_middle_of_the_hand_over() {
    let mut node = Node::new();
    node.host(claim("a"));
    let b = node.registry.claim(claim("b"), node.now);
    let a = node.registry.claim(late("a", "b"), node.now);
    let epoch = node.grant(b);
    node.told();
    node.grant(a);
    assert_eq!(node.told(), [Command::AcceptThenDisconnect12 { claim: a, tunnel: T }]);
    assert_eq!(node.lookup(), local(epoch));
}

#[test]
fn a_lease_that_arrives_after_a_later_one_is_not_routed_to() {
    let mut node = Node::new();
    let first = node.registry.claim(claim("a"), node.now);
    let second = node.registry.claim(claim("a"), node.now);
    node.told();
    node.registry.lease_granted(second, Epoch(2), node.now);
    node.told();
    node.registry.lease_granted(first, Epoch(1), node.now);
    let refused = Command::Refuse { claim: first, tunnel: T, refusal: Refusal::Outdated };
    assert_eq!(node.told(), [refused]);
    assert_eq!(node.lookup(), local(Epoch(2)));
}

#[test]
fn a_store_that_fails_refuses_the_newcomer_and_leaves_the_host_alone() {
    let mut node = Node::new();
    let (epoch, _) = node.host(claim("a"));
    let id = node.registry.claim(claim("b"), node.now);
    node.told();
    node.registry.lease_refused(id);
    assert_eq!(node.told(), [Command::Refuse { claim: id, tunnel: T, refusal: Refusal::NoLease }]);
    assert_eq!(node.lookup(), local(epoch));
}

#[test]
fn an_upgrade_that_ended_early_evicts_nobody() {
    let mut node = Node::new();
    let (a, _) = node.host(claim("a"));
    let id = node.registry.claim(claim("b"), node.now);
    node.told();
    node.registry.abandon(id);
    node.grant(id);
    assert_eq!(node.told(), []);
    assert_eq!(node.lookup(), local(a));
}

#[test]
fn a_lease_granted_to_nobody_is_ended_so_that_a_restart_awaits_nobody() {
    let mut node = Node::new();
    let id = node.registry.claim(claim("a"), node.now);
    node.told();
    node.registry.abandon(id);
    assert_eq!(node.lookup(), Lookup::Unknown);
    let epoch = node.grant(id);
    assert_eq!(node.told(), [Command::EndLease { tunnel: T, epoch }]);
}

#[test]
fn a_tunnel_without_endpoint_refuses_hosts() {
    let mut node = Node::new();
    let id = node.registry.claim(Claim { published: None, ..claim("a") }, node.now);
    let refused = Command::Refuse { claim: id, tunnel: T, refusal: Refusal::NotPublished };
    assert_eq!(node.told(), [refused]);
}

#[test]
fn a_lost_host_is_awaited_for_a_while() {
    let mut node = Node::new();
    let (epoch, _) = node.host(claim("a"));
    let since = node.now;
    node.registry.release(&T, epoch, Departure::Lost, since);
    assert_eq!(node.told(), [], "the lease stays, so that a restart awaits it too");
    node.pass(74);
    assert_eq!(node.lookup(), Lookup::Pending { since, version: Version::V2 });
    node.pass(1);
    assert_eq!(node.lookup(), Lookup::Absent { since, version: Version::V2 });
}

#[test]
fn a_host_that_said_goodbye_is_not_awaited() {
    let mut node = Node::new();
    let (epoch, _) = node.host(claim("a"));
    node.registry.release(&T, epoch, Departure::Left, node.now);
    assert_eq!(node.told(), [Command::EndLease { tunnel: T, epoch }]);
    assert_eq!(node.lookup(), Lookup::Absent { since: node.now, version: Version::V2 });
}

#[test]
fn a_host_whose_endpoint_was_deleted_is_not_awaited() {
    for deleted_first in [true, false] {
        let mut node = Node::new();
        let (epoch, _) = node.host(claim("a"));
        if deleted_first {
            node.registry.withdraw(&T, "a");
            assert_eq!(node.lookup(), local(epoch), "as long as it is there, it hosts");
        }
        node.registry.release(&T, epoch, Departure::Lost, node.now);
        node.registry.withdraw(&T, "a");
        assert_eq!(node.told(), [Command::EndLease { tunnel: T, epoch }]);
        assert_eq!(node.lookup(), Lookup::Absent { since: node.now, version: Version::V2 });
    }
}

#[test]
fn deleting_a_foreign_endpoint_means_nothing() {
    let mut node = Node::new();
    let (epoch, _) = node.host(claim("a"));
    node.registry.withdraw(&T, "b");
    node.registry.release(&T, epoch, Departure::Lost, node.now);
    assert!(matches!(node.lookup(), Lookup::Pending { .. }));
}

#[test]
fn a_host_that_returns_in_another_version_is_noticed_even_after_a_pause() {
    let mut node = Node::new();
    let (epoch, _) = node.host(claim("a"));
    node.registry.release(&T, epoch, Departure::Lost, node.now);
    node.pass(500);
    let (_, told) = node.host(Claim { version: Version::V1, ..claim("a") });
    let [Command::StartRouting { version, previous, .. }] = told[..] else { panic!("{told:?}") };
    assert_eq!((version, previous), (Version::V1, Some(Version::V2)));
}

#[test]
fn after_a_restart_hosts_are_awaited_in_their_version_and_epochs_go_on_rising() {
    let mut node = Node::new();
    let lease =
        |ended| Lease { epoch: Epoch(7), endpoint: "a".into(), version: Version::V1, ended };
    node.registry.restore(T, lease(false), node.now);
    assert_eq!(node.lookup(), Lookup::Pending { since: node.now, version: Version::V1 });
    node.registry.restore(T, lease(true), node.now);
    assert_eq!(node.lookup(), Lookup::Absent { since: node.now, version: Version::V1 });

    let id = node.registry.claim(claim("a"), node.now);
    node.told();
    node.registry.lease_granted(id, Epoch(7), node.now);
    let refused = Command::Refuse { claim: id, tunnel: T, refusal: Refusal::Outdated };
    assert_eq!(node.told(), [refused], "an epoch is never used twice");
    node.epochs = 7;
    let (epoch, _) = node.host(claim("a"));
    assert_eq!(node.lookup(), local(epoch));
}

#[test]
fn a_deleted_tunnel_closes_all_its_sessions_and_claims() {
    let mut node = Node::new();
    let (old, _) = node.host(claim("a"));
    let (new, _) = node.host(superseding("a", old));
    let id = node.registry.claim(claim("a"), node.now);
    node.told();
    node.registry.forget(&T);
    assert_eq!(
        node.told(),
        [
            Command::Refuse { claim: id, tunnel: T, refusal: Refusal::TunnelGone },
            Command::Close { tunnel: T, epoch: new },
            Command::Close { tunnel: T, epoch: old },
        ]
    );
    node.grant(id);
    assert_eq!((node.told(), node.registry.deadline()), (vec![], None));
    assert_eq!(node.lookup(), Lookup::Unknown);
}

#[test]
fn a_host_that_rotates_fast_does_not_pile_up_sessions() {
    let mut node = Node::new();
    let (first, _) = node.host(claim("a"));
    let mut present = first;
    for _ in 0..MAX_RETIRING {
        present = node.host(superseding("a", present)).0;
    }
    let (_, told) = node.host(superseding("a", present));
    assert_eq!(told.last(), Some(&Command::Close { tunnel: T, epoch: first }));
    assert_eq!(node.registry.sessions(&T).count(), 1 + MAX_RETIRING);
}

/// What a driver would know of its sockets.
#[derive(Default)]
struct Sockets {
    open: BTreeMap<Epoch, Box<str>>,
    routed: Option<Epoch>,
    answered: BTreeMap<ClaimId, u32>,
}

#[derive(Clone, Debug)]
enum Step {
    Claim { endpoint: u8, published: u8, supersede: bool },
    Grant(usize),
    FailStore(usize),
    Abandon(usize),
    Lose(usize),
    Leave(usize),
    Emptied(usize),
    Withdraw(u8),
    Pass(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..3u8, 0..3u8, any::<bool>())
            .prop_map(|(endpoint, published, supersede)| Step::Claim { endpoint, published, supersede }),
        4 => any::<usize>().prop_map(Step::Grant),
        1 => any::<usize>().prop_map(Step::FailStore),
        1 => any::<usize>().prop_map(Step::Abandon),
        1 => any::<usize>().prop_map(Step::Lose),
        1 => any::<usize>().prop_map(Step::Leave),
        1 => any::<usize>().prop_map(Step::Emptied),
        1 => (0..3u8).prop_map(Step::Withdraw),
        1 => (0..90u64).prop_map(Step::Pass),
    ]
}

proptest! {
    #[test]
    fn whatever_happens_no_socket_is_lost_and_epochs_only_rise(steps in prop::collection::vec(step(), 1..80)) {
        let mut node = Node::new();
        let mut sockets = Sockets::default();
        let mut asked = Vec::new();
        let mut unanswered = BTreeMap::new();
        for step in steps {
            let open: Vec<Epoch> = sockets.open.keys().copied().collect();
            let pick = |n: usize| (!open.is_empty()).then(|| open[n % open.len()]);
            match step {
                Step::Claim { endpoint, published, supersede } => {
                    let supersedes = if supersede { sockets.routed } else { None };
                    let claim = Claim {
                        supersedes,
                        ..late(&endpoint.to_string(), &published.to_string())
                    };
                    let id = node.registry.claim(claim, node.now);
                    unanswered.insert(id, endpoint.to_string());
                }
                Step::Grant(n) if !asked.is_empty() => {
                    let id = asked.remove(n % asked.len());
                    node.grant(id);
                }
                Step::FailStore(n) if !asked.is_empty() => {
                    let id = asked.remove(n % asked.len());
                    node.registry.lease_refused(id);
                }
                Step::Abandon(n) if !unanswered.is_empty() => {
                    let id = *unanswered.keys().nth(n % unanswered.len()).expect("in range");
                    unanswered.remove(&id);
                    node.registry.abandon(id);
                }
                Step::Lose(n) | Step::Leave(n) => if let Some(epoch) = pick(n) {
                    let departure = if matches!(step, Step::Lose(_)) { Departure::Lost } else { Departure::Left };
                    node.registry.release(&T, epoch, departure, node.now);
                    sockets.open.remove(&epoch);
                    sockets.routed.take_if(|routed| *routed == epoch);
                }
                Step::Emptied(n) => if let Some(epoch) = pick(n) {
                    node.registry.emptied(&T, epoch);
                }
                Step::Withdraw(endpoint) => node.registry.withdraw(&T, &endpoint.to_string()),
                Step::Pass(seconds) => {
                    node.pass(seconds);
                    node.registry.handle_timeout(node.now);
                }
                _ => {}
            }
            for command in node.told() {
                match command {
                    Command::PersistLease { claim, .. } => asked.push(claim),
                    Command::StartRouting { claim, epoch, .. } => {
                        prop_assert!(sockets.open.keys().all(|open| *open < epoch), "epochs rise");
                        let endpoint = unanswered.remove(&claim).expect("answered once");
                        sockets.open.insert(epoch, endpoint.into());
                        sockets.routed = Some(epoch);
                        *sockets.answered.entry(claim).or_default() += 1;
                    }
                    Command::AcceptThenDisconnect12 { claim, .. } | Command::Refuse { claim, .. } => {
                        prop_assert!(unanswered.remove(&claim).is_some(), "answered once");
                        *sockets.answered.entry(claim).or_default() += 1;
                    }
                    Command::Close { epoch, .. } => {
                        prop_assert!(sockets.open.remove(&epoch).is_some(), "closes what is open");
                        prop_assert_ne!(sockets.routed, Some(epoch), "never the present one");
                    }
                    Command::Disconnect12 { epoch, .. } => {
                        let evicted = sockets.open.remove(&epoch);
                        let by = sockets.routed.and_then(|routed| sockets.open.get(&routed));
                        prop_assert!(evicted.is_some() && evicted.as_ref() != by, "12 is for others only");
                    }
                    Command::Retire { epoch, .. } => {
                        let retiring = sockets.open.get(&epoch);
                        let present = sockets.routed.and_then(|routed| sockets.open.get(&routed));
                        prop_assert!(retiring.is_some() && retiring == present, "same host");
                    }
                    Command::EndLease { .. } => {}
                }
            }
            let known: Vec<Epoch> = node.registry.sessions(&T).collect();
            prop_assert_eq!(known.first().copied().filter(|_| sockets.routed.is_some()), sockets.routed);
            let mut sorted = known;
            sorted.sort();
            prop_assert_eq!(sorted, sockets.open.keys().copied().collect::<Vec<_>>());
            prop_assert_eq!(matches!(node.lookup(), Lookup::Local { .. }), sockets.routed.is_some());
            prop_assert!(sockets.answered.values().all(|times| *times == 1));
        }
    }
}
