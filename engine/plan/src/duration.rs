//! Durations as Flink writes them in options.

/// A duration as Flink's options write it (`10 s`, `500 ms`, `1min`, or ISO-8601: `PT1M30S`), in milliseconds.
pub fn duration_ms(text: &str) -> Option<u64> {
    let text = text.trim();
    if text.starts_with(['P', 'p']) {
        return iso_duration_ms(&text.to_ascii_uppercase());
    }
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number: u64 = text[..digits].parse().ok()?;
    let factor = match text[digits..].trim().to_ascii_lowercase().as_str() {
        "" | "ms" | "milli" | "millis" | "millisecond" | "milliseconds" => 1,
        "s" | "sec" | "secs" | "second" | "seconds" => 1_000,
        "m" | "min" | "minute" | "minutes" => 60_000,
        "h" | "hour" | "hours" => 3_600_000,
        "d" | "day" | "days" => 86_400_000,
        _ => return None,
    };
    number.checked_mul(factor)
}

/// `P1DT2H3M4.5S`: parts in this order, at least one, seconds with up to three decimals.
fn iso_duration_ms(text: &str) -> Option<u64> {
    let text = text.strip_prefix('P')?;
    let (days, time) = match text.split_once('T') {
        Some((_, "")) => return None,
        Some((days, time)) => (days, time),
        None => (text, ""),
    };
    let (mut total_ms, mut parts) = (0u64, 0);
    for (part, units) in
        [(days, &[('D', 86_400_000)][..]), (time, &[('H', 3_600_000), ('M', 60_000), ('S', 1_000)])]
    {
        let mut rest = part;
        for (unit, factor) in units {
            let Some((number, after)) = rest.split_once(*unit) else { continue };
            let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
            if fraction.len() > 3 || (!fraction.is_empty() && *unit != 'S') {
                return None;
            }
            let ms: u64 = if fraction.is_empty() { 0 } else { format!("{fraction:0<3}").parse().ok()? };
            let whole_ms = whole.parse::<u64>().ok()?.checked_mul(*factor)?;
            total_ms = total_ms.checked_add(whole_ms)?.checked_add(ms)?;
            (rest, parts) = (after, parts + 1);
        }
        if !rest.is_empty() {
            return None;
        }
    }
    (parts > 0).then_some(total_ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_in_both_of_flinks_forms() {
        for (text, expected) in [
            ("10", 10),
            (" 10 s ", 10_000),
            ("1min", 60_000),
            ("PT10S", 10_000),
            ("PT0.5S", 500),
            ("pt1m30s", 90_000),
            ("P1DT1H", 90_000_000),
        ] {
            assert_eq!(duration_ms(text), Some(expected), "{text}");
        }
        for text in
            ["", "s", "10 x", "P", "PT", "P1H", "PT1S1M", "PT1", "-1 s", "PT0.0005S", "99999999999999999999"]
        {
            assert_eq!(duration_ms(text), None, "{text}");
        }
    }
}
