//! The places, each with its own state and its own error.

use crate::condition::{Condition, Subject};
use crate::message::Message;
use crate::place_key::PlaceKey;
use crate::reach::Reach;
use crate::state::State;
use crate::state::change::{Change, What};
use crate::state::place::{Access, Place};

use super::Mood;

/// A place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlaceView {
    /// Which.
    pub key: PlaceKey,
    /// How it stands.
    pub mood: Mood,
    /// As whom somebody is signed in, where that is known.
    pub account: Option<String>,
    /// What is wrong with it.
    pub trouble: Option<Condition>,
    /// Of when the list is that is shown; nothing before the first.
    pub list: Option<Message>,
    /// How far its URLs reach, where that is known.
    pub reach: Option<Reach>,
    /// It is being found out whether it can be used.
    pub is_checking: bool,
    /// Names of tunnels that are out of sight because they are being removed; the service has them still.
    pub leaving: Vec<String>,
}

pub(super) fn fold(state: &State, conditions: &[Condition]) -> Vec<PlaceView> {
    state.places.iter().map(|place| of(state, place, conditions)).collect()
}

fn of(state: &State, place: &Place, conditions: &[Condition]) -> PlaceView {
    let about = Subject::Place(place.key.clone());
    let trouble = conditions.iter().find(|condition| condition.about == about).cloned();
    let list = match state.kept_as_of(&place.key) {
        Some(at) => Some(Message::AsOf(at)),
        None => place.as_of.map(Message::CheckedAgo),
    };
    PlaceView {
        key: place.key.clone(),
        mood: mood(place, trouble.as_ref()),
        account: place.account.clone(),
        trouble,
        list,
        reach: place.reach,
        is_checking: place.checking,
        leaving: leaving(state, &place.key),
    }
}

fn leaving(state: &State, place: &PlaceKey) -> Vec<String> {
    let of = |change: &Change| match &change.what {
        What::Delete(tunnel) if tunnel.place == *place && change.hides() => {
            Some(state.name(tunnel))
        }
        _ => None,
    };
    state.changes.iter().filter_map(of).collect()
}

fn mood(place: &Place, trouble: Option<&Condition>) -> Mood {
    if trouble.is_some_and(|condition| super::card::is_bad(condition.code)) {
        return Mood::Error;
    }
    match &place.access {
        _ if place.failed.is_some() => Mood::Reconnecting,
        // Without an answer nothing is called well.
        _ if place.told.is_none() => Mood::Connecting,
        Access::Ready => Mood::Live,
        _ => Mood::Connecting,
    }
}
