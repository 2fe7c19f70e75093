//! The screen of the log, by its elements.

use crate::common::Stage;
use adit_app::preferences::LogLevel;
use adit_app::words::Language;
use adit_desktop::demo::Scene;
use adit_desktop::{Log, Nav, Screen, Settings, SettingsPage};
use slint::platform::Key;
use slint::{ComponentHandle, Model};

fn open(scene: Scene) -> Stage {
    let stage = Stage::new(scene);
    go(&stage);
    stage
}

fn go(stage: &Stage) {
    stage.window.app().global::<Nav<'_>>().invoke_go(Screen::Log);
    stage.settle();
}

/// The lines there are, as texts.
fn texts(stage: &Stage) -> Vec<String> {
    let lines = stage.window.app().global::<Log<'_>>().get_lines();
    lines.iter().map(|line| line.text.to_string()).collect()
}

/// Whether a line of that text is in sight.
fn is_seen(stage: &Stage, text: &str) -> bool {
    stage.labels().iter().any(|label| label.ends_with(text))
}

#[test]
fn a_line_says_when_how_bad_about_which_tunnel_and_what() {
    let stage = open(Scene::Main);
    assert_eq!(texts(&stage).len(), 26, "debug lines are not asked for");
    let label = stage.beginning("18:02:38.683, Info, storefront, the URL answers");
    assert!(label.accessible_label().unwrap().ends_with("port=5173 status=200 took=9ms"));
    stage.window.speak(Language::Portuguese);
    stage.settle();
    stage.one("Buscar no registro");
    stage.beginning("18:02:38.683, Info, storefront");
}

#[test]
fn the_newest_is_in_sight_until_somebody_scrolls_up() {
    let stage = open(Scene::Main);
    stage.demo.log(LogLevel::Info, None, "a first one");
    stage.settle();
    assert!(is_seen(&stage, "a first one"));
    // Up to the beginning: what comes then is counted, and nothing moves.
    stage.beginning("18:02:38.683, Info").invoke_accessible_default_action();
    stage.settle();
    stage.key(Key::Home);
    let before = texts(&stage);
    for n in 0..12 {
        stage.demo.log(LogLevel::Info, None, &format!("later {n}"));
    }
    stage.settle();
    assert_eq!(texts(&stage), before);
    stage.press("12 new lines");
    assert!(is_seen(&stage, "later 11"));
    assert!(stage.all("12 new lines").is_empty());
}

#[test]
fn words_and_level_leave_what_they_say() {
    let stage = open(Scene::Main);
    stage.press("Error");
    assert_eq!(texts(&stage).len(), 2);
    stage.press("Debug");
    assert_eq!(texts(&stage).len(), 32);
    stage.press("Change that");
    let app = stage.window.app();
    assert_eq!(app.global::<Nav<'_>>().get_screen(), Screen::Settings);
    assert_eq!(app.global::<Settings<'_>>().get_page(), SettingsPage::Network);
    go(&stage);
    stage.key('/');
    stage.type_text("token MINTED");
    assert_eq!(texts(&stage), ["token minted scope=host lasts=24h"; 2]);
    stage.type_text("x");
    stage.one("No line matches.");
    stage.press("Show all");
    assert_eq!(texts(&stage).len(), 32);
}

#[test]
fn what_is_shown_is_copied_and_a_line_alone_too() {
    let stage = open(Scene::Main);
    stage.press("Error");
    stage.press("Copy");
    let copied = stage.outside.copied.borrow()[0].clone();
    assert_eq!(copied.lines().count(), 2);
    assert!(copied.contains("ERROR   adit_tunnel::host: [m8vd41tz.loc1] the relay cannot"));
    stage.beginning("18:02:").invoke_accessible_default_action();
    stage.settle();
    stage.window.app().global::<Log<'_>>().invoke_copy_line(1);
    assert_eq!(stage.outside.copied.borrow()[1].lines().count(), 1);
}

#[test]
fn thousands_of_lines_are_made_only_where_they_are_in_sight() {
    let stage = open(Scene::Many);
    assert_eq!(texts(&stage).len(), 250 * 13);
    assert!(stage.labels().len() < 200, "{} elements", stage.labels().len());
    stage.press("Debug");
    assert_eq!(texts(&stage).len(), 250 * 16);
}

#[test]
fn the_log_is_left_by_escape_and_reached_by_key() {
    let stage = Stage::new(Scene::Main);
    let nav = stage.window.app().global::<Nav<'_>>();
    nav.invoke_go(Screen::Log);
    stage.settle();
    stage.key(Key::Escape);
    assert_eq!(nav.get_screen(), Screen::Tunnels);
}
