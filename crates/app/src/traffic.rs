//! The traffic of ports as values that a face only draws: charts with their axes and tables, rows' small lines, the
//! last requests, requests as commands, and the event log. All of it is pure: a history and a moment in, values out.

pub mod axis;
mod chart;
mod curl;
mod events;
mod path;
mod rates;
mod spark;

pub use chart::{Chart, Charts, Kind, Line, Measure, Tops, charts};
pub use curl::{NotCopied, curl};
pub use events::{Entry, entries, to_text};
pub use path::Plot;
pub use spark::{Rows, Spark, rows, spark};
