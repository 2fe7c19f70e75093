//! One visitor's request, and what is known about where it goes.

use std::sync::Arc;

use adit_proto::contracts::Protocol;
use http::HeaderValue;
use hyper::upgrade::OnUpgrade;

use super::access::Entry;
use super::headers::Exchange;
use super::options::Options;
use super::pool::{Port, Speech};
use crate::record::TunnelRecord;
use crate::seams::Peer;

/// A request that has been let in.
pub(super) struct Visit {
    /// The tunnel, as it was when the visitor came.
    pub(super) record: Arc<TunnelRecord>,
    /// The local port.
    pub(super) number: u16,
    /// What is shared by all who visit it.
    pub(super) port: Arc<Port>,
    /// How requests to it are forwarded.
    pub(super) options: Options,
    /// The authority that was asked for.
    pub(super) host: HeaderValue,
    /// Whom we talk to.
    pub(super) peer: Peer,
    /// How they came to be let in.
    pub(super) entry: Entry,
    /// What the request asks to turn the connection into, and the connection when that is done.
    pub(super) upgrade: Option<(HeaderValue, OnUpgrade)>,
    /// Whether it is no visit but a host's look at its own URL. It gets a connection of its own, on which the
    /// host can answer itself; what is learnt of the local server from it would be wrong.
    pub(super) look: bool,
}

impl Visit {
    /// What the port is said to speak; nothing if that is to be found out.
    pub(super) fn said(&self) -> Option<Speech> {
        let port = self.record.ports.get(&self.number);
        match port.and_then(|port| port.protocol.as_ref()) {
            // The host reads what comes, and so it comes in the clear.
            None | Some(Protocol::Auto) if self.look => Some(Speech::Plain),
            None | Some(Protocol::Auto) => None,
            Some(Protocol::Https) => Some(Speech::Tls),
            // Whatever else is said about it: a visitor of the edge speaks HTTP.
            Some(_) => Some(Speech::Plain),
        }
    }

    /// The visit as the header depends on it.
    pub(super) fn exchange(&self, speech: Speech) -> Exchange<'_> {
        Exchange {
            options: &self.options,
            port: self.number,
            scheme: speech.scheme(),
            host: &self.host,
            proto: self.peer.scheme(),
            visitor: self.peer.addr.ip(),
        }
    }
}
