//! Paths of charts, from samples. A gap stays a gap.

use std::fmt::Write as _;

use adit_app::history::Sample;

/// How many points a line in a row has.
const SPARK_POINTS: usize = 24;

/// The line of a row's traffic in a box of 64 x 18; empty without any.
pub fn spark(samples: &[Option<Sample>]) -> String {
    let requests = |sample: &Option<Sample>| sample.map_or(0, |sample| sample.requests);
    if samples.iter().all(|sample| requests(sample) == 0) {
        return String::new();
    }
    let size = samples.len().div_ceil(SPARK_POINTS).max(1);
    let sums: Vec<u64> = samples.chunks(size).map(|part| part.iter().map(requests).sum()).collect();
    let most = sums.iter().copied().max().unwrap_or(1).max(1) as f64;
    let last = (sums.len().max(2) - 1) as f64;
    let mut path = String::new();
    for (index, sum) in sums.iter().enumerate() {
        let (x, y) = (index as f64 * 64.0 / last, 17.0 - *sum as f64 / most * 16.0);
        point(&mut path, index == 0, x, y);
    }
    path
}

/// Requests a second over the last minute, as a row says it; empty without any.
pub fn rate(samples: &[Option<Sample>], step: u32) -> String {
    let step = step.max(1) as usize;
    let last = samples.iter().rev().take(60_usize.div_ceil(step));
    let requests: u64 = last.flatten().map(|sample| sample.requests).sum();
    match requests as f64 / 60.0 {
        0.0 => String::new(),
        rate if rate < 9.95 => format!("{rate:.1}/s"),
        rate => format!("{rate:.0}/s"),
    }
}

fn point(path: &mut String, is_first: bool, x: f64, y: f64) {
    let letter = if is_first { 'M' } else { 'L' };
    let _ = write!(path, "{letter}{x:.1} {y:.1}");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(requests: &[u64]) -> Vec<Option<Sample>> {
        let sample = |requests: &u64| Some(Sample { requests: *requests, ..Sample::default() });
        requests.iter().map(sample).collect()
    }

    #[test]
    fn a_line_is_as_high_as_its_highest_point() {
        assert_eq!(spark(&samples(&[0, 5, 10])), "M0.0 17.0L32.0 9.0L64.0 1.0");
        assert_eq!(spark(&samples(&[0, 0])), "");
        assert_eq!(spark(&[None, None]), "");
        assert_eq!(spark(&samples(&[1; 180])).matches('L').count(), 22);
    }

    #[test]
    fn a_rate_is_over_the_last_minute() {
        assert_eq!(rate(&samples(&[1_000, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 24]), 5), "0.4/s");
        assert_eq!(rate(&samples(&[60; 12]), 5), "12/s");
        assert_eq!(rate(&samples(&[]), 5), "");
    }
}
