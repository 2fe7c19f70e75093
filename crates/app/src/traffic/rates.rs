//! Traffic per second, out of samples. Charts, tables and rows show the same numbers because they all come from here.

use jiff::Timestamp;

use crate::history::{Sample, Series};

/// A sample that has only just begun says little, and would show as a dip or a peak: it is left out until this part of
/// its step has passed.
const SETTLED: f64 = 0.2;

/// What one step came to.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Rates {
    /// Requests per second.
    pub(super) requests: f64,
    /// Bytes from visitors, per second.
    pub(super) received: f64,
    /// Bytes to visitors, per second.
    pub(super) sent: f64,
    /// The most connections at a time.
    pub(super) connections: u32,
    /// Answers per second: 1xx and 2xx.
    pub(super) fine: f64,
    /// 3xx.
    pub(super) moved: f64,
    /// 4xx.
    pub(super) refused: f64,
    /// 5xx, and requests without an answer.
    pub(super) failed: f64,
}

/// The traffic of each step, oldest first, the last being that of `now`; `None` where nothing is known.
pub(super) fn rates(series: &Series, now: Timestamp) -> Vec<Option<Rates>> {
    let step = f64::from(series.step());
    let mut samples = series.points(now);
    let passed = passed(series.step(), now);
    let last = samples.pop().flatten().filter(|_| passed >= step * SETTLED);
    let whole = samples.into_iter().map(|sample| sample.map(|it| Rates::of(&it, step)));
    whole.chain([last.map(|sample| Rates::of(&sample, passed))]).collect()
}

/// When each step begins, in the order of [`rates`].
pub(super) fn times(series: &Series, now: Timestamp) -> Vec<Timestamp> {
    let step = i64::from(series.step());
    let last = now.as_second().div_euclid(step);
    let first = last + 1 - series.limit() as i64;
    let time = |number| Timestamp::from_second(number * step).unwrap_or(Timestamp::MIN);
    (first..=last).map(time).collect()
}

/// Seconds of the step at hand that have passed, at least one.
fn passed(step: u32, now: Timestamp) -> f64 {
    (now.as_second().rem_euclid(step.into()) + 1) as f64
}

impl Rates {
    fn of(sample: &Sample, seconds: f64) -> Self {
        let per_second = |count: u64| count as f64 / seconds;
        Self {
            requests: per_second(sample.requests),
            received: per_second(sample.received),
            sent: per_second(sample.sent),
            connections: sample.connections,
            fine: per_second(sample.statuses.fine),
            moved: per_second(sample.statuses.moved),
            refused: per_second(sample.statuses.refused),
            failed: per_second(sample.statuses.failed + sample.statuses.none),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn requests(series: &Series, now: i64) -> Vec<Option<f64>> {
        rates(series, at(now)).iter().map(|it| it.map(|it| it.requests)).collect()
    }

    #[test]
    fn a_gap_stays_a_gap_and_a_quiet_step_is_zero() {
        let mut series = Series::new(Duration::from_secs(5), 4);
        (0..10).for_each(|_| series.at(at(100)).add(Some(200)));
        series.at(at(100)).pass(1_000, 10_000);
        series.at(at(111)).connections = 1;
        assert_eq!(requests(&series, 119), [Some(2.0), None, Some(0.0), None]);
        let first = rates(&series, at(119))[0].unwrap();
        assert_eq!((first.received, first.sent, first.fine), (200.0, 2_000.0, 2.0));
        assert_eq!(times(&series, at(119)), [100, 105, 110, 115].map(at));
    }

    #[test]
    fn the_step_at_hand_is_measured_by_what_has_passed_of_it() {
        let mut series = Series::new(Duration::from_secs(10), 2);
        (0..6).for_each(|_| series.at(at(100)).add(None));
        assert_eq!(requests(&series, 100), [None, None]);
        assert_eq!(requests(&series, 101), [None, Some(3.0)]);
        assert_eq!(requests(&series, 109), [None, Some(0.6)]);
        assert_eq!(requests(&series, 110), [Some(0.6), None]);
    }
}
