//! What the keyboard reaches besides rows: what shows more of them, links, and what scrolls.

use std::collections::BTreeSet;

use crate::common::Stage;
use adit_app::command::Command;
use adit_app::port::Port as NewPort;
use adit_desktop::demo::{Scene, World};
use adit_desktop::{Dialog, Dialogs, Nav, Port, Screen, Settings, SettingsPage, Tunnels};
use i_slint_backend_testing::{AccessibleRole, ElementHandle};
use slint::platform::Key;
use slint::{ComponentHandle, Model as _, SharedString};

/// The first tunnel has twelve ports.
fn with_ports() -> Stage {
    let stage = Stage::new(Scene::Main);
    let tunnel = stage.window.view().cards[0].tunnel().unwrap().clone();
    for number in 4_001..=4_011 {
        let port = number.to_string().parse::<NewPort>().unwrap();
        stage.window.send(Command::AddPort { tunnel: tunnel.clone(), port });
    }
    stage.settle();
    stage
}

fn down(stage: &Stage, times: usize) {
    (0..times).for_each(|_| stage.key(Key::DownArrow));
}

fn row(stage: &Stage) -> (i32, i32) {
    let tunnels = stage.window.app().global::<Tunnels<'_>>();
    (tunnels.get_card(), tunnels.get_row())
}

/// The name of the tunnel that has the keyboard.
fn current(stage: &Stage) -> String {
    let tunnels = stage.window.app().global::<Tunnels<'_>>();
    let card = usize::try_from(tunnels.get_card()).unwrap();
    tunnels.get_cards().row_data(card).unwrap().name.into()
}

/// Where the upper edge of the first element is whose name begins so, while there is one.
fn top(stage: &Stage, start: &str) -> Option<f32> {
    let found = stage.labels().into_iter().find(|it| it.starts_with(start))?;
    Some(stage.all(&found)[0].absolute_position().y)
}

fn is_open(stage: &Stage, dialog: Dialog) -> bool {
    stage.window.app().global::<Dialogs<'_>>().get_current() == dialog
}

#[test]
fn what_is_only_being_made_has_nothing_to_change() {
    let stage = Stage::new(Scene::Main);
    stage.demo.change(World::keep_waiting);
    stage.key('n');
    stage.type_text("checkout");
    stage.key(Key::Return);
    stage.key(Key::Escape);
    stage.key(Key::End);
    assert_eq!(current(&stage), "checkout");
    let before = stage.demo.asked().len();
    for key in [Key::F2, Key::Delete, Key::Menu] {
        stage.key(key);
        assert!(is_open(&stage, Dialog::None));
    }
    // Nor is its port put at another tunnel.
    for letter in ['p', 's', 'q'] {
        stage.key(letter);
        assert!(is_open(&stage, Dialog::None));
    }
    assert_eq!(stage.demo.asked().len(), before);
}

#[test]
fn a_tunnel_without_ports_is_not_started_by_its_key() {
    let stage = Stage::new(Scene::Main);
    stage.key('n');
    stage.type_text("checkout");
    stage.key(Key::Return);
    assert_eq!(current(&stage), "checkout");
    let before = stage.demo.asked().len();
    stage.key('s');
    assert_eq!(stage.demo.asked()[before..], []);
    stage.one("Add a port first: without one there is nothing to host.");
}

#[test]
fn search_is_reached_from_a_port_and_goes_on_in_the_list() {
    let stage = Stage::new(Scene::Main);
    (0..4).for_each(|_| stage.key(Key::DownArrow));
    stage.key(Key::Return);
    let nav = || stage.window.app().global::<Nav<'_>>().get_screen();
    let search = || stage.window.app().global::<Tunnels<'_>>().get_search();
    assert_eq!(nav(), Screen::Port);
    stage.key('/');
    assert_eq!(nav(), Screen::Tunnels);
    stage.type_text("phone");
    assert_eq!(search(), "phone");
    // On another screen the first letter leads to what is found, and those behind it are not lost.
    stage.key(Key::Escape);
    stage.control(',');
    stage.key('/');
    stage.type_text("web");
    assert_eq!(nav(), Screen::Tunnels);
    assert_eq!(search(), "web");
    // Who goes elsewhere from it has left it.
    stage.control('l');
    stage.key('n');
    assert!(is_open(&stage, Dialog::NewTunnel));
    assert_eq!((nav(), search()), (Screen::Log, SharedString::from("web")));
}

#[test]
fn a_port_is_tried_now_from_its_own_screen() {
    let stage = Stage::new(Scene::Main);
    // The one that waits for its next try.
    down(&stage, 7);
    stage.key(Key::Return);
    stage.key('t');
    assert!(matches!(stage.demo.asked().last(), Some(Command::TryNow(_))));
}

#[test]
fn all_ports_of_a_tunnel_are_reached() {
    let stage = with_ports();
    stage.one("Show all 12 ports");
    // The header, eight rows, and what shows all.
    down(&stage, 10);
    assert_eq!(row(&stage), (0, 8));
    // It is no port: nothing of one can be done.
    stage.key(Key::Delete);
    stage.key(Key::F2);
    stage.key('c');
    assert!(is_open(&stage, Dialog::None) && stage.outside.copied.borrow().is_empty());
    down(&stage, 1);
    assert_eq!(row(&stage), (1, -1));
    stage.key(Key::UpArrow);
    stage.key(Key::Return);
    assert!(stage.all("Show all 12 ports").is_empty());
    assert_eq!(stage.beginning("port 4008").accessible_item_selected(), Some(true));
    down(&stage, 3);
    let last = stage.beginning("port 4011");
    assert_eq!(last.accessible_item_selected(), Some(true));
    assert!(last.absolute_position().y + last.size().height <= 650.0, "it is in sight");
    down(&stage, 1);
    assert_eq!(row(&stage), (1, -1));
}

/// The tunnel of that name.
fn tunnel(stage: &Stage, name: &str) -> adit_app::tunnel_key::TunnelKey {
    let view = stage.window.view();
    view.cards.iter().find(|it| it.name == name).unwrap().tunnel().unwrap().clone()
}

#[test]
fn the_keyboard_stays_on_its_tunnel_when_one_above_goes() {
    let stage = Stage::new(Scene::Main);
    down(&stage, 3);
    assert_eq!(row(&stage), (1, -1));
    let (billing, storefront) = (tunnel(&stage, "billing"), tunnel(&stage, "storefront"));
    stage.window.send(Command::Delete(billing));
    stage.settle();
    assert_eq!(row(&stage), (0, -1));
    stage.key('s');
    assert_eq!(stage.demo.asked().last(), Some(&Command::Stop(storefront.clone())));
    // And on its port, when one above that goes.
    down(&stage, 2);
    assert_eq!(row(&stage), (0, 1));
    stage.window.send(Command::DeletePort { tunnel: storefront.clone(), port: 5173 });
    stage.settle();
    assert_eq!(row(&stage), (0, 0));
    stage.key('c');
    assert!(stage.outside.copied.borrow()[0].contains("8080"), "{:?}", stage.outside.copied);
    // Its own port goes: no key is for another.
    stage.window.send(Command::DeletePort { tunnel: storefront, port: 8080 });
    stage.settle();
    assert_eq!(row(&stage), (-1, -1));
    let asked = stage.demo.asked().len();
    stage.key('s');
    stage.key(Key::Delete);
    assert!(is_open(&stage, Dialog::None));
    assert_eq!((stage.demo.asked().len(), stage.outside.copied.borrow().len()), (asked, 1));
}

#[test]
fn what_is_filtered_away_has_the_keyboard_no_more_and_arrows_go_on_from_there() {
    let stage = Stage::new(Scene::Main);
    down(&stage, 1);
    let tunnels = stage.window.app().global::<Tunnels<'_>>();
    while tunnels.get_cards().row_data(row(&stage).0 as usize).unwrap().name != "design-review" {
        down(&stage, 1);
    }
    let asked = stage.demo.asked().len();
    // It is not live; those around it are.
    stage.key('2');
    assert_eq!(row(&stage), (-1, -1));
    stage.key(Key::Delete);
    stage.key('s');
    stage.key(Key::Return);
    assert!(is_open(&stage, Dialog::None));
    assert_eq!(stage.demo.asked().len(), asked);
    down(&stage, 1);
    let (card, at) = row(&stage);
    assert!(card > 0 && at == -1, "{card}");
    // It comes back as nothing that has the keyboard.
    let live = tunnels.get_cards().row_data(card as usize).unwrap().name;
    stage.key('1');
    assert_eq!(tunnels.get_cards().row_data(row(&stage).0 as usize).unwrap().name, live);
}

#[test]
fn a_screen_reader_is_told_what_the_keyboard_is_on() {
    let stage = Stage::new(Scene::Main);
    let told = |said: &str| stage.labels().iter().filter(|it| it.starts_with(said)).count();
    assert_eq!(told("port 5173, Live, "), 1);
    down(&stage, 4);
    // The row, and what says it.
    assert_eq!(told("port 5173, Live, "), 2);
    assert_eq!(told("storefront, "), 1);
    let copies = told("Copy URL");
    stage.key(Key::RightArrow);
    assert_eq!((told("Copy URL"), told("port 5173, Live, ")), (copies + 1, 1));
}

#[test]
fn whatever_row_the_keyboard_is_on_is_in_sight() {
    let stage = Stage::new(Scene::Many);
    for step in 0..40 {
        stage.key(Key::DownArrow);
        if row(&stage).1 < 0 {
            continue;
        }
        let selected = stage.labels().into_iter().filter(|it| it.starts_with("port "));
        let selected = selected.flat_map(|it| stage.all(&it));
        let selected = selected.into_iter().find(|it| it.accessible_item_selected() == Some(true));
        let selected = selected.unwrap_or_else(|| panic!("step {step} is out of sight"));
        let (at, size) = (selected.absolute_position().y, selected.size().height);
        assert!(at >= 52.0 && at + size <= 651.0, "step {step} is at {at}");
    }
    // Back up too, and headers with their rows.
    for step in 0..60 {
        stage.key(Key::UpArrow);
        let (card, at) = row(&stage);
        if at >= 0 {
            continue;
        }
        let tunnels = stage.window.app().global::<Tunnels<'_>>();
        let name = tunnels.get_cards().row_data(card as usize).unwrap().name;
        let header = stage.beginning(&format!("{name}, "));
        let at = header.absolute_position().y;
        assert!((52.0..=611.0).contains(&at), "step {step} up, {name} is at {at}");
    }
}

#[test]
fn the_link_behind_a_state_is_reached() {
    let stage = Stage::new(Scene::Main);
    down(&stage, 1);
    let tunnels = stage.window.app().global::<Tunnels<'_>>();
    let link = |at: i32| tunnels.get_cards().row_data(at as usize).unwrap().link;
    // Where there is none, arrows to the side do nothing.
    assert_eq!(link(0), "");
    stage.key(Key::RightArrow);
    assert_eq!(tunnels.get_action(), 0);
    while link(row(&stage).0) != "Try now" || row(&stage).1 >= 0 {
        down(&stage, 1);
    }
    stage.key(Key::RightArrow);
    stage.key(Key::RightArrow);
    assert_eq!(tunnels.get_action(), 1);
    stage.key(Key::Return);
    assert!(matches!(stage.demo.asked().last(), Some(Command::TryNow(_))));
}

#[test]
fn only_the_actions_that_a_row_shows_are_reached() {
    let stage = Stage::new(Scene::Main);
    // Billing's header and row.
    down(&stage, 2);
    let walk = |key: Key| {
        let action = || stage.window.app().global::<Tunnels<'_>>().get_action();
        let step = |_| {
            stage.key(key);
            action()
        };
        (0..5).map(step).collect::<Vec<_>>()
    };
    assert_eq!(walk(Key::RightArrow), [1, 2, 3, 4, 4]);
    assert_eq!(walk(Key::LeftArrow), [3, 2, 1, 0, 0]);
    stage.size(640, 440, 1.0);
    assert_eq!(walk(Key::RightArrow), [1, 4, 4, 4, 4]);
    assert_eq!(walk(Key::LeftArrow), [1, 0, 0, 0, 0]);
    // A port that is being added has no URL yet.
    stage.demo.change(|world| world.keep_waiting());
    let tunnel = stage.window.view().cards[0].tunnel().unwrap().clone();
    stage.window.send(Command::AddPort { tunnel, port: "4001".parse().unwrap() });
    stage.settle();
    down(&stage, 1);
    assert_eq!(row(&stage), (0, 1));
    assert_eq!(walk(Key::RightArrow), [4; 5]);
    assert_eq!(walk(Key::LeftArrow), [0; 5]);
}

/// Presses Tab until keys scroll what begins so, and back. What is out of sight is not there.
fn scrolls(stage: &Stage, start: &str) -> bool {
    (0..24).any(|_| {
        stage.key(Key::Tab);
        let before = top(stage, start);
        stage.key(Key::PageDown);
        if top(stage, start) == before {
            return false;
        }
        stage.key(Key::PageUp);
        let is_back = top(stage, start) == before;
        let moves = |key| {
            stage.key(key);
            top(stage, start) != before
        };
        is_back
            && moves(Key::DownArrow)
            && !moves(Key::UpArrow)
            && moves(Key::End)
            && !moves(Key::Home)
    })
}

fn at_page(page: SettingsPage) -> Stage {
    let stage = Stage::new(Scene::Main);
    stage.size(640, 440, 1.0);
    stage.window.app().global::<Nav<'_>>().invoke_go(Screen::Settings);
    stage.window.app().global::<Settings<'_>>().invoke_go(page);
    stage.settle();
    stage
}

#[test]
fn findings_and_licences_are_scrolled() {
    let stage = at_page(SettingsPage::Status);
    let checks = stage.window.app().global::<Settings<'_>>().get_checks();
    let first = checks.row_data(0).unwrap().name.to_string() + ": ";
    assert!(scrolls(&stage, &first));
    let stage = at_page(SettingsPage::About);
    stage.all("Read the licence")[0].invoke_accessible_default_action();
    stage.settle();
    assert!(scrolls(&stage, "Back"));
}

#[test]
fn a_setting_that_tab_comes_to_is_in_sight() {
    let stage = at_page(SettingsPage::General);
    let switches = || {
        let all = stage.labels().into_iter().flat_map(|it| stage.all(&it));
        let is_switch = |it: &ElementHandle| it.accessible_role() == Some(AccessibleRole::Switch);
        let names = all.filter(is_switch).filter_map(|it| it.accessible_label());
        names.collect::<BTreeSet<_>>()
    };
    let before = switches();
    let shown = (0..30).any(|_| {
        stage.key(Key::Tab);
        !switches().is_subset(&before)
    });
    assert!(shown, "only {before:?}");
}

#[test]
fn all_shortcuts_are_read_in_the_smallest_window() {
    let stage = Stage::new(Scene::Main);
    stage.size(640, 440, 1.0);
    stage.key('?');
    assert_eq!(top(&stage, "Quit"), None, "it is out of sight");
    stage.key(Key::PageDown);
    assert!(top(&stage, "Quit").is_some());
    stage.key(Key::Home);
    assert_eq!(top(&stage, "Quit"), None);
    stage.key(Key::Escape);
    assert!(is_open(&stage, Dialog::None));
}

#[test]
fn the_table_of_a_port_is_scrolled() {
    let stage = Stage::new(Scene::Main);
    stage.beginning("port 5173").invoke_accessible_default_action();
    stage.settle();
    stage.press("Table");
    let told = stage.window.app().global::<Port<'_>>().get_table().row_data(1).unwrap().told;
    assert!(scrolls(&stage, &told));
}

#[test]
fn keys_go_on_where_the_list_that_had_the_keyboard_is_empty() {
    let stage = Stage::new(Scene::Main);
    let filter = || stage.window.app().global::<Tunnels<'_>>().get_filter();
    down(&stage, 1);
    stage.key('4');
    assert_eq!(filter(), 3);
    stage.one("No tunnel matches.");
    stage.key('1');
    assert_eq!(filter(), 0);
    stage.one("Stop storefront");
}

#[test]
fn a_step_that_is_gone_leaves_the_keyboard_to_what_comes_in_its_place() {
    let stage = Stage::new(Scene::Main);
    down(&stage, 3);
    let cards = stage.window.app().global::<Tunnels<'_>>().get_cards();
    let key = cards.iter().find(|card| card.name == "storefront").map(|card| card.key).unwrap();
    stage.window.open(Dialog::MoveTunnel, &key, 0);
    stage.settle();
    // On a place, which goes with the first step.
    stage.key(Key::Tab);
    stage.key(Key::DownArrow);
    stage.press("Make it there");
    // No letter reaches the window behind, and Enter does what can be undone.
    stage.key('p');
    assert!(is_open(&stage, Dialog::MoveTunnel));
    stage.key(Key::Return);
    assert!(is_open(&stage, Dialog::None));
    assert!(!stage.demo.asked().iter().any(|it| matches!(it, Command::Delete(_))));
}

#[test]
fn a_second_click_does_not_press_what_has_just_appeared() {
    let stage = Stage::new(Scene::Main);
    let cards = stage.window.app().global::<Tunnels<'_>>().get_cards();
    let key = cards.iter().find(|card| card.name == "storefront").map(|card| card.key).unwrap();
    stage.window.open(Dialog::Anyone, &key, 0);
    stage.settle();
    let button = stage.one("Open 2 URLs until 02:02");
    let (at, size) = (button.absolute_position(), button.size());
    let click = || stage.click(at.x + size.width / 2.0, at.y + size.height / 2.0);
    click();
    assert!(is_open(&stage, Dialog::Anyone));
    stage.settle();
    click();
    assert!(is_open(&stage, Dialog::None));
}
