//! What a dialog asked for and waits for, step by step.

use crate::command::{ErrandId, Ticket};
use crate::failure::Failure;
use crate::port::NewPort;
use crate::tunnel_key::TunnelKey;

/// An errand.
#[derive(Clone, Debug)]
pub(crate) struct Errand {
    pub(crate) id: ErrandId,
    /// The change that is under way, or the last.
    pub(crate) ticket: Ticket,
    /// The tunnel that it is about, once there is one.
    pub(crate) tunnel: Option<TunnelKey>,
    /// That tunnel was made for it.
    pub(crate) is_new: bool,
    /// The port that it adds.
    pub(crate) port: Option<NewPort>,
    /// The tunnel is hosted in the end.
    pub(crate) hosts: bool,
    pub(crate) end: Option<End>,
    /// Nobody waits for it any more.
    pub(crate) is_left: bool,
}

/// How an errand ended. A change that failed keeps its failure, and says it.
#[derive(Clone, Debug)]
pub(crate) enum End {
    Done,
    Failed(Failure),
}
