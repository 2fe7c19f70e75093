//! Setting up: relays, signing in, the first URL, taking over, and the way out.

use adit_proto::token::Secret;

use crate::command::Command;
use crate::effect::Effect;
use crate::event::{Done, Event, Preflight};
use crate::failure::{Code, Failure};
use crate::message::Message;
use crate::persist::{Imported, Kept, Save, reference};
use crate::place_key::PlaceKey;
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
    ask(&mut world, Ask::Install);
    // An installation is not broken off in the middle.
    assert!(!errand(&world).can_be_cancelled);
    ask(&mut world, Ask::Cancel);
    assert!(errand(&world).is_under_way());
    world.effects.retain(|it| matches!(it, Effect::Setup(Act::Begin { .. })));
    end(&mut world, Ok(None));
    assert!(world.has(&Effect::Check(microsoft.clone())));
    world.event(Event::Checked { place: microsoft, found: Preflight::SignedOut });
    assert_eq!(usable(&world), Usable::SignedOut(None));
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
fn the_first_run_comes_where_there_is_nothing_and_never_again() {
    let mut world = fresh();
    assert!(world.view().setup.first_run.is_some());
    assert!(acts(&world).contains(&&Act::LookForCommand));
    told(&mut world, Told::CommandIsThere(false));
    assert_eq!(world.view().setup.first_run.unwrap().command_is_there, Some(false));
    ask(&mut world, Ask::EndFirstRun);
    assert!(world.view().setup.first_run.is_none());
    let kept_now = Kept { setup: saved(&world), ..Kept::default() };
    let again = World::at(vec![PlaceKey::here()], kept_now);
    assert!(again.view().setup.first_run.is_none());
    // Who has something already is not asked.
    for used in
        [World::new(Kept::default()), World::at(vec![PlaceKey::here()], kept(&["shop"], &[], 0))]
    {
        assert!(used.view().setup.first_run.is_none() && saved(&used).first_run_over);
    }
}

fn here(id: &str) -> TunnelKey {
    TunnelKey { place: PlaceKey::here(), id: format!("{id}.loc1").parse().unwrap() }
}

#[test]
fn a_port_that_is_tried_out_is_hosted_now_and_after_the_next_start() {
    let mut world = fresh();
    ask(&mut world, Ask::TryOut { place: PlaceKey::here(), port: Some(5173) });
    let (ticket, made) = world
        .take(|effect| match effect {
            Effect::Create { ticket, tunnel, .. } => Some((*ticket, tunnel.clone())),
            _ => None,
        })
        .expect("it is made");
    assert_eq!(made.name.as_deref(), Some("port-5173"));
    assert_eq!(made.access_control.unwrap().entries.len(), 0);
    // A second click while it is made does nothing.
    ask(&mut world, Ask::TryOut { place: PlaceKey::here(), port: Some(5173) });
    assert!(!world.effects.iter().any(|it| matches!(it, Effect::Create { .. })));
    world.done(ticket, Done::Created(Box::new(tunnel("abc", &[5173]))));
    assert_eq!(world.hosts(), [here("abc")]);
    assert!(world.state.remembered.iter().any(|it| it.key == here("abc")));
    let trial = world.view().setup.first_run.unwrap().trial.unwrap();
    assert_eq!((trial.tunnel, trial.port), (Some(here("abc")), Some(5173)));
}

#[test]
fn a_page_of_our_own_is_served_where_nothing_else_is() {
    let mut world = fresh();
    ask(&mut world, Ask::TryOut { place: PlaceKey::here(), port: None });
    assert!(acts(&world).contains(&&Act::Sample(None)));
    told(&mut world, Told::Sample(Ok(40_123)));
    assert_eq!(saved(&world).sample, Some(40_123));
    let made = world.take(|effect| match effect {
        Effect::Create { tunnel, .. } => tunnel.ports.clone(),
        _ => None,
    });
    assert_eq!(made.unwrap()[0].port_number, 40_123);
}

#[test]
fn a_trial_that_fails_says_why_and_can_be_tried_again() {
    let mut world = fresh();
    ask(&mut world, Ask::TryOut { place: PlaceKey::here(), port: None });
    told(&mut world, Told::Sample(Err(Failure::new(Code::Listen, "no port"))));
    let trial = |world: &World| world.view().setup.first_run.unwrap().trial.unwrap();
    assert_eq!(trial(&world).failed.unwrap().detail, "no port");
    ask(&mut world, Ask::TryOut { place: PlaceKey::here(), port: Some(80) });
    let ticket = world.take(|effect| match effect {
        Effect::Create { ticket, .. } => Some(*ticket),
        _ => None,
    });
    let failure = Failure::new(Code::Unreachable, "it is away").into();
    world.event(Event::Changed { ticket: ticket.unwrap(), result: Err(failure) });
    assert_eq!(trial(&world).failed.unwrap().detail, "it is away");
    // Told there, and not once more as a card that could not be made.
    assert!(world.view().cards.is_empty());
}

#[test]
fn the_page_of_an_earlier_run_is_served_while_a_tunnel_leads_to_it() {
    let with_sample = |ports: &[u16]| {
        let setup = Setup { sample: Some(3_000), first_run_over: true, ..Setup::default() };
        World::new(Kept { setup, ..kept(&[], &[tunnel("shop", ports)], -10) })
    };
    assert!(acts(&with_sample(&[3_000])).contains(&&Act::Sample(Some(3_000))));
    let gone = with_sample(&[80]);
    assert!(!acts(&gone).iter().any(|act| matches!(act, Act::Sample(_))));
    assert_eq!(saved(&gone).sample, None);
    // Something of the user's own is there now.
    let mut taken = with_sample(&[3_000]);
    told(&mut taken, Told::Sample(Err(Failure::new(Code::Listen, "taken"))));
    assert_eq!(saved(&taken).sample, None);
}

fn found() -> Imported {
    let text = r#"{"auto_host": ["quiet-fox.euw"], "settings": {"dark": true}}"#;
    reference(text).unwrap()
}

#[test]
fn what_another_app_kept_is_offered_once() {
    let mut world = fresh();
    assert!(acts(&world).contains(&&Act::LookForImport));
    told(&mut world, Told::Import(Some(found())));
    assert_eq!(world.view().setup.import.unwrap().tunnels.len(), 1);
    ask(&mut world, Ask::Import(false));
    let view = world.view();
    assert!(view.setup.import.is_none() && view.preferences == Default::default());
    assert!(saved(&world).import_answered && !saved(&world).microsoft);
    let again = World::at(vec![PlaceKey::here()], Kept { setup: saved(&world), ..Kept::default() });
    assert!(!acts(&again).contains(&&Act::LookForImport));
}

#[test]
fn what_is_taken_over_is_hosted_once_somebody_is_signed_in_and_nobody_else_hosts_it() {
    for (elsewhere, hosts) in [(0, 1), (1, 0)] {
        let mut world = fresh();
        told(&mut world, Told::Import(Some(found())));
        ask(&mut world, Ask::Import(true));
        assert_eq!(world.view().preferences, found().over(&Default::default()));
        assert!(saved(&world).microsoft && world.hosts().is_empty());
        let (place, account) = (PlaceKey::microsoft(), None);
        world.event(Event::Checked { place: place.clone(), found: Preflight::Ready { account } });
        let asked = world.state.place(&place).unwrap().asked.expect("a list was asked for");
        let fox = adit_proto::contracts::Tunnel {
            cluster_id: Some("euw".to_owned()),
            ..hosted_by(elsewhere, tunnel("quiet-fox", &[80]))
        };
        world.event(Event::Listed { place, serial: asked.serial, result: Ok(vec![fox]) });
        assert_eq!(world.hosts().len(), hosts);
    }
}

#[test]
fn a_file_that_says_nothing_is_no_question() {
    let mut world = fresh();
    told(&mut world, Told::Import(reference("{}")));
    assert!(world.view().setup.import.is_none());
}

#[test]
fn everything_is_stopped_before_it_is_removed_and_then_the_program_ends() {
    let mut world = World::told(&[tunnel("shop", &[80])]);
    world.command(Command::Host(key("shop")));
    let stays = world.view().setup.stays;
    assert_eq!((stays[0].names.join(" "), stays.len()), ("shop".to_owned(), 1));
    world.effects.clear();
    ask(&mut world, Ask::Remove);
    assert!(acts(&world).is_empty());
    world.event(Event::Ended(key("shop")));
    assert_eq!(begun(&world).1, Errand::Remove);
    assert_eq!(deadline(&world.state, world.now.at), None);
    end(&mut world, Ok(None));
    let saves_history = |it: &Effect| matches!(it, Effect::Save(Save::History(_)));
    assert!(world.has(&Effect::Finish) && !world.effects.iter().any(saves_history));
}

#[test]
fn ports_that_would_never_be_made_again_are_named_before_everything_is_removed() {
    let mut world = World::told(&[tunnel("shop", &[80])]);
    let stays = |world: &World| world.view().setup.stays[0].names.join(" ");
    let id = |id: &str| id.parse().unwrap();
    let ports = vec![(id("shop.loc1"), 3000), (id("blog.loc1"), 80)];
    told(&mut world, Told::Owed { place: relay(), ports });
    assert_eq!(stays(&world), "shop shop:3000 blog.loc1:80");
    told(&mut world, Told::Owed { place: relay(), ports: Vec::new() });
    assert_eq!(stays(&world), "shop");
}

#[test]
fn a_removal_that_fails_says_what_is_left_and_goes_on() {
    let mut world = fresh();
    world.state.preferences.general.start_at_login = true;
    ask(&mut world, Ask::Remove);
    assert!(!world.view().preferences.general.start_at_login);
    end(&mut world, Err(Failure::new(Code::AlreadyRunning, "`adit up` hosts")));
    assert!(!world.has(&Effect::Finish) && !world.view().is_quitting);
    assert_eq!(errand(&world).failed.unwrap().detail, "`adit up` hosts");
    assert!(!world.view().setup.is_removed);
    ask(&mut world, Ask::Remove);
    end(&mut world, Ok(None));
    assert!(world.has(&Effect::Finish) && world.view().setup.is_removed);
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
fn after_a_removal_that_failed_nothing_hosts_by_itself() {
    // What was hosted before waits for the first list.
    let mut world = World::new(kept(&["shop"], &[], 0));
    ask(&mut world, Ask::Remove);
    end(&mut world, Err(Failure::new(Code::AlreadyRunning, "`adit up` hosts")));
    world.ready();
    world.list(&[tunnel("shop", &[80])]);
    world.pass(60);
    assert!(!world.state.hosted.contains_key(&key("shop")));
}
