//! How things are, in a sentence and what follows from it.

use super::{Card, Hosts, Mood, Standing};
use crate::message::{Counted, Message, Offer, Word};
use crate::state::State;

/// The sentence at the top.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Headline {
    /// The sentence.
    pub text: Message,
    /// What is not live, worst first; nothing when all is well.
    pub below: Option<Message>,
}

/// How many tunnels each filter shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// All.
    pub all: usize,
    /// Those that are proven to work.
    pub live: usize,
    /// Those where a person has something to do.
    pub needs_you: usize,
    /// Those that nobody hosts, as somebody chose.
    pub stopped: usize,
}

pub(super) fn counts(cards: &[Card]) -> Counts {
    let count = |counts: &dyn Fn(&&Card) -> bool| cards.iter().filter(counts).count();
    Counts {
        all: cards.len(),
        live: count(&|card| card.standing.mood == Mood::Live),
        needs_you: count(&|card| card.needs_you()),
        stopped: count(&|card| card.standing.mood == Mood::Stopped),
    }
}

pub(super) fn fold(state: &State, cards: &[Card]) -> Headline {
    let bare = |text| Headline { text, below: None };
    if cards.is_empty() {
        // Nothing is said to be empty that was never told.
        let is_told = state.places.iter().any(|place| place.told.is_some());
        let is_open =
            state.places.iter().any(|place| place.failed.is_none() && place.told.is_none());
        return bare(if is_open && !is_told { Message::Getting } else { Message::NoTunnels });
    }
    let wanted: Vec<_> = cards.iter().filter(|card| is_wanted(card)).collect();
    if wanted.is_empty() {
        return bare(Message::NothingHosted);
    }
    let live = wanted.iter().filter(|card| card.standing.mood == Mood::Live).count();
    if live == wanted.len() && live < cards.len() {
        // All of them are not all that somebody sees.
        let beside = [(Mood::Stopped, Counted::Stopped), (Mood::Standby, Counted::Elsewhere)];
        let beside = beside.into_iter().filter_map(|(mood, what)| {
            let is_it = |card: &&Card| !is_wanted(card) && card.standing.mood == mood;
            let n = cards.iter().filter(is_it).count() as u64;
            (n > 0).then_some(Message::Count { what, n })
        });
        let beside: Vec<_> = beside.collect();
        return Headline {
            text: Message::Count { what: Counted::Live, n: live as u64 },
            below: (!beside.is_empty()).then_some(Message::All(beside)),
        };
    }
    let below: Vec<_> = [
        Counted::Broken,
        Counted::Elsewhere,
        Counted::Stopped,
        Counted::Waiting,
        Counted::Offline,
        Counted::Reconnecting,
        Counted::Connecting,
        Counted::Checking,
    ]
    .into_iter()
    .filter_map(|what| {
        let is_it = |card: &&&Card| counted(&card.standing) == Some(what);
        let n = wanted.iter().filter(is_it).count() as u64;
        (n > 0).then_some(Message::Count { what, n })
    })
    .collect();
    Headline {
        text: Message::LiveCount { live: live as u64, of: wanted.len() as u64 },
        below: (!below.is_empty()).then_some(Message::All(below)),
    }
}

/// Whether somebody wants it hosted here: one that was stopped is no part of "all".
pub(super) fn is_wanted(card: &Card) -> bool {
    card.toggle.on || (card.hosts == Hosts::Nobody && card.standing.mood == Mood::Error)
}

fn counted(standing: &Standing) -> Option<Counted> {
    Some(match standing.mood {
        _ if standing.word == Word::Waiting => Counted::Offline,
        Mood::Stopped | Mood::Live => return None,
        Mood::Checking => Counted::Checking,
        Mood::Connecting => Counted::Connecting,
        Mood::Reconnecting => Counted::Reconnecting,
        Mood::Local => Counted::Waiting,
        // Who took it hosts it no longer.
        Mood::Standby if standing.offer == Some(Offer::Start) => Counted::Stopped,
        Mood::Standby => Counted::Elsewhere,
        Mood::Error => Counted::Broken,
    })
}
