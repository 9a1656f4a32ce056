//! Every other aggregate over a frame: rows are added to the aggregate and taken back one at a time.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, UInt64Array, new_empty_array};
use arrow::compute::concat;
use arrow::datatypes::{DataType, UInt64Type};
use arrow::row::{RowConverter, SortField};
use millrace_plan::{AggregateCall, Error, Result};

use super::kept::Columns;
use super::slide::{Bounds, Content, Slide};
use super::{Function, Results, Rows, Sliding};
use crate::aggregate::{self, Aggregator, Orders, Update};

/// The aggregate of all groups' frames.
struct Frames {
    aggregator: Box<dyn Aggregator>,
    converter: RowConverter,
    arg_types: Vec<DataType>,
    /// Rows added so far.
    order: u64,
}

impl Frames {
    fn change(&mut self, group: usize, args: &[u8], weight: i64) -> Result<()> {
        let parser = self.converter.parser();
        let args = self
            .converter
            .convert_rows([parser.parse(args)])
            .map_err(|error| Error::bug(format!("arguments of an OVER window: {error}")))?;
        let groups = [group as u32];
        self.aggregator.update(&Update {
            groups: &groups,
            args: &args,
            filter: None,
            weights: Some(&[weight]),
            orders: Orders::From(self.order),
        })
    }
}

impl Content for Frames {
    type Value = Box<[u8]>;
    type State = ();

    fn add(&mut self, group: usize, _: &mut (), args: &Box<[u8]>) -> Result<()> {
        self.order += 1;
        self.change(group, args, 1)
    }

    fn remove(&mut self, group: usize, _: &mut (), args: &Box<[u8]>) -> Result<()> {
        self.change(group, args, -1)
    }

    fn resize(&mut self, groups: usize) {
        self.aggregator.resize(groups);
    }

    fn bytes(&self) -> usize {
        self.aggregator.bytes()
    }
}

/// The aggregate's own partial states, and the rows added so far, by which later rows are told from earlier ones.
impl Columns for Frames {
    const DERIVED: bool = false;

    fn value_types(&self) -> Vec<DataType> {
        self.arg_types.clone()
    }

    fn values(&self, values: &[&Box<[u8]>]) -> Result<Vec<ArrayRef>> {
        if values.is_empty() {
            return Ok(self.arg_types.iter().map(new_empty_array).collect());
        }
        let parser = self.converter.parser();
        let rows = values.iter().map(|args| parser.parse(args));
        self.converter
            .convert_rows(rows)
            .map_err(|error| Error::bug(format!("arguments of an OVER window: {error}")))
    }

    fn read_values(&self, columns: &[ArrayRef]) -> Result<Vec<Box<[u8]>>> {
        let rows = self
            .converter
            .convert_columns(columns)
            .map_err(|error| Error::bug(format!("arguments of an OVER window: {error}")))?;
        Ok(rows.iter().map(|row| Box::from(row.as_ref())).collect())
    }

    fn state_types(&self) -> Vec<DataType> {
        self.aggregator.state_types().into_iter().chain([DataType::UInt64]).collect()
    }

    fn states(&self, groups: &[u32], _: &[&()]) -> Result<Vec<ArrayRef>> {
        let mut columns = self.aggregator.state(groups)?;
        columns.push(Arc::new(UInt64Array::from(vec![self.order; groups.len()])));
        Ok(columns)
    }

    fn read_states(&mut self, groups: &[u32], columns: &[ArrayRef]) -> Result<Vec<()>> {
        let (states, orders) = columns.split_at(columns.len() - 1);
        self.aggregator.merge(groups, states)?;
        let orders = orders[0].as_primitive::<UInt64Type>().values();
        self.order = orders.iter().copied().fold(self.order, u64::max);
        Ok(vec![(); groups.len()])
    }
}

struct Aggregates {
    slide: Slide<Frames>,
}

/// Any aggregate over frames.
pub fn create(call: &AggregateCall, bounds: Bounds) -> Result<Box<dyn Function>> {
    let fields = call.arg_types.iter().map(|own| SortField::new(own.clone())).collect();
    let converter = RowConverter::new(fields)
        .map_err(|error| Error::query(format!("{}: {error}", call.function.to_uppercase())))?;
    let aggregator = aggregate::create(call, bounds.is_bounded())?;
    let arg_types = call.arg_types.clone();
    let content = Frames { aggregator, converter, arg_types, order: 0 };
    Ok(Box::new(Aggregates { slide: Slide::new(content, bounds) }))
}

impl Sliding for Aggregates {
    type Content = Frames;

    fn slide(&self) -> &Slide<Frames> {
        &self.slide
    }

    fn slide_mut(&mut self) -> &mut Slide<Frames> {
        &mut self.slide
    }

    fn run(&mut self, rows: &Rows, args: &[ArrayRef]) -> Result<Results> {
        let encoded = self
            .slide
            .content
            .converter
            .convert_columns(args)
            .map_err(|error| Error::bug(format!("arguments of an OVER window: {error}")))?;
        let values = encoded.iter().map(|row| Box::from(row.as_ref()));
        let (mut results, mut faults, mut row) = (vec![], vec![], 0);
        self.slide.run(rows, values, |content, group, _, same| {
            let evaluated = content.aggregator.evaluate(&[group as u32])?;
            if let Some((_, why)) = evaluated.faults.into_iter().next() {
                faults.extend((row..row + same).map(|row| (row, why.clone())));
            }
            results.extend(std::iter::repeat_n(evaluated.values, same));
            row += same;
            Ok(())
        })?;
        let parts: Vec<&dyn Array> = results.iter().map(|part| part.as_ref()).collect();
        let values =
            concat(&parts).map_err(|error| Error::bug(format!("results of an OVER window: {error}")))?;
        Ok((values, faults))
    }
}
