//! Joins: which rows meet, and what becomes of those that meet none.

use std::sync::Arc;

use datafusion_physical_expr::PhysicalExpr;

/// Which rows a join sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JoinKind {
    /// Pairs.
    Inner,
    /// Pairs, and left rows without a partner, filled up with NULL.
    Left,
    /// Pairs, and right rows without a partner, filled up with NULL.
    Right,
    /// Pairs, and rows of both sides without a partner, filled up with NULL.
    Full,
    /// Left rows that have a partner, each once.
    Semi,
    /// Left rows that have none.
    Anti,
}

impl JoinKind {
    /// True if rows of this side (0 = left, 1 = right) without a partner leave filled up with NULL.
    pub fn keeps(self, side: usize) -> bool {
        match self {
            JoinKind::Full => true,
            JoinKind::Left => side == 0,
            JoinKind::Right => side == 1,
            JoinKind::Inner | JoinKind::Semi | JoinKind::Anti => false,
        }
    }

    /// True if only left rows leave.
    pub fn is_left_only(self) -> bool {
        matches!(self, JoinKind::Semi | JoinKind::Anti)
    }

    /// Its name in SQL.
    pub fn sql(self) -> &'static str {
        match self {
            JoinKind::Inner => "INNER",
            JoinKind::Left => "LEFT",
            JoinKind::Right => "RIGHT",
            JoinKind::Full => "FULL",
            JoinKind::Semi => "SEMI",
            JoinKind::Anti => "ANTI",
        }
    }
}

/// How event time bounds a join, and with it the join's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JoinTime {
    /// Not at all: rows are kept for ever, and what was sent may be taken back.
    Unbounded,
    /// The right row time is in `[left - before, left + after]`; milliseconds, may be negative. Inputs and
    /// output only append; the watermark that is sent lies behind by the longer of the two.
    Interval {
        /// The left row-time column: Timestamp(Millisecond).
        left: usize,
        /// The right row-time column: Timestamp(Millisecond).
        right: usize,
        /// How far a right row may be before a left row.
        before: i64,
        /// How far a right row may be after a left row.
        after: i64,
    },
    /// Both rows belong to the same window. Inputs and output only append; a window's rows leave when the
    /// watermark reaches its end less 1 ms.
    Window {
        /// The left column with the window's end: Timestamp(Millisecond).
        left: usize,
        /// The right column with the window's end: Timestamp(Millisecond).
        right: usize,
    },
    /// Right rows are versions: one is valid from its own time until that of the next with its key. Each left row
    /// meets the version that is valid at its time, when the watermark has reached that. Inputs and output only
    /// append.
    Version {
        /// The left row-time column: Timestamp(Millisecond).
        left: usize,
        /// The right row-time column: Timestamp(Millisecond).
        right: usize,
    },
}

/// When a row of one input can meet no row of the other any more that is still to come: those are later than the
/// other's watermark, as results of windows are, and the condition says that they must not be later than this.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastPartner {
    /// A column of the row's input: Timestamp(Millisecond). A NULL in it meets nobody.
    pub column: usize,
    /// How long after the time in that column the last partner may be, in milliseconds.
    pub plus_ms: i64,
}

/// A join of two inputs.
#[derive(Debug, Clone)]
pub struct JoinSpec {
    /// Which rows it sends.
    pub kind: JoinKind,
    /// Columns that must be equal, left and right; both of one type.
    pub keys: Vec<(usize, usize)>,
    /// NULL equals NULL in `keys`; else a NULL key has no partner.
    pub null_equal: bool,
    /// What else must be true of a pair: over the left columns, then the right ones.
    pub condition: Option<Arc<dyn PhysicalExpr>>,
    /// How event time bounds it.
    pub time: JoinTime,
    /// Which inputs may hold `-U` and `-D`.
    pub retracting: [bool; 2],
    /// How long after it was last written a row of each input is forgotten, in milliseconds of the clock; `None` = as
    /// `time` says. Only of [`JoinTime::Unbounded`].
    pub ttl_ms: [Option<u64>; 2],
    /// Rows of each input are forgotten when the watermark of the other shows that they are of no use any more;
    /// `None` = that is not known. Only of INNER [`JoinTime::Unbounded`] without `ttl_ms` over inputs that append.
    pub last_partner: [Option<LastPartner>; 2],
}
