//! How far the fold is: the reader's place in the stream, and the oldest message each table still has to take in.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// Shared by the reader, the lanes and everybody who waits.
#[derive(Debug, Default)]
pub struct Progress {
    state: Mutex<State>,
    moved: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// All up to here has been read and handed to lanes.
    read: u64,
    /// Oldest unapplied sequence, by table uid; tables that are up to date are absent.
    oldest: HashMap<String, u64>,
    /// Where parked tables stand. They hold the floor, so that a start tries them again, but nobody waits for them.
    parked: HashMap<String, u64>,
    /// Up to where the log has been decided on before this process had the table; absent where it had it from the start.
    decided: HashMap<String, u64>,
}

impl Progress {
    /// The reader begins behind this sequence.
    pub fn starting_at(seq: u64) -> Self {
        Self { state: Mutex::new(State { read: seq, ..State::default() }), moved: Notify::new() }
    }

    /// A lane got its first unapplied message.
    pub fn waiting(&self, uid: &str, seq: u64) {
        self.lock().oldest.entry(uid.to_owned()).or_insert(seq);
    }

    /// A lane applied messages; `oldest` is what it has left.
    pub fn applied(&self, uid: &str, oldest: Option<u64>) {
        let mut state = self.lock();
        match oldest {
            Some(seq) => state.oldest.insert(uid.to_owned(), seq),
            None => state.oldest.remove(uid),
        };
        drop(state);
        self.moved.notify_waiters();
    }

    /// A lane gave up at a message that cannot be applied; what follows for that table is left on the log.
    pub fn parked(&self, uid: &str, seq: u64) {
        let mut state = self.lock();
        state.oldest.remove(uid);
        state.parked.insert(uid.to_owned(), seq);
        drop(state);
        self.moved.notify_waiters();
    }

    /// A parked lane took in all that waited for it.
    pub fn resumed(&self, uid: &str) {
        self.lock().parked.remove(uid);
        self.moved.notify_waiters();
    }

    /// A table came here that was decided on by others up to `decided`; it is not up to date from `oldest` on.
    pub fn joined(&self, uid: &str, oldest: u64, decided: u64) {
        let mut state = self.lock();
        state.decided.insert(uid.to_owned(), decided);
        state.oldest.entry(uid.to_owned()).or_insert(oldest);
    }

    /// A table is kept elsewhere from now on: nobody waits for it here.
    pub fn left(&self, uid: &str) {
        let mut state = self.lock();
        state.oldest.remove(uid);
        state.parked.remove(uid);
        state.decided.remove(uid);
        drop(state);
        self.moved.notify_waiters();
    }

    /// The oldest message of a table that is not applied; none when it is up to date.
    pub fn oldest(&self, uid: &str) -> Option<u64> {
        let state = self.lock();
        state.oldest.get(uid).or_else(|| state.parked.get(uid)).copied()
    }

    /// All up to here is decided, here or by those who had the tables before; what is folded again meanwhile is not in the way.
    pub fn decided(&self) -> u64 {
        let state = self.lock();
        let open = state.oldest.iter().chain(&state.parked);
        let undecided =
            |(uid, seq): (&String, &u64)| state.decided.get(uid).map_or(*seq, |decided| *seq.max(&(decided + 1)));
        open.map(undecided).min().map_or(state.read, |undecided| undecided - 1)
    }

    /// The reader handed over everything up to `seq`.
    pub fn read(&self, seq: u64) {
        self.lock().read = seq;
        self.moved.notify_waiters();
    }

    /// All up to here is in the files, or is for none.
    pub fn floor(&self) -> u64 {
        let state = self.lock();
        state.oldest.values().chain(state.parked.values()).min().map_or(state.read, |oldest| oldest - 1)
    }

    /// The reader's place.
    pub fn read_to(&self) -> u64 {
        self.lock().read
    }

    /// Waits until every table has taken in `seq`. Bounded by the caller.
    pub async fn wait_all(&self, seq: u64) {
        self.wait(|state| state.read >= seq && state.oldest.values().all(|oldest| *oldest > seq)).await;
    }

    /// Waits until one table has taken in `seq`; other tables may lag. Bounded by the caller.
    pub async fn wait_table(&self, uid: &str, seq: u64) {
        self.wait(|state| state.read >= seq && state.oldest.get(uid).is_none_or(|oldest| *oldest > seq)).await;
    }

    /// Waits until the reader has handed over `seq`. Bounded by the caller.
    pub async fn wait_read(&self, seq: u64) {
        self.wait(|state| state.read >= seq).await;
    }

    async fn wait(&self, reached: impl Fn(&State) -> bool) {
        loop {
            let moved = self.moved.notified();
            tokio::pin!(moved);
            // Registered before looking, so that a move in between is not missed.
            moved.as_mut().enable();
            if reached(&self.lock()) {
                return;
            }
            moved.await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Every change is one assignment, so a panic elsewhere leaves nothing half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use super::*;

    #[tokio::test]
    async fn one_slow_table_holds_the_floor_but_not_the_others() {
        let progress = Arc::new(Progress::starting_at(10));
        progress.waiting("slow", 11);
        progress.waiting("fast", 12);
        progress.read(20);
        progress.applied("fast", None);
        assert_eq!(progress.floor(), 10);
        progress.wait_table("fast", 20).await;
        let blocked = tokio::time::timeout(Duration::from_millis(20), progress.wait_all(11)).await;
        assert!(blocked.is_err());
        let waiter = tokio::spawn({
            let progress = Arc::clone(&progress);
            async move { progress.wait_table("slow", 20).await }
        });
        progress.applied("slow", Some(15));
        assert_eq!(progress.floor(), 14);
        progress.applied("slow", None);
        waiter.await.unwrap();
        assert_eq!(progress.floor(), 20);
    }

    #[test]
    fn a_table_that_is_folded_again_does_not_make_the_past_undecided() {
        let progress = Progress::starting_at(100);
        progress.joined("moved", 3, 90);
        assert_eq!((progress.floor(), progress.decided()), (2, 90));
        progress.applied("moved", Some(95));
        assert_eq!((progress.floor(), progress.decided()), (94, 94));
        progress.left("moved");
        assert_eq!((progress.floor(), progress.decided()), (100, 100));
    }
}
