//! Turns that are waited for, and who may be asked to give them up.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;

/// Counts those who wait.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    waiting: AtomicUsize,
    came: Notify,
}

/// One who waits, until it does no more.
struct Waiting<'a>(&'a Gate);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Gate {
    /// Waits for a turn, and is seen to.
    pub async fn wait<T>(&self, turn: impl Future<Output = T>) -> T {
        self.waiting.fetch_add(1, Ordering::SeqCst);
        let _waiting = Waiting(self);
        self.came.notify_waiters();
        turn.await
    }

    /// Whether anybody waits.
    pub fn is_wanted(&self) -> bool {
        self.waiting.load(Ordering::SeqCst) > 0
    }

    /// Resolves when somebody waits.
    pub async fn wanted(&self) {
        loop {
            let came = self.came.notified();
            if self.is_wanted() {
                return;
            }
            came.await;
        }
    }
}
