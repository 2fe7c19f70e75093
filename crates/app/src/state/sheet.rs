//! The open dialog about a tunnel.

use crate::command::Ticket;
use crate::manage::Sheet;

/// A dialog that is open.
#[derive(Clone, Debug)]
pub(crate) struct Open {
    /// What it shows.
    pub(crate) sheet: Sheet,
    /// The question that is under way.
    pub(crate) asked: Option<u64>,
    /// Its last change.
    pub(crate) ticket: Option<Ticket>,
}
