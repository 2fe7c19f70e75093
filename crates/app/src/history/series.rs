//! Samples of equal length, the last so many of them: what a chart is drawn from. A gap stays a gap.

use std::collections::VecDeque;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The last samples.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Series {
    /// Seconds of one sample.
    step: u32,
    /// How many samples there are at most.
    limit: usize,
    /// The number of the newest sample, counted from the epoch in steps.
    newest: i64,
    /// Oldest first, the newest last; `None` where nothing was seen.
    samples: VecDeque<Option<Sample>>,
}

/// What was seen in one step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Sample {
    /// Requests.
    pub requests: u64,
    /// Their answers, by class.
    pub statuses: Statuses,
    /// Bytes from visitors.
    pub received: u64,
    /// Bytes to visitors.
    pub sent: u64,
    /// The most connections at a time.
    pub connections: u32,
}

/// Answers by class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Statuses {
    /// 1xx and 2xx.
    pub fine: u64,
    /// 3xx.
    pub moved: u64,
    /// 4xx.
    pub refused: u64,
    /// 5xx.
    pub failed: u64,
    /// None came.
    pub none: u64,
}

impl Series {
    /// An empty one. A step is at least a second.
    pub fn new(step: Duration, limit: usize) -> Self {
        let step = u32::try_from(step.as_secs()).unwrap_or(u32::MAX).max(1);
        Self { step, limit: limit.max(1), newest: 0, samples: VecDeque::new() }
    }

    /// The sample of that time, to add to. A time a little behind the newest counts there; one that lies before the
    /// whole series means that the clock was set back, and the series begins anew.
    pub fn at(&mut self, time: Timestamp) -> &mut Sample {
        let number = time.as_second().div_euclid(self.step.into());
        let oldest = self.newest - self.samples.len() as i64 + 1;
        if self.samples.is_empty() || number < oldest || number - self.newest >= self.limit as i64 {
            self.samples.clear();
            self.samples.push_back(None);
            self.newest = number;
        }
        while self.newest < number {
            self.samples.push_back(None);
            self.newest += 1;
        }
        while self.samples.len() > self.limit {
            self.samples.pop_front();
        }
        let from_end = (self.newest - number) as usize;
        let index = self.samples.len().saturating_sub(1 + from_end);
        self.samples[index].get_or_insert_default()
    }

    /// As many samples as there may be, the last of them that of `now`, `None` where nothing was seen.
    pub fn points(&self, now: Timestamp) -> Vec<Option<Sample>> {
        let last = now.as_second().div_euclid(self.step.into());
        let first = last - self.limit as i64 + 1;
        (first..=last).map(|number| self.get(number)).collect()
    }

    /// When the newest sample began; nothing where there is none.
    pub fn last(&self) -> Option<Timestamp> {
        let second = self.newest.checked_mul(self.step.into())?;
        (!self.samples.is_empty()).then(|| Timestamp::from_second(second).ok())?
    }

    /// Seconds of one sample.
    pub fn step(&self) -> u32 {
        self.step
    }

    /// How many samples there are at most.
    pub fn limit(&self) -> usize {
        self.limit
    }

    fn get(&self, number: i64) -> Option<Sample> {
        let from_end = usize::try_from(self.newest - number).ok()?;
        let index = self.samples.len().checked_sub(1 + from_end)?;
        self.samples[index]
    }
}

impl Sample {
    /// Adds a request and its answer. Its bytes are added as they pass.
    pub fn add(&mut self, status: Option<u16>) {
        self.requests += 1;
        let class = match status {
            None => &mut self.statuses.none,
            Some(..=299) => &mut self.statuses.fine,
            Some(300..=399) => &mut self.statuses.moved,
            Some(400..=499) => &mut self.statuses.refused,
            Some(500..) => &mut self.statuses.failed,
        };
        *class += 1;
    }

    /// Adds bytes from visitors, and to them.
    pub fn pass(&mut self, received: u64, sent: u64) {
        self.received = self.received.saturating_add(received);
        self.sent = self.sent.saturating_add(sent);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn counts(series: &Series, now: i64) -> Vec<Option<u64>> {
        series.points(at(now)).iter().map(|it| it.map(|sample| sample.requests)).collect()
    }

    fn series() -> Series {
        Series::new(Duration::from_secs(10), 4)
    }

    #[test]
    fn a_gap_stays_a_gap_and_the_old_end_falls_off() {
        let mut series = series();
        for second in [100, 105, 109, 130] {
            series.at(at(second)).add(Some(200));
        }
        assert_eq!(counts(&series, 139), [Some(3), None, None, Some(1)]);
        assert_eq!(counts(&series, 145), [None, None, Some(1), None]);
        series.at(at(150)).add(None);
        assert_eq!(counts(&series, 150), [None, Some(1), None, Some(1)]);
    }

    #[test]
    fn after_a_long_sleep_it_begins_anew() {
        let mut series = series();
        series.at(at(100)).add(Some(200));
        series.at(at(1_000_000)).add(Some(200));
        assert_eq!(counts(&series, 1_000_000), [None, None, None, Some(1)]);
    }

    #[test]
    fn a_clock_that_is_set_back_loses_what_it_cannot_place() {
        let mut series = series();
        for second in [100, 110, 120] {
            series.at(at(second)).add(Some(200));
        }
        series.at(at(115)).add(Some(200));
        assert_eq!(counts(&series, 129), [None, Some(1), Some(2), Some(1)]);
        series.at(at(20)).add(Some(200));
        assert_eq!(counts(&series, 20), [None, None, None, Some(1)]);
    }

    #[test]
    fn answers_are_counted_by_class() {
        let mut sample = Sample::default();
        for status in [Some(101), Some(204), Some(302), Some(404), Some(599), None] {
            sample.add(status);
        }
        let statuses = Statuses { fine: 2, moved: 1, refused: 1, failed: 1, none: 1 };
        assert_eq!(sample.statuses, statuses);
        assert_eq!(sample.requests, 6);
    }
}
