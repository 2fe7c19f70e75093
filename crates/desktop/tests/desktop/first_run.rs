//! The first run, from nothing to a URL, and what can go wrong on the way.

use std::time::Duration;

use crate::common::Stage;
use adit_app::command::Command;
use adit_app::failure::{Code, Failure};
use adit_app::local::{Found, Listening};
use adit_app::place_key::PlaceKey;
use adit_app::setup::{Ask, Provider};
use adit_app::words::Language;
use adit_desktop::demo::Scene;
use adit_desktop::{FirstRun, Nav, Screen};
use slint::ComponentHandle;
use slint::platform::Key;

fn asks(stage: &Stage) -> Vec<Ask> {
    let asked = stage.demo.asked().into_iter().filter_map(|command| match command {
        Command::Setup(ask) => Some(ask),
        _ => None,
    });
    asked.collect()
}

fn screen(stage: &Stage) -> Screen {
    stage.window.app().global::<Nav<'_>>().get_screen()
}

fn has(stage: &Stage, label: &str) -> bool {
    !stage.all(label).is_empty()
}

/// Types into the field that has the keyboard, or into the one of that name.
fn fill(stage: &Stage, field: &str, text: &str) {
    stage.one(field).set_accessible_value(text);
    stage.settle();
}

fn ends(stage: &Stage, result: Result<Option<String>, Failure>) {
    stage.demo.change(|world| world.end_errand(result));
    stage.settle();
}

const ADDRESS: &str = "Address";
const KEY: &str = "Key";

#[test]
fn it_comes_where_there_is_nothing_and_nowhere_else() {
    assert_eq!(screen(&Stage::new(Scene::FirstRun)), Screen::FirstRun);
    assert_eq!(screen(&Stage::new(Scene::Empty)), Screen::Tunnels);
}

#[test]
fn keys_choose_and_nothing_is_asked_before() {
    let stage = Stage::new(Scene::FirstRun);
    let chosen = |number: &str| {
        let choice = stage.beginning(number);
        choice.accessible_checked() == Some(true)
    };
    assert!(chosen("Just try it here") && asks(&stage).is_empty());
    stage.key('3');
    assert!(chosen("Microsoft Dev Tunnels"));
    stage.key(Key::UpArrow);
    assert!(chosen("Use a relay"));
    stage.beginning("Just try it here").invoke_accessible_default_action();
    stage.settle();
    assert!(chosen("Just try it here"));
    // The window's own keys mean nothing here, and Esc does not leave.
    stage.key('n');
    stage.key('/');
    stage.key(Key::Escape);
    for letter in ['l', ',', 'f'] {
        stage.control(letter);
    }
    assert_eq!(screen(&stage), Screen::FirstRun);
    assert!(asks(&stage).is_empty());
    stage.key('2');
    stage.key(Key::Return);
    stage.one(ADDRESS);
    stage.key(Key::Escape);
    stage.one("Where should your URLs live?");
}

#[test]
fn a_port_of_this_computer_has_a_url_after_three_keys() {
    let stage = Stage::new(Scene::FirstRun);
    stage.key('1');
    stage.key(Key::Return);
    stage.one("Which port gets the first URL?");
    stage.key(Key::Return);
    let ask = Ask::TryOut { place: PlaceKey::here(), port: Some(5173) };
    assert_eq!(asks(&stage), [ask]);
    stage.one("Your port has a URL");
    stage.one("localhost:5173");
    stage.one("This computer only");
    stage.one("Only me");
    stage.press("Copy URL");
    stage.press("Open it in the browser");
    let urls = stage.outside.copied.borrow().clone();
    assert!(urls[0].starts_with("http://127.0.0.1:"), "{urls:?}");
    assert_eq!(*stage.outside.opened.borrow(), urls);
    stage.press("Start Adit when you log in");
    assert_eq!(stage.one("Start Adit when you log in").accessible_checked(), Some(true));
    stage.press("Show my tunnels");
    assert_eq!(screen(&stage), Screen::Tunnels);
    assert_eq!(asks(&stage).last(), Some(&Ask::EndFirstRun));
    stage.beginning("port-5173, Live");
}

#[test]
fn adit_is_quit_from_the_first_run_too() {
    let stage = Stage::new(Scene::FirstRun);
    stage.control('q');
    assert_eq!(stage.demo.asked().last(), Some(&Command::Quit));
}

#[test]
fn another_port_is_chosen_by_arrows_or_a_page_of_our_own() {
    let stage = Stage::new(Scene::FirstRun);
    stage.key(Key::Return);
    stage.key(Key::DownArrow);
    assert_eq!(stage.beginning(":8080").accessible_item_selected(), Some(true));
    stage.press("A page of Adit's own");
    stage.key(Key::Return);
    let ask = Ask::TryOut { place: PlaceKey::here(), port: None };
    assert_eq!(asks(&stage), [ask]);
    stage.one("localhost:40123");
}

#[test]
fn where_nothing_listens_a_page_of_our_own_gets_the_url() {
    let stage = Stage::new(Scene::FirstRunQuiet);
    stage.key(Key::Return);
    stage.beginning("Nothing of yours listens");
    stage.press("Give it a URL");
    assert_eq!(asks(&stage), [Ask::TryOut { place: PlaceKey::here(), port: None }]);
    stage.one("Your port has a URL");
}

/// Somebody reads that nothing listens, and starts a server.
#[test]
fn a_server_that_is_started_just_now_is_offered() {
    let stage = Stage::new(Scene::FirstRunQuiet);
    stage.key(Key::Return);
    stage.beginning("Nothing of yours listens");
    let before = stage.demo.looks();
    (0..2).for_each(|_| stage.wait(Duration::from_secs(3)));
    assert_eq!(stage.demo.looks(), before + 2, "it is looked again every 3 s");
    let listening = |ports: &[u16]| {
        let port = |port: &u16| Listening { port: *port, program: None, since: None, risk: None };
        stage.demo.listen(Found::Ports(ports.iter().map(port).collect()));
        stage.settle();
    };
    let first = || stage.window.app().global::<FirstRun<'_>>().get_port();
    listening(&[3_000]);
    stage.beginning("These ports are listening");
    assert_eq!(first(), 0);
    // What is chosen stays chosen, wherever it is.
    listening(&[5_173, 3_000]);
    assert_eq!(first(), 1);
    // Its server is started anew: meanwhile no other port takes its place.
    listening(&[5_173]);
    assert_eq!(first(), 1, "the page of Adit's own");
    listening(&[5_173, 3_000]);
    assert_eq!(first(), 1);
    stage.press(":5173, ");
    listening(&[3_000, 5_173]);
    assert_eq!(first(), 1);
    stage.press("A page of Adit's own");
    listening(&[]);
    listening(&[5_173, 8_080]);
    stage.press("Give it a URL");
    assert_eq!(asks(&stage), [Ask::TryOut { place: PlaceKey::here(), port: None }]);
}

#[test]
fn a_url_that_cannot_be_made_says_why_and_stays_at_the_question() {
    let stage = Stage::new(Scene::FirstRunQuiet);
    stage.demo.change(|world| world.setup.sample = None);
    stage.key(Key::Return);
    stage.key(Key::Return);
    stage.one("The tunnel could not be made No port is free.");
    stage.demo.change(|world| world.setup.sample = Some(40_123));
    stage.key(Key::Return);
    stage.one("Your port has a URL");
}

#[test]
fn a_relay_is_checked_as_it_is_typed_and_then_by_the_relay() {
    let stage = Stage::new(Scene::FirstRun);
    stage.key('2');
    stage.key(Key::Return);
    // The address has the keyboard.
    stage.type_text("relay");
    stage.one("Type a relay's address, such as cp.relay.example.com.");
    stage.press("Check and keep");
    assert!(asks(&stage).is_empty());
    fill(&stage, ADDRESS, "cp.relay.example.com");
    fill(&stage, KEY, "short");
    stage.one("Type the whole key: 8 or more letters and digits, without spaces.");
    fill(&stage, KEY, "adit_0123456789");
    stage.press("Check and keep");
    let Some(Ask::UseRelay { relay, key }) = asks(&stage).pop() else { panic!("not asked") };
    assert_eq!(
        (relay.to_string().as_str(), key.expose()),
        ("https://cp.relay.example.com", "adit_0123456789")
    );
    stage.one("The relay is asked about the key");
    ends(&stage, Ok(Some("ana".to_owned())));
    stage.one("Which port gets the first URL?");
    stage.key(Key::Return);
    stage.one("On the internet");
    assert!(!has(&stage, "Reach it from the internet: add a relay or Microsoft"));
}

#[test]
fn a_relay_that_refuses_says_why_and_the_form_stays() {
    let stage = Stage::new(Scene::FirstRun);
    stage.key('2');
    stage.key(Key::Return);
    fill(&stage, ADDRESS, "cp.relay.example.com");
    fill(&stage, KEY, "adit_0123456789");
    for (code, said) in [
        (Code::SignIn, "relay.example.com refused the key."),
        (Code::Unreachable, "relay.example.com does not answer as a relay."),
        (Code::Storage, "The key is good, but it could not be kept."),
    ] {
        stage.press("Check and keep");
        ends(&stage, Err(Failure::new(code, "401 from cp.relay.example.com")));
        let trouble = stage.beginning(said);
        assert!(trouble.accessible_label().unwrap().ends_with("401 from cp.relay.example.com."));
    }
    fill(&stage, KEY, "adit_9876543210");
    assert!(!stage.labels().iter().any(|it| it.starts_with("The key is good")));
}

#[test]
fn a_relay_without_encryption_is_named_as_such() {
    let stage = Stage::new(Scene::FirstRun);
    stage.key('2');
    stage.key(Key::Return);
    fill(&stage, ADDRESS, "http://relay.example.com");
    stage.one("Not encrypted: everybody on the way can read your key and your traffic.");
}

#[test]
fn microsoft_is_a_step_at_a_time_from_the_install_line_to_the_url() {
    let stage = Stage::new(Scene::FirstRun);
    assert!(
        stage
            .beginning("Microsoft Dev Tunnels")
            .accessible_label()
            .unwrap()
            .contains("not installed yet")
    );
    stage.key('3');
    stage.key(Key::Return);
    // The line is shown, and nothing runs before it is clicked.
    assert!(
        stage
            .labels()
            .iter()
            .any(|it| it.contains("DevTunnelCliInstall") || it.contains("devtunnel"))
    );
    assert_eq!(asks(&stage), [Ask::UseMicrosoft]);
    stage.demo.change(|world| world.setup.says = vec!["Downloading".to_owned()]);
    stage.press("Run this line");
    assert_eq!(asks(&stage).last(), Some(&Ask::Install));
    stage.one("Downloading");
    stage.demo.change(|world| world.setup.says.clear());
    ends(&stage, Ok(None));
    stage.press("GitHub account");
    stage.press("Show a code to type elsewhere, and open no browser here");
    stage.demo.change(|world| {
        let line = "Browse to https://github.com/login/device and enter the code AB12-CD34";
        world.setup.says = vec![line.to_owned()];
    });
    stage.press("Sign in");
    let ask = Ask::SignIn { provider: Provider::GitHub, by_code: true };
    assert_eq!(asks(&stage).last(), Some(&ask));
    stage.one("The code is AB12-CD34");
    stage.press("Copy code");
    stage.press("Open page");
    assert_eq!(*stage.outside.copied.borrow(), ["AB12-CD34"]);
    assert_eq!(*stage.outside.opened.borrow(), ["https://github.com/login/device"]);
    ends(&stage, Ok(Some("ana@example.com".to_owned())));
    stage.one("Signed in as ana@example.com");
    stage.press("Continue");
    stage.press("Give it a URL");
    stage.one("On the internet");
}

#[test]
fn each_failed_step_with_microsoft_says_what_to_do_and_can_be_tried_again() {
    let stage = Stage::new(Scene::FirstRun);
    stage.key('3');
    stage.key(Key::Return);
    for (code, said) in [
        (Code::Devtunnel, "The install line ended, and the devtunnel command is still not found."),
        (Code::Interrupted, "The install line took longer"),
        (Code::Refused, "The install line failed."),
    ] {
        stage.press("Run this line");
        ends(&stage, Err(Failure::new(code, "exit code 6")));
        stage.beginning(said);
    }
    stage.press("Run this line");
    ends(&stage, Ok(None));
    for (code, said) in [
        (Code::SignIn, "The sign-in did not succeed."),
        (Code::Interrupted, "Nobody signed in within 10 minutes."),
        (Code::Conflict, "The sign-in was kept for another user"),
        (Code::Devtunnel, "The devtunnel command cannot be used."),
    ] {
        stage.press("Sign in");
        ends(&stage, Err(Failure::new(code, "it said so")));
        stage.beginning(said);
    }
}

#[test]
fn a_sign_in_is_broken_off_and_who_goes_back_has_no_place_that_asks_for_ever() {
    let stage = Stage::new(Scene::FirstRun);
    stage.key('3');
    stage.key(Key::Return);
    stage.press("Run this line");
    ends(&stage, Ok(None));
    stage.press("Sign in");
    stage.press("Stop");
    assert_eq!(asks(&stage).last(), Some(&Ask::Cancel));
    stage.one("Sign in");
    stage.demo.change(|world| world.setup.ends.push_back(Ok(None)));
    stage.press("Back");
    let view = stage.window.view();
    assert!(view.places.iter().all(|place| place.key == PlaceKey::here()));
    assert!(view.banner.is_none());
    stage.one("Where should your URLs live?");
}

#[test]
fn the_end_leads_back_to_the_places_that_reach_further() {
    let stage = Stage::new(Scene::FirstRun);
    stage.key(Key::Return);
    stage.key(Key::Return);
    stage.press("Reach it from the internet: add a relay or Microsoft");
    assert_eq!(stage.beginning("Use a relay").accessible_checked(), Some(true));
}

#[test]
fn what_another_app_kept_is_offered_and_taken_or_left() {
    for takes in [true, false] {
        let stage = Stage::new(Scene::FirstRunImport);
        stage.press("Look");
        stage.one("quiet-fox-4k9x2bd.euw");
        stage.press(if takes { "Take over" } else { "No, and do not ask again" });
        assert_eq!(asks(&stage), [Ask::Import(takes)]);
        assert!(!has(&stage, "Look"));
    }
}

#[test]
fn it_fits_the_smallest_window_and_speaks_portuguese() {
    let stage = Stage::new(Scene::FirstRun);
    stage.size(640, 440, 1.0);
    stage.window.speak(Language::Portuguese);
    stage.settle();
    stage.one("Onde suas URLs devem ficar?");
    let choice = stage.beginning("Só experimentar aqui");
    assert!(choice.absolute_position().x < 100.0, "there is no room for the panel");
    assert!(choice.absolute_position().x + choice.size().width <= 640.0);
}
