//! SIGINT and SIGTERM: the first asks the run to stop, the second ends the process. SIGUSR1 asks for a checkpoint.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use millrace_plan::{Error, Result};
use millrace_runtime::Bell;
use signal_hook::consts::{SIGUSR1, TERM_SIGNALS};
use signal_hook::flag;

/// Whether a stop was asked for.
pub struct Signals {
    stop: Arc<AtomicBool>,
    checkpoint: Arc<AtomicBool>,
}

impl Signals {
    /// Takes over SIGINT, SIGTERM, SIGQUIT and SIGUSR1.
    pub fn install() -> Result<Signals> {
        const SECOND_SIGNAL_EXIT: i32 = 130;
        let stop = Arc::new(AtomicBool::new(false));
        for signal in TERM_SIGNALS {
            // Order matters: the shutdown must see the flag as it was before this signal.
            flag::register_conditional_shutdown(*signal, SECOND_SIGNAL_EXIT, stop.clone())
                .and_then(|_| flag::register(*signal, stop.clone()))
                .map_err(|error| Error::environment(format!("signal {signal}: {error}")))?;
        }
        let checkpoint = Arc::new(AtomicBool::new(false));
        flag::register(SIGUSR1, checkpoint.clone())
            .map_err(|error| Error::environment(format!("signal {SIGUSR1}: {error}")))?;
        Ok(Signals { stop, checkpoint })
    }

    /// True once after each SIGUSR1.
    pub fn checkpoint_requested(&self) -> bool {
        self.checkpoint.swap(false, Ordering::Relaxed)
    }

    /// Waits, or less long if a stop is asked for.
    pub fn wait(&self, time: Duration) -> Result<()> {
        const STEP: Duration = Duration::from_millis(50);
        let bell = Bell::new().map_err(|error| Error::environment(format!("eventfd: {error}")))?;
        let mut left = time;
        while !left.is_zero() && !self.stop_requested() {
            bell.wait(Some(STEP.min(left)));
            left = left.saturating_sub(STEP);
        }
        Ok(())
    }

    /// True after the first signal.
    pub fn stop_requested(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}
