//! How sessions end when the relay does.
//!
//! A peer of Adit's own making is told at once and opens its next session before this one goes. A
//! peer that is not told comes back only when its session is gone, and so is let go early.
//!
//! Hosts are the last to go, since visitors and clients who finish here need them.

use std::time::{Duration, Instant};

use adit_proto::relay::Side;
use adit_wire::{clock, pump::Traffic, task::Stopping};

use crate::course::Course;

/// How often a session of a relay that ends is looked at for being done.
const LOOK: Duration = Duration::from_millis(50);

/// How long an SDK's host has for what is in flight when another process has taken over. That one
/// lets visitors wait for 5 s, and an SDK waits for a second before it comes back.
const FOREIGN_HOST: Duration = Duration::from_secs(2);

/// How long a host of our own has to come to the process that took over before its old session is
/// closed though nobody needs it: a few round trips, and a second try should the first one fail.
const MOVING: Duration = Duration::from_secs(5);

/// What to do about a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Tell the peer, if it understands that.
    Tell,
    /// Close without a word, so that a peer that reconnects does.
    Close,
}

/// One session's way out.
#[derive(Debug)]
pub(super) struct Leave {
    side: Side,
    course: Course,
    /// Nobody needs this session any more, or the time for those who do is over.
    stopping: Stopping,
    /// Whether the peer is of Adit's own making, once that is known.
    own: Option<bool>,
    told: Option<Instant>,
    closed: bool,
}

impl Leave {
    pub(super) fn new(side: Side, course: Course, stopping: Stopping) -> Self {
        Self { side, course, stopping, own: None, told: None, closed: false }
    }

    /// The peer has said who it is.
    pub(super) fn met(&mut self, own: bool) {
        self.own = Some(own);
    }

    /// The next thing to do. Each is returned once; on a relay that serves, none. Safe to drop and
    /// call again.
    pub(super) async fn next(&mut self, traffic: &Traffic) -> Step {
        let Some(told) = self.told else {
            self.course.left().await;
            self.told = Some(clock::now());
            return Step::Tell;
        };
        while self.closed || !self.is_over(told, traffic.channels(), clock::now()) {
            clock::sleep(LOOK).await;
        }
        self.closed = true;
        Step::Close
    }

    /// Whether a session that was `told` at that moment should be closed.
    fn is_over(&self, told: Instant, channels: usize, now: Instant) -> bool {
        let (idle, unneeded) = (channels == 0, self.stopping.is_set());
        let since = now.saturating_duration_since(told);
        match (self.course.is_handed_over(), self.side, self.own) {
            (true, Side::Host, Some(false)) => idle || since >= FOREIGN_HOST,
            (true, Side::Host, _) => idle && unneeded && since >= MOVING,
            (true, Side::Client, Some(false)) => idle,
            (true, Side::Client, _) | (false, ..) => idle && unneeded,
        }
    }
}

#[cfg(test)]
mod tests {
    use adit_wire::task::Group;

    use super::*;
    use crate::course::{Helm, Phase};

    struct Scene {
        helm: Helm,
        tasks: Group,
        told: Instant,
    }

    impl Scene {
        fn new(phase: Phase, stopping: bool) -> Self {
            let (helm, tasks) = (Helm::new(), Group::new("sessions"));
            helm.turn(phase);
            if stopping {
                tasks.stop();
            }
            Self { helm, tasks, told: clock::now() }
        }

        /// After how many seconds such a session is closed, if that is within ten.
        fn ends(&self, side: Side, own: Option<bool>, channels: usize) -> Option<u64> {
            let mut leave = Leave::new(side, self.helm.course(), self.tasks.stopping());
            own.into_iter().for_each(|own| leave.met(own));
            let at = |second: &u64| self.told + Duration::from_secs(*second);
            (0..10).find(|second| leave.is_over(self.told, channels, at(second)))
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_relay_that_just_ends_waits_for_what_is_in_flight() {
        for (stopping, idle) in [(false, None), (true, Some(0))] {
            let scene = Scene::new(Phase::Stopping, stopping);
            for side in [Side::Host, Side::Client] {
                for own in [None, Some(false), Some(true)] {
                    assert_eq!(scene.ends(side, own, 0), idle);
                    assert_eq!(scene.ends(side, own, 1), None);
                }
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn sdks_are_let_go_early_to_reach_the_new_process() {
        let scene = Scene::new(Phase::HandedOver, false);
        assert_eq!(scene.ends(Side::Host, Some(false), 0), Some(0));
        assert_eq!(scene.ends(Side::Host, Some(false), 1), Some(2), "visitors wait for it there");
        assert_eq!(scene.ends(Side::Client, Some(false), 0), Some(0));
        assert_eq!(scene.ends(Side::Client, Some(false), 1), None, "nobody waits for it");
    }

    #[tokio::test(start_paused = true)]
    async fn our_own_hosts_stay_as_long_as_they_are_needed_and_have_time_to_move() {
        let needed = Scene::new(Phase::HandedOver, false);
        let unneeded = Scene::new(Phase::HandedOver, true);
        for own in [None, Some(true)] {
            assert_eq!(needed.ends(Side::Host, own, 0), None);
            assert_eq!(unneeded.ends(Side::Host, own, 0), Some(5));
            assert_eq!(unneeded.ends(Side::Host, own, 1), None);
            assert_eq!(needed.ends(Side::Client, own, 0), None, "it leaves by itself");
            assert_eq!(unneeded.ends(Side::Client, own, 0), Some(0));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_session_is_told_and_closed_once() {
        let scene = Scene::new(Phase::HandedOver, false);
        let mut leave = Leave::new(Side::Host, scene.helm.course(), scene.tasks.stopping());
        leave.met(false);
        let traffic = Traffic::default();
        assert_eq!(leave.next(&traffic).await, Step::Tell);
        assert_eq!(leave.next(&traffic).await, Step::Close);
        let later = clock::now() + Duration::from_secs(60);
        assert_eq!(clock::until(later, leave.next(&traffic)).await, Err(clock::Late));
    }
}
