//! The dialogs that make and remove.

use adit_app::event::{Event, Preflight};
use adit_app::failure::{Code, Failure};
use adit_app::place_key::PlaceKey;
use adit_desktop::demo::{Refuses, Scene};
use adit_desktop::{Dialog, NewTunnel, Tunnels};
use slint::platform::Key;
use slint::{ComponentHandle, Model};

use super::Shot;
use super::common::Stage;

const SIZE: (u32, u32) = (960, 680);

pub(super) const SHOTS: &[Shot] = &[
    Shot { name: "new-tunnel", scene: Scene::Main, size: SIZE, go: new_tunnel },
    Shot { name: "new-tunnel-advanced", scene: Scene::Main, size: SIZE, go: advanced },
    Shot { name: "add-port", scene: Scene::Main, size: SIZE, go: add_port },
    Shot { name: "add-port-new", scene: Scene::Empty, size: SIZE, go: add_port_new },
    Shot { name: "add-port-half", scene: Scene::Empty, size: SIZE, go: add_port_half },
    Shot { name: "delete", scene: Scene::Main, size: SIZE, go: delete },
    Shot { name: "delete-port", scene: Scene::Main, size: SIZE, go: delete_port },
    Shot {
        name: "take-over",
        scene: Scene::Errors,
        size: SIZE,
        go: |stage| open(stage, Dialog::TakeOver, "design-review"),
    },
    Shot { name: "quit", scene: Scene::Main, size: SIZE, go: |stage| stage.control('q') },
    Shot { name: "get-command", scene: Scene::Main, size: SIZE, go: get_command },
];

fn new_tunnel(stage: &Stage) {
    stage.key('n');
    stage.type_text("checkout-preview");
}

fn advanced(stage: &Stage) {
    stage.key('n');
    stage.type_text("storefront");
    stage.window.app().global::<NewTunnel<'_>>().set_is_unfolded(true);
    stage.settle();
}

fn add_port(stage: &Stage) {
    // Billing's header and row, and storefront's header.
    (0..3).for_each(|_| stage.key(Key::DownArrow));
    stage.key('p');
    stage.key(Key::DownArrow);
}

fn add_port_new(stage: &Stage) {
    stage.key('p');
    stage.type_text("5432");
}

fn add_port_half(stage: &Stage) {
    let failure = Failure::new(Code::Refused, "the relay allows 10 ports for you");
    stage.demo.change(|world| world.refuse(Refuses::AddPort, failure));
    stage.key('p');
    stage.type_text("5173");
    stage.key(Key::Return);
}

fn delete(stage: &Stage) {
    (0..6).for_each(|_| stage.key(Key::DownArrow));
    stage.key(Key::Delete);
}

fn delete_port(stage: &Stage) {
    (0..4).for_each(|_| stage.key(Key::DownArrow));
    stage.key(Key::Delete);
}

fn get_command(stage: &Stage) {
    let (place, found) = (PlaceKey::microsoft(), Preflight::CommandMissing);
    stage.demo.change(|world| world.event(Event::Checked { place, found }));
    stage.settle();
    stage.window.open(Dialog::GetCommand, "microsoft", 0);
    stage.settle();
}

/// Opens what is about the tunnel of that name.
fn open(stage: &Stage, dialog: Dialog, name: &str) {
    let cards = stage.window.app().global::<Tunnels<'_>>().get_cards();
    let key = cards.iter().find(|card| card.name == name).map(|card| card.key).unwrap_or_default();
    stage.window.open(dialog, &key, 0);
    stage.settle();
}
