//! Messages that kill their process, on brokers that do not count deliveries: the first message of a partition that a reader begins
//! with is counted before it runs, and runs before the others of its partition.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use alluvium_kernel::BoxFuture;

use super::{BoxError, health::Health, work::Step};
use crate::transport::{Incoming, Position, Settler};

/// How often a message looks whether the first of its partition has come to an end, in milliseconds.
const BEHIND_LOOK_MS: u64 = 20;

/// Counts how often a message was begun with and never finished. The inbox in Postgres does.
pub trait AttemptLedger: Send + Sync {
    /// `consumer` begins with the message at `position`, the first of `partition` that is not done. How often it did, this time
    /// included; another position than the one before begins anew.
    fn begin<'a>(
        &'a self,
        consumer: &'a str,
        partition: &'a str,
        position: u64,
    ) -> BoxFuture<'a, Result<u32, BoxError>>;

    /// It came to an end, whatever end: it did not kill anybody.
    fn end<'a>(&'a self, consumer: &'a str, partition: &'a str, position: u64) -> BoxFuture<'a, Result<(), BoxError>>;
}

/// A message: its partition, its number there, and the generation that tells one life of the partition from the next.
type Id = (u32, u64, u64);

/// The first message of a partition since it was given to this reader.
#[derive(Clone, Copy, PartialEq, Eq)]
enum First {
    Open(Id),
    Done,
}

/// Whether a message may run.
pub(super) enum Turn {
    /// It is not counted.
    Free,
    /// It is the first of its partition, and was begun with so often, this time included.
    First(u32),
    /// The first of its partition was not begun with yet, or runs still.
    Behind(Duration),
}

/// The ledger of a loop.
pub(super) struct Ledger {
    store: Arc<dyn AttemptLedger>,
    consumer: Arc<str>,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    firsts: HashMap<u32, First>,
    /// Those that are counted now. They stay so when their partition is given away while they run.
    counted: HashSet<Id>,
}

fn id_of(incoming: &Incoming) -> Id {
    (incoming.partition, incoming.token.number, incoming.token.generation)
}

fn partition_of(position: &Position) -> String {
    match position {
        Position::Stream { stream, .. } => stream.to_string(),
        Position::Partition { topic, partition, .. } => format!("{topic}/{partition}"),
    }
}

impl Ledger {
    pub(super) fn new(store: Arc<dyn AttemptLedger>, consumer: Arc<str>) -> Self {
        Self { store, consumer, known: Mutex::default() }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A message came in; messages of a partition come in their order.
    pub(super) fn came(&self, incoming: &Incoming) {
        self.known().firsts.entry(incoming.partition).or_insert_with(|| First::Open(id_of(incoming)));
    }

    /// Partitions are somebody else's now, or begin anew.
    pub(super) fn forget(&self, partitions: &[u32]) {
        self.known().firsts.retain(|partition, _| !partitions.contains(partition));
    }

    /// Whether a message may run now for the first time here; counts the first of its partition.
    pub(super) async fn turn(&self, incoming: &Incoming, health: &Health) -> Turn {
        let id = id_of(incoming);
        let first = self.known().firsts.get(&incoming.partition).copied();
        match first {
            Some(First::Open(first)) if first == id => {}
            Some(First::Open((.., generation))) if generation == incoming.token.generation => {
                return Turn::Behind(Duration::from_millis(BEHIND_LOOK_MS));
            }
            _ => return Turn::Free,
        }
        let partition = partition_of(&incoming.position);
        match self.store.begin(&self.consumer, &partition, incoming.position.number()).await {
            Ok(starts) => {
                health.heal("ledger");
                self.known().counted.insert(id);
                Turn::First(starts)
            }
            Err(error) => {
                // Not to know how often it was begun with is no reason not to handle it.
                health.degrade("ledger", format!("attempts cannot be counted: {error}"));
                tracing::warn!(message.position = %incoming.position, error = %error, "an attempt is not counted");
                Turn::Free
            }
        }
    }

    /// A message ran; if it was the first of its partition the others may go on. While it waits for another try it stays counted: that
    /// try may be the one that kills.
    pub(super) async fn ran(&self, incoming: &Incoming, step: &Step, settler: &dyn Settler) {
        let id = id_of(incoming);
        let is_over = !matches!(step, Step::Wait(_));
        let (is_first, is_counted) = {
            let mut known = self.known();
            let is_first = known.firsts.get(&incoming.partition) == Some(&First::Open(id));
            (is_first, if is_over { known.counted.remove(&id) } else { known.counted.contains(&id) })
        };
        if is_counted && is_over {
            self.over(incoming, step, settler).await;
        }
        if is_first && let Some(first) = self.known().firsts.get_mut(&incoming.partition) {
            *first = First::Done;
        }
    }

    /// A message that was counted came to an end. What it did is committed before the others run: whoever comes after a crash shall
    /// begin with the next.
    async fn over(&self, incoming: &Incoming, step: &Step, settler: &dyn Settler) {
        if matches!(step, Step::Done)
            && let Err(error) = settler.commit().await
        {
            tracing::debug!(message.position = %incoming.position, error = %error, "the first message is not committed yet");
        }
        let partition = partition_of(&incoming.position);
        if let Err(error) = self.store.end(&self.consumer, &partition, incoming.position.number()).await {
            tracing::warn!(message.position = %incoming.position, error = %error, "an attempt that ended stays counted");
        }
    }
}
