//! The parts of a JSON text that is known to be valid: the members of an object, the elements of an array.
//!
//! Contract: the text must have passed [`is_valid`]; nothing is copied. On other texts the parts are arbitrary,
//! but nothing panics.

use std::borrow::Cow;

const SPACE: [char; 4] = [' ', '\t', '\n', '\r'];

/// How deep a JSON text may be nested, as in Flink. More would overflow the stack of any recursive reader.
pub(super) const MOST_DEEP: usize = 1000;

/// True if the whole text is one JSON value that is not nested too deep.
pub(super) fn is_valid(json: &str) -> bool {
    !is_too_deep(json) && sonic_rs::from_str::<sonic_rs::LazyValue>(json).is_ok()
}

/// True if more than [`MOST_DEEP`] objects and arrays are open at once.
fn is_too_deep(json: &str) -> bool {
    if json.len() <= MOST_DEEP {
        return false;
    }
    let (bytes, mut at, mut depth) = (json.as_bytes(), 0, 0usize);
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => at = string_end(bytes, at) - 1,
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MOST_DEEP {
            return true;
        }
        at += 1;
    }
    false
}

/// What a JSON value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Object,
    Array,
    Text,
    Number,
    Boolean,
    Null,
}

impl Kind {
    /// The kind of a value, by its first character.
    pub fn of(value: &str) -> Kind {
        match value.as_bytes().first() {
            Some(b'{') => Kind::Object,
            Some(b'[') => Kind::Array,
            Some(b'"') => Kind::Text,
            Some(b't' | b'f') => Kind::Boolean,
            Some(b'n') => Kind::Null,
            _ => Kind::Number,
        }
    }

    /// True for what is neither an object nor an array.
    pub fn is_scalar(self) -> bool {
        !matches!(self, Kind::Object | Kind::Array)
    }
}

/// A value without the white space around it.
pub(super) fn trim(json: &str) -> &str {
    json.trim_matches(SPACE)
}

/// Where the string that begins at `at` ends.
fn string_end(bytes: &[u8], at: usize) -> usize {
    let mut next = at + 1;
    while let Some(byte) = bytes.get(next) {
        match byte {
            b'\\' => next += 2,
            b'"' => return next + 1,
            _ => next += 1,
        }
    }
    bytes.len()
}

/// Where the value that begins at 0 ends.
fn value_end(bytes: &[u8]) -> usize {
    match bytes.first() {
        Some(b'"') => string_end(bytes, 0),
        Some(b'{' | b'[') => {
            let (mut depth, mut at) = (0usize, 0);
            while let Some(byte) = bytes.get(at) {
                match byte {
                    b'"' => {
                        at = string_end(bytes, at);
                        continue;
                    }
                    b'{' | b'[' => depth += 1,
                    b'}' | b']' => {
                        depth = depth.saturating_sub(1);
                        if depth == 0 {
                            return at + 1;
                        }
                    }
                    _ => {}
                }
                at += 1;
            }
            bytes.len()
        }
        _ => {
            let ends = |byte: &u8| matches!(byte, b',' | b']' | b'}' | b' ' | b'\t' | b'\n' | b'\r');
            bytes.iter().position(ends).unwrap_or(bytes.len())
        }
    }
}

fn split_value(json: &str) -> (&str, &str) {
    let end = value_end(json.as_bytes()).min(json.len());
    json.split_at_checked(end).unwrap_or((json, ""))
}

/// The values of an array, in order.
pub(super) struct Elements<'a> {
    rest: &'a str,
}

/// The elements of an array; of anything else none.
pub(super) fn elements(json: &str) -> Elements<'_> {
    Elements { rest: json.strip_prefix('[').unwrap_or_default() }
}

impl<'a> Iterator for Elements<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let rest = self.rest.trim_start_matches(SPACE);
        let rest = rest.strip_prefix(',').unwrap_or(rest).trim_start_matches(SPACE);
        if rest.is_empty() || rest.starts_with(']') {
            return None;
        }
        let (value, after) = split_value(rest);
        self.rest = after;
        Some(value)
    }
}

/// Keys, as they are spelled (with quotes), and values of an object, in order.
pub(super) struct Members<'a> {
    rest: &'a str,
}

/// The members of an object; of anything else none.
pub(super) fn members(json: &str) -> Members<'_> {
    Members { rest: json.strip_prefix('{').unwrap_or_default() }
}

impl<'a> Iterator for Members<'a> {
    type Item = (&'a str, &'a str);

    fn next(&mut self) -> Option<(&'a str, &'a str)> {
        let rest = self.rest.trim_start_matches(SPACE);
        let rest = rest.strip_prefix(',').unwrap_or(rest).trim_start_matches(SPACE);
        if !rest.starts_with('"') {
            return None;
        }
        let (key, after) = split_value(rest);
        let after = after.trim_start_matches(SPACE);
        let after = after.strip_prefix(':').unwrap_or(after).trim_start_matches(SPACE);
        let (value, after) = split_value(after);
        self.rest = after;
        Some((key, value))
    }
}

/// What a JSON string says: without quotes and escapes.
pub(super) fn text_of(string: &str) -> Cow<'_, str> {
    let inside = string.strip_prefix('"').and_then(|own| own.strip_suffix('"')).unwrap_or(string);
    match inside.contains('\\') {
        false => Cow::Borrowed(inside),
        true => sonic_rs::from_str::<String>(string).map_or(Cow::Borrowed(inside), Cow::Owned),
    }
}
