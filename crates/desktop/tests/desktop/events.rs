//! What happened to a tunnel, in the dialog that its menu opens.

use crate::common::Stage;
use adit_app::command::Command;
use adit_desktop::demo::Scene;
use adit_desktop::{Dialog, Dialogs};
use adit_tunnel::host::Event;
use slint::ComponentHandle;
use slint::platform::Key;

/// The dialog with the events of storefront.
fn at_events() -> Stage {
    let stage = Stage::new(Scene::Main);
    stage.press("More for storefront");
    stage.press("Event log");
    stage
}

#[test]
fn the_screen_of_a_port_says_on_which_day_it_happened() {
    let stage = Stage::new(Scene::Main);
    stage.beginning("port 5173").invoke_accessible_default_action();
    stage.settle();
    let dated = || stage.labels().iter().any(|it| it.starts_with("2026-11-"));
    assert!(!dated(), "{:?}", stage.labels());
    stage.pass(86_400);
    assert!(dated(), "{:?}", stage.labels());
}

#[test]
fn the_menu_of_a_tunnel_leads_to_all_that_happened_to_it() {
    let stage = at_events();
    stage.one("Events of storefront");
    let lines: Vec<_> = stage.labels().into_iter().filter(|it| it.starts_with("1")).collect();
    assert!(lines.iter().any(|it| it.ends_with("Hosting, checking the URL")), "{lines:?}");
    // The date stands where it is another day's.
    stage.pass(86_400);
    assert!(stage.labels().iter().any(|it| it.starts_with("2026-11-")), "{:?}", stage.labels());
    stage.press("Copy as text");
    assert!(stage.outside.copied.borrow()[0].contains("Hosting, checking the URL"));
    stage.key(Key::Escape);
    let dialogs = stage.window.app().global::<Dialogs<'_>>();
    assert_eq!(dialogs.get_current(), Dialog::None);
    assert_eq!(stage.demo.asked().last(), Some(&Command::Select(None)));
}

#[test]
fn what_happened_is_told_with_its_cause_in_both_lists() {
    let stage = at_events();
    let view = stage.window.view();
    let card = view.cards.iter().find(|it| it.name == "storefront").unwrap();
    let tunnel = card.tunnel().unwrap();
    let wait = std::time::Duration::from_secs(9);
    let failed = Event::SwapFailed { wait, cause: "the relay is full".into() };
    stage.demo.change(|world| world.engine(tunnel, failed));
    stage.settle();
    let has = || stage.labels().iter().any(|it| it.ends_with(" – the relay is full"));
    assert!(has(), "{:?}", stage.labels());
    stage.key(Key::Escape);
    assert!(!has());
    stage.beginning("port 5173").invoke_accessible_default_action();
    stage.settle();
    assert!(has(), "{:?}", stage.labels());
}
