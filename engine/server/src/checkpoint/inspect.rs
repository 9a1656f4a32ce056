//! `millrace state`: what checkpoints hold, without running anything.

use std::collections::BTreeMap;
use std::fmt::Write;

use millrace_flow::checkpoint::ShardSnapshot;
use millrace_plan::{Error, Result};

use super::manifest::Manifest;
use super::place::Place;
use super::store::{Resumed, Store};

/// Rows and bytes of each table of each node, by the node's place in the manifest.
type Tables = BTreeMap<(usize, String), (usize, usize)>;

fn tables(snapshots: &[ShardSnapshot]) -> Tables {
    let mut found = Tables::new();
    let nodes = snapshots.iter().flat_map(|own| &own.nodes);
    for (node, table) in nodes.flat_map(|own| own.state.tables.iter().map(move |table| (own.node, table))) {
        let own = found.entry((node, table.name.clone())).or_default();
        own.0 += table.rows.num_rows();
        own.1 += table.rows.get_array_memory_size();
    }
    found
}

/// Length of its own snapshots, and of all that it needs.
fn file_bytes(manifest: &Manifest) -> (u64, u64) {
    let own = manifest.parts.iter().map(|own| own.file.bytes).sum();
    let before: u64 = manifest.follows.iter().flat_map(|own| &own.files).map(|own| own.bytes).sum();
    (own, own + before)
}

/// A line for each epoch, oldest first.
pub fn list(place: &Place) -> Result<String> {
    let store = Store::look(place)?;
    let mut text = format!(
        "{:>8}  {:>14}  {:>12}  {:>12}  {:>8}  {:>6}  {}\n",
        "epoch", "made at ms", "bytes", "with all", "since", "shards", "splits"
    );
    for epoch in store.epochs() {
        match store.manifest(epoch) {
            Ok(own) => {
                let (bytes, all) = file_bytes(&own);
                let ended = own.splits().filter(|split| split.ended).count();
                let since = own.follows.first().map_or("-".to_string(), |own| own.epoch.to_string());
                let splits = own.splits().count();
                let end = if own.finished { ", the end of the input" } else { "" };
                let _ = writeln!(
                    text,
                    "{epoch:>8}  {:>14}  {bytes:>12}  {all:>12}  {since:>8}  {:>6}  {splits}, {ended} ended{end}",
                    own.made_at_ms,
                    own.parts.len()
                );
            }
            Err(error) => {
                let _ = writeln!(text, "{epoch:>8}  {error}");
            }
        }
    }
    Ok(text)
}

/// What an epoch consists of; `None` = the newest.
pub fn describe(place: &Place, epoch: Option<u64>) -> Result<String> {
    let store = Store::look(place)?;
    let Resumed { manifest, snapshots } = store.held(chosen(&store, epoch)?)?;
    let mut text = format!(
        "epoch {}, pipeline {}, by millrace {}, {} bytes of {} shards{}\n\nsplits\n",
        manifest.epoch,
        manifest.pipeline,
        manifest.millrace,
        file_bytes(&manifest).0,
        manifest.parts.len(),
        match manifest.follows.as_slice() {
            [] => String::new(),
            [first, ..] => format!(
                ": what has changed since epoch {}, in {} epochs of {} bytes",
                first.epoch,
                manifest.follows.len() + 1,
                file_bytes(&manifest).1
            ),
        }
    );
    for own in manifest.splits() {
        let end = match (own.ended, own.caught_up) {
            (true, _) => ", ended",
            (false, true) => ", read to its end so far",
            (false, false) => "",
        };
        let _ = writeln!(text, "  {:>6}  {} rows, {} bytes{end}  {}", own.id, own.rows, own.offset, own.name);
    }
    text.push_str("\nstate\n");
    for ((node, table), (rows, bytes)) in tables(&snapshots) {
        let _ = writeln!(text, "  {table}: {rows} rows, {bytes} bytes  {}", manifest.nodes[node].what);
    }
    text.push_str("\noutput that this epoch makes visible\n");
    for own in manifest.parts.iter().flat_map(|own| &own.staged) {
        let _ = writeln!(text, "  {}", own.complete.display());
    }
    Ok(text)
}

/// Reads every byte of every epoch; `Culprit::Data` if one is damaged, with all of them in the message.
pub fn verify(place: &Place) -> Result<String> {
    let store = Store::look(place)?;
    let (mut text, mut damaged) = (String::new(), vec![]);
    for epoch in store.epochs() {
        match store.held(epoch) {
            Ok(own) => {
                let _ = writeln!(text, "epoch {epoch}: whole, {} bytes", file_bytes(&own.manifest).1);
            }
            Err(error) => damaged.push(format!("epoch {epoch}: {error}")),
        }
    }
    match damaged.is_empty() {
        true => Ok(text),
        false => {
            Err(Error::data(damaged.join("\n")).hint("a run goes on from the newest epoch that is whole"))
        }
    }
}

/// How one epoch differs from an earlier one: rows and bytes of each table, and how far splits were read.
pub fn diff(place: &Place, from: u64, to: u64) -> Result<String> {
    let store = Store::look(place)?;
    let (from, to) = (store.held(from)?, store.held(to)?);
    let key = |own: &Resumed| -> BTreeMap<(String, String), (usize, usize)> {
        let tables = tables(&own.snapshots).into_iter();
        tables.map(|((node, table), size)| ((own.manifest.nodes[node].what.clone(), table), size)).collect()
    };
    let (before, after) = (key(&from), key(&to));
    let mut text = String::from("state\n");
    let mut places: Vec<&(String, String)> = before.keys().chain(after.keys()).collect();
    places.sort();
    places.dedup();
    for place in places {
        let (old, new) = (before.get(place).copied(), after.get(place).copied());
        if old != new {
            let ((old_rows, old_bytes), (rows, bytes)) = (old.unwrap_or_default(), new.unwrap_or_default());
            let _ = writeln!(
                text,
                "  {}: {old_rows} -> {rows} rows, {old_bytes} -> {bytes} bytes  {}",
                place.1, place.0
            );
        }
    }
    text.push_str("\nsplits\n");
    let old: BTreeMap<_, _> =
        from.manifest.splits().map(|own| ((&own.source, &own.name), own.rows)).collect();
    for own in to.manifest.splits() {
        let rows = old.get(&(&own.source, &own.name)).copied();
        if rows != Some(own.rows) {
            let _ = writeln!(text, "  {} -> {} rows  {}", rows.unwrap_or(0), own.rows, own.name);
        }
    }
    Ok(text)
}

fn chosen(store: &Store, epoch: Option<u64>) -> Result<u64> {
    let epochs = store.epochs();
    let shown = || epochs.iter().map(u64::to_string).collect::<Vec<_>>().join(", ");
    match epoch.or(epochs.last().copied()) {
        None => Err(Error::query(format!("{}: no epoch", store.place()))
            .hint("name the folder or URL that a run was given as --checkpoint-dir")),
        Some(own) if epochs.contains(&own) => Ok(own),
        Some(own) => Err(Error::query(format!("no epoch {own}")).hint(format!("there are: {}", shown()))),
    }
}
