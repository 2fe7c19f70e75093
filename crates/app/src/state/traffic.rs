//! What was asked for about the traffic of ports. Nothing of it outlives the run.

use std::collections::{BTreeMap, BTreeSet};

use crate::traffic::Again;
use crate::tunnel_key::TunnelKey;

/// What was asked for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Traffic {
    /// The ports whose bodies are kept.
    pub(crate) bodies: BTreeSet<(TunnelKey, u16)>,
    /// What became of the last request of a port that was to be sent again, unless it was answered.
    pub(crate) again: BTreeMap<(TunnelKey, u16), Again>,
}

impl Traffic {
    /// Forgets a tunnel that is gone.
    pub(crate) fn forget(&mut self, tunnel: &TunnelKey) {
        self.bodies.retain(|(of, _)| of != tunnel);
        self.again.retain(|(of, _), _| of != tunnel);
    }
}
