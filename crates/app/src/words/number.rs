//! Numbers with their units, short enough to stand in a row.

use std::time::Duration;

use super::Language;

/// A count with its thousands apart: `10,412`.
pub fn count(n: u64, language: Language) -> String {
    let apart = match language {
        Language::English => ',',
        Language::Portuguese => '.',
    };
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(apart);
        }
        text.push(digit);
    }
    text
}

/// A number in few letters: `0.05`, `12`, `384 K`, `1.5 M`. Three digits are exact enough beside a chart.
pub fn short(value: f64, language: Language) -> String {
    let (number, letter) = scaled(value, language);
    if letter.is_empty() { number } else { format!("{number} {letter}") }
}

/// A number of bytes: `384 KB`. A kilobyte has a thousand, as the axes have it.
pub fn bytes(value: f64, language: Language) -> String {
    let (number, letter) = scaled(value, language);
    format!("{number} {letter}B")
}

/// How long something took: `12 ms`, `1.2 s`, `3 min`.
pub fn took(span: Duration, language: Language) -> String {
    match span.as_millis() {
        millis @ ..1_000 => format!("{millis} ms"),
        ..60_000 => format!("{} s", decimal(span.as_secs_f64(), 1, language)),
        _ => super::span(span),
    }
}

fn scaled(value: f64, language: Language) -> (String, &'static str) {
    let (scaled, letter) = match value {
        _ if value < 999.5 => (value, ""),
        _ if value < 999_500.0 => (value / 1e3, "K"),
        _ if value < 999_500_000.0 => (value / 1e6, "M"),
        _ => (value / 1e9, "G"),
    };
    let digits = match scaled {
        _ if scaled >= 99.95 => 0,
        _ if scaled >= 9.995 => 1,
        _ => 2,
    };
    (decimal(scaled, digits, language), letter)
}

/// Without zeros at the end.
fn decimal(value: f64, digits: usize, language: Language) -> String {
    let number = format!("{value:.digits$}");
    let number = match number.contains('.') {
        true => number.trim_end_matches('0').trim_end_matches('.'),
        false => &number,
    };
    match language {
        Language::English => number.to_owned(),
        Language::Portuguese => number.replace('.', ","),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_stand_apart() {
        for (n, english, portuguese) in [
            (0, "0", "0"),
            (999, "999", "999"),
            (10_412, "10,412", "10.412"),
            (1_000_000, "1,000,000", "1.000.000"),
        ] {
            assert_eq!(count(n, Language::English), english);
            assert_eq!(count(n, Language::Portuguese), portuguese);
        }
    }

    #[test]
    fn numbers_are_short() {
        for (value, english, portuguese) in [
            (0.0, "0", "0"),
            (0.05, "0.05", "0,05"),
            (12.0, "12", "12"),
            (12.34, "12.3", "12,3"),
            (500_000.0, "500 K", "500 K"),
            (999.7, "1 K", "1 K"),
            (1_500_000.0, "1.5 M", "1,5 M"),
            (2e9, "2 G", "2 G"),
        ] {
            assert_eq!(short(value, Language::English), english);
            assert_eq!(short(value, Language::Portuguese), portuguese);
        }
        assert_eq!(bytes(384_000.0, Language::English), "384 KB");
        assert_eq!(bytes(7.0, Language::English), "7 B");
    }

    #[test]
    fn what_is_quick_is_told_in_milliseconds() {
        for (millis, text) in [(0, "0 ms"), (999, "999 ms"), (1_234, "1.2 s"), (180_000, "3 min")] {
            assert_eq!(took(Duration::from_millis(millis), Language::English), text);
        }
        assert_eq!(took(Duration::from_millis(1_500), Language::Portuguese), "1,5 s");
    }
}
