//! The axis of a chart.

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
}
