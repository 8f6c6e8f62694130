//! How long a fold that keeps up waits for more. Not at all when little comes: then the next event should show at once. Some
//! milliseconds when much comes: a transaction costs Postgres more than the few rows it would bring.

use tokio::time::{Duration, Instant};

use crate::batch::BATCH_MESSAGES_MAX;

/// The least time between two transactions while much comes, in milliseconds; how late an event may show that nobody waits for.
const GATHER_MS: u64 = 20;
/// From how many messages in the last transaction on much comes.
const MANY_MESSAGES: usize = 4;
/// How many messages are enough to go on with at once.
const ENOUGH_MESSAGES: usize = BATCH_MESSAGES_MAX / 4;

/// Remembers the last transaction.
#[derive(Default)]
pub(crate) struct Pace {
    last: Option<(Instant, usize)>,
}

impl Pace {
    /// A transaction of so many messages has just been committed.
    pub fn committed(&mut self, messages: usize) {
        self.last = Some((Instant::now(), messages));
    }

    /// Until when to gather more than the messages there are; `None` when they should be applied now.
    pub fn gather_until(&self, messages: usize) -> Option<Instant> {
        let (at, before) = self.last?;
        let until = at + Duration::from_millis(GATHER_MS);
        (before >= MANY_MESSAGES && messages < ENOUGH_MESSAGES && until > Instant::now()).then_some(until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn gathers_only_right_after_much() {
        let mut pace = Pace::default();
        assert_eq!(pace.gather_until(1), None, "the first event");
        pace.committed(MANY_MESSAGES - 1);
        assert_eq!(pace.gather_until(1), None, "after little");
        pace.committed(MANY_MESSAGES);
        tokio::time::advance(Duration::from_millis(GATHER_MS / 2)).await;
        let until = pace.gather_until(1).unwrap();
        assert_eq!(until - Instant::now(), Duration::from_millis(GATHER_MS / 2), "both halves are one gathering");
        assert_eq!(pace.gather_until(ENOUGH_MESSAGES), None, "there is enough");
        tokio::time::advance(Duration::from_millis(GATHER_MS / 2)).await;
        assert_eq!(pace.gather_until(1), None, "long after much");
    }
}
