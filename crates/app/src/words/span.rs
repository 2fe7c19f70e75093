//! Lengths of time and times of day, short enough to stand in a row.

use std::time::Duration;

use jiff::civil::Date;
use jiff::{Timestamp, ZonedDateTime};

use super::{Ages, Language};

const MONTHS: [[&str; 12]; 2] = [
    [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ],
    [
        "janeiro",
        "fevereiro",
        "março",
        "abril",
        "maio",
        "junho",
        "julho",
        "agosto",
        "setembro",
        "outubro",
        "novembro",
        "dezembro",
    ],
];

/// A length of time in its largest unit: `12 s`, `3 min`, `2 h`, `4 d`. Every language we have writes them so.
pub fn span(length: Duration) -> String {
    match length.as_secs() {
        seconds @ ..60 => format!("{seconds} s"),
        seconds @ ..3_600 => format!("{} min", seconds / 60),
        seconds @ ..172_800 => format!("{} h", seconds / 3_600),
        seconds => format!("{} d", seconds / 86_400),
    }
}

/// A date, such as `1 March 2027`.
pub fn date(date: Date, language: Language) -> String {
    let (day, year) = (date.day(), date.year());
    let month = usize::try_from(date.month() - 1).unwrap_or_default();
    match language {
        Language::English => format!("{day} {} {year}", MONTHS[0][month]),
        Language::Portuguese => {
            let ordinal = if day == 1 { "º" } else { "" };
            format!("{day}{ordinal} de {} de {year}", MONTHS[1][month])
        }
    }
}

/// A time of day, such as `18:40`; with its date when that is not today's.
pub fn clock(at: Timestamp, now: &ZonedDateTime, language: Language) -> String {
    let at = at.to_zoned_datetime(now.time_zone().clone());
    let time = format!("{:02}:{:02}", at.hour(), at.minute());
    match at.date() {
        day if day == now.date() => time,
        day => format!("{}, {time}", date(day, language)),
    }
}

/// When something ends, as [`clock`] but without the date where it is near: `02:10` tonight, `tomorrow 17:00`.
pub fn until_clock(at: Timestamp, now: &ZonedDateTime, language: Language) -> String {
    const TONIGHT: i64 = 12 * 3_600;
    let left = at.duration_since(now.timestamp());
    let end = at.to_zoned_datetime(now.time_zone().clone());
    let time = format!("{:02}:{:02}", end.hour(), end.minute());
    let is_tomorrow = now.date().tomorrow().is_ok_and(|tomorrow| tomorrow == end.date());
    match (is_tomorrow, language) {
        (true, _) if left.as_secs() < TONIGHT => time,
        (true, Language::English) => format!("tomorrow {time}"),
        (true, Language::Portuguese) => format!("amanhã, {time}"),
        (false, _) => clock(at, now, language),
    }
}

/// How long ago something was; nothing of what is a moment ago, or lies ahead since clocks are set back.
pub(super) fn ago(at: Timestamp, now: &ZonedDateTime, ages: Ages) -> Option<String> {
    let passed = between(at, now.timestamp());
    let least = match ages {
        Ages::Seconds => 1,
        Ages::Minutes => 60,
    };
    (passed.as_secs() >= least).then(|| span(passed))
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
    use jiff::tz::TimeZone;

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
        let told = |second| Language::ALL.map(|language| clock(at(second), &now, language));
        assert_eq!(told(90_000), ["01:00", "01:00"]);
        assert_eq!(told(0), ["1 January 1970, 00:00", "1º de janeiro de 1970, 00:00"]);
    }

    #[test]
    fn a_date_names_its_month() {
        let told = |month| Language::ALL.map(|it| date(jiff::civil::date(2027, month, 1), it));
        assert_eq!(told(3), ["1 March 2027", "1º de março de 2027"]);
        assert_eq!(told(12), ["1 December 2027", "1º de dezembro de 2027"]);
    }

    #[test]
    fn an_end_within_a_day_needs_no_date() {
        let now = at(80_000).to_zoned_datetime(TimeZone::UTC);
        let told = |second| until_clock(at(second), &now, Language::English);
        assert_eq!(told(90_000), "01:00");
        assert_eq!(told(80_000 + 50_000), "tomorrow 12:06");
        assert_eq!(told(80_000 + 86_400), "tomorrow 22:13");
        assert_eq!(told(80_000 + 100_000), "3 January 1970, 02:00");
        assert_eq!(told(79_000), "21:56");
    }

    #[test]
    fn a_clock_that_was_set_back_counts_from_now() {
        let now = at(100).to_zoned_datetime(TimeZone::UTC);
        let told = |ages| [200, 99, 41, 40].map(|it| ago(at(it), &now, ages).unwrap_or_default());
        assert_eq!(told(Ages::Seconds), ["", "1 s", "59 s", "1 min"]);
        assert_eq!(told(Ages::Minutes), ["", "", "", "1 min"]);
        assert_eq!(until(at(50), &now), None);
        assert_eq!(until(Timestamp::from_millisecond(107_001).unwrap(), &now).unwrap(), "8 s");
    }
}
