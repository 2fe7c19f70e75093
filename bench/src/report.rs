//! What came out, as a table for people and JSON for programs.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// One measured figure and how to show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Figure {
    Bulk1,
    Bulk8,
    Stalled,
    CpuPerGigabyte,
    Requests,
    P50,
    P99,
    Connections,
    ConnectionsP99,
    MemoryIdle,
    MemoryLoaded,
}

impl Figure {
    pub(crate) const ALL: [Self; 11] = [
        Self::Bulk1,
        Self::Bulk8,
        Self::Stalled,
        Self::CpuPerGigabyte,
        Self::Requests,
        Self::P50,
        Self::P99,
        Self::Connections,
        Self::ConnectionsP99,
        Self::MemoryIdle,
        Self::MemoryLoaded,
    ];

    fn title(self) -> &'static str {
        match self {
            Self::Bulk1 => "bulk, 1 stream MB/s",
            Self::Bulk8 => "bulk, 8 streams MB/s",
            Self::Stalled => "1 stream beside a stalled one, ratio",
            Self::CpuPerGigabyte => "CPU s/GB, relay + host",
            Self::Requests => "requests/s, 16 conn.",
            Self::P50 => "p50 ms",
            Self::P99 => "p99 ms",
            Self::Connections => "new conn./s, 8 at once",
            Self::ConnectionsP99 => "p99 ms",
            Self::MemoryIdle => "idle MB, relay + host",
            Self::MemoryLoaded => "loaded MB, relay + host",
        }
    }

    fn key(self) -> &'static str {
        match self {
            Self::Bulk1 => "bulk_1_mb_s",
            Self::Bulk8 => "bulk_8_mb_s",
            Self::Stalled => "stalled_ratio",
            Self::CpuPerGigabyte => "cpu_s_per_gb",
            Self::Requests => "requests_s",
            Self::P50 => "requests_p50_ms",
            Self::P99 => "requests_p99_ms",
            Self::Connections => "connections_s",
            Self::ConnectionsP99 => "connections_p99_ms",
            Self::MemoryIdle => "memory_idle_mb",
            Self::MemoryLoaded => "memory_loaded_mb",
        }
    }

    fn digits(self) -> usize {
        match self {
            Self::P50 | Self::P99 | Self::CpuPerGigabyte | Self::Stalled => 2,
            Self::ConnectionsP99 | Self::MemoryIdle | Self::MemoryLoaded => 1,
            Self::Bulk1 | Self::Bulk8 | Self::Requests | Self::Connections => 0,
        }
    }
}

/// Every round's figures of one path.
#[derive(Debug, Default)]
pub(crate) struct Row {
    pub(crate) rounds: BTreeMap<Figure, Vec<f64>>,
}

impl Row {
    pub(crate) fn add(&mut self, figure: Figure, value: f64) {
        self.rounds.entry(figure).or_default().push(value);
    }

    /// The median of the rounds.
    pub(crate) fn median(&self, figure: Figure) -> Option<f64> {
        let mut values = self.rounds.get(&figure)?.clone();
        values.sort_by(f64::total_cmp);
        values.get(values.len() / 2).copied()
    }
}

/// The medians as a Markdown table, a path a row.
pub(crate) fn table(rows: &[(String, Row)]) -> String {
    let mut out = String::from("| path |");
    for figure in Figure::ALL {
        out += &format!(" {} |", figure.title());
    }
    out += "\n|---|";
    out += &"---:|".repeat(Figure::ALL.len());
    for (name, row) in rows {
        out += &format!("\n| {name} |");
        for figure in Figure::ALL {
            let digits = figure.digits();
            match row.median(figure) {
                Some(value) => out += &format!(" {value:.digits$} |"),
                None => out += " – |",
            }
        }
    }
    out
}

/// Everything that was measured, round by round.
pub(crate) fn json(rows: &[(String, Row)]) -> Value {
    let paths = rows.iter().map(|(name, row)| {
        let figures = row.rounds.iter().map(|(figure, rounds)| {
            (figure.key().to_owned(), json!({ "median": row.median(*figure), "rounds": rounds }))
        });
        (name.clone(), Value::Object(figures.collect()))
    });
    json!({ "v": 1, "paths": Value::Object(paths.collect()) })
}
