//! The aggregate functions as the planner sees them: names, argument counts and Flink's result types.
//!
//! What they compute is in `millrace-flow`'s aggregate list, under the same names; nothing here runs.

use std::sync::{Arc, LazyLock};

use arrow::datatypes::{DataType, Field};
use datafusion_common::{Result, ScalarValue, exec_err, not_impl_err, plan_err};
use datafusion_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion_expr::{Accumulator, AggregateUDF, AggregateUDFImpl, Signature, Volatility};

/// The result type for these argument types, or why there is none.
type ResultType = fn(&[DataType]) -> Result<DataType, String>;

/// One line per aggregate function.
#[derive(Debug)]
pub struct AggregateEntry {
    /// The name in SQL (and in the flow's list), lower case.
    pub name: &'static str,
    /// Other names for it.
    pub aliases: &'static [&'static str],
    /// Fewest and most arguments.
    pub arguments: (usize, usize),
    /// How it is written.
    pub signature: &'static str,
    /// One line for `millrace functions`.
    pub about: &'static str,
    result: ResultType,
}

/// Every aggregate function of the dialect.
pub static AGGREGATES: &[AggregateEntry] = &[
    entry("count", &[], (0, 1), "COUNT([DISTINCT] value | *)", "rows, or values that are not null", bigint),
    entry("sum", &[], (1, 1), "SUM([DISTINCT] number)", "sum, of the argument's type", sum),
    entry("avg", &[], (1, 1), "AVG([DISTINCT] number)", "mean; of integers truncated toward zero", avg),
    entry("min", &[], (1, 1), "MIN(value)", "least value", same),
    entry("max", &[], (1, 1), "MAX(value)", "greatest value", same),
    entry(
        "stddev_pop",
        &[],
        (1, 1),
        "STDDEV_POP(number)",
        "population standard deviation, of the type of AVG",
        avg,
    ),
    entry(
        "stddev_samp",
        &["stddev"],
        (1, 1),
        "STDDEV_SAMP(number)",
        "sample standard deviation, of the type of AVG",
        avg,
    ),
    entry("var_pop", &[], (1, 1), "VAR_POP(number)", "population variance, of the type of AVG", avg),
    entry("var_samp", &["variance"], (1, 1), "VAR_SAMP(number)", "sample variance, of the type of AVG", avg),
    entry("first_value", &[], (1, 1), "FIRST_VALUE(value)", "first value that is not null", same),
    entry("last_value", &[], (1, 1), "LAST_VALUE(value)", "last value that is not null", same),
    entry("listagg", &[], (1, 2), "LISTAGG(string[, separator])", "values, joined by ','", text),
    entry("array_agg", &[], (1, 1), "ARRAY_AGG([DISTINCT] value)", "values as an ARRAY, NULL too", array),
    entry(
        "approx_count_distinct",
        &[],
        (1, 1),
        "APPROX_COUNT_DISTINCT(value)",
        "distinct values, by HyperLogLog",
        bigint,
    ),
    entry(
        "percentile",
        &[],
        (2, 2),
        "PERCENTILE(number, fraction)",
        "exact percentile, interpolated between neighbours",
        double,
    ),
    entry(
        "grouping",
        &["grouping_id"],
        (1, 64),
        "GROUPING(column, ...)",
        "bits of columns rolled up",
        bigint,
    ),
];

const fn entry(
    name: &'static str,
    aliases: &'static [&'static str],
    arguments: (usize, usize),
    signature: &'static str,
    about: &'static str,
    result: ResultType,
) -> AggregateEntry {
    AggregateEntry { name, aliases, arguments, signature, about, result }
}

fn bigint(_: &[DataType]) -> Result<DataType, String> {
    Ok(DataType::Int64)
}

fn double(types: &[DataType]) -> Result<DataType, String> {
    numeric(types).map(|_| DataType::Float64)
}

fn text(types: &[DataType]) -> Result<DataType, String> {
    match types {
        [DataType::Utf8 | DataType::Null, ..] => Ok(DataType::Utf8),
        _ => Err("takes a STRING".into()),
    }
}

fn array(types: &[DataType]) -> Result<DataType, String> {
    Ok(crate::types::array(types[0].clone()))
}

fn same(types: &[DataType]) -> Result<DataType, String> {
    Ok(types[0].clone())
}

fn numeric(types: &[DataType]) -> Result<&DataType, String> {
    match &types[0] {
        data_type if data_type.is_numeric() || *data_type == DataType::Null => Ok(data_type),
        other => Err(format!("takes a number, not {}", crate::types::sql_name(other))),
    }
}

fn sum(types: &[DataType]) -> Result<DataType, String> {
    Ok(match numeric(types)? {
        DataType::Decimal128(_, scale) => DataType::Decimal128(38, *scale),
        DataType::Null => DataType::Int32,
        other => other.clone(),
    })
}

/// Flink: `AVG(DECIMAL(p, s))` is `SUM / COUNT` = DECIMAL(38, max(6, s)); so are variances and deviations.
fn avg(types: &[DataType]) -> Result<DataType, String> {
    Ok(match numeric(types)? {
        DataType::Decimal128(_, scale) => DataType::Decimal128(38, (*scale).max(6)),
        DataType::Null => DataType::Int32,
        other => other.clone(),
    })
}

/// The function called `name` (any case).
pub fn aggregate(name: &str) -> Option<Arc<AggregateUDF>> {
    static FUNCTIONS: LazyLock<Vec<Arc<AggregateUDF>>> = LazyLock::new(|| {
        let function = |entry| Arc::new(AggregateUDF::new_from_impl(FlinkAggregate::new(entry)));
        AGGREGATES.iter().map(function).collect()
    });
    let named = |entry: &AggregateEntry| {
        entry.name.eq_ignore_ascii_case(name) || entry.aliases.iter().any(|a| a.eq_ignore_ascii_case(name))
    };
    AGGREGATES.iter().position(named).map(|index| FUNCTIONS[index].clone())
}

#[derive(Debug)]
struct FlinkAggregate {
    entry: &'static AggregateEntry,
    signature: Signature,
}

impl FlinkAggregate {
    fn new(entry: &'static AggregateEntry) -> Self {
        FlinkAggregate { entry, signature: Signature::user_defined(Volatility::Immutable) }
    }
}

impl PartialEq for FlinkAggregate {
    fn eq(&self, other: &Self) -> bool {
        self.entry.name == other.entry.name
    }
}

impl Eq for FlinkAggregate {}

impl std::hash::Hash for FlinkAggregate {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.entry.name.hash(state);
    }
}

impl AggregateUDFImpl for FlinkAggregate {
    fn name(&self) -> &str {
        self.entry.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        let (least, most) = self.entry.arguments;
        if arg_types.len() < least || arg_types.len() > most {
            return plan_err!("{} has {} arguments", self.entry.signature, arg_types.len());
        }
        Ok(arg_types.to_vec())
    }

    fn return_type(&self, arg_types: &[DataType]) -> Result<DataType> {
        let (least, _) = self.entry.arguments;
        if arg_types.len() < least {
            return plan_err!("{} has {} arguments", self.entry.signature, arg_types.len());
        }
        (self.entry.result)(arg_types)
            .or_else(|reason| plan_err!("{} {reason}", self.entry.name.to_uppercase()))
    }

    fn is_nullable(&self) -> bool {
        !self.entry.name.contains("count")
    }

    /// Of no rows: what a correlated subquery gives for a row that has none.
    fn default_value(&self, data_type: &DataType) -> Result<ScalarValue> {
        match self.is_nullable() {
            true => ScalarValue::try_from(data_type),
            false => ScalarValue::new_zero(data_type),
        }
    }

    fn accumulator(&self, _: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        not_impl_err!("{} runs in millrace-flow", self.entry.name)
    }

    fn state_fields(&self, _: StateFieldsArgs) -> Result<Vec<Arc<Field>>> {
        exec_err!("{} runs in millrace-flow", self.entry.name)
    }
}
