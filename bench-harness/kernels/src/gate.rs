//! The recorded counts, and what is over them.

use std::fmt::Write;

use millrace_plan::{Error, Result};

/// Where the counts are recorded, from the root of the tree.
pub const FILE: &str = "bench-harness/kernels/instructions.txt";

/// What is recorded: a line for each kernel, its name and its instructions per row.
pub const RECORDED: &str = include_str!("../instructions.txt");

/// The part of a count by which it may grow.
const TOLERANCE: f64 = 0.03;

/// What was counted: the name of a kernel and its instructions per row.
pub type Counted = (&'static str, f64);

fn recorded(text: &str, name: &str) -> Option<f64> {
    let lines = text.lines().filter(|own| !own.starts_with('#'));
    lines.filter_map(|own| own.rsplit_once(' ')).find(|own| own.0 == name)?.1.parse().ok()
}

/// A table of the counts beside the recorded ones. An error names each that has grown by more than 3 %, or is not
/// recorded, and the line to write down if that is meant.
pub fn judge(counts: &[Counted], text: &str) -> (String, Result<()>) {
    let mut table = format!("{:<16}{:>20}{:>12}{:>10}\n", "kernel", "instructions/row", "recorded", "change");
    let mut wrong = vec![];
    for (name, count) in counts {
        let before = recorded(text, name);
        let change = before.map_or(f64::INFINITY, |own| count / own - 1.0);
        let (shown, percent) = match before {
            // No "-0.0": zero is added after rounding.
            Some(own) => (format!("{own:.2}"), format!("{:+.1} %", (change * 1000.0).round() / 10.0 + 0.0)),
            None => ("none".into(), "new".into()),
        };
        // Writing into a string does not fail.
        let _ = writeln!(table, "{name:<16}{count:>20.2}{shown:>12}{percent:>10}");
        if change > TOLERANCE {
            wrong.push(format!("{name} {count:.2}"));
        } else if change < -TOLERANCE {
            let _ = writeln!(table, "    fewer than recorded: write `{name} {count:.2}` in {FILE}");
        }
    }
    let verdict = match wrong.is_empty() {
        true => Ok(()),
        false => Err(Error::query(format!(
            "more than {:.0} % over the recorded instructions per row; if that is meant, write in {FILE}:\n{}",
            TOLERANCE * 100.0,
            wrong.join("\n")
        ))),
    };
    (table, verdict)
}

/// Why counts of this processor cannot be compared with the recorded ones, if they cannot.
pub fn incomparable() -> Option<&'static str> {
    #[cfg(target_arch = "x86_64")]
    return match std::arch::is_x86_feature_detected!("avx2") {
        true => None,
        false => Some("the recorded counts are of x86-64 with AVX2, which this processor lacks"),
    };
    #[cfg(not(target_arch = "x86_64"))]
    Some("the recorded counts are of x86-64")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test")]
mod tests {
    use super::{RECORDED, judge, recorded};
    use crate::kernel::KERNELS;

    const TEXT: &str = "# a remark\nhash 10.00\npane merge 100.00\n";

    #[test]
    fn a_count_may_grow_by_three_percent() {
        let (table, verdict) = judge(&[("hash", 10.29), ("pane merge", 96.0)], TEXT);
        assert!(verdict.is_ok(), "{table}");
        assert!(table.contains("+2.9 %") && table.contains("write `pane merge 96.00`"), "{table}");
    }

    #[test]
    fn what_has_grown_more_or_is_new_fails_with_the_line_to_write_down() {
        let (_, verdict) = judge(&[("hash", 10.31), ("pane merge", 100.0), ("decode", 1.0)], TEXT);
        let message = verdict.unwrap_err().message;
        assert!(message.ends_with(":\nhash 10.31\ndecode 1.00"), "{message}");
    }

    #[test]
    fn every_kernel_has_a_recorded_count() {
        assert!(KERNELS.iter().all(|own| recorded(RECORDED, own.name).is_some()));
    }
}
