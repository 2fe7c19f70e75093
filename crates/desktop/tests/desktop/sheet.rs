//! The dialogs about a tunnel: who may visit, sharing, editing, moving.

use crate::common::Stage;
use adit_app::command::Command;
use adit_app::manage::{Job, Manage};
use adit_app::tunnel_key::TunnelKey;
use adit_app::words::Language;
use adit_desktop::demo::Scene;
use adit_desktop::{Dialog, Dialogs};
use i_slint_backend_testing::AccessibleRole;
use slint::ComponentHandle;
use slint::platform::Key;

/// What the interface calls a tunnel.
fn key(stage: &Stage, name: &str) -> String {
    let tunnel = tunnel(stage, name);
    format!("{} {}", tunnel.place, tunnel.id)
}

fn tunnel(stage: &Stage, name: &str) -> TunnelKey {
    let view = stage.window.view();
    let card = view.cards.iter().find(|card| card.name == name);
    card.and_then(|card| card.tunnel().cloned()).expect("the tunnel is there")
}

fn open(stage: &Stage, dialog: Dialog, name: &str, port: i32) {
    stage.window.open(dialog, &key(stage, name), port);
    stage.settle();
}

fn current(stage: &Stage) -> Dialog {
    stage.window.app().global::<Dialogs<'_>>().get_current()
}

/// Writes into a field.
fn write(stage: &Stage, field: &str, text: &str) {
    let found = stage.all(field).into_iter();
    let mut fields = found.filter(|it| it.accessible_role() == Some(AccessibleRole::TextInput));
    fields.next().expect("the field is there").set_accessible_value(text);
    stage.settle();
}

/// Chooses a part of a row of parts.
fn choose(stage: &Stage, part: &str) {
    let found = stage.all(part).into_iter();
    let mut parts = found.filter(|it| it.accessible_role() == Some(AccessibleRole::RadioButton));
    parts.next().expect("the part is there").invoke_accessible_default_action();
    stage.settle();
}

/// The changes that were asked for.
fn jobs(stage: &Stage) -> Vec<Job> {
    let asked = stage.demo.asked().into_iter();
    let jobs = asked.filter_map(|command| match command {
        Command::Manage(Manage::Do(_, job)) => Some(job),
        _ => None,
    });
    jobs.collect()
}

fn is_enabled(stage: &Stage, button: &str) -> bool {
    stage.one(button).accessible_enabled() == Some(true)
}

/// A tunnel with a database among its ports.
fn with_database(scene: Scene) -> Stage {
    let stage = Stage::new(scene);
    let tunnel = tunnel(&stage, "storefront");
    let port = "5432".parse().unwrap();
    stage.window.send(Command::AddPort { tunnel, port });
    stage.settle();
    stage
}

#[test]
fn people_are_listed_taken_out_and_let_in() {
    let stage = Stage::new(Scene::Main);
    stage.press("More for storefront");
    stage.press("Access...");
    stage.one("Who can open storefront");
    stage.one("You, the owner");
    stage.one("ben, User");
    stage.press("Remove ben");
    assert!(stage.all("ben, User").is_empty());
    stage.one("Access changed");
    write(&stage, "User", "lia");
    stage.press("Let in");
    stage.one("lia, User");
    stage.key(Key::Escape);
    assert_eq!(current(&stage), Dialog::None);
    assert_eq!(stage.demo.asked().last(), Some(&Command::Manage(Manage::Look(None))));
}

#[test]
fn somebody_whom_the_relay_does_not_know_is_not_let_in_and_that_stays() {
    let stage = Stage::new(Scene::Main);
    open(&stage, Dialog::Access, "storefront", 0);
    write(&stage, "User", "nobody");
    stage.press("Let in");
    stage.one("That was not done. The relay knows no user `nobody`.");
    stage.pass(30);
    stage.one("That was not done. The relay knows no user `nobody`.");
    assert_eq!(current(&stage), Dialog::Access);
    // Whoever closes it has seen it.
    stage.press("Done");
    assert!(stage.window.view().cards.iter().all(|card| card.notices.is_empty()));
}

#[test]
fn a_place_offers_those_whom_it_knows() {
    let stage = Stage::new(Scene::Main);
    open(&stage, Dialog::Access, "webhooks", 0);
    choose(&stage, "Your tenant");
    assert!(
        stage
            .all("GitHub organization")
            .iter()
            .all(|it| { it.accessible_role() != Some(AccessibleRole::TextInput) })
    );
    stage.press("Let in");
    stage.one("Remove Your tenant");
    stage.key(Key::Escape);
    open(&stage, Dialog::Access, "billing", 0);
    assert!(stage.all("Let in").is_empty(), "nobody is known on this computer");
}

#[test]
fn opening_says_what_it_does_and_leaves_a_database_closed() {
    let stage = with_database(Scene::Main);
    open(&stage, Dialog::Access, "storefront", 0);
    stage.press("Open...");
    assert_eq!(current(&stage), Dialog::Anyone);
    stage.one("https://k3x9q2mw-5432.relay.example.com/, Database");
    assert_eq!(stage.one("Leave port 5432 closed").accessible_checked(), Some(true));
    stage.press("Open 2 URLs until 02:02");
    assert_eq!(current(&stage), Dialog::None);
    stage.one("2 URLs are open until 02:02");
    stage.beginning("storefront, Live, checked just now, Anyone with the link, until 02:02");
    let Some(Job::Access(steps)) = jobs(&stage).pop() else { panic!("access was changed") };
    assert_eq!(steps.iter().map(|it| it.port).collect::<Vec<_>>(), [Some(5432), None]);
}

#[test]
fn the_choice_of_time_and_of_ports_is_what_the_button_says() {
    let stage = with_database(Scene::Main);
    open(&stage, Dialog::Anyone, "storefront", 0);
    choose(&stage, "1 hour");
    stage.one("Open 2 URLs until 19:02");
    stage.press("Leave port 5432 closed");
    stage.one("Open 3 URLs until 19:02");
    choose(&stage, "Until...");
    assert!(!stage.labels().iter().any(|it| it.starts_with("Open until")));
    stage.one("Open 3 URLs");
    write(&stage, "Ends at", "soon");
    stage.beginning("A time such as 18:40 or 2026-12-24 18:40, or how long");
    write(&stage, "Ends at", "2h");
    stage.one("Open 3 URLs until 20:02");
    write(&stage, "Ends at", "17:00");
    stage.one("Open until tomorrow 17:00. Renewing the tunnel does not prolong it.");
    write(&stage, "Ends at", "18:40");
    stage.press("Open 3 URLs until 18:40");
    stage.one("3 URLs are open until 18:40");
}

#[test]
fn what_is_open_is_closed_again() {
    let stage = Stage::new(Scene::Main);
    open(&stage, Dialog::Anyone, "phone-demo", 0);
    stage.beginning("Open to anyone, until 18:40.");
    stage.press("Close now");
    stage.one("phone-demo is not open to everybody any more");
    stage.beginning("phone-demo, Live, checked 12 s ago, Only me");
}

#[test]
fn a_refusal_to_open_is_said_and_stays() {
    let stage = Stage::new(Scene::Main);
    stage.demo.change(|world| world.refuse_changes(Some("tunnels of this team stay private")));
    open(&stage, Dialog::Anyone, "design-review", 0);
    stage.press("Open 1 URL until 02:02");
    stage.one("That was not done. Tunnels of this team stay private.");
    assert_eq!(current(&stage), Dialog::Anyone);
    stage.demo.change(|world| world.refuse_changes(None));
    stage.press("Open 1 URL until 02:02");
    assert_eq!(current(&stage), Dialog::None);
    assert!(stage.window.view().cards.iter().all(|card| card.notices.is_empty()));
}

#[test]
fn a_row_is_shared_by_its_key_and_no_token_is_shown() {
    let stage = Stage::new(Scene::Main);
    (0..4).for_each(|_| stage.key(Key::DownArrow));
    stage.key('q');
    stage.one("Share storefront :5173");
    stage.one("QR code of https://k3x9q2mw-5173.relay.example.com/");
    stage.press("Copy");
    let copied = stage.outside.copied.borrow().clone();
    assert_eq!(copied, ["X-Tunnel-Authorization: tunnel demo.token.only"]);
    stage.one("Header copied");
    assert!(!stage.labels().iter().any(|it| it.contains("demo.token")));
    assert_eq!(jobs(&stage), [Job::Token { port: Some(5173) }]);
    assert!(!format!("{:?}", stage.window.view()).contains("demo.token"));
    stage.key(Key::Escape);
    assert_eq!(current(&stage), Dialog::None);
}

#[test]
fn a_link_is_copied_and_never_shown_and_is_revoked_where_it_was_made() {
    let stage = Stage::new(Scene::Main);
    open(&stage, Dialog::Share, "storefront", 5173);
    stage.press("Make link");
    let copied = stage.outside.copied.borrow().clone();
    assert_eq!(copied, ["https://cp.relay.example.com/go/demo-link-only"]);
    stage.one("Link copied. It works until 02:02.");
    stage.one("A link works until 02:02");
    stage.one("Shared with 3, and who has the link");
    assert!(!stage.labels().iter().any(|it| it.contains("demo-link")));
    assert!(!format!("{:?}", stage.window.view()).contains("demo-link"));
    // It is among those who may visit, too.
    stage.press("Access...");
    stage.beginning("Whoever has a shared link");
    stage.key(Key::Escape);
    open(&stage, Dialog::Share, "storefront", 8080);
    assert!(stage.all("Revoke").is_empty(), "it opens the other port");
    stage.key(Key::Escape);
    open(&stage, Dialog::Share, "storefront", 5173);
    stage.press("Revoke");
    stage.one("The link is revoked");
    assert!(stage.all("Revoke").is_empty());
    assert!(stage.all("Shared with 3, and who has the link").is_empty());
}

#[test]
fn places_without_links_and_open_urls_offer_none() {
    let stage = Stage::new(Scene::Main);
    for (name, port) in [("webhooks", 4000), ("billing", 3000), ("phone-demo", 8000)] {
        open(&stage, Dialog::Share, name, port);
        assert!(stage.all("Make link").is_empty(), "{name}");
        stage.key(Key::Escape);
    }
}

#[test]
fn what_is_open_to_anyone_and_what_is_on_this_computer_needs_no_header() {
    let stage = Stage::new(Scene::Main);
    open(&stage, Dialog::Share, "phone-demo", 8000);
    stage.one("Anyone with the link can open it until 18:40.");
    assert!(stage.all("Header for programs").is_empty());
    stage.key(Key::Escape);
    open(&stage, Dialog::Share, "billing", 3000);
    stage.one("Reach: this computer only");
    assert!(stage.all("Header for programs").is_empty());
}

#[test]
fn a_token_that_is_refused_is_said_in_the_dialog() {
    let stage = Stage::new(Scene::Main);
    stage.demo.change(|world| world.refuse_changes(Some("this key makes no tokens")));
    open(&stage, Dialog::Share, "storefront", 5173);
    stage.press("Copy");
    stage.one("That was not done. This key makes no tokens.");
    assert!(stage.outside.copied.borrow().is_empty());
}

#[test]
fn a_tunnel_is_edited_by_its_key() {
    let stage = Stage::new(Scene::Main);
    (0..3).for_each(|_| stage.key(Key::DownArrow));
    stage.key(Key::F2);
    stage.one("Edit storefront");
    assert!(!is_enabled(&stage, "Save"), "nothing is changed yet");
    write(&stage, "Expires after", "2y");
    stage.one("From 1 hour to 30 days, such as 8h or 7d.");
    assert!(!is_enabled(&stage, "Save"));
    write(&stage, "Expires after", "7d");
    write(&stage, "Name", "shop-front");
    stage.key(Key::Return);
    assert_eq!(current(&stage), Dialog::None);
    stage.one("shop-front changed");
    stage.beginning("shop-front, Live");
}

#[test]
fn what_a_tunnel_is_not_to_be_is_said_and_what_was_written_stays() {
    let stage = Stage::new(Scene::Main);
    stage.demo.change(|world| world.refuse_changes(Some("the name is taken")));
    open(&stage, Dialog::EditTunnel, "storefront", 0);
    write(&stage, "Name", "billing");
    stage.press("Save");
    stage.one("That was not done. The name is taken.");
    let name = stage.all("Name").into_iter().next().unwrap();
    assert_eq!(name.accessible_value().as_deref(), Some("billing"));
}

#[test]
fn a_port_speaks_another_protocol() {
    let stage = Stage::new(Scene::Main);
    open(&stage, Dialog::EditPort, "storefront", 5173);
    stage.one("Edit port 5173 of storefront");
    choose(&stage, "https");
    stage.press("Save");
    let Some(Job::EditPort(edit)) = jobs(&stage).pop() else { panic!("a port was changed") };
    assert!(!edit.replaces && edit.number == 5173);
    let view = stage.window.view();
    let row = &view.cards.iter().find(|card| card.name == "storefront").unwrap().rows[0];
    assert_eq!(row.protocol.as_ref().map(ToString::to_string).as_deref(), Some("https"));
}

#[test]
fn a_port_has_labels() {
    let stage = Stage::new(Scene::Main);
    open(&stage, Dialog::EditPort, "storefront", 5173);
    stage.write("Labels", "no!");
    assert!(!is_enabled(&stage, "Save"));
    stage.write("Labels", "web, demo");
    stage.press("Save");
    let Some(Job::EditPort(edit)) = jobs(&stage).pop() else { panic!("a port was changed") };
    assert_eq!(edit.change.add_labels, ["web", "demo"]);
    open(&stage, Dialog::EditPort, "storefront", 5173);
    assert_eq!(stage.value("Labels"), "web demo");
}

#[test]
fn a_port_is_made_again_only_once_somebody_agreed() {
    let stage = Stage::new(Scene::Main);
    open(&stage, Dialog::EditPort, "webhooks", 4000);
    choose(&stage, "http");
    stage.beginning("Port 4000 is removed and made again. Microsoft Dev Tunnels changes this");
    assert!(!is_enabled(&stage, "Remove and make again"));
    stage.press("Cut visitors off and make it again");
    stage.press("Remove and make again");
    let Some(Job::EditPort(edit)) = jobs(&stage).pop() else { panic!("a port was changed") };
    assert!(edit.replaces);
    assert_eq!(current(&stage), Dialog::None);
}

#[test]
fn a_tunnel_moves_and_the_old_one_goes_only_on_request() {
    let stage = Stage::new(Scene::Main);
    let old = key(&stage, "storefront");
    open(&stage, Dialog::MoveTunnel, "storefront", 0);
    stage.one("Move storefront to another place");
    stage.one("Does not come along 3 people or groups with access are not known there. Let them in again.");
    choose(&stage, "This computer, No account. Nobody else can open it., this computer only");
    stage.press("Make it there");
    stage.one("storefront is there");
    assert!(stage.all("http://127.0.0.1:51387/").len() == 1, "{:?}", stage.labels());
    assert_eq!(stage.window.view().cards.len(), 6);
    stage.press("Delete the old tunnel");
    assert_eq!(current(&stage), Dialog::None);
    let is_it = |command: &Command| matches!(command, Command::Delete(tunnel) if format!("{} {}", tunnel.place, tunnel.id) == old);
    assert!(stage.demo.asked().iter().any(is_it));
}

#[test]
fn a_move_that_is_refused_changes_nothing() {
    let stage = Stage::new(Scene::Main);
    stage.demo.change(|world| world.refuse_changes(Some("the name is taken")));
    open(&stage, Dialog::MoveTunnel, "storefront", 0);
    stage.press("Make it there");
    stage.one("That was not done. The name is taken.");
    stage.one("Move storefront to another place");
    assert_eq!(stage.window.view().cards.len(), 5);
}

#[test]
fn the_dialogs_speak_portuguese() {
    let stage = Stage::new(Scene::Main);
    stage.window.speak(Language::Portuguese);
    open(&stage, Dialog::Anyone, "design-review", 0);
    stage.one("Abrir 1 URL até 02:02");
}
