//! Giving a port a URL.

use crate::common::Stage;
use adit_app::command::{Command, Wish};
use adit_app::failure::{Code, Failure};
use adit_app::port::Protocol;
use adit_app::preferences::Preferences;
use adit_desktop::demo::{Refuses, Scene};
use slint::platform::Key;

/// What was asked for.
fn wishes(stage: &Stage) -> Vec<Wish> {
    let asked = stage.demo.asked().into_iter();
    let wishes = asked.filter_map(|command| match command {
        Command::Begin(errand) => Some(errand.wish),
        _ => None,
    });
    wishes.collect()
}

fn is_open(stage: &Stage) -> bool {
    !stage.all("Protocol").is_empty()
}

/// On the dialog for storefront, which has 5173 and 8080.
fn at_storefront() -> Stage {
    let stage = Stage::new(Scene::Main);
    // Billing's header and row, and storefront's header.
    (0..3).for_each(|_| stage.key(Key::DownArrow));
    stage.key('p');
    stage
}

fn refuses(stage: &Stage) {
    let failure = Failure::new(Code::Refused, "the relay allows 10 ports");
    stage.demo.change(|world| world.refuse(Refuses::AddPort, failure));
}

#[test]
fn a_port_is_typed_added_and_its_url_copied() {
    let stage = at_storefront();
    assert_eq!(stage.value("Tunnel"), "storefront");
    stage.one("Access stays as the tunnel has it: shared with 3 people.");
    stage.type_text("3001");
    stage.key(Key::Return);
    assert!(!is_open(&stage));
    let [Wish::AddPort { port, .. }] = &wishes(&stage)[..] else { panic!("one port") };
    assert_eq!(port.number, 3001);
    assert_eq!(*stage.outside.copied.borrow(), ["https://k3x9q2mw-3001.relay.example.com/"]);
    stage.one("URL copied");
    stage.beginning("port 3001");
}

#[test]
fn arrows_choose_what_listens() {
    let stage = at_storefront();
    // What the tunnel has already is not offered.
    stage.one(":8000, python3 -m http.server, 7 min");
    assert!(stage.all(":5173, vite, 42 min").is_empty());
    stage.key(Key::DownArrow);
    assert_eq!(stage.value("Port"), "8000");
    assert_eq!(
        stage.one(":8000, python3 -m http.server, 7 min").accessible_item_selected(),
        Some(true)
    );
    stage.key(Key::Return);
    assert_eq!(wishes(&stage).len(), 1);
}

#[test]
fn what_is_no_port_is_not_added() {
    let stage = at_storefront();
    assert!(!stage.is_enabled("Add port"));
    for (number, error) in [
        ("0", "A port is a number from 1 to 65,535."),
        ("70000", "A port is a number from 1 to 65,535."),
        ("vite", "A port is a number from 1 to 65,535."),
        ("5173", "storefront has port 5173 already."),
    ] {
        stage.write("Port", number);
        stage.one(error);
        stage.key(Key::Return);
        assert!(is_open(&stage) && wishes(&stage).is_empty(), "{number}");
    }
}

#[test]
fn a_database_is_marked_and_can_be_added_all_the_same() {
    let stage = at_storefront();
    // One that listens is marked in the list.
    stage.one("Database");
    stage.type_text("5432");
    assert_eq!(stage.all("Database").len(), 2);
    stage.press("https");
    stage.press_button("Add port");
    let [Wish::AddPort { port, .. }] = &wishes(&stage)[..] else { panic!("one port") };
    assert_eq!((port.number, port.protocol), (5432, Protocol::Https));
}

#[test]
fn a_refusal_is_said_and_the_dialog_stays() {
    let stage = at_storefront();
    refuses(&stage);
    stage.type_text("3001");
    stage.key(Key::Return);
    stage.one("Port 3001 could not be added. The relay allows 10 ports.");
    assert!(stage.outside.copied.borrow().is_empty());
    stage.key(Key::Return);
    assert!(!is_open(&stage));
    assert_eq!(stage.outside.copied.borrow().len(), 1);
}

#[test]
fn a_refusal_that_was_seen_leaves_nothing_behind() {
    let stage = at_storefront();
    refuses(&stage);
    stage.type_text("3001");
    stage.key(Key::Return);
    stage.key(Key::Escape);
    assert!(!is_open(&stage));
    assert!(!stage.labels().iter().any(|it| it.contains("3001")));
}

#[test]
fn what_listens_is_one_click_from_a_url() {
    let stage = Stage::new(Scene::Empty);
    stage.all("Give it a URL")[1].invoke_accessible_default_action();
    stage.settle();
    assert_eq!(stage.value("Port"), "8080");
    assert_eq!(stage.value("Tunnel"), "New tunnel");
    assert_eq!(stage.value("Name"), "api-server-8080");
    stage.one("As the settings have it: only you can open it, and it goes away 30 days after its last use.");
    stage.key(Key::Return);
    assert!(!is_open(&stage));
    stage.one("URL copied");
    stage.beginning("api-server-8080, Live");
    assert!(stage.outside.copied.borrow()[0].contains("-8080.relay.example.com"));
}

#[test]
fn a_tunnel_whose_port_failed_is_tried_again() {
    let stage = Stage::new(Scene::Empty);
    refuses(&stage);
    stage.key('p');
    stage.type_text("3000");
    stage.key(Key::Return);
    stage.one("Port 3000 could not be added. The relay allows 10 ports.");
    assert_eq!(stage.value("Tunnel"), "port-3000");
    assert!(stage.one("Tunnel").accessible_enabled() == Some(false), "it is that tunnel now");
    stage.press("Retry");
    assert!(!is_open(&stage));
    stage.beginning("port-3000, Live");
    let [Wish::Create { .. }, Wish::AddPort { .. }] = &wishes(&stage)[..] else {
        panic!("the second time only the port")
    };
}

#[test]
fn a_tunnel_whose_port_failed_is_removed() {
    let stage = Stage::new(Scene::Empty);
    refuses(&stage);
    stage.key('p');
    stage.type_text("3000");
    stage.key(Key::Return);
    stage.press("Remove empty tunnel");
    assert!(!is_open(&stage));
    stage.one("port-3000 will be deleted");
    stage.pass(7);
    assert!(!stage.labels().iter().any(|it| it.contains("port-3000")), "{:?}", stage.labels());
}

#[test]
fn a_new_tunnel_honours_the_settings() {
    let stage = Stage::new(Scene::Empty);
    let mut preferences = Preferences::default();
    preferences.new_tunnels.expiration = "2h".parse().ok();
    preferences.new_tunnels.anonymous = "8h".parse().ok();
    stage.window.send(Command::Prefer(Box::new(preferences)));
    stage.settle();
    stage.key('p');
    stage.type_text("3000");
    stage.one("As the settings have it: anyone with the link can open it for 8 hours, and it goes away 2 hours after its last use.");
    stage.write("Name", "storefront");
    stage.press_button("Add port");
    let [Wish::Create { draft, port: Some(_) }] = &wishes(&stage)[..] else { panic!("a tunnel") };
    assert_eq!(draft.expiration, "2h".parse().ok());
    assert_eq!(draft.access, "anonymous=8h".parse().unwrap());
    assert_eq!(draft.name.as_ref().unwrap().as_str(), "storefront");
}

#[test]
fn the_menu_of_a_tunnel_and_its_port_lead_there_too() {
    let stage = Stage::new(Scene::Main);
    stage.press("More for webhooks");
    stage.press("Add port...");
    assert_eq!(stage.value("Tunnel"), "webhooks");
    stage.key(Key::Escape);
    stage.beginning("port 5173").invoke_accessible_default_action();
    stage.settle();
    stage.key('p');
    assert_eq!(stage.value("Tunnel"), "storefront");
}

#[test]
fn what_is_folded_away_goes_along() {
    let stage = at_storefront();
    // What is out of sight is not there.
    stage.size(960, 900, 1.0);
    stage.type_text("3001");
    assert!(stage.all("Description").is_empty());
    stage.press("Advanced");
    stage.write("Description", "the back");
    stage.write("Labels", "web demo");
    stage.write("Timeout", "x");
    stage.one("Seconds from 0 to 86,400; 0 is no limit.");
    assert!(!stage.is_enabled("Add port"));
    stage.write("Timeout", "30");
    stage.write("Host header", "app.test");
    stage.press_button("Add port");
    let [Wish::AddPort { port, .. }] = &wishes(&stage)[..] else { panic!("one port") };
    let sent = port.to_contract();
    assert_eq!(sent.description.as_deref(), Some("the back"));
    assert_eq!(sent.labels, Some(vec!["web".to_owned(), "demo".to_owned()]));
    let options = sent.options.unwrap();
    assert_eq!(options.host_header.as_deref(), Some("app.test"));
    assert_eq!((options.request_timeout_seconds, options.origin_header), (Some(30), None));
    // The next begins with nothing of it.
    stage.key('p');
    assert!(stage.all("Description").is_empty());
    stage.press("Advanced");
    assert_eq!((stage.value("Labels"), stage.value("Host header")), Default::default());
}
