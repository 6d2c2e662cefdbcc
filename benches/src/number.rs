//! Numbers as people read them: three figures, thousands apart.

use crate::median::Samples;

/// What stands where nothing was measured.
pub(crate) const NOTHING: &str = "–";

/// Three figures where there is a fraction, no fraction where the value is whole; commas set thousands apart.
pub(crate) fn shown(value: f64) -> String {
    match value.abs() {
        whole if whole.fract() == 0.0 => grouped(value),
        ..9.995 => format!("{value:.2}"),
        ..99.95 => format!("{value:.1}"),
        _ => grouped(value),
    }
}

/// The median of the rounds.
pub(crate) fn median(samples: &Samples) -> String {
    samples.median().map_or_else(|| NOTHING.to_owned(), shown)
}

/// The median of the rounds, with the least and the greatest where they differ.
pub(crate) fn with_range(samples: &Samples) -> String {
    let Some((least, most)) = samples.range() else { return NOTHING.to_owned() };
    let (least, most) = (shown(least), shown(most));
    if least == most { most } else { format!("{} ({least}–{most})", median(samples)) }
}

fn grouped(value: f64) -> String {
    let digits = format!("{value:.0}");
    let length = digits.trim_start_matches('-').len();
    let mut text = String::new();
    for (index, digit) in digits.trim_start_matches('-').chars().enumerate() {
        if index > 0 && (length - index) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    if value < 0.0 { format!("-{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_three_figures_or_all_of_them() {
        let cases = [
            (0.0, "0"),
            (3.0, "3"),
            (0.5, "0.50"),
            (9.999, "10.0"),
            (42.04, "42.0"),
            (99.96, "100"),
            (1656.4, "1,656"),
            (-0.25, "-0.25"),
            (-1234.0, "-1,234"),
            (1_000_000.0, "1,000,000"),
        ];
        for (value, text) in cases {
            assert_eq!(shown(value), text);
        }
    }

    #[test]
    fn a_range_is_told_where_there_is_one() {
        let text = |values: &[f64]| with_range(&values.iter().copied().collect());
        assert_eq!(text(&[3.0, 1.0, 2.0]), "2 (1–3)");
        assert_eq!(text(&[3.0, 3.0]), "3");
        assert_eq!(text(&[]), NOTHING);
    }
}
