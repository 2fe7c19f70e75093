//! What every face shows, as values: folds over what is known, without time and without words.
//!
//! A view holds [messages](crate::message::Message) and moments; [`crate::words`] makes text of them when it is
//! drawn. So nothing changes here while only time passes, and two views that are equal look the same. The tray is
//! built from the same cards as the window, so that it can say nothing else.

mod alike;
mod card;
mod errand;
mod headline;
mod place;
mod setup;
mod standing;
#[cfg(test)]
mod tests;
mod tray;
mod undo;

use crate::condition::{Code, Condition, Severity, Subject};
use crate::manage::Sheet;
use crate::message::{Message, Offer};
use crate::preferences::Preferences;
use crate::state::{Remembered, State};

pub(crate) use card::start_or_ask;
pub use card::{Card, CardId, Hosts, Row, Toggle};
pub use errand::{Errand, Progress};
pub use headline::{Counts, Headline};
pub use place::{Lapsed, PlaceView, Usable};
pub use setup::{ErrandView, Failed, FirstRun, ImportView, SetupView, Stays, TrialView};
pub use standing::{Mood, PortStatus, Standing, TunnelStatus, of_status};
pub use tray::{Does, Icon, Item, Tray};
pub use undo::Undo;

/// All that a window and a tray show.
#[derive(Clone, Debug, PartialEq)]
pub struct View {
    /// How things are, in a sentence.
    pub headline: Headline,
    /// How many tunnels each filter shows.
    pub counts: Counts,
    /// The tunnels, in an order that no change of state disturbs.
    pub cards: Vec<Card>,
    /// How many ports are drawn that the service knows.
    pub rendered_ports: usize,
    /// The port whose details are shown.
    pub selection: Selection,
    /// The worst of what is wrong with the application or a place.
    pub banner: Option<Condition>,
    /// All that is wrong, the worst first.
    pub conditions: Vec<Condition>,
    /// What a dialog waits for.
    pub errand: Option<Errand>,
    /// What can be undone.
    pub undo: Vec<Undo>,
    /// What the open dialog about a tunnel shows.
    pub sheet: Option<Sheet>,
    /// The places.
    pub places: Vec<PlaceView>,
    /// What is being set up.
    pub setup: SetupView,
    /// The tray.
    pub tray: Tray,
    /// The settings in force.
    pub preferences: Preferences,
    /// Everything is being stopped.
    pub is_quitting: bool,
}

/// The port whose details are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// The [index](Row::index) of its row.
    pub index: Option<usize>,
    /// It was chosen and is not there; whoever holds the choice lets go of it.
    pub is_stale: bool,
}

impl View {
    /// The tunnels that this program hosts: those that stop when it ends.
    pub fn hosted(&self) -> impl Iterator<Item = &Card> {
        self.cards.iter().filter(|card| card.hosts == Hosts::Us)
    }
}

/// Folds what is known.
pub fn fold(state: &State) -> View {
    let (cards, selection) = card::fold(state);
    let visible = state.conditions.visible();
    let conditions: Vec<_> = visible.into_iter().map(|(condition, _)| condition.clone()).collect();
    let rows = cards.iter().flat_map(|card| &card.rows);
    View {
        headline: headline::fold(state, &cards),
        counts: headline::counts(&cards),
        rendered_ports: rows.filter(|row| row.index.is_some()).count(),
        selection,
        banner: banner(state, &cards, &conditions),
        errand: errand::fold(state, &cards),
        undo: undo::fold(state),
        sheet: state.sheet.as_ref().map(|open| open.sheet.clone()),
        places: place::fold(state, &conditions),
        setup: setup::fold(state),
        tray: tray::fold(&cards, &conditions),
        preferences: state.preferences.clone(),
        is_quitting: state.quitting.is_some(),
        cards,
        conditions,
    }
}

/// Of what waits for the same, so many are named.
const NAMED: usize = 3;

/// The worst of what is wrong with the application or a place; of a sign-in that has ended, with what waits for it.
fn banner(state: &State, cards: &[Card], conditions: &[Condition]) -> Option<Condition> {
    let is_general = |condition: &&Condition| {
        matches!(condition.about, Subject::App | Subject::Place(_))
            && condition.code.severity() > Severity::Info
    };
    let mut banner = conditions.iter().find(is_general).cloned()?;
    if let (Code::SignInNeeded, Some(place)) = (banner.code, banner.about.place()) {
        let resumes = |card: &Card| {
            let is_it = |it: &&Remembered| Some(&it.key) == card.tunnel();
            let remembered = state.remembered.iter().find(is_it);
            remembered.is_some_and(|it| it.resume.is_some() && !state.hosted.contains_key(&it.key))
        };
        let waits = |card: &&Card| {
            let asks = card.standing.offer == Some(Offer::SignIn(place.clone()));
            card.place == *place && (resumes(card) || (asks && card.standing.mood == Mood::Error))
        };
        let mut names: Vec<_> = cards.iter().filter(waits).map(|card| card.name.clone()).collect();
        if !names.is_empty() {
            let more = names.len().saturating_sub(NAMED) as u64;
            names.truncate(NAMED);
            banner.text = Message::All(vec![banner.text, Message::HostedAfter { names, more }]);
        }
    }
    Some(banner)
}
