//! The main window, by its elements.

use std::time::Duration;

use crate::common::Stage;
use adit_app::command::Command;
use adit_app::event::Event;
use adit_app::words::Language;
use adit_desktop::demo::Scene;
use adit_desktop::{Bars, Tip, Tunnels};
use adit_proto::health::{Health, Label, Proof, Reason};
use adit_proto::host::GiveUp;
use adit_tunnel::host::Event::{Observed, Retry, State};
use adit_tunnel::host::State as Engine;
use adit_tunnel::inspect::{self, NotInspected, Observation, Passed};
use i_slint_backend_testing::{AccessibleRole, ElementQuery};
use slint::platform::Key;
use slint::{ComponentHandle, Model};

#[test]
fn the_headline_says_how_things_are() {
    let stage = Stage::new(Scene::Main);
    stage.one("2 of 5 tunnels are live. 1 waits for your server, 1 is reconnecting, 1 is checking its URL.");
    stage.window.speak(Language::Portuguese);
    stage.settle();
    stage.beginning("2 de 5 túneis");
    stage.one("Novo túnel");
}

#[test]
fn a_row_reads_as_one_sentence() {
    let stage = Stage::new(Scene::Main);
    stage.one("port 5173, Live, https://k3x9q2mw-5173.relay.example.com/, Shared with 3");
    stage.one(
        "phone-demo, Live, checked 12 s ago, Anyone with the link, until 18:40, relay.example.com",
    );
}

#[test]
fn a_url_is_copied_and_that_is_said_for_a_moment() {
    let stage = Stage::new(Scene::Main);
    let row = stage.beginning("port 5173");
    let copy = ElementQuery::from_root(stage.window.app())
        .match_predicate(|it| it.accessible_label().as_deref() == Some("Copy URL"))
        .find_all();
    let (at, size) = (row.absolute_position(), row.size());
    let inside = copy.iter().find(|it| {
        let y = it.absolute_position().y;
        y >= at.y && y < at.y + size.height
    });
    inside.unwrap().invoke_accessible_default_action();
    stage.settle();
    assert_eq!(*stage.outside.copied.borrow(), ["https://k3x9q2mw-5173.relay.example.com/"]);
    stage.one("URL of storefront :5173 copied");
    stage.wait(std::time::Duration::from_secs(3));
    assert!(stage.all("URL of storefront :5173 copied").is_empty());
}

#[test]
fn the_switch_shows_what_was_asked_for() {
    let stage = Stage::new(Scene::Main);
    let switch = stage.one("Stop billing");
    assert_eq!(switch.accessible_role(), Some(AccessibleRole::Switch));
    stage.press("Stop billing");
    assert!(matches!(stage.demo.asked().last(), Some(Command::Stop(_))));
    assert_eq!(stage.one("Start billing").accessible_checked(), Some(false));
    stage.press("Start billing");
    assert!(matches!(stage.demo.asked().last(), Some(Command::Host(_))));
}

#[test]
fn the_filter_shows_what_needs_somebody() {
    let stage = Stage::new(Scene::Errors);
    stage.press("Stopped, 0");
    stage.one("Show all");
    stage.press("Needs you, 4");
    assert!(stage.all("Show all").is_empty());
    stage.beginning("webhooks, Sign in to Microsoft again");
    assert!(!stage.labels().iter().any(|it| it.starts_with("billing,")));
}

#[test]
fn a_port_says_what_is_wrong_with_it_and_what_can_be_done() {
    let stage = Stage::new(Scene::Errors);
    let open = |port: i32| {
        let view = stage.window.view();
        let card = view.cards.iter().find(|card| card.name == "storefront").unwrap();
        let nav = stage.window.app().global::<adit_desktop::Nav<'_>>();
        nav.invoke_open_port(adit_desktop::adapter::terms::card_key(&card.id), port);
        stage.settle();
        card.tunnel().unwrap().clone()
    };
    let tunnel = open(5173);
    stage.one("The URL of port 5173 answers with status 502, but not through this host.");
    stage.press_button("Try now");
    assert!(matches!(stage.demo.asked().last(), Some(Command::TryNow(it)) if *it == tunnel));
    // The card speaks of its worst port only; this one is wrong in another way.
    let reason = Some(Reason::LocalScheme { port: 8080 });
    let health = Health { label: Label::LocalScheme, reason, proven: None };
    let event = adit_tunnel::host::Event::Health { port: 8080, health };
    stage.demo.change(|world| world.engine(&tunnel, event));
    open(8080);
    stage.beginning("The server on localhost:8080 speaks the other of http and https");
    stage.press_button("Change to https");
    assert!(matches!(stage.demo.asked().last(), Some(Command::ChangePort { .. })));
}

#[test]
fn a_card_says_why_in_the_language_of_the_window() {
    let stage = Stage::new(Scene::Errors);
    // Cards out of sight are not made.
    stage.size(960, 1_000, 1.0);
    let has = |said: &str| stage.labels().iter().any(|it| it.contains(said));
    assert!(has("The URL of port 5173 answers with status 502, but not through this host."));
    assert!(has(
        "Access was refused: 403 from cp.relay.example.com: ana may not host it any more."
    ));
    stage.window.speak(Language::Portuguese);
    stage.settle();
    assert!(has("A URL da porta 5173 responde com o status 502, mas não por este computador."));
    assert!(has(
        "O acesso foi recusado: 403 from cp.relay.example.com: ana may not host it any more."
    ));
}

#[test]
fn a_removal_waits_and_can_be_undone() {
    let stage = Stage::new(Scene::SignIn);
    assert!(!stage.labels().iter().any(|it| it.starts_with("design-review,")));
    // Said once: what counts is seen only.
    let seconds =
        || stage.window.app().global::<Bars<'_>>().get_undo().row_data(0).unwrap().seconds;
    assert_eq!(seconds(), 4);
    stage.one("design-review and its URL will be deleted");
    stage.demo.pass(Duration::from_secs(1));
    stage.window.keep_told();
    stage.wait(Duration::from_millis(600));
    assert_eq!(seconds(), 3);
    stage.one("design-review and its URL will be deleted");
    stage.press("Undo");
    assert!(matches!(stage.demo.asked().last(), Some(Command::Undo(_))));
    stage.beginning("design-review,");
}

/// The words of the first state that counts down to a try.
fn next_try(stage: &Stage) -> String {
    let cards = stage.window.app().global::<Tunnels<'_>>().get_cards();
    let told = cards.iter().filter_map(|card| card.told.row_data(0));
    told.map(String::from).find(|it| it.contains("try ")).unwrap()
}

#[test]
fn what_counts_down_is_told_while_it_does() {
    let stage = Stage::new(Scene::Main);
    stage.window.keep_told();
    // Only the clock goes on: nobody tells the window anything.
    let tick = |seconds| {
        stage.demo.pass(Duration::from_secs(seconds));
        stage.wait(Duration::from_millis(1_100));
    };
    let before = next_try(&stage);
    tick(1);
    assert_ne!(next_try(&stage), before);
    let bars = stage.window.app().global::<Bars<'_>>();
    let tunnel = stage.window.view().cards[0].tunnel().unwrap().clone();
    stage.window.send(Command::Delete(tunnel));
    stage.settle();
    let left = || bars.get_undo().row_data(0).unwrap().left;
    let before = left();
    tick(1);
    assert!(left() < before);
}

/// As when a tunnel is stopped: it is on its way down, and then down, before anything is drawn.
#[test]
fn a_row_that_changes_twice_between_two_frames_shows_the_last() {
    let stage = Stage::new(Scene::Main);
    stage.beginning("port 5173, Live");
    let card = stage.window.view().cards.iter().find(|it| it.name == "storefront").cloned();
    let tunnel = card.unwrap().tunnel().unwrap().clone();
    for state in [Engine::Reconnecting, Engine::Standby] {
        stage.demo.change(|world| world.engine(&tunnel, State(state)));
        stage.window.catch_up();
    }
    stage.settle();
    stage.beginning("port 5173, Standing by");
}

#[test]
fn what_is_said_of_a_control_goes_with_it() {
    let stage = Stage::new(Scene::Main);
    let copy = stage.all("Copy URL").remove(0);
    let (at, size) = (copy.absolute_position(), copy.size());
    let tip = stage.window.app().global::<Tip<'_>>();
    let point = || {
        stage.point(at.x + size.width / 2.0, at.y + size.height / 2.0);
        stage.wait(Duration::from_millis(700));
    };
    point();
    assert!(tip.get_shown() && !tip.get_text().is_empty());
    // Another screen takes its place below the pointer.
    stage.control(',');
    stage.wait(Duration::from_millis(700));
    assert_eq!((tip.get_shown(), tip.get_text().as_str()), (false, ""));
    stage.key(Key::Escape);
    stage.point(2.0, 2.0);
    point();
    assert!(tip.get_shown());
    stage.key('n');
    stage.wait(Duration::from_millis(700));
    assert_eq!((tip.get_shown(), tip.get_text().as_str()), (false, ""));
}

#[test]
fn of_a_thousand_tunnels_only_those_in_sight_are_made() {
    let stage = Stage::new(Scene::Many);
    let rows = stage.labels().into_iter().filter(|it| it.starts_with("port ")).count();
    assert!((3..=16).contains(&rows), "{rows} rows");
}

#[test]
fn a_url_opens_in_the_browser_from_the_rows_menu() {
    let stage = Stage::new(Scene::Main);
    stage.press("More for port 3000");
    stage.press("Open");
    assert_eq!(*stage.outside.opened.borrow(), ["http://127.0.0.1:49214/"]);
}

/// A relay that is away gives a cause of several lines.
#[test]
fn the_list_begins_below_a_banner_of_any_height() {
    let stage = Stage::new(Scene::Errors);
    let bars = stage.window.app().global::<Bars<'_>>();
    let cause = "127.0.0.1:8443 refused the connection: check that the server runs. ".repeat(4);
    for (width, height) in [(640, 440), (700, 480), (960, 680)] {
        stage.size(width, height, 1.0);
        bars.set_banner_text(cause.as_str().into());
        stage.wait(Duration::from_millis(100));
        let banner = stage.beginning("Sign in to Microsoft again.");
        let headline = stage.beginning("1 of 5 tunnels is live");
        let end = banner.absolute_position().y + banner.size().height;
        assert!(banner.size().height > 60.0, "{width}: {}", banner.size().height);
        assert!(headline.absolute_position().y >= end, "{width}: {end}");
    }
}

#[test]
fn a_place_is_found_by_what_it_is_called() {
    let stage = Stage::new(Scene::Main);
    let found = |text: &str| {
        stage.window.app().global::<Tunnels<'_>>().set_search(text.into());
        stage.window.app().global::<Tunnels<'_>>().invoke_filtered();
        stage.settle();
        stage.labels().iter().filter(|it| it.starts_with("port ")).count()
    };
    assert_eq!([found("this computer"), found("dev tunnels"), found("here")], [1, 1, 0]);
}

#[test]
fn a_url_that_no_browser_takes_is_said() {
    let stage = Stage::new(Scene::Main);
    stage.outside.opens_nothing.set(true);
    stage.press("More for port 3000");
    stage.press("Open");
    stage.one("No browser could be opened. Copy the URL instead.");
}

#[test]
fn the_keyboard_reaches_a_row_and_what_is_done_with_it() {
    let stage = Stage::new(Scene::Main);
    // Billing's header, its row, storefront's header, its first row.
    (0..4).for_each(|_| stage.key(Key::DownArrow));
    assert_eq!(stage.beginning("port 5173").accessible_item_selected(), Some(true));
    stage.key('c');
    stage.key('o');
    assert_eq!(*stage.outside.copied.borrow(), ["https://k3x9q2mw-5173.relay.example.com/"]);
    assert_eq!(*stage.outside.opened.borrow(), ["https://k3x9q2mw-5173.relay.example.com/"]);
    stage.key('s');
    assert!(matches!(stage.demo.asked().last(), Some(Command::Stop(_))));
    stage.key(Key::RightArrow);
    stage.key(Key::Return);
    assert_eq!(stage.outside.copied.borrow().len(), 2);
}

#[test]
fn all_places_are_asked_again_at_the_foot() {
    let stage = Stage::new(Scene::Main);
    let again = stage.labels().into_iter().find(|it| it.ends_with(". Look again")).unwrap();
    assert!(stage.button(&again).size().height >= 24.0);
    stage.press_button(&again);
    assert_eq!(stage.demo.asked().last(), Some(&Command::Refresh(None)));
}

#[test]
fn letters_that_are_searched_for_do_nothing_else() {
    let stage = Stage::new(Scene::Main);
    stage.key('/');
    stage.type_text("phone");
    assert!(stage.outside.copied.borrow().is_empty() && stage.outside.opened.borrow().is_empty());
    assert_eq!(stage.labels().iter().filter(|it| it.starts_with("port ")).count(), 1);
    stage.beginning("phone-demo,");
    stage.key(Key::Escape);
    stage.beginning("billing,");
}

#[test]
fn all_keys_are_shown_on_request() {
    let stage = Stage::new(Scene::Main);
    stage.key('?');
    stage.one("Keyboard shortcuts");
    // Nothing below a dialog hears a key.
    stage.key('2');
    stage.key(Key::Escape);
    assert!(stage.all("Keyboard shortcuts").is_empty());
    assert_eq!(stage.one("All, 5").accessible_checked(), Some(true));
    stage.key('2');
    assert_eq!(stage.one("Live, 2").accessible_checked(), Some(true));
}

#[test]
fn a_port_shows_its_traffic_and_goes_back() {
    let stage = Stage::new(Scene::Main);
    stage.beginning("port 5173").invoke_accessible_default_action();
    stage.settle();
    stage.beginning("Requests per second, ");
    stage.beginning("Answers by class, ");
    assert!(stage.labels().iter().any(|it| it.contains("GET /cart?ref=•••")), "queries are hidden");
    stage.press("Table");
    stage.one("Connections");
    stage.press("Copy as text");
    assert!(stage.outside.copied.borrow()[0].contains("Hosting, checking the URL"));
    stage.key(Key::Escape);
    stage.beginning("billing,");
    assert_eq!(stage.demo.asked().last(), Some(&Command::Select(None)));
}

#[test]
fn a_request_is_sent_again_only_after_a_question() {
    let stage = Stage::new(Scene::Main);
    stage.beginning("port 5173").invoke_accessible_default_action();
    stage.settle();
    stage.all("Send again...")[0].invoke_accessible_default_action();
    stage.settle();
    let is_sent =
        |stage: &Stage| stage.demo.asked().iter().any(|it| matches!(it, Command::SendAgain { .. }));
    // The keyboard is on the way out.
    stage.key(Key::Return);
    assert!(stage.all("Send this request again?").is_empty() && !is_sent(&stage));
    stage.all("Send again...")[0].invoke_accessible_default_action();
    stage.settle();
    stage.press("Send again");
    assert!(is_sent(&stage));
}

/// The screen of the port that has most visitors.
pub(crate) fn at_port() -> Stage {
    let stage = Stage::new(Scene::Main);
    stage.beginning("port 5173").invoke_accessible_default_action();
    stage.settle();
    stage
}

/// The lines of the text that is read.
fn read(stage: &Stage) -> Vec<String> {
    let lines = stage.window.app().global::<adit_desktop::Reader<'_>>().get_lines();
    let line = |it: adit_desktop::TextLine| match it.name.is_empty() {
        true => it.text.to_string(),
        false => format!("{}: {}", it.name, it.text),
    };
    lines.iter().map(line).collect()
}

#[test]
fn a_request_is_read_with_its_headers_and_body_and_its_answer() {
    let stage = at_port();
    let hook = stage.labels().into_iter().find(|it| it.contains("POST /hooks/payment")).unwrap();
    stage.all(&hook)[0].invoke_accessible_default_action();
    stage.settle();
    stage.one("POST /hooks/payment");
    let lines = read(&stage);
    assert_eq!(lines[0], "POST /hooks/payment HTTP/1.1");
    assert!(lines.contains(&"Content-Type: application/json".to_owned()), "{lines:?}");
    assert!(lines.contains(&r#"  "event": "payment.succeeded","#.to_owned()), "{lines:?}");
    // What would let somebody in is not here.
    assert!(lines.contains(&"Authorization: •••".to_owned()), "{lines:?}");
    // The events below have such a button too.
    stage.all("Copy as text")[1].invoke_accessible_default_action();
    assert!(stage.outside.copied.borrow()[0].contains(r#""id": "o-7312""#));
    stage.press("Answer");
    let lines = read(&stage);
    assert_eq!(
        (lines[0].as_str(), lines.last().unwrap().as_str()),
        ("HTTP/1.1 500", "order o-7312 is locked by another payment")
    );
    // The requests below have such a button too.
    stage.all("Copy as curl").last().unwrap().invoke_accessible_default_action();
    assert!(stage.outside.copied.borrow()[1].starts_with("curl "));
    stage.key(Key::Escape);
    assert!(stage.all("POST /hooks/payment").is_empty());
}

#[test]
fn a_body_that_was_not_kept_says_so_and_how_to_keep_the_next() {
    let stage = at_port();
    let post = stage.labels().into_iter().find(|it| it.contains("POST /api/checkout")).unwrap();
    stage.all(&post)[0].invoke_accessible_default_action();
    stage.settle();
    stage.beginning("Its body of 3 KB was not kept.");
    stage.press("Answer");
    stage.beginning("Its body of 11.2 KB was not kept.");
}

#[test]
fn a_request_that_is_not_kept_any_more_says_so() {
    let stage = at_port();
    let port = stage.window.app().global::<adit_desktop::Port<'_>>();
    let read_now = |id: i32| {
        stage.window.open(adit_desktop::Dialog::ReadRequest, "", id);
        stage.settle();
    };
    read_now(port.get_requests().row_data(0).unwrap().id);
    stage.one("GET /cart");
    stage.key(Key::Escape);
    read_now(1);
    stage.one("This request is not kept any more.");
    assert!(stage.all("GET /cart").is_empty() && read(&stage).is_empty());
}

#[test]
fn the_keyboard_goes_on_when_the_list_that_had_it_is_gone() {
    let stage = at_port();
    let app = stage.window.app();
    let port = app.global::<adit_desktop::Port<'_>>();
    port.set_focus_asked(true);
    stage.settle();
    stage.key(Key::Escape);
    stage.key('?');
    stage.key(Key::Escape);
    assert!(!port.get_focus_asked(), "nobody would take it back");
    stage.key(Key::DownArrow);
    assert!(app.global::<adit_desktop::Tunnels<'_>>().get_card() >= 0);
}

#[test]
fn the_keyboard_goes_through_the_requests_and_comes_back_to_them() {
    let stage = at_port();
    let port = stage.window.app().global::<adit_desktop::Port<'_>>();
    let ids: Vec<_> = port.get_requests().iter().map(|it| it.id).collect();
    port.set_focus_asked(true);
    stage.settle();
    assert_eq!(port.get_current(), ids[0]);
    stage.key(Key::DownArrow);
    stage.key(Key::Return);
    let dialogs = stage.window.app().global::<adit_desktop::Dialogs<'_>>();
    assert_eq!(
        (dialogs.get_current(), dialogs.get_port()),
        (adit_desktop::Dialog::ReadRequest, ids[1])
    );
    stage.key(Key::Escape);
    // The list has the keyboard again, where it was.
    stage.key(Key::DownArrow);
    assert_eq!(port.get_current(), ids[2]);
    stage.key(Key::RightArrow);
    stage.key(Key::Return);
    assert!(stage.outside.copied.borrow()[0].starts_with("curl "));
    stage.key(Key::RightArrow);
    stage.key(Key::Return);
    assert_eq!(dialogs.get_current(), adit_desktop::Dialog::SendAgain);
    stage.key(Key::Escape);
    stage.key(Key::End);
    assert_eq!(Some(&port.get_current()), ids.last());
}

#[test]
fn the_first_chart_shows_requests_or_connections() {
    let stage = at_port();
    stage.beginning("Requests per second, ");
    stage.press("What the chart shows");
    // What is drawn anew leaves the menu open.
    stage.pass(1);
    stage.press("Open connections");
    stage.beginning("Open connections, ");
    assert!(!stage.labels().iter().any(|it| it.starts_with("Requests per second, ")));
    stage.press("Table");
    assert!(stage.labels().iter().any(|it| it.contains("Requests/s ") && it.contains("2xx ")));
}

#[test]
fn a_card_says_until_when_its_tunnel_is_kept() {
    let stage = Stage::new(Scene::Many);
    let card = stage.beginning("service-0, ");
    assert!(card.accessible_label().unwrap().ends_with(", Kept until 20 December 2026"));
}

#[test]
fn a_tunnel_is_found_by_its_id() {
    let stage = Stage::new(Scene::Main);
    let tunnels = stage.window.app().global::<Tunnels<'_>>();
    // Its address here has no name in it.
    tunnels.set_search("T4WQ8".into());
    tunnels.invoke_filtered();
    stage.settle();
    let found: Vec<_> = tunnels.get_cards().iter().map(|card| card.name).collect();
    assert_eq!(found, ["billing"]);
}

#[test]
fn the_banner_names_what_waits_for_a_sign_in() {
    let stage = Stage::new(Scene::SignIn);
    stage.beginning("Sign in to Microsoft again. webhooks is not hosted until you do.");
    stage.window.speak(Language::Portuguese);
    stage.settle();
    stage.beginning("Entre na Microsoft novamente. webhooks não será hospedado até você entrar.");
}

#[test]
fn what_a_narrow_card_leaves_out_is_said_on_request() {
    let stage = Stage::new(Scene::Main);
    let asked = |stage: &Stage, label: &str| {
        let place = stage.all(label)[0].absolute_position();
        stage.point(place.x + 8.0, place.y + 8.0);
        stage.window.app().global::<Tip<'_>>().get_text()
    };
    assert_eq!(asked(&stage, "This computer only"), "", "it is there in words");
    stage.size(640, 440, 1.0);
    assert_eq!(asked(&stage, "This computer only"), "This computer only");
    stage.point(1.0, 1.0);
    assert_eq!(stage.window.app().global::<Tip<'_>>().get_text(), "");
}

#[test]
fn a_url_that_is_cut_is_said_whole_on_request() {
    let stage = Stage::new(Scene::Main);
    let asked = |width: u32| {
        stage.size(width, 1_000, 1.0);
        let row = stage.beginning("port 4000").absolute_position();
        stage.point(row.x + 300.0, row.y + 20.0);
        let text = stage.window.app().global::<Tip<'_>>().get_text();
        stage.point(1.0, 1.0);
        text
    };
    assert_eq!(asked(960), "");
    assert_eq!(asked(500), "https://7jr2c0b1-4000.euw.devtunnels.ms/");
}

#[test]
fn a_port_that_is_gone_is_not_looked_at() {
    let stage = Stage::new(Scene::Main);
    stage.beginning("port 5173").invoke_accessible_default_action();
    stage.settle();
    assert!(!stage.all("Latest requests").is_empty());
    let tunnel = stage.window.view().cards[1].tunnel().cloned().unwrap();
    stage.window.send(Command::Delete(tunnel));
    stage.settle();
    assert!(stage.all("Latest requests").is_empty());
    stage.beginning("billing,");
}

#[test]
fn without_tunnels_what_listens_here_is_offered() {
    let stage = Stage::new(Scene::Empty);
    stage.one("No tunnels yet");
    stage.one(":5173, vite, 42 min");
    stage.one(":5432, postgres, 9 h, Database");
    assert_eq!(stage.all("Give it a URL").len(), 4);
    let dialogs = stage.window.app().global::<adit_desktop::Dialogs<'_>>();
    stage.all("Give it a URL")[1].invoke_accessible_default_action();
    assert_eq!((dialogs.get_current(), dialogs.get_port()), (adit_desktop::Dialog::AddPort, 8080));
}

#[test]
fn a_look_that_goes_well_is_drawn_with_the_ages_and_news_at_once() {
    let stage = Stage::new(Scene::Main);
    let tunnel = (stage.window.view().cards.iter())
        .find_map(|card| card.tunnel().filter(|_| card.name == "storefront").cloned())
        .unwrap();
    stage.demo.pass(Duration::from_secs(9));
    stage.window.catch_up();
    let told = |stage: &Stage| {
        let cards = stage.window.app().global::<adit_desktop::Tunnels<'_>>().get_cards();
        let card = cards.iter().find(|card| card.name == "storefront").unwrap();
        card.told.row_data(0).unwrap()
    };
    let before = told(&stage);
    let look = |label, proven| {
        let health = Health { label, reason: None, proven };
        adit_tunnel::host::Event::Health { port: 5173, health }
    };
    stage.demo.change(|world| {
        let proven = Some((world.now().wall, Proof::Strong));
        world.engine(&tunnel, look(Label::Operational, proven));
    });
    stage.window.hear();
    assert_eq!(told(&stage), before, "nothing is new but when that was");
    stage.demo.change(|world| world.engine(&tunnel, look(Label::Zombie, None)));
    stage.window.hear();
    assert!(told(&stage).contains("dead"), "{}", told(&stage));
}

#[test]
fn a_tunnel_that_comes_to_be_another_way_is_announced_once() {
    let stage = Stage::new(Scene::Main);
    let said = |stage: &Stage| stage.window.app().global::<Bars<'_>>().get_announcement();
    assert_eq!(said(&stage), "");
    stage.press("Stop storefront");
    stage.pass(6);
    assert_eq!(said(&stage), "storefront: Stopped");
    stage.one("storefront: Stopped");
    // Several within a moment are a sentence about all.
    stage.press("Stop all");
    stage.pass(6);
    assert!(said(&stage).contains("hosted"), "{}", said(&stage));
}

#[test]
fn what_needs_a_person_is_announced_at_once_and_by_name() {
    let stage = Stage::new(Scene::Main);
    let said = |stage: &Stage| stage.window.app().global::<Bars<'_>>().get_announcement();
    let tunnel = |name: &str| {
        let view = stage.window.view();
        view.cards.iter().find(|it| it.name == name).unwrap().tunnel().unwrap().clone()
    };
    let (phone, hooks) = (tunnel("phone-demo"), tunnel("webhooks"));
    stage.press("Stop storefront");
    assert_eq!(said(&stage), "storefront: Stopped");
    // Within the pause of that, and with one that can wait.
    stage.press("Stop billing");
    stage.demo.change(|world| {
        world.engine(&phone, State(Engine::Standby));
        world.engine(&hooks, State(Engine::Error(GiveUp::UnknownTunnel)));
    });
    stage.settle();
    let told = said(&stage);
    assert!(
        told.starts_with("phone-demo: Another computer hosts this tunnel. webhooks: "),
        "{told}"
    );
    assert!(!told.contains("billing"), "{told}");
    stage.pass(6);
    assert_eq!(said(&stage), "billing: Stopped");
}

#[test]
fn charts_say_what_they_cannot_show_and_bytes_never_speak_of_requests() {
    let stage = Stage::new(Scene::Main);
    let card = stage.window.view().cards[0].clone();
    let tunnel = card.tunnel().unwrap().clone();
    let nav = stage.window.app().global::<adit_desktop::Nav<'_>>();
    nav.invoke_open_port(adit_desktop::adapter::terms::card_key(&card.id), 3000);
    stage.settle();
    let count = |label: &str| stage.all(label).len();
    let told = |requests: &str, in_charts| {
        assert_eq!((count(requests), count("No traffic in the last 15 min.")), (in_charts, 1));
    };
    told("No requests in the last 15 min.", 2);
    let unseen = |why| {
        let observation = Observation::NotInspected(why);
        let event = Observed(inspect::Observed { port: 3000, observation });
        stage.demo.change(|world| world.engine(&tunnel, event));
        stage.settle();
    };
    unseen(NotInspected::Encrypted);
    told("Encrypted: requests are not seen.", 2);
    // The list of requests says it too.
    unseen(NotInspected::NotHttp);
    told("Not HTTP: there are no requests.", 3);
    let passed = [(3000, Passed { received: 5_000, sent: 70_000 })].into();
    stage.demo.change(|world| world.event(Event::Passed([(tunnel.clone(), passed)].into())));
    stage.pass(2);
    assert_eq!(count("No traffic in the last 15 min."), 0);
    assert_eq!(count("Not HTTP: there are no requests."), 3);
    stage.beginning("Bytes per second, ");
    assert!(!stage.labels().iter().any(|it| it.starts_with("Bytes per second, 0")));
}

#[test]
fn a_tunnel_that_does_not_come_back_says_why() {
    let stage = Stage::new(Scene::Main);
    let has = |said: &str| stage.labels().iter().any(|it| it == said);
    assert!(has("The network is down."), "{:?}", stage.labels());
    let tunnel = |name: &str| {
        let view = stage.window.view();
        view.cards.iter().find(|it| it.name == name).unwrap().tunnel().unwrap().clone()
    };
    let review = tunnel("design-review");
    let retry = |attempt| Retry { attempt, wait: Duration::from_secs(9), cause: "no route".into() };
    stage.demo.change(|world| world.engine(&review, retry(2)));
    stage.settle();
    assert!(!has("The network is down.") && !has("No route."));
    stage.demo.change(|world| world.engine(&review, retry(3)));
    stage.settle();
    assert!(has("No route."));
}
