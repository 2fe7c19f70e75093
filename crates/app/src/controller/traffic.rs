//! Tells the traffic of ports at its own pace, counts connections and bytes, and sends requests to local servers again.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use adit_tunnel::inspect::{Again, Exchange, Keep, NotSent};
use adit_wire::clock;
use jiff::Timestamp;
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

/// How long before the end of a step what has passed in it is counted.
const BEFORE_END: Duration = Duration::from_millis(20);

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
    /// When what passes is counted next; at once where it never was.
    count_at: Option<Instant>,
}

/// What is told in a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Turn {
    detail: bool,
    rows: bool,
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
        Self { out, keeps: BTreeMap::new(), pace: Pace::default(), count_at: None }
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
        let count = (!self.keeps.is_empty()).then(|| self.count_at.unwrap_or(now));
        let told = self.pace.due(state.visible, state.selected.is_some(), now);
        [count, told].into_iter().flatten().min()
    }

    /// What is due to be told, by [`tell`](Self::tell) once what was counted is taken in.
    pub(super) fn turn_at(&self, state: &State, now: Instant) -> Turn {
        self.pace.turn_at(state.visible, state.selected.is_some(), now)
    }

    /// Counts connections in their time, and bytes then and for who looks.
    pub(super) fn count(&mut self, turn: Turn, now: Moment) -> Vec<Event> {
        let is_due = !self.keeps.is_empty() && self.count_at.is_none_or(|at| at <= now.at);
        let mut counted = Vec::new();
        if is_due {
            self.count_at = Some(now.at + left_of_step(now.wall));
            let count = |(tunnel, keep): (&TunnelKey, &Keep)| (tunnel.clone(), keep.connections());
            counted.push(Event::Connections(self.keeps.iter().map(count).collect()));
        }
        if is_due || turn.detail {
            let passed = |(tunnel, keep): (&TunnelKey, &Keep)| (tunnel.clone(), keep.passed());
            let passed = self.keeps.iter().map(passed).filter(|(_, ports)| !ports.is_empty());
            let passed: BTreeMap<_, _> = passed.collect();
            // Where nothing passes there is nothing to be told again.
            counted.extend((!passed.is_empty()).then_some(Event::Passed(passed)));
        }
        counted
    }

    /// Tells what was due.
    pub(super) fn tell(&mut self, turn: Turn, state: &State, now: Moment) {
        self.pace.told(turn, now.at);
        if turn.detail {
            self.tell_detail(state, now);
        }
        if turn.rows {
            let rows = traffic::rows(state.history(), now.wall);
            self.out.rows.send_if_modified(|told| replace(told, rows));
        }
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
    fn turn_at(&self, visible: bool, selected: bool, now: Instant) -> Turn {
        let wait = if self.is_new { DETAIL } else { STEP };
        let detail = self.turned || (visible && selected && after(self.detail, wait, now) <= now);
        let rows = visible && (self.turned || after(self.rows, STEP, now) <= now);
        Turn { detail, rows }
    }

    /// That was told, with all that is known by now.
    fn told(&mut self, turn: Turn, now: Instant) {
        self.turned = false;
        if turn.detail {
            (self.is_new, self.detail) = (false, Some(now));
        }
        if turn.rows {
            self.rows = Some(now);
        }
    }
}

/// How long until what passes is counted for the step at hand: just before its end, so that it is of that step.
fn left_of_step(wall: Timestamp) -> Duration {
    let step = STEP.as_millis() as i64;
    let passed = wall.as_millisecond().rem_euclid(step) + BEFORE_END.as_millis() as i64;
    let left = if passed < step { step - passed } else { 2 * step - passed };
    Duration::from_millis(left.unsigned_abs())
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
                let turn = pace.turn_at(visible, selected, now);
                pace.told(turn, now);
                told = (told.0 + u32::from(turn.detail), told.1 + u32::from(turn.rows));
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
        let take = |pace: &mut Pace, visible, now| {
            let turn = pace.turn_at(visible, true, now);
            pace.told(turn, now);
            (turn.detail, turn.rows)
        };
        assert_eq!(take(&mut pace, true, now), (true, true));
        assert_eq!(take(&mut pace, true, now + MS), (false, false));
        pace.turned = true;
        assert_eq!(pace.due(true, true, now + MS), Some(now + MS));
        assert_eq!(take(&mut pace, true, now + MS), (true, true));
        pace.turned = true;
        assert_eq!(take(&mut pace, false, now + 2 * MS), (true, false));
        assert_eq!(pace.due(false, true, now + 3 * MS), None);
    }

    #[test]
    fn what_is_taken_in_for_a_detail_is_no_reason_for_another() {
        let (mut pace, now) = (Pace::default(), clock::now());
        let turn = pace.turn_at(true, true, now);
        // What was counted is taken in meanwhile.
        pace.is_new = true;
        pace.told(turn, now);
        assert_eq!(pace.due(true, true, now), Some(now + STEP));
    }

    #[test]
    fn bytes_are_counted_at_the_end_of_each_step() {
        let left = |ms| left_of_step(Timestamp::from_millisecond(ms).unwrap()).as_millis();
        assert_eq!([0, 1_000, 4_979, 4_980, 4_999].map(left), [4_980, 3_980, 1, 5_000, 4_981]);
    }
}
