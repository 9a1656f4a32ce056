//! Which node of a script is which node of an earlier one: by what it computes from what, not by its place.
//!
//! A key covers the operator and, through the keys of its inputs, everything below it. It does not cover names
//! of result columns, options of tables, or what else reads the same rows. Two nodes of one plan that compute
//! the same are told apart by their order.

use std::fmt::Write;

use millrace_plan::{
    AggregateCall, JoinSpec, MatchColumn, MatchExpr, MatchSpec, Node, Operator, PatternVariable, Pick, Plan,
    ProjectExpr, WatermarkRule,
};
use serde::{Deserialize, Serialize};

/// A node's identity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeKey {
    /// The same for the same computation.
    pub key: String,
    /// Its operator and what it computes, for messages.
    pub what: String,
}

/// The keys of the nodes of a plan, in their order.
pub fn node_keys(plan: &Plan) -> Vec<NodeKey> {
    let mut keys: Vec<NodeKey> = vec![];
    for node in &plan.nodes {
        let what = what(node);
        let mut text = format!("{what} -> {}", types(node));
        node.inputs.iter().for_each(|input| {
            let _ = write!(text, " <- {}", keys[*input].key);
        });
        let key = format!("{:016x}", fnv1a(text.as_bytes()));
        let alike = keys.iter().filter(|own| own.key.split('.').next() == Some(&key)).count();
        let key = if alike == 0 { key } else { format!("{key}.{alike}") };
        keys.push(NodeKey { key, what });
    }
    keys
}

/// FNV-1a, 64 bits (Fowler, Noll, Vo).
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3))
}

fn types(node: &Node) -> String {
    let types: Vec<String> = node.schema.fields().iter().map(|own| own.data_type().to_string()).collect();
    format!("{} {:?}", types.join(", "), node.changelog)
}

fn exprs(exprs: &[ProjectExpr]) -> String {
    exprs.iter().map(|own| own.expr.to_string()).collect::<Vec<_>>().join(", ")
}

/// A call without the name of its result.
fn call(own: &AggregateCall) -> String {
    let args: Vec<String> =
        own.args.iter().zip(&own.arg_types).map(|(column, kind)| format!("{column}: {kind}")).collect();
    let constants: String = own.constants.iter().map(|own| format!(", '{own}'")).collect();
    let distinct = if own.distinct { "DISTINCT " } else { "" };
    let filter = own.filter.map_or(String::new(), |column| format!(" where {column}"));
    format!("{}({distinct}{}{constants}){filter}", own.function, args.join(", "))
}

fn calls(calls: &[AggregateCall]) -> String {
    calls.iter().map(call).collect::<Vec<_>>().join(", ")
}

/// How long windows that have been sent take rows.
fn late(lateness: i64) -> String {
    if lateness == 0 { String::new() } else { format!(", {lateness} ms late") }
}

fn join(spec: &JoinSpec) -> String {
    let condition = spec.condition.as_ref().map_or(String::new(), |own| format!(" if {own}"));
    let (kind, keys, time) = (spec.kind, &spec.keys, spec.time);
    let (null_equal, retracting) = (spec.null_equal, spec.retracting);
    let ttl = match spec.ttl_ms {
        [None, None] => String::new(),
        other => format!(", forgets after {other:?}"),
    };
    let last = match spec.last_partner {
        [None, None] => String::new(),
        other => format!(", {other:?}"),
    };
    format!("{kind:?} on {keys:?}{condition}, {time:?}, {null_equal}, {retracting:?}{ttl}{last}")
}

fn row_pattern(spec: &MatchSpec) -> String {
    let read = |own: &MatchColumn| match &own.pick {
        Pick::First { column, after } => format!("{:?}.first({column}, {after})", own.of),
        Pick::Last { column, before } => format!("{:?}.last({column}, {before})", own.of),
        Pick::Aggregate(own_call) => format!("{:?}.{}", own.of, call(own_call)),
    };
    let expr = |own: &MatchExpr| {
        let reads: Vec<String> = own.reads.iter().map(read).collect();
        format!("{} of [{}]", own.expr, reads.join(", "))
    };
    let variable = |own: &PatternVariable| {
        let condition = own.condition.as_ref().map_or("true".into(), expr);
        format!("{}..{:?} greedy {} if {condition}", own.least, own.most, own.greedy)
    };
    let variables: Vec<String> = spec.variables.iter().map(variable).collect();
    let measures: Vec<String> = spec.measures.iter().map(expr).collect();
    let (keys, time, skip, within) = (&spec.keys, spec.time, spec.skip, spec.within);
    format!(
        "by {keys:?} in order of {time:?} {:?}: {}; compute {}; then {skip:?}, within {within:?}",
        spec.then_by,
        variables.join("; "),
        measures.join(", ")
    )
}

fn what(node: &Node) -> String {
    let name = node.operator.name();
    match &node.operator {
        Operator::Source { table, projection, lookup } => {
            let column = |at: &usize| match at.checked_sub(table.schema.fields().len()) {
                None => table.schema.field(*at).name().clone(),
                Some(metadata) => table.metadata[metadata].0.clone(),
            };
            let columns: Vec<String> = projection.iter().map(column).collect();
            let lookup = if *lookup { " for lookups" } else { "" };
            format!("{name} {} ({}){lookup}", table.name, columns.join(", "))
        }
        Operator::Sink { table } => format!("{name} {}", table.name),
        Operator::RowTime(spec) => match &spec.watermark {
            WatermarkRule::Delay(delay) => format!("{name} column {} less {delay} ms", spec.column),
            WatermarkRule::Expr(expr) => format!("{name} column {} by {expr}", spec.column),
            WatermarkRule::Source => format!("{name} column {} by the source", spec.column),
        },
        Operator::Calc { filter, exprs: columns, now } => {
            let filter = filter.as_ref().map_or(String::new(), |filter| format!(" where {filter}"));
            format!("{name}{filter} select {} (now: {now})", exprs(columns))
        }
        Operator::Expand { projections } => {
            let each: Vec<String> = projections.iter().map(|own| exprs(own)).collect();
            format!("{name} {}", each.join("; "))
        }
        Operator::Join(spec) => format!("{name} {}", join(spec)),
        Operator::LookupJoin { join: spec, primary_key } => {
            format!("{name} {}, the last of {primary_key:?}", join(spec))
        }
        Operator::GroupAggregate { keys, aggregates, phase, emit, retracting } => {
            let calls = calls(aggregates);
            format!("{name} {phase:?} by {keys:?} compute {calls}, {emit:?}, retracting: {retracting}")
        }
        Operator::ExpiringAggregate { keys, aggregates, retracting, ttl_ms } => {
            let calls = calls(aggregates);
            format!("{name} by {keys:?} compute {calls}, retracting: {retracting}, forgets after {ttl_ms}")
        }
        Operator::WindowAggregate { window, keys, aggregates, phase, emit, retracting, lateness } => {
            let (calls, late) = (calls(aggregates), late(*lateness));
            format!(
                "{name} {phase:?} {window:?} by {keys:?} compute {calls}, {emit:?}, retracting: {retracting}{late}"
            )
        }
        Operator::SessionAggregate { time, gap, keys, aggregates, retracting, lateness } => {
            let (calls, late) = (calls(aggregates), late(*lateness));
            format!("{name} of {time}, gap {gap} by {keys:?} compute {calls}, retracting: {retracting}{late}")
        }
        Operator::OverAggregate { keys, time, calls: over, columns } => {
            let each = over.iter().map(|own| format!("{} over {:?}", call(&own.call), own.frame));
            let each: Vec<String> = each.collect();
            format!(
                "{name} by {keys:?} in order of {time:?} compute {} after {columns} columns",
                each.join(", ")
            )
        }
        Operator::MatchRecognize(spec) => format!("{name} {}", row_pattern(spec)),
        // Without expressions and names: its parts are all there is.
        other => format!("{other:?}"),
    }
}
