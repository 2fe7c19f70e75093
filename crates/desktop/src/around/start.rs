//! Starts what stands around a window, on this desktop.

use std::rc::Rc;

use adit_app::effect::Notice;
use tokio::sync::mpsc;

use super::{Around, Memory, News};
use crate::notify::Notifier;
use crate::tray::{Event, Shown, Tray};
use crate::window::Window;

/// Notices that wait for the interface. Full means that who brings one waits.
const NOTICES: usize = 8;

/// A window with all that stands around it.
pub struct Placed {
    /// What stands around it.
    pub around: Rc<Around>,
    /// Tells the window of what happens elsewhere.
    pub outer: Outer,
    _notifier: Notifier,
}

/// Tells a window of what happens elsewhere, from any thread.
#[derive(Clone, Debug)]
pub struct Outer {
    notices: mpsc::Sender<Notice>,
    /// Holds one wish: one more says nothing new and is dropped.
    raised: mpsc::Sender<()>,
}

impl Outer {
    /// Something for a person who does not look at the window. Waits while many wait.
    pub async fn notice(&self, notice: Notice) {
        let _ = self.notices.send(notice).await;
    }

    /// Somebody wants to see the window.
    pub fn raise(&self) {
        let _ = self.raised.try_send(());
    }
}

/// Puts all of it around a window, which is not shown yet, inside of a Tokio runtime and on the thread of the
/// interface.
///
/// # Errors
/// When the system lets nothing be shown.
pub fn start(window: Rc<Window>, memory: Memory) -> Result<Placed, slint::PlatformError> {
    let (tray, events) = tray(Shown::of(&window.view().tray, &window.speech()))?;
    let (notifier, answers) = notifier();
    let (notices, told) = mpsc::channel(NOTICES);
    let (raised, wishes) = mpsc::channel(1);
    let around = Around::new(window, tray, notifier.notes(), memory);
    let news = News { tray: events, answers, notices: told, raised: wishes };
    slint::spawn_local(around.clone().follow(news)).map_err(|error| error.to_string())?;
    Ok(Placed { around, outer: Outer { notices, raised }, _notifier: notifier })
}

#[cfg(not(any(windows, target_os = "macos")))]
fn tray(shown: Shown) -> Result<(Tray, mpsc::Receiver<Event>), slint::PlatformError> {
    Ok(Tray::start(crate::tray::bus::Bus::Session, shown))
}

#[cfg(any(windows, target_os = "macos"))]
fn tray(shown: Shown) -> Result<(Tray, mpsc::Receiver<Event>), slint::PlatformError> {
    Tray::start(shown)
}

#[cfg(not(any(windows, target_os = "macos")))]
fn notifier() -> (Notifier, mpsc::Receiver<crate::notify::Answer>) {
    Notifier::start(crate::tray::bus::Bus::Session)
}

#[cfg(any(windows, target_os = "macos"))]
fn notifier() -> (Notifier, mpsc::Receiver<crate::notify::Answer>) {
    Notifier::start()
}

impl std::fmt::Debug for Placed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Placed").finish_non_exhaustive()
    }
}
