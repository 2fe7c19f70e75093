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
    let points: Vec<_> = requests.chunks(MERGED).map(mean).collect();
    let top = points.iter().flatten().copied().fold(0.0, f64::max);
    let rate = requests.iter().rev().take(2).find_map(|point| *point).unwrap_or(0.0);
    let plot = Plot { width: SIZE.0, height: SIZE.1, top };
    (top > 0.0).then(|| Spark { path: plot.line(&points), rate })
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
            (0..2).for_each(|_| series.at(at(second)).add(Some(200), 0, 0));
        }
        let spark = spark(&series, at(999)).unwrap();
        assert_eq!(spark.rate, 2.0);
        assert!(spark.path.starts_with("M0 0L1.83 0"), "{}", spark.path);
        assert!(spark.path.ends_with("L64 0"), "{}", spark.path);
    }
}
