//! What dialogs wait for: done whole, or told how far it came.

use adit_proto::contracts::Tunnel;
use adit_tunnel::host;

use crate::command::{Command, Draft, Errand, ErrandId, Ticket, Wish};
use crate::effect::Effect;
use crate::event::{Done, Event};
use crate::failure::Code;
use crate::message::Message;
use crate::preferences::NewTunnels;
use crate::state::world::{World, failure, key, port, relay, told_port, tunnel};
use crate::view::Progress;

fn begin(world: &mut World, id: u64, wish: Wish) {
    world.command(Command::Begin(Box::new(Errand { id: ErrandId(id), wish })));
}

/// A tunnel called "shop" for port 80.
fn create() -> Wish {
    let draft = Draft::new(relay(), &NewTunnels::default());
    let draft = Draft { name: Some("shop".parse().unwrap()), ..draft };
    Wish::Create { draft, port: Some(port(80).into()) }
}

fn add(tunnel: &str, number: u16) -> Wish {
    Wish::AddPort { tunnel: key(tunnel), port: port(number).into() }
}

fn progress(world: &World) -> Progress {
    world.view().errand.expect("an errand").progress
}

fn created(effect: &Effect) -> Option<(Ticket, Tunnel)> {
    match effect {
        Effect::Create { ticket, tunnel, .. } => Some((*ticket, (**tunnel).clone())),
        _ => None,
    }
}

fn added(effect: &Effect) -> Option<Ticket> {
    match effect {
        Effect::AddPort { ticket, .. } => Some(*ticket),
        _ => None,
    }
}

/// The service makes the tunnel.
fn make(world: &mut World) {
    let (ticket, asked) = world.take(created).expect("it is asked for");
    assert!(asked.ports.is_none_or(|ports| ports.is_empty()), "the port comes second");
    world.done(ticket, Done::Created(Box::new(tunnel("shop", &[]))));
}

fn refuse(world: &mut World, ticket: Ticket) {
    world.event(Event::Changed { ticket, result: Err(failure(Code::Refused)) });
}

#[test]
fn a_tunnel_is_made_then_its_port_is_added_then_it_is_hosted() {
    let mut world = World::told(&[]);
    begin(&mut world, 1, create());
    assert_eq!(progress(&world), Progress::UnderWay);
    make(&mut world);
    assert_eq!(progress(&world), Progress::UnderWay);
    let ticket = world.take(added).expect("the port comes next");
    world.done(ticket, Done::Port(Box::new(told_port(80))));
    let url = told_port(80).port_forwarding_uris.and_then(|urls| urls.into_iter().next());
    let done = Progress::Done { tunnel: Some(key("shop")), port: Some(80), url };
    assert_eq!(progress(&world), done);
    assert_eq!(world.hosts(), [key("shop")]);
    assert_eq!(world.state.memory().tunnels, [key("shop")], "and after the next start");
    world.command(Command::LetGo(ErrandId(1)));
    assert_eq!(world.view().errand, None);
}

#[test]
fn a_tunnel_without_its_port_can_be_tried_again_with_another() {
    let mut world = World::told(&[]);
    begin(&mut world, 1, create());
    make(&mut world);
    let ticket = world.take(added).unwrap();
    refuse(&mut world, ticket);
    let errand = world.view().errand.unwrap();
    assert_eq!(errand.made, Some(key("shop")));
    let Progress::Failed { text, failure } = errand.progress else { panic!("it failed") };
    assert_eq!((text, failure.code), (Message::PortNotAdded(80), Code::Refused));
    assert!(world.hosts().is_empty());
    // Still the same tunnel, made for this, and hosted in the end.
    begin(&mut world, 2, add("shop", 81));
    assert_eq!(world.view().errand.unwrap().made, Some(key("shop")));
    assert!(world.card("shop").notices.is_empty(), "what failed is put away");
    let ticket = world.take(added).unwrap();
    world.done(ticket, Done::Port(Box::new(told_port(81))));
    assert!(matches!(progress(&world), Progress::Done { port: Some(81), .. }));
    assert_eq!(world.hosts(), [key("shop")]);
}

#[test]
fn an_empty_tunnel_that_is_removed_takes_its_failures_with_it() {
    let mut world = World::told(&[]);
    begin(&mut world, 1, create());
    make(&mut world);
    let ticket = world.take(added).unwrap();
    refuse(&mut world, ticket);
    assert!(world.card("shop").notices.is_empty(), "it is said once, to who waits");
    assert!(world.view().conditions.is_empty());
    world.command(Command::LetGo(ErrandId(1)));
    assert_eq!(world.card("shop").notices.len(), 1, "the tunnel says what it lacks");
    world.command(Command::Delete(key("shop")));
    world.pass(6);
    let delete = world.take(|effect| match effect {
        Effect::DeleteTunnel { ticket, .. } => Some(*ticket),
        _ => None,
    });
    world.done(delete.expect("it is removed"), Done::Deleted);
    world.list(&[]);
    assert!(world.view().cards.is_empty());
    assert!(world.view().conditions.is_empty(), "{:?}", world.view().conditions);
}

#[test]
fn a_tunnel_that_cannot_be_made_leaves_nothing_behind_once_that_was_seen() {
    let mut world = World::told(&[]);
    begin(&mut world, 1, create());
    let (ticket, _) = world.take(created).unwrap();
    refuse(&mut world, ticket);
    let errand = world.view().errand.unwrap();
    assert_eq!(errand.made, None);
    assert!(matches!(errand.progress, Progress::Failed { text: Message::NotCreated, .. }));
    begin(&mut world, 2, create());
    assert_eq!(world.view().cards.len(), 1, "the second try, not both");
    let (ticket, _) = world.take(created).unwrap();
    refuse(&mut world, ticket);
    world.command(Command::LetGo(ErrandId(2)));
    assert!(world.view().cards.is_empty());
}

#[test]
fn what_nobody_waits_for_goes_on() {
    let mut world = World::told(&[]);
    begin(&mut world, 1, create());
    world.command(Command::LetGo(ErrandId(1)));
    assert_eq!(world.view().errand, None);
    make(&mut world);
    let ticket = world.take(added).expect("the port is added all the same");
    refuse(&mut world, ticket);
    assert_eq!(world.view().errand, None);
    assert_eq!(world.card("shop").notices.len(), 1, "and the tunnel tells what went wrong");
}

#[test]
fn a_tunnel_that_somebody_stopped_stays_stopped() {
    let mut world = World::told(&[tunnel("shop", &[80]), tunnel("empty", &[])]);
    begin(&mut world, 1, add("shop", 81));
    let ticket = world.take(added).unwrap();
    world.done(ticket, Done::Port(Box::new(told_port(81))));
    assert!(matches!(progress(&world), Progress::Done { .. }) && world.hosts().is_empty());
    // One that had no port cannot have been stopped.
    begin(&mut world, 2, add("empty", 80));
    let ticket = world.take(added).unwrap();
    world.done(ticket, Done::Port(Box::new(told_port(80))));
    assert_eq!(world.hosts(), [key("empty")]);
}

#[test]
fn a_hosted_tunnel_serves_its_new_port() {
    let mut world = World::told(&[tunnel("shop", &[80])]);
    world.command(Command::Host(key("shop")));
    world.effects.clear();
    begin(&mut world, 1, add("shop", 81));
    let ticket = world.take(added).unwrap();
    world.done(ticket, Done::Port(Box::new(told_port(81))));
    let command = host::Command::RefreshPorts;
    assert!(world.has(&Effect::Tell { tunnel: key("shop"), command }));
}
