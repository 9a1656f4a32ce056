//! Cells back to numbers, and numbers to labels of an axis.

/// The number of a cell as [`crate::record::rate`] and [`crate::record::time`] write it: times in nanoseconds.
pub fn value(cell: &str) -> Option<f64> {
    let cell = cell.trim();
    let end = cell.find(|own: char| !own.is_ascii_digit() && own != '.').unwrap_or(cell.len());
    let number: f64 = cell[..end].parse().ok()?;
    let factor = match cell[end..].trim() {
        "" | "ns" | "x" | "%" => 1.0,
        "k" | "us" => 1e3,
        "M" | "ms" => 1e6,
        "G" | "s" => 1e9,
        _ => return None,
    };
    Some(number * factor)
}

/// A number in few letters.
pub fn short(value: f64) -> String {
    let (scaled, letter) = match value.abs() {
        own if own >= 1e9 => (value / 1e9, " G"),
        own if own >= 1e6 => (value / 1e6, " M"),
        own if own >= 1e3 => (value / 1e3, " k"),
        _ => (value, ""),
    };
    let digits = if scaled.fract().abs() < 1e-9 || scaled.abs() >= 100.0 { 0 } else { 1 };
    format!("{scaled:.digits$}{letter}")
}

/// Nanoseconds in few letters.
pub fn short_time(ns: f64) -> String {
    match ns {
        own if own >= 1e9 => format!("{} s", short(own / 1e9)),
        own if own >= 1e6 => format!("{} ms", short(own / 1e6)),
        own if own >= 1e3 => format!("{} us", short(own / 1e3)),
        own => format!("{} ns", short(own)),
    }
}

/// Text for HTML and SVG.
pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test")]
mod tests {
    use super::{escape, short, value};
    use crate::record::{rate, time};

    #[test]
    fn what_a_table_says_is_read_back() {
        assert_eq!(value(&rate(12_300_000.0)), Some(12.3e6));
        assert_eq!(value(&rate(950.0)), Some(950.0));
        assert_eq!(value(&time(1_500)), Some(1500.0));
        assert_eq!(value("-"), None);
        assert_eq!(value("12 parsecs"), None);
        assert_eq!(
            (short(1e6), short(2500.0), escape("a<b")),
            ("1 M".into(), "2.5 k".into(), "a&lt;b".into())
        );
    }
}
