//! The icon in the tray and its menu.
//!
//! What they show is [`adit_app::view::Tray`], said in a language; what people choose comes back as [`Event`]s. On
//! Linux this speaks the protocol of status notifiers itself, because Slint's tray, and the crate below it, give up
//! when no tray is there at the start, and change a menu that is open. Elsewhere Slint's is used.

#[cfg(not(any(windows, target_os = "macos")))]
pub mod bus;
pub mod icon;
#[cfg(any(windows, target_os = "macos"))]
mod native;
#[cfg(any(windows, target_os = "macos", test))]
mod rows;
pub mod shown;

use adit_app::view::Does;
use tokio::sync::mpsc;

pub use shown::{Line, Shown};

/// What people do in the tray that waits to be done; they are not faster. Full means that it is dropped and logged.
pub(crate) const WAITING: usize = 16;

/// Something about the tray.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// There is one now, which shows the icon, or there is none any more.
    Present(bool),
    /// Somebody clicked the icon.
    Clicked,
    /// Somebody chose an entry of its menu.
    Chosen(Does),
}

/// Where events go: never waits.
#[derive(Clone, Debug)]
pub(crate) struct Events(mpsc::Sender<Event>);

impl Events {
    pub(crate) fn new() -> (Self, mpsc::Receiver<Event>) {
        let (sender, receiver) = mpsc::channel(WAITING);
        (Self(sender), receiver)
    }

    pub(crate) fn tell(&self, event: Event) {
        if let Err(mpsc::error::TrySendError::Full(event)) = self.0.try_send(event) {
            tracing::warn!(?event, "the tray is not heard: too much waits");
        }
    }
}

#[cfg(not(any(windows, target_os = "macos")))]
pub use bus::Tray;
#[cfg(any(windows, target_os = "macos"))]
pub use native::Tray;
