//! Every other aggregate over a frame: rows are added to the aggregate and taken back one at a time.

use arrow::array::{Array, ArrayRef};
use arrow::compute::concat;
use arrow::row::{RowConverter, SortField};
use millrace_plan::{AggregateCall, Error, Result};

use super::slide::{Bounds, Content, Slide};
use super::{Function, Results, Rows};
use crate::aggregate::{self, Aggregator, Orders, Update};

/// The aggregate of all groups' frames.
struct Frames {
    aggregator: Box<dyn Aggregator>,
    converter: RowConverter,
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
    Ok(Box::new(Aggregates { slide: Slide::new(Frames { aggregator, converter, order: 0 }, bounds) }))
}

impl Function for Aggregates {
    fn resize(&mut self, groups: usize) {
        self.slide.content.aggregator.resize(groups);
        self.slide.resize(groups);
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

    fn expire(&mut self, time: i64) -> Result<()> {
        self.slide.expire(time)
    }

    fn bytes(&self) -> usize {
        self.slide.content.aggregator.bytes() + self.slide.bytes()
    }
}
