//! The table of the keep-alive machine, row by row: each event in each state that it means something in.

use super::*;

#[test]
fn first_connect_mints_connects_announces_and_hosts() {
    let mut host = Host::new();
    assert_eq!(host.tell(Event::Start), ["Connecting", "authorizing", "mint 0"]);
    assert_eq!(host.minted(), ["connecting_relay", "connect 0 ensure"]);
    assert_eq!(host.connected(), ["forwarding_ports", "announce 0 3000"]);
    assert_eq!(host.announced(3000), ["Hosting"]);
}

#[test]
fn waits_double_from_2_to_60_seconds_and_stay_there() {
    let mut host = Host::connecting();
    let mut waits = Vec::new();
    for _ in 0..8 {
        let told = host.connect_failed(transient());
        waits.push(told.last().cloned().expect("a retry is told"));
        host.wait();
    }
    let expected = [2, 4, 8, 16, 32, 60, 60, 60];
    let expected: Vec<_> =
        (1..).zip(expected).map(|(n, s)| format!("try {n} in {} ms", s * 1000)).collect();
    assert_eq!(waits, expected);
}

#[test]
fn waits_are_spread_between_half_and_all_of_their_bound() {
    for (random, wait) in [(0, 1000), (u64::MAX / 2, 1500), (u64::MAX, 2000)] {
        let mut host = Host::connecting();
        host.random = random;
        let told = host.connect_failed(transient());
        assert_eq!(told.last(), Some(&format!("try 1 in {wait} ms")));
    }
}

#[test]
fn a_transient_failure_of_the_first_try_means_reconnecting() {
    let mut host = Host::connecting();
    assert_eq!(host.connect_failed(transient()), ["Reconnecting", "try 1 in 2000 ms"]);
    assert_eq!(host.pass(millis(1999)), NOTHING);
    assert_eq!(host.pass(millis(1)), ["connecting_relay", "connect 1 ensure"]);
}

#[test]
fn a_mint_that_fails_for_now_is_waited_out() {
    let mut host = Host::new();
    host.tell(Event::Start);
    assert_eq!(host.mint_failed(transient()), ["Reconnecting", "try 1 in 2000 ms"]);
    assert_eq!(host.pass(seconds(2)), ["authorizing", "mint 1"]);
}

#[test]
fn the_first_retry_after_a_drop_is_at_once_with_the_same_tokens() {
    let mut host = Host::hosting();
    host.pass(hours(1));
    assert_eq!(
        host.dropped(),
        ["Reconnecting", "try 1 in 0 ms", "connecting_relay", "connect 1 keep"]
    );
    assert_eq!(host.come_up(), ["forwarding_ports", "announce 1 3000", "Hosting"]);
}

#[test]
fn a_drop_whose_first_retry_fails_is_waited_out() {
    let mut host = Host::hosting();
    host.dropped();
    assert_eq!(host.connect_failed(transient()), ["try 2 in 2000 ms"]);
}

#[test]
fn connecting_alone_does_not_reset_the_back_off() {
    let mut host = Host::hosting();
    host.dropped();
    host.come_up();
    assert_eq!(host.dropped(), ["Reconnecting", "try 2 in 2000 ms"]);
    host.pass(seconds(2));
    host.come_up();
    assert_eq!(host.dropped(), ["Reconnecting", "try 3 in 4000 ms"]);
}

#[test]
fn having_stayed_up_for_ten_seconds_resets_the_back_off() {
    let mut host = Host::hosting();
    host.dropped();
    host.come_up();
    host.pass(PROVEN_AFTER);
    let told = host.dropped();
    assert_eq!(told[..2], ["Reconnecting", "try 1 in 0 ms"]);
    assert_eq!(host.connect_failed(transient()), ["try 2 in 2000 ms"]);
}

#[test]
fn traffic_resets_the_back_off_earlier_but_not_at_once() {
    for (up, told) in [(millis(1999), "try 2 in 2000 ms"), (seconds(2), "try 1 in 0 ms")] {
        let mut host = Host::hosting();
        host.dropped();
        host.come_up();
        let session = host.session();
        host.tell(Event::Traffic { session });
        host.pass(up);
        assert_eq!(host.dropped()[1], told);
    }
}

#[test]
fn due_tokens_are_replaced_while_the_session_serves_on() {
    let mut host = Host::overlapping();
    assert_eq!(host.pass(hours(20) - millis(1)), NOTHING);
    assert_eq!(host.pass(millis(1)), ["authorizing", "mint 1"]);
    assert_eq!(host.minted(), ["connecting_relay", "connect 1 superseding 1"]);
    assert_eq!(host.connected_as(2), ["forwarding_ports", "announce 1 3000"]);
    assert_eq!(host.policy.state(), &State::Hosting);
    assert_eq!(host.announced(3000), ["swapped", "retire 0"]);
    assert_eq!(host.pass(hours(20))[..2], ["close 0", "authorizing"], "it goes on from there");
}

#[test]
fn remint_due_replaces_the_session_at_once() {
    let mut host = Host::overlapping();
    assert_eq!(host.tell(Event::RemintDue), ["authorizing", "mint 1"]);
}

#[test]
fn a_refusal_of_minting_asks_to_sign_in_and_ends() {
    let mut host = Host::new();
    host.tell(Event::Start);
    let told = host.mint_failed(Failure::Unauthorized);
    assert_eq!(told, ["sign in", "Error: sign-in has expired; sign in again"]);
    assert_eq!(host.pass(hours(100)), NOTHING);
}

#[test]
fn a_refusal_of_a_fresh_token_asks_to_sign_in_and_ends() {
    let mut host = Host::connecting();
    let told = host.connect_failed(Failure::Unauthorized);
    assert_eq!(told, ["sign in", "Error: sign-in has expired; sign in again"]);
    assert_eq!(host.policy.deadline(), None);
}

#[test]
fn a_refusal_of_a_reused_token_mints_once_before_anybody_is_asked() {
    for refusal in [Failure::Unauthorized, Failure::Forbidden("scope".to_owned())] {
        let mut host = Host::hosting();
        host.dropped();
        assert_eq!(host.connect_failed(refusal.clone()), ["authorizing", "mint 2"]);
        assert_eq!(host.minted(), ["connecting_relay", "connect 2 keep"]);
        let told = host.connect_failed(refusal);
        assert!(told.last().is_some_and(|state| state.starts_with("Error: ")), "{told:?}");
    }
}

#[test]
fn forbidden_with_a_fresh_token_ends_without_asking_to_sign_in() {
    let mut host = Host::connecting();
    let told = host.connect_failed(Failure::Forbidden("10 tunnels are the limit".to_owned()));
    assert_eq!(told, ["Error: access was refused: 10 tunnels are the limit"]);
}

#[test]
fn a_fatal_failure_is_one_error_and_no_retry() {
    let mut host = Host::connecting();
    let told = host.connect_failed(Failure::Fatal("the protocol cannot be changed".to_owned()));
    assert_eq!(told, ["Error: the protocol cannot be changed"]);
    assert_eq!(host.pass(hours(100)), NOTHING);
}

#[test]
fn a_missing_endpoint_is_put_once_before_the_tunnel_is_taken_for_gone() {
    let mut host = Host::hosting();
    host.dropped();
    assert_eq!(host.connect_failed(Failure::NotFound), ["connecting_relay", "connect 2 put"]);
    assert_eq!(host.connect_failed(Failure::NotFound), ["Error: the tunnel no longer exists"]);
}

#[test]
fn what_the_service_asks_for_is_waited_at_least() {
    let after = |s| Some(seconds(s));
    let cases = [
        (Failure::RateLimited { retry_after: after(30) }, 32_000),
        (Failure::Unavailable { retry_after: after(7) }, 9_000),
        (Failure::RateLimited { retry_after: None }, 2_000),
        (Failure::RateLimited { retry_after: after(u64::MAX) }, 3_602_000),
    ];
    for (failure, wait) in cases {
        let mut host = Host::connecting();
        let told = host.connect_failed(failure);
        assert_eq!(told, ["Reconnecting".to_owned(), format!("try 1 in {wait} ms")]);
        assert_eq!(host.pass(millis(wait - 1)), NOTHING);
        assert_eq!(host.pass(millis(1)).len(), 2);
    }
}

#[test]
fn what_can_pass_is_never_given_up() {
    let mut host = Host::connecting();
    let failures = [
        transient(),
        Failure::Unavailable { retry_after: None },
        Failure::RateLimited { retry_after: None },
    ];
    for failure in failures.iter().cycle().take(1000) {
        host.connect_failed(failure.clone());
        assert_eq!(host.wait().len(), 2, "a new try");
    }
    assert_eq!(host.come_up().last().expect("told"), "Hosting");
}

#[test]
fn each_step_has_a_deadline() {
    let mut host = Host::new();
    host.tell(Event::Start);
    assert_eq!(host.pass(MINT_WITHIN), ["close 0", "Reconnecting", "try 1 in 2000 ms"]);
    host.pass(seconds(2));
    host.minted();
    assert_eq!(host.pass(CONNECT_WITHIN), ["close 1", "try 2 in 4000 ms"]);
    host.pass(seconds(4));
    host.connected();
    assert_eq!(host.pass(ANNOUNCE_WITHIN), ["close 2", "try 3 in 8000 ms"]);
}

#[test]
fn the_watchdog_replaces_a_session_after_three_dead_looks_in_a_row() {
    let mut host = Host::hosting();
    assert_eq!(host.tell(Event::Probe(Probe::Down)), NOTHING);
    assert_eq!(host.tell(Event::Probe(Probe::Down)), NOTHING);
    let told = host.tell(Event::Probe(Probe::Down));
    let expected =
        ["close 0", "Reconnecting", "try 1 in 0 ms", "connecting_relay", "connect 1 keep"];
    assert_eq!(told, expected);
}

#[test]
fn a_live_look_between_begins_the_count_again() {
    for outcome in [Probe::Healthy, Probe::ServiceDown] {
        let mut host = Host::hosting();
        for probe in [Probe::Down, Probe::Down, outcome, Probe::Down, Probe::Down] {
            assert_eq!(host.tell(Event::Probe(probe)), NOTHING);
        }
        assert_eq!(host.tell(Event::Probe(Probe::Down))[0], "close 0");
    }
}

#[test]
fn a_local_service_that_is_down_never_causes_a_reconnect() {
    let mut host = Host::hosting();
    for _ in 0..1000 {
        assert_eq!(host.tell(Event::Probe(Probe::ServiceDown)), NOTHING);
    }
}

#[test]
fn looks_mean_nothing_while_not_connected() {
    let mut host = Host::hosting();
    host.dropped();
    for _ in 0..10 {
        assert_eq!(host.tell(Event::Probe(Probe::Down)), NOTHING);
    }
    host.come_up();
    assert_eq!(host.tell(Event::Probe(Probe::Down)), NOTHING, "and were not counted");
    assert_eq!(host.tell(Event::Probe(Probe::Down)), NOTHING);
}

#[test]
fn the_watchdog_arms_itself_again() {
    let mut host = Host::hosting();
    for round in 0..3 {
        for _ in 0..2 {
            assert_eq!(host.tell(Event::Probe(Probe::Down)), NOTHING);
        }
        assert_eq!(host.tell(Event::Probe(Probe::Down))[0], format!("close {round}"));
        host.come_up();
    }
}

#[test]
fn the_watchdog_leaves_the_back_off_alone() {
    let mut host = Host::hosting();
    (0..3).for_each(|_| drop(host.tell(Event::Probe(Probe::Down))));
    assert_eq!(host.connect_failed(transient()), ["try 2 in 2000 ms"]);
}

#[test]
fn a_healthy_look_proves_the_session() {
    let mut host = Host::hosting();
    host.dropped();
    host.come_up();
    host.tell(Event::Probe(Probe::Healthy));
    host.pass(seconds(2));
    assert_eq!(host.dropped()[1], "try 1 in 0 ms");
}

#[test]
fn a_requested_drop_reconnects_at_once_however_often() {
    let mut host = Host::hosting();
    for n in 0..5 {
        let told = host.tell(Event::DropRequested);
        assert_eq!(told[0], format!("close {n}"));
        assert_eq!(told[1], "Reconnecting");
        assert_eq!(told[3..], ["connecting_relay".to_owned(), format!("connect {} keep", n + 1)]);
        host.come_up();
    }
}

#[test]
fn reason_12_means_to_stand_by() {
    let mut host = Host::hosting();
    assert_eq!(host.evicted(), ["close 0", "Standby"]);
    assert_eq!(host.pass(hours(100)), NOTHING);
}

#[test]
fn other_reasons_are_drops_and_only_a_lost_connection_is_retried_at_once() {
    for (code, told) in [(10, "try 1 in 0 ms"), (11, "try 1 in 2000 ms"), (7, "try 1 in 2000 ms")] {
        let mut host = Host::hosting();
        assert_eq!(host.disconnected(code)[..2], ["Reconnecting", told]);
    }
}

#[test]
fn reasons_about_the_token_mint_another_one() {
    for code in [1, 13, 14] {
        let mut host = Host::hosting();
        let told = host.disconnected(code);
        assert_eq!(told, ["Reconnecting", "try 1 in 0 ms", "authorizing", "mint 1"]);
    }
}

#[test]
fn stop_ends_everything_at_once_and_starts_again_from_the_beginning() {
    let mut host = Host::hosting();
    assert_eq!(host.tell(Event::Stop), ["goodbye 0", "unregister", "Stopped"]);
    assert_eq!(host.policy.deadline(), None);
    assert_eq!(host.tell(Event::Stop), NOTHING);
    assert_eq!(host.tell(Event::Start), ["Connecting", "connecting_relay", "connect 1 ensure"]);
}

#[test]
fn stop_of_what_was_never_started_is_told_too() {
    assert_eq!(Host::new().tell(Event::Stop), ["Stopped"]);
}

#[test]
fn start_means_nothing_while_hosting_connecting_or_waiting() {
    let mut host = Host::new();
    host.tell(Event::Start);
    assert_eq!(host.tell(Event::Start), NOTHING);
    host.minted();
    assert_eq!(host.tell(Event::Start), NOTHING);
    host.come_up();
    assert_eq!(host.tell(Event::Start), NOTHING);
    host.disconnected(7);
    assert_eq!(host.tell(Event::Start), NOTHING);
}

#[test]
fn an_error_is_left_by_starting_again() {
    let mut host = Host::connecting();
    host.connect_failed(Failure::Unauthorized);
    assert_eq!(host.tell(Event::Start), ["Connecting", "authorizing", "mint 1"]);
}
