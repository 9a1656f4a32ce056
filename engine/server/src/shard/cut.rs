//! A shard's part in an epoch: it notes how far its splits are read, sends the barrier, and when that has passed
//! makes its output and what it holds durable, while it works on. Without checkpoints it lets a run stop in order.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;

use millrace_flow::pipeline::Pipeline;
use millrace_plan::{Error, Result};
use millrace_runtime::{RingReceiver, RingSender, ShardContext, ring};

use super::input::Inputs;
use super::output::{Outputs, Unsynced};
use super::snapshot::{Rest, write_snapshot};
use crate::checkpoint::{
    Command, Failpoint, Part, Progress, ShardCheckpoint, SnapshotFile, SplitState, StagedFile, reach,
    snapshot_path,
};
use crate::report::HostEvent;

/// Commands that may wait; an epoch has two.
const COMMANDS: usize = 8;

/// What became of an attempt to make a part durable. `Err`: output was lost, the run cannot go on.
type Written = Result<std::result::Result<Part, String>>;

/// The epochs of one shard.
pub struct Cuts {
    /// `None` = epochs are not made durable; the shard can only be told to stop.
    checkpoint: Option<ShardCheckpoint>,
    commands: RingReceiver<Command>,
    /// Kept until the main thread has them.
    sender: Option<RingSender<Command>>,
    /// The barrier on its way, and how far the splits were read before it.
    asked: Option<(u64, Vec<SplitState>)>,
    writing: Option<(u64, Pin<Box<dyn Future<Output = Written>>>)>,
    /// What is being written asks for more of what nodes held.
    rest: Rest,
    /// Output that is not visible yet.
    staged: Vec<StagedFile>,
    /// Nothing more is read.
    ended: bool,
    /// The run stops when the barrier has passed.
    drains: bool,
    told_finished: bool,
    /// The run is over.
    pub stopped: bool,
}

impl Cuts {
    /// For a shard that is about to run.
    pub fn new(checkpoint: Option<ShardCheckpoint>, context: &ShardContext) -> Cuts {
        let (sender, commands) = ring(COMMANDS, context.wake_handle());
        Cuts {
            checkpoint,
            commands,
            sender: Some(sender),
            asked: None,
            writing: None,
            rest: Rest::default(),
            staged: vec![],
            ended: false,
            drains: false,
            told_finished: false,
            stopped: false,
        }
    }

    /// True if epochs are made durable, so that the run ends when the main thread says so.
    pub fn are_durable(&self) -> bool {
        self.checkpoint.is_some()
    }

    /// True if the shard must not read on: the last epoch has begun.
    pub fn ended(&self) -> bool {
        self.ended
    }

    /// True from the barrier on until the snapshot is written.
    pub fn is_cutting(&self) -> bool {
        self.asked.is_some() || self.writing.is_some()
    }

    /// True while something is being written.
    pub fn is_writing(&self) -> bool {
        self.writing.is_some()
    }

    /// Says that this shard takes commands, before anything else that the main thread hears of it.
    pub fn announce(&mut self, outputs: &mut Outputs) {
        if let Some(sender) = self.sender.take() {
            outputs.tell(HostEvent::Ready(sender));
        }
    }

    /// Does what can be done now. True if anything was.
    pub async fn step(
        &mut self,
        context: &ShardContext,
        pipeline: &mut Pipeline,
        inputs: &Inputs,
        outputs: &mut Outputs,
    ) -> Result<bool> {
        let mut any = false;
        while let Some(command) = self.commands.poll() {
            self.obey(command, context, pipeline, inputs, outputs).await?;
            any = true;
        }
        any |= self.cut(context, pipeline, outputs).await?;
        any |= self.write(context, pipeline, outputs).await?;
        let is_finished = match &self.checkpoint {
            None => false,
            Some(own) if own.keep_open => inputs.is_exhausted(),
            Some(_) => pipeline.finished(),
        };
        if is_finished && !self.told_finished {
            self.told_finished = true;
            outputs.tell(HostEvent::epoch(context.shard(), Progress::Finished));
            any = true;
        }
        Ok(any)
    }

    async fn obey(
        &mut self,
        command: Command,
        context: &ShardContext,
        pipeline: &mut Pipeline,
        inputs: &Inputs,
        outputs: &mut Outputs,
    ) -> Result<()> {
        match command {
            Command::Barrier { barrier, last } => {
                reach(Failpoint::BarrierAsked);
                let Some(checkpoint) = &self.checkpoint else {
                    return Err(Error::bug("a barrier in a run without checkpoints"));
                };
                self.ended |= last;
                self.asked = Some((barrier.epoch, inputs.positions(checkpoint)));
                pipeline.barrier(barrier)?;
                reach(Failpoint::BarrierSent);
            }
            Command::Commit(epoch) => {
                for own in std::mem::take(&mut self.staged) {
                    let renamed = context.disk().rename(&own.hidden, &own.complete).await;
                    renamed.map_err(|error| crate::job::environment(&error))?;
                    reach(Failpoint::SomeCommitted);
                }
                reach(Failpoint::Committed);
                outputs.tell(HostEvent::epoch(context.shard(), Progress::Committed(epoch)));
            }
            Command::Stop => self.stopped = true,
            Command::Drain => {
                (self.ended, self.drains) = (true, true);
                pipeline.drain()?;
            }
        }
        Ok(())
    }

    /// If the barrier has passed: ends the output files and starts to write.
    async fn cut(
        &mut self,
        context: &ShardContext,
        pipeline: &mut Pipeline,
        outputs: &mut Outputs,
    ) -> Result<bool> {
        if self.drains {
            self.stopped |= pipeline.take_snapshot().is_some();
            return Ok(false);
        }
        let Some(checkpoint) = self.checkpoint.as_ref().filter(|_| self.asked.is_some()) else {
            return Ok(false);
        };
        if self.writing.is_some() {
            return Ok(false);
        }
        let Some(snapshot) = pipeline.take_snapshot() else { return Ok(false) };
        let Some((epoch, splits)) = self.asked.take() else { return Ok(false) };
        reach(Failpoint::Aligned);
        let unsynced = outputs.stage(context).await?;
        self.staged.extend(unsynced.iter().map(Unsynced::staged));
        let (shard, staged) = (context.shard(), self.staged.clone());
        let (path, keys) =
            (snapshot_path(&checkpoint.folder, epoch, context.shard()), checkpoint.keys.clone());
        let (disk, rest) = (context.disk(), self.rest.clone());
        let write = async move {
            for own in unsynced {
                own.sync(&disk).await.map_err(|error| crate::job::environment(&error))?;
            }
            let written = write_snapshot(&disk, &path, snapshot, &keys, &rest).await;
            reach(Failpoint::PartWritten);
            let part = |(bytes, crc32)| Part { file: SnapshotFile { shard, bytes, crc32 }, splits, staged };
            Ok(written.map(part).map_err(|error| error.to_string()))
        };
        self.writing = Some((epoch, Box::pin(write)));
        Ok(true)
    }

    /// Lets what is being written go on, and says when it is durable.
    async fn write(
        &mut self,
        context: &ShardContext,
        pipeline: &mut Pipeline,
        outputs: &mut Outputs,
    ) -> Result<bool> {
        let Some((epoch, writing)) = &mut self.writing else { return Ok(false) };
        let epoch = *epoch;
        let written = loop {
            self.rest.answer(|node| pipeline.rest(node))?;
            let once = poll_fn(|task| Poll::Ready(writing.as_mut().poll(task))).await;
            match once {
                Poll::Ready(written) => break written,
                Poll::Pending if self.rest.is_asked() => {}
                Poll::Pending => return Ok(false),
            }
        };
        self.writing = None;
        let progress = match written? {
            Ok(part) => Progress::Written(epoch, part),
            Err(reason) => Progress::Failed(epoch, reason),
        };
        outputs.tell(HostEvent::epoch(context.shard(), progress));
        Ok(true)
    }
}
