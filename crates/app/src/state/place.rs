//! What is known of one place: whether it can be used, and its tunnels.

use std::time::{Duration, Instant};

use adit_proto::host::RETRY_AFTER_MAX;
use adit_proto::id::FullId;
use jiff::Timestamp;

use crate::event::Trouble;
use crate::failure::Failure;
use crate::known::Known;
use crate::persist::SavedList;
use crate::place_key::PlaceKey;
use crate::reach::Reach;
use crate::tunnel_key::TunnelKey;
use crate::view::Lapsed;

/// How often the list is asked for while somebody sees it.
const SEEN: Duration = Duration::from_secs(60);

/// How often while nobody does.
const UNSEEN: Duration = Duration::from_secs(600);

/// The first wait after a failure; it doubles up to the time between two lists.
const FIRST_WAIT: Duration = Duration::from_secs(5);

/// A place.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) key: PlaceKey,
    pub(crate) access: Access,
    /// As whom, where that is known.
    pub(crate) account: Option<String>,
    /// The sign-in that has ended, until somebody signs in again.
    pub(crate) lapsed: Option<Lapsed>,
    /// When its command was last looked for in vain.
    pub(crate) looked: Option<Timestamp>,
    /// How far its URLs reach, where that is known.
    pub(crate) reach: Option<Reach>,
    /// How long its last list took.
    pub(crate) answered: Option<Duration>,
    /// Its tunnels, in the order they were first seen.
    pub(crate) entries: Vec<Entry>,
    /// When the list that is shown was told.
    pub(crate) as_of: Option<Timestamp>,
    /// When the newest list of this run was asked for.
    pub(crate) told: Option<Instant>,
    pub(crate) asked: Option<Asked>,
    /// It is being found out whether the place can be used.
    pub(crate) checking: bool,
    pub(crate) failed: Option<Failed>,
    /// When the last answer came, good or bad.
    pub(crate) finished: Option<Instant>,
    /// A reason to ask earlier than in turn.
    pub(crate) soon: Option<Instant>,
}

/// Whether a place can be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    Unknown,
    Ready,
    SignedOut,
    CommandMissing,
    CommandOld(String),
}

/// A list that was asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    pub(crate) serial: u64,
    pub(crate) at: Instant,
}

/// Why there was no list, in a row of such.
#[derive(Clone, Debug)]
pub(crate) struct Failed {
    pub(crate) trouble: Trouble,
    pub(crate) count: u32,
}

/// A tunnel of the list.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) known: Known,
    /// When its ports were asked for that are known now; `None` before this run's first answer.
    pub(crate) ports_at: Option<Instant>,
    /// When the answer was asked for that counted its hosts.
    pub(crate) counted_at: Option<Instant>,
    /// The question for its ports that is under way.
    pub(crate) showing: Option<Asked>,
    /// Why its ports could not be told, until they are.
    pub(crate) trouble: Option<Failure>,
}

impl Place {
    pub(crate) fn new(key: PlaceKey, list: Option<SavedList>) -> Self {
        let as_of = list.as_ref().map(|list| list.saved_at);
        let tunnels = list.into_iter().flat_map(|list| list.tunnels);
        Self {
            key,
            access: Access::Unknown,
            account: None,
            lapsed: None,
            looked: None,
            reach: None,
            answered: None,
            entries: tunnels.map(Entry::kept).collect(),
            as_of,
            told: None,
            asked: None,
            checking: false,
            failed: None,
            finished: None,
            soon: None,
        }
    }

    pub(crate) fn key_of(&self, id: &FullId) -> TunnelKey {
        TunnelKey { place: self.key.clone(), id: id.clone() }
    }

    pub(crate) fn entry(&self, id: &FullId) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.known.id == *id)
    }

    pub(crate) fn entry_mut(&mut self, id: &FullId) -> Option<&mut Entry> {
        self.entries.iter_mut().find(|entry| entry.known.id == *id)
    }

    /// Nobody is signed in any more.
    pub(crate) fn sign_out(&mut self, at: Timestamp) {
        self.access = Access::SignedOut;
        if let Some(account) = self.account.take() {
            self.lapsed = Some(Lapsed { account, at });
        }
    }

    /// Asks by `at` at the latest.
    pub(crate) fn by(&mut self, at: Instant) {
        self.soon = Some(self.soon.map_or(at, |soon| soon.min(at)));
    }

    /// When it is to be asked next; `None` while it is being asked.
    pub(crate) fn due(&self, visible: bool, now: Instant) -> Option<Instant> {
        if self.checking || self.asked.is_some() {
            return None;
        }
        let Some(finished) = self.finished else { return Some(now) };
        let turn = finished + self.wait(visible);
        Some(self.soon.map_or(turn, |soon| soon.min(turn)))
    }

    fn wait(&self, visible: bool) -> Duration {
        let turn = if visible { SEEN } else { UNSEEN };
        match &self.failed {
            None => turn,
            Some(failed) => {
                let doubled =
                    FIRST_WAIT.saturating_mul(1 << failed.count.saturating_sub(1).min(10));
                // A service that asks for more gets more, within what a clock can count.
                let asked = failed.trouble.retry_after.unwrap_or_default();
                doubled.min(turn).max(asked.min(RETRY_AFTER_MAX))
            }
        }
    }
}

impl Entry {
    /// From the file of an earlier run: what the service counted then is not true now.
    fn kept(known: Known) -> Self {
        let known = Known { hosts: 0, ..known };
        Self { known, ports_at: None, counted_at: None, showing: None, trouble: None }
    }

    /// From an answer that was asked for at `at`.
    pub(crate) fn told(known: Known, at: Instant) -> Self {
        let ports_at = known.ports.is_some().then_some(at);
        Self { known, ports_at, counted_at: Some(at), showing: None, trouble: None }
    }

    /// Takes in a newer answer. Ports that it does not tell stay as they were.
    pub(crate) fn take(&mut self, mut known: Known, asked: Instant) {
        if known.ports.is_some() {
            self.ports_at = Some(asked);
            self.trouble = None;
        } else {
            known.ports = self.known.ports.take();
        }
        self.counted_at = Some(asked);
        self.known = known;
    }
}
