//! EXPLAIN: the plan in words. Stages, exchanges and why, state, what is promised.

use std::fmt::Write;

use millrace_plan::{
    AfterMatch, AggregateCall, Changelog, EmitMode, Exchange, Frame, GREATEST_RANK, JoinSpec, JoinTime,
    MatchSpec, Node, NodeId, Operator, OverCall, PatternVariable, Phase, Plan, ProjectExpr, WatermarkRule,
    WindowInput, WindowSpec,
};

/// The plan as text: one block per stage, each operator on a line, its inputs below it.
pub fn explain(plan: &Plan) -> String {
    let mut text = String::new();
    for (id, node) in plan.nodes.iter().enumerate() {
        if matches!(node.operator, Operator::Sink { .. }) {
            tree(plan, id, 0, &mut text);
            text.push('\n');
        }
    }
    text
}

fn tree(plan: &Plan, id: NodeId, depth: usize, text: &mut String) {
    let node = &plan.nodes[id];
    let indent = "  ".repeat(depth);
    let _ = write!(text, "{indent}[{id}] {}", describe(node));
    if !node.reason.is_empty() {
        let _ = write!(text, "  -- {}", node.reason);
    }
    let _ = writeln!(text, "{}", changelog(node));
    if let Some(state) = state(node) {
        let _ = writeln!(text, "{indent}      state: {state}");
    }
    if let Operator::Sink { .. } = node.operator {
        let _ = writeln!(text, "{indent}      delivery: {}", delivery(node));
    }
    // What drops the rows stands above, under the sink of its own rows.
    for input in node.inputs.iter().filter(|_| !matches!(node.operator, Operator::LateRows { .. })) {
        tree(plan, *input, depth + 1, text);
    }
}

fn ids(nodes: &[NodeId]) -> String {
    nodes.iter().map(NodeId::to_string).collect::<Vec<_>>().join(", ")
}

/// What EXPLAIN adds for windows that take late rows.
fn late_text(lateness: i64) -> String {
    if lateness == 0 { String::new() } else { format!(", changes for late rows up to {lateness} ms") }
}

/// What is promised of the rows of a sink.
fn delivery(node: &Node) -> &'static str {
    let Operator::Sink { table } = &node.operator else { return "" };
    match table.option("connector") {
        Some("filesystem") => "exactly once with --checkpoint-dir; else complete at the end of the input",
        _ => "with --checkpoint-dir at least once, rows since the last epoch again after a crash; else once",
    }
}

fn changelog(node: &Node) -> &'static str {
    match node.changelog {
        Changelog::Append => " [+I]",
        Changelog::Upsert => " [+I +U -D]",
        Changelog::Retract => " [+I -U +U -D]",
    }
}

fn columns(node: &Node) -> String {
    node.schema.fields().iter().map(|field| field.name().clone()).collect::<Vec<_>>().join(", ")
}

fn describe(node: &Node) -> String {
    let name = node.operator.name();
    match &node.operator {
        Operator::Source { table, lookup, .. } => {
            let when = if *lookup { ", read whenever a run begins" } else { "" };
            format!("{name} {} ({}){when}", table.name, columns(node))
        }
        Operator::RowTime(spec) => {
            let column = node.schema.field(spec.column).name();
            format!("{name} {column}, watermark {}", watermark_text(&spec.watermark))
        }
        Operator::ProcessingTime { column } => {
            format!("{name} {}, watermark by the clock", node.schema.field(*column).name())
        }
        Operator::Calc { filter, exprs, .. } => {
            let filter = filter.as_ref().map_or(String::new(), |filter| format!(" where {filter}"));
            format!("{name}{filter} select {}", exprs_text(exprs))
        }
        Operator::Expand { projections } => format!("{name} each row into {}", projections.len()),
        Operator::WindowAssign { window, .. } => format!("{name} {}", window_text(window)),
        Operator::GroupAggregate { .. }
        | Operator::ExpiringAggregate { .. }
        | Operator::WindowAggregate { .. }
        | Operator::SessionAggregate { .. } => aggregate_text(node),
        Operator::Join(spec) => format!("{name} {}", join_text(spec)),
        Operator::LookupJoin { join, .. } => format!("{name} {}", join_text(join)),
        Operator::TopN { keys, first, last, window, .. } => {
            let each = if window.is_some() { "each window and " } else { "" };
            let last = if *last == GREATEST_RANK { "the last".to_string() } else { last.to_string() };
            format!("{name} ranks {first} to {last} of {each}columns {keys:?}")
        }
        Operator::ChangelogNormalize { keys } => {
            format!("{name} last row of [{}]", names_of(node, keys))
        }
        Operator::TemporalSort { time, order, .. } => {
            let order: Vec<String> = order.iter().map(|own| own.column.to_string()).collect();
            format!("{name} by row time {time}, columns [{}]", order.join(", "))
        }
        Operator::Deduplicate { keys, .. } => format!("{name} first row of columns {keys:?}"),
        Operator::OverAggregate { keys, calls, .. } => {
            format!("{name} by columns {keys:?} compute [{}]", over_calls(calls))
        }
        Operator::Unnest { columns, outer, .. } => unnest_text(node, *columns, *outer),
        Operator::Repeat { count, .. } => format!("{name} each row as often as column {count} says"),
        Operator::MatchRecognize(spec) => format!("{name} {}", match_text(spec)),
        Operator::Union => name.to_string(),
        Operator::LateRows { .. } => format!("{name} of [{}]", ids(&node.inputs)),
        Operator::Exchange(exchange) => format!("{name} {}", exchange_text(exchange)),
        Operator::Sink { table } => format!("{name} {} ({})", table.name, columns(node)),
    }
}

fn aggregate_text(node: &Node) -> String {
    let name = node.operator.name();
    match &node.operator {
        Operator::GroupAggregate { keys, aggregates, phase, emit, .. } => {
            format!(
                "{name} {} by [{}] {} {}",
                phase_text(*phase),
                key_names(node, keys.len()),
                calls(aggregates),
                emit_text(*emit)
            )
        }
        Operator::ExpiringAggregate { keys, aggregates, ttl_ms, .. } => {
            let (keys, calls) = (key_names(node, keys.len()), calls(aggregates));
            format!("{name} by [{keys}] {calls} emit changes, forgets after {ttl_ms} ms")
        }
        Operator::WindowAggregate { .. } => window_aggregate_text(node),
        Operator::SessionAggregate { gap, keys, aggregates, lateness, .. } => {
            format!(
                "{name} gap {gap} ms by [{}] {} emit final{}",
                key_names(node, keys.len()),
                calls(aggregates),
                late_text(*lateness)
            )
        }
        _ => name.to_string(),
    }
}

fn window_aggregate_text(node: &Node) -> String {
    let Operator::WindowAggregate { window, keys, aggregates, phase, emit, lateness, .. } = &node.operator
    else {
        return String::new();
    };
    let window = match window {
        WindowInput::Assign { window, .. } => window_text(window),
        WindowInput::Attached { .. } => "the windows of its input".to_string(),
    };
    let (name, keys) = (node.operator.name(), key_names(node, keys.len()));
    let (phase, calls, emit) = (phase_text(*phase), calls(aggregates), emit_text(*emit));
    let late = late_text(*lateness);
    format!("{name} {phase} {window} by [{keys}] {calls} {emit}{late}")
}

fn over_calls(calls: &[OverCall]) -> String {
    let text = |own: &OverCall| format!("{} over {}", own.call.function, frame_text(own.frame));
    calls.iter().map(text).collect::<Vec<_>>().join(", ")
}

fn names_of(node: &Node, columns: &[usize]) -> String {
    let names: Vec<&str> = columns.iter().map(|own| node.schema.field(*own).name().as_str()).collect();
    names.join(", ")
}

fn watermark_text(rule: &WatermarkRule) -> String {
    match rule {
        WatermarkRule::Delay(delay) => format!("{delay} ms behind"),
        WatermarkRule::Expr(expr) => expr.to_string(),
        WatermarkRule::Source => "of the source: the end of its splits".into(),
    }
}

fn exprs_text(exprs: &[ProjectExpr]) -> String {
    exprs.iter().map(|own| format!("{} AS {}", own.expr, own.name)).collect::<Vec<_>>().join(", ")
}

fn unnest_text(node: &Node, columns: usize, outer: bool) -> String {
    let names: Vec<&str> = node.schema.fields().iter().skip(columns).map(|own| own.name().as_str()).collect();
    let kept = if outer { ", rows without elements too" } else { "" };
    format!("{} into ({}){kept}", node.operator.name(), names.join(", "))
}

fn key_names(node: &Node, keys: usize) -> String {
    let names: Vec<&str> =
        node.schema.fields().iter().take(keys).map(|field| field.name().as_str()).collect();
    names.join(", ")
}

fn calls(aggregates: &[AggregateCall]) -> String {
    let names: Vec<&str> = aggregates.iter().map(|call| call.name.as_str()).collect();
    format!("compute [{}]", names.join(", "))
}

fn phase_text(phase: Phase) -> &'static str {
    match phase {
        Phase::Single => "whole",
        Phase::Local => "partial",
        Phase::Final => "merge",
    }
}

fn emit_text(emit: EmitMode) -> &'static str {
    match emit {
        EmitMode::Changes => "emit changes",
        EmitMode::Final => "emit final",
    }
}

fn window_text(window: &WindowSpec) -> String {
    let (text, offset) = match window {
        WindowSpec::Tumble { size, offset } => (format!("tumble {size} ms"), offset),
        WindowSpec::Hop { size, slide, offset } => (format!("hop {size} ms every {slide} ms"), offset),
        WindowSpec::Cumulate { size, step, offset } => (format!("cumulate {size} ms by {step} ms"), offset),
    };
    match offset {
        0 => text,
        _ => format!("{text} offset {offset} ms"),
    }
}

fn join_text(spec: &JoinSpec) -> String {
    let keys: Vec<String> = spec.keys.iter().map(|(left, right)| format!("{left} = {right}")).collect();
    let condition = spec.condition.as_ref().map_or(String::new(), |own| format!(" where {own}"));
    let time = match spec.time {
        JoinTime::Unbounded => String::new(),
        JoinTime::Interval { before, after, .. } => {
            format!(", right rows from {before} ms before to {after} ms after")
        }
        JoinTime::Window { .. } => ", same window".into(),
        JoinTime::Version { .. } => ", version valid at the left row time".into(),
    };
    format!("{} by columns [{}]{time}{condition}", spec.kind.sql(), keys.join(", "))
}

fn match_text(spec: &MatchSpec) -> String {
    let variable = |own: &PatternVariable| {
        let reluctant = if own.greedy { "" } else { "?" };
        let times = match (own.least, own.most) {
            (1, Some(1)) => String::new(),
            (0, Some(1)) => "?".into(),
            (0, None) => "*".into(),
            (1, None) => "+".into(),
            (least, None) => format!("{{{least},}}"),
            (least, Some(most)) => format!("{{{least},{most}}}"),
        };
        format!("{}{times}{reluctant}", own.name)
    };
    let pattern: Vec<String> = spec.variables.iter().map(variable).collect();
    let order = if spec.time.is_some() { "row time" } else { "arrival" };
    let within = spec.within.map_or(String::new(), |length| format!(" within {length} ms"));
    let skip = match spec.skip {
        AfterMatch::NextRow => "to the next row".to_string(),
        AfterMatch::PastLastRow => "past the last row".to_string(),
        AfterMatch::First(own) => format!("to the first {}", spec.variables[own].name),
        AfterMatch::Last(own) => format!("to the last {}", spec.variables[own].name),
    };
    let (pattern, keys) = (pattern.join(" "), &spec.keys);
    format!("({pattern}){within} by columns {keys:?} in order of {order}, after a match {skip}")
}

/// What is kept of the rows of each key in which a pattern is looked for.
fn match_state(spec: &MatchSpec) -> String {
    let kept = match spec.within {
        Some(length) => format!("at most {length} ms"),
        None => "as long as it may go on".into(),
    };
    let waiting = if spec.time.is_some() { "rows until the watermark passes them; " } else { "" };
    format!("{waiting}the rows from the first of each match that has begun, kept {kept}")
}

/// What a join keeps of its inputs, and for how long.
fn join_state(spec: &JoinSpec) -> String {
    if let JoinTime::Version { .. } = spec.time {
        return "left rows until the watermark reaches them; the last version of each key for ever, earlier ones until \
                the watermark reaches the next"
            .into();
    }
    let each = |kept: [String; 2]| format!("left rows, kept {}; right rows, kept {}", kept[0], kept[1]);
    if spec.ttl_ms != [None, None] {
        return each(spec.ttl_ms.map(|ttl| match ttl {
            Some(ttl) => format!("{ttl} ms after they were written"),
            None => "for ever, unless they are taken back".into(),
        }));
    }
    if spec.last_partner != [None, None] {
        return each(spec.last_partner.map(|own| match own {
            Some(own) => {
                format!("until the other watermark is {} ms after column {}", own.plus_ms, own.column)
            }
            None => "for ever".into(),
        }));
    }
    let kept = match spec.time {
        JoinTime::Unbounded | JoinTime::Version { .. } => "for ever, unless they are taken back",
        JoinTime::Interval { .. } => "until the watermark passes the last time that a partner can have",
        JoinTime::Window { .. } => "until the watermark passes the end of their window",
    };
    format!("the rows of both inputs, kept {kept}")
}

fn frame_text(frame: Frame) -> String {
    match frame {
        Frame::Rows(Some(rows)) => format!("{rows} rows before"),
        Frame::Range(Some(length)) => format!("{length} ms before"),
        Frame::Rows(None) | Frame::Range(None) => "all before".to_string(),
    }
}

fn exchange_text(exchange: &Exchange) -> String {
    match exchange {
        Exchange::Hash(keys) => format!("hash by columns {keys:?}"),
        Exchange::PreAggregate => "pre-aggregate, by key hash".into(),
        Exchange::Gather => "gather on shard 0".into(),
        Exchange::Broadcast => "broadcast".into(),
        Exchange::Rebalance => "rebalance in turn".into(),
    }
}

/// What the operator keeps for each key, and for how long.
fn state(node: &Node) -> Option<String> {
    let (keys, aggregates, kept) = match &node.operator {
        Operator::GroupAggregate { keys, aggregates, emit, phase, .. } => {
            let kept = match (phase, emit) {
                (Phase::Local, _) => "until the next emission",
                (_, EmitMode::Final | EmitMode::Changes) => "for ever: one entry for each key ever seen",
            };
            (keys, aggregates, kept)
        }
        Operator::WindowAggregate { keys, aggregates, lateness: 1.., .. }
        | Operator::SessionAggregate { keys, aggregates, lateness: 1.., .. } => {
            (keys, aggregates, "until the watermark is the allowed lateness past the end of its last window")
        }
        Operator::WindowAggregate { keys, aggregates, .. } => {
            (keys, aggregates, "until the watermark passes the end of the last window it belongs to")
        }
        Operator::ExpiringAggregate { keys, aggregates, .. } => {
            (keys, aggregates, "until so long no row of the group has come")
        }
        Operator::SessionAggregate { keys, aggregates, .. } => {
            (keys, aggregates, "until the watermark passes the end of its session")
        }
        Operator::Join(spec) => return Some(join_state(spec)),
        Operator::LookupJoin { .. } => {
            return Some(
                "the whole right table on every shard; left rows until it has been read".to_string(),
            );
        }
        Operator::MatchRecognize(spec) => return Some(match_state(spec)),
        Operator::TopN { last: GREATEST_RANK, .. } => {
            return Some("every row until the input ends".to_string());
        }
        Operator::TopN { window: Some(_), last, .. } => {
            return Some(format!("{last} rows of each key, kept until the watermark closes their window"));
        }
        Operator::TopN { retracting: false, last, .. } => {
            return Some(format!("{last} rows of each key, kept for ever"));
        }
        Operator::TopN { .. } => return Some("every row that was not taken back".to_string()),
        Operator::ChangelogNormalize { .. } => {
            return Some("the last row of each key, kept until it is deleted".to_string());
        }
        Operator::TemporalSort { .. } => {
            return Some("rows until the watermark passes them, on one shard".to_string());
        }
        Operator::Deduplicate { .. } => {
            return Some("one row of each key until the watermark reaches it, the key for ever".to_string());
        }
        Operator::OverAggregate { .. } => {
            return Some(
                "rows until the watermark passes them; the rows of each frame that will leave it".to_string(),
            );
        }
        _ => return None,
    };
    let fields: Vec<String> = aggregates.iter().map(|call| call.function.clone()).collect();
    Some(format!("{} key columns + [{}] per group, kept {kept}", keys.len(), fields.join(", ")))
}
