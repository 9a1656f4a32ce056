//! The join without a bound in time: every row may meet every later one, and what was sent may be taken back.

use millrace_plan::Result;

use super::shape::Shape;
use super::snapshot::TABLES;
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
        let mut state = OperatorState::none();
        for (side, name) in TABLES.into_iter().enumerate() {
            let parts = self.state.snapshot(&self.shape, side, false)?;
            parts.into_iter().for_each(|part| state.add_keyed(name, part));
        }
        Ok(state)
    }

    fn restore(&mut self, state: &OperatorState, _: i64) -> Result<()> {
        state.only(&TABLES)?;
        for (side, name) in TABLES.into_iter().enumerate() {
            for rows in state.rows(name) {
                self.state.restore(&self.shape, side, rows, None)?;
            }
        }
        self.account.restored = self.state.rows();
        Ok(())
    }

    fn account(&self) -> Account {
        Account {
            rows_out: self.state.sent(),
            retired: self.state.retired(),
            in_state: self.state.rows(),
            state_bytes: self.state.bytes(),
            ..self.account
        }
    }
}
