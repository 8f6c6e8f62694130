//! What the thread that polls and whoever reads and settles share.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use rdkafka::{Offset, TopicPartitionList, consumer::base_consumer::PartitionQueue};
use tokio::sync::{Notify, mpsc, oneshot};

use super::context::Group;
use crate::transport::window::Window;
use crate::transport::{Incoming, SettleError, SourceError, SourceEvent};

/// Messages that wait to be handed out; what librdkafka fetched ahead waits in its own queues.
pub const QUEUE_MESSAGES_MAX: usize = 512;
/// Bytes that wait to be handed out; one message may be bigger.
pub const QUEUE_BYTES_MAX: usize = 2 << 20;
/// Events that nobody took yet.
pub const EVENTS_MAX: usize = 64;

/// Wakes the polling thread.
#[derive(Default)]
pub struct Bell {
    rung: Mutex<bool>,
    heard: Condvar,
}

impl Bell {
    pub fn ring(&self) {
        let mut rung = self.rung.lock().unwrap_or_else(PoisonError::into_inner);
        if !std::mem::replace(&mut *rung, true) {
            self.heard.notify_one();
        }
    }

    /// Waits until rung, or for so long.
    pub fn wait(&self, within: Duration) {
        let rung = self.rung.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut rung, _) =
            self.heard.wait_timeout_while(rung, within, |rung| !*rung).unwrap_or_else(PoisonError::into_inner);
        *rung = false;
    }
}

/// Messages polled and not handed out.
#[derive(Default)]
pub struct Queue {
    pub messages: VecDeque<Incoming>,
    pub bytes: usize,
    pub failure: Option<SourceError>,
    pub closed: bool,
}

impl Queue {
    pub fn has_room(&self) -> bool {
        self.messages.len() < QUEUE_MESSAGES_MAX && self.bytes < QUEUE_BYTES_MAX
    }

    pub fn pop(&mut self) -> Option<Incoming> {
        let message = self.messages.pop_front()?;
        self.bytes -= message.bytes();
        Some(message)
    }
}

/// Progress of the partitions that are ours now.
#[derive(Default)]
pub struct Progress {
    pub windows: BTreeMap<i32, Window>,
    /// Grows with every loss of partitions: tokens of an older one do nothing.
    pub generation: u64,
    /// By partition, the generation in which it was given to us.
    pub since: BTreeMap<i32, u64>,
    pub paused: BTreeSet<i32>,
}

impl Progress {
    pub fn has_to_commit(&self) -> bool {
        self.windows.values().any(|window| window.to_commit().is_some())
    }

    pub fn done_since_commit(&self) -> usize {
        self.windows.values().map(Window::done_since_commit).sum()
    }
}

/// What the thread is asked for.
pub enum Ask {
    Commit(oneshot::Sender<Result<(), SettleError>>),
    Close(oneshot::Sender<Result<(), SettleError>>),
}

pub struct Shared {
    pub topic: Arc<str>,
    pub queue: Mutex<Queue>,
    pub arrived: Notify,
    pub progress: Mutex<Progress>,
    pub bell: Arc<Bell>,
    pub events: mpsc::Sender<SourceEvent>,
    pub events_taken: AtomicBool,
    /// Held while a commit is under way.
    pub committing: Mutex<()>,
    /// Queues of partitions that just became ours, for the polling thread to take over.
    pub assigned: Mutex<Vec<(i32, PartitionQueue<Group>)>>,
}

impl Shared {
    pub fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn tell(&self, event: SourceEvent) {
        self.events.try_send(event).ok();
    }

    pub fn is_listened_to(&self) -> bool {
        self.events_taken.load(Ordering::Acquire)
    }

    /// What can be committed now, of these partitions or of all.
    pub fn to_commit(&self, only: Option<&[i32]>) -> TopicPartitionList {
        let mut list = TopicPartitionList::new();
        for (partition, window) in &self.progress().windows {
            if let Some(offset) = window.to_commit().filter(|_| only.is_none_or(|only| only.contains(partition))) {
                list.add_partition_offset(&self.topic, *partition, Offset::Offset(offset)).ok();
            }
        }
        list
    }

    /// These offsets are known to the broker.
    pub fn committed(&self, list: &TopicPartitionList) {
        let mut progress = self.progress();
        for each in list.elements() {
            if let (Some(window), Offset::Offset(offset)) = (progress.windows.get_mut(&each.partition()), each.offset())
            {
                window.committed(offset);
            }
        }
    }

    /// Partitions begin to be ours.
    pub fn gain(&self, partitions: &[i32]) {
        let mut progress = self.progress();
        let generation = progress.generation;
        for partition in partitions {
            progress.windows.entry(*partition).or_default();
            progress.since.insert(*partition, generation);
        }
    }

    /// Partitions are ours no more: nothing of theirs is handed out or settled.
    pub fn lose(&self, partitions: &[i32]) {
        {
            let mut progress = self.progress();
            progress.generation += 1;
            for partition in partitions {
                progress.windows.remove(partition);
                progress.since.remove(partition);
            }
        }
        self.withhold(partitions);
    }

    /// What waits of these partitions is not handed out any more.
    pub fn withhold(&self, partitions: &[i32]) {
        let mut queue = self.queue();
        queue.messages.retain(|message| !partitions.contains(&(message.partition as i32)));
        queue.bytes = queue.messages.iter().map(Incoming::bytes).sum();
    }
}
