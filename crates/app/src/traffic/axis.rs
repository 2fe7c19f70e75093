//! The axis of a chart: its top, and numbers that are short enough to stand beside it.

use crate::words::Language;

/// The lowest top. A rate of one request in a few minutes still shows.
const LOWEST: f64 = 0.01;

/// The top of an axis for values up to `highest`: 1, 2 or 5 times a power of ten. An axis without values goes to 1.
pub fn top(highest: f64) -> f64 {
    if !highest.is_finite() || highest <= 0.0 {
        return 1.0;
    }
    let highest = highest.max(LOWEST);
    // A power that is one too low costs one turn more, so that no rounding of the logarithm matters.
    let mut power = highest.log10().floor() as i32 - 1;
    loop {
        for factor in [1.0, 2.0, 5.0] {
            // Dividing by a power of ten is exact where multiplying by a tenth is not.
            let top = match power {
                0.. => factor * 10_f64.powi(power),
                _ => factor / 10_f64.powi(-power),
            };
            if top >= highest {
                return top;
            }
        }
        power += 1;
    }
}

/// The lines of the grid, from the top down.
pub fn grid(top: f64) -> [f64; 3] {
    [top, top / 2.0, 0.0]
}

/// A number in few letters: `0.05`, `12`, `384 K`, `1.5 M`. Three digits are exact enough beside a chart.
pub fn short(value: f64, language: Language) -> String {
    let (scaled, letter) = match value {
        _ if value < 999.5 => (value, ""),
        _ if value < 999_500.0 => (value / 1e3, " K"),
        _ if value < 999_500_000.0 => (value / 1e6, " M"),
        _ => (value / 1e9, " G"),
    };
    let digits = match scaled {
        _ if scaled >= 99.95 => 0,
        _ if scaled >= 9.995 => 1,
        _ => 2,
    };
    let number = format!("{scaled:.digits$}");
    let number = match number.contains('.') {
        true => number.trim_end_matches('0').trim_end_matches('.'),
        false => &number,
    };
    match language {
        Language::English => format!("{number}{letter}"),
        Language::Portuguese => format!("{}{letter}", number.replace('.', ",")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_top_is_1_2_or_5_times_a_power_of_ten() {
        for (highest, expected) in [
            (0.0, 1.0),
            (f64::NAN, 1.0),
            (0.0001, 0.01),
            (0.2, 0.2),
            (0.21, 0.5),
            (1.0, 1.0),
            (1.01, 2.0),
            (10.0, 10.0),
            (26.0, 50.0),
            (1_000.0, 1_000.0),
            (1_001.0, 2_000.0),
            (867_000.0, 1_000_000.0),
        ] {
            assert_eq!(top(highest), expected, "{highest}");
        }
        assert_eq!(grid(1e6), [1e6, 5e5, 0.0]);
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
    }
}
