//! Lengths of time and times of day, short enough to stand in a row.

use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{Timestamp, ZonedDateTime};

/// A length of time in its largest unit: `12 s`, `3 min`, `2 h`, `4 d`. Every language we have writes them so.
pub fn span(length: Duration) -> String {
    match length.as_secs() {
        seconds @ ..60 => format!("{seconds} s"),
        seconds @ ..3_600 => format!("{} min", seconds / 60),
        seconds @ ..172_800 => format!("{} h", seconds / 3_600),
        seconds => format!("{} d", seconds / 86_400),
    }
}

/// A time of day, such as `18:40`; with its date when that is not today's.
pub fn clock(at: Timestamp, now: &ZonedDateTime) -> String {
    let zone: TimeZone = now.time_zone().clone();
    let at = at.to_zoned_datetime(zone);
    let time = format!("{:02}:{:02}", at.hour(), at.minute());
    if at.date() == now.date() { time } else { format!("{} {time}", at.date()) }
}

/// When something ends, as [`clock`] but without the date where the next such time is meant: `02:10` tonight.
pub fn until_clock(at: Timestamp, now: &ZonedDateTime) -> String {
    let left = at.duration_since(now.timestamp());
    let is_next = left.is_positive() && left.as_secs() < 86_400;
    let time = at.to_zoned_datetime(now.time_zone().clone());
    if is_next { format!("{:02}:{:02}", time.hour(), time.minute()) } else { clock(at, now) }
}

/// How long ago something was; nothing that lies ahead is told as such, since clocks are set back.
pub(super) fn ago(at: Timestamp, now: &ZonedDateTime) -> String {
    span(between(at, now.timestamp()))
}

/// How long until something begins, rounded up, so that a countdown ends at its end; nothing when it has.
pub(super) fn until(at: Timestamp, now: &ZonedDateTime) -> Option<String> {
    let left = between(now.timestamp(), at);
    let left = Duration::from_secs(left.as_secs() + u64::from(left.subsec_nanos() > 0));
    (!left.is_zero()).then(|| span(left))
}

fn between(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn lengths_are_told_in_their_largest_unit() {
        for (seconds, text) in [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (3_599, "59 min"),
            (3_600, "1 h"),
            (86_400, "24 h"),
            (172_800, "2 d"),
        ] {
            assert_eq!(span(Duration::from_secs(seconds)), text);
        }
    }

    #[test]
    fn another_day_has_its_date() {
        let now = at(100_000).to_zoned_datetime(TimeZone::UTC);
        assert_eq!(clock(at(90_000), &now), "01:00");
        assert_eq!(clock(at(0), &now), "1970-01-01 00:00");
    }

    #[test]
    fn an_end_within_a_day_needs_no_date() {
        let now = at(80_000).to_zoned_datetime(TimeZone::UTC);
        assert_eq!(until_clock(at(90_000), &now), "01:00");
        assert_eq!(until_clock(at(80_000 + 86_400), &now), "1970-01-02 22:13");
        assert_eq!(until_clock(at(79_000), &now), "21:56");
    }

    #[test]
    fn a_clock_that_was_set_back_counts_from_now() {
        let now = at(100).to_zoned_datetime(TimeZone::UTC);
        assert_eq!(ago(at(200), &now), "0 s");
        assert_eq!(until(at(50), &now), None);
        assert_eq!(until(Timestamp::from_millisecond(107_001).unwrap(), &now).unwrap(), "8 s");
    }
}
