//! Functions of JSON text. The text is searched, not built into a tree.

use arrow::datatypes::DataType;
use datafusion_common::Result;
use sonic_rs::{JsonType, JsonValueTrait, PointerNode};

use super::Parameter::{Any, Text};
use super::{Entry, Returns, failed};

const TEXT: Returns = Returns::Always(DataType::Utf8);

pub(super) static FUNCTIONS: &[Entry] = &[
    Entry {
        name: "json_value",
        aliases: &[],
        signature: "JSON_VALUE(json, path)",
        about: "the text, number or boolean at the path, as STRING; NULL if there is none",
        takes: &[Text, Text],
        needs: 2,
        repeats: false,
        returns: TEXT,
        evaluate: |args, _| {
            let (json, path) = (args.texts(0)?, args.texts(1)?);
            let mut paths = Paths::default();
            args.build_text(|row, out| {
                let Some((json, path)) = json.get(row).zip(path.get(row)) else { return Ok(None) };
                let path = paths.get(path)?;
                let Ok(found) = sonic_rs::get(json, path) else { return Ok(None) };
                let text = match found.get_type() {
                    JsonType::String => found.as_str(),
                    JsonType::Number | JsonType::Boolean => Some(found.as_raw_str()),
                    _ => None,
                };
                Ok(text.map(|own| out.push_str(own)))
            })
        },
        examples: &[
            ("JSON_VALUE('{\"a\": {\"b\": [1, 2.5]}}', '$.a.b[1]')", "2.5"),
            ("JSON_VALUE('{\"a\": true}', 'lax $.a')", "true"),
            ("JSON_VALUE('{\"a\": [1]}', '$.a')", "NULL"),
            ("JSON_VALUE('no json', '$.a')", "NULL"),
        ],
    },
    Entry {
        name: "json_exists",
        aliases: &[],
        signature: "JSON_EXISTS(json, path)",
        about: "true if there is something at the path",
        takes: &[Text, Text],
        needs: 2,
        repeats: false,
        returns: Returns::Always(DataType::Boolean),
        evaluate: |args, _| {
            let (json, path) = (args.texts(0)?, args.texts(1)?);
            let mut paths = Paths::default();
            args.build_bools(|row| {
                let Some((json, path)) = json.get(row).zip(path.get(row)) else { return Ok(None) };
                Ok(Some(sonic_rs::get(json, paths.get(path)?).is_ok()))
            })
        },
        examples: &[
            ("JSON_EXISTS('{\"a\": null}', '$.a')", "true"),
            ("JSON_EXISTS('{\"a\": 1}', '$.b')", "false"),
        ],
    },
    Entry {
        name: "json_query",
        aliases: &[],
        signature: "JSON_QUERY(json, path)",
        about: "the object or array at the path, as JSON text; NULL if there is none",
        takes: &[Text, Text],
        needs: 2,
        repeats: false,
        returns: TEXT,
        evaluate: |args, _| {
            let (json, path) = (args.texts(0)?, args.texts(1)?);
            let mut paths = Paths::default();
            args.build_text(|row, out| {
                let Some((json, path)) = json.get(row).zip(path.get(row)) else { return Ok(None) };
                let Ok(found) = sonic_rs::get(json, paths.get(path)?) else { return Ok(None) };
                let nested = matches!(found.get_type(), JsonType::Object | JsonType::Array);
                Ok(nested.then(|| compact(found.as_raw_str(), out)))
            })
        },
        examples: &[
            ("JSON_QUERY('{\"a\": {\"b\": 1}}', '$.a')", "{\"b\":1}"),
            ("JSON_QUERY('{\"a\": 1}', '$.a')", "NULL"),
        ],
    },
    Entry {
        name: "is_json",
        aliases: &[],
        signature: "IS_JSON(text)",
        about: "true if the text is JSON",
        takes: &[Text],
        needs: 1,
        repeats: false,
        returns: Returns::Always(DataType::Boolean),
        evaluate: |args, _| {
            let json = args.texts(0)?;
            args.build_bools(|row| {
                Ok(Some(json.get(row).is_some_and(|own| sonic_rs::from_str::<sonic_rs::Value>(own).is_ok())))
            })
        },
        examples: &[("IS_JSON('[1]')", "true"), ("IS_JSON('[1')", "false")],
    },
    Entry {
        name: "json_quote",
        aliases: &[],
        signature: "JSON_QUOTE(text)",
        about: "the text as a JSON string",
        takes: &[Text],
        needs: 1,
        repeats: false,
        returns: TEXT,
        evaluate: |args, _| {
            let text = args.texts(0)?;
            args.build_text(|row, out| {
                let quoted = text.get(row).map(sonic_rs::to_string);
                Ok(quoted.and_then(Result::ok).map(|own| out.push_str(&own)))
            })
        },
        examples: &[("JSON_QUOTE('a\"b')", "\"a\\\"b\"")],
    },
    Entry {
        name: "json_unquote",
        aliases: &[],
        signature: "JSON_UNQUOTE(json)",
        about: "the text of a JSON string; anything else as it is",
        takes: &[Text],
        needs: 1,
        repeats: false,
        returns: TEXT,
        evaluate: |args, _| {
            let json = args.texts(0)?;
            args.build_text(|row, out| {
                Ok(json.get(row).map(|own| match sonic_rs::from_str::<String>(own) {
                    Ok(text) => out.push_str(&text),
                    Err(_) => out.push_str(own),
                }))
            })
        },
        examples: &[("JSON_UNQUOTE('\"ab\"')", "ab")],
    },
    Entry {
        name: "json_string",
        aliases: &[],
        signature: "JSON_STRING(value)",
        about: "a number, boolean or text as JSON",
        takes: &[Any],
        needs: 1,
        repeats: false,
        returns: TEXT,
        evaluate: |args, _| {
            let values = args.array(0)?;
            args.build_text(|row, out| {
                if values.is_null(row) {
                    return Ok(None);
                }
                let mut text = String::new();
                if !super::text_form::write(values.as_ref(), row, &mut text) {
                    return failed("JSON_STRING takes numbers, booleans and texts");
                }
                match values.data_type() {
                    DataType::Boolean => out.push_str(&text.to_lowercase()),
                    own if own.is_numeric() => out.push_str(&text),
                    _ => out.push_str(&sonic_rs::to_string(&text).unwrap_or_default()),
                }
                Ok(Some(()))
            })
        },
        examples: &[("JSON_STRING('a')", "\"a\""), ("JSON_STRING(1)", "1"), ("JSON_STRING(TRUE)", "true")],
    },
];

/// The last path, kept from row to row.
#[derive(Default)]
struct Paths(Option<(String, Vec<PointerNode>)>);

impl Paths {
    fn get(&mut self, text: &str) -> Result<&[PointerNode]> {
        if self.0.as_ref().is_none_or(|(last, _)| last != text) {
            match parse(text) {
                Some(path) => self.0 = Some((text.to_string(), path)),
                None => {
                    return failed(format!("the JSON path '{text}': write '$.name', '$[0]', '$['name']'"));
                }
            }
        }
        Ok(self.0.as_ref().map(|(_, path)| path.as_slice()).unwrap_or_default())
    }
}

/// `[lax|strict] $(.name | [index] | ['name'])*`.
fn parse(text: &str) -> Option<Vec<PointerNode>> {
    let text = text.trim();
    let text = text.strip_prefix("lax ").or_else(|| text.strip_prefix("strict ")).unwrap_or(text).trim();
    let mut rest = text.strip_prefix('$')?;
    let mut path = vec![];
    while !rest.is_empty() {
        if let Some(name) = rest.strip_prefix('.') {
            let len = name.find(['.', '[']).unwrap_or(name.len());
            if len == 0 || &name[..len] == "*" {
                return None;
            }
            path.push(PointerNode::Key(name[..len].trim_matches('"').to_string().into()));
            rest = &name[len..];
        } else {
            let inside = rest.strip_prefix('[')?;
            let (step, after) = inside.split_once(']')?;
            let quoted = step.strip_prefix('\'').and_then(|own| own.strip_suffix('\''));
            path.push(match quoted {
                Some(name) => PointerNode::Key(name.to_string().into()),
                None => PointerNode::Index(step.trim().parse().ok()?),
            });
            rest = after;
        }
    }
    Some(path)
}

/// JSON without white space between its tokens.
fn compact(json: &str, out: &mut String) {
    let (mut quoted, mut escaped) = (false, false);
    for letter in json.chars() {
        if quoted || !letter.is_ascii_whitespace() {
            out.push(letter);
        }
        quoted ^= letter == '"' && !escaped;
        escaped = letter == '\\' && !escaped;
    }
}
