//! Row kinds and the values of event time that mean "nothing yet" and "no more".

use std::fmt;

/// Event time before any row: nothing is promised.
pub const WATERMARK_MIN: i64 = i64::MIN;

/// Event time after every row: the input has ended.
pub const WATERMARK_MAX: i64 = i64::MAX;

/// What a row does to the table it belongs to, as in Flink. The numbers are Flink's byte values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum RowKind {
    /// `+I`: a new row.
    Insert = 0,
    /// `-U`: the old content of a row that changes.
    UpdateBefore = 1,
    /// `+U`: the new content of a row that changes.
    UpdateAfter = 2,
    /// `-D`: a row that goes away.
    Delete = 3,
}

impl RowKind {
    /// Every kind, in the order of its number.
    pub const ALL: [RowKind; 4] =
        [RowKind::Insert, RowKind::UpdateBefore, RowKind::UpdateAfter, RowKind::Delete];

    /// The kind with this number, if there is one.
    pub fn from_u8(value: u8) -> Option<RowKind> {
        Self::ALL.get(value as usize).copied()
    }

    /// `+1` for kinds that add a row to the table, `-1` for kinds that take one away.
    pub fn weight(self) -> i64 {
        match self {
            RowKind::Insert | RowKind::UpdateAfter => 1,
            RowKind::UpdateBefore | RowKind::Delete => -1,
        }
    }

    /// Flink's short form: `+I`, `-U`, `+U`, `-D`.
    pub fn short(self) -> &'static str {
        match self {
            RowKind::Insert => "+I",
            RowKind::UpdateBefore => "-U",
            RowKind::UpdateAfter => "+U",
            RowKind::Delete => "-D",
        }
    }
}

impl fmt::Display for RowKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.short())
    }
}
