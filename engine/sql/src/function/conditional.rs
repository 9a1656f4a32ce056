//! Functions that choose.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BooleanArray, StringArray, make_comparator};
use arrow::compute::kernels::zip::zip;
use arrow::compute::{SortOptions, cast, is_not_null};
use arrow::datatypes::DataType;
use datafusion_common::Result;
use datafusion_expr::type_coercion::binary::comparison_coercion;

use super::Parameter::{Any, Bool, Text};
use super::arguments::Arguments;
use super::{Entry, Returns, failed};
use crate::types::sql_name;

pub(super) static FUNCTIONS: &[Entry] = &[
    Entry {
        name: "if",
        aliases: &[],
        signature: "IF(condition, then, else)",
        about: "`then` where the condition is true, else `else`",
        takes: &[Bool, Any, Any],
        needs: 3,
        repeats: false,
        returns: Returns::Of(|types, _| widest(&types[1..])),
        evaluate: |args, result| {
            let condition = args.array(0)?;
            let condition = arrow::array::AsArray::as_boolean(&condition).clone();
            // NULL is not true.
            let condition = match condition.null_count() {
                0 => condition,
                _ => arrow::compute::prep_null_mask_filter(&condition),
            };
            let (then, otherwise) = (cast(&args.array(1)?, result)?, cast(&args.array(2)?, result)?);
            Ok(zip(&condition, &then, &otherwise)?)
        },
        examples: &[("IF(1 < 2, 'a', 'b')", "a"), ("IF(CAST(NULL AS BOOLEAN), 1, 2)", "2")],
    },
    Entry {
        name: "coalesce",
        aliases: &["ifnull"],
        signature: "COALESCE(value, ...)",
        about: "the first value that is not NULL",
        takes: &[Any],
        needs: 1,
        repeats: true,
        returns: Returns::Of(|types, _| widest(types)),
        evaluate: |args, result| {
            let mut value = cast(&args.array(0)?, result)?;
            for position in 1..args.count() {
                let next = cast(&args.array(position)?, result)?;
                value = zip(&is_not_null(&value)?, &value, &next)?;
            }
            Ok(value)
        },
        examples: &[("COALESCE(NULL, 'a', 'b')", "a"), ("IFNULL(CAST(NULL AS INT), 5)", "5")],
    },
    Entry {
        name: "nullif",
        aliases: &[],
        signature: "NULLIF(a, b)",
        about: "NULL where the values are equal, else the first",
        takes: &[Any, Any],
        needs: 2,
        repeats: false,
        returns: Returns::Same(0),
        evaluate: |args, _| {
            let value = args.array(0)?;
            let common = widest(&[args.data_type(0).clone(), args.data_type(1).clone()])?;
            let (left, right) = (cast(&value, &common)?, cast(&args.array(1)?, &common)?);
            let equal = arrow::compute::kernels::cmp::eq(&left, &right)?;
            Ok(arrow::compute::nullif(&value, &equal)?)
        },
        examples: &[("NULLIF(5, 5)", "NULL"), ("NULLIF(5, 0)", "5")],
    },
    Entry {
        name: "greatest",
        aliases: &[],
        signature: "GREATEST(value, ...)",
        about: "the greatest value; NULL if one is NULL",
        takes: &[Any],
        needs: 1,
        repeats: true,
        returns: Returns::Of(|types, _| widest(types)),
        evaluate: |args, result| extreme(args, result, std::cmp::Ordering::Greater),
        examples: &[("GREATEST(3, 7, 5)", "7"), ("GREATEST(3, CAST(NULL AS INT))", "NULL")],
    },
    Entry {
        name: "least",
        aliases: &[],
        signature: "LEAST(value, ...)",
        about: "the least value; NULL if one is NULL",
        takes: &[Any],
        needs: 1,
        repeats: true,
        returns: Returns::Of(|types, _| widest(types)),
        evaluate: |args, result| extreme(args, result, std::cmp::Ordering::Less),
        examples: &[("LEAST('b', 'a')", "a")],
    },
    Entry {
        name: "is_alpha",
        aliases: &[],
        signature: "IS_ALPHA(text)",
        about: "true if all characters are letters",
        takes: &[Text],
        needs: 1,
        repeats: false,
        returns: Returns::Always(DataType::Boolean),
        evaluate: |args, _| all_chars(args, |own| !own.is_empty() && own.chars().all(char::is_alphabetic)),
        examples: &[("IS_ALPHA('abc')", "true"), ("IS_ALPHA('a1')", "false")],
    },
    Entry {
        name: "is_digit",
        aliases: &[],
        signature: "IS_DIGIT(text)",
        about: "true if all characters are digits",
        takes: &[Text],
        needs: 1,
        repeats: false,
        returns: Returns::Always(DataType::Boolean),
        evaluate: |args, _| all_chars(args, |own| !own.is_empty() && own.chars().all(char::is_numeric)),
        examples: &[("IS_DIGIT('12')", "true"), ("IS_DIGIT('1.2')", "false")],
    },
    Entry {
        name: "is_decimal",
        aliases: &[],
        signature: "IS_DECIMAL(text)",
        about: "true if the text is a number",
        takes: &[Text],
        needs: 1,
        repeats: false,
        returns: Returns::Always(DataType::Boolean),
        evaluate: |args, _| {
            all_chars(args, |own| own.parse::<f64>().is_ok_and(f64::is_finite) && !own.contains(['e', 'E']))
        },
        examples: &[("IS_DECIMAL('-1.5')", "true"), ("IS_DECIMAL('x')", "false")],
    },
    Entry {
        name: "typeof",
        aliases: &[],
        signature: "TYPEOF(value)",
        about: "the SQL type of the value",
        takes: &[Any],
        needs: 1,
        repeats: false,
        returns: Returns::Always(DataType::Utf8),
        evaluate: |args, _| Ok(Arc::new(StringArray::from(vec![sql_name(args.data_type(0)); args.rows()]))),
        examples: &[("TYPEOF(CAST(1 AS BIGINT))", "BIGINT")],
    },
];

/// The one type that all of these fit.
fn widest(types: &[DataType]) -> Result<DataType> {
    let mut widest = DataType::Null;
    for own in types {
        widest = match (&widest, own) {
            (DataType::Null, other) | (other, DataType::Null) => other.clone(),
            (a, b) if a == b => a.clone(),
            (a, b) => match comparison_coercion(a, b) {
                Some(common) => common,
                None => return failed(format!("{} and {} have no common type", sql_name(a), sql_name(b))),
            },
        };
    }
    Ok(widest)
}

fn extreme(args: &Arguments, result: &DataType, wanted: std::cmp::Ordering) -> Result<ArrayRef> {
    let mut best = cast(&args.array(0)?, result)?;
    for position in 1..args.count() {
        let next = cast(&args.array(position)?, result)?;
        let compare = make_comparator(&best, &next, SortOptions::default())?;
        // NULL wins on either side, and then stays.
        let keep = (0..args.rows()).map(|row| {
            Some(best.is_null(row) || (!next.is_null(row) && compare(row, row) != wanted.reverse()))
        });
        best = zip(&BooleanArray::from_iter(keep), &best, &next)?;
    }
    Ok(best)
}

fn all_chars(args: &Arguments, test: fn(&str) -> bool) -> Result<ArrayRef> {
    let text = args.texts(0)?;
    args.build_bools(|row| Ok(Some(text.get(row).is_some_and(test))))
}
