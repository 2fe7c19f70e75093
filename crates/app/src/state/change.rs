//! What was asked of a service and is not in its list yet.
//!
//! A change shows at once: what is made as a placeholder, what is removed by being out of sight. It goes when a
//! list that was asked for afterwards confirms it, or when that takes too long; until then a list that lags
//! behind changes nothing on the screen.

use std::time::{Duration, Instant};

use crate::command::{Draft, Ticket};
use crate::failure::Failure;
use crate::known::{Known, KnownPort};
use crate::manage::Job;
use crate::place_key::PlaceKey;
use crate::port::{NewPort, Port};
use crate::tunnel_key::TunnelKey;

/// A change.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    pub(crate) ticket: Ticket,
    pub(crate) what: What,
    pub(crate) stage: Stage,
}

/// What is to change.
#[derive(Clone, Debug)]
pub(crate) enum What {
    Create(Box<Draft>),
    AddPort { tunnel: TunnelKey, port: Box<NewPort> },
    ChangePort { tunnel: TunnelKey, port: Port },
    Delete(TunnelKey),
    DeletePort { tunnel: TunnelKey, port: u16 },
    Manage { tunnel: TunnelKey, job: Box<Job> },
}

/// How far it has come.
#[derive(Clone, Debug)]
pub(crate) enum Stage {
    /// Nothing was sent; it is when the time is over.
    Undoable { until: Instant },
    /// The same, while somebody looks at the offer.
    Held { left: Duration },
    /// The tunnel's engine ends first.
    Stopping,
    /// The service was asked.
    Sent,
    /// The service did it; its list may not show it yet.
    Settling { since: Instant, made: Made },
    /// The service did not do it. Stays until somebody has seen it.
    Failed(Failure),
}

/// What a change brought.
#[derive(Clone, Debug)]
pub(crate) enum Made {
    Tunnel(Box<Known>),
    Port(KnownPort),
    Nothing,
}

impl What {
    /// The port that it has a tunnel have, added or changed.
    pub(crate) fn put_port(&self) -> Option<(&TunnelKey, u16)> {
        match self {
            Self::AddPort { tunnel, port } => Some((tunnel, port.number)),
            Self::ChangePort { tunnel, port } => Some((tunnel, port.number)),
            _ => None,
        }
    }
}

impl Change {
    pub(crate) fn place(&self) -> &PlaceKey {
        match &self.what {
            What::Create(draft) => &draft.place,
            What::Manage { tunnel, job } => job.place(tunnel),
            What::AddPort { tunnel, .. }
            | What::ChangePort { tunnel, .. }
            | What::Delete(tunnel)
            | What::DeletePort { tunnel, .. } => &tunnel.place,
        }
    }

    /// The tunnel that it is about; none has been made yet for a new one.
    pub(crate) fn tunnel(&self) -> Option<&TunnelKey> {
        match &self.what {
            What::Create(_) => None,
            What::AddPort { tunnel, .. }
            | What::ChangePort { tunnel, .. }
            | What::Delete(tunnel)
            | What::DeletePort { tunnel, .. }
            | What::Manage { tunnel, .. } => Some(tunnel),
        }
    }

    /// Whether what is to be removed is out of sight; it comes back when it could not be removed.
    pub(crate) fn hides(&self) -> bool {
        !matches!(self.stage, Stage::Failed(_))
    }

    pub(crate) fn failure(&self) -> Option<&Failure> {
        match &self.stage {
            Stage::Failed(failure) => Some(failure),
            _ => None,
        }
    }

    pub(crate) fn settles_since(&self) -> Option<Instant> {
        match &self.stage {
            Stage::Settling { since, .. } => Some(*since),
            _ => None,
        }
    }
}
