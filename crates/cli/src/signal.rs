//! Ctrl-C, and what else asks a program to end.

use std::io;

use adit_app::failure::{Code, Failure, Outcome};

/// Requests to end: Ctrl-C, and on Unix SIGTERM (a service manager) and SIGHUP (the terminal was
/// closed). From its making on, none of them ends the program by itself.
#[derive(Debug)]
pub(crate) struct Requests {
    #[cfg(unix)]
    signals: [tokio::signal::unix::Signal; 3],
    #[cfg(windows)]
    ctrl_c: tokio::signal::windows::CtrlC,
    #[cfg(windows)]
    close: tokio::signal::windows::CtrlClose,
}

impl Requests {
    /// Listens from now on.
    pub(crate) fn listen() -> Outcome<Self> {
        Self::open().map_err(|error| {
            Failure::caused(Code::Internal, "the system does not tell of Ctrl-C", &error)
        })
    }

    #[cfg(unix)]
    fn open() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let signals = [
            signal(SignalKind::interrupt())?,
            signal(SignalKind::terminate())?,
            signal(SignalKind::hangup())?,
        ];
        Ok(Self { signals })
    }

    #[cfg(windows)]
    fn open() -> io::Result<Self> {
        use tokio::signal::windows;
        Ok(Self { ctrl_c: windows::ctrl_c()?, close: windows::ctrl_close()? })
    }

    /// Waits for the next request. Safe to drop and to call again.
    #[cfg(unix)]
    pub(crate) async fn next(&mut self) {
        let [interrupt, terminate, hangup] = &mut self.signals;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    }

    /// Waits for the next request. Safe to drop and to call again.
    #[cfg(windows)]
    pub(crate) async fn next(&mut self) {
        tokio::select! {
            _ = self.ctrl_c.recv() => {}
            _ = self.close.recv() => {}
        }
    }

    /// Waits for `work`, unless somebody wants to end before it is done.
    pub(crate) async fn unless<T>(&mut self, work: impl Future<Output = Outcome<T>>) -> Outcome<T> {
        tokio::select! {
            done = work => done,
            () = self.next() => Err(interrupted()),
        }
    }
}

/// Ended before it was done.
pub(crate) fn interrupted() -> Failure {
    Failure::new(Code::Interrupted, "interrupted")
}
