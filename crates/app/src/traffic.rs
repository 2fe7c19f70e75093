//! The traffic of ports as values that a face only draws: charts with their axes and tables, rows' small lines, the
//! last requests, requests to read and as commands, and the event log. All of it is pure: a history and a moment in,
//! values out.
//!
//! [`detail()`] folds all that the screen of one port shows; [`rows`] what the rows of all ports do. The controller tells
//! both on channels of their own, at its own pace.

pub mod axis;
mod chart;
mod curl;
mod detail;
mod events;
mod path;
mod rates;
mod reading;
mod spark;

pub use chart::{Chart, Charts, Kind, Line, Measure, Tops, charts};
pub use curl::{NotCopied, curl};
pub use detail::{Again, Axes, Detail, detail};
pub use events::{Entry, entries, to_text};
pub use path::Plot;
pub use reading::{Body, body};
pub use spark::{Rows, Spark, rows, spark};
