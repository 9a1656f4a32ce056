//! What a module says of its functions: a text of lines such as `shout(STRING, INT) RETURNS STRING`.

use arrow::datatypes::{DataType, TimeUnit};
use millrace_plan::{Error, FunctionSignature, Result};
use wasmi::{FuncType, ValType};

/// The first line of the text: the version of the interface.
pub const VERSION: &str = "millrace 1";

const FORM: &str = "write a line as in `shout(STRING, INT) RETURNS STRING`";

const TYPES: &str = "the types are BOOLEAN, INT, BIGINT, FLOAT, DOUBLE, DATE, TIMESTAMP(p), TIMESTAMP_LTZ(p), STRING \
                     and BYTES; pass others as STRING with CAST";

/// The declarations of a module's text.
pub fn parse(text: &str) -> Result<Vec<FunctionSignature>> {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    match lines.next() {
        Some(VERSION) => lines.map(line).collect(),
        first => Err(Error::query(format!(
            "the module is made for `{}`, not for `{VERSION}`",
            first.unwrap_or_default()
        ))
        .hint(format!("the first line of its declarations must be `{VERSION}`"))),
    }
}

fn line(text: &str) -> Result<FunctionSignature> {
    let wrong = || Error::query(format!("`{text}` does not declare a function")).hint(FORM);
    let (name, rest) = text.split_once('(').ok_or_else(wrong)?;
    let upper = rest.to_ascii_uppercase();
    let returns = upper.rfind(" RETURNS ").ok_or_else(wrong)?;
    let args = rest[..returns].trim_end().strip_suffix(')').ok_or_else(wrong)?;
    let name = name.trim();
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if name.is_empty() || !name.chars().all(plain) {
        return Err(wrong());
    }
    let data_type = |name: &str| data_type(name).map_err(|error| error.within(format!("`{text}`")));
    let args = match args.trim() {
        "" => vec![],
        args => args.split(',').map(data_type).collect::<Result<_>>()?,
    };
    let result = data_type(&rest[returns + " RETURNS ".len()..])?;
    Ok(FunctionSignature { name: name.to_string(), args, result })
}

fn data_type(name: &str) -> Result<DataType> {
    let upper = name.trim().to_ascii_uppercase();
    let (base, precision) = match upper.strip_suffix(')').and_then(|own| own.split_once('(')) {
        Some((base, precision)) => (base.trim(), precision.trim().parse::<u32>().ok()),
        None => (upper.as_str(), Some(6)),
    };
    let unit = precision.and_then(|precision| match precision {
        0..=3 => Some(TimeUnit::Millisecond),
        4..=6 => Some(TimeUnit::Microsecond),
        7..=9 => Some(TimeUnit::Nanosecond),
        _ => None,
    });
    let known = match (base, unit) {
        ("TIMESTAMP", Some(unit)) => Some(DataType::Timestamp(unit, None)),
        ("TIMESTAMP_LTZ", Some(unit)) => Some(DataType::Timestamp(unit, Some("UTC".into()))),
        _ => None,
    };
    known.map_or_else(|| plain_type(&upper), Ok)
}

fn plain_type(upper: &str) -> Result<DataType> {
    Ok(match upper {
        "BOOLEAN" => DataType::Boolean,
        "INT" | "INTEGER" => DataType::Int32,
        "BIGINT" => DataType::Int64,
        "FLOAT" => DataType::Float32,
        "DOUBLE" => DataType::Float64,
        "DATE" => DataType::Date32,
        "STRING" => DataType::Utf8,
        "BYTES" => DataType::Binary,
        other => return Err(Error::query(format!("a function cannot take or give {other}")).hint(TYPES)),
    })
}

/// The type by which a value passes through a function of plain numbers, if it can.
pub fn number(data_type: &DataType) -> Option<ValType> {
    match data_type {
        DataType::Boolean | DataType::Int32 | DataType::Date32 => Some(ValType::I32),
        DataType::Int64 | DataType::Timestamp(..) => Some(ValType::I64),
        DataType::Float32 => Some(ValType::F32),
        DataType::Float64 => Some(ValType::F64),
        _ => None,
    }
}

/// The signature that a function of plain numbers has when the module declares none.
pub fn of_numbers(name: &str, own: &FuncType) -> Result<FunctionSignature> {
    let data_type = |own: &ValType| {
        Ok(match own {
            ValType::I32 => DataType::Int32,
            ValType::I64 => DataType::Int64,
            ValType::F32 => DataType::Float32,
            ValType::F64 => DataType::Float64,
            _ => {
                return Err(Error::query(format!("`{name}` takes or gives a reference"))
                    .hint("without declarations a function takes and gives i32, i64, f32 and f64"));
            }
        })
    };
    let [result] = own.results() else {
        return Err(Error::query(format!("`{name}` gives {} values instead of one", own.results().len())));
    };
    let args = own.params().iter().map(data_type).collect::<Result<_>>()?;
    Ok(FunctionSignature { name: name.to_string(), args, result: data_type(result)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_name_types_and_a_type() {
        let text = "millrace 1\n  at_hour ( TIMESTAMP(3), int ) returns BOOLEAN \n\nnow_here() RETURNS TIMESTAMP_LTZ";
        let found = parse(text).unwrap();
        let hour = DataType::Timestamp(TimeUnit::Millisecond, None);
        let here = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        let signature = |name: &str, args, result| FunctionSignature { name: name.into(), args, result };
        assert_eq!(
            found,
            vec![
                signature("at_hour", vec![hour, DataType::Int32], DataType::Boolean),
                signature("now_here", vec![], here)
            ]
        );
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, part) in [
            ("", "made for ``"),
            ("millrace 2\nf() RETURNS INT", "made for `millrace 2`"),
            ("millrace 1\nf(INT)", "`f(INT)` does not declare"),
            ("millrace 1\nf g(INT) RETURNS INT", "does not declare"),
            ("millrace 1\nf(DECIMAL(10) RETURNS INT", "cannot take or give DECIMAL"),
            ("millrace 1\nf(INT) RETURNS ARRAY<INT>", "cannot take or give ARRAY<INT>"),
            ("millrace 1\nf(TIMESTAMP(10)) RETURNS INT", "cannot take or give TIMESTAMP(10)"),
        ] {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.contains(part), "{text:?}: {error}");
        }
    }
}
