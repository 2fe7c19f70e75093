//! Charts as values: lines of points under one axis, from a series. Faces only draw them.

use jiff::Timestamp;

use super::axis;
use super::rates::{self, Rates};
use crate::history::{Sample, Series};

/// What a chart shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Requests per second.
    Requests,
    /// Bytes per second.
    Bytes,
    /// Answers per second, by class.
    Answers,
    /// Open connections.
    Connections,
}

/// What a line of a chart, and a column of its table, shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// Requests per second.
    Requests,
    /// Bytes to visitors per second.
    Out,
    /// Bytes from visitors per second.
    In,
    /// The most connections at a time.
    Connections,
    /// Answers of 1xx and 2xx per second.
    Fine,
    /// Answers of 3xx per second.
    Moved,
    /// Answers of 4xx per second.
    Refused,
    /// Answers of 5xx, and requests without an answer, per second.
    Failed,
}

/// One chart.
#[derive(Clone, Debug, PartialEq)]
pub struct Chart {
    /// What it shows.
    pub kind: Kind,
    /// Its lines; all have as many points as the series has steps.
    pub lines: Vec<Line>,
    /// The top of the axis: 1, 2 or 5 times a power of ten.
    pub top: f64,
}

/// A line of a chart.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// What it shows.
    pub measure: Measure,
    /// Oldest first; `None` is a gap.
    pub points: Vec<Option<f64>>,
    /// What is counted in it altogether: requests, bytes or answers. Connections are not: it is the most of them.
    pub total: u64,
}

/// All charts of a port over one span, and the same as a table.
#[derive(Clone, Debug, PartialEq)]
pub struct Charts {
    /// Seconds of a step.
    pub step: u32,
    /// In the order of [`Kind::ALL`].
    pub charts: Vec<Chart>,
    /// When each step begins.
    pub times: Vec<Timestamp>,
}

/// The tops of the axes, which never shrink while somebody looks at them. In the order of [`Kind::ALL`].
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Tops([f64; Kind::ALL.len()]);

impl Kind {
    /// All of them, in the order that they are shown.
    pub const ALL: [Self; 4] = [Self::Requests, Self::Bytes, Self::Answers, Self::Connections];

    /// Its lines, the most important first.
    pub fn measures(self) -> &'static [Measure] {
        match self {
            Self::Requests => &[Measure::Requests],
            Self::Bytes => &[Measure::Out, Measure::In],
            Self::Answers => &[Measure::Fine, Measure::Moved, Measure::Refused, Measure::Failed],
            Self::Connections => &[Measure::Connections],
        }
    }
}

impl Measure {
    /// All of them, as the columns of a table.
    pub fn all() -> impl Iterator<Item = Self> {
        Kind::ALL.iter().flat_map(|kind| kind.measures()).copied()
    }

    fn of(self, rates: &Rates) -> f64 {
        match self {
            Self::Requests => rates.requests,
            Self::Out => rates.sent,
            Self::In => rates.received,
            Self::Connections => rates.connections.into(),
            Self::Fine => rates.fine,
            Self::Moved => rates.moved,
            Self::Refused => rates.refused,
            Self::Failed => rates.failed,
        }
    }

    fn count(self, sample: &Sample) -> u64 {
        match self {
            Self::Requests => sample.requests,
            Self::Out => sample.sent,
            Self::In => sample.received,
            Self::Connections => sample.connections.into(),
            Self::Fine => sample.statuses.fine,
            Self::Moved => sample.statuses.moved,
            Self::Refused => sample.statuses.refused,
            Self::Failed => sample.statuses.failed + sample.statuses.none,
        }
    }
}

/// The charts of a series as it is `now`, under axes that are at least as high as `before`.
pub fn charts(series: &Series, now: Timestamp, before: Tops) -> Charts {
    let (samples, rates) = (series.points(now), rates::rates(series, now));
    let line = |measure: &Measure| Line::of(*measure, &samples, &rates);
    let chart = |(kind, before): (Kind, f64)| {
        let lines: Vec<Line> = kind.measures().iter().map(line).collect();
        let top = axis::top(lines.iter().filter_map(Line::peak).fold(0.0, f64::max)).max(before);
        Chart { kind, lines, top }
    };
    Charts {
        step: series.step(),
        charts: Kind::ALL.into_iter().zip(before.0).map(chart).collect(),
        times: rates::times(series, now),
    }
}

impl Charts {
    /// One of them.
    pub fn chart(&self, kind: Kind) -> &Chart {
        let mut charts = self.charts.iter();
        charts.find(|chart| chart.kind == kind).expect("there is one of each kind")
    }

    /// The step under a point of a chart, 0 at its left and 1 at its right: when it began, and what is known of it.
    pub fn at(&self, kind: Kind, point: f64) -> Option<(Timestamp, Vec<(Measure, f64)>)> {
        if !(0.0..=1.0).contains(&point) {
            return None;
        }
        let last = self.times.len().checked_sub(1)?;
        let step = ((point * last as f64).round() as usize).min(last);
        let lines = self.chart(kind).lines.iter();
        let values: Vec<_> =
            lines.filter_map(|line| Some((line.measure, line.points[step]?))).collect();
        (!values.is_empty()).then(|| (self.times[step], values))
    }

    /// How high the axes are, for the next time.
    pub fn tops(&self) -> Tops {
        let mut tops = Tops::default();
        self.charts.iter().zip(&mut tops.0).for_each(|(chart, top)| *top = chart.top);
        tops
    }

    /// The same numbers as rows, the newest first: when each step began, and its values in the order of
    /// [`Measure::all`]. Steps of which nothing is known are left out.
    pub fn rows(&self) -> impl Iterator<Item = (Timestamp, Vec<f64>)> {
        let lines: Vec<_> = self.charts.iter().flat_map(|chart| &chart.lines).collect();
        self.times.iter().enumerate().rev().filter_map(move |(at, time)| {
            let values: Option<Vec<f64>> = lines.iter().map(|line| line.points[at]).collect();
            Some((*time, values?))
        })
    }
}

impl Chart {
    /// Whether nothing is counted in it.
    pub fn is_empty(&self) -> bool {
        self.lines.iter().all(|line| line.total == 0)
    }
}

impl Line {
    fn of(measure: Measure, samples: &[Option<Sample>], rates: &[Option<Rates>]) -> Self {
        let counts = samples.iter().flatten().map(|sample| measure.count(sample));
        let total = match measure {
            Measure::Connections => counts.max().unwrap_or(0),
            _ => counts.fold(0, u64::saturating_add),
        };
        let points = rates.iter().map(|it| it.map(|rates| measure.of(&rates))).collect();
        Self { measure, points, total }
    }

    /// The value of now: of the step at hand, or of the last while that has only begun.
    pub fn now(&self) -> Option<f64> {
        self.points.iter().rev().take(2).find_map(|point| *point)
    }

    /// The highest value.
    pub fn peak(&self) -> Option<f64> {
        self.points.iter().flatten().copied().reduce(f64::max)
    }

    /// The value that half of the steps are below.
    pub fn median(&self) -> Option<f64> {
        let mut values: Vec<f64> = self.points.iter().flatten().copied().collect();
        values.sort_by(f64::total_cmp);
        values.get(values.len() / 2).copied()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    /// Two steps with traffic, and a gap between them.
    fn series() -> Series {
        let mut series = Series::new(Duration::from_secs(5), 180);
        for (second, count, status) in [(985, 100, 200), (986, 15, 404), (995, 5, 503)] {
            (0..count).for_each(|_| series.at(at(second)).add(Some(status)));
            series.at(at(second)).pass(10 * count, 1_000 * count);
        }
        series.at(at(995)).connections = 7;
        series
    }

    #[test]
    fn each_chart_has_its_lines_and_an_axis_that_holds_them() {
        let charts = charts(&series(), at(999), Tops::default());
        let requests = charts.chart(Kind::Requests);
        assert_eq!(requests.lines[0].points.len(), 180);
        assert_eq!(requests.lines[0].points[177..], [Some(23.0), None, Some(1.0)]);
        assert_eq!((requests.top, requests.lines[0].total), (50.0, 120));
        let line = &requests.lines[0];
        assert_eq!((line.now(), line.peak(), line.median()), (Some(1.0), Some(23.0), Some(23.0)));
        let bytes = charts.chart(Kind::Bytes);
        assert_eq!((bytes.top, bytes.lines[0].peak()), (50_000.0, Some(23_000.0)));
        let totals: Vec<_> = charts.chart(Kind::Answers).lines.iter().map(|it| it.total).collect();
        assert_eq!(totals, [100, 0, 15, 5]);
        assert_eq!(charts.chart(Kind::Connections).lines[0].total, 7);
        assert!(charts.charts.iter().all(|it| !it.is_empty()));
    }

    #[test]
    fn an_axis_does_not_shrink_while_it_is_looked_at() {
        let tops = charts(&series(), at(999), Tops::default()).tops();
        let later = at(999 + 900);
        assert_eq!(charts(&series(), later, tops).tops(), tops);
        let anew = charts(&series(), later, Tops::default());
        assert_eq!(
            (anew.chart(Kind::Requests).top, anew.chart(Kind::Bytes).is_empty()),
            (1.0, true)
        );
        assert_eq!(anew.chart(Kind::Requests).lines[0].now(), None);
    }

    #[test]
    fn a_point_has_the_values_of_its_step_and_a_gap_has_none() {
        let charts = charts(&series(), at(999), Tops::default());
        let step = |n: f64| charts.at(Kind::Bytes, n / 179.0);
        let (time, values) = step(179.0).unwrap();
        assert_eq!((time, values), (at(995), vec![(Measure::Out, 1_000.0), (Measure::In, 10.0)]));
        assert_eq!(step(177.4).unwrap().0, at(985), "the nearest");
        assert_eq!(step(178.0), None);
        assert_eq!((step(-1.0), step(400.0)), (None, None));
    }

    #[test]
    fn the_table_has_the_numbers_of_the_charts() {
        let charts = charts(&series(), at(999), Tops::default());
        let rows: Vec<_> = charts.rows().collect();
        assert_eq!(rows.iter().map(|(at, _)| *at).collect::<Vec<_>>(), [at(995), at(985)]);
        assert_eq!(rows[0].1, [1.0, 1_000.0, 10.0, 0.0, 0.0, 0.0, 1.0, 7.0]);
        assert_eq!(rows[0].1.len(), Measure::all().count());
    }
}
