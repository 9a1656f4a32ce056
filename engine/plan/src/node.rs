//! Plan nodes: the directed acyclic graph of operators that every shard runs a copy of.
//!
//! `millrace-sql` builds a [`Plan`]; `millrace-flow` builds operators from it. Nodes name columns by
//! position in their input's schema. Keys and aggregate arguments are always plain columns: a `Calc`
//! below computes what is not one.

use std::sync::Arc;

use arrow::datatypes::{DataType, SchemaRef};
use datafusion_physical_expr::PhysicalExpr;

use crate::function::UserAggregate;
use crate::join::{JoinSpec, JoinTime};
use crate::row_pattern::MatchSpec;
use crate::table::TableDef;

/// Position of a node in [`Plan::nodes`]. Inputs come before the nodes that read them.
pub type NodeId = usize;

/// A compiled SQL script: what every shard runs.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The operators, each after its inputs.
    pub nodes: Vec<Node>,
}

impl Plan {
    /// True if rows of node `from` may reach `id`.
    pub fn reaches(&self, from: NodeId, id: NodeId) -> bool {
        let mut reached = vec![false; self.nodes.len()];
        for (own, node) in self.nodes.iter().enumerate() {
            reached[own] = own == from || node.inputs.iter().any(|input| reached[*input]);
        }
        reached[id]
    }

    /// The nodes that read `id`, with the input port they read it on.
    pub fn readers(&self, id: NodeId) -> impl Iterator<Item = (NodeId, usize)> + '_ {
        self.nodes.iter().enumerate().flat_map(move |(reader, node)| {
            let ports = node.inputs.iter().enumerate().filter(move |(_, input)| **input == id);
            ports.map(move |(port, _)| (reader, port))
        })
    }
}

/// One operator and where its rows come from.
#[derive(Debug, Clone)]
pub struct Node {
    /// What it does.
    pub operator: Operator,
    /// The nodes whose rows it reads, by input port.
    pub inputs: Vec<NodeId>,
    /// The columns it sends.
    pub schema: SchemaRef,
    /// The row kinds it may send.
    pub changelog: Changelog,
    /// The column that carries event time after this node, if any: Timestamp(Millisecond).
    pub row_time: Option<usize>,
    /// Why the planner chose it, for EXPLAIN; empty when there was no choice.
    pub reason: String,
}

/// The row kinds that a node may send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Changelog {
    /// `+I` only.
    Append,
    /// `+I`, `+U` and `-D`: an update is sent as what the row is now, a row is known by the primary key of its
    /// table. Only a source sends this, and only to a [`Operator::ChangelogNormalize`].
    Upsert,
    /// All four kinds: an update is sent as `-U` and `+U`.
    Retract,
}

/// When an aggregation's results leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EmitMode {
    /// Changes, as they happen, collected for [`crate::Limits::emit_interval_ms`].
    Changes,
    /// Once: a window when it closes, a continuous aggregation when its input ends.
    Final,
}

/// Which half of an aggregation a node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Rows in, results out, on the shard that owns the key.
    Single,
    /// Rows in, partial states out: before the exchange.
    Local,
    /// Partial states in, results out: after the exchange.
    Final,
}

/// How rows get to the shard that must see them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Exchange {
    /// By the hash of these columns, to the shard that owns the partition.
    Hash(Vec<usize>),
    /// Partial states of a `Local` aggregation, by the key hash they carry.
    PreAggregate,
    /// To shard 0.
    Gather,
    /// To every shard.
    Broadcast,
    /// In turn, to spread one unsplittable source.
    Rebalance,
}

/// A named expression of a projection.
#[derive(Debug, Clone)]
pub struct ProjectExpr {
    /// Evaluated over the input's columns.
    pub expr: Arc<dyn PhysicalExpr>,
    /// The name of the result column.
    pub name: String,
}

/// How a split's watermark follows from its rows.
#[derive(Debug, Clone)]
pub enum WatermarkRule {
    /// Greatest row time seen, less this many milliseconds.
    Delay(i64),
    /// Greatest value of this expression (Timestamp(Millisecond)) seen.
    Expr(Arc<dyn PhysicalExpr>),
    /// What the source itself promises: nothing before a split has ended.
    Source,
}

/// `WATERMARK FOR column AS ...`.
#[derive(Debug, Clone)]
pub struct RowTimeSpec {
    /// The row-time column of the input: Timestamp(Millisecond).
    pub column: usize,
    /// How the watermark follows.
    pub watermark: WatermarkRule,
    /// `scan.watermark.idle-timeout`, in milliseconds; 0 = a silent split holds the watermark back.
    pub idle_timeout_ms: u64,
    /// The rows are upserts: one that goes away may come without a row time, its key says which it is.
    pub upserts: bool,
}

/// The windows of a window function, all in milliseconds. A window is `[start, end)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WindowSpec {
    /// Windows of `size`, back to back, starting at multiples of `size` plus `offset`.
    Tumble {
        /// Length of a window.
        size: i64,
        /// Start of the windows relative to 1970.
        offset: i64,
    },
    /// Windows of `size`, one starting every `slide`.
    Hop {
        /// Length of a window.
        size: i64,
        /// From one window's start to the next.
        slide: i64,
        /// Start of the windows relative to 1970.
        offset: i64,
    },
    /// Windows that start every `size` and end at each `step` up to `size`.
    Cumulate {
        /// Length of the longest window.
        size: i64,
        /// From one window's end to the next.
        step: i64,
        /// Start of the windows relative to 1970.
        offset: i64,
    },
}

/// Where a window aggregation's windows come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WindowInput {
    /// Assigned here from the row time.
    Assign {
        /// The row-time column: Timestamp(Millisecond).
        time: usize,
        /// The windows.
        window: WindowSpec,
    },
    /// The rows carry their window (they come from another window operator).
    Attached {
        /// The column with the window's start: Timestamp(Millisecond).
        start: usize,
        /// The column with the window's end: Timestamp(Millisecond).
        end: usize,
    },
}

/// One aggregate function call.
#[derive(Debug, Clone, PartialEq)]
pub struct AggregateCall {
    /// The function's name in `millrace-flow`'s aggregate list: `count`, `sum`, ...
    pub function: String,
    /// Input columns, by position; empty for `COUNT(*)`.
    pub args: Vec<usize>,
    /// The types of `args`, in order.
    pub arg_types: Vec<DataType>,
    /// Constant arguments, in order (the separator of LISTAGG, the fraction of PERCENTILE), as text.
    pub constants: Vec<String>,
    /// Only rows for which this boolean input column is true count.
    pub filter: Option<usize>,
    /// Each distinct argument counts once.
    pub distinct: bool,
    /// The type of the result.
    pub result_type: DataType,
    /// The name of the result column.
    pub name: String,
    /// What computes it, if it is a function of the user; then `function` is only its name.
    pub user: Option<UserAggregate>,
}

/// A column that rows are ordered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SortColumn {
    /// Input column, by position.
    pub column: usize,
    /// Greatest first.
    pub descending: bool,
    /// NULL before every value.
    pub nulls_first: bool,
}

/// Which of several rows with the same sort columns comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ties {
    /// The one that arrived first: splits in order, rows by their order in the split.
    Earliest,
    /// The one that arrived last.
    Latest,
    /// The lesser of their contents: rows whose order of arrival depends on how shards run.
    Content,
}

/// The rows before the current one that an OVER window counts; all end with the current row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Frame {
    /// So many rows before the current one; `None` = all.
    Rows(Option<u64>),
    /// Rows of at most so many milliseconds before the current one; `None` = all. Rows of the same time
    /// see each other.
    Range(Option<i64>),
}

/// One function of an OVER window: an aggregate, `lag`, `row_number`, `rank` or `dense_rank`.
#[derive(Debug, Clone, PartialEq)]
pub struct OverCall {
    /// The function; its arguments are input columns. `constants` of `lag`: how many rows back.
    pub call: AggregateCall,
    /// The rows that it sees.
    pub frame: Frame,
}

/// The greatest rank there can be: a top-N up to it keeps every row.
pub const GREATEST_RANK: u64 = i64::MAX as u64 - 1;

/// What a node does. The columns it sends follow the order given here.
#[derive(Debug, Clone)]
pub enum Operator {
    /// Rows of a table. Sends the named columns of the table: positions below
    /// `table.schema.fields().len()` are physical columns, the rest metadata columns.
    Source {
        /// The table.
        table: Arc<TableDef>,
        /// The columns to read.
        projection: Vec<usize>,
        /// Read to its end whenever a run begins, for a [`Operator::LookupJoin`]: no part of a checkpoint.
        lookup: bool,
    },
    /// Follows the row time of each split; rows without one are bad rows.
    RowTime(RowTimeSpec),
    /// Rows enter windows of processing time: each is given the time it came, and time goes on by the clock, not
    /// by rows. What the input promised of event time ends here.
    ProcessingTime {
        /// The column that takes the time: Timestamp(Millisecond).
        column: usize,
    },
    /// Keeps rows for which `filter` is true, then evaluates `exprs` over them.
    /// If `now` is set, the expressions see one more input column, the last: the batch's ingest time
    /// (Timestamp(Millisecond, "UTC")).
    Calc {
        /// Keeps the rows for which it is true.
        filter: Option<Arc<dyn PhysicalExpr>>,
        /// The columns to send.
        exprs: Vec<ProjectExpr>,
        /// The expressions read the ingest time.
        now: bool,
    },
    /// Sends each row once for each list: grouping sets, and lists of rows in the query.
    Expand {
        /// The columns to send, one list per grouping set.
        projections: Vec<Vec<ProjectExpr>>,
    },
    /// Appends `window_start`, `window_end`, `window_time` (Timestamp(Millisecond)); a row leaves once
    /// for each of its windows.
    WindowAssign {
        /// The row-time column.
        time: usize,
        /// The windows.
        window: WindowSpec,
    },
    /// Continuous grouping. Sends the keys, then the aggregates.
    GroupAggregate {
        /// The grouping columns.
        keys: Vec<usize>,
        /// The aggregate calls.
        aggregates: Vec<AggregateCall>,
        /// Which half.
        phase: Phase,
        /// When results leave.
        emit: EmitMode,
        /// The input may hold `-U` and `-D`.
        retracting: bool,
    },
    /// Continuous grouping of which a group is forgotten when no row has come for a time: rows in, changes out, on
    /// the shard that owns the key. Sends the keys, then the aggregates.
    ExpiringAggregate {
        /// The grouping columns.
        keys: Vec<usize>,
        /// The aggregate calls.
        aggregates: Vec<AggregateCall>,
        /// The input may hold `-U` and `-D`.
        retracting: bool,
        /// How long after its last row a group is forgotten, in milliseconds of the clock.
        ttl_ms: u64,
    },
    /// Grouping by window. Sends the keys, then the aggregates, then `window_start`, `window_end`,
    /// `window_time`.
    WindowAggregate {
        /// Where the windows come from.
        window: WindowInput,
        /// The grouping columns.
        keys: Vec<usize>,
        /// The aggregate calls.
        aggregates: Vec<AggregateCall>,
        /// Which half.
        phase: Phase,
        /// When results leave.
        emit: EmitMode,
        /// The input may hold `-U` and `-D`.
        retracting: bool,
        /// How long a window that has been sent still takes rows, in milliseconds of event time; what they change
        /// is sent as changes. 0 = not at all.
        lateness: i64,
    },
    /// Grouping by session, event time in gaps: rows in, results out, on the shard that owns the key. Sends
    /// the keys, then the aggregates, then `window_start`, `window_end`, `window_time`.
    SessionAggregate {
        /// The row-time column: Timestamp(Millisecond).
        time: usize,
        /// Rows that are at most so many milliseconds apart are in one session.
        gap: i64,
        /// The grouping columns.
        keys: Vec<usize>,
        /// The aggregate calls.
        aggregates: Vec<AggregateCall>,
        /// The input may hold `-U` and `-D`.
        retracting: bool,
        /// How long a session that has been sent still takes rows, in milliseconds of event time; what they change
        /// is sent as changes. 0 = not at all.
        lateness: i64,
    },
    /// Pairs of rows of two inputs. Sends the left columns, then the right ones; SEMI and ANTI the left ones.
    Join(JoinSpec),
    /// Left rows, each with the rows that the right table had when the run began. Sends as `Join` does; waits
    /// for the end of the right input.
    LookupJoin {
        /// The join; nothing bounds it in time.
        join: JoinSpec,
        /// Right columns of which each value has one row, the last; empty = all rows count.
        primary_key: Vec<usize>,
    },
    /// The rows with the ranks `first..=last` of each group. Sends the first `columns` input columns, then,
    /// with `rank`, the rank (BIGINT).
    TopN {
        /// The grouping columns, without those of the window.
        keys: Vec<usize>,
        /// What ranks rows.
        order: Vec<SortColumn>,
        /// What ranks rows that `order` does not tell apart.
        ties: Ties,
        /// The least rank sent, from 1.
        first: u64,
        /// The greatest rank sent; [`GREATEST_RANK`] = all.
        last: u64,
        /// Send the rank.
        rank: bool,
        /// Input columns sent.
        columns: usize,
        /// The columns with the start and end of the rows' window: ranked per window, sent when it closes.
        window: Option<(usize, usize)>,
        /// When results leave, without a window.
        emit: EmitMode,
        /// The input may hold `-U` and `-D`.
        retracting: bool,
    },
    /// The last row of each key, made of upserts and deletes or of changes that may come twice: what differs is
    /// sent as `+I`, `-U`, `+U` and `-D`. Sends the input columns.
    ChangelogNormalize {
        /// The columns of the primary key.
        keys: Vec<usize>,
    },
    /// The first row of each key by row time, sent when the watermark reaches it. Sends the first `columns`
    /// input columns.
    Deduplicate {
        /// The grouping columns.
        keys: Vec<usize>,
        /// The row-time column.
        time: usize,
        /// Input columns sent.
        columns: usize,
    },
    /// Rows in the order of their time, when the watermark has passed them. Sends the first `columns` input
    /// columns.
    TemporalSort {
        /// The row-time column.
        time: usize,
        /// What sorts rows of one time; then the order of arrival.
        order: Vec<SortColumn>,
        /// Input columns sent.
        columns: usize,
    },
    /// Every row with functions of the rows before it. Sends the first `columns` input columns, then the
    /// results.
    OverAggregate {
        /// The grouping columns.
        keys: Vec<usize>,
        /// The row-time column that orders rows; `None` = in order of arrival.
        time: Option<usize>,
        /// The functions.
        calls: Vec<OverCall>,
        /// Input columns sent.
        columns: usize,
    },
    /// Each row once for each element of an array or a map. Sends the first `columns` input columns, then those of
    /// the element: its fields if it is a ROW, key and value of a map; then, if asked for, its place (INT).
    Unnest {
        /// The input column with the array or map.
        column: usize,
        /// Input columns sent.
        columns: usize,
        /// A row without elements is sent once, with NULLs.
        outer: bool,
        /// Send the place of the element, from 1.
        ordinality: bool,
    },
    /// Each row as often as it says: an update sends the difference, as `+I` or `-D`. Sends the first `columns` input
    /// columns.
    Repeat {
        /// The input column with the number (BIGINT); less than 1 and NULL are none.
        count: usize,
        /// Input columns sent.
        columns: usize,
    },
    /// One row for each match of a row pattern. Sends the keys, then the measures.
    MatchRecognize(MatchSpec),
    /// The rows that its input has dropped as late: the columns of what came to that on port `port`.
    LateRows {
        /// The port of the input.
        port: usize,
    },
    /// Rows of all inputs.
    Union,
    /// Rows move between shards.
    Exchange(Exchange),
    /// Rows leave.
    Sink {
        /// The table.
        table: Arc<TableDef>,
    },
}

impl Operator {
    /// True if it drops rows whose event time has passed.
    pub fn drops_late_rows(&self) -> bool {
        match self {
            Operator::WindowAggregate { .. }
            | Operator::SessionAggregate { .. }
            | Operator::Deduplicate { .. }
            | Operator::TemporalSort { .. } => true,
            Operator::TopN { window, .. } => window.is_some(),
            Operator::OverAggregate { time, .. } => time.is_some(),
            Operator::MatchRecognize(spec) => spec.time.is_some(),
            Operator::Join(spec) => matches!(spec.time, JoinTime::Window { .. }),
            _ => false,
        }
    }

    /// The operator's name in EXPLAIN, statistics and the ledger.
    pub fn name(&self) -> &'static str {
        match self {
            Operator::Source { .. } => "Source",
            Operator::RowTime(_) => "RowTime",
            Operator::ProcessingTime { .. } => "ProcessingTime",
            Operator::Calc { .. } => "Calc",
            Operator::Expand { .. } => "Expand",
            Operator::WindowAssign { .. } => "WindowAssign",
            Operator::GroupAggregate { .. } => "GroupAggregate",
            Operator::ExpiringAggregate { .. } => "ExpiringAggregate",
            Operator::WindowAggregate { .. } => "WindowAggregate",
            Operator::SessionAggregate { .. } => "SessionAggregate",
            Operator::Join(_) => "Join",
            Operator::LookupJoin { .. } => "LookupJoin",
            Operator::TopN { .. } => "TopN",
            Operator::ChangelogNormalize { .. } => "ChangelogNormalize",
            Operator::Deduplicate { .. } => "Deduplicate",
            Operator::TemporalSort { .. } => "TemporalSort",
            Operator::OverAggregate { .. } => "OverAggregate",
            Operator::Unnest { .. } => "Unnest",
            Operator::Repeat { .. } => "Repeat",
            Operator::MatchRecognize(_) => "MatchRecognize",
            Operator::LateRows { .. } => "LateRows",
            Operator::Union => "Union",
            Operator::Exchange(_) => "Exchange",
            Operator::Sink { .. } => "Sink",
        }
    }
}
