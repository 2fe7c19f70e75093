//! What a person sets up once: places, signing in, the first URL, taking over from another app, and the way out.
//!
//! [`Ask`] is what they ask for, [`Act`] what is to be done about it, [`Told`] what came of it; each is one variant of
//! the application's commands, effects and events. What takes time and may fail is an [`Errand`], of which there is
//! one at a time.

mod device;
pub(crate) mod errand;
mod form;
mod memory;

use adit_proto::token::Secret;
pub use adit_tunnel::management::cli::Provider;

use crate::failure::Outcome;
use crate::persist::Imported;
use crate::place_key::PlaceKey;
use crate::relay_url::RelayUrl;

pub use device::DeviceCode;
pub use errand::{Errand, ErrandKind, MOST_LINES, Stage};
pub use form::{BadAddress, BadKey, RelayForm};
pub use memory::Setup;

/// What a person asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// Use a relay, with a key that is checked there before it is kept.
    UseRelay {
        /// The relay.
        relay: RelayUrl,
        /// The key.
        key: Secret,
    },
    /// Use Microsoft's service, as far as that can be; nobody is signed in by this.
    UseMicrosoft,
    /// Sign in to Microsoft's service.
    SignIn {
        /// With which account.
        provider: Provider,
        /// By a code that is typed elsewhere, instead of in a browser here.
        by_code: bool,
    },
    /// Install the command of Microsoft's service, with the line that was shown.
    Install,
    /// Break off what is under way, where that can be.
    Cancel,
    /// How the last errand ended was read.
    PutAway,
    /// Use a place no longer. Its tunnels stay with its service.
    Forget(PlaceKey),
    /// New tunnels live there from now on, unless somebody says otherwise.
    MakeDefault(PlaceKey),
    /// Put a first port at a URL: this one, or a page of our own.
    TryOut {
        /// Where.
        place: PlaceKey,
        /// Which port; `None` is a page of our own.
        port: Option<u16>,
    },
    /// Try something else than what was tried out last.
    Back,
    /// The first run is over, and does not come again.
    EndFirstRun,
    /// Take over what another app kept, or do not; it is not offered again.
    Import(bool),
    /// Stop everything, and remove all that was kept on this computer.
    Remove,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// Do an errand. It ends with [`Told::Ended`], unless it is cancelled.
    Begin {
        /// Goes back with what it says.
        serial: u64,
        /// What.
        errand: Errand,
    },
    /// Break the errand off.
    Cancel,
    /// Look whether the command of Microsoft's service is on this computer; it is not started.
    LookForCommand,
    /// Look for what another app kept.
    LookForImport,
    /// Serve a page of our own: on this port, or on any.
    Sample(Option<u16>),
    /// Serve it no longer.
    EndSample,
}

/// What came of it.
#[derive(Clone, Debug)]
pub enum Told {
    /// An errand says something: a line of a command's output.
    Said {
        /// The number that it began with.
        serial: u64,
        /// The line.
        line: String,
    },
    /// An errand has ended.
    Ended {
        /// The number that it began with.
        serial: u64,
        /// As whom somebody is signed in now, where it was about that.
        result: Outcome<Option<String>>,
    },
    /// Whether the command of Microsoft's service is there.
    CommandIsThere(bool),
    /// What another app kept, if it did.
    Import(Option<Imported>),
    /// The page of our own is served on this port, or cannot be.
    Sample(Outcome<u16>),
}
