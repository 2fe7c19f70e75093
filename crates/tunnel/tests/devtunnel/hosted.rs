//! A host that is managed through the command and hosted on our own relay, whose tokens the command
//! hands out.

use std::time::Duration;

use adit_proto::contracts::Tunnel;
use adit_proto::host::NEEDED_BY_MICROSOFT;
use adit_tunnel::host::{Command, Event, GiveUp, HostHandle, Phase, State};
use adit_tunnel::management::{Management, Turn, Want};
use tokio::sync::watch;

use crate::world::World;

/// What the host says up to a state.
pub(crate) async fn until(host: &mut HostHandle, wanted: impl Fn(&Event) -> bool) -> Vec<Event> {
    let mut seen = Vec::new();
    while let Some(event) = host.next().await {
        let is_it = wanted(&event);
        seen.push(event);
        if is_it {
            return seen;
        }
    }
    panic!("it never came: {seen:#?}");
}

pub(crate) fn is_hosting(event: &Event) -> bool {
    matches!(event, Event::State(State::Hosting))
}

fn authorizes(events: &[Event]) -> bool {
    events.iter().any(|event| matches!(event, Event::Progress(Phase::Authorizing)))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_connection_looks_once_and_mints_a_token_a_scope() {
    let world = World::new(3000).await;
    world.fake.writes("together", "3");
    let mut host = world.host();
    assert!(authorizes(&until(&mut host, is_hosting).await));
    let mut calls = world.fake.calls();
    calls.sort();
    let mut expected: Vec<_> = NEEDED_BY_MICROSOFT
        .iter()
        .map(|scope| format!("token {} --scopes {scope} -j", world.at))
        .collect();
    expected.insert(0, format!("show {} -j", world.at));
    assert_eq!(calls, expected);
    assert_eq!(world.fake.most_at_once(), 3, "side by side");
    assert_eq!(world.endpoints().await, 1);

    host.stop().await;
    assert_eq!(world.endpoints().await, 0, "it unregisters");
    assert_eq!(world.fake.calls().len(), 3, "leaving asks the command nothing");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_that_is_not_there_yet_is_followed_until_it_is() {
    let world = World::new(3000).await;
    let mut host = world.host();
    let ready = until(&mut host, |event| matches!(event, Event::Ready { .. })).await;
    let Some(Event::Ready { urls }) = ready.last() else { unreachable!() };
    assert!(urls[0].urls.is_empty(), "{urls:?}");
    let changed = until(&mut host, |event| matches!(event, Event::UrlChanged { .. })).await;
    let Some(Event::UrlChanged { urls }) = changed.last() else { unreachable!() };
    assert!(!urls[0].urls.is_empty(), "{urls:?}");
    assert_eq!(world.fake.count("show"), 1, "the service is asked, not the command");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drop_asks_the_command_nothing() {
    let world = World::new(3000).await;
    let mut host = world.host();
    until(&mut host, is_hosting).await;
    world.fake.forget_calls();
    host.command(Command::Drop).await;
    assert!(!authorizes(&until(&mut host, is_hosting).await));
    assert_eq!(world.fake.calls(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cached_tokens_that_are_refused_are_minted_anew_without_another_look() {
    let world = World::new(3000).await;
    let mut host = world.host();
    until(&mut host, is_hosting).await;
    world.fake.forget_calls();
    world.gate.refuse_next();
    host.command(Command::Drop).await;
    assert!(authorizes(&until(&mut host, is_hosting).await));
    assert_eq!((world.fake.count("token"), world.fake.count("show")), (2, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_planned_renewal_mints_both_and_is_hosted_all_the_time() {
    let world = World::new(3000).await;
    let mut host = world.host();
    until(&mut host, is_hosting).await;
    world.fake.forget_calls();
    host.command(Command::Renew).await;
    let progress = |event: &Event| matches!(event, Event::Progress(Phase::ForwardingPorts));
    let seen = until(&mut host, progress).await;
    assert!(authorizes(&seen));
    assert!(!seen.iter().any(|event| matches!(event, Event::State(_))), "{seen:?}");
    assert_eq!((world.fake.count("token"), world.fake.count("show")), (2, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_signed_out_user_is_asked_to_sign_in_and_nothing_is_tried_again() {
    let world = World::new(3000).await;
    world.fake.fails("token.host", 1, "Login token expired. Use `devtunnel user login`.");
    let mut host = world.host();
    let is_error = |event: &Event| matches!(event, Event::State(State::Error(_)));
    let seen = until(&mut host, is_error).await;
    assert!(matches!(seen.last(), Some(Event::State(State::Error(GiveUp::SignIn)))), "{seen:?}");
    assert!(seen.iter().any(|event| matches!(event, Event::ReloginRequired)));
    // The other one, which is asked for at the same time, may be called off before it is written down.
    assert!((1..=2).contains(&world.fake.count("token")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_protocol_that_cannot_be_changed_ends_it_once() {
    let world = World::new(3000).await;
    let words =
        "Tunnel service error: Invalid arguments. The tunnel port protocol cannot be changed.";
    world.fake.fails("token.manage-ports", 1, words);
    let mut host = world.host();
    let is_error = |event: &Event| matches!(event, Event::State(State::Error(_)));
    let seen = until(&mut host, is_error).await;
    assert!(matches!(seen.last(), Some(Event::State(State::Error(GiveUp::Fatal(_))))), "{seen:?}");
    assert!(!seen.iter().any(|event| matches!(event, Event::Retry { .. })));
    assert!((1..=2).contains(&world.fake.count("token")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tunnel_is_renewed_for_as_long_as_it_lives() {
    let world = World::new(3000).await;
    let lives = |seconds| Tunnel {
        tunnel_id: Some(world.at.id.to_string()),
        custom_expiration: Some(seconds),
        ..Tunnel::default()
    };
    world.owner.update(&lives(4 * 3600), Want::NOTHING).await.unwrap();
    let turns = watch::Sender::new(Turn::Runs);
    let tokens = world.cli.authorize(&world.at, false, turns).await.unwrap().tokens;
    let life = world.cli.life(&world.at, &tokens).await.unwrap();
    assert_eq!(life.own, Duration::from_secs(4 * 3600));
    world.cli.renew(&world.at, life.own).await.unwrap();
    let call = format!("update {} --expiration 4h -j", world.at);
    assert_eq!(world.fake.calls().last(), Some(&call));
}
