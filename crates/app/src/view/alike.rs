//! Whether two views say the same but for how long ago things were: looks at URLs that go well come in every few seconds,
//! and are no reason to draw everything anew.

use super::{Card, PlaceView, Row, Standing, View};
use crate::message::Message;

impl View {
    /// Whether this says what the other does, but for how long ago it was.
    pub fn is_alike(&self, other: &Self) -> bool {
        // Whole, so that nothing that is added is left out.
        let Self {
            headline,
            counts,
            cards,
            rendered_ports,
            selection,
            banner,
            conditions,
            errand,
            undo,
            sheet,
            places,
            setup,
            tray,
            preferences,
            is_quitting,
        } = self;
        *headline == other.headline
            && *counts == other.counts
            && *rendered_ports == other.rendered_ports
            && *selection == other.selection
            && *banner == other.banner
            && *conditions == other.conditions
            && *errand == other.errand
            && *undo == other.undo
            && *sheet == other.sheet
            && *setup == other.setup
            && *tray == other.tray
            && *preferences == other.preferences
            && *is_quitting == other.is_quitting
            && all(cards, &other.cards, card)
            && all(places, &other.places, place)
    }
}

fn all<T>(one: &[T], other: &[T], alike: impl Fn(&T, &T) -> bool) -> bool {
    one.len() == other.len() && one.iter().zip(other).all(|(one, other)| alike(one, other))
}

fn card(one: &Card, other: &Card) -> bool {
    let Card {
        id,
        place,
        name,
        description,
        standing: of,
        notices,
        hosts,
        toggle,
        openness,
        reach,
        expires,
        is_placeholder,
        has_port,
        rows,
    } = one;
    *id == other.id
        && *place == other.place
        && *name == other.name
        && *description == other.description
        && standing(of, &other.standing)
        && all(notices, &other.notices, standing)
        && *hosts == other.hosts
        && *toggle == other.toggle
        && *openness == other.openness
        && *reach == other.reach
        && *expires == other.expires
        && *is_placeholder == other.is_placeholder
        && *has_port == other.has_port
        && all(rows, &other.rows, row)
}

fn row(one: &Row, other: &Row) -> bool {
    let Row { index, port, protocol, urls, instead, standing: of, ticket } = one;
    *index == other.index
        && *port == other.port
        && *protocol == other.protocol
        && *urls == other.urls
        && *instead == other.instead
        && standing(of, &other.standing)
        && *ticket == other.ticket
}

fn standing(one: &Standing, other: &Standing) -> bool {
    let Standing { mood, text, word, detail, offer } = one;
    *mood == other.mood
        && message(text, &other.text)
        && *word == other.word
        && *detail == other.detail
        && *offer == other.offer
}

fn place(one: &PlaceView, other: &PlaceView) -> bool {
    // How long its last answer took is as fleeting as when it came.
    let PlaceView {
        key,
        mood,
        usable,
        looked,
        account,
        is_default,
        reach,
        tunnels,
        answered: _,
        trouble,
        list,
        leaving,
    } = one;
    *key == other.key
        && *mood == other.mood
        && *usable == other.usable
        && *looked == other.looked
        && *account == other.account
        && *is_default == other.is_default
        && *reach == other.reach
        && *tunnels == other.tunnels
        && *trouble == other.trouble
        && *leaving == other.leaving
        && match (list, &other.list) {
            (Some(one), Some(other)) => message(one, other),
            (one, other) => one == other,
        }
}

fn message(one: &Message, other: &Message) -> bool {
    match (one, other) {
        (Message::Live { proof: one, .. }, Message::Live { proof: other, .. }) => one == other,
        (Message::CheckedAgo(_), Message::CheckedAgo(_)) => true,
        (one, other) => one == other,
    }
}
