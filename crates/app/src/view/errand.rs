//! What a dialog waits for.

use super::Card;
use crate::command::ErrandId;
use crate::condition::change_text;
use crate::failure::Failure;
use crate::message::Message;
use crate::state::State;
use crate::state::errand::End;
use crate::tunnel_key::TunnelKey;

/// What a dialog waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Errand {
    /// Which.
    pub id: ErrandId,
    /// The tunnel that was made for it.
    pub made: Option<TunnelKey>,
    /// How far it is.
    pub progress: Progress,
}

/// How far an errand is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// The service was asked.
    UnderWay,
    /// All is done.
    Done {
        /// The tunnel.
        tunnel: Option<TunnelKey>,
        /// The port that was added.
        port: Option<u16>,
        /// Its URL, where it has one already.
        url: Option<String>,
    },
    /// It could not be done, or not all of it.
    Failed {
        /// What could not.
        text: Message,
        /// Why.
        failure: Failure,
    },
}

pub(super) fn fold(state: &State, cards: &[Card]) -> Option<Errand> {
    let errand = state.errands.iter().rev().find(|it| !it.is_left)?;
    let progress = match &errand.end {
        None => Progress::UnderWay,
        Some(End::Done) => {
            let (tunnel, port) =
                (errand.tunnel.clone(), errand.port.as_ref().map(|port| port.number));
            let card =
                cards.iter().find(|card| tunnel.is_some() && card.tunnel() == tunnel.as_ref());
            let row = card.and_then(|card| card.rows.iter().find(|row| Some(row.port) == port));
            let url = row.and_then(|row| row.urls.first().cloned());
            Progress::Done { tunnel, port, url }
        }
        Some(End::Failed(failure)) => {
            let change = state.changes.iter().find(|it| it.ticket == errand.ticket);
            let port = errand.port.as_ref().filter(|_| errand.tunnel.is_some() || !errand.is_new);
            let text = match (change, port) {
                (Some(change), _) => change_text(&change.what),
                (None, Some(port)) => Message::PortNotAdded(port.number),
                (None, None) => Message::NotCreated,
            };
            Progress::Failed { text, failure: failure.clone() }
        }
    };
    let made = errand.tunnel.clone().filter(|_| errand.is_new);
    Some(Errand { id: errand.id, made, progress })
}
