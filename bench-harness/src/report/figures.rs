//! Which pictures a table gives.

use crate::record::{Row, Table};

use super::bars::Bars;
use super::cell::value;
use super::lines::{Lines, Series};

/// A table with its columns by name.
struct Named<'a>(&'a Table);

impl Named<'_> {
    fn cell<'b>(&self, row: &'b Row, column: &str) -> Option<&'b str> {
        let at = self.0.columns.iter().position(|own| own == column)?;
        row.get(at).map(String::as_str)
    }

    fn number(&self, row: &Row, column: &str) -> Option<f64> {
        self.cell(row, column).and_then(value)
    }

    fn text(&self, row: &Row, columns: &[&str]) -> String {
        let one = |column: &&str| match (*column, self.cell(row, column).unwrap_or("-")) {
            ("keys", own) => format!("{own} keys"),
            ("groups", own) => format!("{own} groups"),
            ("windows", "yes") => "windows".into(),
            ("windows", _) => "no windows".into(),
            (_, own) => own.to_string(),
        };
        columns.iter().map(one).collect::<Vec<_>>().join(", ")
    }

    /// Different values of these columns, in order of appearance.
    fn different(&self, columns: &[&str]) -> Vec<String> {
        let mut found = vec![];
        for row in &self.0.rows {
            let own = self.text(row, columns);
            if !found.contains(&own) {
                found.push(own);
            }
        }
        found
    }

    /// A plot for each value of `panel`: `y` over the places of `x`, a line for each value of `line`.
    fn panels(
        &self,
        panel: &[&str],
        line: &str,
        x: &'static str,
        y: &'static str,
        linear: bool,
    ) -> Vec<String> {
        let places = self.different(&[x]);
        let plot = |title: String| {
            let rows: Vec<&Row> = self.0.rows.iter().filter(|row| self.text(row, panel) == title).collect();
            let series = self.different(&[line]).into_iter().map(|name| {
                let own = rows.iter().filter(|row| self.text(row, &[line]) == name);
                let point = |row: &&Row| {
                    let place = places.iter().position(|own| *own == self.text(row, &[x]))?;
                    Some((place as f64, self.number(row, y)?))
                };
                Series { points: own.filter_map(point).collect(), name }
            });
            let series = series.filter(|own| !own.points.is_empty()).collect();
            Lines { title, x, y, places: Some(places.clone()), linear, times: false, series }.svg()
        };
        self.different(panel).into_iter().map(plot).collect()
    }

    /// Latency over the rate that was sent.
    fn latency(&self) -> String {
        const NAMES: [&str; 4] = ["p50", "p99", "p99.9", "max"];
        let series = NAMES.map(|name| {
            let point = |row: &Row| Some((self.number(row, "sent/s")?, self.number(row, name)?));
            let mut points: Vec<(f64, f64)> = self.0.rows.iter().filter_map(point).collect();
            points.sort_by(|a, b| a.0.total_cmp(&b.0));
            Series { name: name.to_string(), points }
        });
        let title = "latency over rate".to_string();
        let (x, y) = ("events/s sent", "latency");
        Lines { title, x, y, places: None, linear: false, times: true, series: series.into() }.svg()
    }

    /// Latency over quantiles, a line for each load.
    fn quantiles(&self) -> String {
        const NAMES: [&str; 6] = ["p50", "p90", "p99", "p99.9", "p99.99", "max"];
        let series = self.0.rows.iter().map(|row| {
            let point = |(at, name): (usize, &&str)| Some((at as f64, self.number(row, name)?));
            let points = NAMES.iter().enumerate().filter_map(point).collect();
            Series { name: self.text(row, &["load"]), points }
        });
        let places = Some(NAMES.map(String::from).into());
        let title = "latency by percentile".to_string();
        let (x, y) = ("percentile", "latency");
        Lines { title, x, y, places, linear: false, times: true, series: series.collect() }.svg()
    }

    /// A bar for each query and input, on one shard.
    fn bars(&self, group: &str, bar: &str, x: &'static str) -> String {
        let legend = self.different(&[bar]);
        let groups = self.different(&[group]).into_iter().map(|name| {
            let number = |wanted: &String| {
                let row = self.0.rows.iter().find(|row| {
                    self.text(row, &[group]) == name
                        && self.text(row, &[bar]) == *wanted
                        && self.cell(row, "shards") == Some("1")
                })?;
                self.number(row, x)
            };
            let values = legend.iter().map(number).collect();
            (name, values)
        });
        let groups = groups.collect();
        Bars { title: "one shard, logarithmic".into(), x, legend, groups }.svg()
    }
}

/// The pictures of a table of a command.
pub fn of(command: &str, table: &Table) -> Vec<String> {
    let named = Named(table);
    let has = |column: &str| table.columns.iter().any(|own| own == column);
    match command {
        "scenario" if has("spread") => {
            named.panels(&["input", "keys", "spread"], "scenario", "shards", "rows/s", true)
        }
        "contention" if has("partitions") => {
            named.panels(&["groups", "windows"], "design", "partitions", "rows/s", false)
        }
        "nexmark" if has("events/s") => vec![named.bars("query", "input", "events/s")],
        "load" if has("sent/s") => vec![named.latency(), named.quantiles()],
        _ => vec![],
    }
}
