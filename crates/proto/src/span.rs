//! Lengths of time as people write them: `90s`, `15m`, `8h`, `30d`.

use std::time::Duration;

/// Reads a whole number followed by `s`, `m`, `h` or `d`; nothing else is a length of time.
pub fn parse(text: &str) -> Option<Duration> {
    let seconds = match text.chars().next_back()? {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        _ => return None,
    };
    let digits = &text[..text.len() - 1];
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let count = digits.parse::<u64>().ok()?;
    count.checked_mul(seconds).map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_is_a_number_and_a_unit() {
        assert_eq!(parse("90s"), Some(Duration::from_secs(90)));
        assert_eq!(parse("30d"), Some(Duration::from_secs(2_592_000)));
        for text in ["", "h", "8", "8 h", "-1h", "+1h", "1.5h", "8H", "99999999999999999999d", "8é"]
        {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
