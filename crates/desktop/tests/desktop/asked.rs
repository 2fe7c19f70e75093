//! What is asked before something goes.

use crate::common::Stage;
use adit_app::command::Command;
use adit_app::event::{Event, Preflight};
use adit_app::microsoft;
use adit_app::place_key::PlaceKey;
use adit_app::setup::Ask;
use adit_desktop::demo::Scene;
use slint::platform::Key;

/// On the header of storefront, or on its first row.
fn at_storefront(row: bool) -> Stage {
    let stage = Stage::new(Scene::Main);
    (0..if row { 4 } else { 3 }).for_each(|_| stage.key(Key::DownArrow));
    stage
}

fn last(stage: &Stage) -> Option<Command> {
    stage.demo.asked().pop()
}

#[test]
fn deleting_a_tunnel_names_its_urls_and_begins_on_cancel() {
    let stage = at_storefront(false);
    stage.key(Key::Delete);
    stage.one("Delete storefront?");
    stage.one("Its URLs stop working and cannot be recovered. A new tunnel gets new ones.");
    stage.one("https://k3x9q2mw-5173.relay.example.com/");
    stage.one("https://k3x9q2mw-8080.relay.example.com/");
    stage.key(Key::Return);
    assert!(stage.all("Delete storefront?").is_empty());
    assert!(!matches!(last(&stage), Some(Command::Delete(_))));
    stage.beginning("storefront,");
}

#[test]
fn a_tunnel_is_deleted_by_keys_and_can_be_had_back() {
    let stage = at_storefront(false);
    stage.key(Key::Delete);
    stage.key(Key::Tab);
    stage.key(Key::Return);
    assert!(matches!(last(&stage), Some(Command::Delete(_))));
    stage.one("storefront and its 2 URLs will be deleted");
    assert!(!stage.labels().iter().any(|it| it.starts_with("storefront,")));
    stage.control('z');
    stage.beginning("storefront,");
}

#[test]
fn tab_goes_round_between_the_two_buttons() {
    let stage = at_storefront(false);
    stage.key(Key::Delete);
    stage.key(Key::Tab);
    stage.key(Key::Tab);
    stage.key(Key::Return);
    assert!(stage.all("Delete storefront?").is_empty(), "it was Cancel again");
    assert!(!matches!(last(&stage), Some(Command::Delete(_))));
    stage.key(Key::Delete);
    stage.back_tab();
    stage.key(Key::Return);
    assert!(matches!(last(&stage), Some(Command::Delete(_))), "it was Delete tunnel");
}

#[test]
fn a_port_is_deleted_by_itself() {
    let stage = at_storefront(true);
    stage.key(Key::Delete);
    stage.one("Delete port 5173 of storefront?");
    stage.one("https://k3x9q2mw-5173.relay.example.com/");
    assert!(stage.all("https://k3x9q2mw-8080.relay.example.com/").is_empty());
    stage.press("Delete port");
    assert!(matches!(last(&stage), Some(Command::DeletePort { port: 5173, .. })));
    stage.one("Port 5173 of storefront will be removed");
    stage.beginning("port 8080");
}

#[test]
fn the_menus_ask_too() {
    let stage = Stage::new(Scene::Main);
    stage.press("More for design-review");
    stage.press("Delete...");
    stage.one("Delete design-review?");
    stage.one("Its URL stops working and cannot be recovered. A new tunnel gets a new one.");
    stage.key(Key::Escape);
    stage.press("More for port 3000");
    stage.press("Delete...");
    stage.one("Delete port 3000 of billing?");
    stage.beginning("Its URL stops working, and may be another one");
}

#[test]
fn a_tunnel_is_taken_over_only_after_a_question() {
    let stage = Stage::new(Scene::Errors);
    stage.press("Take over...");
    stage.one("Take over design-review?");
    assert!(!matches!(last(&stage), Some(Command::TakeOver(_))));
    stage.press("Take over");
    assert!(matches!(last(&stage), Some(Command::TakeOver(_))));
    assert!(stage.all("Take over design-review?").is_empty());
}

#[test]
fn what_another_computer_hosts_is_not_taken_from_it_by_a_switch() {
    let stage = Stage::new(Scene::Main);
    stage.press("Stop design-review");
    let tunnel = stage
        .window
        .view()
        .cards
        .iter()
        .find_map(|card| card.tunnel().filter(|_| card.name == "design-review").cloned());
    // Its service may count the host that has just left for a while.
    stage.pass(40);
    stage.demo.change(|world| world.hosted_elsewhere(&tunnel.unwrap()));
    stage.settle();
    let hosts = |stage: &Stage| {
        stage.demo.asked().iter().filter(|it| matches!(it, Command::Host(_))).count()
    };
    let before = hosts(&stage);
    stage.press("Start design-review");
    stage.one("Take over design-review?");
    stage.key(Key::Escape);
    assert_eq!(hosts(&stage), before);
}

#[test]
fn quitting_says_what_stops() {
    let stage = Stage::new(Scene::Main);
    stage.control('q');
    stage.one("Quit Adit?");
    stage.beginning("5 tunnels stop: ");
    stage.key(Key::Escape);
    assert_ne!(last(&stage), Some(Command::Quit));
    stage.control('q');
    stage.press("Quit (stops 5 tunnels)");
    assert_eq!(last(&stage), Some(Command::Quit));
}

#[test]
fn where_nothing_stops_quitting_asks_nothing() {
    let stage = Stage::new(Scene::Empty);
    stage.control('q');
    assert_eq!(last(&stage), Some(Command::Quit));
}

#[test]
fn the_command_is_got_by_a_line_that_a_click_runs() {
    let stage = Stage::new(Scene::Main);
    let found = |found: Preflight| {
        let place = PlaceKey::microsoft();
        stage.demo.change(|world| world.event(Event::Checked { place, found }));
        stage.settle();
    };
    found(Preflight::CommandMissing);
    stage.pass(1);
    stage.press("Get it");
    stage.one("Sign in to Microsoft Dev Tunnels");
    stage.press("Copy the line");
    assert_eq!(*stage.outside.copied.borrow(), [microsoft::INSTALL]);
    stage.press("What Microsoft says about it");
    assert_eq!(*stage.outside.opened.borrow(), [microsoft::PAGE]);
    let has_run = |stage: &Stage| stage.demo.asked().contains(&Command::Setup(Ask::Install));
    assert!(!has_run(&stage));
    stage.press("Run this line");
    assert!(has_run(&stage));
}

#[test]
fn a_tunnel_that_the_other_computer_has_left_is_started_from_its_card() {
    let stage = Stage::new(Scene::Errors);
    stage.pass(120);
    stage.beginning("design-review, Nobody hosts this tunnel any more");
    // Behind its state; the other one is of a tunnel that was refused.
    stage.all("Start")[0].invoke_accessible_default_action();
    stage.settle();
    let key = |name: &str| {
        let view = stage.window.view();
        view.cards.iter().find(|it| it.name == name).unwrap().tunnel().unwrap().clone()
    };
    assert_eq!(last(&stage), Some(Command::Host(key("design-review"))));
}
