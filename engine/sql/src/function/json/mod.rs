//! JSON texts: taken apart by path, and made.
//!
//! What ON EMPTY, ON ERROR, RETURNING and the like say comes as further arguments: `parse::json` writes them.

mod build;
mod extract;
mod number;
mod path;
mod scan;
mod write;

use arrow::array::ArrayRef;
use arrow::datatypes::DataType;
use datafusion_common::{Result, exec_err};

use super::ScalarEntry;
use super::call::Call;
use super::coercion::Takes::{Any, Text};
use super::udf::{Arguments, Gives, checked, entry};
use scan::{Kind, is_valid, trim};
use write::push_ascii;

pub(super) const FUNCTIONS: &[ScalarEntry] = &[
    checked(
        "json_value",
        "JSON_VALUE(json, path [RETURNING type] [{NULL | ERROR | DEFAULT value} ON EMPTY] [... ON ERROR])",
        "the scalar at path",
        Arguments::Checked(extract::value_types),
        Gives::Of(extract::returned),
        extract::value,
    ),
    checked(
        "json_query",
        "JSON_QUERY(json, path [RETURNING type] [{WITHOUT | WITH [CONDITIONAL | UNCONDITIONAL]} WRAPPER] \
         [{NULL | EMPTY ARRAY | EMPTY OBJECT | ERROR} ON EMPTY] [... ON ERROR])",
        "the object or array at path",
        Arguments::Checked(extract::query_types),
        Gives::Of(extract::returned),
        extract::query,
    ),
    entry(
        "json_exists",
        "JSON_EXISTS(json, path [{TRUE | FALSE | UNKNOWN | ERROR} ON ERROR])",
        "true if there is something at path",
        &[Text, Text, Text],
        Gives::Of(|_, literals| extract::check_path(literals).map(|()| DataType::Boolean)),
        extract::exists,
    )
    .optional(1),
    checked(
        "json_object",
        "JSON_OBJECT([KEY] 'key' VALUE value, ... [{NULL | ABSENT} ON NULL])",
        "a JSON object; NULLs become null unless ABSENT",
        Arguments::Checked(build::object_types),
        Gives::Text,
        build::object,
    ),
    checked(
        "json_array",
        "JSON_ARRAY(value, ... [{NULL | ABSENT} ON NULL])",
        "a JSON array; NULLs are left out unless NULL ON NULL",
        Arguments::Checked(build::array_types),
        Gives::Text,
        build::array,
    ),
    checked(
        "json",
        "JSON(string)",
        "within JSON_OBJECT and JSON_ARRAY: a text that is JSON itself",
        Arguments::Checked(build::json_types),
        Gives::Text,
        build::json,
    ),
    entry(
        "is_json",
        "IS_JSON(string), string IS [NOT] JSON [VALUE | SCALAR | ARRAY | OBJECT]",
        "true if the text is JSON, of that kind; false for NULL",
        &[Text, Text],
        Gives::Boolean,
        is_json,
    )
    .optional(1),
    entry("json_string", "JSON_STRING(value)", "any value as JSON", &[Any], Gives::Text, build::string),
    entry("json_quote", "JSON_QUOTE(string)", "as a JSON string in ASCII", &[Text], Gives::Text, quote),
    entry(
        "json_unquote",
        "JSON_UNQUOTE(string)",
        "the text of a JSON string; anything else as it is",
        &[Text],
        Gives::Text,
        unquote,
    ),
];

fn is_json(call: &Call) -> Result<ArrayRef> {
    let json = call.text(0)?;
    let wanted = match call.has(1) {
        true => call.constant_text(1)?.unwrap_or_default(),
        false => "VALUE",
    };
    let fits: fn(Kind) -> bool = match wanted {
        "VALUE" => |_| true,
        "SCALAR" => Kind::is_scalar,
        "ARRAY" => |kind| kind == Kind::Array,
        "OBJECT" => |kind| kind == Kind::Object,
        _ => return exec_err!("JSON is a VALUE, SCALAR, ARRAY or OBJECT, not '{wanted}'"),
    };
    call.booleans(|row| {
        Ok(Some(json.get(row).is_some_and(|json| fits(Kind::of(trim(json))) && is_valid(json))))
    })
}

fn quote(call: &Call) -> Result<ArrayRef> {
    let text = call.text(0)?;
    call.texts(|row, out| Ok(text.get(row).map(|text| push_ascii(out, text)).is_some()))
}

fn unquote(call: &Call) -> Result<ArrayRef> {
    let text = call.text(0)?;
    call.texts(|row, out| {
        let Some(text) = text.get(row) else { return Ok(false) };
        let quoted = text.len() >= 2 && text.starts_with('"') && text.ends_with('"');
        match quoted.then(|| sonic_rs::from_str::<String>(text).ok()).flatten() {
            Some(inside) => out.push_str(&inside),
            None => out.push_str(text),
        }
        Ok(true)
    })
}
