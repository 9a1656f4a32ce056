//! The join without a bound in time: every row may meet every later one, and what was sent may be taken back.

use millrace_plan::Result;

use super::shape::Shape;
use super::snapshot::parts;
use super::state::{Arrival, Free, Padding, State};
use crate::batch::Batch;
use crate::checkpoint::OperatorState;
use crate::operator::{Account, Operator, Output};

/// The Join operator for JoinTime::Unbounded.
pub struct RegularJoin {
    shape: Shape,
    state: State,
    account: Account,
}

impl RegularJoin {
    /// A join without rows; `retracting` = which inputs may take rows back.
    pub fn new(shape: Shape, retracting: [bool; 2]) -> Result<Self> {
        let state = State::new(&shape, retracting)?;
        Ok(RegularJoin { shape, state, account: Account::default() })
    }
}

impl Operator for RegularJoin {
    fn on_batch(&mut self, port: usize, batch: Batch, out: &mut Output) -> Result<()> {
        self.account.rows_in += batch.len() as u64;
        self.account.accepted += batch.len() as u64;
        let bad = out.bad.len();
        let arrival = Arrival { side: port, batch: &batch, padding: Padding::AtOnce, stored: None };
        self.state.arrive(&self.shape, &arrival, &Free, out)?;
        self.account.bad += (out.bad.len() - bad) as u64;
        self.state.settle()
    }

    fn snapshot(&mut self, _: &mut Output) -> Result<OperatorState> {
        self.state.snapshot(&self.shape, false)
    }

    fn restore(&mut self, state: &OperatorState, _: i64) -> Result<()> {
        for (side, rows) in parts(state)? {
            self.state.restore(&self.shape, side, rows, None)?;
        }
        self.account.restored = self.state.rows();
        Ok(())
    }

    fn account(&self) -> Account {
        self.state.account(self.account)
    }
}
