//! Making tunnels and ports: places, access and lengths of time to choose from, and what is said of what is typed.

use std::time::Duration;

use adit_app::access::{Access, Open};
use adit_app::form::{self, CheckedOptions, CheckedPort, CheckedTunnel, Mistake, NameSays};
use adit_app::local::{Found, Listening};
use adit_app::message::Message;
use adit_app::place_key::Kind;
use adit_app::preferences::NewTunnels;
use adit_app::reach::Reach;
use adit_app::view::{Card, PlaceView, Row};
use slint::SharedString;

use super::listening;
use super::terms::{self, Speech};
use crate::ui;

/// For so long everybody may be let in at once, besides what the settings have.
const OPEN_FOR: [&str; 3] = ["1h", "8h", "1d"];

/// A place to choose, as it is with that access.
pub fn place(
    place: &PlaceView,
    access: Access,
    speech: &Speech,
    strings: &ui::MakingStrings<'_>,
) -> ui::PlaceChoice {
    let reach = form::reach(&place.key, place.reach, access);
    let enabled = place.can_be_used();
    let detail = match (&place.trouble, place.key.kind()) {
        (Some(trouble), _) if !enabled => speech.say(&trouble.text),
        (_, Kind::Here) if reach == Some(Reach::Network) => strings.invoke_place_here_lan(),
        (_, Kind::Here) => strings.invoke_place_here(),
        (_, Kind::Relay) => strings.invoke_place_relay(),
        (_, Kind::Microsoft) => match &place.account {
            Some(account) => account.as_str().into(),
            None => strings.invoke_place_microsoft(),
        },
    };
    ui::PlaceChoice {
        key: place.key.as_str().into(),
        kind: terms::place_kind(&place.key),
        host: place.key.host().into(),
        detail,
        reach: terms::reach(reach),
        enabled,
    }
}

/// Who may visit a new tunnel, to choose from: what the settings have is among it.
pub fn accesses(settings: &NewTunnels) -> Vec<Access> {
    let mut spans: Vec<Open> = OPEN_FOR.iter().filter_map(|text| text.parse().ok()).collect();
    spans.extend(settings.anonymous.filter(|open| !spans.contains(open)));
    spans.sort_by_key(|open| open.span());
    std::iter::once(Access::Private).chain(spans.into_iter().map(Access::Anonymous)).collect()
}

/// One of [`accesses`] in words.
pub fn access(access: Access, strings: &ui::MakingStrings<'_>) -> SharedString {
    match access {
        Access::Private => strings.invoke_only_me(),
        Access::Anonymous(open) => strings.invoke_anyone_for(length(open.span(), strings)),
    }
}

/// How long new tunnels live without use, and how long everybody may open them; empty where only the owner may.
pub fn settings(
    settings: &NewTunnels,
    strings: &ui::MakingStrings<'_>,
) -> (SharedString, SharedString) {
    let life = Duration::from_secs(settings.expiration.unwrap_or_default().seconds().into());
    let open = settings.anonymous.map(|open| length(open.span(), strings));
    (length(life, strings), open.unwrap_or_default())
}

/// A length of time in words, in the largest unit that divides it.
fn length(span: Duration, strings: &ui::MakingStrings<'_>) -> SharedString {
    let minutes = span.as_secs() / 60;
    let of = |unit: u64| i32::try_from(minutes / unit).unwrap_or(i32::MAX);
    match minutes {
        minutes if minutes.is_multiple_of(24 * 60) => strings.invoke_days(of(24 * 60)),
        minutes if minutes.is_multiple_of(60) => strings.invoke_hours(of(60)),
        _ => strings.invoke_minutes(of(1)),
    }
}

/// What listens and is not in that tunnel.
pub fn ports(found: &Found, card: Option<&Card>, speech: &Speech) -> Vec<ui::Listener> {
    let is_there = |it: &ui::Listener| {
        card.is_some_and(|card| card.rows.iter().any(|row| is_of(row, it.port)))
    };
    listening::ports(found, speech).into_iter().filter(|it| !is_there(it)).collect()
}

fn is_of(row: &Row, port: i32) -> bool {
    row.index.is_some() && i32::from(row.port) == port
}

/// Which program listens on a port.
pub fn program(found: &Found, port: u16) -> Option<String> {
    let Found::Ports(ports) = found else { return None };
    let is_it = |it: &&Listening| it.port == port;
    ports.iter().find(is_it).and_then(|it| it.program.as_deref()).map(ToOwned::to_owned)
}

/// Shows what is said of a new tunnel.
pub fn show_tunnel(global: &ui::NewTunnel<'_>, checked: &CheckedTunnel, speech: &Speech) {
    let say = |mistake: &Option<Mistake>| said(mistake.as_ref(), speech);
    let (error, is_free) = name(&checked.name, speech);
    global.set_name_error(error);
    global.set_is_free(is_free);
    global.set_expiration_error(say(&checked.expiration));
    global.set_description_error(say(&checked.description));
    global.set_labels_error(say(&checked.options.labels));
    global.set_host_error(say(&checked.options.host));
    global.set_origin_error(say(&checked.options.origin));
    global.set_timeout_error(say(&checked.options.timeout));
    global.set_can_create(checked.draft.is_some());
}

/// Shows what is said of a port.
pub fn show_port(global: &ui::AddPort<'_>, checked: &CheckedPort, speech: &Speech) {
    let (error, is_free) = name(&checked.name, speech);
    global.set_name_error(error);
    global.set_is_free(is_free);
    global.set_number_error(said(checked.number.as_ref(), speech));
    global.set_risk(checked.risk.map(|it| speech.say(&Message::Risk(it))).unwrap_or_default());
    let CheckedOptions { labels, host, origin, timeout, value: _ } = &checked.options;
    global.set_description_error(said(checked.description.as_ref(), speech));
    global.set_labels_error(said(labels.as_ref(), speech));
    global.set_host_error(said(host.as_ref(), speech));
    global.set_origin_error(said(origin.as_ref(), speech));
    global.set_timeout_error(said(timeout.as_ref(), speech));
    global.set_can_add(checked.wish.is_some());
}

fn name(says: &NameSays, speech: &Speech) -> (SharedString, bool) {
    match says {
        NameSays::Nothing => (SharedString::default(), false),
        NameSays::Free => (SharedString::default(), true),
        NameSays::Wrong(mistake) => (said(Some(mistake), speech), false),
    }
}

fn said(mistake: Option<&Mistake>, speech: &Speech) -> SharedString {
    let said = mistake.map(|it| speech.say(&Message::Mistake(it.clone())));
    said.unwrap_or_default()
}
