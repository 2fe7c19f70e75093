//! The pages of the settings, by their elements.

use std::time::Duration;

use crate::common::Stage;
use adit_app::command::Command;
use adit_app::preferences::{Edit, LogLevel, Page, Preferences};
use adit_app::words::Language;
use adit_desktop::demo::Scene;
use adit_desktop::window::Window;
use adit_desktop::{
    Appearance, Bars, Dialog, Nav, NewTunnel, PlaceList, Screen, Settings, SettingsPage, Theme,
    Tunnels,
};
use i_slint_backend_testing::{AccessibleRole, ElementHandle};
use slint::platform::Key;
use slint::{ComponentHandle, Model as _};

fn open(page: &str) -> Stage {
    let stage = Stage::new(Scene::Main);
    stage.press("Settings");
    stage.tab(page);
    stage
}

impl Stage {
    /// Goes to a page.
    fn tab(&self, page: &str) {
        let tabs = self.all(page);
        let tab = tabs.iter().find(|it| it.accessible_role() == Some(AccessibleRole::Tab));
        tab.unwrap().invoke_accessible_default_action();
        self.settle();
    }

    fn preferences(&self) -> Preferences {
        self.window.view().preferences.clone()
    }

    fn switch(&self, label: &str) -> ElementHandle {
        let found = self.all(label);
        let switch =
            found.into_iter().find(|it| it.accessible_role() == Some(AccessibleRole::Switch));
        switch.unwrap_or_else(|| panic!("no switch `{label}` among {:?}", self.labels()))
    }

    /// Types into a field, and leaves it with Enter.
    fn fill(&self, label: &str, text: &str) {
        let found = self.all(label);
        let field = found
            .iter()
            .find(|it| it.accessible_role() == Some(AccessibleRole::TextInput))
            .unwrap();
        field.invoke_accessible_default_action();
        field.set_accessible_value(text);
        self.key(Key::Return);
    }

    fn value_of(&self, label: &str) -> String {
        let found = self.all(label);
        let field = found
            .iter()
            .find(|it| it.accessible_role() == Some(AccessibleRole::TextInput))
            .unwrap();
        field.accessible_value().unwrap().to_string()
    }
}

#[test]
fn what_is_switched_is_in_force_and_goes_back_by_page() {
    let stage = open("General");
    assert_eq!(stage.switch("Resume tunnels").accessible_checked(), Some(true));
    stage.switch("Resume tunnels").invoke_accessible_default_action();
    stage.switch("Start when you log in").invoke_accessible_default_action();
    stage.settle();
    assert_eq!(stage.switch("Resume tunnels").accessible_checked(), Some(false));
    assert!(stage.preferences().general.start_at_login);
    assert_eq!(stage.demo.asked().last(), Some(&Command::Set(Edit::StartAtLogin(true))));
    stage.press("Reset to default");
    assert_eq!(stage.demo.asked().last(), Some(&Command::Reset(Page::General)));
    assert_eq!(stage.switch("Resume tunnels").accessible_checked(), Some(true));
    assert_eq!(stage.preferences(), Preferences::default());
}

#[test]
fn theme_contrast_motion_and_language_change_at_once() {
    let stage = open("General");
    let theme = || stage.window.app().global::<Theme<'_>>();
    stage.press("Dark");
    assert!(theme().get_appearance() == Appearance::Dark && theme().get_dark());
    stage.switch("High contrast").invoke_accessible_default_action();
    stage.switch("Reduced motion").invoke_accessible_default_action();
    stage.settle();
    assert!(theme().get_high_contrast() && theme().get_reduced_motion());
    assert_eq!(theme().get_line(), theme().get_t2());
    assert_eq!(theme().get_warn_t(), theme().get_card());
    assert_eq!((theme().get_ring(), theme().get_tint_line()), (3.0, 1.0));
    assert_eq!((theme().get_knob_time(), theme().get_rise()), (0, 0));
    stage.window.app().global::<Settings<'_>>().invoke_choose(adit_desktop::Choice::Language, 2);
    stage.settle();
    assert_eq!(stage.preferences().general.language, Some(Language::Portuguese));
    stage.switch("Alto contraste");
    assert_eq!(stage.switch("Retomar túneis").accessible_checked(), Some(true));
}

#[test]
fn a_refused_number_says_the_rule_and_what_stays_in_force() {
    let stage = open("Network and log");
    let label = "Check each URL every, in seconds";
    stage.fill(label, "2");
    stage.one("Between 10 and 3,600. Still 60.");
    assert_eq!(stage.value_of(label), "2");
    assert_eq!(stage.preferences().health_every.seconds(), 60);
    stage.fill(label, " 15 ");
    assert!(stage.all("Between 10 and 3,600. Still 60.").is_empty());
    assert_eq!(
        (stage.value_of(label).as_str(), stage.preferences().health_every.seconds()),
        ("15", 15)
    );
    // What was refused is not there any more when somebody comes back.
    stage.fill(label, "often");
    stage.one("Between 10 and 3,600. Still 15.");
    stage.tab("General");
    let toast = stage.window.app().global::<Bars<'_>>().get_toast();
    assert_eq!(toast, "Between 10 and 3,600. Still 15.", "its field is out of sight");
    stage.tab("Network and log");
    assert_eq!(stage.value_of(label), "15");
    stage.wait(Duration::from_secs(10));
    assert!(stage.all("Between 10 and 3,600. Still 15.").is_empty());
}

#[test]
fn a_field_that_is_left_is_committed() {
    let stage = open("Network and log");
    let label = "Check each URL every, in seconds";
    let field = &stage.all(label)[0];
    field.invoke_accessible_default_action();
    field.set_accessible_value("30");
    stage.key(Key::Tab);
    assert_eq!(stage.preferences().health_every.seconds(), 30);
}

#[test]
fn a_window_that_begins_speaks_the_language_of_the_settings() {
    let stage = Stage::new(Scene::Main);
    stage.window.send(Command::Set(Edit::Language(Some(Language::Portuguese))));
    stage.settle();
    let outside = std::rc::Rc::new(crate::common::Recorded::default());
    let zone = jiff::tz::TimeZone::UTC;
    // The system's language is another one.
    let next = Window::new(stage.demo.desk(), outside, zone, Language::English).unwrap();
    let said = next.app().global::<Tunnels<'_>>().get_headline();
    assert_eq!(said, "2 de 5 túneis estão no ar");
}

#[test]
fn what_was_typed_is_taken_by_who_goes_elsewhere_with_the_pointer() {
    let stage = open("Network and log");
    let every = |stage: &Stage| stage.preferences().health_every.seconds();
    let write = |value: &str| {
        let field = &stage.all("Check each URL every, in seconds")[0];
        field.invoke_accessible_default_action();
        field.set_accessible_value(value);
    };
    write("30");
    stage.press("Places");
    assert_eq!(every(&stage), 30);
    stage.press("Network and log");
    assert_eq!(stage.value("Check each URL every, in seconds"), "30");
    write("45");
    stage.press("Tunnels");
    assert_eq!(every(&stage), 45);
    stage.control(',');
    write("50");
    stage.press("None");
    assert_eq!(every(&stage), 50);
    // What is refused stays as it was.
    write("half a minute");
    stage.press("Places");
    assert_eq!(every(&stage), 50);
    let toast = stage.window.app().global::<Bars<'_>>().get_toast();
    assert!(toast.ends_with("Still 50."), "{toast}");
}

#[test]
fn a_proxy_is_chosen_and_then_typed() {
    let stage = open("Network and log");
    stage.press("This one");
    assert_eq!(String::from(stage.preferences().proxy), "system", "nothing is typed yet");
    stage.fill("Address of the proxy", "http://ann:secret@proxy.example:3128");
    assert!(stage.labels().iter().any(|it| it.ends_with("Still as the system says.")));
    // What is in force is chosen again, though nothing changes with that.
    stage.press("As the system");
    assert!(stage.all("Address of the proxy").is_empty());
    stage.press("This one");
    assert!(!stage.labels().iter().any(|it| it.ends_with("Still as the system says.")));
    stage.fill("Address of the proxy", "proxy.example:3128");
    assert_eq!(String::from(stage.preferences().proxy), "proxy.example:3128");
    stage.press("None");
    assert_eq!(String::from(stage.preferences().proxy), "none");
    assert!(stage.all("Address of the proxy").is_empty());
}

#[test]
fn the_log_keeps_what_is_chosen_and_its_folder_is_opened() {
    let stage = open("Network and log");
    stage.window.app().global::<Settings<'_>>().invoke_choose(adit_desktop::Choice::LogLevel, 3);
    stage.settle();
    assert_eq!(stage.preferences().general.log_level, LogLevel::Debug);
    stage.press("Open folder");
    assert!(stage.outside.folders.borrow()[0].ends_with("adit/logs"));
}

#[test]
fn new_tunnels_begin_as_these_say() {
    let stage = open("Defaults");
    stage.fill("Goes away after", "7d");
    stage.fill("Description", "for the demo");
    assert!(stage.all("Open for").is_empty());
    stage.press("Anyone with the link");
    assert_eq!(stage.value_of("Open for"), "8h");
    stage.fill("Open for", "forever");
    stage.one("A time from 1m to 30d, such as 8h or 7d. Still 8h.");
    stage.fill("Open for", "2h");
    let new = stage.preferences().new_tunnels;
    assert_eq!(new.expiration.unwrap().to_string(), "7d");
    assert_eq!(new.anonymous.unwrap().to_string(), "2h");
    assert_eq!(new.description.as_deref(), Some("for the demo"));
    stage.press("Only me");
    assert_eq!(stage.preferences().new_tunnels.anonymous, None);
}

#[test]
fn new_tunnels_live_where_these_say() {
    let stage = open("Defaults");
    let list = stage.window.app().global::<PlaceList<'_>>();
    for name in ["Microsoft Dev Tunnels", "This computer"] {
        let at = list.get_names().iter().position(|it| it == name).unwrap();
        list.invoke_make_default_at(at as i32);
        stage.settle();
        assert_eq!(list.get_default(), at as i32);
        stage.window.open(Dialog::NewTunnel, "", 0);
        assert_eq!(stage.window.app().global::<NewTunnel<'_>>().get_place(), at as i32, "{name}");
    }
}

#[test]
fn each_kind_of_notification_has_its_switch() {
    let stage = open("Notifications");
    for label in [
        "Sign in again",
        "Another computer took over",
        "A tunnel is about to expire",
        "A URL changed",
        "A tunnel does not work",
        "A tunnel is gone",
        "A local server is away",
    ] {
        let before = stage.preferences();
        let was = stage.switch(label).accessible_checked().unwrap();
        stage.switch(label).invoke_accessible_default_action();
        stage.settle();
        assert_eq!(stage.switch(label).accessible_checked(), Some(!was), "{label}");
        assert_ne!(stage.preferences().notify, before.notify, "{label}");
    }
}

#[test]
fn the_status_is_looked_at_and_copied() {
    let stage = open("Status");
    stage.one("Looked at 18:02. 1 thing does not work.");
    stage.beginning("Microsoft Dev Tunnels: Cannot use Microsoft Dev Tunnels: nobody is signed in");
    stage.press("Copy as text");
    let copied = stage.outside.copied.borrow()[0].clone();
    assert!(copied.contains("FAIL  Microsoft Dev Tunnels: cannot use"), "{copied}");
    assert!(copied.contains("\n      sign in with: adit login microsoft\n"), "{copied}");
    stage.press("Look again");
}

#[test]
fn the_status_follows_the_language_of_the_window() {
    let stage = open("Status");
    stage.beginning("Keys: 1 kept in /home/ana/.config/adit/credentials.toml");
    stage.window.speak(Language::Portuguese);
    stage.settle();
    stage.beginning("Chaves: 1 em /home/ana/.config/adit/credentials.toml");
    stage.window.speak(Language::English);
    stage.settle();
    stage.beginning("Keys: 1 kept in /home/ana/.config/adit/credentials.toml");
}

#[test]
fn about_says_what_this_is_and_shows_its_licences() {
    let stage = open("About");
    stage.one("Unofficial client, not affiliated with Microsoft. Dev Tunnels is theirs.");
    stage.one("#MadeWithSlint");
    stage.all("Read the licence")[1].invoke_accessible_default_action();
    stage.settle();
    let text = stage.window.app().global::<Settings<'_>>().get_licence();
    assert!(text.contains("SIL OPEN FONT LICENSE"));
    stage.press("Back");
    assert_eq!(stage.all("Read the licence").len(), 3);
}

#[test]
fn pages_are_walked_by_keyboard() {
    let stage = open("General");
    let settings = || stage.window.app().global::<Settings<'_>>();
    stage.all("General")[0].invoke_accessible_default_action();
    stage.settle();
    // Tab from the bar's end comes to the pages.
    for _ in 0..12 {
        stage.key(Key::Tab);
        stage.key(Key::DownArrow);
        if settings().get_page() != SettingsPage::General {
            break;
        }
    }
    assert_eq!(settings().get_page(), SettingsPage::Places);
    stage.key(Key::Escape);
    assert_eq!(stage.window.app().global::<Nav<'_>>().get_screen(), Screen::Tunnels);
}
