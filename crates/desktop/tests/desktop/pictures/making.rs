//! The dialogs that make and remove.

use adit_app::event::{Event, Preflight};
use adit_app::failure::{Code, Failure};
use adit_app::place_key::PlaceKey;
use adit_desktop::demo::Refuses;
use adit_desktop::{AddPort, Dialog, NewTunnel, Tunnels};
use slint::platform::Key;
use slint::{ComponentHandle, Model};

use super::{WIDE, pictures};
use crate::common::Stage;

pictures! {
    new_tunnel: Main, WIDE, to_new_tunnel;
    new_tunnel_advanced: Main, WIDE, to_advanced;
    add_port: Main, WIDE, to_add_port;
    add_port_advanced: Main, WIDE, to_add_port_advanced;
    add_port_new: Empty, WIDE, to_add_port_new;
    add_port_half: Empty, WIDE, to_add_port_half;
    delete: Main, WIDE, to_delete;
    delete_port: Main, WIDE, to_delete_port;
    take_over: Errors, WIDE, |stage| open(stage, Dialog::TakeOver, "design-review");
    quit: Main, WIDE, |stage| stage.control('q');
    get_command: Main, WIDE, to_get_command;
}

fn to_new_tunnel(stage: &Stage) {
    stage.key('n');
    stage.type_text("checkout-preview");
}

fn to_advanced(stage: &Stage) {
    stage.key('n');
    stage.type_text("storefront");
    stage.window.app().global::<NewTunnel<'_>>().set_is_unfolded(true);
    stage.settle();
}

fn to_add_port(stage: &Stage) {
    // Billing's header and row, and storefront's header.
    (0..3).for_each(|_| stage.key(Key::DownArrow));
    stage.key('p');
    stage.key(Key::DownArrow);
}

fn to_add_port_advanced(stage: &Stage) {
    to_add_port(stage);
    let form = stage.window.app().global::<AddPort<'_>>();
    form.set_is_unfolded(true);
    form.set_description("The shop as customers see it".into());
    stage.settle();
    // To its end.
    stage.key(Key::Tab);
    stage.key(Key::PageDown);
}

fn to_add_port_new(stage: &Stage) {
    stage.key('p');
    stage.type_text("5432");
}

fn to_add_port_half(stage: &Stage) {
    let failure = Failure::new(Code::Refused, "the relay allows 10 ports for you");
    stage.demo.change(|world| world.refuse(Refuses::AddPort, failure));
    stage.key('p');
    stage.type_text("5173");
    stage.key(Key::Return);
}

fn to_delete(stage: &Stage) {
    (0..6).for_each(|_| stage.key(Key::DownArrow));
    stage.key(Key::Delete);
}

fn to_delete_port(stage: &Stage) {
    (0..4).for_each(|_| stage.key(Key::DownArrow));
    stage.key(Key::Delete);
}

fn to_get_command(stage: &Stage) {
    let (place, found) = (PlaceKey::microsoft(), Preflight::CommandMissing);
    stage.demo.change(|world| world.event(Event::Checked { place, found }));
    stage.settle();
    stage.window.open(Dialog::SignIn, "microsoft", 0);
    stage.settle();
}

/// Opens what is about the tunnel of that name.
fn open(stage: &Stage, dialog: Dialog, name: &str) {
    let cards = stage.window.app().global::<Tunnels<'_>>().get_cards();
    let key = cards.iter().find(|card| card.name == name).map(|card| card.key).unwrap_or_default();
    stage.window.open(dialog, &key, 0);
    stage.settle();
}
