//! Since when a condition holds, and whether it is visible.

use std::collections::BTreeMap;
use std::time::Instant;

use jiff::Timestamp;

use super::{Code, Condition, Subject};
use crate::moment::Moment;

/// Remembers what holds since when.
#[derive(Clone, Debug, Default)]
pub struct Tracker {
    held: BTreeMap<(Code, Subject), Held>,
}

#[derive(Clone, Debug)]
struct Held {
    condition: Condition,
    since: Moment,
    is_visible: bool,
}

impl Tracker {
    /// Takes in what holds now, and returns what has become visible by it. What has a cause among them does not
    /// count: when the cause goes, its time begins anew.
    pub fn turn(&mut self, raised: Vec<Condition>, now: Moment) -> Vec<Condition> {
        let has_cause = |condition: &Condition| {
            raised.iter().any(|other| {
                condition.code.causes().contains(&other.code)
                    && other.about.covers(&condition.about)
            })
        };
        let told: BTreeMap<_, _> = raised
            .iter()
            .filter(|condition| !has_cause(condition))
            .map(|condition| ((condition.code, condition.about.clone()), condition.clone()))
            .collect();
        self.held.retain(|key, _| told.contains_key(key));
        let mut new = Vec::new();
        for (key, condition) in told {
            let after = key.0.after();
            let held = self.held.entry(key).or_insert_with(|| Held {
                condition: condition.clone(),
                since: now,
                is_visible: false,
            });
            held.condition = condition;
            if !held.is_visible && now.at >= held.since.at + after {
                held.is_visible = true;
                new.push(held.condition.clone());
            }
        }
        new
    }

    /// How many hold.
    #[expect(clippy::len_without_is_empty, reason = "nobody asks")]
    pub fn len(&self) -> usize {
        self.held.len()
    }

    /// What is visible, the worst first, with when it began.
    pub fn visible(&self) -> Vec<(&Condition, Timestamp)> {
        let mut visible: Vec<_> = (self.held.values())
            .filter(|held| held.is_visible)
            .map(|held| (&held.condition, held.since.wall))
            .collect();
        // Equally bad ones stay in the order of the register.
        visible.sort_by_key(|(condition, _)| std::cmp::Reverse(condition.code.severity()));
        visible
    }

    /// When the next one becomes visible if nothing changes.
    pub fn deadline(&self) -> Option<Instant> {
        let waiting = self.held.iter().filter(|(_, held)| !held.is_visible);
        waiting.map(|((code, _), held)| held.since.at + code.after()).min()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use adit_wire::clock;

    use super::*;
    use crate::message::Message;
    use crate::place_key::PlaceKey;
    use crate::tunnel_key::TunnelKey;

    fn tunnel() -> TunnelKey {
        TunnelKey { place: PlaceKey::microsoft(), id: "shop.euw".parse().unwrap() }
    }

    fn condition(code: Code, about: Subject) -> Condition {
        Condition { code, about, text: Message::ClockWrong, detail: None, offer: None }
    }

    fn local_down() -> Condition {
        condition(Code::LocalDown, Subject::Port(tunnel(), 80))
    }

    struct Story {
        tracker: Tracker,
        now: Moment,
    }

    impl Story {
        fn new() -> Self {
            Self {
                tracker: Tracker::default(),
                now: Moment { at: clock::now(), wall: Timestamp::UNIX_EPOCH },
            }
        }

        /// What becomes visible when this holds, so many seconds later.
        fn after(&mut self, seconds: u64, raised: &[Condition]) -> Vec<Code> {
            self.now = self.now.after(Duration::from_secs(seconds));
            let new = self.tracker.turn(raised.to_vec(), self.now);
            new.iter().map(|condition| condition.code).collect()
        }

        fn visible(&self) -> Vec<Code> {
            self.tracker.visible().iter().map(|(condition, _)| condition.code).collect()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_passes_quickly_is_never_told() {
        let mut story = Story::new();
        for _ in 0..10 {
            assert!(story.after(1, &[local_down()]).is_empty());
            assert!(story.after(9, &[local_down()]).is_empty());
            assert!(story.after(0, &[]).is_empty());
        }
        assert_eq!(story.tracker.deadline(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn what_lasts_is_told_once_when_its_time_has_come() {
        let mut story = Story::new();
        story.after(0, &[local_down()]);
        assert_eq!(story.tracker.deadline(), Some(story.now.at + Duration::from_secs(10)));
        assert_eq!(story.after(10, &[local_down()]), [Code::LocalDown]);
        assert_eq!(story.after(10, &[local_down()]), []);
        assert_eq!(story.visible(), [Code::LocalDown]);
        assert_eq!(story.tracker.visible()[0].1, Timestamp::UNIX_EPOCH);
        story.after(1, &[]);
        assert_eq!(story.visible(), []);
    }

    #[tokio::test(start_paused = true)]
    async fn what_has_a_cause_is_not_told_beside_it() {
        let mut story = Story::new();
        let cause = condition(Code::AnotherHost, Subject::Tunnel(tunnel()));
        assert_eq!(story.after(0, &[cause.clone(), local_down()]), [Code::AnotherHost]);
        story.after(60, &[cause, local_down()]);
        assert_eq!(story.visible(), [Code::AnotherHost]);
        // Its own time begins when the cause is gone.
        assert_eq!(story.after(0, &[local_down()]), []);
        assert_eq!(story.after(10, &[local_down()]), [Code::LocalDown]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_cause_elsewhere_is_none() {
        let mut story = Story::new();
        let place = Subject::Place(PlaceKey::from("https://cp.r.example"));
        let elsewhere = condition(Code::SignInNeeded, place);
        let not_hosted = condition(Code::NotHosted, Subject::Tunnel(tunnel()));
        story.after(0, &[elsewhere.clone(), not_hosted.clone()]);
        assert_eq!(story.visible(), [Code::SignInNeeded, Code::NotHosted]);
        let here = condition(Code::SignInNeeded, Subject::Place(PlaceKey::microsoft()));
        story.after(0, &[here, not_hosted]);
        assert_eq!(story.visible(), [Code::SignInNeeded]);
    }

    #[tokio::test(start_paused = true)]
    async fn the_worst_comes_first() {
        let mut story = Story::new();
        let old = condition(Code::ListOld, Subject::Place(PlaceKey::here()));
        let clock = condition(Code::ClockWrong, Subject::App);
        let raised = [old, local_down(), clock];
        story.after(0, &raised);
        story.after(10, &raised);
        assert_eq!(story.visible(), [Code::ClockWrong, Code::LocalDown, Code::ListOld]);
    }
}
