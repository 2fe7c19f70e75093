//! What a row shows of its port's traffic: a small line of the last 15 minutes, and the rate of now.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::path::Plot;
use super::rates::rates;
use crate::history::{History, Series};
use crate::tunnel_key::TunnelKey;

/// The size of the line, in pixels.
const SIZE: (f64, f64) = (64.0, 18.0);

/// So many steps are one point of the line: 64 pixels have no room for 180.
const MERGED: usize = 5;

/// A row's traffic.
#[derive(Clone, Debug, PartialEq)]
pub struct Spark {
    /// The line as SVG path data, 64 by 18 pixels.
    pub path: String,
    /// Requests per second, now.
    pub rate: f64,
}

/// The traffic of all ports that had some in the last 15 minutes.
pub type Rows = BTreeMap<(TunnelKey, u16), Spark>;

/// What all rows show.
pub fn rows(history: &History, now: Timestamp) -> Rows {
    let ports = history.iter().flat_map(|(tunnel, of)| {
        of.ports.iter().map(move |(number, port)| ((tunnel.clone(), *number), port))
    });
    ports.filter_map(|(key, port)| Some((key, spark(&port.quarter, now)?))).collect()
}

/// What a row shows; nothing when there was no request.
pub fn spark(series: &Series, now: Timestamp) -> Option<Spark> {
    let rates = rates(series, now);
    let requests: Vec<_> = rates.iter().map(|it| it.map(|it| it.requests)).collect();
    let points = merged(&requests, youngest(series.step(), now));
    let top = points.iter().flatten().copied().fold(0.0, f64::max);
    let rate = requests.iter().rev().take(2).find_map(|point| *point).unwrap_or(0.0);
    let plot = Plot { width: SIZE.0, height: SIZE.1, top };
    (top > 0.0).then(|| Spark { path: plot.line(&points), rate })
}

/// Steps in the point at hand, 1 to [`MERGED`]. Points are counted from the epoch, so that a line moves to the left as
/// time passes and does not change its shape.
fn youngest(step: u32, now: Timestamp) -> usize {
    now.as_second().div_euclid(step.into()).rem_euclid(MERGED as i64) as usize + 1
}

/// Some steps to a point: the whole points and the one at hand, which the `youngest` steps are in.
///
/// There are always as many, and the one at hand is left open until it has a request: while nothing comes, the line
/// stays as it is for the length of a point, and its row need not be drawn again.
fn merged(steps: &[Option<f64>], youngest: usize) -> Vec<Option<f64>> {
    let (whole, at_hand) = steps.split_at(steps.len().saturating_sub(youngest));
    let mut points: Vec<_> = whole.rchunks_exact(MERGED).map(mean).collect();
    points.reverse();
    points.push(mean(at_hand).filter(|rate| *rate > 0.0));
    points
}

/// The mean of what is known.
fn mean(points: &[Option<f64>]) -> Option<f64> {
    let known = points.iter().flatten();
    let count = known.clone().count();
    (count > 0).then(|| known.sum::<f64>() / count as f64)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn a_row_without_a_request_has_no_line() {
        let mut series = Series::new(Duration::from_secs(5), 180);
        assert_eq!(spark(&series, at(1_000)), None);
        series.at(at(1_000)).connections = 3;
        assert_eq!(spark(&series, at(1_004)), None);
    }

    #[test]
    fn a_row_shows_the_rate_of_now_and_where_it_came_from() {
        let mut series = Series::new(Duration::from_secs(5), 180);
        for second in 100..1_000 {
            (0..2).for_each(|_| series.at(at(second)).add(Some(200)));
        }
        let spark = spark(&series, at(999)).unwrap();
        assert_eq!(spark.rate, 2.0);
        assert!(spark.path.starts_with("M0 0L1.83 0"), "{}", spark.path);
        assert!(spark.path.ends_with("L64 0"), "{}", spark.path);
    }

    #[test]
    fn a_line_keeps_its_shape_while_time_passes() {
        let steps = |first: i64, count: i64| -> Vec<_> {
            (first..first + count).map(|step| Some((step * step) as f64)).collect()
        };
        let at_step = |step: i64| merged(&steps(step - 19, 20), youngest(5, at(step * 5)));
        // 20 is the first step of a new point: the whole points before it are the same ones.
        let (before, after) = (at_step(39), at_step(40));
        assert_eq!((before.len(), after.len()), (4, 4));
        assert_eq!(before[1..], after[..3]);
        assert_eq!(at_step(41)[..3], after[..3]);
        assert_eq!(merged(&[], 3), [None]);
    }

    #[test]
    fn a_quiet_row_stays_as_it_is_until_a_point_has_passed() {
        let mut series = Series::new(Duration::from_secs(5), 180);
        series.at(at(600)).add(Some(200));
        // Each second of the 25 that a point is long, with what is counted in each of them.
        let mut shown: Vec<_> = Vec::new();
        for second in 625..675 {
            series.at(at(second)).connections = 0;
            shown.push(spark(&series, at(second)).unwrap());
        }
        shown.dedup();
        assert_eq!(shown.len(), 2);
        series.at(at(674)).add(Some(200));
        assert_ne!(spark(&series, at(674)).as_ref(), shown.last(), "a request shows at once");
    }
}
