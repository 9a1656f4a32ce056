//! What bounds a join in time: equal windows, or row times that lie near each other.

use datafusion_common::ScalarValue;
use datafusion_expr::{Between, BinaryExpr, Expr, Operator};
use millrace_plan::JoinTime;

use super::relation::Relation;

/// The columns with the end of the window on both sides, and which of `on` compares them, if `on` makes the
/// start and the end of both windows equal.
pub fn window_keys(left: &Relation, right: &Relation, on: &[(Expr, Expr)]) -> Option<(usize, usize, usize)> {
    let (own, other) = left.attached.zip(right.attached)?;
    let find = |own: usize, other: usize| {
        on.iter().position(|(a, b)| left.column(a) == Some(own) && right.column(b) == Some(other))
    };
    find(own.start, other.start)?;
    let end = find(own.end, other.end)?;
    Some((own.end, other.end, end))
}

/// A bound that conditions give.
pub struct Interval {
    /// The bound.
    pub time: JoinTime,
    /// The conditions that say nothing else, by position.
    pub replaces: Vec<usize>,
}

/// `right - left` in milliseconds: the least and the greatest, so far.
#[derive(Default)]
pub struct Difference {
    /// The least.
    pub least: Option<i64>,
    /// The greatest.
    pub greatest: Option<i64>,
}

/// A row time plus a constant.
struct Moment {
    /// 0 = of the left input, 1 = of the right one.
    side: usize,
    column: usize,
    plus: i64,
}

impl Interval {
    /// The bound that `on` and `conditions` give, if they bound the row times of both sides from below and above.
    pub fn of(
        left: &Relation,
        right: &Relation,
        on: &[(Expr, Expr)],
        conditions: &[Expr],
    ) -> Option<Interval> {
        let Compared { mut columns, mut difference, replaces } = Compared::of([left, right], conditions);
        for (a, b) in on {
            let (Some(a), Some(b)) = (left.column(a), right.column(b)) else { continue };
            let times = left.times.contains(&a) && right.times.contains(&b);
            if times && columns.is_none_or(|columns| columns == (a, b)) {
                columns = Some((a, b));
                difference.narrow(Operator::Eq, 0);
            }
        }
        let ((left, right), (least, greatest)) = columns.zip(difference.least.zip(difference.greatest))?;
        let before = least.checked_neg()?;
        let time = JoinTime::Interval { left, right, before, after: greatest };
        (least <= greatest).then_some(Interval { time, replaces })
    }
}

/// What conditions say of the times of both sides.
pub struct Compared {
    /// The columns: the first pair of times decides which are meant.
    pub columns: Option<(usize, usize)>,
    /// How far they are apart.
    pub difference: Difference,
    /// The conditions that say nothing else, by position.
    pub replaces: Vec<usize>,
}

impl Compared {
    /// Looks for comparisons of the relations' `times`.
    pub fn of(relations: [&Relation; 2], conditions: &[Expr]) -> Compared {
        let mut own = Compared { columns: None, difference: Difference::default(), replaces: vec![] };
        for (position, condition) in conditions.iter().enumerate() {
            let comparisons = comparisons(condition);
            let bounds: Option<Vec<_>> =
                comparisons.iter().map(|(a, op, b)| bound(&relations, a, *op, b)).collect();
            let Some(bounds) = bounds.filter(|bounds| !bounds.is_empty()) else { continue };
            let same = |pair: (usize, usize)| own.columns.is_none_or(|columns| columns == pair);
            if !bounds.iter().all(|(pair, _, _)| same(*pair) && *pair == bounds[0].0) {
                continue;
            }
            own.columns = Some(bounds[0].0);
            bounds.iter().for_each(|(_, op, constant)| own.difference.narrow(*op, *constant));
            own.replaces.push(position);
        }
        own
    }
}

impl Difference {
    fn narrow(&mut self, op: Operator, constant: i64) {
        let raise = |own: Option<i64>, bound: i64| Some(own.map_or(bound, |own| own.max(bound)));
        let lower = |own: Option<i64>, bound: i64| Some(own.map_or(bound, |own| own.min(bound)));
        match op {
            Operator::Gt => self.least = raise(self.least, constant.saturating_add(1)),
            Operator::GtEq => self.least = raise(self.least, constant),
            Operator::Lt => self.greatest = lower(self.greatest, constant.saturating_sub(1)),
            Operator::LtEq => self.greatest = lower(self.greatest, constant),
            _ => {
                self.least = raise(self.least, constant);
                self.greatest = lower(self.greatest, constant);
            }
        }
    }
}

/// A condition as comparisons that must all hold; none = it is something else.
fn comparisons(condition: &Expr) -> Vec<(&Expr, Operator, &Expr)> {
    match condition {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => vec![(left, *op, right)],
        Expr::Between(Between { expr, negated: false, low, high }) => {
            vec![(expr, Operator::GtEq, low), (expr, Operator::LtEq, high)]
        }
        _ => vec![],
    }
}

/// The columns (left, right) that a comparison is about, and what it says of `right - left`.
fn bound(
    relations: &[&Relation; 2],
    a: &Expr,
    op: Operator,
    b: &Expr,
) -> Option<((usize, usize), Operator, i64)> {
    if !matches!(op, Operator::Gt | Operator::GtEq | Operator::Lt | Operator::LtEq | Operator::Eq) {
        return None;
    }
    let (a, b) = (moment(relations, a)?, moment(relations, b)?);
    match (a.side, b.side) {
        (1, 0) => Some(((b.column, a.column), op, b.plus.checked_sub(a.plus)?)),
        (0, 1) => Some(((a.column, b.column), op.swap()?, a.plus.checked_sub(b.plus)?)),
        _ => None,
    }
}

fn moment(relations: &[&Relation; 2], expr: &Expr) -> Option<Moment> {
    match expr {
        Expr::Column(_) => relations.iter().enumerate().find_map(|(side, relation)| {
            let column = relation.column(expr)?;
            relation.times.contains(&column).then_some(Moment { side, column, plus: 0 })
        }),
        Expr::Cast(inner) => moment(relations, &inner.expr),
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Plus, right }) => {
            let (own, constant) = match constant(right) {
                Some(constant) => (left, constant),
                None => (right, constant(left)?),
            };
            let own = moment(relations, own)?;
            Some(Moment { plus: own.plus.checked_add(constant)?, ..own })
        }
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Minus, right }) => {
            let own = moment(relations, left)?;
            Some(Moment { plus: own.plus.checked_sub(constant(right)?)?, ..own })
        }
        _ => None,
    }
}

/// The length of an interval of fixed length, in whole milliseconds.
fn constant(expr: &Expr) -> Option<i64> {
    const DAY_MS: i64 = 86_400_000;
    match expr {
        Expr::Literal(ScalarValue::IntervalMonthDayNano(Some(value)), _) => {
            let whole = value.months == 0 && value.nanoseconds % 1_000_000 == 0;
            whole.then_some(i64::from(value.days) * DAY_MS + value.nanoseconds / 1_000_000)
        }
        Expr::Literal(ScalarValue::IntervalDayTime(Some(value)), _) => {
            Some(i64::from(value.days) * DAY_MS + i64::from(value.milliseconds))
        }
        Expr::Cast(inner) => constant(&inner.expr),
        Expr::Negative(inner) => constant(inner)?.checked_neg(),
        _ => None,
    }
}
