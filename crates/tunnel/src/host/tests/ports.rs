//! Ports that are refused, by the relay or by the service that they are registered with.

use super::*;
use crate::management::{Error, Said};

/// Waits for an event of a port that is not told of in any other way.
async fn until(host: &mut HostHandle, wanted: impl Fn(&Event) -> bool) {
    while !wanted(&host.next().await.expect("it goes on")) {}
}

fn is_refused(event: &Event) -> bool {
    matches!(event, Event::PortRefused { port: 3001, .. })
}

fn is_served(event: &Event) -> bool {
    matches!(event, Event::PortServed { port: 3001 })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_port_that_the_relay_refused_is_asked_for_again_in_the_same_session() {
    let mut relay = Relay::new([3000, 3001], true).await;
    relay.do_not_serve(3001);
    let mut host = spawn(&relay);
    let mut session = relay.session().await;
    // Each is announced once it is registered.
    let mut seen = [session.seen().await, session.seen().await];
    seen.sort_by_key(|seen| *seen != Seen::Announced(3000));
    assert_eq!(seen, [3000, 3001].map(Seen::Announced));
    until(&mut host, |event| matches!(event, Event::Ready { .. })).await;
    relay.serve(3001);
    host.command(Command::RetryNow).await;
    assert_eq!(session.seen().await, Seen::Announced(3001));
    until(&mut host, is_served).await;
    assert!(!relay.has_new_session());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_registration_that_fails_is_repeated_in_the_same_session() {
    let mut relay = Relay::new([3000, 3001], true).await;
    relay.service.refuses(3001, Error::busy(None));
    let mut host = spawn(&relay);
    let mut session = relay.session().await;
    assert_eq!(session.seen().await, Seen::Announced(3000));
    until(&mut host, is_refused).await;
    until(&mut host, |event| matches!(event, Event::Ready { .. })).await;
    host.command(Command::RetryNow).await;
    assert_eq!(session.seen().await, Seen::Announced(3001), "registered, and then announced");
    until(&mut host, is_served).await;
    let mut registered = relay.service.registered();
    registered.sort_unstable();
    assert_eq!(registered, [3000, 3001, 3001]);
}

#[tokio::test]
async fn a_registration_that_gets_no_answer_costs_the_session_one_port() {
    let mut relay = Relay::new([3000, 3001], true).await;
    *relay.service.hangs.lock().expect("no panic") = Some(3001);
    let mut host = spawn(&relay);
    let mut session = relay.session().await;
    assert_eq!(session.seen().await, Seen::Announced(3000));
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(11)).await;
    tokio::time::resume();
    until(&mut host, is_refused).await;
    until(&mut host, |event| matches!(event, Event::Ready { .. })).await;
    *relay.service.hangs.lock().expect("no panic") = None;
    host.command(Command::RetryNow).await;
    assert_eq!(session.seen().await, Seen::Announced(3001), "in the same session");
    until(&mut host, is_served).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_registration_that_fails_for_every_port_is_repeated_by_the_next_try() {
    let mut relay = Relay::new([3000], true).await;
    relay.service.refuses(3000, Error::busy(None));
    let mut host = spawn(&relay);
    story(&mut host, "retry 1").await;
    host.command(Command::RetryNow).await;
    story(&mut host, "ready 1").await;
    let _first = relay.session().await;
    assert_eq!(relay.session().await.seen().await, Seen::Announced(3000));
    assert_eq!(relay.service.registered(), [3000, 3000]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_registration_that_is_refused_for_good_is_not_repeated_and_harms_no_other_port() {
    let mut relay = Relay::new([3000, 3001], true).await;
    relay.service.refuses(3001, Error::Invalid(Said::default()));
    let mut host = spawn(&relay);
    let mut session = relay.session().await;
    assert_eq!(session.seen().await, Seen::Announced(3000));
    until(&mut host, is_refused).await;
    until(&mut host, |event| matches!(event, Event::Ready { .. })).await;
    host.command(Command::RetryNow).await;
    relay.service.set_ports([3000, 3001, 3002]);
    host.command(Command::RefreshPorts).await;
    assert_eq!(session.seen().await, Seen::Announced(3002), "and nothing before it");
    assert_eq!(relay.service.registered().iter().filter(|port| **port == 3001).count(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_port_that_is_gone_is_not_registered_again() {
    let mut relay = Relay::new([3000, 3001], true).await;
    relay.service.refuses(3001, Error::busy(None));
    let mut host = spawn(&relay);
    let mut session = relay.session().await;
    assert_eq!(session.seen().await, Seen::Announced(3000));
    relay.service.set_ports([3000]);
    until(&mut host, |event| matches!(event, Event::Ready { .. })).await;
    host.command(Command::RetryNow).await;
    relay.service.set_ports([3000, 3002]);
    host.command(Command::RefreshPorts).await;
    while session.seen().await != Seen::Announced(3002) {}
    assert_eq!(relay.service.registered().iter().filter(|port| **port == 3001).count(), 1);
}
