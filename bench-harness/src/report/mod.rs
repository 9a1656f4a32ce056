//! `millrace-bench report`: the records of other commands as one HTML file that needs nothing else: tables, and
//! pictures that can be read without colour.

mod bars;
mod cell;
mod figures;
mod lines;

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::Args;
use millrace_plan::{Error, Result};

use crate::record::{Record, Table, write_file};
use cell::escape;

/// What to show.
#[derive(Debug, Clone, Args)]
pub struct ReportArgs {
    /// Records, as `--json` keeps them; default: a small part of each measurement is made now, in less than a minute.
    pub records: Vec<PathBuf>,
    /// Where the page goes.
    #[arg(long, value_name = "FILE", default_value = "millrace-bench.html")]
    pub output: PathBuf,
    /// The `millrace` to measure; default: the one beside this program.
    #[arg(long, value_name = "FILE")]
    pub millrace: Option<PathBuf>,
}

/// What is measured for a page without records: part of what `--quick` measures.
pub const PARTS: &[&[&str]] = &[
    &[
        "scenario",
        "--only",
        "S0,S2,S3a,S3b,S4",
        "--keys",
        "10000",
        "--rows",
        "500000",
        "--file-rows",
        "100000",
    ],
    &["nexmark", "--only", "q0,q1,q2,q5,q7,q8", "--events", "200000", "--file-events", "50000"],
    &["contention", "--groups", "10000"],
    &["load", "--seconds", "0.6", "--warmup-seconds", "0.2", "--hold-seconds", "0.6"],
];

/// Writes the page. A measurement that fails is told of after the page of the others is written.
pub fn run(args: &ReportArgs, seed: u64) -> Result<()> {
    let (records, outcome) = match args.records.is_empty() {
        true => measure(args.millrace.as_deref(), seed)?,
        false => (args.records.iter().map(|own| read(own)).collect::<Result<Vec<_>>>()?, Ok(())),
    };
    write_file(&args.output, page(&records).as_bytes())?;
    println!("{}", args.output.display());
    outcome
}

fn read(file: &Path) -> Result<Record> {
    let text = millrace_runtime::read_file(file).map_err(|error| Error::environment(error.to_string()))?;
    serde_json::from_str(&text).map_err(|error| {
        Error::query(format!("{}: not a record: {error}", file.display()))
            .hint("make one with `millrace-bench scenario --json FILE`")
    })
}

/// The records of all parts, and the first that failed; what it measured before is shown too.
fn measure(millrace: Option<&Path>, seed: u64) -> Result<(Vec<Record>, Result<()>)> {
    let failed = |error: std::io::Error| Error::environment(format!("running a measurement: {error}"));
    let own = std::env::current_exe().map_err(failed)?;
    let folder = tempfile::tempdir().map_err(failed)?;
    let (mut records, mut outcome) = (vec![], Ok(()));
    for part in PARTS {
        let file = folder.path().join(part[0]);
        let mut command = Command::new(&own);
        command.args(*part).args(["--quick", "--seed", &seed.to_string(), "--json"]).arg(&file);
        if let Some(millrace) = millrace {
            command.env("MILLRACE_BIN", millrace);
        }
        let status = command.status().map_err(failed)?;
        if !status.success() && outcome.is_ok() {
            outcome = Err(Error::environment(format!("{} ended with {status}", part[0])));
        }
        if file.exists() {
            records.push(read(&file)?);
        }
    }
    Ok((records, outcome))
}

const STYLE: &str = "body{font:15px/1.45 system-ui,sans-serif;color:#111;background:#fff;max-width:1120px;\
    margin:2em auto;padding:0 1em}h1{font-size:1.6em}h2{margin-top:2em;border-bottom:2px solid #111}\
    h3{font-size:1.05em;margin:1.6em 0 .4em}table{border-collapse:collapse;font-size:12.5px;\
    font-variant-numeric:tabular-nums}th,td{padding:2px 9px;text-align:right;border-bottom:1px solid #ddd;\
    vertical-align:top}th{border-bottom:1.5px solid #111;text-align:right}td.words,th.words{text-align:left}\
    .wide{overflow-x:auto}.note{color:#444;font-size:13px;margin:.25em 0}code{background:#f3f3f3;padding:0 3px}\
    .plots{display:flex;flex-wrap:wrap;gap:10px 18px;margin:.6em 0}svg{max-width:100%;height:auto}\
    svg text{font:11px system-ui,sans-serif;fill:#111}svg .head{font-weight:600;font-size:12.5px}\
    svg .left{text-anchor:end}svg .middle{text-anchor:middle}svg .small{font-size:9.5px}\
    svg .grid{stroke:#ddd}svg .axis{stroke:#111;fill:none}svg .lead{stroke-width:.6;stroke-opacity:.5}\
    details{margin:.5em 0}summary{cursor:pointer}\
    @media print{details::details-content{content-visibility:visible}body{margin:0;max-width:none;font-size:11pt}table{font-size:7.5pt}svg,tr{break-inside:avoid}\
    h3{break-after:avoid}.wide{overflow:visible}th,td{padding:1px 4px}}";

/// Writing into a string does not fail.
fn page(records: &[Record]) -> String {
    let mut html = format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>Millrace, measured</title>\
         <style>{STYLE}</style></head><body>\n<h1>Millrace, measured</h1>\n"
    );
    for record in records {
        let machine = &record.machine;
        let _ = writeln!(
            html,
            "<h2>{}</h2>\n<p class=\"note\"><code>millrace-bench {}</code><br>{}, seed {}; {}, {} cores, {:.0} GB, \
             Linux {}, governor {}</p>",
            escape(&record.command),
            escape(&record.arguments.join(" ")),
            escape(&record.date),
            record.seed,
            escape(&machine.cpu),
            machine.cores,
            machine.memory_bytes as f64 / 1e9,
            escape(&machine.kernel),
            escape(&machine.governor)
        );
        record.tables.iter().for_each(|own| section(&record.command, own, &mut html));
    }
    html.push_str("</body></html>\n");
    html
}

fn section(command: &str, table: &Table, html: &mut String) {
    const LONG: usize = 30;
    let _ = writeln!(html, "<h3>{}</h3>", escape(&table.title));
    let plots = figures::of(command, table).concat();
    if !plots.is_empty() {
        let _ = writeln!(html, "<div class=\"plots\">{plots}</div>");
    }
    for note in &table.notes {
        let _ = writeln!(html, "<p class=\"note\">{}</p>", escape(note));
    }
    let is_long = table.rows.len() > LONG;
    if is_long {
        let _ = write!(html, "<details><summary>all {} rows</summary>", table.rows.len());
    }
    // A column of words is one whose first cell does not begin with a digit.
    let is_words = |at: usize| {
        let first = table.rows.iter().filter_map(|row| row.get(at)).find(|own| *own != "-");
        first.is_some_and(|own| !own.starts_with(|letter: char| letter.is_ascii_digit()))
    };
    let words: Vec<bool> = (0..table.columns.len()).map(is_words).collect();
    let line = |tag: &str, cells: &[String]| {
        let cell = |(at, own): (usize, &String)| {
            let class = if words.get(at) == Some(&true) { " class=\"words\"" } else { "" };
            format!("<{tag}{class}>{}</{tag}>", escape(own))
        };
        format!("<tr>{}</tr>\n", cells.iter().enumerate().map(cell).collect::<String>())
    };
    let rows: String = table.rows.iter().map(|own| line("td", own)).collect();
    let _ = writeln!(
        html,
        "<div class=\"wide\"><table><thead>{}</thead><tbody>{rows}</tbody></table></div>{}",
        line("th", &table.columns),
        if is_long { "</details>" } else { "" }
    );
}
