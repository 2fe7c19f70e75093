//! Making a tunnel.

use crate::common::Stage;
use adit_app::access::Access;
use adit_app::command::{Command, Draft, Wish};
use adit_app::failure::{Code, Failure};
use adit_app::place_key::PlaceKey;
use adit_app::preferences::Preferences;
use adit_desktop::demo::{Refuses, Scene};
use adit_tunnel::management::change::Header;
use slint::platform::Key;

/// The tunnels that were asked for.
fn drafts(stage: &Stage) -> Vec<Draft> {
    let asked = stage.demo.asked().into_iter();
    let drafts = asked.filter_map(|command| match command {
        Command::Begin(errand) => match errand.wish {
            Wish::Create { draft, port: None } => Some(draft),
            _ => None,
        },
        _ => None,
    });
    drafts.collect()
}

fn is_open(stage: &Stage) -> bool {
    !stage.all("Create tunnel").is_empty() || !stage.all("Creating").is_empty()
}

#[test]
fn a_tunnel_is_made_by_keys_alone_and_can_have_a_port_next() {
    let stage = Stage::new(Scene::Main);
    stage.key('n');
    assert!(stage.all("Free").is_empty() && !stage.is_enabled("Create tunnel"));
    stage.type_text("checkout-preview");
    stage.one("Free");
    stage.key(Key::Return);
    assert!(!is_open(&stage));
    let [draft] = &drafts(&stage)[..] else { panic!("one tunnel") };
    assert_eq!(draft.name.as_ref().unwrap().as_str(), "checkout-preview");
    assert_eq!(draft.place, PlaceKey::from("https://cp.relay.example.com"));
    assert_eq!((draft.access, draft.expiration), (Access::Private, "30d".parse().ok()));
    stage.one("checkout-preview created. Add a port to get its URL.");
    stage.beginning("checkout-preview,");
    stage.key('p');
    assert_eq!(stage.value("Tunnel"), "checkout-preview");
}

#[test]
fn a_name_is_checked_as_it_is_typed() {
    let stage = Stage::new(Scene::Main);
    stage.press("New tunnel");
    for (name, error) in [
        ("ab", "3 to 49 characters."),
        ("My", "3 to 49 characters."),
        ("My shop", "Lower-case letters, digits and hyphens, not “M”."),
        ("storefront", "relay.example.com has a tunnel of this name already."),
    ] {
        stage.write("Name", name);
        stage.one(error);
        stage.key(Key::Return);
        assert!(is_open(&stage) && drafts(&stage).is_empty(), "{name}");
    }
    // Another place has names of its own.
    stage.press("This computer, No account. Nobody else can open it., this computer only");
    stage.one("Free");
    stage.write("Name", "");
    assert!(stage.all("Free").is_empty() && !stage.is_enabled("Create tunnel"));
    stage.key(Key::Escape);
    assert!(!is_open(&stage) && drafts(&stage).is_empty());
}

#[test]
fn arrows_choose_the_place() {
    let stage = Stage::new(Scene::Main);
    stage.key('n');
    stage.type_text("demo");
    stage.key(Key::Tab);
    stage.key(Key::DownArrow);
    assert!(
        stage.beginning("Microsoft Dev Tunnels, ana@example.com").accessible_checked().unwrap()
    );
    // On what is chosen already, Enter is for the dialog.
    stage.key(Key::Return);
    assert_eq!(drafts(&stage)[0].place, PlaceKey::microsoft());
}

#[test]
fn a_refusal_is_said_and_what_was_typed_stays() {
    let stage = Stage::new(Scene::Main);
    let failure = Failure::new(Code::Conflict, "somebody else has this name");
    stage.demo.change(|world| world.refuse(Refuses::Create, failure));
    stage.key('n');
    stage.type_text("demo");
    stage.key(Key::Return);
    stage.one("The tunnel could not be made. Somebody else has this name.");
    assert_eq!(stage.value("Name"), "demo");
    stage.write("Name", "demo-two");
    stage.press("Create tunnel");
    assert!(!is_open(&stage));
    stage.beginning("demo-two,");
    assert!(!stage.labels().iter().any(|it| it.starts_with("demo,")), "the first left nothing");
}

#[test]
fn what_is_closed_while_it_waits_is_made_all_the_same() {
    let stage = Stage::new(Scene::Main);
    stage.demo.change(|world| world.keep_waiting());
    stage.key('n');
    stage.type_text("demo");
    stage.key(Key::Return);
    assert!(!stage.is_enabled("Creating"));
    stage.key(Key::Return);
    assert_eq!(drafts(&stage).len(), 1, "it is asked for once");
    stage.key(Key::Escape);
    assert!(!is_open(&stage));
    stage.demo.change(|world| world.answer_now());
    stage.settle();
    stage.beginning("demo,");
    assert!(stage.all("demo created. Add a port to get its URL.").is_empty());
}

#[test]
fn it_begins_as_the_settings_have_it() {
    let stage = Stage::new(Scene::Main);
    let mut preferences = Preferences::default();
    preferences.new_tunnels.expiration = "36h".parse().ok();
    preferences.new_tunnels.anonymous = "90m".parse().ok();
    preferences.new_tunnels.description = Some("for the demo".to_owned());
    stage.window.send(Command::Prefer(Box::new(preferences)));
    stage.settle();
    stage.key('n');
    assert_eq!(stage.value("Expires after"), "36h");
    assert_eq!(stage.value("Description"), "for the demo");
    assert_eq!(stage.value("Access"), "Anyone with the link, 90 minutes");
    stage.beginning("No sign-in until ");
    stage.write("Name", "demo");
    stage.press("Create tunnel");
    let draft = &drafts(&stage)[0];
    assert_eq!(draft.access, "anonymous=90m".parse().unwrap());
    assert_eq!(draft.expiration, "36h".parse().ok());
}

#[test]
fn a_wrong_time_says_the_rule() {
    let stage = Stage::new(Scene::Main);
    stage.key('n');
    stage.type_text("demo");
    stage.write("Expires after", "31");
    stage.one("From 1 hour to 30 days, such as 8h or 7d.");
    assert!(!stage.is_enabled("Create tunnel"));
    stage.write("Expires after", "7");
    stage.press("Create tunnel");
    assert_eq!(drafts(&stage)[0].expiration, "7d".parse().ok());
}

#[test]
fn what_is_advanced_is_folded_away() {
    let stage = Stage::new(Scene::Main);
    stage.size(960, 960, 1.0);
    stage.key('n');
    stage.type_text("demo");
    assert!(stage.all("Labels").is_empty());
    stage.press("Advanced");
    stage.write("Labels", "web, a/b");
    stage.beginning("“a/b” is no label");
    stage.write("Labels", "web demo");
    stage.write("Host header", "app.test");
    stage.write("Timeout", "0");
    stage.press("Pass on the visitor's own Origin header");
    stage.press("Create tunnel");
    let draft = &drafts(&stage)[0];
    assert_eq!(draft.labels.as_slice(), ["web", "demo"]);
    assert_eq!(draft.options.host_header, Some(Header::Is("app.test".to_owned())));
    assert_eq!(draft.options.origin_header, Some(Header::Unchanged));
    assert_eq!(draft.options.request_timeout, Some(0));
}

#[test]
fn a_place_that_cannot_be_used_says_why() {
    let stage = Stage::new(Scene::SignIn);
    stage.key('n');
    let place = stage.beginning("Microsoft Dev Tunnels, Sign in to Microsoft again");
    assert_eq!(place.accessible_enabled(), Some(false));
}

#[test]
fn tab_stays_within_a_dialog() {
    let stage = Stage::new(Scene::Main);
    stage.key('n');
    // From the name over the cross to the last that can be pressed.
    stage.back_tab();
    stage.back_tab();
    stage.key(Key::Return);
    assert!(!is_open(&stage), "it was Cancel");
    stage.key('n');
    stage.type_text("demo");
    // Over everything and round again: the keyboard is back in the name.
    for _ in 0..9 {
        stage.key(Key::Tab);
    }
    // What Tab comes to is selected, so that it is written anew.
    stage.type_text("demo-two");
    assert_eq!(stage.value("Name"), "demo-two");
}
