//! Paths into a JSON text: `$.a[0]['b c'][*].*`, with `lax` or `strict` (the default) before it.
//!
//! Strict: a text that is no JSON, a step that leads nowhere and a JSON null are errors. Lax: they are nothing.
//! A wildcard finds a list, of those members that have what follows it.

use datafusion_common::{Result, plan_err};

use crate::parse::HINT;

use super::scan::{Kind, elements, is_valid, members, text_of, trim};

#[derive(Debug, PartialEq)]
enum Step {
    Key(String),
    Index(usize),
    Any,
}

/// A path.
#[derive(Debug, PartialEq)]
pub(super) struct Path {
    steps: Vec<Step>,
    lax: bool,
}

/// What is at a path.
#[derive(Debug, PartialEq)]
pub(super) enum Found<'a> {
    /// Nothing, and that is no error.
    Nothing,
    /// A value that is not null.
    One(&'a str),
    /// What a path with a wildcard leads to.
    Many(Vec<&'a str>),
}

/// Why there is no value: what ON ERROR is for.
pub(super) type Wrong = &'static str;

impl Path {
    pub fn parse(path: &str) -> Result<Path> {
        match Path::read(path) {
            Some(path) => Ok(path),
            None => plan_err!(
                "'{path}' is not a JSON path that Millrace follows{HINT}write $.key, $['key'], $[0], $[*] or $.*"
            ),
        }
    }

    fn read(path: &str) -> Option<Path> {
        let text = path.trim();
        let (lax, text) = match text.split_once(char::is_whitespace) {
            Some((mode, rest)) if mode.eq_ignore_ascii_case("lax") => (true, rest.trim_start()),
            Some((mode, rest)) if mode.eq_ignore_ascii_case("strict") => (false, rest.trim_start()),
            _ => (false, text),
        };
        let mut rest = text.strip_prefix('$')?;
        let mut steps = vec![];
        while !rest.is_empty() {
            let (step, after) = match rest.strip_prefix(".[").or(rest.strip_prefix('[')) {
                Some(inside) => bracket(inside)?,
                None => member(rest)?,
            };
            steps.push(step);
            rest = after;
        }
        Some(Path { steps, lax })
    }

    /// What a value that the function cannot take is: nothing, or an error.
    pub fn unfit(&self, wrong: Wrong) -> std::result::Result<(), Wrong> {
        if self.lax { Ok(()) } else { Err(wrong) }
    }

    /// What is at the path of a JSON text.
    pub fn find<'a>(&self, json: &'a str) -> std::result::Result<Found<'a>, Wrong> {
        if !is_valid(json) {
            return self.nothing("it is not JSON");
        }
        let root = trim(json);
        if root == "null" {
            return Err("it is null");
        }
        let mut value = root;
        for (at, step) in self.steps.iter().enumerate() {
            if *step == Step::Any {
                let mut found = vec![];
                spread(value, &self.steps[at..], &mut found);
                return Ok(Found::Many(found));
            }
            match follow(value, step) {
                Some(next) => value = next,
                None if self.lax && self.steps.contains(&Step::Any) => return Ok(Found::Many(vec![])),
                None => return self.nothing("there is nothing at the path"),
            }
        }
        if Kind::of(value) == Kind::Null {
            return self.nothing("there is null at the path");
        }
        Ok(Found::One(value))
    }

    fn nothing<'a>(&self, wrong: Wrong) -> std::result::Result<Found<'a>, Wrong> {
        if self.lax { Ok(Found::Nothing) } else { Err(wrong) }
    }
}

/// The step in brackets, after the opening one.
fn bracket(inside: &str) -> Option<(Step, &str)> {
    let inside = inside.trim_start();
    if let Some(quote) = inside.chars().next().filter(|first| matches!(first, '\'' | '"')) {
        let (key, after) = inside[1..].split_once(quote)?;
        return Some((Step::Key(key.to_string()), after.trim_start().strip_prefix(']')?));
    }
    let (index, after) = inside.split_once(']')?;
    match index.trim() {
        "*" => Some((Step::Any, after)),
        index => Some((Step::Index(index.parse().ok()?), after)),
    }
}

/// The step after a point.
fn member(text: &str) -> Option<(Step, &str)> {
    let key = text.strip_prefix('.')?;
    let (key, after) = key.split_at(key.find(['.', '[']).unwrap_or(key.len()));
    match key {
        "" => None,
        "*" => Some((Step::Any, after)),
        key if key.contains(['*', '(', ')', '?', '@', ' ']) => None,
        key => Some((Step::Key(key.to_string()), after)),
    }
}

/// One step from a value; of equal keys the last counts.
fn follow<'a>(value: &'a str, step: &Step) -> Option<&'a str> {
    match step {
        Step::Key(wanted) => {
            members(value).filter(|(key, _)| is_key(key, wanted)).last().map(|(_, found)| found)
        }
        Step::Index(index) => elements(value).nth(*index),
        Step::Any => None,
    }
}

fn is_key(spelled: &str, wanted: &str) -> bool {
    match spelled.contains('\\') {
        false => spelled.get(1..spelled.len().max(2) - 1) == Some(wanted),
        true => text_of(spelled) == wanted,
    }
}

/// Appends all that the steps lead to; steps that lead nowhere lead to nothing.
fn spread<'a>(value: &'a str, steps: &[Step], found: &mut Vec<&'a str>) {
    match steps.split_first() {
        None => found.push(value),
        Some((Step::Any, rest)) => {
            elements(value).for_each(|element| spread(element, rest, found));
            members(value).for_each(|(_, member)| spread(member, rest, found));
        }
        Some((step, rest)) => {
            if let Some(next) = follow(value, step) {
                spread(next, rest, found);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find<'a>(json: &'a str, path: &str) -> std::result::Result<Found<'a>, Wrong> {
        Path::parse(path).unwrap().find(json)
    }

    #[test]
    fn a_path_is_strict_unless_it_says_lax() {
        let json = r#"{"a": {"b": [1, {"c": null}, "x"]}}"#;
        assert_eq!(find(json, "$.a.b[0]"), Ok(Found::One("1")));
        assert_eq!(find(json, "STRICT  $.a.b[2]"), Ok(Found::One("\"x\"")));
        assert!(find(json, "$.a.b[3]").is_err());
        assert!(find(json, "$.a.b[1].c").is_err());
        assert!(find(json, "$.a.b.c").is_err());
        assert!(find("{\"a\": 1", "$.a").is_err());
        for path in ["lax $.a.b[3]", "lax $.a.b[1].c", "lax $.a.b.c"] {
            assert_eq!(find(json, path), Ok(Found::Nothing), "{path}");
        }
        assert_eq!(find("{\"a\": 1", "lax $.a"), Ok(Found::Nothing));
    }

    #[test]
    fn wildcards_find_lists_of_what_is_there() {
        let json = r#"{"a": [{"c": 1}, {"d": 2}, {"c": null}], "b": {"x": [1, 2], "y": [3]}}"#;
        assert_eq!(find(json, "$.a[*].c"), Ok(Found::Many(vec!["1", "null"])));
        assert_eq!(find(json, "$.b.*[0]"), Ok(Found::Many(vec!["1", "3"])));
        assert_eq!(find(json, "$.a[0].c[*]"), Ok(Found::Many(vec![])));
        assert!(find(json, "$.z[*]").is_err());
        assert_eq!(find(json, "lax $.z[*]"), Ok(Found::Many(vec![])));
    }

    #[test]
    fn keys_are_compared_without_escapes_and_the_last_counts() {
        assert_eq!(find(r#"{"a\u0062": 1}"#, "$.ab"), Ok(Found::One("1")));
        assert_eq!(find(r#"{"a": 1, "a": 2}"#, "$.a"), Ok(Found::One("2")));
        assert_eq!(find(r#"{"}\"": [1], "b": {"]": "}"}}"#, "$.b[']']"), Ok(Found::One("\"}\"")));
    }

    #[test]
    fn other_paths_are_refused() {
        for path in ["", "a", "$.", "$..a", "$[", "$[-1]", "$[0:2]", "$[?(@.a)]", "$.a*", "lax", "$['a'"] {
            assert!(Path::parse(path).is_err(), "{path}");
        }
    }
}
