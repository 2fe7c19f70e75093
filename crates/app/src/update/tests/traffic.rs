//! The traffic of ports: what details show, what is kept, sent again and counted.

use adit_tunnel::host;
use adit_tunnel::inspect::{Exchange, NotInspected, Observation, Observed, Passed};

use crate::command::Command;
use crate::effect::Effect;
use crate::event::{Done, Event};
use crate::failure::{Code, Failure};
use crate::history::Unseen;
use crate::history::request::tests::exchange;
use crate::state::world::{World, key, tunnel};
use crate::traffic::{self, Again, Axes, Chart, Detail, Kind};

/// A tunnel that is hosted, whose port is looked at.
fn hosted() -> World {
    let mut world = World::told(&[tunnel("shop", &[80, 81])]);
    world.command(Command::Host(key("shop")));
    world.hosting("shop", &[80, 81]);
    world.command(Command::Visible(true));
    world.command(Command::Select(Some((key("shop"), 80))));
    world.effects.clear();
    world
}

fn seen(world: &mut World, port: u16, exchange: Exchange) {
    let observation = Observation::Exchange(exchange);
    world.engine("shop", host::Event::Observed(Observed { port, observation }));
}

fn post(body: &str) -> Exchange {
    let length = body.len();
    exchange(
        format!(
            "POST /pay?key=1 HTTP/1.1\r\nCookie: a=b\r\nContent-Length: {length}\r\n\r\n{body}"
        ),
        "HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nok",
    )
}

fn detail(world: &World) -> Option<Detail> {
    traffic::detail(&world.state, world.now, Axes::default())
}

fn send_again(of: u64) -> Command {
    Command::SendAgain { tunnel: key("shop"), port: 80, of }
}

fn answered(of: u64, result: Result<Exchange, Failure>) -> Event {
    Event::SentAgain { tunnel: key("shop"), port: 80, of, result: result.map(Box::new) }
}

#[test]
fn details_are_those_of_the_port_that_is_looked_at() {
    let mut world = hosted();
    seen(&mut world, 80, post("a"));
    seen(&mut world, 81, post("b"));
    seen(
        &mut world,
        80,
        exchange("GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"),
    );
    world.now = world.now.after(std::time::Duration::from_secs(10));
    let shown = detail(&world).unwrap();
    let paths: Vec<_> = shown.requests.iter().map(|it| (&*it.method, &*it.path)).collect();
    assert_eq!(paths, [("GET", "/"), ("POST", "/pay?key=•••")]);
    assert_eq!(shown.quarter.chart(Kind::Requests).lines[0].total, 2);
    let answers = &shown.day.chart(Kind::Answers).lines;
    assert_eq!(answers.iter().map(|it| it.total).collect::<Vec<_>>(), [1, 0, 1, 0]);
    assert!(shown.events.iter().any(|it| it.text == crate::message::Message::Checking));
    world.command(Command::Visible(false));
    assert_eq!(detail(&world), None);
    world.command(Command::Visible(true));
    world.command(Command::Select(None));
    assert_eq!(detail(&world), None);
}

#[test]
fn a_port_without_any_history_has_empty_details() {
    let mut world = World::told(&[tunnel("shop", &[80])]);
    world.command(Command::Visible(true));
    world.command(Command::Select(Some((key("shop"), 80))));
    let shown = detail(&world).unwrap();
    assert!(shown.requests.is_empty() && shown.quarter.charts.iter().all(Chart::is_empty));
    assert_eq!(shown.quarter.rows().count(), 0);
}

#[test]
fn where_no_requests_are_seen_it_is_said_why() {
    let mut world = hosted();
    for (why, unseen) in [
        (NotInspected::Encrypted, Some(Unseen::Encrypted)),
        (NotInspected::NotHttp, Some(Unseen::NotHttp)),
        (NotInspected::HeadTooLarge, None),
    ] {
        let observation = Observation::NotInspected(why);
        world.engine("shop", host::Event::Observed(Observed { port: 80, observation }));
        assert_eq!(detail(&world).unwrap().unseen, unseen);
        seen(&mut world, 80, post("a"));
        assert_eq!(detail(&world).unwrap().unseen, None);
    }
}

#[test]
fn bytes_count_as_they_pass_and_not_again_with_their_request() {
    let mut world = hosted();
    let passed = |received, sent| {
        let ports = [(80, Passed { received, sent })].into();
        Event::Passed([(key("shop"), ports)].into())
    };
    world.event(passed(100, 2_000));
    seen(&mut world, 80, post("a"));
    // The session is lost, and what passed before comes after that.
    world.engine_state("shop", host::State::Reconnecting);
    world.event(passed(1, 30));
    let shown = detail(&world).unwrap();
    let totals: Vec<_> =
        shown.quarter.chart(Kind::Bytes).lines.iter().map(|line| line.total).collect();
    assert_eq!(totals, [2_030, 101]);
    world.command(Command::Stop(key("shop")));
    world.event(Event::Ended(key("shop")));
    world.event(passed(5, 5));
    assert_eq!(
        detail(&world).unwrap().quarter.chart(Kind::Bytes),
        shown.quarter.chart(Kind::Bytes)
    );
}

#[test]
fn a_request_is_sent_again_once_and_its_answer_is_listed_as_such() {
    let mut world = hosted();
    seen(&mut world, 80, post("a"));
    world.command(send_again(1));
    world.command(send_again(1));
    let sent = world.effects.iter().filter(|it| matches!(it, Effect::SendAgain { .. })).count();
    assert_eq!(sent, 1);
    assert_eq!(detail(&world).unwrap().again, Some(Again::Sending { of: 1 }));
    world.event(answered(1, Ok(post("a"))));
    let shown = detail(&world).unwrap();
    assert_eq!((shown.again.as_ref(), shown.requests[0].again), (None, Some(1)));
    assert_eq!(shown.quarter.chart(Kind::Requests).lines[0].total, 1, "it was no visitor's");
    // What was sent again can be sent again.
    world.command(send_again(2));
    assert_eq!(detail(&world).unwrap().again, Some(Again::Sending { of: 2 }));
}

#[test]
fn what_cannot_be_sent_again_says_why_until_the_next_one() {
    let mut world = hosted();
    seen(&mut world, 80, post(&"x".repeat(70_000)));
    world.command(send_again(1));
    assert!(world.effects.iter().all(|it| !matches!(it, Effect::SendAgain { .. })));
    let failure = |world: &World| match detail(world).unwrap().again {
        Some(Again::Failed { of, failure }) => (of, failure),
        other => panic!("{other:?}"),
    };
    let (of, why) = failure(&world);
    assert_eq!((of, why.code), (1, Code::Refused));
    assert!(why.message.contains("its body was not kept"), "{why}");
    world.command(send_again(99));
    let (of, why) = failure(&world);
    assert_eq!((of, why.code), (99, Code::NotFound));

    seen(&mut world, 80, post("a"));
    world.command(send_again(2));
    world.event(answered(2, Err(Failure::new(Code::LocalPort, "nothing answers"))));
    assert_eq!(failure(&world).1.code, Code::LocalPort);
    assert_eq!(detail(&world).unwrap().requests.len(), 2);
}

#[test]
fn bodies_are_kept_where_somebody_switched_that_on_and_forgotten_with_the_tunnel() {
    let mut world = hosted();
    let keep = |keep| Command::KeepBodies { tunnel: key("shop"), port: 80, keep };
    let effect = |keep| Effect::KeepBodies { tunnel: key("shop"), port: 80, keep };
    world.command(keep(false));
    assert!(world.effects.is_empty());
    world.command(keep(true));
    world.command(keep(true));
    assert_eq!(world.effects, [effect(true)]);
    assert!(detail(&world).unwrap().keeps_bodies);
    world.effects.clear();
    world.command(Command::Delete(key("shop")));
    world.pass(10);
    world.event(Event::Ended(key("shop")));
    let ticket = world.take(|effect| match effect {
        Effect::DeleteTunnel { ticket, .. } => Some(*ticket),
        _ => None,
    });
    world.done(ticket.expect("it is removed"), Done::Deleted);
    assert!(!detail(&world).unwrap().keeps_bodies);
}

#[test]
fn a_quiet_time_is_zero_and_a_time_without_a_session_is_a_gap() {
    let mut world = hosted();
    let counts = |open: u32| Event::Connections([(key("shop"), [(80, open)].into())].into());
    let step = |world: &mut World, open| {
        world.event(counts(open));
        world.now = world.now.after(std::time::Duration::from_secs(5));
    };
    step(&mut world, 3);
    step(&mut world, 0);
    world.engine_state("shop", host::State::Reconnecting);
    step(&mut world, 0);
    world.engine_state("shop", host::State::Hosting);
    step(&mut world, 1);
    let shown = detail(&world).unwrap();
    let points = &shown.quarter.chart(Kind::Connections).lines[0].points;
    assert_eq!(points[175..179], [Some(3.0), Some(0.0), None, Some(1.0)]);
    let requests = &shown.quarter.chart(Kind::Requests).lines[0].points;
    assert_eq!(requests[175..179], [Some(0.0), Some(0.0), None, Some(0.0)]);
    assert!(shown.quarter.chart(Kind::Requests).is_empty());
}
