//! Lines and areas of charts as SVG path data, in pixels from the top left. A gap ends a line; nothing is drawn over it.

use std::fmt::Write;

/// A point that stands alone would be a stroke of no length, which renderers leave out. Pixels.
const DOT: f64 = 0.3;

/// The room that a chart is drawn into.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Plot {
    /// Its width in pixels.
    pub width: f64,
    /// Its height in pixels.
    pub height: f64,
    /// The value at its top.
    pub top: f64,
}

impl Plot {
    /// The line through these points, which are spread over the whole width.
    pub fn line(&self, points: &[Option<f64>]) -> String {
        let mut path = String::new();
        for run in self.runs(points) {
            trace(&mut path, &run);
            if let [(x, y)] = run[..] {
                push(&mut path, 'L', x + DOT, y);
            }
        }
        path
    }

    /// The area under them.
    pub fn area(&self, points: &[Option<f64>]) -> String {
        let mut path = String::new();
        for run in self.runs(points) {
            let (Some((first, _)), Some((last, _))) = (run.first(), run.last()) else { continue };
            if run.len() > 1 {
                trace(&mut path, &run);
                push(&mut path, 'L', *last, self.height);
                push(&mut path, 'L', *first, self.height);
                path.push('Z');
            }
        }
        path
    }

    /// Neighbouring points that have values, in pixels.
    fn runs(&self, points: &[Option<f64>]) -> Vec<Vec<(f64, f64)>> {
        let between = self.width / points.len().saturating_sub(1).max(1) as f64;
        let mut runs = vec![vec![]];
        for (number, point) in points.iter().enumerate() {
            match (point, runs.last_mut()) {
                (Some(value), Some(run)) => run.push((number as f64 * between, self.y(*value))),
                _ => runs.push(vec![]),
            }
        }
        runs.retain(|run| !run.is_empty());
        runs
    }

    fn y(&self, value: f64) -> f64 {
        let part = if self.top > 0.0 { (value / self.top).clamp(0.0, 1.0) } else { 0.0 };
        self.height - part * self.height
    }
}

fn trace(path: &mut String, run: &[(f64, f64)]) {
    for (number, (x, y)) in run.iter().enumerate() {
        push(path, if number == 0 { 'M' } else { 'L' }, *x, *y);
    }
}

fn push(path: &mut String, command: char, x: f64, y: f64) {
    // Hundredths of a pixel are finer than anything that is drawn. Writing to a string cannot fail.
    let hundredths = |value: f64| (value * 100.0).round() / 100.0;
    let _ = write!(path, "{command}{} {}", hundredths(x), hundredths(y));
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLOT: Plot = Plot { width: 30.0, height: 10.0, top: 20.0 };

    #[test]
    fn a_line_goes_from_edge_to_edge() {
        let points = [Some(0.0), Some(10.0), Some(20.0), Some(99.0)];
        assert_eq!(PLOT.line(&points), "M0 10L10 5L20 0L30 0");
        assert_eq!(PLOT.area(&points), "M0 10L10 5L20 0L30 0L30 10L0 10Z");
    }

    #[test]
    fn a_gap_stays_a_gap_and_a_lone_point_is_seen() {
        let points = [Some(0.0), Some(10.0), None, Some(20.0)];
        assert_eq!(PLOT.line(&points), "M0 10L10 5M30 0L30.3 0");
        assert_eq!(PLOT.area(&points), "M0 10L10 5L10 10L0 10Z");
    }

    #[test]
    fn nothing_is_an_empty_path() {
        assert_eq!(PLOT.line(&[]), "");
        assert_eq!(PLOT.line(&[None; 180]), "");
        assert_eq!(PLOT.line(&[Some(1.0)]), "M0 9.5L0.3 9.5");
        assert_eq!(Plot { top: 0.0, ..PLOT }.line(&[Some(1.0), None]), "M0 10L0.3 10");
    }
}
