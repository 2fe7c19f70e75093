//! What the screen of one port shows besides its row: charts, requests, events. Apart from [`crate::view`], because it
//! changes with every visitor and nobody needs it while no port is looked at.

use std::sync::Arc;

use super::chart::{Charts, Tops, charts};
use super::events::{self, Entry};
use crate::command::OF_TUNNEL;
use crate::failure::Failure;
use crate::history::{OfPort, Request, Unseen};
use crate::moment::Moment;
use crate::state::State;
use crate::tunnel_key::TunnelKey;

/// The details of the port that is looked at.
#[derive(Clone, Debug, PartialEq)]
pub struct Detail {
    /// Its tunnel.
    pub tunnel: TunnelKey,
    /// The port.
    pub port: u16,
    /// The last 15 minutes.
    pub quarter: Charts,
    /// The last 24 hours.
    pub day: Charts,
    /// The last requests, the newest first.
    pub requests: Vec<Arc<Request>>,
    /// The tunnel's log as far as it concerns this port, or all of it with [`OF_TUNNEL`]; the newest first.
    pub events: Vec<Entry>,
    /// Whether bodies of requests and answers are kept.
    pub keeps_bodies: bool,
    /// Why there are no requests to see and no bodies to keep, where that is so.
    pub unseen: Option<Unseen>,
    /// What became of the last request that was to be sent again, while it is under way or has failed.
    pub again: Option<Again>,
}

/// A request that was to be sent to the local server again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Again {
    /// It is under way.
    Sending {
        /// The number of the request.
        of: u64,
    },
    /// It was not sent, or nothing answered.
    Failed {
        /// The number of the request.
        of: u64,
        /// Why, and what to do.
        failure: Failure,
    },
}

/// The axes of both spans.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Axes {
    quarter: Tops,
    day: Tops,
}

impl Detail {
    /// How high its axes are, for the next time that it is folded.
    pub fn axes(&self) -> Axes {
        Axes { quarter: self.quarter.tops(), day: self.day.tops() }
    }

    /// A request that is listed.
    pub fn request(&self, number: u64) -> Option<&Arc<Request>> {
        self.requests.iter().find(|request| request.number == number)
    }
}

/// The details of the port that was chosen with [`crate::command::Command::Select`]; nothing where none was, or nobody
/// sees the window. `axes` are those of the last time that the same port was folded.
pub fn detail(state: &State, now: Moment, axes: Axes) -> Option<Detail> {
    let (tunnel, port) = state.selected.as_ref().filter(|_| state.visible)?;
    let of_tunnel = state.history.of(tunnel);
    let nothing = OfPort::default();
    let of = of_tunnel.and_then(|it| it.ports.get(port)).unwrap_or(&nothing);
    let key = (tunnel.clone(), *port);
    let about = (*port != OF_TUNNEL).then_some(*port);
    Some(Detail {
        tunnel: tunnel.clone(),
        port: *port,
        quarter: charts(&of.quarter, now.wall, axes.quarter),
        day: charts(&of.day, now.wall, axes.day),
        requests: of.requests.iter().rev().cloned().collect(),
        events: of_tunnel.map_or_else(Vec::new, |of| events::entries(of, about)),
        keeps_bodies: state.traffic.bodies.contains(&key),
        unseen: of.unseen,
        again: state.traffic.again.get(&key).cloned(),
    })
}
