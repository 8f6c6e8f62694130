//! Signs of life to the broker for messages that a reader holds.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use tokio::time::Instant;

use crate::transport::{Settle, SettleToken, Settler};

/// Signs of life within one `ack_wait`.
const SIGNS_PER_WAIT: u32 = 3;
/// The shortest pause between two looks, in milliseconds.
const LOOK_MS_MIN: u64 = 10;

/// Messages that are held.
#[derive(Default)]
pub(super) struct Held(Mutex<State>);

#[derive(Default)]
struct State {
    next: u64,
    tokens: HashMap<u64, (SettleToken, Instant)>,
}

/// One message is held, until this is dropped.
pub(super) struct Holding {
    held: Arc<Held>,
    number: u64,
}

impl Held {
    /// Tells `settler` of every message that is held for long, as long as any reader is there.
    pub(super) fn start(settler: Arc<dyn Settler>, ack_wait: Duration) -> Arc<Self> {
        let held = Arc::new(Self::default());
        tokio::spawn(watch(Arc::downgrade(&held), settler, ack_wait / SIGNS_PER_WAIT));
        held
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn hold(self: &Arc<Self>, token: &SettleToken) -> Holding {
        let mut state = self.state();
        let number = state.next;
        state.next += 1;
        state.tokens.insert(number, (token.clone(), Instant::now()));
        Holding { held: self.clone(), number }
    }

    fn quiet_since(&self, silent: Duration) -> Vec<SettleToken> {
        let now = Instant::now();
        let mut state = self.state();
        let quiet = state.tokens.values_mut().filter(|(_, heard)| now.duration_since(*heard) >= silent);
        quiet
            .map(|(token, heard)| {
                *heard = now;
                token.clone()
            })
            .collect()
    }
}

impl Drop for Holding {
    fn drop(&mut self) {
        self.held.state().tokens.remove(&self.number);
    }
}

async fn watch(held: Weak<Held>, settler: Arc<dyn Settler>, silent: Duration) {
    let mut look = tokio::time::interval((silent / 2).max(Duration::from_millis(LOOK_MS_MIN)));
    loop {
        look.tick().await;
        let Some(quiet) = held.upgrade().map(|held| held.quiet_since(silent)) else { return };
        for token in quiet {
            if let Err(error) = settler.settle(&token, Settle::Working).await {
                tracing::debug!(error = %error, "the broker was not told that a message is worked on");
            }
        }
    }
}
