//! What a person at a terminal sees while a run goes on: a bar on bounded input, one live line otherwise.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::report::Snapshot;

/// Progress on stderr; nothing where stderr is no terminal.
pub struct Progress {
    bar: Option<ProgressBar>,
    by_bytes: bool,
    shards: Vec<Snapshot>,
}

impl Progress {
    /// For a run over this much input.
    pub fn new(quiet: bool, bounded: bool, bytes: Option<u64>, rows: Option<u64>) -> Self {
        use std::io::IsTerminal;
        let by_bytes = bounded && bytes.is_some();
        let length = if by_bytes { bytes } else { rows.filter(|_| bounded) };
        let shown = !quiet && std::io::stderr().is_terminal();
        let bar = shown.then(|| {
            let template = match (length, by_bytes) {
                (Some(_), true) => "{bar:30} {bytes}/{total_bytes} {msg} {elapsed} (left {eta})",
                (Some(_), false) => "{bar:30} {pos}/{len} rows {msg} {elapsed} (left {eta})",
                (None, _) => "{msg} {elapsed}",
            };
            let style =
                ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
            let bar = ProgressBar::with_draw_target(length, ProgressDrawTarget::stderr_with_hz(10));
            bar.with_style(style)
        });
        Progress { bar, by_bytes, shards: vec![] }
    }

    /// A shard has said how far it is.
    pub fn update(&mut self, snapshot: Snapshot, now_ns: u64) {
        let Some(bar) = &self.bar else { return };
        if self.shards.len() <= snapshot.shard {
            self.shards.resize(snapshot.shard + 1, Snapshot::default());
        }
        self.shards[snapshot.shard] = snapshot;
        let rows: u64 = self.shards.iter().map(|own| own.rows).sum();
        let bytes: u64 = self.shards.iter().map(|own| own.bytes).sum();
        bar.set_position(if self.by_bytes { bytes } else { rows });
        let rate = rows as f64 / (now_ns.max(1) as f64 / 1e9);
        bar.set_message(format!("{rows} rows, {rate:.0} rows/s"));
    }

    /// Runs `print` with the bar out of the way.
    pub fn suspend<T>(&self, print: impl FnOnce() -> T) -> T {
        match &self.bar {
            Some(bar) => bar.suspend(print),
            None => print(),
        }
    }

    /// Takes the bar away.
    pub fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
