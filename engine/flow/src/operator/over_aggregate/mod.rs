//! OVER: every row leaves once, with functions of the rows of its key before it.
//!
//! By row time, rows wait until the watermark passes their time and are then taken in the order of time,
//! rows of the same time in the order of arrival; a row that the watermark of its own split had passed
//! is late. In processing time rows are taken as they arrive.
//!
//! Flink, with a frame that has a length, also takes a row behind the watermark if nothing later of its key
//! has been computed. Here that row is late, as in every other operator: else the answer would depend on
//! how far other splits are.

mod aggregates;
mod kept;
mod number;
mod ranking;
mod slide;
mod snapshot;
mod value;

use arrow::array::{ArrayRef, RecordBatch, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::{DataType, SchemaRef};
use millrace_plan::{Error, Frame, Limits, Node, Operator as Spec, OverCall, Result, WATERMARK_MIN};

use self::kept::Columns;
use self::slide::Slide;
use super::pending::Pending;
use super::results::{record, send, without_faults};
use super::{Account, Operator, Output};
use crate::batch::Batch;
use crate::checkpoint::OperatorState;
use crate::state::{Faults, GroupTable, hash_keys};

/// The rows of one firing, the rows of each group together, in the order in which they count.
struct Rows<'a> {
    groups: &'a [u32],
    /// In milliseconds; ascending within a group.
    times: &'a [i64],
}

impl Rows<'_> {
    /// The first row after `row` that is of another group or another time.
    fn peers_end(&self, row: usize) -> usize {
        let own = (self.groups[row], self.times[row]);
        let same = |other: &usize| (self.groups[*other], self.times[*other]) == own;
        (row..self.groups.len()).take_while(same).last().unwrap_or(row) + 1
    }
}

/// One result per row, and the rows whose result cannot be represented.
type Results = (ArrayRef, Faults);

/// One function of the window, for all groups.
trait Function {
    /// Makes room for groups `0..groups`.
    fn resize(&mut self, groups: usize);

    /// Takes rows in; `args` are as long as `rows`.
    fn run(&mut self, rows: &Rows, args: &[ArrayRef]) -> Result<Results>;

    /// No row before `time` will be seen by a frame of a length in time any more.
    fn expire(&mut self, time: i64) -> Result<()>;

    /// The types of what [`Function::state`] gives.
    fn state_types(&self) -> Vec<DataType>;

    /// What is kept of these groups, in this order, for a checkpoint.
    fn state(&self, groups: &[u32]) -> Result<Vec<ArrayRef>>;

    /// Takes over what [`Function::state`] gave, for groups of which nothing is kept yet.
    fn restore(&mut self, groups: &[u32], state: &[ArrayRef]) -> Result<()>;

    /// Rows that are kept of a group.
    fn rows(&self, group: u32) -> usize;

    /// Bytes held.
    fn bytes(&self) -> usize;
}

/// A function whose state is that of sliding frames.
trait Sliding {
    /// How rows change a frame.
    type Content: Columns;

    /// The frames.
    fn slide(&self) -> &Slide<Self::Content>;

    /// The frames.
    fn slide_mut(&mut self) -> &mut Slide<Self::Content>;

    /// As [`Function::run`].
    fn run(&mut self, rows: &Rows, args: &[ArrayRef]) -> Result<Results>;
}

impl<S: Sliding> Function for S {
    fn resize(&mut self, groups: usize) {
        self.slide_mut().resize(groups);
    }

    fn run(&mut self, rows: &Rows, args: &[ArrayRef]) -> Result<Results> {
        Sliding::run(self, rows, args)
    }

    fn expire(&mut self, time: i64) -> Result<()> {
        self.slide_mut().expire(time)
    }

    fn state_types(&self) -> Vec<DataType> {
        self.slide().kept_types()
    }

    fn state(&self, groups: &[u32]) -> Result<Vec<ArrayRef>> {
        self.slide().kept(groups)
    }

    fn restore(&mut self, groups: &[u32], state: &[ArrayRef]) -> Result<()> {
        self.slide_mut().take_over(groups, state)
    }

    fn rows(&self, group: u32) -> usize {
        self.slide().rows(group)
    }

    fn bytes(&self) -> usize {
        self.slide().bytes()
    }
}

/// Makes the function of a call. `peers`: rows of the same time see each other in RANGE frames.
fn create(own: &OverCall, peers: bool) -> Result<Box<dyn Function>> {
    let call = &own.call;
    let frame = slide::Bounds::new(own.frame, peers);
    let plain =
        !call.distinct || matches!(call.function.as_str(), "min" | "max" | "first_value" | "last_value");
    match call.function.as_str() {
        "row_number" | "rank" | "dense_rank" => ranking::create(&call.function, peers),
        "lag" => value::lag(call, frame),
        "count" | "sum" | "avg" if plain => number::create(call, frame),
        "min" | "max" | "first_value" | "last_value" => value::create(call, frame),
        _ => aggregates::create(call, frame),
    }
}

/// The OverAggregate operator.
pub struct OverAggregate {
    keys: Vec<usize>,
    key_types: Vec<DataType>,
    time: Option<usize>,
    calls: Vec<OverCall>,
    columns: usize,
    schema: SchemaRef,
    table: GroupTable,
    functions: Vec<Box<dyn Function>>,
    pending: Pending,
    watermark: i64,
    /// The longest frame of a length in time, if there is one.
    longest: Option<i64>,
    expired_at: i64,
    batch_rows: usize,
    ingest_ms: i64,
    account: Account,
}

impl OverAggregate {
    /// The operator of `node` over rows of `input`.
    pub fn new(node: &Node, input: &SchemaRef, limits: &Limits) -> Result<Self> {
        let Spec::OverAggregate { keys, time, calls, columns } = &node.operator else {
            return Err(Error::bug("not an OverAggregate"));
        };
        let key_types: Vec<DataType> = keys.iter().map(|key| input.field(*key).data_type().clone()).collect();
        let length = |own: &OverCall| match own.frame {
            Frame::Range(length) => length,
            Frame::Rows(_) => None,
        };
        Ok(OverAggregate {
            keys: keys.clone(),
            time: *time,
            calls: calls.clone(),
            columns: *columns,
            schema: node.schema.clone(),
            table: GroupTable::new(&key_types)?,
            key_types,
            functions: calls.iter().map(|call| create(call, time.is_some())).collect::<Result<_>>()?,
            pending: Pending::new(input.clone()),
            watermark: WATERMARK_MIN,
            longest: calls.iter().filter_map(length).max(),
            expired_at: WATERMARK_MIN,
            batch_rows: limits.batch_rows.max(1),
            ingest_ms: 0,
            account: Account::default(),
        })
    }

    /// Takes rows in that are in the order in which they count, and sends them with their results.
    fn process(&mut self, input: RecordBatch, times: &[i64], out: &mut Output) -> Result<()> {
        let keys: Vec<ArrayRef> = self.keys.iter().map(|key| input.column(*key).clone()).collect();
        let (mut hashes, mut groups) = (vec![], vec![]);
        hash_keys(&keys, input.num_rows(), &mut hashes)?;
        self.table.intern(&keys, &hashes, &mut groups)?;
        // Groups one after the other, and the way back.
        let mut order: Vec<u32> = (0..groups.len() as u32).collect();
        order.sort_by_key(|row| groups[*row as usize]);
        let mut back = vec![0u32; order.len()];
        order.iter().enumerate().for_each(|(to, from)| back[*from as usize] = to as u32);
        let groups: Vec<u32> = order.iter().map(|row| groups[*row as usize]).collect();
        let times: Vec<i64> = order.iter().map(|row| times[*row as usize]).collect();
        let rows = Rows { groups: &groups, times: &times };
        let (order, back) = (UInt32Array::from(order), UInt32Array::from(back));
        let pick = |column: &ArrayRef, rows: &UInt32Array| {
            take(column, rows, None).map_err(|error| Error::bug(format!("OVER: {error}")))
        };
        let mut columns = input.columns()[..self.columns].to_vec();
        let mut faults = vec![];
        for (own, function) in self.calls.iter().zip(&mut self.functions) {
            let args = own.call.args.iter().map(|column| pick(input.column(*column), &order));
            let args = args.collect::<Result<Vec<_>>>()?;
            function.resize(self.table.len());
            let (values, faulty) = function.run(&rows, &args)?;
            columns.push(pick(&values, &back)?);
            faults.extend(faulty.into_iter().map(|(row, why)| (order.value(row) as usize, why)));
        }
        let rows = record(&self.schema, columns)?;
        self.account.retired += rows.num_rows() as u64;
        let rows = without_faults(rows, faults, &mut self.account, out)?;
        send(&rows, self.batch_rows, self.ingest_ms, &mut self.account, out);
        Ok(())
    }

    /// Forgets what no frame will see again. Costs a walk over all groups, so it waits until time has moved
    /// by the length of the longest frame.
    fn expire(&mut self, time: i64) -> Result<()> {
        let Some(longest) = self.longest else { return Ok(()) };
        if time.saturating_sub(self.expired_at) <= longest {
            return Ok(());
        }
        self.expired_at = time;
        self.functions.iter_mut().try_for_each(|own| own.expire(time))
    }
}

impl Operator for OverAggregate {
    fn on_batch(&mut self, _: usize, batch: Batch, out: &mut Output) -> Result<()> {
        self.account.rows_in += batch.len() as u64;
        self.ingest_ms = batch.ingest_ms;
        let Some(time) = self.time else {
            self.account.accepted += batch.len() as u64;
            let times = vec![batch.ingest_ms; batch.len()];
            self.process(batch.rows, &times, out)?;
            return self.expire(batch.ingest_ms);
        };
        self.pending.add_in_time(batch, time, self.watermark, &mut self.account, out)?;
        Ok(())
    }

    fn on_watermark(&mut self, watermark_ms: i64, out: &mut Output) -> Result<()> {
        if let Some((rows, times)) = self.pending.due(watermark_ms)? {
            self.process(rows, &times, out)?;
        }
        // Frames by processing time know nothing of event time.
        if self.time.is_some() {
            self.expire(watermark_ms)?;
        }
        self.watermark = self.watermark.max(watermark_ms);
        out.watermark(watermark_ms);
        Ok(())
    }

    fn snapshot(&mut self, _: &mut Output) -> Result<OperatorState> {
        self.write()
    }

    fn restore(&mut self, state: &OperatorState, watermark_ms: i64) -> Result<()> {
        self.watermark = watermark_ms;
        self.read(state)
    }

    fn account(&self) -> Account {
        let functions: usize = self.functions.iter().map(|own| own.bytes()).sum();
        let state_bytes = (functions + self.table.bytes() + self.pending.bytes()) as u64;
        Account { in_state: self.pending.len(), state_bytes, ..self.account }
    }
}
