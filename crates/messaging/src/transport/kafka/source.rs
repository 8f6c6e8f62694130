//! Messages of one topic: a group shares its partitions, a reader alone has them all and keeps its own place.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicBool, Ordering},
        mpsc as std_mpsc,
    },
    time::{Duration, Instant as StdInstant},
};

use alluvium_kernel::BoxFuture;
use futures::{FutureExt as _, StreamExt as _, stream::BoxStream};
use rdkafka::{
    Offset, TopicPartitionList,
    config::FromClientConfigAndContext as _,
    consumer::{BaseConsumer, Consumer as _},
    metadata::{MetadataPartition, MetadataTopic},
};
use tokio::{
    sync::{Notify, mpsc, oneshot},
    time::Instant,
};

use super::{
    KafkaConfig, commit, config,
    context::{Begin, Group},
    poll::{Cadence, Poller, gone},
    shared::{Ask, Bell, EVENTS_MAX, Progress, QUEUE_MESSAGES_MAX, Queue, Shared},
};
use crate::transport::{
    Incoming, Lag, Room, Settle, SettleError, SettleToken, Settler, Source, SourceError, SourceEvent, StartFrom,
    SubscribeError, SubscribeSpec,
};

/// How long the cluster may take to say something about a topic, in milliseconds.
pub const ASK_MS: u64 = 10_000;

pub struct KafkaSource {
    shared: Arc<Shared>,
    consumer: Arc<BaseConsumer<Group>>,
    asks: std_mpsc::Sender<Ask>,
    settler: Arc<KafkaSettler>,
    taken_events: Option<mpsc::Receiver<SourceEvent>>,
    room: Option<Room>,
}

impl KafkaSource {
    /// Blocks: asks the cluster about the topic before it begins to read.
    pub fn open(config: &KafkaConfig, spec: &SubscribeSpec) -> Result<Self, SubscribeError> {
        let mut client = config.client(&spec.settings.kafka);
        // A reader alone has no group; librdkafka wants a name all the same.
        client.set("group.id", spec.group.clone().unwrap_or_else(|| format!("alone-{}", spec.topic)));
        let (events, taken) = mpsc::channel(EVENTS_MAX);
        let shared = Arc::new(Shared {
            topic: spec.topic.clone(),
            queue: Mutex::<Queue>::default(),
            arrived: Notify::new(),
            progress: Mutex::<Progress>::default(),
            bell: Arc::new(Bell::default()),
            events,
            events_taken: AtomicBool::new(false),
            committing: Mutex::default(),
            assigned: Mutex::default(),
        });
        let partitions = partitions(config, &spec.topic)?;
        let begin = begin(config, spec, &partitions)?;
        let group =
            Group { shared: shared.clone(), begin: begin.clone(), begun: Mutex::default(), consumer: OnceLock::new() };
        let mut consumer =
            BaseConsumer::from_config_and_context(&client, group).map_err(|error| config::refused(&error))?;
        let bell = shared.bell.clone();
        consumer.set_nonempty_callback(move || bell.ring());
        let consumer = Arc::new(consumer);
        consumer.context().consumer.set(Arc::downgrade(&consumer)).ok();
        let refused = |error: rdkafka::error::KafkaError| SubscribeError::Refused {
            trying: format!("subscribing to {}", spec.topic),
            detail: error.to_string(),
        };
        if spec.group.is_some() {
            consumer.subscribe(&[&spec.topic]).map_err(refused)?;
        } else {
            let end = if spec.settings.from_earliest { Offset::Beginning } else { Offset::End };
            let mut list = TopicPartitionList::new();
            for partition in &partitions {
                let offset = begin.of(*partition).unwrap_or(end);
                list.add_partition_offset(&spec.topic, *partition, offset).map_err(refused)?;
            }
            shared.gain(&partitions);
            consumer.context().split(&partitions);
            consumer.assign(&list).map_err(refused)?;
        }
        let (asks, asked) = std_mpsc::channel();
        let not_started = |error: std::io::Error| SubscribeError::Refused {
            trying: "starting the threads that poll and commit".to_owned(),
            detail: error.to_string(),
        };
        // A reader without a group has nobody to tell.
        let commits = if spec.group.is_some() {
            let due = commit::beside(consumer.clone(), shared.clone()).map_err(not_started)?;
            let (every, messages) = (spec.settings.commit_every, spec.settings.commit_messages.max(1));
            Some(Cadence { every, messages, last: StdInstant::now(), due })
        } else {
            None
        };
        let poller = Poller {
            consumer: consumer.clone(),
            shared: shared.clone(),
            asks: asked,
            queues: BTreeMap::new(),
            commits,
        };
        let thread = std::thread::Builder::new().name(format!("kafka {}", spec.topic));
        thread.spawn(move || poller.run()).map_err(not_started)?;
        let settler = KafkaSettler {
            shared: shared.clone(),
            asks: asks.clone(),
            has_group: spec.group.is_some(),
            awaited: spec.settings.commit_awaited,
        };
        Ok(Self { shared, consumer, asks, settler: Arc::new(settler), taken_events: Some(taken), room: None })
    }

    fn allows(&self) -> bool {
        self.room.is_none_or(Room::any)
    }

    fn pop(&mut self) -> Option<Result<Incoming, SourceError>> {
        if !self.allows() {
            return None;
        }
        let mut queue = self.shared.queue();
        let Some(message) = queue.pop() else { return queue.failure.take().map(Err) };
        // The thread waits when the queue is full; it begins again when half of it is gone.
        let wakes = queue.messages.len() == QUEUE_MESSAGES_MAX / 2 || queue.messages.is_empty();
        drop(queue);
        if wakes {
            self.shared.bell.ring();
        }
        if let Some(room) = &mut self.room {
            room.messages -= 1;
            room.bytes = room.bytes.saturating_sub(message.bytes());
            room.idle = false;
        }
        Some(Ok(message))
    }

    fn set_paused(&self, partitions: &[u32], paused: bool) {
        let mut progress = self.shared.progress();
        for partition in partitions.iter().map(|partition| *partition as i32) {
            if paused {
                progress.paused.insert(partition);
            } else {
                progress.paused.remove(&partition);
            }
        }
        drop(progress);
        self.shared.bell.ring();
    }
}

impl Source for KafkaSource {
    fn room(&mut self, room: Room) {
        self.room = Some(room);
    }

    fn next(&mut self) -> BoxFuture<'_, Option<Result<Incoming, SourceError>>> {
        Box::pin(async move {
            loop {
                if self.shared.queue().closed {
                    return None;
                }
                if !self.allows() {
                    // Only a new room changes that, and it comes through `&mut self`.
                    std::future::pending::<()>().await;
                }
                if let Some(next) = self.pop() {
                    return Some(next);
                }
                self.shared.arrived.notified().await;
            }
        })
    }

    fn ready(&mut self) -> Option<Result<Incoming, SourceError>> {
        self.pop()
    }

    fn settler(&self) -> Arc<dyn Settler> {
        self.settler.clone()
    }

    fn pause(&mut self, partitions: &[u32]) {
        self.set_paused(partitions, true);
    }

    fn resume(&mut self, partitions: &[u32]) {
        self.set_paused(partitions, false);
    }

    fn events(&mut self) -> BoxStream<'static, SourceEvent> {
        match self.taken_events.take() {
            Some(events) => {
                self.shared.events_taken.store(true, Ordering::Release);
                futures::stream::unfold(events, |mut events| async { Some((events.recv().await?, events)) }).boxed()
            }
            None => futures::stream::empty().boxed(),
        }
    }

    fn lag(&self) -> BoxFuture<'_, Result<Lag, SourceError>> {
        let (consumer, shared) = (self.consumer.clone(), self.shared.clone());
        let failed = |trying: &str, detail: String| SourceError::Transient { trying: trying.to_owned(), detail };
        Box::pin(async move {
            let asked = tokio::task::spawn_blocking(move || {
                let places: Vec<(i32, Option<i64>)> =
                    shared.progress().windows.iter().map(|(partition, window)| (*partition, window.place())).collect();
                let within = Duration::from_millis(ASK_MS);
                let committed = consumer.committed(within).ok();
                let mut lag = Lag::default();
                for (partition, place) in places {
                    let (low, high) = consumer.fetch_watermarks(&shared.topic, partition, within)?;
                    let stored = committed.as_ref().and_then(|list| {
                        match list.find_partition(&shared.topic, partition)?.offset() {
                            Offset::Offset(offset) => Some(offset),
                            _ => None,
                        }
                    });
                    let place = place.or(stored).unwrap_or(low).max(low);
                    lag.partitions.insert(partition as u32, (high - place).max(0) as u64);
                }
                Ok::<_, rdkafka::error::KafkaError>(lag)
            });
            asked
                .await
                .map_err(|error| failed("asking how far behind", error.to_string()))?
                .map_err(|error| failed("asking how far behind", error.to_string()))
        })
    }

    fn close(&mut self, by: Instant) -> BoxFuture<'_, Result<(), SettleError>> {
        Box::pin(async move {
            let (answer, closed) = oneshot::channel();
            if self.asks.send(Ask::Close(answer)).is_err() {
                return Ok(());
            }
            self.shared.bell.ring();
            match tokio::time::timeout_at(by, closed).await {
                Ok(answer) => answer.map_err(gone)?,
                Err(_) => Err(SettleError("the group was not left in time".to_owned())),
            }
        })
    }
}

impl Drop for KafkaSource {
    /// Settlers may outlive it, so the thread is told.
    fn drop(&mut self) {
        let (answer, _) = oneshot::channel();
        self.asks.send(Ask::Close(answer)).ok();
        self.shared.bell.ring();
    }
}

/// Marks offsets done; the polling thread commits.
pub struct KafkaSettler {
    shared: Arc<Shared>,
    asks: std_mpsc::Sender<Ask>,
    has_group: bool,
    awaited: bool,
}

impl Settler for KafkaSettler {
    fn settle<'a>(&'a self, token: &'a SettleToken, how: Settle) -> BoxFuture<'a, Result<(), SettleError>> {
        match how {
            Settle::Working => return std::future::ready(Ok(())).boxed(),
            Settle::Retry(_) => {
                let text = "Kafka does not deliver one message again: wait in the lane, or use a retry topic";
                return std::future::ready(Err(SettleError(text.to_owned()))).boxed();
            }
            Settle::Done | Settle::Dead(_) => {}
        }
        let moved = {
            let mut progress = self.shared.progress();
            let partition = token.partition as i32;
            // A partition that was lost and came back hands its messages out again.
            let is_ours = progress.since.get(&partition) == Some(&token.generation);
            is_ours && progress.windows.get_mut(&partition).is_some_and(|window| window.done(token.number as i64))
        };
        if moved && self.awaited && self.has_group { self.commit() } else { std::future::ready(Ok(())).boxed() }
    }

    fn commit(&self) -> BoxFuture<'_, Result<(), SettleError>> {
        Box::pin(async move {
            let (answer, committed) = oneshot::channel();
            self.asks.send(Ask::Commit(answer)).map_err(|_| SettleError("the source is closed".to_owned()))?;
            self.shared.bell.ring();
            committed.await.map_err(gone)?
        })
    }
}

/// The partitions of a topic; an error when the cluster does not know it.
pub fn partitions(config: &KafkaConfig, topic: &str) -> Result<Vec<i32>, SubscribeError> {
    let consumer: BaseConsumer = config.client(&BTreeMap::new()).create().map_err(|error| config::refused(&error))?;
    let metadata = consumer.fetch_metadata(Some(topic), Duration::from_millis(ASK_MS)).map_err(|error| {
        SubscribeError::Unreachable { trying: format!("asking about {topic}"), detail: error.to_string() }
    })?;
    let found = metadata.topics().iter().find(|each| each.name() == topic);
    let ids: Vec<i32> = found.into_iter().flat_map(MetadataTopic::partitions).map(MetadataPartition::id).collect();
    if ids.is_empty() { Err(SubscribeError::NoSource(topic.to_owned())) } else { Ok(ids) }
}

fn begin(config: &KafkaConfig, spec: &SubscribeSpec, partitions: &[i32]) -> Result<Begin, SubscribeError> {
    Ok(match &spec.from {
        StartFrom::Stored => Begin::Stored,
        StartFrom::Earliest => Begin::At(Offset::Beginning),
        StartFrom::Latest => Begin::At(Offset::End),
        StartFrom::Offsets(all) => Begin::Offsets(all.clone()),
        StartFrom::Seq(_) => {
            return Err(SubscribeError::Settings(
                "a sequence is JetStream's; Kafka has offsets by partition".to_owned(),
            ));
        }
        StartFrom::Time(time) => {
            let consumer: BaseConsumer =
                config.client(&BTreeMap::new()).create().map_err(|error| config::refused(&error))?;
            let failed = |error: rdkafka::error::KafkaError| SubscribeError::Unreachable {
                trying: format!("looking up {time:?} in {}", spec.topic),
                detail: error.to_string(),
            };
            let mut asked = TopicPartitionList::new();
            for partition in partitions {
                asked
                    .add_partition_offset(&spec.topic, *partition, Offset::Offset(time.micros() / 1000))
                    .map_err(failed)?;
            }
            let within = Duration::from_millis(ASK_MS);
            let found = consumer.offsets_for_times(asked, within).map_err(failed)?;
            let mut offsets = BTreeMap::new();
            for each in found.elements() {
                let offset = match each.offset() {
                    Offset::Offset(offset) => offset,
                    // Nothing so late yet: behind what is there now.
                    _ => consumer.fetch_watermarks(&spec.topic, each.partition(), within).map_err(failed)?.1,
                };
                offsets.insert(each.partition(), offset);
            }
            Begin::Offsets(offsets)
        }
    })
}
