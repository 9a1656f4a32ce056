//! Rate limits: how many rows of a split may have been made by now.

/// Rows per second of one split, counted from its first step.
#[derive(Debug, Clone)]
pub(super) struct Pace {
    /// `None` = as fast as possible.
    rows_per_second: Option<f64>,
    started_ms: Option<u64>,
    /// Rows that an earlier reader has made.
    before: u64,
}

impl Pace {
    pub(super) fn new(rows_per_second: Option<f64>) -> Pace {
        Pace { rows_per_second, started_ms: None, before: 0 }
    }

    /// The rate counts from here: `made` rows were made by an earlier reader.
    pub(super) fn seek(&mut self, made: u64) {
        self.before = made;
    }

    /// How many rows may be made at `now_ms`, of at most `most`, when `made` were made so far; or when to
    /// ask again.
    pub(super) fn allow(&mut self, made: u64, most: usize, now_ms: u64) -> Result<usize, u64> {
        let Some(rate) = self.rows_per_second else { return Ok(most) };
        let started_ms = *self.started_ms.get_or_insert(now_ms);
        let made = made - self.before;
        let due = ((now_ms - started_ms + 1) as f64 * rate / 1000.0) as u64;
        match due.saturating_sub(made) {
            0 => Err(started_ms + ((made + 1) as f64 * 1000.0 / rate).ceil() as u64),
            rows => Ok(most.min(rows as usize)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pace_gives_its_rate_and_not_more() {
        let mut pace = Pace::new(Some(2000.0));
        let mut made = 0;
        let mut now_ms = 5;
        while now_ms < 1005 {
            match pace.allow(made, 64, now_ms) {
                Ok(rows) => made += rows as u64,
                Err(until_ms) => {
                    assert!(until_ms > now_ms, "asks again in the past");
                    now_ms = until_ms;
                }
            }
        }
        assert!((1998..=2002).contains(&made), "{made}");
        assert_eq!(Pace::new(None).allow(1 << 40, 64, 0), Ok(64));
    }

    #[test]
    fn less_than_a_row_a_second_works() {
        let mut pace = Pace::new(Some(0.5));
        assert_eq!(pace.allow(0, 64, 100), Err(2100));
        assert_eq!(pace.allow(0, 64, 2100), Ok(1));
    }
}
