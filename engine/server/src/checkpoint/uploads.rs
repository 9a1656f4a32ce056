//! The epochs of a run in a bucket: a thread of its own makes and removes them, so that the main thread does not wait
//! for the store.

use std::result::Result as Outcome;

use millrace_plan::{Error, Result};
use millrace_runtime::{Folder, WakeHandle, Worker};

use super::depot::failed;
use super::manifest::Manifest;
use super::remote::{Remote, Undone};
use super::store::epoch_name;

enum Request {
    Make(Manifest),
    Forget(u64),
    Remove(Vec<u64>),
}

/// What became of a request.
pub(super) enum Answer {
    /// To make an epoch.
    Made(u64, Outcome<(), Undone>),
    /// To remove some, or what makes one an epoch.
    Removed(Vec<u64>, Outcome<(), Undone>),
}

/// Makes and removes epochs, one request after the other.
pub(super) struct Uploads {
    worker: Worker<Request, Answer>,
    staging: Folder,
    url: String,
}

impl Uploads {
    /// Shards write to `staging`; `wake` tells of each answer.
    pub(super) fn start(remote: Remote, staging: Folder, wake: WakeHandle) -> Result<Uploads> {
        let url = remote.url().to_string();
        let staged = staging.path().to_path_buf();
        let work = move |request| match request {
            Request::Make(manifest) => Answer::Made(manifest.epoch, remote.make(&manifest, &staged)),
            Request::Forget(epoch) => Answer::Removed(vec![epoch], remote.forget(epoch)),
            Request::Remove(epochs) => {
                let removed = remote.drop_files(&epochs);
                Answer::Removed(epochs, removed)
            }
        };
        let worker = Worker::start("checkpoints", wake, work);
        let worker = worker.map_err(|error| Error::environment(format!("a thread for uploads: {error}")))?;
        Ok(Uploads { worker, staging, url })
    }

    /// Where shards write.
    pub(super) fn staging(&self) -> &Folder {
        &self.staging
    }

    fn ask(&mut self, request: Request) -> Result<()> {
        self.worker.ask(request).map_err(|_| Error::bug("more uploads than epochs"))
    }

    /// Makes an epoch of what the shards have written for it.
    pub(super) fn make(&mut self, manifest: Manifest) -> Result<()> {
        self.ask(Request::Make(manifest))
    }

    /// Removes what makes an epoch one.
    pub(super) fn forget(&mut self, epoch: u64) -> Result<()> {
        self.ask(Request::Forget(epoch))
    }

    /// Removes the files of epochs.
    pub(super) fn remove(&mut self, epochs: &[u64]) -> Result<()> {
        epochs.iter().try_for_each(|epoch| self.unstage(*epoch))?;
        self.ask(Request::Remove(epochs.to_vec()))
    }

    /// What has been done since it was asked last.
    pub(super) fn poll(&mut self) -> Result<Option<Answer>> {
        let answer = self.worker.poll();
        match &answer {
            None if self.worker.has_ended() => {
                return Err(Error::bug(format!("{}: the uploads have ended", self.url)));
            }
            // What is up there need not be here.
            Some(Answer::Made(epoch, Ok(()))) => self.unstage(*epoch)?,
            _ => {}
        }
        Ok(answer)
    }

    fn unstage(&self, epoch: u64) -> Result<()> {
        self.staging.remove(&epoch_name(epoch)).map_err(failed)
    }

    /// True if nothing is under way.
    pub(super) fn is_idle(&self) -> bool {
        self.worker.is_idle()
    }
}
