//! What becomes of single ports.

use super::*;

#[test]
fn one_refused_port_does_not_take_the_others_down() {
    let mut host = Host::new();
    host.tell(Event::PortsWanted([3000, 3001].into()));
    host.tell(Event::Start);
    host.minted();
    host.connected();
    assert_eq!(host.refused(3001), ["3001 refused"]);
    assert_eq!(host.announced(3000), ["Hosting"]);
}

#[test]
fn a_session_of_which_every_port_is_refused_is_no_hosting() {
    let mut host = Host::connecting();
    host.connected();
    let told = host.refused(3000);
    assert_eq!(told, ["3000 refused", "close 0", "Reconnecting", "try 1 in 2000 ms"]);
}

#[test]
fn ports_are_added_and_removed_while_hosted() {
    let mut host = Host::hosting();
    assert_eq!(host.tell(Event::PortsWanted([3000, 3001].into())), ["announce 0 3001"]);
    assert_eq!(host.announced(3001), NOTHING);
    let told = host.tell(Event::PortsWanted([3001, 3002].into()));
    assert_eq!(told, ["withdraw 0 3000", "announce 0 3002"]);
    assert_eq!(host.refused(3002), ["3002 refused"]);
    assert_eq!(host.tell(Event::PortsWanted([3001, 3002].into())), NOTHING);
    let told = host.dropped();
    assert_eq!(told.last().expect("told"), "connect 1 keep");
    assert_eq!(host.connected(), ["forwarding_ports", "announce 1 3001,3002"]);
}

#[test]
fn a_removed_port_is_never_announced_again() {
    let mut host = Host::hosting();
    host.tell(Event::PortsWanted([3001].into()));
    host.dropped();
    assert_eq!(host.connected(), ["forwarding_ports", "announce 1 3001"]);
}

#[test]
fn a_port_that_is_removed_while_it_is_announced_is_not_waited_for() {
    let mut host = Host::connecting();
    host.tell(Event::PortsWanted([3000, 3001].into()));
    host.connected();
    host.announced(3000);
    assert_eq!(host.tell(Event::PortsWanted([3000].into())), ["withdraw 0 3001", "Hosting"]);
}

#[test]
fn an_added_port_without_an_answer_is_reported_and_nothing_else() {
    let mut host = Host::hosting();
    host.tell(Event::PortsWanted([3000, 3001].into()));
    assert_eq!(host.pass(ANNOUNCE_WITHIN), ["3001 refused"]);
    assert_eq!(host.policy.state(), &State::Hosting);
    assert_eq!(host.announced(3001), ["3001 served"], "late, and told");
    assert_eq!(host.announced(3001), NOTHING);
}

#[test]
fn a_port_that_is_refused_for_now_is_asked_for_again_in_the_same_session() {
    let mut host = Host::hosting();
    host.tell(Event::PortsWanted([3000, 3001].into()));
    assert_eq!(host.refused(3001), ["3001 refused"]);
    for wait in [2, 4, 8, 16, 32, 60, 60] {
        assert_eq!(host.pass(seconds(wait) - millis(1)), NOTHING);
        assert_eq!(host.pass(millis(1)), ["announce 0 3001"]);
        assert_eq!(host.refused(3001), NOTHING, "told once");
    }
    assert_eq!(host.pass(seconds(60)), ["announce 0 3001"]);
    assert_eq!(host.announced(3001), ["3001 served"]);
    assert_eq!(host.pass(hours(1)), NOTHING);
}

#[test]
fn a_port_that_was_refused_before_the_session_served_is_asked_for_again_too() {
    let mut host = Host::new();
    host.tell(Event::PortsWanted([3000, 3001].into()));
    host.tell(Event::Start);
    host.minted();
    host.connected();
    host.refused_for(3001, Failure::RateLimited { retry_after: Some(seconds(30)) });
    host.announced(3000);
    assert_eq!(host.pass(seconds(32) - millis(1)), NOTHING, "the service asked for it");
    assert_eq!(host.pass(millis(1)), ["announce 0 3001"]);
    assert_eq!(host.pass(ANNOUNCE_WITHIN), NOTHING, "that it is not served is known");
    assert_eq!(host.pass(hours(1)), NOTHING, "its answer will come, or the session ends");
    assert_eq!(host.announced(3001), ["3001 served"]);
}

#[test]
fn who_does_not_want_to_wait_asks_for_refused_ports_at_once() {
    for event in [Event::RetryNow, Event::Moved] {
        let mut host = Host::hosting();
        host.tell(Event::PortsWanted([3000, 3001].into()));
        host.refused(3001);
        assert_eq!(host.tell(event.clone()), ["announce 0 3001"]);
        assert_eq!(host.tell(event), NOTHING, "its answer is awaited");
        assert_eq!(host.refused(3001), NOTHING);
        assert_eq!(host.pass(seconds(4)), ["announce 0 3001"]);
    }
}

#[test]
fn a_port_that_is_refused_for_good_is_left_alone_and_harms_no_other() {
    for failure in [
        Failure::Fatal("the protocol cannot be changed".to_owned()),
        Failure::Forbidden("no".to_owned()),
        Failure::Unauthorized,
    ] {
        let mut host = Host::hosting();
        host.tell(Event::PortsWanted([3000, 3001].into()));
        assert_eq!(host.refused_for(3001, failure), ["3001 refused"]);
        assert_eq!(host.pass(hours(1)), NOTHING);
        assert_eq!(host.policy.state(), &State::Hosting);
    }
}

#[test]
fn a_host_of_which_every_port_is_refused_for_good_gives_up() {
    let mut host = Host::connecting();
    host.connected();
    let told = host.refused_for(3000, Failure::Fatal("it cannot be changed".to_owned()));
    assert_eq!(told, ["3000 refused", "close 0", "Error: it cannot be changed"]);
    assert_eq!(host.pass(hours(1)), NOTHING);
}

#[test]
fn a_refusal_of_every_port_with_reused_tokens_mints_once_before_anybody_is_asked() {
    let mut host = Host::hosting();
    host.dropped();
    host.connected();
    let told = host.refused_for(3000, Failure::Unauthorized);
    assert_eq!(told, ["3000 refused", "close 1", "authorizing", "mint 2"]);
}

#[test]
fn a_lost_session_asks_for_its_refused_ports_no_longer() {
    let mut host = Host::hosting();
    host.tell(Event::PortsWanted([3000, 3001].into()));
    host.refused(3001);
    host.dropped();
    assert_eq!(host.connected(), ["forwarding_ports", "announce 1 3000,3001"]);
    assert_eq!(host.pass(seconds(10)), NOTHING);
}

/// A host of two ports, of which the relay refuses 3001 for good, with a replacement that announces.
fn replacing(refuses: bool) -> (Host, SessionId) {
    let mut host = Host::new();
    host.tell(Event::PortsWanted([3000, 3001].into()));
    host.tell(Event::Start);
    host.minted();
    host.connected_as(1);
    if refuses {
        host.refused_for(3001, Failure::Fatal("no".to_owned()));
    } else {
        host.announced(3001);
    }
    host.announced(3000);
    let old = host.session();
    host.tell(Event::RemintDue);
    host.minted();
    host.connected_as(2);
    (host, old)
}

#[test]
fn what_a_replacement_that_fails_was_refused_is_not_what_the_tunnel_is_refused() {
    let (mut host, _) = replacing(false);
    assert_eq!(host.refused(3001), NOTHING, "the old session serves it");
    assert_eq!(host.pass(ANNOUNCE_WITHIN), ["close 1", "swap failed, again in 1000 ms"]);
    host.pass(seconds(1));
    host.connected_as(3);
    host.announced(3000);
    assert_eq!(host.announced(3001), ["swapped", "retire 0"], "nobody believed anything else");
}

#[test]
fn a_replacement_tells_what_it_was_refused_once_it_serves() {
    let (mut host, _) = replacing(false);
    host.refused(3001);
    assert_eq!(host.announced(3000), ["swapped", "3001 refused", "retire 0"]);
}

#[test]
fn what_is_still_refused_after_a_replacement_is_no_news_and_what_is_served_is() {
    let (mut host, _) = replacing(true);
    host.refused_for(3001, Failure::Fatal("no".to_owned()));
    assert_eq!(host.announced(3000), ["swapped", "retire 0"]);
    let (mut host, _) = replacing(true);
    assert_eq!(host.announced(3001), NOTHING, "the old session does not serve it");
    assert_eq!(host.announced(3000), ["swapped", "3001 served", "retire 0"]);
}

#[test]
fn a_replacement_that_becomes_the_next_try_tells_its_ports_as_any_try() {
    let (mut host, old) = replacing(false);
    host.refused(3001);
    let told = host.tell(Event::Dropped { session: old, cause: "reset".to_owned() });
    assert_eq!(told, ["Reconnecting", "try 1 in 0 ms", "forwarding_ports", "3001 refused"]);
    assert_eq!(host.announced(3000), ["Hosting"]);
}
