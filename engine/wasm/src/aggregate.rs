//! Aggregate functions: states go in with the rows, and come out.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BinaryArray};
use arrow::datatypes::DataType;
use millrace_plan::{AggregateFunction, Error, FunctionSignature, Result};

use super::columns::{self, Block};
use super::guest::Image;

/// An aggregate function of a module.
#[derive(Debug)]
pub struct WasmAggregate {
    pub signature: FunctionSignature,
    pub image: Arc<Image>,
    /// What the names of its exports begin with.
    pub export: String,
    pub retracts: bool,
}

impl WasmAggregate {
    /// Calls `export_step(groups, states, rows, group_of_row, args) -> states`.
    fn step(
        &self,
        step: &str,
        states: &BinaryArray,
        groups: &[u32],
        args: &[ArrayRef],
    ) -> Result<BinaryArray> {
        let mut guest = self.image.guest(&self.signature.name)?;
        let columns = std::iter::once(states as &dyn Array).chain(args.iter().map(|arg| arg.as_ref()));
        let block = Block::of(columns).and(groups).place(&mut guest)?;
        let args =
            [states.len() as u32, block.columns(0), groups.len() as u32, block.numbers(), block.columns(1)];
        let header = guest.call_address(&format!("{}_{step}", self.export), &args)?;
        let states = columns::read(&guest, header, &DataType::Binary, states.len())?;
        states.as_binary_opt().cloned().ok_or_else(|| Error::bug("states that are no bytes"))
    }
}

impl AggregateFunction for WasmAggregate {
    fn signature(&self) -> &FunctionSignature {
        &self.signature
    }

    fn retracts(&self) -> bool {
        self.retracts
    }

    fn accumulate(&self, states: &BinaryArray, groups: &[u32], args: &[ArrayRef]) -> Result<BinaryArray> {
        self.step("accumulate", states, groups, args)
    }

    fn retract(&self, states: &BinaryArray, groups: &[u32], args: &[ArrayRef]) -> Result<BinaryArray> {
        match self.retracts {
            true => self.step("retract", states, groups, args),
            false => Err(Error::bug(format!("{} cannot take rows back", self.signature.name))),
        }
    }

    fn merge(&self, states: &BinaryArray, groups: &[u32], others: &BinaryArray) -> Result<BinaryArray> {
        self.step("merge", states, groups, &[Arc::new(others.clone())])
    }

    fn evaluate(&self, states: &BinaryArray) -> Result<ArrayRef> {
        let mut guest = self.image.guest(&self.signature.name)?;
        let block = Block::of([states as &dyn Array]).place(&mut guest)?;
        let args = [states.len() as u32, block.columns(0)];
        let header = guest.call_address(&format!("{}_result", self.export), &args)?;
        columns::read(&guest, header, &self.signature.result, states.len())
    }
}
