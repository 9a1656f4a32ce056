//! Passes everything on: sources, unions and sinks, whose work is done by the pipeline around them.

use millrace_plan::Result;

use super::{Account, Operator, Output};
use crate::batch::Batch;
use crate::checkpoint::OperatorState;

/// Counts rows and passes them on.
#[derive(Default)]
pub struct Forward {
    account: Account,
}

impl Operator for Forward {
    fn on_batch(&mut self, _: usize, batch: Batch, out: &mut Output) -> Result<()> {
        self.account.rows_in += batch.len() as u64;
        self.account.rows_out += batch.len() as u64;
        out.batch(batch);
        Ok(())
    }

    /// Holds nothing between two rows.
    fn snapshot(&mut self, _: &mut Output) -> Result<OperatorState> {
        Ok(OperatorState::none())
    }

    fn restore(&mut self, state: &OperatorState, _: i64) -> Result<()> {
        state.only(&[])
    }

    fn account(&self) -> Account {
        self.account
    }
}
