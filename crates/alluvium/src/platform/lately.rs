//! How the folds were doing a moment ago. Asking them takes Postgres and the log, each of which is slow on a busy machine, and
//! whoever watches `/health` asks often: so while it is asked for, a task looks once a second, and answers tell what it saw.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::Platform;
use super::folds::{self, Fold};

/// How often the task looks.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// What was seen longer ago is not told: whoever asks then waits for a new look.
const AGE_MAX: Duration = Duration::from_secs(3);
/// The task ends when nobody has asked for so long.
const UNASKED_MAX: Duration = Duration::from_mins(1);

/// What a look saw, and when it was done.
#[derive(Clone)]
pub struct Seen {
    /// All folds of the process.
    pub folds: Arc<Vec<Fold>>,
    at: Instant,
}

impl Seen {
    /// Time since the look, in milliseconds.
    pub fn age_ms(&self) -> u64 {
        self.at.elapsed().as_millis() as u64
    }
}

/// The last look at the folds.
#[derive(Default)]
pub struct Lately(Mutex<State>);

#[derive(Default)]
struct State {
    seen: Option<Seen>,
    asked: Option<Instant>,
    is_watched: bool,
}

impl Lately {
    /// What was seen last, if that is not long ago, else what is seen now.
    pub async fn seen(&self, platform: &Platform) -> Seen {
        let (seen, watch) = self.asked();
        if watch {
            tokio::spawn(watch_folds(platform.clone()));
        }
        match seen {
            Some(seen) => seen,
            None => self.look(platform).await,
        }
    }

    /// What may still be told, and whether somebody must begin to look.
    fn asked(&self) -> (Option<Seen>, bool) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.asked = Some(Instant::now());
        let begin = !std::mem::replace(&mut state.is_watched, true);
        (state.seen.clone().filter(|seen| seen.at.elapsed() < AGE_MAX), begin)
    }

    async fn look(&self, platform: &Platform) -> Seen {
        let at = Instant::now();
        let seen = Seen { folds: Arc::new(folds::all(platform).await), at };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).seen = Some(seen.clone());
        seen
    }

    /// Whether nobody has asked for long: then the task is over.
    fn is_left(&self) -> bool {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_left = state.asked.is_none_or(|asked| asked.elapsed() > UNASKED_MAX);
        state.is_watched = !is_left;
        is_left
    }
}

async fn watch_folds(platform: Platform) {
    let lately = Arc::clone(&platform.lately);
    let stopped = platform.stopping.clone();
    let looking = async {
        while !lately.is_left() {
            tokio::time::sleep(LOOK_EVERY).await;
            lately.look(&platform).await;
        }
    };
    stopped.run_until_cancelled(looking).await;
}
