//! MATCH_RECOGNIZE equals a naive matcher that tries every way to give rows to variables, one first row after the
//! other, for random patterns, conditions, rows, splits, batch sizes, shard counts and schedules.

use std::collections::BTreeMap;
use std::fmt::Write;

use arrow::array::{Array, AsArray};
use arrow::datatypes::{Int64Type, TimestampMillisecondType};
use proptest::prelude::*;

use crate::cluster::{Outcome, Schedule, run};
use crate::oracle::InputRow;
use crate::{key, milliseconds, schedule, splits, table};

/// A condition of a variable; `None` as a value of a column is never compared as true.
#[derive(Debug, Clone, Copy)]
enum Condition {
    Always,
    Above(i64),
    Below(i64),
    Rises,
    SumBelow(i64),
    RowsBelow(i64),
    /// At least the first value of the variable before.
    FromFirst,
    /// Less than the last value of the variable before.
    UnderLast,
}

#[derive(Debug, Clone, Copy)]
struct Variable {
    least: usize,
    most: Option<usize>,
    greedy: bool,
    condition: Condition,
}

#[derive(Debug, Clone, Copy)]
enum Skip {
    NextRow,
    PastLastRow,
    First,
    Last,
}

#[derive(Debug, Clone)]
struct Query {
    variables: Vec<Variable>,
    skip: Skip,
    within: Option<i64>,
}

/// The variable that SKIP TO names: the second has a row in every match.
const TARGET: usize = 1;

impl Variable {
    fn swallows(&self) -> bool {
        self.greedy && self.most != Some(1) && self.most != Some(self.least.max(1))
    }

    fn quantifier(&self) -> String {
        let text = match (self.least, self.most) {
            (1, Some(1)) => return String::new(),
            (0, None) => "*".to_string(),
            (1, None) => "+".to_string(),
            (0, Some(1)) => return "?".into(),
            (least, None) => format!("{{{least},}}"),
            (least, Some(most)) if least == most => return format!("{{{least}}}"),
            (least, Some(most)) => format!("{{{least},{most}}}"),
        };
        if self.greedy { text } else { text + "?" }
    }
}

impl Query {
    fn sql(&self) -> String {
        let name = |place: usize| ["a", "b", "c", "d"][place];
        let mut pattern = String::new();
        let mut define = vec![];
        let mut measures = vec![];
        for (place, own) in self.variables.iter().enumerate() {
            let (x, y) = (name(place), name(place.saturating_sub(1)));
            let _ = write!(pattern, "{x}{} ", own.quantifier());
            measures.push(format!("COUNT({x}.ts) AS n{x}, SUM({x}.v) AS s{x}, FIRST({x}.v) AS f{x}"));
            define.push(match own.condition {
                Condition::Always => continue,
                Condition::Above(than) => format!("{x} AS v > {than}"),
                Condition::Below(than) => format!("{x} AS {x}.v < {than}"),
                Condition::Rises => format!("{x} AS LAST({x}.v, 1) IS NULL OR {x}.v > LAST({x}.v, 1)"),
                Condition::SumBelow(than) => format!("{x} AS SUM({x}.v) < {than}"),
                Condition::RowsBelow(than) => format!("{x} AS COUNT(*) < {than}"),
                Condition::FromFirst => format!("{x} AS {x}.v >= FIRST({y}.v)"),
                Condition::UnderLast => format!("{x} AS {x}.v < LAST({y}.v)"),
            });
        }
        if define.is_empty() {
            define.push("a AS TRUE".into());
        }
        let skip = match self.skip {
            Skip::NextRow => "TO NEXT ROW",
            Skip::PastLastRow => "PAST LAST ROW",
            Skip::First => "TO FIRST b",
            Skip::Last => "TO LAST b",
        };
        let within = self.within.map_or(String::new(), |own| format!("WITHIN {}", milliseconds(own)));
        format!(
            "SELECT * FROM t MATCH_RECOGNIZE (PARTITION BY k ORDER BY ts MEASURES FIRST(ts) AS first_ts, \
             MATCH_ROWTIME() AS last_ts, COUNT(*) AS n, {} ONE ROW PER MATCH AFTER MATCH SKIP {skip} \
             PATTERN ({pattern}) {within} DEFINE {}) AS m;",
            measures.join(", "),
            define.join(", ")
        )
    }

    /// True if a row meets the condition of a variable after these rows and their variables.
    fn meets(&self, variable: usize, row: &InputRow, before: &[(InputRow, usize)]) -> bool {
        let of = |wanted: usize| {
            let rows = before.iter().filter(move |(_, own)| *own == wanted);
            rows.map(|(row, _)| row.value).collect::<Vec<_>>()
        };
        let mut own = of(variable);
        own.push(row.value);
        let previous = match variable.checked_sub(1) {
            Some(previous) => of(previous),
            None => own.clone(),
        };
        let both = |value: Option<i64>, than: Option<i64>| value.zip(than);
        match self.variables[variable].condition {
            Condition::Always => true,
            Condition::Above(than) => row.value.is_some_and(|own| own > than),
            Condition::Below(than) => row.value.is_some_and(|own| own < than),
            Condition::Rises => match own.len().checked_sub(2).and_then(|at| own[at]) {
                None => true,
                Some(last) => row.value.is_some_and(|own| own > last),
            },
            Condition::SumBelow(than) => {
                let any = own.iter().any(Option::is_some);
                any && own.iter().flatten().sum::<i64>() < than
            }
            Condition::RowsBelow(than) => (before.len() as i64) + 1 < than,
            Condition::FromFirst => {
                both(row.value, previous.first().copied().flatten()).is_some_and(|(own, first)| own >= first)
            }
            Condition::UnderLast => {
                both(row.value, previous.last().copied().flatten()).is_some_and(|(own, last)| own < last)
            }
        }
    }

    /// The variables that the next row may be of, in the order in which they are tried, when `count` rows of
    /// `variable` have come.
    fn ways(&self, row: &InputRow, way: &[(InputRow, usize)], at: (usize, usize)) -> Vec<(usize, usize)> {
        let (mut variable, mut count) = at;
        let mut found = vec![];
        loop {
            let own = self.variables[variable];
            if own.most.is_none_or(|most| count < most) && self.meets(variable, row, way) {
                found.push((variable, count + 1));
            }
            let may_leave = count >= own.least && variable + 1 < self.variables.len();
            if !may_leave || (own.swallows() && self.meets(variable, row, way)) {
                return found;
            }
            (variable, count) = (variable + 1, 0);
        }
    }

    fn is_complete(&self, (variable, count): (usize, usize)) -> bool {
        count >= self.variables[variable].least
            && self.variables[variable + 1..].iter().all(|own| own.least == 0)
    }

    /// The first match that begins with the first of these rows: its rows and their variables. `Err`: it may still
    /// come.
    fn first_match(&self, rows: &[InputRow]) -> Result<Option<Vec<(InputRow, usize)>>, ()> {
        let mut ways: Vec<(Vec<(InputRow, usize)>, (usize, usize))> = vec![(vec![], (0, 0))];
        for row in rows {
            if self.within.is_some_and(|within| row.time - rows[0].time >= within) {
                return Ok(None);
            }
            let mut next = vec![];
            for (way, at) in ways {
                for to in self.ways(row, &way, at) {
                    let mut way = way.clone();
                    way.push((row.clone(), to.0));
                    next.push((way, to));
                }
            }
            if let Some((way, _)) = next.iter().find(|(_, at)| self.is_complete(*at)) {
                return Ok(Some(way.clone()));
            }
            // More ways than any test should take.
            if next.is_empty() {
                return Ok(None);
            }
            ways = next;
        }
        if self.within.is_some() { Ok(None) } else { Err(()) }
    }

    /// All matches in the rows of one key.
    fn matches(&self, rows: &[InputRow]) -> Vec<Vec<(InputRow, usize)>> {
        let mut found = vec![];
        let mut start = 0;
        while start < rows.len() {
            let Ok(own) = self.first_match(&rows[start..]) else { break };
            let Some(own) = own else {
                start += 1;
                continue;
            };
            start += match self.skip {
                Skip::NextRow => 1,
                Skip::PastLastRow => own.len(),
                Skip::First => own.iter().position(|(_, variable)| *variable == TARGET).unwrap(),
                Skip::Last => own.iter().rposition(|(_, variable)| *variable == TARGET).unwrap(),
            };
            found.push(own);
        }
        found
    }
}

/// A row that leaves: the key, the times of the first and last row, then counts, sums and first values.
type Sent = (Option<u8>, i64, i64, Vec<Option<i64>>);

fn expected(query: &Query, inputs: &[Vec<InputRow>], delay: i64) -> Vec<Sent> {
    let mut by_key: BTreeMap<Option<u8>, Vec<InputRow>> = BTreeMap::new();
    for rows in inputs {
        let mut watermark = i64::MIN;
        for row in rows {
            if row.time > watermark {
                by_key.entry(row.key).or_default().push(row.clone());
            }
            watermark = watermark.max(row.time - delay);
        }
    }
    let mut sent = vec![];
    for (key, mut rows) in by_key {
        rows.sort_by_key(|row| row.time);
        for own in query.matches(&rows) {
            let mut numbers = vec![Some(own.len() as i64)];
            for variable in 0..query.variables.len() {
                let of: Vec<_> = own.iter().filter(|(_, other)| *other == variable).collect();
                let values: Vec<i64> = of.iter().filter_map(|(row, _)| row.value).collect();
                numbers.push(Some(of.len() as i64));
                numbers.push((!values.is_empty()).then(|| values.iter().sum()));
                numbers.push(of.first().and_then(|(row, _)| row.value));
            }
            sent.push((key, own[0].0.time, own[own.len() - 1].0.time, numbers));
        }
    }
    sent.sort();
    sent
}

fn sent(outcome: &Outcome) -> Vec<Sent> {
    let mut sent = vec![];
    for batch in &outcome.batches {
        let columns = batch.rows.columns();
        let time =
            |column: usize, row: usize| columns[column].as_primitive::<TimestampMillisecondType>().value(row);
        for row in 0..batch.len() {
            let number = |column: &dyn Array| {
                let column = column.as_primitive::<Int64Type>();
                column.is_valid(row).then(|| column.value(row))
            };
            let numbers = columns[3..].iter().map(|column| number(column.as_ref())).collect();
            sent.push((key(columns[0].as_ref(), row), time(1, row), time(2, row), numbers));
        }
    }
    sent.sort();
    sent
}

fn variable() -> impl Strategy<Value = Variable> {
    let quantifier = prop_oneof![
        3 => Just((1, Some(1))),
        2 => Just((1, None)),
        1 => Just((0, None)),
        1 => Just((0, Some(1))),
        1 => Just((2, None)),
        1 => (0usize..3, 1usize..3).prop_map(|(least, more)| (least, Some(least + more))),
        1 => (2usize..4).prop_map(|count| (count, Some(count))),
    ];
    let condition = prop_oneof![
        Just(Condition::Always),
        (-2i64..15).prop_map(Condition::Above),
        (0i64..20).prop_map(Condition::Below),
        Just(Condition::Rises),
        (5i64..40).prop_map(Condition::SumBelow),
        (2i64..8).prop_map(Condition::RowsBelow),
        Just(Condition::FromFirst),
        Just(Condition::UnderLast),
    ];
    (quantifier, any::<bool>(), condition).prop_map(|((least, most), greedy, condition)| {
        // The optional variable has no reluctant form.
        Variable { least, most, greedy: greedy || (least, most) == (0, Some(1)), condition }
    })
}

fn query() -> impl Strategy<Value = Query> {
    let skip = prop_oneof![
        2 => Just(Skip::NextRow),
        2 => Just(Skip::PastLastRow),
        1 => Just(Skip::First),
        1 => Just(Skip::Last),
    ];
    let within = proptest::option::of(50i64..3000);
    (proptest::collection::vec(variable(), 1..5), skip, within).prop_map(|(mut variables, skip, within)| {
        let to_target = matches!(skip, Skip::First | Skip::Last);
        if to_target && variables.len() <= TARGET {
            variables
                .insert(0, Variable { least: 1, most: Some(1), greedy: true, condition: Condition::Always });
        }
        if to_target {
            variables[0].least = variables[0].least.max(1);
            variables[0].most = variables[0].most.map(|most| most.max(variables[0].least));
            variables[TARGET].least = variables[TARGET].least.max(1);
            variables[TARGET].most = variables[TARGET].most.map(|most| most.max(variables[TARGET].least));
        }
        // The last variable that must have a row, and those after it, leave rows alone.
        if variables.iter().all(|own| own.least == 0) {
            let last = variables.len() - 1;
            variables[last].least = 1;
            variables[last].most = variables[last].most.map(|most| most.max(1));
        }
        let last = variables.iter().rposition(|own| own.least > 0).unwrap();
        for own in &mut variables[last..] {
            own.greedy = own.greedy && !own.swallows();
        }
        Query { variables, skip, within }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn matches_are_those_of_a_naive_matcher(
        query in query(), splits in splits(), schedule in schedule(), delay in 0i64..2000
    ) {
        check(&query, &splits, schedule, delay);
    }
}

fn check(query: &Query, splits: &[Vec<InputRow>], schedule: Schedule, delay: i64) {
    let sql = table(delay) + &query.sql();
    let outcome = run(&sql, splits, schedule).unwrap();
    assert_eq!(sent(&outcome), expected(query, splits, delay), "{sql}");
}
