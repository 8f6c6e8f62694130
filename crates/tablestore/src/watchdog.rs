//! Ends what the engine does for somebody: when its time is up, or when nobody waits for it any more.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::instance::{Session, lock};

/// How often a late query is interrupted again.
const INTERRUPT_AGAIN_MS: u64 = 20;

/// Gives up one piece of work, from any thread, before it begins or while it runs.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<(Mutex<State>, Condvar)>);

#[derive(Debug, Default)]
struct State {
    given_up: bool,
    done: bool,
    fired: bool,
}

impl Stop {
    /// Nobody waits for it any more.
    pub fn now(&self) {
        lock(&self.0.0).given_up = true;
        self.0.1.notify_all();
    }

    /// Whether that was said.
    pub fn is_given_up(&self) -> bool {
        lock(&self.0.0).given_up
    }
}

/// Interrupts a connection when time is up.
pub(crate) struct Watchdog {
    stop: Stop,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Watchdog {
    pub fn start(session: &Session, timeout_ms: u64, stop: Stop) -> Result<Self> {
        let handle = session.connection().interrupt_handle();
        let shared = stop.clone();
        let deadline = Instant::now() + Duration::from_millis(timeout_ms);
        let thread = std::thread::Builder::new()
            .name("query-watchdog".into())
            .spawn(move || {
                let (state, changed) = &*shared.0;
                let mut guard = lock(state);
                while !guard.done {
                    let left = deadline.saturating_duration_since(Instant::now());
                    if guard.given_up || left.is_zero() {
                        guard.fired = true;
                        handle.interrupt();
                        // An interrupt between two statements hits nothing, so it is repeated until the query is over.
                        guard = changed
                            .wait_timeout(guard, Duration::from_millis(INTERRUPT_AGAIN_MS))
                            .unwrap_or_else(PoisonError::into_inner)
                            .0;
                    } else {
                        guard = changed.wait_timeout(guard, left).unwrap_or_else(PoisonError::into_inner).0;
                    }
                }
            })
            .map_err(|_| Error::Unavailable("no thread for the time limit".into()))?;
        Ok(Self { stop, thread: Some(thread) })
    }

    /// Ends the watch; says whether the connection was interrupted.
    pub fn stop(mut self) -> bool {
        self.finish()
    }

    fn finish(&mut self) -> bool {
        let fired = {
            let mut guard = lock(&self.stop.0.0);
            guard.done = true;
            guard.fired
        };
        self.stop.0.1.notify_all();
        if let Some(thread) = self.thread.take() {
            // It has nothing to say and cannot panic.
            let _ = thread.join();
        }
        fired
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        self.finish();
    }
}
