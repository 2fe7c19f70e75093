//! What goes wrong in the wrong moment.

use super::*;

#[test]
fn a_tunnel_without_ports_has_no_forwarding_phase() {
    let mut host = Host::connecting();
    host.tell(Event::PortsWanted([].into()));
    assert_eq!(host.connected(), ["Hosting"]);
}

#[test]
fn a_drop_while_the_ports_are_announced_fails_the_try() {
    let mut host = Host::connecting();
    host.connected();
    assert_eq!(host.dropped(), ["Reconnecting", "try 1 in 2000 ms"]);
}

#[test]
fn a_requested_drop_while_connecting_or_waiting_is_not_remembered() {
    let mut host = Host::connecting();
    assert_eq!(host.tell(Event::DropRequested), NOTHING);
    host.connect_failed(transient());
    assert_eq!(host.tell(Event::DropRequested), NOTHING);
    host.pass(seconds(2));
    assert_eq!(host.come_up().last().expect("told"), "Hosting");
    assert_eq!(host.pass(seconds(100)), NOTHING);
}

#[test]
fn stop_calls_off_each_step() {
    let mut host = Host::new();
    host.tell(Event::Start);
    assert_eq!(host.tell(Event::Stop), ["goodbye 0", "Stopped"], "nothing to unregister yet");
    assert_eq!(host.minted(), NOTHING);

    let mut host = Host::connecting();
    assert_eq!(host.tell(Event::Stop), ["goodbye 0", "unregister", "Stopped"]);
    assert_eq!(host.connect_failed(transient()), NOTHING);
    assert_eq!(host.pass(hours(1)), NOTHING);
}

#[test]
fn a_socket_that_opens_after_the_stop_is_closed() {
    let mut host = Host::connecting();
    host.tell(Event::Stop);
    assert_eq!(host.connected(), ["close 0"]);
    assert_eq!(host.announced(3000), NOTHING);
    assert_eq!(host.policy.state(), &State::Stopped);
}

#[test]
fn host_right_after_stop_is_not_disturbed_by_the_session_before() {
    let mut host = Host::hosting();
    let old = host.session();
    host.tell(Event::Stop);
    host.tell(Event::Start);
    assert_eq!(host.tell(Event::Dropped { session: old, cause: "late".to_owned() }), NOTHING);
    assert_eq!(host.tell(Event::Disconnected { session: old, reason: 12 }), NOTHING);
    assert_eq!(host.tell(Event::PortAnnounced { session: old, port: 3000 }), NOTHING);
    assert_eq!(host.come_up(), ["forwarding_ports", "announce 1 3000", "Hosting"]);
}

#[test]
fn a_socket_that_opens_after_its_deadline_does_not_become_a_second_one() {
    let mut host = Host::connecting();
    let late = host.session();
    host.pass(CONNECT_WITHIN + seconds(2));
    assert_eq!(host.tell(Event::Connected { session: late, epoch: None }), ["close 0"]);
    assert_eq!(host.come_up(), ["forwarding_ports", "announce 1 3000", "Hosting"]);
}

#[test]
fn standing_by_ends_with_a_take_over_only() {
    let mut host = Host::hosting();
    host.evicted();
    for event in [
        Event::Start,
        Event::RetryNow,
        Event::Moved,
        Event::RemintDue,
        Event::DropRequested,
        Event::Probe(Probe::Down),
    ] {
        assert_eq!(host.tell(event), NOTHING);
    }
    assert_eq!(host.dropped(), NOTHING);
    let told = host.tell(Event::TakeOver);
    assert_eq!(told, ["Connecting", "connecting_relay", "connect 1 put"]);
    host.come_up();
    assert_eq!(host.dropped().last().expect("told"), "connect 2 keep", "puts it once only");
}

#[test]
fn stopping_while_standing_by_leaves_the_other_host_its_endpoint() {
    let mut host = Host::hosting();
    host.evicted();
    assert_eq!(host.tell(Event::Stop), ["Stopped"]);
}

#[test]
fn a_host_that_returns_too_late_is_told_and_stands_by() {
    let mut host = Host::hosting();
    host.dropped();
    host.connected();
    assert_eq!(host.evicted(), ["close 1", "Standby"]);
}

#[test]
fn reason_12_on_a_session_that_retires_is_ignored() {
    let mut host = Host::overlapping();
    let old = host.session();
    host.tell(Event::RemintDue);
    host.minted();
    host.connected_as(2);
    host.announced(3000);
    assert_eq!(host.tell(Event::Disconnected { session: old, reason: 12 }), NOTHING);
    assert_eq!(host.policy.state(), &State::Hosting);
    assert_eq!(host.pass(seconds(100)), NOTHING, "and it needs no closing");
}

#[test]
fn reason_12_in_the_middle_of_a_swap_is_another_host_where_sessions_overlap() {
    let mut host = Host::overlapping();
    let old = host.session();
    host.tell(Event::RemintDue);
    host.minted();
    let told = host.tell(Event::Disconnected { session: old, reason: 12 });
    assert_eq!(told, ["close 1", "close 0", "Standby"]);
}

#[test]
fn reason_12_in_the_middle_of_a_swap_is_ourselves_where_sessions_cannot_overlap() {
    let mut host = Host::hosting();
    let old = host.session();
    host.tell(Event::RemintDue);
    assert_eq!(host.minted(), ["connecting_relay", "connect 1 keep"], "everything is there before");
    let told = host.tell(Event::Disconnected { session: old, reason: 12 });
    assert_eq!(told, ["Reconnecting", "try 1 in 0 ms"], "the truth, however short");
    assert_eq!(host.come_up(), ["forwarding_ports", "announce 1 3000", "Hosting"]);
}

#[test]
fn where_sessions_cannot_overlap_the_old_one_is_closed_after_the_swap() {
    let mut host = Host::hosting();
    host.tell(Event::RemintDue);
    host.minted();
    assert_eq!(host.come_up(), ["forwarding_ports", "announce 1 3000", "swapped", "close 0"]);
}

#[test]
fn a_session_that_retires_is_closed_by_us_if_the_relay_forgets() {
    let mut host = Host::overlapping();
    host.tell(Event::RemintDue);
    host.minted();
    host.connected_as(2);
    host.announced(3000);
    assert_eq!(host.pass(seconds(69)), NOTHING);
    assert_eq!(host.pass(seconds(1)), ["close 0"]);
}

#[test]
fn a_relay_that_restarts_is_left_in_time() {
    let mut host = Host::overlapping();
    let old = host.session();
    let told = host.tell(Event::Drain { session: old });
    assert_eq!(told, ["connecting_relay", "connect 1 superseding 1"], "with the same tokens");
    assert_eq!(host.tell(Event::Drain { session: old }), NOTHING);
    host.connected_as(2);
    assert_eq!(host.announced(3000), ["swapped", "retire 0"]);
    assert_eq!(host.tell(Event::Drain { session: old }), NOTHING);
}

#[test]
fn a_relay_that_restarts_while_we_connect_is_left_as_soon_as_we_host() {
    let mut host = Host::connecting();
    host.connected_as(1);
    let session = host.session();
    host.tell(Event::Drain { session });
    let told = host.announced(3000);
    assert_eq!(told, ["Hosting", "connecting_relay", "connect 1 superseding 1"]);
}

#[test]
fn a_swap_that_fails_leaves_the_old_session_serving_and_is_tried_again() {
    let mut host = Host::overlapping();
    host.tell(Event::RemintDue);
    let failures = [
        (transient(), "swap failed, again in 1000 ms"),
        (Failure::Fatal("no".to_owned()), "swap failed, again in 2000 ms"),
        (Failure::NotFound, "swap failed, again in 4000 ms"),
    ];
    for (failure, told) in failures {
        assert_eq!(host.mint_failed(failure), [told]);
        assert_eq!(host.policy.state(), &State::Hosting);
        assert_eq!(host.pass(seconds(4))[0], "authorizing");
    }
}

#[test]
fn an_expired_sign_in_is_told_once_while_the_tunnel_goes_on() {
    let mut host = Host::overlapping();
    host.tell(Event::RemintDue);
    let told = host.mint_failed(Failure::Unauthorized);
    assert_eq!(told, ["sign in", "swap failed, again in 1000 ms"]);
    host.pass(seconds(1));
    assert_eq!(host.mint_failed(Failure::Unauthorized), ["swap failed, again in 2000 ms"]);
    let told = host.tell(Event::RemintDue);
    assert_eq!(told, ["authorizing", "mint 3"], "somebody has signed in");
}

#[test]
fn a_drop_while_tokens_are_replaced_uses_the_old_ones_as_long_as_they_last() {
    let mut host = Host::overlapping();
    let old = host.session();
    host.pass(hours(20));
    let told = host.tell(Event::Dropped { session: old, cause: "reset".to_owned() });
    let expected =
        ["Reconnecting", "close 1", "try 1 in 0 ms", "connecting_relay", "connect 2 keep"];
    assert_eq!(sorted(told), sorted(expected));
    host.come_up();
    assert_eq!(host.pass(seconds(1)), ["authorizing", "mint 3"], "and then renews them");
}

#[test]
fn a_drop_after_the_tokens_have_ended_mints_first() {
    let mut host = Host::overlapping();
    let old = host.session();
    host.pass(hours(20));
    host.mint_failed(transient());
    host.now += hours(5);
    let told = host.tell(Event::Dropped { session: old, cause: "reset".to_owned() });
    assert_eq!(told, ["Reconnecting", "try 1 in 0 ms", "authorizing", "mint 2"]);
}

#[test]
fn a_drop_in_the_middle_of_a_swap_does_not_begin_a_second_try() {
    let mut host = Host::overlapping();
    let old = host.session();
    host.tell(Event::Drain { session: old });
    let told = host.tell(Event::Dropped { session: old, cause: "reset".to_owned() });
    assert_eq!(told, ["Reconnecting", "try 1 in 0 ms"]);
    host.connected_as(2);
    assert_eq!(host.announced(3000), ["Hosting"]);
}

#[test]
fn try_now_skips_the_wait_and_means_nothing_otherwise() {
    let mut host = Host::connecting();
    assert_eq!(host.tell(Event::RetryNow), NOTHING);
    host.connect_failed(transient());
    assert_eq!(host.tell(Event::RetryNow), ["connecting_relay", "connect 1 ensure"]);
    host.come_up();
    assert_eq!(host.tell(Event::RetryNow), NOTHING);
}

#[test]
fn what_was_begun_over_another_network_is_begun_anew() {
    let mut host = Host::new();
    host.tell(Event::Start);
    assert_eq!(host.tell(Event::Moved), ["close 0", "authorizing", "mint 1"]);
    host.minted();
    assert_eq!(host.tell(Event::Moved), ["close 1", "connecting_relay", "connect 2 ensure"]);
    host.connected();
    assert_eq!(host.tell(Event::Moved), NOTHING, "its socket can be asked");
    host.announced(3000);
    assert_eq!(host.tell(Event::Moved), NOTHING);
    host.dropped();
    host.connect_failed(transient());
    assert_eq!(host.tell(Event::Moved), ["connecting_relay", "connect 4 keep"], "no wait");
}

#[test]
fn minting_that_waits_for_its_turn_has_its_time_afterwards() {
    let mut host = Host::new();
    host.tell(Event::Start);
    let session = host.session();
    assert_eq!(host.tell(Event::MintQueued { session }), NOTHING);
    assert_eq!(host.pass(MINT_QUEUED_WITHIN - millis(1)), NOTHING);
    assert_eq!(host.tell(Event::Moved), NOTHING, "it keeps its place");
    host.tell(Event::MintBegun { session });
    assert_eq!(host.pass(MINT_WITHIN - millis(1)), NOTHING);
    host.tell(Event::MintBegun { session });
    assert_eq!(host.pass(MINT_WITHIN - millis(1)), NOTHING, "another call of it");
    assert_eq!(host.pass(millis(1))[..2], ["close 0", "Reconnecting"]);

    host.pass(seconds(2));
    let session = host.session();
    host.tell(Event::MintQueued { session });
    assert_eq!(host.minted(), ["connecting_relay", "connect 1 ensure"], "the last answer counts");
    assert_eq!(host.tell(Event::MintBegun { session }), NOTHING);

    let mut host = Host::new();
    host.tell(Event::Start);
    let session = host.session();
    host.tell(Event::MintQueued { session });
    assert_eq!(host.pass(MINT_QUEUED_WITHIN)[0], "close 0", "nothing lasts for ever");
}

#[test]
fn tokens_that_live_for_a_minute_are_replaced_twice_a_minute() {
    let mut host = Host::new();
    host.tell(Event::Start);
    for _ in 0..3 {
        let session = host.session();
        host.tell(Event::TokenMinted { session, life: Some(seconds(60)) });
        host.connected_as(1);
        host.announced(3000);
        assert_eq!(host.pass(seconds(30))[..1], ["authorizing"]);
    }
}

fn sorted(words: impl IntoIterator<Item = impl ToString>) -> Vec<String> {
    let mut words: Vec<_> = words.into_iter().map(|word| word.to_string()).collect();
    words.sort();
    words
}
