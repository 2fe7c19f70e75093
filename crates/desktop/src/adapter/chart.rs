//! Charts: from the application's lines to paths in the interface's plot.

use adit_app::traffic::axis;
use adit_app::traffic::{Chart, Charts, Kind, Line, Measure, Plot};
use adit_app::words::Language;
use adit_app::words::number::{bytes, count, short};
use slint::{Model, ModelRc, SharedString, VecModel};

use crate::ui;

/// The interface stretches a plot of this size.
const PLOT: f64 = 1_000.0;

/// The charts that are drawn, in the order that the interface names them: the first shows requests or connections.
fn kinds(is_connections: bool) -> [Kind; 3] {
    let first = if is_connections { Kind::Connections } else { Kind::Requests };
    [first, Kind::Bytes, Kind::Answers]
}

/// The charts as they are drawn.
pub fn drawn(
    charts: &Charts,
    is_connections: bool,
    language: Language,
    strings: &ui::Strings<'_>,
) -> Vec<ui::ChartData> {
    let kinds = kinds(is_connections);
    kinds.iter().map(|kind| chart(charts.chart(*kind), language, strings)).collect()
}

fn chart(chart: &Chart, language: Language, strings: &ui::Strings<'_>) -> ui::ChartData {
    let plot = Plot { width: PLOT, height: PLOT, top: chart.top };
    let is_filled = chart.kind != Kind::Answers;
    let series = chart.lines.iter().enumerate().map(|(index, line)| ui::Series {
        color: color(line.measure),
        name: name(line.measure, strings),
        value: figure(line, language).into(),
        line: plot.line(&line.points).into(),
        area: if is_filled && index == 0 { plot.area(&line.points) } else { String::new() }.into(),
    });
    let axis = axis::grid(chart.top).map(|value| SharedString::from(short(value, language)));
    ui::ChartData {
        value: value(chart, language),
        note: note(chart, language, strings),
        series: list(series.collect()),
        axis: list(axis.to_vec()),
        is_empty: chart.is_empty(),
    }
}

fn value(chart: &Chart, language: Language) -> SharedString {
    // The sum of no floats is -0.
    let now = || chart.lines.iter().filter_map(Line::now).fold(0.0, |sum, now| sum + now);
    match chart.kind {
        Kind::Bytes => SharedString::from(bytes(now(), language)),
        Kind::Answers => count(chart.lines.iter().map(|line| line.total).sum(), language).into(),
        Kind::Requests | Kind::Connections => short(now(), language).into(),
    }
}

fn note(chart: &Chart, language: Language, strings: &ui::Strings<'_>) -> SharedString {
    let has_note = matches!(chart.kind, Kind::Requests | Kind::Connections);
    let line = chart.lines.first().filter(|_| has_note);
    let figures = line.and_then(|line| Some((line.median()?, line.peak()?)));
    let text = |value| SharedString::from(short(value, language));
    figures
        .map(|(median, peak)| strings.invoke_median(text(median), text(peak)))
        .unwrap_or_default()
}

/// What a line is called in the legend.
fn name(measure: Measure, strings: &ui::Strings<'_>) -> SharedString {
    match measure {
        Measure::Out => strings.invoke_bytes_out(),
        Measure::In => strings.invoke_bytes_in(),
        Measure::Fine => "2xx".into(),
        Measure::Moved => "3xx".into(),
        Measure::Refused => "4xx".into(),
        Measure::Failed => "5xx".into(),
        Measure::Requests | Measure::Connections => SharedString::default(),
    }
}

/// What the legend says of it besides: bytes now, and how many failed.
fn figure(line: &Line, language: Language) -> String {
    match line.measure {
        Measure::Out | Measure::In => bytes(line.now().unwrap_or_default(), language),
        Measure::Refused | Measure::Failed if line.total > 0 => count(line.total, language),
        _ => String::new(),
    }
}

fn color(measure: Measure) -> ui::SeriesColor {
    match measure {
        Measure::Requests | Measure::Out | Measure::Moved | Measure::Connections => {
            ui::SeriesColor::Accent
        }
        Measure::In => ui::SeriesColor::Quiet,
        Measure::Fine => ui::SeriesColor::Ok,
        Measure::Refused => ui::SeriesColor::Warn,
        Measure::Failed => ui::SeriesColor::Bad,
    }
}

/// What a point of a drawn chart is: its time, and a line for each value. Nothing in a gap.
pub fn pointed(
    charts: &Charts,
    (index, is_connections): (usize, bool),
    point: f64,
    language: Language,
    time: &dyn Fn(jiff::Timestamp) -> String,
) -> SharedString {
    let kind = kinds(is_connections).get(index).copied();
    let Some((at, values)) = kind.and_then(|kind| charts.at(kind, point)) else {
        return SharedString::default();
    };
    let value = |(measure, value): (Measure, f64)| match measure {
        Measure::Out => format!("\u{2191} {}/s", bytes(value, language)),
        Measure::In => format!("\u{2193} {}/s", bytes(value, language)),
        Measure::Fine => format!("2xx {}/s", short(value, language)),
        Measure::Moved => format!("3xx {}/s", short(value, language)),
        Measure::Refused => format!("4xx {}/s", short(value, language)),
        Measure::Failed => format!("5xx {}/s", short(value, language)),
        Measure::Requests => format!("{}/s", short(value, language)),
        Measure::Connections => short(value, language),
    };
    let lines: Vec<_> = [time(at)].into_iter().chain(values.into_iter().map(value)).collect();
    lines.join("\n").into()
}

/// The same numbers as rows, the newest first, with times as `time` writes them.
pub fn table(
    charts: &Charts,
    language: Language,
    strings: &ui::Strings<'_>,
    time: &dyn Fn(jiff::Timestamp) -> String,
) -> Vec<ui::TableRow> {
    let columns = strings.invoke_columns();
    let row = |(at, values): (jiff::Timestamp, Vec<f64>)| {
        let time = SharedString::from(time(at));
        let cells: Vec<_> =
            values.into_iter().map(|it| SharedString::from(short(it, language))).collect();
        let told = columns.iter().zip(&cells).map(|(name, cell)| format!("{name} {cell}"));
        let told = [time.to_string()].into_iter().chain(told).collect::<Vec<_>>().join(", ");
        ui::TableRow { time, cells: list(cells), told: told.into() }
    };
    charts.rows().map(row).collect()
}

/// Requests per second in a row.
pub fn rate(rate: f64, language: Language) -> String {
    match rate {
        _ if rate < 0.05 => String::new(),
        _ if rate < 9.95 => format!("{}/s", short((rate * 10.0).round() / 10.0, language)),
        _ => format!("{}/s", short(rate.round(), language)),
    }
}

fn list<T: Clone + 'static>(items: Vec<T>) -> ModelRc<T> {
    ModelRc::new(VecModel::from(items))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_short_and_none_says_nothing() {
        let rates = [0.0, 0.38, 12.4, 1_500.0].map(|it| rate(it, Language::English));
        assert_eq!(rates, ["", "0.4/s", "12/s", "1.5 K/s"]);
    }
}
