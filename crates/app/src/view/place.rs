//! The places, each with its own state and its own error.

use std::time::Duration;

use jiff::Timestamp;

use crate::condition::{Condition, Subject};
use crate::message::Message;
use crate::place_key::{Kind, PlaceKey};
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
    /// Whether it can be used.
    pub usable: Usable,
    /// When the command was last looked for, as long as it is missing or too old.
    pub looked: Option<Timestamp>,
    /// As whom somebody is signed in, where that is known.
    pub account: Option<String>,
    /// New tunnels live there, unless somebody says otherwise.
    pub is_default: bool,
    /// How far its URLs reach, where that is known.
    pub reach: Option<Reach>,
    /// How many tunnels it has.
    pub tunnels: usize,
    /// How long its last answer took.
    pub answered: Option<Duration>,
    /// What is wrong with it.
    pub trouble: Option<Condition>,
    /// Of when the list is that is shown; nothing before the first.
    pub list: Option<Message>,
    /// Names of tunnels that are out of sight because they are being removed; the service has them still.
    pub leaving: Vec<String>,
}

/// Whether a place can be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Usable {
    /// It is being found out.
    Unknown,
    /// Somebody is signed in, or nobody needs to.
    Ready,
    /// Nobody is signed in, any more perhaps.
    SignedOut(Option<Lapsed>),
    /// The command that it is managed with is not there.
    CommandMissing,
    /// The command is too old.
    CommandOld(String),
}

/// A sign-in that has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lapsed {
    /// As whom somebody was signed in.
    pub account: String,
    /// When it was found to have ended.
    pub at: Timestamp,
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
        usable: usable(place),
        looked: place.looked,
        account: place.account.clone(),
        is_default: state.default_place() == place.key,
        reach: reach(state, &place.key),
        tunnels: state.tunnels().iter().filter(|tunnel| tunnel.place == place.key).count(),
        answered: place.answered,
        trouble,
        list,
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

fn usable(place: &Place) -> Usable {
    match &place.access {
        Access::Unknown => Usable::Unknown,
        Access::Ready => Usable::Ready,
        Access::SignedOut => Usable::SignedOut(place.lapsed.clone()),
        Access::CommandMissing => Usable::CommandMissing,
        Access::CommandOld(version) => Usable::CommandOld(version.clone()),
    }
}

/// How far the URLs of a place reach, where that is known.
pub(super) fn reach(state: &State, place: &PlaceKey) -> Option<Reach> {
    match place.kind() {
        Kind::Here if state.preferences.local_network => Some(Reach::Network),
        Kind::Here => Some(Reach::Computer),
        Kind::Microsoft => Some(Reach::Internet),
        Kind::Relay => state.places.iter().find(|it| it.key == *place)?.reach,
    }
}
