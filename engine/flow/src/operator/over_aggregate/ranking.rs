//! ROW_NUMBER, RANK and DENSE_RANK: how many rows, or times, of the group came before.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array};
use arrow::datatypes::{DataType, Int64Type};
use millrace_plan::Result;

use super::{Function, Results, Rows};

/// Rows and times of a group so far.
#[derive(Debug, Clone, Copy, Default)]
struct Seen {
    rows: i64,
    times: i64,
}

struct Ranking {
    /// The rank of a row, by its number among rows and peers: rows before it, rows before its first peer,
    /// times before its own.
    rank: fn(row: i64, first_peer: i64, times: i64) -> i64,
    peers: bool,
    seen: Vec<Seen>,
}

/// ROW_NUMBER, RANK or DENSE_RANK. `peers`: rows of the same time share their rank.
pub fn create(function: &str, peers: bool) -> Result<Box<dyn Function>> {
    let rank = match function {
        "rank" => |_, first_peer, _| first_peer + 1,
        "dense_rank" => |_, _, times| times + 1,
        _ => |row, _, _| row + 1,
    };
    Ok(Box::new(Ranking { rank, peers, seen: vec![] }))
}

impl Function for Ranking {
    fn resize(&mut self, groups: usize) {
        self.seen.resize(groups, Seen::default());
    }

    fn run(&mut self, rows: &Rows, _: &[ArrayRef]) -> Result<Results> {
        let mut ranks = Vec::with_capacity(rows.groups.len());
        let mut row = 0;
        while row < rows.groups.len() {
            let end = if self.peers { rows.peers_end(row) } else { row + 1 };
            let seen = &mut self.seen[rows.groups[row] as usize];
            let peers = (end - row) as i64;
            ranks.extend((0..peers).map(|peer| (self.rank)(seen.rows + peer, seen.rows, seen.times)));
            seen.rows += peers;
            seen.times += 1;
            row = end;
        }
        Ok((Arc::new(Int64Array::from(ranks)), vec![]))
    }

    fn expire(&mut self, _: i64) -> Result<()> {
        Ok(())
    }

    fn state_types(&self) -> Vec<DataType> {
        vec![DataType::Int64; 2]
    }

    fn state(&self, groups: &[u32]) -> Result<Vec<ArrayRef>> {
        let column = |of: fn(&Seen) -> i64| -> ArrayRef {
            let seen = groups.iter().map(|group| &self.seen[*group as usize]);
            Arc::new(Int64Array::from_iter_values(seen.map(of)))
        };
        Ok(vec![column(|own| own.rows), column(|own| own.times)])
    }

    fn restore(&mut self, groups: &[u32], state: &[ArrayRef]) -> Result<()> {
        let column = |index: usize| state[index].as_primitive::<Int64Type>();
        for (row, group) in groups.iter().enumerate() {
            self.seen[*group as usize] = Seen { rows: column(0).value(row), times: column(1).value(row) };
        }
        Ok(())
    }

    fn rows(&self, _: u32) -> usize {
        0
    }

    fn bytes(&self) -> usize {
        self.seen.capacity() * size_of::<Seen>()
    }
}
