//! One process hands a relay over to the next: listeners, data directory and all, with no moment in
//! which a visitor is refused.
//!
//! The relay that runs listens on a socket in its data directory that only its own user can use.
//! The one that wants its place says so there, in lines of JSON:
//!
//! ```text
//! taker                              giver
//!   hello ─────────────────────────▶         who asks
//!         ◀──────────────────────── here     who is there, and where it listens
//!         (binds what it needs besides; until here nothing has happened)
//!   take  ─────────────────────────▶         accepts no more; stores what is to be stored, and waits
//!         ◀──────────────────────── yours    the lock and the listeners, as descriptors
//!         (loads the store; connections wait in the system's queue)
//!   ready ─────────────────────────▶
//!         ◀──────────────────────── go       the giver writes and accepts nothing from here on
//! ```
//!
//! Until `go` the giver goes on as if nothing had been when the taker breaks off, for whatever
//! reason: it still has the lock and the listeners, of which the taker only shares the hold. The
//! lock is never free between the two. A taker writes nothing but the store's format before `go`.
//!
//! The lines are the same for every version of the program, since those who talk are of two
//! versions: what a reader does not know, it passes over. A change of their meaning is a new `v`.

use std::io;
#[cfg(unix)]
use std::time::Duration;

#[cfg(unix)]
mod give;
#[cfg(unix)]
mod line;
#[cfg(unix)]
mod take;

#[cfg(unix)]
pub(crate) use give::{Offer, Taker};
#[cfg(unix)]
pub use take::{Asked, Taken, ask};

/// The name of the socket in the data directory.
#[cfg(unix)]
const SOCKET: &str = "relay.sock";

/// How long the other side may take for a step that is a matter of milliseconds.
#[cfg(unix)]
const STEP: Duration = Duration::from_secs(10);

/// How long a taker may take to load the store. Visitors wait meanwhile, so that at some point it is
/// better to go on as before.
#[cfg(unix)]
const LOADING: Duration = Duration::from_secs(30);

/// What the lock is called among the descriptors that change hands.
#[cfg(unix)]
pub(crate) const LOCK: &str = "lock";

/// A process on the other side of a hand-over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Party {
    /// The process.
    pub pid: u32,
    /// The version of the program.
    pub version: String,
}

/// Why nothing was handed over.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nobody answers on the socket: an older program, or one that is just starting or ending.
    #[error("the relay that runs does not answer on {}: {error}", path.display())]
    NotOffered {
        /// The socket.
        path: std::path::PathBuf,
        /// What the system reported.
        error: io::Error,
    },
    /// The process on the other side belongs to somebody else.
    #[error("the other process belongs to user {theirs}, this one to user {ours}")]
    Stranger {
        /// The other's user id.
        theirs: u32,
        /// Our user id.
        ours: u32,
    },
    /// The relay that runs is not in a state to be handed over.
    #[error("it cannot be handed over now: {0}")]
    NotNow(String),
    /// The other side said no.
    #[error("the other process refused: {0}")]
    Refused(String),
    /// The other side said something else than is expected.
    #[error("the other process said something that is not understood: {0}")]
    Language(String),
    /// The other side went away.
    #[error("the other process broke off")]
    Gone,
    /// The other side did not answer in time.
    #[error("the other process did not answer in time")]
    Late,
    /// The system did not do something.
    #[error("the system failed: {0}")]
    Io(#[from] io::Error),
}
