//! The row-conservation account: every row read is somewhere.

use std::fmt::Write;

use millrace_plan::{Error, Exchange, Operator as Spec, Phase, Plan, Result};

use crate::operator::Account;
use crate::pipeline::ShardId;

/// The rows an exchange has sent to and received from each shard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelAccount {
    /// Rows sent, by shard.
    pub sent: Vec<u64>,
    /// Rows received, by shard.
    pub received: Vec<u64>,
}

/// The account of one node on one shard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeAccount {
    /// The node.
    pub node: usize,
    /// Its operator's name.
    pub operator: String,
    /// Its rows.
    pub account: Account,
    /// Rows of its inputs that wait until a barrier has passed.
    pub waiting_rows: u64,
    /// Its watermark, in milliseconds.
    pub watermark: i64,
    /// For exchanges.
    pub channels: Option<ChannelAccount>,
}

/// Adds up the accounts of one shard. To be called when the pipeline is at rest.
pub fn check(plan: &Plan, shard: ShardId, accounts: &[NodeAccount]) -> Result<()> {
    for own in accounts {
        if let Some(wrong) = imbalance(plan, accounts, own) {
            return Err(Error::bug(format!(
                "the ledger of shard {} does not balance at node {} ({}): {wrong}\n{}",
                shard.index,
                own.node,
                own.operator,
                table(accounts)
            )));
        }
    }
    Ok(())
}

fn imbalance(plan: &Plan, accounts: &[NodeAccount], own: &NodeAccount) -> Option<String> {
    let Account { rows_in, rows_out, filtered, late, bad, accepted, restored, retired, in_state, .. } =
        own.account;
    let node = &plan.nodes[own.node];
    let sent: u64 = node.inputs.iter().map(|input| accounts[*input].account.rows_out).sum();
    let sent = match node.operator {
        Spec::LateRows { .. } => late_of(plan, accounts, own),
        _ => sent * copies(&node.operator, own),
    };
    let waiting = own.waiting_rows;
    if !node.inputs.is_empty() && rows_in + waiting != sent {
        return Some(format!("{rows_in} rows came in and {waiting} wait, but its inputs sent {sent}"));
    }
    if late > 0 && !node.operator.drops_late_rows() {
        return Some(format!("{late} rows late, but the planner does not know that it drops late rows"));
    }
    match &node.operator {
        Spec::Source { .. }
        | Spec::RowTime(_)
        | Spec::ProcessingTime { .. }
        | Spec::Calc { .. }
        | Spec::Union
        | Spec::LateRows { .. }
        | Spec::Sink { .. } => {
            let out = rows_out + filtered + late + bad;
            (rows_in != out).then(|| format!("{rows_in} rows in, {out} out, filtered, late or bad"))
        }
        Spec::GroupAggregate { phase, .. } | Spec::WindowAggregate { phase, .. } => {
            let kept = retired + in_state;
            if accepted + restored != kept {
                return Some(format!(
                    "{accepted} rows accepted and {restored} restored, {kept} retired or in state"
                ));
            }
            // Partial states stand for more rows than come in.
            let taken = accepted + late + filtered;
            (*phase != Phase::Final && rows_in != taken)
                .then(|| format!("{rows_in} rows in, {taken} accepted, late or outside of every window"))
        }
        Spec::ExpiringAggregate { .. }
        | Spec::SessionAggregate { .. }
        | Spec::Join(_)
        | Spec::LookupJoin { .. }
        | Spec::TopN { .. }
        | Spec::ChangelogNormalize { .. }
        | Spec::Deduplicate { .. }
        | Spec::OverAggregate { .. }
        | Spec::TemporalSort { .. }
        | Spec::MatchRecognize(_) => {
            let (kept, taken) = (retired + in_state, accepted + late);
            (accepted + restored != kept || rows_in != taken).then(|| {
                format!(
                    "{rows_in} rows in, {late} late, {accepted} accepted, {restored} restored, {kept} retired \
                     or in state"
                )
            })
        }
        Spec::Expand { .. }
        | Spec::Unnest { .. }
        | Spec::Repeat { .. }
        | Spec::WindowAssign { .. }
        | Spec::Exchange(_) => None,
    }
}

/// The late rows that a `LateRows` must have: those of its input, less what other ports of that one dropped.
fn late_of(plan: &Plan, accounts: &[NodeAccount], own: &NodeAccount) -> u64 {
    let Some(input) = plan.nodes[own.node].inputs.first() else { return 0 };
    let is_tap = |reader: &usize| matches!(plan.nodes[*reader].operator, Spec::LateRows { .. });
    let others = plan.readers(*input).map(|(reader, _)| reader).filter(|reader| *reader != own.node);
    let taken: u64 = others.filter(is_tap).map(|reader| accounts[reader].account.rows_in).sum();
    let left = accounts[*input].account.late.saturating_sub(taken);
    let taps = plan.readers(*input).filter(|(reader, _)| is_tap(reader)).count();
    match taps == plan.nodes[*input].inputs.len() {
        true => left,
        // Late rows of a port that nobody reads are counted with the rest.
        false => left.min(own.account.rows_in),
    }
}

/// How often a node sends on each row that comes in.
fn copies(operator: &Spec, own: &NodeAccount) -> u64 {
    match (operator, &own.channels) {
        (Spec::Exchange(Exchange::Broadcast), Some(channels)) => channels.sent.len() as u64,
        _ => 1,
    }
}

/// The accounts as a table.
pub fn table(accounts: &[NodeAccount]) -> String {
    let mut text = String::from(
        "  node operator               in         out    filtered        late         bad    accepted     retired    in state\n",
    );
    for own in accounts {
        let account = &own.account;
        let _ = writeln!(
            text,
            "  {:>4} {:<16} {:>11} {:>11} {:>11} {:>11} {:>11} {:>11} {:>11} {:>11}",
            own.node,
            own.operator,
            account.rows_in,
            account.rows_out,
            account.filtered,
            account.late,
            account.bad,
            account.accepted,
            account.retired,
            account.in_state
        );
    }
    text
}
