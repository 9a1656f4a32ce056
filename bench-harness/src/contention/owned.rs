//! Designs f and g: Millrace's own shards, with and without aggregation before rows move.

use arrow::array::AsArray;
use arrow::datatypes::{Float64Type, Int64Type, TimestampMillisecondType};
use millrace_plan::Result;

use super::Measured;
use super::input::Input;
use super::state::Answer;
use crate::memory::{self, Outcome, Run};
use crate::window::Aggregates;
use crate::{input, pipeline, window};

/// Groups without windows, when the input has ended.
const GROUPS: &str = "SELECT k, COUNT(*), SUM(q), AVG(v), MIN(v), MAX(v) FROM t GROUP BY k EMIT FINAL;";

/// Runs the query on a shard per core. `one_phase`: rows go to the owner of their group one by one.
pub fn run(input: &Input, one_phase: bool) -> Result<Measured> {
    let shards = std::thread::available_parallelism().map_or(1, |own| own.get());
    let phase = if one_phase { "SET 'table.optimizer.agg-phase-strategy' = 'ONE_PHASE';\n" } else { "" };
    let (table, query) = match input.windowed {
        true => (input::TABLE, window::QUERY),
        false => (input::TIMELESS_TABLE, GROUPS),
    };
    let plan = pipeline::plan_for(&format!("{phase}{table}{query}"), shards)?;
    let outcome = memory::run(Run { keeps: true, ..Run::of(&plan, shards) }, &|_| input.partitions.clone())?;
    Ok(Measured {
        elapsed_ns: outcome.elapsed_ns,
        answer: answer(&outcome, input.windowed),
        ..Measured::default()
    })
}

fn answer(outcome: &Outcome, windowed: bool) -> Answer {
    let mut answer = Answer::default();
    let first = usize::from(windowed);
    for (rows, _) in &outcome.rows {
        let column = |index: usize| rows.column(first + index);
        let keys = column(0).as_string::<i32>();
        let (counts, sums) = (column(1).as_primitive::<Int64Type>(), column(2).as_primitive::<Int64Type>());
        let [means, least, greatest] = [3, 4, 5].map(|index| column(index).as_primitive::<Float64Type>());
        for row in 0..rows.num_rows() {
            let start = match windowed {
                true => rows.column(0).as_primitive::<TimestampMillisecondType>().value(row),
                false => 0,
            };
            let group = Aggregates {
                count: counts.value(row),
                sum: sums.value(row),
                total: means.value(row) * counts.value(row) as f64,
                least: least.value(row),
                greatest: greatest.value(row),
            };
            answer.add(start, keys.value(row), &group);
        }
    }
    answer
}
