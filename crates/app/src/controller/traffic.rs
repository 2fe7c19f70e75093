//! Tells the traffic of ports at its own pace, counts connections and bytes, and sends requests to local servers again.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use adit_tunnel::inspect::{Again, Exchange, Keep, NotSent};
use adit_wire::clock;
use tokio::sync::watch;

use crate::event::Event;
use crate::failure::{Code, Failure};
use crate::moment::Moment;
use crate::state::State;
use crate::traffic::{self, Detail, Rows};
use crate::tunnel_key::TunnelKey;

/// The details of a port are told at most this often: four times a second is as much as anyone follows.
const DETAIL: Duration = Duration::from_millis(250);

/// A step of the charts of 15 minutes. What nobody visits changes with it, because the window of time moves on.
const STEP: Duration = Duration::from_secs(5);

/// For so long is an answer waited for.
const ANSWER: Duration = Duration::from_secs(30);

/// Where traffic is told.
#[derive(Debug)]
pub(super) struct Out {
    pub(super) detail: watch::Sender<Option<Arc<Detail>>>,
    pub(super) rows: watch::Sender<Arc<Rows>>,
}

/// What the controller does about traffic.
#[derive(Debug)]
pub(super) struct Traffic {
    out: Out,
    /// What engines keep, by tunnel.
    keeps: BTreeMap<TunnelKey, Keep>,
    pace: Pace,
    counted: Option<Instant>,
}

/// When the details and rows are told.
#[derive(Clone, Copy, Debug, Default)]
struct Pace {
    /// Something may be new in the details.
    is_new: bool,
    /// Another port is looked at, or none: that is told at once.
    turned: bool,
    detail: Option<Instant>,
    rows: Option<Instant>,
}

impl Traffic {
    pub(super) fn new(out: Out) -> Self {
        Self { out, keeps: BTreeMap::new(), pace: Pace::default(), counted: None }
    }

    /// What the engine of a tunnel that begins now keeps: heads, and the bodies of the ports that were switched on.
    pub(super) fn begin(&mut self, tunnel: &TunnelKey, state: &State) -> Keep {
        let keep = Keep::heads();
        let ports = state.traffic.bodies.iter().filter(|(of, _)| of == tunnel);
        ports.for_each(|(_, port)| keep.bodies(*port, true));
        self.keeps.insert(tunnel.clone(), keep.clone());
        keep
    }

    /// The engine of a tunnel has ended; what it forwarded since it was counted last.
    pub(super) fn end(&mut self, tunnel: &TunnelKey) -> Option<Event> {
        let passed = self.keeps.remove(tunnel)?.passed();
        (!passed.is_empty()).then(|| Event::Passed([(tunnel.clone(), passed)].into()))
    }

    pub(super) fn keep_bodies(&self, tunnel: &TunnelKey, port: u16, wanted: bool) {
        if let Some(keep) = self.keeps.get(tunnel) {
            keep.bodies(port, wanted);
        }
    }

    /// Something happened.
    pub(super) fn touch(&mut self) {
        self.pace.is_new = true;
    }

    /// Somebody chose a port, or the window came or went.
    pub(super) fn turn(&mut self) {
        self.pace.turned = true;
    }

    /// When there is something to do next.
    pub(super) fn due(&self, state: &State, now: Instant) -> Option<Instant> {
        let count = (!self.keeps.is_empty()).then(|| after(self.counted, STEP, now));
        let told = self.pace.due(state.visible, state.selected.is_some(), now);
        [count, told].into_iter().flatten().min()
    }

    /// Tells what is due, and returns what was counted: connections in their time, and bytes then and for who looks.
    pub(super) fn act(&mut self, state: &State, now: Moment) -> Vec<Event> {
        let (detail, rows) = self.pace.take(state.visible, state.selected.is_some(), now.at);
        if detail {
            self.tell_detail(state, now);
        }
        if rows {
            let rows = traffic::rows(state.history(), now.wall);
            self.out.rows.send_if_modified(|told| replace(told, rows));
        }
        let is_due = !self.keeps.is_empty() && after(self.counted, STEP, now.at) <= now.at;
        let mut counted = Vec::new();
        if is_due {
            self.counted = Some(now.at);
            let count = |(tunnel, keep): (&TunnelKey, &Keep)| (tunnel.clone(), keep.connections());
            counted.push(Event::Connections(self.keeps.iter().map(count).collect()));
        }
        if is_due || detail {
            let passed = |(tunnel, keep): (&TunnelKey, &Keep)| (tunnel.clone(), keep.passed());
            let passed = self.keeps.iter().map(passed).filter(|(_, ports)| !ports.is_empty());
            let passed: BTreeMap<_, _> = passed.collect();
            // Where nothing passes there is nothing to be told again.
            counted.extend((!passed.is_empty()).then_some(Event::Passed(passed)));
        }
        counted
    }

    fn tell_detail(&self, state: &State, now: Moment) {
        let before = self.out.detail.borrow().clone();
        let is_same = |it: &&Arc<Detail>| {
            state
                .selected
                .as_ref()
                .is_some_and(|(tunnel, port)| (&it.tunnel, it.port) == (tunnel, *port))
        };
        let axes = before.as_ref().filter(is_same).map(|it| it.axes()).unwrap_or_default();
        let detail = traffic::detail(state, now, axes);
        self.out.detail.send_if_modified(|told| {
            let is_new = told.as_deref() != detail.as_ref();
            if is_new {
                *told = detail.map(Arc::new);
            }
            is_new
        });
    }
}

/// Sends a request to a local server again.
pub(super) async fn send_again(
    port: u16,
    request: &Again,
    keep: bool,
) -> Result<Box<Exchange>, Failure> {
    let sent = request.send(port, keep, clock::now() + ANSWER).await;
    sent.map(Box::new).map_err(|error| match error {
        NotSent::Local(_) => {
            Failure::new(Code::LocalPort, format!("nothing answers on localhost:{port}"))
                .hint("start your server, then send the request again")
        }
        NotSent::Answer(why) => {
            let message = format!("the answer of localhost:{port} could not be read: {why}");
            Failure::new(Code::Refused, message).hint("check what your server speaks on that port")
        }
    })
}

impl Pace {
    fn due(&self, visible: bool, selected: bool, now: Instant) -> Option<Instant> {
        if self.turned {
            return Some(now);
        }
        let wait = if self.is_new { DETAIL } else { STEP };
        let detail = (visible && selected).then(|| after(self.detail, wait, now));
        let rows = visible.then(|| after(self.rows, STEP, now));
        [detail, rows].into_iter().flatten().min()
    }

    /// Whether details and rows are to be told now.
    fn take(&mut self, visible: bool, selected: bool, now: Instant) -> (bool, bool) {
        let turned = std::mem::take(&mut self.turned);
        let wait = if self.is_new { DETAIL } else { STEP };
        let detail = turned || (visible && selected && after(self.detail, wait, now) <= now);
        let rows = visible && (turned || after(self.rows, STEP, now) <= now);
        if detail {
            (self.is_new, self.detail) = (false, Some(now));
        }
        if rows {
            self.rows = Some(now);
        }
        (detail, rows)
    }
}

/// A while after the last time; now if there was none.
fn after(last: Option<Instant>, wait: Duration, now: Instant) -> Instant {
    last.map_or(now, |last| last + wait)
}

fn replace(told: &mut Arc<Rows>, rows: Rows) -> bool {
    let is_new = **told != rows;
    if is_new {
        *told = Arc::new(rows);
    }
    is_new
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// How often details and rows are told in 10 s of 200 events a second.
    fn told(visible: bool, selected: bool, is_busy: bool) -> (u32, u32) {
        let (mut pace, start) = (Pace::default(), clock::now());
        let mut told = (0, 0);
        for tick in 0..2_000 {
            let now = start + tick * 5 * MS;
            pace.is_new |= is_busy;
            if pace.due(visible, selected, now).is_some_and(|at| at <= now) {
                let (detail, rows) = pace.take(visible, selected, now);
                told = (told.0 + u32::from(detail), told.1 + u32::from(rows));
            }
        }
        told
    }

    #[test]
    fn details_are_told_four_times_a_second_at_most_and_only_to_who_looks() {
        assert_eq!(told(true, true, true), (40, 2));
        assert_eq!(told(true, true, false), (2, 2));
        assert_eq!(told(true, false, true), (0, 2));
        assert_eq!(told(false, true, true), (0, 0));
    }

    #[test]
    fn another_port_is_told_at_once_and_that_nobody_looks_too() {
        let (mut pace, now) = (Pace::default(), clock::now());
        assert_eq!(pace.take(true, true, now), (true, true));
        assert_eq!(pace.take(true, true, now + MS), (false, false));
        pace.turned = true;
        assert_eq!(pace.due(true, true, now + MS), Some(now + MS));
        assert_eq!(pace.take(true, true, now + MS), (true, true));
        pace.turned = true;
        assert_eq!(pace.take(false, true, now + 2 * MS), (true, false));
        assert_eq!(pace.due(false, true, now + 3 * MS), None);
    }
}
