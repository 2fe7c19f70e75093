//! The page of places, signing in again, and the ways out.

use crate::common::Stage;
use adit_app::command::Command;
use adit_app::failure::{Code, Failure};
use adit_app::place_key::PlaceKey;
use adit_app::setup::Ask;
use adit_desktop::demo::Scene;
use adit_desktop::{Dialog, Dialogs, Nav, Screen, Settings, SettingsPage};
use slint::ComponentHandle;

const RELAY: &str = "https://cp.relay.example.com";

fn page() -> Stage {
    let stage = Stage::new(Scene::SignIn);
    stage.window.app().global::<Nav<'_>>().invoke_go(Screen::Settings);
    stage.window.app().global::<Settings<'_>>().invoke_go(SettingsPage::Places);
    stage.settle();
    stage
}

fn asks(stage: &Stage) -> Vec<Ask> {
    let asked = stage.demo.asked().into_iter().filter_map(|command| match command {
        Command::Setup(ask) => Some(ask),
        _ => None,
    });
    asked.collect()
}

fn ends(stage: &Stage, result: Result<Option<String>, Failure>) {
    stage.demo.change(|world| world.end_errand(result));
    stage.settle();
}

fn dialog(stage: &Stage) -> Dialog {
    stage.window.app().global::<Dialogs<'_>>().get_current()
}

fn choose(stage: &Stage, place: &str, entry: &str) {
    stage.press(&format!("More for {place}"));
    stage.press(entry);
}

#[test]
fn each_place_says_how_it_stands_as_whom_and_how_far_it_reaches() {
    let stage = page();
    stage.one("This computer, Ready, A trial relay inside Adit. No account.");
    stage.beginning("relay.example.com, Answers in ");
    assert!(stage.labels().iter().any(|it| it.contains("Key of ana@example.com, Default")));
    stage.beginning("Microsoft Dev Tunnels, Sign in again, ana@example.com, sign-in ended at ");
    stage.one("Reach: this computer only");
    assert_eq!(stage.all("Reach: the internet").len(), 2);
}

#[test]
fn the_banner_leads_to_the_sign_in() {
    let stage = Stage::new(Scene::SignIn);
    stage.beginning("Sign in to Microsoft again.");
    stage.window.app().global::<adit_desktop::Bars<'_>>().invoke_banner_acted();
    stage.settle();
    stage.one("Sign in to Microsoft Dev Tunnels");
    stage.press("Microsoft account");
    // The dialog's own button, not that of a card behind it.
    let buttons = stage.all("Sign in");
    buttons.last().unwrap().invoke_accessible_default_action();
    stage.settle();
    assert!(matches!(asks(&stage).last(), Some(Ask::SignIn { by_code: false, .. })));
    ends(&stage, Ok(Some("ana@example.com".to_owned())));
    stage.one("Signed in as ana@example.com");
    stage.press("Done");
    assert_eq!(dialog(&stage), Dialog::None);
    assert!(stage.window.view().banner.is_none());
}

#[test]
fn a_key_is_changed_after_the_relay_took_it() {
    let stage = page();
    stage.press("Change key");
    stage.one("Key for relay.example.com");
    stage.one("Key").set_accessible_value("adit_9876543210");
    stage.settle();
    stage.press("Check and keep");
    let Some(Ask::UseRelay { relay, .. }) = asks(&stage).pop() else { panic!("not asked") };
    assert_eq!(relay.to_string(), RELAY);
    ends(&stage, Err(Failure::new(Code::SignIn, "401: this key was revoked")));
    stage.beginning("relay.example.com refused the key.");
    stage.press("Check and keep");
    ends(&stage, Ok(Some("ana".to_owned())));
    assert_eq!(dialog(&stage), Dialog::None);
    stage.one("Signed in to relay.example.com");
}

#[test]
fn a_relay_is_added_beside_the_others() {
    let stage = page();
    stage.press("Add a relay");
    stage.type_text("cp.other.example");
    stage.one("Key").set_accessible_value("adit_9876543210");
    stage.settle();
    stage.press("Check and keep");
    ends(&stage, Ok(None));
    assert_eq!(dialog(&stage), Dialog::None);
    stage.beginning("other.example, ");
    assert_eq!(stage.window.view().places.len(), 4);
}

#[test]
fn another_place_is_made_the_default() {
    let stage = page();
    choose(&stage, "This computer", "Make it the default");
    assert_eq!(asks(&stage), [Ask::MakeDefault(PlaceKey::here())]);
    stage.one("This computer, Ready, A trial relay inside Adit. No account., Default");
}

#[test]
fn a_place_is_left_after_asking_and_its_tunnels_stay_there() {
    let stage = page();
    choose(&stage, "relay.example.com", "Leave this place...");
    stage.one("Leave relay.example.com?");
    assert!(stage.labels().iter().any(|it| it.ends_with("Nothing is deleted.")));
    stage.press("Cancel");
    assert!(asks(&stage).is_empty());
    choose(&stage, "relay.example.com", "Leave this place...");
    stage.press("Leave this place");
    assert_eq!(asks(&stage), [Ask::Forget(PlaceKey::from(RELAY))]);
    ends(&stage, Err(Failure::new(Code::Storage, "the disk is full")));
    stage.one("The key for relay.example.com could not be removed. The disk is full.");
    stage.press("Leave this place");
    ends(&stage, Ok(None));
    assert_eq!(dialog(&stage), Dialog::None);
    stage.one("relay.example.com is not used any more");
    assert_eq!(stage.window.view().places.len(), 2);
}

#[test]
fn this_network_is_let_in_after_asking() {
    let stage = page();
    stage.press("Allow this network...");
    stage.press("Allow this network");
    assert!(stage.window.view().preferences.local_network);
    stage.one("Reach: this network");
    stage.press("Keep to this computer");
    assert!(!stage.window.view().preferences.local_network);
}

#[test]
fn removing_adit_names_what_stays_and_asks_first() {
    let stage = page();
    stage.press("Remove Adit from this computer...");
    stage.one("These stay with their services until you delete them there:");
    stage.one("storefront, design-review, phone-demo");
    stage.press("Cancel");
    assert!(asks(&stage).is_empty());
    stage.window.open(Dialog::RemoveAdit, "", 0);
    stage.settle();
    stage.press("Stop and remove");
    assert_eq!(asks(&stage), [Ask::Remove]);
    ends(&stage, Err(Failure::new(Code::AlreadyRunning, "tunnels are still hosted by up")));
    stage.beginning("Other programs of Adit still host tunnels on this computer.");
    assert!(!stage.window.view().is_quitting);
}
