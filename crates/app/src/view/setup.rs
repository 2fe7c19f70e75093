//! What is being set up: the first run, the errand of the moment, and what another app kept.

use crate::message::Message;
use crate::place_key::PlaceKey;
use crate::setup::{DeviceCode, ErrandKind, Stage};
use crate::state::State;
use crate::state::setup::{Removing, TrialStage};
use crate::tunnel_key::TunnelKey;

/// What is being set up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SetupView {
    /// The first run, while it is shown.
    pub first_run: Option<FirstRun>,
    /// The errand of the moment, or how the last one ended until that is put away.
    pub errand: Option<ErrandView>,
    /// What another app kept, while it is open what becomes of it.
    pub import: Option<ImportView>,
    /// What stays with services when everything is removed from this computer.
    pub stays: Vec<Stays>,
    /// Everything was removed from this computer: nothing may be kept any more.
    pub is_removed: bool,
}

/// The first run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FirstRun {
    /// Whether the command of Microsoft's service is there, once that is known.
    pub command_is_there: Option<bool>,
    /// The port that is put at a URL, once one was chosen.
    pub trial: Option<TrialView>,
}

/// A first port that is put at a URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrialView {
    /// Where.
    pub place: PlaceKey,
    /// Which port, once that is known.
    pub port: Option<u16>,
    /// It is a page of our own.
    pub is_sample: bool,
    /// Its tunnel, once that is made; how it stands is on its card.
    pub tunnel: Option<TunnelKey>,
    /// Why it could not be made.
    pub failed: Option<Failed>,
}

/// An errand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrandView {
    /// Names it among all.
    pub serial: u64,
    /// What.
    pub kind: ErrandKind,
    /// How far it has come.
    pub stage: Stage,
    /// Why it failed.
    pub failed: Option<Failed>,
    /// The code that is to be typed elsewhere, once it is told.
    pub code: Option<DeviceCode>,
    /// What a command said so far, a line each.
    pub said: Vec<String>,
    /// It can be broken off.
    pub can_be_cancelled: bool,
}

/// Why something failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed {
    /// What happened, and what to do.
    pub text: Message,
    /// What others said of the cause.
    pub detail: String,
}

/// What another app kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportView {
    /// The tunnels that it hosted.
    pub tunnels: Vec<TunnelKey>,
    /// Whether there are settings to take over.
    pub has_settings: bool,
    /// What could not be understood, each as it stood there.
    pub skipped: Vec<String>,
}

/// Tunnels that stay with a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stays {
    /// Where.
    pub place: PlaceKey,
    /// What they are called.
    pub names: Vec<String>,
}

impl ErrandView {
    /// Whether it is under way.
    pub fn is_under_way(&self) -> bool {
        matches!(self.stage, Stage::Checking | Stage::Stopping | Stage::Running)
    }
}

pub(super) fn fold(state: &State) -> SetupView {
    let setup = &state.setup;
    SetupView {
        first_run: setup
            .first_run
            .then(|| FirstRun { command_is_there: setup.command_is_there, trial: trial(state) }),
        errand: errand(state),
        import: setup.import.as_ref().map(|found| ImportView {
            tunnels: found.tunnels.clone(),
            has_settings: found.has_settings(),
            skipped: found.skipped.clone(),
        }),
        stays: stays(state),
        is_removed: setup.removing == Some(Removing::Done),
    }
}

fn trial(state: &State) -> Option<TrialView> {
    let trial = state.setup.trial.as_ref()?;
    let (tunnel, failed) = match &trial.stage {
        TrialStage::Made(tunnel) => (Some(tunnel.clone()), None),
        TrialStage::Failed(failure) => {
            let detail = failure.why().to_owned();
            (None, Some(Failed { text: Message::NotCreated, detail }))
        }
        TrialStage::Sample | TrialStage::Making(_) => (None, None),
    };
    let (place, port, is_sample) = (trial.place.clone(), trial.port, trial.is_sample);
    Some(TrialView { place, port, is_sample, tunnel, failed })
}

fn errand(state: &State) -> Option<ErrandView> {
    let errand = state.setup.errand.as_ref()?;
    let failed = match &errand.stage {
        Stage::Failed(failure) => Some(Failed {
            text: Message::ErrandFailed(errand.kind.clone(), failure.code),
            detail: failure.why().to_owned(),
        }),
        _ => None,
    };
    let is_open = failed.is_none() && !matches!(errand.stage, Stage::Done { .. });
    Some(ErrandView {
        serial: errand.serial,
        can_be_cancelled: is_open && errand.can_be_cancelled(),
        kind: errand.kind.clone(),
        stage: errand.stage.clone(),
        failed,
        code: errand.code.clone().filter(|_| is_open),
        said: errand.said.clone(),
    })
}

/// Tunnels of this computer go with it; all others are their services'.
fn stays(state: &State) -> Vec<Stays> {
    let places = state.places.iter().filter(|place| place.key != PlaceKey::here());
    let of = |place: &crate::state::place::Place| Stays {
        place: place.key.clone(),
        names: place.entries.iter().map(|entry| entry.known.label().to_owned()).collect(),
    };
    places.map(of).filter(|stays| !stays.names.is_empty()).collect()
}
