//! The frame around what goes wrong: a visitor who asks from a moment before until a moment after, and a look
//! at what is left then.

use std::time::{Duration, Instant};

use super::figures::{Cell, Column, Row};
use super::outcome::Measured;
use super::system::IDLE_PERCENT;
use super::visitor::{Seen, Visitor};
use super::world::{Afterwards, Tunnel, World, elapsed, say, state};
use crate::lines::JsonLines;

/// How long the visitor asks before and after.
const CALM: Duration = Duration::from_millis(500);

/// A case of a scenario while it lasts.
pub(super) struct Case {
    row: Row,
    visitors: Vec<Visitor>,
    long: bool,
}

impl Case {
    /// A visitor begins to ask, so many times a second.
    pub(super) async fn begin(
        name: impl Into<String>,
        tunnel: &Tunnel,
        per_second: u32,
        long: bool,
    ) -> Self {
        let mut case = Self::alone(name, long);
        case.visit(tunnel, per_second);
        tokio::time::sleep(CALM).await;
        case
    }

    /// Without a visitor, yet.
    pub(super) fn alone(name: impl Into<String>, long: bool) -> Self {
        Self { row: Row::of(name), visitors: Vec::new(), long }
    }

    /// One more visitor.
    pub(super) fn visit(&mut self, tunnel: &Tunnel, per_second: u32) {
        self.visitors.push(Visitor::start(tunnel.address.clone(), per_second));
    }

    /// It was noticed so long after it began.
    pub(super) fn noticed(&mut self, time: Duration) {
        self.row.time(Column::Noticed, time);
    }

    /// It was mended so long after it began.
    pub(super) fn mended(&mut self, time: Duration) {
        self.row.time(Column::Mended, time);
    }

    /// There is no such figure, and why.
    pub(super) fn none(&mut self, columns: &[Column], why: &'static str) {
        self.row.none(columns, why);
    }

    /// Nothing breaks, so that nothing is noticed and mended.
    pub(super) fn nothing_breaks(&mut self) {
        self.none(&[Column::Noticed, Column::Mended], "nothing breaks");
    }

    /// Tells the host to drop the session, and follows.
    pub(super) async fn dropped(&mut self, host: &mut JsonLines, tunnel: &Tunnel) -> Duration {
        host.forget(|_| true);
        let began = Instant::now();
        say(host, &format!("drop {}", tunnel.id)).await;
        self.follow(host, tunnel, began).await
    }

    /// Breaks the session, and follows.
    pub(super) async fn broken(
        &mut self,
        host: &mut JsonLines,
        tunnel: &Tunnel,
        breaking: impl FnOnce(),
    ) -> Duration {
        host.forget(|_| true);
        let began = Instant::now();
        breaking();
        self.follow(host, tunnel, began).await
    }

    /// Waits until the host says that it has noticed what began then, and that it hosts again. Returns how long
    /// it reconnected, by its own clock.
    pub(super) async fn follow(
        &mut self,
        host: &mut JsonLines,
        tunnel: &Tunnel,
        began: Instant,
    ) -> Duration {
        let noticed = state(host, tunnel, "Reconnecting").await;
        self.noticed(began.elapsed());
        let mended = state(host, tunnel, "Hosting").await;
        self.mended(began.elapsed());
        elapsed(&mended).saturating_sub(elapsed(&noticed))
    }

    /// A moment later the visitors leave, and what is left is looked at: there must be so many sessions, and
    /// neither these hosts nor the relay may compute.
    pub(super) async fn end(
        mut self,
        measured: &mut Measured,
        world: &World,
        hosts: &[&JsonLines],
        sessions: usize,
    ) -> Seen {
        tokio::time::sleep(CALM).await;
        let mut seen = Seen::default();
        for visitor in std::mem::take(&mut self.visitors) {
            seen.add(visitor.stop().await);
        }
        if seen.total() > 0 {
            self.row.seen(&seen);
        }
        let span = Duration::from_secs(if self.long { 10 } else { 1 });
        let after = world.afterwards(hosts, sessions, span).await;
        self.judge(measured, &after);
        measured.row(self.row);
        seen
    }

    /// As [`Case::end`], where no answer may be lost.
    pub(super) async fn end_without_loss(
        self,
        measured: &mut Measured,
        world: &World,
        hosts: &[&JsonLines],
        sessions: usize,
    ) -> Seen {
        let case = self.row.case.clone();
        let seen = self.end(measured, world, hosts, sessions).await;
        let (lost, total) = (seen.lost(), seen.total());
        let how = seen.failures().join("; ");
        measured.must(lost == 0, format!("{case}: {lost} of {total} requests were lost: {how}"));
        measured.must(total > 0, format!("{case}: nobody asked"));
        seen
    }

    fn judge(&mut self, measured: &mut Measured, after: &Afterwards) {
        let case = self.row.case.clone();
        let Afterwards { left_over, missing, host, relay } = *after;
        measured.must(left_over == 0, format!("{case}: {left_over} sessions are left over"));
        measured.must(missing == 0, format!("{case}: {missing} sessions are missing afterwards"));
        let cpu = [("host", Column::HostCpu, host), ("relay", Column::RelayCpu, Some(relay))];
        for (who, column, percent) in cpu {
            let Some(percent) = percent else { continue };
            let otherwise = format!("{case}: the idle {who} uses {percent} % of a core");
            measured.must(percent < IDLE_PERCENT, otherwise);
            self.row.put(column, Cell::Percent(percent));
        }
        self.row.put(Column::LeftOver, Cell::Count(left_over));
    }
}
