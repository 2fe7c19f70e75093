//! What the system says to every program that draws: that people want strong contrast, and that nothing moves.

#[cfg(target_os = "macos")]
mod defaults;
#[cfg(not(any(windows, target_os = "macos")))]
mod portal;
#[cfg(windows)]
mod registry;

use tokio::sync::watch;

#[cfg(target_os = "macos")]
use self::defaults as own;
#[cfg(not(any(windows, target_os = "macos")))]
use self::portal as own;
#[cfg(not(any(windows, target_os = "macos")))]
pub use self::portal::follow_at;
#[cfg(windows)]
use self::registry as own;

/// What it says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct System {
    /// Strong contrast is wished for.
    pub contrast: bool,
    /// Nothing shall move or pulse.
    pub still: bool,
    /// Why the start at login could not be changed, when last that was asked for.
    pub login: Option<String>,
}

impl System {
    /// Sets something, which is news only if it is another value.
    pub(crate) fn change(told: &watch::Sender<Self>, change: impl FnOnce(&mut Self)) {
        told.send_if_modified(|system| {
            let before = system.clone();
            change(system);
            *system != before
        });
    }
}

/// Tells what the system wishes. On Linux it goes on telling, until the session bus is gone; on Windows and macOS what is
/// switched there later holds from the next start on.
pub async fn follow(told: watch::Sender<System>) {
    own::follow(told).await;
}
