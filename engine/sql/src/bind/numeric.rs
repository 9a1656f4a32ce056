//! Flink's types where DataFusion's differ: integer literals are INT when they fit, decimal arithmetic
//! has Flink's precision and scale, CAST has Flink's meaning.
//!
//! Runs before DataFusion's own type coercion, which then finds nothing to disagree with.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion_common::config::ConfigOptions;
use datafusion_common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion_common::{DFSchema, Result, ScalarValue};
use datafusion_expr::expr::{Case, ScalarFunction};
use datafusion_expr::expr_rewriter::NamePreserver;
use datafusion_expr::utils::merge_schema;
use datafusion_expr::{
    BinaryExpr, Expr, ExprSchemable, LogicalPlan, Operator, WindowFrame, WindowFrameBound, WindowFrameUnits,
    WindowFunctionDefinition,
};
use datafusion_optimizer::AnalyzerRule;

use crate::bind::decimal;
use crate::function;
use crate::types::Length;

/// The analyzer rule.
#[derive(Debug)]
pub struct FlinkTypes;

impl AnalyzerRule for FlinkTypes {
    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        Ok(plan.transform_up_with_subqueries(retype)?.data)
    }

    fn name(&self) -> &str {
        "flink_types"
    }
}

fn retype(plan: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    // The rows of VALUES have their types from the start.
    if matches!(plan, LogicalPlan::Limit(_) | LogicalPlan::Values(_)) {
        return Ok(Transformed::no(plan));
    }
    let schema = merge_schema(&plan.inputs());
    let names = NamePreserver::new(&plan);
    let retyped = plan.map_expressions(|expr| {
        let name = names.save(&expr);
        Ok(retype_expr(expr, &schema)?.update_data(|expr| name.restore(expr)))
    })?;
    retyped.map_data(|plan| plan.recompute_schema())
}

/// Gives one expression Flink's types.
pub fn retype_expr(expr: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    expr.transform_up(|expr| match expr {
        Expr::Literal(ScalarValue::Int64(Some(value)), metadata) => match i32::try_from(value) {
            Ok(small) => Ok(Transformed::yes(Expr::Literal(ScalarValue::Int32(Some(small)), metadata))),
            Err(_) => Ok(Transformed::no(Expr::Literal(ScalarValue::Int64(Some(value)), metadata))),
        },
        Expr::BinaryExpr(binary) => arithmetic(binary, schema),
        Expr::Case(case) => one_of(case, schema),
        Expr::Cast(cast) => retype_cast(*cast.expr, &cast.field, false, schema),
        Expr::TryCast(cast) => retype_cast(*cast.expr, &cast.field, true, schema),
        Expr::WindowFunction(mut call) if matches!(call.fun, WindowFunctionDefinition::WindowUDF(_)) => {
            // A rank has no frame. The one that the planner thinks of is a range of values, which not every type
            // that rows are ranked by has.
            let frame = &mut call.params.window_frame;
            let is_default = frame.units == WindowFrameUnits::Range && call.params.args.is_empty();
            if is_default {
                *frame = WindowFrame::new_bounds(
                    WindowFrameUnits::Rows,
                    WindowFrameBound::Preceding(ScalarValue::UInt64(None)),
                    WindowFrameBound::CurrentRow,
                );
            }
            Ok(Transformed::new(Expr::WindowFunction(call), is_default, TreeNodeRecursion::Continue))
        }
        other => Ok(Transformed::no(other)),
    })
}

fn retype_cast(value: Expr, target: &FieldRef, try_: bool, schema: &DFSchema) -> Result<Transformed<Expr>> {
    let cast = cast_as_flink(value, target.data_type(), try_, schema)?;
    Ok(Transformed::yes(match demanded_length(target) {
        Some(length) => with_length(cast, length),
        None => cast,
    }))
}

const LENGTH: &str = "length";
const PADDED: &str = "padded";

/// The target of a CAST that demands a length: Arrow's types have none, so it is written beside the type.
pub fn demand_length(target: Field, length: Length) -> Field {
    let length = [(LENGTH, length.most.to_string()), (PADDED, length.pad.to_string())];
    target.with_metadata(length.map(|(key, value)| (key.to_string(), value)).into())
}

fn demanded_length(target: &FieldRef) -> Option<Length> {
    let most = target.metadata().get(LENGTH)?.parse().ok()?;
    Some(Length { most, pad: target.metadata().get(PADDED)? == "true" })
}

/// `value`, a STRING or BYTES, cut and padded to a length.
pub fn with_length(value: Expr, length: Length) -> Expr {
    Expr::ScalarFunction(ScalarFunction::new_udf(function::fixed_length_udf(length), vec![value]))
}

/// `CAST(value AS target)` as Flink does it.
pub fn cast_as_flink(value: Expr, target: &DataType, try_: bool, schema: &DFSchema) -> Result<Expr> {
    let from = value.get_type(schema)?;
    if from == *target {
        return Ok(value);
    }
    if function::needs_flink_cast(&from, target) {
        let udf = function::cast_udf(target, try_);
        return Ok(Expr::ScalarFunction(ScalarFunction::new_udf(udf, vec![value])));
    }
    Ok(match try_ {
        false => datafusion_expr::cast(value, target.clone()),
        true => datafusion_expr::try_cast(value, target.clone()),
    })
}

/// Precision and scale of an exact number, if it is one.
fn exact(data_type: &DataType) -> Option<(i32, i32)> {
    match data_type {
        DataType::Int8 => Some((3, 0)),
        DataType::Int16 => Some((5, 0)),
        DataType::Int32 => Some((10, 0)),
        DataType::Int64 => Some((19, 0)),
        DataType::Decimal128(precision, scale) => Some((*precision as i32, *scale as i32)),
        _ => None,
    }
}

/// The type of two numbers together of which one at least is approximate: in Flink that of the first that is, and
/// DOUBLE beside a DECIMAL.
fn approximate(first: &DataType, second: &DataType) -> Option<DataType> {
    match (first.is_floating(), second.is_floating()) {
        (true, true) => Some(first.clone()),
        (true, false) | (false, true) if first.is_decimal() || second.is_decimal() => Some(DataType::Float64),
        (true, false) if second.is_integer() => Some(first.clone()),
        (false, true) if first.is_integer() => Some(second.clone()),
        _ => None,
    }
}

/// The values of a CASE of which some are approximate numbers as one type.
fn one_of(mut case: Case, schema: &DFSchema) -> Result<Transformed<Expr>> {
    let values = case.when_then_expr.iter().map(|(_, then)| then).chain(&case.else_expr);
    let types = values.map(|value| value.get_type(schema)).collect::<Result<Vec<_>>>()?;
    let mut types = types.into_iter().filter(|own| *own != DataType::Null);
    let Some(first) = types.next() else { return Ok(Transformed::no(Expr::Case(case))) };
    let mut differ = false;
    let common = types.try_fold(first, |common, own| {
        differ |= common != own;
        if common == own { Some(own) } else { approximate(&common, &own) }
    });
    let Some(common) = common.filter(|_| differ) else { return Ok(Transformed::no(Expr::Case(case))) };
    let thens = case.when_then_expr.iter_mut().map(|(_, then)| then);
    for value in thens.chain(&mut case.else_expr) {
        **value = cast_as_flink(std::mem::take(value), &common, false, schema)?;
    }
    Ok(Transformed::yes(Expr::Case(case)))
}

fn arithmetic(binary: BinaryExpr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    let left = binary.left.get_type(schema)?;
    let right = binary.right.get_type(schema)?;
    let comparison = binary.op.supports_propagation();
    if comparison {
        return compare(binary, &left, &right, schema);
    }
    if let Some(common) = approximate(&left, &right) {
        let (l, r) = (*binary.left, *binary.right);
        let (l, r) = (cast_as_flink(l, &common, false, schema)?, cast_as_flink(r, &common, false, schema)?);
        return Ok(Transformed::yes(Expr::BinaryExpr(BinaryExpr::new(Box::new(l), binary.op, Box::new(r)))));
    }
    if !left.is_decimal() && !right.is_decimal() {
        return Ok(Transformed::no(Expr::BinaryExpr(binary)));
    }
    let (Some(l), Some(r)) = (exact(&left), exact(&right)) else {
        return Ok(Transformed::no(Expr::BinaryExpr(binary)));
    };
    let Some(result) = decimal_result(binary.op, l, r) else {
        return Ok(Transformed::no(Expr::BinaryExpr(binary)));
    };
    let widen = |expr: Expr, (precision, scale): (i32, i32)| {
        let target = DataType::Decimal128(precision as u8, scale as i8);
        expr.cast_to(&target, schema)
    };
    let (left, right) = (widen(*binary.left, l)?, widen(*binary.right, r)?);
    let expr = match binary.op {
        Operator::Divide => {
            let divide = decimal::divide(&result);
            Expr::ScalarFunction(ScalarFunction::new_udf(divide, vec![left, right]))
        }
        op => {
            let raw = Expr::BinaryExpr(BinaryExpr::new(Box::new(left), op, Box::new(right)));
            match raw.get_type(schema)? == result {
                true => raw,
                false => datafusion_expr::cast(raw, result),
            }
        }
    };
    Ok(Transformed::yes(expr))
}

/// The result type of decimal arithmetic: Flink's `LogicalTypeMerging`.
fn decimal_result(op: Operator, (p1, s1): (i32, i32), (p2, s2): (i32, i32)) -> Option<DataType> {
    let (precision, scale) = match op {
        Operator::Plus | Operator::Minus => {
            let scale = s1.max(s2);
            (scale + (p1 - s1).max(p2 - s2) + 1, scale)
        }
        Operator::Multiply => (p1 + p2, s1 + s2),
        Operator::Divide => {
            let scale = (s1 + p2 + 1).max(6);
            (p1 - s1 + s2 + scale, scale)
        }
        Operator::Modulo => {
            let scale = s1.max(s2);
            ((p1 - s1).min(p2 - s2) + scale, scale)
        }
        _ => return None,
    };
    let (precision, scale) = bounded(precision, scale, matches!(op, Operator::Multiply | Operator::Divide));
    Some(DataType::Decimal128(precision as u8, scale as i8))
}

/// Fits a result into 38 digits. Products and quotients give up scale for digits before the point, but
/// keep at least six; sums cut the precision.
fn bounded(precision: i32, scale: i32, trade_scale: bool) -> (i32, i32) {
    const MOST: i32 = 38;
    if precision <= MOST {
        return (precision, scale);
    }
    if !trade_scale {
        let whole = precision - scale;
        return (MOST, scale.min((MOST - whole).max(scale.min(6))));
    }
    let whole = precision - scale;
    (MOST, (MOST - whole).max(scale.min(6)))
}

/// A number compared with text: Flink reads the text as a number.
fn compare(
    binary: BinaryExpr,
    left: &DataType,
    right: &DataType,
    schema: &DFSchema,
) -> Result<Transformed<Expr>> {
    let BinaryExpr { left: l, op, right: r } = binary;
    let (l, r, changed) = match (left, right) {
        (DataType::Utf8, number) if number.is_numeric() => {
            (Box::new(cast_as_flink(*l, &comparable(number), false, schema)?), r, true)
        }
        (number, DataType::Utf8) if number.is_numeric() => {
            (l, Box::new(cast_as_flink(*r, &comparable(number), false, schema)?), true)
        }
        _ => (l, r, false),
    };
    let expr = Expr::BinaryExpr(BinaryExpr::new(l, op, r));
    Ok(if changed { Transformed::yes(expr) } else { Transformed::no(expr) })
}

fn comparable(number: &DataType) -> DataType {
    match number {
        DataType::Float32 => DataType::Float64,
        other => other.clone(),
    }
}

/// The function that a call of `name` runs, for use in plans that Millrace builds itself.
pub fn scalar_call(name: &str, args: Vec<Expr>) -> Option<Expr> {
    let udf: Arc<_> = function::scalar(name)?;
    Some(Expr::ScalarFunction(ScalarFunction::new_udf(udf, args)))
}

/// True if a query column of type `from` may fill a sink column of type `to` without CAST.
pub fn implicitly_castable(from: &DataType, to: &DataType) -> bool {
    use DataType::{Binary, Boolean, Date32, List, Map, Null, Struct, Time32, Timestamp, Utf8};
    match (from, to) {
        (Null, _) => true,
        (a, b) if a == b => true,
        (a, b) if a.is_numeric() && b.is_numeric() => true,
        (Timestamp(..), Timestamp(..)) | (Date32, Timestamp(..)) => true,
        (List(_), List(_)) | (Struct(_), Struct(_)) | (Map(..), Map(..)) => true,
        (Utf8, Utf8) | (Binary, Binary) | (Boolean, Boolean) | (Time32(_), Time32(_)) => true,
        _ => false,
    }
}
