//! What happens while something else is under way.

use adit_proto::host::GiveUp;
use adit_tunnel::host;

use crate::command::{Command, Draft};
use crate::condition::Subject;
use crate::effect::{Effect, NoticeKind};
use crate::event::{Done, Event, Preflight};
use crate::failure::{Code, Failure};
use crate::message::Message;
use crate::persist::{Kept, Part, Save};
use crate::state::world::{World, failure, hosted_by, kept, key, port, relay, tunnel};

fn shop() -> [adit_proto::contracts::Tunnel; 1] {
    [tunnel("shop", &[80])]
}

/// One where a tunnel is hosted.
fn hosting() -> World {
    let mut world = World::told(&shop());
    world.command(Command::Host(key("shop")));
    world.hosting("shop", &[80]);
    world.effects.clear();
    world
}

fn is_broken(world: &World) -> bool {
    world.notices().iter().any(|notice| notice.kind == NoticeKind::Broken)
}

#[test]
fn what_was_stopped_with_all_does_not_come_back_with_a_sign_in() {
    let mut world = hosting();
    world.command(Command::StopAll);
    world.event(Event::Ended(key("shop")));
    world.check(Preflight::SignedOut);
    world.ready();
    world.list(&shop());
    assert!(world.hosts().is_empty());
    world.command(Command::Host(key("shop")));
    assert_eq!(world.hosts(), [key("shop")]);
}

#[test]
fn what_waits_for_its_turn_is_stopped_with_all() {
    let mut world = World::new(kept(&["shop"], &[], 0));
    world.ready();
    world.command(Command::StopAll);
    world.list(&shop());
    assert!(world.hosts().is_empty());
    assert_eq!(world.state.memory().tunnels, [key("shop")], "until the next start");
}

#[test]
fn what_was_lent_after_all_was_stopped_ends_when_it_is_given_back() {
    let mut world = hosting();
    world.command(Command::StopAll);
    world.event(Event::Ended(key("shop")));
    world.command(Command::Lend(key("shop")));
    world.effects.clear();
    world.command(Command::GiveBack(key("shop")));
    let stop = Effect::Tell { tunnel: key("shop"), command: host::Command::Stop };
    assert!(world.has(&stop));
}

#[test]
fn an_answer_that_comes_while_quitting_begins_nothing() {
    let mut world = World::new(kept(&["shop"], &[], 0));
    world.ready();
    world.command(Command::Quit);
    world.list(&shop());
    assert!(world.hosts().is_empty());
}

#[test]
fn who_stopped_a_tunnel_hears_not_why_it_did_not_begin() {
    let mut world = World::told(&shop());
    world.command(Command::Host(key("shop")));
    world.command(Command::Stop(key("shop")));
    let failure = Failure::new(Code::AlreadyRunning, "it runs elsewhere");
    world.event(Event::NotHosted { tunnel: key("shop"), failure });
    assert_eq!(world.card("shop").standing.text, Message::Stopped);
    assert!(!is_broken(&world));
}

#[test]
fn a_tunnel_that_another_has_after_a_sign_in_asks_for_none() {
    let mut world = hosting();
    world.engine_state("shop", host::State::Error(GiveUp::SignIn));
    world.ready();
    world.engine_state("shop", host::State::Standby);
    assert!(world.card("shop").notices.is_empty());
}

#[test]
fn what_a_sign_in_mends_is_no_alarm() {
    let mut world = World::told(&[tunnel("ant", &[80]), tunnel("bee", &[80])]);
    world.command(Command::Host(key("ant")));
    world.command(Command::Host(key("bee")));
    world.engine_state("ant", host::State::Error(GiveUp::SignIn));
    let failure = Failure::new(Code::SignIn, "nobody is signed in");
    world.event(Event::NotHosted { tunnel: key("bee"), failure });
    world.ready();
    assert!(!is_broken(&world), "{:?}", world.notices());
}

#[test]
fn a_tunnel_that_was_to_be_resumed_is_when_its_removal_is_undone() {
    let mut world = World::new(kept(&["shop"], &shop(), -60));
    world.ready();
    world.command(Command::Delete(key("shop")));
    world.list(&shop());
    assert!(world.hosts().is_empty());
    let ticket = world.view().undo[0].tickets[0];
    world.command(Command::Undo(ticket));
    world.list(&shop());
    assert_eq!(world.hosts(), [key("shop")]);
}

#[test]
fn what_was_forgotten_is_not_taken_up_again_when_its_engine_ends() {
    let mut world = World::told(&shop());
    world.command(Command::Host(key("shop")));
    world.engine_state("shop", host::State::Error(GiveUp::UnknownTunnel));
    world.command(Command::Stop(key("shop")));
    world.command(Command::Host(key("shop")));
    world.refresh(&[]);
    world.refresh(&[]);
    world.effects.clear();
    world.event(Event::Ended(key("shop")));
    assert!(world.hosts().is_empty());
}

#[test]
fn what_could_not_be_changed_about_a_tunnel_that_is_gone_is_not_told() {
    let mut world = World::told(&shop());
    world.command(Command::AddPort { tunnel: key("shop"), port: port(81) });
    let Some(Effect::AddPort { ticket, .. }) = world.effects.last().cloned() else {
        panic!("{:?}", world.effects)
    };
    world.event(Event::Changed { ticket, result: Err(failure(Code::NotFound)) });
    let about = Subject::Tunnel(key("shop"));
    assert!(world.view().conditions.iter().any(|it| it.about == about));
    world.refresh(&[]);
    assert!(world.view().conditions.iter().all(|it| it.about != about));
}

#[test]
fn a_tunnel_that_no_list_has_shown_is_gone_when_it_is_removed() {
    let mut world = World::told(&[]);
    let draft = Draft::new(relay(), &world.state.preferences().new_tunnels);
    world.command(Command::Create(Box::new(draft)));
    let Some(Effect::Create { ticket, .. }) = world.effects.last().cloned() else {
        panic!("{:?}", world.effects)
    };
    world.done(ticket, Done::Created(Box::new(tunnel("shop", &[]))));
    world.command(Command::Delete(key("shop")));
    world.pass(6);
    let removed = |effect: &Effect| match effect {
        Effect::DeleteTunnel { ticket, .. } => Some(*ticket),
        _ => None,
    };
    let ticket = world.take(removed).expect("it is removed");
    world.done(ticket, Done::Deleted);
    world.list(&[]);
    world.refresh(&[]);
    assert!(world.names().is_empty(), "{:?}", world.names());
}

#[test]
fn who_signs_in_while_a_place_is_looked_at_is_seen_at_once() {
    let mut world = World::new(Kept::default());
    world.effects.clear();
    world.command(Command::CheckAgain(relay()));
    assert!(!world.has(&Effect::Check(relay())), "it is being looked at");
    world.check(Preflight::SignedOut);
    assert!(world.has(&Effect::Check(relay())), "that may have been before the sign-in");
}

#[test]
fn what_could_not_be_written_is_tried_again() {
    let saves = |world: &World| {
        let is_save = |it: &&Effect| matches!(it, Effect::Save(Save::Memory(_)));
        world.effects.iter().filter(is_save).count()
    };
    let fails = || {
        let result = Err(Failure::new(Code::Storage, "the disk is full"));
        Event::Saved { part: Part::Memory, result }
    };
    let mut world = hosting();
    world.event(fails());
    world.pass(59);
    assert_eq!(saves(&world), 0);
    world.pass(1);
    assert_eq!(saves(&world), 1);
    world.event(fails());
    world.command(Command::Quit);
    world.event(Event::Ended(key("shop")));
    assert_eq!(saves(&world), 2, "once more at the end");
}

#[test]
fn that_an_engine_has_left_is_known_until_the_service_has_counted_anew() {
    let list = |hosts| [hosted_by(hosts, tunnel("shop", &[80]))];
    let mut world = hosting();
    world.command(Command::Stop(key("shop")));
    world.event(Event::Ended(key("shop")));
    world.refresh(&list(1));
    world.pass(40);
    assert_eq!(world.card("shop").standing.text, Message::Stopped);
    world.refresh(&list(0));
    assert!(world.state.left.is_empty());
}

#[test]
fn one_that_stands_by_shows_no_port_that_the_service_does_not_know() {
    let mut world = hosting();
    world.refresh(&[tunnel("shop", &[])]);
    assert_eq!(world.card("shop").rows.len(), 1, "it is served still");
    world.engine_state("shop", host::State::Standby);
    assert!(world.card("shop").rows.is_empty());
}
