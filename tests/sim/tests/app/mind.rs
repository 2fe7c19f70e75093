//! What decides: the application, or the application with a flaw that the checks must find.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use adit_app::command::Command;
use adit_app::effect::Effect;
use adit_app::event::{Event, Input};
use adit_app::moment::Moment;
use adit_app::persist::{Kept, Save};
use adit_app::place_key::PlaceKey;
use adit_app::state::State;
use adit_app::tunnel_key::TunnelKey;
use adit_app::update::{deadline, update};
use adit_app::view::{View, fold};
use adit_tunnel::host::{self, GiveUp};

/// What is wrong on purpose: each of these is a mistake that somebody could make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flaw {
    /// Does not hear that a removal is undone.
    IgnoresUndo,
    /// Sends a removal before its time.
    RemovesAtOnce,
    /// Hosts again what was stopped.
    ResumesStopped,
    /// Takes an answer to an old question for one to the newest.
    TakesLateAnswers,
    /// Takes one answer for two.
    CountsTwice,
    /// Starts an engine twice.
    HostsTwice,
    /// Does not stop engines.
    NeverStops,
    /// Does not write down what to host again.
    KeepsNothing,
    /// Never does anything by itself.
    Sleeps,
    /// Does not hear that an engine has ended.
    MissesEnds,
}

/// The application's state and what decides about it.
#[derive(Clone, Debug)]
pub(crate) struct Mind {
    state: State,
    flaw: Option<Flaw>,
    /// The number of the newest question for each list.
    asked: BTreeMap<PlaceKey, u64>,
    stopped: BTreeSet<TunnelKey>,
}

impl Mind {
    pub(crate) fn new(places: Vec<PlaceKey>, kept: Kept, now: Moment, flaw: Option<Flaw>) -> Mind {
        let state = State::new(places, kept, now);
        Mind { state, flaw, asked: BTreeMap::new(), stopped: BTreeSet::new() }
    }

    pub(crate) fn state(&self) -> &State {
        &self.state
    }

    pub(crate) fn view(&self) -> View {
        fold(&self.state)
    }

    pub(crate) fn deadline(&self, now: Instant) -> Option<Instant> {
        deadline(&self.state, now).filter(|_| self.flaw != Some(Flaw::Sleeps))
    }

    pub(crate) fn update(&mut self, input: Input, now: Moment) -> Vec<Effect> {
        let Some(flaw) = self.flaw else { return update(&mut self.state, input, now) };
        let Some(input) = self.mishear(flaw, input) else { return Vec::new() };
        let more = self.more(flaw, &input);
        let mut effects = update(&mut self.state, input, now);
        if let Some((input, later)) = more {
            effects.extend(update(&mut self.state, input, now.after(later)));
        }
        self.spoil(flaw, &mut effects);
        effects
    }

    fn mishear(&mut self, flaw: Flaw, input: Input) -> Option<Input> {
        match (flaw, input) {
            (Flaw::IgnoresUndo, Input::Command(Command::Undo(_)))
            | (Flaw::MissesEnds, Input::Event(Event::Ended(_))) => None,
            (Flaw::TakesLateAnswers, Input::Event(Event::Listed { place, serial, result })) => {
                let serial = self.asked.get(&place).copied().unwrap_or(serial);
                Some(Input::Event(Event::Listed { place, serial, result }))
            }
            (_, input) => Some(input),
        }
    }

    /// What it does besides, and how much later it believes that to be.
    fn more(&mut self, flaw: Flaw, input: &Input) -> Option<(Input, Duration)> {
        match (flaw, input) {
            (Flaw::RemovesAtOnce, Input::Command(Command::Delete(_))) => {
                Some((Input::Tick, Duration::from_secs(7)))
            }
            (Flaw::ResumesStopped, Input::Command(Command::Stop(tunnel))) => {
                self.stopped.insert(tunnel.clone());
                None
            }
            (Flaw::ResumesStopped, Input::Event(Event::Ended(tunnel)))
                if self.stopped.remove(tunnel) =>
            {
                Some((Input::Command(Command::Lend(tunnel.clone())), Duration::ZERO))
            }
            (
                Flaw::CountsTwice,
                Input::Event(Event::Engine {
                    event: host::Event::State(host::State::Error(GiveUp::UnknownTunnel)),
                    ..
                }),
            ) => Some((input.clone(), Duration::ZERO)),
            _ => None,
        }
    }

    fn spoil(&mut self, flaw: Flaw, effects: &mut Vec<Effect>) {
        for effect in &*effects {
            if let Effect::List { place, serial } = effect {
                self.asked.insert(place.clone(), *serial);
            }
        }
        let is_host = |effect: &&Effect| matches!(effect, Effect::Host(_));
        match flaw {
            Flaw::HostsTwice => effects.extend(effects.iter().find(is_host).cloned()),
            Flaw::NeverStops => effects.retain(|effect| {
                !matches!(effect, Effect::Tell { command: host::Command::Stop, .. })
            }),
            Flaw::KeepsNothing => {
                effects.retain(|effect| !matches!(effect, Effect::Save(Save::Memory(_))));
            }
            _ => {}
        }
    }
}
