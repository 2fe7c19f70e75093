//! What is about to be removed, and can be kept.

use std::time::Instant;

use crate::command::Ticket;
use crate::message::Message;
use crate::state::State;
use crate::state::change::{Stage, What};
use crate::tunnel_key::TunnelKey;

/// More than so many are told as one.
const MOST: usize = 3;

/// An offer to undo.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undo {
    /// What it undoes.
    pub tickets: Vec<Ticket>,
    /// What is said.
    pub text: Message,
    /// When it runs out, the first where there are several; `None` while somebody looks at it.
    pub until: Option<Instant>,
}

pub(super) fn fold(state: &State) -> Vec<Undo> {
    let bars: Vec<_> = (state.changes.iter())
        .filter_map(|change| {
            let until = match change.stage {
                Stage::Undoable { until } => Some(until),
                Stage::Held { .. } => None,
                _ => return None,
            };
            let tunnel = change.tunnel()?;
            let port = match change.what {
                What::DeletePort { port, .. } => Some(port),
                _ => None,
            };
            let urls = if port.is_none() { urls(state, tunnel) } else { 0 };
            let text = Message::Deleting { name: state.name(tunnel), port, urls };
            Some(Undo { tickets: vec![change.ticket], text, until })
        })
        .collect();
    if bars.len() <= MOST {
        return bars;
    }
    let text = Message::DeletingMany(bars.len() as u64);
    let until = bars.iter().filter_map(|bar| bar.until).min();
    let tickets = bars.into_iter().flat_map(|bar| bar.tickets).collect();
    vec![Undo { tickets, text, until }]
}

/// How many ports of a tunnel have a URL.
fn urls(state: &State, tunnel: &TunnelKey) -> u64 {
    let ports = state.ports(tunnel).unwrap_or_default();
    ports.iter().filter(|port| !port.urls.is_empty()).count() as u64
}
