//! The arithmetic of windows: which windows a time belongs to, which pane holds it, which windows a pane
//! feeds. Pure functions of a [`WindowSpec`]; all times in milliseconds.
//!
//! A pane is the longest slice of time that lies wholly inside or outside of every window, so that a
//! window is a list of whole panes.

pub mod emitted;

use millrace_plan::{WATERMARK_MAX, WindowSpec};

/// A window `[start, end)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Window {
    /// Its first millisecond.
    pub start: i64,
    /// The first millisecond after it.
    pub end: i64,
}

/// The watermark by which windows close that stay open for `lateness` milliseconds after they have fired, when time
/// has come to `watermark`. At the end of time all close.
pub fn closing(watermark: i64, lateness: i64) -> i64 {
    match watermark {
        WATERMARK_MAX => WATERMARK_MAX,
        _ => watermark.saturating_sub(lateness),
    }
}

fn floor(time: i64, size: i64, offset: i64) -> i64 {
    let shifted = time.saturating_sub(offset);
    time.saturating_sub(shifted.rem_euclid(size))
}

fn gcd(a: i64, b: i64) -> i64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// The length of a pane.
pub fn pane_size(spec: &WindowSpec) -> i64 {
    match *spec {
        WindowSpec::Tumble { size, .. } => size,
        WindowSpec::Hop { size, slide, .. } => gcd(size, slide),
        WindowSpec::Cumulate { step, .. } => step,
    }
}

/// The start of the pane that holds `time`.
pub fn pane_of(spec: &WindowSpec, time: i64) -> i64 {
    match *spec {
        WindowSpec::Tumble { offset, .. }
        | WindowSpec::Hop { offset, .. }
        | WindowSpec::Cumulate { offset, .. } => floor(time, pane_size(spec), offset),
    }
}

/// The windows that hold `time`, earliest end first. Empty where windows leave gaps.
pub fn windows_of(spec: &WindowSpec, time: i64) -> impl Iterator<Item = Window> + use<> {
    let (first, count, start_step, end_step) = match *spec {
        WindowSpec::Tumble { size, offset } => {
            let start = floor(time, size, offset);
            (Window { start, end: start.saturating_add(size) }, 1, 0, 0)
        }
        WindowSpec::Hop { size, slide, offset } => {
            let last = floor(time, slide, offset);
            // The earliest window that still holds `time` starts after `time - size`.
            let back = (size - 1 - (time - last)).div_euclid(slide);
            let start = last.saturating_sub(back.max(0).saturating_mul(slide));
            let count = if back < 0 { 0 } else { back + 1 };
            (Window { start, end: start.saturating_add(size) }, count, slide, slide)
        }
        WindowSpec::Cumulate { size, step, offset } => {
            let start = floor(time, size, offset);
            let end = floor(time, step, offset).saturating_add(step);
            let count = (start + size - end) / step + 1;
            (Window { start, end }, count, 0, step)
        }
    };
    (0..count).map(move |index| Window {
        start: first.start.saturating_add(index * start_step),
        end: first.end.saturating_add(index * end_step),
    })
}

/// The end of the earliest window that holds `time`; `None` in a gap.
pub fn first_end(spec: &WindowSpec, time: i64) -> Option<i64> {
    windows_of(spec, time).next().map(|window| window.end)
}

/// The end of the latest window that holds `time`; `None` in a gap. When the watermark reaches it less
/// one millisecond, the time is late.
pub fn last_end(spec: &WindowSpec, time: i64) -> Option<i64> {
    match *spec {
        WindowSpec::Tumble { size, offset } => Some(floor(time, size, offset).saturating_add(size)),
        WindowSpec::Hop { size, slide, offset } => {
            Some(floor(time, slide, offset).saturating_add(size)).filter(|end| time < *end)
        }
        WindowSpec::Cumulate { size, offset, .. } => Some(floor(time, size, offset).saturating_add(size)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Every window of the specification near `time`, by enumeration.
    fn naive(spec: &WindowSpec, time: i64) -> Vec<Window> {
        let mut windows = vec![];
        let (size, every, offset) = match *spec {
            WindowSpec::Tumble { size, offset } => (size, size, offset),
            WindowSpec::Hop { size, slide, offset } => (size, slide, offset),
            WindowSpec::Cumulate { size, offset, .. } => (size, size, offset),
        };
        let near = time.div_euclid(every);
        for index in near - size / every - 3..=near + 3 + (offset / every).abs() {
            for index in [index, index - offset / every - 1, index - offset / every] {
                let start = index * every + offset;
                let ends = match *spec {
                    WindowSpec::Cumulate { step, .. } => {
                        (1..=size / step).map(|n| start + n * step).collect()
                    }
                    _ => vec![start + size],
                };
                windows.extend(ends.into_iter().map(|end| Window { start, end }));
            }
        }
        windows.retain(|window| window.start <= time && time < window.end);
        windows.sort_by_key(|window| (window.end, window.start));
        windows.dedup();
        windows
    }

    fn specs() -> impl Strategy<Value = WindowSpec> {
        let offset = -50i64..50;
        prop_oneof![
            (1i64..40, offset.clone()).prop_map(|(size, offset)| WindowSpec::Tumble { size, offset }),
            (1i64..40, 1i64..40, offset.clone()).prop_map(|(size, slide, offset)| WindowSpec::Hop {
                size,
                slide,
                offset
            }),
            (1i64..10, 1i64..10, offset).prop_map(|(step, steps, offset)| WindowSpec::Cumulate {
                size: step * steps,
                step,
                offset
            }),
        ]
    }

    proptest! {
        #[test]
        fn windows_are_those_found_by_enumeration(spec in specs(), time in -300i64..300) {
            let windows: Vec<Window> = windows_of(&spec, time).collect();
            prop_assert_eq!(&windows, &naive(&spec, time));
            prop_assert_eq!(first_end(&spec, time), windows.first().map(|window| window.end));
            prop_assert_eq!(last_end(&spec, time), windows.last().map(|window| window.end));
        }

        #[test]
        fn all_times_of_a_pane_are_in_the_same_windows(spec in specs(), time in -300i64..300) {
            let pane = pane_of(&spec, time);
            prop_assert!(pane <= time && time < pane + pane_size(&spec));
            let of_pane: Vec<Window> = windows_of(&spec, pane).collect();
            prop_assert_eq!(windows_of(&spec, time).collect::<Vec<_>>(), of_pane);
        }
    }
}
