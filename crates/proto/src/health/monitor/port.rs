//! What is kept for one port.

use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::{LookId, Speaks};
use crate::health::{Answer, Health, Label, Proof};
use crate::host::WATCHDOG;

/// The longest time after which a dead URL costs one more session, if the last ones changed nothing.
const PATIENCE_MAX: Duration = Duration::from_secs(3600);

#[derive(Debug)]
pub(super) struct Port {
    pub(super) speaks: Speaks,
    /// What was told last.
    pub(super) health: Option<Health>,
    /// The last proof, and whether it is of the session that is up.
    pub(super) proven: Option<(Timestamp, Proof)>,
    pub(super) proven_here: bool,
    /// Whether the session serves it.
    pub(super) served: bool,
    /// The look at its URL that is under way, with the answer once it is there.
    pub(super) look: Option<Look>,
    /// When it was looked at last, if the next look has the whole interval.
    pub(super) rests_since: Option<Instant>,
    /// The try of the local port alone that is under way.
    pub(super) trying: Option<LookId>,
    /// What the last looks agree on, and how many they are.
    pub(super) agreed: Option<(Label, u8)>,
    /// Since when the local port refuses.
    pub(super) refused: Option<Instant>,
    /// Whether the server was seen to speak what the port is set to, since it last came up.
    pub(super) checked: bool,
    /// Sessions that were given up for this port since it was last proven.
    futile: u32,
    /// Until when it costs no other.
    patience: Option<Instant>,
}

#[derive(Debug)]
pub(super) struct Look {
    pub(super) id: LookId,
    pub(super) answer: Option<(Answer, bool)>,
}

impl Port {
    pub(super) fn new(speaks: Speaks) -> Self {
        Self {
            speaks,
            health: None,
            proven: None,
            proven_here: false,
            served: true,
            look: None,
            rests_since: None,
            trying: None,
            agreed: None,
            refused: None,
            checked: false,
            futile: 0,
            patience: None,
        }
    }

    pub(super) fn begin_session(&mut self) {
        self.proven_here = false;
        self.served = true;
        self.agreed = None;
    }

    /// It is configured otherwise: what was found out does not count any more.
    pub(super) fn speak(&mut self, speaks: Speaks) {
        self.speaks = speaks;
        self.checked = false;
        self.agreed = None;
        self.call_off();
    }

    pub(super) fn call_off(&mut self) {
        self.look = None;
        self.rests_since = None;
        self.trying = None;
    }

    pub(super) fn awaits(&self, look: LookId) -> bool {
        self.trying == Some(look)
            || self.look.as_ref().is_some_and(|under_way| under_way.id == look)
    }

    pub(super) fn prove(&mut self, proof: Proof, wall: Timestamp) {
        self.proven = Some((wall, proof));
        self.proven_here = true;
        self.futile = 0;
        self.patience = None;
    }

    pub(super) fn is(&self, label: Label) -> bool {
        self.health.as_ref().is_some_and(|health| health.label == label)
    }

    /// One more look says this; returns how many in a row do.
    pub(super) fn agree(&mut self, label: Label) -> u8 {
        let count = match self.agreed {
            Some((same, count)) if same == label => count.saturating_add(1),
            _ => 1,
        };
        self.agreed = Some((label, count));
        count
    }

    /// Looks in a row that found the URL dead, as far as the policy needs to know.
    pub(super) fn dead(&self) -> u8 {
        match self.agreed {
            Some((Label::Zombie, count)) => count.min(WATCHDOG),
            _ => 0,
        }
    }

    /// Whether another session may be tried for its sake.
    pub(super) fn is_worth_a_session(&self, now: Instant) -> bool {
        self.patience.is_none_or(|until| until <= now)
    }

    /// A session is given up for its sake.
    pub(super) fn cost_a_session(&mut self, now: Instant, interval: Duration) {
        let longer = 2_u32.saturating_pow(self.futile);
        self.patience = Some(now + interval.saturating_mul(longer).min(PATIENCE_MAX));
        self.futile = self.futile.saturating_add(1);
    }
}
