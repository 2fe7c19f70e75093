//! Setting up: relays, signing in, the first URL, taking over, and the way out.

mod first_run;
mod import;
mod way_out;

use adit_proto::token::Secret;

use crate::command::Command;
use crate::effect::Effect;
use crate::event::{Done, Event, Preflight};
use crate::failure::{Code, Failure};
use crate::message::Message;
use crate::persist::{Imported, Kept, Save, reference};
use crate::place_key::PlaceKey;
use crate::preferences::Page;
use crate::setup::{Act, Ask, Errand, ErrandKind, Provider, Setup, Stage, Told};
use crate::state::State;
use crate::state::world::{World, hosted_by, kept, key, relay, tunnel};
use crate::tunnel_key::TunnelKey;
use crate::update::deadline;
use crate::view::{ErrandView, Usable};

/// A computer where nothing was set up: only the place that is always there.
fn fresh() -> World {
    let mut world = World::at(vec![PlaceKey::here()], Kept::default());
    world.event(Event::Checked {
        place: PlaceKey::here(),
        found: Preflight::Ready { account: None },
    });
    world
}

fn ask(world: &mut World, ask: Ask) {
    world.command(Command::Setup(ask));
}

fn told(world: &mut World, told: Told) {
    world.event(Event::Setup(told));
}

fn acts(world: &World) -> Vec<&Act> {
    let acts = world.effects.iter().filter_map(|effect| match effect {
        Effect::Setup(act) => Some(act),
        _ => None,
    });
    acts.collect()
}

/// The errand that was begun last, and its number.
fn begun(world: &World) -> (u64, Errand) {
    let begun = acts(world).into_iter().rev().find_map(|act| match act {
        Act::Begin { serial, errand } => Some((*serial, errand.clone())),
        _ => None,
    });
    begun.expect("an errand was begun")
}

fn errand(world: &World) -> ErrandView {
    world.view().setup.errand.expect("there is an errand")
}

fn end(world: &mut World, result: Result<Option<String>, Failure>) {
    let (serial, _) = begun(world);
    told(world, Told::Ended { serial, result });
}

fn use_relay(world: &mut World) {
    let relay = "https://cp.new.example".parse().unwrap();
    ask(world, Ask::UseRelay { relay, key: Secret::from("adit_0123456789") });
}

fn has_place(world: &World, place: &PlaceKey) -> bool {
    world.view().places.iter().any(|it| it.key == *place)
}

fn saved(world: &World) -> Setup {
    let saved = world.effects.iter().rev().find_map(|effect| match effect {
        Effect::Save(Save::Setup(setup)) => Some(setup.clone()),
        _ => None,
    });
    saved.expect("it was saved")
}

#[test]
fn a_relay_is_a_place_once_it_took_the_key() {
    let mut world = fresh();
    let place = PlaceKey::from("https://cp.new.example");
    use_relay(&mut world);
    assert!(errand(&world).is_under_way() && !has_place(&world, &place));
    // One at a time.
    let (serial, _) = begun(&world);
    use_relay(&mut world);
    assert_eq!(begun(&world).0, serial);
    end(&mut world, Ok(Some("ana".to_owned())));
    assert_eq!(errand(&world).stage, Stage::Done { account: Some("ana".to_owned()) });
    assert!(has_place(&world, &place));
    assert!(world.has(&Effect::Check(place.clone())));
    assert_eq!(world.state.default_place(), place);
    ask(&mut world, Ask::PutAway);
    assert_eq!(world.view().setup.errand, None);
}

#[test]
fn another_relay_does_not_change_where_new_tunnels_live() {
    let mut world = World::told(&[]);
    assert_eq!(world.state.default_place(), relay());
    use_relay(&mut world);
    end(&mut world, Ok(Some("ana".to_owned())));
    assert_eq!((world.state.default_place(), saved(&world).default), (relay(), Some(relay())));
}

#[test]
fn a_key_that_is_refused_leaves_everything_as_it_was() {
    let mut world = fresh();
    let place = PlaceKey::from("https://cp.new.example");
    for (code, begins) in [(Code::SignIn, true), (Code::Unreachable, true), (Code::Storage, false)]
    {
        use_relay(&mut world);
        end(&mut world, Err(Failure::new(code, "it went wrong")));
        let failed = errand(&world).failed.expect("it failed");
        assert_eq!(failed.text, Message::ErrandFailed(ErrandKind::Relay(place.clone()), code));
        assert_eq!(failed.detail, "it went wrong");
        let said = world.say(&failed.text);
        assert_eq!(said.starts_with("new.example"), begins, "{said}");
        assert!(!has_place(&world, &place));
    }
}

#[test]
fn what_a_cancelled_errand_says_later_is_not_heard() {
    let mut world = fresh();
    use_relay(&mut world);
    let (serial, _) = begun(&world);
    ask(&mut world, Ask::Cancel);
    assert!(acts(&world).contains(&&Act::Cancel));
    told(&mut world, Told::Ended { serial, result: Ok(None) });
    assert_eq!(world.view().setup.errand, None);
    assert!(!has_place(&world, &PlaceKey::from("https://cp.new.example")));
}

#[test]
fn a_sign_in_tells_its_code_and_hosts_nothing() {
    let mut world = fresh();
    let microsoft = PlaceKey::microsoft();
    ask(&mut world, Ask::SignIn { provider: Provider::GitHub, by_code: true });
    assert!(saved(&world).microsoft);
    let (serial, _) = begun(&world);
    let line = "Browse to https://github.com/login/device and enter the code AB12-CD34".to_owned();
    told(&mut world, Told::Said { serial, line: line.clone() });
    told(&mut world, Told::Said { serial: serial + 9, line: "of another".to_owned() });
    let shown = errand(&world);
    assert_eq!(shown.code.map(|code| code.code).as_deref(), Some("AB12-CD34"));
    assert_eq!(shown.said, [line]);
    end(&mut world, Ok(Some("ana@example.com".to_owned())));
    assert_eq!(errand(&world).code, None);
    let found = Preflight::Ready { account: Some("ana@example.com".to_owned()) };
    world.event(Event::Checked { place: microsoft.clone(), found });
    let asked = world.state.place(&microsoft).unwrap().asked.expect("a list was asked for");
    let result = Ok(vec![tunnel("old", &[80])]);
    world.event(Event::Listed { place: microsoft, serial: asked.serial, result });
    assert!(world.hosts().is_empty());
    assert_eq!(world.names(), ["old"]);
}

#[test]
fn each_failed_sign_in_is_explained_and_can_be_tried_again() {
    let mut world = fresh();
    let mut said = Vec::new();
    for code in [Code::Devtunnel, Code::Interrupted, Code::Conflict, Code::SignIn] {
        ask(&mut world, Ask::SignIn { provider: Provider::Microsoft, by_code: false });
        end(&mut world, Err(Failure::new(code, "no")));
        said.push(world.say(&errand(&world).failed.unwrap().text));
    }
    let count = said.len();
    said.sort();
    said.dedup();
    assert_eq!(said.len(), count, "{said:#?}");
}

#[test]
fn the_command_is_looked_at_again_after_it_was_installed() {
    let mut world = fresh();
    ask(&mut world, Ask::UseMicrosoft);
    let microsoft = PlaceKey::microsoft();
    world.event(Event::Checked { place: microsoft.clone(), found: Preflight::CommandMissing });
    let usable = |world: &World| {
        let view = world.view();
        view.places.iter().find(|it| it.key == PlaceKey::microsoft()).unwrap().usable.clone()
    };
    assert_eq!(usable(&world), Usable::CommandMissing);
    let looked = |world: &World| world.view().places.iter().find_map(|place| place.looked);
    let first = looked(&world).unwrap();
    world.pass(1);
    world.command(Command::CheckAgain(microsoft.clone()));
    world.event(Event::Checked { place: microsoft.clone(), found: Preflight::CommandMissing });
    assert!(looked(&world).unwrap() > first, "looking again shows, though nothing was found");
    ask(&mut world, Ask::Install);
    // An installation is not broken off in the middle.
    assert!(!errand(&world).can_be_cancelled);
    ask(&mut world, Ask::Cancel);
    assert!(errand(&world).is_under_way());
    world.effects.retain(|it| matches!(it, Effect::Setup(Act::Begin { .. })));
    end(&mut world, Ok(None));
    assert!(world.has(&Effect::Check(microsoft.clone())));
    world.event(Event::Checked { place: microsoft, found: Preflight::SignedOut });
    assert_eq!((usable(&world), looked(&world)), (Usable::SignedOut(None), None));
}

#[test]
fn a_place_is_left_after_its_tunnels_ended_and_nothing_is_deleted() {
    let mut world = World::told(&[tunnel("shop", &[80])]);
    world.command(Command::Host(key("shop")));
    world.hosting("shop", &[80]);
    world.effects.clear();
    ask(&mut world, Ask::Forget(relay()));
    assert_eq!(errand(&world).stage, Stage::Stopping);
    assert!(world.state.remembered.is_empty() && acts(&world).is_empty());
    world.event(Event::Ended(key("shop")));
    assert_eq!(begun(&world).1, Errand::Forget(relay()));
    end(&mut world, Ok(None));
    assert!(!has_place(&world, &relay()) && world.names().is_empty());
    let deletes =
        |it: &Effect| matches!(it, Effect::DeleteTunnel { .. } | Effect::DeletePort { .. });
    assert!(!world.effects.iter().any(deletes));
    // An answer that was under way comes too late to bring it back.
    world.event(Event::Checked { place: relay(), found: Preflight::SignedOut });
    assert!(!has_place(&world, &relay()));
}

#[test]
fn this_computer_is_never_left() {
    let mut world = fresh();
    ask(&mut world, Ask::Forget(PlaceKey::here()));
    assert_eq!(world.view().setup.errand, None);
}

#[test]
fn a_sign_in_that_ended_says_whose_it_was() {
    let mut world = World::told(&[]);
    let at = world.now.wall;
    world.check(Preflight::SignedOut);
    let view = world.view();
    let Usable::SignedOut(Some(lapsed)) = &view.places[0].usable else { panic!("{view:?}") };
    assert_eq!((lapsed.account.as_str(), lapsed.at), ("ann", at));
    world.ready();
    assert_eq!(world.view().places[0].usable, Usable::Ready);
}

#[test]
fn microsoft_is_a_place_after_the_next_start_too() {
    let setup = Setup { microsoft: true, ..Setup::default() };
    let kept = Kept { setup, ..Kept::default() };
    let world = World::at(vec![PlaceKey::here()], kept.clone());
    assert!(has_place(&world, &PlaceKey::microsoft()));
    let both = vec![PlaceKey::here(), PlaceKey::microsoft()];
    let state = State::new(both, kept, world.now);
    assert_eq!(state.places.len(), 2);
}

#[test]
fn where_new_tunnels_live_goes_back_with_their_page() {
    let mut world = fresh();
    ask(&mut world, Ask::UseMicrosoft);
    ask(&mut world, Ask::MakeDefault(PlaceKey::here()));
    let is_default = |world: &World, place: &PlaceKey| {
        world.view().places.iter().any(|it| it.key == *place && it.is_default)
    };
    assert!(is_default(&world, &PlaceKey::here()));
    world.command(Command::Reset(Page::General));
    assert!(is_default(&world, &PlaceKey::here()), "that is another page");
    world.command(Command::Reset(Page::Defaults));
    assert!(is_default(&world, &PlaceKey::microsoft()), "the only place besides this computer");
    let saved = world.effects.iter().rev().find_map(|effect| match effect {
        Effect::Save(Save::Setup(setup)) => Some(setup.default.clone()),
        _ => None,
    });
    assert_eq!(saved, Some(None));
}
