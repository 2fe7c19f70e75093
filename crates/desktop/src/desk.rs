//! The two ends of an application: commands go in, views come out. The demo has the same two as the real one.

mod log;
mod status;

use std::rc::Rc;
use std::sync::Arc;

use adit_app::command::Command;
use adit_app::local::Found;
use adit_app::moment::Moment;
use adit_app::traffic::{Detail, Rows};
use adit_app::view::View;
use tokio::sync::watch;

pub use log::LogDesk;
pub use status::StatusDesk;

use crate::system::System;

/// An application, as a window needs it.
pub struct Desk {
    /// Where commands go.
    pub commands: Rc<dyn Commands>,
    /// What is to be shown, always the newest.
    pub views: watch::Receiver<Arc<View>>,
    /// The traffic in the rows of all ports, the newest.
    pub rows: watch::Receiver<Arc<Rows>>,
    /// The details of the port that was selected, the newest.
    pub details: watch::Receiver<Option<Arc<Detail>>>,
    /// What listens on this computer, as it was when somebody looked last.
    pub listening: watch::Receiver<Found>,
    /// Looks again what listens; the answer comes as news of `listening`. Never blocks.
    pub look: Rc<dyn Fn()>,
    /// The log.
    pub log: LogDesk,
    /// How all that tunnels need is.
    pub status: StatusDesk,
    /// What the system says to all that draws, the newest.
    pub system: watch::Receiver<System>,
    /// The clock that times are told against.
    pub clock: Rc<dyn Fn() -> Moment>,
}

/// Takes commands.
pub trait Commands {
    /// Asks for something; `false` when too much waits already. Never blocks.
    fn send(&self, command: Command) -> bool;
}

impl std::fmt::Debug for Desk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Desk").finish_non_exhaustive()
    }
}

impl Commands for adit_app::controller::Commands {
    fn send(&self, command: Command) -> bool {
        self.try_send(command).is_ok()
    }
}
