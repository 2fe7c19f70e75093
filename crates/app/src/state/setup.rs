//! What is being set up: the errand, the first run, and what was chosen once.

use crate::command::Ticket;
use crate::failure::Failure;
use crate::persist::{Imported, Lists, Memory};
use crate::place_key::{Kind, PlaceKey};
use crate::setup::Setup;
use crate::setup::errand::Current;
use crate::tunnel_key::TunnelKey;

/// What is being set up.
#[derive(Clone, Debug, Default)]
pub(crate) struct SetupState {
    /// What was chosen once.
    pub(crate) chosen: Setup,
    pub(crate) errand: Option<Current>,
    /// The first run is shown.
    pub(crate) first_run: bool,
    pub(crate) trial: Option<Trial>,
    /// What another app kept, until it is answered what becomes of it.
    pub(crate) import: Option<Imported>,
    /// Whether the command of Microsoft's service is there, once that is known.
    pub(crate) command_is_there: Option<bool>,
    /// What is asked at the start was asked.
    pub(crate) has_begun: bool,
    /// Everything is being removed.
    pub(crate) removing: Option<Removing>,
}

/// How far a removal of everything has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Removing {
    /// Tunnels are being stopped.
    Stopping,
    /// Files are being removed.
    Asked,
    /// Nothing is left.
    Done,
}

/// A first port that is put at a URL.
#[derive(Clone, Debug)]
pub(crate) struct Trial {
    pub(crate) place: PlaceKey,
    /// Which port, once that is known.
    pub(crate) port: Option<u16>,
    /// It is a page of our own.
    pub(crate) is_sample: bool,
    pub(crate) stage: TrialStage,
}

/// How far it has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TrialStage {
    /// The page is being served.
    Sample,
    /// The tunnel is being made.
    Making(Ticket),
    /// It is made, and hosted.
    Made(TunnelKey),
    /// It could not be made.
    Failed(Failure),
}

impl SetupState {
    /// What is known at the start. The first run comes only where there is nothing yet.
    pub(crate) fn new(chosen: Setup, places: &[PlaceKey], memory: &Memory, lists: &Lists) -> Self {
        let is_chosen = |place: &PlaceKey| place.kind() != Kind::Here;
        let has_tunnels = lists.places.values().any(|list| !list.tunnels.is_empty());
        let is_used = chosen.microsoft
            || places.iter().any(is_chosen)
            || has_tunnels
            || !memory.tunnels.is_empty();
        Self { first_run: !chosen.first_run_over && !is_used, chosen, ..Self::default() }
    }

    /// The places of the start, and those that were chosen besides.
    pub(crate) fn all_places(&self, mut places: Vec<PlaceKey>) -> Vec<PlaceKey> {
        if self.chosen.microsoft && !places.contains(&PlaceKey::microsoft()) {
            places.push(PlaceKey::microsoft());
        }
        places
    }

    /// Whether something is under way that nothing else may begin beside.
    pub(crate) fn is_busy(&self) -> bool {
        self.errand.as_ref().is_some_and(|errand| !errand.is_over())
    }
}
