//! Made, changed and removed: shown at once, undone in time, never flickering.

use adit_proto::contracts::Tunnel;
use adit_tunnel::host;

use crate::access::Access;
use crate::command::{Command, Draft, Ticket};
use crate::effect::Effect;
use crate::event::{Done, Event};
use crate::failure::Code;
use crate::message::{Message, Offer};
use crate::state::world::{World, failure, key, port, portless, relay, told_port, tunnel};
use crate::view::{CardId, Mood};

fn draft(name: &str, ports: &[u16]) -> Draft {
    Draft {
        place: relay(),
        name: Some(name.parse().unwrap()),
        description: None,
        ports: ports.iter().map(|number| port(*number)).collect(),
        access: Access::Private,
        expiration: None,
        labels: Default::default(),
        options: Default::default(),
    }
}

fn delete(effect: &Effect) -> Option<Ticket> {
    match effect {
        Effect::DeleteTunnel { ticket, .. } | Effect::DeletePort { ticket, .. } => Some(*ticket),
        _ => None,
    }
}

fn create(effect: &Effect) -> Option<(Ticket, Tunnel)> {
    match effect {
        Effect::Create { ticket, tunnel, .. } => Some((*ticket, (**tunnel).clone())),
        _ => None,
    }
}

fn add(effect: &Effect) -> Option<Ticket> {
    match effect {
        Effect::AddPort { ticket, .. } | Effect::ChangePort { ticket, .. } => Some(*ticket),
        _ => None,
    }
}

fn ports(world: &World, id: &str) -> Vec<u16> {
    world.card(id).rows.iter().map(|row| row.port).collect()
}

#[test]
fn a_removal_is_out_of_sight_at_once_and_sent_when_it_can_no_longer_be_undone() {
    let mut world = World::told(&[tunnel("shop", &[80]), tunnel("blog", &[80])]);
    world.command(Command::Delete(key("shop")));
    assert_eq!(world.names(), ["blog"]);
    let [undo] = &world.view().undo[..] else { panic!("an offer") };
    let name = "shop".to_owned();
    assert_eq!(undo.text, Message::Deleting { name, port: None, urls: 1 });
    world.pass(5);
    assert_eq!(world.take(delete), None);
    world.pass(1);
    assert!(world.take(delete).is_some());
    assert!(world.view().undo.is_empty());
}

#[test]
fn what_is_undone_is_back_and_never_sent() {
    let mut world = World::told(&[tunnel("shop", &[80])]);
    world.command(Command::Delete(key("shop")));
    world.command(Command::Delete(key("shop")));
    let [undo] = &world.view().undo[..] else { panic!("one offer for one removal") };
    let ticket = undo.tickets[0];
    world.command(Command::Undo(ticket));
    assert_eq!(world.names(), ["shop"]);
    world.pass(100);
    assert_eq!(world.take(delete), None);
}

#[test]
fn an_offer_that_somebody_looks_at_does_not_run_out() {
    let mut world = World::told(&[tunnel("shop", &[80])]);
    world.command(Command::Delete(key("shop")));
    world.pass(4);
    let ticket = world.view().undo[0].tickets[0];
    world.command(Command::HoldUndo { ticket, held: true });
    world.pass(100);
    assert_eq!(world.view().undo[0].until, None);
    assert_eq!(world.take(delete), None);
    world.command(Command::HoldUndo { ticket, held: false });
    world.pass(1);
    assert_eq!(world.take(delete), None);
    world.pass(1);
    assert!(world.take(delete).is_some());
    world.command(Command::Undo(ticket));
    assert!(world.names().is_empty(), "what was sent cannot be undone");
}

#[test]
fn several_removals_are_offered_each_and_many_as_one() {
    let names = ["ant", "bee", "cat", "dog"];
    let mut world = World::told(&names.map(|name| tunnel(name, &[80])));
    for (count, name) in (1..).zip(names) {
        world.command(Command::Delete(key(name)));
        let undo = world.view().undo;
        assert_eq!(undo.len(), if count <= 3 { count } else { 1 });
    }
    let undo = world.view().undo.remove(0);
    assert_eq!(undo.text, Message::DeletingMany(4));
    undo.tickets.into_iter().for_each(|ticket| world.command(Command::Undo(ticket)));
    assert_eq!(world.names(), names);
}

#[test]
fn a_hosted_tunnel_is_stopped_and_waited_for_before_it_is_removed() {
    let mut world = World::told(&[tunnel("shop", &[80])]);
    world.command(Command::Host(key("shop")));
    world.hosting("shop", &[80]);
    world.command(Command::Delete(key("shop")));
    world.effects.clear();
    world.pass(6);
    let stop = Effect::Tell { tunnel: key("shop"), command: host::Command::Stop };
    assert!(world.has(&stop));
    world.pass(100);
    assert_eq!(world.take(delete), None);
    world.command(Command::Host(key("shop")));
    world.engine_state("shop", host::State::Stopped);
    world.event(Event::Ended(key("shop")));
    assert!(world.hosts().is_empty());
    let ticket = world.take(delete).expect("it is removed now");
    world.done(ticket, Done::Deleted);
    assert!(world.names().is_empty());
    assert!(world.state.memory().tunnels.is_empty());
    assert!(world.state.history().of(&key("shop")).is_none());
}

#[test]
fn a_list_that_lags_behind_brings_nothing_back() {
    let list = [tunnel("shop", &[80]), tunnel("blog", &[80])];
    let mut world = World::told(&list);
    world.command(Command::Delete(key("shop")));
    world.pass(6);
    let ticket = world.take(delete).unwrap();
    world.refresh(&list);
    world.done(ticket, Done::Deleted);
    for _ in 0..5 {
        world.list(&list);
        assert_eq!(world.names(), ["blog"]);
        // It is asked for again soon, until it has caught up.
        world.pass(5);
    }
    world.list(&list[1..]);
    world.effects.clear();
    world.pass(500);
    assert_eq!(world.effects, [], "and not any more then");
}

#[test]
fn a_list_that_was_asked_for_before_confirms_nothing() {
    let list = [tunnel("shop", &[80])];
    let mut world = World::told(&list);
    world.command(Command::AddPort { tunnel: key("shop"), port: port(81) });
    world.command(Command::Refresh(None));
    let ticket = world.take(add).unwrap();
    world.pass(1);
    world.done(ticket, Done::Port(Box::new(told_port(81))));
    world.list(&list);
    assert_eq!(ports(&world, "shop"), [80, 81]);
    world.pass(5);
    world.list(&[tunnel("shop", &[80, 81])]);
    assert_eq!(ports(&world, "shop"), [80, 81]);
    // Confirmed: from now on the list says what there is.
    world.refresh(&list);
    assert_eq!(ports(&world, "shop"), [80]);
}

#[test]
fn a_removal_that_no_list_ever_confirms_ends_with_what_the_list_says() {
    let list = [tunnel("shop", &[80])];
    let mut world = World::told(&list);
    world.command(Command::Delete(key("shop")));
    world.pass(6);
    let ticket = world.take(delete).unwrap();
    world.done(ticket, Done::Deleted);
    for _ in 0..12 {
        world.list(&list);
        assert!(world.names().is_empty());
        world.pass(5);
    }
    assert_eq!(world.names(), ["shop"]);
}

#[test]
fn what_could_not_be_removed_is_back_with_the_reason() {
    let mut world = World::told(&[tunnel("shop", &[80])]);
    world.command(Command::Delete(key("shop")));
    world.pass(6);
    let ticket = world.take(delete).unwrap();
    let result = Err(failure(Code::Access));
    world.event(Event::Changed { ticket, result });
    let card = world.card("shop");
    assert_eq!(card.notices[0].text, Message::NotDeleted);
    assert_eq!(card.notices[0].offer, Some(Offer::Retry(ticket)));
    world.refresh(&[tunnel("shop", &[80])]);
    assert_eq!(world.card("shop").notices.len(), 1, "it keeps its place");
    world.command(Command::Retry(ticket));
    assert_eq!(world.take(delete), Some(ticket));
    world.event(Event::Changed { ticket, result: Err(failure(Code::Access)) });
    world.command(Command::Dismiss(ticket));
    assert!(world.card("shop").notices.is_empty());
}

#[test]
fn a_port_is_added_at_once_and_the_engine_hears_of_it_when_it_is_there() {
    let mut world = World::told(&[tunnel("shop", &[80])]);
    world.command(Command::Host(key("shop")));
    world.command(Command::AddPort { tunnel: key("shop"), port: port(81) });
    let card = world.card("shop");
    assert_eq!(card.rows[1].standing.text, Message::BeingMade);
    assert_eq!(card.rows[1].index, None);
    let refresh = Effect::Tell { tunnel: key("shop"), command: host::Command::RefreshPorts };
    assert!(!world.has(&refresh));
    let ticket = world.take(add).unwrap();
    world.done(ticket, Done::Port(Box::new(told_port(81))));
    assert!(world.has(&refresh));
    let card = world.card("shop");
    assert_eq!((card.rows.len(), card.rows[1].index), (2, Some(1)));
    assert_eq!(card.rows[1].urls, ["http://x-81.r.example/"]);
}

#[test]
fn the_engine_hears_of_a_port_that_is_gone() {
    let mut world = World::told(&[tunnel("shop", &[80, 81])]);
    world.command(Command::Host(key("shop")));
    world.command(Command::DeletePort { tunnel: key("shop"), port: 80 });
    assert_eq!(ports(&world, "shop"), [81]);
    world.pass(6);
    let ticket = world.take(delete).unwrap();
    world.done(ticket, Done::Deleted);
    assert!(world.has(&Effect::Tell { tunnel: key("shop"), command: host::Command::RefreshPorts }));
    world.list(&[tunnel("shop", &[80, 81])]);
    assert_eq!(ports(&world, "shop"), [81]);
    world.pass(5);
    world.list(&[tunnel("shop", &[81])]);
    assert_eq!(ports(&world, "shop"), [81]);
}

#[test]
fn a_port_that_could_not_be_added_stays_with_its_reason() {
    let mut world = World::told(&[tunnel("shop", &[])]);
    world.command(Command::AddPort { tunnel: key("shop"), port: port(81) });
    let ticket = world.take(add).unwrap();
    world.event(Event::Changed { ticket, result: Err(failure(Code::Conflict)) });
    let card = world.card("shop");
    assert_eq!(card.rows[0].standing.text, Message::PortNotAdded(81));
    assert!(!card.toggle.is_enabled, "there is still no port to serve");
    // Another attempt takes its place.
    world.command(Command::AddPort { tunnel: key("shop"), port: port(81) });
    assert_eq!(world.card("shop").rows.len(), 1);
}

#[test]
fn where_lists_do_not_tell_ports_a_change_asks_for_the_tunnel_until_it_is_confirmed() {
    let mut world = World::told(&[portless("shop")]);
    world.show("shop", Ok(tunnel("shop", &[80])));
    world.command(Command::AddPort { tunnel: key("shop"), port: port(81) });
    let ticket = world.take(add).unwrap();
    world.pass(1);
    world.done(ticket, Done::Port(Box::new(told_port(81))));
    world.list(&[portless("shop")]);
    world.show("shop", Ok(tunnel("shop", &[80])));
    assert_eq!(ports(&world, "shop"), [80, 81]);
    world.pass(5);
    world.list(&[portless("shop")]);
    world.show("shop", Ok(tunnel("shop", &[80, 81])));
    // The last question was asked before the answer that settled it.
    world.pass(5);
    world.list(&[portless("shop")]);
    world.effects.clear();
    world.pass(60);
    assert!(world.effects.is_empty(), "{:?}", world.effects);
}

#[test]
fn a_protocol_changes_at_once() {
    let mut world = World::told(&[tunnel("shop", &[80])]);
    world.command(Command::Host(key("shop")));
    let https = "80:https".parse().unwrap();
    world.command(Command::ChangePort { tunnel: key("shop"), port: https });
    let shown = |world: &World| world.card("shop").rows[0].protocol.as_ref().unwrap().to_string();
    assert_eq!(shown(&world), "https");
    let ticket = world.take(add).unwrap();
    world.event(Event::Changed { ticket, result: Err(failure(Code::Refused)) });
    assert_eq!(shown(&world), "auto");
    assert_eq!(world.card("shop").notices[0].text, Message::PortNotChanged(80));
}

#[test]
fn a_tunnel_is_there_at_once_and_becomes_itself_without_a_second_card() {
    let mut world = World::told(&[tunnel("blog", &[80])]);
    world.command(Command::Create(Box::new(draft("shop", &[3000]))));
    let card = world.card("shop");
    assert!(card.is_placeholder && !card.toggle.is_enabled);
    assert_eq!((card.rows[0].port, card.standing.mood), (3000, Mood::Connecting));
    let (ticket, asked) = world.take(create).unwrap();
    assert_eq!(asked.ports.unwrap()[0].port_number, 3000);
    assert_eq!(asked.access_control.unwrap().entries.len(), 0, "nobody but the owner");
    world.done(ticket, Done::Created(Box::new(tunnel("shop", &[3000]))));
    assert_eq!(world.names(), ["blog", "shop"]);
    assert_eq!(world.card("shop").id, CardId::Tunnel(key("shop")));
    // It can be used before any list has it.
    world.command(Command::Host(key("shop")));
    world.list(&[tunnel("blog", &[80])]);
    assert_eq!(world.names(), ["blog", "shop"]);
    world.pass(5);
    world.list(&[tunnel("blog", &[80]), tunnel("shop", &[3000])]);
    assert_eq!(world.names(), ["blog", "shop"]);
    assert!(world.card("shop").toggle.on);
}

#[test]
fn a_tunnel_that_could_not_be_made_can_be_tried_again_or_put_away() {
    let mut world = World::told(&[]);
    world.command(Command::Create(Box::new(draft("shop", &[]))));
    let (ticket, _) = world.take(create).unwrap();
    world.event(Event::Changed { ticket, result: Err(failure(Code::Conflict)) });
    let card = world.card("shop");
    assert_eq!((card.standing.text, card.id), (Message::NotCreated, CardId::New(ticket)));
    world.command(Command::Retry(ticket));
    assert!(world.take(create).is_some());
    world.event(Event::Changed { ticket, result: Err(failure(Code::Conflict)) });
    world.command(Command::Dismiss(ticket));
    assert!(world.names().is_empty());
}

#[test]
fn an_answer_that_comes_twice_counts_once() {
    let mut world = World::told(&[]);
    world.command(Command::Create(Box::new(draft("shop", &[]))));
    let (ticket, _) = world.take(create).unwrap();
    world.done(ticket, Done::Created(Box::new(tunnel("shop", &[]))));
    world.event(Event::Changed { ticket, result: Err(failure(Code::Conflict)) });
    world.event(Event::Changed { ticket: Ticket(99), result: Ok(Done::Deleted) });
    assert_eq!(world.names(), ["shop"]);
    assert!(world.card("shop").notices.is_empty());
}
