//! The main thread's half of a run: prints, keeps the dead letters, shows progress, coordinates epochs.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::Duration;

use millrace_plan::{Error, Limits, Operator, Plan, Result};
use millrace_runtime::{Clock, RingReceiver, RingSender};

use crate::checkpoint::{Account, Command, Epochs};
use crate::dead_letters::DeadLetters;
use crate::progress::Progress;
use crate::report::HostEvent;

/// How often the main thread looks for signals when nothing else wakes it.
const SIGNAL_INTERVAL: Duration = Duration::from_millis(50);

/// What the main thread does while the shards run.
pub struct Host {
    rings: Vec<RingReceiver<HostEvent>>,
    stdout: io::Stdout,
    stdout_closed: bool,
    letters: DeadLetters,
    progress: Progress,
    warnings: Warnings,
    epochs: Option<Epochs>,
    /// To the shards that take commands yet.
    commands: Vec<RingSender<Command>>,
    /// When the shards were told to stop, in nanoseconds.
    drains_since_ns: Option<u64>,
    /// The epoch that the run goes on from, to be told.
    resumes_from: Option<u64>,
}

/// Says the first warnings; many clients may vanish.
#[derive(Default)]
struct Warnings(usize);

impl Warnings {
    fn say(&mut self, progress: &Progress, warning: &str) {
        const MOST_WARNINGS: usize = 20;
        self.0 += 1;
        if self.0 <= MOST_WARNINGS {
            progress.suspend(|| eprintln!("warning: {warning}"));
        }
    }
}

impl Host {
    /// For the shards at the other ends of `rings`.
    pub fn new(
        rings: Vec<RingReceiver<HostEvent>>,
        plan: &Plan,
        limits: &Limits,
        progress: Progress,
        epochs: Option<Epochs>,
    ) -> Self {
        let mut paths = BTreeMap::new();
        for (id, node) in plan.nodes.iter().enumerate() {
            if let Operator::Source { table, .. } = &node.operator {
                paths.insert(id, (table.name.clone(), table.option("dead-letter.path").map(Into::into)));
            }
        }
        let letters = DeadLetters::new(paths, limits.bad_row_samples);
        let warnings = Warnings::default();
        Host {
            rings,
            stdout: io::stdout(),
            stdout_closed: false,
            letters,
            progress,
            warnings,
            epochs,
            commands: vec![],
            resumes_from: None,
            drains_since_ns: None,
        }
    }

    /// True once the reader of standard output has gone.
    pub fn stdout_closed(&self) -> bool {
        self.stdout_closed
    }

    /// Handles what shards have sent. True if there was anything.
    pub fn poll(&mut self, clock: &Clock) -> Result<bool> {
        let mut any = false;
        for index in 0..self.rings.len() {
            while let Some(event) = self.rings[index].poll() {
                any = true;
                match event {
                    HostEvent::Stdout(bytes) => self.print(&bytes)?,
                    HostEvent::Bad(letter) => self.letters.add(letter)?,
                    HostEvent::Warning(warning) => self.warnings.say(&self.progress, &warning),
                    HostEvent::Snapshot(snapshot) => self.progress.update(snapshot, clock.monotonic_ns()),
                    HostEvent::Ready(commands) => {
                        self.commands.push(commands);
                        self.say_if_resumed();
                    }
                    HostEvent::Epoch { shard, progress } => {
                        let now_ms = clock.wall_ms();
                        self.with_epochs(|epochs, warn| epochs.progress(shard, progress, now_ms, warn))?;
                    }
                }
            }
        }
        if any && !self.stdout_closed {
            let flushed = self.stdout.flush();
            self.check_stdout(flushed)?;
        }
        Ok(any)
    }

    /// The epoch that the run goes on from: says so when every shard has what it held.
    pub fn resumes_from(&mut self, epoch: Option<u64>) {
        self.resumes_from = epoch;
    }

    fn say_if_resumed(&mut self) {
        if let Some(epoch) = self.resumes_from.filter(|_| self.reaches_all()) {
            self.progress.suspend(|| eprintln!("all that epoch {epoch} held is back"));
        }
    }

    /// True once every shard takes commands: none must miss one.
    fn reaches_all(&self) -> bool {
        self.commands.len() == self.rings.len()
    }

    fn with_epochs(
        &mut self,
        act: impl FnOnce(&mut Epochs, &mut dyn FnMut(String)) -> Result<()>,
    ) -> Result<()> {
        let Some(epochs) = &mut self.epochs else { return Ok(()) };
        let (warnings, progress) = (&mut self.warnings, &self.progress);
        act(epochs, &mut |warning| warnings.say(progress, &warning))?;
        epochs.take_commands().into_iter().try_for_each(|command| self.tell(command))
    }

    /// Tells every shard. They take commands faster than epochs pass.
    fn tell(&mut self, command: Command) -> Result<()> {
        for own in &mut self.commands {
            match own.try_send(command) {
                Ok(()) => {}
                // It has ended, or it has failed and its own words come with the end of the run.
                Err(_) if own.is_abandoned() => {}
                Err(_) => return Err(Error::bug("a shard does not take its commands")),
            }
        }
        Ok(())
    }

    /// An epoch ends as soon as it can. False = this run has no checkpoints.
    pub fn checkpoint(&mut self, clock: &Clock) -> Result<bool> {
        let now_ms = clock.wall_ms();
        if self.reaches_all() {
            self.with_epochs(|epochs, warn| epochs.ask(now_ms, warn))?;
        }
        Ok(self.epochs.is_some())
    }

    /// The run is to end in order: after one more epoch, or when what was read has left. False = it does not get
    /// there.
    pub fn end(&mut self, clock: &Clock) -> Result<bool> {
        if !self.reaches_all() {
            return Ok(self.epochs.is_some());
        }
        if self.epochs.is_some() {
            let now_ms = clock.wall_ms();
            self.with_epochs(|epochs, warn| epochs.end(now_ms, warn))?;
            return Ok(true);
        }
        /// A peer or a disk that does not take anything holds a run up no longer.
        const PATIENCE_NS: u64 = 3_000_000_000;
        let now_ns = clock.monotonic_ns();
        if let Some(since_ns) = self.drains_since_ns {
            return Ok(now_ns < since_ns + PATIENCE_NS);
        }
        self.drains_since_ns = Some(now_ns);
        self.tell(Command::Drain)?;
        Ok(true)
    }

    /// An epoch ends if it is time.
    pub fn tick(&mut self, clock: &Clock) -> Result<()> {
        let (monotonic_ms, wall_ms) = (clock.monotonic_ns() / 1_000_000, clock.wall_ms());
        match self.reaches_all() {
            true => self.with_epochs(|epochs, warn| epochs.tick(monotonic_ms, wall_ms, warn)),
            false => Ok(()),
        }
    }

    /// How long the main thread may sleep when nothing wakes it.
    pub fn patience(&self) -> Duration {
        let interval = self.epochs.as_ref().and_then(Epochs::interval_ms);
        interval.map_or(SIGNAL_INTERVAL, |ms| SIGNAL_INTERVAL.min(Duration::from_millis(ms)))
    }

    /// What became of the epochs.
    pub fn epochs(&self) -> Option<Account> {
        self.epochs.as_ref().map(|own| own.account)
    }

    fn print(&mut self, bytes: &[u8]) -> Result<()> {
        if self.stdout_closed {
            return Ok(());
        }
        let written = self.progress.suspend(|| self.stdout.write_all(bytes));
        self.check_stdout(written)
    }

    /// A reader that has gone (`| head`) ends the run quietly.
    fn check_stdout(&mut self, result: io::Result<()>) -> Result<()> {
        match result {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.stdout_closed = true;
                Ok(())
            }
            Err(error) => Err(Error::environment(format!("standard output: {error}"))),
        }
    }

    /// Completes what was kept for the end.
    pub fn finish(&mut self) -> Result<()> {
        self.progress.finish();
        self.letters.finish()
    }
}
