//! Times and sizes in the words of the `devtunnel` command, which scripts compare and take apart.

use jiff::Timestamp;

/// How long until `end`, as `30 days`, `28 days, 21 hours`, `4 hours` or `12 minutes`. What is left of
/// a minute counts as a whole one, so that a time that has only just begun is told as it was given.
pub(super) fn time_left(end: Timestamp, now: Timestamp) -> String {
    let seconds = end.duration_since(now).as_secs().max(0).unsigned_abs();
    let seconds = if end.duration_since(now).subsec_nanos() > 0 { seconds + 1 } else { seconds };
    let minutes = seconds.div_ceil(60);
    let (days, hours, minutes) = (minutes / 1440, minutes / 60 % 24, minutes % 60);
    match (days, hours) {
        (0, 0) => format!("{minutes} minutes"),
        // A day exactly is 24 hours there.
        (1, 0) => "24 hours".to_owned(),
        (0, hours) => format!("{hours} hours"),
        (days, 0) => format!("{days} days"),
        (days, hours) => format!("{days} days, {hours} hours"),
    }
}

/// A length of time as `1.00:00:00`: days, hours, minutes, seconds.
pub(super) fn life_time(seconds: u64) -> String {
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    let clock = format!("{:02}:{:02}:{:02}", rest / 3600, rest / 60 % 60, rest % 60);
    if days == 0 { clock } else { format!("{days}.{clock}") }
}

/// A moment as `2026-04-17 20:35:16 UTC`.
pub(super) fn moment(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// A number of bytes as `4402 KB`, in the smallest unit that takes four digits at most, cut.
pub(super) fn size(bytes: u64) -> String {
    let units = ["B", "KB", "MB", "GB", "TB"];
    let mut count = bytes;
    let mut unit = 0;
    while count >= 10_000 && unit + 1 < units.len() {
        count /= 1024;
        unit += 1;
    }
    format!("{count} {}", units[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_told_as_it_was_given_and_then_runs_down() {
        let now = Timestamp::from_second(1_000_000).unwrap();
        let left =
            |seconds: i64| time_left(Timestamp::from_second(1_000_000 + seconds).unwrap(), now);
        assert_eq!(left(30 * 86_400), "30 days");
        assert_eq!(left(30 * 86_400 - 1), "30 days");
        assert_eq!(left(30 * 86_400 - 61), "29 days, 23 hours");
        assert_eq!(left(25 * 3600), "1 days, 1 hours");
        assert_eq!(left(24 * 3600), "24 hours");
        assert_eq!(left(3600), "1 hours");
        assert_eq!(left(3599 - 59), "59 minutes");
        assert_eq!(left(0), "0 minutes");
        assert_eq!(left(-5), "0 minutes");
        let almost = Timestamp::from_millisecond(1_003_599_999).unwrap();
        assert_eq!(time_left(almost, now), "1 hours");
    }

    #[test]
    fn lifetimes_and_moments_have_the_form_that_scripts_read() {
        assert_eq!(life_time(86_400), "1.00:00:00");
        assert_eq!(life_time(86_401), "1.00:00:01");
        assert_eq!(life_time(3_723), "01:02:03");
        let at: Timestamp = "2026-04-17T20:35:16.9Z".parse().unwrap();
        assert_eq!(moment(at), "2026-04-17 20:35:16 UTC");
    }

    #[test]
    fn sizes_have_four_digits_at_most() {
        for (bytes, text) in [
            (0, "0 B"),
            (9_999, "9999 B"),
            (10_000, "9 KB"),
            (4402 * 1024, "4402 KB"),
            (20 << 30, "20 GB"),
            (u64::MAX, "16777215 TB"),
        ] {
            assert_eq!(size(bytes), text);
        }
    }
}
