//! The one place that decides: an input at a moment changes the state and yields what is to be done.
//!
//! It reads no clock and does nothing. Whoever drives it does the effects, feeds what comes of them back, and calls
//! with [`Input::Tick`] when [`deadline`] has come.

mod changes;
mod commands;
mod due;
mod engines;
mod errands;
mod first_run;
mod lists;
mod manage;
mod notices;
mod resume;
mod setup;
#[cfg(test)]
mod tests;
mod traffic;

use std::time::{Duration, Instant};

use crate::effect::Effect;
use crate::event::{Event, Input};
use crate::failure::Failure;
use crate::moment::Moment;
use crate::persist::{Part, Save};
use crate::place_key::PlaceKey;
use crate::state::State;

pub use due::deadline;

/// What happened is written at most this often: it may be lost, and a disk is not to be kept busy by visitors.
const HISTORY_EVERY: Duration = Duration::from_secs(30);

/// What could not be written is tried again after this.
const SAVE_AGAIN: Duration = Duration::from_secs(60);

/// Takes in what happened, and says what is to be done.
pub fn update(state: &mut State, input: Input, now: Moment) -> Vec<Effect> {
    let is_traffic = input.is_traffic();
    state.wall = now.wall;
    let mut turn = Turn { state, now, effects: Vec::new() };
    match input {
        Input::Command(command) => turn.command(command),
        Input::Event(event) => turn.event(event),
        Input::Tick => {}
    }
    if !is_traffic {
        turn.due();
        turn.conditions();
        turn.urls();
    }
    turn.effects
}

/// One call of [`update`].
struct Turn<'a> {
    state: &'a mut State,
    now: Moment,
    effects: Vec<Effect>,
}

impl Turn<'_> {
    fn event(&mut self, event: Event) {
        match event {
            Event::Checked { place, found } => self.checked(&place, found),
            Event::Reached { place, reach } => {
                if let Some(place) = self.state.place_mut(&place) {
                    place.reach = reach;
                }
            }
            Event::Listed { place, serial, result } => self.listed(&place, serial, result),
            Event::Shown { tunnel, serial, result } => self.shown(&tunnel, serial, result),
            Event::Read { tunnel, serial, result } => self.read(&tunnel, serial, result),
            Event::Changed { ticket, result } => self.changed(ticket, result),
            Event::Engine { tunnel, event } => self.engine(&tunnel, &event),
            Event::SentAgain { tunnel, port, of, result } => {
                self.sent_again(&tunnel, port, of, result);
            }
            Event::Connections(counts) => self.connections(&counts),
            Event::Passed(passed) => self.passed(&passed),
            Event::NotHosted { tunnel, failure } => self.not_hosted(&tunnel, failure),
            Event::Ended(tunnel) => self.ended(&tunnel),
            Event::Setup(told) => self.told_setup(told),
            Event::Network { is_there } => self.network(is_there),
            // Other addresses, perhaps.
            Event::Preferred => self.refresh(Some(&PlaceKey::here())),
            Event::Saved { part, result } => self.saved(part, result),
        }
    }

    /// Lists that failed for want of a network are asked for again as soon as there is one.
    fn network(&mut self, is_there: bool) {
        if !is_there {
            self.state.offline.get_or_insert(self.now.wall);
            return;
        }
        let waiting = |key: &PlaceKey| self.state.waits_for_network(key).is_some();
        let waiting: Vec<_> =
            (self.state.places.iter()).map(|it| it.key.clone()).filter(waiting).collect();
        self.state.offline = None;
        waiting.iter().for_each(|key| self.refresh(Some(key)));
    }

    fn saved(&mut self, part: Part, result: Result<(), Failure>) {
        match result {
            Ok(()) => {
                self.state.unsaved.remove(&part);
            }
            Err(failure) => {
                self.state.unsaved.insert(part, failure);
                self.state.unsaved_due.get_or_insert(self.now.at + SAVE_AGAIN);
            }
        }
    }

    /// What could not be written is tried again: a disk is not full for ever.
    fn save_unsaved(&mut self) {
        self.state.unsaved_due = None;
        for part in self.state.unsaved.keys().copied().collect::<Vec<_>>() {
            let state = &*self.state;
            self.effects.push(Effect::Save(match part {
                Part::Preferences => Save::Preferences(state.preferences.clone()),
                Part::Memory => Save::Memory(state.memory()),
                Part::Lists => Save::Lists(state.lists()),
                Part::History => Save::History(Box::new(state.history.clone())),
                Part::Setup => Save::Setup(state.setup.chosen.clone()),
            }));
        }
    }

    /// Somebody has to sign in to a place.
    fn signed_out(&mut self, place: &PlaceKey) {
        let now = self.now.wall;
        if let Some(place) = self.state.place_mut(place) {
            place.sign_out(now);
        }
    }

    fn save_memory(&mut self) {
        self.effects.push(Effect::Save(Save::Memory(self.state.memory())));
    }

    fn save_lists(&mut self) {
        self.effects.push(Effect::Save(Save::Lists(self.state.lists())));
    }

    fn save_history_later(&mut self) {
        self.state.history_due.get_or_insert(self.now.at + HISTORY_EVERY);
    }

    fn at(&self) -> Instant {
        self.now.at
    }
}
