//! Lists: when they are asked for, and what becomes of the answers.

use std::time::Duration;

use adit_tunnel::host;

use crate::cause::Cause;
use crate::command::Command;
use crate::condition::Code as Wrong;
use crate::effect::{Effect, NoticeKind};
use crate::event::{Event, Preflight, Trouble};
use crate::failure::{Code, Failure};
use crate::message::Message;
use crate::persist::{Kept, Part, Save};
use crate::place_key::PlaceKey;
use crate::state::State;
use crate::state::world::{World, failure, kept, key, portless, relay, tunnel};
use crate::update::{deadline, update};
use crate::view::Mood;

fn lists(world: &World) -> usize {
    world.effects.iter().filter(|effect| matches!(effect, Effect::List { .. })).count()
}

fn wrong(world: &World) -> Vec<Wrong> {
    world.view().conditions.iter().map(|condition| condition.code).collect()
}

#[test]
fn a_start_looks_whether_the_place_can_be_used_and_then_lists() {
    let mut world = World::new(Kept::default());
    assert!(world.has(&Effect::Check(relay())) && lists(&world) == 0);
    assert_eq!(world.view().headline.text, Message::Getting);
    world.ready();
    assert_eq!(lists(&world), 1);
    world.list(&[]);
    assert_eq!(world.view().headline.text, Message::NoTunnels);
    assert_eq!(world.view().places[0].account.as_deref(), Some("ann"));
}

#[test]
fn the_last_list_is_painted_at_the_start_and_says_of_when_it_is() {
    let mut world = World::new(kept(&[], &[tunnel("shop", &[80])], -3_600));
    let view = world.view();
    assert_eq!(world.names(), ["shop"]);
    let saved_at = world.now.wall - Duration::from_secs(3_600);
    assert_eq!(view.places[0].list, Some(Message::AsOf(saved_at)));
    world.ready();
    world.pass(1);
    world.list(&[tunnel("shop", &[80])]);
    assert_eq!(world.view().places[0].list, Some(Message::CheckedAgo(world.now.wall)));
}

#[test]
fn a_list_of_the_future_is_not_shown_and_the_clock_is_called_wrong() {
    let world = World::new(kept(&[], &[tunnel("shop", &[80])], 300));
    assert!(world.names().is_empty());
    assert_eq!(wrong(&world), [Wrong::ClockWrong]);
    // What lies ahead by a little is only two clocks.
    let world = World::new(kept(&[], &[tunnel("shop", &[80])], 60));
    assert_eq!(world.names(), ["shop"]);
}

#[test]
fn a_list_of_long_ago_is_not_shown() {
    let world = World::new(kept(&[], &[tunnel("shop", &[80])], -31 * 86_400));
    assert!(world.names().is_empty());
}

#[test]
fn the_list_is_asked_for_every_minute_when_seen_and_every_ten_when_not() {
    let mut world = World::told(&[]);
    world.pass(599);
    assert_eq!(lists(&world), 0);
    world.pass(1);
    assert_eq!(lists(&world), 1);
    world.list(&[]);
    world.pass(100);
    // Who opens the window sees a list that is not older than a minute.
    world.command(Command::Visible(true));
    assert_eq!(lists(&world), 2);
    world.list(&[]);
    for count in 3..6 {
        world.pass(60);
        assert_eq!(lists(&world), count);
        world.list(&[]);
    }
}

#[test]
fn a_list_on_its_way_is_not_asked_for_twice_and_a_late_answer_counts_nothing() {
    let mut world = World::told(&[tunnel("old", &[])]);
    world.command(Command::Refresh(None));
    world.command(Command::Refresh(None));
    world.pass(3_600);
    assert_eq!(lists(&world), 1);
    let late = Event::Listed { place: relay(), serial: 1, result: Ok(vec![]) };
    world.event(late);
    assert_eq!(world.names(), ["old"]);
    world.list(&[tunnel("new", &[])]);
    assert_eq!(world.names(), ["new"]);
}

#[test]
fn nothing_changes_its_place_in_the_list() {
    let mut world = World::told(&[tunnel("bee", &[]), tunnel("ant", &[])]);
    world.refresh(&[tunnel("cat", &[]), tunnel("ant", &[]), tunnel("bee", &[])]);
    assert_eq!(world.names(), ["bee", "ant", "cat"]);
    world.refresh(&[tunnel("cat", &[]), tunnel("bee", &[])]);
    assert_eq!(world.names(), ["bee", "cat"]);
}

#[test]
fn a_list_that_fails_leaves_the_last_one_and_its_error_keeps_its_place() {
    let mut world = World::told(&[tunnel("shop", &[80])]);
    world.command(Command::Visible(true));
    world.pass(60);
    world.answer_list(Err(failure(Code::Unreachable)));
    assert_eq!(world.names(), ["shop"]);
    assert_eq!(world.view().places[0].mood, Mood::Reconnecting);
    world.pass(4);
    assert_eq!(wrong(&world), []);
    world.pass(1);
    assert_eq!(wrong(&world), [Wrong::RelayUnreachable]);
    // While it is asked again, and fails again, nothing better is known.
    world.answer_list(Err(failure(Code::Unreachable)));
    assert_eq!(wrong(&world), [Wrong::RelayUnreachable]);
    world.pass(10);
    world.list(&[tunnel("shop", &[80])]);
    assert_eq!(wrong(&world), []);
}

#[test]
fn a_place_that_fails_is_asked_less_and_less_and_as_it_wishes() {
    let mut world = World::told(&[]);
    world.command(Command::Visible(true));
    world.pass(60);
    for wait in [5, 10, 20, 40, 60, 60] {
        world.answer_list(Err(failure(Code::Unreachable)));
        world.effects.clear();
        world.pass(wait - 1);
        assert_eq!(lists(&world), 0, "{wait}");
        world.pass(1);
        assert_eq!(lists(&world), 1, "{wait}");
    }
    // The second number is beyond what any clock counts: an hour is the most.
    for (asked, wait) in [(200, 200), (u64::MAX, 3600)] {
        let retry_after = Some(Duration::from_secs(asked));
        let failure = Failure::new(Code::Unreachable, "too many requests");
        world.answer_list(Err(Trouble { failure, retry_after }));
        world.effects.clear();
        world.pass(wait - 1);
        assert_eq!(lists(&world), 0, "{wait}");
        world.pass(1);
        assert_eq!(lists(&world), 1, "{wait}");
    }
}

#[test]
fn a_place_that_an_engine_reaches_again_is_asked_at_once() {
    let mut world = World::told(&[tunnel("shop", &[80])]);
    world.command(Command::Visible(true));
    world.command(Command::Host(key("shop")));
    world.hosting("shop", &[80]);
    world.pass(60);
    for _ in 0..3 {
        world.answer_list(Err(failure(Code::Unreachable)));
        world.pass(20);
    }
    world.answer_list(Err(failure(Code::Unreachable)));
    world.engine_state("shop", host::State::Reconnecting);
    assert_eq!(wrong(&world), [Wrong::RelayUnreachable]);
    world.engine_state("shop", host::State::Hosting);
    world.list(&[tunnel("shop", &[80])]);
    assert_eq!(wrong(&world), []);
}

#[test]
fn a_tunnel_that_cannot_be_shown_says_so_and_is_not_called_portless() {
    let mut world = World::told(&[portless("shop"), portless("blog")]);
    world.show("shop", Err(failure(Code::Unreachable)));
    world.show("blog", Ok(tunnel("blog", &[])));
    let (shop, blog) = (world.card("shop"), world.card("blog"));
    assert_eq!(shop.notices[0].text, Message::PortsNotTold);
    assert_eq!(shop.notices[0].detail, Cause::said("it went wrong"));
    assert!(shop.toggle.is_enabled, "the engine finds the ports out");
    assert!(blog.notices.is_empty() && !blog.toggle.is_enabled);
    // Its ports of before stay, and so does the error, until they are told.
    world.refresh(&[portless("shop"), portless("blog")]);
    world.show("shop", Ok(tunnel("shop", &[80])));
    assert!(world.card("shop").notices.is_empty());
    world.refresh(&[portless("shop"), portless("blog")]);
    world.show("shop", Err(failure(Code::Unreachable)));
    let shop = world.card("shop");
    assert_eq!((shop.rows[0].port, &shop.notices[0].text), (80, &Message::PortsNotTold));
}

#[test]
fn ports_that_the_list_does_not_tell_are_asked_for_when_there_is_reason_to() {
    let shows = |world: &World| {
        world.effects.iter().filter(|effect| matches!(effect, Effect::Show { .. })).count()
    };
    let mut world = World::told(&[portless("shop")]);
    world.show("shop", Ok(tunnel("shop", &[80])));
    world.command(Command::Visible(true));
    for _ in 0..9 {
        world.pass(60);
        world.list(&[portless("shop")]);
    }
    assert_eq!(shows(&world), 0);
    world.pass(60);
    world.list(&[portless("shop")]);
    assert_eq!(shows(&world), 1);
    world.show("shop", Ok(tunnel("shop", &[80])));
    world.effects.clear();
    // Somebody asks, so everything is asked.
    world.refresh(&[portless("shop")]);
    assert_eq!(shows(&world), 1);
}

#[test]
fn lists_are_kept_once_all_of_an_answer_is_there() {
    let saves = |world: &World| {
        let is_save = |effect: &&Effect| matches!(effect, Effect::Save(Save::Lists(_)));
        world.effects.iter().filter(is_save).count()
    };
    let mut world = World::told(&[]);
    world.refresh(&[portless("ant"), portless("bee")]);
    world.show("ant", Ok(tunnel("ant", &[80])));
    assert_eq!(saves(&world), 0);
    world.show("bee", Err(failure(Code::Unreachable)));
    assert_eq!(saves(&world), 1);
}

#[test]
fn somebody_who_has_to_sign_in_is_told_once_and_found_when_they_did() {
    let mut world = World::new(Kept::default());
    world.effects.clear();
    world.check(Preflight::SignedOut);
    let kinds: Vec<_> = world.notices().iter().map(|notice| notice.kind).collect();
    assert_eq!(kinds, [NoticeKind::SignIn]);
    assert_eq!(world.view().banner.unwrap().text, Message::SignIn(relay()));
    world.effects.clear();
    // Somebody may have signed in elsewhere, so it is looked again.
    world.pass(600);
    assert_eq!(world.effects, [Effect::Check(relay())]);
    world.check(Preflight::SignedOut);
    assert_eq!(world.notices().len(), 0);
    world.command(Command::CheckAgain(relay()));
    world.ready();
    assert_eq!(lists(&world), 1);
    assert_eq!(world.view().banner, None);
}

#[test]
fn what_is_missing_names_its_remedy() {
    let mut world = World::new(Kept::default());
    world.check(Preflight::CommandMissing);
    assert_eq!(wrong(&world), [Wrong::CommandMissing]);
    world.check(Preflight::CommandOld { version: "0.9".to_owned() });
    assert_eq!(wrong(&world), [Wrong::CommandOld]);
    world.check(Preflight::Failed(failure(Code::Unreachable)));
    world.pass(5);
    assert!(wrong(&world).contains(&Wrong::RelayUnreachable));
}

#[test]
fn several_places_have_their_own_lists_and_errors() {
    let (here, now) = (PlaceKey::here(), World::told(&[]).now);
    let mut state = State::new(vec![here.clone(), relay()], Kept::default(), now);
    let mut input = |event| update(&mut state, crate::event::Input::Event(event), now);
    input(Event::Checked { place: here.clone(), found: Preflight::Ready { account: None } });
    let effects = input(Event::Checked { place: relay(), found: Preflight::SignedOut });
    assert!(!effects.is_empty());
    let serial = state.place(&here).unwrap().asked.unwrap().serial;
    let listed = Event::Listed { place: here, serial, result: Ok(vec![tunnel("demo", &[80])]) };
    update(&mut state, crate::event::Input::Event(listed), now);
    let view = crate::view::fold(&state);
    assert_eq!(view.cards.len(), 1);
    assert_eq!(view.places[0].mood, Mood::Live);
    assert_eq!(view.places[1].mood, Mood::Error);
    assert_eq!(view.places[1].trouble.as_ref().unwrap().code, Wrong::SignInNeeded);
}

#[test]
fn a_file_that_cannot_be_written_is_told_until_it_can() {
    let mut world = World::told(&[]);
    let full = Failure::new(Code::Storage, "the disk is full");
    world.event(Event::Saved { part: Part::Memory, result: Err(full) });
    assert_eq!(wrong(&world), [Wrong::NotSaved]);
    world.event(Event::Saved { part: Part::Memory, result: Ok(()) });
    assert_eq!(wrong(&world), []);
}

#[test]
fn nothing_is_due_while_nothing_happens() {
    let mut world = World::told(&[tunnel("shop", &[80])]);
    world.command(Command::Host(key("shop")));
    world.hosting("shop", &[80]);
    world.pass(31);
    // Hidden, hosting, well: the next thing is the list, ten minutes after the last.
    let due = deadline(&world.state, world.now.at).unwrap();
    assert_eq!(due - world.now.at, Duration::from_secs(600 - 31));
}

#[test]
fn settings_are_written_when_they_change_and_not_otherwise() {
    let mut world = World::told(&[]);
    let mut preferences = world.state.preferences().clone();
    world.command(Command::Prefer(Box::new(preferences.clone())));
    assert!(world.effects.is_empty());
    preferences.notify.local_down = true;
    world.command(Command::Prefer(Box::new(preferences.clone())));
    let save = Effect::Save(Save::Preferences(preferences.clone()));
    assert_eq!(world.effects, [save, Effect::Apply(Box::new(preferences))]);
}
