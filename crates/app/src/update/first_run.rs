//! The first run: a port of this computer, or a page of our own, is put at a URL.

use super::Turn;
use crate::command::Draft;
use crate::failure::Outcome;
use crate::name::Name;
use crate::place_key::{Kind, PlaceKey};
use crate::port::{Port, Protocol};
use crate::setup::Act;
use crate::state::change::{Change, Made, Stage, What};
use crate::state::setup::{Trial, TrialStage};
use crate::tunnel_key::TunnelKey;

impl Turn<'_> {
    pub(super) fn try_out(&mut self, place: PlaceKey, port: Option<u16>) {
        let is_under_way =
            |trial: &Trial| matches!(trial.stage, TrialStage::Sample | TrialStage::Making(_));
        if self.state.place(&place).is_none()
            || self.state.setup.trial.as_ref().is_some_and(is_under_way)
        {
            return;
        }
        let is_sample = port.is_none();
        let stage = TrialStage::Sample;
        self.state.setup.trial = Some(Trial { place, port, is_sample, stage });
        match port {
            Some(port) => self.make_trial(port),
            None => self.act(Act::Sample(None)),
        }
    }

    /// What was made stays; only nobody looks at it any more.
    pub(super) fn try_nothing(&mut self) {
        self.state.setup.trial = None;
    }

    pub(super) fn end_first_run(&mut self) {
        self.state.setup.first_run = false;
        self.state.setup.trial = None;
        if !self.state.setup.chosen.first_run_over {
            self.state.setup.chosen.first_run_over = true;
            self.save_setup();
        }
    }

    fn make_trial(&mut self, port: u16) {
        let Some(trial) = &self.state.setup.trial else { return };
        let place = trial.place.clone();
        let name = self.trial_name(&place, port, trial.is_sample);
        let settings = &self.state.preferences.new_tunnels;
        let port = Port { number: port, protocol: Protocol::Auto };
        let draft = Draft { name, ports: vec![port], ..Draft::new(place, settings) };
        let ticket = self.begin(What::Create(Box::new(draft)));
        if let Some(trial) = &mut self.state.setup.trial {
            (trial.port, trial.stage) = (Some(port.number), TrialStage::Making(ticket));
        }
    }

    /// A name on this computer only, where no stranger can have taken it.
    fn trial_name(&self, place: &PlaceKey, port: u16, is_sample: bool) -> Option<Name> {
        if place.kind() != Kind::Here {
            return None;
        }
        let name = if is_sample { "sample-page".to_owned() } else { format!("port-{port}") };
        let place = self.state.place(place)?;
        let is_taken = place.entries.iter().any(|entry| entry.known.name.as_deref() == Some(&name));
        if is_taken { None } else { name.parse().ok() }
    }

    /// The tunnel is made: it is hosted, now and after the next start.
    pub(super) fn trial_due(&mut self) {
        let Some(trial) = &self.state.setup.trial else { return };
        let TrialStage::Making(ticket) = trial.stage else { return };
        let change = self.state.changes.iter().find(|change| change.ticket == ticket);
        let stage = match change.map(|change| &change.stage) {
            Some(Stage::Settling { made: Made::Tunnel(known), .. }) => {
                let key = TunnelKey { place: trial.place.clone(), id: known.id.clone() };
                TrialStage::Made(key)
            }
            Some(Stage::Failed(failure)) => TrialStage::Failed(failure.clone()),
            Some(_) => return,
            None => return self.state.setup.trial = None,
        };
        match &stage {
            TrialStage::Made(tunnel) => {
                let tunnel = tunnel.clone();
                self.remember(&tunnel);
                self.host(&tunnel);
            }
            // Told where it was asked for, and nowhere else.
            _ => self.state.changes.retain(|change: &Change| change.ticket != ticket),
        }
        if let Some(trial) = &mut self.state.setup.trial {
            trial.stage = stage;
        }
    }

    pub(super) fn sample_told(&mut self, result: Outcome<u16>) {
        let waits = |trial: &&mut Trial| trial.stage == TrialStage::Sample;
        let trial = self.state.setup.trial.as_mut().filter(waits);
        match (result, trial) {
            (Ok(port), Some(_)) => {
                self.keep_sample(Some(port));
                self.make_trial(port);
            }
            (Err(failure), Some(trial)) => trial.stage = TrialStage::Failed(failure),
            (Ok(port), None) => self.keep_sample(Some(port)),
            // Something of the user's own is on that port now, or it is not to be had: no page of ours.
            (Err(_), None) => self.keep_sample(None),
        }
    }

    /// The page of an earlier run is served again while a tunnel leads to it.
    pub(super) fn sample_again(&mut self, port: u16) {
        let entries = self.state.places.iter().flat_map(|place| &place.entries);
        let leads = entries.filter_map(|entry| entry.known.ports.as_ref());
        if leads.flatten().any(|it| it.number == port) {
            self.act(Act::Sample(Some(port)));
        } else {
            self.keep_sample(None);
        }
    }

    fn keep_sample(&mut self, port: Option<u16>) {
        if self.state.setup.chosen.sample != port {
            self.state.setup.chosen.sample = port;
            self.save_setup();
        }
    }
}
