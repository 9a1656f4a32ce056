//! Programs of another engine's tests: rows before a restart, rows after it, and the changes expected of both.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

/// One program.
#[derive(Debug, Deserialize)]
pub struct Program {
    /// Its name.
    pub id: String,
    /// What it is about.
    pub group: String,
    /// Settings.
    pub config: BTreeMap<String, String>,
    /// User-defined functions that it needs.
    pub functions: Vec<Value>,
    /// The tables it reads.
    pub sources: Vec<Source>,
    /// The tables it writes.
    pub sinks: Vec<Sink>,
    /// The SQL.
    pub statements: Vec<String>,
}

/// A table that is read.
#[derive(Debug, Deserialize)]
pub struct Source {
    /// Its name.
    pub name: String,
    /// What stands between the brackets of `CREATE TABLE`.
    pub columns: Vec<String>,
    /// The options of its test connector, as Java prints them: `{changelog-mode=I,UA,D}`.
    #[serde(default)]
    pub options: String,
    /// Rows before the restart.
    pub before_restart: Vec<SourceRow>,
    /// Rows after it.
    pub after_restart: Vec<SourceRow>,
}

impl Source {
    /// The row kinds that it sends, if it does not only append.
    fn changelog_mode(&self) -> Option<&str> {
        let options = self.options.trim_start_matches('{').trim_end_matches('}').split(", ");
        options
            .filter_map(|own| own.split_once('='))
            .find(|(name, _)| *name == "changelog-mode")
            .map(|own| own.1)
    }
}

/// A row of a source.
#[derive(Debug, Deserialize)]
pub struct SourceRow {
    /// `+I`, `-U`, `+U` or `-D`.
    pub kind: String,
    /// Its values.
    pub f: Vec<Value>,
}

/// A table that is written.
#[derive(Debug, Deserialize)]
pub struct Sink {
    /// Its name.
    pub name: String,
    /// What stands between the brackets of `CREATE TABLE`.
    pub columns: Vec<String>,
    /// The changes before the restart, as Java prints them.
    pub before_restart: Vec<String>,
    /// The changes after it.
    pub after_restart: Vec<String>,
}

/// The half of a program's run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Up to the stop with a snapshot.
    Before,
    /// From there to the end of the input.
    After,
}

/// What programs declare by calls of Java, which their statements do not show, in SQL: `createTemporalTableFunction`
/// makes a table a function of time.
const DECLARED_BY_CALLS: &[(&str, &str)] =
    &[("temporal-join-temporal-function", "CREATE VIEW Rates AS SELECT * FROM RatesHistory")];

/// A change of a table: its kind and its values, as Java prints them.
type Change = (String, Vec<String>);

/// Reads the programs, one JSON object a line.
pub fn read(path: &Path) -> Result<Vec<Program>, String> {
    let text = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let program = |(at, line): (usize, &str)| {
        serde_json::from_str(line).map_err(|error| format!("{}:{}: {error}", path.display(), at + 1))
    };
    text.lines().enumerate().map(program).collect()
}

/// The names and types of the physical columns among declarations, in order.
fn physical(columns: &[String]) -> Vec<(String, String)> {
    let column = |text: &String| {
        let text = text.trim();
        let (name, rest) = match text.strip_prefix('`') {
            Some(quoted) => quoted.split_once('`')?,
            None => text.split_once(char::is_whitespace)?,
        };
        let rest = rest.trim();
        let first = rest.split_whitespace().next()?.to_ascii_uppercase();
        let is_column = first != "AS"
            && !(name.eq_ignore_ascii_case("watermark") && first == "FOR")
            && !name.to_ascii_uppercase().starts_with("PRIMARY");
        is_column.then(|| (name.to_string(), rest.to_string()))
    };
    declarations(columns).iter().filter_map(column).collect()
}

/// One declaration each: some of the texts hold several.
fn declarations(columns: &[String]) -> Vec<String> {
    let (mut found, mut depth) = (vec![String::new()], 0);
    for letter in columns.join(",").chars() {
        match letter {
            '(' | '<' => depth += 1,
            ')' | '>' => depth -= 1,
            _ => {}
        }
        match found.last_mut() {
            Some(own) if letter != ',' || depth > 0 => own.push(letter),
            _ => found.push(String::new()),
        }
    }
    found
}

/// The columns of `PRIMARY KEY (...)`.
fn primary_key(columns: &[String]) -> Option<Vec<String>> {
    let text = columns.iter().find(|own| own.trim().to_ascii_uppercase().starts_with("PRIMARY KEY"))?;
    let (_, rest) = text.split_once('(')?;
    let (names, _) = rest.split_once(')')?;
    Some(names.split(',').map(|own| own.trim().trim_matches('`').to_string()).collect())
}

impl Program {
    /// True if nothing comes after a restart: it runs to its end at once.
    pub fn is_one_run(&self) -> bool {
        self.sources.iter().all(|own| own.after_restart.is_empty())
            && self.sinks.iter().all(|own| own.after_restart.is_empty())
    }

    /// Why it cannot be run at all; `None` = it can.
    pub fn obstacle(&self) -> Option<String> {
        if !self.functions.is_empty() {
            return Some("needs user-defined functions".into());
        }
        let appending = self.sources.iter().filter(|own| own.changelog_mode().is_none());
        let rows = appending.flat_map(|own| own.before_restart.iter().chain(&own.after_restart));
        let other = rows.map(|own| own.kind.as_str()).find(|kind| *kind != "+I");
        other.map(|kind| format!("a source with {kind} rows"))
    }

    /// The script, with its tables as files below `folder`.
    pub fn script(&self, folder: &Path) -> String {
        let mut script = String::new();
        // Names between underscores are switches of the tests of that engine.
        for (name, value) in self.config.iter().filter(|(name, _)| !name.starts_with("__")) {
            script += &format!("SET '{name}' = '{value}';\n");
        }
        let file = |name: &str, format: &str| {
            format!(
                "'connector' = 'filesystem', 'path' = '{}', 'format' = '{format}', \
                 '{format}.timestamp-format.standard' = 'ISO-8601'",
                folder.join(name).display()
            )
        };
        for own in &self.sources {
            // Metadata of a test connector: here a column of the file.
            let columns: Vec<String> = own
                .columns
                .iter()
                .map(|text| text.replace(" METADATA", "").replace(" VIRTUAL", ""))
                .collect();
            let name = format!("{}.json", own.name);
            let options = match own.changelog_mode() {
                None => file(&name, "json"),
                Some(mode) => file(&name, "changelog-json") + &format!(", 'changelog-mode' = '{mode}'"),
            };
            script += &format!("CREATE TABLE {} ({}) WITH ({options});\n", own.name, columns.join(", "));
        }
        for own in &self.sinks {
            let options = file(&own.name, "changelog-json");
            script += &format!("CREATE TABLE {} ({}) WITH ({options});\n", own.name, own.columns.join(", "));
        }
        let called = DECLARED_BY_CALLS.iter().filter(|(id, _)| *id == self.id);
        for own in called.map(|(_, sql)| *sql).chain(self.statements.iter().map(String::as_str)) {
            script += &format!("{};\n", own.trim().trim_end_matches(';'));
        }
        script
    }

    /// Appends the rows of a phase to the files of the sources below `folder`.
    pub fn feed(&self, folder: &Path, phase: Phase) -> Result<(), String> {
        for own in &self.sources {
            let columns = physical(&own.columns);
            let rows = if phase == Phase::Before { &own.before_restart } else { &own.after_restart };
            let mut lines = String::new();
            for row in rows {
                // A test connector may offer metadata behind the columns that are declared.
                if row.f.len() < columns.len() {
                    return Err(format!(
                        "{}: {} values for {} columns",
                        own.name,
                        row.f.len(),
                        columns.len()
                    ));
                }
                let changes = own.changelog_mode().is_some();
                let cell = |((name, kind), value): (&(String, String), &Value)| match changes {
                    true => json(value, kind),
                    false => format!("{}:{}", Value::from(name.as_str()), json(value, kind)),
                };
                let cells: Vec<String> = columns.iter().zip(&row.f).map(cell).collect();
                lines += &match changes {
                    true => format!("{{\"op\":\"{}\",\"row\":[{}]}}\n", row.kind, cells.join(",")),
                    false => format!("{{{}}}\n", cells.join(",")),
                };
            }
            let path = folder.join(format!("{}.json", own.name));
            let text = fs::read_to_string(&path).unwrap_or_default() + &lines;
            fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))?;
        }
        Ok(())
    }

    /// Compares the lines that each sink wrote in both phases, as `[before, after]`, with what is expected: the
    /// changes of each phase, or what they leave behind.
    pub fn judge(&self, written: &BTreeMap<String, [String; 2]>) -> Result<(), String> {
        for sink in &self.sinks {
            let columns = physical(&sink.columns);
            let own = written.get(&sink.name).ok_or_else(|| format!("{} wrote nothing", sink.name))?;
            let found = [changes(&own[0], &columns)?, changes(&own[1], &columns)?];
            let expected = [parsed(&sink.before_restart)?, parsed(&sink.after_restart)?];
            for phase in [0, 1] {
                if multiset(&found[phase]) == multiset(&expected[phase]) {
                    continue;
                }
                let key: Option<Vec<usize>> = primary_key(&sink.columns).map(|names| {
                    names.iter().filter_map(|name| columns.iter().position(|own| own.0 == *name)).collect()
                });
                let left =
                    |changes: &[Vec<Change>; 2]| folded(changes[..=phase].iter().flatten(), key.as_deref());
                let (found, expected) = (left(&found), left(&expected));
                if found != expected {
                    let phase = ["before", "after"][phase];
                    return Err(format!("{phase} the restart: {found:?}, expected {expected:?}"));
                }
            }
        }
        Ok(())
    }
}

/// A value of a source as JSON.
fn json(value: &Value, kind: &str) -> String {
    match value {
        // A map, as Java prints it.
        Value::String(text) if kind.to_ascii_uppercase().starts_with("MAP") => {
            let inner = text.trim_start_matches('{').trim_end_matches('}');
            let pairs = inner.split(", ").filter(|own| !own.is_empty()).map(|pair| {
                let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
                let number = value.parse::<f64>().is_ok();
                let value = if number { value.to_string() } else { Value::from(value).to_string() };
                format!("{}:{value}", Value::from(key))
            });
            format!("{{{}}}", pairs.collect::<Vec<_>>().join(","))
        }
        other => other.to_string(),
    }
}

/// Changes as Java prints them: `+I[a, 1]`.
fn parsed(lines: &[String]) -> Result<Vec<Change>, String> {
    let change = |line: &String| {
        let (kind, rest) = line.split_at_checked(2).ok_or_else(|| format!("`{line}` is no change"))?;
        let inner = rest.strip_prefix('[').and_then(|own| own.strip_suffix(']'));
        let inner = inner.ok_or_else(|| format!("`{line}` is no change"))?;
        Ok((kind.to_string(), split(inner)))
    };
    lines.iter().map(change).collect()
}

/// Splits at the commas outside of brackets.
fn split(text: &str) -> Vec<String> {
    let (mut parts, mut depth, mut start) = (vec![], 0, 0);
    for (at, letter) in text.char_indices() {
        match letter {
            '[' | '{' => depth += 1,
            ']' | '}' => depth -= 1,
            ',' if depth == 0 && text[at..].starts_with(", ") => {
                parts.push(text[start..at].to_string());
                start = at + 2;
            }
            _ => {}
        }
    }
    parts.push(text[start..].to_string());
    parts
}

#[derive(Deserialize)]
struct Written {
    op: String,
    row: Vec<Box<RawValue>>,
}

/// Changes as Millrace writes them, one JSON object a line.
fn changes(lines: &str, columns: &[(String, String)]) -> Result<Vec<Change>, String> {
    let change = |line: &str| {
        let Written { op, row } = serde_json::from_str(line).map_err(|error| format!("{line}: {error}"))?;
        if row.len() != columns.len() {
            return Err(format!("{line}: not {} values", columns.len()));
        }
        let values = row.iter().zip(columns).map(|(value, (_, kind))| java(value, kind));
        Ok((op, values.collect::<Result<_, String>>()?))
    };
    lines.lines().map(change).collect()
}

/// A value as Java prints it.
fn java(json: &RawValue, kind: &str) -> Result<String, String> {
    let kind = kind.to_ascii_uppercase();
    let value: Value = serde_json::from_str(json.get()).map_err(|error| format!("{json}: {error}"))?;
    Ok(match value {
        Value::Null => "null".into(),
        Value::Number(_) if kind.starts_with("DECIMAL") => json.get().to_string(),
        Value::Number(number) if kind.starts_with("DOUBLE") || kind.starts_with("FLOAT") => {
            format!("{:?}", number.as_f64().unwrap_or(f64::NAN))
        }
        Value::String(text) if kind.starts_with("TIMESTAMP") => java_time(&text),
        Value::String(text) => text,
        Value::Object(pairs) => {
            let inner: Vec<String> = pairs.iter().map(|(key, value)| format!("{key}={value}")).collect();
            format!("{{{}}}", inner.join(", "))
        }
        other => other.to_string(),
    })
}

/// `2020-10-10T00:00:00.500` as `LocalDateTime.toString` writes it: no seconds if they are zero, the fraction in
/// groups of three digits.
fn java_time(text: &str) -> String {
    let zone = if text.ends_with('Z') { "Z" } else { "" };
    let text = text.trim_end_matches('Z');
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, ""));
    let fraction = fraction.trim_end_matches('0');
    let fraction = match fraction.len() {
        0 => String::new(),
        len => format!(".{fraction:0<width$}", width = len.div_ceil(3) * 3),
    };
    let short = seconds.strip_suffix(":00").filter(|_| fraction.is_empty() && zone.is_empty());
    format!("{}{fraction}{zone}", short.unwrap_or(seconds))
}

fn multiset(changes: &[Change]) -> Vec<&Change> {
    let mut sorted: Vec<&Change> = changes.iter().collect();
    sorted.sort_unstable();
    sorted
}

/// What is left of changes: rows and how often; with a key, the last row of each.
fn folded<'a>(
    changes: impl Iterator<Item = &'a Change>,
    key: Option<&[usize]>,
) -> BTreeMap<Vec<String>, i64> {
    let mut rows: BTreeMap<Vec<String>, i64> = BTreeMap::new();
    let mut last: BTreeMap<Vec<String>, Option<Vec<String>>> = BTreeMap::new();
    for (kind, values) in changes {
        let added = kind.starts_with('+');
        match key {
            None => *rows.entry(values.clone()).or_default() += if added { 1 } else { -1 },
            Some(key) => {
                let key = key.iter().map(|column| values[*column].clone()).collect();
                // An update takes the old row back first: that is not a deletion.
                if kind != "-U" {
                    last.insert(key, added.then(|| values.clone()));
                }
            }
        }
    }
    rows.extend(last.into_values().flatten().map(|row| (row, 1)));
    rows.retain(|_, count| *count != 0);
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_printed_as_java_does() {
        assert_eq!(java_time("2020-10-10T00:00:00"), "2020-10-10T00:00");
        assert_eq!(java_time("2020-10-10T00:00:05"), "2020-10-10T00:00:05");
        assert_eq!(java_time("2020-10-10T00:00:00.000000123"), "2020-10-10T00:00:00.000000123");
        assert_eq!(java_time("2020-10-10T00:00:04.9990"), "2020-10-10T00:00:04.999");
        let java = |json: &str, kind: &str| java(&RawValue::from_string(json.into()).unwrap(), kind).unwrap();
        assert_eq!(java("1", "DOUBLE"), "1.0");
        assert_eq!(java("11.00", "DECIMAL(10, 2)"), "11.00");
        assert_eq!(java("{\"42.0\": 42.0}", "MAP<DOUBLE, DOUBLE>"), "{42.0=42.0}");
    }

    #[test]
    fn a_table_with_a_key_keeps_its_last_row_and_one_without_counts() {
        let parse =
            |lines: &[&str]| parsed(&lines.iter().map(|own| own.to_string()).collect::<Vec<_>>()).unwrap();
        let changes = parse(&["+I[a, 1]", "-U[a, 1]", "+U[a, 2]", "+I[b, 1]", "-D[b, 1]"]);
        let expected: BTreeMap<Vec<String>, i64> = [(vec!["a".to_string(), "2".into()], 1)].into();
        assert_eq!(folded(changes.iter(), Some(&[0])), expected);
        assert_eq!(folded(changes.iter(), None), expected);
        assert_eq!(split("a, {1=2, 3=4}, [x, y]"), ["a", "{1=2, 3=4}", "[x, y]"]);
    }

    #[test]
    fn columns_are_told_from_what_is_computed() {
        let columns: Vec<String> = [
            "ts STRING",
            "`int` INT",
            "`r` AS TO_TIMESTAMP(`ts`)",
            "WATERMARK for `r` AS `r`",
            "PRIMARY KEY (`int`) NOT ENFORCED",
        ]
        .map(String::from)
        .into();
        let names: Vec<String> = physical(&columns).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["ts", "int"]);
        assert_eq!(primary_key(&columns).unwrap(), ["int"]);
    }
}
