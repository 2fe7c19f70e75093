//! What the service manager is told, where there is one that wants to know: that hosting has begun and is about
//! to end, how it stands, and that this process is not stuck.

use std::time::Duration;

/// Tells the service manager. Without one, nothing happens.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Manager {
    is_there: bool,
    /// How often it wants a sign of life.
    every: Option<Duration>,
}

impl Manager {
    /// As the environment says: `NOTIFY_SOCKET`, `WATCHDOG_USEC`.
    pub(crate) fn new() -> Self {
        // Twice as often as is asked for, so that one that comes late is no harm.
        let every = watchdog().map(|within| within / 2);
        Self { is_there: cfg!(unix) && std::env::var_os("NOTIFY_SOCKET").is_some(), every }
    }

    /// Whether this process is a service.
    pub(crate) fn is_there(self) -> bool {
        self.is_there
    }

    /// Hosting has begun. Tunnels may still be on their way: that they are is no failure to start.
    pub(crate) fn ready(self) {
        notify(&[Sign::Ready]);
    }

    /// How many tunnels are hosted, of how many.
    pub(crate) fn hosted(self, hosted: usize, of: usize) {
        notify(&[Sign::Status(format!("{hosted} of {of} tunnels hosted"))]);
    }

    /// Ending in good order.
    pub(crate) fn stopping(self) {
        notify(&[Sign::Stopping]);
    }

    /// A sign of life.
    pub(crate) fn alive(self) {
        notify(&[Sign::Alive]);
    }

    /// How often [`alive`](Self::alive) is due.
    pub(crate) fn every(self) -> Option<Duration> {
        self.every
    }
}

// Nobody is told elsewhere.
#[cfg_attr(not(target_os = "linux"), expect(dead_code))]
enum Sign {
    Ready,
    Status(String),
    Stopping,
    Alive,
}

#[cfg(target_os = "linux")]
fn watchdog() -> Option<Duration> {
    sd_notify::watchdog_enabled()
}

#[cfg(target_os = "linux")]
fn notify(signs: &[Sign]) {
    use sd_notify::NotifyState;
    let states: Vec<_> = signs
        .iter()
        .map(|sign| match sign {
            Sign::Ready => NotifyState::Ready,
            Sign::Status(text) => NotifyState::Status(text),
            Sign::Stopping => NotifyState::Stopping,
            Sign::Alive => NotifyState::Watchdog,
        })
        .collect();
    // A manager that does not listen is no reason not to host.
    if let Err(error) = sd_notify::notify(&states) {
        tracing::debug!(%error, "the service manager was not told");
    }
}

#[cfg(not(target_os = "linux"))]
fn watchdog() -> Option<Duration> {
    None
}

#[cfg(not(target_os = "linux"))]
fn notify(_: &[Sign]) {}
