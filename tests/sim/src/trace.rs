//! What happened, in few words: kept only when somebody will look at it.

use std::collections::VecDeque;
use std::time::Duration;

/// A list of lines.
#[derive(Debug, Default)]
pub struct Trace {
    lines: Option<VecDeque<String>>,
    keep: usize,
}

impl Trace {
    /// Keeps nothing, which costs nothing.
    pub fn off() -> Trace {
        Trace::default()
    }

    /// Keeps the last `keep` lines.
    pub fn last(keep: usize) -> Trace {
        Trace { lines: Some(VecDeque::new()), keep }
    }

    /// Whether anything is kept.
    pub fn is_on(&self) -> bool {
        self.lines.is_some()
    }

    /// Adds a line.
    pub fn add(&mut self, at: Duration, text: &str) {
        let Some(lines) = &mut self.lines else { return };
        if lines.len() == self.keep {
            lines.pop_front();
        }
        lines.push_back(format!("{:>11.6} {text}", at.as_secs_f64()));
    }

    /// The lines that were kept.
    pub fn lines(&self) -> impl Iterator<Item = &str> {
        self.lines.iter().flatten().map(String::as_str)
    }
}

/// Adds a line to the trace of a world, written only if it is kept.
macro_rules! note {
    ($world:expr, $($word:tt)*) => {
        if $world.trace.is_on() {
            let text = format!($($word)*);
            $world.trace.add($world.schedule.now(), &text);
        }
    };
}

pub(crate) use note;
