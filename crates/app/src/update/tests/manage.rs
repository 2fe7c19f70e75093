//! Dialogs about a tunnel: read whole, changed, and what stays when that fails.

use std::sync::Arc;

use adit_proto::contracts::{AccessControl, AccessEntry, AccessEntryType, Protocol, Tunnel};
use adit_proto::token::Secret;
use adit_tunnel::host;
use adit_tunnel::management::Link;
use adit_tunnel::management::change::Change;
use jiff::Timestamp;

use crate::command::{Command, Ticket};
use crate::effect::Effect;
use crate::event::{Done, Event};
use crate::failure::Code;
use crate::known::Openness;
use crate::manage::edit::{PortEdit, TunnelEdit};
use crate::manage::{Got, Job, Manage, Sheet, Whole, Work};
use crate::message::{Message, Offer};
use crate::state::world::{World, failure, key, relay, tunnel};
use crate::tunnel_key::TunnelKey;

fn manage(effect: &Effect) -> Option<(Ticket, Job)> {
    match effect {
        Effect::Manage { ticket, job, .. } => Some((*ticket, (**job).clone())),
        _ => None,
    }
}

fn reading(effect: &Effect) -> Option<u64> {
    match effect {
        Effect::Read { serial, .. } => Some(*serial),
        _ => None,
    }
}

fn whole(tunnel: Tunnel) -> Whole {
    Whole { tunnel, names: Vec::new(), links: Vec::new() }
}

fn open(tunnel: Tunnel) -> Tunnel {
    let kind = AccessEntryType::Anonymous;
    let entries = vec![AccessEntry { kind, ..AccessEntry::default() }];
    Tunnel { access_control: Some(AccessControl { entries }), ..tunnel }
}

fn sheet(world: &World) -> Sheet {
    world.view().sheet.expect("a dialog is open")
}

fn look(world: &mut World, id: &str) -> u64 {
    world.command(Command::Manage(Manage::Look(Some(key(id)))));
    world.take(reading).expect("it is read")
}

fn ask(world: &mut World, id: &str, job: Job) -> Option<Ticket> {
    world.command(Command::Manage(Manage::Do(key(id), job)));
    world.take(manage).map(|(ticket, _)| ticket)
}

fn describe() -> Job {
    let change = Change { description: Some("new".to_owned()), ..Change::default() };
    Job::Edit(Box::new(TunnelEdit { change, ..TunnelEdit::default() }))
}

fn told(world: &mut World, ticket: Ticket, tunnel: Tunnel) {
    world.done(ticket, Done::Managed(Got::Whole(Arc::new(whole(tunnel)))));
}

#[test]
fn a_dialog_reads_its_tunnel_and_takes_no_answer_that_was_for_another() {
    let mut world = World::told(&[tunnel("shop", &[80]), tunnel("blog", &[])]);
    let first = look(&mut world, "shop");
    assert_eq!((sheet(&world).whole, sheet(&world).work), (None, Work::Idle));
    let second = look(&mut world, "blog");
    let answer = |serial, id| Event::Read {
        tunnel: key(id),
        serial,
        result: Ok(Box::new(whole(tunnel(id, &[])))),
    };
    world.event(answer(first, "shop"));
    assert_eq!(sheet(&world).whole, None);
    world.event(answer(second, "blog"));
    assert_eq!(sheet(&world).whole.unwrap().tunnel.name.as_deref(), Some("blog"));
    world.command(Command::Manage(Manage::Look(None)));
    assert_eq!(world.view().sheet, None);
}

#[test]
fn what_could_not_be_read_says_why_and_is_read_again_on_request() {
    let mut world = World::told(&[tunnel("shop", &[])]);
    let serial = look(&mut world, "shop");
    let result = Err(failure(Code::Unreachable));
    world.event(Event::Read { tunnel: key("shop"), serial, result });
    assert_eq!(sheet(&world).trouble.unwrap().code, Code::Unreachable);
    world.command(Command::Manage(Manage::Again));
    let again = world.take(reading).unwrap();
    assert!(again > serial && sheet(&world).trouble.is_none());
}

#[test]
fn a_change_shows_at_once_on_the_card_and_no_older_list_takes_it_back() {
    let list = [Tunnel { access_control: Some(AccessControl::default()), ..tunnel("shop", &[80]) }];
    let mut world = World::told(&list);
    look(&mut world, "shop");
    world.command(Command::Refresh(None));
    let old = world.state.place(&relay()).unwrap().asked.unwrap().serial;
    let ticket = ask(&mut world, "shop", Job::Access(Vec::new())).unwrap();
    assert_eq!(sheet(&world).work, Work::Doing);
    told(&mut world, ticket, open(tunnel("shop", &[80])));
    assert_eq!(world.card("shop").openness, Openness::Anyone { until: None, with: 0 });
    assert!(matches!(sheet(&world).work, Work::Done(_)));
    world.event(Event::Listed { place: relay(), serial: old, result: Ok(list.to_vec()) });
    assert_eq!(world.card("shop").openness, Openness::Anyone { until: None, with: 0 });
    world.list(&list);
    assert_eq!(world.card("shop").openness, Openness::OnlyMe, "a newer one does");
    assert!(world.state.changes.is_empty());
}

#[test]
fn one_change_of_a_dialog_at_a_time() {
    let mut world = World::told(&[tunnel("shop", &[])]);
    look(&mut world, "shop");
    let ticket = ask(&mut world, "shop", describe()).unwrap();
    assert_eq!(ask(&mut world, "shop", describe()), None);
    told(&mut world, ticket, tunnel("shop", &[]));
    assert!(ask(&mut world, "shop", describe()).is_some());
}

#[test]
fn a_refusal_stays_in_the_dialog_until_it_is_tried_again_or_closed() {
    let mut world = World::told(&[tunnel("shop", &[])]);
    look(&mut world, "shop");
    let ticket = ask(&mut world, "shop", describe()).unwrap();
    let refused = |ticket| Event::Changed { ticket, result: Err(failure(Code::Refused)) };
    world.event(refused(ticket));
    world.refresh(&[tunnel("shop", &[])]);
    let Work::Failed(failed) = sheet(&world).work else { panic!("it failed") };
    assert_eq!(failed.code, Code::Refused);
    let again = ask(&mut world, "shop", describe()).unwrap();
    assert_eq!(sheet(&world).work, Work::Doing);
    world.event(refused(again));
    assert_eq!(world.card("shop").notices.len(), 1, "one of both attempts");
    world.command(Command::Manage(Manage::Look(None)));
    assert!(world.card("shop").notices.is_empty(), "it was seen");
}

#[test]
fn a_refusal_after_the_dialog_was_closed_stands_on_the_card() {
    let mut world = World::told(&[tunnel("shop", &[])]);
    look(&mut world, "shop");
    let ticket = ask(&mut world, "shop", describe()).unwrap();
    world.command(Command::Manage(Manage::Look(None)));
    world.event(Event::Changed { ticket, result: Err(failure(Code::Refused)) });
    let notice = &world.card("shop").notices[0];
    assert_eq!(notice.text, Message::TunnelNotChanged);
    assert_eq!(notice.offer, Some(Offer::Retry(ticket)));
    world.command(Command::Retry(ticket));
    assert!(world.take(manage).is_some());
    told(&mut world, ticket, tunnel("shop", &[]));
    assert!(world.card("shop").notices.is_empty());
}

#[test]
fn a_token_that_nobody_waits_for_any_more_bothers_nobody() {
    let mut world = World::told(&[tunnel("shop", &[80])]);
    look(&mut world, "shop");
    let ticket = ask(&mut world, "shop", Job::Token { port: Some(80) }).unwrap();
    world.command(Command::Manage(Manage::Look(None)));
    world.event(Event::Changed { ticket, result: Err(failure(Code::Access)) });
    assert!(world.card("shop").notices.is_empty());
    look(&mut world, "shop");
    let ticket = ask(&mut world, "shop", Job::Token { port: Some(80) }).unwrap();
    let token = Secret::from("a.b.c");
    world.done(ticket, Done::Managed(Got::Token { token, until: None }));
    assert!(matches!(sheet(&world).work, Work::Done(Got::Token { .. })));
    world.command(Command::Manage(Manage::Taken));
    assert_eq!(sheet(&world).work, Work::Idle, "it is forgotten");
}

#[test]
fn a_link_that_was_made_is_told_though_the_tunnel_could_not_be_read() {
    let mut world = World::told(&[tunnel("shop", &[80])]);
    look(&mut world, "shop");
    let until = Timestamp::from_second(28_800).unwrap();
    let ticket = ask(&mut world, "shop", Job::Link { port: Some(80), until }).unwrap();
    world.effects.clear();
    let url = Some(Secret::from("https://cp.r/go/canary"));
    let link = Link { id: "k1".to_owned(), url, port: Some(80), expires: until };
    world.done(ticket, Done::Managed(Got::Link { link: link.clone(), whole: None }));
    assert_eq!(sheet(&world).work, Work::Done(Got::Link { link, whole: None }));
    let reads = world.effects.iter().filter(|it| matches!(it, Effect::Read { .. }));
    assert_eq!(reads.count(), 1, "it is read again");
}

#[test]
fn the_engine_hears_of_a_port_that_was_changed() {
    let mut world = World::told(&[tunnel("shop", &[80])]);
    world.command(Command::Host(key("shop")));
    let edit = PortEdit {
        number: 80,
        protocol: Some(Protocol::Https),
        change: Change::default(),
        replaces: false,
    };
    let ticket = ask(&mut world, "shop", Job::EditPort(Box::new(edit))).unwrap();
    told(&mut world, ticket, tunnel("shop", &[80]));
    let refresh = Effect::Tell { tunnel: key("shop"), command: host::Command::RefreshPorts };
    assert!(world.has(&refresh));
}

#[test]
fn a_tunnel_that_moved_is_there_at_once_and_hosted_as_the_old_one_is() {
    let mut world = World::told(&[tunnel("shop", &[80])]);
    world.command(Command::Host(key("shop")));
    look(&mut world, "shop");
    let job = Job::Move { to: relay(), tunnel: Box::new(tunnel("shop2", &[80])) };
    let ticket = ask(&mut world, "shop", job).unwrap();
    world.done(ticket, Done::Managed(Got::Moved(Box::new(tunnel("shop2", &[80])))));
    let to = TunnelKey { place: relay(), id: key("shop2").id };
    assert_eq!(sheet(&world).work, Work::Moved(to.clone()));
    assert_eq!(world.names(), ["shop", "shop2"]);
    assert_eq!(world.hosts(), [to]);
    assert!(world.card("shop").toggle.on, "the old one serves on until somebody removes it");
}

#[test]
fn a_tunnel_that_could_not_move_is_told_of_at_the_old_one() {
    let mut world = World::told(&[tunnel("shop", &[80])]);
    let job = Job::Move { to: relay(), tunnel: Box::new(tunnel("shop2", &[])) };
    let ticket = ask(&mut world, "shop", job).unwrap();
    world.event(Event::Changed { ticket, result: Err(failure(Code::Conflict)) });
    assert_eq!(world.card("shop").notices[0].text, Message::NotMoved(relay()));
}

#[test]
fn open_access_that_has_ended_is_shown_as_what_is_left_of_it() {
    let kind = AccessEntryType::Users;
    let friends =
        AccessEntry { kind, subjects: vec!["a".into(), "b".into()], ..AccessEntry::default() };
    let mut world = World::told(&[tunnel("shop", &[80])]);
    let until = world.now.wall + jiff::SignedDuration::from_secs(3_600);
    let mut shared = open(tunnel("shop", &[80]));
    let entries = &mut shared.access_control.as_mut().unwrap().entries;
    entries[0].expiration = Some(until);
    entries.push(friends);
    look(&mut world, "shop");
    let ticket = ask(&mut world, "shop", Job::Access(Vec::new())).unwrap();
    told(&mut world, ticket, shared);
    world.command(Command::Visible(false));
    let openness = |world: &World| world.card("shop").openness;
    world.pass(3_500);
    assert_eq!(openness(&world), Openness::Anyone { until: Some(until), with: 2 });
    // Nobody asks the service: the end comes by itself.
    world.pass(101);
    assert_eq!(openness(&world), Openness::Shared { with: 2 });
    assert_eq!(world.now.wall, until + jiff::SignedDuration::from_secs(1));
}
