//! What is done because its time has come.

use std::time::Instant;

use crate::effect::Effect;
use crate::persist::Save;
use crate::state::change::Stage;
use crate::state::place::Access;
use crate::state::setup::Removing;
use crate::state::{LEAVING, State};

use super::Turn;
use super::changes::SETTLE;
use crate::tunnel_key::TunnelKey;

/// When [`super::update`] is to be called next, if nothing happens before; `None` is never. `now` is for what is due
/// at once.
pub fn deadline(state: &State, now: Instant) -> Option<Instant> {
    // Who is on the way out asks nobody for anything, and waits for engines only.
    if let Some(quitting) = state.quitting {
        let waits = !quitting.finished && state.setup.removing != Some(Removing::Asked);
        return waits.then_some(quitting.until);
    }
    let places = state.places.iter().filter_map(|place| place.due(state.visible, now));
    let changes = state.changes.iter().filter_map(|change| match &change.stage {
        Stage::Undoable { until } => Some(*until),
        Stage::Settling { since, .. } => Some(*since + SETTLE),
        _ => None,
    });
    let others = [state.history_due, state.unsaved_due, state.conditions.deadline(), state.end_due];
    places.chain(changes).chain(others.into_iter().flatten()).min()
}

impl Turn<'_> {
    /// Does what is due.
    pub(super) fn due(&mut self) {
        if self.state.quitting.is_some() {
            return self.finish_if_done();
        }
        self.setup_due();
        self.changes_due();
        self.places_due();
        if self.state.history_due.is_some_and(|at| at <= self.at()) {
            self.save_history();
        }
        if self.state.unsaved_due.is_some_and(|at| at <= self.at()) {
            self.save_unsaved();
        }
        self.forget_leaving();
    }

    /// When an engine left is of no interest once a service has counted anew since.
    fn forget_leaving(&mut self) {
        let now = self.at();
        let left = std::mem::take(&mut self.state.left);
        let is_open = |tunnel: &TunnelKey, left: Instant| {
            let counted = self.state.entry(tunnel).and_then(|entry| entry.counted_at);
            left + LEAVING > now || counted.is_some_and(|at| at <= left + LEAVING)
        };
        let open = left.into_iter().filter(|(tunnel, left)| is_open(tunnel, *left)).collect();
        self.state.left = open;
    }

    pub(super) fn save_history(&mut self) {
        self.state.history_due = None;
        let there = self.state.tunnels();
        self.state.history.forget_old(self.now.wall, |tunnel| there.contains(tunnel));
        let history = Box::new(self.state.history.clone());
        self.effects.push(Effect::Save(Save::History(history)));
    }

    fn places_due(&mut self) {
        let (now, visible) = (self.at(), self.state.visible);
        for index in 0..self.state.places.len() {
            let place = &self.state.places[index];
            if place.due(visible, now).is_none_or(|at| at > now) {
                continue;
            }
            let key = place.key.clone();
            match place.access {
                Access::Ready => self.ask_list(&key),
                _ => self.ask_check(&key),
            }
        }
    }

    /// Says that all has ended, once: when no engine is left, or none is waited for any longer.
    fn finish_if_done(&mut self) {
        let now = self.at();
        let is_empty = self.state.hosted.is_empty();
        let Some(quitting) = &self.state.quitting else { return };
        if quitting.finished || !(is_empty || quitting.until <= now) {
            return;
        }
        match self.state.setup.removing {
            Some(Removing::Stopping) => return self.remove_files(),
            Some(Removing::Asked) => return,
            // There is no place for it any more.
            Some(Removing::Done) => {}
            None => {
                self.save_unsaved();
                self.save_history();
            }
        }
        if let Some(quitting) = &mut self.state.quitting {
            quitting.finished = true;
        }
        self.effects.push(Effect::Finish);
    }
}
