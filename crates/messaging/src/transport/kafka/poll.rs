//! The polling thread: it serves the group however slow handlers are, and takes messages only while there is room for them.
//! Each partition has a queue of its own, so that not taking messages does not mean not polling.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, PoisonError,
        atomic::Ordering,
        mpsc::{self, SyncSender},
    },
    time::{Duration, Instant},
};

use rdkafka::{
    Message as _,
    consumer::{BaseConsumer, Consumer as _, base_consumer::PartitionQueue},
    error::{KafkaError, KafkaResult, RDKafkaErrorCode},
    message::BorrowedMessage,
};
use tokio::sync::oneshot;

use super::{
    commit,
    context::Group,
    shared::{Ask, Shared},
    wire,
};
use crate::transport::{Incoming, SettleError, SourceError, SourceEvent};

/// The longest the thread waits without looking after the group, in milliseconds.
const IDLE_MS: u64 = 50;
/// Messages taken from one partition before the next has its turn.
const TURN_MESSAGES: usize = 64;
/// How long leaving a group may take, in milliseconds.
const LEAVE_MS: u64 = 5_000;

pub struct Poller {
    pub consumer: Arc<BaseConsumer<Group>>,
    pub shared: Arc<Shared>,
    pub asks: mpsc::Receiver<Ask>,
    pub queues: BTreeMap<i32, PartitionQueue<Group>>,
    pub commits: Option<Cadence>,
}

/// When what is done is committed.
pub struct Cadence {
    pub every: Duration,
    pub messages: usize,
    pub last: Instant,
    /// Tells the thread that commits.
    pub due: SyncSender<()>,
}

impl Poller {
    pub fn run(mut self) {
        loop {
            match self.asks.try_recv() {
                Ok(Ask::Commit(answer)) => drop(answer.send(self.commit())),
                Ok(Ask::Close(answer)) => {
                    let result = self.commit();
                    self.leave();
                    answer.send(result).ok();
                    return;
                }
                Err(mpsc::TryRecvError::Disconnected) => {
                    self.commit().ok();
                    return self.leave();
                }
                Err(mpsc::TryRecvError::Empty) => {}
            }
            let served = self.serve();
            self.adopt();
            let taken = self.take();
            self.commit_when_due();
            if !served && !taken {
                self.shared.bell.wait(Duration::from_millis(IDLE_MS));
            }
        }
    }

    /// Rebalances, errors and reports; and messages of partitions that could not get a queue of their own.
    fn serve(&mut self) -> bool {
        let consumer = self.consumer.clone();
        let Some(polled) = consumer.poll(Duration::ZERO) else { return false };
        match polled {
            Ok(message) => {
                let mut batch = Vec::new();
                self.note(&message, &mut batch);
                self.hand_over(batch);
            }
            Err(error) => self.fault(&error),
        }
        true
    }

    /// Takes over the queues of partitions that just became ours.
    fn adopt(&mut self) {
        let assigned = std::mem::take(&mut *self.shared.assigned.lock().unwrap_or_else(PoisonError::into_inner));
        for (partition, mut queue) in assigned {
            // An older handle of the same queue takes the callback with it when it is dropped, so it goes first.
            self.queues.remove(&partition);
            let bell = self.shared.bell.clone();
            queue.set_nonempty_callback(move || bell.ring());
            self.queues.insert(partition, queue);
        }
    }

    fn take(&mut self) -> bool {
        let (ours, paused) = {
            let progress = self.shared.progress();
            (progress.since.clone(), progress.paused.clone())
        };
        self.queues.retain(|partition, _| ours.contains_key(partition));
        let mut any = false;
        let mut faults = Vec::new();
        for (partition, queue) in self.queues.iter().filter(|(partition, _)| !paused.contains(partition)) {
            if !self.shared.queue().has_room() {
                break;
            }
            let mut batch = Vec::with_capacity(TURN_MESSAGES);
            let mut bytes = 0;
            while batch.len() < TURN_MESSAGES && bytes < super::shared::QUEUE_BYTES_MAX {
                match queue.poll(Duration::ZERO) {
                    Some(Ok(message)) => {
                        let message = wire::incoming(&message, &self.shared.topic, ours[partition]);
                        bytes += message.bytes();
                        batch.push(message);
                    }
                    Some(Err(error)) => faults.push(error),
                    None => break,
                }
            }
            any |= !batch.is_empty();
            self.hand_over(batch);
        }
        faults.iter().for_each(|error| self.fault(error));
        any
    }

    fn note(&self, message: &BorrowedMessage<'_>, batch: &mut Vec<Incoming>) {
        let since = self.shared.progress().since.get(&message.partition()).copied();
        if let Some(generation) = since {
            batch.push(wire::incoming(message, &self.shared.topic, generation));
        }
    }

    fn hand_over(&self, batch: Vec<Incoming>) {
        if batch.is_empty() {
            return;
        }
        {
            let mut progress = self.shared.progress();
            for message in &batch {
                if let Some(window) = progress.windows.get_mut(&(message.partition as i32)) {
                    window.take(message.token.number as i64);
                }
            }
        }
        let mut queue = self.shared.queue();
        for message in batch {
            queue.bytes += message.bytes();
            queue.messages.push_back(message);
        }
        drop(queue);
        self.shared.arrived.notify_one();
    }

    fn fault(&self, error: &KafkaError) {
        use RDKafkaErrorCode as Code;
        let trying = format!("reading {}", self.shared.topic);
        let failure = match error.rdkafka_error_code() {
            Some(Code::UnknownTopic | Code::UnknownTopicOrPartition | Code::UnknownPartition) => {
                SourceError::Gone(format!("topic {}", self.shared.topic))
            }
            Some(
                Code::TopicAuthorizationFailed
                | Code::GroupAuthorizationFailed
                | Code::ClusterAuthorizationFailed
                | Code::SaslAuthenticationFailed
                | Code::Authentication
                | Code::AutoOffsetReset
                | Code::Fatal,
            ) => SourceError::Refused { trying, detail: error.to_string() },
            _ => {
                tracing::warn!(error = %error, topic = %self.shared.topic, "messages are not read now; trying again");
                return self.shared.tell(SourceEvent::Broken(error.to_string()));
            }
        };
        self.shared.queue().failure = Some(failure);
        self.shared.arrived.notify_one();
    }

    fn commit_when_due(&mut self) {
        let Some(cadence) = &mut self.commits else { return };
        let progress = self.shared.progress();
        let enough = progress.done_since_commit() >= cadence.messages || cadence.last.elapsed() >= cadence.every;
        let due = enough && progress.has_to_commit();
        drop(progress);
        if due {
            cadence.last = Instant::now();
            // Told already and not done: it commits what stands when its turn comes.
            cadence.due.try_send(()).ok();
        }
    }

    /// Commits how far everything came, and waits for the broker's word.
    fn commit(&self) -> Result<(), SettleError> {
        if self.commits.is_none() {
            return Ok(());
        }
        commit::commit(&self.consumer, &self.shared).map_err(|error| SettleError(error.to_string()))
    }

    /// Leaves the group, so that others get its partitions at once.
    fn leave(&mut self) {
        // Whoever listens is closing and answers no more.
        self.shared.events_taken.store(false, Ordering::Release);
        self.queues.clear();
        if self.commits.is_some() {
            self.consumer.unsubscribe();
            let until = Instant::now() + Duration::from_millis(LEAVE_MS);
            while Instant::now() < until && assigned(&self.consumer).is_ok_and(|count| count > 0) {
                self.consumer.poll(Duration::from_millis(20));
            }
        } else {
            self.consumer.unassign().ok();
        }
        self.shared.assigned.lock().unwrap_or_else(PoisonError::into_inner).clear();
        let mut queue = self.shared.queue();
        queue.closed = true;
        queue.messages.clear();
        queue.bytes = 0;
        drop(queue);
        self.shared.arrived.notify_one();
    }
}

fn assigned(consumer: &BaseConsumer<Group>) -> KafkaResult<usize> {
    Ok(consumer.assignment()?.count())
}

/// Answers that nobody waits for any more are dropped with the thread.
pub fn gone(_: oneshot::error::RecvError) -> SettleError {
    SettleError("the source is closed".to_owned())
}
