//! What a lane still has to apply. Items stay until they are applied, so that the oldest is always known.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use alluvium_kernel::Timestamp;
use async_nats::HeaderMap;
use bytes::Bytes;
use tokio::sync::{Notify, OwnedSemaphorePermit};

use super::progress::Progress;
use crate::contract::TableEvent;

/// How many messages of rows one transaction takes at the most.
const BATCH_MESSAGES_MAX: usize = 50_000;
/// How many bytes of rows one transaction takes at the most.
const BATCH_BYTES_MAX: usize = 16 << 20;

/// One message for a table.
#[derive(Clone, Debug)]
pub struct Item {
    /// Its sequence in the stream.
    pub seq: u64,
    /// When the stream took it in.
    pub time: Timestamp,
    /// What it follows from, when somebody keeps traces.
    pub trace: Option<Arc<str>>,
    /// What it says.
    pub body: Body,
}

/// What a message says to a table.
#[derive(Clone, Debug)]
pub enum Body {
    /// Rows, as they were published.
    Rows {
        /// The subject, for signatures and dead letters.
        subject: String,
        /// The publisher's headers.
        headers: Option<HeaderMap>,
        /// The payload.
        payload: Bytes,
    },
    /// A commit of the table's aggregate.
    Commit {
        /// The commit's chain value.
        chain: String,
        /// Where its publisher wants outcomes sent.
        reply: Option<String>,
        /// Its events in order.
        events: Vec<CommitEvent>,
    },
    /// A commit of the table's aggregate that nobody here can read.
    Unreadable {
        /// Why.
        reason: String,
    },
}

/// One event of a commit with what the fold needs of its envelope.
#[derive(Clone, Debug)]
pub struct CommitEvent {
    /// Id of the command that led to it.
    pub command_id: String,
    /// Hash of that command.
    pub body_hash: String,
    /// When the command was taken in.
    pub time: Timestamp,
    /// The event.
    pub event: TableEvent,
}

impl CommitEvent {
    /// The id that its verdict goes by: that of the command, unless it came with another change.
    pub fn request(&self) -> &str {
        match &self.event {
            TableEvent::SnapshotRequested(asked) => &asked.request,
            TableEvent::RestoreRequested(asked) => &asked.request,
            _ => &self.command_id,
        }
    }

    /// Whether it came with another change, whose caller is told of that one only.
    pub fn is_implied(&self) -> bool {
        self.request() != self.command_id
    }
}

impl Item {
    fn bytes(&self) -> usize {
        match &self.body {
            Body::Rows { payload, .. } => payload.len(),
            Body::Commit { .. } | Body::Unreadable { .. } => 0,
        }
    }
}

type Waiting = (Arc<Item>, OwnedSemaphorePermit);

/// The queue of one table.
#[derive(Debug)]
pub struct Queue {
    uid: String,
    items: Mutex<VecDeque<Waiting>>,
    parked: AtomicBool,
    ended: AtomicBool,
    closed: AtomicBool,
    filled: Notify,
}

impl Queue {
    /// An empty queue of the table `uid`.
    pub fn new(uid: &str) -> Self {
        Self {
            uid: uid.to_owned(),
            items: Mutex::default(),
            parked: AtomicBool::new(false),
            ended: AtomicBool::new(false),
            closed: AtomicBool::new(false),
            filled: Notify::new(),
        }
    }

    /// Adds a message; the permit is what it holds of the fold's memory, given back when it is applied.
    pub fn push(&self, item: Item, memory: OwnedSemaphorePermit, progress: &Progress) {
        let mut items = self.lock();
        if self.parked.load(Ordering::Relaxed) || self.closed.load(Ordering::Relaxed) {
            return;
        }
        let first = items.is_empty();
        if first {
            progress.waiting(&self.uid, item.seq);
        }
        items.push_back((Arc::new(item), memory));
        drop(items);
        if first {
            self.filled.notify_one();
        }
    }

    /// The next batch: one commit, or as many messages of rows in a row as one transaction may take. Waits for the first;
    /// empty when the table has ended.
    pub async fn next(&self) -> Vec<Arc<Item>> {
        loop {
            let filled = self.filled.notified();
            let batch = self.batch();
            if !batch.is_empty() || self.ended.load(Ordering::Relaxed) {
                return batch;
            }
            filled.await;
        }
    }

    /// Removes the first `count` messages: they are in the file.
    pub fn applied(&self, count: usize, progress: &Progress) {
        let mut items = self.lock();
        let count = count.min(items.len());
        // Given back in one go: one by one, each would take the lock that the reader waits at.
        let memory = items.drain(..count).map(|(_, memory)| memory).reduce(|mut all, one| {
            all.merge(one);
            all
        });
        // Under the queue's lock, so that a push cannot come between looking and telling.
        progress.applied(&self.uid, items.front().map(|(item, _)| item.seq));
        drop((items, memory));
    }

    /// The file holds all before the first message: what waits is what is left.
    pub fn caught_up(&self, progress: &Progress) {
        let items = self.lock();
        progress.applied(&self.uid, items.front().map(|(item, _)| item.seq));
    }

    /// Gives up at the message `seq`: what waits, and what comes, stays on the log only.
    pub fn park(&self, seq: u64, progress: &Progress) {
        let mut items = self.lock();
        self.parked.store(true, Ordering::Relaxed);
        progress.parked(&self.uid, seq);
        items.clear();
    }

    /// The table is gone: what comes behind its end, as verdicts on its last requests do, is for nobody.
    pub fn close(&self, progress: &Progress) {
        let mut items = self.lock();
        self.closed.store(true, Ordering::Relaxed);
        items.clear();
        progress.applied(&self.uid, None);
    }

    /// Whether nothing waits.
    pub fn is_idle(&self) -> bool {
        self.lock().is_empty()
    }

    /// Takes messages again, from the next one on; what waited meanwhile was taken from the log.
    pub fn resume(&self, progress: &Progress) {
        let _items = self.lock();
        self.parked.store(false, Ordering::Relaxed);
        progress.resumed(&self.uid);
    }

    /// The table was dropped by a message that did not come through here.
    pub fn end(&self) {
        self.ended.store(true, Ordering::Relaxed);
        self.filled.notify_one();
    }

    /// Whether it was.
    pub fn is_ended(&self) -> bool {
        self.ended.load(Ordering::Relaxed)
    }

    /// When the stream took in the oldest message that waits.
    pub fn oldest(&self) -> Option<Timestamp> {
        self.lock().front().map(|(item, _)| item.time)
    }

    fn batch(&self) -> Vec<Arc<Item>> {
        let items = self.lock();
        let (mut batch, mut bytes) = (Vec::new(), 0);
        for (item, _) in items.iter() {
            let commit = !matches!(item.body, Body::Rows { .. });
            bytes += item.bytes();
            let full = batch.len() >= BATCH_MESSAGES_MAX || bytes > BATCH_BYTES_MAX;
            if !batch.is_empty() && (commit || full) {
                break;
            }
            batch.push(Arc::clone(item));
            if commit {
                break;
            }
        }
        batch
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Waiting>> {
        self.items.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::Semaphore;

    use super::*;

    async fn push(queue: &Queue, progress: &Progress, memory: &Arc<Semaphore>, seq: u64, body: Body) {
        let permit = Arc::clone(memory).acquire_owned().await.unwrap();
        queue.push(Item { seq, time: Timestamp::from_micros(0), trace: None, body }, permit, progress);
    }

    fn rows() -> Body {
        Body::Rows { subject: "rows.a.b.c.d".into(), headers: None, payload: Bytes::from_static(b"{}") }
    }

    fn commit() -> Body {
        Body::Commit { chain: "c".into(), reply: None, events: vec![] }
    }

    #[tokio::test]
    async fn a_parked_queue_takes_nothing_until_it_resumes() {
        let (queue, progress, memory) = (Queue::new("t"), Progress::starting_at(0), Arc::new(Semaphore::new(10)));
        push(&queue, &progress, &memory, 1, commit()).await;
        queue.park(1, &progress);
        push(&queue, &progress, &memory, 2, rows()).await;
        progress.read(2);
        assert_eq!((progress.floor(), memory.available_permits()), (0, 10), "a start begins before what is parked");
        queue.resume(&progress);
        assert_eq!(progress.floor(), 2);
        push(&queue, &progress, &memory, 3, rows()).await;
        assert_eq!(queue.next().await.len(), 1);
    }

    #[tokio::test]
    async fn what_comes_behind_the_end_of_a_table_holds_nobody_up() {
        let (queue, progress, memory) = (Queue::new("t"), Progress::starting_at(0), Arc::new(Semaphore::new(10)));
        push(&queue, &progress, &memory, 1, commit()).await;
        push(&queue, &progress, &memory, 2, commit()).await;
        queue.applied(1, &progress);
        queue.close(&progress);
        push(&queue, &progress, &memory, 3, commit()).await;
        progress.read(3);
        assert_eq!((progress.floor(), memory.available_permits()), (3, 10));
    }

    #[tokio::test]
    async fn rows_go_together_and_commits_alone() {
        let (queue, progress, memory) = (Queue::new("t"), Progress::starting_at(0), Arc::new(Semaphore::new(10)));
        for (seq, body) in [(1, rows()), (2, rows()), (3, commit()), (4, rows())] {
            push(&queue, &progress, &memory, seq, body).await;
        }
        progress.read(4);
        let mut sizes = Vec::new();
        for floor in [2, 3, 4] {
            let batch = queue.next().await;
            sizes.push(batch.len());
            queue.applied(batch.len(), &progress);
            assert_eq!(progress.floor(), floor);
        }
        assert_eq!(sizes, [2, 1, 1]);
        assert_eq!(memory.available_permits(), 10, "applied messages give their memory back");
    }
}
