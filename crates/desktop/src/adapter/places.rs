//! The foot: each place, and how fresh what is shown is.

use adit_app::condition::Code;
use adit_app::message::Message;
use adit_app::view::{PlaceView, View};
use slint::SharedString;

use super::terms::{self, Speech};
use crate::ui;

/// The places at the foot.
pub fn marks(view: &View, strings: &ui::Strings<'_>) -> Vec<ui::PlaceMark> {
    let mark = |place: &PlaceView| ui::PlaceMark {
        key: place.key.as_str().into(),
        kind: terms::place_kind(&place.key),
        host: place.key.host().into(),
        mood: terms::mood(place.mood),
        reason: place.trouble.as_ref().map(|it| reason(it.code, strings)).unwrap_or_default(),
    };
    view.places.iter().map(mark).collect()
}

fn reason(code: Code, strings: &ui::Strings<'_>) -> SharedString {
    match code {
        Code::SignInNeeded => strings.invoke_reason_sign_in(),
        Code::NoNetwork => strings.invoke_reason_network(),
        Code::RelayUnreachable => strings.invoke_reason_unreachable(),
        Code::CommandMissing | Code::CommandOld => strings.invoke_reason_command(),
        _ => strings.invoke_reason_list(),
    }
}

/// What stands at the right of the foot: the oldest of what is shown.
pub fn told(view: &View, speech: &Speech, strings: &ui::Strings<'_>) -> SharedString {
    let is_told = view.headline.text != Message::Getting;
    if is_told && !view.cards.iter().any(|card| card.toggle.on) {
        return strings.invoke_nothing_hosted();
    }
    let age = |message: &Message| match message {
        Message::AsOf(at) => Some((0, *at)),
        Message::CheckedAgo(at) => Some((1, *at)),
        _ => None,
    };
    let lists = view.places.iter().filter_map(|place| place.list.as_ref());
    let oldest = lists.filter_map(|list| Some((age(list)?, list))).min_by_key(|(age, _)| *age);
    oldest.map(|(_, list)| speech.say(list)).unwrap_or_default()
}
