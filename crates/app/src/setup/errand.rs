//! Something that takes time, may fail, and is watched while it runs: one at a time.

use adit_proto::token::Secret;

use super::{DeviceCode, Provider};
use crate::failure::Failure;
use crate::place_key::PlaceKey;
use crate::relay_url::RelayUrl;

/// So many lines of a command's output are kept; the oldest go.
pub const MOST_LINES: usize = 200;

/// A longer line is cut: it is shown, and means nothing to us behind that.
const MOST_LINE: usize = 400;

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Errand {
    /// Check a key at its relay, and keep it.
    Relay {
        /// The relay.
        relay: RelayUrl,
        /// The key.
        key: Secret,
    },
    /// Sign in to Microsoft's service.
    SignIn {
        /// With which account.
        provider: Provider,
        /// By a code that is typed elsewhere.
        by_code: bool,
    },
    /// Install the command of Microsoft's service.
    Install {
        /// It is there, and too old.
        update: bool,
    },
    /// Remove a place's key.
    Forget(PlaceKey),
    /// Find out whether all that was kept on this computer can be removed.
    MayRemove,
    /// Remove it.
    Remove,
}

/// The same without secrets, for what is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ErrandKind {
    /// A relay's key is checked and kept.
    Relay(PlaceKey),
    /// Somebody signs in to Microsoft's service.
    SignIn {
        /// With which account.
        provider: Provider,
        /// By a code that is typed elsewhere.
        by_code: bool,
    },
    /// The command of Microsoft's service is installed.
    Install,
    /// A place is left.
    Forget(PlaceKey),
    /// Everything is removed.
    Remove,
}

/// How far it has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stage {
    /// It is being found out whether it can be done; nothing was touched yet.
    Checking,
    /// Tunnels are stopped first.
    Stopping,
    /// It is under way.
    Running,
    /// It is done.
    Done {
        /// As whom somebody is signed in now.
        account: Option<String>,
    },
    /// It failed.
    Failed(Failure),
}

/// The errand of the moment, or the last one until it is put away.
#[derive(Clone, Debug)]
pub(crate) struct Current {
    pub(crate) serial: u64,
    pub(crate) kind: ErrandKind,
    pub(crate) stage: Stage,
    pub(crate) said: Vec<String>,
    pub(crate) code: Option<DeviceCode>,
}

impl Errand {
    /// What it is, without what is secret.
    pub fn kind(&self) -> ErrandKind {
        match self {
            Self::Relay { relay, .. } => ErrandKind::Relay(PlaceKey::from(relay.to_string())),
            Self::SignIn { provider, by_code } => {
                ErrandKind::SignIn { provider: *provider, by_code: *by_code }
            }
            Self::Install { .. } => ErrandKind::Install,
            Self::Forget(place) => ErrandKind::Forget(place.clone()),
            Self::MayRemove | Self::Remove => ErrandKind::Remove,
        }
    }
}

impl ErrandKind {
    /// Whether it can be broken off without leaving something half done.
    pub fn can_be_cancelled(&self) -> bool {
        matches!(self, Self::Relay(_) | Self::SignIn { .. })
    }
}

impl Current {
    pub(crate) fn new(serial: u64, kind: ErrandKind, stage: Stage) -> Self {
        Self { serial, kind, stage, said: Vec::new(), code: None }
    }

    /// Whether it can be broken off without leaving something half done.
    pub(crate) fn can_be_cancelled(&self) -> bool {
        !self.is_over() && (self.stage == Stage::Checking || self.kind.can_be_cancelled())
    }

    pub(crate) fn is_over(&self) -> bool {
        matches!(self.stage, Stage::Done { .. } | Stage::Failed(_))
    }

    /// Takes in a line of output; a code in it is what a sign-in waits for.
    pub(crate) fn hear(&mut self, line: &str) {
        let line: String = line.chars().filter(|it| !it.is_control()).take(MOST_LINE).collect();
        if line.trim().is_empty() {
            return;
        }
        if matches!(self.kind, ErrandKind::SignIn { .. })
            && let Some(code) = DeviceCode::find(&line)
        {
            self.code = Some(code);
        }
        if self.said.len() == MOST_LINES {
            self.said.remove(0);
        }
        self.said.push(line);
    }
}
