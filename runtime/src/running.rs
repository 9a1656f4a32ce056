//! Starting shards, stopping them, and what became of them.

use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::task::{Context, Poll};
use std::thread::JoinHandle;

use crate::backend::{Backend, BackendKind, Executor, Main, Seat, chosen};
use crate::bell::{Bell, WakeHandle};
use crate::clock::Clock;
use crate::error::RuntimeError;
use crate::placement::Placement;
use crate::shard::{Crew, ShardContext};

/// The outcome of one shard's main: its value, or the message of its panic.
type Outcome<T> = (usize, Result<T, String>);

/// Shards at work. Dropping it lets them run on; call [`Running::wait`].
pub struct Running<T> {
    backend: &'static str,
    warning: Option<String>,
    crew: Crew,
    threads: Vec<JoinHandle<()>>,
    outcomes: Receiver<Outcome<T>>,
}

/// Runs `mains[n]` as shard `n`, each on a thread pinned to its seat. `host` is woken when a shard ends.
///
/// With [`BackendKind::Auto`], a machine that refuses io_uring gets the `threads` backend and a
/// [`Running::warning`] that names the cause.
pub fn start<T, F, Fut>(
    kind: BackendKind,
    placement: &[Placement],
    clock: Clock,
    host: WakeHandle,
    mains: Vec<F>,
) -> Result<Running<T>, RuntimeError>
where
    F: FnOnce(ShardContext) -> Fut + Send + 'static,
    Fut: Future<Output = T> + 'static,
    T: Send + 'static,
{
    assert_eq!(placement.len(), mains.len(), "one main per shard");
    let (backends, mut warning) = chosen(kind)?;
    let mut refusals = vec![];
    for backend in backends {
        match seats(*backend, placement) {
            Ok(seated) => {
                if let Some(cause) = refusals.pop() {
                    warning = Some(cause);
                }
                return Ok(go(*backend, warning, seated, placement, clock, host, mains));
            }
            Err(refusal) => refusals.push(format!("{} does not start: {refusal}", backend.name())),
        }
    }
    Err(RuntimeError::environment(
        refusals.join("; "),
        "try --backend threads, fewer --shards, or raise the limits of the process (ulimit -n, -l, -u)",
    ))
}

/// Threads that wait for their mains.
struct Seated {
    threads: Vec<JoinHandle<()>>,
    mains: Vec<Sender<Main>>,
    bells: Vec<WakeHandle>,
}

/// Starts a thread per seat and waits until each has its executor; none has run anything yet, so that
/// another backend can be tried.
fn seats(backend: &'static dyn Backend, placement: &[Placement]) -> Result<Seated, String> {
    let mut seated = Seated { threads: vec![], mains: vec![], bells: vec![] };
    let mut ready = vec![];
    for own in placement {
        let bell = Bell::new().map_err(|error| format!("eventfd: {error}"))?;
        seated.bells.push(bell.handle());
        let (main_in, main_out) = channel();
        let (ready_in, ready_out) = channel();
        seated.mains.push(main_in);
        ready.push(ready_out);
        let seat = Seat { core: own.core, bell, ready: ready_in, main: main_out };
        let thread = std::thread::Builder::new().name(format!("shard-{}", own.shard));
        let thread = thread.spawn(move || backend.run(seat)).map_err(|error| format!("thread: {error}"))?;
        seated.threads.push(thread);
    }
    for outcome in ready {
        outcome.recv().unwrap_or_else(|_| Err("its thread ended".into()))?;
    }
    Ok(seated)
}

fn go<T, F, Fut>(
    backend: &'static dyn Backend,
    warning: Option<String>,
    seated: Seated,
    placement: &[Placement],
    clock: Clock,
    host: WakeHandle,
    mains: Vec<F>,
) -> Running<T>
where
    F: FnOnce(ShardContext) -> Fut + Send + 'static,
    Fut: Future<Output = T> + 'static,
    T: Send + 'static,
{
    let crew = Crew { stop: Arc::new(AtomicBool::new(false)), bells: seated.bells.into() };
    let (outcome_in, outcomes) = channel();
    for ((main, seat), own) in mains.into_iter().zip(seated.mains).zip(placement) {
        let (crew, placement, host, outcome_in) = (crew.clone(), *own, host.clone(), outcome_in.clone());
        let boxed: Main = Box::new(move |executor: Rc<dyn Executor>| {
            Box::pin(async move {
                let context =
                    ShardContext { placement, crew: crew.clone(), clock, executor, scratch: Rc::default() };
                let outcome = Caught(Box::pin(async move { main(context).await })).await;
                if outcome.is_err() {
                    crew.stop();
                }
                // The receiver is gone only if nobody waits for the outcome.
                let _ = outcome_in.send((placement.shard, outcome));
                host.wake();
            })
        });
        // A seat that was ready takes its main.
        let _ = seat.send(boxed);
    }
    Running { backend: backend.name(), warning, crew, threads: seated.threads, outcomes }
}

impl<T> Running<T> {
    /// The backend that runs: `glommio` or `threads`.
    pub fn backend(&self) -> &'static str {
        self.backend
    }

    /// Why it is not the backend one would expect.
    pub fn warning(&self) -> Option<&str> {
        self.warning.as_deref()
    }

    /// Asks every shard to stop. Returns at once.
    pub fn stop(&self) {
        self.crew.stop();
    }

    /// True once every shard has ended.
    pub fn finished(&self) -> bool {
        self.threads.iter().all(JoinHandle::is_finished)
    }

    /// Waits for all shards: their values in shard order, or the first panic.
    pub fn wait(self) -> Result<Vec<T>, RuntimeError> {
        for thread in self.threads {
            // What a main does is caught; this would be a panic of the executor, seen as a missing value.
            let _ = thread.join();
        }
        let mut values: Vec<Option<T>> = self.crew.bells.iter().map(|_| None).collect();
        let mut panicked: Option<(usize, String)> = None;
        for (shard, outcome) in self.outcomes.try_iter() {
            match outcome {
                Ok(value) => values[shard] = Some(value),
                Err(message) => {
                    panicked.get_or_insert((shard, message));
                }
            }
        }
        if let Some((shard, message)) = panicked {
            return Err(RuntimeError::Panicked { shard, message });
        }
        let value = |(shard, value): (usize, Option<T>)| {
            let message = "its executor ended before its main".to_string();
            value.ok_or(RuntimeError::Panicked { shard, message })
        };
        values.into_iter().enumerate().map(value).collect()
    }
}

/// A future whose panic is its value. What it owned is dropped.
struct Caught<F>(Pin<Box<F>>);

impl<F: Future> Future for Caught<F> {
    type Output = Result<F::Output, String>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match catch_unwind(AssertUnwindSafe(|| self.0.as_mut().poll(context))) {
            Ok(poll) => poll.map(Ok),
            Err(payload) => Poll::Ready(Err(panic_message(&*payload))),
        }
    }
}

pub(crate) fn panic_message(payload: &(dyn Any + Send)) -> String {
    match (payload.downcast_ref::<&str>(), payload.downcast_ref::<String>()) {
        (Some(text), _) => (*text).to_string(),
        (_, Some(text)) => text.clone(),
        _ => "no message".to_string(),
    }
}
